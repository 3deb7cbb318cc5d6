//! The thread that keeps evidence.
//!
//! Theory of operation: cuts come through a bounded queue. A cut is ready when its camera has sent pictures as late as
//! its end, or will not; its pictures are then taken out of the ring, where they might be let go while
//! another cut is written. One cut is written at a time, at low priority. A disk that is full costs
//! the oldest evidence, and if that does not help, this one.
//!
//! It deliberately never waits for a camera longer than [`KeeperSettings::patience`], and nobody ever waits for it.

use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant as Steady};

use crossbeam_channel::{Receiver, RecvTimeoutError, Sender, TrySendError, bounded};

use super::clip::write_clips;
use super::cut::is_id;
use super::draft::Draft;
use super::manifest::{FORMAT, FileKind, Manifest, day, utc};
use super::{Cut, EvidenceError, Footage, Quota, Refused, Status, Store};

/// How evidence is kept.
#[derive(Debug, Clone)]
pub struct KeeperSettings {
    /// Where.
    pub dir: PathBuf,
    /// How much.
    pub quota: Quota,
    /// Cuts that may wait for the keeper; more are refused.
    pub queue: usize,
    /// How long pictures of the end of a cut are waited for, counted from the cut.
    pub patience: Duration,
}

impl KeeperSettings {
    /// The usual settings for a folder.
    pub fn new(dir: PathBuf) -> Self {
        Self {
            dir,
            quota: Quota::default(),
            queue: 32,
            // Cuts end 5 s after the verdict; pictures are a second late at worst.
            patience: Duration::from_secs(15),
        }
    }
}

/// Cuts that wait for their pictures or hold them; the others wait in the queue.
const MOST_PENDING: usize = 8;
/// How often it is looked whether a camera has sent the end of a cut.
const LOOK: Duration = Duration::from_millis(100);
/// How much the thread yields to others: judging comes first. On a box that is busy all the time it
/// still gets about a quarter of a core; with 10, a tenth, rings would run out before their cuts are made.
const NICENESS: i32 = 5;

/// Keeps evidence. Dropping it writes what waits and ends the thread.
#[derive(Debug)]
pub struct Keeper {
    queue: Option<Sender<Cut>>,
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

#[derive(Debug, Default)]
struct Shared {
    status: Mutex<Status>,
    /// Until when what waits is written, once it was stopped.
    stop_by: Mutex<Option<Steady>>,
}

impl Shared {
    fn status(&self) -> MutexGuard<'_, Status> {
        // Numbers: nothing is half changed by a panic.
        self.status.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn stop_by(&self) -> MutexGuard<'_, Option<Steady>> {
        self.stop_by.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Keeper {
    /// Opens the folder, deletes what was left unfinished, and starts the thread.
    ///
    /// # Errors
    /// If the folder cannot be used.
    pub fn start(settings: KeeperSettings) -> Result<Self, EvidenceError> {
        let store = Store::open(&settings.dir, settings.quota)?;
        Self::start_with(store, settings)
    }

    pub(super) fn start_with(
        store: Store,
        settings: KeeperSettings,
    ) -> Result<Self, EvidenceError> {
        let (queue, cuts) = bounded(settings.queue);
        let shared = Arc::new(Shared::default());
        let mut worker = Worker {
            store,
            cuts,
            pending: Vec::new(),
            patience: settings.patience,
            shared: Arc::clone(&shared),
        };
        worker.count_store();
        let named = std::thread::Builder::new().name("evidence".to_owned());
        let thread = named
            .spawn(move || worker.run())
            .map_err(EvidenceError::disk("starting a thread for", &settings.dir))?;
        Ok(Self {
            queue: Some(queue),
            shared,
            thread: Some(thread),
        })
    }

    /// Asks for evidence. Never waits.
    ///
    /// # Errors
    /// If it is refused; that was counted, and the caller goes on.
    pub fn cut(&self, cut: Cut) -> Result<(), Refused> {
        let mut status = self.shared.status();
        status.asked += 1;
        let sent = match &self.queue {
            _ if !is_id(&cut.id) => Err(Refused::Id(cut.id)),
            None => Err(Refused::Stopped),
            Some(queue) => queue.try_send(cut).map_err(|error| match error {
                TrySendError::Full(_) => Refused::Busy {
                    waiting: status.waiting,
                },
                TrySendError::Disconnected(_) => Refused::Stopped,
            }),
        };
        match &sent {
            Ok(()) => status.waiting += 1,
            Err(refused) => {
                status.refused += 1;
                if *refused == Refused::Stopped {
                    status.alarm = Some(refused.to_string());
                }
            }
        }
        sent
    }

    /// How it goes.
    pub fn status(&self) -> Status {
        self.shared.status().clone()
    }

    /// Writes what waits, for at most this long and one cut, with the pictures that there are; gives
    /// up the rest. Says how it went.
    pub fn stop(mut self, within: Duration) -> Status {
        *self.shared.stop_by() = Some(Steady::now() + within);
        self.end();
        self.status()
    }

    fn end(&mut self) {
        self.queue = None;
        if let Some(thread) = self.thread.take()
            && let Err(panic) = thread.join()
        {
            std::panic::resume_unwind(panic);
        }
    }
}

impl Drop for Keeper {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            self.end();
        }
    }
}

/// A cut that waits for its pictures, or has them.
struct Pending {
    cut: Cut,
    /// Pictures that come later are not waited for.
    until: Steady,
    footage: Option<Footage>,
}

struct Worker {
    store: Store,
    cuts: Receiver<Cut>,
    pending: Vec<Pending>,
    patience: Duration,
    shared: Arc<Shared>,
}

impl Worker {
    fn run(&mut self) {
        // That it cannot be made less important is no reason not to work.
        let _ = rustix::process::nice(NICENESS);
        let mut ended = false;
        while !(ended && self.pending.is_empty()) {
            ended |= self.take_in(ended);
            self.collect(ended || self.shared.stop_by().is_some());
            if self.shared.stop_by().is_some_and(|by| by <= Steady::now()) {
                self.give_up();
                continue;
            }
            let ready = self.pending.iter().position(|one| one.footage.is_some());
            if let Some(at) = ready {
                let Pending { cut, footage, .. } = self.pending.remove(at);
                self.keep(&cut, &footage.unwrap_or_default());
            }
        }
    }

    /// Takes cuts from the queue; waits only if there is nothing else to do. `true` at its end.
    fn take_in(&mut self, ended: bool) -> bool {
        if ended && self.cuts.is_empty() {
            return true;
        }
        let ready = self.pending.iter().any(|one| one.footage.is_some());
        while self.pending.len() < MOST_PENDING {
            let next = if ready {
                self.cuts
                    .try_recv()
                    .map_err(|error| error.is_disconnected())
            } else if self.pending.is_empty() {
                self.cuts.recv().map_err(|_| true)
            } else {
                let next = self.cuts.recv_timeout(LOOK);
                next.map_err(|error| error == RecvTimeoutError::Disconnected)
            };
            match next {
                Ok(cut) => self.pending.push(Pending {
                    until: Steady::now() + self.patience,
                    cut,
                    footage: None,
                }),
                Err(ended) => return ended,
            }
            if self.pending.iter().any(Pending::is_ready) {
                return false;
            }
        }
        if !ready {
            self.wait();
        }
        false
    }

    /// Nothing is ready and nothing more is taken in: time must pass.
    fn wait(&self) {
        let (_open, never) = bounded::<()>(0);
        let _ = never.recv_timeout(LOOK);
    }

    /// Takes the pictures of all that are ready.
    fn collect(&mut self, ended: bool) {
        for one in &mut self.pending {
            if one.footage.is_none() && (ended || one.is_ready()) {
                one.footage = Some(one.cut.ring.footage(one.cut.from, one.cut.to));
            }
        }
    }

    fn give_up(&mut self) {
        let waiting = self.pending.len() + self.cuts.try_iter().count();
        self.pending.clear();
        let mut status = self.shared.status();
        status.abandoned += waiting as u64;
        status.waiting = 0;
    }

    /// Writes one cut, or says why not.
    fn keep(&mut self, cut: &Cut, footage: &Footage) {
        let begun = Steady::now();
        let kept = if self.store.has(cut.from, &cut.id) {
            Ok(None)
        } else {
            self.keep_once(cut, footage)
                .or_else(|error| self.keep_again(cut, footage, error))
                .map(Some)
        };
        {
            let mut status = self.shared.status();
            status.waiting = status.waiting.saturating_sub(1);
            match kept {
                Ok(Some(missing)) => {
                    status.written += 1;
                    status.incomplete += u64::from(missing > 0);
                    status.last_ms = begun.elapsed().as_millis() as u64;
                    status.alarm = None;
                }
                Ok(None) => status.repeated += 1,
                Err(error) => {
                    status.failed += 1;
                    status.alarm = Some(format!("evidence of {} is not kept: {error}", cut.id));
                    tracing::error!(id = cut.id, %error, "evidence is not kept");
                }
            }
        }
        self.count_store();
    }

    /// After a failure: if the disk is full, the oldest evidence makes room once.
    fn keep_again(
        &mut self,
        cut: &Cut,
        footage: &Footage,
        error: EvidenceError,
    ) -> Result<usize, EvidenceError> {
        let need = 2 * need(cut, footage);
        let full = match &error {
            EvidenceError::NoRoom { .. } => false,
            _ => self.store.disk.free_bytes(self.store.dir())? < need,
        };
        if full && self.store.evict_oldest()? {
            self.store.make_room(need)?;
            return self.keep_once(cut, footage);
        }
        Err(error)
    }

    /// Writes one cut; says how much of it is missing. Leaves nothing behind when it fails.
    fn keep_once(&mut self, cut: &Cut, footage: &Footage) -> Result<usize, EvidenceError> {
        self.store.make_room(need(cut, footage))?;
        let day = self.store.dir().join(day(cut.from));
        let written = write(&self.store, &day, cut, footage);
        match written {
            Ok((path, bytes, missing)) => {
                self.store.add(cut.from, cut.id.clone(), path, bytes);
                // The estimate may have been too low. If that cannot be mended, the next cut says so.
                let _ = self.store.make_room(0);
                Ok(missing)
            }
            Err(error) => {
                let part = super::draft::unfinished(&day, &cut.id);
                // If it cannot be deleted now, the next start does.
                let _ = self.store.disk.remove_dir(&part);
                let _ = std::fs::remove_dir(&day);
                // It was renamed, but that may not be on the disk yet: it takes room.
                let whole = day.join(&cut.id);
                if let Ok(manifest) = Manifest::read(&whole) {
                    let bytes = manifest.bytes();
                    self.store.add(cut.from, cut.id.clone(), whole, bytes);
                }
                Err(error)
            }
        }
    }

    fn count_store(&self) {
        let (folders, bytes, swept, evicted) = self.store.counts();
        let mut status = self.shared.status();
        (status.folders, status.bytes) = (folders, bytes);
        (status.swept, status.evicted) = (swept, evicted);
    }
}

impl Pending {
    /// Whether its pictures have come, or are no longer waited for.
    fn is_ready(&self) -> bool {
        let ring = &self.cut.ring;
        self.footage.is_some()
            || ring.has_ended()
            || ring.newest().is_some_and(|newest| newest > self.cut.to)
            || self.until <= Steady::now()
    }
}

/// About how many bytes a cut will take: a blurred clip is rarely larger than what was sent.
fn need(cut: &Cut, footage: &Footage) -> u64 {
    const KEY_FRAME: u64 = 512 << 10;
    const BESIDES: u64 = 64 << 10;
    let keys = cut.moments.len() as u64 * KEY_FRAME;
    footage.bytes() + cut.trace.len() as u64 + keys + BESIDES
}

/// Writes the folder of one cut: where it is, its bytes, and how much is missing.
fn write(
    store: &Store,
    day: &std::path::Path,
    cut: &Cut,
    footage: &Footage,
) -> Result<(PathBuf, u64, usize), EvidenceError> {
    let mut draft = Draft::begin(&store.disk, day, &cut.id)?;
    let missing = write_clips(&mut draft, cut, footage)?;
    if !cut.trace.is_empty() {
        draft.put("trace.jsonl", FileKind::Trace, &cut.trace)?;
    }
    let lacks = missing.len();
    let manifest = Manifest {
        format: FORMAT,
        id: cut.id.clone(),
        camera: cut.camera.clone(),
        door: cut.door.clone(),
        from_us: cut.from,
        to_us: cut.to,
        from: utc(cut.from),
        to: utc(cut.to),
        clear: cut.clear,
        kept_px: match cut.clear {
            true => Vec::new(),
            false => cut.keep.iter().map(super::Region::corners).collect(),
        },
        files: Vec::new(),
        missing,
        about: cut.about.clone(),
        made_by: concat!("tailgate ", env!("CARGO_PKG_VERSION")).to_owned(),
    };
    let (path, bytes) = draft.publish(manifest)?;
    Ok((path, bytes, lacks))
}
