//! Whether a door is set up right: what its camera can and cannot see, and what to change.
//!
//! # Theory of operation
//!
//! A calibration says where everything appears. So each question of an installer can be answered
//! before anybody walks: a person is stood on every tile and beside every portal, their box is drawn
//! as a detector would, clipped by the picture's edges, and put back on the floor by the engine's own
//! reader of boxes. What comes back, and how sure, is the health of that tile.
//!
//! Control points tell how well the calibration agrees with itself; people seen in a trace, if one is
//! given, whether it is right: they are as tall as people are, near and far.
//!
//! Each answer has a grade and says what to change. The worst grade is the verdict. It deliberately
//! does not know what hides the floor besides the picture's edges (a door's leaf, a desk that nobody
//! marked), and says so.

mod body;
mod people;
mod portal;
mod tile;

#[cfg(test)]
mod tests;

use serde::Serialize;

use crate::floor::{CameraModel, FootprintSettings, Grid, PointInFloor, Portal, TileIndex};

pub use body::{Ends, Stand, stand};
pub use people::{Height, HeightStats, height_of};
pub use portal::PortalHealth;
pub use tile::{TileHealth, TileProblem};

/// Camio asks for ten pixels to a foot of person.
pub const WANTED_PX_PER_FT: f64 = 10.0;
/// Below this a person is too small for any detector here, px: networks are given people of 36 px or
/// more, and the picture is enlarged by half at most.
pub const LEAST_PERSON_PX: f64 = 24.0;
/// A foot, m.
pub const FOOT_M: f64 = 0.3048;
/// Control points further than this from where the calibration sees them are doubtful, m.
const POINT_DOUBTFUL_M: f64 = 0.1;
/// And refused: the line would lie beside the threshold.
const POINT_REFUSED_M: f64 = 0.3;
/// Lengths known no better than this are doubtful, as a share.
const SCALE_DOUBTFUL: f64 = 0.15;
/// Four points fit any calibration: only a fifth can contradict.
const POINTS_THAT_FIT_ANYTHING: usize = 4;
/// People's median height may differ from the calibration's by this share.
const HEIGHT_DOUBTFUL: f64 = 0.06;
/// And by this it is wrong.
const HEIGHT_REFUSED: f64 = 0.15;
/// Boxes of a detector that draws them loosely make everybody taller by up to this share.
const LOOSE_BOXES: f64 = 0.12;
/// People may look taller near than far by this share.
const TILT_DOUBTFUL: f64 = 0.06;
/// Fewer than this share of the tiles near the door may be seen badly without a doubt.
const FEW_TILES: f64 = 0.15;
/// From this share on the door is refused if they can't be used.
const MANY_TILES: f64 = 0.5;
/// Fewer people say nothing.
const LEAST_HEIGHTS: usize = 20;

/// How good something is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Grade {
    /// As it should be.
    Good,
    /// Usable, and some verdicts will be weaker for it.
    Doubtful,
    /// Verdicts would be wrong or missing.
    Refuse,
}

impl Grade {
    /// The verdict in words.
    pub const fn words(self) -> &'static str {
        match self {
            Self::Good => "good",
            Self::Doubtful => "usable with doubts",
            Self::Refuse => "refuse",
        }
    }

    /// By two limits: worse from `doubtful` on, refused from `refused` on.
    pub(super) fn by(value: f64, doubtful: f64, refused: f64) -> Self {
        match value {
            _ if value.is_nan() || value >= refused => Self::Refuse,
            _ if value >= doubtful => Self::Doubtful,
            _ => Self::Good,
        }
    }
}

/// One answer.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Finding {
    /// How good.
    pub grade: Grade,
    /// What was looked at and what was found, in one line.
    pub what: String,
    /// What to change; empty if nothing.
    pub change: String,
}

/// A control point held against the calibration.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct PointHealth {
    /// Where it was clicked, px.
    pub image_px: [f64; 2],
    /// How far from there the calibration sees it, px.
    pub residual_px: f64,
    /// How far apart the two are on the floor, m.
    pub residual_m: f64,
}

/// What is to be looked at.
#[derive(Debug, Clone, Copy)]
pub struct Patient<'a> {
    /// The camera.
    pub model: &'a CameraModel,
    /// Its tiles.
    pub grid: &'a Grid,
    /// The portals it sees, with their names.
    pub portals: &'a [(String, Portal)],
    /// How boxes are read.
    pub footprints: &'a FootprintSettings,
    /// People seen, if any were.
    pub heights: &'a [Height],
    /// Whether the detector that saw them draws its boxes loosely, as HOG does.
    pub loose_boxes: bool,
}

/// The health of a door's camera.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Health {
    /// The worst of all.
    pub grade: Grade,
    /// Worst first.
    pub findings: Vec<Finding>,
    /// Control points in order.
    pub points: Vec<PointHealth>,
    /// Portals in order.
    pub portals: Vec<PortalHealth>,
    /// Tiles that can be walked on, row by row.
    pub tiles: Vec<TileHealth>,
    /// Heights of people seen.
    pub people: Option<HeightStats>,
}

impl Health {
    /// Looks at everything.
    pub fn of(patient: &Patient<'_>) -> Self {
        let points = points(patient.model);
        let tiles = tiles(patient);
        let portals: Vec<PortalHealth> = patient
            .portals
            .iter()
            .map(|(name, portal)| PortalHealth::of(patient, name, portal))
            .collect();
        let people = HeightStats::of(patient.heights, patient.model);
        let mut findings = vec![pose_finding(patient.model)];
        findings.extend(point_findings(patient.model, &points));
        findings.extend(portals.iter().flat_map(PortalHealth::findings));
        findings.extend(tile_findings(&tiles));
        let loose = patient.loose_boxes;
        findings.extend(people.iter().flat_map(|one| people_findings(one, loose)));
        // Stable: within a grade in the order of looking.
        findings.sort_by_key(|finding| std::cmp::Reverse(finding.grade));
        Self {
            grade: findings.first().map_or(Grade::Good, |worst| worst.grade),
            findings,
            points,
            portals,
            tiles,
            people,
        }
    }
}

fn finding(grade: Grade, what: String, change: &str) -> Finding {
    let change = if grade == Grade::Good { "" } else { change };
    Finding {
        grade,
        what,
        change: change.to_owned(),
    }
}

fn pose_finding(model: &CameraModel) -> Finding {
    match model.pose() {
        Some(pose) => finding(
            Grade::Good,
            format!(
                "camera {:.2} m above the floor, looking {:.0} degrees down, focal length {:.0} px",
                pose.height_m,
                pose.pitch_rad.to_degrees(),
                pose.focal_px
            ),
            "",
        ),
        None => finding(
            Grade::Refuse,
            "the camera's place can't be told: nobody's height is known anywhere".to_owned(),
            "add control points that are not all on one line, or give the lens",
        ),
    }
}

fn points(model: &CameraModel) -> Vec<PointHealth> {
    let health = |point: &crate::floor::ControlPoint| {
        let seen = model.image_from_floor(point.floor, 0.0);
        let meant = model.floor_from_image(point.image);
        PointHealth {
            image_px: [point.image.x, point.image.y],
            residual_px: seen.map_or(f64::INFINITY, |seen| seen.distance(point.image)),
            residual_m: meant.map_or(f64::INFINITY, |meant| meant.distance(point.floor)),
        }
    };
    model.spec().control_points.iter().map(health).collect()
}

fn point_findings(model: &CameraModel, points: &[PointHealth]) -> Vec<Finding> {
    let scale = model.spec().scale_uncertainty;
    let lengths = finding(
        Grade::by(scale, SCALE_DOUBTFUL, 1.0),
        format!("lengths are known within {:.0} %", 100.0 * scale),
        "measure more of the floor, or calibrate from people walking",
    );
    if points.len() <= POINTS_THAT_FIT_ANYTHING {
        let what = format!(
            "{} control points fit any calibration: a fifth would test them",
            points.len()
        );
        return vec![finding(Grade::Good, what, ""), lengths];
    }
    let mut worst = (0, 0.0, 0.0);
    for (place, point) in (1..).zip(points) {
        if point.residual_m > worst.2 {
            worst = (place, point.residual_px, point.residual_m);
        }
    }
    let agree = finding(
        Grade::by(worst.2, POINT_DOUBTFUL_M, POINT_REFUSED_M),
        format!(
            "{} control points; number {} is furthest off, {:.1} px or {:.2} m",
            points.len(),
            worst.0,
            worst.1,
            worst.2
        ),
        "click and measure that point again, or leave it out",
    );
    vec![agree, lengths]
}

fn tiles(patient: &Patient<'_>) -> Vec<TileHealth> {
    let (columns, rows) = patient.grid.size();
    let all = (0..rows).flat_map(|row| (0..columns).map(move |column| TileIndex { column, row }));
    all.filter_map(|tile| TileHealth::of(patient, tile))
        .collect()
}

/// Only tiles near a portal decide; of the others it is said how many there are.
fn tile_findings(tiles: &[TileHealth]) -> Vec<Finding> {
    let mut findings = Vec::new();
    let all = |near: bool| tiles.iter().filter(move |tile| tile.near == near);
    let problems = [
        TileProblem::NotSeen,
        TileProblem::FeetCut,
        TileProblem::HeadCut,
        TileProblem::TooSmall,
        TileProblem::Small,
        TileProblem::Vague,
    ];
    let near = all(true).count();
    for problem in problems {
        let with = |tile: &&TileHealth| tile.problem == Some(problem);
        let count = all(true).filter(with).count();
        if count == 0 {
            continue;
        }
        let worst = all(true).filter(with).map(|tile| tile.grade).max();
        // A corner of the floor that is seen badly does no harm; half of it does.
        let share = count as f64 / near.max(1) as f64;
        let most = match share {
            _ if share < FEW_TILES => Grade::Good,
            _ if share < MANY_TILES => Grade::Doubtful,
            _ => Grade::Refuse,
        };
        let grade = worst.unwrap_or(Grade::Good).min(most);
        let what = format!("{count} of {near} tiles near the door: {}", problem.words());
        findings.push(finding(grade, what, problem.change()));
    }
    if findings.is_empty() && near > 0 {
        let what = format!("all {near} tiles near the door are seen from head to foot");
        findings.push(finding(Grade::Good, what, ""));
    }
    let far = all(false)
        .filter(|tile| tile.grade == Grade::Refuse)
        .count();
    if far > 0 {
        let what = format!(
            "{far} of {} tiles further away are not seen well enough, which does no harm there",
            all(false).count()
        );
        findings.push(finding(Grade::Good, what, ""));
    }
    findings
}

fn people_findings(people: &HeightStats, loose: bool) -> Vec<Finding> {
    if people.count < LEAST_HEIGHTS {
        let what = format!(
            "{} sightings of whole people: too few to test the calibration by their height",
            people.count
        );
        return vec![finding(Grade::Good, what, "")];
    }
    let share = people.median_m / people.expected_m - 1.0;
    // Loose boxes make people taller, never shorter.
    let granted = if loose { LOOSE_BOXES } else { 0.0 };
    let off = (share - granted).max(-share).max(0.0);
    let tall = finding(
        Grade::by(off, HEIGHT_DOUBTFUL, HEIGHT_REFUSED),
        format!(
            "people are {:.2} m tall here (half of {} sightings within {:.2} to {:.2} m), {:.2} m is \
             expected{}",
            people.median_m,
            people.count,
            people.quarter_m,
            people.three_quarters_m,
            people.expected_m,
            if loose {
                " (boxes are loose: up to 12 % more is theirs)"
            } else {
                ""
            }
        ),
        "lengths are wrong by this share: measure the floor again, or calibrate from people",
    );
    let Some(tilt) = people.near_over_far.map(|ratio| ratio - 1.0) else {
        return vec![tall];
    };
    let level = finding(
        Grade::by(tilt.abs(), TILT_DOUBTFUL, 1.0),
        format!(
            "people near the camera look {:.0} % {} than those far from it",
            100.0 * tilt.abs(),
            if tilt > 0.0 { "taller" } else { "shorter" }
        ),
        "the angle or the lens is wrong: measure points over the whole floor, and give the lens",
    );
    vec![tall, level]
}

/// Distance of a floor point from a portal's line, its ends included, m.
fn reach_m(portal: &Portal, at: PointInFloor) -> f64 {
    let reading = portal.read(at);
    let length = portal.length_m();
    let beyond = (reading.station_m - length)
        .max(-reading.station_m)
        .max(0.0);
    (reading.side_m * reading.side_m + beyond * beyond).sqrt()
}
