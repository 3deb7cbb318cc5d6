//! Faithful local servers of access-control vendors, a camera, and a receiver of alerts, for tests and
//! for integrators.
//!
//! ```text
//!  script ──▶ stage (clock) ──▶ vendor ──▶ webhooks, streams ──▶ whoever integrates
//!                  ▲               ▲
//!   /_fake/advance ┘               └── requests over a real socket (plain or TLS)
//! ```
//!
//! Theory of operation: each speaks its vendor's whole protocol over a real socket (log-in, paging,
//! signatures, streams, rate limits, late and repeated delivery), driven by a [`Script`] of what
//! happens at the doors. They know nothing of `intake`: what the two agree on is the wire format
//! alone, so that an error in one is not repeated by the other.
//!
//! Time is the stage's own. On a running clock the script plays in real time, or faster; on a held
//! clock it moves only when told (`POST /_fake/advance?s=5`), and the answer comes when everything
//! that was due has been done, so that a test waits for no clock.
//!
//! What no public source says about a vendor is invented here, and marked so in the vendor's file.
//! Passwords and keys are play-things: no real secret belongs in a fake.

pub mod camera;
mod certificate;
mod genetec;
mod kisi;
mod openpath;
mod receiver;
mod script;
mod server;
mod stage;
mod webhook;
mod wire;

pub use certificate::Certificate;
pub use receiver::{Arrival, Receiver, ReceiverOptions, Response};
pub use script::{Act, Door, Happening, Kind, Script, Side, Step, User};
pub use server::{FakeError, Options, Pace, Running, VendorName, start};
