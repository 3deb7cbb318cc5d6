//! When an attempt is repeated, and when it is not any more.
//!
//! Theory of operation: waits grow as Standard Webhooks recommends (5 s, then minutes, then hours),
//! but stop growing at half an hour: the recommendation spares receivers that thousands of senders
//! with full queues come back to, while here one attempt a sink is made at a time, and a guard who waits
//! for an alert is not served by 24 h of silence after an outage of two days. Waits vary by a tenth, so
//! that boxes which lost a receiver together do not come back together; the variation is made of the
//! notice's id, not of dice.
//!
//! Who is at fault decides who waits. A sink that takes nothing (no contact, 408, 429, 502 to 504, a
//! wrong address or key) waits as a whole. A sink that fails over one notice (other 5xx) holds up that
//! notice's door. A notice that the sink refuses (other 4xx) is tried [`REFUSED_TRIES`] times and then
//! set aside, and so is one that failed [`POISON_TRIES`] times while notices of other doors went
//! through: one poisoned message must not silence a door. What is set aside is kept and counted.
//!
//! Pure.

use super::sink::Outcome;
use crate::units::{Instant, Span};

/// Waits after the first, second, ... failure in a row; the last one for all that follow.
const WAITS: [Span; 6] = [
    Span::from_ms(5_000),
    Span::from_ms(30_000),
    Span::from_ms(120_000),
    Span::from_ms(300_000),
    Span::from_ms(900_000),
    Span::from_ms(1_800_000),
];

/// A sink that asks for more patience than this is asked again all the same.
const MOST_PATIENCE: Span = Span::from_ms(86_400_000);

/// A notice that is refused is tried so often: a receiver may be deploying the fix just now.
pub(super) const REFUSED_TRIES: u32 = 3;

/// A notice over which the sink fails, while it takes others, is tried so often: half an hour.
pub(super) const POISON_TRIES: u32 = 5;

/// What is to be done after an attempt.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Next {
    /// It is done.
    Done,
    /// This notice, and its door, again then.
    Door(Instant, String),
    /// The whole sink again then.
    Sink(Instant, String),
    /// It is set aside.
    SetAside(String),
    /// Nothing more is sent until a person says so.
    Disable(String),
}

/// What is known when it is decided.
#[derive(Debug, Clone, Copy)]
pub(super) struct Attempt<'a> {
    /// The notice's id.
    pub id: &'a str,
    /// Attempts on it, this one included.
    pub tries: u32,
    /// Failures of the sink as a whole in a row, this one included.
    pub sink_failures: u32,
    /// Whether the sink took a notice of another door since this one first failed.
    pub others_pass: bool,
    /// Now.
    pub now: Instant,
}

/// Decides.
pub(super) fn next(attempt: Attempt<'_>, outcome: Outcome) -> Next {
    let Attempt { id, tries, now, .. } = attempt;
    let then = |failures, after: Option<Span>| {
        now + wait(id, failures).max(after.unwrap_or(Span::ZERO).min(MOST_PATIENCE))
    };
    match outcome {
        Outcome::Delivered => Next::Done,
        Outcome::Gone(why) => Next::Disable(why),
        Outcome::Hold { why, after } => Next::Sink(then(attempt.sink_failures, after), why),
        Outcome::Refused(why) if tries >= REFUSED_TRIES => {
            Next::SetAside(format!("refused {tries} times: {why}"))
        }
        Outcome::Refused(why) => Next::Door(then(tries, None), why),
        Outcome::Failed { why, .. } if tries >= POISON_TRIES && attempt.others_pass => {
            Next::SetAside(format!("failed {tries} times while others passed: {why}"))
        }
        Outcome::Failed { why, after } => Next::Door(then(tries, after), why),
    }
}

/// The longest a notice waits by itself; a stored time beyond that comes from a clock that was wrong.
pub(super) fn longest_wait() -> Span {
    MOST_PATIENCE
}

/// The wait after so many failures in a row, give or take a tenth.
fn wait(id: &str, failures: u32) -> Span {
    let place = (failures.max(1) as usize - 1).min(WAITS.len() - 1);
    let base = WAITS[place].as_us();
    // FNV-1a: spread is all that is wanted.
    let hash = id
        .bytes()
        .chain(failures.to_le_bytes())
        .fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
            (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
        });
    let permille = 900 + (hash >> 33) as i64 % 201;
    Span::from_us(base / 1_000 * permille)
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Instant = Instant::from_us(1_000_000_000_000);

    fn attempt(tries: u32, others_pass: bool) -> Attempt<'static> {
        Attempt {
            id: "verdict/front/17/2",
            tries,
            sink_failures: tries,
            others_pass,
            now: NOW,
        }
    }

    fn failed(after: Option<Span>) -> Outcome {
        let why = "500".to_owned();
        Outcome::Failed { why, after }
    }

    #[test]
    fn waits_grow_and_stop_growing() {
        for (failures, seconds) in [(1, 5.0), (2, 30.0), (4, 300.0), (6, 1_800.0), (99, 1_800.0)] {
            let wait = wait("a", failures).as_s();
            assert!(
                (wait - seconds).abs() <= seconds / 10.0,
                "{failures}: {wait} s"
            );
        }
        let spread: Vec<_> = ["a", "b", "c"].iter().map(|id| wait(id, 3)).collect();
        assert!(spread[0] != spread[1] || spread[1] != spread[2]);
    }

    #[track_caller]
    fn check(attempt: Attempt<'_>, outcome: Outcome, expect: &str) {
        let said = match next(attempt, outcome) {
            Next::Done => "done".to_owned(),
            Next::Door(then, _) => format!("door {:.0}", (then - NOW).as_s() / 10.0),
            Next::Sink(then, _) => format!("sink {:.0}", (then - NOW).as_s() / 10.0),
            Next::SetAside(why) => why,
            Next::Disable(why) => format!("disable {why}"),
        };
        assert_eq!(said, expect);
    }

    #[test]
    fn who_is_at_fault_decides_who_waits() {
        let hold = |after| Outcome::Hold {
            why: "503".into(),
            after,
        };
        check(attempt(1, false), Outcome::Delivered, "done");
        check(
            attempt(1, false),
            Outcome::Gone("410".into()),
            "disable 410",
        );
        let hour = Span::from_s(3_600.0);
        check(attempt(1, false), hold(Some(hour)), "sink 360");
        check(attempt(1, false), hold(Some(Span::MAX)), "sink 8640");
        check(attempt(1, false), failed(Some(hour)), "door 360");
        let aside = "refused 3 times: 422";
        check(attempt(3, false), Outcome::Refused("422".into()), aside);
        let poison = "failed 5 times while others passed: 500";
        check(attempt(5, true), failed(None), poison);
        assert!(matches!(
            next(attempt(4, true), failed(None)),
            Next::Door(..)
        ));
        assert!(matches!(
            next(attempt(50, false), failed(None)),
            Next::Door(..)
        ));
        let refused = next(attempt(2, true), Outcome::Refused("422".into()));
        assert!(matches!(refused, Next::Door(..)));
    }
}
