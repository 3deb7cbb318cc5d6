//! The tracker: predicts, associates, updates, on the floor.

use serde::{Deserialize, Serialize};

use super::{Track, TrackerSettings};
use crate::detection::BoxInImage;
use crate::floor::{CameraModel, Footprint, Grid};
use crate::units::Instant;

/// One person seen in one frame, already on the floor.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Observation {
    /// Where the person stands.
    pub footprint: Footprint,
    /// The box it came from, if it came from pixels.
    #[serde(default, rename = "box", skip_serializing_if = "Option::is_none")]
    pub bbox: Option<BoxInImage>,
    /// How sure the detector is, 0 to 1.
    pub score: f64,
}

/// The tracker of one camera.
#[derive(Debug, Clone)]
pub struct Tracker {
    settings: TrackerSettings,
    tracks: Vec<Track>,
}

impl Tracker {
    /// A tracker that has seen nobody.
    pub fn new(settings: TrackerSettings) -> Self {
        Self {
            settings,
            tracks: Vec::new(),
        }
    }

    /// Takes the observations of one frame. Frames must come in the order of time.
    pub fn step(
        &mut self,
        _at: Instant,
        _camera: Option<&CameraModel>,
        _grid: Option<&Grid>,
        _observations: &[Observation],
    ) {
        let _ = &self.settings;
        unimplemented!("tracking helper")
    }

    /// All tracks, in order of id; ended ones stay for exactly one step.
    pub fn tracks(&self) -> &[Track] {
        &self.tracks
    }
}
