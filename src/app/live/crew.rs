//! The cameras that run, and how others take their places while the rest go on.
//!
//! Theory of operation: a new configuration is compared with the one that runs, camera by camera. What is the same is left
//! alone. Where only the judging differs, the engine is exchanged for one that goes on with what has not
//! changed, and the stream stays open. Where the view differs, the camera's thread ends and another
//! begins. All that a new camera needs is opened before anything is touched: a configuration is taken
//! over whole or not at all.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::thread::JoinHandle;
use std::time::Duration;

use crossbeam_channel::{Sender, bounded};
use tokio_util::sync::CancellationToken;

use super::camera::CameraTask;
use super::clock::BoxClock;
use super::metrics::{CameraMetrics, Metrics};
use super::plan::{View, door_places};
use super::progress::Pulse;
use super::reference::reference_path;
use super::site::{joined, spawn};
use super::status::Board;
use super::told::{Begin, Change, Told};
use super::waiting::Waiting;
use crate::capture::Rotation;
use crate::config::{LiveCamera, LiveConfig};
use crate::evidence::{Ring, RingLimits};
use crate::inference::Detector;

/// The judge answers within a few frames; it is not waited for when the process is about to end.
const JUDGE_ANSWERS: Duration = Duration::from_secs(10);

/// What every camera's thread shares.
pub struct Shared {
    /// Where frames wait.
    pub waiting: Arc<Waiting>,
    /// The judge.
    pub judge: Sender<Told>,
    /// The site's time.
    pub clock: BoxClock,
    /// What is counted.
    pub metrics: Arc<Metrics>,
    /// Whether every thread gets on.
    pub pulse: Pulse,
    /// How the site stands.
    pub board: Board,
}

/// The cameras that run.
pub struct Crew {
    /// What they were started from.
    pub config: LiveConfig,
    cameras: Vec<Running>,
}

struct Running {
    camera: LiveCamera,
    place: usize,
    view: View,
    model: String,
    followed: Arc<AtomicBool>,
    ring: Arc<Ring>,
    stop: CancellationToken,
    thread: JoinHandle<std::io::Result<()>>,
}

/// What a new configuration changed.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Reloaded {
    /// Doors that go on as if nothing had happened.
    pub kept: Vec<String>,
    /// Doors that begin as if the box had just been started.
    pub begun: Vec<String>,
    /// Doors that are watched no more.
    pub gone: Vec<String>,
    /// Parts of the site file that changed and only take effect when the box is started again.
    pub restart: Vec<&'static str>,
}

/// What is to be done about one camera of a new configuration.
enum Step {
    /// It goes on.
    Stay,
    /// Its engine is exchanged.
    Judge(Box<View>),
    /// Its thread begins, for the first time or again.
    Start {
        view: Box<View>,
        eyes: Box<dyn Detector>,
    },
}

impl Crew {
    /// Nobody runs yet.
    pub fn new(config: &LiveConfig) -> Self {
        let config = LiveConfig {
            cameras: Vec::new(),
            ..config.clone()
        };
        Self {
            config,
            cameras: Vec::new(),
        }
    }

    /// Takes over another configuration, as far as that is possible while the box runs. `Err`: everything that is
    /// wrong with it; nothing has changed then.
    pub fn take_over(
        &mut self,
        config: &LiveConfig,
        shared: &Shared,
    ) -> Result<Reloaded, Vec<String>> {
        let steps = self.steps(config)?;
        let restart = needs_restart(&self.config, config);
        let was: BTreeSet<String> = doors(&self.config.cameras).collect();
        let touched = self.carry_out(config, steps, shared)?;
        // What needs a restart is as it was, so that the next comparison is with what runs.
        self.config.cameras.clone_from(&config.cameras);
        self.config.model.clone_from(&config.model);
        self.config.models.clone_from(&config.models);
        self.config.provider = config.provider;
        let is: BTreeSet<String> = doors(&config.cameras).collect();
        let kept = |door: &&String| !touched.contains(*door) && was.contains(*door);
        Ok(Reloaded {
            kept: is.iter().filter(kept).cloned().collect(),
            begun: is.iter().filter(|door| !kept(door)).cloned().collect(),
            gone: was.difference(&is).cloned().collect(),
            restart,
        })
    }

    /// What is to be done, with all opened that it needs. `Err`: everything that is wrong.
    fn steps(&self, config: &LiveConfig) -> Result<Vec<Step>, Vec<String>> {
        let mut problems = Vec::new();
        let mut steps = Vec::new();
        for camera in &config.cameras {
            match self.step(config, camera) {
                Ok(step) => steps.push(step),
                Err(own) => problems.extend(own),
            }
        }
        if problems.is_empty() {
            Ok(steps)
        } else {
            Err(problems)
        }
    }

    fn step(&self, config: &LiveConfig, camera: &LiveCamera) -> Result<Step, Vec<String>> {
        let view = View::of(config, camera)?;
        match self.running(&camera.name) {
            Some(running) if running.view.is_same(&view) => {
                if running.camera.site == camera.site {
                    return Ok(Step::Stay);
                }
                Ok(Step::Judge(Box::new(view)))
            }
            _ => {
                let eyes = view.open_eyes(camera).map_err(|what| vec![what])?;
                let view = Box::new(view);
                Ok(Step::Start { view, eyes })
            }
        }
    }

    fn running(&self, name: &str) -> Option<&Running> {
        self.cameras.iter().find(|own| own.camera.name == name)
    }

    /// Returns the doors that could not simply go on.
    fn carry_out(
        &mut self,
        config: &LiveConfig,
        steps: Vec<Step>,
        shared: &Shared,
    ) -> Result<BTreeSet<String>, Vec<String>> {
        let mut before: BTreeMap<String, Running> = std::mem::take(&mut self.cameras)
            .into_iter()
            .map(|running| (running.camera.name.clone(), running))
            .collect();
        let mut change = Changing::default();
        for (camera, step) in config.cameras.iter().zip(steps) {
            let was = before.remove(&camera.name);
            match (step, was) {
                (Step::Stay, Some(was)) => self.cameras.push(was),
                (Step::Judge(view), Some(mut was)) => {
                    was.view.least_rate_hz = view.least_rate_hz;
                    was.camera = camera.clone();
                    change.exchange(&was);
                    self.cameras.push(was);
                }
                (Step::Start { view, eyes }, was) => {
                    let after = was.map(|was| was.end(shared));
                    change.begin(camera, *view, eyes, after, shared);
                }
                // Only a camera that runs stays.
                (Step::Stay | Step::Judge(_), None) => {}
            }
        }
        for (name, gone) in before {
            change.gone.push(gone.end(shared));
            shared.metrics.forget(&name);
        }
        let places: Vec<(usize, &LiveCamera)> = self
            .cameras
            .iter()
            .map(|own| (own.place, &own.camera))
            .chain(change.starts.iter().map(|new| (new.place, &new.camera)))
            .collect();
        let access = door_places(self.config.intake.as_ref(), places.into_iter());
        let counts = config.cameras.iter().map(|camera| {
            let counts = shared.metrics.camera(&camera.name);
            (camera.name.clone(), counts)
        });
        let now = shared.clock.now();
        shared
            .board
            .set(now, counts.collect(), doors(&config.cameras));
        let touched: BTreeSet<String> = change
            .begins
            .iter()
            .flat_map(|b| own_doors(&b.camera))
            .collect();
        let (done, answer) = bounded(1);
        let told = Told::Change(Box::new(Change {
            gone: change.gone,
            begin: change.begins,
            doors: access,
            done,
        }));
        // The judge is gone only when the process ends.
        let kept = match shared.judge.send(told) {
            Ok(()) => answer.recv_timeout(JUDGE_ANSWERS).unwrap_or_default(),
            Err(_) => Vec::new(),
        };
        for start in change.starts {
            self.cameras.push(start.run(config, shared)?);
        }
        let kept: BTreeSet<String> = kept.into_iter().collect();
        Ok(touched.difference(&kept).cloned().collect())
    }

    /// Writes down how many frames of each camera wait.
    pub fn measure(&self, shared: &Shared) {
        for own in &self.cameras {
            let depth = shared.waiting.depth(own.place);
            shared.metrics.waits(&own.camera.name, depth);
        }
    }

    /// Ends every camera's thread.
    pub fn end(&mut self) {
        for own in &self.cameras {
            own.stop.cancel();
        }
        for own in self.cameras.drain(..) {
            own.join();
        }
    }
}

/// What changes, put together.
#[derive(Default)]
struct Changing {
    gone: Vec<usize>,
    begins: Vec<Begin>,
    starts: Vec<Starting>,
}

impl Changing {
    /// Another engine in the place of a camera that goes on.
    fn exchange(&mut self, was: &Running) {
        self.gone.push(was.place);
        self.begins.push(Begin {
            place: was.place,
            camera: was.camera.clone(),
            model: was.model.clone(),
            least_rate_hz: was.view.least_rate_hz,
            followed: Arc::clone(&was.followed),
            ring: Arc::clone(&was.ring),
            after: Some(was.place),
        });
    }

    /// A camera that begins, in the place of one that has ended or in none.
    fn begin(
        &mut self,
        camera: &LiveCamera,
        view: View,
        eyes: Box<dyn Detector>,
        after: Option<usize>,
        shared: &Shared,
    ) {
        let model = format!("{} {}", eyes.name(), eyes.identity());
        let provider = view.provider().name();
        tracing::info!(camera = camera.name, model, provider, "looked at by");
        let counts = Arc::new(shared.metrics.camera(&camera.name));
        let place = shared.waiting.add(Some(eyes), Arc::clone(&counts));
        let starting = Starting {
            camera: camera.clone(),
            place,
            view,
            model,
            counts,
            followed: Arc::default(),
            ring: Arc::new(Ring::new(RingLimits::default(), Rotation::None)),
        };
        self.gone.extend(after);
        self.begins.push(Begin {
            place,
            camera: camera.clone(),
            model: starting.model.clone(),
            least_rate_hz: starting.view.least_rate_hz,
            followed: Arc::clone(&starting.followed),
            ring: Arc::clone(&starting.ring),
            after,
        });
        self.starts.push(starting);
    }
}

/// A camera whose engine waits for it.
struct Starting {
    camera: LiveCamera,
    place: usize,
    view: View,
    model: String,
    counts: Arc<CameraMetrics>,
    followed: Arc<AtomicBool>,
    ring: Arc<Ring>,
}

impl Starting {
    /// Starts the thread.
    fn run(self, config: &LiveConfig, shared: &Shared) -> Result<Running, Vec<String>> {
        let name = self.camera.name.clone();
        let stop = CancellationToken::new();
        let task = CameraTask {
            place: self.place,
            source: self.view.source.clone(),
            calibrated: self.view.calibrated,
            region: self.view.look.map(|look| look.source),
            reference: reference_path(&config.data, &name),
            ring: Arc::clone(&self.ring),
            clock: shared.clock.clone(),
            waiting: Arc::clone(&shared.waiting),
            judge: shared.judge.clone(),
            counts: self.counts,
            followed: Arc::clone(&self.followed),
            progress: shared.pulse.of(&format!("camera {name}")),
            stop: stop.clone(),
            name: name.clone(),
        };
        Ok(Running {
            thread: spawn(&name, move || task.run())?,
            camera: self.camera,
            place: self.place,
            view: self.view,
            model: self.model,
            followed: self.followed,
            ring: self.ring,
            stop,
        })
    }
}

impl Running {
    /// Ends the camera's thread, and forgets what waits of it. Returns its place.
    fn end(self, shared: &Shared) -> usize {
        let place = self.place;
        self.stop.cancel();
        self.join();
        shared.waiting.remove(place);
        place
    }

    fn join(self) {
        if let Err(error) = joined(self.thread.join()) {
            tracing::error!("a camera's thread could not work: {error}");
        }
        // Evidence takes the pictures that there are, and waits for no more.
        self.ring.end();
    }
}

fn own_doors(camera: &LiveCamera) -> impl Iterator<Item = String> {
    let doors = camera.site.engine.doors.iter();
    doors.map(|door| door.name.clone())
}

fn doors(cameras: &[LiveCamera]) -> impl Iterator<Item = String> {
    cameras.iter().flat_map(own_doors)
}

/// What differs and cannot be exchanged while the box runs.
fn needs_restart(was: &LiveConfig, is: &LiveConfig) -> Vec<&'static str> {
    let parts = [
        (was.name != is.name, "[site] name"),
        (was.data != is.data, "[site] data"),
        (was.intake != is.intake, "the intake file"),
        (was.threads != is.threads, "[detector] threads"),
        (was.health != is.health, "[health]"),
        (was.alerts != is.alerts, "[alerts]"),
        (was.evidence != is.evidence, "[evidence]"),
        (was.traces != is.traces, "[traces]"),
    ];
    let differ = parts.into_iter().filter(|(differs, _)| *differs);
    differ.map(|(_, part)| part).collect()
}

impl std::fmt::Display for Reloaded {
    /// One line for who changed the configuration.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let mut parts = Vec::new();
        for (doors, what) in [
            (&self.kept, "unchanged"),
            (&self.begun, "from the start"),
            (&self.gone, "watched no more"),
        ] {
            if !doors.is_empty() {
                parts.push(format!("{what}: {}", doors.join(", ")));
            }
        }
        if !self.restart.is_empty() {
            parts.push(format!(
                "only after the next start: {}",
                self.restart.join(", ")
            ));
        }
        write!(f, "configuration taken over; {}", parts.join("; "))
    }
}
