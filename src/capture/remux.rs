//! Compressed pictures to a file as they are.
//!
//! Theory of operation: pictures come in the order of decoding with the times at which they are shown. Containers also
//! want the times of decoding: those are the same times in rising order, all moved back by as much as
//! the most delayed picture needs. H.264 and H.265 go into MP4, MJPEG into Matroska.
//!
//! It deliberately decodes nothing, so that what is written is to the bit what the camera sent.

use std::ffi::CString;
use std::path::Path;

use super::av::{MuxSetup, Muxer};
use super::encoded::{AccessUnit, Codec};
use super::{CaptureError, LogLevel, Rotation};
use crate::units::Span;

/// Pictures are at least this far apart in a file: Matroska counts in milliseconds.
const LEAST_STEP_US: i64 = 1_000;

/// What a file of remuxed pictures is to say.
#[derive(Debug, Clone, PartialEq)]
pub struct RemuxOptions {
    /// Width and height as stored, px.
    pub size: (u32, u32),
    /// How players turn the picture.
    pub rotation: Rotation,
    /// When the recording began, for the container's metadata.
    pub created: Option<jiff::Timestamp>,
}

impl Codec {
    /// The extension of the file that holds it best.
    pub fn extension(self) -> &'static str {
        match self {
            Self::H264 | Self::H265 => "mp4",
            Self::Mjpeg => "mkv",
        }
    }
}

/// Writes pictures of one stream, the first of them a key picture, with the times at which they are
/// shown. `path` ends in what [`Codec::extension`] says.
///
/// # Errors
/// If there is no picture, or the file cannot be written, as when the disk is full.
pub fn remux<'a>(
    path: &Path,
    units: impl Iterator<Item = (&'a AccessUnit, Span)> + Clone,
    options: &RemuxOptions,
) -> Result<(), CaptureError> {
    LogLevel::Quiet.apply();
    let wrong = |why: String| CaptureError::video(path, why);
    let Some((first, _)) = units.clone().next() else {
        return Err(wrong("there is no picture".to_owned()));
    };
    let shown: Vec<i64> = units.clone().map(|(_, time)| time.as_us()).collect();
    let (shown, decoded) = times(&shown);
    let setup = MuxSetup {
        path,
        codec: first.codec,
        size: options.size,
        parameter_sets: &first.parameter_sets(),
        rotation_deg: f64::from(options.rotation.degrees()),
        created: options
            .created
            .and_then(|time| CString::new(time.to_string()).ok()),
    };
    let mut muxer = Muxer::open(&setup).map_err(|error| wrong(error.to_string()))?;
    for ((unit, _), (shown_us, decoded_us)) in units.zip(shown.iter().zip(&decoded)) {
        muxer
            .write(&unit.data, *shown_us, *decoded_us, unit.is_key)
            .map_err(|error| wrong(error.to_string()))?;
    }
    muxer.finish().map_err(|error| wrong(error.to_string()))
}

/// Times of showing, made distinct, and times of decoding for them. Both begin near zero.
fn times(given: &[i64]) -> (Vec<i64>, Vec<i64>) {
    let zero = given.iter().copied().min().unwrap_or(0);
    let mut order: Vec<usize> = (0..given.len()).collect();
    order.sort_by_key(|at| given[*at]);
    let mut shown = vec![0; given.len()];
    let mut rising = Vec::with_capacity(given.len());
    for at in order {
        let least = rising.last().map_or(0, |last| last + LEAST_STEP_US);
        shown[at] = given[at].saturating_sub(zero).max(least);
        rising.push(shown[at]);
    }
    let late = rising
        .iter()
        .zip(&shown)
        .map(|(rising, shown)| rising - shown);
    let late = late.max().unwrap_or(0);
    let decoded = rising.iter().map(|time| time - late).collect();
    (shown, decoded)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::capture::{Clip, ClipOptions, ClipPackets};

    #[test]
    fn decoding_never_comes_after_showing() {
        assert_eq!(
            times(&[7_000, 10_000, 13_000]),
            (vec![0, 3_000, 6_000], vec![0, 3_000, 6_000])
        );
        // Shown last, decoded second: as with pictures between two others.
        let (shown, decoded) = times(&[0, 120_000, 40_000, 80_000, 80_000]);
        assert_eq!(shown, [0, 120_000, 40_000, 80_000, 81_000]);
        assert_eq!(decoded, [-40_000, 0, 40_000, 41_000, 80_000]);
    }

    /// Every picture and time of a clip is there after it was taken apart and put together.
    #[test]
    fn what_was_written_is_what_came() {
        let source = Path::new("testdata/clips/two-on-one-grant/clip.mp4");
        let mut packets = ClipPackets::open(source).unwrap();
        let size = packets.size();
        let mut units = Vec::new();
        while let Some(unit) = packets.next_unit().unwrap() {
            units.push(unit);
        }
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("clip.mp4");
        let options = RemuxOptions {
            size,
            rotation: Rotation::None,
            created: None,
        };
        let timed = units.iter().map(|unit| (unit, Span::from_us(unit.time_us)));
        remux(&path, timed, &options).unwrap();
        assert_eq!(frames(&path), frames(source));
    }

    /// Time and a sum of the luma bytes of each frame.
    fn frames(path: &Path) -> Vec<(i64, u64)> {
        let mut clip = Clip::open(path, &ClipOptions::default()).unwrap();
        let mut found = Vec::new();
        while let Some(frame) = clip.next_frame().unwrap() {
            let luma = frame.planes().y;
            let sum = (0..luma.height)
                .flat_map(|row| luma.row(row))
                .map(|byte| u64::from(*byte))
                .sum();
            found.push((frame.time().as_us(), sum));
        }
        found
    }
}
