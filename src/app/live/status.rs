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

/// The status, shared between who writes it and who shows it.
#[derive(Debug, Clone, Default)]
pub struct Board {
    status: Arc<Mutex<Status>>,
    counts: BTreeMap<String, CameraMetrics>,
}

impl Board {
    /// A board of a site with these cameras and doors.
    pub fn new(
        site: &str,
        since: Instant,
        counts: BTreeMap<String, CameraMetrics>,
        doors: impl IntoIterator<Item = String>,
    ) -> Self {
        let starting = CameraStatus {
            sight: name_of(SightState::NoFootage),
            why: "starting".to_owned(),
            since: utc(since),
            ..CameraStatus::default()
        };
        let cameras = counts.keys().cloned();
        let status = Status {
            site: site.to_owned(),
            since: utc(since),
            cameras: cameras.map(|name| (name, starting.clone())).collect(),
            doors: doors
                .into_iter()
                .map(|door| (door, DoorStatus::default()))
                .collect(),
            stuck: Vec::new(),
        };
        Self {
            status: Arc::new(Mutex::new(status)),
            counts,
        }
    }

    fn lock(&self) -> MutexGuard<'_, Status> {
        self.status.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The status now.
    pub fn now(&self) -> Status {
        let mut status = self.lock().clone();
        for (name, counts) in &self.counts {
            let Some(camera) = status.cameras.get_mut(name) else {
                continue;
            };
            camera.rate_hz = counts.rate_hz.get();
            camera.people = counts.tracks.get();
            camera.received = counts.received.get();
            camera.dropped = counts.dropped.get();
            camera.skipped = counts.skipped.get();
            camera.reconnects = counts.reconnects.get();
        }
        status
    }
}

impl Listener for Board {
    fn verdict(&mut self, group: &Group, verdict: &Verdict) {
        let line = explain_verdict(verdict, &group.names);
        let mut status = self.lock();
        let door = status.doors.entry(group.door(verdict).to_owned());
        let door = door.or_default();
        if verdict.revision == 1 {
            let kind = verdict.kind.name().to_owned();
            *door.verdicts.entry(kind).or_default() += 1;
        }
        door.last = line;
        door.last_at = utc(verdict.stated_at);
    }

    fn sight(&mut self, group: &Group, at: Instant, state: SightState, why: &str) {
        let mut status = self.lock();
        let camera = status.cameras.entry(group.camera.clone()).or_default();
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
