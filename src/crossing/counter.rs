//! Counts who passes a portal, in which direction, and when.

use serde::{Deserialize, Serialize};

use super::CounterSettings;
use crate::floor::{Portal, TileIndex};
use crate::tracking::Track;
use crate::units::{CameraId, CrossingId, DoorId, Doubt, Instant, Interval, PortalId, TrackId};

/// Which way somebody passed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Direction {
    /// From outside to inside.
    In,
    /// From inside to outside.
    Out,
}

/// A track passed a portal in a direction, after hysteresis.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Crossing {
    /// Its number; given by the engine in the order in which crossings were established.
    pub id: CrossingId,
    /// The door it counts for.
    pub door: DoorId,
    /// The portal passed.
    pub portal: PortalId,
    /// The camera that saw it.
    pub camera: CameraId,
    /// Who.
    pub track: TrackId,
    /// Which way.
    pub direction: Direction,
    /// Best estimate of when the line was passed.
    pub at: Instant,
    /// From when it can have been to when: last settled outside to first settled inside.
    pub interval: Interval,
    /// When the counter became sure: the frame that completed the crossing.
    pub settled_at: Instant,
    /// How far beyond the line the track went, m.
    pub margin_m: f64,
    /// Where along the portal's line it passed, m.
    pub station_m: f64,
    /// The tiles walked over around the crossing, in order.
    pub tiles: Vec<TileIndex>,
    /// Why it may be wrong.
    pub doubts: Vec<Doubt>,
}

/// The counter of one portal.
#[derive(Debug, Clone)]
pub struct CrossingCounter {
    portal: Portal,
    settings: CounterSettings,
}

impl CrossingCounter {
    /// A counter that has seen nobody.
    pub fn new(portal: Portal, settings: CounterSettings) -> Self {
        Self { portal, settings }
    }

    /// The portal it watches.
    pub fn portal(&self) -> &Portal {
        &self.portal
    }

    /// Reads the tracks after one tracker step and appends the crossings established by it.
    /// Ids (crossing, door, portal, camera) and tiles are filled in by the engine.
    pub fn step(&mut self, _at: Instant, _tracks: &[Track], _out: &mut Vec<Crossing>) {
        let _ = &self.settings;
        unimplemented!("crossing helper")
    }
}
