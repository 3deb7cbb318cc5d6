//! What the tracker assumes of people and detectors.

use serde::{Deserialize, Serialize};

use crate::units::Span;

/// Tracker settings. One set of defaults serves every clip; units are in the names.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TrackerSettings {
    /// At or above this score a detection may start a track.
    pub strong_score: f64,
    /// Below this score a detection is ignored altogether.
    pub weak_score: f64,
    /// A track is confirmed once it has been seen over at least this long.
    pub confirm_after: Span,
    /// A lost track is ended when it has not been seen for this long.
    pub lose_after: Span,
}

impl Default for TrackerSettings {
    fn default() -> Self {
        Self {
            strong_score: 0.4,
            weak_score: 0.1,
            confirm_after: Span::from_ms(200),
            lose_after: Span::from_ms(2_000),
        }
    }
}
