//! Pictures from files and cameras, with true times; videos to files. An edge: imports `units`, no
//! other edge.
//!
//! Theory of operation: [`Clip::open`] finds out what a path is (a video file, a raw stream, a
//! folder of images) and [`Clip::next_frame`] hands out one upright 4:2:0 [`Frame`] after the other,
//! each with its presentation time. What is damaged is skipped, and [`Clip::losses`] says what was
//! lost; a clip that holds nothing readable is a [`CaptureError`]. [`VideoWriter`] is the way back.
//!
//! [`live`] does the same for cameras, whose times are laid on the box's steady clock.
//!
//! All calls into FFmpeg are in `av`; the rest is safe Rust. The same clip gives the same bytes and
//! times on every run, machine and number of threads.
//!
//! It deliberately knows nothing of cameras, doors or wall time beyond what the container says.

mod account;
mod av;
mod clip;
mod clock;
mod colour;
mod damage;
mod encoded;
mod error;
mod folder;
mod frame;
pub mod live;
mod loss;
mod parameters;
mod pool;
mod remux;
mod structure;
mod turn;
mod unit_decoder;
mod upright;
mod video;
mod writer;

#[cfg(test)]
mod tests;

pub use clip::{Clip, ClipInfo, ClipOptions, LogLevel};
pub use colour::{Colour, Matrix, Range};
pub use encoded::{AccessUnit, ClipPackets, Codec};
pub use error::CaptureError;
pub use frame::{Frame, Plane, Planes};
pub use loss::{Loss, LossReason};
pub use remux::{RemuxOptions, remux};
pub use turn::Rotation;
pub use unit_decoder::UnitDecoder;
pub use writer::{VideoCodec, VideoOptions, VideoWriter};
