//! The health of one tile: a person stood in its middle.

use serde::Serialize;

use super::body::{Stand, stand};
use super::{FOOT_M, Grade, LEAST_PERSON_PX, Patient, WANTED_PX_PER_FT, reach_m};
use crate::detection::Detection;
use crate::floor::{CameraModel, PointInFloor, TileIndex, TileRole};

/// Tiles this near to a portal decide, m: people walk that far while they are being followed.
const NEAR_M: f64 = 2.0;
/// Near a portal a footprint must be known to this, m: the depth at which one has settled.
const VAGUE_M: f64 = 0.3;
/// What a detector is sure of.
const SCORE: f64 = 0.9;

/// What is wrong with a tile.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum TileProblem {
    /// Nothing of a person there is in the picture.
    NotSeen,
    /// The feet are cut off by the picture's edge.
    FeetCut,
    /// The head is.
    HeadCut,
    /// Too few pixels for any detector.
    TooSmall,
    /// Fewer pixels than detectors like.
    Small,
    /// Where a person stands is known too badly.
    Vague,
}

impl TileProblem {
    /// As the end of a sentence on tiles.
    pub const fn words(self) -> &'static str {
        match self {
            Self::NotSeen => "outside the picture",
            Self::FeetCut => "the picture's edge cuts off people's feet",
            Self::HeadCut => "the picture's edge cuts off people's heads",
            Self::TooSmall => "people are too small for a detector",
            Self::Small => "people have fewer than 10 pixels to a foot",
            Self::Vague => "where a person stands is known to less than 0.3 m",
        }
    }

    /// What to change.
    pub const fn change(self) -> &'static str {
        match self {
            Self::NotSeen | Self::FeetCut | Self::HeadCut => {
                "turn the camera, move it back, or use a wider lens"
            }
            Self::TooSmall | Self::Small => {
                "move the camera closer, use a longer lens, or record at a higher resolution"
            }
            Self::Vague => "hang the camera higher or closer, so that it looks down more steeply",
        }
    }
}

/// The health of one tile that can be walked on.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct TileHealth {
    /// Which.
    pub tile: TileIndex,
    /// What it is to the door.
    pub role: TileRole,
    /// Whether it is near enough to a portal to matter.
    pub near: bool,
    /// Metres of floor under one pixel, in the worse direction.
    pub metres_per_px: Option<f64>,
    /// How tall a person appears, px.
    pub person_px: Option<f64>,
    /// Pixels to a foot across a person.
    pub px_per_ft: Option<f64>,
    /// How well it is known where a person stands, one standard deviation in the worse direction, m.
    pub place_sd_m: Option<f64>,
    /// What is wrong.
    pub problem: Option<TileProblem>,
    /// How good it is.
    pub grade: Grade,
}

impl TileHealth {
    /// `None` for a tile that can't be walked on.
    pub(super) fn of(patient: &Patient<'_>, tile: TileIndex) -> Option<Self> {
        let role = patient.grid.role(tile);
        if role == TileRole::Blocked {
            return None;
        }
        let at = patient.grid.centre(tile);
        let model = patient.model;
        let reach = |(_, portal): &(String, _)| reach_m(portal, at);
        let nearest = patient.portals.iter().map(reach);
        let near = nearest.fold(f64::INFINITY, f64::min) <= NEAR_M;
        let stand = stand(model, at).filter(|stand| stand.shown.is_some());
        let mut health = Self {
            tile,
            role,
            near,
            metres_per_px: metres_per_px(model, at),
            person_px: stand.map(|stand| stand.large_px),
            px_per_ft: px_per_m(model, at).map(|px| px * FOOT_M),
            place_sd_m: stand.and_then(|stand| place_sd_m(patient, &stand)),
            problem: None,
            grade: Grade::Good,
        };
        let (problem, grade) = match stand {
            None => (Some(TileProblem::NotSeen), Grade::Refuse),
            Some(stand) => health.problem_of(&stand),
        };
        (health.problem, health.grade) = (problem, grade);
        Some(health)
    }

    fn problem_of(&self, stand: &Stand) -> (Option<TileProblem>, Grade) {
        let little = |of: Option<f64>, least: f64| of.is_none_or(|of| of < least);
        if !stand.ends.feet && !stand.ends.head {
            (Some(TileProblem::NotSeen), Grade::Refuse)
        } else if little(self.person_px, LEAST_PERSON_PX) {
            (Some(TileProblem::TooSmall), Grade::Refuse)
        } else if !stand.ends.feet {
            (Some(TileProblem::FeetCut), Grade::Doubtful)
        } else if !stand.ends.head {
            (Some(TileProblem::HeadCut), Grade::Doubtful)
        } else if little(self.px_per_ft, WANTED_PX_PER_FT) {
            (Some(TileProblem::Small), Grade::Doubtful)
        } else if self.place_sd_m.is_none_or(|sd| sd > VAGUE_M) {
            (Some(TileProblem::Vague), Grade::Doubtful)
        } else {
            (None, Grade::Good)
        }
    }
}

/// Metres of floor under one pixel, in the worse direction.
fn metres_per_px(model: &CameraModel, at: PointInFloor) -> Option<f64> {
    let p = model.image_from_floor(at, 0.0)?;
    let [[a, b], [c, d]] = model.floor_from_image_jacobian(p)?;
    // The larger singular value.
    let (sum, det) = (a * a + b * b + c * c + d * d, a * d - b * c);
    let root = (sum * sum - 4.0 * det * det).max(0.0).sqrt();
    Some((0.5 * (sum + root)).sqrt())
}

/// Pixels to a metre across the line of sight, where a person's chest is.
pub(super) fn px_per_m(model: &CameraModel, at: PointInFloor) -> Option<f64> {
    let foot = model.pose()?.foot;
    let (dx, dy) = (at.x - foot.x, at.y - foot.y);
    let away = (dx * dx + dy * dy).sqrt();
    let (ux, uy) = if away > 0.01 {
        (dy / away, -dx / away)
    } else {
        (1.0, 0.0)
    };
    let half = 0.25;
    let chest = 0.7 * model.spec().person_height_m;
    let beside = |side: f64| PointInFloor {
        x: at.x + side * ux,
        y: at.y + side * uy,
    };
    let left = model.image_from_floor(beside(-half), chest)?;
    let right = model.image_from_floor(beside(half), chest)?;
    Some(left.distance(right) / (2.0 * half))
}

/// How well the engine knows where this person stands.
fn place_sd_m(patient: &Patient<'_>, stand: &Stand) -> Option<f64> {
    let detection = Detection::new(stand.shown?, SCORE);
    let prior = patient.model.height_prior();
    let footprint = patient
        .model
        .footprint_of(patient.footprints, &detection, false, prior)?;
    Some(footprint.cov.axes().0.sqrt())
}
