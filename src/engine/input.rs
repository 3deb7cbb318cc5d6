//! What the engine is told.

use serde::{Deserialize, Serialize};

use crate::access::{AccessEvent, FeedStatus};
use crate::detection::Detection;
use crate::sight::SightChange;
use crate::tracking::Observation;
use crate::units::{CameraId, Instant};

/// One input. A closed set: a new kind of input is a change of the engine.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Input {
    /// One frame of one camera, as boxes or as footprints.
    Frame(FrameInput),
    /// The access-control system reported something.
    Access(AccessEvent),
    /// What is known of a door's feed changed.
    Feed(FeedStatus),
    /// A camera's sight changed.
    Sight(SightChange),
    /// Time passed and nothing happened.
    Tick,
}

/// The people of one frame.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct FrameInput {
    /// Which camera.
    pub camera: CameraId,
    /// When the picture was taken, on the site's time line (`now` is when the engine gets it).
    pub taken: Instant,
    /// Who was seen.
    pub seen: Seen,
}

/// People as boxes in the picture, or as footprints on the floor.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Seen {
    /// From a detector.
    Boxes(Vec<Detection>),
    /// From camera metadata or a scene script.
    Footprints(Vec<Observation>),
}
