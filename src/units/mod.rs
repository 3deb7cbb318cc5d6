//! Units and identities that every other module speaks: times, ids, quantised numbers.
//!
//! Rank 0: no IO, no clock, nothing of the product's rules.

mod doubt;
mod ids;
mod time;

pub use doubt::{Doubt, add_doubt};
pub use ids::{CameraId, CrossingId, DoorId, PortalId, TrackId};
pub use time::{Instant, Interval, Span};

/// Rounds to a fixed number of decimals, so that a number means the same in memory and in a trace.
///
/// The engine's inputs are quantised once, where they enter; a trace then holds exactly what the
/// engine saw. `quantise(1.23456, 2) == 1.23`. NaN stays NaN: it is refused elsewhere, by name.
pub fn quantise(value: f64, decimals: u32) -> f64 {
    let scale = 10_f64.powi(decimals as i32);
    (value * scale).round() / scale
}
