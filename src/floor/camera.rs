//! A calibrated camera: picture to floor and back, and where a standing person appears.

use serde::{Deserialize, Serialize};

use super::{Homography, Lens, PointInFloor};
use crate::detection::PointInImage;

/// One point known in the picture and on the floor.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct ControlPoint {
    /// In the picture, px.
    pub image: PointInImage,
    /// On the floor, m.
    pub floor: PointInFloor,
}

/// What a calibration file says, validated: the whole input of [`CameraModel::new`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct CameraSpec {
    /// Width of the upright picture that the calibration was made on, px.
    pub image_width_px: u32,
    /// Its height, px.
    pub image_height_px: u32,
    /// Lens, if known; without it the focal length is recovered from the homography where it can be.
    pub lens: Option<Lens>,
    /// Four or more.
    pub control_points: Vec<ControlPoint>,
    /// Relative 1-sigma-ish uncertainty of lengths on the floor, for example 0.12.
    pub scale_uncertainty: f64,
    /// Mean height of a person here, m.
    pub person_height_m: f64,
    /// Standard deviation of it, m.
    pub person_height_sd_m: f64,
}

/// Where the camera stands over the floor.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Pose {
    /// Projection of `(x, y, z, 1)` in floor metres to homogeneous undistorted pixels, row-major 3x4.
    pub image_from_world: [[f64; 4]; 3],
    /// Camera centre above the floor, m.
    pub height_m: f64,
    /// Angle of the optical axis below the horizon, radians.
    pub pitch_rad: f64,
    /// Focal length, px.
    pub focal_px: f64,
    /// The camera's foot on the floor.
    pub foot: PointInFloor,
}

/// A calibrated camera.
#[derive(Debug, Clone, PartialEq)]
pub struct CameraModel {
    spec: CameraSpec,
    floor_from_image: Homography,
    image_from_floor: Homography,
    pose: Option<Pose>,
}

impl CameraModel {
    /// Solves the homography and, where it can be recovered, the pose.
    /// `Err` says in one sentence what is wrong with the control points and what to do.
    pub fn new(_spec: CameraSpec) -> Result<Self, String> {
        unimplemented!("floor helper")
    }

    /// What it was made from.
    pub fn spec(&self) -> &CameraSpec {
        &self.spec
    }

    /// Where the camera stands; `None` if the control points do not tell (then no heights either).
    pub fn pose(&self) -> Option<&Pose> {
        self.pose.as_ref()
    }

    /// The floor point seen at a (distorted) picture point; `None` at or above the horizon.
    pub fn floor_from_image(&self, _p: PointInImage) -> Option<PointInFloor> {
        unimplemented!("floor helper")
    }

    /// d(floor m)/d(image px) at a picture point.
    pub fn floor_from_image_jacobian(&self, _p: PointInImage) -> Option<[[f64; 2]; 2]> {
        unimplemented!("floor helper")
    }

    /// Where a point `height_m` above the floor point appears (distorted px); a height other than 0
    /// needs the pose. `None` behind the camera.
    pub fn image_from_floor(&self, _p: PointInFloor, _height_m: f64) -> Option<PointInImage> {
        unimplemented!("floor helper")
    }

    /// The floor point of an upright person whose top of head is seen at `head`, if `height_m` tall.
    pub fn floor_from_head(&self, _head: PointInImage, _height_m: f64) -> Option<PointInFloor> {
        unimplemented!("floor helper")
    }

    /// The height a person standing at `foot` must have for the top of the head to be seen at `head`.
    pub fn height_from_head(&self, _foot: PointInFloor, _head: PointInImage) -> Option<f64> {
        unimplemented!("floor helper")
    }

    /// Largest of the control points' residuals, px: how well the calibration agrees with itself.
    pub fn residual_px(&self) -> f64 {
        unimplemented!("floor helper")
    }
}
