//! One camera's engine in a live run, with its trace and what it has said.
//!
//! Theory of operation: a camera and its doors are an engine of their own, so that a configuration can be changed for
//! one camera without the others noticing, and each has a trace that replays by itself. The engine
//! is told that there was no footage before it began, and from then on what the camera's picture is
//! worth: what the camera says, or that its frames have become too few.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use super::metrics::{CameraMetrics, Metrics};
use super::record::Recorder;
use super::status::utc;
use super::told::{Begin, Seen};
use crate::app::names::SiteNames;
use crate::app::run::{EngineRun, config_sha256};
use crate::app::trace::Provenance;
use crate::config::LiveCamera;
use crate::engine::{FrameInput, Input, Output, Seen as People};
use crate::evidence::Ring;
use crate::sight::{SightChange, SightState, Starvation};
use crate::units::{CameraId, DoorId, Instant, Span};
use crate::verdict::Verdict;

/// Before the box began, nobody knows what happened: longer than any window.
const BLIND_BEFORE_START: Span = Span::from_ms(3_600_000);
/// Without a judged frame for this long a clear camera is starved: the engine itself doubts gaps of 0.9 s.
const MOST_SILENCE: Span = Span::from_ms(1_500);

/// The camera of an engine that has one.
const THE_CAMERA: CameraId = CameraId(0);

/// One camera's engine.
pub struct Group {
    /// The camera's name.
    pub camera: String,
    /// What its doors are called.
    pub names: SiteNames,
    /// The engine.
    pub run: EngineRun,
    /// The engine's trace; `None` if it could not be begun.
    pub recorder: Option<Recorder>,
    /// The camera's last pictures.
    pub ring: Arc<Ring>,
    /// When it began, as it stands in names of files: ids are unique within a run alone.
    pub started: String,
    /// Doors that another engine goes on with.
    pub handed_over: Vec<DoorId>,
    counts: CameraMetrics,
    metrics: Arc<Metrics>,
    followed: Arc<AtomicBool>,
    starvation: Starvation,
    last_seen: Option<Instant>,
    silent: bool,
    told: SightState,
    starved: bool,
    engine_sight: SightState,
}

/// Something that a group's engine stated.
pub struct Stated<'a> {
    /// The group.
    pub group: &'a Group,
    /// What was stated.
    pub output: &'a Output,
    /// When the last byte of the frame that caused it had arrived, microseconds of the steady clock.
    pub arrived_us: Option<i64>,
}

impl Group {
    /// A camera's engine that begins at `now`, with its trace in the folder `traces`. `Err` says why it can't.
    pub fn start(
        begin: &Begin,
        now: Instant,
        traces: &Path,
        metrics: &Arc<Metrics>,
    ) -> Result<Self, String> {
        let mut group = Self::new(begin, now, metrics)?;
        let model = Some(begin.model.clone());
        let path = trace_path(traces, &begin.camera.name, now);
        group.begin(&begin.camera, model, &path, now);
        Ok(group)
    }

    /// The engine that goes on from this one with another configuration: tracks of a camera that is the same and credits
    /// of doors that are the same are kept. Returns it with the names of those doors.
    pub fn succeed(
        &mut self,
        begin: &Begin,
        now: Instant,
        traces: &Path,
        metrics: &Arc<Metrics>,
    ) -> Result<(Self, Vec<String>), String> {
        let mut group = Self::new(begin, now, metrics)?;
        // Statements of kept doors are amended under the ids that they had.
        group.started.clone_from(&self.started);
        let model = Some(begin.model.clone());
        let path = trace_path(traces, &begin.camera.name, now);
        group.begin(&begin.camera, model, &path, now);
        Ok((group, Vec::new()))
    }

    /// A camera's engine that has seen nothing. `Err` says why it can't.
    pub fn new(begin: &Begin, now: Instant, metrics: &Arc<Metrics>) -> Result<Self, String> {
        let camera = &begin.camera;
        let config = camera.site.engine.clone();
        let names = SiteNames::new(&config, &camera.site.titles, now, true);
        let run = EngineRun::new(config, Vec::new()).map_err(|problems| problems.join("\n"))?;
        Ok(Self {
            camera: camera.name.clone(),
            names,
            run,
            recorder: None,
            counts: metrics.camera(&camera.name),
            metrics: Arc::clone(metrics),
            followed: Arc::clone(&begin.followed),
            ring: Arc::clone(&begin.ring),
            handed_over: Vec::new(),
            started: utc(now).replace(':', ""),
            starvation: Starvation::new(begin.least_rate_hz),
            last_seen: None,
            silent: false,
            told: SightState::NoFootage,
            starved: false,
            engine_sight: SightState::Clear,
        })
    }

    /// Begins: records to `path` from now on, and tells the engine that nothing was seen before.
    pub fn begin(&mut self, camera: &LiveCamera, model: Option<String>, path: &Path, now: Instant) {
        let provenance = Provenance {
            source: camera.url.clone(),
            start_us: now.as_us(),
            utc: true,
            model,
            config_sha256: config_sha256(self.run.engine.config()),
            picture: None,
            titles: camera.site.titles.clone(),
        };
        match Recorder::create(path, self.metrics.trace_lost.clone()) {
            Ok(recorder) => {
                recorder.at(now);
                // A recorder never fails.
                drop(self.run.record(Box::new(recorder.clone()), provenance));
                self.recorder = Some(recorder);
            }
            Err(error) => tracing::error!("{}: no trace is written: {error}", path.display()),
        }
        let before = Input::Sight(SightChange {
            camera: THE_CAMERA,
            state: SightState::NoFootage,
        });
        self.step(now - BLIND_BEFORE_START, &before, None, &mut |_| {});
        self.engine_sight = SightState::NoFootage;
    }

    /// A frame was looked at.
    pub fn seen(&mut self, now: Instant, seen: Seen, stated: &mut dyn FnMut(&Stated<'_>)) {
        self.last_seen = Some(seen.taken);
        self.silent = false;
        if let Some(starved) = self.starvation.step(seen.taken) {
            self.starved = starved;
        }
        self.counts.rate_hz.set(self.starvation.rate_hz());
        self.settle_sight(now, stated);
        let input = Input::Frame(FrameInput {
            camera: THE_CAMERA,
            taken: seen.taken,
            seen: People::Boxes(seen.people),
        });
        self.step(now, &input, Some(seen.arrived_us), stated);
        let tracks = self
            .run
            .engine
            .camera(THE_CAMERA)
            .map_or(0, |camera| camera.tracks.len());
        self.counts.tracks.set(tracks as i64);
        self.followed.store(tracks > 0, Ordering::Relaxed);
    }

    /// What the camera's picture is worth changed.
    pub fn sight(&mut self, now: Instant, state: SightState, stated: &mut dyn FnMut(&Stated<'_>)) {
        self.told = state;
        self.last_seen = None;
        self.silent = false;
        self.settle_sight(now, stated);
    }

    /// An access event or a feed's status, with the door of this engine.
    pub fn access(&mut self, now: Instant, input: &Input, stated: &mut dyn FnMut(&Stated<'_>)) {
        self.step(now, input, None, stated);
    }

    /// Time passed: what is due is said.
    pub fn tick(&mut self, now: Instant, stated: &mut dyn FnMut(&Stated<'_>)) {
        // Frames that do not come at all are no frames that come too slowly, and just as bad.
        if self.last_seen.is_some_and(|at| now - at > MOST_SILENCE) && !self.silent {
            self.silent = true;
            self.counts.rate_hz.set(0.0);
            self.settle_sight(now, stated);
        }
        if self.next_due().is_some_and(|due| due <= now) {
            self.step(now, &Input::Tick, None, stated);
        }
    }

    /// When something is due to be said of a door that nobody took over.
    pub fn next_due(&self) -> Option<Instant> {
        let doors = self.run.engine.config().doors.len();
        (0..doors)
            .map(|door| DoorId(door as u16))
            .filter(|door| !self.handed_over.contains(door))
            .filter_map(|door| self.run.engine.ledger(door)?.next_due())
            .min()
    }

    /// Writes the trace's end.
    pub fn end(&mut self) {
        // A recorder never fails.
        drop(self.run.finish_trace());
        if let Some(recorder) = &self.recorder {
            recorder.flush_now();
        }
    }

    /// The door's name.
    pub fn door(&self, verdict: &Verdict) -> &str {
        let doors = &self.run.engine.config().doors;
        doors
            .get(usize::from(verdict.door.0))
            .map_or("", |door| door.name.as_str())
    }

    fn step(
        &mut self,
        now: Instant,
        input: &Input,
        arrived_us: Option<i64>,
        stated: &mut dyn FnMut(&Stated<'_>),
    ) {
        if let Some(recorder) = &self.recorder {
            recorder.at(now);
        }
        let outputs = match self.run.step(now, input) {
            Ok(outputs) => outputs.to_vec(),
            Err(error) => {
                tracing::error!(camera = self.camera, "the trace failed: {error}");
                Vec::new()
            }
        };
        for output in &outputs {
            stated(&Stated {
                group: self,
                output,
                arrived_us,
            });
        }
    }

    /// Tells the engine what the picture is worth, if that changed.
    fn settle_sight(&mut self, now: Instant, stated: &mut dyn FnMut(&Stated<'_>)) {
        let state = match self.told {
            SightState::Clear if self.starved || self.silent => SightState::Starved,
            told => told,
        };
        if state == self.engine_sight {
            return;
        }
        self.engine_sight = state;
        self.counts.clear.set(i64::from(state == SightState::Clear));
        let change = Input::Sight(SightChange {
            camera: THE_CAMERA,
            state,
        });
        self.step(now, &change, None, stated);
    }
}

/// Where the trace goes that begins at `now`.
fn trace_path(traces: &Path, camera: &str, now: Instant) -> PathBuf {
    traces.join(format!("{camera}-{}.jsonl", utc(now).replace(':', "")))
}
