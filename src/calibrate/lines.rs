//! A camera from lines: edges that are parallel on the floor, edges that stand upright, and the height
//! of the camera.
//!
//! Theory: parallel lines of the world meet in one point of the picture. A line in the picture should
//! run through the middle of what was drawn and towards the vanishing point of its direction; how far
//! the ends of what was drawn lie from that is the residual, in px. Verticals and one or two directions
//! on the floor fix how the camera is turned and its focal length; the height gives metres.

use super::fit::{Fit, Prior, minimise};
use super::view::{Param, View};
use crate::detection::PointInImage;

/// Focal lengths (as shares of the width), pitches and yaws (rad) to start from.
const FOCALS: [f64; 3] = [0.5, 0.9, 1.6];
const PITCHES: [f64; 3] = [0.3, 0.7, 1.1];
const YAWS: [f64; 5] = [0.4, 1.0, std::f64::consts::FRAC_PI_2, 2.1, 2.7];
/// Turn of the camera about its axis beforehand, rad: people hang cameras level.
const ROLL_SD: f64 = 0.15;

/// A straight edge as drawn in the picture.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Line {
    /// One end, px.
    pub a: PointInImage,
    /// The other, px.
    pub b: PointInImage,
}

/// What was drawn and measured.
#[derive(Debug, Clone, Default)]
pub struct LineEvidence {
    /// Edges on the floor that run along its y axis (away from the camera).
    pub along: Vec<Line>,
    /// Edges on the floor at right angles to those.
    pub across: Vec<Line>,
    /// Upright edges: door posts, corners of rooms.
    pub upright: Vec<Line>,
    /// Height of the camera over the floor, m.
    pub height_m: f64,
    /// How far that may be wrong, m (1 sigma).
    pub height_sd_m: f64,
    /// How well ends were drawn, px.
    pub click_sd_px: f64,
    /// Focal length, px, if it is known.
    pub focal_px: Option<f64>,
}

/// The camera, over the origin, with y along the first lines; and each line's residual, px, in the
/// order along, across, upright. `Err` says what is missing.
pub fn from_lines(size_px: (u32, u32), evidence: &LineEvidence) -> Result<(Fit, Vec<f64>), String> {
    let count = |lines: &[Line]| lines.len();
    let (along, across) = (count(&evidence.along), count(&evidence.across));
    let groups = [along, across, count(&evidence.upright)];
    if !(evidence.height_m > 0.0 && evidence.height_sd_m > 0.0) {
        return Err("the camera's height must be above 0 m: give --height in metres".to_owned());
    }
    if along.max(across) < 2 {
        return Err(
            "too few lines on the floor: give two or more edges that run along (--along) or two \
             or more that run across (--across)"
                .to_owned(),
        );
    }
    if groups.iter().filter(|n| **n >= 1).count() < 2 && evidence.focal_px.is_none() {
        return Err(
            "lines of one direction leave the focal length open: add lines across (--across), \
             upright edges (--upright), or --focal-px"
                .to_owned(),
        );
    }
    let residuals = |view: &View| misfits(view, evidence);
    let width = f64::from(size_px.0);
    let mut best: Option<Fit> = None;
    for focal in FOCALS {
        for pitch in PITCHES {
            for yaw in YAWS {
                let focal_px = evidence.focal_px.unwrap_or(focal * width);
                let start = View::new(size_px, focal_px, pitch, 0.0, evidence.height_m)
                    .with(Param::Yaw, yaw);
                let fit = minimise(start, &priors(evidence, width), &residuals);
                if let Some(fit) = fit
                    && best.as_ref().is_none_or(|best| fit.cost < best.cost)
                {
                    best = Some(fit);
                }
            }
        }
    }
    let fit =
        best.ok_or("the lines fit no camera that looks down at a floor: check which are which")?;
    let pitch = fit.view.get(Param::Pitch);
    if !(0.0..1.6).contains(&pitch) {
        return Err(
            "the lines fit only a camera that does not look down at the floor: check which lines \
             are along, across and upright"
                .to_owned(),
        );
    }
    let each = misfits(&fit.view, evidence).unwrap_or_default();
    let sd = evidence.click_sd_px;
    let freedom = (each.len() as f64 / 2.0 - 3.0).max(1.0);
    let square: f64 = each.iter().map(|r| r * r).sum::<f64>() / 2.0;
    let residuals_px = each
        .chunks(2)
        .map(|ends| sd * ends.iter().fold(0.0_f64, |most, r| most.max(r.abs())))
        .collect();
    Ok((
        fit.widened((square / freedom).sqrt().max(1.0)),
        residuals_px,
    ))
}

fn priors(evidence: &LineEvidence, width: f64) -> Vec<Prior> {
    let prior = |param, mean, sd| Prior { param, mean, sd };
    let share = evidence.height_sd_m / evidence.height_m;
    let mut priors = vec![
        prior(Param::Pitch, 0.7, 0.6),
        prior(Param::Roll, 0.0, ROLL_SD),
        prior(Param::LnHeight, libm::log(evidence.height_m), share),
        prior(Param::Yaw, std::f64::consts::FRAC_PI_2, 1.0),
    ];
    if evidence.focal_px.is_none() {
        priors.push(prior(Param::LnFocal, libm::log(0.8 * width), 0.7));
    }
    priors
}

/// Both ends of every line, in standard deviations of a click.
fn misfits(view: &View, evidence: &LineEvidence) -> Option<Vec<f64>> {
    let eye = view.eye();
    let [right, down, forward] = eye.axes();
    let lens = view.lens();
    let mut out = Vec::new();
    let groups = [
        (&evidence.along, 1),
        (&evidence.across, 0),
        (&evidence.upright, 2),
    ];
    for (lines, axis) in groups {
        let far = [right[axis], down[axis], forward[axis]];
        for line in lines {
            let ray = |p: PointInImage| {
                let p = lens.try_undistorted(p)?;
                Some([
                    (p.x - lens.centre.x) / lens.focal_px,
                    (p.y - lens.centre.y) / lens.focal_px,
                    1.0,
                ])
            };
            let (a, b) = (ray(line.a)?, ray(line.b)?);
            let middle = [0, 1, 2].map(|i| 0.5 * (a[i] + b[i]));
            let normal = cross(middle, far);
            let flat = (normal[0] * normal[0] + normal[1] * normal[1]).sqrt();
            for end in [a, b] {
                let off = normal[0] * end[0] + normal[1] * end[1] + normal[2] * end[2];
                out.push(lens.focal_px * off / flat / evidence.click_sd_px);
            }
        }
    }
    Some(out)
}

fn cross(a: [f64; 3], b: [f64; 3]) -> [f64; 3] {
    [
        a[1] * b[2] - a[2] * b[1],
        a[2] * b[0] - a[0] * b[2],
        a[0] * b[1] - a[1] * b[0],
    ]
}

#[cfg(test)]
mod tests {
    use super::super::Sampler;
    use super::*;

    fn evidence(truth: &View, noise_px: f64) -> LineEvidence {
        let eye = truth.eye();
        let mut dice = Sampler::new(3);
        let mut line = |a: [f64; 3], b: [f64; 3]| {
            let mut end = |p| {
                let p = eye.project(p).unwrap();
                PointInImage {
                    x: p.x + noise_px * dice.normal(),
                    y: p.y + noise_px * dice.normal(),
                }
            };
            Line {
                a: end(a),
                b: end(b),
            }
        };
        LineEvidence {
            along: vec![
                line([-1.0, 2.5, 0.0], [-1.0, 6.0, 0.0]),
                line([1.2, 2.5, 0.0], [1.2, 6.0, 0.0]),
            ],
            across: vec![
                line([-1.0, 3.0, 0.0], [1.5, 3.0, 0.0]),
                line([-1.0, 5.5, 0.0], [1.5, 5.5, 0.0]),
            ],
            upright: vec![
                line([-1.0, 5.5, 0.0], [-1.0, 5.5, 2.0]),
                line([1.2, 5.5, 0.0], [1.2, 5.5, 2.0]),
            ],
            height_m: truth.height_m(),
            height_sd_m: 0.02,
            click_sd_px: 1.0,
            focal_px: None,
        }
    }

    #[track_caller]
    fn check(truth: &View, evidence: &LineEvidence, share: f64) {
        let (fit, residuals) = from_lines(truth.size_px, evidence).unwrap();
        let focal = fit.view.focal_px() / truth.focal_px() - 1.0;
        assert!(focal.abs() < share, "focal length off by {focal}");
        let pitch = fit.view.get(Param::Pitch) - truth.get(Param::Pitch);
        assert!(pitch.abs() < share, "pitch off by {pitch}");
        assert!(residuals.iter().all(|r| *r < 5.0), "{residuals:?}");
    }

    #[test]
    fn lines_and_a_height_are_a_camera() {
        let size = (1280, 720);
        let truth = View::new(size, 900.0, 0.5, 0.03, 3.0).with(Param::Yaw, 1.4);
        check(&truth, &evidence(&truth, 0.0), 0.01);
        check(&truth, &evidence(&truth, 0.5), 0.08);
        let mut bare = evidence(&truth, 0.0);
        bare.across.clear();
        check(&truth, &bare, 0.02);
        bare.upright.clear();
        let problem = from_lines(size, &bare).unwrap_err();
        assert!(problem.contains("--upright"), "{problem}");
        bare.along.truncate(1);
        let problem = from_lines(size, &bare).unwrap_err();
        assert!(problem.contains("--along"), "{problem}");
    }
}
