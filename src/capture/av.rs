//! The unsafe shell around FFmpeg's libraries for reading: everything behind it is ordinary Rust.
//!
//! Theory of operation: each handle owns one FFmpeg object and frees it on drop. Texts are copied
//! out at once and need not be UTF-8. Only what a clip needs is here; the safe layer of
//! `ffmpeg-the-third` is not used because it panics on unknown enum values and on paths with NUL,
//! and trusts metadata to be UTF-8, all of which a damaged file can break.
//!
//! It deliberately knows nothing of clips, losses or rotation.

use std::ffi::{CStr, CString, c_char, c_int};
use std::fmt;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::ptr::{self, NonNull};

use ffmpeg_the_third::ffi::*;

use super::colour::{Colour, Matrix, Range};
use super::frame::{Plane, Planes, chroma_size};

/// `EAGAIN` of Linux on x86-64 and aarch64.
const EAGAIN: c_int = 11;

/// `EINVAL` of Linux on x86-64 and aarch64.
const EINVAL: c_int = 22;

/// `ENOMEM` of Linux on x86-64 and aarch64.
const ENOMEM: c_int = 12;

/// Grey in every plane: what a picture holds where no data came for it.
const GREY: u8 = 0x80;

/// Containers and raw streams that a clip may be. Anything else that FFmpeg might take a file for
/// (play lists, subtitles, device descriptions, pictures of text) is refused: a clip must never
/// make the program open something else.
const FORMATS: &CStr =
    c"mov,matroska,avi,mjpeg,h264,hevc,mpegts,mpeg,mpegvideo,m4v,flv,asf,ogg,ivf";

/// An error code of FFmpeg.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) struct AvError(c_int);

impl AvError {
    /// The bytes make no sense.
    pub(super) const INVALID_DATA: Self = Self(AVERROR_INVALIDDATA);

    /// The file is of no format that a clip may be of.
    pub(super) const REFUSED: Self = Self(-EINVAL);

    /// There is no memory left.
    pub(super) const NO_MEMORY: Self = Self(-ENOMEM);

    pub(super) fn check(code: c_int) -> Result<c_int, Self> {
        if code < 0 { Err(Self(code)) } else { Ok(code) }
    }

    /// Whether the code asks to try again with more input or after taking output.
    pub(super) fn is_again(code: c_int) -> bool {
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
pub(super) fn set_log_level(level: c_int) {
    // SAFETY: only stores a number.
    unsafe { av_log_set_level(level) }
}

/// A list of FFmpeg options, by name.
pub(super) struct Options(*mut AVDictionary);

impl Options {
    pub(super) fn new() -> Self {
        Self(ptr::null_mut())
    }

    pub(super) fn set(&mut self, name: &CStr, value: &CStr) {
        // SAFETY: both texts are copied; the dictionary is null or valid.
        unsafe { av_dict_set(&mut self.0, name.as_ptr(), value.as_ptr(), 0) };
    }

    pub(super) fn as_mut_ptr(&mut self) -> *mut *mut AVDictionary {
        &mut self.0
    }
}

impl Drop for Options {
    fn drop(&mut self) {
        // SAFETY: null or ours.
        unsafe { av_dict_free(&mut self.0) }
    }
}

/// A compressed piece of a stream.
pub(super) struct Packet(NonNull<AVPacket>);

// SAFETY: FFmpeg's reference counts are atomic; nobody else holds this packet.
unsafe impl Send for Packet {}

impl Packet {
    pub(super) fn new() -> Option<Self> {
        // SAFETY: null is handled.
        NonNull::new(unsafe { av_packet_alloc() }).map(Self)
    }

    /// A packet with a copy of `bytes`: a picture that stands alone.
    pub(super) fn with_bytes(bytes: &[u8]) -> Option<Self> {
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

    pub(super) fn as_ptr(&self) -> *mut AVPacket {
        self.0.as_ptr()
    }

    pub(super) fn stream(&self) -> usize {
        usize::try_from(self.raw().stream_index).unwrap_or(usize::MAX)
    }

    pub(super) fn pts(&self) -> Option<i64> {
        known(self.raw().pts)
    }

    /// Gives it a time, or whatever else its picture is to be known by.
    pub(super) fn set_pts(&mut self, pts: i64) {
        // SAFETY: ours alone.
        unsafe { (*self.0.as_ptr()).pts = pts };
    }

    /// The demuxer says that decoding can begin here.
    pub(super) fn is_key(&self) -> bool {
        self.raw().flags & AV_PKT_FLAG_KEY != 0
    }

    pub(super) fn dts(&self) -> Option<i64> {
        known(self.raw().dts)
    }

    pub(super) fn duration(&self) -> i64 {
        self.raw().duration.max(0)
    }

    /// Where in the file its bytes begin, and where they end.
    pub(super) fn place(&self) -> Option<(i64, i64)> {
        let start = self.raw().pos;
        (start >= 0).then(|| (start, start.saturating_add(self.raw().size.into())))
    }

    pub(super) fn is_empty(&self) -> bool {
        self.raw().size <= 0 || self.raw().data.is_null()
    }

    /// The demuxer says that its bytes are incomplete.
    pub(super) fn is_corrupt(&self) -> bool {
        self.raw().flags & AV_PKT_FLAG_CORRUPT != 0
    }

    /// It is decoded only for others' sake and never shown.
    pub(super) fn is_hidden(&self) -> bool {
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

fn known(timestamp: i64) -> Option<i64> {
    (timestamp != AV_NOPTS_VALUE).then_some(timestamp)
}

/// A ratio that makes sense: both parts above zero.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Ratio {
    num: i64,
    den: i64,
}

impl Ratio {
    pub(super) fn new(num: i64, den: i64) -> Option<Self> {
        (num > 0 && den > 0).then_some(Self { num, den })
    }

    fn of(raw: AVRational) -> Option<Self> {
        Self::new(raw.num.into(), raw.den.into())
    }

    pub(super) fn as_f64(self) -> f64 {
        self.num as f64 / self.den as f64
    }

    /// As microseconds, `ticks` of a time base of this many seconds each; rounded, saturating.
    pub(super) fn ticks_to_us(self, ticks: i64) -> i64 {
        let (num, den) = (i128::from(self.num), i128::from(self.den));
        let scaled = i128::from(ticks) * num * 1_000_000;
        let rounded = (2 * scaled + den).div_euclid(2 * den);
        i64::try_from(rounded).unwrap_or(if ticks < 0 { i64::MIN } else { i64::MAX })
    }
}

/// What the container says about a video stream.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct StreamInfo {
    pub(super) index: usize,
    pub(super) codec: String,
    pub(super) width: i64,
    pub(super) height: i64,
    pub(super) time_base: Ratio,
    pub(super) rate: Option<Ratio>,
    pub(super) frames: Option<u64>,
    pub(super) duration_us: Option<i64>,
    /// Degrees counter-clockwise by which the stored picture is turned for showing.
    pub(super) rotation_deg: Option<f64>,
    pub(super) mirrored: bool,
    /// A cover picture of a sound file, not a video.
    pub(super) still: bool,
}

/// An opened container.
pub(super) struct Demuxer(NonNull<AVFormatContext>);

// SAFETY: FFmpeg allows use from any thread, one at a time; the handle is not shared.
unsafe impl Send for Demuxer {}

impl Demuxer {
    /// Opens a file, never anything else, whatever its name looks like.
    pub(super) fn open(path: &Path, max_pixels: u32) -> Result<Self, AvError> {
        let name = [b"file:", path.as_os_str().as_bytes()].concat();
        let name = CString::new(name).map_err(|_| AvError::INVALID_DATA)?;
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

    fn stream(&self, index: usize) -> &AVStream {
        assert!(index < self.stream_count(), "no stream {index}");
        // SAFETY: FFmpeg keeps `nb_streams` valid streams.
        unsafe { &**self.raw().streams.add(index) }
    }

    /// The container's short name, such as `mov,mp4,m4a,3gp,3g2,mj2`.
    pub(super) fn format(&self) -> String {
        // SAFETY: an open container has a format with a name.
        unsafe { text((*self.raw().iformat).name) }
    }

    /// The duration that the container declares, in microseconds.
    pub(super) fn duration_us(&self) -> Option<i64> {
        known(self.raw().duration).filter(|us| *us > 0)
    }

    /// A tag of the container.
    pub(super) fn tag(&self, name: &CStr) -> Option<String> {
        // SAFETY: the dictionary is null or valid; the entry lives as long as it.
        unsafe {
            let entry = av_dict_get(self.raw().metadata, name.as_ptr(), ptr::null(), 0);
            entry.as_ref().map(|entry| text(entry.value))
        }
    }

    /// The video stream that a player would show.
    pub(super) fn best_video(&self) -> Option<StreamInfo> {
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
    pub(super) fn time_base(&self, stream: usize) -> Option<Ratio> {
        (stream < self.stream_count()).then(|| Ratio::of(self.stream(stream).time_base))?
    }

    /// Reads the next packet of any stream into `packet`. `Ok(false)` at the end of the file.
    pub(super) fn read(&mut self, packet: &mut Packet) -> Result<bool, AvError> {
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

/// What a decoder has to give.
pub(super) enum Received {
    /// A picture.
    Picture,
    /// Nothing before it gets another packet.
    Hungry,
    /// Nothing ever again.
    End,
}

/// A decoder of one video stream.
pub(super) struct Decoder(NonNull<AVCodecContext>);

// SAFETY: FFmpeg allows use from any thread, one at a time; the handle is not shared.
unsafe impl Send for Decoder {}

impl Decoder {
    /// A decoder for a stream of a container. `Ok(None)` if this FFmpeg has none for its codec.
    pub(super) fn of_stream(
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

    /// A decoder for single JPEG files.
    pub(super) fn of_jpeg(max_pixels: u32) -> Result<Option<Self>, AvError> {
        Self::of_pictures(AVCodecID::MJPEG, max_pixels)
    }

    /// A decoder for single PNG files.
    pub(super) fn of_png(max_pixels: u32) -> Result<Option<Self>, AvError> {
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

    /// The rate that the codec's own headers declare.
    pub(super) fn coded_rate(&self) -> Option<Ratio> {
        // SAFETY: valid for as long as self.
        Ratio::of(unsafe { self.0.as_ref() }.framerate)
    }

    /// Gives it a packet, or `None` for the end of the stream.
    pub(super) fn send(&mut self, packet: Option<&Packet>) -> Result<(), AvError> {
        let packet = packet.map_or(ptr::null(), |packet| packet.as_ptr().cast_const());
        // SAFETY: both are valid, null means the end.
        AvError::check(unsafe { avcodec_send_packet(self.0.as_ptr(), packet) }).map(drop)
    }

    /// Takes a picture from it.
    pub(super) fn receive(&mut self, picture: &mut Picture) -> Result<Received, AvError> {
        // SAFETY: both are valid; the picture is emptied by FFmpeg first.
        let code = unsafe { avcodec_receive_frame(self.0.as_ptr(), picture.0.as_ptr()) };
        match code {
            AVERROR_EOF => Ok(Received::End),
            code if AvError::is_again(code) => Ok(Received::Hungry),
            code => AvError::check(code).map(|_| Received::Picture),
        }
    }

    /// Forgets all that it was given.
    pub(super) fn flush(&mut self) {
        // SAFETY: the context is open.
        unsafe { avcodec_flush_buffers(self.0.as_ptr()) }
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

/// A decoded picture as FFmpeg holds it.
pub(super) struct Picture(NonNull<AVFrame>);

// SAFETY: the bytes are only read through it, and FFmpeg's reference counts are atomic.
unsafe impl Send for Picture {}
// SAFETY: as above; nothing is changed through a shared reference.
unsafe impl Sync for Picture {}

impl Picture {
    pub(super) fn new() -> Option<Self> {
        // SAFETY: null is handled.
        NonNull::new(unsafe { av_frame_alloc() }).map(Self)
    }

    pub(super) fn raw(&self) -> &AVFrame {
        // SAFETY: valid for as long as self.
        unsafe { self.0.as_ref() }
    }

    pub(super) fn as_ptr(&self) -> *mut AVFrame {
        self.0.as_ptr()
    }

    pub(super) fn width(&self) -> u32 {
        u32::try_from(self.raw().width).unwrap_or(0)
    }

    pub(super) fn height(&self) -> u32 {
        u32::try_from(self.raw().height).unwrap_or(0)
    }

    pub(super) fn pts(&self) -> Option<i64> {
        known(self.raw().pts)
    }

    /// Its time as far as FFmpeg can tell, from decoding times where there is no other.
    pub(super) fn best_time(&self) -> Option<i64> {
        known(self.raw().best_effort_timestamp)
    }

    pub(super) fn is_key(&self) -> bool {
        self.raw().key_frame != 0
    }

    pub(super) fn is_interlaced(&self) -> bool {
        self.raw().interlaced_frame != 0
    }

    /// The decoder knows that parts of it are wrong.
    pub(super) fn is_damaged(&self) -> bool {
        self.raw().flags & AV_FRAME_FLAG_CORRUPT != 0 || self.raw().decode_error_flags != 0
    }

    fn format(&self) -> AVPixelFormat {
        AVPixelFormat(self.raw().format)
    }

    /// Whether its planes are 8-bit 4:2:0 as a [`Frame`](super::Frame) wants them.
    pub(super) fn is_planar_420(&self) -> bool {
        let strides = &self.raw().linesize;
        let format = self.format();
        (format == AVPixelFormat::YUV420P || format == AVPixelFormat::YUVJ420P)
            && strides[..3].iter().all(|stride| *stride > 0)
            && self.raw().data[..3].iter().all(|data| !data.is_null())
    }

    /// The planes of a picture that [is 4:2:0](Self::is_planar_420); panics for any other.
    pub(super) fn planes(&self) -> Planes<'_> {
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
    pub(super) fn colour(&self) -> Colour {
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

/// Converts pictures of any kind to 4:2:0, keeping size, matrix and range.
pub(super) struct Converter {
    scaler: NonNull<SwsContext>,
    kind: (c_int, c_int, c_int, Colour),
}

// SAFETY: used from one thread at a time; the handle is not shared.
unsafe impl Send for Converter {}

impl Converter {
    /// A converter for pictures like this one.
    pub(super) fn new(picture: &Picture) -> Option<Self> {
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
    pub(super) fn fits(&self, picture: &Picture) -> bool {
        self.kind == kind_of(picture)
    }

    /// Writes the picture as packed 4:2:0 into `out` (see `frame::packed_len`).
    pub(super) fn run(&mut self, picture: &Picture, out: &mut [u8]) -> Result<(), AvError> {
        let (width, height) = (picture.width(), picture.height());
        assert_eq!(out.len(), super::frame::packed_len(width, height));
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
