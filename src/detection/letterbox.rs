//! How a part of a picture was laid into a network's input, and the way back.
//!
//! A network wants a fixed rectangle; a picture, or the part of it that matters, is scaled into it
//! and the rest is padding. [`Letterbox`] is that arithmetic and nothing else: pixels are moved by
//! `inference`, which reads the same numbers.

use serde::{Deserialize, Serialize};

use super::{BoxInImage, PointInImage};

/// A rectangle of whole pixels of the upright source picture.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct SourceRect {
    /// First column, px.
    pub left: u32,
    /// First row, px.
    pub top: u32,
    /// Columns, px; at least 1.
    pub width: u32,
    /// Rows, px; at least 1.
    pub height: u32,
}

/// Where the picture lies in the network's input.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Placement {
    /// Proportions kept, padding to the right and below (YOLOX, NanoDet as published).
    TopLeft,
    /// Proportions kept, padding on both sides (Ultralytics style).
    Centre,
    /// Stretched to the whole input, no padding (DETR style).
    Stretch,
}

/// A source rectangle laid into a network's input.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Letterbox {
    /// The part of the picture that is looked at.
    pub source: SourceRect,
    /// Width and height of the network's input, px.
    pub input: (u32, u32),
    /// Width and height that the source takes in it, px.
    pub resized: (u32, u32),
    /// Columns and rows of padding before it, px.
    pub offset: (u32, u32),
}

impl SourceRect {
    /// The whole of a picture of `width` by `height` pixels.
    pub const fn whole(width: u32, height: u32) -> Self {
        Self {
            left: 0,
            top: 0,
            width,
            height,
        }
    }

    /// The part of this rectangle inside a picture of `width` by `height`; `None` when none is.
    pub fn within(self, width: u32, height: u32) -> Option<Self> {
        let right = self.left.saturating_add(self.width).min(width);
        let bottom = self.top.saturating_add(self.height).min(height);
        (self.left < right && self.top < bottom).then(|| Self {
            left: self.left,
            top: self.top,
            width: right - self.left,
            height: bottom - self.top,
        })
    }
}

impl Letterbox {
    /// Lays `source` into an input of `input` pixels. Sizes of 0 are taken as 1.
    ///
    /// The resized size is rounded down, as the reference implementations of these families do.
    pub fn new(source: SourceRect, input: (u32, u32), placement: Placement) -> Self {
        let input = (input.0.max(1), input.1.max(1));
        let source = SourceRect {
            width: source.width.max(1),
            height: source.height.max(1),
            ..source
        };
        let resized = match placement {
            Placement::Stretch => input,
            Placement::TopLeft | Placement::Centre => fit(source, input),
        };
        let offset = match placement {
            Placement::Centre => ((input.0 - resized.0) / 2, (input.1 - resized.1) / 2),
            Placement::TopLeft | Placement::Stretch => (0, 0),
        };
        Self {
            source,
            input,
            resized,
            offset,
        }
    }

    /// Source pixels for one input pixel, across and down.
    pub fn source_per_input(&self) -> (f64, f64) {
        (
            f64::from(self.source.width) / f64::from(self.resized.0),
            f64::from(self.source.height) / f64::from(self.resized.1),
        )
    }

    /// A box in pixels of the network's input, as a box in the source picture.
    ///
    /// Not clipped: a person may reach past the part that was looked at.
    pub fn box_in_image(&self, left: f64, top: f64, right: f64, bottom: f64) -> BoxInImage {
        let (across, down) = self.source_per_input();
        let x =
            |value: f64| (value - f64::from(self.offset.0)) * across + f64::from(self.source.left);
        let y = |value: f64| (value - f64::from(self.offset.1)) * down + f64::from(self.source.top);
        BoxInImage::new(x(left), y(top), x(right), y(bottom))
    }

    /// A point in pixels of the network's input, as a point in the source picture.
    pub fn point_in_image(&self, x: f64, y: f64) -> PointInImage {
        let bbox = self.box_in_image(x, y, x, y);
        PointInImage {
            x: bbox.left,
            y: bbox.top,
        }
    }

    /// The smallest input, both sides a multiple of `multiple`, whose longer side is `long_side`
    /// (rounded up likewise) and that holds `source` without shrinking it further.
    ///
    /// 768 x 432 at 416 gives 416 x 256: less to compute than a square, the same scale.
    pub fn tight_input(source: SourceRect, long_side: u32, multiple: u32) -> (u32, u32) {
        let multiple = multiple.max(1);
        let up = |value: u64| value.max(1).div_ceil(u64::from(multiple)) * u64::from(multiple);
        let (width, height) = (
            u64::from(source.width.max(1)),
            u64::from(source.height.max(1)),
        );
        let long = up(u64::from(long_side));
        let other = |short: u64, longer: u64| up((long * short).div_ceil(longer));
        let (wide, tall) = if width >= height {
            (long, other(height, width))
        } else {
            (other(width, height), long)
        };
        (clamp_u32(wide), clamp_u32(tall))
    }
}

fn clamp_u32(value: u64) -> u32 {
    u32::try_from(value).unwrap_or(u32::MAX)
}

/// The largest size with the proportions of `source` that fits `input`; at least 1 x 1.
///
/// Integer arithmetic: `min(w_in / w, h_in / h)` without its rounding.
fn fit(source: SourceRect, input: (u32, u32)) -> (u32, u32) {
    let (width, height) = (u64::from(source.width), u64::from(source.height));
    let (across, down) = (u64::from(input.0), u64::from(input.1));
    if across * height <= down * width {
        (input.0, clamp_u32((height * across / width).max(1)))
    } else {
        (clamp_u32((width * down / height).max(1)), input.1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[track_caller]
    fn check(source: (u32, u32), input: (u32, u32), placement: Placement, expect: [u32; 4]) {
        let laid = Letterbox::new(SourceRect::whole(source.0, source.1), input, placement);
        let found = [laid.resized.0, laid.resized.1, laid.offset.0, laid.offset.1];
        assert_eq!(found, expect);
    }

    #[test]
    fn a_picture_is_laid_where_its_family_wants_it() {
        check((768, 432), (416, 416), Placement::TopLeft, [416, 234, 0, 0]);
        check((768, 432), (416, 256), Placement::TopLeft, [416, 234, 0, 0]);
        check(
            (768, 432),
            (640, 640),
            Placement::Centre,
            [640, 360, 0, 140],
        );
        check((768, 432), (640, 640), Placement::Stretch, [640, 640, 0, 0]);
        check((432, 768), (416, 416), Placement::TopLeft, [234, 416, 0, 0]);
        check((100, 100), (416, 256), Placement::Centre, [256, 256, 80, 0]);
        check((4000, 1), (32, 32), Placement::TopLeft, [32, 1, 0, 0]);
        check((0, 0), (0, 0), Placement::TopLeft, [1, 1, 0, 0]);
    }

    #[test]
    fn the_tight_input_keeps_the_scale() {
        let tight = |w, h, long| Letterbox::tight_input(SourceRect::whole(w, h), long, 32);
        assert_eq!(tight(768, 432, 416), (416, 256));
        assert_eq!(tight(480, 360, 416), (416, 320));
        assert_eq!(tight(360, 480, 416), (320, 416));
        assert_eq!(tight(480, 480, 400), (416, 416));
        assert_eq!(tight(0, 0, 0), (32, 32));
    }

    #[test]
    fn a_box_goes_back_to_where_it_came_from() {
        let source = SourceRect {
            left: 100,
            top: 50,
            width: 400,
            height: 200,
        };
        let laid = Letterbox::new(source, (200, 200), Placement::Centre);
        let back = laid.box_in_image(0.0, 50.0, 200.0, 150.0);
        assert_eq!(back, BoxInImage::new(100.0, 50.0, 500.0, 250.0));
    }

    #[test]
    fn a_rectangle_is_cut_to_the_picture() {
        let rect = SourceRect {
            left: 10,
            top: 20,
            width: 100,
            height: 100,
        };
        let cut = rect.within(50, 60);
        assert_eq!(cut.map(|r| (r.width, r.height)), Some((40, 40)));
        assert_eq!(rect.within(10, 60), None);
    }

    proptest! {
        #[test]
        fn the_source_always_fits(
            w in 1_u32..8000, h in 1_u32..8000, iw in 1_u32..2000, ih in 1_u32..2000,
        ) {
            for placement in [Placement::TopLeft, Placement::Centre, Placement::Stretch] {
                let laid = Letterbox::new(SourceRect::whole(w, h), (iw, ih), placement);
                prop_assert!(laid.resized.0 >= 1 && laid.resized.1 >= 1);
                prop_assert!(laid.offset.0 + laid.resized.0 <= iw);
                prop_assert!(laid.offset.1 + laid.resized.1 <= ih);
                let (left, top) = (f64::from(laid.offset.0), f64::from(laid.offset.1));
                let (right, bottom) =
                    (left + f64::from(laid.resized.0), top + f64::from(laid.resized.1));
                let whole = laid.box_in_image(left, top, right, bottom);
                prop_assert!(whole.left.abs() < 1e-6 && whole.top.abs() < 1e-6);
                prop_assert!((whole.right - f64::from(w)).abs() < 1e-6);
                prop_assert!((whole.bottom - f64::from(h)).abs() < 1e-6);
            }
        }
    }
}
