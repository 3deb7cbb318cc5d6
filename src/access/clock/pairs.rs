//! For each grant the passages that could have been on it.
//!
//! Nobody says who walked on which grant: every passage within reach of a grant is a candidate, and
//! a grant is looked at only when all of them must be known.

use std::collections::VecDeque;

use serde::{Deserialize, Serialize};

use crate::units::{Instant, Span};

/// Beyond the offset, a passage may come this long after its grant, s: the time to walk.
const WALK_S: f64 = 10.0;
/// And this long before, s: people differ.
const BEFORE_S: f64 = 2.0;
/// A passage is established this long after it was, at most.
const SETTLED: Span = Span::from_ms(2_000);
/// A grant that comes later than this after its stamp is of no use: the passages are forgotten.
const KEPT: Span = Span::from_ms(600_000);
/// So many grants and passages are kept at most, the last ones.
const MOST: usize = 2_048;
/// A grant this near to another may be the one whose passage it was, s.
const RIVAL_S: f64 = 8.0;

/// One grant with all that could have been on it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Sample {
    /// Its stamp, s since the origin.
    pub at: f64,
    /// Passages, each the time after the stamp, in order, s.
    pub after: Vec<f64>,
    /// Other grants near it, each the time after the stamp, s.
    pub rivals: Vec<f64>,
}

impl Sample {
    /// The passage that came nearest to `lag` after this grant, if no other grant is nearer to it.
    pub fn own(&self, lag: f64) -> Option<f64> {
        let off = |after: f64| (after - lag).abs();
        let nearest = self.after.iter().copied();
        let nearest = nearest.min_by(|a, b| off(*a).total_cmp(&off(*b)))?;
        let stolen = self
            .rivals
            .iter()
            .any(|rival| off(nearest - rival) < off(nearest));
        (!stolen).then_some(nearest)
    }
}

/// Grants and passages of late.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Pairs {
    /// Offsets are looked for up to this, s.
    range_s: f64,
    origin: Option<Instant>,
    /// In order of time.
    passages: VecDeque<Instant>,
    /// In order of time, each with whether it was looked at.
    grants: VecDeque<(Instant, bool)>,
}

impl Pairs {
    pub fn new(range: Span) -> Self {
        Self {
            range_s: range.as_s(),
            origin: None,
            passages: VecDeque::new(),
            grants: VecDeque::new(),
        }
    }

    /// Whether it can have been filled by [`Self::told_grant`] and [`Self::told_passage`].
    pub fn is_sound(&self, range: Span) -> bool {
        self.range_s.to_bits() == range.as_s().to_bits()
            && self.passages.len() <= MOST
            && self.grants.len() <= MOST
            && self.passages.iter().is_sorted()
            && self.grants.iter().is_sorted_by(|a, b| a.0 <= b.0)
    }

    /// Seconds within which the passages of a grant are looked for.
    pub fn whole(&self) -> f64 {
        2.0 * self.range_s + WALK_S + BEFORE_S
    }

    /// The least and the greatest lag that is possible, s.
    pub fn lags(&self) -> (f64, f64) {
        (-self.range_s - BEFORE_S, self.range_s + WALK_S)
    }

    /// Seconds since the first thing told.
    pub fn seconds(&self, at: Instant) -> f64 {
        self.origin.map_or(0.0, |origin| at.since(origin).as_s())
    }

    /// The moment so many seconds after the first thing told.
    pub fn moment(&self, seconds: f64) -> Instant {
        self.origin.unwrap_or(Instant::ZERO) + Span::from_s(seconds)
    }

    pub fn told_passage(&mut self, at: Instant) {
        self.origin.get_or_insert(at);
        let place = self.passages.partition_point(|known| *known <= at);
        self.passages.insert(place, at);
        if self.passages.len() > MOST {
            self.passages.pop_front();
        }
    }

    pub fn told_grant(&mut self, now: Instant, stamp: Instant) {
        let early = stamp.since(now) > Span::from_s(self.whole());
        if early || now.since(stamp) > KEPT {
            return; // a stamp that cannot be right, or one that came too late to be of use
        }
        self.origin.get_or_insert(stamp);
        let place = self.grants.partition_point(|known| known.0 <= stamp);
        self.grants.insert(place, (stamp, false));
        if self.grants.len() > MOST {
            self.grants.pop_front();
        }
    }

    /// The grants whose passages must all be known by `now`, in the order of their stamps.
    pub fn ripe(&mut self, now: Instant) -> Vec<Sample> {
        let (lo, hi) = self.lags();
        let until = now - Span::from_s(hi) - SETTLED;
        let mut samples = Vec::new();
        for place in 0..self.grants.len() {
            let (stamp, seen) = self.grants[place];
            if stamp > until {
                break;
            }
            if seen {
                continue;
            }
            self.grants[place].1 = true;
            let first = stamp + Span::from_s(lo);
            let last = stamp + Span::from_s(hi);
            let from = self.passages.partition_point(|at| *at < first);
            let to = self.passages.partition_point(|at| *at <= last);
            let after = self.passages.range(from..to.max(from));
            let rivals = self.grants.iter().enumerate();
            let rivals = rivals.filter(|(other, _)| *other != place);
            let rivals = rivals.map(|(_, (other, _))| other.since(stamp).as_s());
            samples.push(Sample {
                at: self.seconds(stamp),
                after: after.map(|at| at.since(stamp).as_s()).collect(),
                rivals: rivals.filter(|rival| rival.abs() <= RIVAL_S).collect(),
            });
        }
        let cut = now - KEPT;
        while self.passages.front().is_some_and(|at| *at < cut) {
            self.passages.pop_front();
        }
        while self.grants.front().is_some_and(|(stamp, _)| *stamp < cut) {
            self.grants.pop_front();
        }
        samples
    }
}
