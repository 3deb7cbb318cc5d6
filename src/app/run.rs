//! One run of the engine: steps it, records the trace, folds the verdict log.

use std::io;

use sha2::{Digest, Sha256};

use super::log::VerdictLog;
use super::trace::{
    Continues, Provenance, SEGMENT_VERSION, TRACE_VERSION, TraceEnd, TraceHeader, TraceWriter,
};
use crate::access::{AccessEvent, FeedStatus};
use crate::engine::{Engine, EngineConfig, Input, Output};
use crate::sight::{SightChange, SightState};
use crate::units::{CameraId, DoorId, Instant, Interval, Span};

/// Steps that settle a finished run are bounded: far more than any ledger needs.
const MAX_SETTLING_STEPS: usize = 1_000_000;

/// How long before the first frame the camera is told to have no footage: longer than any
/// window, so that a grant from before the clip is not judged as if its walker had been seen.
const BLIND_BEFORE_START: Span = Span::from_ms(3_600_000);

/// An engine with its trace and its log.
pub struct EngineRun {
    /// The engine.
    pub engine: Engine,
    /// What it stated.
    pub log: VerdictLog,
    /// Frames taken.
    pub frames: u64,
    /// What could not be read of the source; the end of a trace repeats it.
    pub losses: Vec<String>,
    trace: Option<TraceWriter>,
    outputs: Vec<Output>,
    waiting: Vec<AccessEvent>,
    /// Gaps of each door's feed that are open, as last told.
    gaps: Vec<Vec<Interval>>,
}

impl EngineRun {
    /// A run of `config`; `events` are fed in the order of their arrival as time reaches them.
    pub fn new(config: EngineConfig, mut events: Vec<AccessEvent>) -> Result<Self, Vec<String>> {
        events.sort_by(|a, b| (b.received, &b.id).cmp(&(a.received, &a.id)));
        let mut run = Self::of(Engine::new(config)?);
        run.waiting = events;
        Ok(run)
    }

    /// A run of an engine as it is, which may know something already.
    pub fn of(engine: Engine) -> Self {
        Self {
            gaps: vec![Vec::new(); engine.config().doors.len()],
            engine,
            log: VerdictLog::default(),
            frames: 0,
            losses: Vec::new(),
            trace: None,
            outputs: Vec::new(),
            waiting: Vec::new(),
        }
    }

    /// Records everything from now on.
    pub fn record(&mut self, to: Box<dyn io::Write>, provenance: Provenance) -> io::Result<()> {
        let header = self.header(provenance);
        self.trace = Some(TraceWriter::new(to, &header)?);
        Ok(())
    }

    /// Records a segment from now on: it begins with what the engine knows. Log, hash and counts are of
    /// the segment alone from now on.
    pub fn go_on(
        &mut self,
        to: Box<dyn io::Write>,
        provenance: Provenance,
        continues: Continues,
    ) -> io::Result<()> {
        let header = TraceHeader {
            version: SEGMENT_VERSION,
            continues: Some(continues),
            state: Some(Box::new(self.engine.state())),
            ..self.header(provenance)
        };
        self.log = VerdictLog::default();
        self.frames = 0;
        self.losses.clear();
        self.trace = Some(TraceWriter::new(to, &header)?);
        Ok(())
    }

    /// Goes on with another engine, which took over from this one.
    pub fn hand_over(&mut self, engine: Engine) {
        self.gaps = vec![Vec::new(); engine.config().doors.len()];
        self.engine = engine;
    }

    /// The header of a trace that begins with an engine that knows nothing.
    pub fn header(&self, provenance: Provenance) -> TraceHeader {
        TraceHeader {
            version: TRACE_VERSION,
            engine: env!("CARGO_PKG_VERSION").to_owned(),
            provenance,
            config: self.engine.config().clone(),
            continues: None,
            state: None,
        }
    }

    /// Tells the engine one thing and returns what it said.
    pub fn step(&mut self, now: Instant, input: &Input) -> io::Result<&[Output]> {
        if let Input::Feed(status) = input
            && let Some(gaps) = self.gaps.get_mut(usize::from(status.door.0))
        {
            gaps.clone_from(&status.gaps);
        }
        self.outputs.clear();
        self.engine.step(now, input, &mut self.outputs);
        self.frames += u64::from(matches!(input, Input::Frame(_)));
        for output in &self.outputs {
            self.log.take(output);
        }
        if let Some(trace) = &mut self.trace {
            trace.step(now, input, &self.outputs)?;
        }
        Ok(&self.outputs)
    }

    /// The cameras begin to see at `at`; before, nobody knows what happened.
    pub fn begin(&mut self, at: Instant) -> io::Result<()> {
        self.tell_sight(at - BLIND_BEFORE_START, SightState::NoFootage)?;
        self.feed_events(at)?;
        self.tell_sight(at, SightState::Clear)
    }

    /// Feeds the access events that had arrived by `now`.
    pub fn feed_events(&mut self, now: Instant) -> io::Result<()> {
        while self
            .waiting
            .last()
            .is_some_and(|event| event.received <= now)
        {
            if let Some(event) = self.waiting.pop() {
                let at = event.received;
                self.step(at, &Input::Access(event))?;
            }
        }
        Ok(())
    }

    /// The cameras stop seeing at `at`: the remaining events are fed, the feeds are complete but for
    /// the gaps that are still open, and everything that is due becomes final. Returns the verdict
    /// hash.
    pub fn end(&mut self, at: Instant) -> io::Result<String> {
        self.feed_events(at)?;
        self.tell_sight(at, SightState::NoFootage)?;
        self.feed_events(Instant::MAX)?;
        for door in 0..self.engine.config().doors.len() {
            let status = FeedStatus {
                door: DoorId(door as u16),
                complete_to: Instant::MAX,
                lateness: None,
                gaps: self.gaps[door].clone(),
            };
            self.step(at, &Input::Feed(status))?;
        }
        self.settle()?;
        self.finish_trace()
    }

    /// Writes the trace's end without judging anything more: the run is over, the world goes on.
    /// Returns the verdict hash.
    pub fn finish_trace(&mut self) -> io::Result<String> {
        let end = TraceEnd {
            frames: self.frames,
            verdict_hash: self.log.verdict_hash(),
            losses: self.losses.clone(),
        };
        if let Some(trace) = &mut self.trace {
            trace.end(&end)?;
        }
        Ok(end.verdict_hash)
    }

    /// Lets time pass until nothing is due any more.
    pub fn settle(&mut self) -> io::Result<()> {
        for _ in 0..MAX_SETTLING_STEPS {
            let doors = 0..self.engine.config().doors.len();
            let due = doors
                .filter_map(|door| self.engine.ledger(DoorId(door as u16))?.next_due())
                .filter(|due| *due < Instant::MAX)
                .min();
            match due {
                Some(due) => self.step(due, &Input::Tick)?,
                None => break,
            };
        }
        Ok(())
    }

    fn tell_sight(&mut self, at: Instant, state: SightState) -> io::Result<()> {
        for camera in 0..self.engine.config().cameras.len() {
            let change = SightChange {
                camera: CameraId(camera as u16),
                state,
            };
            self.step(at, &Input::Sight(change))?;
        }
        Ok(())
    }
}

/// SHA-256 of a configuration as the engine takes it, 64 hex digits.
pub fn config_sha256(config: &EngineConfig) -> String {
    let text = serde_json::to_string(config).unwrap_or_else(|problem| problem.to_string());
    hex::encode(Sha256::digest(text.as_bytes()))
}
