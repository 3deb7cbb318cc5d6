//! What the uncertainty of a view means on the floor: centimetres at places, shares of lengths, and
//! the difference between two calibrations.
//!
//! Theory: views are drawn from the covariance; each puts the same pixels on the floor elsewhere. How
//! far they move says how well places are known, how far lengths between them change says how well
//! lengths are, and the change of all of them together is the scale.

use super::fit::Fit;
use super::view::View;
use crate::detection::PointInImage;
use crate::floor::{CameraModel, PointInFloor};

/// Views drawn.
const DRAWS: usize = 128;
/// Their seed: any, but always the same.
const SEED: u64 = 20_261_122;

/// How well a floor is known.
#[derive(Debug, Clone, Copy, PartialEq, serde::Serialize)]
pub struct FloorSpread {
    /// Standard deviation of places, median over the pixels, m.
    pub place_median_m: f64,
    /// The same at the worst twentieth of them, m.
    pub place_p95_m: f64,
    /// Standard deviation of lengths between them, as a share.
    pub length_share: f64,
    /// Standard deviation of the scale of the whole, as a share.
    pub scale_share: f64,
}

impl FloorSpread {
    /// What a fit says of the floor at these pixels; `None` if they show no floor.
    pub fn of(fit: &Fit, pixels: &[PointInImage]) -> Option<Self> {
        let here = floor(&fit.view, pixels);
        let seen: Vec<usize> = (0..pixels.len()).filter(|i| here[*i].is_some()).collect();
        if seen.len() < 2 {
            return None;
        }
        let here: Vec<PointInFloor> = seen.iter().filter_map(|i| here[*i]).collect();
        let mut moved2 = vec![0.0; here.len()];
        let (mut lengths2, mut pairs) = (0.0, 0.0);
        let (mut scales2, mut drawn) = (0.0, 0.0);
        for view in fit.draws(DRAWS, SEED) {
            let there = floor(&view, pixels);
            let there: Option<Vec<PointInFloor>> = seen.iter().map(|i| there[*i]).collect();
            // A draw that lifts the horizon into the floor is too wild to be put in metres.
            let Some(there) = there else { continue };
            let Some(scale) = similarity_scale(&here, &there) else {
                continue;
            };
            drawn += 1.0;
            scales2 += libm::log(scale) * libm::log(scale);
            for (sum, (a, b)) in moved2.iter_mut().zip(here.iter().zip(&there)) {
                let (dx, dy) = (a.x - b.x, a.y - b.y);
                *sum += dx * dx + dy * dy;
            }
            for step in [1, here.len() / 2] {
                for i in 0..here.len().saturating_sub(step) {
                    let ratio =
                        there[i].distance(there[i + step]) / here[i].distance(here[i + step]);
                    if ratio.is_finite() && ratio > 0.0 {
                        lengths2 += libm::log(ratio) * libm::log(ratio);
                        pairs += 1.0;
                    }
                }
            }
        }
        if drawn < 1.0 || pairs < 1.0 {
            return None;
        }
        let mut places: Vec<f64> = moved2.iter().map(|sum| (sum / drawn).sqrt()).collect();
        places.sort_by(f64::total_cmp);
        Some(Self {
            place_median_m: quantile(&places, 0.5),
            place_p95_m: quantile(&places, 0.95),
            length_share: (lengths2 / pairs).sqrt(),
            scale_share: (scales2 / drawn).sqrt(),
        })
    }
}

/// How much larger the second set of places is than the first, wherever it lies and however it is
/// turned: the ratio of their spreads about their own middles.
pub fn similarity_scale(first: &[PointInFloor], second: &[PointInFloor]) -> Option<f64> {
    let (a, b) = (spread2(first), spread2(second));
    let scale = (b / a).sqrt();
    (scale.is_finite() && scale > 0.0).then_some(scale)
}

/// Distances on the floor, m, between where two calibrations put the same pixels: median, 95th
/// percentile and largest. `None` if they share no floor.
pub fn difference(
    old: &CameraModel,
    new: &CameraModel,
    pixels: &[PointInImage],
) -> Option<[f64; 3]> {
    let both =
        |pixel: &PointInImage| Some((old.floor_from_image(*pixel)?, new.floor_from_image(*pixel)?));
    let mut apart: Vec<f64> = pixels
        .iter()
        .filter_map(both)
        .map(|(a, b)| a.distance(b))
        .collect();
    apart.sort_by(f64::total_cmp);
    let most = *apart.last()?;
    Some([quantile(&apart, 0.5), quantile(&apart, 0.95), most])
}

/// The value that this share of the sorted values stays under.
pub(super) fn quantile(sorted: &[f64], share: f64) -> f64 {
    if sorted.is_empty() {
        return f64::NAN;
    }
    let at = share * (sorted.len() - 1) as f64;
    let (low, part) = (at.floor(), at - at.floor());
    let low = low as usize;
    let high = (low + 1).min(sorted.len() - 1);
    sorted[low] + part * (sorted[high] - sorted[low])
}

fn floor(view: &View, pixels: &[PointInImage]) -> Vec<Option<PointInFloor>> {
    let eye = view.eye();
    pixels
        .iter()
        .map(|p| eye.floor_from_image(*p, 0.0))
        .collect()
}

fn spread2(points: &[PointInFloor]) -> f64 {
    let n = points.len() as f64;
    let mean = |of: fn(&PointInFloor) -> f64| points.iter().map(of).sum::<f64>() / n;
    let middle = PointInFloor {
        x: mean(|p| p.x),
        y: mean(|p| p.y),
    };
    let from = |p: &PointInFloor| middle.distance(*p) * middle.distance(*p);
    points.iter().map(from).sum::<f64>() / n
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scale_knows_nothing_of_place_and_turn() {
        let at = |x: f64, y: f64| PointInFloor { x, y };
        let here = [at(0.0, 0.0), at(2.0, 0.0), at(2.0, 1.0)];
        let turned = here.map(|p| at(5.0 - 3.0 * p.y, 1.0 + 3.0 * p.x));
        assert!((similarity_scale(&here, &turned).unwrap() - 3.0).abs() < 1e-12);
        assert_eq!(similarity_scale(&here[..1], &turned[..1]), None);
        assert!((quantile(&[1.0, 2.0, 4.0], 0.75) - 3.0).abs() < 1e-12);
    }
}
