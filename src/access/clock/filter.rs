//! Follows a lag and its drift.
//!
//! A Kalman filter of two numbers: the lag and the rate at which it changes. Each passage is one
//! measurement; people differ in how they walk, so its spread is measured too. What lies far off
//! (somebody who waited after badging) counts less, and from four deviations on not at all
//! (Huber, 1964, with the usual 1.5 deviations).

use serde::{Deserialize, Serialize};

/// What the lag is uncertain by besides what passages scatter, s: how people walk is not quite
/// symmetric, so their middle depends a little on how it is taken.
const FLOOR_S: f64 = 0.05;
/// How many standard deviations an interval reaches to either side: 99.7 % of a normal spread.
const SIGMAS: f64 = 3.0;
/// Spread of the times to walk before any was seen, s.
const SPREAD_S: f64 = 0.5;
/// One passage shows at most so many times the spread (squared): 2.5 deviations.
const SHOWN_AT_MOST: f64 = 6.25;
/// Bounds of the spread as measured, s.
const SPREAD_BOUNDS_S: (f64, f64) = (0.1, 1.5);
/// The spread is taken over about so many passages.
const SPREAD_PASSAGES: f64 = 64.0;
/// How wrong a lag may be when it was just found, s.
const FOUND_S: f64 = 1.0;
/// Rates that clocks have; the worst that is expected, 500 ppm, is little more than one deviation.
const RATE_SD: f64 = 400e-6;
/// The rate of a clock changes with its temperature: by about this in an hour.
const RATE_CHANGE: f64 = 3e-6;
/// And a clock that is kept by a server wanders by about this in an hour, s.
const WANDER_S: f64 = 0.01;
/// No clock is worse.
const MOST_RATE: f64 = 600e-6;
/// From so many deviations on a passage counts less.
const HUBER: f64 = 1.5;
/// From so many on not at all.
const GATE: f64 = 4.0;
/// Seconds in an hour.
const HOUR_S: f64 = 3_600.0;

/// The state at one moment.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub(super) struct Filter {
    /// When, s.
    at: f64,
    lag: f64,
    rate: f64,
    /// Variances of lag and rate, and what they have in common.
    var_lag: f64,
    var_rate: f64,
    cov: f64,
    /// Spread of the times to walk, squared.
    spread: f64,
    /// Passages taken.
    pub taken: u32,
}

impl Filter {
    /// One that knows a lag roughly.
    pub fn new(at: f64, lag: f64) -> Self {
        Self {
            at,
            lag,
            rate: 0.0,
            var_lag: FOUND_S * FOUND_S,
            var_rate: RATE_SD * RATE_SD,
            cov: 0.0,
            spread: SPREAD_S * SPREAD_S,
            taken: 0,
        }
    }

    /// The same clock after it was set: another lag, the old rate.
    pub fn set(&self, at: f64, lag: f64) -> Self {
        Self {
            at,
            lag,
            var_lag: FOUND_S * FOUND_S,
            cov: 0.0,
            taken: 0,
            ..*self
        }
    }

    /// The lag expected at a moment, s.
    pub fn lag_at(&self, at: f64) -> f64 {
        self.lag + self.rate * (at - self.at)
    }

    /// Half the width of the interval in which the lag lies at a moment, s.
    pub fn half_at(&self, at: f64) -> f64 {
        let dt = at - self.at;
        let var =
            self.var_lag + 2.0 * dt * self.cov + dt * dt * self.var_rate + dt.abs() * wander_var();
        SIGMAS * var.max(0.0).sqrt() + FLOOR_S
    }

    /// The rate, and three standard deviations of it.
    pub fn rate(&self) -> (f64, f64) {
        (self.rate, SIGMAS * self.var_rate.max(0.0).sqrt())
    }

    /// How far from the lag a passage may lie to be taken at all, s.
    pub fn gate_at(&self, at: f64) -> f64 {
        let half = (self.half_at(at) - FLOOR_S) / SIGMAS;
        GATE * (half * half + self.spread).sqrt()
    }

    /// Takes a passage that came `lag` after its grant's stamp.
    pub fn take(&mut self, at: f64, lag: f64) {
        self.predict(at);
        let off = lag - self.lag_at(at);
        let deviation = (self.var_lag + self.spread).sqrt();
        let uncertain = self.var_lag;
        let far = off.abs() / deviation;
        if far > GATE {
            return;
        }
        let noise = self.spread * (far / HUBER).max(1.0);
        let sum = self.var_lag + noise;
        let (gain_lag, gain_rate) = (self.var_lag / sum, self.cov / sum);
        self.lag += gain_lag * off;
        self.rate = (self.rate + gain_rate * off).clamp(-MOST_RATE, MOST_RATE);
        self.var_rate -= gain_rate * self.cov;
        self.cov *= 1.0 - gain_lag;
        self.var_lag *= 1.0 - gain_lag;
        self.taken = self.taken.saturating_add(1);
        let shown = (off * off - uncertain).max(0.0);
        let shown = shown.min(SHOWN_AT_MOST * self.spread);
        let weight = 1.0 / (f64::from(self.taken) + 4.0).min(SPREAD_PASSAGES);
        let (least, most) = SPREAD_BOUNDS_S;
        self.spread += weight * (shown - self.spread);
        self.spread = self.spread.clamp(least * least, most * most);
    }

    fn predict(&mut self, at: f64) {
        let dt = at - self.at;
        if dt <= 0.0 {
            return; // a grant that came late says something about then, and nothing new about now
        }
        self.lag += self.rate * dt;
        self.var_lag += 2.0 * dt * self.cov + dt * dt * self.var_rate + dt * wander_var();
        self.cov += dt * self.var_rate;
        self.var_rate += dt * RATE_CHANGE * RATE_CHANGE / HOUR_S;
        self.at = at;
    }
}

fn wander_var() -> f64 {
    WANDER_S * WANDER_S / HOUR_S
}
