//! The clock of what waits: the box's, or one that is moved by hand.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use tokio::sync::{oneshot, watch};

use super::{Boxed, Clocks};
use crate::units::{Instant, Span};

/// Tells the time and waits for it.
pub trait Clock: Send + Sync {
    /// Now, UTC.
    fn now(&self) -> Instant;

    /// Waits; the wait begins when this is called.
    fn sleep(&self, span: Span) -> Boxed<'static, ()>;
}

/// The box's clock.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> Instant {
        Clocks::now().wall
    }

    fn sleep(&self, span: Span) -> Boxed<'static, ()> {
        let us = u64::try_from(span.as_us()).unwrap_or(0);
        Box::pin(tokio::time::sleep(std::time::Duration::from_micros(us)))
    }
}

/// A clock that stands still until it is moved: for tests.
#[derive(Debug)]
pub struct ManualClock {
    sleepers: Mutex<Sleepers>,
    asleep: watch::Sender<()>,
}

#[derive(Debug)]
struct Sleepers {
    now: Instant,
    next: u64,
    waiting: BTreeMap<(Instant, u64), oneshot::Sender<()>>,
}

impl ManualClock {
    /// One that stands at this moment.
    pub fn new(now: Instant) -> Self {
        Self {
            sleepers: Mutex::new(Sleepers {
                now,
                next: 0,
                waiting: BTreeMap::new(),
            }),
            asleep: watch::Sender::new(()),
        }
    }

    fn sleepers(&self) -> MutexGuard<'_, Sleepers> {
        self.sleepers.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Moves it forward and wakes everybody whose time has come.
    pub fn advance(&self, by: Span) {
        let mut sleepers = self.sleepers();
        sleepers.now += by;
        let now = sleepers.now;
        while let Some(first) = sleepers.waiting.first_entry() {
            if first.key().0 > now {
                break;
            }
            // Who no longer waits need not be woken.
            let _ = first.remove().send(());
        }
    }

    /// How long until the first sleeper is to be woken.
    pub fn until_next(&self) -> Option<Span> {
        let mut sleepers = self.sleepers();
        sleepers.waiting.retain(|_, wake| !wake.is_closed());
        let now = sleepers.now;
        let first = sleepers.waiting.first_key_value()?;
        Some(first.0.0.since(now))
    }

    /// How many sleep.
    pub fn sleepers_now(&self) -> usize {
        let mut sleepers = self.sleepers();
        sleepers.waiting.retain(|_, wake| !wake.is_closed());
        sleepers.waiting.len()
    }

    /// Changes whenever somebody goes to sleep.
    pub fn asleep(&self) -> watch::Receiver<()> {
        self.asleep.subscribe()
    }
}

impl Clock for ManualClock {
    fn now(&self) -> Instant {
        self.sleepers().now
    }

    fn sleep(&self, span: Span) -> Boxed<'static, ()> {
        if span <= Span::ZERO {
            return Box::pin(std::future::ready(()));
        }
        let (wake, woken) = oneshot::channel();
        {
            let mut sleepers = self.sleepers();
            let place = (sleepers.now + span, sleepers.next);
            sleepers.next += 1;
            sleepers.waiting.insert(place, wake);
        }
        self.asleep.send_replace(());
        Box::pin(async move {
            let _ = woken.await;
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_manual_clock_wakes_who_is_due() {
        let clock = ManualClock::new(Instant::ZERO);
        let (soon, late) = (
            clock.sleep(Span::from_ms(10)),
            clock.sleep(Span::from_ms(30)),
        );
        assert_eq!(clock.until_next(), Some(Span::from_ms(10)));
        clock.advance(Span::from_ms(10));
        soon.await;
        assert_eq!(clock.until_next(), Some(Span::from_ms(20)));
        drop(late);
        assert_eq!(clock.until_next(), None);
        assert_eq!(clock.now(), Instant::ZERO + Span::from_ms(10));
    }
}
