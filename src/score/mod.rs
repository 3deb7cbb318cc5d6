//! How good it is: crossings and verdicts against truth, boxes of single pictures, and MOT metrics. Imports the core only.

pub mod boxes;
mod crossings;
mod interval;
pub mod mot;
mod pareto;
mod passages;

pub use crossings::{
    CrossingScore, Found, FoundMatch, MATCH_WINDOW_S, Missed, Truth, match_crossings,
};
pub use interval::{Between, poisson, sign_test, wilson};
pub use pareto::on_front;
pub use passages::{Change, Passage, Tally, Turn, changes, passages};
