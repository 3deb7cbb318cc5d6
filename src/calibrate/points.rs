//! A camera from control points, and which of them looks wrong.
//!
//! Theory: the plain plane-to-plane map of the points gives a first camera for each of a few focal
//! lengths; from each of those the distances in the picture are minimised over all nine numbers of a
//! view, with wide priors, so that what four points cannot tell (the bend of the lens) stays near what
//! is usual. With six points or more, one that does not go with the others is found by leaving each out
//! in turn. Where no camera fits but a plain map does, the map is kept.

use super::fit::{Fit, Prior, minimise};
use super::view::{Param, View};
use crate::detection::PointInImage;
use crate::floor::{
    CameraModel, CameraSpec, ControlPoint, Lens, PERSON_HEIGHT_M, PERSON_HEIGHT_SD_M, PointInFloor,
};

/// Focal lengths to start from, as shares of the picture's width (103 down to 26 degrees).
const FOCAL_STARTS: [f64; 5] = [0.4, 0.6, 0.9, 1.4, 2.2];
/// Which one slipped can be told from this many points on.
const LEAST_FOR_SLIP: usize = 6;
/// A point this many standard deviations from where the others put it has slipped...
const SLIP_SDS: f64 = 6.0;
/// ... if the others then agree this many times better (squared residuals).
const SLIP_GAIN: f64 = 4.0;
/// Residuals (root mean square, in standard deviations) that no camera may leave if a map leaves less
/// than half of them.
const CAMERA_MISFIT: f64 = 4.0;
/// The calibration reaches this many times as far from the camera as the furthest point.
const REACH: f64 = 1.2;

/// How control points were taken.
#[derive(Debug, Clone)]
pub struct PointsOptions {
    /// Standard deviation of a click on each axis, px.
    pub click_sd_px: f64,
    /// The lens, if it was measured.
    pub lens: Option<Lens>,
    /// The camera as it is known already, and how far that is believed: then a single point is
    /// enough.
    pub known: Option<(View, Vec<Prior>)>,
}

impl Default for PointsOptions {
    fn default() -> Self {
        Self {
            click_sd_px: 1.0,
            lens: None,
            known: None,
        }
    }
}

/// A point that does not go with the others.
#[derive(Debug, Clone, Copy, PartialEq, serde::Serialize)]
pub struct Slip {
    /// Which, from 0.
    pub index: usize,
    /// How far it is from where the others put it, px.
    pub off_px: f64,
    /// Where the others put it.
    pub expected: PointInImage,
    /// Whether it was left out. With five points nothing is: which of them slipped can't be told.
    pub left_out: bool,
}

/// A calibration from control points.
#[derive(Debug, Clone)]
pub struct PointsFit {
    /// The calibration; its scale uncertainty is the caller's to fill in.
    pub spec: CameraSpec,
    /// The camera and its covariance; `None` where only a plain map fits.
    pub fit: Option<Fit>,
    /// Where the calibration sees each point's floor.
    pub seen: Vec<Option<PointInImage>>,
    /// How far that is from where it was clicked, px.
    pub residuals_px: Vec<f64>,
    /// A point that looks wrong.
    pub slip: Option<Slip>,
}

impl PointsFit {
    /// Root mean square of the residuals of the points that were used, px; 0 for exactly four.
    pub fn rms_px(&self) -> f64 {
        let used = self.used();
        let sum: f64 = used.iter().map(|r| r * r).sum();
        (sum / used.len().max(1) as f64).sqrt()
    }

    fn used(&self) -> Vec<f64> {
        let out = self
            .slip
            .filter(|slip| slip.left_out)
            .map(|slip| slip.index);
        let all = self.residuals_px.iter().enumerate();
        all.filter(|(i, _)| Some(*i) != out)
            .map(|(_, r)| *r)
            .collect()
    }
}

/// The corners of a measured rectangle as control points: near left, near right, far right, far left,
/// as the picture shows them. The origin is the first corner, x runs to the second.
pub fn rectangle_points(
    corners: [PointInImage; 4],
    width_m: f64,
    depth_m: f64,
) -> Vec<ControlPoint> {
    let floor = [
        (0.0, 0.0),
        (width_m, 0.0),
        (width_m, depth_m),
        (0.0, depth_m),
    ];
    let pairs = corners.into_iter().zip(floor);
    pairs
        .map(|(image, (x, y))| ControlPoint {
            image,
            floor: PointInFloor { x, y },
        })
        .collect()
}

/// Calibrates from four points or more. `Err` says in one sentence what is wrong and what to do.
pub fn from_points(
    size_px: (u32, u32),
    points: &[ControlPoint],
    options: &PointsOptions,
) -> Result<PointsFit, String> {
    let solver = Solver { size_px, options };
    let whole = solver.solved(points);
    let slip = match &whole {
        Ok(fit) if chi2(fit, points) <= expected_chi2(points.len()) => None,
        _ => solver.slip(points, whole.as_ref().ok()),
    };
    let Some(slip) = slip else {
        return solver.finished(points, points, whole?, None);
    };
    if !slip.left_out {
        return solver.finished(points, points, whole?, Some(slip));
    }
    let rest = without(points, slip.index);
    let solved = solver.solved(&rest)?;
    solver.finished(points, &rest, solved, Some(slip))
}

struct Solver<'a> {
    size_px: (u32, u32),
    options: &'a PointsOptions,
}

/// A camera, or the plain map alone.
enum Solved {
    Camera(Fit),
    Map(Box<CameraModel>, f64),
}

/// Squared residuals of the points in standard deviations.
fn chi2(solved: &Solved, points: &[ControlPoint]) -> f64 {
    match solved {
        Solved::Camera(fit) => fit.cost,
        Solved::Map(_, rms_sds) => rms_sds * rms_sds * 2.0 * points.len() as f64,
    }
}

/// Squared residuals that honest clicks seldom exceed: the mean and three standard deviations.
fn expected_chi2(points: usize) -> f64 {
    let freedom = (2.0 * points as f64 - 7.0).max(1.0);
    freedom + 3.0 * (2.0 * freedom).sqrt() + 1.0
}

fn without(points: &[ControlPoint], index: usize) -> Vec<ControlPoint> {
    let all = points.iter().enumerate();
    all.filter(|(i, _)| *i != index).map(|(_, p)| *p).collect()
}

impl Solver<'_> {
    fn solved(&self, points: &[ControlPoint]) -> Result<Solved, String> {
        if let Some((view, priors)) = &self.options.known {
            let residuals = |view: &View| self.misfits(view, points);
            return minimise(*view, priors, &residuals)
                .map(Solved::Camera)
                .ok_or_else(|| {
                    "the points can't be seen by the camera as it is known: check them".to_owned()
                });
        }
        let plain = self.map(points, self.options.lens)?;
        let fit = self
            .starts(points)
            .into_iter()
            .filter_map(|start| self.camera(start, points))
            .min_by(|a, b| a.cost.total_cmp(&b.cost));
        let count = 2.0 * points.len() as f64;
        let map_rms = self.map_rms_sds(&plain);
        match fit {
            Some(fit) => {
                let rms = (fit.cost / count).sqrt();
                if rms > CAMERA_MISFIT && map_rms < 0.5 * rms {
                    return Ok(Solved::Map(Box::new(plain), map_rms));
                }
                Ok(Solved::Camera(fit))
            }
            None => Ok(Solved::Map(Box::new(plain), map_rms)),
        }
    }

    fn map(&self, points: &[ControlPoint], lens: Option<Lens>) -> Result<CameraModel, String> {
        CameraModel::new(CameraSpec {
            image_width_px: self.size_px.0,
            image_height_px: self.size_px.1,
            lens,
            control_points: points.to_vec(),
            scale_uncertainty: 0.0,
            person_height_m: PERSON_HEIGHT_M,
            person_height_sd_m: PERSON_HEIGHT_SD_M,
        })
    }

    fn map_rms_sds(&self, map: &CameraModel) -> f64 {
        let points = &map.spec().control_points;
        let off = |p: &ControlPoint| match map.image_from_floor(p.floor, 0.0) {
            Some(seen) => seen.distance(p.image),
            None => f64::INFINITY,
        };
        let sum: f64 = points.iter().map(|p| off(p) * off(p)).sum();
        (sum / (2.0 * points.len() as f64)).sqrt() / self.options.click_sd_px
    }

    /// Cameras that the plain map makes with a few focal lengths.
    fn starts(&self, points: &[ControlPoint]) -> Vec<View> {
        let lenses: Vec<Option<Lens>> = match self.options.lens {
            Some(lens) => vec![Some(lens)],
            None => {
                let centre = super::view::middle(self.size_px);
                let width = f64::from(self.size_px.0);
                let guesses = FOCAL_STARTS.map(|share| Some(Lens::pinhole(share * width, centre)));
                guesses.into_iter().chain([None]).collect()
            }
        };
        let view = |lens: Option<Lens>| {
            let map = self.map(points, lens).ok()?;
            let mut view = View::of_pose(map.pose()?, lens, self.size_px)?;
            view.measured = self.options.lens;
            Some(view)
        };
        lenses.into_iter().filter_map(view).collect()
    }

    fn camera(&self, start: View, points: &[ControlPoint]) -> Option<Fit> {
        let residuals = |view: &View| self.misfits(view, points);
        minimise(start, &priors(&start), &residuals)
    }

    /// How far points are from where a view sees them, in standard deviations.
    fn misfits(&self, view: &View, points: &[ControlPoint]) -> Option<Vec<f64>> {
        let (eye, sd) = (view.eye(), self.options.click_sd_px);
        let mut out = Vec::with_capacity(2 * points.len());
        for point in points {
            let seen = eye.image_from_floor(point.floor)?;
            out.push((seen.x - point.image.x) / sd);
            out.push((seen.y - point.image.y) / sd);
        }
        Some(out)
    }

    /// The point that, left out, leaves the others in agreement.
    fn slip(&self, points: &[ControlPoint], whole: Option<&Solved>) -> Option<Slip> {
        if points.len() + 1 < LEAST_FOR_SLIP {
            return None;
        }
        let mut best: Option<(f64, Slip)> = None;
        for index in 0..points.len() {
            let rest = without(points, index);
            let Ok(solved) = self.solved(&rest) else {
                continue;
            };
            let seen = match &solved {
                Solved::Camera(fit) => fit.view.eye().image_from_floor(points[index].floor),
                Solved::Map(map, _) => map.image_from_floor(points[index].floor, 0.0),
            };
            let Some(expected) = seen else { continue };
            let left = chi2(&solved, &rest);
            let slip = Slip {
                index,
                off_px: expected.distance(points[index].image),
                expected,
                left_out: points.len() >= LEAST_FOR_SLIP,
            };
            if best.as_ref().is_none_or(|(least, _)| left < *least) {
                best = Some((left, slip));
            }
        }
        let (left, slip) = best?;
        let gain = whole.map_or(f64::INFINITY, |whole| chi2(whole, points) / left.max(1.0));
        (gain > SLIP_GAIN && slip.off_px > SLIP_SDS * self.options.click_sd_px).then_some(slip)
    }

    fn finished(
        &self,
        all: &[ControlPoint],
        used: &[ControlPoint],
        solved: Solved,
        slip: Option<Slip>,
    ) -> Result<PointsFit, String> {
        let (spec, fit, seen): (_, _, Vec<Option<PointInImage>>) = match solved {
            Solved::Camera(fit) => {
                let freedom = (2.0 * used.len() as f64 - 7.0).max(1.0);
                // Clicks worse than was said make everything less certain.
                let fit_sd = (fit.cost / freedom).sqrt().max(1.0);
                let fit = fit.widened(fit_sd);
                let eye = fit.view.eye();
                let seen = all.iter().map(|p| eye.image_from_floor(p.floor)).collect();
                (spec_around(&fit.view, used)?, Some(fit), seen)
            }
            Solved::Map(map, _) => {
                let seen = all
                    .iter()
                    .map(|p| map.image_from_floor(p.floor, 0.0))
                    .collect();
                (map.spec().clone(), None, seen)
            }
        };
        let off = |(p, seen): (&ControlPoint, &Option<PointInImage>)| {
            seen.map_or(f64::INFINITY, |seen| seen.distance(p.image))
        };
        let residuals_px = all.iter().zip(&seen).map(off).collect();
        Ok(PointsFit {
            spec,
            fit,
            seen,
            residuals_px,
            slip,
        })
    }
}

/// The calibration over the part of the picture that the points span, or over all of it if that is
/// too little.
fn spec_around(view: &View, points: &[ControlPoint]) -> Result<CameraSpec, String> {
    let least = |of: fn(&ControlPoint) -> f64| points.iter().map(of).fold(f64::INFINITY, f64::min);
    let most = |of: fn(&ControlPoint) -> f64| points.iter().map(of).fold(0.0, f64::max);
    let bounds = [
        least(|p| p.image.x),
        least(|p| p.image.y),
        most(|p| p.image.x),
        most(|p| p.image.y),
    ];
    let [x, y, _] = view.eye().centre();
    let foot = PointInFloor { x, y };
    let reach_m = points
        .iter()
        .map(|p| foot.distance(p.floor))
        .fold(0.0, f64::max)
        * REACH;
    view.spec(bounds, reach_m)
        .or_else(|_| view.spec(view.whole(), reach_m))
}

/// What is believed of any camera over any floor: next to nothing, but of its lens.
fn priors(start: &View) -> Vec<Prior> {
    let width = f64::from(start.size_px.0);
    let prior = |param, mean, sd| Prior { param, mean, sd };
    let mut priors = vec![
        prior(Param::Pitch, 0.7, 1.0),
        prior(Param::Roll, 0.0, 0.5),
        prior(Param::LnHeight, libm::log(3.0), 2.0),
        // Which way the axes lie is the user's choice: as good as no prior.
        prior(Param::Yaw, start.get(Param::Yaw), 30.0),
        prior(Param::X, start.get(Param::X), 300.0),
        prior(Param::Y, start.get(Param::Y), 300.0),
    ];
    if start.measured.is_none() {
        priors.push(prior(Param::LnFocal, libm::log(0.8 * width), 0.7));
        // Lenses bend inwards by up to a third at the corner, some outwards a little; the second
        // term undoes a part of the first.
        priors.push(prior(Param::K1, -0.03, 0.12));
        priors.push(prior(Param::K2, 0.01, 0.03));
    }
    priors
}

#[cfg(test)]
mod tests;
