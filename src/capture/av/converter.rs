//! Pictures of any kind made 4:2:0.
//!
//! Theory of operation: swscale with its exact, portable code paths; size, matrix and range stay.
//!
//! It deliberately does not scale.

use std::ffi::c_int;
use std::ptr::{self, NonNull};

use ffmpeg_the_third::ffi::*;

use super::{AvError, Picture};
use crate::capture::colour::{Colour, Matrix, Range};
use crate::capture::frame::{chroma_size, packed_len};

/// Converts pictures of any kind to 4:2:0, keeping size, matrix and range.
pub(in crate::capture) struct Converter {
    scaler: NonNull<SwsContext>,
    kind: (c_int, c_int, c_int, Colour),
}

// SAFETY: used from one thread at a time; the handle is not shared.
unsafe impl Send for Converter {}

impl Converter {
    /// A converter for pictures like this one.
    pub(in crate::capture) fn new(picture: &Picture) -> Option<Self> {
        let raw = picture.raw();
        let kind = kind_of(picture);
        let flags = (SWS_BICUBIC | SWS_ACCURATE_RND | SWS_BITEXACT) as c_int;
        let none = ptr::null_mut();
        // SAFETY: null is handled; the coefficient tables are constant.
        unsafe {
            let scaler = NonNull::new(sws_getContext(
                raw.width,
                raw.height,
                AVPixelFormat(raw.format),
                raw.width,
                raw.height,
                AVPixelFormat::YUV420P,
                flags,
                none,
                none.cast(),
                ptr::null(),
            ))?;
            let table = sws_getCoefficients(match kind.3.matrix {
                Matrix::Bt601 => SWS_CS_ITU601 as c_int,
                Matrix::Bt709 => SWS_CS_ITU709 as c_int,
            });
            let full = c_int::from(kind.3.range == Range::Full);
            sws_setColorspaceDetails(
                scaler.as_ptr(),
                table,
                full,
                table,
                full,
                0,
                1 << 16,
                1 << 16,
            );
            Some(Self { scaler, kind })
        }
    }

    /// Whether it fits this picture too.
    pub(in crate::capture) fn fits(&self, picture: &Picture) -> bool {
        self.kind == kind_of(picture)
    }

    /// Writes the picture as packed 4:2:0 into `out` (see `frame::packed_len`).
    pub(in crate::capture) fn run(
        &mut self,
        picture: &Picture,
        out: &mut [u8],
    ) -> Result<(), AvError> {
        let (width, height) = (picture.width(), picture.height());
        assert_eq!(out.len(), packed_len(width, height));
        let (chroma_width, chroma_height) = chroma_size(width, height);
        let (y, chroma) = out.split_at_mut(width as usize * height as usize);
        let (u, v) = chroma.split_at_mut(chroma_width * chroma_height);
        let planes = [
            y.as_mut_ptr(),
            u.as_mut_ptr(),
            v.as_mut_ptr(),
            ptr::null_mut(),
        ];
        let strides = [
            width as c_int,
            chroma_width as c_int,
            chroma_width as c_int,
            0,
        ];
        let raw = picture.raw();
        // SAFETY: source planes are FFmpeg's own; each target plane has the room that its stride
        // and the picture's height ask for.
        let rows = unsafe {
            sws_scale(
                self.scaler.as_ptr(),
                raw.data.as_ptr().cast(),
                raw.linesize.as_ptr(),
                0,
                raw.height,
                planes.as_ptr(),
                strides.as_ptr(),
            )
        };
        AvError::check(rows).map(drop)
    }
}

fn kind_of(picture: &Picture) -> (c_int, c_int, c_int, Colour) {
    let raw = picture.raw();
    (raw.format, raw.width, raw.height, picture.colour())
}

impl Drop for Converter {
    fn drop(&mut self) {
        // SAFETY: ours.
        unsafe { sws_freeContext(self.scaler.as_ptr()) }
    }
}
