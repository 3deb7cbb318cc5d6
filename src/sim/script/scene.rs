//! What a scene script says.

use super::Expectation;
use crate::access::AccessKind;
use crate::crossing::Direction;
use crate::floor::PointInFloor;
use crate::sight::SightState;
use crate::verdict::Policy;

/// A scene: everything that happens, and what must come of it.
#[derive(Debug, Clone, PartialEq)]
pub struct Scene {
    /// What it shows, in one line.
    pub title: String,
    /// Frames a second.
    pub rate_hz: f64,
    /// How long it lasts, s; by default until everybody is gone and everything is judged.
    pub length_s: Option<f64>,
    /// Doors in view; one or more.
    pub doors: Vec<DoorSetup>,
    /// Corners of the grid, m.
    pub grid: (PointInFloor, PointInFloor),
    /// Edge of a tile, m.
    pub tile_m: f64,
    /// Polygons nobody can stand in, m.
    pub blocked: Vec<Vec<PointInFloor>>,
    /// The camera, for detection level and for pictures.
    pub camera: CameraSetup,
    /// People.
    pub walkers: Vec<Walker>,
    /// What the access-control system and the cameras report.
    pub events: Vec<Timed<SceneEvent>>,
    /// How badly the detector sees.
    pub noise: Noise,
    /// How it looks when it is rendered.
    pub look: Look,
    /// Whether it also holds when the engine is given boxes instead of places.
    pub boxes: bool,
    /// What must come out.
    pub expect: Expectation,
}

/// How a scene looks when it is rendered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Look {
    /// Seed of the people's bodies and clothes.
    pub people: u64,
    /// Seed of the room: finishes, lamps, furniture.
    pub room: u64,
    /// Whether doorways have leaves that swing.
    pub leaf: bool,
}

/// A door and its portal.
#[derive(Debug, Clone, PartialEq)]
pub struct DoorSetup {
    /// Name.
    pub name: String,
    /// The portal's line, m; the inside is to the left when walking along it.
    pub line: Vec<PointInFloor>,
    /// Hysteresis depth, m.
    pub depth_m: f64,
    /// Its readers; empty: any.
    pub readers: Vec<String>,
    /// How its ledger judges.
    pub policy: Policy,
}

/// Where the camera is and how it looks. Angles in degrees, as a person would write them.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct CameraSetup {
    /// Foot of the camera on the floor, m.
    pub at: PointInFloor,
    /// Height over the floor, m.
    pub height_m: f64,
    /// Downward tilt, degrees.
    pub pitch_deg: f64,
    /// Heading from +y, to the right, degrees.
    pub yaw_deg: f64,
    /// Roll, degrees.
    pub roll_deg: f64,
    /// Focal length, px.
    pub focal_px: f64,
    /// Picture, px.
    pub size_px: (u32, u32),
    /// Brown-Conrady k1 of the lens.
    pub k1: f64,
}

/// Somebody who walks.
#[derive(Debug, Clone, PartialEq)]
pub struct Walker {
    /// Name, within the script.
    pub name: String,
    /// When they appear, s.
    pub from_s: f64,
    /// Height, m.
    pub height_m: f64,
    /// First place, m.
    pub start: PointInFloor,
    /// What they do then.
    pub legs: Vec<Leg>,
    /// Spans in which no detector sees them, s.
    pub hidden: Vec<(f64, f64)>,
    /// Spans in which their feet cannot be seen (detection level), s.
    pub feet_hidden: Vec<(f64, f64)>,
}

/// One thing a walker does.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Leg {
    /// Walks straight to a place.
    Walk {
        /// Where to, m.
        to: PointInFloor,
        /// How fast, m/s.
        speed: f64,
    },
    /// Stands still, s.
    Wait(f64),
}

/// Something reported.
#[derive(Debug, Clone, PartialEq)]
pub enum SceneEvent {
    /// By the access-control system.
    Access {
        /// What.
        kind: AccessKind,
        /// Event id.
        id: String,
        /// Which door, by name; the first one by default.
        door: Option<String>,
        /// Reader.
        reader: Option<String>,
        /// Holder.
        holder: Option<String>,
        /// Direction of the reader.
        direction: Option<Direction>,
        /// Passages allowed.
        passages: Option<u8>,
        /// When the box learns of it, s; at once by default.
        arrives_s: Option<f64>,
        /// How coarse its stamp is, s.
        coarse_s: f64,
    },
    /// The camera's sight changes.
    Sight(SightState),
    /// The feed of the first door is complete to here but for the gaps.
    Feed {
        /// Complete to, s.
        complete_to_s: f64,
        /// Known gaps, s.
        gaps: Vec<(f64, f64)>,
    },
}

/// Something at a time.
#[derive(Debug, Clone, PartialEq)]
pub struct Timed<T> {
    /// When, s.
    pub at_s: f64,
    /// What.
    pub what: T,
}

/// How badly the detector sees. All off by default: then everything is exact.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Noise {
    /// Standard deviation of a footprint, m (of box edges at detection level, as a share of it).
    pub sd_m: f64,
    /// Share of sightings that are missed.
    pub miss: f64,
    /// False sightings a frame.
    pub false_rate: f64,
    /// Standard deviation of frame times, s.
    pub jitter_s: f64,
    /// Share of frames that never arrive.
    pub drop: f64,
    /// Seed.
    pub seed: u64,
}

/// Why a script cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("line {line}: {problem}")]
pub struct ScriptError {
    /// From 1.
    pub line: usize,
    /// What is wrong and what to do.
    pub problem: String,
}
