//! Wall time that nobody can set: read once, and counted on by a clock that only goes forward.
//!
//! Theory of operation: a time server steps the wall clock, a person sets it, a battery fails and it is 1970. Who stamps
//! what happens by it would order events wrongly and call feeds late. Held time is what the wall clock showed
//! when the process began, plus what has passed since on the boot clock, which also counts the time in which the box was
//! suspended. It deliberately never follows the wall clock again: who finds the two apart for long starts
//! the process anew.

use rustix::time::{ClockId, clock_gettime};

use crate::units::{Instant, Span};

/// Microseconds since the box was started, suspended or not.
pub fn boot_us() -> i64 {
    let time = clock_gettime(ClockId::Boottime);
    time.tv_sec
        .saturating_mul(1_000_000)
        .saturating_add(time.tv_nsec / 1_000)
}

/// What the box's two clocks show at one moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Clocks {
    /// Microseconds of the clock that only goes forward.
    pub steady_us: i64,
    /// UTC, as the clock that can be set shows it.
    pub wall: Instant,
}

impl Clocks {
    /// Now.
    pub fn now() -> Self {
        Self {
            steady_us: boot_us(),
            wall: Instant::from_us(jiff::Timestamp::now().as_microsecond()),
        }
    }
}

/// Held time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HeldTime {
    began: Clocks,
}

impl HeldTime {
    /// From these on.
    pub fn new(began: Clocks) -> Self {
        Self { began }
    }

    /// The moment at a glance, whatever the wall clock shows by then.
    pub fn now(&self, clocks: Clocks) -> Instant {
        let passed_us = clocks.steady_us.saturating_sub(self.began.steady_us);
        self.began.wall + Span::from_us(passed_us)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(steady_s: i64, wall_s: i64, expect_s: i64) {
        let clocks = |steady_s: i64, wall_s: i64| Clocks {
            steady_us: steady_s * 1_000_000,
            wall: Instant::from_us(wall_s * 1_000_000),
        };
        let held = HeldTime::new(clocks(500, 1_800_000_000));
        let expect = Instant::from_us(expect_s * 1_000_000);
        assert_eq!(held.now(clocks(steady_s, wall_s)), expect);
    }

    /// Rows F1 and F4: steps of the wall clock are not seen, time in which the box was suspended is.
    #[test]
    fn f1_f4_held_time_goes_on_whatever_the_wall_clock_shows() {
        check(500, 1_800_000_000, 1_800_000_000);
        check(510, 1_800_000_010, 1_800_000_010);
        check(510, 1_800_003_610, 1_800_000_010);
        check(510, 0, 1_800_000_010);
        check(4_100, 1_800_000_000, 1_800_003_600);
    }

    #[test]
    fn the_boot_clock_goes_forward() {
        let first = boot_us();
        assert!(first > 0 && boot_us() >= first);
    }
}
