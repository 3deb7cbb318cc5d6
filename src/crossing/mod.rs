//! Crossings: a track was settled on one side of a portal and then on the other.
//!
//! Rank: above `tracking`. Pure.

mod account;
mod continuity;
mod counter;
mod excursion;
mod finding;
mod settings;
mod sighting;
mod state;
mod stitch;
mod swap;
mod threshold;

#[cfg(test)]
mod tests;

pub use counter::{Crossing, CrossingCounter, Direction};
pub use settings::CounterSettings;
pub use state::CounterState;
