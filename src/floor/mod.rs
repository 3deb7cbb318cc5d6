//! The floor plane: z = 0 in metres, right-handed, seen through a calibrated lens.
//!
//! Rank 1, pure. Spaces are in the names: a transform reads `floor_from_image`, a value
//! `point_in_floor`. Angles are radians.

mod body;
mod camera;
mod control;
mod footprint;
mod grid;
mod homography;
mod lens;
mod linear;
mod point;
mod portal;
mod pose;

pub use body::HeightPrior;
pub use camera::{CameraModel, CameraSpec, PERSON_HEIGHT_M, PERSON_HEIGHT_SD_M};
pub use control::ControlPoint;
pub use footprint::{Footprint, FootprintBasis, FootprintSettings, is_covered};
pub use grid::{Grid, GridSpec, TileIndex, TileRole};
pub use homography::Homography;
pub use lens::Lens;
pub use point::{Cov2, PointInFloor};
pub use portal::{Passage, Portal, PortalLine, PortalReading};
pub use pose::Pose;
