//! An upright body in the picture, and the place on the floor that fits the edges of a box best.
//!
//! Theory: a person is three round things on one vertical: feet, shoulders, head. Where they stand
//! and how tall they are (x, y, height) says where the four edges of their box must be; the fit
//! turns this round. It minimises the squared distances between expected and measured edges, each
//! over its own spread, together with what is known of heights (Gauss-Newton on three unknowns;
//! the inverse of its normal matrix is the covariance). So a leaning axis off the picture's
//! middle, steep views, and any mixture of seen and unseen edges need no cases of their own:
//! - an edge that was seen is an equation;
//! - an edge that was cut (picture's border, desk, another person) is a bound: it counts only while
//!   the fitted body fails to reach it.
//!
//! It does not decide which edges were seen: that is `footprint`.

use super::pose::Pose;
use super::{Cov2, PointInFloor};
use crate::detection::PointInImage;

/// How far the feet reach to the sides of the person's middle, m: nothing but a shoe when they
/// stand, half a step of 0.7 m in mid-stride; this is about the mean.
const FEET_ASIDE_M: f64 = 0.15;
/// How much nearer to the camera than the person's middle the box ends, m. Toes or heels would be
/// 0.1 m, but footprints are by convention where the box ends, so only a part is granted.
const FEET_BEFORE_M: f64 = 0.05;
/// Half of the shoulders' breadth (0.45 m) and of the chest's depth (0.25 m), averaged.
const SHOULDERS_RADIUS_M: f64 = 0.20;
/// Shoulders' share of the height (anthropometric tables: 0.81 to 0.83).
const SHOULDERS_SHARE: f64 = 0.82;
/// A head is a ball of this radius, m, whose top is the person's height.
const HEAD_RADIUS_M: f64 = 0.11;
/// How far half the width of a person differs from person to person and stride to stride, m.
const HALF_WIDTH_SD_M: f64 = 0.06;
/// Who is cut by a side of the picture is mostly walking over it, with one leg and one arm behind:
/// the edge that is seen is further from their middle by about this much, m, give or take that.
const TRAILING_M: f64 = 0.10;
const TRAILING_SD_M: f64 = 0.10;
/// Where hidden feet are between the camera's foot (0) and what is seen at the cut (1): all floor
/// is as likely, and it widens with the distance (mean 2/3, sd 0.24); a little further and wider,
/// because detectors seldom find those who stand so near that little of them is seen.
const BETWEEN_MEAN: f64 = 0.7;
const BETWEEN_SD: f64 = 0.3;
/// The body must lie at least this far in front of the camera, m.
const NEAR_M: f64 = 0.1;
/// Most Gauss-Newton steps; most fits settle in two or three.
const FIT_STEPS: usize = 6;
/// A step on the floor shorter than this is the last, m.
const STEP_END_M: f64 = 2e-3;
/// One step goes at most this share of the way to the camera's foot, or this far, m.
const STEP_SHARE: f64 = 0.5;
const STEP_LEAST_M: f64 = 0.5;
/// Heights outside this range are nobody's, m.
const HEIGHT_RANGE_M: (f64, f64) = (0.4, 2.6);

/// What is known of a person's height beforehand.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct HeightPrior {
    /// Mean, m.
    pub mean_m: f64,
    /// Standard deviation, m.
    pub sd_m: f64,
}

/// One edge of a box, in the undistorted picture.
#[derive(Debug, Clone, Copy)]
pub(super) struct Edge {
    pub at_px: f64,
    pub sd_px: f64,
    /// The body goes on beyond it.
    pub is_cut: bool,
}

/// What one picture says of one body.
#[derive(Debug, Clone, Copy)]
pub(super) struct Evidence {
    pub left: Edge,
    pub top: Edge,
    pub right: Edge,
    pub bottom: Edge,
    /// Whether the width is asked: a weak witness of the distance, for want of feet.
    pub use_width: bool,
    /// The feet's and the head's own points and their spread, from detectors that give them.
    pub foot: Option<(PointInImage, f64)>,
    pub head: Option<(PointInImage, f64)>,
    pub height: HeightPrior,
    /// The feet are somewhere between the camera's foot and this floor point.
    pub between: Option<PointInFloor>,
}

/// Where a body stands that fits.
#[derive(Debug, Clone, Copy)]
pub(super) struct Fit {
    pub at: PointInFloor,
    pub cov: Cov2,
    pub height_m: f64,
    pub height_var: f64,
    /// Sum of the squared misfits, each over its spread.
    pub chi2: f64,
}

/// A picture point that moves with the body: its place, and its change with (x, y, height).
#[derive(Debug, Clone, Copy)]
pub(super) struct Moving {
    pub at: PointInImage,
    du: [f64; 3],
    dv: [f64; 3],
    depth_m: f64,
}

/// The expected edges of a body's box.
#[derive(Debug, Clone, Copy)]
pub(super) struct Outline {
    pub feet: Moving,
    pub head: Moving,
    left: (f64, [f64; 3]),
    top: (f64, [f64; 3]),
    right: (f64, [f64; 3]),
    bottom: (f64, [f64; 3]),
    px_per_m: f64,
    /// By which share widths grow with (x, y, height): they go as 1 / depth.
    widening: [f64; 3],
}

/// Normal equations in (x, y, height), as they gather.
#[derive(Default)]
struct Normal {
    /// Upper triangle: xx, xy, xh, yy, yh, hh.
    matrix: [f64; 6],
    rhs: [f64; 3],
    chi2: f64,
}

impl Outline {
    /// The body of a person `height_m` tall at `at`, of which nothing below `ends_at_px` in the
    /// picture counts for the sides; `None` if it is not in front of the camera.
    pub(super) fn of(
        pose: &Pose,
        at: PointInFloor,
        height_m: f64,
        ends_at_px: Option<f64>,
    ) -> Option<Self> {
        let feet = Moving::of(pose, at, 0.0, 0.0)?;
        let shoulders = Moving::of(pose, at, SHOULDERS_SHARE * height_m, SHOULDERS_SHARE)?;
        let head = Moving::of(pose, at, height_m - HEAD_RADIUS_M, 1.0)?;
        let px_per_m = pose.focal_px / shoulders.depth_m;
        let [wx, wy, wz, _] = pose.image_from_world[2];
        let widening = [wx, wy, wz * SHOULDERS_SHARE].map(|w| -w / shoulders.depth_m);
        let ball = HEAD_RADIUS_M * pose.focal_px / head.depth_m;
        let ring = |of: &Moving, aside_m: f64, before_m: f64| {
            let length = |d: &[f64; 3]| (d[0] * d[0] + d[1] * d[1]).sqrt();
            (aside_m * length(&of.du), before_m * length(&of.dv))
        };
        let lowest = ends_at_px.map_or(feet, |v| shoulders.towards(&feet, v));
        let parts = [
            (lowest, ring(&lowest, FEET_ASIDE_M, FEET_BEFORE_M)),
            (
                shoulders,
                ring(&shoulders, SHOULDERS_RADIUS_M, SHOULDERS_RADIUS_M),
            ),
            (head, (ball, ball)),
        ];
        let [mut left, mut top] = [(f64::INFINITY, [0.0; 3]); 2];
        let [mut right, mut bottom] = [(f64::NEG_INFINITY, [0.0; 3]); 2];
        for (part, (half_u, half_v)) in parts {
            let (u, v) = (part.at.x, part.at.y);
            if u - half_u < left.0 {
                left = (u - half_u, part.du);
            }
            if u + half_u > right.0 {
                right = (u + half_u, part.du);
            }
            if v - half_v < top.0 {
                top = (v - half_v, part.dv);
            }
            if v + half_v > bottom.0 {
                bottom = (v + half_v, part.dv);
            }
        }
        if ends_at_px.is_some() {
            let (_, half_v) = ring(&feet, FEET_ASIDE_M, FEET_BEFORE_M);
            bottom = (feet.at.y + half_v, feet.dv);
        }
        Some(Self {
            feet,
            head,
            left,
            top,
            right,
            bottom,
            px_per_m,
            widening,
        })
    }
}

impl Moving {
    /// The point `z_m` above `at`, where `z_m` grows by `dz` for each metre of height.
    fn of(pose: &Pose, at: PointInFloor, z_m: f64, dz: f64) -> Option<Self> {
        let [ru, rv, rw] = &pose.image_from_world;
        let seen = |r: &[f64; 4]| r[0] * at.x + r[1] * at.y + r[2] * z_m + r[3];
        let depth_m = seen(rw);
        if depth_m.is_nan() || depth_m < NEAR_M {
            return None;
        }
        let inv = 1.0 / depth_m;
        let (u, v) = (seen(ru) * inv, seen(rv) * inv);
        let slope = |r: &[f64; 4], value: f64| {
            [
                (r[0] - value * rw[0]) * inv,
                (r[1] - value * rw[1]) * inv,
                (r[2] - value * rw[2]) * inv * dz,
            ]
        };
        Some(Self {
            at: PointInImage { x: u, y: v },
            du: slope(ru, u),
            dv: slope(rv, v),
            depth_m,
        })
    }
}

impl Moving {
    /// The place on the way to `other` that is as low as `v`, or the nearer end.
    fn towards(&self, other: &Self, v: f64) -> Self {
        let share = ((v - self.at.y) / (other.at.y - self.at.y)).clamp(0.0, 1.0);
        let mix = |a: f64, b: f64| a + share * (b - a);
        Self {
            at: PointInImage {
                x: mix(self.at.x, other.at.x),
                y: mix(self.at.y, other.at.y),
            },
            du: [0, 1, 2].map(|i| mix(self.du[i], other.du[i])),
            dv: [0, 1, 2].map(|i| mix(self.dv[i], other.dv[i])),
            depth_m: mix(self.depth_m, other.depth_m),
        }
    }
}

/// The body that fits the evidence best, sought from `start`; `None` if none is found in front of
/// the camera or the evidence does not settle where it is.
pub(super) fn fit(pose: &Pose, evidence: &Evidence, start: PointInFloor) -> Option<Fit> {
    let (mut at, mut height_m) = (start, evidence.height.mean_m);
    for step in 1..=FIT_STEPS {
        let ends_at_px = evidence.bottom.is_cut.then_some(evidence.bottom.at_px);
        let outline = Outline::of(pose, at, height_m, ends_at_px)?;
        let normal = Normal::of(pose, evidence, &outline, at, height_m);
        let inverse = normal.inverse()?;
        let [dx, dy, dh] = normal.solution(&inverse);
        let length = (dx * dx + dy * dy).sqrt();
        let limit = STEP_LEAST_M.max(STEP_SHARE * at.distance(pose.foot));
        let share = if length > limit { limit / length } else { 1.0 };
        at.x += share * dx;
        at.y += share * dy;
        height_m = (height_m + share * dh).clamp(HEIGHT_RANGE_M.0, HEIGHT_RANGE_M.1);
        if length < STEP_END_M || step == FIT_STEPS {
            let gained: f64 = dx * normal.rhs[0] + dy * normal.rhs[1] + dh * normal.rhs[2];
            return (at.x.is_finite() && at.y.is_finite()).then_some(Fit {
                at,
                cov: Cov2 {
                    xx: inverse[0],
                    xy: inverse[1],
                    yy: inverse[3],
                },
                height_m,
                height_var: inverse[5],
                chi2: (normal.chi2 - gained).max(0.0),
            });
        }
    }
    None
}

impl Normal {
    fn of(
        pose: &Pose,
        evidence: &Evidence,
        outline: &Outline,
        at: PointInFloor,
        height_m: f64,
    ) -> Self {
        let mut normal = Self::default();
        let prior = evidence.height;
        normal.add([0.0, 0.0, 1.0], prior.mean_m - height_m, prior.sd_m);
        match evidence.foot {
            Some((p, sd_px)) => normal.add_point(&outline.feet, p, sd_px),
            None => normal.add_edge(&evidence.bottom, outline.bottom, 1.0, 0.0),
        }
        match evidence.head {
            Some((p, sd_px)) => normal.add_point(&outline.head, p, sd_px),
            None => normal.add_edge(&evidence.top, outline.top, -1.0, 0.0),
        }
        if evidence.foot.is_none() {
            normal.add_sides(evidence, outline);
        }
        if let Some(far) = evidence.between {
            normal.add_between(pose.foot, far, at);
        }
        normal
    }

    /// One equation: `gradient . change = lack`, good to `sd`.
    fn add(&mut self, gradient: [f64; 3], lack: f64, sd: f64) {
        let weight = 1.0 / (sd * sd);
        let [gx, gy, gh] = gradient;
        let products = [gx * gx, gx * gy, gx * gh, gy * gy, gy * gh, gh * gh];
        for (sum, product) in self.matrix.iter_mut().zip(products) {
            *sum += weight * product;
        }
        for (sum, slope) in self.rhs.iter_mut().zip(gradient) {
            *sum += weight * slope * lack;
        }
        self.chi2 += weight * lack * lack;
    }

    fn add_point(&mut self, moving: &Moving, p: PointInImage, sd_px: f64) {
        self.add(moving.du, p.x - moving.at.x, sd_px);
        self.add(moving.dv, p.y - moving.at.y, sd_px);
    }

    /// An edge; `outwards` is the direction in which a cut body goes on.
    fn add_edge(&mut self, edge: &Edge, expect: (f64, [f64; 3]), outwards: f64, more_sd_px: f64) {
        let lack = edge.at_px - expect.0;
        if !edge.is_cut || outwards * lack > 0.0 {
            let variance = edge.sd_px * edge.sd_px + more_sd_px * more_sd_px;
            self.add(expect.1, lack, variance.sqrt());
        }
    }

    /// The left and right edges: their middle where both were seen, for bodies differ in width.
    fn add_sides(&mut self, evidence: &Evidence, outline: &Outline) {
        let (left, right) = (&evidence.left, &evidence.right);
        let half_sd_px = HALF_WIDTH_SD_M * outline.px_per_m;
        if left.is_cut || right.is_cut {
            let trailing_px = TRAILING_M * outline.px_per_m;
            let sd_px = TRAILING_SD_M * outline.px_per_m;
            let moved = |(edge, slope): (f64, [f64; 3]), by: f64| (edge + by, slope);
            self.add_edge(left, moved(outline.left, -trailing_px), -1.0, sd_px);
            self.add_edge(right, moved(outline.right, trailing_px), 1.0, sd_px);
            return;
        }
        let sd_px = 0.5 * (left.sd_px * left.sd_px + right.sd_px * right.sd_px).sqrt();
        let mid = |a: f64, b: f64| 0.5 * (a + b);
        let both = [0, 1, 2].map(|i| mid(outline.left.1[i], outline.right.1[i]));
        let lack = mid(left.at_px, right.at_px) - mid(outline.left.0, outline.right.0);
        self.add(both, lack, sd_px);
        if evidence.use_width {
            let half = 0.5 * (outline.right.0 - outline.left.0);
            let lack = 0.5 * (right.at_px - left.at_px) - half;
            let sd_px = (sd_px * sd_px + half_sd_px * half_sd_px).sqrt();
            self.add(outline.widening.map(|share| share * half), lack, sd_px);
        }
    }

    /// Somewhere between the camera's foot and `far`.
    fn add_between(&mut self, foot: PointInFloor, far: PointInFloor, at: PointInFloor) {
        let reach = foot.distance(far);
        if reach < NEAR_M {
            return;
        }
        let (ux, uy) = ((far.x - foot.x) / reach, (far.y - foot.y) / reach);
        let along = ux * (at.x - foot.x) + uy * (at.y - foot.y);
        self.add(
            [ux, uy, 0.0],
            BETWEEN_MEAN * reach - along,
            BETWEEN_SD * reach,
        );
    }

    /// The inverse of the matrix, as its upper triangle.
    fn inverse(&self) -> Option<[f64; 6]> {
        let [xx, xy, xh, yy, yh, hh] = self.matrix;
        let cofactors = [
            yy * hh - yh * yh,
            xh * yh - xy * hh,
            xy * yh - xh * yy,
            xx * hh - xh * xh,
            xy * xh - xx * yh,
            xx * yy - xy * xy,
        ];
        let det = xx * cofactors[0] + xy * cofactors[1] + xh * cofactors[2];
        let inverse = cofactors.map(|c| c / det);
        let [vx, cxy, _, vy, _, vh] = inverse;
        let is_sound = det > 0.0 && vx > 0.0 && vy > 0.0 && vh > 0.0 && vx * vy > cxy * cxy;
        (is_sound && inverse.iter().all(|v| v.is_finite())).then_some(inverse)
    }

    fn solution(&self, inverse: &[f64; 6]) -> [f64; 3] {
        let [xx, xy, xh, yy, yh, hh] = inverse;
        let [a, b, c] = self.rhs;
        [
            xx * a + xy * b + xh * c,
            xy * a + yy * b + yh * c,
            xh * a + yh * b + hh * c,
        ]
    }
}
