//! What may be looked at between steps: for overlays and live pages, never for judging.

use crate::floor::{CameraModel, Grid};
use crate::sight::SightState;
use crate::tracking::Track;

/// One camera's state after the last step.
#[derive(Debug, Clone, Copy)]
pub struct CameraView<'a> {
    /// Lens and floor, if calibrated.
    pub model: Option<&'a CameraModel>,
    /// Tiles.
    pub grid: &'a Grid,
    /// Tracks in order of id.
    pub tracks: &'a [Track],
    /// Whether it can be believed.
    pub sight: SightState,
}
