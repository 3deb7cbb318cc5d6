//! Door and calibration files as they are written, before anything is believed.
//!
//! The published JSON schemas are generated from these types, and the doc comments become their
//! descriptions: they are written for the person with the door file open. Every key is optional
//! here even where the schema requires it: the walker has already said what is missing, and the
//! checks of meaning go on with what there is.

use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::{Deserialize, Serialize};

use crate::crossing::{CounterSettings, Direction};
use crate::floor::FootprintSettings;
use crate::tracking::TrackerSettings;

use super::overrides;

/// A table of settings given by name.
pub(crate) type Overrides = serde_json::Map<String, serde_json::Value>;

/// A door: what the access-control system controls, the camera that sees it, and its portals.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(title = "tailgate door file")]
pub(crate) struct DoorFile {
    /// The door itself.
    #[schemars(required)]
    pub door: Option<DoorTable>,
    /// How the door's ledger judges.
    pub policy: Option<PolicyTable>,
    /// The camera that sees the door.
    pub camera: Option<CameraTable>,
    /// The camera's calibration, written here instead of in a file of its own.
    pub calibration: Option<CalibrationFile>,
    /// The door's openings on the floor; most doors have one.
    #[schemars(required, length(min = 1))]
    pub portal: Option<Vec<PortalTable>>,
    /// Which detector finds people, and what of it is believed.
    pub detector: Option<DetectorTable>,
    /// For experts: what the tracker assumes of people.
    #[serde(default)]
    #[schemars(schema_with = "tracker_schema")]
    pub tracker: Option<Overrides>,
    /// For experts: what a path must show to count as a crossing.
    #[serde(default)]
    #[schemars(schema_with = "counter_schema")]
    pub counter: Option<Overrides>,
    /// For experts: how far boxes are trusted.
    #[serde(default)]
    #[schemars(schema_with = "footprint_schema")]
    pub footprint: Option<Overrides>,
}

/// The door itself.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct DoorTable {
    /// A short name without spaces, used in ids and in grants files.
    #[schemars(required, length(min = 1))]
    pub name: Option<String>,
    /// The name people read, for example "Front door".
    #[schemars(length(min = 1))]
    pub title: Option<String>,
    /// Its access points as the access-control system names them. Without any, every grant of the
    /// file that names no other door counts.
    pub readers: Option<Vec<String>>,
}

/// How the door's ledger judges. Every key has a default.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct PolicyTable {
    /// A grant is good for a crossing up to this many seconds before it (default 1).
    #[schemars(range(min = 0.0, max = 600.0))]
    pub early_s: Option<f64>,
    /// A grant is good for a crossing up to this many seconds after it (default 10).
    #[schemars(extend("exclusiveMinimum" = 0.0), range(max = 3600.0))]
    pub window_s: Option<f64>,
    /// Where a door contact reports openings: a credit whose door was opened in time stays good
    /// while the door stays open, up to this many seconds after the grant (default: window_s alone).
    #[schemars(range(min = 0.0, max = 3600.0))]
    pub open_window_s: Option<f64>,
    /// An entry without a credit waits this many seconds for a late grant, at most (default 0.5).
    #[schemars(range(min = 0.0, max = 3600.0))]
    pub lateness_s: Option<f64>,
    /// An entry without a credit within this many seconds of a credited one is tailgating (default 5).
    #[schemars(range(min = 0.0, max = 600.0))]
    pub follow_s: Option<f64>,
    /// An entry without a credit within this many seconds of an exit slipped in on it (default 3).
    #[schemars(range(min = 0.0, max = 600.0))]
    pub exit_close_s: Option<f64>,
    /// In and out again within this many seconds nets to nothing, if net_u_turns (default 5).
    #[schemars(range(min = 0.0, max = 600.0))]
    pub u_turn_s: Option<f64>,
    /// Whether a person who goes in and comes straight out again nets to nothing (default false).
    pub net_u_turns: Option<bool>,
    /// How many passages one grant allows; more than one for escorts (default 1).
    #[schemars(range(min = 1, max = 255))]
    pub passages_per_grant: Option<u8>,
    /// Whether going out needs a grant too: true for readers on both sides (default false).
    pub exit_needs_grant: Option<bool>,
    /// The only way that may be walked; the other is wrong_way. Without it both may.
    pub one_way: Option<Way>,
    /// By how many seconds the clock of the access control may be off, either way (default 0).
    #[schemars(range(min = 0.0, max = 3600.0))]
    pub clock_s: Option<f64>,
    /// What is done about an offset between the clocks of camera and access control: "off", "fixed"
    /// (clock_offset_s says it), or "learn" it from passages (default off; fixed where
    /// clock_offset_s is given).
    pub clock_offset: Option<OffsetWord>,
    /// By how many seconds the clock of the access control is ahead of the camera's; negative if it
    /// is behind.
    #[schemars(range(min = -86400.0, max = 86400.0))]
    pub clock_offset_s: Option<f64>,
    /// When learning: offsets of up to this many seconds either way are looked for (default 30).
    #[schemars(range(min = 1.0, max = 120.0))]
    pub clock_range_s: Option<f64>,
    /// When learning: the usual time from badge to line at this door lies between these two, in
    /// seconds (default 1 and 3).
    #[schemars(length(min = 2, max = 2))]
    pub walk_s: Option<[f64; 2]>,
    /// How many seconds of the past are kept so that late truth can amend it (default 86400).
    #[schemars(range(min = 60.0, max = 31_536_000.0))]
    pub retention_s: Option<f64>,
    /// The step of the feed's time stamps in seconds: 1 for stamps in whole seconds (default 0, exact).
    #[schemars(range(min = 0.0, max = 60.0))]
    pub resolution_s: Option<f64>,
}

/// What is done about an offset between two clocks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum OffsetWord {
    /// Nothing.
    Off,
    /// It is known.
    Fixed,
    /// It is learned from passages.
    Learn,
}

/// A way through a door.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Way {
    /// From outside to inside.
    In,
    /// From inside to outside.
    Out,
}

impl From<Way> for Direction {
    fn from(way: Way) -> Self {
        match way {
            Way::In => Self::In,
            Way::Out => Self::Out,
        }
    }
}

/// The camera that sees the door.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct CameraTable {
    /// A short name; doors that name the same camera share it (default "camera").
    #[schemars(length(min = 1))]
    pub name: Option<String>,
    /// The calibration file, relative to this one; or write a `[calibration]` table instead.
    #[schemars(length(min = 1))]
    pub calibration: Option<String>,
}

/// One opening of the door.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct PortalTable {
    /// A short name, for example "main".
    #[schemars(required, length(min = 1))]
    pub name: Option<String>,
    /// The line on the floor that people step over, as points in the picture from one door post to
    /// the other.
    #[schemars(length(min = 2, max = 64))]
    pub points_px: Option<Vec<[f64; 2]>>,
    /// The line that people step over as points on the floor in metres, instead of points_px.
    #[schemars(length(min = 2, max = 64))]
    pub points_m: Option<Vec<[f64; 2]>>,
    /// Any point of the floor on the secured side, in the picture.
    pub inside_px: Option<[f64; 2]>,
    /// Any point of the floor on the secured side in metres, instead of inside_px.
    pub inside_m: Option<[f64; 2]>,
    /// How far from the line in metres a person must be to have settled on a side (default 0.3).
    #[schemars(extend("exclusiveMinimum" = 0.0), range(max = 3.0))]
    pub depth_m: Option<f64>,
    /// What going in and going out are called here, for example in a truth file.
    pub names: Option<NamesTable>,
}

/// What going in and going out are called.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct NamesTable {
    /// Going in (default "in").
    #[serde(rename = "in")]
    #[schemars(length(min = 1))]
    pub inward: Option<String>,
    /// Going out (default "out").
    #[serde(rename = "out")]
    #[schemars(length(min = 1))]
    pub outward: Option<String>,
}

/// Which detector finds people.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct DetectorTable {
    /// The model's name in the registry, or the path of its folder relative to this file.
    #[schemars(length(min = 1))]
    pub model: Option<String>,
    /// Detections that score less are not even handed on (default: the model's own threshold).
    #[schemars(range(min = 0.0, max = 1.0))]
    pub min_score: Option<f64>,
    /// Of two boxes that overlap more than this (intersection over union) one goes (default: the
    /// model's own).
    #[schemars(extend("exclusiveMinimum" = 0.0), range(max = 1.0))]
    pub max_overlap: Option<f64>,
}

/// A calibration: where a camera's picture lies on the floor.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(title = "tailgate calibration file")]
pub(crate) struct CalibrationFile {
    /// Width and height in pixels of the upright picture in which the points were taken.
    #[schemars(required)]
    pub image_px: Option<[f64; 2]>,
    /// Four or more points of the floor as seen in the picture.
    #[schemars(required, length(min = 4, max = 1000))]
    pub points_px: Option<Vec<[f64; 2]>>,
    /// The same points on the floor in metres, in the same order. The second axis lies a quarter turn to the left of
    /// the first, seen from above.
    #[schemars(required, length(min = 4, max = 1000))]
    pub points_m: Option<Vec<[f64; 2]>>,
    /// How wrong lengths on the floor may be, as a share: 0.1 is ten per cent (default 0.1).
    #[schemars(range(min = 0.0, max = 0.5))]
    pub uncertainty: Option<f64>,
    /// Mean height of the people here in metres (default 1.7).
    #[schemars(range(min = 0.5, max = 2.5))]
    pub person_height_m: Option<f64>,
    /// Standard deviation of their height in metres (default 0.1).
    #[schemars(extend("exclusiveMinimum" = 0.0), range(max = 0.5))]
    pub person_height_sd_m: Option<f64>,
    /// The lens, if it is known.
    pub lens: Option<LensTable>,
    /// The floor that is divided into tiles.
    pub grid: Option<GridTable>,
    /// How the calibration was made: written by `tailgate calibrate` and read by it again. Nothing
    /// else looks at it.
    pub made: Option<Made>,
}

/// How a calibration was made, and how sure it is.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Made {
    /// The way: points, rectangle, lines, board or people; with "refined with" before it for an
    /// existing calibration.
    pub by: Option<String>,
    /// The clip, picture or trace it was made from.
    pub from: Option<String>,
    /// Version of the program that wrote it.
    pub version: Option<String>,
    /// Measured control points in the picture, as they were clicked.
    #[schemars(length(max = 1000))]
    pub points_px: Option<Vec<[f64; 2]>>,
    /// The same points on the floor in metres, as they were measured.
    #[schemars(length(max = 1000))]
    pub points_m: Option<Vec<[f64; 2]>>,
    /// Root mean square of the distances between them and the calibration, in pixels.
    #[schemars(range(min = 0.0))]
    pub residual_px: Option<f64>,
    /// How many people it was made from.
    pub people: Option<u32>,
    /// How many sightings of them.
    pub sightings: Option<u32>,
    /// The true scale as a multiple of this one lies between these two with a probability of 90 %.
    pub scale_90: Option<[f64; 2]>,
    /// The same for the camera's height in metres.
    pub height_90_m: Option<[f64; 2]>,
    /// The same for the angle below the horizon in degrees.
    pub pitch_90_deg: Option<[f64; 2]>,
    /// The same for the turn about its axis in degrees.
    pub roll_90_deg: Option<[f64; 2]>,
    /// The same for the focal length in pixels.
    pub focal_90_px: Option<[f64; 2]>,
}

/// A lens: focal length and distortion as OpenCV's calibration gives them.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct LensTable {
    /// Focal length in pixels.
    #[schemars(required, extend("exclusiveMinimum" = 0.0))]
    pub focal_px: Option<f64>,
    /// The picture's optical centre in pixels (default: its middle).
    pub centre_px: Option<[f64; 2]>,
    /// First radial coefficient (default 0).
    pub k1: Option<f64>,
    /// Second radial coefficient (default 0).
    pub k2: Option<f64>,
    /// Third radial coefficient (default 0).
    pub k3: Option<f64>,
    /// First tangential coefficient (default 0).
    pub p1: Option<f64>,
    /// Second tangential coefficient (default 0).
    pub p2: Option<f64>,
}

/// The floor that is divided into tiles.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct GridTable {
    /// Edge of a tile in metres (default 0.5).
    #[schemars(range(min = 0.1, max = 5.0))]
    pub tile_m: Option<f64>,
    /// Least corner on the floor in metres; without min_m and max_m the grid lies around the
    /// calibration's points and the portals.
    pub min_m: Option<[f64; 2]>,
    /// Greatest corner on the floor in metres.
    pub max_m: Option<[f64; 2]>,
    /// How far the grid reaches beyond the points and portals in metres, if min_m and max_m are
    /// not given (default 2).
    #[schemars(range(min = 0.0, max = 50.0))]
    pub margin_m: Option<f64>,
    /// Floor where nobody can stand (desks, walls): a list of polygons in metres.
    #[schemars(length(max = 1000))]
    pub blocked_m: Option<Vec<Vec<[f64; 2]>>>,
    /// The same as polygons in the picture.
    #[schemars(length(max = 1000))]
    pub blocked_px: Option<Vec<Vec<[f64; 2]>>>,
    /// If given, only this floor can be walked on: a list of polygons in metres.
    #[schemars(length(max = 1000))]
    pub walkable_m: Option<Vec<Vec<[f64; 2]>>>,
    /// The same as polygons in the picture.
    #[schemars(length(max = 1000))]
    pub walkable_px: Option<Vec<Vec<[f64; 2]>>>,
}

fn tracker_schema(_: &mut SchemaGenerator) -> Schema {
    overrides::schema(
        &TrackerSettings::default(),
        "For experts: what the tracker assumes of people. One set serves every clip.",
    )
}

fn counter_schema(_: &mut SchemaGenerator) -> Schema {
    overrides::schema(
        &CounterSettings::default(),
        "For experts: what a path must show to count as a crossing.",
    )
}

fn footprint_schema(_: &mut SchemaGenerator) -> Schema {
    overrides::schema(
        &FootprintSettings::default(),
        "For experts: how far boxes are trusted.",
    )
}
