//! Finds a lag among all that are possible.
//!
//! Each lag, in steps of a quarter of a second, keeps a score: how much better the grants of late
//! are explained by passages that came this much after them than by something else (passages that
//! have nothing to do with grants, or the lag that is believed now). A score never falls below
//! nothing, so it always speaks of the grants since some moment that suits it best: Page's
//! cumulative sum (1954), which is how a change is noticed as soon as it can be. Clocks that part
//! quickly would smear the lags; so several rates are tried at once, each with lags that move.

use std::collections::VecDeque;

use serde::{Deserialize, Serialize};

/// Step between lags, s.
const STEP_S: f64 = 0.25;
/// A passage speaks for lags within this of its own, s: how much people differ, and stamps in whole
/// seconds.
pub(super) const KERNEL_S: f64 = 1.5;
/// Share of grants that somebody walks on in the usual time.
const HIT: f64 = 0.8;
/// Lags further apart than this are two different ones, s.
const APART_S: f64 = 2.5;
/// Scores are cut off here, so that a change of mind does not take for ever.
const MOST: f64 = 60.0;

/// Logarithm of how much better a lag explains one grant's passages (each the time after its stamp)
/// than chance does. One of them is on the grant with probability [`HIT`] and lies near the lag;
/// any other lies anywhere within `whole` seconds.
pub(super) fn evidence(after: &[f64], whole: f64, lag: f64) -> f64 {
    if after.is_empty() {
        return 0.0;
    }
    let near: f64 = after.iter().map(|after| kernel(after - lag)).sum();
    weigh(near, after.len(), whole)
}

fn weigh(near: f64, count: usize, whole: f64) -> f64 {
    libm::log(HIT * whole * near / count.max(1) as f64 + 1.0 - HIT)
}

/// How likely a passage lies this far from the usual one, per second: a biweight, like a normal
/// spread of 0.57 s without its tails.
fn kernel(off: f64) -> f64 {
    let share = off / KERNEL_S;
    if share.abs() >= 1.0 {
        return 0.0;
    }
    let rest = 1.0 - share * share;
    0.9375 * rest * rest / KERNEL_S
}

/// What a search came to.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub(super) struct Peak {
    /// The lag, s.
    pub lag: f64,
    /// The rate that goes with it.
    pub rate: f64,
    /// How much better it explains the grants than what was held against it (natural logarithm).
    pub score: f64,
    /// By how much it is better than any lag that is clearly another.
    pub ahead_of_next: f64,
    /// The first grant that speaks for it, s.
    pub since: f64,
}

/// Scores of all lags.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Search {
    lo: f64,
    rows: Vec<Row>,
    last: Option<f64>,
    /// For each lag of a row, how much of the passages lies near it. Of the grant at hand alone.
    #[serde(skip)]
    near: Vec<f64>,
}

/// The lags of one rate.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Row {
    rate: f64,
    /// What the lags have moved by since they last moved by a whole step, s.
    moved: f64,
    /// Score and first grant of each lag.
    scores: VecDeque<(f64, f64)>,
}

impl Search {
    /// Looks from one lag to another, at rates.
    pub fn new(lo: f64, hi: f64, rates: &[f64]) -> Self {
        let count = ((hi - lo) / STEP_S).ceil().clamp(1.0, 10_000.0) as usize + 1;
        let row = |rate: &f64| Row {
            rate: *rate,
            moved: 0.0,
            scores: std::iter::repeat_n((0.0, 0.0), count).collect(),
        };
        Self {
            lo,
            rows: rates.iter().map(row).collect(),
            last: None,
            near: vec![0.0; count],
        }
    }

    /// The same, fit to go on where `fresh` would begin; `None` if it was made for other lags.
    pub fn resumed(mut self, fresh: Self) -> Option<Self> {
        let alike = |a: f64, b: f64| a.to_bits() == b.to_bits();
        let pairs = self.rows.iter().zip(&fresh.rows);
        let fits = alike(self.lo, fresh.lo)
            && self.rows.len() == fresh.rows.len()
            && pairs.into_iter().all(|(own, new)| {
                alike(own.rate, new.rate) && own.scores.len() == new.scores.len()
            });
        self.near = fresh.near;
        fits.then_some(self)
    }

    /// Forgets everything.
    pub fn clear(&mut self) {
        self.last = None;
        for row in &mut self.rows {
            row.moved = 0.0;
            row.scores.iter_mut().for_each(|score| *score = (0.0, 0.0));
        }
    }

    /// Takes one grant of time `at`: `after` are its passages, `base` is where lags are counted
    /// from, `against` what else explains it (logarithm).
    pub fn take(&mut self, at: f64, after: &[f64], base: f64, whole: f64, against: f64) {
        if after.is_empty() {
            return; // nobody walked: that speaks for no lag
        }
        let dt = self.last.map_or(0.0, |last| (at - last).max(0.0));
        self.last = Some(self.last.map_or(at, |last| last.max(at)));
        let none = weigh(0.0, after.len(), whole) - against;
        for row in &mut self.rows {
            row.advance(dt);
            self.near.iter_mut().for_each(|near| *near = 0.0);
            let lo = self.lo + row.moved;
            for after in after {
                let middle = (after - base - lo) / STEP_S;
                let reach = KERNEL_S / STEP_S;
                let first = (middle - reach).ceil().max(0.0);
                let last = (middle + reach).floor().min(self.near.len() as f64 - 1.0);
                if last < first {
                    continue;
                }
                for place in first as usize..=last as usize {
                    let lag = lo + place as f64 * STEP_S;
                    self.near[place] += kernel(after - base - lag);
                }
            }
            for ((score, since), near) in row.scores.iter_mut().zip(&self.near) {
                if *score <= 0.0 {
                    *since = at;
                }
                let gain = if *near > 0.0 {
                    weigh(*near, after.len(), whole) - against
                } else {
                    none
                };
                *score = (*score + gain).clamp(0.0, MOST);
            }
        }
    }

    /// The best lag, at least `from` away from where lags are counted from.
    pub fn peak(&self, from: f64) -> Option<Peak> {
        let all = || {
            self.rows.iter().flat_map(|row| {
                let lo = self.lo + row.moved;
                let lags = row.scores.iter().enumerate();
                lags.map(move |(place, (score, since))| {
                    (lo + place as f64 * STEP_S, row.rate, *score, *since)
                })
            })
        };
        let mut best: Option<(f64, f64, f64, f64)> = None;
        for one in all().filter(|one| one.0.abs() >= from) {
            if best.is_none_or(|best| one.2 > best.2) {
                best = Some(one);
            }
        }
        let (lag, rate, score, since) = best.filter(|best| best.2 > 0.0)?;
        let next = all()
            .filter(|one| (one.0 - lag).abs() > APART_S)
            .fold(0.0_f64, |next, one| next.max(one.2));
        Some(Peak {
            lag,
            rate,
            score,
            ahead_of_next: score - next,
            since,
        })
    }
}

impl Row {
    fn advance(&mut self, dt: f64) {
        self.moved += self.rate * dt;
        // A pause so long that all lags moved out of sight leaves nothing to remember.
        let steps = (self.moved / STEP_S).round();
        self.moved -= steps * STEP_S;
        for _ in 0..steps.abs().min(self.scores.len() as f64) as usize {
            if steps > 0.0 {
                self.scores.pop_back();
                self.scores.push_front((0.0, 0.0));
            } else {
                self.scores.pop_front();
                self.scores.push_back((0.0, 0.0));
            }
        }
    }
}
