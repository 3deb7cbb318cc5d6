//! A plane-to-plane projective map, solved from point pairs.
//!
//! Theory: a direct linear transform on coordinates moved to their centroid and scaled to the same
//! spread (Hartley and Zisserman, Multiple View Geometry, algorithm 4.2), then a few Gauss-Newton
//! steps on the distances that matter, those in the target plane. All points of a calibration lie
//! on one side of the horizon, so `w` has one sign over them and is not 0 at their centroid: that
//! element is fixed to 1 and the other eight are solved for.
//!
//! It does not judge whether the map makes sense as a camera: see `camera`.

use super::linear::least_squares;

/// Most Gauss-Newton steps: from a direct linear start they settle in three or four.
const REFINE_STEPS: usize = 8;
/// A step that gains less than this share of the squared error is the last.
const REFINE_GAIN: f64 = 1e-9;

/// A 3x3 projective map, row-major. Scaled so that `w` is 1 at the centroid of the points it was
/// solved from and positive at all of them; an inverse keeps the sign on the other side.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Homography {
    /// Rows.
    pub m: [[f64; 3]; 3],
}

/// Moves points to their centroid and scales them to a mean distance of the square root of 2.
#[derive(Debug, Clone, Copy)]
struct Normaliser {
    centroid: [f64; 2],
    scale: f64,
}

impl Homography {
    /// The map that takes each `from[i]` to `to[i]` (4 or more pairs; exact for 4, least squares of
    /// the distances in `to` above).
    /// `None` if the points are degenerate (three in a line of four, coincident, not finite) or if
    /// no map keeps them all on one side of the horizon (two of them swapped).
    pub fn from_pairs(from: &[[f64; 2]], to: &[[f64; 2]]) -> Option<Self> {
        let sound = |points: &[[f64; 2]]| points.iter().flatten().all(|value| value.is_finite());
        if from.len() != to.len() || from.len() < 4 || !sound(from) || !sound(to) {
            return None;
        }
        let (source, target) = (Normaliser::of(from)?, Normaliser::of(to)?);
        let pairs: Vec<[f64; 4]> = from
            .iter()
            .zip(to)
            .map(|(&a, &b)| {
                let ([x, y], [u, v]) = (source.normalised(a), target.normalised(b));
                [x, y, u, v]
            })
            .collect();
        let mut h = solve_linear(&pairs)?;
        if pairs.len() > 4 {
            h = refined(h, &pairs);
        }
        let all_in_front = pairs.iter().all(|p| h[6] * p[0] + h[7] * p[1] + 1.0 > 0.0);
        if !all_in_front {
            return None;
        }
        let core = [[h[0], h[1], h[2]], [h[3], h[4], h[5]], [h[6], h[7], 1.0]];
        let m = product(target.backwards(), product(core, source.forwards()));
        let finite = m.iter().flatten().all(|value| value.is_finite());
        finite.then_some(Self { m })
    }

    /// The image of `(x, y)` before the division: `(u w, v w, w)`.
    pub fn homogeneous(&self, x: f64, y: f64) -> [f64; 3] {
        self.m.map(|row| row[0] * x + row[1] * y + row[2])
    }

    /// Where `(x, y)` goes; `None` at or beyond the horizon (`w <= 0`, the sign fixed at solving).
    pub fn apply(&self, x: f64, y: f64) -> Option<[f64; 2]> {
        let [u, v, w] = self.homogeneous(x, y);
        let out = [u / w, v / w];
        (w > 0.0 && out[0].is_finite() && out[1].is_finite()).then_some(out)
    }

    /// The Jacobian at `(x, y)`, rows d(out)/d(x, y); `None` at or beyond the horizon.
    pub fn jacobian(&self, x: f64, y: f64) -> Option<[[f64; 2]; 2]> {
        let [u, v] = self.apply(x, y)?;
        let [row_u, row_v, row_w] = self.m;
        let inv_w = 1.0 / (row_w[0] * x + row_w[1] * y + row_w[2]);
        let jacobian = [
            [
                (row_u[0] - u * row_w[0]) * inv_w,
                (row_u[1] - u * row_w[1]) * inv_w,
            ],
            [
                (row_v[0] - v * row_w[0]) * inv_w,
                (row_v[1] - v * row_w[1]) * inv_w,
            ],
        ];
        let finite = jacobian.iter().flatten().all(|value| value.is_finite());
        finite.then_some(jacobian)
    }

    /// Determinant: negative if the map turns the plane over.
    pub fn det(&self) -> f64 {
        let [a, b, c] = self.m;
        a[0] * (b[1] * c[2] - b[2] * c[1]) - a[1] * (b[0] * c[2] - b[2] * c[0])
            + a[2] * (b[0] * c[1] - b[1] * c[0])
    }

    /// The inverse map; `None` if this one squashes the plane to a line.
    pub fn inverse(&self) -> Option<Self> {
        let m = &self.m;
        let inv_det = 1.0 / self.det();
        let minor = |r: [usize; 2], c: [usize; 2]| {
            (m[r[0]][c[0]] * m[r[1]][c[1]] - m[r[0]][c[1]] * m[r[1]][c[0]]) * inv_det
        };
        let inverse = [
            [
                minor([1, 2], [1, 2]),
                -minor([0, 2], [1, 2]),
                minor([0, 1], [1, 2]),
            ],
            [
                -minor([1, 2], [0, 2]),
                minor([0, 2], [0, 2]),
                -minor([0, 1], [0, 2]),
            ],
            [
                minor([1, 2], [0, 1]),
                -minor([0, 2], [0, 1]),
                minor([0, 1], [0, 1]),
            ],
        ];
        let finite = inverse.iter().flatten().all(|value| value.is_finite());
        finite.then_some(Self { m: inverse })
    }
}

impl Normaliser {
    fn of(points: &[[f64; 2]]) -> Option<Self> {
        let n = points.len() as f64;
        let mean = |axis: usize| points.iter().map(|p| p[axis]).sum::<f64>() / n;
        let centroid = [mean(0), mean(1)];
        let spread = points
            .iter()
            .map(|p| {
                let (dx, dy) = (p[0] - centroid[0], p[1] - centroid[1]);
                (dx * dx + dy * dy).sqrt()
            })
            .sum::<f64>()
            / n;
        let scale = std::f64::consts::SQRT_2 / spread;
        (spread > 0.0 && scale.is_finite()).then_some(Self { centroid, scale })
    }

    fn normalised(&self, p: [f64; 2]) -> [f64; 2] {
        [
            (p[0] - self.centroid[0]) * self.scale,
            (p[1] - self.centroid[1]) * self.scale,
        ]
    }

    fn forwards(&self) -> [[f64; 3]; 3] {
        let (s, [cx, cy]) = (self.scale, self.centroid);
        [[s, 0.0, -s * cx], [0.0, s, -s * cy], [0.0, 0.0, 1.0]]
    }

    fn backwards(&self) -> [[f64; 3]; 3] {
        let (s, [cx, cy]) = (1.0 / self.scale, self.centroid);
        [[s, 0.0, cx], [0.0, s, cy], [0.0, 0.0, 1.0]]
    }
}

/// The direct linear transform: each pair gives two equations that are linear in the elements.
fn solve_linear(pairs: &[[f64; 4]]) -> Option<[f64; 8]> {
    let mut rows = Vec::with_capacity(2 * pairs.len());
    let mut rhs = Vec::with_capacity(2 * pairs.len());
    for &[x, y, u, v] in pairs {
        rows.push([x, y, 1.0, 0.0, 0.0, 0.0, -u * x, -u * y]);
        rhs.push(u);
        rows.push([0.0, 0.0, 0.0, x, y, 1.0, -v * x, -v * y]);
        rhs.push(v);
    }
    least_squares(&mut rows, &mut rhs)
}

/// Gauss-Newton on the distances in the target plane, for as long as it helps.
fn refined(start: [f64; 8], pairs: &[[f64; 4]]) -> [f64; 8] {
    let mut best = start;
    let mut best_error = squared_error(&best, pairs);
    for _ in 0..REFINE_STEPS {
        let Some(step) = gauss_newton_step(&best, pairs) else {
            break;
        };
        let mut next = best;
        for (element, change) in next.iter_mut().zip(step) {
            *element += change;
        }
        let error = squared_error(&next, pairs);
        if error.is_nan() || error >= best_error * (1.0 - REFINE_GAIN) {
            break;
        }
        (best, best_error) = (next, error);
    }
    best
}

fn squared_error(h: &[f64; 8], pairs: &[[f64; 4]]) -> f64 {
    pairs
        .iter()
        .map(|&[x, y, u, v]| {
            let w = h[6] * x + h[7] * y + 1.0;
            let du = (h[0] * x + h[1] * y + h[2]) / w - u;
            let dv = (h[3] * x + h[4] * y + h[5]) / w - v;
            du * du + dv * dv
        })
        .sum()
}

fn gauss_newton_step(h: &[f64; 8], pairs: &[[f64; 4]]) -> Option<[f64; 8]> {
    let mut rows = Vec::with_capacity(2 * pairs.len());
    let mut rhs = Vec::with_capacity(2 * pairs.len());
    for &[x, y, u, v] in pairs {
        let inv_w = 1.0 / (h[6] * x + h[7] * y + 1.0);
        let u_now = (h[0] * x + h[1] * y + h[2]) * inv_w;
        let v_now = (h[3] * x + h[4] * y + h[5]) * inv_w;
        let (xw, yw) = (x * inv_w, y * inv_w);
        rows.push([xw, yw, inv_w, 0.0, 0.0, 0.0, -u_now * xw, -u_now * yw]);
        rhs.push(u - u_now);
        rows.push([0.0, 0.0, 0.0, xw, yw, inv_w, -v_now * xw, -v_now * yw]);
        rhs.push(v - v_now);
    }
    least_squares(&mut rows, &mut rhs)
}

fn product(a: [[f64; 3]; 3], b: [[f64; 3]; 3]) -> [[f64; 3]; 3] {
    a.map(|row| [0, 1, 2].map(|c| row[0] * b[0][c] + row[1] * b[1][c] + row[2] * b[2][c]))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const SQUARE: [[f64; 2]; 4] = [[0.0, 0.0], [2.0, 0.0], [2.0, 2.0], [0.0, 2.0]];

    #[track_caller]
    fn check(from: &[[f64; 2]], to: &[[f64; 2]], at: [f64; 2], expect: Option<[f64; 2]>) {
        let got = Homography::from_pairs(from, to).and_then(|h| h.apply(at[0], at[1]));
        match (got, expect) {
            (Some(g), Some(e)) => assert!(
                (g[0] - e[0]).abs() < 1e-9 && (g[1] - e[1]).abs() < 1e-9,
                "{g:?} is not {e:?}"
            ),
            (got, expect) => assert_eq!(got, expect),
        }
    }

    #[test]
    fn maps_known_quads_and_refuses_degenerate_ones() {
        check(&SQUARE, &SQUARE, [1.0, 0.5], Some([1.0, 0.5]));
        let shifted = SQUARE.map(|[x, y]| [3.0 * x + 10.0, 0.5 * y - 4.0]);
        check(&SQUARE, &shifted, [1.0, 1.0], Some([13.0, -3.5]));
        // A trapezium as a floor looks: the diagonals' crossing stays the diagonals' crossing.
        let road = [[0.0, 100.0], [100.0, 100.0], [75.0, 50.0], [25.0, 50.0]];
        check(&SQUARE, &road, [1.0, 1.0], Some([50.0, 200.0 / 3.0]));
        // The trapezium's sides meet at y = 0: the far end of the floor never gets there.
        check(&road, &SQUARE, [50.0, 1.0], Some([1.0, 198.0]));
        check(&road, &SQUARE, [50.0, -1.0], None);
        let in_line = [[0.0, 0.0], [1.0, 1.0], [2.0, 2.0], [0.0, 2.0]];
        check(&in_line, &SQUARE, [1.0, 1.0], None);
        let coincident = [[0.0, 0.0], [0.0, 0.0], [2.0, 2.0], [0.0, 2.0]];
        check(&coincident, &SQUARE, [1.0, 1.0], None);
        let bow_tie = [SQUARE[1], SQUARE[0], SQUARE[2], SQUARE[3]];
        check(&SQUARE, &bow_tie, [1.0, 1.0], None);
        let broken = [[f64::NAN, 0.0], [2.0, 0.0], [2.0, 2.0], [0.0, 2.0]];
        check(&broken, &SQUARE, [1.0, 1.0], None);
        check(&SQUARE[..3], &SQUARE[..3], [1.0, 1.0], None);
        check(&[[1.0, 1.0]; 4], &SQUARE, [1.0, 1.0], None);
    }

    #[test]
    fn many_noisy_pairs_do_better_than_the_corners_alone() {
        let truth = Homography {
            m: [[120.0, 14.0, 300.0], [-9.0, 33.0, 210.0], [0.01, 0.08, 1.0]],
        };
        // A fixed, patterned disturbance of up to a pixel.
        let (mut from, mut to) = (Vec::new(), Vec::new());
        for i in 0..49_i32 {
            let p = [f64::from(i % 7), f64::from(i / 7)];
            let [u, v] = truth.apply(p[0], p[1]).unwrap();
            let nudge = |k: i32| f64::from((i * k) % 11 - 5) / 5.0;
            from.push(p);
            to.push([u + nudge(3), v + nudge(7)]);
        }
        let corners = [0, 6, 48, 42];
        let error = |h: Homography| -> f64 {
            from.iter()
                .map(|p| {
                    let (g, t) = (
                        h.apply(p[0], p[1]).unwrap(),
                        truth.apply(p[0], p[1]).unwrap(),
                    );
                    (g[0] - t[0]).abs() + (g[1] - t[1]).abs()
                })
                .sum()
        };
        let all = Homography::from_pairs(&from, &to).unwrap();
        let four =
            Homography::from_pairs(&corners.map(|i| from[i]), &corners.map(|i| to[i])).unwrap();
        assert!(
            error(all) < 0.7 * error(four),
            "{} {}",
            error(all),
            error(four)
        );
    }

    prop_compose! {
        /// Quads like those people click: corners of a rectangle, each moved by up to a fifth.
        fn quad()(moves in prop::array::uniform8(-0.2..0.2), scale in 0.1..500.0_f64) -> [[f64; 2]; 4] {
            let corners = [[0.0, 0.0], [1.0, 0.0], [1.0, 1.0], [0.0, 1.0]];
            [0, 1, 2, 3].map(|i| {
                [(corners[i][0] + moves[2 * i]) * scale, (corners[i][1] + moves[2 * i + 1]) * scale]
            })
        }
    }

    proptest! {
        #[test]
        fn four_pairs_are_met_exactly_and_the_inverse_undoes_it(from in quad(), to in quad()) {
            let h = Homography::from_pairs(&from, &to).unwrap();
            let back = h.inverse().unwrap();
            for (f, t) in from.iter().zip(&to) {
                let [u, v] = h.apply(f[0], f[1]).unwrap();
                let size = t[0].abs() + t[1].abs() + 1.0;
                prop_assert!((u - t[0]).abs() < 1e-8 * size && (v - t[1]).abs() < 1e-8 * size);
                let [x, y] = back.apply(u, v).unwrap();
                let size = f[0].abs() + f[1].abs() + 1.0;
                prop_assert!((x - f[0]).abs() < 1e-7 * size && (y - f[1]).abs() < 1e-7 * size);
            }
        }

        #[test]
        fn the_jacobian_is_the_slope(from in quad(), to in quad(), s in 0.1..0.9, t in 0.1..0.9) {
            let h = Homography::from_pairs(&from, &to).unwrap();
            let mix = |k: usize| {
                let (near, far) = (from[0][k] * (1.0 - s) + from[1][k] * s, from[3][k] * (1.0 - s) + from[2][k] * s);
                near * (1.0 - t) + far * t
            };
            let (x, y) = (mix(0), mix(1));
            let j = h.jacobian(x, y).unwrap();
            let scale = from.iter().flatten().fold(0.0_f64, |m, v| m.max(v.abs()));
            let eps = 1e-5 * scale;
            let at = |x: f64, y: f64| h.apply(x, y).unwrap();
            let (r, l, u, d) = (at(x + eps, y), at(x - eps, y), at(x, y + eps), at(x, y - eps));
            let size = j.iter().flatten().fold(0.0_f64, |m, v| m.max(v.abs()));
            for k in 0..2 {
                prop_assert!(((r[k] - l[k]) / (2.0 * eps) - j[k][0]).abs() < 1e-5 * size);
                prop_assert!(((u[k] - d[k]) / (2.0 * eps) - j[k][1]).abs() < 1e-5 * size);
            }
        }
    }
}
