//! Compressed pictures into a container as they are: no encoder.
//!
//! Theory of operation: one video stream whose pictures come in the order of decoding, with start codes; the muxer
//! frames them as its container wants. No dates and no version texts of the muxer.
//!
//! It deliberately changes no picture.

use std::ffi::{CString, c_int};
use std::path::Path;
use std::ptr::{self, NonNull};

use ffmpeg_the_third::ffi::*;

use super::{AvError, Options, Packet, file_url};
use crate::capture::encoded::Codec;

/// All that a muxer has to know before its first picture.
pub(in crate::capture) struct MuxSetup<'a> {
    pub(in crate::capture) path: &'a Path,
    pub(in crate::capture) codec: Codec,
    pub(in crate::capture) size: (u32, u32),
    /// Parameter sets with start codes; empty where the codec has none.
    pub(in crate::capture) parameter_sets: &'a [u8],
    /// Degrees clockwise by which players turn the picture.
    pub(in crate::capture) rotation_deg: f64,
    pub(in crate::capture) created: Option<CString>,
}

/// One stream of compressed pictures into one container.
pub(in crate::capture) struct Muxer {
    raw: NonNull<AVFormatContext>,
    header_written: bool,
}

// SAFETY: FFmpeg allows use from any thread, one at a time; the handle is not shared.
unsafe impl Send for Muxer {}

/// Times are given in microseconds.
const MICROSECONDS: AVRational = AVRational {
    num: 1,
    den: 1_000_000,
};

impl Muxer {
    pub(in crate::capture) fn open(setup: &MuxSetup<'_>) -> Result<Self, AvError> {
        let name = file_url(setup.path)?;
        let mut raw = ptr::null_mut();
        // SAFETY: on success `raw` is ours.
        let mut muxer = unsafe {
            let code =
                avformat_alloc_output_context2(&mut raw, ptr::null(), ptr::null(), name.as_ptr());
            AvError::check(code)?;
            Self {
                raw: NonNull::new(raw).ok_or(AvError::NO_MEMORY)?,
                header_written: false,
            }
        };
        muxer.open_stream(setup)?;
        let mut options = Options::new();
        options.set(c"movflags", c"+faststart");
        // SAFETY: the muxer has its stream; unknown options are left in the list.
        unsafe {
            let context = muxer.raw.as_mut();
            let none = ptr::null_mut();
            let write = AVIO_FLAG_WRITE as c_int;
            let opened = avio_open2(&mut context.pb, name.as_ptr(), write, ptr::null(), none);
            AvError::check(opened)?;
            AvError::check(avformat_write_header(context, options.as_mut_ptr()))?;
        }
        muxer.header_written = true;
        Ok(muxer)
    }

    fn open_stream(&mut self, setup: &MuxSetup<'_>) -> Result<(), AvError> {
        let padding = AV_INPUT_BUFFER_PADDING_SIZE as usize;
        // SAFETY: stream and parameters belong to the muxer, which frees the extra data with them.
        unsafe {
            let muxer = self.raw.as_mut();
            muxer.flags |= AVFMT_FLAG_BITEXACT as c_int;
            let stream = avformat_new_stream(muxer, ptr::null());
            let stream = stream.as_mut().ok_or(AvError::NO_MEMORY)?;
            stream.time_base = MICROSECONDS;
            let parameters = &mut *stream.codecpar;
            parameters.codec_type = AVMediaType::VIDEO;
            parameters.codec_id = setup.codec.id();
            parameters.width = setup.size.0 as c_int;
            parameters.height = setup.size.1 as c_int;
            let sets = setup.parameter_sets;
            if !sets.is_empty() {
                let bytes = av_mallocz(sets.len() + padding).cast::<u8>();
                if bytes.is_null() {
                    return Err(AvError::NO_MEMORY);
                }
                ptr::copy_nonoverlapping(sets.as_ptr(), bytes, sets.len());
                parameters.extradata = bytes;
                parameters.extradata_size = sets.len() as c_int;
            }
            if setup.rotation_deg.abs() > 0.0 {
                let kind = AVPacketSideDataType::DISPLAYMATRIX;
                let matrix = av_stream_new_side_data(stream, kind, size_of::<[i32; 9]>());
                if matrix.is_null() {
                    return Err(AvError::NO_MEMORY);
                }
                av_display_rotation_set(matrix.cast(), setup.rotation_deg);
            }
            if let Some(created) = &setup.created {
                let name = c"creation_time".as_ptr();
                av_dict_set(&mut muxer.metadata, name, created.as_ptr(), 0);
            }
        }
        Ok(())
    }

    /// Adds a picture. Times in microseconds; `decoded_us` must rise and never be after `shown_us`.
    pub(in crate::capture) fn write(
        &mut self,
        bytes: &[u8],
        shown_us: i64,
        decoded_us: i64,
        is_key: bool,
    ) -> Result<(), AvError> {
        let packet = Packet::with_bytes(bytes).ok_or(AvError::NO_MEMORY)?;
        // SAFETY: all objects are valid; the muxer takes over the packet's bytes.
        unsafe {
            let raw = &mut *packet.as_ptr();
            raw.flags = if is_key { AV_PKT_FLAG_KEY } else { 0 };
            raw.stream_index = 0;
            raw.pts = shown_us;
            raw.dts = decoded_us;
            let stream = &**self.raw.as_ref().streams;
            av_packet_rescale_ts(raw, MICROSECONDS, stream.time_base);
            AvError::check(av_interleaved_write_frame(self.raw.as_ptr(), raw)).map(drop)
        }
    }

    /// Writes the end of the file.
    pub(in crate::capture) fn finish(&mut self) -> Result<(), AvError> {
        if !std::mem::take(&mut self.header_written) {
            return Ok(());
        }
        // SAFETY: the header was written; the file is closed once.
        unsafe {
            let muxer = self.raw.as_mut();
            let ended = AvError::check(av_write_trailer(muxer));
            ended
                .and(AvError::check(avio_closep(&mut muxer.pb)))
                .map(drop)
        }
    }
}

impl Drop for Muxer {
    fn drop(&mut self) {
        // SAFETY: ours; the file is closed if `finish` did not do it.
        unsafe {
            avio_closep(&mut (*self.raw.as_ptr()).pb);
            avformat_free_context(self.raw.as_ptr());
        }
    }
}
