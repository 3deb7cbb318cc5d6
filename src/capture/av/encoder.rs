//! Videos being written: one encoder into one container.
//!
//! Theory of operation: [`Encoder`] owns the muxer, the encoder, and one picture that is filled and
//! sent again and again. What it writes depends on its input alone: one thread, no dates, no version
//! texts of the muxer.
//!
//! It deliberately knows nothing of colours or of the project's frames.

use std::ffi::{CStr, CString, c_int};
use std::path::Path;
use std::ptr::{self, NonNull};

use ffmpeg_the_third::ffi::*;

use super::{AvError, Options, Packet, Picture, file_url};
use crate::capture::colour::{Colour, Matrix, Range};
use crate::capture::frame::chroma_size;

/// All that an encoder has to know before its first picture.
pub(in crate::capture) struct Setup<'a> {
    pub(in crate::capture) path: &'a Path,
    /// FFmpeg's name of the encoder.
    pub(in crate::capture) encoder: &'a CStr,
    pub(in crate::capture) width: u32,
    pub(in crate::capture) height: u32,
    pub(in crate::capture) colour: Colour,
    /// Ticks a second of the times of pictures.
    pub(in crate::capture) time_base: (i32, i32),
    pub(in crate::capture) rate: f64,
    pub(in crate::capture) key_interval: u32,
    pub(in crate::capture) reorder: bool,
    /// FFmpeg's names and values of the encoder's own options.
    pub(in crate::capture) tuning: &'a [(&'a CStr, CString)],
    /// Constant quantiser for encoders without a quality option of their own.
    pub(in crate::capture) quantiser: Option<u8>,
    /// Degrees clockwise by which players turn the picture.
    pub(in crate::capture) rotation_deg: f64,
    pub(in crate::capture) created: Option<CString>,
}

/// The three planes to fill, with their strides.
pub(in crate::capture) struct Target<'a> {
    pub(in crate::capture) y: &'a mut [u8],
    pub(in crate::capture) u: &'a mut [u8],
    pub(in crate::capture) v: &'a mut [u8],
    pub(in crate::capture) strides: [usize; 3],
}

/// One encoder into one container.
pub(in crate::capture) struct Encoder {
    muxer: NonNull<AVFormatContext>,
    codec: NonNull<AVCodecContext>,
    picture: Picture,
    packet: Packet,
    header_written: bool,
}

// SAFETY: FFmpeg allows use from any thread, one at a time; the handle is not shared.
unsafe impl Send for Encoder {}

/// Whether this FFmpeg has an encoder of that name.
pub(in crate::capture) fn has_encoder(name: &CStr) -> bool {
    // SAFETY: a lookup by a constant text.
    unsafe { !avcodec_find_encoder_by_name(name.as_ptr()).is_null() }
}

impl Encoder {
    pub(in crate::capture) fn open(setup: &Setup<'_>) -> Result<Self, AvError> {
        let name = file_url(setup.path)?;
        let memory = AvError::NO_MEMORY;
        let mut muxer = ptr::null_mut();
        // SAFETY: each object is checked before it is used, and owned by `encoder` from then on.
        let mut encoder = unsafe {
            let code =
                avformat_alloc_output_context2(&mut muxer, ptr::null(), ptr::null(), name.as_ptr());
            AvError::check(code)?;
            let muxer = NonNull::new(muxer).ok_or(memory)?;
            let found = avcodec_find_encoder_by_name(setup.encoder.as_ptr());
            let Some(codec) = NonNull::new(avcodec_alloc_context3(found)) else {
                avformat_free_context(muxer.as_ptr());
                return Err(memory);
            };
            let parts = Picture::new().zip(Packet::new());
            let Some((picture, packet)) = parts else {
                avcodec_free_context(&mut codec.as_ptr());
                avformat_free_context(muxer.as_ptr());
                return Err(memory);
            };
            Self {
                muxer,
                codec,
                picture,
                packet,
                header_written: false,
            }
        };
        encoder.open_codec(setup)?;
        encoder.open_stream(setup)?;
        encoder.open_picture()?;
        encoder.open_file(&name)?;
        Ok(encoder)
    }

    fn open_codec(&mut self, setup: &Setup<'_>) -> Result<(), AvError> {
        let full = setup.colour.range == Range::Full;
        let mut tuning = Options::new();
        for (name, value) in setup.tuning {
            tuning.set(name, value);
        }
        // SAFETY: the context is allocated and not open yet.
        unsafe {
            let codec = self.codec.as_mut();
            codec.width = setup.width as c_int;
            codec.height = setup.height as c_int;
            codec.time_base = rational(setup.time_base);
            codec.framerate = av_d2q(setup.rate, MAX_RATE_DENOMINATOR);
            codec.gop_size = setup.key_interval as c_int;
            codec.max_b_frames = if setup.reorder { DEFAULT_B_FRAMES } else { 0 };
            codec.thread_count = 1;
            codec.pix_fmt = match full {
                true => AVPixelFormat::YUVJ420P,
                false => AVPixelFormat::YUV420P,
            };
            codec.color_range = match full {
                true => AVColorRange::JPEG,
                false => AVColorRange::MPEG,
            };
            if setup.colour.matrix == Matrix::Bt709 {
                codec.colorspace = AVColorSpace::BT709;
                codec.color_primaries = AVColorPrimaries::BT709;
                codec.color_trc = AVColorTransferCharacteristic::BT709;
            } else {
                codec.colorspace = AVColorSpace::BT470BG;
            }
            codec.flags |= AV_CODEC_FLAG_BITEXACT as c_int;
            if let Some(quantiser) = setup.quantiser {
                codec.flags |= AV_CODEC_FLAG_QSCALE as c_int;
                codec.global_quality = c_int::from(quantiser) * FF_QP2LAMBDA as c_int;
            }
            let format = &*(*self.muxer.as_ptr()).oformat;
            if format.flags & AVFMT_GLOBALHEADER as c_int != 0 {
                codec.flags |= AV_CODEC_FLAG_GLOBAL_HEADER as c_int;
            }
            AvError::check(avcodec_open2(codec, codec.codec, tuning.as_mut_ptr())).map(drop)
        }
    }

    fn open_stream(&mut self, setup: &Setup<'_>) -> Result<(), AvError> {
        // SAFETY: the stream belongs to the muxer; side data and metadata are copied.
        unsafe {
            let muxer = self.muxer.as_mut();
            muxer.flags |= AVFMT_FLAG_BITEXACT as c_int;
            let stream = avformat_new_stream(muxer, ptr::null());
            let stream = stream.as_mut().ok_or(AvError::NO_MEMORY)?;
            stream.time_base = rational(setup.time_base);
            stream.avg_frame_rate = self.codec.as_ref().framerate;
            let parameters = stream.codecpar;
            AvError::check(avcodec_parameters_from_context(
                parameters,
                self.codec.as_ptr(),
            ))?;
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

    fn open_picture(&mut self) -> Result<(), AvError> {
        // SAFETY: the picture is empty and takes its size and kind from the open encoder.
        unsafe {
            let codec = self.codec.as_ref();
            let picture = &mut *self.picture.as_ptr();
            picture.width = codec.width;
            picture.height = codec.height;
            picture.format = codec.pix_fmt.0;
            picture.color_range = codec.color_range;
            picture.colorspace = codec.colorspace;
            AvError::check(av_frame_get_buffer(picture, 0)).map(drop)
        }
    }

    fn open_file(&mut self, name: &CStr) -> Result<(), AvError> {
        let mut options = Options::new();
        options.set(c"movflags", c"+faststart");
        // SAFETY: the muxer has its stream; unknown options are left in the list.
        unsafe {
            let muxer = self.muxer.as_mut();
            let none = ptr::null_mut();
            let flags = AVIO_FLAG_WRITE as c_int;
            AvError::check(avio_open2(
                &mut muxer.pb,
                name.as_ptr(),
                flags,
                ptr::null(),
                none,
            ))?;
            AvError::check(avformat_write_header(muxer, options.as_mut_ptr()))?;
        }
        self.header_written = true;
        Ok(())
    }

    /// Lets `fill` write the planes of the next picture, and encodes it. `ticks` must rise.
    pub(in crate::capture) fn write(
        &mut self,
        ticks: i64,
        fill: impl FnOnce(Target<'_>),
    ) -> Result<(), AvError> {
        let (_, chroma_rows) = chroma_size(self.picture.width(), self.picture.height());
        let rows = [self.picture.height() as usize, chroma_rows, chroma_rows];
        // SAFETY: after the call the encoder's own references to the old bytes stay untouched; each
        // plane has `stride * rows` bytes of its own.
        unsafe {
            AvError::check(av_frame_make_writable(self.picture.as_ptr()))?;
            let picture = &mut *self.picture.as_ptr();
            picture.pts = ticks;
            picture.pict_type = AVPictureType::NONE;
            let strides = [0, 1, 2].map(|plane| picture.linesize[plane] as usize);
            let plane = |index: usize| {
                let len = strides[index] * rows[index];
                std::slice::from_raw_parts_mut(picture.data[index], len)
            };
            fill(Target {
                y: plane(0),
                u: plane(1),
                v: plane(2),
                strides,
            });
            AvError::check(avcodec_send_frame(self.codec.as_ptr(), picture))?;
        }
        self.write_packets()
    }

    /// Writes what the encoder still holds, and the end of the file.
    pub(in crate::capture) fn finish(&mut self) -> Result<(), AvError> {
        if !std::mem::take(&mut self.header_written) {
            return Ok(());
        }
        // SAFETY: the encoder is open; null ends it.
        let code = unsafe { avcodec_send_frame(self.codec.as_ptr(), ptr::null()) };
        let flushed = AvError::check(code).and_then(|_| self.write_packets());
        // SAFETY: the header was written; the file is closed once.
        let closed = unsafe {
            let muxer = self.muxer.as_mut();
            let ended = AvError::check(av_write_trailer(muxer));
            ended.and(AvError::check(avio_closep(&mut muxer.pb)))
        };
        flushed.and(closed.map(drop))
    }

    fn write_packets(&mut self) -> Result<(), AvError> {
        loop {
            // SAFETY: all objects are valid; the muxer takes over the packet's bytes.
            unsafe {
                let packet = self.packet.as_ptr();
                let code = avcodec_receive_packet(self.codec.as_ptr(), packet);
                if code == AVERROR_EOF || AvError::is_again(code) {
                    return Ok(());
                }
                AvError::check(code)?;
                let stream = &**self.muxer.as_ref().streams;
                let from = self.codec.as_ref().time_base;
                av_packet_rescale_ts(packet, from, stream.time_base);
                (*packet).stream_index = 0;
                AvError::check(av_interleaved_write_frame(self.muxer.as_ptr(), packet))?;
            }
        }
    }
}

/// Frames between two others that the encoder may write after the later one.
const DEFAULT_B_FRAMES: c_int = 2;

/// The largest denominator of a frame rate: holds 30000/1001 and its like.
const MAX_RATE_DENOMINATOR: c_int = 1_001_000;

fn rational((num, den): (i32, i32)) -> AVRational {
    AVRational { num, den }
}

impl Drop for Encoder {
    fn drop(&mut self) {
        // A video that was not finished is made playable as far as it goes.
        let _ = self.finish();
        // SAFETY: both are ours; the file is closed if `finish` had no header to end.
        unsafe {
            avcodec_free_context(&mut self.codec.as_ptr());
            avio_closep(&mut (*self.muxer.as_ptr()).pb);
            avformat_free_context(self.muxer.as_ptr());
        }
    }
}
