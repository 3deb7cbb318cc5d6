//! The same event once.
//!
//! Feeds repeat themselves: a webhook is sent again because the answer got lost, a log is read
//! again after a reconnect. What makes two events the same is their id and nothing else. Never
//! their time: controllers stamp whole seconds, and two people badging at once at two readers are
//! two grants.
//!
//! The memory is bounded: the last `capacity` ids. An id that comes back later than that passes
//! as new here; the ledger still knows it for as long as it holds the event.

use std::collections::{BTreeSet, VecDeque};
use std::sync::Arc;

use super::AccessEvent;

/// Tells events that were seen before from new ones.
#[derive(Debug, Clone)]
pub struct Deduplicator {
    capacity: usize,
    known: BTreeSet<Arc<str>>,
    oldest_first: VecDeque<Arc<str>>,
    repeats: u64,
}

impl Deduplicator {
    /// Enough for a day of a busy site: about 100 bytes each.
    pub const DEFAULT_CAPACITY: usize = 100_000;

    /// One that remembers the last `capacity` ids, at least one.
    pub fn new(capacity: usize) -> Self {
        Self {
            capacity: capacity.max(1),
            known: BTreeSet::new(),
            oldest_first: VecDeque::new(),
            repeats: 0,
        }
    }

    /// Whether this event is seen for the first time. Remembers it.
    pub fn is_new(&mut self, event: &AccessEvent) -> bool {
        if self.known.contains(event.id.as_str()) {
            self.repeats += 1;
            return false;
        }
        let id: Arc<str> = Arc::from(event.id.as_str());
        self.oldest_first.push_back(Arc::clone(&id));
        self.known.insert(id);
        if self.oldest_first.len() > self.capacity
            && let Some(oldest) = self.oldest_first.pop_front()
        {
            self.known.remove(&oldest);
        }
        true
    }

    /// How many repeats there were.
    pub fn repeats(&self) -> u64 {
        self.repeats
    }
}

impl Default for Deduplicator {
    fn default() -> Self {
        Self::new(Self::DEFAULT_CAPACITY)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::access::AccessKind;
    use crate::units::{Instant, Interval};

    fn event(id: &str, at_s: f64) -> AccessEvent {
        AccessEvent {
            id: id.to_owned(),
            door: None,
            reader: None,
            direction: None,
            kind: AccessKind::Granted,
            occurred: Interval::exact(Instant::from_s(at_s)),
            received: Instant::from_s(at_s),
            holder: None,
            passages: None,
        }
    }

    #[track_caller]
    fn check(capacity: usize, ids: &str, new: &str) {
        let mut known = Deduplicator::new(capacity);
        let got: String = ids
            .chars()
            .filter(|id| known.is_new(&event(&id.to_string(), 0.0)))
            .collect();
        assert_eq!(got, new);
        assert_eq!(known.repeats() as usize, ids.len() - new.len());
        assert!(known.known.len() <= capacity.max(1));
    }

    #[test]
    fn an_id_is_new_once() {
        check(10, "abcabcab", "abc");
    }

    #[test]
    fn one_time_stamp_does_not_make_one_event() {
        let mut known = Deduplicator::default();
        assert!(known.is_new(&event("a", 7.0)));
        assert!(known.is_new(&event("b", 7.0)));
        assert!(!known.is_new(&event("a", 8.0)));
    }

    #[test]
    fn the_memory_is_bounded() {
        check(2, "abcabc", "abcabc");
        check(3, "abcdbcda", "abcda");
        check(0, "aabb", "ab");
    }
}
