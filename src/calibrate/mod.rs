//! Floor calibration: from what can be seen to a camera over a floor in metres, and how sure of it.
//!
//! Every solver here takes evidence (points a person clicked, a rectangle, lines, people who walk by)
//! and gives back a [`View`] with the covariance of its parameters. All of them share one
//! parametrisation ([`view`]), one minimiser ([`fit`]) and one account of what the uncertainty means on
//! the floor ([`spread`]). Pure: no files, no pixels, no chance but a seeded sampler of its own.
//!
//! [`health`] says whether a door is set up right, [`propose`] where its portals may be.
//!
//! It does not find points or people in pictures, and writes no files: see `app` and `commands`.

mod fit;
pub mod health;
mod lines;
mod matrix;
pub mod people;
mod points;
pub mod propose;
mod sampler;
mod spread;
mod view;

pub use fit::{Fit, Prior};
pub use lines::{Line, LineEvidence, from_lines};
pub use points::{PointsFit, PointsOptions, Slip, from_points, rectangle_points};
pub use sampler::Sampler;
pub use spread::{FloorSpread, difference, similarity_scale};
pub use view::{Eye, Param, View};
