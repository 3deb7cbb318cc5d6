//! The health of a portal: whether people are seen before, on and behind the line, from where, and
//! how close two may follow each other before they are one.

use serde::Serialize;

use super::body::stand;
use super::tile::px_per_m;
use super::{FOOT_M, Finding, Grade, LEAST_PERSON_PX, Patient, WANTED_PX_PER_FT, finding};
use crate::floor::{CameraModel, PointInFloor, Portal};

/// Floor is looked at this far on either side of the line, m, in steps of this.
const APPROACH_M: f64 = 3.0;
const STEP_M: f64 = 0.1;
/// People must be seen from head to foot on this share of the line.
const WHOLE_LINE: f64 = 0.99;
/// Where neither end of people is seen on more than this share of it, people are missed.
const BLIND_LINE: f64 = 0.3;
/// On the side people come from they are followed for this long before the line, m.
const WANTED_BEFORE_M: f64 = 1.5;
/// On the other side they must be seen beyond the depth by this, m: a few frames.
const WANTED_BEYOND_M: f64 = 0.4;
/// Two boxes that overlap by more than this share (intersection over union) may be merged.
const MERGED: f64 = 0.65;
/// Of whom less than this share is shown, behind somebody, is not found.
const FOUND: f64 = 0.35;
/// People who follow each other closer than this walk into one another, m.
const CLOSE_M: f64 = 0.9;
/// A camera that can't tell two people apart this far misses tailgaters, m.
const TOO_FAR_APART_M: f64 = 1.8;
/// Facing the door by less than this, a large person in front hides a small one, degrees.
const HEAD_ON_DEG: f64 = 12.0;
/// Along the wall, the line itself is seen edge on, degrees.
const ALONG_DEG: f64 = 75.0;
/// Angles below the horizon between which people are seen well, degrees. From straight above the
/// default detector counts nearly everybody (`benches/crossings`), others nobody; but those it was tried on
/// there were rendered, so that a replay must confirm it.
const FLAT_DEG: f64 = 12.0;
const STEEP_DEG: f64 = 60.0;

/// The health of one portal.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct PortalHealth {
    /// Its name.
    pub name: String,
    /// Share of the line on which people are seen from head to foot.
    pub line_seen: f64,
    /// Share of it on which neither feet nor head are in the picture.
    pub line_blind: f64,
    /// How far before the line (outside) feet are seen without a break, m.
    pub before_m: f64,
    /// How far behind it.
    pub beyond_m: f64,
    /// How far from the line one has settled, m.
    pub depth_m: f64,
    /// How tall a person on the line appears at its worse end, px.
    pub person_px: Option<f64>,
    /// Pixels to a foot across that person.
    pub px_per_ft: Option<f64>,
    /// Two people who follow each other through are told apart from this gap on, m.
    pub gap_behind_m: Option<f64>,
    /// And two who go side by side from this one on.
    pub gap_beside_m: Option<f64>,
    /// Angle between the line of sight and straight through the door, degrees: 0 is head-on.
    pub aside_deg: Option<f64>,
    /// Angle below the horizon at which it is seen, degrees.
    pub down_deg: Option<f64>,
}

impl PortalHealth {
    pub(super) fn of(patient: &Patient<'_>, name: &str, portal: &Portal) -> Self {
        let model = patient.model;
        let length = portal.length_m();
        let on_line: Vec<PointInFloor> = (0..=10)
            .filter_map(|tenth| at_station(portal, length * f64::from(tenth) / 10.0))
            .collect();
        let whole = |at: &&PointInFloor| {
            stand(model, **at).is_some_and(|stand| stand.ends.feet && stand.ends.head)
        };
        let seen = on_line.iter().filter(whole).count();
        let part = |at: &&PointInFloor| {
            stand(model, **at).is_some_and(|stand| stand.ends.feet || stand.ends.head)
        };
        let partly = on_line.iter().filter(part).count();
        let person = on_line
            .iter()
            .filter_map(|at| Some(stand(model, *at)?.large_px));
        let dense = on_line
            .iter()
            .filter_map(|at| Some(px_per_m(model, *at)? * FOOT_M));
        let middle = at_station(portal, 0.5 * length).unwrap_or_default();
        let normal = portal.read(middle).normal;
        let along = (normal.1, -normal.0);
        let angles = angles(model, middle, normal);
        Self {
            name: name.to_owned(),
            line_seen: seen as f64 / on_line.len().max(1) as f64,
            line_blind: 1.0 - partly as f64 / on_line.len().max(1) as f64,
            before_m: seen_for_m(model, middle, (-normal.0, -normal.1)),
            beyond_m: seen_for_m(model, middle, normal),
            depth_m: portal.depth_m,
            person_px: person.reduce(f64::min),
            px_per_ft: dense.reduce(f64::min),
            gap_behind_m: gap_m(model, middle, (-normal.0, -normal.1)),
            gap_beside_m: gap_m(model, middle, along),
            aside_deg: angles.map(|(aside, _)| aside),
            down_deg: angles.map(|(_, down)| down),
        }
    }

    pub(super) fn findings(&self) -> Vec<Finding> {
        let mut findings = vec![self.line_finding(), self.approach_finding()];
        findings.extend(self.size_finding());
        findings.extend(self.gap_finding());
        findings.extend(self.angle_findings());
        findings
    }

    fn line_finding(&self) -> Finding {
        let grade = match () {
            () if self.line_blind > BLIND_LINE => Grade::Refuse,
            () if self.line_seen < WHOLE_LINE => Grade::Doubtful,
            () => Grade::Good,
        };
        finding(
            grade,
            format!(
                "portal {}: people are seen from head to foot on {:.0} % of the line, neither head \
                 nor feet on {:.0} %",
                self.name,
                100.0 * self.line_seen,
                100.0 * self.line_blind
            ),
            "turn the camera until the whole door is in the picture, posts and floor",
        )
    }

    fn approach_finding(&self) -> Finding {
        let short = self.before_m.min(self.beyond_m) < self.depth_m;
        let scarce =
            self.before_m < WANTED_BEFORE_M || self.beyond_m < self.depth_m + WANTED_BEYOND_M;
        let grade = match (short, scarce) {
            (true, _) => Grade::Refuse,
            (false, true) => Grade::Doubtful,
            (false, false) => Grade::Good,
        };
        let upto = |seen_m: f64| match seen_m < APPROACH_M - 0.5 * STEP_M {
            true => format!("{seen_m:.1} m"),
            false => format!("{seen_m:.1} m and more"),
        };
        finding(
            grade,
            format!(
                "portal {}: feet are seen for {} before the line and {} behind it (settled after \
                 {:.1} m)",
                self.name,
                upto(self.before_m),
                upto(self.beyond_m),
                self.depth_m
            ),
            "show 1.5 m of floor before the line and 0.4 m more than depth_m behind it",
        )
    }

    fn size_finding(&self) -> Option<Finding> {
        let (person_px, px_per_ft) = (self.person_px?, self.px_per_ft?);
        let grade = match () {
            () if person_px < LEAST_PERSON_PX => Grade::Refuse,
            () if px_per_ft < WANTED_PX_PER_FT => Grade::Doubtful,
            () => Grade::Good,
        };
        Some(finding(
            grade,
            format!(
                "portal {}: a person is {person_px:.0} px large, {px_per_ft:.1} pixels to a foot \
                 (10 are wanted)",
                self.name
            ),
            "move the camera closer, use a longer lens, or record at a higher resolution",
        ))
    }

    fn gap_finding(&self) -> Option<Finding> {
        self.person_px?;
        let said = |gap: Option<f64>| match gap {
            Some(gap) => format!("{gap:.1} m"),
            None => format!("no gap up to {APPROACH_M:.0} m"),
        };
        Some(finding(
            Grade::by(
                self.gap_behind_m.unwrap_or(f64::INFINITY),
                CLOSE_M,
                TOO_FAR_APART_M,
            ),
            format!(
                "portal {}: two people are told apart from {} behind one another, from {} side by \
                 side",
                self.name,
                said(self.gap_behind_m),
                said(self.gap_beside_m)
            ),
            "hang the camera higher and to the side, so that who follows is not hidden",
        ))
    }

    fn angle_findings(&self) -> Vec<Finding> {
        let (Some(aside), Some(down)) = (self.aside_deg, self.down_deg) else {
            return Vec::new();
        };
        let (grade, change) = if aside < HEAD_ON_DEG {
            let change = "hang it to the side: over the shoulder, so that a large person in front does \
                          not hide a small one";
            (Grade::Doubtful, change)
        } else if aside > ALONG_DEG {
            (
                Grade::Doubtful,
                "hang it further before the door: it looks along the wall",
            )
        } else {
            (Grade::Good, "")
        };
        let what = format!(
            "portal {}: seen from {aside:.0} degrees to the side of straight through",
            self.name
        );
        let side = finding(grade, what, change);
        let (grade, change) = match down {
            _ if down > STEEP_DEG => (
                Grade::Doubtful,
                "hang it further from the door, or lower; or replay a clip of it with the detector lintel: \
                 others see hardly anybody from above",
            ),
            _ if down < FLAT_DEG => (Grade::Doubtful, "hang it higher, or closer to the door"),
            _ => (Grade::Good, ""),
        };
        let what = format!(
            "portal {}: seen from {down:.0} degrees above the horizon",
            self.name
        );
        vec![side, finding(grade, what, change)]
    }
}

/// The point of a portal's line at a distance along it.
fn at_station(portal: &Portal, station_m: f64) -> Option<PointInFloor> {
    let mut rest = station_m;
    for ends in portal.line.windows(2) {
        let length = ends[0].distance(ends[1]);
        if length > 0.0 && rest <= length + 1e-9 {
            return Some(ends[0].lerp(ends[1], (rest / length).clamp(0.0, 1.0)));
        }
        rest -= length;
    }
    portal.line.last().copied()
}

fn beside(at: PointInFloor, way: (f64, f64), by_m: f64) -> PointInFloor {
    PointInFloor {
        x: at.x + by_m * way.0,
        y: at.y + by_m * way.1,
    }
}

/// How far from a point, one way, feet are seen without a break, m.
fn seen_for_m(model: &CameraModel, from: PointInFloor, way: (f64, f64)) -> f64 {
    let steps = (APPROACH_M / STEP_M).round() as u32;
    let seen = |step: &u32| {
        let at = beside(from, way, STEP_M * f64::from(*step));
        stand(model, at).is_some_and(|stand| stand.ends.feet)
    };
    let count = (0..=steps).take_while(seen).count();
    STEP_M * (count.max(1) - 1) as f64
}

/// From which gap on two people, one on the line and one further along `way`, are told apart.
fn gap_m(model: &CameraModel, first: PointInFloor, way: (f64, f64)) -> Option<f64> {
    let one = stand(model, first)?;
    let foot = model.pose()?.foot;
    let steps = (APPROACH_M / STEP_M).round() as u32;
    let apart = |step: u32| {
        let at = beside(first, way, STEP_M * f64::from(step));
        let Some(other) = stand(model, at) else {
            return true; // out of sight altogether: not a matter of telling apart
        };
        let (Some(a), Some(b)) = (one.shown, other.shown) else {
            return true;
        };
        let hidden = match foot.distance(at) > foot.distance(first) {
            true => b,
            false => a,
        };
        let covered = a.intersection(&b) / hidden.area().max(1.0);
        a.iou(&b) <= MERGED && 1.0 - covered >= FOUND
    };
    // The last gap at which they are one, and a step more.
    let last = (1..=steps).rev().find(|step| !apart(*step));
    match last {
        None => Some(STEP_M),
        Some(last) if last < steps => Some(STEP_M * f64::from(last + 1)),
        Some(_) => None,
    }
}

/// Angle to the side of straight through the door, and below the horizon, degrees.
fn angles(model: &CameraModel, at: PointInFloor, normal: (f64, f64)) -> Option<(f64, f64)> {
    let pose = model.pose()?;
    let (dx, dy) = (at.x - pose.foot.x, at.y - pose.foot.y);
    let away = (dx * dx + dy * dy).sqrt();
    let through = (dx * normal.0 + dy * normal.1).abs();
    let across = (dx * normal.1 - dy * normal.0).abs();
    let aside = libm::atan2(across, through).to_degrees();
    let down = libm::atan2(pose.height_m, away).to_degrees();
    Some((aside, down))
}
