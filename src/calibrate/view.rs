//! A camera over a floor as nine numbers, and the projection they make.
//!
//! Angles are radians. The optical axis points `yaw` anticlockwise from +x over the floor and `pitch`
//! below the horizon; a positive `roll` turns the camera clockwise as seen from behind it. The
//! principal point is the middle of the picture and pixels are square, as in any camera of the field;
//! lenses bend by two radial terms. Focal length and height enter as logarithms, so that an error is a
//! share.

use crate::detection::PointInImage;
use crate::floor::{
    CameraModel, CameraSpec, ControlPoint, Lens, PERSON_HEIGHT_M, PERSON_HEIGHT_SD_M, PointInFloor,
    Pose,
};

/// Nearer than this nothing is projected, m.
const NEAREST_M: f64 = 0.05;
/// Floor further away than this many camera heights is horizon.
const HORIZON_HEIGHTS: f64 = 200.0;
/// Control points laid over a calibration: this many a side at most.
const POINTS_A_SIDE: u32 = 5;

/// The numbers of a view, in the order of a parameter vector.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Param {
    /// Natural logarithm of the focal length in px.
    LnFocal,
    /// Angle below the horizon, rad.
    Pitch,
    /// Turn about the axis, rad.
    Roll,
    /// Natural logarithm of the height in m.
    LnHeight,
    /// First radial coefficient.
    K1,
    /// Second radial coefficient.
    K2,
    /// Direction over the floor, rad.
    Yaw,
    /// Camera's foot on the floor, m.
    X,
    /// Camera's foot on the floor, m.
    Y,
}

/// A camera over a floor.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct View {
    /// Width and height of the upright picture, px.
    pub size_px: (u32, u32),
    /// In the order of [`Param`].
    pub p: [f64; 9],
    /// The lens, if it was measured: then focal length and bend of `p` are not looked at.
    pub measured: Option<Lens>,
}

/// A view made ready to project many points.
#[derive(Debug, Clone, Copy)]
pub struct Eye {
    axes: [[f64; 3]; 3],
    centre: [f64; 3],
    lens: Lens,
    /// Squared distance from the axis, in focal lengths, beyond which the lens shows nothing.
    reach2: f64,
}

impl View {
    /// A view over the origin that looks along +y.
    pub fn new(
        size_px: (u32, u32),
        focal_px: f64,
        pitch_rad: f64,
        roll_rad: f64,
        height_m: f64,
    ) -> Self {
        let yaw = std::f64::consts::FRAC_PI_2;
        let (f, h) = (libm::log(focal_px), libm::log(height_m));
        Self {
            size_px,
            p: [f, pitch_rad, roll_rad, h, 0.0, 0.0, yaw, 0.0, 0.0],
            measured: None,
        }
    }

    /// The view of a solved calibration; `None` without a pose.
    pub fn of_pose(pose: &Pose, lens: Option<Lens>, size_px: (u32, u32)) -> Option<Self> {
        let m = &pose.image_from_world;
        let centre = lens.map_or_else(|| middle(size_px), |lens| lens.centre);
        let forward = unit([m[2][0], m[2][1], m[2][2]]);
        let right = unit([0, 1, 2].map(|i| (m[0][i] - centre.x * m[2][i]) / pose.focal_px));
        let (yaw, pitch) = (
            libm::atan2(forward[1], forward[0]),
            libm::asin((-forward[2]).clamp(-1.0, 1.0)),
        );
        let level = level_axes(yaw, pitch);
        let roll = libm::atan2(dot(right, level[1]), dot(right, level[0]));
        let mut view = Self::new(size_px, pose.focal_px, pitch, roll, pose.height_m);
        let [k1, k2, _] = lens.map_or([0.0; 3], |lens| lens.radial);
        view.p[4..].copy_from_slice(&[k1, k2, yaw, pose.foot.x, pose.foot.y]);
        view.p.iter().all(|v| v.is_finite()).then_some(view)
    }

    /// One of its numbers.
    pub fn get(&self, param: Param) -> f64 {
        self.p[param as usize]
    }

    /// The same with one number replaced.
    pub fn with(mut self, param: Param, value: f64) -> Self {
        self.p[param as usize] = value;
        self
    }

    /// Focal length, px.
    pub fn focal_px(&self) -> f64 {
        let own = || libm::exp(self.get(Param::LnFocal));
        self.measured.map_or_else(own, |lens| lens.focal_px)
    }

    /// Height of the camera over the floor, m.
    pub fn height_m(&self) -> f64 {
        libm::exp(self.get(Param::LnHeight))
    }

    /// Its lens.
    pub fn lens(&self) -> Lens {
        self.measured.unwrap_or_else(|| Lens {
            radial: [self.get(Param::K1), self.get(Param::K2), 0.0],
            ..Lens::pinhole(self.focal_px(), middle(self.size_px))
        })
    }

    /// Ready to project.
    pub fn eye(&self) -> Eye {
        let (roll, yaw, pitch) = (
            self.get(Param::Roll),
            self.get(Param::Yaw),
            self.get(Param::Pitch),
        );
        let (sin, cos) = (libm::sin(roll), libm::cos(roll));
        let [right, down, forward] = level_axes(yaw, pitch);
        let mix =
            |a: [f64; 3], ka: f64, b: [f64; 3], kb: f64| [0, 1, 2].map(|i| ka * a[i] + kb * b[i]);
        let lens = self.lens();
        let reach = if lens.is_distorting() {
            lens.valid_radius()
        } else {
            f64::INFINITY
        };
        Eye {
            axes: [
                mix(right, cos, down, sin),
                mix(down, cos, right, -sin),
                forward,
            ],
            centre: [self.get(Param::X), self.get(Param::Y), self.height_m()],
            lens,
            reach2: reach * reach,
        }
    }

    /// The calibration of this view, with control points laid over the part of the picture within
    /// `bounds` (left, top, right, bottom, px) that shows floor at most `reach_m` from the camera's
    /// foot: files lay their grid around them. `Err` says why there is no such floor.
    pub fn spec(&self, bounds: [f64; 4], reach_m: f64) -> Result<CameraSpec, String> {
        let eye = self.eye();
        let [left, top, right, bottom] = bounds;
        let last = f64::from(POINTS_A_SIDE - 1);
        let pixel = |i: u32| PointInImage {
            x: left + (right - left) * f64::from(i % POINTS_A_SIDE) / last,
            y: top + (bottom - top) * f64::from(i / POINTS_A_SIDE) / last,
        };
        let point = |image: PointInImage| {
            let floor = eye.floor_from_image(image, 0.0)?;
            let (dx, dy) = (floor.x - eye.centre[0], floor.y - eye.centre[1]);
            (dx * dx + dy * dy < reach_m * reach_m).then_some(ControlPoint { image, floor })
        };
        let all = (0..POINTS_A_SIDE * POINTS_A_SIDE).map(pixel);
        let spec = CameraSpec {
            image_width_px: self.size_px.0,
            image_height_px: self.size_px.1,
            lens: Some(eye.lens),
            control_points: all.filter_map(point).collect(),
            scale_uncertainty: 0.0,
            person_height_m: PERSON_HEIGHT_M,
            person_height_sd_m: PERSON_HEIGHT_SD_M,
        };
        CameraModel::new(spec.clone())
            .map_err(|problem| format!("the camera sees too little floor like this ({problem})"))?;
        Ok(spec)
    }

    /// The whole picture, for [`Self::spec`].
    pub fn whole(&self) -> [f64; 4] {
        [
            0.0,
            0.0,
            f64::from(self.size_px.0),
            f64::from(self.size_px.1),
        ]
    }
}

impl Eye {
    /// Where a point of the world appears; `None` behind the camera or outside of the lens.
    pub fn project(&self, p: [f64; 3]) -> Option<PointInImage> {
        let v = [0, 1, 2].map(|i| p[i] - self.centre[i]);
        let depth = dot(self.axes[2], v);
        if depth.is_nan() || depth < NEAREST_M {
            return None;
        }
        let (x, y) = (dot(self.axes[0], v) / depth, dot(self.axes[1], v) / depth);
        let r2 = x * x + y * y;
        if r2 > self.reach2 {
            return None;
        }
        let lens = &self.lens;
        let straight = PointInImage {
            x: lens.centre.x + lens.focal_px * x,
            y: lens.centre.y + lens.focal_px * y,
        };
        Some(lens.distorted(straight))
    }

    /// Where a floor point appears.
    pub fn image_from_floor(&self, at: PointInFloor) -> Option<PointInImage> {
        self.project([at.x, at.y, 0.0])
    }

    /// The point `height_m` above the floor that a pixel looks at; `None` above the horizon of that
    /// height.
    pub fn floor_from_image(&self, at: PointInImage, height_m: f64) -> Option<PointInFloor> {
        let straight = self.lens.try_undistorted(at)?;
        let x = (straight.x - self.lens.centre.x) / self.lens.focal_px;
        let y = (straight.y - self.lens.centre.y) / self.lens.focal_px;
        let ray = [0, 1, 2].map(|i| self.axes[0][i] * x + self.axes[1][i] * y + self.axes[2][i]);
        let rise = self.centre[2] - height_m;
        let along = -rise / ray[2];
        let is_seen = along > 0.0 && along < HORIZON_HEIGHTS * self.centre[2];
        is_seen.then(|| PointInFloor {
            x: self.centre[0] + along * ray[0],
            y: self.centre[1] + along * ray[1],
        })
    }

    /// How many pixels a metre across the line of sight takes at a point of the world.
    pub fn px_per_m(&self, p: [f64; 3]) -> f64 {
        let v = [0, 1, 2].map(|i| p[i] - self.centre[i]);
        self.lens.focal_px / dot(self.axes[2], v).max(NEAREST_M)
    }

    /// Rows: right, down, forward, in floor axes.
    pub fn axes(&self) -> [[f64; 3]; 3] {
        self.axes
    }

    /// Where the camera is, m.
    pub fn centre(&self) -> [f64; 3] {
        self.centre
    }
}

/// Middle of a picture.
pub(super) fn middle(size_px: (u32, u32)) -> PointInImage {
    PointInImage {
        x: 0.5 * f64::from(size_px.0),
        y: 0.5 * f64::from(size_px.1),
    }
}

/// Right, down and forward of a camera without roll.
fn level_axes(yaw: f64, pitch: f64) -> [[f64; 3]; 3] {
    let (sy, cy) = (libm::sin(yaw), libm::cos(yaw));
    let (sp, cp) = (libm::sin(pitch), libm::cos(pitch));
    [
        [sy, -cy, 0.0],
        [-sp * cy, -sp * sy, -cp],
        [cp * cy, cp * sy, -sp],
    ]
}

fn dot(a: [f64; 3], b: [f64; 3]) -> f64 {
    a[0] * b[0] + a[1] * b[1] + a[2] * b[2]
}

fn unit(a: [f64; 3]) -> [f64; 3] {
    let n = dot(a, a).sqrt();
    a.map(|v| v / n)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_view_is_the_camera_of_its_calibration() {
        let mut view = View::new((1280, 720), 700.0, 0.6, 0.05, 3.1);
        view.p[4..].copy_from_slice(&[-0.12, 0.01, 1.1, 0.7, -2.0]);
        let model = CameraModel::new(view.spec(view.whole(), 30.0).unwrap()).unwrap();
        let eye = view.eye();
        for (x, y) in [(1.0, 1.0), (3.0, 2.5), (2.0, 0.0)] {
            let at = PointInFloor { x, y };
            for height_m in [0.0, 1.7] {
                let ours = eye.project([x, y, height_m]).unwrap();
                let theirs = model.image_from_floor(at, height_m).unwrap();
                assert!(ours.distance(theirs) < 1e-6, "{ours:?} {theirs:?}");
                let back = eye.floor_from_image(ours, height_m).unwrap();
                assert!(back.distance(at) < 1e-6, "{back:?} is not {at:?}");
            }
        }
        let again = View::of_pose(model.pose().unwrap(), model.spec().lens, view.size_px).unwrap();
        for (a, b) in view.p.iter().zip(again.p) {
            assert!((a - b).abs() < 1e-6, "{:?} became {:?}", view.p, again.p);
        }
    }
}
