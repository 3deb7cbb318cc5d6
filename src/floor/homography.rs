//! A plane-to-plane projective map, solved from point pairs.

/// A 3x3 projective map, row-major, scaled so that the last element is 1 where it can be.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Homography {
    /// Rows.
    pub m: [[f64; 3]; 3],
}

impl Homography {
    /// The map that takes each `from[i]` to `to[i]` (4 or more pairs, least squares on normalised
    /// coordinates: Hartley and Zisserman, Multiple View Geometry, algorithm 4.2).
    /// `None` if the points are degenerate (three in a line of four, coincident, not finite).
    pub fn from_pairs(_from: &[[f64; 2]], _to: &[[f64; 2]]) -> Option<Self> {
        unimplemented!("floor helper")
    }

    /// Where `(x, y)` goes; `None` at or beyond the horizon (w <= 0 with the sign fixed at solving).
    pub fn apply(&self, _x: f64, _y: f64) -> Option<[f64; 2]> {
        unimplemented!("floor helper")
    }

    /// The Jacobian at `(x, y)`, rows d(out)/d(x, y).
    pub fn jacobian(&self, _x: f64, _y: f64) -> Option<[[f64; 2]; 2]> {
        unimplemented!("floor helper")
    }

    /// The inverse map.
    pub fn inverse(&self) -> Option<Self> {
        unimplemented!("floor helper")
    }
}
