//! A person's box in a picture.

use serde::{Deserialize, Serialize};

use super::PointInImage;
use crate::units::quantise;

/// Decimals of a pixel kept in boxes and points: a hundredth, far below any detector's noise.
const PIXEL_DECIMALS: u32 = 2;
/// Decimals kept in a score.
const SCORE_DECIMALS: u32 = 4;

/// A box in pixels of the upright source picture; x to the right, y down, the origin at the outer
/// corner of the top left pixel. May reach past the picture's edges.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct BoxInImage {
    /// Left edge, px.
    pub left: f64,
    /// Top edge, px.
    pub top: f64,
    /// Right edge, px.
    pub right: f64,
    /// Bottom edge, px.
    pub bottom: f64,
}

/// One person as a detector saw it.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Detection {
    /// The visible person.
    #[serde(rename = "box")]
    pub bbox: BoxInImage,
    /// How sure the detector is, 0 to 1.
    pub score: f64,
    /// Where the feet touch the floor, for detectors that say so (even when hidden), px.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub foot: Option<PointInImage>,
    /// The top of the head, for detectors that say so, px.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub head: Option<PointInImage>,
}

impl BoxInImage {
    /// A box from its edges, px.
    pub const fn new(left: f64, top: f64, right: f64, bottom: f64) -> Self {
        Self {
            left,
            top,
            right,
            bottom,
        }
    }

    /// Width, px.
    pub fn width(&self) -> f64 {
        self.right - self.left
    }

    /// Height, px.
    pub fn height(&self) -> f64 {
        self.bottom - self.top
    }

    /// Area, px squared; 0 for an inverted box.
    pub fn area(&self) -> f64 {
        self.width().max(0.0) * self.height().max(0.0)
    }

    /// The middle of the lower edge.
    pub fn bottom_centre(&self) -> PointInImage {
        PointInImage {
            x: 0.5 * (self.left + self.right),
            y: self.bottom,
        }
    }

    /// The middle of the upper edge.
    pub fn top_centre(&self) -> PointInImage {
        PointInImage {
            x: 0.5 * (self.left + self.right),
            y: self.top,
        }
    }

    /// The area shared with `other`, px squared.
    pub fn intersection(&self, other: &Self) -> f64 {
        let width = self.right.min(other.right) - self.left.max(other.left);
        let height = self.bottom.min(other.bottom) - self.top.max(other.top);
        width.max(0.0) * height.max(0.0)
    }

    /// Intersection over union, 0 to 1.
    pub fn iou(&self, other: &Self) -> f64 {
        let shared = self.intersection(other);
        let union = self.area() + other.area() - shared;
        if union > 0.0 { shared / union } else { 0.0 }
    }

    /// Whether every edge is finite and the box has an area.
    pub fn is_sound(&self) -> bool {
        [self.left, self.top, self.right, self.bottom]
            .iter()
            .all(|edge| edge.is_finite())
            && self.left < self.right
            && self.top < self.bottom
    }
}

impl Detection {
    /// A detection with nothing but a box and a score.
    pub const fn new(bbox: BoxInImage, score: f64) -> Self {
        Self {
            bbox,
            score,
            foot: None,
            head: None,
        }
    }

    /// The detection as the engine takes it: rounded, so that a trace holds exactly what was seen.
    pub fn quantised(&self) -> Self {
        let px = |value: f64| quantise(value, PIXEL_DECIMALS);
        let point = |p: PointInImage| PointInImage {
            x: px(p.x),
            y: px(p.y),
        };
        Self {
            bbox: BoxInImage {
                left: px(self.bbox.left),
                top: px(self.bbox.top),
                right: px(self.bbox.right),
                bottom: px(self.bbox.bottom),
            },
            score: quantise(self.score, SCORE_DECIMALS),
            foot: self.foot.map(point),
            head: self.head.map(point),
        }
    }
}
