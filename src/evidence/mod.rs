//! What belongs to a verdict: the clip around it, key frames, and the trace.
//!
//! ```text
//!  camera thread ──push──▶ Ring ─────────footage──────────┐
//!                                                         ▼
//!  judge ──Cut──▶ bounded queue ──▶ keeper thread: blur, encode, hash ──▶ DIR/2026-11-22/ID/
//! ```
//!
//! Theory of operation: each camera has a [`Ring`] of what it sent lately, as it was encoded. The [`Keeper`] is
//! one thread of low priority. It takes [`Cut`]s, waits until their pictures have come, and writes
//! one folder for each: clips, key frames, the trace, and last `evidence.json`, the [`Manifest`],
//! with a hash of every file. A folder is written under another name and renamed when all of it is
//! on the disk, so that a folder with a manifest is whole, whatever happened ([`check`] says whether
//! it still is). What is outside the region to be kept is made coarse before it is encoded, unless
//! the cut says otherwise: clear pixels of it never reach the disk.
//!
//! It deliberately never makes anybody wait: a queue or a disk that is full costs evidence, is counted and
//! told ([`Status`]), and no verdict is later or other for it.

mod blur;
mod clip;
mod cut;
mod disk;
mod draft;
mod error;
mod keeper;
mod manifest;
mod mask;
mod ring;
mod status;
mod store;

#[cfg(test)]
mod tests;

pub use cut::{Cut, Region};
pub use error::{EvidenceError, Refused};
pub use keeper::{Keeper, KeeperSettings};
pub use manifest::{Checked, FileEntry, FileKind, MANIFEST, Manifest, check};
pub use ring::{Footage, Held, Part, Ring, RingLevel, RingLimits};
pub use status::Status;
pub use store::{HOLD, Listed, Quota, Store, find, hold, list, place_of};
