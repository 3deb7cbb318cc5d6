//! What must hold of everything that was stated, whatever went wrong.
//!
//! P1 to P6 of the promise: each crossing one final verdict, each credit spent at most as often as it allows, amendments
//! under their ids, nothing said of the future, nothing left open, no confidence in a time in which the picture could
//! not be believed. Where the picture was sound for long enough around some people, verdicts are what really happened.

use std::collections::{BTreeMap, BTreeSet};

use tailgate::engine::Output;
use tailgate::units::{CrossingId, Instant};
use tailgate::verdict::{GrantOutcome, GrantVerdict, Stage, Verdict, VerdictKind};

use super::{Day, moment, us};

/// Around people the picture must have been sound for so long, s: a grant's window, and what starvation takes to end.
const SOUND_S: f64 = 20.0;
/// Tracks that one door has at a time, at most.
const MOST_TRACKS: usize = 12;
/// Events that are held are those of two hours; an hour may be busier than another.
const BUSIER: usize = 2;

/// What was counted.
#[derive(Debug, Default)]
pub struct Sums {
    pub frames: u64,
    pub judged: usize,
    pub amended: usize,
    pub undetermined: usize,
    pub groups: usize,
    /// Groups around which the pictures were sound.
    pub clean: usize,
    /// People who were granted, and of whom a breach was said where pictures were not sound.
    pub wrong_breaches: usize,
    /// Events held at the end.
    pub held: usize,
}

impl Sums {
    pub fn add(&mut self, other: Self) {
        self.frames += other.frames;
        self.judged += other.judged;
        self.amended += other.amended;
        self.undetermined += other.undetermined;
        self.groups += other.groups;
        self.clean += other.clean;
        self.wrong_breaches += other.wrong_breaches;
        self.held += other.held;
    }
}

/// Checks every law.
pub fn check(day: &Day) -> Sums {
    let verdicts = verdicts(day);
    let grants = grants(day);
    let crossings: BTreeSet<CrossingId> = day
        .stated
        .iter()
        .filter_map(|(_, output)| match output {
            Output::Crossing(crossing) => Some(crossing.id),
            _ => None,
        })
        .collect();
    let judged: BTreeSet<CrossingId> = verdicts.values().map(|said| said[0].crossing.id).collect();
    assert_eq!(judged.len(), verdicts.len(), "a crossing has two verdicts");
    assert_eq!(judged, crossings, "a crossing has no verdict");
    assert_eq!(day.alarms, 0, "frames came out of order, or from nowhere");
    let last: Vec<&Verdict> = verdicts.values().map(|said| said[said.len() - 1]).collect();
    credits(&last, &grants);
    blind(day, &last);
    bounded(day);
    let mut sums = oracle(day, &last);
    let kind = |kind| last.iter().filter(|verdict| verdict.kind == kind).count();
    sums.frames = day.frames;
    sums.judged = last.len();
    sums.amended = last.iter().filter(|v| v.stage == Stage::Amended).count();
    sums.undetermined = kind(VerdictKind::Undetermined);
    sums.held = day.held.last().map_or(0, |held| held.1);
    sums
}

/// The last statement on each crossing.
pub fn last(day: &Day) -> Vec<&Verdict> {
    let verdicts = verdicts(day);
    verdicts.values().map(|said| said[said.len() - 1]).collect()
}

/// Statements by id, each history sound.
fn verdicts(day: &Day) -> BTreeMap<&str, Vec<&Verdict>> {
    let mut by_id: BTreeMap<&str, Vec<&Verdict>> = BTreeMap::new();
    for (now, output) in &day.stated {
        let Output::Verdict(verdict) = output else {
            continue;
        };
        assert!(verdict.stated_at <= *now, "said for the future");
        assert!(
            verdict.crossing.at <= *now,
            "said of the future: {verdict:?}"
        );
        let said = by_id.entry(&verdict.id).or_default();
        assert_eq!(verdict.revision as usize, said.len() + 1, "{}", verdict.id);
        if let Some(before) = said.last() {
            assert_eq!(before.crossing.id, verdict.crossing.id);
            assert!(before.stated_at <= verdict.stated_at);
            let follows = match before.stage {
                Stage::Provisional => verdict.stage != Stage::Amended,
                Stage::Final | Stage::Amended => verdict.stage == Stage::Amended,
            };
            assert!(follows, "{:?} after {:?}", verdict.stage, before.stage);
        }
        said.push(verdict);
    }
    for said in by_id.values() {
        assert!(
            said[said.len() - 1].stage != Stage::Provisional,
            "left open"
        );
    }
    by_id
}

fn grants(day: &Day) -> BTreeMap<&str, &GrantVerdict> {
    let mut by_grant: BTreeMap<&str, &GrantVerdict> = BTreeMap::new();
    for (_, output) in &day.stated {
        if let Output::Grant(grant) = output {
            let before = by_grant.insert(&grant.grant, grant);
            let revision = before.map_or(0, |before| before.revision);
            assert_eq!(grant.revision, revision + 1, "{}", grant.id);
        }
    }
    let wanted: usize = day.groups.iter().map(|group| group.grants_s.len()).sum();
    assert_eq!(by_grant.len(), wanted, "a grant has no outcome");
    by_grant
}

/// Each credit points at a crossing that points back.
fn credits(verdicts: &[&Verdict], grants: &BTreeMap<&str, &GrantVerdict>) {
    let by_crossing: BTreeMap<CrossingId, &Verdict> = verdicts
        .iter()
        .map(|verdict| (verdict.crossing.id, *verdict))
        .collect();
    let mut spent = 0;
    for grant in grants.values() {
        assert!(
            grant.stage != Stage::Provisional && grant.outcome != GrantOutcome::Live,
            "left open: {grant:?}"
        );
        assert!(grant.spent_on.len() <= usize::from(grant.allowed));
        spent += grant.spent_on.len();
        for crossing in &grant.spent_on {
            let credit = by_crossing[crossing].credit.as_ref();
            assert_eq!(
                credit.map(|credit| &*credit.grant),
                Some(grant.grant.as_str())
            );
        }
    }
    let used = verdicts.iter().filter(|verdict| verdict.credit.is_some());
    assert_eq!(used.count(), spent, "a credit was spent twice");
}

/// Of a time in which the picture could not be believed nothing is said with confidence.
fn blind(day: &Day, verdicts: &[&Verdict]) {
    let mut times = day.blind.clone();
    times.sort_by_key(|time| time.lo);
    for verdict in verdicts {
        let at = verdict.crossing.at;
        let inside = times.iter().any(|time| time.lo < at && at < time.hi);
        // Who was seen with a credit is authorised, with the doubt; nobody is accused.
        let sure = verdict.kind == VerdictKind::Authorised && verdict.doubts.is_empty();
        let confident = verdict.kind.is_breach() || sure;
        assert!(!(inside && confident), "said while blind: {verdict:?}");
    }
}

/// What is held does not grow with the day.
fn bounded(day: &Day) {
    let early = day.held.iter().skip(2).take(2).map(|held| held.1).max();
    for (hour, (tracks, held)) in day.held.iter().enumerate() {
        assert!(*tracks <= MOST_TRACKS, "hour {hour}: {tracks} tracks");
        let most = early.map_or(usize::MAX, |early| BUSIER * early);
        assert!(*held <= most, "hour {hour}: {held} events, {most} at most");
    }
}

/// Where the picture was sound, what is said is what happened; feeds may have failed, for late truth repairs.
pub fn oracle(day: &Day, verdicts: &[&Verdict]) -> Sums {
    let mut by_time: Vec<&&Verdict> = verdicts.iter().collect();
    by_time.sort_by_key(|verdict| verdict.crossing.at);
    let mut sums = Sums {
        groups: day.groups.len(),
        ..Sums::default()
    };
    for group in &day.groups {
        let (from, to) = (moment(us(group.from_s)), moment(us(group.to_s)));
        let first = by_time.partition_point(|verdict| verdict.crossing.at < from);
        let said: Vec<&Verdict> = by_time[first..]
            .iter()
            .map(|verdict| **verdict)
            .take_while(|verdict| verdict.crossing.at <= to)
            .collect();
        let kinds: Vec<VerdictKind> = said.iter().map(|verdict| verdict.kind).collect();
        let near = |spell: &&super::Spell| {
            spell.from_s < group.to_s + SOUND_S && group.from_s - SOUND_S < spell.to_s
        };
        if !day.spells.iter().any(|spell| near(&spell)) {
            sums.clean += 1;
            assert_eq!(kinds, group.expect, "{}", told(group, &said, from));
        } else if !group.expect.iter().any(|kind| kind.is_breach()) {
            let breaches = kinds.iter().filter(|kind| kind.is_breach()).count();
            sums.wrong_breaches += breaches;
            if breaches > 0 && std::env::var_os("TAILGATE_DAY_LINES").is_some() {
                let spell = day.spells.iter().find(near);
                println!("{spell:?}: {}", told(group, &said, from));
            }
        }
    }
    sums
}

fn told(group: &super::people::Group, said: &[&Verdict], from: Instant) -> String {
    let lines = said.iter().map(|verdict| {
        format!(
            "{:.2} s {:?} {:?} {:?}",
            (verdict.crossing.at - from).as_s(),
            verdict.kind,
            verdict.stage,
            verdict.doubts
        )
    });
    let grants: Vec<f64> = group.grants_s.iter().map(|at| at - group.from_s).collect();
    format!(
        "from {:.1} s: passing at {:?}, granted at {grants:?}: {:?}",
        group.from_s,
        group
            .walkers
            .iter()
            .map(|walker| walker.at_s - group.from_s)
            .collect::<Vec<_>>(),
        lines.collect::<Vec<_>>()
    )
}
