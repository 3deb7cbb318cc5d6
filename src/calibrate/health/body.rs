//! A person stood somewhere: their box as a detector would draw it.

use crate::detection::BoxInImage;
use crate::floor::{CameraModel, PointInFloor};

/// Half a person's breadth at the shoulders, m.
const SHOULDER_M: f64 = 0.22;
/// Half a stride and a shoe, m.
const FEET_M: f64 = 0.15;
/// A head's radius, m.
const HEAD_M: f64 = 0.11;
/// A person as rings: share of the height, radius in m.
const RINGS: [(f64, f64); 4] = [
    (0.0, FEET_M),
    (0.5, SHOULDER_M),
    (0.82, SHOULDER_M),
    (0.96, HEAD_M),
];
/// Half of a right angle, both ways.
const DIAGONAL: f64 = std::f64::consts::FRAC_1_SQRT_2;
/// Points of a ring.
const RING_POINTS: [(f64, f64); 8] = [
    (1.0, 0.0),
    (DIAGONAL, DIAGONAL),
    (0.0, 1.0),
    (-DIAGONAL, DIAGONAL),
    (-1.0, 0.0),
    (-DIAGONAL, -DIAGONAL),
    (0.0, -1.0),
    (DIAGONAL, -DIAGONAL),
];

/// Which end of a person is in the picture.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ends {
    /// The feet are.
    pub feet: bool,
    /// The head is.
    pub head: bool,
}

/// A person stood on the floor.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Stand {
    /// The whole box, whatever the picture shows of it.
    pub whole: BoxInImage,
    /// What is left of it within the picture; `None` if nothing.
    pub shown: Option<BoxInImage>,
    /// From feet to head, or across the shoulders where that is more, px.
    pub large_px: f64,
    /// Which ends are shown.
    pub ends: Ends,
}

/// Stands a person of the calibration's height at a place; `None` where they can't be seen at all, or
/// heights are not known.
pub fn stand(model: &CameraModel, at: PointInFloor) -> Option<Stand> {
    let height_m = model.spec().person_height_m;
    let feet = model.image_from_floor(at, 0.0)?;
    let head = model.image_from_floor(at, height_m)?;
    let mut whole = BoxInImage::new(
        feet.x.min(head.x),
        feet.y.min(head.y),
        feet.x.max(head.x),
        feet.y.max(head.y),
    );
    for (share, radius) in RINGS {
        for (dx, dy) in RING_POINTS {
            let rim = PointInFloor {
                x: at.x + radius * dx,
                y: at.y + radius * dy,
            };
            let Some(p) = model.image_from_floor(rim, share * height_m) else {
                continue;
            };
            whole.left = whole.left.min(p.x);
            whole.right = whole.right.max(p.x);
            whole.top = whole.top.min(p.y);
            // Boxes end at the feet themselves, not at the heel behind them.
            whole.bottom = whole.bottom.max(if share > 0.0 { p.y } else { feet.y });
        }
    }
    let (width, height) = size(model);
    let inside = |x: f64, y: f64| x >= 0.0 && y >= 0.0 && x <= width && y <= height;
    let shown = BoxInImage::new(
        whole.left.clamp(0.0, width),
        whole.top.clamp(0.0, height),
        whole.right.clamp(0.0, width),
        whole.bottom.clamp(0.0, height),
    );
    Some(Stand {
        whole,
        shown: (shown.area() > 0.0).then_some(shown),
        large_px: model.person_px(at)?,
        ends: Ends {
            feet: inside(feet.x, feet.y),
            head: inside(head.x, head.y),
        },
    })
}

/// Width and height of the picture, px.
pub(super) fn size(model: &CameraModel) -> (f64, f64) {
    let spec = model.spec();
    (
        f64::from(spec.image_width_px),
        f64::from(spec.image_height_px),
    )
}
