//! Presentation times as a strictly rising line, whatever the container says.
//!
//! Theory of operation: a container's times are believed as they are, variable frame rate included,
//! as long as they rise. Where they do not, they are repaired in a stated way, and counted:
//!
//! - a missing time is the one before plus the nominal step;
//! - a time that runs back by less than [`RESTART_BACK_US`] is jitter: it becomes one microsecond
//!   after the one before, and the line goes on as soon as the times have caught up;
//! - a time that runs back further, or forward by more than [`MAX_GAP_US`], is a clock that wrapped,
//!   was set, or is nonsense: the line goes on one nominal step later, and later times keep their
//!   distance to this one.
//!
//! It deliberately does not smooth or round: a true time stays as it is.

/// A step back shorter than this is jitter, a longer one a restarted clock.
pub(super) const RESTART_BACK_US: i64 = 1_000_000;

/// A gap longer than this is not believed. Cameras that record on motion leave gaps of minutes.
pub(super) const MAX_GAP_US: i64 = 3_600_000_000;

/// The nominal step where no frame rate is known: 25 frames a second.
pub(super) const DEFAULT_STEP_US: i64 = 40_000;

/// Repairs the presentation times of one clip.
#[derive(Debug, Clone)]
pub(super) struct Clock {
    last_us: Option<i64>,
    /// Added to what the container says.
    shift_us: i64,
    step_us: i64,
    repairs: Repairs,
}

/// How often which repair was needed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Repairs {
    /// Times that were missing.
    pub(super) missing: u64,
    /// Times that did not rise.
    pub(super) backward: u64,
    /// Times after which the line was joined anew.
    pub(super) jumps: u64,
}

impl Clock {
    /// A clock with the nominal step between two frames, in microseconds.
    pub(super) fn new(step_us: i64) -> Self {
        Self {
            last_us: None,
            shift_us: 0,
            step_us: step_us.max(1),
            repairs: Repairs::default(),
        }
    }

    /// The repaired time of the next frame, given what the container says about it.
    pub(super) fn next(&mut self, said_us: Option<i64>) -> i64 {
        let time_us = self.judge(said_us);
        self.last_us = Some(time_us);
        time_us
    }

    fn judge(&mut self, said_us: Option<i64>) -> i64 {
        let expected_us = self
            .last_us
            .map_or(0, |last| last.saturating_add(self.step_us));
        let Some(said_us) = said_us else {
            self.repairs.missing += 1;
            return expected_us;
        };
        let time_us = said_us.saturating_add(self.shift_us);
        let Some(last_us) = self.last_us else {
            if (0..=MAX_GAP_US).contains(&time_us) {
                return time_us;
            }
            self.shift_us = 0_i64.saturating_sub(said_us);
            return 0;
        };
        let ahead_us = time_us.saturating_sub(last_us);
        if ahead_us > MAX_GAP_US || ahead_us <= -RESTART_BACK_US {
            self.repairs.jumps += 1;
            self.shift_us = expected_us.saturating_sub(said_us);
            expected_us
        } else if ahead_us <= 0 {
            self.repairs.backward += 1;
            last_us.saturating_add(1)
        } else {
            time_us
        }
    }

    /// Where the line puts a time that belongs to no decoded frame.
    pub(super) fn place(&self, said_us: i64) -> i64 {
        said_us.saturating_add(self.shift_us)
    }

    /// The nominal step, in microseconds.
    pub(super) fn step_us(&self) -> i64 {
        self.step_us
    }

    /// The time of the last frame.
    pub(super) fn last_us(&self) -> Option<i64> {
        self.last_us
    }

    /// What was repaired so far.
    pub(super) fn repairs(&self) -> Repairs {
        self.repairs
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[track_caller]
    fn check(said: &[Option<i64>], expect: &[i64]) -> Repairs {
        let mut clock = Clock::new(40_000);
        let got: Vec<i64> = said.iter().map(|us| clock.next(*us)).collect();
        assert_eq!(got, expect);
        clock.repairs()
    }

    #[test]
    fn rising_times_stay_as_they_are() {
        let said = [0, 120_000, 240_000, 280_000, 2_000_000];
        let repairs = check(&said.map(Some), &said);
        assert_eq!(repairs, Repairs::default());
    }

    #[test]
    fn a_missing_time_is_one_step_on() {
        let repairs = check(
            &[Some(0), None, None, Some(130_000)],
            &[0, 40_000, 80_000, 130_000],
        );
        assert_eq!(repairs.missing, 2);
    }

    #[test]
    fn jitter_backwards_rises_by_a_microsecond() {
        let said = [0, 100_000, 90_000, 95_000, 140_000].map(Some);
        let repairs = check(&said, &[0, 100_000, 100_001, 100_002, 140_000]);
        assert_eq!(repairs.backward, 2);
    }

    #[test]
    fn a_wrapped_clock_goes_on_one_step_later() {
        let wrap = 95_443_717_688;
        let said = [0, wrap, wrap + 40_000, 10, 40_010].map(Some);
        let repairs = check(&said, &[0, 40_000, 80_000, 120_000, 160_000]);
        assert_eq!(repairs.jumps, 2);
    }

    #[test]
    fn a_first_time_beyond_belief_starts_the_line() {
        check(&[Some(i64::MAX), Some(5)], &[0, 40_000]);
        check(&[Some(-7), Some(40_000)], &[0, 40_007]);
    }

    proptest! {
        #[test]
        fn times_always_rise(said in prop::collection::vec(prop::option::of(any::<i64>()), 1..40)) {
            let mut clock = Clock::new(40_000);
            let mut last = i64::MIN;
            for us in said {
                let now = clock.next(us);
                prop_assert!(now > last, "{now} after {last}");
                last = now;
            }
        }
    }
}
