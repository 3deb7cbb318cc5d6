//! Bit stream filters: compressed pictures rewritten without decoding them.
//!
//! It deliberately offers the one kind that is needed: framing with start codes (Annex B).

use std::ffi::CStr;
use std::ptr::{self, NonNull};

use ffmpeg_the_third::ffi::*;

use super::{AvError, Demuxer, Packet};

/// A filter of one stream's packets.
pub(in crate::capture) struct Filter(NonNull<AVBSFContext>);

// SAFETY: FFmpeg allows use from any thread, one at a time; the handle is not shared.
unsafe impl Send for Filter {}

impl Filter {
    /// The filter of this name for a stream of a container.
    pub(in crate::capture) fn of_stream(
        name: &CStr,
        demuxer: &Demuxer,
        stream: usize,
    ) -> Result<Self, AvError> {
        let stream = demuxer.stream(stream);
        let mut raw = ptr::null_mut();
        // SAFETY: null is handled; every stream has parameters, which are copied.
        unsafe {
            let filter = av_bsf_get_by_name(name.as_ptr());
            if filter.is_null() {
                return Err(AvError::REFUSED);
            }
            AvError::check(av_bsf_alloc(filter, &mut raw))?;
            let filter = Self(NonNull::new(raw).ok_or(AvError::NO_MEMORY)?);
            AvError::check(avcodec_parameters_copy((*raw).par_in, stream.codecpar))?;
            (*raw).time_base_in = stream.time_base;
            AvError::check(av_bsf_init(raw))?;
            Ok(filter)
        }
    }

    /// Rewrites a packet in place. `Ok(false)`: the filter kept it back.
    pub(in crate::capture) fn run(&mut self, packet: &mut Packet) -> Result<bool, AvError> {
        // SAFETY: both are valid; the filter takes the packet's contents and gives others.
        unsafe {
            AvError::check(av_bsf_send_packet(self.0.as_ptr(), packet.as_ptr()))?;
            match av_bsf_receive_packet(self.0.as_ptr(), packet.as_ptr()) {
                code if AvError::is_again(code) => Ok(false),
                code => AvError::check(code).map(|_| true),
            }
        }
    }
}

impl Drop for Filter {
    fn drop(&mut self) {
        let mut raw = self.0.as_ptr();
        // SAFETY: ours.
        unsafe { av_bsf_free(&mut raw) }
    }
}
