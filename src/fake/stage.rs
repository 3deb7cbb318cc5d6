//! The clock on which a fake plays its script.
//!
//! Theory of operation: whoever waits for a time is put on a list of sleepers. Moving the clock
//! forward wakes them one at a time, in the order of their times, and goes on only when everybody
//! who was woken is done or asleep again. So a held clock behaves like an event simulation: when
//! [`Stage::advance_to`] returns, all that was due has been done, over real sockets. A running clock
//! is the same, pushed forward by a task.
//!
//! It deliberately waits for nobody who only answers requests: those have no time of their own.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::{oneshot, watch};

use crate::units::{Instant, Span};

/// A fake's clock and those who wait on it.
#[derive(Debug)]
pub(super) struct Stage {
    start: Instant,
    sleepers: Mutex<Sleepers>,
    busy: watch::Sender<usize>,
    /// One mover at a time.
    moving: tokio::sync::Mutex<()>,
}

#[derive(Debug)]
struct Sleepers {
    now: Instant,
    next: u64,
    waiting: BTreeMap<(Instant, u64), oneshot::Sender<Work>>,
}

/// Somebody is at work: the clock stands still until this is dropped or goes to sleep.
#[derive(Debug)]
pub(super) struct Work(Arc<Stage>);

impl Stage {
    pub(super) fn new(start: Instant) -> Arc<Self> {
        Arc::new(Self {
            start,
            sleepers: Mutex::new(Sleepers {
                now: start,
                next: 0,
                waiting: BTreeMap::new(),
            }),
            busy: watch::Sender::new(0),
            moving: tokio::sync::Mutex::new(()),
        })
    }

    fn sleepers(&self) -> MutexGuard<'_, Sleepers> {
        self.sleepers.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The fake's wall clock, UTC.
    pub(super) fn now(&self) -> Instant {
        self.sleepers().now
    }

    /// Since the script began.
    pub(super) fn elapsed(&self) -> Span {
        self.now().since(self.start)
    }

    /// The wall clock so long after the script began.
    pub(super) fn at(&self, since_start: Span) -> Instant {
        self.start + since_start
    }

    /// Begins work now.
    pub(super) fn work(self: &Arc<Self>) -> Work {
        self.busy.send_modify(|busy| *busy += 1);
        Work(Arc::clone(self))
    }

    /// Asks to be woken at a time; the place on the list is taken before this returns.
    fn wake_at(self: &Arc<Self>, at: Instant) -> oneshot::Receiver<Work> {
        let (wake, woken) = oneshot::channel();
        let mut sleepers = self.sleepers();
        if at <= sleepers.now {
            drop(sleepers);
            let _ = wake.send(self.work());
            return woken;
        }
        let place = (at, sleepers.next);
        sleepers.next += 1;
        sleepers.waiting.insert(place, wake);
        woken
    }

    /// Moves the clock to a time, waking everybody whose time comes.
    pub(super) async fn advance_to(self: &Arc<Self>, to: Instant) {
        let _one = self.moving.lock().await;
        self.idle().await;
        while let Some(wake) = self.due(to) {
            // A receiver that is gone gives the work back, which drops it.
            let _ = wake.send(self.work());
            self.idle().await;
        }
        let mut sleepers = self.sleepers();
        sleepers.now = sleepers.now.max(to);
    }

    /// The first sleeper whose time comes by `to`; the clock moves to that time.
    fn due(&self, to: Instant) -> Option<oneshot::Sender<Work>> {
        let mut sleepers = self.sleepers();
        let first = sleepers.waiting.first_entry()?;
        let at = first.key().0;
        if at > to {
            return None;
        }
        let wake = first.remove();
        sleepers.now = sleepers.now.max(at);
        Some(wake)
    }

    async fn idle(&self) {
        // The sender lives as long as `self`.
        let _ = self.busy.subscribe().wait_for(|busy| *busy == 0).await;
    }
}

impl Work {
    /// Sleeps until a time; at work again when it returns.
    pub(super) async fn until(self, at: Instant) -> Work {
        let stage = Arc::clone(&self.0);
        let woken = stage.wake_at(at);
        drop(self);
        match woken.await {
            Ok(work) => work,
            Err(_) => stage.work(),
        }
    }

    /// The clock.
    pub(super) fn stage(&self) -> &Arc<Stage> {
        &self.0
    }
}

impl Drop for Work {
    fn drop(&mut self) {
        self.0.busy.send_modify(|busy| *busy -= 1);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn at(s: i64) -> Instant {
        Instant::from_us(s * 1_000_000)
    }

    #[tokio::test]
    async fn sleepers_wake_in_order_and_are_waited_for() {
        let stage = Stage::new(at(0));
        let told = Arc::new(Mutex::new(Vec::new()));
        for (name, first, second) in [("a", 3, 7), ("b", 2, 4)] {
            let (work, told) = (stage.work(), Arc::clone(&told));
            tokio::spawn(async move {
                let work = work.until(at(first)).await;
                tell(&told, name, work.stage().now().as_us() / 1_000_000);
                let work = work.until(at(second)).await;
                tell(&told, name, work.stage().now().as_us() / 1_000_000);
            });
        }
        stage.advance_to(at(5)).await;
        let so_far = std::mem::take(&mut *told.lock().unwrap());
        assert_eq!(so_far, ["b 2", "a 3", "b 4"]);
        assert_eq!(stage.now(), at(5));
        stage.advance_to(at(9)).await;
        assert_eq!(*told.lock().unwrap(), ["a 7"]);
    }

    fn tell(told: &Mutex<Vec<String>>, name: &str, s: i64) {
        told.lock().unwrap().push(format!("{name} {s}"));
    }

    #[tokio::test]
    async fn the_clock_never_goes_back() {
        let stage = Stage::new(at(10));
        stage.advance_to(at(5)).await;
        assert_eq!((stage.now(), stage.elapsed()), (at(10), Span::ZERO));
    }
}
