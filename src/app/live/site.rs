//! A whole site started, watched over and ended.
//!
//! ```text
//!  cameras (a thread each) ──▶ waiting ──▶ workers ──▶ judge ──▶ listeners
//!  access control ──▶ intake ──▶ inbox ──────────────────▲
//! ```
//!
//! Theory of operation: [`Site::start`] starts every thread and returns; [`Site::stop`] ends them in the order of the
//! flow, so that what was on its way is judged. A panic in any thread is the process's end: who runs
//! a site installs a hook for that, and the service manager starts it again.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::{Builder, JoinHandle};
use std::time::Duration;

use crossbeam_channel::bounded;
use tokio::sync::mpsc;

use super::alerting::{Alerting, open_alerts};
use super::clock::BoxClock;
use super::crew::{Crew, Reloaded, Shared};
use super::judge::{Audience, Judge, Listener};
use super::keeping::Keeping;
use super::metrics::Metrics;
use super::plan::lookers;
use super::progress::Pulse;
use super::recover::recover_all;
use super::segment::Traces;
use super::status::Board;
use super::told::Told;
use super::worker::WorkerTask;
use crate::app::intake::Given;
use crate::config::LiveConfig;
use crate::engine::Input;
use crate::evidence::{Keeper, KeeperSettings};
use crate::notify::Dispatcher;
use crate::units::{Instant, Span};

/// What may wait for the judge: a second of 24 cameras, and a burst of access events. Who tells more
/// waits.
pub const JUDGE_QUEUE: usize = 1024;
/// What may wait between intake and judge.
pub const GIVEN_QUEUE: usize = 1024;

/// The folder of evidence in the data folder.
pub const EVIDENCE: &str = "evidence";

/// Evidence that waits is written for at most this long at the end: service managers kill after 90 s.
const LAST_EVIDENCE: Duration = Duration::from_secs(10);

/// A site that runs.
pub struct Site {
    /// What its threads share.
    pub shared: Shared,
    /// What sends alerts, until somebody runs it.
    pub dispatcher: Option<Dispatcher>,
    /// What keeps evidence.
    pub keeper: Arc<Keeper>,
    judging: JoinHandle<Vec<(String, String)>>,
    crew: Mutex<Crew>,
    workers: Vec<JoinHandle<()>>,
}

impl Site {
    /// Starts everything but the intake. `utc` is what the wall clock shows. `make` gives the listeners besides the
    /// board, on the judge's thread. `Err`: everything that is wrong.
    pub fn start(
        config: &LiveConfig,
        utc: Instant,
        make: impl FnOnce() -> Vec<Box<dyn Listener>> + Send + 'static,
    ) -> Result<Self, Vec<String>> {
        let clock = BoxClock::new(utc);
        let of_alerts = crate::notify::Metrics::default();
        let alerts = open_alerts(config, &of_alerts)?;
        let metrics = Arc::new(Metrics::with_alerts(&of_alerts));
        let traces = traces(config, &metrics)?;
        let pulse = Pulse::new(clock.clone());
        let board = Board::new(&config.name, clock.now());
        let keeper = keeper(config)?;
        let (judge, told) = bounded(JUDGE_QUEUE);
        let judging = {
            let (clock, metrics, board) = (clock.clone(), Arc::clone(&metrics), board.clone());
            let alerting = alerts.as_ref().map(|alerts| Alerting {
                outbox: Arc::clone(&alerts.outbox),
                site: config.name.clone(),
                before: config.evidence.before,
            });
            let keeping = Keeping::new(Arc::clone(&keeper), config.evidence);
            let progress = pulse.of("judge");
            let config = config.clone();
            let judge = move || {
                // While detectors are opened.
                let recovered = recover_all(&config, traces.folder(), clock.now());
                // Whoever is told comes first: it is they who wait.
                let mut listeners: Vec<Box<dyn Listener>> = Vec::new();
                listeners.extend(alerting.map(|alerting| Box::new(alerting) as Box<dyn Listener>));
                listeners.extend(make());
                listeners.push(Box::new(board));
                listeners.push(Box::new(keeping));
                let judge = Judge {
                    groups: BTreeMap::new(),
                    leaving: Vec::new(),
                    doors: Vec::new(),
                    traces,
                    recovered,
                    told,
                    audience: Audience {
                        listeners,
                        metrics,
                        clock,
                    },
                    progress,
                };
                judge.run()
            };
            spawn("judge", judge)?
        };
        let shared = Shared {
            waiting: Arc::default(),
            judge,
            clock,
            metrics,
            pulse,
            board,
        };
        let mut workers = Vec::new();
        for number in 0..lookers(config) {
            let name = format!("looker {number}");
            let task = WorkerTask {
                waiting: Arc::clone(&shared.waiting),
                judge: shared.judge.clone(),
                clock: shared.clock.clone(),
                progress: shared.pulse.of(&name),
            };
            workers.push(spawn(&name, move || task.run())?);
        }
        let mut crew = Crew::new(config);
        let begun = crew.take_over(config, &shared);
        let site = Self {
            dispatcher: alerts.map(|alerts| alerts.dispatcher),
            keeper,
            shared,
            judging,
            crew: Mutex::new(crew),
            workers,
        };
        match begun {
            Ok(_) => Ok(site),
            Err(problems) => {
                site.stop();
                Err(problems)
            }
        }
    }

    /// Takes over another configuration, as far as that is possible while the box runs: doors that are the same notice
    /// nothing. Blocks while detectors are opened. `Err`: everything that is wrong with it; nothing has changed then.
    pub fn reload(&self, config: &LiveConfig) -> Result<Reloaded, Vec<String>> {
        self.crew().take_over(config, &self.shared)
    }

    /// A thread that panicked ends the process: what it held is not looked at again.
    fn crew(&self) -> MutexGuard<'_, Crew> {
        self.crew.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Where the intake's events go; the journal is read from `outlet.after` on.
    pub fn outlet(&self) -> Result<mpsc::Sender<Given>, Vec<String>> {
        let (to, mut given) = mpsc::channel::<Given>(GIVEN_QUEUE);
        let judge = self.shared.judge.clone();
        spawn("access", move || {
            while let Some(Given { input, .. }) = given.blocking_recv() {
                let door = match &input {
                    Input::Access(event) => event.door,
                    Input::Feed(status) => Some(status.door),
                    _ => None,
                };
                if judge.send(Told::Access { door, input }).is_err() {
                    return;
                }
            }
        })?;
        Ok(to)
    }

    /// Writes down what only changes slowly: what waits, what became of evidence, and how far the wall clock, which
    /// shows `utc`, has gone from the line. Returns that.
    pub fn measure(&self, utc: Instant) -> Span {
        // Whoever takes over a configuration holds the cameras for a while: then the next second will do.
        if let Ok(crew) = self.crew.try_lock() {
            crew.measure(&self.shared);
        }
        let ahead = self.shared.clock.wall_ahead(utc);
        self.shared.metrics.wall_ahead.set(ahead.as_s());
        self.shared.metrics.evidence.show(&self.keeper.status());
        ahead
    }

    /// Ends everything, in the order of the flow. Returns each camera's verdict hash.
    pub fn stop(self) -> Vec<(String, String)> {
        self.crew().end();
        self.shared.waiting.close();
        for worker in self.workers {
            joined(worker.join());
        }
        // The judge may have ended by itself; then there is nothing to tell.
        drop(self.shared.judge.send(Told::Stop));
        let hashes = joined(self.judging.join());
        // The judge's listeners have gone: what is asked for is written, for a while.
        if let Some(keeper) = Arc::into_inner(self.keeper) {
            let lost = keeper.stop(LAST_EVIDENCE).abandoned;
            if lost > 0 {
                tracing::error!(
                    "evidence of {lost} verdicts is lost: there was no time to write it"
                );
            }
        }
        hashes
    }
}

/// The folder for traces, made if need be.
fn traces(config: &LiveConfig, metrics: &Metrics) -> Result<Traces, Vec<String>> {
    let folder = config.data.join("traces");
    Traces::open(folder.clone(), config.traces, metrics.traces.clone())
        .map_err(|error| vec![format!("{} can't be made: {error}", folder.display())])
}

/// Keeps evidence, where the site file says.
fn keeper(config: &LiveConfig) -> Result<Arc<Keeper>, Vec<String>> {
    let mut settings = KeeperSettings::new(config.data.join(EVIDENCE));
    let quota = &mut settings.quota;
    quota.max_bytes = config.evidence.most_bytes.unwrap_or(quota.max_bytes);
    quota.min_free_bytes = config.evidence.free_bytes.unwrap_or(quota.min_free_bytes);
    let keeper = Keeper::start(settings).map_err(|error| vec![error.to_string()])?;
    Ok(Arc::new(keeper))
}

/// A thread with a name.
pub(super) fn spawn<T: Send + 'static>(
    name: &str,
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<JoinHandle<T>, Vec<String>> {
    Builder::new()
        .name(name.to_owned())
        .spawn(work)
        .map_err(|error| vec![format!("no thread can be started: {error}")])
}

/// A panic in a thread is a defect; it is passed on, never swallowed.
pub(super) fn joined<T>(joined: std::thread::Result<T>) -> T {
    match joined {
        Ok(result) => result,
        Err(panic) => std::panic::resume_unwind(panic),
    }
}
