//! A live camera's own times laid on the box's steady clock.
//!
//! Theory of operation: a camera stamps its pictures with a clock of its own, which has an unknown
//! zero, drifts by up to 500 parts in a million, and now and then jumps. Each picture also has the
//! moment at which it arrived on the box's steady clock, late by whatever the way took. The picture
//! that was on its way least gives the offset (arrival minus stamp); the smallest of the last
//! [`WINDOW_US`] is taken, so that drift is followed and a burst of late packets changes nothing.
//! A picture was then taken at its stamp plus the offset, which is never later than its arrival.
//!
//! Where stamps cannot be believed the line begins anew ("run"): they jumped by more than
//! [`JUMP_US`] against arrival, or ran back by more than [`BACK_US`]. Where they stand still
//! ([`STUCK`] in a row) or were never given, arrival itself is the time, again as a new run. Times that are handed out
//! always rise, by at least [`LEAST_STEP_US`].
//!
//! It deliberately knows no wall time: who owns the steady clock knows what it was set to.

use std::collections::VecDeque;

/// How far back the least delayed picture is looked for: long enough to hold one that came through
/// an idle network, short enough that 500 parts in a million are no more than 15 ms within it.
const WINDOW_US: i64 = 30_000_000;
/// The window is kept in steps this long, each with its smallest offset.
const STEP_US: i64 = 1_000_000;
/// Stamps that move by this much against arrival are another clock's.
const JUMP_US: i64 = 10_000_000;
/// Stamps that run back by this much are another clock's; less is jitter.
const BACK_US: i64 = 1_000_000;
/// So many pictures with one and the same stamp, and arrival is believed instead.
const STUCK: u32 = 3;
/// Two pictures are at least this far apart.
const LEAST_STEP_US: i64 = 1;

/// When a picture was taken, on the box's steady clock.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stamp {
    /// Microseconds of the steady clock.
    pub taken_us: i64,
    /// How often the camera's clock was found to be another one. Tracks do not live across runs.
    pub run: u32,
    /// How much later it arrived than the least delayed picture did, microseconds.
    pub delay_us: i64,
}

/// Lays one camera's stamps on the steady clock.
#[derive(Debug, Clone, Default)]
pub struct Timeline {
    run: u32,
    last: Option<Last>,
    /// Start of a step on the steady clock, and the smallest offset within it.
    steps: VecDeque<(i64, i64)>,
    /// Pictures in a row whose stamp was the one before.
    stuck: u32,
    /// Arrival itself is the time.
    by_arrival: bool,
}

#[derive(Debug, Clone, Copy)]
struct Last {
    media_us: i64,
    arrived_us: i64,
    taken_us: i64,
}

impl Timeline {
    /// A line without pictures.
    pub fn new() -> Self {
        Self::default()
    }

    /// Places a picture that the camera stamped `media_us` (`None`: not at all) and that arrived at
    /// `arrived_us` of the steady clock.
    pub fn place(&mut self, media_us: Option<i64>, arrived_us: i64) -> Stamp {
        let media_us = media_us.filter(|_| !self.is_stuck());
        let believed_us = self.note_stuck(media_us);
        let by_arrival = believed_us.is_none();
        let media_us = believed_us.unwrap_or(arrived_us);
        let switched = self.last.is_some() && by_arrival != self.by_arrival;
        if switched || self.is_another_clock(media_us, arrived_us) {
            self.run += 1;
            self.steps.clear();
        }
        self.by_arrival = by_arrival;
        let offset_us = self.least_offset(arrived_us.saturating_sub(media_us), arrived_us);
        let placed_us = media_us.saturating_add(offset_us).min(arrived_us);
        let least_us = self
            .last
            .map_or(i64::MIN, |last| last.taken_us.saturating_add(LEAST_STEP_US));
        let taken_us = placed_us.max(least_us);
        self.last = Some(Last {
            media_us,
            arrived_us,
            taken_us,
        });
        Stamp {
            taken_us,
            run: self.run,
            delay_us: arrived_us.saturating_sub(placed_us),
        }
    }

    /// Where a picture lies by what is known so far; nothing is learned of it.
    pub fn estimate_us(&self, media_us: Option<i64>, arrived_us: i64) -> i64 {
        let offset_us = self.steps.iter().map(|(_, least)| *least).min();
        let known = media_us.filter(|_| !self.by_arrival).zip(offset_us);
        let placed = known.map(|(media_us, offset_us)| media_us.saturating_add(offset_us));
        placed
            .filter(|placed| arrived_us.saturating_sub(*placed).saturating_abs() <= JUMP_US)
            .map_or(arrived_us, |placed| placed.min(arrived_us))
    }

    /// The connection was made anew: nothing is known of the camera's clock any more.
    pub fn reconnected(&mut self) {
        self.run += 1;
        self.steps.clear();
        self.stuck = 0;
        if let Some(last) = &mut self.last {
            // Only what was handed out counts from now on.
            last.media_us = i64::MIN;
        }
    }

    fn is_stuck(&self) -> bool {
        self.stuck >= STUCK
    }

    /// Counts stamps that stand still. A clock that was stuck stays disbelieved until reconnected.
    fn note_stuck(&mut self, media_us: Option<i64>) -> Option<i64> {
        let media_us = media_us?;
        if self.last.is_some_and(|last| last.media_us == media_us) {
            self.stuck += 1;
        } else {
            self.stuck = 0;
        }
        Some(media_us).filter(|_| !self.is_stuck())
    }

    fn is_another_clock(&self, media_us: i64, arrived_us: i64) -> bool {
        let Some(last) = self.last.filter(|last| last.media_us != i64::MIN) else {
            return false;
        };
        let by_stamp = media_us.saturating_sub(last.media_us);
        let by_arrival = arrived_us.saturating_sub(last.arrived_us);
        by_stamp < -BACK_US || by_stamp.saturating_sub(by_arrival).saturating_abs() > JUMP_US
    }

    /// The smallest offset of the window, this one included.
    fn least_offset(&mut self, offset_us: i64, arrived_us: i64) -> i64 {
        let step = arrived_us.div_euclid(STEP_US) * STEP_US;
        match self.steps.back_mut() {
            Some((start, least)) if *start == step => *least = (*least).min(offset_us),
            _ => self.steps.push_back((step, offset_us)),
        }
        while self
            .steps
            .front()
            .is_some_and(|(start, _)| arrived_us.saturating_sub(*start) > WINDOW_US)
        {
            self.steps.pop_front();
        }
        self.steps
            .iter()
            .map(|(_, least)| *least)
            .min()
            .unwrap_or(offset_us)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Places pictures given as (stamp, arrival), both in ms; returns (taken in ms, run).
    #[track_caller]
    fn check(pictures: &[(i64, i64)], expect: &[(i64, u32)]) {
        let mut line = Timeline::new();
        let placed: Vec<(i64, u32)> = pictures
            .iter()
            .map(|(media, arrived)| {
                let stamp = line.place(Some(media * 1000), arrived * 1000);
                (stamp.taken_us.div_euclid(1000), stamp.run)
            })
            .collect();
        assert_eq!(placed, expect);
    }

    #[test]
    fn late_packets_do_not_move_the_line() {
        check(
            &[(0, 5000), (40, 5040), (80, 5300), (120, 5310), (160, 5320)],
            &[(5000, 0), (5040, 0), (5080, 0), (5120, 0), (5160, 0)],
        );
    }

    #[test]
    fn a_faster_way_found_later_moves_the_line_back_but_never_time() {
        check(
            &[(0, 5100), (40, 5140), (80, 5080), (120, 5120), (200, 5200)],
            &[(5100, 0), (5140, 0), (5140, 0), (5140, 0), (5200, 0)],
        );
    }

    #[test]
    fn an_estimate_is_where_the_next_picture_will_be() {
        let mut line = Timeline::new();
        assert_eq!(line.estimate_us(Some(0), 5_000_000), 5_000_000);
        line.place(Some(0), 5_000_000);
        assert_eq!(line.estimate_us(Some(40_000), 5_300_000), 5_040_000);
        assert_eq!(line.estimate_us(Some(40_000), 5_010_000), 5_010_000);
        assert_eq!(line.estimate_us(None, 5_300_000), 5_300_000);
        assert_eq!(line.estimate_us(Some(90_000_000), 5_300_000), 5_300_000);
    }

    #[test]
    fn a_jump_of_the_cameras_clock_is_a_new_run() {
        check(
            &[(0, 5000), (40, 5040), (90_000, 5080), (90_040, 5120)],
            &[(5000, 0), (5040, 0), (5080, 1), (5120, 1)],
        );
        check(
            &[(9000, 5000), (9040, 5040), (40, 5080), (80, 5120)],
            &[(5000, 0), (5040, 0), (5080, 1), (5120, 1)],
        );
    }

    /// Row F5: the first and the last stamps that there are, and arrival at the end of time.
    #[test]
    fn f5_stamps_at_the_edges_of_their_type_are_placed() {
        for media_us in [i64::MIN, i64::MIN + 1, -1, 0, i64::MAX - 1, i64::MAX] {
            for arrived_us in [0, 1, i64::MAX / 2, i64::MAX - 1] {
                let mut line = Timeline::new();
                let first = line.place(Some(media_us), arrived_us);
                let second = line.place(Some(media_us.wrapping_add(40_000)), arrived_us);
                assert!(first.taken_us < second.taken_us, "{media_us} {arrived_us}");
                assert!(first.taken_us <= arrived_us, "{media_us} {arrived_us}");
            }
        }
    }

    #[test]
    fn a_silence_of_both_is_no_jump() {
        check(
            &[(0, 5000), (60_000, 65_000), (60_040, 65_040)],
            &[(5000, 0), (65_000, 0), (65_040, 0)],
        );
    }

    #[test]
    fn a_clock_that_stands_still_is_not_believed() {
        let mut line = Timeline::new();
        let taken: Vec<i64> = (0..8)
            .map(|i| line.place(Some(7_000), 1_000_000 + i * 40_000).taken_us)
            .collect();
        assert_eq!(taken[4..], [1_160_000, 1_200_000, 1_240_000, 1_280_000]);
    }

    #[test]
    fn drift_is_followed() {
        let mut line = Timeline::new();
        let mut worst = 0;
        // 500 parts in a million fast, for half an hour at 25 a second.
        for i in 0..45_000_i64 {
            let true_us = i * 40_000;
            let stamp = line.place(Some(true_us + true_us / 2000), true_us + 3_000);
            worst = worst.max((stamp.taken_us - true_us - 3_000).abs());
        }
        assert!(worst <= 16_000, "{worst} us");
    }

    /// `TAILGATE_TIMELINE_CASES` says how many.
    fn cases() -> u32 {
        let cases = std::env::var("TAILGATE_TIMELINE_CASES").ok();
        cases.and_then(|cases| cases.parse().ok()).unwrap_or(10_000)
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(cases()))]

        /// Row D6. Whatever a camera stamps, times rise, and no picture is taken after it came, but for the
        /// microsecond by which it must follow the one before.
        #[test]
        fn times_rise_and_are_never_later_than_arrival(
            pictures in prop::collection::vec((any::<Option<i64>>(), 0_i64..2_000_000), 1..60)
        ) {
            let mut line = Timeline::new();
            let (mut arrived, mut before) = (0, i64::MIN);
            for (media, wait) in pictures {
                arrived += wait;
                let stamp = line.place(media, arrived);
                prop_assert!(stamp.taken_us > before);
                prop_assert!(stamp.taken_us <= arrived.max(before + LEAST_STEP_US));
                before = stamp.taken_us;
            }
        }
    }
}
