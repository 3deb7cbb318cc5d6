//! Compressed pictures: what cameras send and what files hold, before it is decoded.
//!
//! Theory of operation: an [`AccessUnit`] is one picture in the form that needs nothing beside it: H.264 and
//! H.265 with start codes (Annex B) and with their parameter sets before each key picture, MJPEG as
//! one JPEG. [`ClipPackets`] reads them from a file, for what plays a file as a camera would.
//!
//! It deliberately decodes nothing.

use std::ffi::CStr;
use std::path::{Path, PathBuf};

use super::CaptureError;
use super::av::{Demuxer, Filter, Packet, StreamInfo};
use super::clip::{MAX_PIXELS, check_size};

/// How pictures are compressed: the codecs that cameras use.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Codec {
    /// AVC.
    H264,
    /// HEVC.
    H265,
    /// One JPEG after the other.
    Mjpeg,
}

impl Codec {
    /// Short name, as FFmpeg gives it.
    pub fn name(self) -> &'static str {
        match self {
            Self::H264 => "h264",
            Self::H265 => "hevc",
            Self::Mjpeg => "mjpeg",
        }
    }

    fn of_name(name: &str) -> Option<Self> {
        [Self::H264, Self::H265, Self::Mjpeg]
            .into_iter()
            .find(|codec| codec.name() == name)
    }

    /// The filter that frames its packets with start codes, with parameter sets before key pictures.
    fn framing(self) -> Option<&'static CStr> {
        match self {
            Self::H264 => Some(c"h264_mp4toannexb"),
            Self::H265 => Some(c"hevc_mp4toannexb"),
            Self::Mjpeg => None,
        }
    }
}

/// One compressed picture.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AccessUnit {
    /// How it is compressed.
    pub codec: Codec,
    /// Its bytes: start codes and parameter sets included, or one JPEG.
    pub data: Vec<u8>,
    /// Whether decoding can begin here.
    pub is_key: bool,
    /// When it is to be shown, microseconds of the stream's own time.
    pub time_us: i64,
}

/// Frames a second of a raw stream, which has no times: what FFmpeg assumes too.
const RAW_STEP_US: i64 = 40_000;

/// The compressed pictures of a file, in the order of decoding.
pub struct ClipPackets {
    path: PathBuf,
    demuxer: Demuxer,
    filter: Option<Filter>,
    packet: Packet,
    stream: StreamInfo,
    codec: Codec,
    size: (u32, u32),
    read: i64,
}

impl ClipPackets {
    /// Opens a video file.
    ///
    /// # Errors
    /// If it is no video, or none of the codecs that cameras use.
    pub fn open(path: &Path) -> Result<Self, CaptureError> {
        let unreadable = |why: String| CaptureError::clip(path, format!("{why}; is it a video?"));
        let demuxer =
            Demuxer::open(path, MAX_PIXELS).map_err(|error| unreadable(error.to_string()))?;
        let stream = demuxer
            .best_video()
            .ok_or_else(|| unreadable("there is no video track in it".to_owned()))?;
        let size = check_size(path, stream.width, stream.height)?;
        let codec = Codec::of_name(&stream.codec).ok_or_else(|| {
            let why = format!(
                "its pictures are {}: no camera sends that; convert it to H.264",
                stream.codec
            );
            CaptureError::clip(path, why)
        })?;
        let filter = codec
            .framing()
            .map(|name| Filter::of_stream(name, &demuxer, stream.index))
            .transpose()
            .map_err(|error| unreadable(error.to_string()))?;
        let packet =
            Packet::new().ok_or_else(|| CaptureError::clip(path, "there is not enough memory"))?;
        Ok(Self {
            path: path.to_owned(),
            demuxer,
            filter,
            packet,
            stream,
            codec,
            size,
            read: 0,
        })
    }

    /// How its pictures are compressed.
    pub fn codec(&self) -> Codec {
        self.codec
    }

    /// Width and height, px.
    pub fn size(&self) -> (u32, u32) {
        self.size
    }

    /// The next picture, or `None` at the end.
    ///
    /// # Errors
    /// If the file cannot be read on.
    pub fn next_unit(&mut self) -> Result<Option<AccessUnit>, CaptureError> {
        let path = self.path.clone();
        let broken = |error| CaptureError::clip(&path, format!("reading it: {error}"));
        while self.demuxer.read(&mut self.packet).map_err(broken)? {
            if self.packet.stream() != self.stream.index || self.packet.is_empty() {
                continue;
            }
            let ticks = self.packet.pts().or(self.packet.dts());
            let time_us = match ticks {
                Some(ticks) => self.stream.time_base.ticks_to_us(ticks),
                None => self.read * RAW_STEP_US,
            };
            self.read += 1;
            let is_key = self.packet.is_key() || self.codec == Codec::Mjpeg;
            if let Some(filter) = &mut self.filter
                && !filter.run(&mut self.packet).map_err(broken)?
            {
                continue;
            }
            return Ok(Some(AccessUnit {
                codec: self.codec,
                data: self.packet.bytes().to_vec(),
                is_key,
                time_us,
            }));
        }
        Ok(None)
    }
}

impl std::fmt::Debug for ClipPackets {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ClipPackets")
            .field("path", &self.path)
            .field("codec", &self.codec)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The first picture of a project's clip brings its parameter sets.
    #[test]
    fn a_clip_gives_pictures_that_stand_alone() {
        let path = Path::new("testdata/clips/two-on-one-grant/clip.mp4");
        let mut packets = ClipPackets::open(path).expect("one of the project's clips");
        assert_eq!(packets.codec(), Codec::H264);
        let first = packets.next_unit().expect("readable").expect("a picture");
        assert!(first.is_key);
        assert_eq!(first.data[..4], [0, 0, 0, 1]);
        let sets = first.parameter_sets();
        assert_eq!(sets[..5], [0, 0, 0, 1, 0x67], "a sequence parameter set");
        let mut keys = 1;
        let mut pictures = 1;
        while let Some(unit) = packets.next_unit().expect("readable") {
            pictures += 1;
            keys += usize::from(unit.is_key);
        }
        assert!(
            pictures > 50 && keys < pictures,
            "{pictures} pictures, {keys} keys"
        );
    }

    #[test]
    fn what_is_no_video_is_refused() {
        let error = ClipPackets::open(Path::new("Cargo.toml")).expect_err("no video");
        assert!(error.to_string().contains("is it a video?"), "{error}");
    }
}
