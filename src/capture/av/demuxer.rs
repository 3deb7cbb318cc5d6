//! Containers being read: packets out, and what they say about their streams.
//!
//! Theory of operation: a file is opened as a file and as one of a few formats, whatever it claims
//! to be. What is said about the video is copied out once.
//!
//! It deliberately never seeks.

use std::ffi::{CStr, CString};
use std::path::Path;
use std::ptr::{self, NonNull};

use ffmpeg_the_third::ffi::*;

use super::{AvError, Options, Packet, Ratio, file_url, known, text};

/// Containers and raw streams that a clip may be. Anything else that FFmpeg might take a file for
/// (play lists, subtitles, device descriptions, pictures of text) is refused: a clip must never
/// make the program open something else.
const FORMATS: &CStr =
    c"mov,matroska,avi,mjpeg,h264,hevc,mpegts,mpeg,mpegvideo,m4v,flv,asf,ogg,ivf";

/// What the container says about a video stream.
#[derive(Debug, Clone, PartialEq)]
pub(in crate::capture) struct StreamInfo {
    pub(in crate::capture) index: usize,
    pub(in crate::capture) codec: String,
    pub(in crate::capture) width: i64,
    pub(in crate::capture) height: i64,
    pub(in crate::capture) time_base: Ratio,
    pub(in crate::capture) rate: Option<Ratio>,
    pub(in crate::capture) frames: Option<u64>,
    pub(in crate::capture) duration_us: Option<i64>,
    /// Degrees counter-clockwise by which the stored picture is turned for showing.
    pub(in crate::capture) rotation_deg: Option<f64>,
    pub(in crate::capture) mirrored: bool,
    /// A cover picture of a sound file, not a video.
    pub(in crate::capture) still: bool,
}

/// An opened container.
pub(in crate::capture) struct Demuxer(NonNull<AVFormatContext>);

// SAFETY: FFmpeg allows use from any thread, one at a time; the handle is not shared.
unsafe impl Send for Demuxer {}

impl Demuxer {
    /// Opens a file, never anything else, whatever its name looks like.
    pub(in crate::capture) fn open(path: &Path, max_pixels: u32) -> Result<Self, AvError> {
        let name = file_url(path)?;
        let mut options = Options::new();
        options.set(c"protocol_whitelist", c"file");
        options.set(c"format_whitelist", FORMATS);
        let mut raw = ptr::null_mut();
        // SAFETY: on failure FFmpeg leaves nothing behind; on success `raw` is ours.
        let demuxer = unsafe {
            let code =
                avformat_open_input(&mut raw, name.as_ptr(), ptr::null(), options.as_mut_ptr());
            AvError::check(code)?;
            Self(NonNull::new(raw).ok_or(AvError::INVALID_DATA)?)
        };
        demuxer.probe(max_pixels)?;
        Ok(demuxer)
    }

    /// Reads enough of the file to know its streams, without decoding pictures beyond the cap.
    fn probe(&self, max_pixels: u32) -> Result<(), AvError> {
        let cap = CString::new(max_pixels.to_string()).unwrap_or_default();
        let mut options: Vec<Options> = (0..self.stream_count())
            .map(|_| {
                let mut options = Options::new();
                options.set(c"max_pixels", &cap);
                options
            })
            .collect();
        // `Options` is one pointer: a slice of them is the array that FFmpeg wants.
        let mut raw: Vec<*mut AVDictionary> = options.iter().map(|list| list.0).collect();
        // SAFETY: one dictionary a stream; FFmpeg replaces them, and they are handed back below.
        let code = unsafe { avformat_find_stream_info(self.0.as_ptr(), raw.as_mut_ptr()) };
        for (list, raw) in options.iter_mut().zip(raw) {
            list.0 = raw;
        }
        AvError::check(code).map(drop)
    }

    fn raw(&self) -> &AVFormatContext {
        // SAFETY: valid for as long as self.
        unsafe { self.0.as_ref() }
    }

    fn stream_count(&self) -> usize {
        self.raw().nb_streams as usize
    }

    pub(in crate::capture::av) fn stream(&self, index: usize) -> &AVStream {
        assert!(index < self.stream_count(), "no stream {index}");
        // SAFETY: FFmpeg keeps `nb_streams` valid streams.
        unsafe { &**self.raw().streams.add(index) }
    }

    /// The container's short name, such as `mov,mp4,m4a,3gp,3g2,mj2`.
    pub(in crate::capture) fn format(&self) -> String {
        // SAFETY: an open container has a format with a name.
        unsafe { text((*self.raw().iformat).name) }
    }

    /// The duration that the container declares, in microseconds.
    pub(in crate::capture) fn duration_us(&self) -> Option<i64> {
        known(self.raw().duration).filter(|us| *us > 0)
    }

    /// A tag of the container.
    pub(in crate::capture) fn tag(&self, name: &CStr) -> Option<String> {
        // SAFETY: the dictionary is null or valid; the entry lives as long as it.
        unsafe {
            let entry = av_dict_get(self.raw().metadata, name.as_ptr(), ptr::null(), 0);
            entry.as_ref().map(|entry| text(entry.value))
        }
    }

    /// The video stream that a player would show.
    pub(in crate::capture) fn best_video(&self) -> Option<StreamInfo> {
        // SAFETY: the context is valid, no decoder is asked for.
        let index = unsafe {
            av_find_best_stream(
                self.0.as_ptr(),
                AVMediaType::VIDEO,
                -1,
                -1,
                ptr::null_mut(),
                0,
            )
        };
        let index = usize::try_from(index).ok()?;
        let stream = self.stream(index);
        // SAFETY: every stream has parameters.
        let parameters = unsafe { &*stream.codecpar };
        let matrix = display_matrix(stream);
        let time_base = Ratio::of(stream.time_base)?;
        Some(StreamInfo {
            index,
            codec: codec_name(parameters.codec_id),
            width: parameters.width.into(),
            height: parameters.height.into(),
            time_base,
            rate: Ratio::of(stream.avg_frame_rate).or(Ratio::of(stream.r_frame_rate)),
            frames: u64::try_from(stream.nb_frames).ok().filter(|n| *n > 0),
            duration_us: known(stream.duration)
                .map(|ticks| time_base.ticks_to_us(ticks))
                .filter(|us| *us > 0),
            // SAFETY: the matrix has its nine numbers.
            rotation_deg: matrix.map(|matrix| unsafe { av_display_rotation_get(matrix.as_ptr()) }),
            mirrored: matrix.is_some_and(|matrix| mirrors(&matrix)),
            still: stream.disposition & AV_DISPOSITION_ATTACHED_PIC != 0,
        })
    }

    /// The time base of any stream.
    pub(in crate::capture) fn time_base(&self, stream: usize) -> Option<Ratio> {
        (stream < self.stream_count()).then(|| Ratio::of(self.stream(stream).time_base))?
    }

    /// Reads the next packet of any stream into `packet`. `Ok(false)` at the end of the file.
    pub(in crate::capture) fn read(&mut self, packet: &mut Packet) -> Result<bool, AvError> {
        // SAFETY: both are valid; the packet is emptied first.
        let code = unsafe {
            av_packet_unref(packet.as_ptr());
            av_read_frame(self.0.as_ptr(), packet.as_ptr())
        };
        match code {
            AVERROR_EOF => Ok(false),
            code => AvError::check(code).map(|_| true),
        }
    }
}

impl Drop for Demuxer {
    fn drop(&mut self) {
        let mut raw = self.0.as_ptr();
        // SAFETY: ours.
        unsafe { avformat_close_input(&mut raw) }
    }
}

fn codec_name(id: AVCodecID) -> String {
    // SAFETY: returns a constant text for any number.
    unsafe { text(avcodec_get_name(id)) }
}

/// How the container says that the stored picture is to be turned and mirrored.
fn display_matrix(stream: &AVStream) -> Option<[i32; 9]> {
    let mut size = 0;
    // SAFETY: the side data has `size` bytes; nine numbers are read only if they are there.
    unsafe {
        let data = av_stream_get_side_data(stream, AVPacketSideDataType::DISPLAYMATRIX, &mut size);
        let whole = !data.is_null() && size >= size_of::<[i32; 9]>();
        whole.then(|| ptr::read_unaligned(data.cast()))
    }
}

/// Whether a display matrix turns the picture's handedness around.
fn mirrors(matrix: &[i32; 9]) -> bool {
    let [a, b, _, c, d, ..] = matrix.map(i64::from);
    a * d - b * c < 0
}
