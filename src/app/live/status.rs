//! How the box stands, in one object: for `tailgate top`, for scripts, for a person with a browser.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use serde::{Deserialize, Serialize};

use super::group::Group;
use super::judge::Listener;
use super::metrics::CameraMetrics;
use crate::engine::Alarm;
use crate::sight::SightState;
use crate::units::Instant;
use crate::verdict::{Verdict, explain_verdict};

/// How the box stands.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Status {
    /// The site's name.
    pub site: String,
    /// Since when it runs, UTC.
    pub since: String,
    /// By name.
    pub cameras: BTreeMap<String, CameraStatus>,
    /// By name.
    pub doors: BTreeMap<String, DoorStatus>,
    /// Threads that do not get on, with for how many seconds.
    pub stuck: Vec<(String, f64)>,
}

/// How a camera stands.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct CameraStatus {
    /// What its picture is worth.
    pub sight: String,
    /// Why, in one line.
    pub why: String,
    /// Since when, UTC.
    pub since: String,
    /// Frames judged a second.
    pub rate_hz: f64,
    /// People on the floor.
    pub people: i64,
    /// Compressed pictures that came.
    pub received: u64,
    /// Frames dropped because looking was behind.
    pub dropped: u64,
    /// Frames that nobody needed to look at.
    pub skipped: u64,
    /// Streams that ended.
    pub reconnects: u64,
    /// How far its wall clock is ahead of the site's time line, where it says what it shows, s.
    #[serde(default)]
    pub clock_ahead_s: f64,
}

/// How a door stands.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct DoorStatus {
    /// First statements, by kind.
    pub verdicts: BTreeMap<String, u64>,
    /// The last statement, as a guard reads it.
    pub last: String,
    /// When it was stated, UTC.
    pub last_at: String,
}

#[derive(Debug, Default)]
struct Shared {
    status: Status,
    counts: BTreeMap<String, CameraMetrics>,
}

/// The status, shared between who writes it and who shows it.
#[derive(Debug, Clone, Default)]
pub struct Board {
    shared: Arc<Mutex<Shared>>,
}

impl Board {
    /// A board of a site without cameras.
    pub fn new(site: &str, since: Instant) -> Self {
        let status = Status {
            site: site.to_owned(),
            since: utc(since),
            ..Status::default()
        };
        let counts = BTreeMap::new();
        Self {
            shared: Arc::new(Mutex::new(Shared { status, counts })),
        }
    }

    /// From now on the site has these cameras and doors; what is known of those that stay, stays.
    pub fn set(
        &self,
        now: Instant,
        counts: BTreeMap<String, CameraMetrics>,
        doors: impl IntoIterator<Item = String>,
    ) {
        let starting = CameraStatus {
            sight: name_of(SightState::NoFootage),
            why: "starting".to_owned(),
            since: utc(now),
            ..CameraStatus::default()
        };
        let mut shared = self.lock();
        let status = &mut shared.status;
        let mut known = std::mem::take(&mut status.cameras);
        let cameras = counts.keys().cloned();
        status.cameras = cameras
            .map(|name| {
                let camera = known.remove(&name);
                (name, camera.unwrap_or_else(|| starting.clone()))
            })
            .collect();
        let mut known = std::mem::take(&mut status.doors);
        status.doors = doors
            .into_iter()
            .map(|name| {
                let door = known.remove(&name);
                (name, door.unwrap_or_default())
            })
            .collect();
        shared.counts = counts;
    }

    fn lock(&self) -> MutexGuard<'_, Shared> {
        self.shared.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The status now.
    pub fn now(&self) -> Status {
        let shared = self.lock();
        let mut status = shared.status.clone();
        for (name, counts) in &shared.counts {
            let Some(camera) = status.cameras.get_mut(name) else {
                continue;
            };
            camera.rate_hz = counts.rate_hz.get();
            camera.people = counts.tracks.get();
            camera.received = counts.received.get();
            camera.dropped = counts.dropped.get();
            camera.skipped = counts.skipped.get();
            camera.reconnects = counts.reconnects.get();
            camera.clock_ahead_s = counts.clock_ahead_s.get();
        }
        status
    }
}

impl Listener for Board {
    fn verdict(&mut self, group: &Group, verdict: &Verdict) {
        let line = explain_verdict(verdict, &group.names);
        let status = &mut self.lock().status;
        // A door that was taken out may still have something to say: not on the board.
        let Some(door) = status.doors.get_mut(group.door(verdict)) else {
            return;
        };
        if verdict.revision == 1 {
            let kind = verdict.kind.name().to_owned();
            *door.verdicts.entry(kind).or_default() += 1;
        }
        door.last = line;
        door.last_at = utc(verdict.stated_at);
    }

    fn sight(&mut self, group: &Group, at: Instant, state: SightState, why: &str) {
        let status = &mut self.lock().status;
        let Some(camera) = status.cameras.get_mut(&group.camera) else {
            return;
        };
        camera.sight = name_of(state);
        camera.why = why.to_owned();
        camera.since = utc(at);
    }

    fn alarm(&mut self, _: &Group, _: &Alarm) {}
}

/// A sight state as it is written.
pub fn name_of(state: SightState) -> String {
    let name = serde_json::to_value(state);
    let name = name.ok().and_then(|name| name.as_str().map(str::to_owned));
    name.unwrap_or_default()
}

/// A moment as people read it, UTC.
pub fn utc(at: Instant) -> String {
    match jiff::Timestamp::from_microsecond(at.as_us()) {
        Ok(stamp) => format!("{stamp:.3}"),
        Err(_) => at.to_string(),
    }
}
