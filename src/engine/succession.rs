//! An engine that takes over from one with another configuration.
//!
//! Theory: what did not change is kept, by name, whatever its number has become. A camera with the
//! same settings keeps its tracks, and of portals that are the same its counters: whoever was counted
//! is not counted again. A door with the same settings and portals keeps its ledger: credits,
//! crossings, what was said and under which id. All else begins anew, and what happened before it
//! began was not seen: a new door knows nothing of before but whether it was unlocked, and a door whose camera changed is blind from that camera's last frame on until the camera
//! is told to see. Numbers of crossings and tracks go on, so that none comes twice.

use std::collections::BTreeMap;

use super::state::CameraMemory;
use super::step::Untold;
use super::{Engine, EngineConfig, EngineState, PortalConfig};
use crate::sight::SightState;
use crate::units::{CameraId, DoorId, Doubt, Instant, Interval, PortalId, Span};
use crate::verdict::{LedgerState, Renamed};

/// A new door is told that it was unseen for this long before it began: longer than any window.
const UNSEEN_BEFORE: Span = Span::from_ms(3_600_000);

/// What became of the cameras and doors of the configuration before, by name.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Succession {
    /// Cameras that keep their tracks.
    pub cameras_kept: Vec<String>,
    /// Cameras that begin anew: they were not there, or are set otherwise now.
    pub cameras_new: Vec<String>,
    /// Cameras that are no longer there.
    pub cameras_gone: Vec<String>,
    /// Doors that keep their ledger.
    pub doors_kept: Vec<String>,
    /// Doors that begin anew: they were not there, or are set otherwise now.
    pub doors_new: Vec<String>,
    /// Doors that are no longer there.
    pub doors_gone: Vec<String>,
}

impl Succession {
    /// Nothing changed.
    pub fn of_the_same(config: &EngineConfig) -> Self {
        let cameras = config.cameras.iter().map(|camera| camera.name.clone());
        let doors = config.doors.iter().map(|door| door.name.clone());
        Self {
            cameras_kept: cameras.collect(),
            doors_kept: doors.collect(),
            ..Self::default()
        }
    }
}

impl Engine {
    /// The engine of `config` that takes over at `now` from one of the configuration `before` in
    /// `state`, and what became of cameras and doors. A camera that begins anew is blind
    /// (`no_footage`) until it is told to be clear. `Err`: what is wrong with the new configuration,
    /// and what of the state cannot be.
    pub fn succeed(
        config: EngineConfig,
        before: &EngineConfig,
        state: EngineState,
        now: Instant,
    ) -> Result<(Self, Succession), Vec<String>> {
        // A state is good for what it was reached with, or for nothing.
        let state = Self::resume(before.clone(), state)?.state();
        let fresh = Self::new(config)?;
        let heir = Heir {
            config: fresh.config(),
            before,
            state: &state,
            now: now.max(state.now),
        };
        let mut succession = Succession::default();
        let cameras = heir.cameras(&mut succession);
        let doors = heir.doors(&mut succession);
        let new_state = heir.state(fresh.state(), &cameras, &doors);
        let config = fresh.config().clone();
        Self::resume(config, new_state).map(|engine| (engine, succession))
    }
}

/// What is needed to find out what is kept.
struct Heir<'a> {
    config: &'a EngineConfig,
    before: &'a EngineConfig,
    state: &'a EngineState,
    now: Instant,
}

/// Where a camera comes from.
#[derive(Clone, Copy)]
enum Origin {
    /// It is the one with this place before.
    Kept(usize),
    /// It bears the name of the one with this place before.
    Changed(usize),
    /// Nobody bore its name.
    New,
}

impl Heir<'_> {
    /// Where each camera comes from.
    fn cameras(&self, told: &mut Succession) -> Vec<Origin> {
        let mut old: BTreeMap<&str, usize> = BTreeMap::new();
        for (place, camera) in self.before.cameras.iter().enumerate() {
            old.entry(&camera.name).or_insert(place);
        }
        let cameras =
            self.config
                .cameras
                .iter()
                .map(|camera| match old.remove(camera.name.as_str()) {
                    Some(place) if self.before.cameras[place] == *camera => {
                        told.cameras_kept.push(camera.name.clone());
                        Origin::Kept(place)
                    }
                    found => {
                        told.cameras_new.push(camera.name.clone());
                        found.map_or(Origin::New, Origin::Changed)
                    }
                });
        let cameras = cameras.collect();
        told.cameras_gone = old.into_keys().map(str::to_owned).collect();
        cameras
    }

    /// Which door before each door is; `None` for those that begin anew.
    fn doors(&self, told: &mut Succession) -> Vec<Option<usize>> {
        let mut old: BTreeMap<&str, usize> = BTreeMap::new();
        for (place, door) in self.before.doors.iter().enumerate() {
            old.entry(&door.name).or_insert(place);
        }
        let doors = self.config.doors.iter().enumerate();
        let doors = doors.map(|(new, door)| {
            let found = old.remove(door.name.as_str());
            let found = found.filter(|place| {
                self.before.doors[*place] == *door && self.same_portals(*place, new)
            });
            match found {
                Some(_) => told.doors_kept.push(door.name.clone()),
                None => told.doors_new.push(door.name.clone()),
            }
            found
        });
        let doors = doors.collect();
        told.doors_gone = old.into_keys().map(str::to_owned).collect();
        doors
    }

    /// The door of the same name before, however it was set.
    fn door_before(&self, place: usize) -> Option<usize> {
        let name = &self.config.doors[place].name;
        self.before.doors.iter().position(|door| door.name == *name)
    }

    /// Whether two doors have the same portals, before the same cameras by name.
    fn same_portals(&self, before: usize, after: usize) -> bool {
        let own = |config: &EngineConfig, door: usize| -> Vec<usize> {
            let portals = config.portals.iter().enumerate();
            let own = portals.filter(|(_, portal)| usize::from(portal.door.0) == door);
            own.map(|(place, _)| place).collect()
        };
        let (old, new) = (own(self.before, before), own(self.config, after));
        old.len() == new.len()
            && new
                .into_iter()
                .all(|place| self.portal_before(place).is_some())
    }

    /// The place before of a portal that did not change; its door may have.
    fn portal_before(&self, place: usize) -> Option<usize> {
        let portal = &self.config.portals[place];
        let named = |config: &EngineConfig, portal: &PortalConfig| -> Option<(String, String)> {
            let camera = config.cameras.get(usize::from(portal.camera.0))?;
            let door = config.doors.get(usize::from(portal.door.0))?;
            Some((camera.name.clone(), door.name.clone()))
        };
        self.before.portals.iter().position(|old| {
            old.name == portal.name
                && old.portal == portal.portal
                && old.counter == portal.counter
                && named(self.before, old) == named(self.config, portal)
        })
    }

    /// The state to begin with: `fresh` with what is kept put into it.
    fn state(
        &self,
        mut fresh: EngineState,
        cameras: &[Origin],
        doors: &[Option<usize>],
    ) -> EngineState {
        fresh.now = self.now;
        fresh.next_crossing = self.state.next_crossing;
        for (place, (memory, origin)) in fresh.cameras.iter_mut().zip(cameras).enumerate() {
            self.put_camera(place, memory, *origin);
        }
        for (place, (ledger, before)) in fresh.doors.iter_mut().zip(doors).enumerate() {
            match (before, self.door_before(place)) {
                (Some(before), _) => *ledger = self.ledger(place, *before),
                (None, Some(namesake)) => ledger.take_unlocks(&self.state.doors[namesake]),
                (None, None) => {}
            }
        }
        fresh.untold = self.untold(&fresh, cameras, doors);
        fresh
    }

    fn put_camera(&self, place: usize, memory: &mut CameraMemory, origin: Origin) {
        let unseen = |since: Instant| Some((since, Doubt::FootageEnded));
        match origin {
            Origin::Kept(before) => {
                let old = &self.state.cameras[before];
                let counters = self.counters(place, before, &memory.counters);
                *memory = CameraMemory {
                    counters,
                    ..old.clone()
                };
            }
            Origin::Changed(before) => {
                let old = &self.state.cameras[before];
                memory.tracker = old.tracker.successor();
                memory.sight = SightState::NoFootage;
                let last = old.last_frame.unwrap_or(self.now);
                memory.blind_since = old.blind_since.or(unseen(last.min(self.now)));
                memory.last_frame = old.last_frame;
            }
            Origin::New => {
                memory.sight = SightState::NoFootage;
                memory.blind_since = unseen(self.now);
            }
        }
    }

    /// The counters of a camera that was kept: those of portals that are the same go on, also where
    /// the policy of their door is another now.
    fn counters(
        &self,
        place: usize,
        before: usize,
        fresh: &[crate::crossing::CounterState],
    ) -> Vec<crate::crossing::CounterState> {
        let of = |config: &EngineConfig, camera: usize| -> Vec<usize> {
            let portals = config.portals.iter().enumerate();
            let own = portals.filter(|(_, portal)| usize::from(portal.camera.0) == camera);
            own.map(|(place, _)| place).collect()
        };
        let old = of(self.before, before);
        let new = of(self.config, place).into_iter().zip(fresh);
        new.map(|(portal, fresh)| {
            let found = self.portal_before(portal);
            let found = found.and_then(|found| old.iter().position(|place| *place == found));
            found
                .and_then(|found| self.state.cameras[before].counters.get(found))
                .unwrap_or(fresh)
                .clone()
        })
        .collect()
    }

    /// A ledger that is kept, with things numbered as they are now.
    fn ledger(&self, place: usize, before: usize) -> LedgerState {
        let portal = |old: PortalId| {
            let mut portals = 0..self.config.portals.len();
            let found = portals.find(|new| self.portal_before(*new) == Some(usize::from(old.0)));
            found.map_or(old, |place| PortalId(place as u16))
        };
        let camera = |old: CameraId| {
            let name = self.before.cameras.get(usize::from(old.0));
            let mut cameras = self.config.cameras.iter();
            let found = name.and_then(|old| cameras.position(|new| new.name == old.name));
            found.map_or(old, |place| CameraId(place as u16))
        };
        let renamed = Renamed {
            door: DoorId(place as u16),
            portal: &portal,
            camera: &camera,
        };
        self.state.doors[before].clone().renamed(&renamed)
    }

    /// What doors were not seen during, that they have to be told.
    fn untold(
        &self,
        fresh: &EngineState,
        cameras: &[Origin],
        doors: &[Option<usize>],
    ) -> Vec<Untold> {
        let mut untold = Vec::new();
        for old in &self.state.untold {
            let found = doors
                .iter()
                .position(|before| *before == Some(usize::from(old.door.0)));
            untold.extend(found.map(|place| Untold {
                door: DoorId(place as u16),
                ..*old
            }));
        }
        for (place, before) in doors.iter().enumerate() {
            let door = DoorId(place as u16);
            if before.is_none() {
                untold.push(Untold {
                    door,
                    blind: Interval::new(self.now - UNSEEN_BEFORE, self.now),
                    doubt: Doubt::FootageEnded,
                });
            }
            for (camera, memory) in fresh.cameras.iter().enumerate() {
                let Some((since, doubt)) = memory.blind_since else {
                    continue;
                };
                let watches =
                    self.config.portals.iter().any(|portal| {
                        usize::from(portal.camera.0) == camera && portal.door == door
                    });
                // It knows already of what its camera was blind for before.
                let known = before.is_some()
                    && match cameras[camera] {
                        Origin::Kept(old) | Origin::Changed(old) => {
                            self.state.cameras[old].blind_since.is_some()
                        }
                        Origin::New => false,
                    };
                if watches && !known {
                    untold.push(Untold {
                        door,
                        blind: Interval::new(since, Instant::MAX),
                        doubt,
                    });
                }
            }
        }
        untold
    }
}
