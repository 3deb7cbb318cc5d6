//! A door opening on the floor: a polyline with an inside and an outside.

use serde::{Deserialize, Serialize};

use super::PointInFloor;

/// A portal: people pass over `line`; `line` is directed so that the inside lies to its left.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Portal {
    /// Two or more floor points, m; the inside is to the left when walking along it.
    pub line: Vec<PointInFloor>,
    /// How deep on either side one must be to have settled there (hysteresis), m.
    pub depth_m: f64,
}

/// Where a point is with regard to a portal.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct PortalReading {
    /// Signed distance to the polyline, m: positive inside, negative outside.
    pub side_m: f64,
    /// Arc length along the polyline of the nearest point, m: below 0 or above the length when
    /// the point lies past an end (measured along the end segment's direction).
    pub station_m: f64,
    /// Unit normal (towards the inside) at the nearest point.
    pub normal: (f64, f64),
}

impl Portal {
    /// Length of the polyline, m.
    pub fn length_m(&self) -> f64 {
        self.line.windows(2).map(|w| w[0].distance(w[1])).sum()
    }

    /// Where `p` is with regard to this portal.
    pub fn read(&self, _p: PointInFloor) -> PortalReading {
        unimplemented!("floor helper")
    }
}
