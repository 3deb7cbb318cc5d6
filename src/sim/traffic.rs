//! Traffic at a door: who badges when, who walks when, and what two clocks say of it.
//!
//! No picture and no floor: passages and access events as a ledger takes them, with the truth about
//! each. The clock of the access control is ahead by an offset, parts from the camera's by a drift,
//! and may be set once. People walk in a time that scatters about the usual one (log-normal: nobody
//! is much quicker, some are slower); some wait after badging, some badge and do not walk, some walk
//! behind another or without any grant.

use rand::{RngExt, SeedableRng};
use rand_pcg::Pcg64Mcg;

use crate::access::{AccessEvent, AccessKind};
use crate::crossing::{Crossing, Direction};
use crate::units::{CameraId, CrossingId, DoorId, Instant, Interval, PortalId, Span, TrackId};
use crate::verdict::VerdictKind;

/// Access events arrive this long after they occurred, s.
const ARRIVAL_S: f64 = 0.3;
/// Passages are established this long after they were, s.
const SETTLED_S: f64 = 0.3;
/// A passage is timed to this, either way, s.
const TIMED_S: f64 = 0.1;

/// What goes on at a door.
#[derive(Debug, Clone)]
pub struct Traffic {
    /// Decides all chances.
    pub seed: u64,
    /// So many people badge.
    pub people: usize,
    /// Mean time from one to the next, s.
    pub gap_s: f64,
    /// Half of the people have passed so long after they badged, s.
    pub walk_s: f64,
    /// Standard deviation of the time to walk, s.
    pub walk_sd_s: f64,
    /// Share of people who wait 2 to 6 s more after badging.
    pub wait: f64,
    /// Share of people who badge and do not walk.
    pub stay: f64,
    /// Share of people whose grant never reaches the ledger.
    pub missing: f64,
    /// Share of people behind whom another walks without badging.
    pub tailgated: f64,
    /// Share of people after whom, much later, somebody walks in without badging.
    pub intruder: f64,
    /// Stamps are cut to whole multiples of this, s; zero: exact.
    pub resolution_s: f64,
    /// The access control's clock is ahead by this at the start, s.
    pub ahead_s: f64,
    /// And gains so many parts in a million.
    pub drift_ppm: f64,
    /// It is set forward by so many seconds before so many people badged.
    pub step: Option<(usize, f64)>,
}

impl Default for Traffic {
    fn default() -> Self {
        Self {
            seed: 1,
            people: 100,
            gap_s: 20.0,
            walk_s: 2.0,
            walk_sd_s: 0.35,
            wait: 0.05,
            stay: 0.05,
            missing: 0.03,
            tailgated: 0.05,
            intruder: 0.03,
            resolution_s: 0.0,
            ahead_s: 0.0,
            drift_ppm: 0.0,
            step: None,
        }
    }
}

/// What a ledger is told.
#[derive(Debug, Clone)]
pub enum Told {
    /// By the access control.
    Access(AccessEvent),
    /// By the camera.
    Passage(Crossing),
}

/// Traffic with its truth.
#[derive(Debug, Clone)]
pub struct Day {
    /// In the order of arrival.
    pub told: Vec<(Instant, Told)>,
    /// What each passage was, in the order of their numbers (from 1).
    pub truth: Vec<Truth>,
    /// When it was over.
    pub end: Instant,
    traffic: Traffic,
    /// When the clock was set.
    set_at: Option<Instant>,
}

/// The truth about one passage.
#[derive(Debug, Clone, Copy)]
pub struct Truth {
    /// When.
    pub at: Instant,
    /// What.
    pub kind: VerdictKind,
    /// How many had badged before.
    pub after: usize,
}

impl Traffic {
    /// Lets it happen.
    pub fn happen(&self) -> Day {
        let mut random = Pcg64Mcg::seed_from_u64(self.seed);
        let mut chance = |share: f64| random.random::<f64>() < share;
        let mut coming = Vec::new();
        for number in 0..self.people {
            let fates = [
                chance(self.wait),
                chance(self.stay),
                chance(self.missing),
                chance(self.tailgated),
                chance(self.intruder),
            ];
            coming.push((number, fates));
        }
        let mut day = Day {
            told: Vec::new(),
            truth: Vec::new(),
            end: Instant::ZERO,
            traffic: self.clone(),
            set_at: None,
        };
        let mut passages: Vec<(Instant, VerdictKind, usize)> = Vec::new();
        let mut at_s = 1_000.0;
        for (number, [waits, stays, missing, tailgated, intruder]) in coming {
            at_s += 0.7 - self.gap_s * (1.0 - random.random::<f64>()).ln();
            let badged = Instant::from_s(at_s);
            if self.step.is_some_and(|(before, _)| before == number) {
                day.set_at = Some(badged - Span::from_s(0.5));
            }
            if !missing {
                day.grant(number, badged);
            }
            // Log-normal with this median and, nearly, this deviation.
            let spread = (self.walk_sd_s / self.walk_s) * normal(&mut random);
            let mut walk_s = self.walk_s * spread.exp();
            if waits {
                walk_s += 2.0 + 4.0 * random.random::<f64>();
            }
            let passed = badged + Span::from_s(walk_s);
            if !stays {
                let kind = if missing {
                    VerdictKind::UnauthorisedEntry
                } else {
                    VerdictKind::Authorised
                };
                passages.push((passed, kind, number));
                if tailgated {
                    let behind = Span::from_s(0.8 + 1.2 * random.random::<f64>());
                    let kind = if missing {
                        kind
                    } else {
                        VerdictKind::Tailgating
                    };
                    passages.push((passed + behind, kind, number));
                }
            }
            if intruder {
                // Long after: no credit is left, nobody to follow.
                at_s += 25.0;
                let kind = VerdictKind::UnauthorisedEntry;
                passages.push((Instant::from_s(at_s), kind, number));
                at_s += 10.0;
            }
        }
        passages.sort_by_key(|(at, _, _)| *at);
        for (at, kind, after) in passages {
            day.passage(at, kind, after);
        }
        day.end = Instant::from_s(at_s + 120.0);
        day.told.sort_by_key(|(at, _)| *at);
        day
    }
}

impl Day {
    /// How far the access control's clock was ahead at a moment, s.
    pub fn ahead_at(&self, at: Instant) -> f64 {
        let drifted = self.traffic.drift_ppm * 1e-6 * (at.as_s() - 1_000.0);
        let set = match (self.set_at, self.traffic.step) {
            (Some(set_at), Some((_, by))) if at >= set_at => by,
            _ => 0.0,
        };
        self.traffic.ahead_s + drifted + set
    }

    /// From a grant's stamp to the usual passage on it, at a moment, s.
    pub fn lag_at(&self, at: Instant) -> f64 {
        self.traffic.walk_s - self.ahead_at(at)
    }

    /// When the clock was set.
    pub fn set_at(&self) -> Option<Instant> {
        self.set_at
    }

    fn grant(&mut self, number: usize, badged: Instant) {
        let stamp_s = badged.as_s() + self.ahead_at(badged);
        let step_s = self.traffic.resolution_s;
        let occurred = if step_s > 0.0 {
            let cut = (stamp_s / step_s).floor() * step_s;
            Interval::new(Instant::from_s(cut), Instant::from_s(cut + step_s))
        } else {
            Interval::exact(Instant::from_s(stamp_s))
        };
        let received = badged + Span::from_s(ARRIVAL_S);
        let event = AccessEvent {
            id: format!("g{number}"),
            door: Some(DoorId(0)),
            reader: None,
            direction: Some(Direction::In),
            kind: AccessKind::Granted,
            occurred,
            received,
            holder: None,
            passages: None,
        };
        self.told.push((received, Told::Access(event)));
    }

    fn passage(&mut self, at: Instant, kind: VerdictKind, after: usize) {
        self.truth.push(Truth { at, kind, after });
        let number = self.truth.len() as u32;
        let settled_at = at + Span::from_s(SETTLED_S);
        let crossing = Crossing {
            id: CrossingId(number),
            door: DoorId(0),
            portal: PortalId(0),
            camera: CameraId(0),
            track: TrackId(number),
            direction: Direction::In,
            at,
            interval: Interval::exact(at).widened(Span::from_s(TIMED_S)),
            settled_at,
            margin_m: 0.5,
            station_m: 0.5,
            tiles: Vec::new(),
            doubts: Vec::new(),
        };
        self.told.push((settled_at, Told::Passage(crossing)));
    }
}

/// A standard normal number (Box and Muller).
fn normal(random: &mut Pcg64Mcg) -> f64 {
    let u = 1.0 - random.random::<f64>();
    let v: f64 = random.random();
    (-2.0 * u.ln()).sqrt() * (std::f64::consts::TAU * v).cos()
}
