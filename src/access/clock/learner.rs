//! When to believe what of a clock.
//!
//! *Learning*: all lags are searched, at rates up to 500 ppm, until one explains the grants by far
//! better than chance and than any other. The grants that spoke for it are then run through the
//! filter. *Learned*: the filter follows; each grant's own passage is the one nearest to the
//! expected lag, if no other grant is nearer to it. Beside it a second search looks for a lag that
//! explains the last grants better than the one believed. A little better: suspected, and the
//! correction is widened to hold both. Much better: the clock was set. Worse than chance for long:
//! lost, and learning begins again.

use std::collections::VecDeque;

use serde::{Deserialize, Serialize};

use super::filter::Filter;
use super::pairs::{Pairs, Sample};
use super::search::{Peak, Search, evidence};
use super::{
    ClockChange, ClockEvent, ClockState, ClockStatus, Correction, Drift, LearnClock, Spans,
};
use crate::crossing::Direction;
use crate::units::{Doubt, Instant, Interval, Span, add_doubt};

/// Rates that are searched: up to 500 ppm in steps of 100.
const RATES: [f64; 11] = [
    -500e-6, -400e-6, -300e-6, -200e-6, -100e-6, 0.0, 100e-6, 200e-6, 300e-6, 400e-6, 500e-6,
];
/// A lag is believed when it explains the grants better than chance by this (natural logarithm):
/// about five passages that stand alone. e^16 is nine million, and some hundred lags are compared.
const BELIEVED: f64 = 16.0;
/// And better than any other lag by this.
const CLEARLY: f64 = 8.0;
/// A clock is taken to be set when another lag explains the last grants better by this.
const SET: f64 = 12.0;
/// It is suspected from here on: two passages in a row that fit each other and not the lag.
const SUSPECTED: f64 = 8.0;
/// A step is at least this long, s; what is shorter the filter follows.
const LEAST_STEP_S: f64 = 1.5;
/// A lag is lost when it explains the last grants worse than chance by this.
const LOST: f64 = 14.0;
/// Fewer passages of its own do not make a lag.
const LEAST_PASSAGES: u32 = 4;
/// So many grants are kept to run the filter over when a lag was found.
const KEPT: usize = 64;
/// Clocks that part faster than this are worth a word, if it is certain: two quartz clocks of
/// ordinary make keep within it, 4 s a day.
const DRIFTING: f64 = 50e-6;
/// And below this no longer.
const STEADY: f64 = 25e-6;
/// After a clock was set, verdicts on so many grants say so.
const AFTER_SET: u32 = 10;
/// So many changes are remembered.
const HISTORY: usize = 64;
/// Arrivals of so many grants say how late they come.
const ARRIVALS: usize = 16;
/// Beyond the range of usual times to walk, half a second back into it for each second outside.
const BACK_SHARE: f64 = 0.5;
/// What is found besides the lag that is believed is uncertain by this, s.
const ROUGHLY_S: f64 = 1.0;

#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Learner {
    settings: LearnClock,
    pairs: Pairs,
    search: Search,
    watch: Search,
    filter: Option<Filter>,
    suspect: Option<Peak>,
    lost: f64,
    recent: VecDeque<Sample>,
    drifting: bool,
    /// Passages taken when the clock was last set.
    set_for: u32,
    passages: u32,
    history: VecDeque<ClockChange>,
    arrivals: VecDeque<Span>,
}

impl Learner {
    pub fn new(settings: LearnClock) -> Self {
        let settings = LearnClock {
            range: settings
                .range
                .max(Span::from_ms(1_000))
                .min(Span::from_ms(120_000)),
            walk_from: settings.walk_from.min(settings.walk_to),
            walk_to: settings.walk_from.max(settings.walk_to),
        };
        let pairs = Pairs::new(settings.range);
        let (lo, hi) = pairs.lags();
        Self {
            settings,
            search: Search::new(lo, hi, &RATES),
            watch: Search::new(lo - hi, hi - lo, &[0.0]),
            pairs,
            filter: None,
            suspect: None,
            lost: 0.0,
            recent: VecDeque::new(),
            drifting: false,
            set_for: 0,
            passages: 0,
            history: VecDeque::new(),
            arrivals: VecDeque::new(),
        }
    }

    /// The same, read from somewhere, for a door with these settings. `Err` says why it cannot be.
    pub fn resumed(self, settings: LearnClock) -> Result<Self, String> {
        let fresh = Self::new(settings);
        if self.settings != fresh.settings {
            return Err("the clock was learned by other settings".to_owned());
        }
        let bounded = self.recent.len() <= KEPT
            && self.history.len() <= HISTORY
            && self.arrivals.len() <= ARRIVALS;
        if !bounded || !self.pairs.is_sound(fresh.settings.range) {
            return Err("the clock was learned from what cannot be".to_owned());
        }
        let search = self.search.resumed(fresh.search);
        let watch = self.watch.resumed(fresh.watch);
        match (search, watch) {
            (Some(search), Some(watch)) => Ok(Self {
                search,
                watch,
                ..self
            }),
            _ => Err("the clock was looked for among other offsets".to_owned()),
        }
    }

    pub fn told_grant(
        &mut self,
        now: Instant,
        occurred: Interval,
        received: Instant,
        direction: Option<Direction>,
    ) {
        let correction = self.correction(occurred.mid());
        let late = received.since(occurred.lo + correction.by.lo);
        // A backlog says nothing of how late grants come.
        if late <= Span::from_s(self.pairs.whole()) {
            if self.arrivals.len() == ARRIVALS {
                self.arrivals.pop_front();
            }
            self.arrivals.push_back(late.max(Span::ZERO));
        }
        if direction != Some(Direction::Out) {
            self.pairs.told_grant(now, occurred.mid());
        }
    }

    /// Only those who enter are learned from: who leaves needs no grant at most doors.
    pub fn told_crossing(&mut self, at: Instant, direction: Direction) {
        if direction == Direction::In {
            self.pairs.told_passage(at);
        }
    }

    pub fn settle(&mut self, now: Instant) -> Vec<ClockChange> {
        let mut changes = Vec::new();
        for sample in self.pairs.ripe(now) {
            if sample.after.is_empty() {
                continue; // nobody walked: that says nothing of the time
            }
            let what = match self.filter {
                Some(filter) => self.follow(filter, &sample),
                None => self.learn(&sample),
            };
            self.recent.push_back(sample);
            if self.recent.len() > KEPT {
                self.recent.pop_front();
            }
            let mut since = None;
            let what = match what {
                Some(Found::Learned(peak)) => {
                    since = Some(self.pairs.moment(peak.since));
                    self.found(peak, None)
                }
                Some(Found::Set(peak, before)) => {
                    since = Some(self.pairs.moment(peak.since));
                    self.found(peak, Some(before))
                }
                Some(Found::Lost) => {
                    self.forget();
                    Some(ClockEvent::Lost)
                }
                None => self.drift(),
            };
            let Some(what) = what else { continue };
            let ahead = self
                .lag_at(self.pairs.seconds(now))
                .map(|lag| self.ahead(lag));
            let change = ClockChange {
                at: now,
                what,
                since,
                ahead,
            };
            if self.history.len() == HISTORY {
                self.history.pop_front();
            }
            self.history.push_back(change);
            changes.push(change);
        }
        changes
    }

    /// What a stamp is corrected by.
    pub fn correction(&self, stamp: Instant) -> Correction {
        let mut doubts = Vec::new();
        let Some((lo, hi)) = self.lag_at(self.pairs.seconds(stamp)) else {
            let range = self.settings.range;
            return Correction {
                by: Spans {
                    lo: -range,
                    hi: range,
                },
                doubts,
            };
        };
        if self.suspect.is_some() || self.passages < self.set_for {
            add_doubt(&mut doubts, Doubt::ClockStepped);
        }
        if self.drifting {
            add_doubt(&mut doubts, Doubt::ClockDrifting);
        }
        let by = Spans::from_s(self.beyond(lo), self.beyond(hi));
        Correction { by, doubts }
    }

    pub fn slack(&self) -> Span {
        let measured = self.arrivals.iter().copied().max();
        measured.unwrap_or(self.settings.range)
    }

    pub fn state(&self) -> ClockState {
        let at = self.recent.back().map_or(0.0, |sample| sample.at);
        let lag = self.lag_at(at);
        ClockState {
            status: match (&self.filter, &self.suspect) {
                (None, _) => ClockStatus::Learning,
                (Some(_), None) => ClockStatus::Learned,
                (Some(_), Some(_)) => ClockStatus::Suspected,
            },
            lag: lag.map(|(lo, hi)| Spans::from_s(lo, hi)),
            ahead: lag.map(|lag| self.ahead(lag)),
            correction: lag.map(|(lo, hi)| Spans::from_s(self.beyond(lo), self.beyond(hi))),
            drift: self.filter.as_ref().map(|filter| {
                let (rate, within) = filter.rate();
                Drift {
                    // The lag shrinks while the access control's clock gains.
                    ppm: -rate * 1e6,
                    within_ppm: within * 1e6,
                }
            }),
            passages: self.passages,
            history: self.history.iter().copied().collect(),
        }
    }

    /// The interval in which the lag lies, with the one that is suspected, s.
    fn lag_at(&self, at: f64) -> Option<(f64, f64)> {
        let filter = self.filter.as_ref()?;
        let (lag, half) = (filter.lag_at(at), filter.half_at(at));
        let (mut lo, mut hi) = (lag - half, lag + half);
        if let Some(suspect) = &self.suspect {
            lo = lo.min(lag + suspect.lag - ROUGHLY_S);
            hi = hi.max(lag + suspect.lag + ROUGHLY_S);
        }
        Some((lo, hi))
    }

    /// What stamps are corrected by if the usual passage comes `lag` after them, s: nothing within
    /// the range of usual times to walk, and what brings it back to the middle of that range from
    /// far off. In between it goes over smoothly, so that no hundredth of a second decides.
    fn beyond(&self, lag: f64) -> f64 {
        let (from, to) = (self.settings.walk_from.as_s(), self.settings.walk_to.as_s());
        let outside = lag - lag.max(from).min(to);
        let inwards = (BACK_SHARE * outside.abs()).min(0.5 * (to - from));
        if outside > 0.0 {
            outside + inwards
        } else if outside < 0.0 {
            outside - inwards
        } else {
            0.0
        }
    }

    fn ahead(&self, (lo, hi): (f64, f64)) -> Spans {
        let (from, to) = (self.settings.walk_from.as_s(), self.settings.walk_to.as_s());
        Spans::from_s(from - hi, to - lo)
    }

    fn learn(&mut self, sample: &Sample) -> Option<Found> {
        let whole = self.pairs.whole();
        self.search.take(sample.at, &sample.after, 0.0, whole, 0.0);
        let peak = self.search.peak(0.0)?;
        let sure = peak.score >= BELIEVED && peak.ahead_of_next >= CLEARLY;
        sure.then_some(Found::Learned(peak))
    }

    fn follow(&mut self, mut filter: Filter, sample: &Sample) -> Option<Found> {
        let expected = filter.lag_at(sample.at);
        let whole = self.pairs.whole();
        let fits = evidence(&sample.after, whole, expected);
        self.watch
            .take(sample.at, &sample.after, expected, whole, fits);
        self.lost = (self.lost - fits).max(0.0);
        let peak = self.watch.peak(LEAST_STEP_S);
        let set = |peak: &Peak| peak.score >= SET && peak.ahead_of_next >= CLEARLY;
        if let Some(peak) = peak.filter(set) {
            return Some(Found::Set(peak, filter));
        }
        self.suspect = peak.filter(|peak| peak.score >= SUSPECTED);
        if self.lost >= LOST {
            return Some(Found::Lost);
        }
        let own = sample.own(expected);
        let near = filter.gate_at(sample.at);
        if let Some(own) = own.filter(|own| (own - expected).abs() <= near) {
            filter.take(sample.at, own);
            self.passages = self.passages.saturating_add(1);
        }
        self.filter = Some(filter);
        None
    }

    /// A lag was found (`before`: and another one was believed): runs the grants that speak for it
    /// through a filter.
    fn found(&mut self, peak: Peak, before: Option<Filter>) -> Option<ClockEvent> {
        let at = peak.since;
        let mut filter = match &before {
            Some(before) => before.set(at, before.lag_at(at) + peak.lag),
            None => {
                let now = self.recent.back().map_or(at, |sample| sample.at);
                Filter::new(at, peak.lag - peak.rate * (now - at))
            }
        };
        for sample in self.recent.iter().filter(|sample| sample.at >= at) {
            let expected = filter.lag_at(sample.at);
            let own = sample.own(expected);
            if let Some(own) = own.filter(|own| (own - expected).abs() <= filter.gate_at(sample.at))
            {
                filter.take(sample.at, own);
            }
        }
        if before.is_none() && filter.taken < LEAST_PASSAGES {
            return None;
        }
        self.search.clear();
        self.watch.clear();
        self.suspect = None;
        self.lost = 0.0;
        self.passages = filter.taken;
        self.set_for = 0;
        self.filter = Some(filter);
        let Some(before) = before else {
            return Some(ClockEvent::Learned);
        };
        self.set_for = self.passages.saturating_add(AFTER_SET);
        let by = before.lag_at(at) - filter.lag_at(at);
        Some(ClockEvent::Stepped {
            by: Span::from_s(by),
        })
    }

    fn forget(&mut self) {
        self.filter = None;
        self.suspect = None;
        self.lost = 0.0;
        self.drifting = false;
        self.passages = 0;
        self.set_for = 0;
        self.search.clear();
        self.watch.clear();
    }

    /// Whether the clocks began or ceased to part quickly.
    fn drift(&mut self) -> Option<ClockEvent> {
        let (rate, within) = self.filter.as_ref()?.rate();
        if !self.drifting && rate.abs() > DRIFTING && rate.abs() > within {
            self.drifting = true;
            return Some(ClockEvent::Drifting { ppm: -rate * 1e6 });
        }
        if self.drifting && rate.abs() < STEADY {
            self.drifting = false;
            return Some(ClockEvent::Steady);
        }
        None
    }
}

/// What a grant made known.
enum Found {
    Learned(Peak),
    Set(Peak, Filter),
    Lost,
}
