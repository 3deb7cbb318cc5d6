//! What a picture is worth, and whether anything moves in it: planes of bytes as numbers.
//!
//! An edge: it sees brightness and nothing else, keeps what it needs of earlier pictures, and knows no
//! clock, file, codec or network.

mod attention;
mod cause;
mod cells;
mod frozen;
mod gate;
mod known;
mod landmark;
mod luma;
mod packed;
mod plate;
mod watch;

pub use attention::Attention;
pub use cause::{Cause, Numbers};
pub use cells::Cells;
pub use gate::{Motion, MotionGate};
pub use luma::Luma;
pub use watch::{Reference, SightFinding, SightWatch};

#[cfg(test)]
mod tests;
