//! Lens intrinsics and distortion (Brown-Conrady: k1, k2, k3, p1, p2, as OpenCV orders them).

use serde::{Deserialize, Serialize};

use crate::detection::PointInImage;

/// A pinhole with radial and tangential distortion. All lengths in px of the upright picture.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Lens {
    /// Focal length, px (square pixels).
    pub focal_px: f64,
    /// Principal point, px.
    pub centre: PointInImage,
    /// Radial k1, k2, k3.
    pub radial: [f64; 3],
    /// Tangential p1, p2.
    pub tangential: [f64; 2],
}

impl Lens {
    /// Where the point would be with no distortion, px (fixed-point iteration, bounded).
    pub fn undistorted(&self, _p: PointInImage) -> PointInImage {
        unimplemented!("floor helper")
    }

    /// Where the undistorted point appears in the picture, px.
    pub fn distorted(&self, _p: PointInImage) -> PointInImage {
        unimplemented!("floor helper")
    }
}
