//! Heights of people seen, held against the calibration: lengths that are wrong make everybody too
//! tall or too short, and an angle that is wrong makes them taller near than far.

use serde::Serialize;

use super::body::size;
use crate::detection::Detection;
use crate::floor::CameraModel;

/// Boxes this close to the picture's edge are cut there, px.
const CUT_PX: f64 = 4.0;
/// Only detections that are this sure count.
const SURE: f64 = 0.6;
/// Nobody is shorter or taller than this, m: such a box is no person standing.
const HEIGHTS_M: (f64, f64) = (1.0, 2.6);
/// A box is a person standing if it is this many times as high as wide, at least.
const SLENDER: f64 = 1.6;
/// A third of the sightings are near, a third far; fewer than this in each say nothing.
const LEAST_IN_A_THIRD: usize = 15;

/// One sighting of a whole person.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Height {
    /// How tall the calibration takes them to be, m.
    pub height_m: f64,
    /// How far from the camera's foot, m.
    pub away_m: f64,
}

/// What all sightings come to.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct HeightStats {
    /// Sightings.
    pub count: usize,
    /// Half are shorter, m.
    pub median_m: f64,
    /// A quarter is shorter, m.
    pub quarter_m: f64,
    /// A quarter is taller, m.
    pub three_quarters_m: f64,
    /// What the calibration says, m.
    pub expected_m: f64,
    /// Median of the nearest third over that of the furthest.
    pub near_over_far: Option<f64>,
}

/// How tall a detected person is, if all of them is seen and they stand.
pub fn height_of(model: &CameraModel, detection: &Detection) -> Option<Height> {
    let bbox = detection.bbox;
    let (width, height) = size(model);
    let whole = bbox.left > CUT_PX
        && bbox.top > CUT_PX
        && bbox.right < width - CUT_PX
        && bbox.bottom < height - CUT_PX;
    let stands = bbox.height() > SLENDER * bbox.width();
    if !whole || !stands || detection.score < SURE {
        return None;
    }
    let at = model.floor_from_image(bbox.bottom_centre())?;
    let height_m = model.height_from_head(at, bbox.top_centre())?;
    let foot = model.pose()?.foot;
    let (least, most) = HEIGHTS_M;
    (least..=most).contains(&height_m).then(|| Height {
        height_m,
        away_m: foot.distance(at),
    })
}

impl HeightStats {
    /// `None` of nobody.
    pub(super) fn of(heights: &[Height], model: &CameraModel) -> Option<Self> {
        let mut all: Vec<Height> = heights.to_vec();
        all.sort_by(|a, b| a.away_m.total_cmp(&b.away_m));
        let third = all.len() / 3;
        let near_over_far = (third >= LEAST_IN_A_THIRD).then(|| {
            let near = quantile(&all[..third], 0.5);
            near / quantile(&all[all.len() - third..], 0.5)
        });
        (!all.is_empty()).then(|| Self {
            count: all.len(),
            median_m: quantile(&all, 0.5),
            quarter_m: quantile(&all, 0.25),
            three_quarters_m: quantile(&all, 0.75),
            expected_m: model.spec().person_height_m,
            near_over_far,
        })
    }
}

fn quantile(heights: &[Height], share: f64) -> f64 {
    let mut sorted: Vec<f64> = heights.iter().map(|height| height.height_m).collect();
    sorted.sort_by(f64::total_cmp);
    let place = (share * (sorted.len().max(1) - 1) as f64).round() as usize;
    sorted.get(place).copied().unwrap_or(0.0)
}
