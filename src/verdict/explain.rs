//! Sentences made from the facts of a judgement.
//!
//! Pure: what things are called and how times are written is given by [`Names`]. Nothing here
//! decides anything; whatever a sentence says stands in the [`Verdict`] as a fact.

use super::{Apart, Fate, GrantOutcome, GrantStep, GrantVerdict, Other, Stage, Step, Verdict};
use super::{CreditUse, VerdictKind};
use crate::access::{AccessKind, Spans};
use crate::crossing::{Crossing, Direction};
use crate::units::{DoorId, Doubt, Instant, Interval, Span};

/// What a site calls its things and how it writes its times.
pub trait Names {
    /// A door.
    fn door(&self, door: DoorId) -> String {
        format!("door {door}")
    }
    /// The way a crossing went ("in", "out", or what the portal calls it).
    fn direction(&self, crossing: &Crossing) -> String {
        way(crossing.direction).to_owned()
    }
    /// A moment.
    fn time(&self, at: Instant) -> String {
        at.to_string()
    }
    /// The holder of a grant, or the grant itself if it names none.
    fn holder(&self, holder: Option<&str>, grant: &str) -> String {
        match holder {
            Some(holder) => format!("badge {holder}"),
            None => format!("grant {grant}"),
        }
    }
}

/// Numbers for names and seconds for times.
#[derive(Debug, Clone, Copy, Default)]
pub struct PlainNames;

impl Names for PlainNames {}

/// One line a guard can read.
pub fn explain_verdict(verdict: &Verdict, names: &dyn Names) -> String {
    let crossing = &verdict.crossing;
    let mut line = format!(
        "{}, {} {}: {}{}: {}",
        names.door(verdict.door),
        names.time(crossing.at),
        names.direction(crossing),
        kind_words(verdict.kind),
        standing_words(verdict),
        reason(verdict, names),
    );
    let doubts = doubt_words(&verdict.doubts);
    if verdict.kind != VerdictKind::Undetermined && !doubts.is_empty() {
        line.push_str("; uncertain because ");
        line.push_str(&doubts);
    }
    line
}

/// Why this and why not something else, one sentence a step.
pub fn explain_steps(verdict: &Verdict, names: &dyn Names) -> Vec<String> {
    let crossing = &verdict.crossing;
    let mut lines = vec![format!(
        "track {} passed {} at {} (between {} and {}), {:.2} m beyond the line, {}",
        crossing.track,
        names.direction(crossing),
        names.time(crossing.at),
        names.time(crossing.interval.lo),
        names.time(crossing.interval.hi),
        crossing.margin_m,
        tile_words(crossing.tiles.len()),
    )];
    lines.extend(verdict.why.iter().map(|step| sentence(step, names)));
    for doubt in &verdict.doubts {
        lines.push(format!("doubt: {}", doubt.reason()));
    }
    lines
}

/// One line a guard can read.
pub fn explain_grant(verdict: &GrantVerdict, names: &dyn Names) -> String {
    let mut line = format!(
        "{}, {}: {}: {}{}",
        names.door(verdict.door),
        moment(verdict.granted, names),
        names.holder(verdict.holder.as_deref(), &verdict.grant),
        match verdict.outcome {
            GrantOutcome::Live => "may enter",
            GrantOutcome::Used => "used",
            GrantOutcome::Unused => "not used",
            GrantOutcome::Undetermined => "use unknown",
        },
        match verdict.was {
            Some(was) if verdict.stage == Stage::Amended =>
                format!(" (amended, was {})", was.name()),
            _ => String::new(),
        },
    );
    let reasons: Vec<String> = verdict.why.iter().map(grant_sentence).collect();
    if verdict.outcome == GrantOutcome::Used {
        line.push(' ');
        line.push_str(&reasons.join(" and "));
    } else if verdict.outcome != GrantOutcome::Live && !reasons.is_empty() {
        line.push_str(": ");
        line.push_str(&reasons.join("; "));
    } else if verdict.outcome == GrantOutcome::Unused {
        line.push_str(": nobody walked");
    }
    line
}

fn tile_words(tiles: usize) -> String {
    match tiles {
        0 => "on floor that is not laid out in tiles".to_owned(),
        1 => "over 1 tile".to_owned(),
        many => format!("over {many} tiles"),
    }
}

fn kind_words(kind: VerdictKind) -> &'static str {
    match kind {
        VerdictKind::Authorised => "authorised",
        VerdictKind::Tailgating => "TAILGATING",
        VerdictKind::EntryOnExit => "ENTRY ON EXIT",
        VerdictKind::UnauthorisedEntry => "UNAUTHORISED ENTRY",
        VerdictKind::UnauthorisedExit => "UNAUTHORISED EXIT",
        VerdictKind::FreePassage => "free passage",
        VerdictKind::Exit => "exit",
        VerdictKind::WrongWay => "WRONG WAY",
        VerdictKind::UTurn => "u-turn",
        VerdictKind::Undetermined => "UNDETERMINED",
    }
}

fn standing_words(verdict: &Verdict) -> String {
    match verdict.stage {
        Stage::Provisional if verdict.kind.is_breach() => {
            " (pending, a grant may still come in)".to_owned()
        }
        Stage::Amended => {
            let late = verdict.doubts.contains(&Doubt::LateGrant);
            let after = if late { " after a late grant" } else { "" };
            let was = match verdict.was {
                Some(was) => format!(", was {}", kind_words(was)),
                None => String::new(),
            };
            format!(" (amended{after}{was})")
        }
        _ => String::new(),
    }
}

/// The half of the line that says why.
fn reason(verdict: &Verdict, names: &dyn Names) -> String {
    match verdict.kind {
        VerdictKind::Authorised => credit_words(verdict.credit.as_ref(), names),
        VerdictKind::Exit => match &verdict.credit {
            Some(credit) => credit_words(Some(credit), names),
            None => "counted, neither gives nor takes a credit".to_owned(),
        },
        VerdictKind::Undetermined => {
            let likely = match verdict.likely {
                Some(likely) => format!("likely {}, but ", likely.name().replace('_', " ")),
                None => String::new(),
            };
            format!("{likely}{}", doubt_words(&verdict.doubts))
        }
        VerdictKind::UnauthorisedEntry | VerdictKind::UnauthorisedExit => {
            format!("no credit, and {}", door_words(verdict, names))
        }
        _ => key_step(verdict, names),
    }
}

fn credit_words(credit: Option<&CreditUse>, names: &dyn Names) -> String {
    let Some(credit) = credit else {
        return "a credit was spent".to_owned();
    };
    let passage = match credit.passage {
        0 | 1 => String::new(),
        passage => format!(", passage {passage} of that grant"),
    };
    format!(
        "{}, granted {}{passage}",
        names.holder(credit.holder.as_deref(), &credit.grant),
        moment(credit.granted, names),
    )
}

/// What the step that decided says.
fn key_step(verdict: &Verdict, names: &dyn Names) -> String {
    let decided = verdict.why.iter().find_map(|step| match step {
        Step::Followed {
            leader,
            holder,
            grant,
            granted,
            behind,
        } => Some(format!(
            "{} {} on one grant ({} at {}); no credit left",
            match verdict.crossing.direction {
                Direction::In => "entered",
                Direction::Out => "left",
            },
            followed_words(leader, behind.as_ref()),
            names.holder(holder.as_deref(), grant),
            moment(*granted, names),
        )),
        Step::OnExit { exit } => Some(format!(
            "slipped in {} track {} came out; no credit",
            later(exit.before, "after", "before"),
            exit.track
        )),
        Step::Unlocked { .. } | Step::AgainstOneWay { .. } | Step::UTurn { .. } => {
            Some(sentence(step, names))
        }
        _ => None,
    });
    decided.unwrap_or_else(|| "no credit".to_owned())
}

fn followed_words(leader: &Other, behind: Option<&Other>) -> String {
    match behind {
        Some(behind) => format!(
            "{:.1} s behind track {}, in a train led by track {},",
            behind.before.as_s(),
            behind.track,
            leader.track
        ),
        None if leader.before.as_us() >= 0 => {
            format!(
                "{:.1} s behind track {}",
                leader.before.as_s(),
                leader.track
            )
        }
        None => format!("beside track {}", leader.track),
    }
}

/// Who or what opened the door for somebody without a credit, as far as the door said so.
fn door_words(verdict: &Verdict, names: &dyn Names) -> String {
    let said = |wanted: AccessKind| {
        verdict.why.iter().rev().find_map(|step| match step {
            Step::Door { kind, at } if *kind == wanted => Some(*at),
            _ => None,
        })
    };
    if let Some(at) = said(AccessKind::ForcedOpen) {
        return format!("the door was forced open at {}", moment(at, names));
    }
    if let Some(at) = said(AccessKind::HeldOpen) {
        return format!("the door was held open (reported {})", moment(at, names));
    }
    if let Some(at) = said(AccessKind::RequestToExit) {
        let at = moment(at, names);
        return format!("the door was released from inside at {at}, but nobody came out");
    }
    if let Some(at) = said(AccessKind::Denied) {
        return format!("access had been refused at {}", moment(at, names));
    }
    if let Some(at) = said(AccessKind::Opened) {
        return format!("the door had been open since {}", moment(at, names));
    }
    "nobody opened the door for it".to_owned()
}

/// One step as one sentence.
fn sentence(step: &Step, names: &dyn Names) -> String {
    match step {
        Step::Credit {
            grant,
            holder,
            granted,
            good,
            fate,
        } => format!(
            "{} at {} (good {} to {}): {}",
            names.holder(holder.as_deref(), grant),
            moment(*granted, names),
            names.time(good.lo),
            names.time(good.hi),
            fate_words(fate),
        ),
        Step::NoGrant { looked } => format!(
            "no grant near it; one between {} and {} would have fitted",
            names.time(looked.lo),
            names.time(looked.hi)
        ),
        Step::NoneNeeded => "this way needs no grant".to_owned(),
        Step::Unlocked { since, ended } => unlocked_words(*since, *ended, names),
        Step::AgainstOneWay { allowed } => {
            format!("this door may be walked {} only", way(*allowed))
        }
        Step::UTurn { other } => format!(
            "the same track passed the other way {}; the two count as nothing",
            later(other.before, "before", "after")
        ),
        Step::Followed { leader, behind, .. } => {
            format!("it went {}", followed_words(leader, behind.as_ref()))
        }
        Step::NotFollowed { nearest, follow } => format!(
            "not tailgating: {}",
            nearest_words(nearest.as_ref(), "credited passage", *follow)
        ),
        Step::OnExit { exit } => format!(
            "track {} came out {}",
            exit.track,
            later(exit.before, "before", "after")
        ),
        Step::NotOnExit { nearest, close } => format!(
            "not an entry on an exit: {}",
            nearest_words(nearest.as_ref(), "exit", *close)
        ),
        Step::Door { kind, at } => format!("{} at {}", event_words(*kind), moment(*at, names)),
        Step::Blind { during, doubt } => {
            format!("{} {}", doubt.reason(), stretch(*during, names))
        }
        Step::FeedGap { during } => {
            format!("access events are missing {}", stretch(*during, names))
        }
        Step::FeedIncomplete { complete_to } => format!(
            "access events were known only up to {}",
            names.time(*complete_to)
        ),
        Step::ClockUncertain {
            grant,
            width,
            limit,
        } => format!(
            "the time of grant {grant} is known to {:.1} s only; {:.1} s would do",
            width.as_s(),
            limit.as_s()
        ),
        Step::ClockCorrected { by } => corrected_words(*by),
        Step::Waiting { until } => {
            format!("a late grant may change this until {}", names.time(*until))
        }
        Step::Amended { was } => format!("it was stated as {} before", was.name()),
    }
}

fn corrected_words(by: Spans) -> String {
    let (lo, hi) = (by.lo.as_s(), by.hi.as_s());
    if hi - lo < 0.05 {
        format!("times of the access control were corrected by {lo:+.1} s")
    } else {
        format!("times of the access control were corrected by {lo:+.1} to {hi:+.1} s")
    }
}

fn fate_words(fate: &Fate) -> String {
    match fate {
        Fate::Spent { allowed: 1, .. } => "spent on this crossing".to_owned(),
        Fate::Spent { passage, allowed } => {
            format!("passage {passage} of {allowed} spent on this crossing")
        }
        Fate::SpentBefore { on } if on.is_empty() => "allows no passage".to_owned(),
        Fate::SpentBefore { on } => {
            let on: Vec<String> = on
                .iter()
                .map(|other| {
                    format!(
                        "track {} ({:.1} s before)",
                        other.track,
                        other.before.as_s()
                    )
                })
                .collect();
            format!("spent already, on {}", on.join(", "))
        }
        Fate::Expired { by } => format!("expired {:.1} s before", by.as_s()),
        Fate::TooLate { by } => format!("came {:.1} s too late for it", by.as_s()),
        Fate::OtherWay => "is for the other direction".to_owned(),
        Fate::NotNeeded => "good, and not needed".to_owned(),
    }
}

fn nearest_words(nearest: Option<&(Other, Apart)>, what: &str, within: Span) -> String {
    let Some((other, apart)) = nearest else {
        return format!("no {what} anywhere near");
    };
    let when = later(other.before, "before", "after");
    match apart {
        Apart::Time => format!(
            "the nearest {what} was track {}, {when}; {:.1} s is the limit",
            other.track,
            within.as_s()
        ),
        Apart::Closed => format!(
            "the nearest {what} was track {}, {when}, and the door was closed in between",
            other.track
        ),
        Apart::SameTrack => {
            format!("the nearest {what} was the same person, {when}")
        }
    }
}

fn grant_sentence(step: &GrantStep) -> String {
    match step {
        GrantStep::Spent { track, after, .. } => {
            format!("by track {track}, {}", later(*after, "later", "earlier"))
        }
        GrantStep::Unlocked => "the door was unlocked, nobody needed it".to_owned(),
        GrantStep::Blind { doubt, .. } => doubt.reason().to_owned(),
        GrantStep::ClockUncertain { width, .. } => {
            format!("its time is known to {:.1} s only", width.as_s())
        }
    }
}

fn unlocked_words(since: Option<Interval>, ended: Option<Interval>, names: &dyn Names) -> String {
    let mut words = "the door was unlocked".to_owned();
    if let Some(since) = since {
        words.push_str(&format!(" from {}", moment(since, names)));
    }
    if let Some(ended) = ended {
        words.push_str(&format!(" until {}", moment(ended, names)));
    }
    words
}

fn event_words(kind: AccessKind) -> &'static str {
    match kind {
        AccessKind::Granted => "access granted",
        AccessKind::Denied => "access refused (never a credit)",
        AccessKind::ForcedOpen => "door forced open",
        AccessKind::HeldOpen => "door held open",
        AccessKind::Opened => "door opened",
        AccessKind::Closed => "door closed",
        AccessKind::RequestToExit => "request to exit",
        AccessKind::UnlockStarted => "unlock began",
        AccessKind::UnlockEnded => "unlock ended",
        AccessKind::Other => "other event",
    }
}

fn doubt_words(doubts: &[Doubt]) -> String {
    // That a grant came late repaired the verdict; it makes it no less certain.
    let doubts = doubts.iter().filter(|doubt| **doubt != Doubt::LateGrant);
    let words: Vec<&str> = doubts.map(|doubt| doubt.reason()).collect();
    words.join(", ")
}

/// "0.8 s after" for 0.8 s, "0.8 s before" for -0.8 s.
fn later(span: Span, positive: &str, negative: &str) -> String {
    let word = if span.as_us() >= 0 {
        positive
    } else {
        negative
    };
    format!("{:.1} s {word}", span.abs().as_s())
}

/// A stretch of time; ends that lie for ever away are left out.
fn stretch(time: Interval, names: &dyn Names) -> String {
    match (time.lo > Instant::MIN, time.hi < Instant::MAX) {
        (true, true) => format!("from {} to {}", names.time(time.lo), names.time(time.hi)),
        (true, false) => format!("from {} on", names.time(time.lo)),
        (false, true) => format!("until {}", names.time(time.hi)),
        (false, false) => "all the time".to_owned(),
    }
}

/// A moment known to an interval: its middle.
fn moment(time: Interval, names: &dyn Names) -> String {
    names.time(time.mid())
}

const fn way(direction: Direction) -> &'static str {
    match direction {
        Direction::In => "in",
        Direction::Out => "out",
    }
}
