//! Compressed pieces of a stream.
//!
//! It deliberately changes no byte.

use std::ffi::c_int;
use std::ptr::{self, NonNull};

use ffmpeg_the_third::ffi::*;

use super::{AvError, known};

/// A compressed piece of a stream.
pub(in crate::capture) struct Packet(NonNull<AVPacket>);

// SAFETY: FFmpeg's reference counts are atomic; nobody else holds this packet.
unsafe impl Send for Packet {}

impl Packet {
    pub(in crate::capture) fn new() -> Option<Self> {
        // SAFETY: null is handled.
        NonNull::new(unsafe { av_packet_alloc() }).map(Self)
    }

    /// A packet with a copy of `bytes`: a picture that stands alone.
    pub(in crate::capture) fn with_bytes(bytes: &[u8]) -> Option<Self> {
        let packet = Self::new()?;
        let len = c_int::try_from(bytes.len()).ok()?;
        // SAFETY: on success the packet has `len` writable bytes and padding.
        unsafe {
            AvError::check(av_new_packet(packet.0.as_ptr(), len)).ok()?;
            ptr::copy_nonoverlapping(bytes.as_ptr(), packet.raw().data, bytes.len());
            // Without it FFmpeg's PNG decoder adds the picture to the one before.
            (*packet.as_ptr()).flags |= AV_PKT_FLAG_KEY as c_int;
        }
        Some(packet)
    }

    fn raw(&self) -> &AVPacket {
        // SAFETY: valid for as long as self.
        unsafe { self.0.as_ref() }
    }

    pub(in crate::capture) fn as_ptr(&self) -> *mut AVPacket {
        self.0.as_ptr()
    }

    pub(in crate::capture) fn stream(&self) -> usize {
        usize::try_from(self.raw().stream_index).unwrap_or(usize::MAX)
    }

    pub(in crate::capture) fn pts(&self) -> Option<i64> {
        known(self.raw().pts)
    }

    /// Gives it a time, or whatever else its picture is to be known by.
    pub(in crate::capture) fn set_pts(&mut self, pts: i64) {
        // SAFETY: ours alone.
        unsafe { (*self.0.as_ptr()).pts = pts };
    }

    /// The demuxer says that decoding can begin here.
    pub(in crate::capture) fn is_key(&self) -> bool {
        self.raw().flags & AV_PKT_FLAG_KEY != 0
    }

    pub(in crate::capture) fn dts(&self) -> Option<i64> {
        known(self.raw().dts)
    }

    pub(in crate::capture) fn duration(&self) -> i64 {
        self.raw().duration.max(0)
    }

    /// Its bytes.
    pub(in crate::capture) fn bytes(&self) -> &[u8] {
        if self.is_empty() {
            return &[];
        }
        // SAFETY: a packet that is not empty has `size` bytes.
        unsafe { std::slice::from_raw_parts(self.raw().data, self.raw().size as usize) }
    }

    /// Where in the file its bytes begin, and where they end.
    pub(in crate::capture) fn place(&self) -> Option<(i64, i64)> {
        let start = self.raw().pos;
        (start >= 0).then(|| (start, start.saturating_add(self.raw().size.into())))
    }

    pub(in crate::capture) fn is_empty(&self) -> bool {
        self.raw().size <= 0 || self.raw().data.is_null()
    }

    /// The demuxer says that its bytes are incomplete.
    pub(in crate::capture) fn is_corrupt(&self) -> bool {
        self.raw().flags & AV_PKT_FLAG_CORRUPT != 0
    }

    /// It is decoded only for others' sake and never shown.
    pub(in crate::capture) fn is_hidden(&self) -> bool {
        self.raw().flags & AV_PKT_FLAG_DISCARD != 0
    }
}

impl Drop for Packet {
    fn drop(&mut self) {
        let mut packet = self.0.as_ptr();
        // SAFETY: ours.
        unsafe { av_packet_free(&mut packet) }
    }
}
