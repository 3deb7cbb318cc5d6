//! Editing a track's path: new points, gaps filled, old points forgotten.

use std::collections::VecDeque;

use super::PathPoint;
use crate::units::{Instant, Span};

/// Replaces the predictions after `last_seen` by a straight walk from there to `seen` and appends
/// `seen`. A straight line invents no detour and no turn: the counter reads crossings off it.
/// `noise_m2_s3` is the acceleration's power spectral density: it says how unsure the middle is.
pub(super) fn close_gap(
    path: &mut VecDeque<PathPoint>,
    last_seen: Instant,
    seen: PathPoint,
    noise_m2_s3: f64,
) {
    // Counted from the back: there is hardly ever a gap.
    let predicted = path
        .iter()
        .rev()
        .take_while(|point| point.at > last_seen)
        .count();
    let first = path.len() - predicted;
    if let Some(from) = first.checked_sub(1).map(|index| path[index]) {
        let whole_s = seen.at.since(from.at).as_s();
        for point in path.range_mut(first..) {
            if whole_s <= 0.0 {
                break;
            }
            let part = point.at.since(from.at).as_s() / whole_s;
            point.point = from.point.lerp(seen.point, part);
            point.velocity = (
                (seen.point.x - from.point.x) / whole_s,
                (seen.point.y - from.point.y) / whole_s,
            );
            point.cov.xx = from.cov.xx + part * (seen.cov.xx - from.cov.xx);
            point.cov.xy = from.cov.xy + part * (seen.cov.xy - from.cov.xy);
            point.cov.yy = from.cov.yy + part * (seen.cov.yy - from.cov.yy);
            // Variance of integrated Brownian motion tied down at both ends.
            let tied = whole_s * part * (1.0 - part);
            let bulge = noise_m2_s3 * tied * tied * tied / 3.0;
            point.cov.xx += bulge;
            point.cov.yy += bulge;
        }
    }
    path.push_back(seen);
}

/// Forgets what is older than `memory`, except the newest point.
pub(super) fn forget(path: &mut VecDeque<PathPoint>, now: Instant, memory: Span) {
    while path.len() > 1
        && path
            .front()
            .is_some_and(|point| now.since(point.at) > memory)
    {
        path.pop_front();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::floor::{Cov2, FootprintBasis, PointInFloor};

    fn point(at_s: f64, x: f64, basis: Option<FootprintBasis>) -> PathPoint {
        PathPoint {
            at: Instant::from_s(at_s),
            point: PointInFloor { x, y: 0.0 },
            cov: Cov2::isotropic(0.1),
            velocity: (0.0, 0.0),
            basis,
            crowded: false,
        }
    }

    #[test]
    fn gap_becomes_a_straight_walk() {
        let feet = Some(FootprintBasis::Feet);
        let mut path: VecDeque<_> = [
            point(0.0, 0.0, feet),
            point(1.0, 1.0, feet),
            point(1.5, 9.0, None),
            point(2.0, -9.0, None),
        ]
        .into();
        close_gap(&mut path, Instant::from_s(1.0), point(3.0, 5.0, feet), 0.5);
        let xs: Vec<f64> = path.iter().map(|point| point.point.x).collect();
        assert_eq!(xs, [0.0, 1.0, 2.0, 3.0, 5.0]);
        assert_eq!(path[3].basis, None, "it was still not seen there");
        assert!(
            path[3].cov.xx > path[1].cov.xx,
            "and one is less sure of it"
        );
        assert_eq!(path[2].velocity, (2.0, 0.0));
    }

    #[test]
    fn no_gap_only_appends() {
        let mut path: VecDeque<_> = [point(0.0, 0.0, None)].into();
        close_gap(&mut path, Instant::from_s(0.0), point(0.1, 1.0, None), 0.5);
        assert_eq!(path.len(), 2);
        close_gap(
            &mut VecDeque::new(),
            Instant::ZERO,
            point(0.1, 1.0, None),
            0.5,
        );
    }

    #[test]
    fn memory_is_bounded() {
        let mut path: VecDeque<_> = (0..50).map(|i| point(f64::from(i), 0.0, None)).collect();
        forget(&mut path, Instant::from_s(49.0), Span::from_s(10.0));
        assert_eq!(path.len(), 11);
        forget(&mut path, Instant::from_s(1e6), Span::from_s(10.0));
        assert_eq!(path.len(), 1);
    }
}
