//! How good it is: crossings and verdicts against truth, and MOT metrics. Imports the core only.

mod crossings;
pub mod mot;

pub use crossings::{
    CrossingScore, Found, FoundMatch, MATCH_WINDOW_S, Missed, Truth, match_crossings,
};
