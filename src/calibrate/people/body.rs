//! Which box a walking body at a place on the floor should have.
//!
//! Theory: a body is a few rings around one vertical (feet, hands, shoulders, head) and a crown. A ring
//! is longer along the way that is walked: feet stride and hands swing. The box of all of them is the
//! box of the body, wherever it stands and however the camera is turned; a detector then draws it a
//! little too large or too small.
//!
//! The numbers are means over a stride, from anthropometric tables (D. A. Winter, Biomechanics and
//! Motor Control of Human Movement, 4.1) and gait (J. Perry, Gait Analysis: steps of 0.7 m, shoes of
//! 0.28 m).

use super::super::view::Eye;
use crate::detection::BoxInImage;

/// Points of a ring.
const RING_POINTS: usize = 8;
/// Their directions (cosine, sine of eighths of a turn).
const H: f64 = std::f64::consts::FRAC_1_SQRT_2;
const RING: [(f64, f64); RING_POINTS] = [
    (1.0, 0.0),
    (H, H),
    (0.0, 1.0),
    (-H, H),
    (-1.0, 0.0),
    (-H, -H),
    (0.0, -1.0),
    (H, -H),
];
/// Feet: half their breadth across the way, m; along it is an unknown of the fit.
const FEET_ACROSS_M: f64 = 0.13;
/// The foremost foot touches the floor with its heel: what shows of it ends this far above, m.
const FEET_UP_M: f64 = 0.02;
/// ... and toes point up there, heels at the other end: so much more, m.
const TOES_UP_M: f64 = 0.03;
/// Feet of who stands: half a shoe's length, m.
pub(super) const FEET_STANDING_M: f64 = 0.14;
/// Hands hang at this share of the height; how far they swing is an unknown of the fit.
const HANDS_SHARE: f64 = 0.48;
/// Shoulders: share of the height, half the chest's depth, m.
const SHOULDERS_SHARE: f64 = 0.80;
const SHOULDERS_ALONG_M: f64 = 0.13;
/// Heads are carried ahead of the body by this much, m...
const HEAD_AHEAD_M: f64 = 0.06;
/// ... and who walks is shorter by this much than who stands straight, m.
const STRIDE_DIP_M: f64 = 0.012;
/// The head: a ring so far below the crown, half as long and half as broad, and one nearer to it, m.
const HEAD: [(f64, f64, f64); 2] = [(0.11, 0.105, 0.08), (0.03, 0.075, 0.06)];

/// A body.
#[derive(Debug, Clone, Copy)]
pub(super) struct Body {
    /// On the floor, m.
    pub x: f64,
    pub y: f64,
    /// From the floor to the crown, in shoes, m.
    pub height_m: f64,
    /// Half the breadth at hands and shoulders, m.
    pub half_breadth_m: f64,
    /// The way it walks (unit vector); zero if it stands.
    pub heading: [f64; 2],
    /// Half the reach of the feet along the way, m.
    pub feet_along_m: f64,
    /// Half the reach of the hands along the way, m.
    pub hands_along_m: f64,
}

impl Body {
    /// The four edges (left, top, right, bottom); `None` if a part is not in front of the camera.
    pub(super) fn outline(&self, eye: &Eye) -> Option<BoxInImage> {
        let stands = self.heading[0].abs() + self.heading[1].abs() <= 0.0;
        let (hx, hy) = match stands {
            true => (1.0, 0.0),
            false => (self.heading[0], self.heading[1]),
        };
        let dip = if stands { 0.0 } else { STRIDE_DIP_M };
        let (w, tall) = (self.half_breadth_m, self.height_m - dip);
        let (ax, ay) = match stands {
            true => (0.0, 0.0),
            false => (HEAD_AHEAD_M * hx, HEAD_AHEAD_M * hy),
        };
        let still = |along: f64, at_rest: f64| if stands { at_rest } else { along };
        let rings = [
            (
                FEET_UP_M,
                still(self.feet_along_m, FEET_STANDING_M),
                FEET_ACROSS_M,
            ),
            (HANDS_SHARE * tall, still(self.hands_along_m, w), w),
            (
                SHOULDERS_SHARE * tall,
                still(SHOULDERS_ALONG_M, 0.8 * w),
                0.95 * w,
            ),
            (tall - HEAD[0].0, HEAD[0].1, HEAD[0].2),
            (tall - HEAD[1].0, HEAD[1].1, HEAD[1].2),
        ];
        let crown = eye.project([self.x + ax, self.y + ay, tall])?;
        let mut bounds = BoxInImage::new(crown.x, crown.y, crown.x, crown.y);
        for (ring, (z, along, across)) in rings.into_iter().enumerate() {
            let is_head = ring >= rings.len() - HEAD.len();
            let (dx, dy) = if is_head { (ax, ay) } else { (0.0, 0.0) };
            for (cos, sin) in RING {
                let (a, b) = (along * cos, across * sin);
                let up = if ring == 0 && !stands {
                    TOES_UP_M * cos * cos
                } else {
                    0.0
                };
                let p = eye.project([
                    self.x + dx + a * hx - b * hy,
                    self.y + dy + a * hy + b * hx,
                    z + up,
                ])?;
                bounds.left = bounds.left.min(p.x);
                bounds.top = bounds.top.min(p.y);
                bounds.right = bounds.right.max(p.x);
                bounds.bottom = bounds.bottom.max(p.y);
            }
        }
        Some(bounds)
    }
}
