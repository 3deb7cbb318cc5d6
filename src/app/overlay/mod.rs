//! The picture that proves it: the grid with its tiles in colour, footprints, tracks and the ledger.

mod canvas;
mod mood;
mod scene;

pub use canvas::{Canvas, Colour, TextSize};
pub use mood::Mood;
pub use scene::SceneOverlay;
