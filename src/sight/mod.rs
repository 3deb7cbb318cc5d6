//! Whether a camera can be believed now.
//!
//! Rank: above `units`. Pure: the states and what they mean. Pixels are judged at the edge.

mod pace;

pub use pace::{HURRIED_MPS, Pace, Starvation};

use serde::{Deserialize, Serialize};

use crate::units::{CameraId, Doubt};

/// What a camera's picture is worth now.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SightState {
    /// It can be believed.
    Clear,
    /// There is no footage: before the first and after the last frame of a clip.
    NoFootage,
    /// Nothing arrives although it should.
    NoSignal,
    /// Frames come too slowly to catch everybody.
    Starved,
    /// The picture does not change although time does.
    Frozen,
    /// Too dark to see people.
    Dark,
    /// Too bright to see people.
    Bright,
    /// Something is in front of the lens.
    Covered,
    /// Out of focus.
    Blurred,
    /// The camera has been moved: the calibration no longer holds.
    Moved,
}

/// A camera's sight changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct SightChange {
    /// Which camera.
    pub camera: CameraId,
    /// What it is from now on.
    pub state: SightState,
}

impl SightState {
    /// The doubt that a time in this state casts on what happened in it; `None` while clear.
    pub const fn doubt(self) -> Option<Doubt> {
        match self {
            Self::Clear => None,
            Self::NoFootage => Some(Doubt::FootageEnded),
            Self::Starved => Some(Doubt::FramesStarved),
            Self::NoSignal
            | Self::Frozen
            | Self::Dark
            | Self::Bright
            | Self::Covered
            | Self::Blurred
            | Self::Moved => Some(Doubt::SightLost),
        }
    }
}
