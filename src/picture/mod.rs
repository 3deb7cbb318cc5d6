//! What a picture is worth, and whether anything moves in it: planes of bytes as numbers.
//!
//! An edge: it sees brightness and nothing else, keeps what it needs of earlier pictures, and knows no
//! clock, file, codec or network.

mod cells;
mod gate;
mod luma;

pub use cells::Cells;
pub use gate::{Motion, MotionGate};
pub use luma::Luma;

#[cfg(test)]
mod tests;
