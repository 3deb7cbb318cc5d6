//! The unsafe shell around FFmpeg's libraries: everything behind it is ordinary Rust.
//!
//! Theory of operation: each handle owns one FFmpeg object and frees it on drop. Texts are copied
//! out at once and need not be UTF-8. Only what clips and videos need is here; the safe layer of
//! `ffmpeg-the-third` is not used because it panics on unknown enum values and on paths with NUL,
//! and trusts metadata to be UTF-8, all of which a damaged file can break.
//!
//! It deliberately knows nothing of clips, losses or rotation.

mod converter;
mod decoder;
mod demuxer;
mod encoder;
mod filter;
mod muxer;
mod packet;
mod picture;

pub(in crate::capture) use converter::Converter;
pub(in crate::capture) use decoder::{Decoder, Received};
pub(in crate::capture) use demuxer::{Demuxer, StreamInfo};
pub(in crate::capture) use encoder::{Encoder, Setup, Target, has_encoder};
pub(in crate::capture) use filter::Filter;
pub(in crate::capture) use muxer::{MuxSetup, Muxer};
pub(in crate::capture) use packet::Packet;
pub(in crate::capture) use picture::Picture;

use std::ffi::{CStr, CString, c_char, c_int};
use std::fmt;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::ptr;

use ffmpeg_the_third::ffi::*;

/// `EAGAIN` of Linux on x86-64 and aarch64.
const EAGAIN: c_int = 11;

/// `EINVAL` of Linux on x86-64 and aarch64.
const EINVAL: c_int = 22;

/// `ENOMEM` of Linux on x86-64 and aarch64.
const ENOMEM: c_int = 12;

/// An error code of FFmpeg.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(in crate::capture) struct AvError(c_int);

impl AvError {
    /// The bytes make no sense.
    pub(in crate::capture) const INVALID_DATA: Self = Self(AVERROR_INVALIDDATA);

    /// The file is of no format that a clip may be of.
    pub(in crate::capture) const REFUSED: Self = Self(-EINVAL);

    /// There is no memory left.
    pub(in crate::capture) const NO_MEMORY: Self = Self(-ENOMEM);

    pub(in crate::capture) fn check(code: c_int) -> Result<c_int, Self> {
        if code < 0 { Err(Self(code)) } else { Ok(code) }
    }

    /// Whether the code asks to try again with more input or after taking output.
    pub(in crate::capture) fn is_again(code: c_int) -> bool {
        code == -EAGAIN
    }
}

impl fmt::Display for AvError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut text = [0 as c_char; 128];
        // SAFETY: the buffer is as long as said, and stays NUL-terminated.
        let text = unsafe {
            av_strerror(self.0, text.as_mut_ptr(), text.len());
            CStr::from_ptr(text.as_ptr())
        };
        f.write_str(&text.to_string_lossy())
    }
}

impl fmt::Debug for AvError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "AvError({}: {self})", self.0)
    }
}

/// Sets how much FFmpeg itself writes to standard error, for the whole process.
pub(in crate::capture) fn set_log_level(level: c_int) {
    // SAFETY: only stores a number.
    unsafe { av_log_set_level(level) }
}

/// A list of FFmpeg options, by name.
pub(in crate::capture) struct Options(*mut AVDictionary);

impl Options {
    pub(in crate::capture) fn new() -> Self {
        Self(ptr::null_mut())
    }

    pub(in crate::capture) fn set(&mut self, name: &CStr, value: &CStr) {
        // SAFETY: both texts are copied; the dictionary is null or valid.
        unsafe { av_dict_set(&mut self.0, name.as_ptr(), value.as_ptr(), 0) };
    }

    pub(in crate::capture) fn as_mut_ptr(&mut self) -> *mut *mut AVDictionary {
        &mut self.0
    }
}

impl Drop for Options {
    fn drop(&mut self) {
        // SAFETY: null or ours.
        unsafe { av_dict_free(&mut self.0) }
    }
}

/// A ratio that makes sense: both parts above zero.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::capture) struct Ratio {
    num: i64,
    den: i64,
}

impl Ratio {
    pub(in crate::capture) fn new(num: i64, den: i64) -> Option<Self> {
        (num > 0 && den > 0).then_some(Self { num, den })
    }

    fn of(raw: AVRational) -> Option<Self> {
        Self::new(raw.num.into(), raw.den.into())
    }

    pub(in crate::capture) fn as_f64(self) -> f64 {
        self.num as f64 / self.den as f64
    }

    /// As microseconds, `ticks` of a time base of this many seconds each; rounded, saturating.
    pub(in crate::capture) fn ticks_to_us(self, ticks: i64) -> i64 {
        let (num, den) = (i128::from(self.num), i128::from(self.den));
        let scaled = i128::from(ticks) * num * 1_000_000;
        let rounded = (2 * scaled + den).div_euclid(2 * den);
        i64::try_from(rounded).unwrap_or(if ticks < 0 { i64::MIN } else { i64::MAX })
    }
}

/// A C text, or nothing.
///
/// SAFETY: `raw` is null or a NUL-terminated text.
unsafe fn text(raw: *const c_char) -> String {
    if raw.is_null() {
        return String::new();
    }
    // SAFETY: by the caller's word.
    unsafe { CStr::from_ptr(raw) }
        .to_string_lossy()
        .into_owned()
}

fn known(timestamp: i64) -> Option<i64> {
    (timestamp != AV_NOPTS_VALUE).then_some(timestamp)
}

/// A path as FFmpeg takes it: a file, whatever its name looks like.
fn file_url(path: &Path) -> Result<CString, AvError> {
    let url = [b"file:", path.as_os_str().as_bytes()].concat();
    CString::new(url).map_err(|_| AvError::INVALID_DATA)
}
