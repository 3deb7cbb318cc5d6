//! Points on the floor, and how sure one is of them.

use serde::{Deserialize, Serialize};

/// A point on the floor plane, metres.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
pub struct PointInFloor {
    /// First axis, m.
    pub x: f64,
    /// Second axis, m, a quarter turn to the left of the first.
    pub y: f64,
}

/// A symmetric 2x2 covariance; on the floor in square metres.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
pub struct Cov2 {
    /// Variance along x.
    pub xx: f64,
    /// Covariance of x and y.
    pub xy: f64,
    /// Variance along y.
    pub yy: f64,
}

impl PointInFloor {
    /// Distance to `other`, m.
    pub fn distance(self, other: Self) -> f64 {
        let (dx, dy) = (self.x - other.x, self.y - other.y);
        (dx * dx + dy * dy).sqrt()
    }

    /// The point a fraction `t` of the way to `other` (0 here, 1 there).
    pub fn lerp(self, other: Self, t: f64) -> Self {
        Self {
            x: self.x + t * (other.x - self.x),
            y: self.y + t * (other.y - self.y),
        }
    }
}

impl Cov2 {
    /// The same standard deviation in every direction.
    pub fn isotropic(sd: f64) -> Self {
        Self {
            xx: sd * sd,
            xy: 0.0,
            yy: sd * sd,
        }
    }

    /// The sum of two independent uncertainties.
    pub fn plus(self, other: Self) -> Self {
        Self {
            xx: self.xx + other.xx,
            xy: self.xy + other.xy,
            yy: self.yy + other.yy,
        }
    }

    /// `factor` times the variances.
    pub fn scaled(self, factor: f64) -> Self {
        Self {
            xx: factor * self.xx,
            xy: factor * self.xy,
            yy: factor * self.yy,
        }
    }

    /// Determinant.
    pub fn det(self) -> f64 {
        self.xx * self.yy - self.xy * self.xy
    }

    /// Inverse, if it is positive definite.
    pub fn inverse(self) -> Option<Self> {
        let det = self.det();
        if !(det > 0.0 && self.xx > 0.0) {
            return None;
        }
        Some(Self {
            xx: self.yy / det,
            xy: -self.xy / det,
            yy: self.xx / det,
        })
    }

    /// Variance along the direction `(ux, uy)` (a unit vector).
    pub fn along(self, ux: f64, uy: f64) -> f64 {
        ux * ux * self.xx + 2.0 * ux * uy * self.xy + uy * uy * self.yy
    }

    /// `J * self * J^T` for the Jacobian rows `[[a, b], [c, d]]`.
    pub fn mapped(self, jacobian: [[f64; 2]; 2]) -> Self {
        let [[a, b], [c, d]] = jacobian;
        Self {
            xx: a * a * self.xx + 2.0 * a * b * self.xy + b * b * self.yy,
            xy: a * c * self.xx + (a * d + b * c) * self.xy + b * d * self.yy,
            yy: c * c * self.xx + 2.0 * c * d * self.xy + d * d * self.yy,
        }
    }

    /// Squared Mahalanobis distance of the offset `(dx, dy)`; infinite if degenerate.
    pub fn mahalanobis2(self, dx: f64, dy: f64) -> f64 {
        match self.inverse() {
            Some(inv) => inv.along(dx, dy),
            None => f64::INFINITY,
        }
    }

    /// Eigenvalues (larger first) and the angle of the first axis from +x, radians.
    pub fn axes(self) -> (f64, f64, f64) {
        let half_trace = 0.5 * (self.xx + self.yy);
        let half_gap = 0.5 * (self.xx - self.yy);
        let root = (half_gap * half_gap + self.xy * self.xy).sqrt();
        let angle = 0.5 * libm::atan2(2.0 * self.xy, self.xx - self.yy);
        (half_trace + root, (half_trace - root).max(0.0), angle)
    }
}
