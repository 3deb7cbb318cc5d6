//! Lens intrinsics and distortion (Brown-Conrady: k1, k2, k3, p1, p2, as OpenCV orders them).
//!
//! Distortion moves a point of the undistorted picture to where the lens shows it. It is a plain
//! polynomial; undoing it takes Newton's method. Past some radius the polynomial folds back and no
//! longer means anything: [`Lens::valid_radius`] says where, and callers stay inside.

use serde::{Deserialize, Serialize};

use crate::detection::PointInImage;

/// Most Newton steps: real lenses settle to 1e-12 in three to six.
const UNDISTORT_STEPS: usize = 20;
/// An error smaller than this, in focal lengths, is none (a millionth of a pixel).
const UNDISTORT_END: f64 = 1e-9;
/// The widest field looked at when searching for the fold, in focal lengths (76 degrees off axis).
const FOLD_SEARCH_LIMIT: f64 = 4.0;
/// Step of that search.
const FOLD_SEARCH_STEP: f64 = 0.005;

/// A pinhole with radial and tangential distortion. All lengths in px of the upright picture.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Lens {
    /// Focal length, px (square pixels).
    pub focal_px: f64,
    /// Principal point, px.
    pub centre: PointInImage,
    /// Radial k1, k2, k3.
    pub radial: [f64; 3],
    /// Tangential p1, p2.
    pub tangential: [f64; 2],
}

impl Lens {
    /// A lens with no distortion.
    pub const fn pinhole(focal_px: f64, centre: PointInImage) -> Self {
        Self {
            focal_px,
            centre,
            radial: [0.0; 3],
            tangential: [0.0; 2],
        }
    }

    /// Whether it bends lines at all.
    pub fn is_distorting(&self) -> bool {
        let bends = |k: &f64| k.abs() > 0.0;
        self.radial.iter().any(bends) || self.tangential.iter().any(bends)
    }

    /// Whether every number is finite and the focal length is positive.
    pub fn is_sound(&self) -> bool {
        let numbers = [self.focal_px, self.centre.x, self.centre.y];
        let mut all = numbers.iter().chain(&self.radial).chain(&self.tangential);
        all.all(|value| value.is_finite()) && self.focal_px > 0.0
    }

    /// Where the point would be with no distortion, px (Newton's method, bounded). Where the lens
    /// model folds back and has no answer, the point as it is: [`Self::try_undistorted`] tells.
    pub fn undistorted(&self, p: PointInImage) -> PointInImage {
        self.try_undistorted(p).unwrap_or(p)
    }

    /// Where the point would be with no distortion, px; `None` where the lens shows nothing.
    pub fn try_undistorted(&self, p: PointInImage) -> Option<PointInImage> {
        if !self.is_distorting() {
            return Some(p);
        }
        let (x, y) = self.to_normalised(p);
        let (mut u, mut v) = (x, y);
        for _ in 0..UNDISTORT_STEPS {
            let ([ud, vd], [[a, b], [c, d]]) = self.distort(u, v);
            let (eu, ev) = (x - ud, y - vd);
            let det = a * d - b * c;
            // Only the unfolded part of the lens has these signs.
            let is_unfolded = det > 0.0 && a + d > 0.0;
            if !is_unfolded {
                (u, v) = (0.5 * u, 0.5 * v);
            } else if eu.abs() + ev.abs() < UNDISTORT_END {
                return Some(self.to_pixels(u, v));
            } else {
                u += (d * eu - b * ev) / det;
                v += (a * ev - c * eu) / det;
            }
        }
        None
    }

    /// Where the undistorted point appears in the picture, px.
    pub fn distorted(&self, p: PointInImage) -> PointInImage {
        if !self.is_distorting() {
            return p;
        }
        let (x, y) = self.to_normalised(p);
        let ([xd, yd], _) = self.distort(x, y);
        self.to_pixels(xd, yd)
    }

    /// d(undistorted)/d(distorted) for the undistorted point `p`; `None` where the lens model folds.
    pub fn undistortion_jacobian(&self, p: PointInImage) -> Option<[[f64; 2]; 2]> {
        if !self.is_distorting() {
            return Some([[1.0, 0.0], [0.0, 1.0]]);
        }
        let (x, y) = self.to_normalised(p);
        let (_, [[a, b], [c, d]]) = self.distort(x, y);
        let det = a * d - b * c;
        (det > 0.0).then(|| [[d / det, -b / det], [-c / det, a / det]])
    }

    /// Distance from the axis, in focal lengths of the undistorted picture, up to which the model
    /// goes outwards: beyond, it folds back. Infinite for lenses that do not fold.
    pub fn valid_radius(&self) -> f64 {
        let [k1, k2, k3] = self.radial;
        let steps = (FOLD_SEARCH_LIMIT / FOLD_SEARCH_STEP) as u32;
        for i in 1..=steps {
            let r = f64::from(i) * FOLD_SEARCH_STEP;
            let r2 = r * r;
            let slope = 1.0 + r2 * (3.0 * k1 + r2 * (5.0 * k2 + r2 * 7.0 * k3));
            if slope <= 0.0 {
                return r - FOLD_SEARCH_STEP;
            }
        }
        f64::INFINITY
    }

    /// Distance of an undistorted point from the axis, in focal lengths.
    pub fn radius_of(&self, p: PointInImage) -> f64 {
        let (x, y) = self.to_normalised(p);
        (x * x + y * y).sqrt()
    }

    fn to_normalised(self, p: PointInImage) -> (f64, f64) {
        (
            (p.x - self.centre.x) / self.focal_px,
            (p.y - self.centre.y) / self.focal_px,
        )
    }

    fn to_pixels(self, x: f64, y: f64) -> PointInImage {
        PointInImage {
            x: x * self.focal_px + self.centre.x,
            y: y * self.focal_px + self.centre.y,
        }
    }

    /// The distorted point and its Jacobian, in focal lengths.
    fn distort(&self, x: f64, y: f64) -> ([f64; 2], [[f64; 2]; 2]) {
        let [k1, k2, k3] = self.radial;
        let [p1, p2] = self.tangential;
        let r2 = x * x + y * y;
        let radial = 1.0 + r2 * (k1 + r2 * (k2 + r2 * k3));
        let slope = k1 + r2 * (2.0 * k2 + r2 * 3.0 * k3);
        let mixed = 2.0 * x * y * slope + 2.0 * p1 * x + 2.0 * p2 * y;
        (
            [
                x * radial + 2.0 * p1 * x * y + p2 * (r2 + 2.0 * x * x),
                y * radial + p1 * (r2 + 2.0 * y * y) + 2.0 * p2 * x * y,
            ],
            [
                [
                    radial + 2.0 * x * x * slope + 2.0 * p1 * y + 6.0 * p2 * x,
                    mixed,
                ],
                [
                    mixed,
                    radial + 2.0 * y * y * slope + 6.0 * p1 * y + 2.0 * p2 * x,
                ],
            ],
        )
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn lens(radial: [f64; 3], tangential: [f64; 2]) -> Lens {
        Lens {
            focal_px: 800.0,
            centre: PointInImage { x: 640.0, y: 360.0 },
            radial,
            tangential,
        }
    }

    #[track_caller]
    fn check(lens: Lens, straight: (f64, f64), bent: (f64, f64)) {
        let p = lens.distorted(PointInImage {
            x: straight.0,
            y: straight.1,
        });
        assert!(
            (p.x - bent.0).abs() < 1e-9 && (p.y - bent.1).abs() < 1e-9,
            "{p:?}"
        );
        let q = lens.undistorted(p);
        assert!(
            (q.x - straight.0).abs() < 1e-8 && (q.y - straight.1).abs() < 1e-8,
            "{q:?}"
        );
    }

    #[test]
    fn bends_as_the_formula_says() {
        check(lens([0.0; 3], [0.0; 2]), (17.0, 23.0), (17.0, 23.0));
        // One focal length to the right: r = 1, so x grows by 1 + k1 + k2 + k3.
        check(
            lens([-0.1, 0.02, -0.003], [0.0; 2]),
            (1440.0, 360.0),
            (1373.6, 360.0),
        );
        // Tangential at x = 0.5, y = 0: x + 3 p2 x^2, and p1 x^2 downwards.
        check(
            lens([0.0; 3], [0.01, 0.02]),
            (1040.0, 360.0),
            (1052.0, 362.0),
        );
    }

    #[test]
    fn a_strong_barrel_folds_where_its_slope_is_zero() {
        let fold = lens([-0.3, 0.0, 0.0], [0.0; 2]).valid_radius();
        assert!((fold - 1.054).abs() < 0.01, "{fold}");
        assert!(lens([0.1, 0.0, 0.0], [0.0; 2]).valid_radius().is_infinite());
        // Nothing undistorted lies behind the fold.
        let beyond = PointInImage { x: 3000.0, y: 9.0 };
        let strong = lens([-0.3, 0.0, 0.0], [0.0; 2]);
        assert_eq!(strong.try_undistorted(beyond), None);
        assert_eq!(strong.undistorted(beyond), beyond);
    }

    proptest! {
        #[test]
        fn undistorting_undoes_distorting(
            k1 in -0.3..0.3_f64, k2 in -0.1..0.1_f64, k3 in -0.02..0.02_f64,
            p1 in -0.005..0.005_f64, p2 in -0.005..0.005_f64,
            angle in 0.0..std::f64::consts::TAU, share in 0.0..0.9_f64,
        ) {
            let lens = lens([k1, k2, k3], [p1, p2]);
            let r = share * lens.valid_radius().min(1.1) * lens.focal_px;
            let p = PointInImage {
                x: lens.centre.x + r * libm::cos(angle),
                y: lens.centre.y + r * libm::sin(angle),
            };
            let q = lens.undistorted(lens.distorted(p));
            prop_assert!(p.distance(q) < 1e-5, "{p:?} came back as {q:?}");

            let j = lens.undistortion_jacobian(p).unwrap();
            let eps = 1e-3;
            let at = lens.distorted(p);
            let right = lens.undistorted(PointInImage { x: at.x + eps, y: at.y });
            let left = lens.undistorted(PointInImage { x: at.x - eps, y: at.y });
            prop_assert!(((right.x - left.x) / (2.0 * eps) - j[0][0]).abs() < 1e-3 * j[0][0].abs().max(1.0));
            prop_assert!(((right.y - left.y) / (2.0 * eps) - j[1][0]).abs() < 1e-3 * j[0][0].abs().max(1.0));
        }
    }
}
