//! The queue before the writer: bounded, and waited for without spinning.
//!
//! Channels spin and yield before they sleep. On a busy machine each yield gives the processor away
//! for tens of milliseconds, which turned a linger of 2 ms into 50; a condition variable sleeps at
//! once and is woken at once.

use std::collections::VecDeque;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

/// Why an item was not taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Refused {
    /// There is no room.
    Full,
    /// Nobody takes items any more.
    Ended,
}

/// What came of waiting.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Came<T> {
    /// An item.
    Item(T),
    /// The time was over.
    Nothing,
    /// Nobody gives items any more, and all were taken.
    Closed,
}

/// Many give, one takes.
#[derive(Debug)]
pub(super) struct Queue<T> {
    state: Mutex<State<T>>,
    came: Condvar,
    most: usize,
    batch: usize,
}

#[derive(Debug)]
struct State<T> {
    items: VecDeque<T>,
    closed: bool,
    ended: bool,
}

impl<T> Queue<T> {
    /// Holds at most `most`; who gathers is woken early by `batch`.
    pub(super) fn new(most: usize, batch: usize) -> Self {
        let state = State {
            items: VecDeque::new(),
            closed: false,
            ended: false,
        };
        Self {
            state: Mutex::new(state),
            came: Condvar::new(),
            most: most.max(1),
            batch: batch.max(1),
        }
    }

    fn state(&self) -> MutexGuard<'_, State<T>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Gives an item without waiting.
    pub(super) fn push(&self, item: T) -> Result<(), Refused> {
        let mut state = self.state();
        if state.ended || state.closed {
            return Err(Refused::Ended);
        }
        if state.items.len() >= self.most {
            return Err(Refused::Full);
        }
        state.items.push_back(item);
        let len = state.items.len();
        drop(state);
        // In between, who gathers would only look and sleep again.
        if len == 1 || len == self.batch {
            self.came.notify_one();
        }
        Ok(())
    }

    /// Waits for the first item, until `until`.
    pub(super) fn first(&self, until: Instant) -> Came<T> {
        let mut state = self.state();
        loop {
            if let Some(item) = state.items.pop_front() {
                return Came::Item(item);
            }
            if state.closed {
                return Came::Closed;
            }
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Came::Nothing;
            }
            let waited = self.came.wait_timeout(state, left);
            state = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    /// Waits until `until` or until `room` items are there, and takes as many.
    pub(super) fn gather(&self, until: Instant, room: usize, into: &mut Vec<T>) {
        let mut state = self.state();
        while state.items.len() < room.min(self.batch) && !state.closed {
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() {
                break;
            }
            let waited = self.came.wait_timeout(state, left);
            state = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
        let take = room.min(state.items.len());
        into.extend(state.items.drain(..take));
    }

    /// How many wait.
    pub(super) fn len(&self) -> usize {
        self.state().items.len()
    }

    /// Nobody gives items any more.
    pub(super) fn close(&self) {
        self.state().closed = true;
        self.came.notify_one();
    }

    /// Nobody takes items any more: what waits is handed back.
    pub(super) fn end(&self) -> VecDeque<T> {
        let mut state = self.state();
        state.ended = true;
        std::mem::take(&mut state.items)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn items_come_in_order_and_within_bounds() {
        let queue = Queue::new(3, 8);
        for item in 0..3 {
            assert_eq!(queue.push(item), Ok(()));
        }
        assert_eq!(queue.push(3), Err(Refused::Full));
        let now = Instant::now();
        assert_eq!(queue.first(now), Came::Item(0));
        let mut rest = Vec::new();
        queue.gather(now, 1, &mut rest);
        assert_eq!((&rest[..], queue.len()), (&[1][..], 1));
        queue.close();
        assert_eq!(queue.push(4), Err(Refused::Ended));
        assert_eq!(queue.first(now), Came::Item(2));
        assert_eq!(queue.first(now), Came::Closed);
    }

    #[test]
    fn nothing_comes_in_no_time() {
        let queue = Queue::<u8>::new(1, 1);
        assert_eq!(queue.first(Instant::now()), Came::Nothing);
        assert_eq!(queue.push(7), Ok(()));
        assert_eq!(queue.end(), [7]);
        assert_eq!(queue.push(8), Err(Refused::Ended));
    }

    #[test]
    fn who_waits_is_woken() {
        let queue = Queue::new(1, 1);
        let long = Instant::now() + Duration::from_secs(60);
        std::thread::scope(|scope| {
            let waiting = scope.spawn(|| queue.first(long));
            queue.push(5).expect("room");
            assert_eq!(waiting.join().expect("an item"), Came::Item(5));
        });
    }
}
