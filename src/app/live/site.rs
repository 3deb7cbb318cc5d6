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
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::thread::{Builder, JoinHandle};
use std::time::Duration;

use crossbeam_channel::{Sender, bounded};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use super::alerting::{Alerting, open_alerts};
use super::camera::CameraTask;
use super::clock::BoxClock;
use super::group::Group;
use super::judge::{Judge, Listener};
use super::keeping::Keeping;
use super::metrics::{CameraMetrics, Metrics};
use super::plan::{CameraPlan, door_places, lookers, plan};
use super::progress::Pulse;
use super::reference::reference_path;
use super::status::Board;
use super::told::Told;
use super::waiting::Waiting;
use super::worker::WorkerTask;
use crate::app::intake::Given;
use crate::capture::Rotation;
use crate::config::LiveConfig;
use crate::engine::Input;
use crate::evidence::{Keeper, KeeperSettings, Ring, RingLimits};
use crate::notify::Dispatcher;
use crate::units::{Instant, Span};

/// What may wait for the judge: a second of 24 cameras, and a burst of access events. Who tells more
/// waits.
pub const JUDGE_QUEUE: usize = 1024;
/// What may wait between intake and judge.
pub const GIVEN_QUEUE: usize = 1024;
/// Access events that were received this long before the start may still be walked on.
const BEFORE_START: Span = Span::from_ms(60_000);

/// Evidence that waits is written for at most this long at the end: service managers kill after 90 s.
const LAST_EVIDENCE: Duration = Duration::from_secs(10);

/// A site that runs.
pub struct Site {
    /// What is counted.
    pub metrics: Arc<Metrics>,
    /// Whether every thread gets on.
    pub pulse: Pulse,
    /// How it stands.
    pub board: Board,
    /// The site's time.
    pub clock: BoxClock,
    /// What sends alerts, until somebody runs it.
    pub dispatcher: Option<Dispatcher>,
    /// What keeps evidence.
    pub keeper: Arc<Keeper>,
    waiting: Arc<Waiting>,
    judge: Sender<Told>,
    judging: JoinHandle<Vec<(String, String)>>,
    cameras: Vec<JoinHandle<std::io::Result<()>>>,
    workers: Vec<JoinHandle<()>>,
    names: Vec<String>,
    stop: CancellationToken,
}

impl Site {
    /// Starts everything but the intake. `utc` is what the wall clock shows. `make` gives the listeners besides the
    /// board, on the judge's thread. `Err`: everything that is wrong.
    pub fn start(
        config: &LiveConfig,
        utc: Instant,
        make: impl FnOnce() -> Vec<Box<dyn Listener>> + Send + 'static,
    ) -> Result<Self, Vec<String>> {
        let plans = plan(config)?;
        let traces = traces(config)?;
        let clock = BoxClock::new(utc);
        let of_alerts = crate::notify::Metrics::default();
        let alerts = open_alerts(config, &of_alerts)?;
        let metrics = Arc::new(Metrics::with_alerts(&of_alerts));
        let pulse = Pulse::new(clock.clone());
        let (judge, told) = bounded(JUDGE_QUEUE);
        let counts: Vec<CameraMetrics> = config
            .cameras
            .iter()
            .map(|camera| metrics.camera(&camera.name))
            .collect();
        let board = board(config, clock.now(), &counts);
        let begins: Vec<Begin> = plans
            .iter()
            .map(|plan| Begin {
                model: plan.model.clone(),
                least_rate_hz: plan.least_rate_hz,
                followed: Arc::default(),
            })
            .collect();
        let followed: Vec<Arc<AtomicBool>> =
            begins.iter().map(|b| Arc::clone(&b.followed)).collect();
        let ring = || Ring::new(RingLimits::default(), Rotation::None);
        let rings: Vec<Arc<Ring>> = plans.iter().map(|_| Arc::new(ring())).collect();
        let keeper = keeper(config)?;
        let judging = {
            let (config, clock, metrics) = (config.clone(), clock.clone(), Arc::clone(&metrics));
            let board = board.clone();
            let alerting = alerts.as_ref().map(|alerts| Alerting {
                outbox: Arc::clone(&alerts.outbox),
                site: config.name.clone(),
            });
            let keeping = Keeping::new(Arc::clone(&keeper), config.evidence, rings.clone());
            let progress = pulse.of("judge");
            let judge = move || {
                let groups = groups(&config, &clock, &metrics, &begins, &traces);
                // Whoever is told comes first: it is they who wait.
                let mut listeners: Vec<Box<dyn Listener>> = Vec::new();
                listeners.extend(alerting.map(|alerting| Box::new(alerting) as Box<dyn Listener>));
                listeners.extend(make());
                listeners.push(Box::new(board));
                listeners.push(Box::new(keeping));
                let judge = Judge {
                    groups,
                    doors: door_places(&config),
                    clock,
                    told,
                    listeners,
                    metrics,
                    progress,
                };
                judge.run()
            };
            spawn("judge", judge)?
        };
        let mut eyes = Vec::new();
        let mut sources = Vec::new();
        for CameraPlan {
            source,
            calibrated,
            eyes: own,
            region,
            ..
        } in plans
        {
            eyes.push(Some(own));
            sources.push((source, calibrated, region));
        }
        let waiting = Arc::new(Waiting::new(eyes));
        let mut workers = Vec::new();
        for number in 0..lookers(config) {
            let name = format!("looker {number}");
            let task = WorkerTask {
                waiting: Arc::clone(&waiting),
                judge: judge.clone(),
                clock: clock.clone(),
                counts: counts.clone(),
                progress: pulse.of(&name),
            };
            workers.push(spawn(&name, move || task.run())?);
        }
        let stop = CancellationToken::new();
        let mut cameras = Vec::new();
        for (place, (source, calibrated, region)) in sources.into_iter().enumerate() {
            let name = config.cameras[place].name.clone();
            let task = CameraTask {
                place,
                source,
                calibrated,
                region,
                reference: reference_path(&config.data, &name),
                ring: Arc::clone(&rings[place]),
                clock: clock.clone(),
                waiting: Arc::clone(&waiting),
                judge: judge.clone(),
                counts: counts[place].clone(),
                followed: Arc::clone(&followed[place]),
                progress: pulse.of(&format!("camera {name}")),
                stop: stop.clone(),
                name: name.clone(),
            };
            cameras.push(spawn(&name, move || task.run())?);
        }
        Ok(Self {
            metrics,
            pulse,
            board,
            clock,
            dispatcher: alerts.map(|alerts| alerts.dispatcher),
            keeper,
            waiting,
            judge,
            judging,
            cameras,
            workers,
            names: config.cameras.iter().map(|c| c.name.clone()).collect(),
            stop,
        })
    }

    /// Where the intake's events go; the journal is read from `outlet.after` on.
    pub fn outlet(&self) -> Result<mpsc::Sender<Given>, Vec<String>> {
        let (to, mut given) = mpsc::channel::<Given>(GIVEN_QUEUE);
        let judge = self.judge.clone();
        let oldest = self.clock.now() - BEFORE_START;
        spawn("access", move || {
            while let Some(Given { at, input, .. }) = given.blocking_recv() {
                let door = match &input {
                    Input::Access(event) if at < oldest => {
                        tracing::debug!(id = event.id, "from before the start");
                        continue;
                    }
                    Input::Access(event) => event.door,
                    Input::Feed(status) => Some(status.door),
                    _ => None,
                };
                if judge.send(Told::Access { door, at, input }).is_err() {
                    return;
                }
            }
        })?;
        Ok(to)
    }

    /// Writes down what only changes slowly: what waits, and how far the wall clock, which shows `utc`, has gone.
    pub fn measure(&self, utc: Instant) {
        for (name, depth) in self.names.iter().zip(self.waiting.depths()) {
            self.metrics.waits(name, depth);
        }
        self.metrics
            .wall_ahead
            .set(self.clock.wall_ahead(utc).as_s());
    }

    /// Ends everything, in the order of the flow. Returns each camera's verdict hash.
    pub fn stop(self) -> Vec<(String, String)> {
        self.stop.cancel();
        for camera in self.cameras {
            if let Err(error) = joined(camera.join()) {
                tracing::error!("a camera's thread could not work: {error}");
            }
        }
        self.waiting.close();
        for worker in self.workers {
            joined(worker.join());
        }
        // The judge may have ended by itself; then there is nothing to tell.
        drop(self.judge.send(Told::Stop));
        let hashes = joined(self.judging.join());
        // The judge's listeners have gone: what is asked for is written, for a while.
        if let Some(keeper) = Arc::into_inner(self.keeper) {
            keeper.stop(LAST_EVIDENCE);
        }
        hashes
    }
}

fn board(config: &LiveConfig, now: Instant, counts: &[CameraMetrics]) -> Board {
    let names = config.cameras.iter().map(|camera| camera.name.clone());
    let counts: BTreeMap<String, CameraMetrics> = names.zip(counts.iter().cloned()).collect();
    let doors = config
        .cameras
        .iter()
        .flat_map(|camera| &camera.site.engine.doors);
    let doors: Vec<String> = doors.map(|door| door.name.clone()).collect();
    Board::new(&config.name, now, counts, doors)
}

/// The folder for traces, made if need be.
fn traces(config: &LiveConfig) -> Result<PathBuf, Vec<String>> {
    let folder = config.data.join("traces");
    std::fs::create_dir_all(&folder)
        .map_err(|error| vec![format!("{} can't be made: {error}", folder.display())])?;
    Ok(folder)
}

/// Keeps evidence, where the site file says.
fn keeper(config: &LiveConfig) -> Result<Arc<Keeper>, Vec<String>> {
    let mut settings = KeeperSettings::new(config.data.join("evidence"));
    let quota = &mut settings.quota;
    quota.max_bytes = config.evidence.most_bytes.unwrap_or(quota.max_bytes);
    quota.min_free_bytes = config.evidence.free_bytes.unwrap_or(quota.min_free_bytes);
    let keeper = Keeper::start(settings).map_err(|error| vec![error.to_string()])?;
    Ok(Arc::new(keeper))
}

/// What a camera's engine begins with.
struct Begin {
    model: String,
    least_rate_hz: f64,
    followed: Arc<AtomicBool>,
}

fn groups(
    config: &LiveConfig,
    clock: &BoxClock,
    metrics: &Arc<Metrics>,
    begins: &[Begin],
    traces: &std::path::Path,
) -> Vec<Group> {
    let now = clock.now();
    let mut groups = Vec::new();
    for (camera, begin) in config.cameras.iter().zip(begins) {
        let made = Group::new(
            camera,
            now,
            begin.least_rate_hz,
            metrics,
            Arc::clone(&begin.followed),
        );
        match made {
            Ok(mut group) => {
                let path = traces.join(format!("{}-{}.jsonl", camera.name, group.started));
                group.begin(camera, Some(begin.model.clone()), &path, now);
                groups.push(group);
            }
            // The configuration was checked; this is a defect, and the process's end.
            Err(problem) => panic!("camera {:?}: {problem}", camera.name),
        }
    }
    groups
}

fn spawn<T: Send + 'static>(
    name: &str,
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<JoinHandle<T>, Vec<String>> {
    Builder::new()
        .name(name.to_owned())
        .spawn(work)
        .map_err(|error| vec![format!("no thread can be started: {error}")])
}

/// A panic in a thread is a defect; it is passed on, never swallowed.
fn joined<T>(joined: std::thread::Result<T>) -> T {
    match joined {
        Ok(result) => result,
        Err(panic) => std::panic::resume_unwind(panic),
    }
}
