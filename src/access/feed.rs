//! How far a door's feed of access events is known to be complete.

use serde::{Deserialize, Serialize};

use crate::units::{DoorId, Instant, Interval, Span};

/// What is known of a feed now.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct FeedStatus {
    /// The door it serves.
    pub door: DoorId,
    /// Everything that occurred before this moment is known.
    pub complete_to: Instant,
    /// How late its events come, as measured (p99 of received minus occurred), if it is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lateness: Option<Span>,
    /// Times that are known to be missing: contact was lost and the gap is not closed yet.
    /// Every status names all gaps that are open; one that is no longer named has been closed.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub gaps: Vec<Interval>,
}
