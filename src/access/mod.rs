//! What the access-control system says: events of a door, in the engine's words. No vendor here.
//!
//! Rank: above `crossing` (it shares `Direction`), below `verdict`. Pure.

mod event;
mod feed;

pub use event::{AccessEvent, AccessKind};
pub use feed::FeedStatus;
