//! Decoders: packets in, pictures out.
//!
//! Theory of operation: one thread, bit-exact code paths and grey buffers, so that the same packets
//! give the same bytes on every machine and run, damage included.
//!
//! It deliberately decides nothing about damage: it passes FFmpeg's word on.

use std::ffi::c_int;
use std::ptr::{self, NonNull};

use ffmpeg_the_third::ffi::*;

use super::{AvError, Demuxer, Packet, Picture};
use crate::capture::encoded::Codec;

/// Grey in every plane: what a picture holds where no data came for it.
const GREY: u8 = 0x80;

/// What a decoder has to give.
pub(in crate::capture) enum Received {
    /// A picture.
    Picture,
    /// Nothing before it gets another packet.
    Hungry,
    /// Nothing ever again.
    End,
}

/// A decoder of one video stream.
pub(in crate::capture) struct Decoder(NonNull<AVCodecContext>);

// SAFETY: FFmpeg allows use from any thread, one at a time; the handle is not shared.
unsafe impl Send for Decoder {}

impl Decoder {
    /// A decoder for a stream of a container. `Ok(None)` if this FFmpeg has none for its codec.
    pub(in crate::capture) fn of_stream(
        demuxer: &Demuxer,
        stream: usize,
        max_pixels: u32,
    ) -> Result<Option<Self>, AvError> {
        let stream = demuxer.stream(stream);
        // SAFETY: every stream has parameters; they are copied into the decoder.
        unsafe {
            let Some(decoder) = Self::alloc((*stream.codecpar).codec_id) else {
                return Ok(None);
            };
            let raw = decoder.0.as_ptr();
            AvError::check(avcodec_parameters_to_context(raw, stream.codecpar))?;
            (*raw).pkt_timebase = stream.time_base;
            decoder.open(max_pixels).map(Some)
        }
    }

    /// A decoder for pictures that come without a container.
    pub(in crate::capture) fn of_codec(
        codec: Codec,
        max_pixels: u32,
    ) -> Result<Option<Self>, AvError> {
        Self::of_pictures(codec.id(), max_pixels)
    }

    /// A decoder for single JPEG files.
    pub(in crate::capture) fn of_jpeg(max_pixels: u32) -> Result<Option<Self>, AvError> {
        Self::of_pictures(AVCodecID::MJPEG, max_pixels)
    }

    /// A decoder for single PNG files.
    pub(in crate::capture) fn of_png(max_pixels: u32) -> Result<Option<Self>, AvError> {
        Self::of_pictures(AVCodecID::PNG, max_pixels)
    }

    fn of_pictures(codec: AVCodecID, max_pixels: u32) -> Result<Option<Self>, AvError> {
        // SAFETY: a decoder is allocated or there is none.
        match unsafe { Self::alloc(codec) } {
            Some(decoder) => decoder.open(max_pixels).map(Some),
            None => Ok(None),
        }
    }

    unsafe fn alloc(codec: AVCodecID) -> Option<Self> {
        // SAFETY: null is handled at both steps.
        unsafe {
            let codec = NonNull::new(avcodec_find_decoder(codec).cast_mut())?;
            NonNull::new(avcodec_alloc_context3(codec.as_ptr())).map(Self)
        }
    }

    fn open(self, max_pixels: u32) -> Result<Self, AvError> {
        let raw = self.0.as_ptr();
        // SAFETY: the context is allocated and not open yet.
        unsafe {
            // With more, damage is reported late or not at all, and concealed in another way.
            (*raw).thread_count = 1;
            (*raw).thread_type = 0;
            (*raw).get_buffer2 = Some(grey_buffer);
            (*raw).max_pixels = max_pixels.into();
            // The same bytes on every processor.
            (*raw).flags |= AV_CODEC_FLAG_BITEXACT as c_int;
            AvError::check(avcodec_open2(raw, (*raw).codec, ptr::null_mut()))?;
        }
        Ok(self)
    }

    /// Gives it a packet, or `None` for the end of the stream.
    pub(in crate::capture) fn send(&mut self, packet: Option<&Packet>) -> Result<(), AvError> {
        let packet = packet.map_or(ptr::null(), |packet| packet.as_ptr().cast_const());
        // SAFETY: both are valid, null means the end.
        AvError::check(unsafe { avcodec_send_packet(self.0.as_ptr(), packet) }).map(drop)
    }

    /// Takes a picture from it.
    pub(in crate::capture) fn receive(
        &mut self,
        picture: &mut Picture,
    ) -> Result<Received, AvError> {
        // SAFETY: both are valid; the picture is emptied by FFmpeg first.
        let code = unsafe { avcodec_receive_frame(self.0.as_ptr(), picture.as_ptr()) };
        match code {
            AVERROR_EOF => Ok(Received::End),
            code if AvError::is_again(code) => Ok(Received::Hungry),
            code => AvError::check(code).map(|_| Received::Picture),
        }
    }

    /// Forgets all that it was given.
    pub(in crate::capture) fn flush(&mut self) {
        // SAFETY: the context is open.
        unsafe { avcodec_flush_buffers(self.0.as_ptr()) }
    }
}

impl Codec {
    /// FFmpeg's number for it.
    pub(in crate::capture::av) fn id(self) -> AVCodecID {
        match self {
            Self::H264 => AVCodecID::H264,
            Self::H265 => AVCodecID::HEVC,
            Self::Mjpeg => AVCodecID::MJPEG,
        }
    }
}

impl Drop for Decoder {
    fn drop(&mut self) {
        let mut raw = self.0.as_ptr();
        // SAFETY: ours.
        unsafe { avcodec_free_context(&mut raw) }
    }
}

/// Hands the decoder a grey picture instead of one that still shows an earlier frame.
///
/// Where damaged data leaves parts of a picture undecoded, what is there would otherwise depend on
/// which buffer came free first: replay must not.
unsafe extern "C" fn grey_buffer(
    context: *mut AVCodecContext,
    frame: *mut AVFrame,
    flags: c_int,
) -> c_int {
    // SAFETY: FFmpeg calls this with its own valid objects; each buffer has `size` writable bytes.
    unsafe {
        let code = avcodec_default_get_buffer2(context, frame, flags);
        if code >= 0 {
            for buffer in (*frame).buf {
                if let Some(buffer) = buffer.as_ref() {
                    ptr::write_bytes(buffer.data, GREY, buffer.size);
                }
            }
        }
        code
    }
}
