//! A point in a picture.

use serde::{Deserialize, Serialize};

/// A point in a picture, px: x to the right, y down, origin at the outer corner of the top left pixel.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
pub struct PointInImage {
    /// To the right, px.
    pub x: f64,
    /// Down, px.
    pub y: f64,
}

impl PointInImage {
    /// Distance to `other`, px.
    pub fn distance(self, other: Self) -> f64 {
        let (dx, dy) = (self.x - other.x, self.y - other.y);
        (dx * dx + dy * dy).sqrt()
    }
}
