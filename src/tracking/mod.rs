//! Identity over time, on the floor plane, in metres and seconds.
//!
//! Rank: above `floor`, below `crossing`. Pure. Lifetimes are durations, never frame counts.

mod assignment;
mod association;
mod body;
mod kalman;
mod lifecycle;
mod outline;
mod path;
mod settings;
mod sighting;
mod state;
mod track;
mod tracker;

pub use assignment::Assignment;
pub use settings::TrackerSettings;
pub use state::TrackerState;
pub use track::{PathPoint, Track, TrackState};
pub use tracker::{Observation, Tracker};

#[cfg(test)]
mod tests;
