//! Where the camera stands, recovered from the map between floor and picture.
//!
//! Theory: the map's columns are the projections of the floor's axes and origin,
//! `H = K [r1 r2 t]` up to scale. With a known focal length, undoing `K` gives the axes; the
//! vertical is their cross product. With an unknown one, the axes must be at right angles and of
//! equal length, which is two linear equations in `1 / f^2` (the image of the absolute conic, with
//! square pixels and the principal point in the middle of the picture: Hartley and Zisserman,
//! Multiple View Geometry, section 8.8). The projection keeps the map's own columns, so that heights
//! join the floor without a step; only the vertical's column is new.
//!
//! A map that fits no upright camera gives no pose: nonsense here would be wrong heights everywhere.

use super::{Homography, PointInFloor};
use crate::detection::PointInImage;

/// Focal lengths outside this range of picture widths are no camera's (137 down to 6 degrees).
const FOCAL_IN_WIDTHS: std::ops::RangeInclusive<f64> = 0.2..=10.0;
/// With this little tilt against looking straight down, axes stay square at any focal length:
/// the square of the cosine of an 80 degree pitch.
const LEAST_COS2_PITCH: f64 = 0.03;
/// The floor's axes may differ in length by this factor (quads paced out, not measured)...
const AXIS_RATIO: std::ops::RangeInclusive<f64> = 0.6..=1.667;
/// ... and may be off a right angle by this cosine (20 degrees).
const AXIS_COSINE: f64 = 0.35;

/// Where the camera stands over the floor.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Pose {
    /// Projection of `(x, y, z, 1)` in floor metres to homogeneous undistorted pixels, row-major
    /// 3x4, scaled so that the third value is the depth along the optical axis in metres.
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

/// The focal length at which the floor's axes are at right angles and equally long; `None` where
/// the view does not tell (nearly straight down) or tells something no camera has.
pub(super) fn focal_from(
    image_from_floor: &Homography,
    centre: PointInImage,
    image_width_px: f64,
) -> Option<f64> {
    // In picture widths, so that the numbers are near 1.
    let [a1, a2] = floor_axes(image_from_floor, centre, image_width_px);
    // [a1.a2, (a1.a1 - a2.a2) / 2] turns with the floor's axes as a vector: a fair least squares.
    let bent = [
        a1[0] * a2[0] + a1[1] * a2[1],
        0.5 * (a1[0] * a1[0] + a1[1] * a1[1] - a2[0] * a2[0] - a2[1] * a2[1]),
    ];
    let straight = [a1[2] * a2[2], 0.5 * (a1[2] * a1[2] - a2[2] * a2[2])];
    let inv_focal2 =
        -(bent[0] * straight[0] + bent[1] * straight[1]) / (bent[0] * bent[0] + bent[1] * bent[1]);
    let focal = 1.0 / inv_focal2.sqrt();
    if !(inv_focal2 > 0.0 && FOCAL_IN_WIDTHS.contains(&focal)) {
        return None;
    }
    let length2 = |a: [f64; 3]| (a[0] * a[0] + a[1] * a[1]) / (focal * focal) + a[2] * a[2];
    let cos2_pitch = (a1[2] * a1[2] + a2[2] * a2[2]) / (length2(a1) * length2(a2)).sqrt();
    (cos2_pitch > LEAST_COS2_PITCH).then_some(focal * image_width_px)
}

/// The pose of a camera with this focal length; `None` if the map fits no camera above the floor.
pub(super) fn pose_from(
    image_from_floor: &Homography,
    focal_px: f64,
    centre: PointInImage,
) -> Option<Pose> {
    let [a1, a2] = floor_axes(image_from_floor, centre, focal_px);
    let (n1, n2) = (norm(a1), norm(a2));
    let cosine = dot(a1, a2) / (n1 * n2);
    if !AXIS_RATIO.contains(&(n1 / n2)) || cosine.is_nan() || cosine.abs() > AXIS_COSINE {
        return None;
    }
    // The right-angled pair nearest to both: turned equally from their bisectors.
    let (e1, e2) = (a1.map(|v| v / n1), a2.map(|v| v / n2));
    let sum = unit([0, 1, 2].map(|i| e1[i] + e2[i]));
    let gap = unit([0, 1, 2].map(|i| e1[i] - e2[i]));
    let half = std::f64::consts::FRAC_1_SQRT_2;
    let r1 = [0, 1, 2].map(|i| (sum[i] + gap[i]) * half);
    let r2 = [0, 1, 2].map(|i| (sum[i] - gap[i]) * half);
    let up = cross(r1, r2);

    let scale = 1.0 / (n1 * n2).sqrt();
    let h = image_from_floor.m.map(|row| row.map(|v| v * scale));
    let vertical = [
        focal_px * up[0] + centre.x * up[2],
        focal_px * up[1] + centre.y * up[2],
        up[2],
    ];
    let image_from_world = [0, 1, 2].map(|r| [h[r][0], h[r][1], vertical[r], h[r][2]]);
    let [x, y, height_m] = centre_of(&image_from_world)?;
    (height_m > 0.0).then_some(Pose {
        image_from_world,
        height_m,
        pitch_rad: libm::asin((-up[2]).clamp(-1.0, 1.0)),
        focal_px,
        foot: PointInFloor { x, y },
    })
}

/// The projections of the floor's axes with the principal point at 0 and pixels over `focal_px`.
fn floor_axes(h: &Homography, centre: PointInImage, focal_px: f64) -> [[f64; 3]; 2] {
    [0, 1].map(|column| {
        let [u, v, w] = [0, 1, 2].map(|row| h.m[row][column]);
        [
            (u - centre.x * w) / focal_px,
            (v - centre.y * w) / focal_px,
            w,
        ]
    })
}

/// The point that projects nowhere: the camera itself (Cramer's rule on the left 3x3).
fn centre_of(p: &[[f64; 4]; 3]) -> Option<[f64; 3]> {
    let column = |c: usize| [p[0][c], p[1][c], p[2][c]];
    let det = |a: [f64; 3], b: [f64; 3], c: [f64; 3]| dot(a, cross(b, c));
    let (a, b, c) = (column(0), column(1), column(2));
    let d = column(3).map(|v| -v);
    let whole = det(a, b, c);
    let centre = [
        det(d, b, c) / whole,
        det(a, d, c) / whole,
        det(a, b, d) / whole,
    ];
    centre.iter().all(|v| v.is_finite()).then_some(centre)
}

fn dot(a: [f64; 3], b: [f64; 3]) -> f64 {
    a[0] * b[0] + a[1] * b[1] + a[2] * b[2]
}

fn norm(a: [f64; 3]) -> f64 {
    dot(a, a).sqrt()
}

fn unit(a: [f64; 3]) -> [f64; 3] {
    let n = norm(a);
    a.map(|v| v / n)
}

fn cross(a: [f64; 3], b: [f64; 3]) -> [f64; 3] {
    [
        a[1] * b[2] - a[2] * b[1],
        a[2] * b[0] - a[0] * b[2],
        a[0] * b[1] - a[1] * b[0],
    ]
}
