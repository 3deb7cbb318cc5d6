//! What a detector says of one picture: boxes and scores in *image* space.
//!
//! Rank 1, pure. The picture's pixels and the network that read them stay outside; what the
//! network's numbers mean ([`heads`]) and which boxes stay ([`suppress()`]) is said here.

mod bbox;
pub mod heads;
mod letterbox;
mod point;
mod suppress;

pub use bbox::{BoxInImage, Detection};
pub use letterbox::{Letterbox, Placement, SourceRect};
pub use point::PointInImage;
pub use suppress::{MAX_BOXES, suppress};
