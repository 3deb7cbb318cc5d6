//! What the counter asks of a path before it believes a crossing.

use serde::{Deserialize, Serialize};

use crate::units::Span;

/// Counter settings; the hysteresis depth belongs to the portal.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct CounterSettings {
    /// How long a track must stay beyond the depth to have settled on a side.
    pub settle_for: Span,
    /// Slack past either end of the portal's line within which a passage still counts, m.
    pub end_slack_m: f64,
}

impl Default for CounterSettings {
    fn default() -> Self {
        Self {
            settle_for: Span::from_ms(150),
            end_slack_m: 0.3,
        }
    }
}
