//! The ledger of one door.
//!
//! # Theory of operation
//!
//! Event time decides what is true, arrival time only what is known. The ledger keeps the door's
//! history in the order of event time ([`super::history`]), has it judged anew around each new
//! event ([`super::judge`]), compares the judgement with what it stated before, and states the
//! difference: the same id, the revision counted up. Late, shuffled and repeated events therefore
//! end in the same judgements as punctual ones, by construction.
//!
//! A statement is provisional until it is due: until late grants, crossings still being settled and
//! whatever else policy waits for can no longer be expected. What changes after that is an
//! amendment. Final statements never become provisional again.
//!
//! Conservation is asserted around every change, in release builds too: each credit spent points
//! at one crossing, which points back, and no grant is spent more often than it allows.
//!
//! What it holds is bounded: events older than the policy's retention (or than the oldest tenth,
//! when there are more than [`MOST_EVENTS`]) are forgotten, and what arrives later than that is
//! counted and changes nothing.
//!
//! It deliberately has no names, no sentences ([`super::explain`]) and no alarms.

use std::collections::BTreeSet;

use super::account::numbers;
use super::history::{
    Added, CrossingEntry, CrossingKey, CrossingSubstance, GrantEntry, GrantKey, GrantSubstance,
    History, Stated, is_final,
};
use super::{CreditUse, GrantOutcome, GrantVerdict, Policy, Stage, Step, Verdict, VerdictKind};
use crate::access::{AccessEvent, ClockChange, ClockState, FeedStatus};
use crate::crossing::{Crossing, Direction};
use crate::units::{CrossingId, DoorId, Doubt, Instant, Interval, Span, add_doubt};

/// How long after it happened a crossing may still be established (the counter's settling time,
/// back-filled tracks, several cameras). Judgements wait as long for a neighbour to show up.
const CROSSING_LAG: Span = Span::from_ms(500);

/// How many events are held, at most, beyond those that can still bear on one another: about a
/// hundred megabytes, and three busy days.
const MOST_EVENTS: usize = 100_000;

/// What the ledger states.
#[derive(Debug, Clone, PartialEq)]
pub enum LedgerOutput {
    /// On a crossing.
    Verdict(Box<Verdict>),
    /// On a grant.
    Grant(Box<GrantVerdict>),
    /// On the clock of the access control.
    Clock {
        /// Of this door.
        door: DoorId,
        /// What changed.
        change: ClockChange,
    },
}

/// A credit that can still be spent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LiveCredit {
    /// Id of the grant's access event.
    pub grant: String,
    /// Opaque holder id.
    pub holder: Option<String>,
    /// Which way it is good for; `None`: the way that needs one.
    pub direction: Option<Direction>,
    /// Passages left.
    pub passages_left: u8,
    /// For how long it is still good.
    pub time_left: Span,
}

/// What a crossing was last stated to be: enough to colour its tiles.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CrossingState {
    /// What it is.
    pub kind: VerdictKind,
    /// How final.
    pub stage: Stage,
}

/// Credits, crossings and judgements of one door. The judgement is a pure function of the history
/// in the order of event time; what was stated before is compared with it, and the difference is
/// stated anew.
#[derive(Debug, Clone)]
pub struct Ledger {
    pub(super) door: DoorId,
    /// The door's number as it stands in ids: the one it had at first, whatever it has become.
    pub(super) named: DoorId,
    pub(super) history: History,
    /// Crossings and grants whose judgement is not final yet.
    pub(super) open_crossings: BTreeSet<CrossingKey>,
    pub(super) open_grants: BTreeSet<GrantKey>,
    /// Crossings on which the ledger abstained only because the feed was behind when they fell due.
    pub(super) lagging: BTreeSet<CrossingKey>,
    pub(super) next_due: Option<Instant>,
    /// What happened before this moment is settled for good.
    pub(super) horizon: Instant,
    /// When the past was last looked through for what can be forgotten.
    pub(super) swept: Instant,
    pub(super) too_old: u64,
}

/// What caused a judgement to be made anew.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Cause {
    Grant,
    Other,
}

impl Ledger {
    /// An empty ledger.
    pub fn new(door: DoorId, policy: Policy) -> Self {
        Self {
            door,
            named: door,
            history: History::new(policy.without_negative_times()),
            open_crossings: BTreeSet::new(),
            open_grants: BTreeSet::new(),
            lagging: BTreeSet::new(),
            next_due: None,
            horizon: Instant::MIN,
            swept: Instant::MIN,
            too_old: 0,
        }
    }

    /// Takes an access event of this door (duplicates and other doors' events change nothing).
    pub fn on_access(&mut self, now: Instant, event: &AccessEvent, out: &mut Vec<LedgerOutput>) {
        if event.door != Some(self.door) {
            return;
        }
        if event.occurred.hi.max(event.occurred.lo) < self.horizon {
            self.too_old = self.too_old.saturating_add(1);
            return;
        }
        self.begin(now, out);
        match self.history.add_access(event) {
            Added::Nothing => {}
            Added::Grant(key) => {
                let (received, direction) = (event.received, event.direction);
                let clock = &mut self.history.clock;
                clock.told_grant(now, event.occurred, received, direction);
                let when = self.history.grants.get(&key).map(|grant| grant.when);
                self.judge(now, when.unwrap_or(event.occurred), Cause::Grant, out);
            }
            Added::Other(affected) => self.judge(now, affected, Cause::Other, out),
        }
        self.finish(now, out);
    }

    /// Takes a crossing of one of this door's portals.
    pub fn on_crossing(&mut self, now: Instant, crossing: &Crossing, out: &mut Vec<LedgerOutput>) {
        if crossing.door != self.door {
            return;
        }
        if crossing.at < self.horizon {
            self.too_old = self.too_old.saturating_add(1);
            return;
        }
        self.begin(now, out);
        if let Some(key) = self.history.add_crossing(crossing) {
            let clock = &mut self.history.clock;
            clock.told_crossing(crossing.at, crossing.direction);
            self.judge(now, Interval::exact(key.0), Cause::Other, out);
        }
        self.finish(now, out);
    }

    /// Takes what is known of the feed.
    pub fn on_feed(&mut self, now: Instant, status: &FeedStatus, out: &mut Vec<LedgerOutput>) {
        if status.door != self.door {
            return;
        }
        self.begin(now, out);
        for changed in self.history.set_feed(status) {
            self.judge(now, changed, Cause::Other, out);
        }
        for key in self.lagging.clone() {
            if !self.is_behind(key) {
                self.lagging.remove(&key);
                if let Some(entry) = self.history.crossings.get_mut(&key) {
                    entry.lagging = false;
                }
                self.state_crossing(now, key, Cause::Other, out);
            }
        }
        self.finish(now, out);
    }

    /// The door could not be seen during `blind`, for the reason in `doubt` (camera not believable,
    /// frames missing, before or after a clip). `blind.hi == Instant::MAX` while it still lasts; the
    /// same `blind.lo` and `doubt` told again with an end closes it.
    pub fn on_blind(
        &mut self,
        now: Instant,
        blind: Interval,
        doubt: Doubt,
        out: &mut Vec<LedgerOutput>,
    ) {
        self.begin(now, out);
        let changed = self.history.add_blind(blind, doubt);
        self.judge(now, changed, Cause::Other, out);
        self.finish(now, out);
    }

    /// Time passed: what is due becomes final.
    pub fn advance(&mut self, now: Instant, out: &mut Vec<LedgerOutput>) {
        if self.next_due.is_some_and(|due| due <= now) {
            self.finish(now, out);
        }
    }

    /// When `advance` next has something to do.
    pub fn next_due(&self) -> Option<Instant> {
        self.next_due
    }

    /// The credits that can still be spent at `now`, oldest first.
    pub fn credits(&self, now: Instant) -> Vec<LiveCredit> {
        let history = &self.history;
        let near = history.grants_near(Interval::exact(now));
        let live = near.filter_map(|(_, grant)| {
            let good = history.good(grant);
            let spent = u8::try_from(grant.claims.len()).unwrap_or(u8::MAX);
            let left = grant.allowed.saturating_sub(spent);
            (left > 0 && good.contains(now)).then(|| LiveCredit {
                grant: grant.event.id.clone(),
                holder: grant.event.holder.clone(),
                direction: grant.event.direction,
                passages_left: left,
                time_left: good.hi - now,
            })
        });
        live.collect()
    }

    /// What a crossing was last stated to be; `None` for one this ledger does not hold (any more).
    pub fn state_of(&self, crossing: CrossingId) -> Option<CrossingState> {
        let key = self.history.place_of(crossing)?;
        let stated = self.history.crossings.get(&key)?.stated.as_ref()?;
        Some(CrossingState {
            kind: stated.substance.kind,
            stage: stated.stage,
        })
    }

    /// How it judges.
    pub fn policy(&self) -> &Policy {
        &self.history.policy
    }

    /// What is known of the clock of the access control.
    pub fn clock(&self) -> ClockState {
        self.history.clock.state()
    }

    /// How many events and crossings it holds.
    pub fn held(&self) -> usize {
        self.history.len()
    }

    /// How many events and crossings came too late to be looked at (older than the retention).
    pub fn too_old(&self) -> u64 {
        self.too_old
    }

    /// Judges anew what `affected` bears on and states what came out differently or is due.
    fn judge(
        &mut self,
        now: Instant,
        affected: Interval,
        cause: Cause,
        out: &mut Vec<LedgerOutput>,
    ) {
        let looked = self.history.rejudge(affected);
        let crossings: Vec<CrossingKey> = self
            .history
            .crossings_within(looked.lo, looked.hi)
            .map(|(key, _)| *key)
            .collect();
        let grants: Vec<GrantKey> = self
            .history
            .grants_within(looked.lo, looked.hi)
            .map(|(key, _)| key.clone())
            .collect();
        self.assert_conservation(&crossings, &grants);
        for key in crossings {
            self.state_crossing(now, key, cause, out);
        }
        for key in grants {
            self.state_grant(now, &key, out);
        }
    }

    /// Before every change: what fell due earlier was final before it.
    fn begin(&mut self, now: Instant, out: &mut Vec<LedgerOutput>) {
        if self.next_due.is_some_and(|due| due < now) {
            self.settle(now, now - Span::from_us(1), out);
        }
        for change in self.history.clock.settle(now) {
            let door = self.door;
            out.push(LedgerOutput::Clock { door, change });
            if let Some(since) = change.since {
                self.retime(now, since, out);
            }
        }
    }

    /// Judges anew what the clock of the access control misled about.
    fn retime(&mut self, now: Instant, since: Instant, out: &mut Vec<LedgerOutput>) {
        let Some(retimed) = self.history.retime(since) else {
            return;
        };
        for (old, new) in retimed.moved {
            if self.open_grants.remove(&old) {
                self.open_grants.insert(new);
            }
        }
        self.judge(now, retimed.affected, Cause::Other, out);
    }

    /// Makes final what is due by `until`.
    fn settle(&mut self, now: Instant, until: Instant, out: &mut Vec<LedgerOutput>) {
        for key in self.open_crossings.clone() {
            if self.crossing_due(key) <= until {
                self.state_crossing(now, key, Cause::Other, out);
            }
        }
        for key in self.open_grants.clone() {
            if self.grant_due(&key) <= until {
                self.state_grant(now, &key, out);
            }
        }
    }

    /// After every change: what is due is final, and what is long past can be forgotten.
    fn finish(&mut self, now: Instant, out: &mut Vec<LedgerOutput>) {
        self.find_next_due();
        if self.next_due.is_some_and(|due| due <= now) {
            self.settle(now, now, out);
            self.find_next_due();
        }
        let reach = self.history.reach();
        let since = now.since(self.swept);
        let crowded = self.history.len() > MOST_EVENTS && since > Span::from_ms(1_000);
        if now < Instant::MAX && (since > reach || crowded) {
            self.swept = now;
            self.forget(now, reach);
        }
    }

    fn find_next_due(&mut self) {
        let crossings = self
            .open_crossings
            .iter()
            .map(|key| self.crossing_due(*key));
        let grants = self.open_grants.iter().map(|key| self.grant_due(key));
        self.next_due = crossings.chain(grants).min();
    }

    /// Forgets what no event within the retention can change any more. Three reaches are kept
    /// beyond it: what such an event has judged anew, the credits that could be spent there, and
    /// what else had been spent of them.
    fn forget(&mut self, now: Instant, reach: Span) {
        let beyond = reach + reach + reach;
        let retention = self.history.policy.retention.max(beyond);
        self.horizon = self.horizon.max(now - retention);
        if self.history.len() > MOST_EVENTS {
            let tenth = self.history.oldest_tenth();
            let latest = now - beyond;
            self.horizon = self.horizon.max(tenth.unwrap_or(latest).min(latest));
        }
        let cut = self.horizon - beyond;
        let open = self.open_crossings.first().map_or(cut, |key| key.0);
        let cut = cut.min(open);
        self.history.forget_before(cut);
        let kept = self.lagging.split_off(&(cut, CrossingId(0)));
        self.lagging = kept;
        let grants = &self.history.grants;
        self.open_grants.retain(|key| grants.contains_key(key));
    }

    /// Whether the feed, as far as is known, had not even got to the crossing.
    fn is_behind(&self, key: CrossingKey) -> bool {
        let entry = self.history.crossings.get(&key);
        let complete_to = self.history.feed.complete_to;
        match (entry, complete_to) {
            (Some(entry), Some(complete_to)) => complete_to < entry.span.lo,
            _ => false,
        }
    }

    /// How long late grants are waited for: as measured, and at most as policy allows.
    fn wait(&self) -> Span {
        let bound = self.history.policy.lateness;
        let measured = self.history.feed.lateness.unwrap_or(bound);
        measured.max(Span::ZERO).min(bound)
    }

    /// When the judgement on a crossing becomes final, as far as is known now.
    fn crossing_due(&self, key: CrossingKey) -> Instant {
        let Some(entry) = self.history.crossings.get(&key) else {
            return Instant::MAX;
        };
        let policy = &self.history.policy;
        let settled = entry.span.hi + CROSSING_LAG;
        let mut due = settled;
        if policy.net_u_turns && entry.crossing.direction == Direction::In {
            due = due.max(key.0 + policy.u_turn + CROSSING_LAG);
        }
        let finding = &entry.finding;
        if finding.uncredited && finding.kind == VerdictKind::UnauthorisedEntry {
            due = due.max(key.0 + policy.exit_close + CROSSING_LAG);
        }
        if finding.uncredited || entry.credit.is_some() {
            let grants_to = entry.span.hi + policy.early + policy.clock;
            let complete = self.history.feed.complete_to;
            if complete.is_none_or(|complete_to| complete_to <= grants_to) {
                due = due.max(grants_to + self.wait().max(self.history.clock.slack()));
            }
        }
        due
    }

    /// When the outcome of a grant becomes final.
    fn grant_due(&self, key: &GrantKey) -> Instant {
        let Some(grant) = self.history.grants.get(key) else {
            return Instant::MAX;
        };
        self.history.good(grant).hi + self.wait().max(CROSSING_LAG)
    }

    /// States a crossing's judgement, if it differs from what was stated or has become final.
    fn state_crossing(
        &mut self,
        now: Instant,
        key: CrossingKey,
        cause: Cause,
        out: &mut Vec<LedgerOutput>,
    ) {
        let due = self.crossing_due(key);
        let behind = self.is_behind(key);
        let Some(entry) = self.history.crossings.get_mut(&key) else {
            return;
        };
        let was_final = entry
            .stated
            .as_ref()
            .is_some_and(|stated| is_final(stated.stage));
        let falls_due = !was_final && due <= now;
        if falls_due && behind && entry.finding.uncredited {
            entry.lagging = true;
            self.lagging.insert(key);
        }
        if was_final
            && cause == Cause::Grant
            && let Some(stated) = &entry.stated
        {
            let said = stated.substance.likely.unwrap_or(stated.substance.kind);
            let repaired = stated.substance.credit != entry.credit || said != entry.finding.kind;
            entry.late_grant |= repaired;
        }
        let substance = crossing_substance(entry);
        let before = entry.stated.as_ref();
        let same = before.is_some_and(|stated| stated.substance == substance);
        if same && !falls_due {
            return;
        }
        let stage = stage(was_final, falls_due);
        let was = before.map(|stated| stated.substance.kind);
        let revision = before.map_or(1, |stated| stated.revision.saturating_add(1));
        entry.stated = Some(Stated {
            substance,
            stage,
            revision,
        });
        if stage == Stage::Provisional {
            self.open_crossings.insert(key);
        } else {
            self.open_crossings.remove(&key);
        }
        if let Some(verdict) = self.verdict(now, key, was, due) {
            out.push(LedgerOutput::Verdict(Box::new(verdict)));
        }
    }

    fn verdict(
        &self,
        now: Instant,
        key: CrossingKey,
        was: Option<VerdictKind>,
        due: Instant,
    ) -> Option<Verdict> {
        let entry = self.history.crossings.get(&key)?;
        let stated = entry.stated.as_ref()?;
        let substance = &stated.substance;
        let was = was.filter(|was| *was != substance.kind);
        let mut why = self.history.account(key, entry);
        if let Some(was) = was.filter(|_| stated.stage == Stage::Amended) {
            why.push(Step::Amended { was });
        }
        if stated.stage == Stage::Provisional {
            why.push(Step::Waiting { until: due });
        }
        let credit = substance.credit.as_ref().and_then(|spend| {
            let grant = &self.history.grants.get(&spend.grant)?.event;
            Some(CreditUse {
                grant: grant.id.clone(),
                holder: grant.holder.clone(),
                reader: grant.reader.clone(),
                granted: grant.occurred,
                passage: spend.passage,
            })
        });
        Some(Verdict {
            id: format!("d{}-c{}", self.named, key.1),
            revision: stated.revision,
            stage: stated.stage,
            door: self.door,
            kind: substance.kind,
            likely: substance.likely,
            was,
            crossing: entry.crossing.clone(),
            credit,
            beside: substance.beside.map(|key| key.1),
            doubts: substance.doubts.clone(),
            stated_at: now,
            why,
        })
    }

    /// States a grant's outcome, if it differs from what was stated or has become final.
    fn state_grant(&mut self, now: Instant, key: &GrantKey, out: &mut Vec<LedgerOutput>) {
        let due = self.grant_due(key);
        let Some(grant) = self.history.grants.get(key) else {
            return;
        };
        let before = grant.stated.as_ref();
        let was_final = before.is_some_and(|stated| is_final(stated.stage));
        let falls_due = !was_final && due <= now;
        let substance = self.grant_substance(grant, was_final || falls_due);
        if before.is_some_and(|stated| stated.substance == substance) && !falls_due {
            return;
        }
        let stage = stage(was_final, falls_due);
        let was = before.map(|stated| stated.substance.outcome);
        let revision = before.map_or(1, |stated| stated.revision.saturating_add(1));
        let verdict = GrantVerdict {
            id: format!("d{}-g-{}", self.named, grant.event.id),
            revision,
            stage,
            door: self.door,
            grant: grant.event.id.clone(),
            holder: grant.event.holder.clone(),
            reader: grant.event.reader.clone(),
            outcome: substance.outcome,
            was: was.filter(|was| *was != substance.outcome),
            granted: grant.event.occurred,
            good: self.history.good(grant),
            spent_on: numbers(&substance.spent_on),
            allowed: grant.allowed,
            doubts: substance.doubts.clone(),
            stated_at: now,
            why: self.history.account_grant(grant),
        };
        if stage == Stage::Provisional {
            self.open_grants.insert(key.clone());
        } else {
            self.open_grants.remove(key);
        }
        if let Some(grant) = self.history.grants.get_mut(key) {
            grant.stated = Some(Stated {
                substance,
                stage,
                revision,
            });
        }
        out.push(LedgerOutput::Grant(Box::new(verdict)));
    }

    /// What a grant's outcome is, once its time is over (`over`) or before.
    fn grant_substance(&self, grant: &GrantEntry, over: bool) -> GrantSubstance {
        let mut doubts = Vec::new();
        let blurred = self.history.is_blurred(grant);
        if blurred {
            add_doubt(&mut doubts, Doubt::ClockUncertain);
        }
        let mut unseen = false;
        if grant.claims.is_empty() && over {
            for (_, doubt) in self.history.blind_during(self.history.good(grant)) {
                add_doubt(&mut doubts, doubt);
                unseen = true;
            }
        }
        let outcome = if blurred && over || unseen {
            GrantOutcome::Undetermined
        } else if !grant.claims.is_empty() {
            GrantOutcome::Used
        } else if over {
            GrantOutcome::Unused
        } else {
            GrantOutcome::Live
        };
        GrantSubstance {
            outcome,
            spent_on: grant.claims.clone(),
            doubts,
        }
    }

    /// Each spent passage points at exactly one crossing and back, and none is spent twice.
    fn assert_conservation(&self, crossings: &[CrossingKey], grants: &[GrantKey]) {
        let history = &self.history;
        for key in crossings {
            let spend = history
                .crossings
                .get(key)
                .and_then(|entry| entry.credit.as_ref());
            let Some(spend) = spend else { continue };
            let Some(grant) = history.grants.get(&spend.grant) else {
                continue; // forgotten: it was checked as long as it was held
            };
            let place = grant.claims.binary_search(key);
            assert!(
                place == Ok(usize::from(spend.passage) - 1),
                "crossing {} spent passage {} of grant {}, which does not know of it",
                key.1,
                spend.passage,
                grant.event.id
            );
        }
        for key in grants {
            let Some(grant) = history.grants.get(key) else {
                continue;
            };
            assert!(
                grant.claims.len() <= usize::from(grant.allowed),
                "grant {} was spent more often than it allows",
                grant.event.id
            );
            for claim in &grant.claims {
                let entry = history.crossings.get(claim);
                let spend = entry.map(|entry| entry.credit.as_ref().map(|spend| &spend.grant));
                assert!(
                    spend.is_none_or(|grant| grant == Some(key)),
                    "grant {} was spent on crossing {}, which does not know of it",
                    grant.event.id,
                    claim.1
                );
            }
        }
    }
}

fn crossing_substance(entry: &CrossingEntry) -> CrossingSubstance {
    let finding = &entry.finding;
    let lagging = entry.lagging && finding.uncredited;
    let abstain = finding.abstain || lagging;
    let mut doubts = finding.doubts.clone();
    if lagging {
        add_doubt(&mut doubts, Doubt::FeedBehind);
    }
    if entry.late_grant {
        add_doubt(&mut doubts, Doubt::LateGrant);
    }
    CrossingSubstance {
        kind: if abstain {
            VerdictKind::Undetermined
        } else {
            finding.kind
        },
        likely: abstain.then_some(finding.kind),
        credit: entry.credit.clone(),
        beside: finding.beside,
        doubts,
    }
}

const fn stage(was_final: bool, falls_due: bool) -> Stage {
    match (was_final, falls_due) {
        (true, _) => Stage::Amended,
        (false, true) => Stage::Final,
        (false, false) => Stage::Provisional,
    }
}
