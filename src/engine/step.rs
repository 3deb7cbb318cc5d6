//! The step function: one input in, the statements that follow from it out.
//!
//! Theory: a frame's people become footprints, footprints become tracks, tracks become crossings,
//! crossings meet grants in the ledger of their door. Everything here is order and bookkeeping;
//! the judgement itself is in `verdict`. What the engine does not do: read a clock, keep pixels,
//! wait, or fail. An input that makes no sense (a frame from the past, an unknown camera) changes
//! nothing and is answered with an alarm.

use serde::{Deserialize, Serialize};

use super::{Alarm, CameraView, EngineConfig, FrameInput, Input, Output, Seen};
use crate::access::AccessEvent;
use crate::crossing::{Crossing, CrossingCounter};
use crate::detection::Detection;
use crate::floor::{CameraModel, Footprint, Grid, Portal};
use crate::sight::{SightChange, SightState};
use crate::tracking::{Observation, Tracker};
use crate::units::{CameraId, CrossingId, DoorId, Doubt, Instant, Interval, PortalId, Span};
use crate::verdict::{Ledger, LedgerOutput};

/// A gap between two frames longer than this hides a person who walks through a door at an easy
/// pace (1.2 m at 1.4 m/s): what happened in it cannot be known.
pub const MAX_FRAME_GAP: Span = Span::from_ms(900);

/// The engine: a deterministic function of its inputs.
#[derive(Debug, Clone)]
pub struct Engine {
    pub(super) config: EngineConfig,
    pub(super) cameras: Vec<CameraState>,
    pub(super) ledgers: Vec<Ledger>,
    pub(super) next_crossing: u32,
    pub(super) now: Instant,
    /// What happened between two configurations; ledgers are told before anything else.
    pub(super) untold: Vec<Untold>,
    scratch: Scratch,
}

/// What the engine knows of one camera.
#[derive(Debug, Clone)]
pub(super) struct CameraState {
    model: Option<CameraModel>,
    grid: Grid,
    pub(super) tracker: Tracker,
    pub(super) counters: Vec<(PortalId, DoorId, CrossingCounter)>,
    pub(super) sight: SightState,
    /// Since when it cannot be believed, and why.
    pub(super) blind_since: Option<(Instant, Doubt)>,
    pub(super) last_frame: Option<Instant>,
}

/// A time of blindness that a door's ledger has not been told of yet.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Untold {
    pub door: DoorId,
    pub blind: Interval,
    pub doubt: Doubt,
}

/// Buffers that live as long as the engine, so that a step allocates nothing once they have grown.
#[derive(Debug, Clone, Default)]
struct Scratch {
    footprints: Vec<Option<Footprint>>,
    observations: Vec<Observation>,
    crossings: Vec<Crossing>,
    ledger: Vec<LedgerOutput>,
}

impl Engine {
    /// An engine that has seen nothing. `Err`: one sentence for each camera that can't be
    /// calibrated and each reference to a camera or door that isn't there.
    pub fn new(config: EngineConfig) -> Result<Self, Vec<String>> {
        let mut problems = dangling_references(&config);
        let mut cameras = Vec::with_capacity(config.cameras.len());
        for index in 0..config.cameras.len() {
            match CameraState::new(&config, CameraId(index as u16)) {
                Ok(camera) => cameras.push(camera),
                Err(problem) => problems.push(problem),
            }
        }
        if !problems.is_empty() {
            return Err(problems);
        }
        let ledgers = (0_u16..)
            .zip(&config.doors)
            .map(|(index, door)| Ledger::new(DoorId(index), door.policy.clone()))
            .collect();
        Ok(Self {
            config,
            cameras,
            ledgers,
            next_crossing: 1,
            now: Instant::MIN,
            untold: Vec::new(),
            scratch: Scratch::default(),
        })
    }

    /// Takes one input at `now`, which never goes backwards (an earlier `now` is taken as the last
    /// one), and appends what follows from it to `out`.
    pub fn step(&mut self, now: Instant, input: &Input, out: &mut Vec<Output>) {
        self.now = self.now.max(now);
        self.tell_untold();
        match input {
            Input::Frame(frame) => self.on_frame(frame, out),
            Input::Access(event) => self.on_access(event, out),
            Input::Feed(status) => match self.ledgers.get_mut(usize::from(status.door.0)) {
                Some(ledger) => ledger.on_feed(self.now, status, &mut self.scratch.ledger),
                None => out.push(self.alarm("a feed reported for a door that is not configured")),
            },
            Input::Sight(change) => self.on_sight(change, out),
            Input::Tick => {}
        }
        for ledger in &mut self.ledgers {
            if ledger.next_due().is_some_and(|due| due <= self.now) {
                ledger.advance(self.now, &mut self.scratch.ledger);
            }
        }
        out.extend(self.scratch.ledger.drain(..).map(Output::from));
    }

    /// The last moment that it was told of.
    pub fn now(&self) -> Instant {
        self.now
    }

    /// What it was made from.
    pub fn config(&self) -> &EngineConfig {
        &self.config
    }

    /// The camera's tracks, grid and lens, to look at; `None` for a camera that isn't there.
    pub fn camera(&self, camera: CameraId) -> Option<CameraView<'_>> {
        let state = self.cameras.get(usize::from(camera.0))?;
        Some(CameraView {
            model: state.model.as_ref(),
            grid: &state.grid,
            tracks: state.tracker.tracks(),
            sight: state.sight,
        })
    }

    /// The door's ledger, to look at; `None` for a door that isn't there.
    pub fn ledger(&self, door: DoorId) -> Option<&Ledger> {
        self.ledgers.get(usize::from(door.0))
    }

    fn on_frame(&mut self, frame: &FrameInput, out: &mut Vec<Output>) {
        let index = usize::from(frame.camera.0);
        let Some(camera) = self.cameras.get_mut(index) else {
            out.push(self.alarm("a frame came from a camera that is not configured"));
            return;
        };
        if camera.last_frame.is_some_and(|last| frame.taken <= last) {
            out.push(self.alarm("a frame came out of order and was not used"));
            return;
        }
        if let Some(gap) = camera.gap_before(frame.taken) {
            self.tell_blind(frame.camera, gap, Doubt::FramesStarved);
        }
        let camera = &mut self.cameras[index];
        camera.last_frame = Some(frame.taken);
        camera.observe(&self.config, frame, &mut self.scratch);
        let crossings = &mut self.scratch.crossings;
        camera.track_and_count(frame.taken, &self.scratch.observations, crossings);
        // Two portals may see their crossings in one frame: their order is that of event time.
        crossings.sort_by_key(|crossing| (crossing.at, crossing.portal, crossing.track));
        for mut crossing in self.scratch.crossings.drain(..) {
            crossing.id = CrossingId(self.next_crossing);
            crossing.camera = frame.camera;
            self.next_crossing = self.next_crossing.saturating_add(1);
            if let Some(ledger) = self.ledgers.get_mut(usize::from(crossing.door.0)) {
                ledger.on_crossing(self.now, &crossing, &mut self.scratch.ledger);
            }
            out.push(Output::Crossing(crossing));
        }
    }

    fn on_access(&mut self, event: &AccessEvent, out: &mut Vec<Output>) {
        let ledger = event
            .door
            .and_then(|door| self.ledgers.get_mut(usize::from(door.0)));
        match ledger {
            Some(ledger) => ledger.on_access(self.now, event, &mut self.scratch.ledger),
            None => out.push(self.alarm("an access event named a door that is not configured")),
        }
    }

    fn on_sight(&mut self, change: &SightChange, out: &mut Vec<Output>) {
        let now = self.now;
        let Some(camera) = self.cameras.get_mut(usize::from(change.camera.0)) else {
            out.push(self.alarm("sight changed of a camera that is not configured"));
            return;
        };
        camera.sight = change.state;
        let doubt = change.state.doubt();
        let was_blind = camera.blind_since;
        if doubt == was_blind.map(|(_, doubt)| doubt) {
            return;
        }
        camera.blind_since = doubt.map(|doubt| (now, doubt));
        if let Some((since, doubt)) = was_blind {
            self.tell_blind(change.camera, Interval::new(since, now), doubt);
        }
        if let Some(doubt) = doubt {
            self.tell_blind(change.camera, Interval::new(now, Instant::MAX), doubt);
        }
    }

    /// Tells every door that this camera watches that it could not be seen.
    fn tell_blind(&mut self, camera: CameraId, blind: Interval, doubt: Doubt) {
        for (index, ledger) in self.ledgers.iter_mut().enumerate() {
            let watched = self
                .config
                .portals
                .iter()
                .any(|portal| portal.camera == camera && usize::from(portal.door.0) == index);
            if watched {
                ledger.on_blind(self.now, blind, doubt, &mut self.scratch.ledger);
            }
        }
    }

    /// Tells ledgers what happened between two configurations.
    fn tell_untold(&mut self) {
        for Untold { door, blind, doubt } in std::mem::take(&mut self.untold) {
            if let Some(ledger) = self.ledgers.get_mut(usize::from(door.0)) {
                ledger.on_blind(self.now, blind, doubt, &mut self.scratch.ledger);
            }
        }
    }

    fn alarm(&self, text: &str) -> Output {
        Output::Alarm(Alarm {
            door: None,
            at: self.now,
            text: text.to_owned(),
        })
    }
}

impl CameraState {
    fn new(config: &EngineConfig, camera: CameraId) -> Result<Self, String> {
        let settings = &config.cameras[usize::from(camera.0)];
        let model = match &settings.calibration {
            Some(spec) => Some(
                CameraModel::new(spec.clone())
                    .map_err(|problem| format!("camera {:?}: {problem}", settings.name))?,
            ),
            None => None,
        };
        let portals: Vec<(PortalId, &super::PortalConfig)> = (0_u16..)
            .map(PortalId)
            .zip(&config.portals)
            .filter(|(_, portal)| portal.camera == camera)
            .collect();
        let lines: Vec<Portal> = portals
            .iter()
            .map(|(_, portal)| portal.portal.clone())
            .collect();
        let counters = portals
            .iter()
            .map(|(id, portal)| {
                let counter = CrossingCounter::new(portal.portal.clone(), portal.counter.clone());
                (*id, portal.door, counter)
            })
            .collect();
        Ok(Self {
            model,
            grid: Grid::new(settings.grid.clone(), &lines),
            tracker: Tracker::new(settings.tracker.clone()),
            counters,
            sight: SightState::Clear,
            blind_since: None,
            last_frame: None,
        })
    }

    /// The time between the last frame and this one, if it was too long to trust.
    fn gap_before(&self, taken: Instant) -> Option<Interval> {
        let last = self.last_frame?;
        (taken - last > MAX_FRAME_GAP).then(|| Interval::new(last, taken))
    }

    /// Puts the frame's people on the floor, into `scratch.observations`.
    fn observe(&self, config: &EngineConfig, frame: &FrameInput, scratch: &mut Scratch) {
        scratch.observations.clear();
        match (&frame.seen, &self.model) {
            (Seen::Footprints(given), _) => scratch.observations.extend_from_slice(given),
            (Seen::Boxes(boxes), Some(model)) => {
                let settings = &config.cameras[usize::from(frame.camera.0)].footprints;
                model.footprints(settings, boxes, &mut scratch.footprints);
                let pairs = boxes.iter().zip(&scratch.footprints);
                scratch.observations.extend(pairs.filter_map(observation));
            }
            // Boxes without a calibration mean nothing on the floor.
            (Seen::Boxes(_), None) => {}
        }
    }

    /// One tracker step, then every counter reads the tracks.
    fn track_and_count(
        &mut self,
        taken: Instant,
        observations: &[Observation],
        crossings: &mut Vec<Crossing>,
    ) {
        self.tracker
            .step(taken, self.model.as_ref(), Some(&self.grid), observations);
        let tracks = self.tracker.tracks();
        for (portal, door, counter) in &mut self.counters {
            let first = crossings.len();
            counter.step(taken, tracks, crossings);
            for crossing in &mut crossings[first..] {
                crossing.portal = *portal;
                crossing.door = *door;
                crossing.tiles.clear();
                let Ok(place) = tracks.binary_search_by_key(&crossing.track, |track| track.id)
                else {
                    continue;
                };
                for point in &tracks[place].path {
                    let Some(tile) = self.grid.tile_at(point.point) else {
                        continue;
                    };
                    if crossing.tiles.last() != Some(&tile) {
                        crossing.tiles.push(tile);
                    }
                }
            }
        }
    }
}

fn observation((detection, footprint): (&Detection, &Option<Footprint>)) -> Option<Observation> {
    footprint.map(|footprint| Observation {
        footprint,
        bbox: Some(detection.bbox),
        score: detection.score,
    })
}

fn dangling_references(config: &EngineConfig) -> Vec<String> {
    let mut problems = Vec::new();
    for portal in &config.portals {
        if usize::from(portal.camera.0) >= config.cameras.len() {
            problems.push(format!(
                "portal {:?} names a camera that isn't there",
                portal.name
            ));
        }
        if usize::from(portal.door.0) >= config.doors.len() {
            problems.push(format!(
                "portal {:?} names a door that isn't there",
                portal.name
            ));
        }
    }
    problems
}
