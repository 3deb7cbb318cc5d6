//! Videos to files: overlays, rendered scenes, evidence.
//!
//! Theory of operation: pictures come with their true times, which the file keeps to the microsecond
//! (Matroska to the millisecond, AVI to the frame). H.264 where this FFmpeg can encode it, else
//! MPEG-4 part 2. The same pictures give the same file on every run.
//!
//! H.264 in 4:2:0 has even sizes only: an odd picture gets its last column or row twice.
//!
//! It deliberately has no sound and no settings for experts.

use std::ffi::{CStr, CString};
use std::path::{Path, PathBuf};

use image::RgbImage;

use super::av::{AvError, Encoder, Setup, Target, has_encoder};
use super::clip::{LogLevel, MAX_RATE, check_size};
use super::colour::{Colour, ToYuv};
use super::frame::{Frame, Plane, Planes, chroma_size};
use super::{CaptureError, Rotation};
use crate::units::Span;

/// Which codec a video is written with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum VideoCodec {
    /// What suits the file's extension.
    #[default]
    Auto,
    /// H.264 (libx264).
    H264,
    /// H.265 (libx265).
    H265,
    /// MPEG-4 part 2.
    Mpeg4,
    /// Motion JPEG.
    Mjpeg,
}

/// How to write a video.
#[derive(Debug, Clone, PartialEq)]
pub struct VideoOptions {
    /// The codec.
    pub codec: VideoCodec,
    /// Frames a second, as declared. Times are kept whatever it is, except in AVI and raw streams.
    pub rate: f64,
    /// The rate factor of H.264: 0 is lossless, 51 the worst; 20 looks like the original. Other
    /// codecs get a quantiser that is about as good.
    pub quality: u8,
    /// At most this long between two key frames, in seconds.
    pub key_interval_s: f64,
    /// How players turn the picture, clockwise. The pictures written are not turned.
    pub rotation: Rotation,
    /// When the recording began, for the container's metadata.
    pub created: Option<jiff::Timestamp>,
    /// The colours of the bytes of H.264 and H.265; the codec's own if not given. With those of the
    /// frames, their bytes need no conversion.
    pub colour: Option<Colour>,
}

impl Default for VideoOptions {
    fn default() -> Self {
        Self {
            codec: VideoCodec::Auto,
            rate: 25.0,
            quality: 20,
            key_interval_s: 2.0,
            rotation: Rotation::None,
            created: None,
            colour: None,
        }
    }
}

/// The worst quality there is.
const MAX_QUALITY: u8 = 51;

/// A video being written. Call [`finish`](Self::finish) to know that it is whole.
pub struct VideoWriter {
    path: PathBuf,
    encoder: Encoder,
    width: u32,
    height: u32,
    colour: Colour,
    ticks_per_s: f64,
    first_us: Option<i64>,
    last_ticks: i64,
    written: u64,
}

/// What a file's extension says about it.
struct Container {
    codec: VideoCodec,
    /// Every frame is as long as the next.
    even_times: bool,
}

impl Container {
    fn of(path: &Path) -> Option<Self> {
        let extension = path.extension()?.to_str()?.to_ascii_lowercase();
        let (codec, even_times) = match extension.as_str() {
            "mp4" | "mov" | "m4v" | "mkv" => (VideoCodec::H264, false),
            "avi" => (VideoCodec::Mpeg4, true),
            "h264" | "264" => (VideoCodec::H264, true),
            "mjpeg" | "mjpg" => (VideoCodec::Mjpeg, true),
            _ => return None,
        };
        Some(Self { codec, even_times })
    }
}

impl VideoWriter {
    /// Begins a video of pictures of `width` by `height` pixels. The extension of `path` says what
    /// it is: mp4, mov, m4v, mkv, avi, h264, or mjpeg.
    ///
    /// # Errors
    /// If the file cannot be written, the extension is not known, or this FFmpeg lacks the encoder.
    pub fn create(
        path: &Path,
        width: u32,
        height: u32,
        options: &VideoOptions,
    ) -> Result<Self, CaptureError> {
        LogLevel::Quiet.apply();
        let wrong = |why: String| CaptureError::video(path, why);
        let container = Container::of(path).ok_or_else(|| {
            wrong("its name should end in .mp4, .mov, .m4v, .mkv, .avi, .h264 or .mjpeg".into())
        })?;
        if check_size(path, width.into(), height.into()).is_err() {
            return Err(wrong(format!(
                "pictures of {width}x{height} are not possible"
            )));
        }
        if !(options.rate > 0.0 && options.rate <= MAX_RATE) {
            return Err(wrong(format!("a rate of {} is not possible", options.rate)));
        }
        let codec = match options.codec {
            VideoCodec::Auto if container.codec == VideoCodec::H264 && !has_encoder(X264) => {
                VideoCodec::Mpeg4
            }
            VideoCodec::Auto => container.codec,
            chosen => chosen,
        };
        let plan = Plan::new(codec, &container, height, options);
        if !has_encoder(plan.encoder) {
            let name = plan.encoder.to_string_lossy();
            return Err(wrong(format!(
                "this FFmpeg has no encoder {name}; install one with it"
            )));
        }
        let even = |size: u32| {
            if plan.even_size {
                size.next_multiple_of(2)
            } else {
                size
            }
        };
        let frames = (options.rate * options.key_interval_s).clamp(1.0, MAX_KEY_INTERVAL);
        let setup = Setup {
            path,
            encoder: plan.encoder,
            width: even(width),
            height: even(height),
            colour: plan.colour,
            time_base: plan.time_base,
            rate: options.rate,
            key_interval: frames as u32,
            reorder: plan.reorder,
            tuning: &plan.tuning,
            quantiser: plan.quantiser,
            rotation_deg: f64::from(options.rotation.degrees()),
            created: options
                .created
                .and_then(|time| CString::new(time.to_string()).ok()),
        };
        let (num, den) = plan.time_base;
        Ok(Self {
            path: path.to_owned(),
            encoder: Encoder::open(&setup).map_err(|error| wrong(error.to_string()))?,
            width,
            height,
            colour: plan.colour,
            ticks_per_s: f64::from(den) / f64::from(num),
            first_us: None,
            last_ticks: -1,
            written: 0,
        })
    }

    /// Adds a picture that is shown from `time` on. The first one's time becomes the video's zero.
    ///
    /// # Errors
    /// If it has another size, its time is not after the one before, or the file cannot be written.
    pub fn write(&mut self, picture: &RgbImage, time: Span) -> Result<(), CaptureError> {
        let ticks = self.admit(picture.dimensions(), time)?;
        let to_yuv = ToYuv::new(self.colour);
        let wrote = self
            .encoder
            .write(ticks, |target| fill_from_rgb(target, picture, &to_yuv));
        self.settle(wrote)
    }

    /// Adds a decoded frame at `time`, as [`write`](Self::write) does; its bytes stay YUV where the
    /// video is of the same colours.
    ///
    /// # Errors
    /// As for [`write`](Self::write).
    pub fn write_frame(&mut self, frame: &Frame, time: Span) -> Result<(), CaptureError> {
        if frame.colour() != self.colour {
            return self.write(&frame.to_rgb(), time);
        }
        self.write_planes(&frame.planes(), time)
    }

    /// Adds 4:2:0 planes in the video's own colours (see [`colour`](Self::colour)) at `time`.
    ///
    /// # Errors
    /// As for [`write`](Self::write).
    pub fn write_planes(&mut self, planes: &Planes<'_>, time: Span) -> Result<(), CaptureError> {
        let size = (planes.y.width as u32, planes.y.height as u32);
        let ticks = self.admit(size, time)?;
        let chroma = chroma_size(self.width, self.height);
        if [planes.u, planes.v]
            .iter()
            .any(|plane| (plane.width, plane.height) != chroma)
        {
            let why = "a chroma plane is not half the picture's size, rounded up";
            return Err(CaptureError::video(&self.path, why));
        }
        let wrote = self.encoder.write(ticks, |target| {
            copy_plane(target.y, target.strides[0], &planes.y);
            copy_plane(target.u, target.strides[1], &planes.u);
            copy_plane(target.v, target.strides[2], &planes.v);
        });
        self.settle(wrote)
    }

    /// The colours of the video's bytes.
    pub fn colour(&self) -> Colour {
        self.colour
    }

    /// How many pictures were written.
    pub fn written(&self) -> u64 {
        self.written
    }

    /// Writes what is left and closes the file.
    ///
    /// # Errors
    /// If the file cannot be written, as when the disk is full.
    pub fn finish(mut self) -> Result<(), CaptureError> {
        let finished = self.encoder.finish();
        finished.map_err(|error| CaptureError::video(&self.path, error.to_string()))
    }

    /// Checks size and time of the next picture, and gives its time in ticks.
    fn admit(&mut self, size: (u32, u32), time: Span) -> Result<i64, CaptureError> {
        let (width, height) = size;
        if size != (self.width, self.height) {
            let why = format!(
                "a picture of {width}x{height} does not fit into a video of {}x{}",
                self.width, self.height
            );
            return Err(CaptureError::video(&self.path, why));
        }
        let first_us = *self.first_us.get_or_insert(time.as_us());
        let since_us = time.as_us().saturating_sub(first_us);
        let ticks = (since_us as f64 * self.ticks_per_s / 1e6).round() as i64;
        if ticks <= self.last_ticks {
            let why = format!("the picture at {time} is not after the one before");
            return Err(CaptureError::video(&self.path, why));
        }
        self.last_ticks = ticks;
        Ok(ticks)
    }

    fn settle(&mut self, wrote: Result<(), AvError>) -> Result<(), CaptureError> {
        wrote.map_err(|error| CaptureError::video(&self.path, error.to_string()))?;
        self.written += 1;
        Ok(())
    }
}

/// The most frames between two key frames.
const MAX_KEY_INTERVAL: f64 = 600.0;

/// The encoder of H.264.
const X264: &CStr = c"libx264";

/// How one codec is used in one container.
struct Plan {
    encoder: &'static CStr,
    colour: Colour,
    time_base: (i32, i32),
    even_size: bool,
    reorder: bool,
    tuning: Vec<(&'static CStr, CString)>,
    quantiser: Option<u8>,
}

impl Plan {
    fn new(codec: VideoCodec, container: &Container, height: u32, options: &VideoOptions) -> Self {
        let quality = options.quality.min(MAX_QUALITY);
        // From the scale of H.264 to the quantisers 1 to 31 of the older codecs.
        let quantiser = Some(1 + quality / 4);
        let true_times = |finest| match container.even_times {
            true => even_time_base(options.rate),
            false => (1, finest),
        };
        match codec {
            VideoCodec::Auto | VideoCodec::H264 => Self {
                encoder: X264,
                colour: options.colour.unwrap_or(Colour::VIDEO),
                time_base: true_times(1_000_000),
                even_size: true,
                reorder: !container.even_times,
                tuning: vec![
                    (c"preset", c"veryfast".to_owned()),
                    // Its vector code reads memory that was never written: the same pictures
                    // would make another file each time.
                    (c"mbtree", c"0".to_owned()),
                    (
                        c"crf",
                        CString::new(quality.to_string()).unwrap_or_default(),
                    ),
                ],
                quantiser: None,
            },
            VideoCodec::H265 => Self {
                encoder: c"libx265",
                colour: options.colour.unwrap_or(Colour::VIDEO),
                time_base: true_times(1_000_000),
                even_size: true,
                reorder: false,
                tuning: vec![
                    (c"preset", c"veryfast".to_owned()),
                    // One thread of its own, and no report on standard error.
                    (
                        c"x265-params",
                        c"log-level=error:pools=none:frame-threads=1".to_owned(),
                    ),
                    (
                        c"crf",
                        CString::new(quality.to_string()).unwrap_or_default(),
                    ),
                ],
                quantiser: None,
            },
            VideoCodec::Mpeg4 => Self {
                encoder: c"mpeg4",
                // The encoder does not write which it is.
                colour: Colour::unsaid(height),
                // The format has 16 bits for it; this holds 10, 15, 25 and 30 a second exactly.
                time_base: true_times(60_000),
                even_size: false,
                reorder: false,
                tuning: Vec::new(),
                quantiser,
            },
            VideoCodec::Mjpeg => Self {
                encoder: c"mjpeg",
                colour: Colour::JPEG,
                time_base: true_times(1_000_000),
                even_size: false,
                reorder: false,
                // The standard tables: the only ones that RTP carries.
                tuning: vec![(c"huffman", c"default".to_owned())],
                quantiser,
            },
        }
    }
}

/// A time base of one frame a tick.
fn even_time_base(rate: f64) -> (i32, i32) {
    let whole = rate.round();
    if (rate - whole).abs() < 1e-9 {
        return (1, whole as i32);
    }
    // 30000/1001 and its like; anything else to a thousandth.
    let broadcast = whole * 1000.0 / 1001.0;
    if (rate - broadcast).abs() < 1e-3 {
        return (1001, (whole * 1000.0) as i32);
    }
    (1000, ((rate * 1000.0).round() as i32).max(1))
}

/// Copies a plane; what the target has beyond it repeats its last column and row.
fn copy_plane(target: &mut [u8], stride: usize, plane: &Plane<'_>) {
    for (row, line) in target.chunks_exact_mut(stride).enumerate() {
        let from = plane.row(row.min(plane.height - 1));
        line[..plane.width].copy_from_slice(from);
        if let (Some(next), Some(last)) = (line.get_mut(plane.width), from.last()) {
            *next = *last;
        }
    }
}

/// Converts an RGB picture into planes; what they have beyond it repeats its last column and row.
fn fill_from_rgb(target: Target<'_>, picture: &RgbImage, to_yuv: &ToYuv) {
    let (width, height) = (picture.width() as usize, picture.height() as usize);
    let bytes = picture.as_raw();
    let pixel = |row: usize, column: usize| {
        let at = (row.min(height - 1) * width + column.min(width - 1)) * 3;
        [bytes[at], bytes[at + 1], bytes[at + 2]]
    };
    let even_width = width.next_multiple_of(2);
    for (row, line) in target.y.chunks_exact_mut(target.strides[0]).enumerate() {
        let shown = even_width.min(line.len());
        for (column, luma) in line[..shown].iter_mut().enumerate() {
            *luma = to_yuv.luma(pixel(row, column));
        }
    }
    let (chroma_width, _) = chroma_size(picture.width(), picture.height());
    let lines = target.u.chunks_exact_mut(target.strides[1]);
    for (row, (u, v)) in lines
        .zip(target.v.chunks_exact_mut(target.strides[2]))
        .enumerate()
    {
        for column in 0..chroma_width {
            let mut sums = [0; 3];
            for (down, right) in [(0, 0), (0, 1), (1, 0), (1, 1)] {
                let rgb = pixel(2 * row + down, 2 * column + right);
                for (sum, byte) in sums.iter_mut().zip(rgb) {
                    *sum += i32::from(byte);
                }
            }
            (u[column], v[column]) = to_yuv.chroma(sums, 4);
        }
    }
}
