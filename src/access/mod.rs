//! What the access-control system says: events of a door, in the engine's words. No vendor here.
//!
//! Rank: above `crossing` (it shares `Direction`), below `verdict`. Pure.

mod clock;
mod dedup;
mod doors;
mod event;
mod feed;
mod lateness;

pub use clock::{
    ClockChange, ClockEvent, ClockOffset, ClockState, ClockStatus, Correction, DoorClock,
    DoorClockState, Drift, LearnClock, Spans,
};
pub use dedup::Deduplicator;
pub use doors::{DoorMap, ReaderPlace};
pub use event::{AccessEvent, AccessKind};
pub use feed::FeedStatus;
pub use lateness::Lateness;
