//! What a tracker knows, as a value: written down, read again, and gone on from.
//!
//! Buffers are left out, and so are the settings: a state is nothing without the configuration that
//! it was reached with. What is read may be anything: it is checked for what the tracker relies on.

use serde::{Deserialize, Serialize};

use super::body::Body;
use super::tracker::MAX_TRACKS;
use super::{Track, Tracker, TrackerSettings};
use crate::units::Instant;

/// Everything that a [`Tracker`] knows but its settings.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct TrackerState {
    tracks: Vec<Track>,
    bodies: Vec<Body>,
    next_id: u32,
    last_step: Option<Instant>,
}

impl TrackerState {
    /// Nobody is followed; those who come are numbered after all who were.
    pub fn successor(&self) -> Self {
        Self {
            tracks: Vec::new(),
            bodies: Vec::new(),
            next_id: self.next_id,
            last_step: None,
        }
    }

    /// How many people are followed.
    pub fn tracks(&self) -> usize {
        self.tracks.len()
    }
}

impl Tracker {
    /// What it knows now.
    pub fn state(&self) -> TrackerState {
        TrackerState {
            tracks: self.tracks.clone(),
            bodies: self.bodies.clone(),
            next_id: self.next_id,
            last_step: self.last_step,
        }
    }

    /// A tracker that goes on from `state`. `Err` says what of it cannot be.
    pub fn resume(settings: TrackerSettings, state: TrackerState) -> Result<Self, String> {
        let TrackerState {
            tracks,
            bodies,
            next_id,
            last_step,
        } = state;
        if tracks.len() != bodies.len() {
            return Err("tracks and what is known of them differ in number".to_owned());
        }
        if tracks.len() > MAX_TRACKS {
            return Err(format!("there are more than {MAX_TRACKS} tracks"));
        }
        if !tracks.is_sorted_by(|a, b| a.id < b.id) {
            return Err("tracks are not in the order of their numbers".to_owned());
        }
        let mut tracker = Self::new(settings);
        tracker.tracks = tracks;
        tracker.bodies = bodies;
        tracker.next_id = next_id;
        tracker.last_step = last_step;
        Ok(tracker)
    }
}
