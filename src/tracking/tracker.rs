//! The tracker: predicts, associates, updates, on the floor.
//!
//! Theory of operation. Each frame: every track moves on by the true time since the last frame
//! (`kalman`), sightings are given to tracks (`association`), tracks take them in or coast, strong
//! sightings that nobody took begin tentative tracks, and lives go on or end by the clock of the
//! frames (`lifecycle`). A second detection of a person already tracked may begin a track, but it
//! is not confirmed before it has been seen apart from the first one for the usual time; then its
//! whole path counts. So a shadow of a track never counts, and somebody close behind always does.
//!
//! It knows nothing of portals, appearances or frame numbers.

use std::collections::VecDeque;

use serde::{Deserialize, Serialize};

use super::association::Association;
use super::body::{Body, View};
use super::lifecycle;
use super::path;
use super::sighting::Sighting;
use super::{PathPoint, Track, TrackState, TrackerSettings};
use crate::detection::BoxInImage;
use crate::floor::{CameraModel, Footprint, FootprintBasis, Grid};
use crate::units::{Instant, Span, TrackId};

/// Most tracks at one time; sightings beyond that begin none. Far above what a view can hold: it
/// bounds the work when a detector goes wild.
pub(super) const MAX_TRACKS: usize = 256;
/// Most sightings taken from one frame, for the same reason.
const MAX_SIGHTINGS: usize = 256;

/// One person seen in one frame, already on the floor.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Observation {
    /// Where the person stands.
    pub footprint: Footprint,
    /// The box it came from, if it came from pixels.
    #[serde(default, rename = "box", skip_serializing_if = "Option::is_none")]
    pub bbox: Option<BoxInImage>,
    /// How sure the detector is, 0 to 1.
    pub score: f64,
}

/// The tracker of one camera.
#[derive(Debug, Clone)]
pub struct Tracker {
    settings: TrackerSettings,
    /// In order of id, as are the bodies that belong to them.
    pub(super) tracks: Vec<Track>,
    pub(super) bodies: Vec<Body>,
    pub(super) next_id: u32,
    pub(super) last_step: Option<Instant>,
    sightings: Vec<Sighting>,
    association: Association,
    /// Paths of tracks that are over, kept for their memory.
    spare_paths: Vec<VecDeque<PathPoint>>,
}

impl Tracker {
    /// A tracker that has seen nobody.
    pub fn new(settings: TrackerSettings) -> Self {
        Self {
            settings,
            tracks: Vec::new(),
            bodies: Vec::new(),
            next_id: 1,
            last_step: None,
            sightings: Vec::new(),
            association: Association::default(),
            spare_paths: Vec::new(),
        }
    }

    /// Takes the observations of one frame. Frames must come in the order of time: one that is not
    /// newer than the last is ignored. Observations that are not finite are ignored too.
    pub fn step(
        &mut self,
        at: Instant,
        camera: Option<&CameraModel>,
        grid: Option<&Grid>,
        observations: &[Observation],
    ) {
        self.clear_away();
        if self.last_step.is_some_and(|last| at <= last) {
            return;
        }
        let dt = self.last_step.map_or(Span::ZERO, |last| at.since(last));
        self.last_step = Some(at);
        let view = View { camera, grid };
        self.sightings.clear();
        let sound = observations
            .iter()
            .filter_map(|observation| Sighting::new(observation, view, &self.settings));
        self.sightings.extend(sound.take(MAX_SIGHTINGS));

        self.predict(at, dt, view);
        self.association.run(
            at,
            &self.tracks,
            &self.bodies,
            &mut self.sightings,
            grid,
            &self.settings,
        );
        self.update(at, view);
        self.begin(at, view);
        lifecycle::settle(at, dt, &mut self.tracks, &mut self.bodies, &self.settings);
    }

    /// What it assumes.
    pub fn settings(&self) -> &TrackerSettings {
        &self.settings
    }

    /// All tracks, in order of id; ended ones stay for exactly one step.
    pub fn tracks(&self) -> &[Track] {
        &self.tracks
    }

    /// Removes the tracks that ended in the last step.
    fn clear_away(&mut self) {
        let mut index = 0;
        while index < self.tracks.len() {
            if self.tracks[index].state == TrackState::Ended {
                let mut track = self.tracks.remove(index);
                self.bodies.remove(index);
                track.path.clear();
                self.spare_paths.push(track.path);
            } else {
                index += 1;
            }
        }
    }

    /// Moves everybody on; who was unseen for too long ends here, before the frame can revive them.
    fn predict(&mut self, at: Instant, dt: Span, view: View<'_>) {
        let mut index = 0;
        while index < self.tracks.len() {
            let (track, body) = (&mut self.tracks[index], &mut self.bodies[index]);
            body.predict(track, at, dt, view, &self.settings);
            if !body.is_over(track, at, &self.settings) {
                index += 1;
            } else if track.state == TrackState::Tentative {
                let mut track = self.tracks.remove(index);
                self.bodies.remove(index);
                track.path.clear();
                self.spare_paths.push(track.path);
            } else {
                track.state = TrackState::Ended;
                index += 1;
            }
        }
    }

    fn update(&mut self, at: Instant, view: View<'_>) {
        for (index, found) in self.association.matches.iter().enumerate() {
            let (track, body) = (&mut self.tracks[index], &mut self.bodies[index]);
            if track.state == TrackState::Ended {
                path::forget(&mut track.path, at, self.settings.path_memory);
                continue;
            }
            match found {
                Some(found) => {
                    let sighting = &self.sightings[found.sighting];
                    body.update(track, at, sighting, found.distance2, view, &self.settings);
                    let point = path_point(at, body, Some(sighting.basis));
                    let noise = self.settings.acceleration_m2_s3;
                    path::close_gap(&mut track.path, track.last_seen, point, noise);
                    track.last_seen = at;
                    track.bbox = sighting.bbox;
                    track.score = sighting.score;
                }
                None => track.path.push_back(path_point(at, body, None)),
            }
            path::forget(&mut track.path, at, self.settings.path_memory);
        }
    }

    /// Begins tracks for strong sightings that nobody took.
    fn begin(&mut self, at: Instant, view: View<'_>) {
        for sighting in self.sightings.iter().filter(|s| s.strong && !s.taken) {
            if self.tracks.len() >= MAX_TRACKS {
                break;
            }
            let mut body = Body::new(at, sighting, view.camera, &self.settings);
            let mut track = Track {
                id: TrackId(self.next_id),
                state: TrackState::Tentative,
                born: at,
                last_seen: at,
                bbox: sighting.bbox,
                score: sighting.score,
                height_m: None,
                path: self.spare_paths.pop().unwrap_or_default(),
            };
            self.next_id = self.next_id.wrapping_add(1);
            body.learn_height(&mut track, sighting);
            track
                .path
                .push_back(path_point(at, &body, Some(sighting.basis)));
            self.tracks.push(track);
            self.bodies.push(body);
        }
    }
}

fn path_point(at: Instant, body: &Body, basis: Option<FootprintBasis>) -> PathPoint {
    PathPoint {
        at,
        point: body.motion.point,
        cov: body.motion.cov,
        velocity: body.motion.velocity,
        basis,
        crowded: false,
    }
}
