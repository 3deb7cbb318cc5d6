//! First guesses: which focal length and pitch make all walkers about equally tall.
//!
//! Under a guess, with the camera one metre up, each box has a height in camera heights. A good guess
//! makes them alike, wherever they were seen; their median says how high the camera then is. Medians
//! and quantiles, so that a few bad boxes say nothing.

use super::super::spread::quantile;
use super::super::view::{Eye, View};
use super::walker::{Sighting, Walker};

/// Focal lengths tried, as shares of the picture's width (110 down to 26 degrees).
const FOCALS: [f64; 7] = [0.35, 0.48, 0.65, 0.85, 1.1, 1.5, 2.2];
/// Pitches tried, degrees.
const PITCHES_DEG: [f64; 8] = [8.0, 16.0, 25.0, 34.0, 43.0, 52.0, 62.0, 73.0];
/// A guess must see at least this share of the boxes on the floor.
const LEAST_SEEN: f64 = 0.8;

/// The best guesses, best first, for people this tall.
pub(super) fn guesses(
    size_px: (u32, u32),
    walkers: &[Walker],
    person_m: f64,
    count: usize,
) -> Vec<View> {
    let sightings: Vec<&Sighting> = walkers.iter().flat_map(|w| &w.sightings).collect();
    let mut found: Vec<(f64, View)> = Vec::new();
    for focal in FOCALS {
        for pitch in PITCHES_DEG {
            let focal_px = focal * f64::from(size_px.0);
            let view = View::new(size_px, focal_px, pitch.to_radians(), 0.0, 1.0);
            let eye = view.eye();
            let mut shares: Vec<f64> = sightings.iter().filter_map(|s| share(&eye, s)).collect();
            if (shares.len() as f64) < LEAST_SEEN * sightings.len() as f64 || shares.is_empty() {
                continue;
            }
            shares.sort_by(f64::total_cmp);
            let middle = quantile(&shares, 0.5);
            let spread = libm::log(quantile(&shares, 0.8) / quantile(&shares, 0.2));
            let height_m = person_m / middle;
            if height_m.is_finite() && spread.is_finite() {
                let view = View::new(size_px, focal_px, pitch.to_radians(), 0.0, height_m);
                found.push((spread, view));
            }
        }
    }
    found.sort_by(|a, b| a.0.total_cmp(&b.0));
    found
        .into_iter()
        .take(count)
        .map(|(_, view)| view)
        .collect()
}

/// How tall who is in the box is, in camera heights.
fn share(eye: &Eye, sighting: &Sighting) -> Option<f64> {
    let foot = eye.floor_from_image(sighting.bbox.bottom_centre(), 0.0)?;
    let (mut low, mut high) = (0.0, 0.98);
    let top = |z: f64| eye.project([foot.x, foot.y, z]).map(|p| p.y);
    if top(high).is_some_and(|y| y > sighting.bbox.top) {
        return Some(high);
    }
    // Higher up is further up in the picture: halving is enough, 12 times for a part in 4,000.
    for _ in 0..12 {
        let middle = 0.5 * (low + high);
        match top(middle) {
            Some(y) if y > sighting.bbox.top => low = middle,
            _ => high = middle,
        }
    }
    Some((0.5 * (low + high)).max(1e-3))
}
