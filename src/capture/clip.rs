//! A recorded clip: frames in order of time, and what is known about it.
//!
//! Theory of operation: a clip is a video file or a folder of images; both are sources of raw
//! pictures, and what is common to them (the pool, turning upright, the last word on errors) is
//! here.
//!
//! It deliberately reads forward only: replay needs no seeking, and seeking is where players differ.
//! It decodes on the caller's thread and on no other: FFmpeg's own threads report damage late or not
//! at all, and conceal it in another way. Give the clip a thread of its own to decode ahead.

use std::path::{Path, PathBuf};

use super::av::{self, Picture};
use super::folder::Folder;
use super::frame::{Frame, Header};
use super::loss::Loss;
use super::pool::Pool;
use super::upright::Upright;
use super::video::Video;
use super::{CaptureError, Rotation};

/// The widest picture that is accepted, in pixels. Bigger ones are refused before any memory is
/// taken; a damaged header can claim any size.
pub(super) const MAX_WIDTH: u32 = 4096;

/// The highest landscape picture that is accepted, in pixels; a portrait one may be as high as a
/// landscape one is wide.
pub(super) const MAX_HEIGHT: u32 = 2304;

/// The most pixels a picture may have.
pub(super) const MAX_PIXELS: u32 = MAX_WIDTH * MAX_HEIGHT;

/// Frames that can be held at once by default: a pipeline's queues, never a clip.
const POOL_FRAMES: usize = 32;

/// How to read a clip.
#[derive(Debug, Clone, PartialEq)]
pub struct ClipOptions {
    /// Frames a second for what has no times of its own: raw streams and image folders.
    pub rate: Option<f64>,
    /// How many frames can be held at once.
    pub pool_frames: usize,
    /// How much FFmpeg itself writes to standard error. Holds for the whole process.
    pub ffmpeg_log: LogLevel,
}

impl Default for ClipOptions {
    fn default() -> Self {
        Self {
            rate: None,
            pool_frames: POOL_FRAMES,
            ffmpeg_log: LogLevel::Quiet,
        }
    }
}

/// How much FFmpeg itself writes to standard error.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum LogLevel {
    /// Nothing: losses and errors say what matters.
    #[default]
    Quiet,
    /// What it calls errors.
    Error,
    /// Also warnings and remarks.
    Verbose,
}

impl LogLevel {
    pub(super) fn apply(self) {
        use ffmpeg_the_third::ffi;
        av::set_log_level(match self {
            Self::Quiet => ffi::AV_LOG_QUIET,
            Self::Error => ffi::AV_LOG_ERROR,
            Self::Verbose => ffi::AV_LOG_VERBOSE,
        } as _);
    }
}

/// What is known about a clip before it is read.
#[derive(Debug, Clone, PartialEq)]
pub struct ClipInfo {
    /// Pixels in a row of the upright picture.
    pub width: u32,
    /// Rows of the upright picture.
    pub height: u32,
    /// The codec's short name, such as `h264`.
    pub codec: String,
    /// The container's short name, such as `mov,mp4,m4a,3gp,3g2,mj2`, or `folder`.
    pub container: String,
    /// Frames a second, as declared. What is delivered can differ: believe the frames' times.
    pub declared_rate: Option<f64>,
    /// How long it is, in microseconds, as declared.
    pub duration_us: Option<i64>,
    /// How many frames it has, as declared.
    pub frames: Option<u64>,
    /// When the container says it was made: the start of the recording with most cameras, but the
    /// time of the last edit with most tools.
    pub created: Option<jiff::Timestamp>,
    /// How the stored pictures are turned to be upright; frames are turned already.
    pub rotation: Rotation,
}

/// A recorded clip being read.
pub struct Clip {
    path: PathBuf,
    source: Source,
    pool: Pool,
    upright: Upright,
    delivered: u64,
    ended: bool,
}

enum Source {
    Video(Box<Video>),
    Folder(Box<Folder>),
}

/// A decoded picture with its time, before it becomes a frame.
pub(super) struct Decoded {
    pub(super) picture: Picture,
    pub(super) time_us: i64,
    pub(super) damaged: bool,
}

impl Clip {
    /// Opens a video file, a raw stream or a folder of images.
    ///
    /// # Errors
    /// If it cannot be read at all; the text says why and what to do.
    pub fn open(path: &Path, options: &ClipOptions) -> Result<Self, CaptureError> {
        options.ffmpeg_log.apply();
        if let Some(rate) = options.rate
            && !(rate.is_finite() && rate > 0.0 && rate <= MAX_RATE)
        {
            let why = format!("a rate of {rate} frames a second is not between 0 and {MAX_RATE}");
            return Err(CaptureError::clip(path, why));
        }
        let kind = std::fs::metadata(path).map_err(|error| {
            let hint = match error.kind() {
                std::io::ErrorKind::NotFound => "there is no such file or folder",
                std::io::ErrorKind::PermissionDenied => "it may not be read by this user",
                _ => "it cannot be looked at",
            };
            CaptureError::clip(path, format!("{hint} ({error})"))
        })?;
        let source = if kind.is_dir() {
            Source::Folder(Box::new(Folder::open(path, options)?))
        } else if kind.len() == 0 {
            return Err(CaptureError::clip(path, "the file is empty"));
        } else {
            Source::Video(Box::new(Video::open(path, options)?))
        };
        let rotation = match &source {
            Source::Video(video) => video.info().rotation,
            Source::Folder(_) => Rotation::None,
        };
        Ok(Self {
            path: path.to_owned(),
            source,
            pool: Pool::new(options.pool_frames),
            upright: Upright::new(rotation),
            delivered: 0,
            ended: false,
        })
    }

    /// What is known about the clip.
    pub fn info(&self) -> &ClipInfo {
        match &self.source {
            Source::Video(video) => video.info(),
            Source::Folder(folder) => folder.info(),
        }
    }

    /// The next frame, or `None` at the end.
    ///
    /// # Errors
    /// If not one picture could be decoded, or more frames are held than the pool has. Damage is no
    /// error: see [`losses`](Self::losses).
    pub fn next_frame(&mut self) -> Result<Option<Frame>, CaptureError> {
        if self.ended {
            return Ok(None);
        }
        let Some(place) = self.pool.place() else {
            return Err(CaptureError::FramesHeld {
                path: self.path.clone(),
                held: self.pool.out(),
            });
        };
        let next = match &mut self.source {
            Source::Video(video) => video.next()?,
            Source::Folder(folder) => folder.next()?,
        };
        let Some(decoded) = next else {
            self.ended = true;
            if self.delivered == 0 {
                let why = "not one picture in it could be decoded; is it damaged, or encrypted?";
                return Err(CaptureError::clip(&self.path, why));
            }
            return Ok(None);
        };
        let picture = &decoded.picture;
        let rotation = self.upright.rotation();
        let (width, height) = rotation.turned_size(picture.width(), picture.height());
        let header = Header {
            index: self.delivered,
            time_us: decoded.time_us,
            key: picture.is_key(),
            damaged: decoded.damaged,
            width,
            height,
            colour: picture.colour(),
        };
        let pixels = self.upright.make(decoded.picture, place).ok_or_else(|| {
            let why = "this FFmpeg cannot convert its kind of picture to YUV 4:2:0";
            CaptureError::clip(&self.path, why)
        })?;
        self.delivered += 1;
        Ok(Some(Frame { header, pixels }))
    }

    /// What was lost so far, in order of time; complete once the clip has ended.
    pub fn losses(&self) -> Vec<Loss> {
        match &self.source {
            Source::Video(video) => video.losses(),
            Source::Folder(folder) => folder.losses(),
        }
    }

    /// Remarks that a person should know: repaired times, assumed rates, what was not applied.
    /// Complete once the clip has ended.
    pub fn notes(&self) -> Vec<String> {
        match &self.source {
            Source::Video(video) => video.notes(),
            Source::Folder(folder) => folder.notes(),
        }
    }
}

/// More frames a second than any camera gives.
pub(super) const MAX_RATE: f64 = 1000.0;

impl std::fmt::Debug for Clip {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Clip")
            .field("path", &self.path)
            .field("info", self.info())
            .field("delivered", &self.delivered)
            .finish_non_exhaustive()
    }
}

/// Whether a picture of this size is accepted.
pub(super) fn check_size(path: &Path, width: i64, height: i64) -> Result<(u32, u32), CaptureError> {
    let fits = |value: i64, most: u32| (1..=i64::from(most)).contains(&value);
    let landscape = fits(width, MAX_WIDTH) && fits(height, MAX_HEIGHT);
    let portrait = fits(width, MAX_HEIGHT) && fits(height, MAX_WIDTH);
    if width < 1 || height < 1 {
        let why = "its video track has no picture size; it is damaged";
        return Err(CaptureError::clip(path, why));
    }
    if !landscape && !portrait {
        let why = format!(
            "its pictures are {width}x{height}, and the largest accepted is {MAX_WIDTH}x{MAX_HEIGHT}; \
             use the camera's smaller stream, or scale it down"
        );
        return Err(CaptureError::clip(path, why));
    }
    // Both are within the bounds above.
    Ok((width as u32, height as u32))
}

/// Whether a decoded picture is of a size that is looked at; a damaged header can claim any.
pub(super) fn accepted(width: u32, height: u32) -> bool {
    let (long, short) = (width.max(height), width.min(height));
    (1..=MAX_WIDTH).contains(&long) && (1..=MAX_HEIGHT).contains(&short)
}
