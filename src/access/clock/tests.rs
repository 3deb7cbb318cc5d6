//! Small worlds with one thing wrong. The statistics are in `tests/clock_offset.rs`.

use super::*;

/// Seconds from one person to the next: never twice the same, so that no lag is like another.
fn gap_s(number: u32) -> f64 {
    17.0 + f64::from(number * 7 % 11) + 0.37 * f64::from(number * 5 % 7)
}

/// Time to walk: between 1.7 and 2.3 s.
fn walk_s(number: u32) -> f64 {
    1.7 + 0.1 * f64::from(number * 3 % 7)
}

/// A world in which `people` badge, and the access control's clock is ahead by `ahead_s` of the
/// number of the person.
struct World {
    clock: DoorClock,
    now_s: f64,
    changes: Vec<ClockChange>,
}

impl World {
    fn new(offset: ClockOffset) -> Self {
        Self {
            clock: DoorClock::new(offset),
            now_s: 1_000.0,
            changes: Vec::new(),
        }
    }

    fn learning() -> Self {
        Self::new(ClockOffset::Learn(LearnClock::default()))
    }

    /// Lets somebody badge, and walk after `walk_s` or not at all.
    fn person(&mut self, number: u32, ahead_s: f64, walk_s: Option<f64>) {
        self.now_s += gap_s(number);
        let badged = Instant::from_s(self.now_s);
        self.settle(badged);
        let stamp = Interval::exact(badged + Span::from_s(ahead_s));
        self.clock
            .told_grant(badged, stamp, badged + Span::from_ms(300), None);
        if let Some(walk_s) = walk_s {
            let passed = badged + Span::from_s(walk_s);
            self.clock.told_crossing(passed, Direction::In);
        }
    }

    fn people(&mut self, numbers: std::ops::Range<u32>, ahead_s: f64) {
        for number in numbers {
            self.person(number, ahead_s, Some(walk_s(number)));
        }
    }

    fn settle(&mut self, now: Instant) {
        self.changes.extend(self.clock.settle(now));
    }

    fn correction(&self) -> Spans {
        let stamp = Interval::exact(Instant::from_s(self.now_s));
        self.clock.correction(stamp).by
    }
}

#[track_caller]
fn check_learned(ahead_s: f64, correction_s: f64) {
    let mut world = World::learning();
    world.people(0..20, ahead_s);
    let state = world.clock.state();
    assert_eq!(state.status, ClockStatus::Learned, "{}", state.text());
    let lag = state.lag.expect("a lag");
    let typical = Span::from_s(2.0 - ahead_s);
    assert!(lag.contains(typical), "{lag:?} holds {typical}");
    assert!(lag.width() < Span::from_ms(800), "{lag:?} is wide");
    let by = world.correction();
    assert!(by.contains(Span::from_s(correction_s)), "{by:?}");
}

#[test]
fn an_offset_is_learned_whichever_way() {
    check_learned(20.0, -20.0);
    check_learned(-20.0, 20.0);
    check_learned(5.0, -5.0);
}

#[test]
fn clocks_that_agree_are_left_alone() {
    let mut world = World::learning();
    world.people(0..20, 0.0);
    assert_eq!(world.clock.state().status, ClockStatus::Learned);
    assert!(world.correction().is_zero(), "{:?}", world.correction());
}

#[test]
fn before_it_is_learned_everything_is_possible() {
    let mut world = World::learning();
    world.people(0..4, 3.0);
    let range = LearnClock::default().range;
    assert_eq!(world.clock.state().status, ClockStatus::Learning);
    assert_eq!(
        world.correction(),
        Spans {
            lo: -range,
            hi: range
        }
    );
}

#[test]
fn what_has_nothing_to_do_with_passages_is_never_learned() {
    let mut world = World::learning();
    for number in 0..200 {
        // Somebody walks, and somebody else badged elsewhere: any time lies between.
        let unrelated = 28.0 * (f64::from(number * 7_919 % 1_000) / 1_000.0) - 14.0;
        world.person(number, 0.0, Some(unrelated));
    }
    assert_eq!(world.clock.state().status, ClockStatus::Learning);
    assert!(world.changes.is_empty(), "{:?}", world.changes);
}

#[test]
fn a_clock_that_was_set_is_noticed_and_said() {
    let mut world = World::learning();
    world.people(0..25, 2.0);
    world.people(25..50, 7.0);
    let said: Vec<String> = world.changes.iter().map(ClockChange::text).collect();
    assert_eq!(said.len(), 2, "{said:?}");
    assert!(said[1].starts_with("a clock was set"), "{}", said[1]);
    let ClockEvent::Stepped { by } = world.changes[1].what else {
        panic!("{:?} is no step", world.changes[1])
    };
    assert!((by.as_s() - 5.0).abs() < 0.3, "by {by}");
    // It was the twenty-sixth who badged after it; the change says so.
    let since = world.changes[1].since.expect("since when");
    let sixth = (0..26).map(gap_s).sum::<f64>() + 1_000.0 + 7.0;
    assert!(
        (since.as_s() - sixth).abs() < 1.0,
        "since {since}, not {sixth}"
    );
}

#[test]
fn who_waits_or_stays_away_does_not_set_a_clock() {
    let mut world = World::learning();
    world.people(0..20, 0.0);
    for number in 20..60 {
        let walk = match number % 5 {
            0 => Some(7.5),
            1 => None,
            _ => Some(walk_s(number)),
        };
        world.person(number, 0.0, walk);
    }
    assert_eq!(world.changes.len(), 1, "{:?}", world.changes);
    assert!(world.correction().is_zero(), "{:?}", world.correction());
}

#[test]
fn a_clock_set_too_far_to_be_found_is_lost_and_abstained_on() {
    let mut world = World::learning();
    world.people(0..25, 0.0);
    world.people(25..60, 600.0);
    // Those stamps lie in the future: nothing is learned from them, and nothing is forgotten.
    assert_eq!(world.changes.len(), 1, "{:?}", world.changes);
    // Passages that fit nothing any more.
    for number in 60..120 {
        let unrelated = 28.0 * (f64::from(number * 7_919 % 1_000) / 1_000.0) - 14.0;
        world.person(number, 0.0, Some(unrelated));
    }
    let last = world.changes.last().expect("a change");
    assert_eq!(last.what, ClockEvent::Lost);
    assert_eq!(world.clock.state().status, ClockStatus::Learning);
}

#[test]
fn a_fixed_offset_is_believed() {
    let mut world = World::new(ClockOffset::Fixed {
        ahead: Span::from_s(3.0),
    });
    world.people(0..3, 3.0);
    assert_eq!(world.correction(), Spans::exact(Span::from_s(-3.0)));
    assert_eq!(
        world.clock.state().text(),
        "clock offset set: the access control's clock is 3.0 s ahead of the camera's"
    );
}

#[test]
fn absurd_stamps_change_nothing() {
    let mut world = World::learning();
    for at in [Instant::MIN, Instant::MAX, Instant::ZERO] {
        let now = Instant::from_s(1_000.0);
        world.clock.told_grant(now, Interval::exact(at), at, None);
        world.clock.told_crossing(at, Direction::In);
        world.settle(Instant::from_s(2_000.0));
        world.settle(Instant::MAX);
    }
    world.people(0..20, 5.0);
    assert!(world.changes.len() <= 1);
}
