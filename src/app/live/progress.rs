//! That every thread of the box gets on.
//!
//! Theory of operation: each thread ticks when it got something done or found nothing to do. Who feeds the
//! service manager's watchdog looks at the ticks first, so that a thread that hangs ends the
//! process however lively the others are. A thread that has ended, because its camera is no longer
//! wanted, is asked no more.

use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::Duration;

use super::clock::BoxClock;
use crate::capture::live::SteadyClock;

/// One thread's sign of life.
#[derive(Debug, Clone)]
pub struct Progress {
    clock: BoxClock,
    last_us: Arc<AtomicI64>,
}

impl Progress {
    /// The thread got on.
    pub fn tick(&self) {
        self.last_us.store(self.clock.now_us(), Ordering::Relaxed);
    }
}

/// A thread's name, and its last sign of life for as long as it runs.
type Watched = (String, Weak<AtomicI64>);

/// All threads' signs of life.
#[derive(Debug, Clone)]
pub struct Pulse {
    clock: BoxClock,
    threads: Arc<Mutex<Vec<Watched>>>,
}

impl Pulse {
    /// Of no thread yet.
    pub fn new(clock: BoxClock) -> Self {
        Self {
            clock,
            threads: Arc::default(),
        }
    }

    /// A thread that is to tick from now on.
    pub fn of(&self, thread: &str) -> Progress {
        let progress = Progress {
            clock: self.clock.clone(),
            last_us: Arc::new(AtomicI64::new(self.clock.now_us())),
        };
        let mut threads = self.threads.lock().unwrap_or_else(PoisonError::into_inner);
        threads.push((thread.to_owned(), Arc::downgrade(&progress.last_us)));
        progress
    }

    /// The threads that have not ticked for longer than `patience`, with how long.
    pub fn stuck(&self, patience: Duration) -> Vec<(String, Duration)> {
        let now = self.clock.now_us();
        let mut threads = self.threads.lock().unwrap_or_else(PoisonError::into_inner);
        threads.retain(|(_, last_us)| last_us.strong_count() > 0);
        let silent = threads.iter().filter_map(|(name, last_us)| {
            let last = last_us.upgrade()?.load(Ordering::Relaxed);
            let us = u64::try_from(now - last).unwrap_or_default();
            Some((name.clone(), Duration::from_micros(us)))
        });
        silent.filter(|(_, silence)| *silence > patience).collect()
    }
}
