//! What the tracker assumes of people and detectors.

use serde::{Deserialize, Serialize};

use crate::units::Span;

/// Tracker settings. One set of defaults serves every clip; units are in the names.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct TrackerSettings {
    /// At or above this score a detection may start a track.
    pub strong_score: f64,
    /// Below this score a detection is ignored altogether. What lies between can only carry on a
    /// track: people half hidden score low, but so do coats and shadows.
    pub weak_score: f64,
    /// A track is confirmed once it has been seen over at least this long.
    pub confirm_after: Span,
    /// That holds for tracks whose mean score reaches this ...
    pub sure_score: f64,
    /// ... and one whose mean score is just `strong_score` must be seen over this long; in between
    /// it goes in proportion. People seen badly are seen long; the mistakes of a detector flicker.
    pub confirm_doubtful_after: Span,
    /// A tentative track without a strong sighting for this long was a mistake of the detector:
    /// two frames in a row may be missed at 10 frames a second.
    pub drop_tentative_after: Span,
    /// A confirmed track that is not seen for this long is lost.
    pub lost_after: Span,
    /// A lost track is ended when it has not been seen for this long. So is one that only weak
    /// sightings have carried on all that time.
    pub lose_after: Span,
    /// A track that has walked out of the picture is ended when not seen for this long.
    pub leave_after: Span,
    /// How much of its path a track keeps.
    pub path_memory: Span,
    /// How fast somebody may be when first seen (1 sigma), m/s: 1.4 m/s is an easy walk.
    pub speed_sd_m_s: f64,
    /// Power spectral density of people's acceleration, m^2/s^3: its root is the change of speed
    /// in one second (1 sigma).
    pub acceleration_m2_s3: f64,
    /// For how long the error of a footprint lasts, about half a step: frames closer together than
    /// this tell the same again, so that 30 frames a second teach no more than a few do.
    pub error_lasts: Span,
    /// Time constant with which somebody unseen is thought to come to rest.
    pub slow_down: Span,
    /// How far from where it is expected a footprint may lie, in standard deviations.
    pub gate_sd: f64,
    /// What the box says when it is decided who is who, 0 to 1; the rest is for the floor to say.
    pub box_share: f64,
    /// Where the footprints are this vague (1 sigma, m), half of what the floor had to say goes to
    /// the box: far away, everybody may stand anywhere. A wide step.
    pub vague_m: f64,
    /// Two tracks closer than this can have swapped their identities, m.
    pub crowded_within_m: f64,
    /// Two tracks closer than this may be one person seen twice, m: shoulders are 0.45 m wide.
    pub duplicate_within_m: f64,
    /// Two confirmed tracks that looked like one person for this long are one: the younger ends.
    pub merge_after: Span,
}

impl Default for TrackerSettings {
    fn default() -> Self {
        Self {
            strong_score: 0.5,
            weak_score: 0.1,
            confirm_after: Span::from_ms(200),
            sure_score: 0.8,
            confirm_doubtful_after: Span::from_ms(800),
            drop_tentative_after: Span::from_ms(350),
            lost_after: Span::from_ms(300),
            lose_after: Span::from_ms(2_000),
            leave_after: Span::from_ms(500),
            path_memory: Span::from_ms(10_000),
            speed_sd_m_s: 1.2,
            acceleration_m2_s3: 1.0,
            error_lasts: Span::from_ms(200),
            slow_down: Span::from_ms(1_000),
            gate_sd: 3.7,
            box_share: 0.3,
            vague_m: 0.6,
            crowded_within_m: 0.6,
            duplicate_within_m: 0.4,
            merge_after: Span::from_ms(1_000),
        }
    }
}
