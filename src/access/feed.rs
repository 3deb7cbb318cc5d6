//! How far a door's feed of access events is known to be complete.

use serde::{Deserialize, Serialize};

use crate::units::{DoorId, Instant, Interval};

/// What is known of a feed now.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct FeedStatus {
    /// The door it serves.
    pub door: DoorId,
    /// Everything that occurred before this moment is known.
    pub complete_to: Instant,
    /// Times that are known to be missing: contact was lost and the gap is not closed yet.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub gaps: Vec<Interval>,
}
