//! One point of a path, as a portal sees it.

use serde::{Deserialize, Serialize};

use super::Direction;
use crate::floor::{PointInFloor, PortalLine};
use crate::tracking::PathPoint;
use crate::units::Instant;

/// Nearer than this a point is on the line and on no side, m: below any camera's precision, above
/// rounding.
const ON_LINE_M: f64 = 0.001;

/// A side of a portal. "On the line" is none.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Side {
    Inside,
    Outside,
}

/// A path point with its reading.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub(super) struct Sighting {
    pub(super) at: Instant,
    pub(super) point: PointInFloor,
    /// Signed distance to the line, m: positive inside.
    pub(super) side_m: f64,
    /// Place along the line, m.
    pub(super) station_m: f64,
    /// How far past the nearer end of the line, m.
    pub(super) beyond_m: f64,
    /// Unit normal there, towards the inside.
    pub(super) normal: (f64, f64),
    /// Standard deviation across the line, m.
    pub(super) sd_m: f64,
    /// Upper bound of the variance in any direction, m squared.
    pub(super) var_any_m2: f64,
}

/// How somebody moved over a short while.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
pub(super) struct Motion {
    /// Velocity, m/s.
    pub(super) velocity: (f64, f64),
    /// Its part across the line, m/s: positive towards the inside.
    pub(super) inward_mps: f64,
    /// How far across the line, m: positive towards the inside.
    pub(super) inward_m: f64,
}

/// Where and when the line was passed.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub(super) struct Pass {
    pub(super) at: Instant,
    pub(super) station_m: f64,
    pub(super) beyond_m: f64,
    pub(super) onto: Side,
}

impl Side {
    /// +1 inside, -1 outside.
    pub(super) fn sign(self) -> f64 {
        match self {
            Self::Inside => 1.0,
            Self::Outside => -1.0,
        }
    }

    pub(super) fn other(self) -> Self {
        match self {
            Self::Inside => Self::Outside,
            Self::Outside => Self::Inside,
        }
    }

    /// The direction of a crossing that ends on this side.
    pub(super) fn direction(self) -> Direction {
        match self {
            Self::Inside => Direction::In,
            Self::Outside => Direction::Out,
        }
    }
}

impl Sighting {
    /// `None` for a point that isn't one (not a number).
    pub(super) fn read(portal: &PortalLine, point: &PathPoint) -> Option<Self> {
        let reading = portal.read(point.point);
        let (nx, ny) = reading.normal;
        let finite = reading.side_m.is_finite() && reading.station_m.is_finite();
        finite.then(|| Self {
            at: point.at,
            point: point.point,
            side_m: reading.side_m,
            station_m: reading.station_m,
            beyond_m: portal.beyond_m(reading.station_m),
            normal: reading.normal,
            sd_m: point.cov.along(nx, ny).max(0.0).sqrt(),
            var_any_m2: (point.cov.xx + point.cov.yy).max(0.0),
        })
    }

    /// The side it is on, if it is on one.
    pub(super) fn side(&self) -> Option<Side> {
        if self.side_m > ON_LINE_M {
            Some(Side::Inside)
        } else if self.side_m < -ON_LINE_M {
            Some(Side::Outside)
        } else {
            None
        }
    }

    /// The side it is on for certain: beyond `depth_m` and beyond its own uncertainty.
    pub(super) fn deep_side(&self, depth_m: f64, sigmas: f64) -> Option<Side> {
        let deep = self.side_m.abs() >= depth_m && self.side_m.abs() >= sigmas * self.sd_m;
        self.side().filter(|_| deep)
    }

    /// How far it lies on `side`, m; negative on the other.
    pub(super) fn depth_on(&self, side: Side) -> f64 {
        side.sign() * self.side_m
    }

    /// How it went from `earlier` to here.
    pub(super) fn motion_since(&self, earlier: &Self) -> Motion {
        let seconds = (self.at - earlier.at).as_s();
        if seconds <= 0.0 {
            return Motion::default();
        }
        let (dx, dy) = (
            self.point.x - earlier.point.x,
            self.point.y - earlier.point.y,
        );
        let inward_m = dx * self.normal.0 + dy * self.normal.1;
        Motion {
            velocity: (dx / seconds, dy / seconds),
            inward_mps: inward_m / seconds,
            inward_m,
        }
    }
}

impl Motion {
    /// Metres a second, in whichever direction.
    pub(super) fn speed_mps(&self) -> f64 {
        let (vx, vy) = self.velocity;
        (vx * vx + vy * vy).sqrt()
    }

    /// Whether two motions point against each other and neither is standing about.
    pub(super) fn opposes(&self, other: &Self, least_mps: f64) -> bool {
        let dot = self.velocity.0 * other.velocity.0 + self.velocity.1 * other.velocity.1;
        dot < 0.0 && self.speed_mps() >= least_mps && other.speed_mps() >= least_mps
    }
}
