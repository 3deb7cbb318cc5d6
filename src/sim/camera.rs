//! The camera of a scene: where things appear, and the calibration that says so.

use super::script::CameraSetup;
use crate::detection::{BoxInImage, PointInImage};
use crate::floor::{CameraSpec, ControlPoint, Lens, PointInFloor};

/// Control points are taken on a raster of this many places a side over the grid.
const CONTROL_RASTER: usize = 7;
/// Boxes with less of them inside the picture are not seen.
const LEAST_INSIDE: f64 = 0.15;
/// Nothing nearer to the camera than this is projected, m.
const NEAR_M: f64 = 0.2;

/// A pinhole with one radial term over the scene's floor.
#[derive(Debug, Clone, Copy)]
pub struct SceneCamera {
    setup: CameraSetup,
    /// Rows: image right, image down, forward, in world axes (x, y, z up).
    axes: [[f64; 3]; 3],
}

impl SceneCamera {
    /// From where it is and how it looks.
    pub fn new(setup: &CameraSetup) -> Self {
        let (yaw, pitch) = (setup.yaw_deg.to_radians(), setup.pitch_deg.to_radians());
        let forward = [
            yaw.sin() * pitch.cos(),
            yaw.cos() * pitch.cos(),
            -pitch.sin(),
        ];
        let right = [yaw.cos(), -yaw.sin(), 0.0];
        let down = cross(forward, right);
        let (sin, cos) = setup.roll_deg.to_radians().sin_cos();
        let mix = |a: f64, u: [f64; 3], b: f64, v: [f64; 3]| {
            [
                a * u[0] + b * v[0],
                a * u[1] + b * v[1],
                a * u[2] + b * v[2],
            ]
        };
        let axes = [
            mix(cos, right, sin, down),
            mix(-sin, right, cos, down),
            forward,
        ];
        Self {
            setup: *setup,
            axes,
        }
    }

    /// Rotation rows (image right, image down, forward) in world axes.
    pub fn axes(&self) -> [[f64; 3]; 3] {
        self.axes
    }

    /// Where a point `height_m` above `at` appears, px; `None` behind the camera.
    pub fn project(&self, at: PointInFloor, height_m: f64) -> Option<PointInImage> {
        let [x, y, depth] = self.in_camera(at, height_m);
        if depth < NEAR_M {
            return None;
        }
        let (u, v) = (x / depth, y / depth);
        let bend = 1.0 + self.setup.k1 * (u * u + v * v);
        let (width, height) = self.setup.size_px;
        Some(PointInImage {
            x: 0.5 * f64::from(width) + self.setup.focal_px * bend * u,
            y: 0.5 * f64::from(height) + self.setup.focal_px * bend * v,
        })
    }

    /// Distance from the camera to a place on the floor, m.
    pub fn distance_m(&self, at: PointInFloor) -> f64 {
        let [x, y, depth] = self.in_camera(at, 0.0);
        (x * x + y * y + depth * depth).sqrt()
    }

    /// The box around an upright person (a cylinder with rounded ends), not clipped.
    pub fn box_of(&self, at: PointInFloor, height_m: f64, radius_m: f64) -> Option<BoxInImage> {
        let mut bounds: Option<BoxInImage> = None;
        // Feet and head are narrower than shoulders.
        let rings = [
            (0.0, 0.4),
            (0.5, 0.7),
            (0.8, 1.0),
            (0.95, 0.45),
            (1.0, 0.15),
        ];
        for (share, width) in rings {
            for step in 0..12 {
                let angle = std::f64::consts::TAU * f64::from(step) / 12.0;
                let rim = PointInFloor {
                    x: at.x + width * radius_m * angle.cos(),
                    y: at.y + width * radius_m * angle.sin(),
                };
                let p = self.project(rim, share * height_m)?;
                let b = bounds.get_or_insert(BoxInImage::new(p.x, p.y, p.x, p.y));
                *b = BoxInImage::new(
                    b.left.min(p.x),
                    b.top.min(p.y),
                    b.right.max(p.x),
                    b.bottom.max(p.y),
                );
            }
        }
        bounds
    }

    /// The part of a box inside the picture, if enough of it is.
    pub fn clip(&self, bbox: BoxInImage) -> Option<BoxInImage> {
        let (width, height) = (
            f64::from(self.setup.size_px.0),
            f64::from(self.setup.size_px.1),
        );
        let clipped = BoxInImage::new(
            bbox.left.max(0.0),
            bbox.top.max(0.0),
            bbox.right.min(width),
            bbox.bottom.min(height),
        );
        let enough = clipped.is_sound() && clipped.area() >= LEAST_INSIDE * bbox.area();
        enough.then_some(clipped)
    }

    /// The calibration that belongs to this camera: its lens, and control points on the grid.
    pub fn calibration(&self, grid: (PointInFloor, PointInFloor)) -> Result<CameraSpec, String> {
        let (width, height) = self.setup.size_px;
        let (min, max) = grid;
        let share = |index: usize| index as f64 / (CONTROL_RASTER - 1) as f64;
        let mut control_points = Vec::new();
        for index in 0..CONTROL_RASTER * CONTROL_RASTER {
            let floor = PointInFloor {
                x: min.x + share(index % CONTROL_RASTER) * (max.x - min.x),
                y: min.y + share(index / CONTROL_RASTER) * (max.y - min.y),
            };
            let inside = |p: &PointInImage| {
                0.0 <= p.x && p.x <= f64::from(width) && 0.0 <= p.y && p.y <= f64::from(height)
            };
            if let Some(image) = self.project(floor, 0.0).filter(inside) {
                control_points.push(ControlPoint { image, floor });
            }
        }
        if control_points.len() < 4 {
            return Err(format!(
                "the scene's camera sees {} of {} places on the grid; turn it towards the grid",
                control_points.len(),
                CONTROL_RASTER * CONTROL_RASTER
            ));
        }
        Ok(CameraSpec {
            image_width_px: width,
            image_height_px: height,
            lens: Some(Lens {
                focal_px: self.setup.focal_px,
                centre: PointInImage {
                    x: 0.5 * f64::from(width),
                    y: 0.5 * f64::from(height),
                },
                radial: [self.setup.k1, 0.0, 0.0],
                tangential: [0.0, 0.0],
            }),
            control_points,
            scale_uncertainty: 0.02,
            person_height_m: 1.72,
            person_height_sd_m: 0.10,
        })
    }

    fn in_camera(&self, at: PointInFloor, height_m: f64) -> [f64; 3] {
        let camera = [self.setup.at.x, self.setup.at.y, self.setup.height_m];
        let offset = [at.x - camera[0], at.y - camera[1], height_m - camera[2]];
        self.axes
            .map(|axis| axis[0] * offset[0] + axis[1] * offset[1] + axis[2] * offset[2])
    }
}

fn cross(a: [f64; 3], b: [f64; 3]) -> [f64; 3] {
    [
        a[1] * b[2] - a[2] * b[1],
        a[2] * b[0] - a[0] * b[2],
        a[0] * b[1] - a[1] * b[0],
    ]
}
