//! How late a feed's events come, measured.
//!
//! The lateness of an event is the time from when it occurred to when the box learned of it. Its
//! quantiles over the last events say how long an uncredited entry should wait for a late grant,
//! and up to when a feed without heartbeats is probably complete. A controller that was cut off
//! delivers its backlog hours late; such an event says something about the gap and nothing about
//! the usual lateness, so it is counted apart.

use std::collections::VecDeque;

use super::AccessEvent;
use crate::units::{Instant, Span};

/// How many events the quantiles are taken over: enough for a p99, few enough to follow a change
/// within a busy hour.
const SAMPLES: usize = 512;

/// Below this many samples nothing is said.
const FEWEST: usize = 20;

/// An event later than this is part of a backlog.
const BACKLOG: Span = Span::from_ms(60_000);

/// Measures how late a feed's events come.
#[derive(Debug, Clone, Default)]
pub struct Lateness {
    recent: VecDeque<Span>,
    backlog: u64,
}

impl Lateness {
    /// Takes an event. The middle of its uncertain time counts; one that seems to come before it
    /// occurred (a clock that is ahead) counts as not late.
    pub fn observe(&mut self, event: &AccessEvent) {
        let late = event.received.since(event.occurred.mid()).max(Span::ZERO);
        if late > BACKLOG {
            self.backlog += 1;
            return;
        }
        if self.recent.len() == SAMPLES {
            self.recent.pop_front();
        }
        self.recent.push_back(late);
    }

    /// Half of the events come at most this late; `None` as long as too few were seen.
    pub fn p50(&self) -> Option<Span> {
        self.quantile(50)
    }

    /// All but one in a hundred come at most this late.
    pub fn p99(&self) -> Option<Span> {
        self.quantile(99)
    }

    /// Up to when a feed that gives no heartbeat is probably complete at `now`.
    pub fn probably_complete_to(&self, now: Instant) -> Option<Instant> {
        self.p99().map(|late| now - late)
    }

    /// How many events came in a backlog, more than a minute late.
    pub fn backlog(&self) -> u64 {
        self.backlog
    }

    /// The least sample that at least `percent` of all samples do not exceed.
    fn quantile(&self, percent: usize) -> Option<Span> {
        if self.recent.len() < FEWEST {
            return None;
        }
        let mut sorted: Vec<Span> = self.recent.iter().copied().collect();
        sorted.sort_unstable();
        let rank = (sorted.len() * percent).div_ceil(100).max(1);
        sorted.get(rank - 1).copied()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::access::AccessKind;
    use crate::units::Interval;

    fn observed(late_ms: impl IntoIterator<Item = i64>) -> Lateness {
        let mut lateness = Lateness::default();
        for late in late_ms {
            let occurred = Instant::from_s(1_000.0);
            lateness.observe(&AccessEvent {
                id: String::new(),
                door: None,
                reader: None,
                direction: None,
                kind: AccessKind::Granted,
                occurred: Interval::exact(occurred),
                received: occurred + Span::from_ms(late),
                holder: None,
                passages: None,
            });
        }
        lateness
    }

    #[track_caller]
    fn check(late_ms: impl IntoIterator<Item = i64>, p50_ms: Option<i64>, p99_ms: Option<i64>) {
        let lateness = observed(late_ms);
        let quantiles = (lateness.p50(), lateness.p99());
        assert_eq!(
            quantiles,
            (p50_ms.map(Span::from_ms), p99_ms.map(Span::from_ms))
        );
    }

    #[test]
    fn few_events_say_nothing() {
        check(0..19, None, None);
        check(0..20, Some(9), Some(19));
    }

    #[test]
    fn quantiles_are_the_least_samples_that_hold() {
        check(1..=100, Some(50), Some(99));
        check(1..=200, Some(100), Some(198));
        check(std::iter::repeat_n(7, 50), Some(7), Some(7));
    }

    #[test]
    fn only_the_last_events_count() {
        let slow_then_quick = std::iter::repeat_n(900, 600).chain(std::iter::repeat_n(30, SAMPLES));
        check(slow_then_quick, Some(30), Some(30));
    }

    #[test]
    fn a_backlog_is_counted_apart() {
        let events = std::iter::repeat_n(40, 30).chain(std::iter::repeat_n(3_600_000, 10));
        let lateness = observed(events);
        assert_eq!(lateness.p99(), Some(Span::from_ms(40)));
        assert_eq!(lateness.backlog(), 10);
    }

    #[test]
    fn a_clock_that_is_ahead_is_not_late() {
        check(std::iter::repeat_n(-300, 30), Some(0), Some(0));
    }

    #[test]
    fn a_feed_without_heartbeat_is_probably_complete_up_to_its_lateness() {
        let lateness = observed(1..=100);
        let now = Instant::from_s(2_000.0);
        assert_eq!(
            lateness.probably_complete_to(now),
            Some(now - Span::from_ms(99))
        );
        assert_eq!(Lateness::default().probably_complete_to(now), None);
    }
}
