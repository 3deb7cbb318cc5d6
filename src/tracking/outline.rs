//! Where a track's box should be in the next picture.
//!
//! Theory of operation. The size and the offset of the box from the projected footprint are
//! smoothed; the motion comes from the floor, so that a person's box moves as the person does and
//! grows as they come nearer. Without a camera model the box moves on as it did last.

use serde::{Deserialize, Serialize};

use crate::detection::{BoxInImage, PointInImage};
use crate::floor::{CameraModel, PointInFloor};

/// Time constant of the smoothing, s: a few frames, within one stride.
const SMOOTHING_S: f64 = 0.15;
/// Height at which a figure is measured to tell how large people appear at a point, m.
const FIGURE_M: f64 = 1.7;
/// A figure seen smaller than this tells nothing of scale, px.
const MIN_FIGURE_PX: f64 = 4.0;
/// Bounds of the change of scale since the last sighting.
const SCALE_BOUNDS: (f64, f64) = (0.5, 2.0);

/// A track's box, smoothed.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub(super) struct Outline {
    /// Middle of the lower edge less the projected footprint (or just itself without one), px.
    offset: PointInImage,
    width: f64,
    height: f64,
    /// Height in the picture of a standing figure where the track was last seen, px.
    figure_px: Option<f64>,
    /// Whether `offset` is from a projected footprint.
    projected: bool,
    /// Where the lower edge was, px, and how it moved, px/s: for views without a camera model.
    last: PointInImage,
    velocity: (f64, f64),
}

/// A floor point as the camera sees it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Projection {
    foot: PointInImage,
    figure_px: Option<f64>,
}

impl Projection {
    /// Projects `point`; `None` without a camera or behind it.
    pub(super) fn new(camera: Option<&CameraModel>, point: PointInFloor) -> Option<Self> {
        let camera = camera?;
        let foot = camera.image_from_floor(point, 0.0)?;
        if !(foot.x.is_finite() && foot.y.is_finite()) {
            return None;
        }
        let figure_px = camera
            .image_from_floor(point, FIGURE_M)
            .map(|head| foot.distance(head))
            .filter(|px| px.is_finite() && *px >= MIN_FIGURE_PX);
        Some(Self { foot, figure_px })
    }
}

impl Outline {
    /// The outline of a box just seen.
    pub(super) fn new(bbox: &BoxInImage, seen_at: Option<Projection>) -> Self {
        let last = bbox.bottom_centre();
        Self {
            offset: offset(last, seen_at),
            width: bbox.width(),
            height: bbox.height(),
            figure_px: seen_at.and_then(|p| p.figure_px),
            projected: seen_at.is_some(),
            last,
            velocity: (0.0, 0.0),
        }
    }

    /// The box to expect `unseen_s` after the last sighting.
    pub(super) fn predict(&self, now_at: Option<Projection>, unseen_s: f64) -> BoxInImage {
        let scale = self.scale(now_at);
        let foot = match now_at.filter(|_| self.projected) {
            Some(projection) => PointInImage {
                x: projection.foot.x + scale * self.offset.x,
                y: projection.foot.y + scale * self.offset.y,
            },
            None => PointInImage {
                x: self.last.x + unseen_s * self.velocity.0,
                y: self.last.y + unseen_s * self.velocity.1,
            },
        };
        let (half_width, height) = (0.5 * scale * self.width, scale * self.height);
        BoxInImage::new(
            foot.x - half_width,
            foot.y - height,
            foot.x + half_width,
            foot.y,
        )
    }

    /// Takes in a box seen `unseen_s` after the last one.
    pub(super) fn update(&mut self, bbox: &BoxInImage, seen_at: Option<Projection>, unseen_s: f64) {
        let scale = self.scale(seen_at);
        let weight = 1.0 - libm::exp(-unseen_s / SMOOTHING_S);
        let blend = |old: f64, new: f64| old + weight * (new - old);
        let last = bbox.bottom_centre();
        let fresh = offset(last, seen_at);
        if seen_at.is_some() == self.projected {
            self.offset.x = blend(scale * self.offset.x, fresh.x);
            self.offset.y = blend(scale * self.offset.y, fresh.y);
        } else {
            self.offset = fresh;
            self.projected = seen_at.is_some();
        }
        self.width = blend(scale * self.width, bbox.width());
        self.height = blend(scale * self.height, bbox.height());
        self.figure_px = seen_at.and_then(|p| p.figure_px);
        if unseen_s > 0.0 {
            self.velocity.0 = blend(self.velocity.0, (last.x - self.last.x) / unseen_s);
            self.velocity.1 = blend(self.velocity.1, (last.y - self.last.y) / unseen_s);
        }
        self.last = last;
    }

    /// How much larger a figure appears at `now_at` than at the last sighting.
    fn scale(&self, now_at: Option<Projection>) -> f64 {
        match (now_at.and_then(|p| p.figure_px), self.figure_px) {
            (Some(now), Some(then)) => (now / then).clamp(SCALE_BOUNDS.0, SCALE_BOUNDS.1),
            _ => 1.0,
        }
    }
}

fn offset(foot: PointInImage, seen_at: Option<Projection>) -> PointInImage {
    match seen_at {
        Some(projection) => PointInImage {
            x: foot.x - projection.foot.x,
            y: foot.y - projection.foot.y,
        },
        None => foot,
    }
}
