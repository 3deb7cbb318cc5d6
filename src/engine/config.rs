//! The engine's configuration: validated, complete, and written into every trace.

use serde::{Deserialize, Serialize};

use crate::crossing::CounterSettings;
use crate::floor::{CameraSpec, FootprintSettings, GridSpec, Portal};
use crate::tracking::TrackerSettings;
use crate::units::{CameraId, DoorId};
use crate::verdict::Policy;

/// Everything the engine needs to know. Ids are indices into these lists.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct EngineConfig {
    /// Cameras, by [`CameraId`].
    pub cameras: Vec<CameraConfig>,
    /// Doors, by [`DoorId`].
    pub doors: Vec<DoorConfig>,
    /// Portals, by [`crate::units::PortalId`].
    pub portals: Vec<PortalConfig>,
}

/// One camera.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct CameraConfig {
    /// Name, for people.
    pub name: String,
    /// Lens and floor; `None` where footprints are given directly.
    pub calibration: Option<CameraSpec>,
    /// Tiles.
    pub grid: GridSpec,
    /// How far boxes are trusted.
    pub footprints: FootprintSettings,
    /// What the tracker assumes.
    pub tracker: TrackerSettings,
}

/// One door.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct DoorConfig {
    /// Name, for people.
    pub name: String,
    /// Its access points as the vendor names them; empty: any.
    pub readers: Vec<String>,
    /// How its ledger judges.
    pub policy: Policy,
}

/// One portal.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PortalConfig {
    /// Name, for people.
    pub name: String,
    /// The door it belongs to.
    pub door: DoorId,
    /// The camera that sees it.
    pub camera: CameraId,
    /// Its line.
    pub portal: Portal,
    /// What the counter asks of a path.
    pub counter: CounterSettings,
    /// What the site calls going in ("in" unless it says otherwise; a truth file may say "L2R").
    pub in_name: String,
    /// What it calls going out.
    pub out_name: String,
}
