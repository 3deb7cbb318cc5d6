//! The judge: what each crossing of a history was, and which credit it spent.
//!
//! # Theory of operation
//!
//! Judgement is a pure function of the history in the order of event time:
//!
//! 1. *Standing.* A crossing that nets out as half of a U-turn, goes against a one-way portal, or
//!    walks through an unlocked door spends nothing.
//! 2. *Credits.* Every other crossing, in order of its time, spends the oldest credit that its
//!    direction allows and that can be good at its time, all times taken as intervals. First come,
//!    first served: a ledger, not an optimiser, so that a person can check it by hand.
//! 3. *Kinds.* A crossing that needed a credit and found none is held against its neighbours: a
//!    credited passage through the same opening makes it tailgating (a train of people counts from
//!    one to the next), else a near exit an entry on exit, else nobody opened the door for it.
//! 4. *Doubts.* Where blindness, a gap in the feed or an uncertain clock could have made the
//!    difference, the judge abstains.
//!
//! [`History::rejudge`] redoes 2 to 4 from the first crossing that a change can bear on until a
//! whole reach of crossings came out as before: from there on nothing can differ.
//!
//! It does not know what was stated before, nor what time it is.

use std::ops::Bound;

use super::VerdictKind;
use super::history::{
    CrossingEntry, CrossingKey, DoorEvent, Finding, GrantEntry, GrantKey, History, Spend,
};
use crate::access::AccessKind;
use crate::crossing::Direction;
use crate::units::{Doubt, Instant, Interval, Span, add_doubt};

/// A crossing so soon after the camera was blind may be a track that was mixed up there: the time
/// a tracker bridges without seeing anything.
pub(super) const NEAR_BLIND: Span = Span::from_ms(500);

/// The share of the window by which a grant's time may be uncertain (the design's quarter).
const CLOCK_SHARE: i64 = 4;

/// How a crossing stands to credits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Standing {
    /// Half of a U-turn that policy nets to nothing; the other half.
    Netted(CrossingKey),
    /// Against the only way that may be walked; that way.
    WrongWay(Direction),
    /// The door was unlocked for certain.
    Free,
    /// It walks, and spends a credit if it finds one.
    Walks {
        /// Whether it needs one.
        needs: bool,
        /// Whether the door may have been unlocked, as far as the times are known.
        maybe_free: bool,
    },
}

/// Whether a credit is good at a crossing's time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Fit {
    /// It is not.
    No,
    /// Only if the uncertain times err in its favour.
    Possible,
    /// Whatever the times are within their uncertainty.
    Certain,
}

/// Whether an unlock was in force.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Unlocked {
    No,
    Maybe,
    Yes,
}

impl History {
    /// Judges anew everything on which a change in `affected` can bear, and returns the stretch of
    /// time that was looked at.
    pub fn rejudge(&mut self, affected: Interval) -> Interval {
        let reach = self.reach();
        let start = affected.lo - reach;
        let mut changed = affected.hi;
        let mut place = self.first_from(start);
        while let Some(key) = place.filter(|key| key.0 <= changed + reach) {
            let credit = self.choose_credit(key);
            if self.assign(key, credit) {
                changed = changed.max(key.0);
            }
            place = self.next_after(key);
        }
        let mut place = self.first_from(start);
        while let Some(key) = place.filter(|key| key.0 <= changed + reach) {
            let finding = self.find(key);
            if let Some(entry) = self.crossings.get_mut(&key)
                && entry.finding != finding
            {
                entry.finding = finding;
                changed = changed.max(key.0);
            }
            place = self.next_after(key);
        }
        Interval::new(start, changed + reach)
    }

    fn first_from(&self, from: Instant) -> Option<CrossingKey> {
        self.crossings_within(from, Instant::MAX)
            .next()
            .map(|(key, _)| *key)
    }

    fn next_after(&self, key: CrossingKey) -> Option<CrossingKey> {
        let range = (Bound::Excluded(key), Bound::Unbounded);
        self.crossings.range(range).next().map(|(key, _)| *key)
    }

    /// Gives a crossing a credit, or none; says whether that is a change.
    fn assign(&mut self, key: CrossingKey, credit: Option<Spend>) -> bool {
        let Some(entry) = self.crossings.get_mut(&key) else {
            return false;
        };
        if entry.credit == credit {
            return false;
        }
        let before = std::mem::replace(&mut entry.credit, credit.clone());
        if let Some(grant) = before.and_then(|spend| self.grants.get_mut(&spend.grant))
            && let Ok(place) = grant.claims.binary_search(&key)
        {
            grant.claims.remove(place);
        }
        if let Some(grant) = credit.and_then(|spend| self.grants.get_mut(&spend.grant))
            && let Err(place) = grant.claims.binary_search(&key)
        {
            grant.claims.insert(place, key);
        }
        true
    }

    /// The oldest credit that the crossing may spend, given what the crossings before it spent.
    fn choose_credit(&self, key: CrossingKey) -> Option<Spend> {
        let entry = self.crossings.get(&key)?;
        let Standing::Walks { .. } = self.standing(key, entry) else {
            return None;
        };
        self.grants_near(entry.span).find_map(|(grant_key, grant)| {
            let spent = grant.claims.partition_point(|claim| *claim < key);
            let open = spent < usize::from(grant.allowed)
                && self.allows(grant, entry.crossing.direction)
                && self.fit(grant, entry.span) > Fit::No;
            open.then(|| Spend {
                grant: grant_key.clone(),
                passage: u8::try_from(spent + 1).unwrap_or(u8::MAX),
            })
        })
    }

    /// The grants that can be good within `span`, oldest first (and some that cannot).
    pub fn grants_near(&self, span: Interval) -> impl Iterator<Item = (&GrantKey, &GrantEntry)> {
        let from = span.lo - self.longest_credit();
        self.grants_within(from, span.hi + self.policy.early)
    }

    /// Whether a grant is for this direction.
    pub fn allows(&self, grant: &GrantEntry, direction: Direction) -> bool {
        match (direction, grant.event.direction) {
            (Direction::In, given) => given != Some(Direction::Out),
            (Direction::Out, Some(given)) => given == Direction::Out,
            // A grant that does not say its way is for the way that needs one.
            (Direction::Out, None) => self.policy.exit_needs_grant,
        }
    }

    /// Whether a grant is good at a crossing's time.
    pub fn fit(&self, grant: &GrantEntry, span: Interval) -> Fit {
        let good = self.good(grant);
        if span.hi < good.lo || good.hi < span.lo {
            return Fit::No;
        }
        let surely_from = grant.when.hi - self.policy.early;
        let surely_to = good.hi - grant.when.width();
        if surely_from <= span.lo && span.hi <= surely_to {
            Fit::Certain
        } else {
            Fit::Possible
        }
    }

    /// From when to when a grant can be good.
    pub fn good(&self, grant: &GrantEntry) -> Interval {
        let lo = grant.when.lo - self.policy.early;
        let hi = grant.when.hi + self.policy.window;
        let open = self
            .policy
            .open_window
            .filter(|open| *open > self.policy.window);
        let Some(open) = open else {
            return Interval { lo, hi };
        };
        // The last opening that began while the credit was good carries it on until it ends.
        let mut events = self.door_events_within(lo, hi).rev();
        let Some(opened) = events.find(|event| event.kind == AccessKind::Opened) else {
            return Interval { lo, hi };
        };
        let limit = grant.when.hi + open;
        let mut later = self.door_events_within(opened.when.lo, limit);
        let closed = later.find(|event| event.kind == AccessKind::Closed);
        let until = closed.map_or(limit, |closed| closed.when.hi.min(limit));
        Interval {
            lo,
            hi: hi.max(until),
        }
    }

    /// How a crossing stands to credits.
    pub fn standing(&self, key: CrossingKey, entry: &CrossingEntry) -> Standing {
        let direction = entry.crossing.direction;
        if self.policy.net_u_turns
            && let Some(partner) = self.u_turn_partner(key, entry)
        {
            return Standing::Netted(partner);
        }
        if let Some(allowed) = self.policy.one_way.filter(|allowed| *allowed != direction) {
            return Standing::WrongWay(allowed);
        }
        let needs = direction == Direction::In || self.policy.exit_needs_grant;
        if !needs {
            return Standing::Walks {
                needs,
                maybe_free: false,
            };
        }
        match self.unlocked(entry.span) {
            Unlocked::Yes => Standing::Free,
            unlocked => Standing::Walks {
                needs,
                maybe_free: unlocked == Unlocked::Maybe,
            },
        }
    }

    /// The other half of a U-turn: the same track's next crossing after an entry, if it is an exit
    /// within the U-turn time; or the one before an exit, if it is such an entry.
    fn u_turn_partner(&self, key: CrossingKey, entry: &CrossingEntry) -> Option<CrossingKey> {
        let within = self.policy.u_turn;
        let other = match entry.crossing.direction {
            Direction::In => self
                .crossings_within(key.0, key.0 + within)
                .find(|(other, there)| **other > key && same_track(there, entry)),
            Direction::Out => self
                .crossings_within(key.0 - within, key.0)
                .rev()
                .find(|(other, there)| **other < key && same_track(there, entry)),
        };
        other
            .filter(|(_, there)| there.crossing.direction != entry.crossing.direction)
            .map(|(other, _)| *other)
    }

    /// Whether an unlock was in force during `span`: in every state that the door can have been in
    /// then, in some, or in none.
    pub fn unlocked(&self, span: Interval) -> Unlocked {
        let (mut locked, mut unlocked) = (false, false);
        let mut see = |in_force: bool| {
            unlocked |= in_force;
            locked |= !in_force;
        };
        let mut before = None;
        for event in self.unlocks_until(span.hi) {
            if event.when.hi <= span.lo {
                before = Some(event);
                break;
            }
            see(event.kind == AccessKind::UnlockStarted);
        }
        see(before.map_or(self.unlocked_before, |event| {
            event.kind == AccessKind::UnlockStarted
        }));
        match (unlocked, locked) {
            (true, false) => Unlocked::Yes,
            (true, true) => Unlocked::Maybe,
            (false, _) => Unlocked::No,
        }
    }

    /// Unlocks begun and ended that can have been before `until`, the latest first.
    pub fn unlocks_until(&self, until: Instant) -> impl Iterator<Item = &DoorEvent> {
        let events = self.unlocks.range(..=self.door_bound(until, Instant::MAX));
        events.rev().map(|(_, event)| event)
    }

    /// What a crossing was, given the credits spent.
    fn find(&self, key: CrossingKey) -> Finding {
        let mut finding = Finding::unknown();
        let Some(entry) = self.crossings.get(&key) else {
            return finding;
        };
        for doubt in &entry.crossing.doubts {
            add_doubt(&mut finding.doubts, *doubt);
        }
        for (_, doubt) in self.blind_at(entry.span) {
            add_doubt(&mut finding.doubts, doubt);
        }
        match (self.standing(key, entry), &entry.credit) {
            (Standing::Netted(partner), _) => {
                finding.kind = VerdictKind::UTurn;
                finding.beside = Some(partner);
            }
            (Standing::WrongWay(_), _) => {
                finding.kind = VerdictKind::WrongWay;
                finding.abstain = self.is_seen_badly(entry);
            }
            (Standing::Free, _) => finding.kind = VerdictKind::FreePassage,
            (Standing::Walks { .. }, Some(spend)) => self.find_credited(entry, spend, &mut finding),
            (Standing::Walks { needs: false, .. }, None) => finding.kind = VerdictKind::Exit,
            (Standing::Walks { maybe_free, .. }, None) if maybe_free => {
                finding.kind = VerdictKind::FreePassage;
                add_doubt(&mut finding.doubts, Doubt::WindowEdge);
            }
            (Standing::Walks { .. }, None) => self.find_uncredited(key, entry, &mut finding),
        }
        finding
    }

    /// The times of blindness that make a crossing doubtful.
    pub fn blind_at(&self, span: Interval) -> impl Iterator<Item = (Interval, Doubt)> {
        self.blind_during(Interval::new(span.lo - NEAR_BLIND, span.hi))
    }

    fn find_credited(&self, entry: &CrossingEntry, spend: &Spend, finding: &mut Finding) {
        finding.kind = match entry.crossing.direction {
            Direction::In => VerdictKind::Authorised,
            Direction::Out => VerdictKind::Exit,
        };
        let Some(grant) = self.grants.get(&spend.grant) else {
            return;
        };
        if self.is_blurred(grant) {
            finding.abstain = true;
            add_doubt(&mut finding.doubts, Doubt::ClockUncertain);
        } else if self.fit(grant, entry.span) < Fit::Certain {
            add_doubt(&mut finding.doubts, Doubt::WindowEdge);
        }
        for doubt in &grant.clock_doubts {
            add_doubt(&mut finding.doubts, *doubt);
        }
        if grant.event.direction.is_none() && self.policy.exit_needs_grant {
            add_doubt(&mut finding.doubts, Doubt::ReaderUnknown);
        }
        // Somebody unseen may have spent it before.
        let waited = Interval::new(grant.when.lo.min(entry.span.lo), entry.span.lo);
        for (_, doubt) in self.blind_during(waited) {
            add_doubt(&mut finding.doubts, doubt);
        }
    }

    fn find_uncredited(&self, key: CrossingKey, entry: &CrossingEntry, finding: &mut Finding) {
        finding.uncredited = true;
        if let Some((leader, behind)) = self.leader(key, entry) {
            finding.kind = VerdictKind::Tailgating;
            finding.beside = Some(leader);
            finding.behind = Some(behind);
        } else if entry.crossing.direction == Direction::Out {
            finding.kind = VerdictKind::UnauthorisedExit;
        } else if let Some(exit) = self.exit_beside(key, entry) {
            finding.kind = VerdictKind::EntryOnExit;
            finding.beside = Some(exit);
        } else {
            finding.kind = VerdictKind::UnauthorisedEntry;
        }
        if self.is_seen_badly(entry) {
            finding.abstain = true;
        }
        if self.gap_during(self.grants_wanted(entry.span)).is_some() {
            finding.abstain = true;
            add_doubt(&mut finding.doubts, Doubt::FeedBehind);
        }
        if let Some(blurred) = self.blurred_near(entry) {
            finding.abstain = true;
            add_doubt(&mut finding.doubts, Doubt::ClockUncertain);
            for doubt in &blurred.clock_doubts {
                add_doubt(&mut finding.doubts, *doubt);
            }
        }
    }

    /// Whether the camera could not be believed about a crossing: nobody is accused by it then.
    fn is_seen_badly(&self, entry: &CrossingEntry) -> bool {
        let untrusted = [Doubt::SightLost, Doubt::CalibrationUncertain];
        let doubted = |doubt: &Doubt| entry.crossing.doubts.contains(doubt);
        self.blind_at(entry.span).next().is_some() || untrusted.iter().any(doubted)
    }

    /// Grants of this time would have been good at a crossing.
    pub fn grants_wanted(&self, span: Interval) -> Interval {
        Interval::new(span.lo - self.policy.window, span.hi + self.policy.early)
    }

    /// How uncertain a grant's time may be before it can't be judged by.
    pub fn clock_limit(&self) -> Span {
        Span::from_us(self.policy.window.as_us() / CLOCK_SHARE)
    }

    /// Whether a grant's time is too uncertain to judge by.
    pub fn is_blurred(&self, grant: &GrantEntry) -> bool {
        grant.when.width() > self.clock_limit()
    }

    /// A grant of uncertain time that may have been meant for this crossing, whoever spent it.
    pub fn blurred_near(&self, entry: &CrossingEntry) -> Option<&GrantEntry> {
        self.grants_near(entry.span)
            .map(|(_, grant)| grant)
            .find(|grant| {
                self.is_blurred(grant)
                    && self.allows(grant, entry.crossing.direction)
                    && self.fit(grant, entry.span) > Fit::No
            })
    }

    /// The credited passage of somebody else that an uncredited one followed or went beside, and the
    /// passage just before it in the train.
    fn leader(
        &self,
        key: CrossingKey,
        entry: &CrossingEntry,
    ) -> Option<(CrossingKey, CrossingKey)> {
        let way = entry.crossing.direction;
        let before = self
            .crossings_within(key.0 - self.policy.follow, key.0)
            .rev();
        let before = before.filter(|(other, there)| {
            **other < key
                && there.crossing.direction == way
                && !same_track(there, entry)
                && !self.closed_between(**other, key)
        });
        let is_own = |key: &CrossingKey| {
            let there = self.crossings.get(key);
            there.is_some_and(|there| same_track(there, entry))
        };
        for (other, there) in before {
            if is_credited(there) {
                return Some((*other, *other));
            }
            if there.finding.kind == VerdictKind::Tailgating
                && let Some(leader) = there.finding.beside
                && !is_own(&leader)
            {
                return Some((leader, *other));
            }
        }
        // Side by side, and the other one was a little later over the line.
        let until = entry.span.hi.min(key.0 + self.policy.follow);
        self.crossings_within(key.0, key.0 + self.policy.follow)
            .find(|(other, there)| {
                **other > key
                    && there.crossing.direction == way
                    && there.span.lo <= until
                    && is_credited(there)
                    && !same_track(there, entry)
                    && !self.closed_between(key, **other)
            })
            .map(|(other, _)| (*other, *other))
    }

    /// The nearest exit of somebody else through the same opening.
    fn exit_beside(&self, key: CrossingKey, entry: &CrossingEntry) -> Option<CrossingKey> {
        let close = self.policy.exit_close;
        self.crossings_within(key.0 - close, key.0 + close)
            .filter(|(other, there)| {
                there.crossing.direction == Direction::Out
                    && !same_track(there, entry)
                    && !self.closed_between((**other).min(key), (**other).max(key))
            })
            .map(|(other, _)| *other)
            .min_by_key(|other| (other.0.since(key.0).abs(), *other))
    }

    /// Whether the door was certainly closed between two passages: it was reported closed and then
    /// open again, or opened once more, too late to be the first one's own opening.
    pub fn closed_between(&self, first: CrossingKey, second: CrossingKey) -> bool {
        let early = self.policy.early;
        let opens =
            |event: &DoorEvent| matches!(event.kind, AccessKind::Opened | AccessKind::ForcedOpen);
        let between = |event: &&DoorEvent| event.when.lo > first.0 && event.when.hi < second.0;
        let mut events = self.door_events_within(first.0, second.0);
        let opened_anew =
            events.any(|event| between(&event) && opens(event) && event.when.lo > first.0 + early);
        if opened_anew {
            return true;
        }
        let mut events = self.door_events_within(first.0, second.0);
        let closed = events.find(|event| between(event) && event.kind == AccessKind::Closed);
        closed.is_some_and(|closed| {
            let mut later = self.door_events_within(closed.when.lo, second.0 + early);
            later.any(opens)
        })
    }
}

/// Whether two crossings are of the same track.
pub(super) fn same_track(one: &CrossingEntry, other: &CrossingEntry) -> bool {
    one.crossing.track == other.crossing.track && one.crossing.camera == other.crossing.camera
}

/// Whether a crossing spent a credit.
pub(super) fn is_credited(entry: &CrossingEntry) -> bool {
    entry.credit.is_some()
}
