//! A person's motion on the floor: position and velocity with their joint covariance.
//!
//! Theory of operation. Constant velocity disturbed by white-noise acceleration (Y. Bar-Shalom,
//! X. R. Li, T. Kirubarajan, "Estimation with Applications to Tracking and Navigation", 2001,
//! section 6.2.2), so that the noise grows rightly with the true time between frames. The two
//! axes are coupled only by the footprints' covariances; all blocks are 2x2 and written out.
//! Somebody who is not seen is thought to slow down: the velocity fades with a time constant
//! (the mean of the integrated Ornstein-Uhlenbeck model).
//!
//! It knows neither walls nor pictures.

use serde::{Deserialize, Serialize};

use crate::floor::{Cov2, PointInFloor};

/// Position and velocity on the floor, with covariance.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub(super) struct Motion {
    /// Position, m.
    pub(super) point: PointInFloor,
    /// Velocity, m/s.
    pub(super) velocity: (f64, f64),
    /// Covariance of the position, m squared.
    pub(super) cov: Cov2,
    /// Covariance of position (rows) with velocity (columns), m squared per second.
    cross: [[f64; 2]; 2],
    /// Covariance of the velocity, m squared per second squared.
    velocity_cov: Cov2,
}

impl Motion {
    /// Somebody first seen at `point`, walking in any direction at a speed of about `speed_sd_m_s`.
    pub(super) fn new(point: PointInFloor, cov: Cov2, speed_sd_m_s: f64) -> Self {
        Self {
            point,
            velocity: (0.0, 0.0),
            cov,
            cross: [[0.0; 2]; 2],
            velocity_cov: Cov2::isotropic(speed_sd_m_s),
        }
    }

    /// Moves on by `dt_s`. `noise_m2_s3` is the power spectral density of the acceleration;
    /// with `fade_s` the velocity dies away with that time constant.
    pub(super) fn predict(&mut self, dt_s: f64, noise_m2_s3: f64, fade_s: Option<f64>) {
        // position += reach * velocity; velocity *= keep.
        let (reach, keep) = match fade_s {
            Some(fade_s) if fade_s > 0.0 => {
                let keep = libm::exp(-dt_s / fade_s);
                (fade_s * (1.0 - keep), keep)
            }
            _ => (dt_s, 1.0),
        };
        let [[bxx, bxy], [byx, byy]] = self.cross;
        let c = self.velocity_cov;
        let position_noise = noise_m2_s3 * dt_s * dt_s * dt_s / 3.0;
        let cross_noise = noise_m2_s3 * dt_s * dt_s / 2.0;
        let velocity_noise = noise_m2_s3 * dt_s;

        self.point.x += reach * self.velocity.0;
        self.point.y += reach * self.velocity.1;
        self.velocity.0 *= keep;
        self.velocity.1 *= keep;
        self.cov.xx += 2.0 * reach * bxx + reach * reach * c.xx + position_noise;
        self.cov.xy += reach * (bxy + byx) + reach * reach * c.xy;
        self.cov.yy += 2.0 * reach * byy + reach * reach * c.yy + position_noise;
        self.cross = [
            [
                keep * (bxx + reach * c.xx) + cross_noise,
                keep * (bxy + reach * c.xy),
            ],
            [
                keep * (byx + reach * c.xy),
                keep * (byy + reach * c.yy) + cross_noise,
            ],
        ];
        self.velocity_cov = Cov2 {
            xx: keep * keep * c.xx + velocity_noise,
            xy: keep * keep * c.xy,
            yy: keep * keep * c.yy + velocity_noise,
        };
    }

    /// Takes in a footprint. Does nothing if the covariances are degenerate.
    pub(super) fn update(&mut self, at: PointInFloor, cov: Cov2) {
        let Some(inverse) = self.cov.plus(cov).inverse() else {
            return;
        };
        let a = sym(self.cov);
        let b = self.cross;
        let inverse = sym(inverse);
        let position_gain = times(a, inverse);
        let velocity_gain = times(transposed(b), inverse);
        let (dx, dy) = (at.x - self.point.x, at.y - self.point.y);
        self.point.x += position_gain[0][0] * dx + position_gain[0][1] * dy;
        self.point.y += position_gain[1][0] * dx + position_gain[1][1] * dy;
        self.velocity.0 += velocity_gain[0][0] * dx + velocity_gain[0][1] * dy;
        self.velocity.1 += velocity_gain[1][0] * dx + velocity_gain[1][1] * dy;
        let shrink_a = times(position_gain, a);
        let shrink_b = times(position_gain, b);
        let shrink_c = times(velocity_gain, b);
        self.cov = less(self.cov, shrink_a);
        self.velocity_cov = less(self.velocity_cov, shrink_c);
        for (row, shrink) in self.cross.iter_mut().zip(shrink_b) {
            row[0] -= shrink[0];
            row[1] -= shrink[1];
        }
    }

    /// Puts the person at `point` and forgets the velocity: they came up against a wall.
    pub(super) fn halt_at(&mut self, point: PointInFloor) {
        self.point = point;
        self.velocity = (0.0, 0.0);
    }
}

type Matrix2 = [[f64; 2]; 2];

fn sym(cov: Cov2) -> Matrix2 {
    [[cov.xx, cov.xy], [cov.xy, cov.yy]]
}

fn transposed(m: Matrix2) -> Matrix2 {
    [[m[0][0], m[1][0]], [m[0][1], m[1][1]]]
}

fn times(a: Matrix2, b: Matrix2) -> Matrix2 {
    let cell = |row: usize, column: usize| a[row][0] * b[0][column] + a[row][1] * b[1][column];
    [[cell(0, 0), cell(0, 1)], [cell(1, 0), cell(1, 1)]]
}

/// `cov - shrink`, kept symmetric against rounding.
fn less(cov: Cov2, shrink: Matrix2) -> Cov2 {
    Cov2 {
        xx: (cov.xx - shrink[0][0]).max(0.0),
        xy: cov.xy - 0.5 * (shrink[0][1] + shrink[1][0]),
        yy: (cov.yy - shrink[1][1]).max(0.0),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const ORIGIN: PointInFloor = PointInFloor { x: 0.0, y: 0.0 };

    #[track_caller]
    fn near(found: f64, expect: f64, within: f64) {
        assert!(
            (found - expect).abs() <= within,
            "{found} is not {expect} +-{within}"
        );
    }

    #[test]
    fn one_long_step_is_many_short_ones() {
        for fade_s in [None, Some(0.8)] {
            let mut once = Motion::new(ORIGIN, Cov2::isotropic(0.2), 1.0);
            once.velocity = (1.0, -0.5);
            let mut often = once;
            once.predict(0.8, 0.0, fade_s);
            for _ in 0..8 {
                often.predict(0.1, 0.0, fade_s);
            }
            near(often.point.x, once.point.x, 1e-9);
            near(often.velocity.1, once.velocity.1, 1e-9);
            near(often.cov.xx, once.cov.xx, 1e-9);
            near(often.velocity_cov.yy, once.velocity_cov.yy, 1e-9);
        }
        let mut once = Motion::new(ORIGIN, Cov2::isotropic(0.2), 1.0);
        let mut often = once;
        once.predict(0.5, 0.7, None);
        (0..5).for_each(|_| often.predict(0.1, 0.7, None));
        near(often.cov.xx, once.cov.xx, 1e-9);
        near(often.cross[0][0], once.cross[0][0], 1e-9);
    }

    #[test]
    fn learns_a_steady_walk_at_any_frame_rate() {
        for fps in [5.0, 10.0, 30.0] {
            let mut motion = Motion::new(ORIGIN, Cov2::isotropic(0.1), 1.2);
            for frame in 1..=(2.0 * fps) as usize {
                let t = frame as f64 / fps;
                motion.predict(1.0 / fps, 0.5, None);
                let at = PointInFloor {
                    x: 1.4 * t,
                    y: -0.3 * t,
                };
                motion.update(at, Cov2::isotropic(0.1));
            }
            near(motion.velocity.0, 1.4, 0.1);
            near(motion.velocity.1, -0.3, 0.1);
            near(motion.point.x, 2.8, 0.05);
        }
    }

    #[test]
    fn unseen_person_comes_to_rest() {
        let mut motion = Motion::new(ORIGIN, Cov2::isotropic(0.1), 1.0);
        motion.velocity = (1.0, 0.0);
        motion.predict(100.0, 0.0, Some(0.5));
        near(motion.point.x, 0.5, 1e-9);
        near(motion.velocity.0, 0.0, 1e-9);
    }

    proptest! {
        #[test]
        fn covariance_stays_positive(
            steps in proptest::collection::vec(
                (0.001_f64..2.0, 0.01_f64..3.0, 0.01_f64..3.0, -0.9_f64..0.9), 1..60,
            ),
        ) {
            let mut motion = Motion::new(ORIGIN, Cov2::isotropic(0.3), 1.2);
            for (dt_s, sx, sy, correlation) in steps {
                motion.predict(dt_s, 0.5, None);
                let cov = Cov2 { xx: sx * sx, xy: correlation * sx * sy, yy: sy * sy };
                motion.update(PointInFloor { x: sx, y: sy }, cov);
                prop_assert!(motion.cov.det() > 0.0 && motion.cov.xx > 0.0);
                prop_assert!(motion.velocity_cov.det() > 0.0 && motion.velocity_cov.xx > 0.0);
                // Never less sure than the footprint alone.
                prop_assert!(motion.cov.xx <= cov.xx * 1.000_001);
            }
        }
    }
}
