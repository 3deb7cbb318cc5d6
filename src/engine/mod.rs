//! The pure centre: inputs in, outputs out. No clock, disk, network, thread, randomness or pixels.
//!
//! Rank 2. Live, replay and simulation are three feeders of [`Engine::step`].

mod config;
mod input;
mod output;
mod state;
mod step;
mod succession;
#[cfg(test)]
mod tests;
mod view;

pub use config::{CameraConfig, DoorConfig, EngineConfig, PortalConfig};
pub use input::{FrameInput, Input, Seen};
pub use output::{Alarm, Output};
pub use state::EngineState;
pub use step::{Engine, MAX_FRAME_GAP};
pub use succession::Succession;
pub use view::CameraView;
