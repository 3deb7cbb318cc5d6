//! A calibrated camera: picture to floor and back, and where a standing person appears.
//!
//! Control points are freed of the lens's distortion, a homography is solved through them, and from
//! it the pose where the view tells it. A point at height `h` above the floor is seen along the ray
//! from the camera centre, so its place follows from the floor point that the same ray would reach:
//! it lies the share `1 - h / height` of the way from the camera's foot to there.
//!
//! It does not estimate a lens or find control points, and knows nothing of boxes: see `footprint`.

use serde::{Deserialize, Serialize};

use super::control::{self, ControlPoint};
use super::pose::{self, Pose};
use super::{Homography, Lens, PointInFloor};
use crate::detection::PointInImage;

/// Breadth of the shoulders, m, and how high they are as a share of the height (anthropometric tables).
const SHOULDERS_M: f64 = 0.45;
const SHOULDERS_SHARE: f64 = 0.82;
/// Mean height of an adult in shoes, m: men about 1.75 and women about 1.62 in Europe and America,
/// plus 2 cm of shoe.
pub const PERSON_HEIGHT_M: f64 = 1.70;
/// Standard deviation of it over both sexes and with posture, m.
pub const PERSON_HEIGHT_SD_M: f64 = 0.10;

/// The focal length is believed if errors of a pixel in the control points (or of their residual,
/// if that is larger) move it by less than this share (1 sigma).
const FOCAL_SHARE_SD: f64 = 0.3;
/// Size of a click's error, px.
const CLICK_SD_PX: f64 = 1.0;

/// Control points laid over the picture when a camera is given by its pose: this many a side.
const POSE_POINTS_A_SIDE: u32 = 5;
/// They reach no further than this many camera heights: beyond, a pixel is metres.
const POSE_POINTS_REACH: f64 = 15.0;

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

/// A calibrated camera.
#[derive(Debug, Clone, PartialEq)]
pub struct CameraModel {
    spec: CameraSpec,
    floor_from_image: Homography,
    image_from_floor: Homography,
    pose: Option<Pose>,
    /// The lens, if it bends lines, and the radius up to which it can be believed.
    bend: Option<(Lens, f64)>,
    residual_px: f64,
}

impl CameraSpec {
    /// A camera known by its pose rather than by clicked points: `x_camera = R x_floor + t` with the
    /// camera's axes to the right, down and forward, `t` in metres, the floor at z = 0, z up.
    /// Control points are laid over the part of the floor that the picture shows.
    /// `Err` says why no floor can be seen from there.
    pub fn from_pose(
        image_width_px: u32,
        image_height_px: u32,
        lens: Lens,
        rotation: [[f64; 3]; 3],
        translation_m: [f64; 3],
    ) -> Result<Self, String> {
        let (r, t) = (rotation, translation_m);
        let camera = [0, 1, 2].map(|c| -(r[0][c] * t[0] + r[1][c] * t[1] + r[2][c] * t[2]));
        if !lens.is_sound() || camera.iter().any(|v| !v.is_finite()) || camera[2] <= 0.0 {
            return Err(
                "the camera pose puts the camera at or under the floor, or is not finite: give R and \
                 t that map floor metres (z up) to camera axes (right, down, forward)"
                    .to_owned(),
            );
        }
        let last = f64::from(POSE_POINTS_A_SIDE - 1);
        let mut control_points = Vec::new();
        for i in 0..POSE_POINTS_A_SIDE * POSE_POINTS_A_SIDE {
            let (column, row) = (i % POSE_POINTS_A_SIDE, i / POSE_POINTS_A_SIDE);
            let image = PointInImage {
                x: f64::from(image_width_px) * f64::from(column) / last,
                y: f64::from(image_height_px) * f64::from(row) / last,
            };
            let Some(straight) = lens.try_undistorted(image) else {
                continue;
            };
            let ray = [
                (straight.x - lens.centre.x) / lens.focal_px,
                (straight.y - lens.centre.y) / lens.focal_px,
                1.0,
            ];
            let down = [0, 1, 2].map(|c| r[0][c] * ray[0] + r[1][c] * ray[1] + r[2][c] * ray[2]);
            let along = -camera[2] / down[2];
            let (dx, dy) = (along * down[0], along * down[1]);
            let is_near = (dx * dx + dy * dy).sqrt() < POSE_POINTS_REACH * camera[2];
            if along > 0.0 && is_near {
                let floor = PointInFloor {
                    x: camera[0] + dx,
                    y: camera[1] + dy,
                };
                control_points.push(ControlPoint { image, floor });
            }
        }
        if let Some(problem) = control::problem(&control_points) {
            return Err(format!(
                "the camera sees too little of the floor from this pose ({problem})"
            ));
        }
        Ok(Self {
            image_width_px,
            image_height_px,
            lens: Some(lens),
            control_points,
            scale_uncertainty: 0.0,
            person_height_m: PERSON_HEIGHT_M,
            person_height_sd_m: PERSON_HEIGHT_SD_M,
        })
    }
}

impl CameraModel {
    /// Solves the homography and, where it can be recovered, the pose.
    /// `Err` says in one sentence what is wrong with the control points and what to do.
    pub fn new(spec: CameraSpec) -> Result<Self, String> {
        if let Some(problem) = spec_problem(&spec) {
            return Err(problem);
        }
        let bend = spec
            .lens
            .filter(Lens::is_distorting)
            .map(|lens| (lens, lens.valid_radius()));
        let floor: Vec<[f64; 2]> = spec
            .control_points
            .iter()
            .map(|p| [p.floor.x, p.floor.y])
            .collect();
        let mut image: Vec<[f64; 2]> = Vec::new();
        for (i, p) in spec.control_points.iter().enumerate() {
            let Some(straight) = spec
                .lens
                .map_or(Some(p.image), |l| l.try_undistorted(p.image))
            else {
                return Err(format!(
                    "control point {} lies where the lens cannot show anything: check the \
                     distortion's k1, k2, k3",
                    i + 1
                ));
            };
            image.push([straight.x, straight.y]);
        }
        let maps = Homography::from_pairs(&floor, &image).and_then(|h| Some((h, h.inverse()?)));
        let Some((image_from_floor, floor_from_image)) = maps else {
            return Err(control::ORDER_PROBLEM.to_owned());
        };
        // The picture's y points down, so a floor seen from above is turned over once.
        if image_from_floor.det() > 0.0 {
            return Err(control::MIRROR_PROBLEM.to_owned());
        }
        let mut model = Self {
            spec,
            floor_from_image,
            image_from_floor,
            pose: None,
            bend,
            residual_px: 0.0,
        };
        model.residual_px = model.largest_residual_px();
        model.pose = model.recovered_pose(&floor, &image);
        Ok(model)
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
    pub fn floor_from_image(&self, p: PointInImage) -> Option<PointInFloor> {
        let p = self.straight(p)?;
        let [x, y] = self.floor_from_image.apply(p.x, p.y)?;
        Some(PointInFloor { x, y })
    }

    /// d(floor m)/d(image px) at a picture point.
    pub fn floor_from_image_jacobian(&self, p: PointInImage) -> Option<[[f64; 2]; 2]> {
        let straight = self.straight(p)?;
        let outer = self.floor_from_image.jacobian(straight.x, straight.y)?;
        match self.bend {
            Some((lens, _)) => Some(chained(outer, lens.undistortion_jacobian(straight)?)),
            None => Some(outer),
        }
    }

    /// Where a point `height_m` above the floor point appears (distorted px); a height other than 0
    /// needs the pose. `None` behind the camera or outside what the lens can show.
    pub fn image_from_floor(&self, p: PointInFloor, height_m: f64) -> Option<PointInImage> {
        let [u, v, w] = if height_m.abs() > 0.0 {
            let pose = self.pose.as_ref()?;
            pose.image_from_world
                .map(|row| row[0] * p.x + row[1] * p.y + row[2] * height_m + row[3])
        } else {
            self.image_from_floor.homogeneous(p.x, p.y)
        };
        let straight = PointInImage { x: u / w, y: v / w };
        if !(w > 0.0 && straight.x.is_finite() && straight.y.is_finite()) {
            return None;
        }
        match self.bend {
            Some((lens, reach)) if lens.radius_of(straight) > reach => None,
            Some((lens, _)) => Some(lens.distorted(straight)),
            None => Some(straight),
        }
    }

    /// How large somebody upright at `p` appears, px: from feet to head, or across the shoulders where
    /// that is more, as it is from straight above. `None` without a pose, or out of view.
    pub fn person_px(&self, p: PointInFloor) -> Option<f64> {
        let height_m = self.spec.person_height_m;
        let (feet, head) = (
            self.image_from_floor(p, 0.0)?,
            self.image_from_floor(p, height_m)?,
        );
        let across = |(dx, dy): (f64, f64)| {
            let side = |sign: f64| {
                let at = PointInFloor {
                    x: p.x + 0.5 * sign * dx,
                    y: p.y + 0.5 * sign * dy,
                };
                self.image_from_floor(at, SHOULDERS_SHARE * height_m)
            };
            Some(side(1.0)?.distance(side(-1.0)?))
        };
        let breadths = [(SHOULDERS_M, 0.0), (0.0, SHOULDERS_M)];
        let broadest = breadths.into_iter().filter_map(across);
        Some(broadest.fold(feet.distance(head), f64::max))
    }

    /// The floor point of an upright person whose top of head is seen at `head`, if `height_m` tall.
    /// `None` without a pose, or if no point at that height can be seen there.
    pub fn floor_from_head(&self, head: PointInImage, height_m: f64) -> Option<PointInFloor> {
        let pose = self.pose.as_ref()?;
        let head = self.straight(head)?;
        let [x, y, w] = self.floor_from_image.homogeneous(head.x, head.y);
        let share = 1.0 - height_m / pose.height_m;
        // Looking down at the head, the ray goes on to the floor; looking up, it came from there.
        if w * share <= 0.0 {
            return None;
        }
        let at = PointInFloor {
            x: pose.foot.x + (x / w - pose.foot.x) * share,
            y: pose.foot.y + (y / w - pose.foot.y) * share,
        };
        (at.x.is_finite() && at.y.is_finite()).then_some(at)
    }

    /// The height a person standing at `foot` must have for the top of the head to be seen at `head`
    /// (or beside it: the nearest point of the person's vertical is taken). `None` without a pose or
    /// where a vertical shows as a point.
    pub fn height_from_head(&self, foot: PointInFloor, head: PointInImage) -> Option<f64> {
        let pose = self.pose.as_ref()?;
        let head = self.straight(head)?;
        let p = &pose.image_from_world;
        let base = p.map(|row| row[0] * foot.x + row[1] * foot.y + row[3]);
        let rise = p.map(|row| row[2]);
        if base[2] <= 0.0 {
            return None;
        }
        // The vertical's direction in the picture, and along it one linear equation in the height.
        let (nx, ny) = (
            rise[0] - rise[2] * base[0] / base[2],
            rise[1] - rise[2] * base[1] / base[2],
        );
        let lack = nx * (base[2] * head.x - base[0]) + ny * (base[2] * head.y - base[1]);
        let gain = nx * (rise[0] - rise[2] * head.x) + ny * (rise[1] - rise[2] * head.y);
        let height_m = lack / gain;
        (height_m.is_finite() && base[2] + height_m * rise[2] > 0.0).then_some(height_m)
    }

    /// Largest of the control points' residuals, px: how well the calibration agrees with itself.
    pub fn residual_px(&self) -> f64 {
        self.residual_px
    }

    /// The point with the lens's distortion undone, px; `None` where the lens shows nothing.
    pub(super) fn straight(&self, p: PointInImage) -> Option<PointInImage> {
        match self.bend {
            Some((lens, _)) => lens.try_undistorted(p),
            None => Some(p),
        }
    }

    fn largest_residual_px(&self) -> f64 {
        let residual = |p: &ControlPoint| match self.image_from_floor(p.floor, 0.0) {
            Some(seen) => seen.distance(p.image),
            None => f64::INFINITY,
        };
        let points = self.spec.control_points.iter();
        points.map(residual).fold(0.0, f64::max)
    }

    /// The pose, with the lens's focal length if it is known, else with the one the floor tells.
    fn recovered_pose(&self, floor: &[[f64; 2]], image: &[[f64; 2]]) -> Option<Pose> {
        if let Some(lens) = self.spec.lens {
            return pose::pose_from(&self.image_from_floor, lens.focal_px, lens.centre);
        }
        let width = f64::from(self.spec.image_width_px);
        let centre = PointInImage {
            x: 0.5 * width,
            y: 0.5 * f64::from(self.spec.image_height_px),
        };
        let focal = pose::focal_from(&self.image_from_floor, centre, width)?;
        let click = self.residual_px.max(CLICK_SD_PX);
        let mut moved = image.to_vec();
        let mut variance = 0.0;
        for i in 0..2 * image.len() {
            moved[i / 2][i % 2] += click;
            let map = Homography::from_pairs(floor, &moved)?;
            let share = pose::focal_from(&map, centre, width)? / focal - 1.0;
            variance += share * share;
            moved[i / 2] = image[i / 2];
        }
        if variance.sqrt() > FOCAL_SHARE_SD {
            return None;
        }
        pose::pose_from(&self.image_from_floor, focal, centre)
    }
}

/// What is wrong with a spec before anything is solved.
fn spec_problem(spec: &CameraSpec) -> Option<String> {
    if spec.image_width_px == 0 || spec.image_height_px == 0 {
        return Some("the picture size is 0: give the width and height in px".to_owned());
    }
    if spec.lens.is_some_and(|lens| !lens.is_sound()) {
        return Some(
            "the lens is not sound: give finite numbers and a focal length above 0 px".to_owned(),
        );
    }
    let positive = |v: f64| v.is_finite() && v > 0.0;
    if !positive(spec.person_height_m) || !positive(spec.person_height_sd_m) {
        return Some(
            "the person's height and its standard deviation must be above 0 m, for example 1.70 \
             and 0.10"
                .to_owned(),
        );
    }
    if !(spec.scale_uncertainty.is_finite() && spec.scale_uncertainty >= 0.0) {
        return Some("the scale uncertainty must be a share of 0 or more".to_owned());
    }
    control::problem(&spec.control_points)
}

/// The product of two Jacobians.
fn chained(a: [[f64; 2]; 2], b: [[f64; 2]; 2]) -> [[f64; 2]; 2] {
    a.map(|row| [0, 1].map(|c| row[0] * b[0][c] + row[1] * b[1][c]))
}

#[cfg(test)]
pub(crate) mod tests;
