//! What one sink is owed, as its task keeps it: a queue for each door, and who may go next.
//!
//! Numbers alone are held, not bodies: tens of thousands of notices that wait take a few megabytes.
//!
//! Pure.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use super::outbox::Owed;
use crate::units::Instant;

/// A door's notices, in order.
#[derive(Debug, Clone, Default)]
struct Lane {
    waiting: VecDeque<Owed>,
    /// Whether the first of them is on its way.
    busy: bool,
}

/// The doors of one sink.
#[derive(Debug, Clone, Default)]
pub(super) struct Lanes {
    by_door: BTreeMap<Arc<str>, Lane>,
    /// The door that was served last: the next one has its turn after it.
    turn: Option<Arc<str>>,
    /// The last number that was taken in.
    last: u64,
    count: usize,
}

impl Lanes {
    /// The last number that was taken in.
    pub(super) fn last(&self) -> u64 {
        self.last
    }

    /// How many wait, those on their way included.
    pub(super) fn count(&self) -> usize {
        self.count
    }

    /// When the oldest of them was put.
    pub(super) fn oldest(&self) -> Option<Instant> {
        let lanes = self.by_door.values();
        let firsts = lanes.filter_map(|lane| lane.waiting.front());
        firsts.map(|owed| owed.put).min()
    }

    /// Takes in what is owed; numbers only grow.
    pub(super) fn take_in(&mut self, owed: Vec<Owed>) {
        for owed in owed.into_iter() {
            if owed.seq <= self.last {
                continue;
            }
            self.last = owed.seq;
            self.count += 1;
            let lane = self.by_door.entry(Arc::clone(&owed.door)).or_default();
            lane.waiting.push_back(owed);
        }
    }

    /// Forgets everything but what is on its way, to read it anew.
    pub(super) fn clear(&mut self) {
        self.by_door.retain(|_, lane| lane.busy);
        for lane in self.by_door.values_mut() {
            lane.waiting.truncate(1);
        }
        self.count = self.by_door.len();
        self.last = 0;
    }

    /// The next notice that may go at `now`: the first of its door, and no other of that door is on its
    /// way. Doors take turns.
    pub(super) fn start(&mut self, now: Instant) -> Option<Owed> {
        let is_due =
            |lane: &Lane| !lane.busy && lane.waiting.front().is_some_and(|owed| owed.next <= now);
        let after = self.turn.clone();
        let is_later = |door: &Arc<str>| after.as_ref().is_none_or(|turn| door > turn);
        let due = || self.by_door.iter().filter(|(_, lane)| is_due(lane));
        let door = due().find(|(door, _)| is_later(door)).or(due().next());
        let door = Arc::clone(door?.0);
        let lane = self.by_door.get_mut(&door)?;
        lane.busy = true;
        self.turn = Some(door);
        lane.waiting.front().cloned()
    }

    /// One that was on its way is done with.
    pub(super) fn done(&mut self, owed: &Owed) {
        let Some(lane) = self.by_door.get_mut(&owed.door) else {
            return;
        };
        lane.busy = false;
        if lane
            .waiting
            .front()
            .is_some_and(|first| first.seq == owed.seq)
        {
            lane.waiting.pop_front();
            self.count -= 1;
        }
        if lane.waiting.is_empty() {
            self.by_door.remove(&owed.door);
        }
    }

    /// One that was on its way is to go again then.
    pub(super) fn later(&mut self, owed: &Owed, next: Instant, now: Instant) {
        let Some(lane) = self.by_door.get_mut(&owed.door) else {
            return;
        };
        lane.busy = false;
        if let Some(first) = lane.waiting.front_mut()
            && first.seq == owed.seq
        {
            first.next = next;
            first.tries += 1;
            first.failed = first.failed.or(Some(now));
        }
    }

    /// Everything that waits may go at once.
    pub(super) fn hurry(&mut self) {
        let firsts = self.by_door.values_mut();
        for first in firsts.filter_map(|lane| lane.waiting.front_mut()) {
            first.next = Instant::MIN;
        }
    }

    /// When the next one may go that may not go yet.
    pub(super) fn next_due(&self) -> Option<Instant> {
        let idle = self.by_door.values().filter(|lane| !lane.busy);
        idle.filter_map(|lane| lane.waiting.front())
            .map(|owed| owed.next)
            .min()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn owed(seq: u64, door: &str, next_s: i64) -> Owed {
        Owed {
            seq,
            door: door.into(),
            put: Instant::from_us(seq as i64),
            tries: 0,
            next: Instant::from_us(next_s * 1_000_000),
            failed: None,
        }
    }

    fn started(lanes: &mut Lanes, now_s: i64) -> Vec<u64> {
        let now = Instant::from_us(now_s * 1_000_000);
        std::iter::from_fn(|| lanes.start(now).map(|owed| owed.seq)).collect()
    }

    #[test]
    fn doors_keep_their_order_and_take_turns() {
        let mut lanes = Lanes::default();
        let all = [(1, "a"), (2, "a"), (3, "b"), (4, "b"), (5, "c")];
        lanes.take_in(all.map(|(seq, door)| owed(seq, door, 0)).into());
        assert_eq!(started(&mut lanes, 0), [1, 3, 5]);
        lanes.done(&owed(3, "b", 0));
        assert_eq!(started(&mut lanes, 0), [4]);
        let now = Instant::ZERO;
        lanes.later(&owed(1, "a", 0), Instant::from_us(5_000_000), now);
        assert!(started(&mut lanes, 4).is_empty());
        assert_eq!(lanes.next_due(), Some(Instant::from_us(5_000_000)));
        let mut hurried = lanes.clone();
        hurried.hurry();
        assert_eq!(started(&mut hurried, 4), [1]);
        assert_eq!(started(&mut lanes, 5), [1]);
        assert_eq!((lanes.count(), lanes.last()), (4, 5));
        assert_eq!(lanes.oldest(), Some(Instant::from_us(1)));
    }

    #[test]
    fn reading_anew_leaves_alone_what_is_on_its_way() {
        let mut lanes = Lanes::default();
        lanes.take_in(vec![owed(7, "a", 0), owed(8, "a", 0), owed(9, "b", 9)]);
        assert_eq!(started(&mut lanes, 0), [7]);
        lanes.clear();
        lanes.take_in(vec![owed(3, "a", 0), owed(9, "b", 9)]);
        lanes.done(&owed(7, "a", 0));
        assert_eq!(started(&mut lanes, 0), [3]);
    }
}
