//! Small symmetric matrices: Cholesky's factor, solving, inverting. Sizes are those of a camera.

/// A square matrix by rows.
pub(super) type Square = Vec<Vec<f64>>;

/// All zeros.
pub(super) fn zeros(n: usize) -> Square {
    vec![vec![0.0; n]; n]
}

/// The lower triangle `l` with `l l^T = a`; `None` if `a` is not positive definite.
pub(super) fn cholesky(a: &Square) -> Option<Square> {
    let n = a.len();
    let mut l = zeros(n);
    for i in 0..n {
        for j in 0..=i {
            let known: f64 = (0..j).map(|k| l[i][k] * l[j][k]).sum();
            let rest = a[i][j] - known;
            if i == j {
                if rest.is_nan() || rest <= 0.0 {
                    return None;
                }
                l[i][i] = rest.sqrt();
            } else {
                l[i][j] = rest / l[j][j];
            }
        }
    }
    Some(l)
}

/// `x` with `l l^T x = b`.
pub(super) fn solve(l: &Square, b: &[f64]) -> Vec<f64> {
    let n = l.len();
    let mut x = b.to_vec();
    for i in 0..n {
        let known: f64 = (0..i).map(|k| l[i][k] * x[k]).sum();
        x[i] = (x[i] - known) / l[i][i];
    }
    for i in (0..n).rev() {
        let known: f64 = (i + 1..n).map(|k| l[k][i] * x[k]).sum();
        x[i] = (x[i] - known) / l[i][i];
    }
    x
}

/// The inverse; `None` if `a` is not positive definite.
pub(super) fn inverse(a: &Square) -> Option<Square> {
    let l = cholesky(a)?;
    let n = a.len();
    let columns = (0..n).map(|i| {
        let mut unit = vec![0.0; n];
        unit[i] = 1.0;
        solve(&l, &unit)
    });
    // Symmetric: columns are rows.
    Some(columns.collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_inverse_undoes_its_matrix() {
        let a = vec![
            vec![4.0, 1.0, 0.5],
            vec![1.0, 3.0, -0.2],
            vec![0.5, -0.2, 2.0],
        ];
        let b = inverse(&a).unwrap();
        for i in 0..3 {
            for j in 0..3 {
                let got: f64 = (0..3).map(|k| a[i][k] * b[k][j]).sum();
                let want = if i == j { 1.0 } else { 0.0 };
                assert!((got - want).abs() < 1e-12, "{i} {j}: {got}");
            }
        }
        assert!(inverse(&vec![vec![1.0, 2.0], vec![2.0, 1.0]]).is_none());
    }
}
