//! One camera's engine in a live run, with its trace and what it has said.
//!
//! Theory of operation: a camera and its doors are an engine of their own, so that a configuration can be changed for
//! one camera without the others noticing, and each has a trace that replays by itself. The engine
//! is told that there was no footage before it began, and from then on what the camera's picture is
//! worth: what the camera says, or that its frames have become too few.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use super::metrics::{CameraMetrics, Metrics};
use super::recover::Recovered;
use super::segment::{Traces, stamp};
use super::told::{Begin, Seen};
use super::writing::{Place, Written, provenance};
use crate::app::names::SiteNames;
use crate::app::run::EngineRun;
use crate::app::segments::heir;
use crate::app::trace::{Because, Continues};
use crate::engine::{FrameInput, Input, Output, Seen as People};
use crate::evidence::Ring;
use crate::sight::{SightChange, SightState, Starvation};
use crate::units::{CameraId, DoorId, Instant, Span};
use crate::verdict::Verdict;

/// Before the box began, nobody knows what happened: longer than any window.
const BLIND_BEFORE_START: Span = Span::from_ms(3_600_000);
/// Access events that were received this long before the beginning may still be walked on.
const HEARD_BEFORE: Span = Span::from_ms(60_000);
/// Without a judged frame for this long a clear camera is starved: the engine itself doubts gaps of 0.9 s.
const MOST_SILENCE: Span = Span::from_ms(1_500);
/// Starvation that lasts so long is told to whoever listens; shorter ones, as of a box that is busy for a
/// moment, are doubts of the verdicts that they bear on, and no alert.
const STARVED_TOLD: Span = Span::from_ms(10_000);

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
    /// The camera's last pictures.
    pub ring: Arc<Ring>,
    /// When its run began, as it stands in names of files: ids are unique within a run alone. A run goes on over
    /// changes of the configuration and restarts of the process.
    pub started: String,
    /// What was stated before a restart, and may not have been heard.
    pub again: Vec<Verdict>,
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
    engine_sight_since: Instant,
    starved_told: bool,
    trace: Option<Written>,
    /// What the engine is told before anything else.
    first: Option<(Instant, Input)>,
    /// Access events that were received earlier are of no use any more.
    hears_from: Instant,
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
    /// A camera's engine that begins at `now`, or goes on from what was recovered. `Err` says why it can't.
    pub fn start(
        begin: &Begin,
        now: Instant,
        traces: &Traces,
        metrics: &Arc<Metrics>,
        recovered: Option<Recovered>,
    ) -> Result<Self, String> {
        let (mut group, unseen_from) = match recovered {
            Some(recovered) => {
                let last = recovered.last();
                let run = EngineRun::of(recovered.engine);
                let mut group = Self::of(begin, run, now, metrics);
                group.hears_from = last.min(now) - HEARD_BEFORE;
                group.started.clone_from(&recovered.continues.run);
                group.again = recovered.again;
                group.go_on(begin, traces, recovered.continues, now);
                (group, last)
            }
            None => {
                let mut group = Self::new(begin, now, metrics)?;
                let place = group.place(begin, traces);
                group.trace = Some(Written::begin(place, &mut group.run, now));
                (group, now - BLIND_BEFORE_START)
            }
        };
        // Nothing was seen before, or since.
        group.first = Some((unseen_from, sight_change(SightState::NoFootage)));
        group.engine_sight = SightState::NoFootage;
        Ok(group)
    }

    /// The engine that goes on from this one with another configuration: tracks of a camera that is the same and credits
    /// of doors that are the same are kept. Returns it with the names of those doors. This one is left to say its
    /// last words on the others.
    pub fn succeed(
        &mut self,
        begin: &Begin,
        now: Instant,
        traces: &Traces,
        metrics: &Arc<Metrics>,
    ) -> Result<(Self, Vec<String>), String> {
        let config = &begin.camera.site.engine;
        let heir = heir(&self.run.engine, true, config, now);
        let (engine, told) = heir.map_err(|problems| problems.join("\n"))?;
        let mut group = Self::of(begin, EngineRun::of(engine), now, metrics);
        let doors = self.run.engine.config().doors.iter();
        let doors = (0_u16..).map(DoorId).zip(doors);
        let kept = doors.filter(|(_, door)| told.doors_kept.contains(&door.name));
        self.handed_over = kept.map(|(id, _)| id).collect();
        // Statements of kept doors are amended under the ids that they had.
        group.started.clone_from(&self.started);
        group.hears_from = self.hears_from;
        group.first = self.first.take();
        let sight = group
            .run
            .engine
            .camera(THE_CAMERA)
            .map(|camera| camera.sight);
        group.engine_sight = sight.unwrap_or(SightState::NoFootage);
        // The same stream goes on telling what it is worth when that changes; another one begins.
        if begin.after == Some(begin.place) {
            group.told = self.told;
            group.starved = self.starved;
            group.silent = self.silent;
            group.last_seen = self.last_seen;
            group.engine_sight_since = self.engine_sight_since;
            group.starved_told = self.starved_told;
        } else {
            group.first = Some((now, sight_change(SightState::NoFootage)));
            group.engine_sight = SightState::NoFootage;
        }
        let has_more = self.has_more();
        let continues = match &mut self.trace {
            Some(trace) => trace.leave(&mut self.run, has_more, now),
            None => Continues {
                run: self.started.clone(),
                segment: String::new(),
                verdict_hash: self.run.log.verdict_hash(),
                because: Because::Changed,
            },
        };
        group.go_on(begin, traces, continues, now);
        Ok((group, told.doors_kept))
    }

    fn place<'a>(&self, begin: &'a Begin, traces: &'a Traces) -> Place<'a> {
        Place {
            traces,
            camera: &begin.camera.name,
            provenance: provenance(&begin.camera, Some(begin.model.clone()), &self.run),
            lost: self.metrics.trace_lost.clone(),
        }
    }

    fn go_on(&mut self, begin: &Begin, traces: &Traces, continues: Continues, now: Instant) {
        let place = self.place(begin, traces);
        self.trace = Some(Written::go_on(place, &mut self.run, continues, now));
    }

    /// A camera's engine that has seen nothing. `Err` says why it can't.
    pub fn new(begin: &Begin, now: Instant, metrics: &Arc<Metrics>) -> Result<Self, String> {
        let config = begin.camera.site.engine.clone();
        let run = EngineRun::new(config, Vec::new()).map_err(|problems| problems.join("\n"))?;
        Ok(Self::of(begin, run, now, metrics))
    }

    /// A camera's engine as it is.
    fn of(begin: &Begin, run: EngineRun, now: Instant, metrics: &Arc<Metrics>) -> Self {
        let camera = &begin.camera;
        let titles = &camera.site.titles;
        Self {
            camera: camera.name.clone(),
            names: SiteNames::new(&camera.site.engine, titles, now, true),
            run,
            counts: metrics.camera(&camera.name),
            metrics: Arc::clone(metrics),
            followed: Arc::clone(&begin.followed),
            ring: Arc::clone(&begin.ring),
            handed_over: Vec::new(),
            started: stamp(now),
            again: Vec::new(),
            starvation: Starvation::new(begin.least_rate_hz),
            last_seen: None,
            silent: false,
            told: SightState::NoFootage,
            starved: false,
            engine_sight: SightState::Clear,
            engine_sight_since: now,
            starved_told: false,
            trace: None,
            first: None,
            hears_from: now - HEARD_BEFORE,
        }
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
        // Frames are due from now on: a detector that fails on every one is silence too.
        self.last_seen = (state == SightState::Clear).then_some(now);
        self.silent = false;
        self.starved_told = false;
        self.settle_sight(now, stated);
    }

    /// What the camera itself did not say: that it has been starved for long, or is no longer.
    pub fn sight_news(&mut self, now: Instant) -> Option<SightState> {
        let is_starved = self.engine_sight == SightState::Starved;
        let news = match self.starved_told {
            false => is_starved && now - self.engine_sight_since >= STARVED_TOLD,
            true => self.engine_sight == SightState::Clear,
        };
        news.then(|| {
            self.starved_told = is_starved;
            self.engine_sight
        })
    }

    /// An access event or a feed's status, of a door of this engine.
    pub fn access(
        &mut self,
        now: Instant,
        door: DoorId,
        input: &Input,
        stated: &mut dyn FnMut(&Stated<'_>),
    ) {
        let mut input = input.clone();
        match &mut input {
            Input::Access(event) if event.received < self.hears_from => {
                tracing::debug!(id = event.id, "from long before the beginning");
                return;
            }
            Input::Access(event) => event.door = Some(door),
            Input::Feed(status) => status.door = door,
            _ => return,
        }
        self.step(now, &input, None, stated);
    }

    /// Time passed: what is due is said.
    pub fn tick(&mut self, now: Instant, stated: &mut dyn FnMut(&Stated<'_>)) {
        self.tell_first(stated);
        if let Some(trace) = &mut self.trace {
            trace.look_after(&mut self.run, now);
        }
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

    /// Whether something is still to be said of such a door, some day.
    pub fn has_more(&self) -> bool {
        self.next_due().is_some_and(|due| due < Instant::MAX)
    }

    /// Writes the trace's end.
    pub fn end(&mut self) {
        if let Some(trace) = &self.trace {
            trace.end(&mut self.run);
        }
    }

    /// What was written of the trace since, as a trace of its own.
    pub fn trace_since(&self, from: Instant) -> Vec<u8> {
        let trace = self.trace.as_ref();
        trace.map_or_else(Vec::new, |trace| trace.recorder.since(from))
    }

    /// Writes the trace through to the operating system.
    pub fn flush(&self) {
        if let Some(trace) = &self.trace {
            trace.recorder.flush_now();
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
        self.tell_first(stated);
        if let Some(trace) = &self.trace {
            trace.recorder.at(now);
        }
        let outputs = match self.run.step(now, input) {
            Ok(outputs) => outputs.to_vec(),
            Err(error) => {
                tracing::error!(camera = self.camera, "the trace failed: {error}");
                Vec::new()
            }
        };
        // Whoever is told may keep it: after a kill, the trace must know of it too.
        if !outputs.is_empty() {
            self.flush();
        }
        for output in &outputs {
            stated(&Stated {
                group: self,
                output,
                arrived_us,
            });
        }
    }

    /// Tells the engine what it has to know before anything else.
    fn tell_first(&mut self, stated: &mut dyn FnMut(&Stated<'_>)) {
        if let Some((at, first)) = self.first.take() {
            self.step(at, &first, None, stated);
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
        (self.engine_sight, self.engine_sight_since) = (state, now);
        self.counts.clear.set(i64::from(state == SightState::Clear));
        self.step(now, &sight_change(state), None, stated);
    }
}

fn sight_change(state: SightState) -> Input {
    Input::Sight(SightChange {
        camera: THE_CAMERA,
        state,
    })
}
