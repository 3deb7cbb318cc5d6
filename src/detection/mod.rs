//! What a detector says of one picture: boxes and scores in *image* space.
//!
//! Rank 1, pure. The picture's pixels and the network that read them stay outside.

mod bbox;
mod point;

pub use bbox::{BoxInImage, Detection};
pub use point::PointInImage;
