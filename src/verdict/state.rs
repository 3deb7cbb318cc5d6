//! What a ledger knows, as a value: written down, read again, and gone on from.
//!
//! Written down is what was told and what was stated; what follows from that (the places of crossings
//! by number, the ids that are known) is made anew. What is read may be anything, and a ledger asserts
//! that its passages are conserved: a state that does not conserve them is refused here, before it can
//! end the process there.
//!
//! Ids of verdicts go on over a change of the configuration: a door that has another number now keeps
//! the one that it had at first in its ids.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::history::{
    Blindness, CrossingEntry, CrossingKey, DoorEvent, DoorKey, Feed, GrantEntry, GrantKey, History,
};
use super::{Ledger, Policy};
use crate::access::{DoorClock, DoorClockState};
use crate::units::{CameraId, DoorId, Instant, PortalId, Span};

/// Everything that a [`Ledger`] knows but its policy.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct LedgerState {
    door: DoorId,
    named: DoorId,
    clock: DoorClockState,
    crossings: Vec<CrossingEntry>,
    grants: Vec<GrantEntry>,
    unlocks: Vec<(String, DoorEvent)>,
    door_events: Vec<(String, DoorEvent)>,
    blind: Blindness,
    feed: Feed,
    unlocked_before: bool,
    widest_grant: Span,
    open_crossings: BTreeSet<CrossingKey>,
    open_grants: BTreeSet<GrantKey>,
    lagging: BTreeSet<CrossingKey>,
    next_due: Option<Instant>,
    horizon: Instant,
    swept: Instant,
    too_old: u64,
}

/// What doors, portals and cameras that a ledger speaks of are numbered in another configuration.
pub struct Renamed<'a> {
    /// The ledger's door.
    pub door: DoorId,
    /// A portal, by its number before.
    pub portal: &'a dyn Fn(PortalId) -> PortalId,
    /// A camera, by its number before.
    pub camera: &'a dyn Fn(CameraId) -> CameraId,
}

impl LedgerState {
    /// The same ledger where things are numbered otherwise.
    pub fn renamed(mut self, to: &Renamed<'_>) -> Self {
        self.door = to.door;
        for entry in &mut self.crossings {
            entry.crossing.door = to.door;
            entry.crossing.portal = (to.portal)(entry.crossing.portal);
            entry.crossing.camera = (to.camera)(entry.crossing.camera);
        }
        for grant in &mut self.grants {
            grant.event.door = Some(to.door);
        }
        self
    }

    /// Takes over from the ledger of a door of the same name when it was unlocked: a fact, however
    /// the door is judged.
    pub fn take_unlocks(&mut self, before: &Self) {
        self.unlocks.clone_from(&before.unlocks);
        self.unlocked_before = before.unlocked_before;
    }

    /// How many events and crossings it holds.
    pub fn held(&self) -> usize {
        self.crossings.len() + self.grants.len() + self.unlocks.len() + self.door_events.len()
    }
}

impl Ledger {
    /// What it knows now.
    pub fn state(&self) -> LedgerState {
        let history = &self.history;
        let events = |events: &BTreeMap<DoorKey, DoorEvent>| {
            let events = events.iter();
            events
                .map(|(key, event)| (key.2.to_string(), *event))
                .collect()
        };
        LedgerState {
            door: self.door,
            named: self.named,
            clock: history.clock.memory(),
            crossings: history.crossings.values().cloned().collect(),
            grants: history.grants.values().cloned().collect(),
            unlocks: events(&history.unlocks),
            door_events: events(&history.door_events),
            blind: history.blind.clone(),
            feed: history.feed.clone(),
            unlocked_before: history.unlocked_before,
            widest_grant: history.widest_grant,
            open_crossings: self.open_crossings.clone(),
            open_grants: self.open_grants.clone(),
            lagging: self.lagging.clone(),
            next_due: self.next_due,
            horizon: self.horizon,
            swept: self.swept,
            too_old: self.too_old,
        }
    }

    /// A ledger that goes on from `state`. `Err` says what of it cannot be.
    pub fn resume(door: DoorId, policy: Policy, state: LedgerState) -> Result<Self, String> {
        if state.door != door {
            return Err(format!("it is the ledger of door {}", state.door));
        }
        let mut ledger = Self::new(door, policy);
        ledger.named = state.named;
        let history = &mut ledger.history;
        history.clock = DoorClock::resume(history.policy.clock_offset, state.clock)?;
        for entry in state.crossings {
            take_crossing(history, door, entry)?;
        }
        for grant in state.grants {
            take_grant(history, door, grant)?;
        }
        history.unlocks = door_events(&mut history.ids, state.unlocks)?;
        history.door_events = door_events(&mut history.ids, state.door_events)?;
        let widths = history.grants.values().map(|grant| grant.when.width());
        if widths.max().unwrap_or(Span::ZERO) > state.widest_grant {
            return Err("a grant is less certain than the least certain one".to_owned());
        }
        history.widest_grant = state.widest_grant;
        history.blind = state.blind;
        history.feed = state.feed;
        history.unlocked_before = state.unlocked_before;
        conserved(history)?;
        let known = |key: &CrossingKey| history.crossings.contains_key(key);
        let open = state.open_crossings.iter().all(known)
            && state.lagging.iter().all(known)
            && state
                .open_grants
                .iter()
                .all(|key| history.grants.contains_key(key));
        if !open {
            return Err("something is still open that is not there".to_owned());
        }
        ledger.open_crossings = state.open_crossings;
        ledger.open_grants = state.open_grants;
        ledger.lagging = state.lagging;
        ledger.next_due = state.next_due;
        ledger.horizon = state.horizon;
        ledger.swept = state.swept;
        ledger.too_old = state.too_old;
        Ok(ledger)
    }
}

fn take_crossing(history: &mut History, door: DoorId, entry: CrossingEntry) -> Result<(), String> {
    let key = (entry.crossing.at, entry.crossing.id);
    if entry.crossing.door != door {
        return Err(format!("crossing {} is of another door", key.1));
    }
    if history.places.insert(key.1, key).is_some() {
        return Err(format!("crossing {} is there twice", key.1));
    }
    history.crossings.insert(key, entry);
    Ok(())
}

fn take_grant(history: &mut History, door: DoorId, grant: GrantEntry) -> Result<(), String> {
    let id: Arc<str> = Arc::from(grant.event.id.as_str());
    if grant.event.door != Some(door) {
        return Err(format!("grant {id} is of another door"));
    }
    if grant.when.lo > grant.when.hi {
        return Err(format!("grant {id} ends before it begins"));
    }
    if !history.ids.insert(Arc::clone(&id)) {
        return Err(format!("event {id} is there twice"));
    }
    let key = GrantKey {
        mid: grant.when.mid(),
        lo: grant.when.lo,
        id,
    };
    history.grants.insert(key, grant);
    Ok(())
}

fn door_events(
    ids: &mut BTreeSet<Arc<str>>,
    events: Vec<(String, DoorEvent)>,
) -> Result<BTreeMap<DoorKey, DoorEvent>, String> {
    let mut known = BTreeMap::new();
    for (id, event) in events {
        let id: Arc<str> = Arc::from(id);
        if !ids.insert(Arc::clone(&id)) {
            return Err(format!("event {id} is there twice"));
        }
        known.insert((event.when.lo, event.when.hi, id), event);
    }
    Ok(known)
}

/// What the ledger asserts around every change, of all that is held.
fn conserved(history: &History) -> Result<(), String> {
    for (key, entry) in &history.crossings {
        let Some(spend) = &entry.credit else { continue };
        let Some(grant) = history.grants.get(&spend.grant) else {
            continue; // forgotten
        };
        let place = grant.claims.binary_search(key).ok();
        if place.map(|place| place + 1) != Some(usize::from(spend.passage)) {
            return Err(format!(
                "crossing {} spent a passage of grant {}, which does not know of it",
                key.1, grant.event.id
            ));
        }
    }
    for (key, grant) in &history.grants {
        let in_order = grant.claims.is_sorted_by(|a, b| a < b);
        if !in_order || grant.claims.len() > usize::from(grant.allowed) {
            return Err(format!(
                "grant {} was spent more often than it allows",
                grant.event.id
            ));
        }
        let spent_here = |claim: &CrossingKey| {
            let entry = history.crossings.get(claim);
            let spend = entry.map(|entry| entry.credit.as_ref().map(|spend| &spend.grant));
            spend.is_none_or(|grant| grant == Some(key))
        };
        if !grant.claims.iter().all(spent_here) {
            return Err(format!(
                "grant {} was spent on a crossing that does not know of it",
                grant.event.id
            ));
        }
    }
    Ok(())
}

/// Text that is shared in memory, and plain where it is written down.
pub(super) mod shared_text {
    use std::sync::Arc;

    use serde::{Deserialize, Deserializer, Serializer};

    pub fn serialize<S: Serializer>(text: &Arc<str>, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_str(text)
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Arc<str>, D::Error> {
        String::deserialize(from).map(Arc::from)
    }
}

/// Times by reason as lists: keys of JSON are texts.
pub(super) mod times {
    use std::collections::BTreeMap;

    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    use crate::units::{Doubt, Instant};

    type Times = BTreeMap<Doubt, BTreeMap<Instant, Instant>>;
    type Listed = Vec<(Doubt, Vec<(Instant, Instant)>)>;

    pub fn serialize<S: Serializer>(times: &Times, to: S) -> Result<S::Ok, S::Error> {
        let list =
            |times: &BTreeMap<Instant, Instant>| times.iter().map(|(a, b)| (*a, *b)).collect();
        let listed: Listed = times
            .iter()
            .map(|(doubt, times)| (*doubt, list(times)))
            .collect();
        listed.serialize(to)
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Times, D::Error> {
        let listed = Listed::deserialize(from)?.into_iter();
        Ok(listed
            .map(|(doubt, times)| (doubt, times.into_iter().collect()))
            .collect())
    }
}
