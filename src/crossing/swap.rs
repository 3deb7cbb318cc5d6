//! Two people who meet at the line and leave it under each other's ids.
//!
//! Each of the two tracks then seems to bounce off the line: it walks up to it and, without a
//! pause, away again, while at the same moment and place another one does the same on the other
//! side. People who make way for each other stop first. So a pair of bounces is one person in and
//! one out, with doubts; a single bounce is a turn and counts nothing.

use serde::{Deserialize, Serialize};

use super::account::{Account, Rules};
use super::excursion::Excursion;
use super::finding::Finding;
use super::sighting::{Side, Sighting};
use super::{CounterSettings, Crossing};
use crate::floor::PointInFloor;
use crate::units::{Doubt, Instant, Interval, Span, add_doubt};

/// A bounce comes and goes at no less than this, m/s: who slows down has turned.
const BOUNCE_MPS: f64 = 0.4;

/// Two bounces belong together within this time...
const TOGETHER: Span = Span::from_ms(400);

/// ...and within this distance, m: an arm's length, so that a tracker can have mixed them up.
const TOGETHER_M: f64 = 1.0;

/// A bounce waits this long for its other half.
const WAITS: Span = Span::from_ms(1_000);

/// A track walked up to the line and away again without a pause.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub(super) struct Bounce {
    /// The side on which it stayed.
    side: Side,
    /// When it was nearest to the other side.
    at: Instant,
    point: PointInFloor,
    station_m: f64,
    /// When it had last been deep, and when it was again.
    left: Instant,
    returned: Instant,
    depth_m: f64,
}

impl Bounce {
    /// The bounce that ends with `back`, deep on the settled `side` again, if it is one.
    pub(super) fn ending(
        excursion: &Excursion,
        side: Side,
        back: &Sighting,
        settings: &CounterSettings,
    ) -> Option<Self> {
        let (nearest, before) = excursion.nearest?;
        let after = back.motion_since(&nearest);
        let at_line = nearest.depth_on(side) <= settings.threshold_m
            && nearest.beyond_m <= settings.end_slack_m;
        // Across the line alone: the swap itself may look like a step along it.
        let bounced = -side.sign() * before.inward_mps >= BOUNCE_MPS
            && side.sign() * after.inward_mps >= BOUNCE_MPS;
        (at_line && bounced).then_some(Self {
            side,
            at: nearest.at,
            point: nearest.point,
            station_m: nearest.station_m,
            left: excursion.left?,
            returned: back.at,
            depth_m: back.depth_on(side),
        })
    }

    fn belongs_to(&self, other: &Self) -> bool {
        self.side == other.side.other()
            && (self.at - other.at).abs() <= TOGETHER
            && self.point.distance(other.point) <= TOGETHER_M
    }

    /// The way that began with this bounce and went on as `other`.
    fn onto(&self, other: &Self) -> Finding {
        Finding {
            onto: other.side,
            at: Interval::new(self.at, other.at).mid(),
            interval: Interval::new(self.left, other.returned),
            station_m: 0.5 * (self.station_m + other.station_m),
            margin_m: other.depth_m,
            doubt: Some(Doubt::TrackInterrupted),
        }
    }
}

/// Appends the two crossings of every pair of bounces, each under the id that goes on with it.
pub(super) fn judge_bounces(accounts: &mut [Account], rules: Rules<'_>, out: &mut Vec<Crossing>) {
    for second in 0..accounts.len() {
        let Some(bounce) = accounts[second].bounce else {
            continue;
        };
        if rules.now - bounce.returned > WAITS {
            accounts[second].bounce = None;
            continue;
        }
        let found = accounts[..second]
            .iter()
            .enumerate()
            .find_map(|(index, account)| {
                let other = account.bounce.filter(|other| bounce.belongs_to(other))?;
                Some((index, other))
            });
        let Some((first, other)) = found else {
            continue;
        };
        for (index, finding) in [(first, bounce.onto(&other)), (second, other.onto(&bounce))] {
            let mut crossing = accounts[index].crossing(rules, finding);
            add_doubt(&mut crossing.doubts, Doubt::Crowded);
            out.push(crossing);
            accounts[index].bounce = None;
        }
    }
}
