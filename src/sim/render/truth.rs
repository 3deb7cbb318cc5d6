//! What is true of a rendered frame: who is where, how large, and how much of them shows.

use serde::{Deserialize, Serialize};

use crate::detection::{BoxInImage, PointInImage};
use crate::floor::PointInFloor;

/// One person of a frame. Carried things belong to no box; they do hide what is behind them.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PersonTruth {
    /// As in the [`super::Figure`].
    pub id: u32,
    /// The part that shows, from the picture's own samples; `None` if nothing does.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub visible_box: Option<BoxInImage>,
    /// The whole body as if nothing hid it; may reach past the picture. `None` if the camera
    /// cannot see the whole of it (partly behind the camera).
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub full_box: Option<BoxInImage>,
    /// Area of what shows, square pixels.
    #[serde(default)]
    pub visible_area: f64,
    /// Share of the whole body's picture that shows; what lies outside the picture counts as hidden.
    pub visible_share: f64,
    /// Where they stand, m.
    pub floor: PointInFloor,
    /// The floor point projected; `None` behind the camera.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub foot: Option<PointInImage>,
    /// The top of the head projected.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub head: Option<PointInImage>,
    /// The middle of the head projected.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub head_middle: Option<PointInImage>,
    /// Top of the head above the floor, m.
    pub head_m: f64,
}

/// Everybody in a frame, in the order of the moment's figures.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct FrameTruth {
    /// One entry a figure, seen or not.
    pub people: Vec<PersonTruth>,
}

/// Gathers the box and number of samples.
#[derive(Debug, Clone, Copy)]
pub struct Tally {
    low: (i32, i32),
    high: (i32, i32),
    /// Samples counted.
    pub count: u64,
}

impl Tally {
    pub const EMPTY: Self = Self {
        low: (i32::MAX, i32::MAX),
        high: (i32::MIN, i32::MIN),
        count: 0,
    };

    /// Counts the sample whose column and row these are.
    pub fn add(&mut self, x: i32, y: i32) {
        self.low = (self.low.0.min(x), self.low.1.min(y));
        self.high = (self.high.0.max(x), self.high.1.max(y));
        self.count += 1;
    }

    /// The box in pixels.
    pub fn bounds(&self, samples: i32) -> Option<BoxInImage> {
        let px = |v: i32| f64::from(v) / f64::from(samples);
        (self.count > 0).then(|| {
            BoxInImage::new(
                px(self.low.0),
                px(self.low.1),
                px(self.high.0 + 1),
                px(self.high.1 + 1),
            )
        })
    }
}
