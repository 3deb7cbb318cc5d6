//! The one thread that writes: it gathers, commits, and only then acknowledges.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant as Moment};

use prometheus_client::metrics::histogram::Histogram;
use tokio::sync::oneshot;

use super::super::clock;
use super::deposit::{Deposit, GapChange, Note, Receipt};
use super::error::InboxError;
use super::queue::{Came, Queue};
use super::store::Store;
use super::{InboxSettings, Progress};

/// How often the file is told that the process lives: a gap after a crash begins at most this early.
const TICK: Duration = Duration::from_secs(10);

/// Something to write.
#[derive(Debug)]
pub(super) enum Work {
    Deposit(Box<Deposit>),
    Gap(GapChange),
    Note(Note),
}

/// And who wants to know.
#[derive(Debug)]
pub(super) struct Job {
    pub work: Work,
    pub bytes: u64,
    pub came_us: u64,
    pub done: Option<oneshot::Sender<Result<Receipt, InboxError>>>,
}

pub(super) struct Writer {
    pub store: Store,
    pub jobs: Arc<Queue<Job>>,
    pub settings: InboxSettings,
    pub progress: Arc<Progress>,
    pub commits: Histogram,
}

impl Writer {
    /// Writes until nobody can send any more, or until something fails.
    pub(super) fn run(mut self) {
        let mut batch = Vec::with_capacity(self.settings.batch);
        let mut ticked = Moment::now();
        if let Err(error) = self.store.tick(clock::now(), &self.settings) {
            self.fail(&mut batch, &error);
            return;
        }
        loop {
            let alive = self.gather(&mut batch, ticked + TICK);
            if !batch.is_empty()
                && let Err(error) = self.write(&mut batch)
            {
                self.fail(&mut batch, &error);
                return;
            }
            if ticked.elapsed() >= TICK {
                ticked = Moment::now();
                if let Err(error) = self.store.tick(clock::now(), &self.settings) {
                    self.fail(&mut batch, &error);
                    return;
                }
            }
            if !alive {
                return;
            }
        }
    }

    /// Takes the first job that comes before `tick`, and what follows within the linger. Says
    /// whether more can come.
    fn gather(&self, batch: &mut Vec<Job>, tick: Moment) -> bool {
        let first = match self.jobs.first(tick) {
            Came::Item(job) => job,
            Came::Nothing => return true,
            Came::Closed => return false,
        };
        let oldest = &self.progress.oldest_us;
        oldest.store(first.came_us, Ordering::Relaxed);
        batch.push(first);
        let until = Moment::now() + self.settings.linger;
        let room = self.settings.batch.saturating_sub(1);
        self.jobs.gather(until, room, batch);
        true
    }

    /// One transaction for all of the batch; then, and only then, the answers.
    fn write(&mut self, batch: &mut Vec<Job>) -> rusqlite::Result<()> {
        let begun = Moment::now();
        self.store.begin()?;
        let now = clock::now();
        let mut receipts = Vec::with_capacity(batch.len());
        for job in batch.iter() {
            receipts.push(match &job.work {
                Work::Deposit(deposit) => self.store.write(deposit)?,
                Work::Gap(change) => self.store.change_gap(change, now)?,
                Work::Note(note) => self.store.note(note, now)?,
            });
        }
        let last = self.store.commit()?;
        self.slower();
        self.commits.observe(begun.elapsed().as_secs_f64());
        self.progress.oldest_us.store(0, Ordering::Relaxed);
        for (job, receipt) in batch.drain(..).zip(receipts) {
            self.progress.bytes.fetch_sub(job.bytes, Ordering::Relaxed);
            if let Some(done) = job.done {
                // Who hung up will send again: the event is known then.
                drop(done.send(Ok(receipt)));
            }
        }
        self.progress.committed.send_if_modified(|known| {
            let grown = *known != last;
            *known = last;
            grown
        });
        Ok(())
    }

    /// For measuring: as if the disk were slower. Waiting on a channel nobody sends to is the sleep.
    fn slower(&self) {
        let by = self.settings.slower_commit;
        if !by.is_zero() {
            let (_keep, never) = crossbeam_channel::bounded::<()>(0);
            let _waited = never.recv_timeout(by);
        }
    }

    /// Nothing is acknowledged any more: neither what is in hand nor what waits.
    fn fail(&self, batch: &mut Vec<Job>, error: &rusqlite::Error) {
        let why: Arc<str> =
            format!("a write failed ({error}); check the disk, then start again").into();
        tracing::error!("the inbox acknowledges nothing any more: {why}");
        self.progress.poison.send_replace(Some(Arc::clone(&why)));
        for job in batch.drain(..).chain(self.jobs.end()) {
            if let Some(done) = job.done {
                drop(done.send(Err(InboxError::Poisoned(Arc::clone(&why)))));
            }
        }
    }
}
