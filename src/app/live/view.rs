//! What a camera's calibration says of its doors: how many frames they need, and where they are in the picture.

use crate::crossing::CounterSettings;
use crate::detection::PointInImage;
use crate::engine::{EngineConfig, PortalConfig};
use crate::evidence::Region;
use crate::floor::{CameraModel, Grid, PointInFloor, Portal};
use crate::sight::Pace;
use crate::units::{CameraId, DoorId};

/// Further than this from a portal nobody's path matters, m: two seconds of brisk walking.
const APPROACH_M: f64 = 4.0;
/// Steps in which it is looked how far a side is seen, m.
const STEP_M: f64 = 0.1;
/// Evidence shows people as a whole, m.
const TALLEST_M: f64 = 2.1;
/// Evidence shows this much floor on either side of the line, m.
const BESIDE_M: f64 = 1.0;

/// Frames a second that a camera's most demanding door needs; `Err` names a portal of which too little floor is seen.
pub fn least_rate_hz(config: &EngineConfig) -> Result<f64, String> {
    let mut most_hz: f64 = 0.0;
    for portal in &config.portals {
        let Some(hz) = pace(config, portal).and_then(|pace| pace.least_rate_hz()) else {
            return Err(format!(
                "portal {:?}: too little floor is seen beside it to be sure of anybody; \
                 move the camera, the grid or the portal",
                portal.name
            ));
        };
        most_hz = most_hz.max(hz);
    }
    Ok(most_hz)
}

fn pace(config: &EngineConfig, portal: &PortalConfig) -> Option<Pace> {
    let camera = config.cameras.get(usize::from(portal.camera.0))?;
    let model = camera
        .calibration
        .clone()
        .and_then(|spec| CameraModel::new(spec).ok());
    let portals: Vec<Portal> = portals_of(config, portal.camera).cloned().collect();
    let grid = Grid::new(camera.grid.clone(), &portals);
    let middle = middle(&portal.portal)?;
    let normal = portal.portal.read(middle).normal;
    let seen = |sign: f64| {
        seen_m(
            &grid,
            model.as_ref(),
            middle,
            (sign * normal.0, sign * normal.1),
        )
    };
    let CounterSettings { settle_for, .. } = portal.counter;
    Some(Pace {
        depth_m: portal.portal.depth_m,
        seen_m: [seen(-1.0), seen(1.0)],
        settle_for,
        confirm_after: camera.tracker.confirm_after,
    })
}

fn portals_of(config: &EngineConfig, camera: CameraId) -> impl Iterator<Item = &Portal> {
    let own = config
        .portals
        .iter()
        .filter(move |portal| portal.camera == camera);
    own.map(|portal| &portal.portal)
}

/// Half way between a portal's ends.
fn middle(portal: &Portal) -> Option<PointInFloor> {
    Some(portal.line.first()?.lerp(*portal.line.last()?, 0.5))
}

/// How far from a point in a direction the floor is on the grid and in the picture, m.
fn seen_m(
    grid: &Grid,
    model: Option<&CameraModel>,
    from: PointInFloor,
    towards: (f64, f64),
) -> f64 {
    let mut seen = 0.0;
    while seen < APPROACH_M {
        let next = seen + STEP_M;
        let point = PointInFloor {
            x: from.x + next * towards.0,
            y: from.y + next * towards.1,
        };
        let in_picture = model.is_none_or(|model| is_seen(model, point));
        if grid.tile_at(point).is_none() || !in_picture {
            break;
        }
        seen = next;
    }
    seen
}

fn is_seen(model: &CameraModel, point: PointInFloor) -> bool {
    let spec = model.spec();
    let (width, height) = (
        f64::from(spec.image_width_px),
        f64::from(spec.image_height_px),
    );
    model
        .image_from_floor(point, 0.0)
        .is_some_and(|p| (0.0..width).contains(&p.x) && (0.0..height).contains(&p.y))
}

/// The part of the picture that evidence of a door shows clearly: people at its portals, from feet to head.
pub fn clear_regions(config: &EngineConfig, door: DoorId) -> Vec<Region> {
    let own = config.portals.iter().filter(|portal| portal.door == door);
    own.filter_map(|portal| {
        let camera = config.cameras.get(usize::from(portal.camera.0))?;
        let model = CameraModel::new(camera.calibration.clone()?).ok()?;
        region(&model, &portal.portal)
    })
    .collect()
}

fn region(model: &CameraModel, portal: &Portal) -> Option<Region> {
    let mut bounds: Option<(PointInImage, PointInImage)> = None;
    for point in &portal.line {
        let normal = portal.read(*point).normal;
        for (aside, height_m) in [(-1.0, 0.0), (1.0, 0.0), (-1.0, TALLEST_M), (1.0, TALLEST_M)] {
            let beside = PointInFloor {
                x: point.x + aside * BESIDE_M * normal.0,
                y: point.y + aside * BESIDE_M * normal.1,
            };
            let Some(p) = model.image_from_floor(beside, height_m) else {
                continue;
            };
            let (low, high) = bounds.get_or_insert((p, p));
            *low = PointInImage {
                x: low.x.min(p.x),
                y: low.y.min(p.y),
            };
            *high = PointInImage {
                x: high.x.max(p.x),
                y: high.y.max(p.y),
            };
        }
    }
    let (low, high) = bounds?;
    Some(Region::Rectangle(low, high))
}
