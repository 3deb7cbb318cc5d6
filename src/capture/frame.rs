//! One decoded picture: upright, 8-bit YUV 4:2:0, with its place in time.
//!
//! Theory of operation: where the decoder already delivers upright 4:2:0, the frame holds the
//! decoder's own picture, and no byte is copied before the tensor. Otherwise it holds a buffer of
//! the pool. Either way it takes one place of the pool, given back when it is dropped.
//!
//! It deliberately has no wall time: that belongs to the clip and to who replays it.

use std::fmt;

use image::RgbImage;

use super::av::Picture;
use super::colour::{Colour, ToRgb};
use super::pool::Lent;
use crate::units::Span;

/// One decoded picture. See the module's text for what it holds.
pub struct Frame {
    pub(super) header: Header,
    pub(super) pixels: Pixels,
}

/// All of a frame but its pixels.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Header {
    pub(super) index: u64,
    pub(super) time_us: i64,
    pub(super) key: bool,
    pub(super) damaged: bool,
    pub(super) width: u32,
    pub(super) height: u32,
    pub(super) colour: Colour,
}

/// Where a frame's pixels are.
pub(super) enum Pixels {
    /// In the decoder's picture; the place in the pool is only held.
    Decoder { picture: Picture, _place: Lent },
    /// In a buffer of the pool: luma, then both chromas, without padding.
    Own(Lent),
}

/// The three planes of a frame.
#[derive(Debug, Clone, Copy)]
pub struct Planes<'a> {
    /// Luma, of the frame's size.
    pub y: Plane<'a>,
    /// Blue difference, of half the size rounded up.
    pub u: Plane<'a>,
    /// Red difference, of half the size rounded up.
    pub v: Plane<'a>,
}

/// One plane of bytes.
#[derive(Debug, Clone, Copy)]
pub struct Plane<'a> {
    /// `stride * (height - 1) + width` bytes.
    pub data: &'a [u8],
    /// Bytes from one row to the next; at least `width`.
    pub stride: usize,
    /// Bytes in a row.
    pub width: usize,
    /// Rows.
    pub height: usize,
}

impl<'a> Plane<'a> {
    /// One row. Panics, as slices do, if there is no such row.
    pub fn row(&self, row: usize) -> &'a [u8] {
        &self.data[row * self.stride..][..self.width]
    }
}

/// The size of a chroma plane of a picture: half, rounded up.
pub(super) fn chroma_size(width: u32, height: u32) -> (usize, usize) {
    (width.div_ceil(2) as usize, height.div_ceil(2) as usize)
}

/// The bytes of a 4:2:0 picture without padding.
pub(super) fn packed_len(width: u32, height: u32) -> usize {
    let (chroma_width, chroma_height) = chroma_size(width, height);
    width as usize * height as usize + 2 * chroma_width * chroma_height
}

/// The planes of a 4:2:0 picture without padding.
///
/// Panics if `data` is shorter than [`packed_len`].
pub(super) fn packed_planes(data: &[u8], width: u32, height: u32) -> Planes<'_> {
    let (chroma_width, chroma_height) = chroma_size(width, height);
    let (y, chroma) = data.split_at(width as usize * height as usize);
    let (u, v) = chroma.split_at(chroma_width * chroma_height);
    let plane = |data, width, height| Plane {
        data,
        stride: width,
        width,
        height,
    };
    Planes {
        y: plane(y, width as usize, height as usize),
        u: plane(u, chroma_width, chroma_height),
        v: plane(
            &v[..chroma_width * chroma_height],
            chroma_width,
            chroma_height,
        ),
    }
}

impl Frame {
    /// Its number in the clip, from 0, counting decoded frames only.
    pub fn index(&self) -> u64 {
        self.header.index
    }

    /// Its presentation time since the clip's first frame.
    pub fn time(&self) -> Span {
        Span::from_us(self.header.time_us)
    }

    /// Whether it was decoded without any other picture.
    pub fn is_key(&self) -> bool {
        self.header.key
    }

    /// Whether parts of it may be wrong: its data was damaged, or that of a picture it rests on.
    pub fn is_damaged(&self) -> bool {
        self.header.damaged
    }

    /// Pixels in a row.
    pub fn width(&self) -> u32 {
        self.header.width
    }

    /// Rows.
    pub fn height(&self) -> u32 {
        self.header.height
    }

    /// How its bytes are to be read as colours.
    pub fn colour(&self) -> Colour {
        self.header.colour
    }

    /// Its bytes.
    pub fn planes(&self) -> Planes<'_> {
        let (width, height) = (self.header.width, self.header.height);
        match &self.pixels {
            Pixels::Decoder { picture, .. } => picture.planes(),
            Pixels::Own(place) => packed_planes(place.bytes(), width, height),
        }
    }

    /// The whole picture in RGB.
    pub fn to_rgb(&self) -> RgbImage {
        self.crop_rgb(0, 0, self.header.width, self.header.height)
    }

    /// A part of the picture in RGB: from pixel (`left`, `top`), cut to what the frame has.
    ///
    /// The result has no pixels where the part lies outside.
    pub fn crop_rgb(&self, left: u32, top: u32, width: u32, height: u32) -> RgbImage {
        self.planes()
            .crop_rgb(self.header.colour, left, top, width, height)
    }
}

impl Planes<'_> {
    /// A part of the picture in RGB: from pixel (`left`, `top`), cut to what there is.
    pub fn crop_rgb(
        &self,
        colour: Colour,
        left: u32,
        top: u32,
        width: u32,
        height: u32,
    ) -> RgbImage {
        let (all_width, all_height) = (self.y.width as u32, self.y.height as u32);
        let left = left.min(all_width);
        let top = top.min(all_height);
        let width = width.min(all_width - left);
        let height = height.min(all_height - top);
        let to_rgb = ToRgb::new(colour);
        let mut out = RgbImage::new(width, height);
        if width == 0 || height == 0 {
            return out;
        }
        for (row, pixels) in out.chunks_exact_mut(width as usize * 3).enumerate() {
            let row = row + top as usize;
            let y = &self.y.row(row)[left as usize..];
            let (u, v) = (self.u.row(row / 2), self.v.row(row / 2));
            for (column, pixel) in pixels.chunks_exact_mut(3).enumerate() {
                let chroma = (column + left as usize) / 2;
                pixel.copy_from_slice(&to_rgb.pixel(y[column], u[chroma], v[chroma]));
            }
        }
        out
    }
}

impl fmt::Debug for Frame {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.header.fmt(f)
    }
}
