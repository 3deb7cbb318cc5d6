//! The little linear algebra that calibration needs: least squares by Householder reflections.
//!
//! Written out because it must be bit-equal on every machine: it uses nothing but the four
//! operations and the square root, in a fixed order. (Golub and Van Loan, Matrix Computations, 5.3.)

/// A diagonal element this small against its column's length means that the column is no new
/// direction: the system does not determine its unknowns.
const RANK_TOLERANCE: f64 = 1e-10;

/// The `x` that makes `rows * x` come closest to `rhs`; both are used up.
/// `None` if there are fewer rows than unknowns or they do not determine all of them.
pub(super) fn least_squares<const N: usize>(
    rows: &mut [[f64; N]],
    rhs: &mut [f64],
) -> Option<[f64; N]> {
    if rows.len() < N || rows.len() != rhs.len() {
        return None;
    }
    for k in 0..N {
        reflect_column(rows, rhs, k)?;
    }
    let mut x = [0.0; N];
    for k in (0..N).rev() {
        let known: f64 = (k + 1..N).map(|j| rows[k][j] * x[j]).sum();
        x[k] = (rhs[k] - known) / rows[k][k];
        if !x[k].is_finite() {
            return None;
        }
    }
    Some(x)
}

/// Reflects the rows from `k` down so that column `k` is zero below its diagonal.
fn reflect_column<const N: usize>(rows: &mut [[f64; N]], rhs: &mut [f64], k: usize) -> Option<()> {
    let square = |range: std::ops::Range<usize>, rows: &[[f64; N]]| -> f64 {
        range.map(|i| rows[i][k] * rows[i][k]).sum()
    };
    let below = square(k..rows.len(), rows).sqrt();
    let whole = square(0..rows.len(), rows).sqrt();
    if below.is_nan() || below <= RANK_TOLERANCE * whole {
        return None;
    }
    // The sign that adds rather than cancels.
    let alpha = if rows[k][k] > 0.0 { -below } else { below };
    let mut mirror: Vec<f64> = rows[k..].iter().map(|row| row[k]).collect();
    mirror[0] -= alpha;
    let norm2: f64 = mirror.iter().map(|v| v * v).sum();
    for j in k..N {
        let dot: f64 = mirror
            .iter()
            .zip(&rows[k..])
            .map(|(v, row)| v * row[j])
            .sum();
        let factor = 2.0 * dot / norm2;
        for (v, row) in mirror.iter().zip(&mut rows[k..]) {
            row[j] -= factor * v;
        }
    }
    let dot: f64 = mirror.iter().zip(&rhs[k..]).map(|(v, r)| v * r).sum();
    let factor = 2.0 * dot / norm2;
    for (v, r) in mirror.iter().zip(&mut rhs[k..]) {
        *r -= factor * v;
    }
    Some(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check<const N: usize>(rows: &[[f64; N]], rhs: &[f64], expect: Option<[f64; N]>) {
        let got = least_squares(&mut rows.to_vec(), &mut rhs.to_vec());
        match (got, expect) {
            (Some(got), Some(expect)) => {
                for (g, e) in got.iter().zip(&expect) {
                    assert!((g - e).abs() < 1e-12, "{got:?} is not {expect:?}");
                }
            }
            (got, expect) => assert_eq!(got.is_some(), expect.is_some()),
        }
    }

    #[test]
    fn solves_what_is_determined_and_nothing_else() {
        check(&[[2.0, 0.0], [0.0, 4.0]], &[2.0, 2.0], Some([1.0, 0.5]));
        check(&[[0.0, 1.0], [1.0, 0.0]], &[3.0, 5.0], Some([5.0, 3.0]));
        // A line through three points: y = 1 + 0.5 x in the least-squares sense.
        let line = [[1.0, 0.0], [1.0, 1.0], [1.0, 2.0]];
        check(&line, &[1.0, 1.5, 2.0], Some([1.0, 0.5]));
        check(&line, &[0.0, 3.0, 0.0], Some([1.0, 0.0]));
        check(&[[1.0, 2.0], [2.0, 4.0]], &[1.0, 2.0], None);
        check(&[[1.0, 2.0]], &[1.0], None);
        check(&[[f64::NAN, 2.0], [2.0, 4.0]], &[1.0, 2.0], None);
        check(&[[0.0, 0.0], [0.0, 0.0]], &[0.0, 0.0], None);
    }
}
