//! How many frames a second a door needs, and whether it gets them.
//!
//! Theory: a crossing is believed when somebody has settled on either side of the portal, beyond its
//! depth, and has been seen there often enough to be a track. Whoever hurries is in the seen part of
//! a side for `(seen - depth) / speed`; of that time the tracker's confirmation and the counter's
//! settling take what they take, and the rest must hold [`SIGHTINGS`] frames. Apart from that two
//! people who follow each other closely must not change places between two frames: their step must
//! stay under half of what is between them. For 2.4 m/s and 0.6 m that is 8 frames a second, below
//! which no door is believed.
//!
//! Rates count frames that were *judged*: looked at, or left out because nothing moved. Frames that
//! came and were dropped are not.

use std::collections::VecDeque;

use crate::units::{Instant, Span};

/// As fast as people go through doors, m/s: a hurried walk; who runs is seen in fewer frames.
pub const HURRIED_MPS: f64 = 2.4;
/// From one person to the next who follows on the heels, m.
const HEELS_M: f64 = 0.6;
/// Frames that must fall into the time on one side: one of them may be missed, two settle.
const SIGHTINGS: f64 = 3.0;
/// The rate is taken over this time.
const WINDOW: Span = Span::from_ms(2_000);
/// Enough again for this long is enough: a network that recovers does so in fits.
const RECOVER: Span = Span::from_ms(5_000);
/// A hole may be as long as this many frames at the rate that is needed: one frame lost.
const HOLE_FRAMES: f64 = 2.5;

/// What decides how many frames a door needs.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Pace {
    /// The portal's depth: how far beyond its line one has settled, m.
    pub depth_m: f64,
    /// How far from the line people are seen, outside and inside, m.
    pub seen_m: [f64; 2],
    /// How long one must be beyond the depth (`crossing::CounterSettings::settle_for`).
    pub settle_for: Span,
    /// How long a track must have been seen (`tracking::TrackerSettings::confirm_after`).
    pub confirm_after: Span,
}

impl Pace {
    /// Frames a second that this door needs; `None` where no rate is enough, because too little
    /// floor is seen on one side: then move the camera or the portal.
    pub fn least_rate_hz(&self) -> Option<f64> {
        // One need not wait for the other: settling is seen by a track that is being confirmed.
        let taken_s = self.settle_for.max(self.confirm_after).as_s();
        let mut rate_hz = 2.0 * HURRIED_MPS / HEELS_M;
        for seen_m in self.seen_m {
            let free_s = (seen_m - self.depth_m) / HURRIED_MPS - taken_s;
            if free_s.is_nan() || free_s <= 0.0 {
                return None;
            }
            rate_hz = rate_hz.max(SIGHTINGS / (free_s + taken_s));
        }
        Some(rate_hz)
    }
}

/// Watches one camera's frames and says when they come too slowly; one a camera.
#[derive(Debug, Clone)]
pub struct Starvation {
    least_hz: f64,
    judged: VecDeque<Instant>,
    starved: bool,
    short: Option<Instant>,
}

impl Starvation {
    /// For a camera whose most demanding door needs `least_hz` frames a second.
    pub fn new(least_hz: f64) -> Self {
        Self {
            least_hz,
            judged: VecDeque::new(),
            starved: false,
            short: None,
        }
    }

    /// Takes the time of a judged frame (when it was taken). `Some(true)` says that too few come
    /// from now on, `Some(false)` that they are enough again.
    pub fn step(&mut self, taken: Instant) -> Option<bool> {
        if self.judged.back().is_some_and(|last| taken <= *last) {
            self.judged.clear();
        }
        self.judged.push_back(taken);
        let full = self.forget(taken);
        let enough = self.rate_hz() >= self.least_hz && self.even();
        if !enough {
            self.short = Some(taken);
        }
        if !self.starved && !enough && full {
            self.starved = true;
            return Some(true);
        }
        let good_for = self.short.map_or(Span::MAX, |short| taken.since(short));
        if self.starved && good_for >= RECOVER {
            self.starved = false;
            return Some(false);
        }
        None
    }

    /// Judged frames a second over the last two seconds; 0 before there are two.
    pub fn rate_hz(&self) -> f64 {
        match (self.judged.front(), self.judged.back()) {
            (Some(first), Some(last)) if first < last => {
                (self.judged.len() - 1) as f64 / last.since(*first).as_s()
            }
            _ => 0.0,
        }
    }

    /// Drops what is older than the window but for one; whether the window is full.
    fn forget(&mut self, now: Instant) -> bool {
        while self
            .judged
            .get(1)
            .is_some_and(|next| now.since(*next) >= WINDOW)
        {
            self.judged.pop_front();
        }
        let oldest = self.judged.front().copied().unwrap_or(now);
        now.since(oldest) >= WINDOW
    }

    fn even(&self) -> bool {
        let longest_s = HOLE_FRAMES / self.least_hz.max(f64::MIN_POSITIVE);
        let mut pairs = self.judged.iter().zip(self.judged.iter().skip(1));
        pairs.all(|(a, b)| b.since(*a).as_s() <= longest_s)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn needs(depth_m: f64, seen_m: [f64; 2], expect: Option<f64>) {
        let pace = Pace {
            depth_m,
            seen_m,
            settle_for: Span::from_ms(150),
            confirm_after: Span::from_ms(200),
        };
        let found = pace
            .least_rate_hz()
            .map(|rate| (rate * 10.0).round() / 10.0);
        assert_eq!(found, expect);
    }

    #[test]
    fn a_door_needs_more_frames_the_less_floor_is_seen() {
        needs(0.3, [4.0, 4.0], Some(8.0));
        needs(0.3, [4.0, 1.2], Some(8.0));
        needs(0.3, [4.0, 1.0], Some(10.3));
        needs(0.3, [0.8, 4.0], Some(14.4));
        needs(0.3, [0.7, 4.0], None);
        needs(0.3, [f64::NAN, 4.0], None);
    }

    /// Frames at these times; when it changed, and to what.
    #[track_caller]
    fn watch(times_s: impl IntoIterator<Item = f64>, expect: &[(f64, bool)]) {
        let mut starvation = Starvation::new(8.0);
        let found: Vec<(f64, bool)> = times_s
            .into_iter()
            .filter_map(|at_s| Some((at_s, starvation.step(Instant::from_s(at_s))?)))
            .collect();
        assert_eq!(found, expect);
    }

    fn every(step_s: f64, from_s: f64, to_s: f64) -> impl Iterator<Item = f64> {
        let count = ((to_s - from_s) / step_s).round() as i32;
        (0..count).map(move |i| from_s + f64::from(i) * step_s)
    }

    #[test]
    fn too_few_frames_are_said_once_and_enough_again_once() {
        watch(every(0.1, 0.0, 20.0), &[]);
        watch(every(0.25, 0.0, 10.0), &[(2.0, true)]);
        let dip = every(0.0625, 0.0, 8.0)
            .chain(every(0.25, 8.0, 12.0))
            .chain(every(0.0625, 12.0, 30.0));
        watch(dip, &[(9.5, true), (17.6875, false)]);
    }

    #[test]
    fn a_hole_is_as_bad_as_a_low_rate() {
        let hole = every(0.0625, 0.0, 5.0).chain(every(0.0625, 5.5, 20.0));
        watch(hole, &[(5.5, true), (12.4375, false)]);
        watch(
            every(0.0625, 0.0, 5.0).chain(every(0.0625, 5.1875, 20.0)),
            &[],
        );
    }

    #[test]
    fn time_that_goes_back_starts_afresh() {
        watch(every(0.1, 0.0, 4.0).chain(every(0.1, 1.0, 4.0)), &[]);
    }
}
