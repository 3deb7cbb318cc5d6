//! From a person's box to where the person stands, with a covariance that tells the truth.

use serde::{Deserialize, Serialize};

use super::{CameraModel, Cov2, PointInFloor};
use crate::detection::Detection;

/// What a footprint rests on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FootprintBasis {
    /// The feet were seen.
    Feet,
    /// The feet were hidden (crowd, desk, frame edge); from the head and a person's height.
    Head,
    /// Both, weighed by their covariances.
    Fused,
    /// Given from outside (camera metadata, a scene script).
    Given,
}

/// Where a person stands.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Footprint {
    /// On the floor, m.
    pub at: PointInFloor,
    /// How sure, m squared.
    pub cov: Cov2,
    /// What it rests on.
    pub basis: FootprintBasis,
    /// The person's height if both ends were seen, m.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub height_m: Option<f64>,
}

/// How far boxes are trusted. Every field has a default with its reason beside it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct FootprintSettings {
    /// 1-sigma of a box edge as a share of the box height (detectors jitter with size).
    pub edge_sd_share: f64,
    /// 1-sigma of a box edge that no box size makes smaller, px.
    pub edge_sd_floor_px: f64,
    /// A box that comes this close to the picture's edge is taken as cut there, px.
    pub cut_margin_px: f64,
}

impl Default for FootprintSettings {
    fn default() -> Self {
        Self {
            edge_sd_share: 0.03,
            edge_sd_floor_px: 1.0,
            cut_margin_px: 3.0,
        }
    }
}

impl CameraModel {
    /// One footprint per detection, in order; `None` where the person can't be on the floor
    /// (above the horizon). `others` matter: a nearer box over the lower edge hides the feet.
    /// Writes into `out` (cleared first), allocating nothing once it has grown.
    pub fn footprints(
        &self,
        _settings: &FootprintSettings,
        _detections: &[Detection],
        _out: &mut Vec<Option<Footprint>>,
    ) {
        unimplemented!("floor helper")
    }
}
