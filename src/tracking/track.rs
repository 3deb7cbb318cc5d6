//! One identity hypothesis.

use std::collections::VecDeque;

use serde::{Deserialize, Serialize};

use crate::detection::BoxInImage;
use crate::floor::{Cov2, FootprintBasis, PointInFloor};
use crate::units::{Instant, TrackId};

/// Where a track is in its life.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TrackState {
    /// Seen, not yet believed. Its path is kept and counted once it is confirmed (back-fill).
    /// A tentative track that comes to nothing vanishes; it is never shown as ended.
    Tentative,
    /// Believed and seen in the last frame or bridged over a short gap.
    Confirmed,
    /// Believed, not seen now.
    Lost,
    /// Over: kept in the list for exactly one step, so that counters can settle their accounts.
    /// Only tracks that were believed end.
    Ended,
}

/// Where a track was at one frame.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct PathPoint {
    /// The frame's time.
    pub at: Instant,
    /// Filtered position, m.
    pub point: PointInFloor,
    /// Its covariance, m squared.
    pub cov: Cov2,
    /// Filtered velocity, m/s.
    pub velocity: (f64, f64),
    /// What the frame's footprint rested on; `None` where the track was predicted, not seen.
    pub basis: Option<FootprintBasis>,
    /// Whether another person was close enough that identities may have been swapped here.
    pub crowded: bool,
}

/// One identity hypothesis over time.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Track {
    /// Its identity; opaque, never reused in a run.
    pub id: TrackId,
    /// Where it is in its life.
    pub state: TrackState,
    /// Time of the first sighting.
    pub born: Instant,
    /// Time of the last sighting.
    pub last_seen: Instant,
    /// The last box in the picture, if it came from pixels.
    pub bbox: Option<BoxInImage>,
    /// Score of the last sighting.
    pub score: f64,
    /// The person's height as learned, m.
    pub height_m: Option<f64>,
    /// The path since birth, oldest first, one point a frame, bounded by the tracker's memory.
    ///
    /// Points up to `last_seen` are final: they never change again. Points after it are predictions;
    /// when the track is seen again they are replaced by points between the two sightings (the same
    /// frames, still with `basis: None`). A reader that has to act only once therefore reads up to
    /// `last_seen`. A track that was just confirmed holds its points from before that.
    pub path: VecDeque<PathPoint>,
}
