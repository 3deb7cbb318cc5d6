//! What the counter asks of a path before it believes a crossing.

use serde::{Deserialize, Serialize};

use crate::units::Span;

/// Counter settings; the hysteresis depth belongs to the portal.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct CounterSettings {
    /// How long a track must stay beyond the depth to have settled on a side. Long enough that
    /// one bad frame settles nothing, short enough that a runner's stride does. Whoever stands barely
    /// beyond the depth takes a second (`account`).
    pub settle_for: Span,
    /// How many standard deviations of its own position a track must be away from the line to
    /// settle: 1 leaves one chance in six to a single point, and several are needed.
    pub settle_sigmas: f64,
    /// Slack past either end of the portal's line within which a passage still counts, m. Half a
    /// person's width: shoulders fit between the posts, footprints need not.
    pub end_slack_m: f64,
    /// How near the line somebody must appear or vanish, walking, for the door to be the way they
    /// came or went, m: about one stride.
    pub threshold_m: f64,
    /// How long somebody must be out of sight to have vanished. Longer than an occlusion by
    /// somebody who walks past; shorter than the tracker's own patience.
    pub vanish_after: Span,
    /// How long after one track was last seen another may begin and still be the same person.
    pub stitch_within: Span,
    /// How far from where the first track was heading the other may begin, m.
    pub stitch_reach_m: f64,
    /// Nobody goes faster than this, m/s: a faster step is a mistaken identity. A fast run.
    pub max_speed_mps: f64,
}

impl Default for CounterSettings {
    fn default() -> Self {
        Self {
            settle_for: Span::from_ms(150),
            settle_sigmas: 1.0,
            end_slack_m: 0.3,
            threshold_m: 0.4,
            vanish_after: Span::from_ms(1_000),
            stitch_within: Span::from_ms(1_500),
            stitch_reach_m: 0.6,
            max_speed_mps: 5.0,
        }
    }
}
