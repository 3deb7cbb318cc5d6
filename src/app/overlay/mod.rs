//! The picture that proves it: the grid with its tiles in colour, footprints, tracks and the ledger.

mod calibration;
mod canvas;
mod health;
mod mood;
mod panel;
mod scene;
mod watch;

pub use calibration::{CalibrationEvidence, Mark, draw_calibration};
pub use canvas::{Canvas, Colour, TextSize};
pub use health::draw_health;
pub use mood::Mood;
pub use scene::SceneOverlay;
pub use watch::{FrameSink, OverlayWatcher};
