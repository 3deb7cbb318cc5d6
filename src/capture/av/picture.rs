//! Decoded pictures as FFmpeg holds them.
//!
//! Theory of operation: a picture keeps the decoder's buffer alive for as long as it lives, so that
//! its planes can be read in place.
//!
//! It deliberately shows planes of 8-bit 4:2:0 only; anything else is converted first.

use std::ptr::NonNull;

use ffmpeg_the_third::ffi::*;

use super::{known, text};
use crate::capture::colour::{Colour, Matrix, Range};
use crate::capture::frame::{Plane, Planes, chroma_size};

/// A decoded picture as FFmpeg holds it.
pub(in crate::capture) struct Picture(NonNull<AVFrame>);

// SAFETY: the bytes are only read through it, and FFmpeg's reference counts are atomic.
unsafe impl Send for Picture {}
// SAFETY: as above; nothing is changed through a shared reference.
unsafe impl Sync for Picture {}

impl Picture {
    pub(in crate::capture) fn new() -> Option<Self> {
        // SAFETY: null is handled.
        NonNull::new(unsafe { av_frame_alloc() }).map(Self)
    }

    pub(in crate::capture) fn raw(&self) -> &AVFrame {
        // SAFETY: valid for as long as self.
        unsafe { self.0.as_ref() }
    }

    pub(in crate::capture) fn as_ptr(&self) -> *mut AVFrame {
        self.0.as_ptr()
    }

    pub(in crate::capture) fn width(&self) -> u32 {
        u32::try_from(self.raw().width).unwrap_or(0)
    }

    pub(in crate::capture) fn height(&self) -> u32 {
        u32::try_from(self.raw().height).unwrap_or(0)
    }

    pub(in crate::capture) fn pts(&self) -> Option<i64> {
        known(self.raw().pts)
    }

    /// Its time as far as FFmpeg can tell, from decoding times where there is no other.
    pub(in crate::capture) fn best_time(&self) -> Option<i64> {
        known(self.raw().best_effort_timestamp)
    }

    pub(in crate::capture) fn is_key(&self) -> bool {
        self.raw().key_frame != 0
    }

    pub(in crate::capture) fn is_interlaced(&self) -> bool {
        self.raw().interlaced_frame != 0
    }

    /// The decoder knows that parts of it are wrong.
    pub(in crate::capture) fn is_damaged(&self) -> bool {
        self.raw().flags & AV_FRAME_FLAG_CORRUPT != 0 || self.raw().decode_error_flags != 0
    }

    fn format(&self) -> AVPixelFormat {
        AVPixelFormat(self.raw().format)
    }

    /// Whether its planes are 8-bit 4:2:0 as a [`Frame`](crate::capture::Frame) wants them.
    pub(in crate::capture) fn is_planar_420(&self) -> bool {
        let strides = &self.raw().linesize;
        let format = self.format();
        (format == AVPixelFormat::YUV420P || format == AVPixelFormat::YUVJ420P)
            && strides[..3].iter().all(|stride| *stride > 0)
            && self.raw().data[..3].iter().all(|data| !data.is_null())
    }

    /// The planes of a picture that [is 4:2:0](Self::is_planar_420); panics for any other.
    pub(in crate::capture) fn planes(&self) -> Planes<'_> {
        assert!(
            self.is_planar_420(),
            "planes of a picture that is not 4:2:0"
        );
        let (chroma_width, chroma_height) = chroma_size(self.width(), self.height());
        let plane = |index: usize, width: usize, height: usize| {
            let stride = self.raw().linesize[index] as usize;
            // SAFETY: a plane has `height` rows that begin `stride` bytes apart; the last one need
            // not be padded, and is not read beyond its width.
            let data = unsafe {
                let len = stride * height.saturating_sub(1) + width;
                std::slice::from_raw_parts(self.raw().data[index], len)
            };
            Plane {
                data,
                stride,
                width,
                height,
            }
        };
        Planes {
            y: plane(0, self.width() as usize, self.height() as usize),
            u: plane(1, chroma_width, chroma_height),
            v: plane(2, chroma_width, chroma_height),
        }
    }

    /// How its bytes are to be read; where it does not say, by what is usual for its kind and size.
    pub(in crate::capture) fn colour(&self) -> Colour {
        let raw = self.raw();
        let full = raw.color_range == AVColorRange::JPEG || is_full_range_kind(self.format());
        let matrix = match raw.colorspace {
            AVColorSpace::BT709 | AVColorSpace::BT2020_NCL | AVColorSpace::BT2020_CL => {
                Matrix::Bt709
            }
            AVColorSpace::UNSPECIFIED if !full => Colour::unsaid(self.height()).matrix,
            _ => Matrix::Bt601,
        };
        Colour {
            matrix,
            range: if full { Range::Full } else { Range::Limited },
        }
    }
}

/// Kinds of picture that use all byte values without saying so: JPEG's, and RGB and grey, which are
/// converted to full range.
fn is_full_range_kind(format: AVPixelFormat) -> bool {
    // SAFETY: returns null or a constant description for any number.
    let Some(description) = (unsafe { av_pix_fmt_desc_get(format).as_ref() }) else {
        return false;
    };
    let rgb = description.flags & AV_PIX_FMT_FLAG_RGB as u64 != 0;
    // SAFETY: a constant text.
    let name = unsafe { text(description.name) };
    rgb || description.nb_components < 3 || name.starts_with("yuvj")
}

impl Drop for Picture {
    fn drop(&mut self) {
        let mut raw = self.0.as_ptr();
        // SAFETY: ours.
        unsafe { av_frame_free(&mut raw) }
    }
}
