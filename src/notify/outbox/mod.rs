//! The outbox: what was put survives SIGKILL, power cut and restart, until it was delivered or given up.
//!
//! Theory of operation: one SQLite file (WAL, `synchronous = FULL`) and one writer thread, as the inbox
//! has it. Whoever puts waits for the commit; what came in the meantime shares the next one. A notice is
//! one row, unique by its id, and one row more for each sink that is owed it; when the last of these is
//! struck out its body goes, and its id stays known so that the same notice is not sent again. A sink
//! that was told of a subject is owed every later notice on it: who heard of a breach also hears that it
//! was none.
//!
//! A dead sink never fills the disk: what waits for it is bounded in number, bytes and days, the oldest
//! is given up first, and what was given up is kept within bounds of its own and counted for ever.
//!
//! Numbers of notices only grow: a sink that runs reads what is greater than the last one it knows, and
//! nothing else. The newest notice therefore outlives every sweep, without its body.
//!
//! Ages are counted by the wall clock, which may be set while the program runs (a box without a clock
//! of its own starts in the past): the writer compares it with the steady one and moves the times it
//! wrote by as much.
//!
//! The first statement or commit that fails poisons the outbox: nothing is taken any more and the
//! process is to end; the next start reads what is really there.

mod error;
mod reader;
mod schema;
mod store;
#[cfg(test)]
mod tests;

use std::collections::VecDeque;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant as Moment};

use rusqlite::TransactionBehavior;
use tokio::sync::{oneshot, watch};

pub use error::OutboxError;
pub use reader::{GivenUp, OutboxReader, SinkState};

pub(super) use reader::Owed;
pub(super) use store::Settle;
use store::Store;

use super::notice::{Notice, Wants};
use crate::units::{Instant, Span};
use crate::wire::{Clock, SystemClock};

/// A longer body is not taken: evidence is named, not sent.
const MOST_BODY: usize = 256 << 10;
/// At most this many jobs share a commit, so that one commit stays short.
const BATCH: usize = 256;
/// More jobs do not wait for a disk that is stuck.
const MOST_JOBS: usize = 10_000;
/// How often the clocks are compared.
const TICK: Duration = Duration::from_secs(10);
/// How often what is too old is looked for.
const SWEEP_EVERY: Span = Span::from_ms(600_000);
/// Clocks that differ by less were not set: time services slew.
const CLOCK_WAS_SET: Span = Span::from_ms(60_000);

/// How the outbox is kept. Bounds are checked where the configuration is read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OutboxSettings {
    /// The SQLite file.
    pub path: PathBuf,
    /// What was not delivered after this time is given up. Three days: a long weekend.
    pub give_up: Span,
    /// For how long ids are known and what was given up is kept.
    pub keep: Span,
    /// At most this many notices wait for a sink: a month of a hundred breaches an hour.
    pub most_waiting: u64,
    /// At most this many bytes of them.
    pub most_bytes: u64,
    /// At most this many given up ones are kept for a sink.
    pub most_given_up: u64,
}

impl OutboxSettings {
    /// The defaults, at a place.
    pub fn at(path: impl Into<PathBuf>) -> Self {
        Self {
            path: path.into(),
            give_up: Span::from_ms(3 * 86_400_000),
            keep: Span::from_ms(30 * 86_400_000),
            most_waiting: 72_000,
            most_bytes: 256 << 20,
            most_given_up: 10_000,
        }
    }
}

/// A sink as the outbox needs to know it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SinkEntry {
    /// Its name in the configuration.
    pub name: Arc<str>,
    /// Where it sends: one that was disabled is tried again when this changes.
    pub target: String,
    /// What it wants to be told.
    pub wants: Wants,
}

/// The way into the outbox. Cheap to share behind an `Arc`.
#[derive(Debug)]
pub struct Outbox {
    shared: Arc<Shared>,
    path: PathBuf,
    writer: Option<JoinHandle<()>>,
}

/// What the writer is told to write.
#[derive(Debug)]
enum Work {
    Put(Vec<Notice>),
    Settle {
        sink: Arc<str>,
        seq: u64,
        what: Settle,
    },
    Disable {
        sink: Arc<str>,
        why: String,
    },
    Resume {
        sink: String,
        again: bool,
    },
    Sweep,
}

type Answer = Result<(), OutboxError>;

struct Job {
    work: Work,
    done: Box<dyn FnOnce(Answer) + Send>,
}

/// What the writer shares with those who ask it.
struct Shared {
    queue: Mutex<Queue>,
    came: Condvar,
    /// Why nothing is taken any more.
    poison: watch::Sender<Option<Arc<str>>>,
    /// The last notice's number; changes, too, when a sink is tried again.
    news: watch::Sender<u64>,
    clock: Arc<dyn Clock>,
}

#[derive(Default)]
struct Queue {
    jobs: VecDeque<Job>,
    closed: bool,
}

impl std::fmt::Debug for Shared {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Shared")
    }
}

impl Outbox {
    /// Opens or makes the file and starts its writer.
    pub fn open(settings: &OutboxSettings, sinks: &[SinkEntry]) -> Result<Self, OutboxError> {
        Self::open_with(settings, sinks, Arc::new(SystemClock), true)
    }

    /// The same by another clock, for tests: one that is moved by hand cannot be set.
    pub fn open_by(
        settings: &OutboxSettings,
        sinks: &[SinkEntry],
        clock: Arc<dyn Clock>,
    ) -> Result<Self, OutboxError> {
        Self::open_with(settings, sinks, clock, false)
    }

    fn open_with(
        settings: &OutboxSettings,
        sinks: &[SinkEntry],
        clock: Arc<dyn Clock>,
        can_be_set: bool,
    ) -> Result<Self, OutboxError> {
        let db = schema::open(&settings.path)?;
        let mut store = Store::new(db, settings);
        store.register(sinks, clock.now())?;
        let shared = Arc::new(Shared {
            queue: Mutex::default(),
            came: Condvar::new(),
            poison: watch::Sender::new(None),
            news: watch::Sender::new(store.last()?),
            clock,
        });
        let writer = Writer {
            store,
            shared: Arc::clone(&shared),
            can_be_set,
        };
        let thread = std::thread::Builder::new()
            .name("outbox-writer".into())
            .spawn(move || writer.run())
            .map_err(|error| OutboxError::Thread(error.to_string()))?;
        Ok(Self {
            shared,
            path: settings.path.clone(),
            writer: Some(thread),
        })
    }

    /// Puts notices, all or none; returns when they are on disk (a few milliseconds, one fsync). An id
    /// that is known changes nothing.
    pub fn put(&self, notices: &[Notice]) -> Result<(), OutboxError> {
        fits(notices)?;
        if notices.is_empty() {
            return Ok(());
        }
        self.ask(Work::Put(notices.to_vec()))
    }

    /// Hands notices to the writer and does not wait, for those who must not: what a kill within the
    /// next milliseconds can cost is these. Whether a commit failed is told by [`Self::poisoned`].
    pub fn put_soon(&self, notices: Vec<Notice>) -> Result<(), OutboxError> {
        fits(&notices)?;
        if let Some(why) = self.poison() {
            return Err(OutboxError::Poisoned(why));
        }
        if self.shared.queue().jobs.len() >= MOST_JOBS {
            return Err(OutboxError::Busy);
        }
        self.shared.send(Work::Put(notices), |_| {});
        Ok(())
    }

    /// A sink that said it wants nothing any more is tried again; with `again`, what was given up for
    /// it is owed again too, unless it is too old by now.
    pub fn resume(&self, sink: &str, again: bool) -> Result<(), OutboxError> {
        let sink = sink.to_owned();
        self.ask(Work::Resume { sink, again })
    }

    /// The same beside the process that sends, which notices it within some seconds. Whether there is
    /// such a sink.
    pub fn resume_beside(path: &Path, sink: &str, again: bool) -> Result<bool, OutboxError> {
        let mut db = schema::open(path)?;
        let change = db.transaction_with_behavior(TransactionBehavior::Immediate)?;
        let known = store::resume(&change, sink, again)?;
        change.commit()?;
        Ok(known)
    }

    /// Gives up what is too old now, instead of within some minutes.
    pub fn sweep(&self) -> Result<(), OutboxError> {
        self.ask(Work::Sweep)
    }

    /// A way to read it, on a connection of its own.
    pub fn reader(&self) -> Result<OutboxReader, OutboxError> {
        OutboxReader::open(&self.path)
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Why nothing is taken any more, if it is so.
    pub fn poison(&self) -> Option<Arc<str>> {
        self.shared.poison.borrow().clone()
    }

    /// Changes to `Some` when the outbox is poisoned.
    pub fn poisoned(&self) -> watch::Receiver<Option<Arc<str>>> {
        self.shared.poison.subscribe()
    }

    /// Changes when there may be something new to send.
    pub(super) fn news(&self) -> watch::Receiver<u64> {
        self.shared.news.subscribe()
    }

    /// Writes down what came of an attempt.
    pub(super) async fn settle(
        &self,
        sink: &Arc<str>,
        seq: u64,
        what: Settle,
    ) -> Result<(), OutboxError> {
        let sink = Arc::clone(sink);
        self.ask_later(Work::Settle { sink, seq, what }).await
    }

    /// Sends nothing to a sink until it is enabled again.
    pub(super) async fn disable(&self, sink: &Arc<str>, why: String) -> Result<(), OutboxError> {
        let sink = Arc::clone(sink);
        self.ask_later(Work::Disable { sink, why }).await
    }

    fn ask(&self, work: Work) -> Result<(), OutboxError> {
        let (tell, told) = std::sync::mpsc::sync_channel(1);
        self.shared
            .send(work, move |answer| drop(tell.send(answer)));
        told.recv().unwrap_or_else(|_| Err(self.ended()))
    }

    async fn ask_later(&self, work: Work) -> Result<(), OutboxError> {
        let (tell, told) = oneshot::channel();
        self.shared
            .send(work, move |answer| drop(tell.send(answer)));
        told.await.unwrap_or_else(|_| Err(self.ended()))
    }

    fn ended(&self) -> OutboxError {
        OutboxError::Poisoned(self.poison().unwrap_or_else(|| "it ended".into()))
    }
}

fn fits(notices: &[Notice]) -> Result<(), OutboxError> {
    let long = notices.iter().find(|notice| notice.body.len() > MOST_BODY);
    long.map_or(Ok(()), |long| {
        Err(OutboxError::TooLong {
            id: long.id.clone(),
            bytes: long.body.len(),
            most: MOST_BODY,
        })
    })
}

impl Drop for Outbox {
    fn drop(&mut self) {
        // The writer ends when everything that waits is written.
        self.shared.queue().closed = true;
        self.shared.came.notify_all();
        if let Some(writer) = self.writer.take() {
            drop(writer.join());
        }
    }
}

impl Shared {
    fn queue(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn send(&self, work: Work, done: impl FnOnce(Answer) + Send + 'static) {
        let mut queue = self.queue();
        // A job that is dropped unanswered reads as "it ended".
        if !queue.closed {
            let done = Box::new(done);
            queue.jobs.push_back(Job { work, done });
            self.came.notify_one();
        }
    }

    /// What has come, or nothing after a tick. `None`: nobody sends any more.
    fn next(&self) -> Option<Vec<Job>> {
        let idle = |queue: &mut Queue| queue.jobs.is_empty() && !queue.closed;
        let waited = self.came.wait_timeout_while(self.queue(), TICK, idle);
        let (mut queue, _) = waited.unwrap_or_else(PoisonError::into_inner);
        if queue.jobs.is_empty() && queue.closed {
            return None;
        }
        let count = queue.jobs.len().min(BATCH);
        Some(queue.jobs.drain(..count).collect())
    }
}

/// The one thread that writes.
struct Writer {
    store: Store,
    shared: Arc<Shared>,
    can_be_set: bool,
}

impl Writer {
    fn run(mut self) {
        let mut ticked = (Moment::now(), self.shared.clock.now());
        let mut swept = None;
        while let Some(mut jobs) = self.shared.next() {
            let now = self.shared.clock.now();
            let passed = Span::from_s(ticked.0.elapsed().as_secs_f64());
            let set_by = now.since(ticked.1) - passed;
            let was_set = self.can_be_set && set_by.abs() > CLOCK_WAS_SET;
            if was_set || passed.as_s() >= TICK.as_secs_f64() {
                ticked = (Moment::now(), now);
            }
            let due = swept.is_none_or(|at: Instant| now.since(at).abs() >= SWEEP_EVERY);
            if jobs.is_empty() && !due && !was_set {
                continue;
            }
            if due {
                swept = Some(now);
            }
            if let Err(error) = self.write(&jobs, now, was_set.then_some(set_by), due) {
                self.fail(jobs, &error);
                return;
            }
            for job in jobs.drain(..) {
                (job.done)(Ok(()));
            }
        }
    }

    /// One transaction for all of them.
    fn write(
        &mut self,
        jobs: &[Job],
        now: Instant,
        set_by: Option<Span>,
        sweep: bool,
    ) -> rusqlite::Result<()> {
        let store = &mut self.store;
        store.begin()?;
        if let Some(by) = set_by {
            tracing::warn!("the clock was set by {by}: ages of notices stay what they were");
            store.shift(by)?;
        }
        let mut resumed = false;
        for job in jobs {
            match &job.work {
                Work::Put(notices) => {
                    for notice in notices {
                        store.put(notice, now)?;
                    }
                }
                Work::Settle { sink, seq, what } => store.settle(sink, *seq, what, now)?,
                Work::Disable { sink, why } => store.disable(sink, now, why)?,
                Work::Resume { sink, again } => {
                    store.resume(sink, *again)?;
                    resumed = true;
                }
                Work::Sweep => store.sweep(now)?,
            }
        }
        if sweep {
            store.sweep(now)?;
        }
        store.commit()?;
        let last = store.last()?;
        self.shared.news.send_if_modified(|known| {
            let grown = *known != last;
            *known = last;
            grown || resumed
        });
        Ok(())
    }

    /// Nothing is taken any more: neither what is in hand nor what waits.
    fn fail(self, jobs: Vec<Job>, error: &rusqlite::Error) {
        let why: Arc<str> =
            format!("a write failed ({error}); check the disk, then start again").into();
        tracing::error!("the outbox takes nothing any more: {why}");
        self.shared.poison.send_replace(Some(Arc::clone(&why)));
        let waiting: Vec<Job> = {
            let mut queue = self.shared.queue();
            queue.closed = true;
            queue.jobs.drain(..).collect()
        };
        for job in jobs.into_iter().chain(waiting) {
            (job.done)(Err(OutboxError::Poisoned(Arc::clone(&why))));
        }
    }
}
