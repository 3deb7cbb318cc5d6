//! What a walk says of its places: people walk on, they do not jump.
//!
//! Each place is led to by the ones before and after it. How far it is from there is measured in the
//! picture, and only then put into metres by the view that was there before. In metres of the view
//! that is sought, a smaller floor would always look smoother, and would win: on far, small people,
//! whose places scatter by half a metre, by tens of per cent.

use super::super::view::Eye;
use super::fit::{NUDGE, Person};

/// People change their speed by about this much, m/s2 (1 sigma), and are off a smooth way by this, m.
const ACCELERATION_MPS2: f64 = 0.7;
const LEAST_PULL_M: f64 = 0.02;

/// How far a place is from where its neighbours lead.
pub(super) struct Pull {
    /// Boxes, the middle one first, and the shares of the others.
    pub(super) boxes: [(usize, f64); 3],
    sd_m: f64,
}

impl Pull {
    /// Off by so much, in standard deviations.
    pub(super) fn residuals(
        &self,
        eye: &Eye,
        person: &Person,
        moved: Option<(usize, usize)>,
    ) -> Option<[f64; 2]> {
        let place = |k: usize| {
            let mut place = person.seen[self.boxes[k].0].place;
            if let Some((_, axis)) = moved.filter(|(which, _)| *which == k) {
                place[axis] += NUDGE;
            }
            place
        };
        let (here, a, b) = (place(0), place(1), place(2));
        let led = [0, 1].map(|i| self.boxes[1].1 * a[i] + self.boxes[2].1 * b[i]);
        let here = eye.project([here[0], here[1], 0.0])?;
        let led = eye.project([led[0], led[1], 0.0])?;
        let (dx, dy) = (here.x - led.x, here.y - led.y);
        let m = person.seen[self.boxes[0].0].m_per_px;
        Some([0, 1].map(|i| (m[i][0] * dx + m[i][1] * dy) / self.sd_m))
    }
}

/// Those of a walk.
pub(super) fn pulls(person: &Person) -> Vec<Pull> {
    let seen = &person.seen;
    let pull = |i: usize| {
        let time = |i: usize| seen[i].sighting.time_s;
        let (before, after) = (time(i) - time(i - 1), time(i + 1) - time(i));
        let whole = before + after;
        Pull {
            boxes: [(i, 1.0), (i - 1, after / whole), (i + 1, before / whole)],
            sd_m: LEAST_PULL_M + 0.5 * ACCELERATION_MPS2 * before * after,
        }
    };
    (1..seen.len().saturating_sub(1)).map(pull).collect()
}

/// Metres of floor that a pixel to the right and one down are at a place: rows x and y.
pub(super) fn floor_slopes(eye: &Eye, place: [f64; 2]) -> Option<[[f64; 2]; 2]> {
    let at = |x: f64, y: f64| eye.project([x, y, 0.0]);
    let here = at(place[0], place[1])?;
    let (x, y) = (
        at(place[0] + NUDGE, place[1])?,
        at(place[0], place[1] + NUDGE)?,
    );
    let [a, b] = [(x.x - here.x) / NUDGE, (y.x - here.x) / NUDGE];
    let [c, d] = [(x.y - here.y) / NUDGE, (y.y - here.y) / NUDGE];
    let det = a * d - b * c;
    (det.abs() > 1e-12).then(|| [[d / det, -b / det], [-c / det, a / det]])
}
