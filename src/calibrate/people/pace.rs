//! How fast people walk: away from the camera as fast as across.
//!
//! A flat, narrow view shows depth foreshortened, and by how much is what boxes say least about. But
//! people walk towards a camera as fast as past it, so a floor on which they do not is foreshortened
//! wrongly. Each walk says one speed; how fast people walk at this site is an unknown of the fit,
//! believed so loosely that a clip with wrong times tells no wrong scale.

use super::fit::Person;

/// The usual speed, m/s: walkways have 1.34 (U. Weidmann, Transporttechnik der Fussgänger, 1993), doors
/// and halls less.
const USUAL_MPS: f64 = 1.25;
/// Sites differ from it by this share, and clips whose times are wrong by more (1 sigma).
const SITE_SD: f64 = 0.25;
/// People of one site differ by this share (the same source: 0.26 m/s of 1.34).
const PERSON_SD: f64 = 0.2;
/// Share of people who loiter, run or wait, and the range of the logarithms of their speeds.
const ODD: f64 = 0.15;
const ODD_RANGE: f64 = 2.0;
/// Ways are measured over stretches of at least this time: over single steps, errors of places would
/// lengthen them, s.
const STRETCH_S: f64 = 0.9;

/// What is believed of the logarithm of the site's speed: mean and standard deviation.
pub(super) fn belief() -> (f64, f64) {
    (libm::log(USUAL_MPS), SITE_SD)
}

/// The pace of one person.
pub(super) struct Pace {
    /// How far it is from the site's, in standard deviations.
    pub(super) residual: f64,
    /// How it changes with the site's logarithm of speed.
    pub(super) site_slope: f64,
    /// How it changes with the places of boxes, two numbers each.
    pub(super) place_slopes: Vec<[f64; 2]>,
}

/// Of a person, where the logarithm of the site's speed is this. `None` if they were seen too shortly.
pub(super) fn pace(person: &Person, site: f64) -> Option<Pace> {
    let seen = &person.seen;
    let mut slopes = vec![[0.0; 2]; seen.len()];
    let (mut from, mut way_m, mut time_s) = (0, 0.0, 0.0);
    for to in 1..seen.len() {
        let lasts = seen[to].sighting.time_s - seen[from].sighting.time_s;
        if lasts < STRETCH_S {
            continue;
        }
        let gone = [0, 1].map(|i| seen[to].place[i] - seen[from].place[i]);
        let length = (gone[0] * gone[0] + gone[1] * gone[1]).sqrt();
        if length > 1e-6 {
            for i in 0..2 {
                slopes[to][i] += gone[i] / length;
                slopes[from][i] -= gone[i] / length;
            }
        }
        (way_m, time_s, from) = (way_m + length, time_s + lasts, to);
    }
    if way_m < 1e-3 || time_s < STRETCH_S {
        return None;
    }
    for slope in slopes.iter_mut().flatten() {
        *slope /= way_m * PERSON_SD;
    }
    Some(Pace {
        residual: (libm::log(way_m / time_s) - site) / PERSON_SD,
        site_slope: -1.0 / PERSON_SD,
        place_slopes: slopes,
    })
}

/// What odd paces weigh against the peak of the usual ones.
pub(super) fn odd() -> f64 {
    ODD * PERSON_SD * std::f64::consts::TAU.sqrt() / ODD_RANGE
}
