//! What happened at one door, in the order of event time, as far back as late truth may still
//! reach. Storage and look-ups; what it means is the business of [`super::judge`].
//!
//! Everything is keyed by event time first, so the order of arrival leaves no trace here: two
//! histories of the same events are equal. Ties are broken by ids, never by arrival.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Bound;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::{GrantOutcome, Policy, Stage, VerdictKind};
use crate::access::{AccessEvent, AccessKind, DoorClock, FeedStatus, Spans};
use crate::crossing::Crossing;
use crate::units::{CrossingId, Doubt, Instant, Interval, Span};

/// A crossing's time is not trusted to be further off than this, however long the person lingered
/// on the threshold: the line itself was passed near its best estimate.
pub(super) const CROSSING_SLACK: Span = Span::from_ms(2_000);

/// A grant's time is not taken to be more uncertain than this. Far beyond what can be judged by
/// (a quarter of the window); the bound keeps one absurd event from dragging the whole past along.
const MOST_UNCERTAIN: Span = Span::from_ms(300_000);

/// An event that says it happened so long after it came was stamped by a clock that is lost (a
/// controller that says 2036). All that is known of it is when it came.
const MOST_AHEAD: Span = Span::from_ms(600_000);

/// The place of a crossing in the history.
pub(super) type CrossingKey = (Instant, CrossingId);

/// The place of a grant in the history: its best estimate, its earliest moment, its id.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(super) struct GrantKey {
    pub mid: Instant,
    pub lo: Instant,
    #[serde(with = "super::state::shared_text")]
    pub id: Arc<str>,
}

/// The place of another event in the history.
pub(super) type DoorKey = (Instant, Instant, Arc<str>);

/// A crossing with the judgement on it and what was stated of it.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct CrossingEntry {
    pub crossing: Crossing,
    /// When it can have been, limited to [`CROSSING_SLACK`] about the best estimate.
    pub span: Interval,
    pub credit: Option<Spend>,
    pub finding: Finding,
    /// The feed was behind when judgement fell due, and still is.
    pub lagging: bool,
    /// A grant that came after it was final changed it.
    pub late_grant: bool,
    pub stated: Option<StatedCrossing>,
}

/// One passage of a grant, spent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Spend {
    pub grant: GrantKey,
    /// From 1.
    pub passage: u8,
}

/// The judgement on a crossing, before anything is said of how final it is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Finding {
    /// What it most likely is.
    pub kind: VerdictKind,
    /// Whether that may not be said because of the doubts.
    pub abstain: bool,
    /// Whether it needed a credit and found none.
    pub uncredited: bool,
    pub beside: Option<CrossingKey>,
    /// The passage directly before it in a train.
    pub behind: Option<CrossingKey>,
    pub doubts: Vec<Doubt>,
}

/// The substance of a statement on a crossing: when it differs, it is stated anew.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct CrossingSubstance {
    pub kind: VerdictKind,
    pub likely: Option<VerdictKind>,
    pub credit: Option<Spend>,
    pub beside: Option<CrossingKey>,
    pub doubts: Vec<Doubt>,
}

/// A statement made.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Stated<T> {
    pub substance: T,
    pub stage: Stage,
    pub revision: u32,
}

pub(super) type StatedCrossing = Stated<CrossingSubstance>;

/// A grant with what was spent of it and what was stated of it.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct GrantEntry {
    pub event: AccessEvent,
    /// When it was granted, corrected and widened by what is known of the clocks.
    pub when: Interval,
    /// What its stamp was corrected by.
    pub corrected: Spans,
    /// What is doubtful about that.
    pub clock_doubts: Vec<Doubt>,
    pub allowed: u8,
    /// The crossings it was spent on, in order.
    pub claims: Vec<CrossingKey>,
    pub stated: Option<Stated<GrantSubstance>>,
}

/// The substance of a statement on a grant.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct GrantSubstance {
    pub outcome: GrantOutcome,
    pub spent_on: Vec<CrossingKey>,
    pub doubts: Vec<Doubt>,
}

/// Something the door reported that is no grant.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct DoorEvent {
    pub kind: AccessKind,
    /// When, widened by what policy says of the clocks.
    pub when: Interval,
}

/// What is known of the feed.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(super) struct Feed {
    /// `None`: nothing was ever said of it.
    pub complete_to: Option<Instant>,
    pub lateness: Option<Span>,
    pub gaps: Vec<Interval>,
}

/// When and why the door could not be seen.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(super) struct Blindness {
    /// For each reason the times, from and to; none touches another.
    #[serde(with = "super::state::times")]
    over: BTreeMap<Doubt, BTreeMap<Instant, Instant>>,
    /// What lasts, and since when.
    lasting: BTreeSet<(Doubt, Instant)>,
}

/// The history of one door.
#[derive(Debug, Clone)]
pub(super) struct History {
    pub policy: Policy,
    pub clock: DoorClock,
    pub crossings: BTreeMap<CrossingKey, CrossingEntry>,
    pub grants: BTreeMap<GrantKey, GrantEntry>,
    /// Unlocks begun and ended.
    pub unlocks: BTreeMap<DoorKey, DoorEvent>,
    /// Contacts, requests to exit, refusals, alarms of the door.
    pub door_events: BTreeMap<DoorKey, DoorEvent>,
    pub(super) blind: Blindness,
    pub feed: Feed,
    /// Whether an unlock was in force before the oldest of `unlocks`.
    pub unlocked_before: bool,
    pub(super) places: BTreeMap<CrossingId, CrossingKey>,
    pub(super) ids: BTreeSet<Arc<str>>,
    pub(super) widest_grant: Span,
    lowest_id: Arc<str>,
}

/// What an access event turned out to be.
pub(super) enum Added {
    /// It was known already.
    Nothing,
    /// A grant.
    Grant(GrantKey),
    /// Something else, which bears on crossings of this time.
    Other(Interval),
}

impl Finding {
    /// Before it was looked at.
    pub fn unknown() -> Self {
        Self {
            kind: VerdictKind::Undetermined,
            abstain: false,
            uncredited: false,
            beside: None,
            behind: None,
            doubts: Vec::new(),
        }
    }
}

impl History {
    pub fn new(policy: Policy) -> Self {
        Self {
            clock: DoorClock::new(policy.clock_offset),
            policy,
            crossings: BTreeMap::new(),
            grants: BTreeMap::new(),
            unlocks: BTreeMap::new(),
            door_events: BTreeMap::new(),
            blind: Blindness::default(),
            feed: Feed::default(),
            unlocked_before: false,
            places: BTreeMap::new(),
            ids: BTreeSet::new(),
            widest_grant: Span::ZERO,
            lowest_id: Arc::from(""),
        }
    }

    /// How far, at most, one thing's effect goes without a change in between that carries it on.
    pub fn reach(&self) -> Span {
        let policy = &self.policy;
        let nearby = policy.follow.max(policy.exit_close).max(policy.u_turn);
        self.longest_credit()
            + policy.early
            + nearby
            + CROSSING_SLACK
            + CROSSING_SLACK
            + self.widest_grant
    }

    /// How long after its grant a credit can be good.
    pub fn longest_credit(&self) -> Span {
        let open = self.policy.open_window.unwrap_or(Span::ZERO);
        self.policy.window.max(open)
    }

    /// Adds a crossing; `None` if its id is known already.
    pub fn add_crossing(&mut self, crossing: &Crossing) -> Option<CrossingKey> {
        let key = (crossing.at, crossing.id);
        if self.places.contains_key(&crossing.id) {
            return None;
        }
        self.places.insert(crossing.id, key);
        let slack = Interval::exact(crossing.at).widened(CROSSING_SLACK);
        let told = Interval::new(crossing.interval.lo, crossing.interval.hi);
        let span = Interval {
            lo: told.lo.min(crossing.at).max(slack.lo),
            hi: told.hi.max(crossing.at).min(slack.hi),
        };
        let entry = CrossingEntry {
            crossing: crossing.clone(),
            span,
            credit: None,
            finding: Finding::unknown(),
            lagging: false,
            late_grant: false,
            stated: None,
        };
        self.crossings.insert(key, entry);
        Some(key)
    }

    /// Adds an access event.
    pub fn add_access(&mut self, event: &AccessEvent) -> Added {
        let id: Arc<str> = Arc::from(event.id.as_str());
        if !self.ids.insert(Arc::clone(&id)) {
            return Added::Nothing;
        }
        let correction = self.clock.correction(event.occurred);
        let when = self.believable(event, correction.by);
        match event.kind {
            AccessKind::Granted => {
                let key = GrantKey {
                    mid: when.mid(),
                    lo: when.lo,
                    id,
                };
                self.widest_grant = self.widest_grant.max(when.width());
                let entry = GrantEntry {
                    event: event.clone(),
                    when,
                    corrected: correction.by,
                    clock_doubts: correction.doubts,
                    allowed: event.passages.unwrap_or(self.policy.passages_per_grant),
                    claims: Vec::new(),
                    stated: None,
                };
                self.grants.insert(key.clone(), entry);
                Added::Grant(key)
            }
            kind @ (AccessKind::UnlockStarted | AccessKind::UnlockEnded) => {
                let key = (when.lo, when.hi, id);
                self.unlocks.insert(key.clone(), DoorEvent { kind, when });
                // It holds until the next one.
                let next = (Bound::Excluded(key), Bound::Unbounded);
                let next = self.unlocks.range(next).next();
                let until = next.map_or(Instant::MAX, |(_, event)| event.when.hi);
                Added::Other(Interval::new(when.lo, until))
            }
            kind => {
                let key = (when.lo, when.hi, id);
                self.door_events.insert(key, DoorEvent { kind, when });
                Added::Other(when)
            }
        }
    }

    /// The time of an event, corrected and widened by what is known of the clocks, within reason.
    pub fn believable(&self, event: &AccessEvent, by: Spans) -> Interval {
        let told = Interval::new(event.occurred.lo, event.occurred.hi);
        let told = Interval::new(told.lo + by.lo, told.hi + by.hi).widened(self.policy.clock);
        if told.lo - event.received > MOST_AHEAD {
            return Interval::exact(event.received).widened(MOST_UNCERTAIN);
        }
        let most = Interval::exact(told.mid()).widened(MOST_UNCERTAIN);
        Interval {
            lo: told.lo.max(most.lo),
            hi: told.hi.min(most.hi),
        }
    }

    /// Takes what is known of the feed; returns the times for which that changes something.
    pub fn set_feed(&mut self, status: &FeedStatus) -> Vec<Interval> {
        let gaps: Vec<Interval> = status
            .gaps
            .iter()
            .map(|gap| Interval::new(gap.lo, gap.hi))
            .collect();
        let mut changed = Vec::new();
        for (these, those) in [(&gaps, &self.feed.gaps), (&self.feed.gaps, &gaps)] {
            for gap in these.iter().filter(|gap| !those.contains(gap)) {
                // A gap that grows or shrinks at its end has changed only there.
                let same = those.iter().find(|other| other.lo == gap.lo);
                changed.push(same.map_or(*gap, |other| Interval::new(gap.hi, other.hi)));
            }
        }
        self.feed.gaps = gaps;
        // That something is complete stays true, whatever a restarted feed says of itself.
        let complete_to = self.feed.complete_to.unwrap_or(Instant::MIN);
        self.feed.complete_to = Some(complete_to.max(status.complete_to));
        self.feed.lateness = status.lateness;
        changed
    }

    /// Takes a time of blindness; returns the times for which that changes something.
    pub fn add_blind(&mut self, blind: Interval, doubt: Doubt) -> Interval {
        let blind = Interval::new(blind.lo, blind.hi);
        if blind.hi == Instant::MAX {
            self.blind.lasting.insert((doubt, blind.lo));
            return blind;
        }
        let lasted = self.blind.lasting.remove(&(doubt, blind.lo));
        self.blind.add(blind, doubt);
        Interval::new(blind.lo, if lasted { Instant::MAX } else { blind.hi })
    }

    /// The place of a crossing.
    pub fn place_of(&self, crossing: CrossingId) -> Option<CrossingKey> {
        self.places.get(&crossing).copied()
    }

    /// Crossings whose best time lies within `[from, to]`.
    pub fn crossings_within(
        &self,
        from: Instant,
        to: Instant,
    ) -> impl DoubleEndedIterator<Item = (&CrossingKey, &CrossingEntry)> {
        let from = (from, CrossingId(0));
        let to = (to.max(from.0), CrossingId(u32::MAX));
        self.crossings.range(from..=to)
    }

    /// Grants that may touch `[from, to]` with their time.
    pub fn grants_within(
        &self,
        from: Instant,
        to: Instant,
    ) -> impl DoubleEndedIterator<Item = (&GrantKey, &GrantEntry)> {
        let from = from - self.widest_grant;
        let to = (to + self.widest_grant).max(from);
        let low = self.grant_bound(from);
        // The bound after `to` leaves `to` itself in, whatever the ids.
        let high = self.grant_bound(to + Span::from_us(1));
        self.grants
            .range((Bound::Included(low), Bound::Included(high)))
    }

    fn grant_bound(&self, mid: Instant) -> GrantKey {
        GrantKey {
            mid,
            lo: Instant::MIN,
            id: Arc::clone(&self.lowest_id),
        }
    }

    /// A bound for look-ups of door events.
    pub fn door_bound(&self, lo: Instant, hi: Instant) -> DoorKey {
        (lo, hi, Arc::clone(&self.lowest_id))
    }

    /// Door events that began within `[from, to]`.
    pub fn door_events_within(
        &self,
        from: Instant,
        to: Instant,
    ) -> impl DoubleEndedIterator<Item = &DoorEvent> {
        let low = self.door_bound(from, Instant::MIN);
        let high = self.door_bound(to.max(from), Instant::MAX);
        self.door_events
            .range((Bound::Included(low), Bound::Included(high)))
            .map(|(_, event)| event)
    }

    /// The times of blindness that overlap `time`, at most one for each reason.
    pub fn blind_during(&self, time: Interval) -> impl Iterator<Item = (Interval, Doubt)> {
        self.blind.during(time)
    }

    /// The first gap of the feed that overlaps `time`.
    pub fn gap_during(&self, time: Interval) -> Option<Interval> {
        let mut gaps = self.feed.gaps.iter();
        gaps.find(|gap| gap.overlaps(time)).copied()
    }

    /// How many events are held.
    pub fn len(&self) -> usize {
        self.crossings.len() + self.grants.len() + self.unlocks.len() + self.door_events.len()
    }

    /// The time before which lies a tenth of all crossings, or of all grants, whichever is later.
    pub fn oldest_tenth(&self) -> Option<Instant> {
        let crossing = self.crossings.keys().nth(self.crossings.len() / 10);
        let grant = self.grants.keys().nth(self.grants.len() / 10);
        let event = self.door_events.keys().nth(self.door_events.len() / 10);
        let crossing = crossing.map(|key| key.0);
        let grant = grant.map(|key| key.mid);
        crossing.max(grant).max(event.map(|key| key.0))
    }

    /// Forgets everything before `cut`, except whether the door was unlocked.
    pub fn forget_before(&mut self, cut: Instant) {
        let kept = self.crossings.split_off(&(cut, CrossingId(0)));
        for (_, id) in std::mem::replace(&mut self.crossings, kept).into_keys() {
            self.places.remove(&id);
        }
        let bound = self.grant_bound(cut);
        let kept = self.grants.split_off(&bound);
        for key in std::mem::replace(&mut self.grants, kept).into_keys() {
            self.ids.remove(&key.id);
        }
        let bound = self.door_bound(cut, Instant::MIN);
        let kept = self.door_events.split_off(&bound);
        for (_, _, id) in std::mem::replace(&mut self.door_events, kept).into_keys() {
            self.ids.remove(&id);
        }
        let kept = self.unlocks.split_off(&bound);
        for ((_, _, id), event) in std::mem::replace(&mut self.unlocks, kept) {
            self.unlocked_before = event.kind == AccessKind::UnlockStarted;
            self.ids.remove(&id);
        }
        for times in self.blind.over.values_mut() {
            times.retain(|_, hi| *hi >= cut);
        }
        let widths = self.grants.values().map(|grant| grant.when.width());
        self.widest_grant = widths.max().unwrap_or(Span::ZERO);
    }
}

impl Blindness {
    /// Adds a time that is over, in one piece with those that it touches.
    fn add(&mut self, blind: Interval, doubt: Doubt) {
        let times = self.over.entry(doubt).or_default();
        let mut whole = blind;
        while let Some((lo, hi)) = times.range(..=whole.hi).next_back()
            && *hi >= whole.lo
        {
            let lo = *lo;
            whole = Interval::new(whole.lo.min(lo), whole.hi.max(*hi));
            times.remove(&lo);
        }
        times.insert(whole.lo, whole.hi);
    }

    fn during(&self, time: Interval) -> impl Iterator<Item = (Interval, Doubt)> {
        let lasting = self.lasting.iter();
        let lasting = lasting.map(|(doubt, lo)| (Interval::new(*lo, Instant::MAX), *doubt));
        // Of times that do not touch, only the last two that begin by the end can overlap.
        let over = self.over.iter().filter_map(move |(doubt, times)| {
            let mut last = times.range(..=time.hi).rev().take(2);
            let found = last.find_map(|(lo, hi)| {
                let blind = Interval::new(*lo, *hi);
                blind.overlaps(time).then_some(blind)
            });
            found.map(|blind| (blind, *doubt))
        });
        lasting
            .filter(move |(blind, _)| blind.overlaps(time))
            .chain(over)
    }
}

/// Whether a stage is past provisional.
pub(super) fn is_final(stage: Stage) -> bool {
    stage != Stage::Provisional
}
