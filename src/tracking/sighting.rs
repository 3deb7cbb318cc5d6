//! One observation as the tracker uses it: sound, and on walkable floor.

use super::body::{View, within};
use super::{Observation, TrackerSettings};
use crate::detection::BoxInImage;
use crate::floor::{Cov2, FootprintBasis, Grid, PointInFloor};

/// Least standard deviation of a footprint, m: nobody knows better where a person "is".
const MIN_SD_M: f64 = 0.03;
/// A footprint on a blocked tile is moved by at most this many of its standard deviations ...
const SNAP_SD: f64 = 2.5;
/// ... and this far, m.
const SNAP_M: f64 = 0.8;
/// Rings that are tried on the way there.
const SNAP_RINGS: u32 = 4;
/// Directions tried on each ring, an eighth of a turn apart (unit vectors).
const SNAP_DIRECTIONS: [(f64, f64); 8] = [
    (1.0, 0.0),
    (HALF_SQRT, HALF_SQRT),
    (0.0, 1.0),
    (-HALF_SQRT, HALF_SQRT),
    (-1.0, 0.0),
    (-HALF_SQRT, -HALF_SQRT),
    (0.0, -1.0),
    (HALF_SQRT, -HALF_SQRT),
];
const HALF_SQRT: f64 = std::f64::consts::FRAC_1_SQRT_2;

/// One person seen in the frame at hand.
#[derive(Debug, Clone, Copy)]
pub(super) struct Sighting {
    pub(super) at: PointInFloor,
    pub(super) cov: Cov2,
    pub(super) basis: FootprintBasis,
    pub(super) height_m: Option<f64>,
    pub(super) bbox: Option<BoxInImage>,
    /// What of the box lies in the picture.
    pub(super) in_view: Option<BoxInImage>,
    pub(super) score: f64,
    pub(super) strong: bool,
    /// Whether a track has taken it.
    pub(super) taken: bool,
}

impl Sighting {
    /// `None` if it is too weak, not finite, or nowhere near walkable floor.
    pub(super) fn new(
        observation: &Observation,
        view: View<'_>,
        settings: &TrackerSettings,
    ) -> Option<Self> {
        let footprint = &observation.footprint;
        let PointInFloor { x, y } = footprint.at;
        let cov = footprint.cov.plus(Cov2::isotropic(MIN_SD_M));
        let sound = x.is_finite() && y.is_finite() && cov.inverse().is_some();
        let weak = observation.score.is_nan() || observation.score < settings.weak_score;
        if !sound || weak {
            return None;
        }
        let at = match view.grid {
            Some(grid) => walkable_near(grid, footprint.at, cov)?,
            None => footprint.at,
        };
        let bbox = observation.bbox.filter(BoxInImage::is_sound);
        Some(Self {
            at,
            cov,
            basis: footprint.basis,
            height_m: footprint.height_m.filter(|height| height.is_finite()),
            bbox,
            in_view: bbox.map(|bbox| within(bbox, view.picture())),
            score: observation.score,
            strong: observation.score >= settings.strong_score,
            taken: false,
        })
    }
}

/// `at`, or the nearest walkable point that the footprint could just as well mean.
fn walkable_near(grid: &Grid, at: PointInFloor, cov: Cov2) -> Option<PointInFloor> {
    if grid.is_walkable(at) {
        return Some(at);
    }
    for ring in 1..=SNAP_RINGS {
        let part = f64::from(ring) / f64::from(SNAP_RINGS);
        for (ux, uy) in SNAP_DIRECTIONS {
            let reach_m = part * (SNAP_SD * cov.along(ux, uy).max(0.0).sqrt()).min(SNAP_M);
            let near = PointInFloor {
                x: at.x + reach_m * ux,
                y: at.y + reach_m * uy,
            };
            if grid.is_walkable(near) {
                return Some(near);
            }
        }
    }
    None
}
