//! What the engine knows, as a value: written down, read again, and gone on from.
//!
//! Theory: an engine is its configuration and a state; the state after some inputs, written as JSON
//! and read again, goes on to the very same outputs (numbers keep every bit). So a trace can begin
//! anywhere, and a box that was switched off goes on where it was. What is read may be anything: it is
//! refused, or it is harmless. A state is good for the configuration that it was reached with;
//! for another one see [`super::succession`].

use serde::{Deserialize, Serialize};

use super::step::{CameraState, Untold};
use super::{Engine, EngineConfig};
use crate::crossing::{CounterState, CrossingCounter};
use crate::sight::SightState;
use crate::tracking::{Tracker, TrackerState};
use crate::units::{CameraId, DoorId, Doubt, Instant};
use crate::verdict::{Ledger, LedgerState};

/// Crossings are numbered below this; half of what there is, so that counting on never runs over.
const MOST_CROSSINGS: u32 = u32::MAX / 2;

/// Crossings that may have been numbered in what was lost: a power cut costs what the operating system
/// had not written yet, half a minute, and thirty doors do not pass more people in it.
const LOST_CROSSINGS: u32 = 1_000;

/// Everything that an [`Engine`] knows but its configuration.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct EngineState {
    pub(super) now: Instant,
    pub(super) next_crossing: u32,
    pub(super) cameras: Vec<CameraMemory>,
    pub(super) doors: Vec<LedgerState>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) untold: Vec<Untold>,
}

/// What is known of one camera.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct CameraMemory {
    pub tracker: TrackerState,
    /// Of its portals, in their order.
    pub counters: Vec<CounterState>,
    pub sight: SightState,
    pub blind_since: Option<(Instant, Doubt)>,
    pub last_frame: Option<Instant>,
}

impl EngineState {
    /// The last moment that the engine knows of.
    pub fn now(&self) -> Instant {
        self.now
    }

    /// What a camera's picture was worth; `None` for a camera that isn't there.
    pub fn sight(&self, camera: CameraId) -> Option<SightState> {
        let memory = self.cameras.get(usize::from(camera.0))?;
        Some(memory.sight)
    }

    /// The same after an end that was none: what was stated in the last moments may be known to
    /// others and not to this state, so numbers that may have been given are left out.
    #[must_use]
    pub fn after_a_loss(mut self) -> Self {
        self.next_crossing = self.next_crossing.saturating_add(LOST_CROSSINGS);
        self
    }

    /// How many people are followed, over all cameras.
    pub fn tracks(&self) -> usize {
        let cameras = self.cameras.iter();
        cameras.map(|camera| camera.tracker.tracks()).sum()
    }

    /// How many events and crossings are held, over all doors.
    pub fn held(&self) -> usize {
        self.doors.iter().map(LedgerState::held).sum()
    }
}

impl Engine {
    /// What it knows now.
    pub fn state(&self) -> EngineState {
        let cameras = self.cameras.iter().map(|camera| CameraMemory {
            tracker: camera.tracker.state(),
            counters: camera.counters.iter().map(|(_, _, c)| c.state()).collect(),
            sight: camera.sight,
            blind_since: camera.blind_since,
            last_frame: camera.last_frame,
        });
        EngineState {
            now: self.now,
            next_crossing: self.next_crossing,
            cameras: cameras.collect(),
            doors: self.ledgers.iter().map(Ledger::state).collect(),
            untold: self.untold.clone(),
        }
    }

    /// An engine that goes on from `state`, which was reached with the same configuration. `Err`:
    /// what is wrong with the configuration (see [`Engine::new`]), and what of the state cannot be.
    pub fn resume(config: EngineConfig, state: EngineState) -> Result<Self, Vec<String>> {
        let mut engine = Self::new(config)?;
        let mut problems = Vec::new();
        engine.resume_cameras(state.cameras, &mut problems);
        engine.resume_ledgers(state.doors, &mut problems);
        if state.next_crossing == 0 || state.next_crossing > MOST_CROSSINGS {
            problems.push("its crossings are numbered beyond reason".to_owned());
        }
        if !problems.is_empty() {
            return Err(problems);
        }
        engine.next_crossing = state.next_crossing;
        engine.now = state.now;
        engine.untold = state.untold;
        Ok(engine)
    }

    fn resume_cameras(&mut self, state: Vec<CameraMemory>, problems: &mut Vec<String>) {
        if state.len() != self.cameras.len() {
            problems.push("the state is of another number of cameras".to_owned());
            return;
        }
        let settings = self.config.cameras.iter();
        for ((camera, memory), settings) in self.cameras.iter_mut().zip(state).zip(settings) {
            if let Err(problem) = camera.resume(&self.config, memory) {
                problems.push(format!("camera {:?}: {problem}", settings.name));
            }
        }
    }

    fn resume_ledgers(&mut self, state: Vec<LedgerState>, problems: &mut Vec<String>) {
        if state.len() != self.ledgers.len() {
            problems.push("the state is of another number of doors".to_owned());
            return;
        }
        let doors = (0_u16..).map(DoorId).zip(&self.config.doors);
        for ((ledger, state), (id, door)) in self.ledgers.iter_mut().zip(state).zip(doors) {
            match Ledger::resume(id, door.policy.clone(), state) {
                Ok(resumed) => *ledger = resumed,
                Err(problem) => problems.push(format!("door {:?}: {problem}", door.name)),
            }
        }
    }
}

impl CameraState {
    /// Goes on from what was known. `Err` says what of it cannot be.
    fn resume(&mut self, config: &EngineConfig, memory: CameraMemory) -> Result<(), String> {
        if memory.counters.len() != self.counters.len() {
            return Err("the state is of another number of portals".to_owned());
        }
        let settings = self.tracker.settings().clone();
        self.tracker = Tracker::resume(settings, memory.tracker)?;
        for ((portal, _, counter), state) in self.counters.iter_mut().zip(memory.counters) {
            let settings = &config.portals[usize::from(portal.0)];
            let (line, settings) = (settings.portal.clone(), settings.counter.clone());
            *counter = CrossingCounter::resume(line, settings, state)?;
        }
        self.sight = memory.sight;
        self.blind_since = memory.blind_since;
        self.last_frame = memory.last_frame;
        Ok(())
    }
}
