//! People who appear at the line, or vanish there: the side that nobody saw, from the motion.
//!
//! A door in a wall shows one side only. Who appears at it walking in has come through it, and
//! who walks up to it and is seen no more has gone through it. Both are inferences and carry a
//! doubt. Standing about at the line, walking along it, or appearing with the footage itself
//! allows none.

use super::Crossing;
use super::account::{Account, Rules};
use super::finding::Finding;
use super::sighting::{Motion, Side, Sighting};
use crate::units::{Doubt, Instant, Interval, Span, add_doubt};

/// Slower than this somebody stands, m/s; people walk at 0.3 and more.
const LEAST_MPS: f64 = 0.2;

/// A way of which less than this share leads across the line leads along it (an angle of less
/// than 30 degrees to the line).
const LEAST_SHARE_ACROSS: f64 = 0.5;

/// At least so far from the line one is on a side without being settled there, m.
const CLEAR_M: f64 = 0.1;

/// The longest time that is extrapolated, in either direction.
const LONGEST_GUESS: Span = Span::from_ms(1_000);

impl Account {
    /// The crossing of a track that settles for the first time, if it was born on the threshold.
    pub(super) fn born_into(
        &self,
        rules: Rules<'_>,
        side: Side,
        settled_from: Instant,
        margin_m: f64,
    ) -> Option<Finding> {
        let birth = &self.birth.sighting;
        let motion = self
            .birth
            .motion
            .unwrap_or_else(|| self.last.motion_since(birth));
        let walks = leads_onto(side, &motion, birth);
        let depth_m = birth.depth_on(side);
        let slack_m = rules.settings.end_slack_m;
        let pass = self.excursion.last_pass;
        let (at, station_m) = match pass.filter(|_| depth_m < 0.0) {
            // It was seen on the other side, though not for long enough to settle there.
            Some(pass) => {
                let clear = -depth_m >= CLEAR_M.max(birth.sd_m);
                if pass.beyond_m > slack_m || !(walks || clear) {
                    return None;
                }
                (self.excursion.passed_at(&pass), pass.station_m)
            }
            None => {
                let near = depth_m <= rules.settings.threshold_m.max(rules.portal.depth_m());
                if !near || !walks || birth.beyond_m > slack_m || self.birth.with_footage {
                    return None;
                }
                let speed_mps = motion.inward_mps.abs();
                (birth.at - guess(depth_m / speed_mps), birth.station_m)
            }
        };
        Some(Finding {
            onto: side,
            at,
            interval: Interval::new(at.min(birth.at), settled_from),
            station_m,
            margin_m,
            doubt: Some(Doubt::BornOnThreshold),
        })
    }

    /// The crossing of a track that is seen no more, if it vanished over the line.
    pub(super) fn vanish(&mut self, rules: Rules<'_>) -> Option<Crossing> {
        let finding = self.vanished_over(rules)?;
        let (onto, at) = (finding.onto, finding.at);
        let mut crossing = self.crossing(rules, finding);
        if self.settled.is_none() {
            add_doubt(&mut crossing.doubts, Doubt::BornOnThreshold);
        }
        self.vanished_onto(onto, at, rules.portal.depth_m());
        Some(crossing)
    }

    /// What there is to find if the last sighting was the last for ever.
    pub(super) fn vanished_over(&self, rules: Rules<'_>) -> Option<Finding> {
        let motion = self.motion();
        let onto = match self.settled {
            Some(side) => side.other(),
            None => self.unsettled_goal()?,
        };
        let last = &self.last;
        let walks = leads_onto(onto, &motion, last);
        let depth_m = last.depth_on(onto);
        let slack_m = rules.settings.end_slack_m;
        let deep = last.deep_side(rules.portal.depth_m(), rules.settings.settle_sigmas);
        let pass = self.excursion.last_pass;
        let (at, station_m) = match pass.filter(|pass| depth_m > 0.0 && pass.onto == onto) {
            Some(pass) => {
                if pass.beyond_m > slack_m || !(walks || deep == Some(onto)) {
                    return None;
                }
                (self.excursion.passed_at(&pass), pass.station_m)
            }
            None => {
                let near = -depth_m <= rules.settings.threshold_m.max(rules.portal.depth_m());
                if !near || !walks || last.beyond_m > slack_m {
                    return None;
                }
                let ahead = guess(-depth_m / motion.inward_mps.abs());
                (last.at + ahead, last.station_m)
            }
        };
        let from = self.excursion.left.unwrap_or(self.birth.sighting.at);
        Some(Finding {
            onto,
            at,
            interval: Interval::new(from, at.max(last.at)),
            station_m,
            margin_m: depth_m.max(0.0),
            doubt: Some(Doubt::VanishedOnThreshold),
        })
    }

    /// Where a track that never settled was going: from clearly on one side to clearly on the
    /// other, as where a door shows a strip of floor and no more.
    fn unsettled_goal(&self) -> Option<Side> {
        let (birth, last) = (&self.birth.sighting, &self.last);
        let goal = last.side()?;
        let from_clear = -birth.depth_on(goal) >= CLEAR_M.max(birth.sd_m);
        let to_clear = last.depth_on(goal) >= CLEAR_M.max(last.sd_m);
        (from_clear && to_clear).then_some(goal)
    }
}

/// Whether a motion leads across the line onto `side`, and is more than jitter.
fn leads_onto(side: Side, motion: &Motion, near: &Sighting) -> bool {
    let across_mps = side.sign() * motion.inward_mps;
    across_mps >= LEAST_MPS
        && across_mps >= LEAST_SHARE_ACROSS * motion.speed_mps()
        && side.sign() * motion.inward_m >= near.sd_m
}

fn guess(seconds: f64) -> Span {
    Span::from_s(seconds.max(0.0)).min(LONGEST_GUESS)
}
