//! A camera: where it hangs, where it looks, and its lens. Exact in both directions.
//!
//! `f64` throughout, because calibrations are made from it: a point of the world is multiplied by
//! the 3x4 matrix of [`Camera::image_from_world`], divided, and bent by the lens. Nothing else
//! happens to it, so a calibration made from [`Camera::control_points`] is the camera's own.

use serde::{Deserialize, Serialize};

use crate::detection::PointInImage;
use crate::floor::{ControlPoint, Lens, PointInFloor};

/// Where a camera is and how it sees.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Camera {
    /// Centre of projection: floor x, floor y, height, m.
    pub position_m: [f64; 3],
    /// Direction of the optical axis over the floor, anticlockwise from +x, rad.
    pub yaw_rad: f64,
    /// Angle of the optical axis below the horizon, rad.
    pub pitch_rad: f64,
    /// Clockwise turn of the camera about its axis, as seen from behind it, rad.
    pub roll_rad: f64,
    /// Width of the picture, px.
    pub width_px: u32,
    /// Its height, px.
    pub height_px: u32,
    /// Focal length, principal point and distortion, px.
    pub lens: Lens,
}

impl Camera {
    /// A camera without roll or distortion whose picture spans `span_rad` from side to side.
    pub fn new(
        position_m: [f64; 3],
        yaw_rad: f64,
        pitch_rad: f64,
        size_px: (u32, u32),
        span_rad: f64,
    ) -> Self {
        let (width, height) = (f64::from(size_px.0), f64::from(size_px.1));
        Self {
            position_m,
            yaw_rad,
            pitch_rad,
            roll_rad: 0.0,
            width_px: size_px.0,
            height_px: size_px.1,
            lens: Lens {
                focal_px: 0.5 * width / (0.5 * span_rad).tan(),
                centre: PointInImage {
                    x: 0.5 * width,
                    y: 0.5 * height,
                },
                radial: [0.0; 3],
                tangential: [0.0; 2],
            },
        }
    }

    /// Rows of the rotation from world to camera: right, down, forward.
    pub fn axes(&self) -> [[f64; 3]; 3] {
        let (sy, cy) = self.yaw_rad.sin_cos();
        let (sp, cp) = self.pitch_rad.sin_cos();
        let (sr, cr) = self.roll_rad.sin_cos();
        let forward = [cp * cy, cp * sy, -sp];
        let right = [sy, -cy, 0.0];
        let down = [-sp * cy, -sp * sy, -cp];
        let turned = |a: [f64; 3], ka: f64, b: [f64; 3], kb: f64| {
            [
                ka * a[0] + kb * b[0],
                ka * a[1] + kb * b[1],
                ka * a[2] + kb * b[2],
            ]
        };
        // A camera turned clockwise has its right-hand side lower.
        [
            turned(right, cr, down, sr),
            turned(down, cr, right, -sr),
            forward,
        ]
    }

    /// The 3x4 matrix that takes `(x, y, z, 1)` in metres to homogeneous undistorted pixels.
    pub fn image_from_world(&self) -> [[f64; 4]; 3] {
        let axes = self.axes();
        let c = self.position_m;
        let row = |r: [f64; 3]| [r[0], r[1], r[2], -(r[0] * c[0] + r[1] * c[1] + r[2] * c[2])];
        let (x, y, z) = (row(axes[0]), row(axes[1]), row(axes[2]));
        let lens = &self.lens;
        let image = |a: [f64; 4], centre: f64| {
            let mut out = [0.0; 4];
            for (o, (a, z)) in out.iter_mut().zip(a.iter().zip(&z)) {
                *o = lens.focal_px * a + centre * z;
            }
            out
        };
        [image(x, lens.centre.x), image(y, lens.centre.y), z]
    }

    /// Where a point of the world appears (distorted) and its depth along the axis, m.
    /// `None` behind the camera, or so far off the axis that the lens model folds back.
    pub fn project(&self, p: [f64; 3]) -> Option<(PointInImage, f64)> {
        Projector::new(self).project(p)
    }

    /// Where a point of the floor appears.
    pub fn image_from_floor(&self, p: PointInFloor, height_m: f64) -> Option<PointInImage> {
        self.project([p.x, p.y, height_m]).map(|hit| hit.0)
    }

    /// Direction (unit length, world) in which a pixel looks.
    pub fn ray(&self, at: PointInImage) -> [f64; 3] {
        let (x, y) = self.slope(at);
        let [r, d, f] = self.axes();
        let v = [0, 1, 2].map(|i| r[i] * x + d[i] * y + f[i]);
        let norm = (v[0] * v[0] + v[1] * v[1] + v[2] * v[2]).sqrt();
        v.map(|e| e / norm)
    }

    /// The undistorted slopes (right, down; per unit along the axis) in which a pixel looks.
    pub fn slope(&self, at: PointInImage) -> (f64, f64) {
        let lens = &self.lens;
        self.undistorted(
            (at.x - lens.centre.x) / lens.focal_px,
            (at.y - lens.centre.y) / lens.focal_px,
        )
    }

    /// The floor point that a pixel looks at; `None` at or above the horizon.
    pub fn floor_from_image(&self, at: PointInImage) -> Option<PointInFloor> {
        let ray = self.ray(at);
        let distance = -self.position_m[2] / ray[2];
        (distance > 0.0 && distance < 1e4).then(|| PointInFloor {
            x: self.position_m[0] + distance * ray[0],
            y: self.position_m[1] + distance * ray[1],
        })
    }

    /// Exact control points for a calibration: a grid of floor points that the picture shows,
    /// `spacing_m` apart, at most `reach_m` from the camera's foot.
    pub fn control_points(&self, spacing_m: f64, reach_m: f64) -> Vec<ControlPoint> {
        let steps = (reach_m / spacing_m).ceil() as i32;
        let [x0, y0, _] = self.position_m.map(|v| (v / spacing_m).round() * spacing_m);
        let mut out = Vec::new();
        for i in -steps..=steps {
            for j in -steps..=steps {
                let floor = PointInFloor {
                    x: x0 + f64::from(i) * spacing_m,
                    y: y0 + f64::from(j) * spacing_m,
                };
                let Some(image) = self.image_from_floor(floor, 0.0) else {
                    continue;
                };
                let inside = image.x >= 0.0
                    && image.y >= 0.0
                    && image.x <= f64::from(self.width_px)
                    && image.y <= f64::from(self.height_px);
                let (dx, dy) = (floor.x - self.position_m[0], floor.y - self.position_m[1]);
                if inside && dx * dx + dy * dy <= reach_m * reach_m {
                    out.push(ControlPoint { image, floor });
                }
            }
        }
        out
    }

    /// Takes the lens's bend out of normalised coordinates (Newton's steps by fixed point).
    fn undistorted(&self, x: f64, y: f64) -> (f64, f64) {
        let straight = self
            .lens
            .radial
            .iter()
            .chain(&self.lens.tangential)
            .all(|k| k.abs() < 1e-12);
        let (mut ux, mut uy) = (x, y);
        for _ in 0..if straight { 0 } else { 20 } {
            let (dx, dy) = distort(&self.lens, ux, uy);
            ux += x - dx;
            uy += y - dy;
        }
        (ux, uy)
    }
}

/// Brown-Conrady on normalised coordinates, in OpenCV's order.
fn distort(lens: &Lens, x: f64, y: f64) -> (f64, f64) {
    let [k1, k2, k3] = lens.radial;
    let [p1, p2] = lens.tangential;
    let r2 = x * x + y * y;
    let radial = 1.0 + r2 * (k1 + r2 * (k2 + r2 * k3));
    (
        x * radial + 2.0 * p1 * x * y + p2 * (r2 + 2.0 * x * x),
        y * radial + p1 * (r2 + 2.0 * y * y) + 2.0 * p2 * x * y,
    )
}

/// A camera made ready to project many points.
#[derive(Debug, Clone)]
pub struct Projector {
    lens: Lens,
    axes: [[f64; 3]; 3],
    centre: [f64; 3],
    /// Squared normalised radius beyond which the distortion folds back.
    fold2: f64,
    bent: bool,
}

/// Nearest depth that is drawn, m: closer things are inside the housing.
const NEAREST_M: f64 = 0.05;

impl Projector {
    /// Of a camera.
    pub fn new(camera: &Camera) -> Self {
        let [k1, k2, k3] = camera.lens.radial;
        // d(r * radial)/dr = 1 + 3 k1 r2 + 5 k2 r4 + 7 k3 r6: stop where it turns negative.
        let mut fold2 = 0.0;
        while fold2 < 100.0 {
            let r2: f64 = fold2;
            if 1.0 + r2 * (3.0 * k1 + r2 * (5.0 * k2 + r2 * 7.0 * k3)) <= 0.05 {
                break;
            }
            fold2 += 0.01;
        }
        let bent = [k1, k2, k3]
            .iter()
            .chain(&camera.lens.tangential)
            .any(|k| k.abs() > 1e-12);
        Self {
            lens: camera.lens,
            axes: camera.axes(),
            centre: camera.position_m,
            fold2: if bent { fold2 } else { f64::INFINITY },
            bent,
        }
    }

    /// Where a point of the world appears (distorted) and its depth along the axis, m.
    pub fn project(&self, p: [f64; 3]) -> Option<(PointInImage, f64)> {
        let v = [
            p[0] - self.centre[0],
            p[1] - self.centre[1],
            p[2] - self.centre[2],
        ];
        let dot = |a: [f64; 3]| a[0] * v[0] + a[1] * v[1] + a[2] * v[2];
        let z = dot(self.axes[2]);
        if z < NEAREST_M {
            return None;
        }
        let (mut x, mut y) = (dot(self.axes[0]) / z, dot(self.axes[1]) / z);
        if self.bent {
            if x * x + y * y > self.fold2 {
                return None;
            }
            (x, y) = distort(&self.lens, x, y);
        }
        let lens = &self.lens;
        let at = PointInImage {
            x: lens.focal_px * x + lens.centre.x,
            y: lens.focal_px * y + lens.centre.y,
        };
        Some((at, z))
    }
}
