//! The engine as a whole: its state, and who takes over from it.

mod state;
mod succession;
mod world;
