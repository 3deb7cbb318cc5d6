//! What can be asked of a ledger while it runs, and what it holds.

use super::script::{Statements, Telling, access, crossing, pass, play, read, tell};
use crate::access::AccessKind;
use crate::crossing::Direction;
use crate::units::{CrossingId, DoorId, Instant, Interval, Span};
use crate::verdict::{Ledger, Policy, Stage, VerdictKind};

/// The credits at a moment: id, passages left, seconds left.
#[track_caller]
fn check_credits(script: &str, at_s: f64, expect: &str) {
    let script = read(script);
    let now = Instant::from_s(at_s);
    let mut ledger = Ledger::new(DoorId(0), script.policy.clone());
    let mut said = Statements::default();
    for (at, telling) in script.tellings.iter().filter(|(at, _)| *at <= now) {
        pass(&mut ledger, *at, &mut said);
        tell(&mut ledger, *at, telling, &mut said);
    }
    let credits = ledger.credits(now).into_iter().map(|credit| {
        let holder = credit.holder.map(|holder| format!(" of {holder}"));
        let (left, time) = (credit.passages_left, credit.time_left.as_s());
        format!(
            "{}{} x{left} {time:.1}",
            credit.grant,
            holder.unwrap_or_default()
        )
    });
    assert_eq!(credits.collect::<Vec<_>>().join(", "), expect);
}

#[test]
fn live_credits_are_those_that_can_still_be_spent() {
    let script = "0.0 grant A holder=7731\n 2.0 grant B n=2\n 3.0 in t1\n 4.0 in t2";
    check_credits(script, 0.0, "A of 7731 x1 10.0");
    check_credits(script, 2.5, "A of 7731 x1 7.5, B x2 9.5");
    check_credits(script, 3.0, "B x2 9.0");
    check_credits(script, 4.0, "B x1 8.0");
    check_credits(script, 12.0, "B x1 0.0");
    check_credits(script, 12.1, "");
}

#[test]
fn the_state_of_a_crossing_is_what_was_stated_last() {
    let (ledger, _) = play(&read("0.0 grant A\n 1.0 in t1\n 1.8 in t2"));
    let state = |number| {
        ledger
            .state_of(CrossingId(number))
            .map(|state| (state.kind, state.stage))
    };
    assert_eq!(state(1), Some((VerdictKind::Authorised, Stage::Final)));
    assert_eq!(state(2), Some((VerdictKind::Tailgating, Stage::Final)));
    assert_eq!(state(3), None);
}

/// Steady traffic: every two seconds a grant and an entry, for as long as told.
fn busy(hours: i64, retention: Span) -> (Ledger, Statements) {
    let policy = Policy {
        retention,
        ..Policy::default()
    };
    let mut ledger = Ledger::new(DoorId(0), policy);
    let mut said = Statements::default();
    for number in 0..hours * 1_800 {
        let at = Instant::from_us(number * 2_000_000);
        pass(&mut ledger, at, &mut said);
        let grant = access(
            &format!("g{number}"),
            AccessKind::Granted,
            Interval::exact(at),
        );
        tell(&mut ledger, at, &Telling::Access(grant), &mut said);
        let number = u32::try_from(number).expect("a number");
        let crossing = crossing(number, at + Span::from_ms(900), Direction::In, number);
        tell(
            &mut ledger,
            crossing.at,
            &Telling::Crossing(crossing),
            &mut said,
        );
        said.verdicts
            .retain(|verdict| verdict.stage == Stage::Amended);
        said.grants.clear();
    }
    (ledger, said)
}

#[test]
fn what_is_held_is_bounded_by_the_retention() {
    let (ledger, said) = busy(4, Span::from_s(600.0));
    assert!(ledger.held() < 1_000, "{} events held", ledger.held());
    assert!(said.verdicts.is_empty());
}

#[test]
fn a_grant_of_yesterday_evening_amends_the_whole_night_of_traffic_once() {
    let (mut ledger, mut said) = busy(3, Span::from_s(86_400.0));
    let now = Instant::from_s(4.0 * 3_600.0);
    let extra = access(
        "late",
        AccessKind::Granted,
        Interval::exact(Instant::from_s(0.1)),
    );
    tell(&mut ledger, now, &Telling::Access(extra), &mut said);
    said.verdicts
        .retain(|verdict| verdict.stage == Stage::Amended);
    // Everybody walked on a grant and does so still: each on the one before theirs.
    assert_eq!(said.verdicts.len(), 3 * 1_800 - 1);
    assert!(
        said.verdicts
            .iter()
            .all(|verdict| verdict.kind == VerdictKind::Authorised)
    );
}

#[test]
fn a_shorter_blindness_within_a_longer_one_does_not_end_it() {
    let mut ledger = Ledger::new(DoorId(0), Policy::default());
    let mut said = Statements::default();
    let now = Instant::from_s(9.0);
    for (from, to) in [(0.0, 9.0), (1.0, 2.0)] {
        let blind = Interval::new(Instant::from_s(from), Instant::from_s(to));
        let blind = Telling::Blind(blind, crate::units::Doubt::SightLost);
        tell(&mut ledger, now, &blind, &mut said);
    }
    let crossing = crossing(1, Instant::from_s(5.0), Direction::In, 1);
    tell(&mut ledger, now, &Telling::Crossing(crossing), &mut said);
    let state = ledger.state_of(CrossingId(1)).map(|state| state.kind);
    assert_eq!(state, Some(VerdictKind::Undetermined));
}

/// A controller whose clock is lost stamps its grants years ahead: whoever walks on them is not accused,
/// and they are forgotten like any other.
#[test]
fn grants_from_the_future_accuse_nobody_and_do_not_pile_up() {
    let mut ledger = Ledger::new(DoorId(0), Policy::default());
    let mut said = Statements::default();
    for day in 0..4 {
        let came = Instant::from_s(1.0 + 86_400.0 * f64::from(day));
        let ahead = came + Span::from_s(3.0e8);
        let mut event = access(
            &format!("A{day}"),
            AccessKind::Granted,
            Interval::exact(ahead),
        );
        event.received = came;
        tell(&mut ledger, came, &Telling::Access(event), &mut said);
        let walked = came + Span::from_s(2.0);
        let walker = crossing(day, walked, Direction::In, day);
        tell(&mut ledger, walked, &Telling::Crossing(walker), &mut said);
        pass(&mut ledger, walked + Span::from_s(3_600.0), &mut said);
        let state = ledger.state_of(CrossingId(day)).map(|state| state.kind);
        assert_eq!(state, Some(VerdictKind::Undetermined), "day {day}");
    }
    assert!(ledger.held() < 8, "{} held", ledger.held());
}

#[test]
fn absurd_times_break_nothing() {
    let far = [
        Instant::MIN,
        Instant::MAX,
        Instant::ZERO,
        Instant::from_us(i64::MAX - 1),
    ];
    let mut ledger = Ledger::new(DoorId(0), Policy::default());
    let mut said = Statements::default();
    let mut number = 0;
    for now in [Instant::MIN, Instant::ZERO, Instant::MAX] {
        for lo in far {
            for hi in far {
                number += 1;
                let when = Interval { lo, hi };
                for kind in [
                    AccessKind::Granted,
                    AccessKind::UnlockStarted,
                    AccessKind::Opened,
                ] {
                    let event = access(&format!("{kind:?}{number}"), kind, when);
                    tell(&mut ledger, now, &Telling::Access(event), &mut said);
                }
                let mut crossing = crossing(number, lo, Direction::In, number);
                crossing.interval = when;
                tell(&mut ledger, now, &Telling::Crossing(crossing), &mut said);
                let blind = Telling::Blind(when, crate::units::Doubt::SightLost);
                tell(&mut ledger, now, &blind, &mut said);
                ledger.credits(now);
            }
        }
    }
    assert!(!said.verdicts.is_empty());
}

#[test]
fn a_policy_of_negative_times_breaks_nothing() {
    let script = "policy window=-5 early=-1 follow=-2 lateness=-9 u_turn=-1 exit_close=-1
        0.0 grant A\n 0.0 in t1\n 1.0 in t2\n 1.2 out t3";
    let (_, said) = play(&read(script));
    assert_eq!(
        said.outcome(),
        [
            "t1 authorised A",
            "t2 unauthorised_entry",
            "t3 exit",
            "A used t1"
        ]
    );
}
