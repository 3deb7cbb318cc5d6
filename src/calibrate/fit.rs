//! Least squares over the numbers of a view: Levenberg's damped Gauss-Newton steps.
//!
//! Residuals come in units of their own spread and priors are residuals too, so the normal matrix at
//! the end is the inverse of the covariance (Laplace's approximation). Slopes are differences.

use super::matrix::{self, Square, cholesky, zeros};
use super::sampler::Sampler;
use super::view::{Param, View};

/// Most steps.
const STEPS: usize = 60;
/// A step that gains less than this share of the cost is the last.
const GAIN: f64 = 1e-9;
/// Change of a parameter for its slope: angles and logarithms alike, m for places.
const NUDGE: f64 = 1e-6;
/// Damping: first, most, and its change from step to step.
const DAMPING: (f64, f64) = (1e-3, 1e12);
const DAMPING_DOWN: f64 = 0.3;
const DAMPING_UP: f64 = 8.0;

/// What is believed of a number before anything was seen.
#[derive(Debug, Clone, Copy)]
pub struct Prior {
    /// Which number.
    pub param: Param,
    /// Its mean.
    pub mean: f64,
    /// Its standard deviation.
    pub sd: f64,
}

/// A view that fits.
#[derive(Debug, Clone)]
pub struct Fit {
    /// Where the cost is least.
    pub view: View,
    /// Sum of squared residuals, priors included.
    pub cost: f64,
    /// Of the free parameters, in the order of the priors given.
    pub covariance: Square,
    /// The parameters that were free.
    pub free: Vec<Param>,
}

/// Moves the parameters that `priors` name until the residuals are least. `residuals` gives `None`
/// where the view makes no sense.
pub(super) fn minimise(
    start: View,
    priors: &[Prior],
    residuals: &dyn Fn(&View) -> Option<Vec<f64>>,
) -> Option<Fit> {
    let all = |view: &View| -> Option<Vec<f64>> {
        let mut out = residuals(view)?;
        out.extend(
            priors
                .iter()
                .map(|prior| (view.get(prior.param) - prior.mean) / prior.sd),
        );
        out.iter().all(|r| r.is_finite()).then_some(out)
    };
    let square = |r: &[f64]| r.iter().map(|v| v * v).sum::<f64>();
    let mut view = start;
    let mut now = all(&view)?;
    let mut cost = square(&now);
    let mut damping = DAMPING.0;
    for _ in 0..STEPS {
        let (normal, slope) = normal_equations(&view, priors, &now, &all)?;
        let before = cost;
        while damping < DAMPING.1 {
            if let Some((next, r)) = step(&view, priors, &normal, &slope, damping, &all)
                && square(&r) < cost
            {
                (view, cost, now) = (next, square(&r), r);
                damping *= DAMPING_DOWN;
                break;
            }
            damping *= DAMPING_UP;
        }
        if damping >= DAMPING.1 || before - cost < GAIN * before {
            break;
        }
    }
    let (normal, _) = normal_equations(&view, priors, &now, &all)?;
    Some(Fit {
        view,
        cost,
        covariance: matrix::inverse(&normal)?,
        free: priors.iter().map(|prior| prior.param).collect(),
    })
}

type Residuals<'a> = &'a dyn Fn(&View) -> Option<Vec<f64>>;

fn step(
    view: &View,
    priors: &[Prior],
    normal: &Square,
    slope: &[f64],
    damping: f64,
    all: Residuals<'_>,
) -> Option<(View, Vec<f64>)> {
    let mut damped = normal.clone();
    for (i, row) in damped.iter_mut().enumerate() {
        row[i] *= 1.0 + damping;
    }
    let change = matrix::solve(&cholesky(&damped)?, slope);
    let mut next = *view;
    for (prior, change) in priors.iter().zip(&change) {
        next = next.with(prior.param, next.get(prior.param) - change);
    }
    Some((next, all(&next)?))
}

fn normal_equations(
    view: &View,
    priors: &[Prior],
    now: &[f64],
    all: Residuals<'_>,
) -> Option<(Square, Vec<f64>)> {
    let mut slopes = Vec::with_capacity(priors.len());
    for prior in priors {
        let value = view.get(prior.param);
        let up = all(&view.with(prior.param, value + NUDGE));
        let down = all(&view.with(prior.param, value - NUDGE));
        let column: Vec<f64> = match (up, down) {
            (Some(up), Some(down)) => up
                .iter()
                .zip(&down)
                .map(|(u, d)| (u - d) / (2.0 * NUDGE))
                .collect(),
            (Some(up), None) => up.iter().zip(now).map(|(u, n)| (u - n) / NUDGE).collect(),
            (None, Some(down)) => now
                .iter()
                .zip(&down)
                .map(|(n, d)| (n - d) / NUDGE)
                .collect(),
            (None, None) => return None,
        };
        slopes.push(column);
    }
    let n = priors.len();
    let mut normal = zeros(n);
    let dot = |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(x, y)| x * y).sum::<f64>();
    for i in 0..n {
        for j in 0..=i {
            normal[i][j] = dot(&slopes[i], &slopes[j]);
            normal[j][i] = normal[i][j];
        }
    }
    let slope = slopes.iter().map(|column| dot(column, now)).collect();
    Some((normal, slope))
}

impl Fit {
    /// Standard deviation of a number; 0 if it was held.
    pub fn sd(&self, param: Param) -> f64 {
        let at = self.free.iter().position(|free| *free == param);
        at.map_or(0.0, |i| self.covariance[i][i].sqrt())
    }

    /// The same with all uncertainty `factor` times as large.
    pub fn widened(mut self, factor: f64) -> Self {
        for value in self.covariance.iter_mut().flatten() {
            *value *= factor * factor;
        }
        self
    }

    /// Views as the covariance says that they may be; empty if it says nothing.
    pub fn draws(&self, count: usize, seed: u64) -> Vec<View> {
        let Some(factor) = cholesky(&self.covariance) else {
            return Vec::new();
        };
        let mut dice = Sampler::new(seed);
        let draw = |_| {
            let normal: Vec<f64> = self.free.iter().map(|_| dice.normal()).collect();
            let mut view = self.view;
            for (param, row) in self.free.iter().zip(&factor) {
                let change: f64 = row.iter().zip(&normal).map(|(l, z)| l * z).sum();
                view = view.with(*param, view.get(*param) + change);
            }
            view
        };
        (0..count).map(draw).collect()
    }
}
