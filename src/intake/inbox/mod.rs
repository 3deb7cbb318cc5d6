//! The inbox: what was acknowledged survives SIGKILL, power cut and restart.
//!
//! Theory of operation: one SQLite file (WAL, `synchronous = FULL`) and one writer thread. Deliveries
//! come to the writer through a queue with a bound in number and in bytes. It takes what has come
//! within a short linger (2 ms by default), writes all of it in one transaction, and only after
//! `COMMIT` returned tells the senders: one fsync is shared by many. An event is one row, unique by
//! source and key, with a journal number; numbers have no gaps, since they are given inside the
//! transaction. Raw bytes stand beside the events that were read from them; what could not be read
//! is kept in quarantine.
//!
//! The first statement, commit or fsync that fails poisons the inbox: what a disk says after a failed
//! fsync means nothing, so nothing is acknowledged any more and the process is to end; the next start
//! reads what is really there.
//!
//! It deliberately knows neither vendors nor HTTP, and never compares events by time.

mod deposit;
mod error;
mod gaps;
mod journal;
mod people;
mod queue;
mod reader;
mod readers;
mod schema;
mod settings;
mod store;
#[cfg(test)]
mod tests;
mod writer;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use prometheus_client::metrics::histogram::Histogram;
use tokio::sync::{oneshot, watch};

pub use deposit::{Deposit, GapChange, Note, Receipt};
pub use error::InboxError;
pub use gaps::{Gap, GapState};
pub use journal::{Stored, direction_word, kind_word};
pub use people::{Forgotten, Known, Redact, Whom};
pub use reader::{Asked, InboxReader, JournalCheck, Quarantined};
pub use readers::{MOST_READERS, SeenReader};
pub use settings::InboxSettings;

use queue::{Queue, Refused};
use writer::{Job, Work, Writer};

/// Set in a build with debug assertions, deliveries are acknowledged before they are committed: the
/// control of the kill harness, which must see that.
const ACKNOWLEDGE_EARLY: &str = "TAILGATE_INTAKE_ACKNOWLEDGE_EARLY";

/// How far the writer is behind, shared between it and those who ask.
#[derive(Debug)]
pub(crate) struct Progress {
    started: std::time::Instant,
    /// When the oldest delivery of the batch in hand came, microseconds since `started`; 0: none.
    oldest_us: AtomicU64,
    /// Bytes of deliveries that wait or are being written.
    bytes: AtomicU64,
    /// Why nothing is acknowledged any more.
    poison: watch::Sender<Option<Arc<str>>>,
    /// The last journal number that is committed.
    committed: watch::Sender<u64>,
}

impl Progress {
    fn us(&self) -> u64 {
        // A delivery that came in the first microsecond must not look like none.
        self.started.elapsed().as_micros() as u64 + 1
    }
}

/// The way into the inbox. Cheap to share behind an `Arc`.
#[derive(Debug)]
pub struct Inbox {
    queue: Arc<Queue<Job>>,
    progress: Arc<Progress>,
    settings: InboxSettings,
    writer: Option<JoinHandle<()>>,
    /// The control's mistake.
    early: bool,
}

/// The answer that comes once a deposit is on disk.
pub type Acknowledgement = oneshot::Receiver<Result<Receipt, InboxError>>;

impl Inbox {
    /// Opens or makes the file and starts its writer. `sources` are names and vendors; `commits`
    /// takes the seconds that each commit took.
    pub fn open(
        settings: &InboxSettings,
        sources: &[(Arc<str>, &str)],
        commits: Histogram,
    ) -> Result<Self, InboxError> {
        let mut store = store::Store::open(&settings.path)?;
        store.register(sources)?;
        let queue = Arc::new(Queue::new(settings.queue, settings.batch));
        let progress = Arc::new(Progress {
            started: std::time::Instant::now(),
            oldest_us: AtomicU64::new(0),
            bytes: AtomicU64::new(0),
            poison: watch::Sender::new(None),
            committed: watch::Sender::new(store.last_seq()?),
        });
        let writer = Writer {
            store,
            jobs: Arc::clone(&queue),
            settings: settings.clone(),
            progress: Arc::clone(&progress),
            commits,
        };
        let thread = std::thread::Builder::new()
            .name("inbox-writer".into())
            .spawn(move || writer.run())
            .map_err(|error| InboxError::Thread(error.to_string()))?;
        Ok(Self {
            queue,
            progress,
            settings: settings.clone(),
            writer: Some(thread),
            early: cfg!(debug_assertions) && std::env::var_os(ACKNOWLEDGE_EARLY).is_some(),
        })
    }

    /// Hands a deposit to the writer without waiting. `Err`: the queue is full or the inbox is
    /// poisoned, and nothing was taken.
    pub fn deposit(&self, deposit: Deposit) -> Result<Acknowledgement, InboxError> {
        let bytes = deposit.weight();
        let waiting = self.progress.bytes.load(Ordering::Relaxed);
        if waiting > 0 && waiting + bytes > self.settings.queue_bytes {
            return Err(InboxError::Busy);
        }
        self.send(Work::Deposit(Box::new(deposit)), bytes)
    }

    /// Records a change of a gap; the receipt names the gap.
    pub fn record(&self, change: GapChange) -> Result<Acknowledgement, InboxError> {
        self.send(Work::Gap(change), 0)
    }

    /// Has something remembered.
    pub fn note(&self, note: Note) -> Result<Acknowledgement, InboxError> {
        self.send(Work::Note(note), 0)
    }

    fn send(&self, work: Work, bytes: u64) -> Result<Acknowledgement, InboxError> {
        if let Some(why) = self.poison() {
            return Err(InboxError::Poisoned(why));
        }
        let (done, acknowledgement) = oneshot::channel();
        let mut job = Job {
            work,
            bytes,
            came_us: self.progress.us(),
            done: Some(done),
        };
        if let Some(done) = job.done.take_if(|_| self.early) {
            drop(done.send(Ok(Receipt::default())));
        }
        self.progress.bytes.fetch_add(bytes, Ordering::Relaxed);
        match self.queue.push(job) {
            Ok(()) => Ok(acknowledgement),
            Err(refused) => {
                self.progress.bytes.fetch_sub(bytes, Ordering::Relaxed);
                Err(match refused {
                    Refused::Full => InboxError::Busy,
                    Refused::Ended => {
                        InboxError::Poisoned(self.poison().unwrap_or_else(|| "it ended".into()))
                    }
                })
            }
        }
    }

    /// How long the oldest delivery in hand has been waiting.
    pub fn lag(&self) -> Duration {
        match self.progress.oldest_us.load(Ordering::Relaxed) {
            0 => Duration::ZERO,
            oldest => Duration::from_micros(self.progress.us().saturating_sub(oldest)),
        }
    }

    /// How many deliveries wait.
    pub fn depth(&self) -> usize {
        self.queue.len()
    }

    /// Why nothing is acknowledged any more, if it is so.
    pub fn poison(&self) -> Option<Arc<str>> {
        self.progress.poison.borrow().clone()
    }

    /// Changes to `Some` when the inbox is poisoned.
    pub fn poisoned(&self) -> watch::Receiver<Option<Arc<str>>> {
        self.progress.poison.subscribe()
    }

    /// The last committed journal number, as it grows.
    pub fn committed(&self) -> watch::Receiver<u64> {
        self.progress.committed.subscribe()
    }

    /// A way to read it, on a connection of its own.
    pub fn reader(&self) -> Result<InboxReader, InboxError> {
        InboxReader::open(&self.settings.path)
    }

    /// How long names are kept.
    pub fn keep_people(&self) -> Duration {
        self.settings.keep_people
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.settings.path
    }
}

impl Drop for Inbox {
    fn drop(&mut self) {
        // The writer ends when the queue is closed and everything in it is written.
        self.queue.close();
        if let Some(writer) = self.writer.take() {
            drop(writer.join());
        }
    }
}

/// The lock-free part of a path check: the folder that is to hold the file must be there.
pub(crate) fn folder_of(path: &Path) -> PathBuf {
    match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder.to_owned(),
        _ => PathBuf::from("."),
    }
}
