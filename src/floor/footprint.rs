//! From a person's box to where the person stands, with a covariance that tells the truth.
//!
//! Theory: an upright body is fitted to the edges of the box (see `body`). This file decides which
//! edges can be believed:
//! - an edge on the picture's border is cut: the person goes on beyond it. A cut side takes the
//!   head's edge with it: in a leaning view the head leaves the picture first;
//! - a lower edge may be the feet, or whatever hides them (a desk, a counter, a crowd). The shorter
//!   it makes the person look for the place, and if a nearer person's box lies over it, the likelier
//!   the latter. Both readings are fitted; the footprint stands by the likelier and its covariance
//!   holds both.
//!
//!
//! A detector may tell foot and head itself. A foot inside its box was seen; one beyond it is where
//! the detector thinks that hidden feet are, and is believed as loosely as such guesses are good.
//!
//! What remains when the feet are hidden is the head, a person's usual height, and that the feet
//! are nearer than anything seen at the cut; the covariance says how little that can be.
//! With no pose known (see `pose`) there are no heights: the lower edge is all there is.
//!
//! It does not follow anybody through time, and knows no walls.

use serde::{Deserialize, Serialize};

use super::body::{self, Edge, Evidence, Fit, HeightPrior, Outline};
use super::{CameraModel, Cov2, PointInFloor, Pose};
use crate::detection::{BoxInImage, Detection, PointInImage};

/// How much a body sways over its feet and steps around its middle, m: added to every footprint.
const STANCE_SD_M: f64 = 0.05;
/// A lower edge that another person covers is this many times less sure, if it is the feet at all:
/// detectors that draw the whole person guess it from what they see of the rest.
const COVERED_SD_FACTOR: f64 = 2.0;
/// How likely a lower edge is not the feet before anything is measured: in the open (desks,
/// counters, planters), and under a nearer person's box (half of all detectors draw only what they
/// see of a person) or close to the picture's border.
const HIDDEN_SHARE_OPEN: f64 = 0.05;
const HIDDEN_SHARE_LIKELY: f64 = 0.5;
/// A lower edge within this many of its standard deviations of the border may really be on it.
const BORDER_SDS: f64 = 1.5;
/// A person whose lower part is hidden looks shorter by anything up to this, m.
const HIDDEN_SPREAD_M: f64 = 1.2;
/// However short somebody looks, this likely it is a child or somebody who sits or bends.
const SHORT_PERSON_SHARE: f64 = 0.15;
/// Below this misfit (1 degree of freedom) nobody looks short in the open.
const LOOKS_SHORT_CHI2: f64 = 2.0;
/// A foot told further outside of the visible box than this many of its edges' standard deviations
/// was not seen but guessed from the rest of the body.
const GUESSED_FOOT_SDS: f64 = 2.0;
/// 1-sigma of such a guess, as a share of the way from the foot to the head: people differ by less
/// in their proportions, but a detector sees no more than a part of them.
const GUESSED_FOOT_SD_SHARE: f64 = 0.1;
/// Covariances of bodies without feet are stretched by this: bounds are no Gaussians, and on
/// simulated people the fit is too sure of itself by about this much.
const HIDDEN_STRETCH: f64 = 1.2;
/// The feet are covered when a nearer box covers more than this share of the strip above the
/// lower edge...
const COVERED_SHARE: f64 = 0.5;
/// ... which is this share of the box high, and in the middle, without this share on either side.
const STRIP_HEIGHT_SHARE: f64 = 0.15;
const STRIP_SIDE_SHARE: f64 = 0.2;
/// Two boxes that share more than this are one person seen twice, and do not cover each other.
const SAME_PERSON_IOU: f64 = 0.75;
/// A box with less than this share of the covered one's score covers nobody.
const COVERING_SCORE_SHARE: f64 = 0.5;
/// Edges and heights disagree when their misfit (1 degree of freedom) is above 3 sigma.
const DISAGREE_CHI2: f64 = 9.0;
/// A height known no better than this is not worth telling, m.
const HEIGHT_TOLD_SD_M: f64 = 0.25;
/// A footprint known no better than this is not known, m.
const WORST_SD_M: f64 = 8.0;
/// Without a pose, hidden feet are somewhere within this share of the box height.
const FLAT_HIDDEN_SHARE: f64 = 0.5;

/// What a footprint rests on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FootprintBasis {
    /// The feet were seen.
    Feet,
    /// The feet were hidden (crowd, desk, frame edge); from the head and a person's height.
    Head,
    /// Both, weighed by their covariances.
    Fused,
    /// Given from outside (camera metadata, a scene script).
    Given,
}

/// Where a person stands.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Footprint {
    /// On the floor, m.
    pub at: PointInFloor,
    /// How sure, m squared.
    pub cov: Cov2,
    /// What it rests on.
    pub basis: FootprintBasis,
    /// The person's height if both ends were seen, m.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub height_m: Option<f64>,
}

/// How far boxes are trusted. Every field has a default with its reason beside it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct FootprintSettings {
    /// 1-sigma of a box edge as a share of the box height (detectors jitter with size).
    pub edge_sd_share: f64,
    /// 1-sigma of a box edge that no box size makes smaller, px.
    pub edge_sd_floor_px: f64,
    /// A box that comes this close to the picture's edge is taken as cut there, px.
    pub cut_margin_px: f64,
}

impl Default for FootprintSettings {
    fn default() -> Self {
        Self {
            edge_sd_share: 0.03,
            edge_sd_floor_px: 1.0,
            cut_margin_px: 3.0,
        }
    }
}

impl CameraModel {
    /// One footprint per detection, in order; `None` where the person can't be on the floor
    /// (above the horizon). The others matter: a nearer box over the lower edge hides the feet.
    /// Writes into `out` (cleared first), allocating nothing once it has grown.
    pub fn footprints(
        &self,
        settings: &FootprintSettings,
        detections: &[Detection],
        out: &mut Vec<Option<Footprint>>,
    ) {
        out.clear();
        let height = self.height_prior();
        for (i, detection) in detections.iter().enumerate() {
            let is_covered = is_covered(detections, i);
            out.push(self.footprint_of(settings, detection, is_covered, height));
        }
    }

    /// What the calibration says of people's heights.
    pub fn height_prior(&self) -> HeightPrior {
        HeightPrior {
            mean_m: self.spec().person_height_m,
            sd_m: self.spec().person_height_sd_m,
        }
    }

    /// One person's footprint. `is_covered`: a nearer person stands before the feet (see
    /// [`is_covered`]). `height`: what is known of this person's height, from the calibration or,
    /// better, learned by following them.
    pub fn footprint_of(
        &self,
        settings: &FootprintSettings,
        detection: &Detection,
        is_covered: bool,
        height: HeightPrior,
    ) -> Option<Footprint> {
        let points = [detection.foot, detection.head];
        let finite = |p: &PointInImage| p.x.is_finite() && p.y.is_finite();
        if !detection.bbox.is_sound() || !points.iter().flatten().all(finite) {
            return None;
        }
        let footprint = match self.pose() {
            Some(pose) => self.fitted(pose, settings, detection, is_covered, height),
            None => self.flat(settings, detection, is_covered),
        }?;
        let cov = footprint.cov.plus(Cov2::isotropic(STANCE_SD_M));
        let (worst, ..) = cov.axes();
        (worst < WORST_SD_M * WORST_SD_M).then_some(Footprint { cov, ..footprint })
    }

    /// By the fit of an upright body.
    fn fitted(
        &self,
        pose: &Pose,
        settings: &FootprintSettings,
        detection: &Detection,
        is_covered: bool,
        height: HeightPrior,
    ) -> Option<Footprint> {
        let evidence = self.evidence(settings, detection, is_covered, height)?;
        if evidence.foot.is_none() && evidence.bottom.is_cut {
            let found = self.fitted_without_feet(pose, settings, detection, evidence)?;
            return Some(hidden(&found));
        }
        let start = detection.foot.unwrap_or(detection.bbox.bottom_centre());
        let feet = body::fit(pose, &evidence, self.floor_from_image(start)?)?;
        let seen = told(&feet, &evidence);
        let depth = f64::from(self.spec().image_height_px);
        let border_px = depth - BORDER_SDS * settings.edge_sd_px(&detection.bbox);
        let may_be_hidden = is_covered || detection.bbox.bottom > border_px;
        let is_asked = may_be_hidden || looks_short(&feet, &evidence);
        if let Some(foot) = detection.foot {
            let is_guess = settings.is_guess(foot, &detection.bbox);
            let basis = if is_guess {
                FootprintBasis::Head
            } else {
                seen.basis
            };
            return Some(Footprint { basis, ..seen });
        }
        if !is_asked {
            return Some(seen);
        }
        match self.fitted_without_feet(pose, settings, detection, evidence) {
            Some(without) => {
                let share = hidden_share(&feet, &without, &evidence, may_be_hidden);
                Some(mixed(seen, hidden(&without), share))
            }
            None => Some(seen),
        }
    }

    /// By the fit of a body whose lower edge is not its feet.
    fn fitted_without_feet(
        &self,
        pose: &Pose,
        settings: &FootprintSettings,
        detection: &Detection,
        evidence: Evidence,
    ) -> Option<Fit> {
        let far = self.floor_from_image(detection.bbox.bottom_centre());
        let evidence = Evidence {
            bottom: Edge {
                sd_px: settings.edge_sd_px(&detection.bbox),
                is_cut: true,
                ..evidence.bottom
            },
            use_width: true,
            between: far,
            ..evidence
        };
        body::fit(
            pose,
            &evidence,
            self.start_from_head(pose, &evidence, detection)?,
        )
    }

    /// What the box says, edge by edge, with the lens's distortion undone.
    fn evidence(
        &self,
        settings: &FootprintSettings,
        detection: &Detection,
        is_covered: bool,
        height: HeightPrior,
    ) -> Option<Evidence> {
        let bbox = &detection.bbox;
        let margin = settings.cut_margin_px;
        let sd_px = settings.edge_sd_px(bbox);
        let (width, depth) = (
            f64::from(self.spec().image_width_px),
            f64::from(self.spec().image_height_px),
        );
        let (mid_x, mid_y) = (
            0.5 * (bbox.left + bbox.right),
            0.5 * (bbox.top + bbox.bottom),
        );
        let straight = |x: f64, y: f64| self.straight(PointInImage { x, y });
        let edge = |at_px: f64, is_cut: bool| Edge {
            at_px,
            sd_px,
            is_cut,
        };
        let point = |p: Option<PointInImage>, sd_px: f64| match p {
            Some(p) => self.straight(p).map(|p| Some((p, sd_px))),
            None => Some(None),
        };
        let foot_sd_px = detection.foot.map_or(sd_px, |foot| {
            let head = detection.head.unwrap_or(bbox.top_centre());
            let guess_sd_px = match settings.is_guess(foot, bbox) {
                true => GUESSED_FOOT_SD_SHARE * foot.distance(head),
                false => 0.0,
            };
            (sd_px * sd_px + guess_sd_px * guess_sd_px).sqrt()
        });
        let mut bottom = edge(
            straight(mid_x, bbox.bottom)?.y,
            bbox.bottom >= depth - margin,
        );
        let left = edge(straight(bbox.left, mid_y)?.x, bbox.left <= margin);
        let right = edge(straight(bbox.right, mid_y)?.x, bbox.right >= width - margin);
        // Without the feet, a head that may be gone is still better than nothing.
        let is_head_gone = (left.is_cut || right.is_cut) && !bottom.is_cut;
        let top = edge(
            straight(mid_x, bbox.top)?.y,
            bbox.top <= margin || is_head_gone,
        );
        if is_covered {
            bottom.sd_px *= COVERED_SD_FACTOR;
        }
        Some(Evidence {
            left,
            top,
            right,
            bottom,
            use_width: false,
            foot: point(detection.foot, foot_sd_px)?,
            head: point(detection.head, sd_px)?,
            height,
            between: None,
        })
    }

    /// A floor point from which a body without feet can be fitted: under the head if that is known,
    /// else halfway to the camera from where the box ends.
    fn start_from_head(
        &self,
        pose: &Pose,
        evidence: &Evidence,
        detection: &Detection,
    ) -> Option<PointInFloor> {
        let bbox = &detection.bbox;
        let head = detection.head.unwrap_or(bbox.top_centre());
        let height_m = evidence.height.mean_m;
        let is_seen = |at: &PointInFloor| Outline::of(pose, *at, height_m, None).is_some();
        if !evidence.top.is_cut
            && let Some(at) = self.floor_from_head(head, height_m).filter(is_seen)
        {
            return Some(at);
        }
        let far = self.floor_from_image(bbox.bottom_centre())?;
        [0.5, 0.75, 1.0]
            .map(|share| pose.foot.lerp(far, share))
            .into_iter()
            .find(is_seen)
    }

    /// With no pose: the lower edge's middle, or the foot that the detector gave.
    fn flat(
        &self,
        settings: &FootprintSettings,
        detection: &Detection,
        is_covered: bool,
    ) -> Option<Footprint> {
        let bbox = &detection.bbox;
        let sd_px = settings.edge_sd_px(bbox);
        let depth = f64::from(self.spec().image_height_px);
        let is_cut = bbox.bottom >= depth - settings.cut_margin_px;
        let is_hidden = detection.foot.is_none() && (is_cut || is_covered);
        let foot = detection.foot.unwrap_or(bbox.bottom_centre());
        let down_sd_px = if is_hidden {
            FLAT_HIDDEN_SHARE * bbox.height()
        } else {
            sd_px
        };
        let in_image = Cov2 {
            xx: 0.5 * sd_px * sd_px,
            xy: 0.0,
            yy: down_sd_px * down_sd_px,
        };
        let basis = match is_hidden {
            true => FootprintBasis::Head,
            false => FootprintBasis::Feet,
        };
        Some(Footprint {
            at: self.floor_from_image(foot)?,
            cov: in_image.mapped(self.floor_from_image_jacobian(foot)?),
            basis,
            height_m: None,
        })
    }
}

impl FootprintSettings {
    /// 1-sigma of this box's edges, px.
    pub fn edge_sd_px(&self, bbox: &BoxInImage) -> f64 {
        let share = self.edge_sd_share * bbox.height();
        share.max(self.edge_sd_floor_px)
    }

    /// Whether a foot told by a detector lies so far outside of the visible box that it was not
    /// seen.
    fn is_guess(&self, foot: PointInImage, bbox: &BoxInImage) -> bool {
        let slack_px = GUESSED_FOOT_SDS * self.edge_sd_px(bbox);
        let across = bbox.left - slack_px..=bbox.right + slack_px;
        let down = bbox.top - slack_px..=bbox.bottom + slack_px;
        !(across.contains(&foot.x) && down.contains(&foot.y))
    }
}

/// Whether a nearer person's box covers the feet of `detections[i]`: nearer, because its lower edge
/// is lower.
pub fn is_covered(detections: &[Detection], i: usize) -> bool {
    let own = &detections[i];
    let bbox = &own.bbox;
    let (side, strip) = (
        STRIP_SIDE_SHARE * bbox.width(),
        STRIP_HEIGHT_SHARE * bbox.height(),
    );
    let feet = BoxInImage::new(
        bbox.left + side,
        bbox.bottom - strip,
        bbox.right - side,
        bbox.bottom,
    );
    detections.iter().enumerate().any(|(j, other)| {
        j != i
            && other.bbox.bottom > bbox.bottom
            && other.score >= COVERING_SCORE_SHARE * own.score
            && feet.intersection(&other.bbox) > COVERED_SHARE * feet.area()
            && other.bbox.iou(bbox) < SAME_PERSON_IOU
    })
}

/// A fit to both ends of a box, told as a footprint.
fn told(found: &Fit, evidence: &Evidence) -> Footprint {
    let is_head_seen = evidence.head.is_some() || !evidence.top.is_cut;
    let agrees = found.chi2 <= DISAGREE_CHI2;
    // A misfit means that the spreads were too hopeful, by about this much.
    let stretch = if agrees {
        1.0
    } else {
        found.chi2 / DISAGREE_CHI2
    };
    Footprint {
        at: found.at,
        cov: found.cov.scaled(stretch),
        basis: if is_head_seen && agrees {
            FootprintBasis::Fused
        } else {
            FootprintBasis::Feet
        },
        height_m: is_head_seen
            .then(|| measured_height(found, evidence.height))
            .flatten()
            .filter(|(_, variance)| *variance < HEIGHT_TOLD_SD_M * HEIGHT_TOLD_SD_M)
            .map(|(height_m, _)| height_m),
    }
}

/// A fit without feet, told as a footprint.
fn hidden(found: &Fit) -> Footprint {
    Footprint {
        at: found.at,
        cov: found.cov.scaled(HIDDEN_STRETCH),
        basis: FootprintBasis::Head,
        height_m: None,
    }
}

/// Whether the lower edge makes the person look shorter than people mostly are.
fn looks_short(feet: &Fit, evidence: &Evidence) -> bool {
    feet.height_m < evidence.height.mean_m && feet.chi2 > LOOKS_SHORT_CHI2
}

/// How likely the lower edge is not the feet: Bayes' rule on how short it makes the person look,
/// and on how well a body without feet fits the rest.
fn hidden_share(feet: &Fit, without: &Fit, evidence: &Evidence, may_be_hidden: bool) -> f64 {
    let before = if may_be_hidden {
        HIDDEN_SHARE_LIKELY
    } else {
        HIDDEN_SHARE_OPEN
    };
    let prior = evidence.height;
    let measured = measured_height(feet, prior).map_or(f64::INFINITY, |(_, variance)| variance);
    let sd_m = (measured + prior.sd_m * prior.sd_m).sqrt();
    // Somebody who looks tall is no less likely to be seen whole than the average.
    let is_short = looks_short(feet, evidence);
    let chi2 = if is_short { feet.chi2 } else { 0.0 };
    let seen = (1.0 - before) * libm::exp(-0.5 * chi2) / (sd_m * std::f64::consts::TAU.sqrt());
    let hidden = before * libm::exp(-0.5 * without.chi2) / HIDDEN_SPREAD_M;
    if hidden > 0.0 {
        (hidden / (hidden + seen)).min(1.0 - SHORT_PERSON_SHARE)
    } else {
        0.0
    }
}

/// Both readings of a lower edge in one: near the one that says the more (a point between two clear
/// readings is where nobody stands, and a likely reading that could be anywhere points nowhere),
/// moving over without a jump, with the spread of both about it.
fn mixed(seen: Footprint, hidden: Footprint, share: f64) -> Footprint {
    // The heights of the two bells of the mixture.
    let peaks = (
        (1.0 - share) / seen.cov.det().sqrt(),
        share / hidden.cov.det().sqrt(),
    );
    let lean = peaks.1 * peaks.1 / (peaks.0 * peaks.0 + peaks.1 * peaks.1);
    let at = seen.at.lerp(hidden.at, lean);
    let about = |reading: &Footprint| {
        let (dx, dy) = (reading.at.x - at.x, reading.at.y - at.y);
        reading.cov.plus(Cov2 {
            xx: dx * dx,
            xy: dx * dy,
            yy: dy * dy,
        })
    };
    let is_hidden = lean > 0.5;
    Footprint {
        at,
        cov: (about(&seen).scaled(1.0 - share)).plus(about(&hidden).scaled(share)),
        basis: if is_hidden { hidden.basis } else { seen.basis },
        height_m: seen.height_m.filter(|_| !is_hidden),
    }
}

/// The height that the picture alone tells, and its variance: the fit's, with what was known
/// beforehand taken out.
fn measured_height(found: &Fit, prior: HeightPrior) -> Option<(f64, f64)> {
    let prior_info = 1.0 / (prior.sd_m * prior.sd_m);
    let variance = 1.0 / (1.0 / found.height_var - prior_info);
    let sum = found.height_m / found.height_var - prior.mean_m * prior_info;
    let height_m = sum * variance;
    (variance > 0.0 && height_m.is_finite()).then_some((height_m, variance))
}

#[cfg(test)]
mod tests;
