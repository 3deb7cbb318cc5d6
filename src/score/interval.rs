//! How much a count is worth: intervals about shares and rates, and the chance of a difference.
//!
//! Theory: a share of `n` trials lies, at 95 %, in Wilson's interval (E. B. Wilson, 1927, J. Am.
//! Stat. Assoc. 22), which stays inside 0 and 1 and says something even of 0 of 5. A count of rare
//! events lies in Garwood's exact interval (F. Garwood, 1936, Biometrika 28), found here by
//! bisection of the Poisson distribution. Two configurations that judged the *same* passages are
//! compared by the passages on which they differ alone (Q. McNemar, 1947, Psychometrika 12), by the
//! exact sign test.
//!
//! Logarithms come from `libm`: the same figures on every machine.

use serde::Serialize;

/// Two-sided 95 % of a normal distribution, in standard deviations.
const Z_95: f64 = 1.959_963_984_540_054;
/// What lies beyond either end of a 95 % interval.
const TAIL: f64 = 0.025;
/// Halvings of a bisection: the last digit of a double.
const HALVINGS: usize = 80;

/// Both ends of a 95 % interval.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Between {
    /// Lower end.
    pub lo: f64,
    /// Upper end.
    pub hi: f64,
}

impl Between {
    /// Whether the two share a point.
    pub fn overlaps(self, other: Self) -> bool {
        self.lo <= other.hi && other.lo <= self.hi
    }

    /// Both ends times `by`.
    pub fn times(self, by: f64) -> Self {
        Self {
            lo: self.lo * by,
            hi: self.hi * by,
        }
    }
}

/// The 95 % interval of a share of which `hits` of `of` trials were seen; 0 to 1 without trials.
pub fn wilson(hits: usize, of: usize) -> Between {
    if of == 0 {
        return Between { lo: 0.0, hi: 1.0 };
    }
    let (n, z2) = (of as f64, Z_95 * Z_95);
    let share = hits.min(of) as f64 / n;
    let middle = share + z2 / (2.0 * n);
    let half = Z_95 * (share * (1.0 - share) / n + z2 / (4.0 * n * n)).sqrt();
    let scale = 1.0 + z2 / n;
    Between {
        lo: ((middle - half) / scale).max(0.0),
        hi: ((middle + half) / scale).min(1.0),
    }
}

/// The 95 % interval of the expected number of rare events of which `count` were seen.
pub fn poisson(count: usize) -> Between {
    // Far beyond either end: the distribution is about as wide as the root of its mean.
    let beyond = count as f64 + 10.0 * (count as f64 + 1.0).sqrt() + 10.0;
    let lo = if count == 0 {
        0.0
    } else {
        bisect(beyond, |mean| 1.0 - at_most(count - 1, mean) >= TAIL)
    };
    Between {
        lo,
        hi: bisect(beyond, |mean| at_most(count, mean) <= TAIL),
    }
}

/// The least mean for which `reached` holds, between 0 and `beyond`.
fn bisect(beyond: f64, reached: impl Fn(f64) -> bool) -> f64 {
    let (mut lo, mut hi) = (0.0, beyond);
    for _ in 0..HALVINGS {
        let mid = 0.5 * (lo + hi);
        if reached(mid) {
            hi = mid;
        } else {
            lo = mid;
        }
    }
    hi
}

/// The chance of at most `count` events where `mean` are expected.
fn at_most(count: usize, mean: f64) -> f64 {
    if mean <= 0.0 {
        return 1.0;
    }
    let log_mean = libm::log(mean);
    let term = |k: usize| libm::exp(k as f64 * log_mean - mean - libm::lgamma(k as f64 + 1.0));
    (0..=count).map(term).sum::<f64>().min(1.0)
}

/// The chance that mere luck would split differing passages as unevenly as `better` to `worse`, or
/// more so: two-sided, exact. 1 where nothing differs.
pub fn sign_test(better: usize, worse: usize) -> f64 {
    let (n, least) = ((better + worse) as f64, better.min(worse));
    let log_half = libm::log(0.5);
    let term = |k: usize| {
        let k = k as f64;
        let ways = libm::lgamma(n + 1.0) - libm::lgamma(k + 1.0) - libm::lgamma(n - k + 1.0);
        libm::exp(ways + n * log_half)
    };
    (2.0 * (0..=least).map(term).sum::<f64>()).min(1.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(got: Between, lo: f64, hi: f64) {
        let near = |a: f64, b: f64| (a - b).abs() < 5e-4 * b.abs().max(1.0);
        assert!(near(got.lo, lo) && near(got.hi, hi), "{got:?}");
    }

    #[test]
    fn shares_as_in_wilsons_paper_and_tables() {
        check(wilson(0, 0), 0.0, 1.0);
        check(wilson(0, 10), 0.0, 0.2775);
        check(wilson(10, 10), 0.7225, 1.0);
        check(wilson(5, 10), 0.2366, 0.7634);
        check(wilson(90, 100), 0.8256, 0.9448);
    }

    #[test]
    fn counts_as_in_garwoods_table() {
        check(poisson(0), 0.0, 3.689);
        check(poisson(1), 0.0253, 5.572);
        check(poisson(3), 0.6187, 8.767);
        check(poisson(10), 4.795, 18.39);
        check(poisson(100), 81.36, 121.63);
        check(poisson(2_000), 1_913.3, 2_089.6);
    }

    #[test]
    fn few_differing_passages_prove_little() {
        for (better, worse, chance) in [
            (0, 0, 1.0),
            (1, 0, 1.0),
            (3, 1, 0.625),
            (5, 0, 0.0625),
            (6, 0, 0.03125),
            (0, 6, 0.03125),
        ] {
            let got = sign_test(better, worse);
            assert!((got - chance).abs() < 1e-9, "{better}:{worse} {got}");
        }
    }
}
