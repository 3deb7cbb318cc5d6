//! Control points: points known both in the picture and on the floor, and what can be wrong with them.
//!
//! A person clicks these points; this file turns their mistakes into sentences they can act on.

use serde::{Deserialize, Serialize};

use super::PointInFloor;
use crate::detection::PointInImage;

/// Three points whose triangle is lower than this share of its longest side count as in one line:
/// a click is good to a pixel or two, and 1 % of a 300 px side is 3 px.
const IN_LINE_SHARE: f64 = 0.01;
/// Two points closer than this share of the whole spread are taken for the same point.
const SAME_SHARE: f64 = 0.002;

/// One point known in the picture and on the floor.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct ControlPoint {
    /// In the picture, px.
    pub image: PointInImage,
    /// On the floor, m.
    pub floor: PointInFloor,
}

/// What makes these points unfit to solve a map from, in one sentence that says what to do;
/// `None` if nothing does. Points are numbered from 1, in the order of the file.
pub(super) fn problem(points: &[ControlPoint]) -> Option<String> {
    if points.len() < 4 {
        let n = points.len();
        return Some(format!(
            "{n} control points are too few: give at least 4, spread over the floor, no three of \
             them in one line"
        ));
    }
    let image: Vec<[f64; 2]> = points.iter().map(|p| [p.image.x, p.image.y]).collect();
    let floor: Vec<[f64; 2]> = points.iter().map(|p| [p.floor.x, p.floor.y]).collect();
    let finite = |p: &[f64; 2]| p[0].is_finite() && p[1].is_finite();
    if let Some(i) = (0..points.len()).find(|&i| !finite(&image[i]) || !finite(&floor[i])) {
        return Some(format!(
            "control point {} is not finite: give it real numbers in px and m",
            i + 1
        ));
    }
    spread_problem(&image, "in the picture").or_else(|| spread_problem(&floor, "on the floor"))
}

/// The sentence for points that are sound one by one but that no camera can see so.
pub(super) const ORDER_PROBLEM: &str = "the control points cannot be one floor seen by one camera: \
     two of them are probably swapped, so check that each floor point stands beside its own \
     picture point";

/// The sentence for a floor that is seen as in a mirror.
pub(super) const MIRROR_PROBLEM: &str = "the floor axes are mirrored: seen from above, y must point \
     a quarter turn to the left of x, so turn the sign of every y (or swap x and y)";

/// Coincident points, or no four of them in general position.
fn spread_problem(points: &[[f64; 2]], place: &str) -> Option<String> {
    let n = points.len();
    let pairs = (0..n).flat_map(|i| (i + 1..n).map(move |j| (i, j)));
    let spread = pairs
        .clone()
        .map(|(i, j)| distance(points[i], points[j]))
        .fold(0.0, f64::max);
    let same = |&(i, j): &(usize, usize)| distance(points[i], points[j]) <= SAME_SHARE * spread;
    if let Some((i, j)) = pairs.clone().find(same) {
        return Some(format!(
            "control points {} and {} are at the same place {place}: move or remove one of them",
            i + 1,
            j + 1
        ));
    }
    if n == 4 {
        let in_line = |t: &[usize; 3]| flatness(points, *t) <= IN_LINE_SHARE;
        let triples = [[0, 1, 2], [0, 1, 3], [0, 2, 3], [1, 2, 3]];
        let [i, j, k] = triples.into_iter().find(in_line)?.map(|i| i + 1);
        return Some(format!(
            "control points {i}, {j} and {k} lie in one line {place}: move one of them, so that \
             no three of the four are in a line"
        ));
    }
    // The most spread-out four: if these have three in a line, every four have.
    let (a, b) = pairs.fold((0, 1), |best, pair| {
        let length = |(i, j): (usize, usize)| distance(points[i], points[j]);
        if length(pair) > length(best) {
            pair
        } else {
            best
        }
    });
    let c = best_of(n, |i| flatness(points, [a, b, i]));
    let worst = |d: usize| {
        let triples = [[a, b, c], [a, b, d], [a, c, d], [b, c, d]];
        let flat = triples.map(|triple| flatness(points, triple));
        flat.into_iter().fold(f64::INFINITY, f64::min)
    };
    (worst(best_of(n, worst)) <= IN_LINE_SHARE).then(|| {
        format!(
            "all control points but one lie in one line {place}: add two more on one side of it"
        )
    })
}

/// The index with the largest value; the first of equals.
fn best_of(n: usize, value: impl Fn(usize) -> f64) -> usize {
    (0..n).fold(0, |best, i| if value(i) > value(best) { i } else { best })
}

/// Height of a triangle over its longest side: 0 for three points in a line.
fn flatness(points: &[[f64; 2]], [i, j, k]: [usize; 3]) -> f64 {
    let (a, b, c) = (points[i], points[j], points[k]);
    let area2 = ((b[0] - a[0]) * (c[1] - a[1]) - (b[1] - a[1]) * (c[0] - a[0])).abs();
    let longest = distance(a, b).max(distance(b, c)).max(distance(c, a));
    if longest > 0.0 {
        area2 / (longest * longest)
    } else {
        0.0
    }
}

fn distance(a: [f64; 2], b: [f64; 2]) -> f64 {
    let (dx, dy) = (a[0] - b[0], a[1] - b[1]);
    (dx * dx + dy * dy).sqrt()
}
