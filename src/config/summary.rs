//! What was understood of a calibration: the figures by which a person sees that it is right.

use std::path::Path;

use crate::engine::EngineConfig;
use crate::floor::{CameraModel, Grid, Portal, Pose, TileIndex, TileRole};
use crate::units::CameraId;

use super::calibration::Calibration;
use super::door::read_calibration;
use super::problem::Problems;

/// What was understood of a camera.
#[derive(Debug, Clone)]
pub struct CalibrationSummary {
    model: CameraModel,
    /// Width and height of the picture, px.
    pub image_px: (u32, u32),
    /// Where it stands, if the points tell.
    pub pose: Option<Pose>,
    /// How many control points it has.
    pub control_points: usize,
    /// Largest residual of them, px.
    pub residual_px: f64,
    /// How wrong lengths may be, as a share.
    pub uncertainty: f64,
    /// Columns and rows of the grid, once its doors are known.
    pub grid: Option<(u16, u16)>,
    /// Edge of a tile, m.
    pub tile_m: f64,
    /// How many tiles are blocked.
    pub blocked: usize,
}

/// How a portal is seen.
#[derive(Debug, Clone, Copy)]
pub struct PortalView {
    /// Floor under one pixel at the portal's middle, m: the edge of a square of the same area.
    pub metres_per_px: f64,
    /// How large a standing person is there, px, if the camera's place is known.
    pub person_px: Option<f64>,
}

/// Reads a calibration file by itself. `Ok` comes with the warnings.
pub fn check_calibration(path: &Path) -> Result<(CalibrationSummary, Problems), Problems> {
    let mut problems = Problems::new();
    let seen = read_calibration(path, &|path| std::fs::read(path), &mut problems);
    let calibration = seen.calibration;
    problems
        .or_value(calibration.map(|Calibration { model, floor, .. }| summary(model, floor.tile_m)))
}

/// What was understood of a camera of a site; `None` for one that has no calibration.
pub fn summarise_camera(engine: &EngineConfig, camera: CameraId) -> Option<CalibrationSummary> {
    let config = engine.cameras.get(usize::from(camera.0))?;
    let model = CameraModel::new(config.calibration.clone()?).ok()?;
    let seen = engine
        .portals
        .iter()
        .filter(|portal| portal.camera == camera);
    let portals: Vec<Portal> = seen.map(|portal| portal.portal.clone()).collect();
    let grid = Grid::new(config.grid.clone(), &portals);
    let (columns, rows) = grid.size();
    let tiles = (0..rows).flat_map(|row| (0..columns).map(move |column| TileIndex { column, row }));
    let mut summary = summary(model, config.grid.tile_m);
    summary.grid = Some((columns, rows));
    summary.blocked = tiles
        .filter(|tile| grid.role(*tile) == TileRole::Blocked)
        .count();
    Some(summary)
}

fn summary(model: CameraModel, tile_m: f64) -> CalibrationSummary {
    let spec = model.spec();
    CalibrationSummary {
        image_px: (spec.image_width_px, spec.image_height_px),
        pose: model.pose().copied(),
        control_points: spec.control_points.len(),
        residual_px: model.residual_px(),
        uncertainty: spec.scale_uncertainty,
        grid: None,
        tile_m,
        blocked: 0,
        model,
    }
}

impl CalibrationSummary {
    /// How a portal is seen at the middle of its line; `None` if it isn't.
    pub fn view_of(&self, portal: &Portal) -> Option<PortalView> {
        let half_m = 0.5 * portal.length_m();
        let mut gone_m = 0.0;
        let mut middle = *portal.line.first()?;
        for piece in portal.line.windows(2) {
            let length_m = piece[0].distance(piece[1]);
            if gone_m + length_m >= half_m && length_m > 0.0 {
                middle = piece[0].lerp(piece[1], (half_m - gone_m) / length_m);
                break;
            }
            gone_m += length_m;
        }
        let foot = self.model.image_from_floor(middle, 0.0)?;
        let [[a, b], [c, d]] = self.model.floor_from_image_jacobian(foot)?;
        Some(PortalView {
            metres_per_px: (a * d - b * c).abs().sqrt(),
            person_px: self.pose.and_then(|_| self.model.person_px(middle)),
        })
    }
}
