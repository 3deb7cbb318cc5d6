//! Clips and key frames of one cut.
//!
//! Theory of operation: each unbroken part of the footage becomes a clip of its own. Clear: what the camera sent, not
//! encoded again, from the key picture before. Blurred (the default): decoded, made coarse outside what is kept and encoded again,
//! exactly from where it was asked for, at most [`MOST_RATE`] pictures a second. Key frames are
//! taken on the way. What could not be had is written down.
//!
//! It deliberately has one thread: evidence is never in a hurry.

use std::path::Path;

use image::ImageEncoder;

use super::blur::Blur;
use super::draft::Draft;
use super::manifest::{FileKind, utc};
use super::mask::Mask;
use super::{Cut, EvidenceError, Footage, Part};
use crate::capture::{
    CaptureError, Frame, Planes, RemuxOptions, UnitDecoder, VideoOptions, VideoWriter, remux,
};
use crate::units::{Instant, Span};

/// Blurred clips have at most so many pictures a second: every second one of a camera with 30.
const MOST_RATE: f64 = 15.0;
/// Pictures come this much earlier or later than their rate says.
const JITTER: Span = Span::from_ms(10);
/// Rate factor of H.264 of blurred clips; 23 is its own default.
const QUALITY: u8 = 23;
/// Quality of key frames, 1 to 100.
const JPEG_QUALITY: u8 = 85;
/// At most so many clips; a camera that restarts more often in one cut is broken.
const MOST_PARTS: usize = 4;
/// Silence up to this long is no gap: cameras that save bandwidth send 1 picture a second.
const GAP: Span = Span::from_ms(1_500);

/// Writes clips and key frames of a cut into its folder; says what is missing.
pub(super) fn write_clips(
    draft: &mut Draft<'_>,
    cut: &Cut,
    footage: &Footage,
) -> Result<Vec<String>, EvidenceError> {
    let mut missing = gaps(cut, footage);
    let mut keys = KeyFrames::new(cut);
    for (number, part) in footage.parts.iter().take(MOST_PARTS).enumerate() {
        let name = |extension: &str| match number {
            0 => format!("clip.{extension}"),
            _ => format!("clip_{}.{extension}", number + 1),
        };
        let Some(codec) = part.pictures.first().map(|held| held.unit.codec) else {
            continue;
        };
        let extension = if cut.clear { codec.extension() } else { "mp4" };
        let (name, shown) = (name(extension), Shown::of(cut, part));
        let path = draft.place(&name)?;
        let made = if cut.clear {
            clear_clip(&path, cut, part, &mut keys)
        } else {
            blurred_clip(&path, cut, part, &mut keys)
        };
        match made {
            Ok(Some(pictures)) => {
                let entry = draft.adopt(&name, FileKind::Clip)?;
                (entry.from_us, entry.to_us) = (shown.from, shown.to);
                entry.pictures = Some(pictures);
            }
            Ok(None) => missing.push(format!("{name}: not one picture could be decoded")),
            // The disk: the caller makes room and tries again.
            Err(ClipError::Write(error)) => return Err(error.into()),
            Err(ClipError::Decoder(why)) => missing.push(format!("{name}: {why}")),
        }
    }
    if footage.parts.len() > MOST_PARTS {
        missing.push(format!(
            "{} more clips: the stream broke off {} times",
            footage.parts.len() - MOST_PARTS,
            footage.parts.len() - 1
        ));
    }
    keys.write(draft, &mut missing)?;
    Ok(missing)
}

/// Why there is no clip.
enum ClipError {
    Write(CaptureError),
    Decoder(String),
}

impl From<CaptureError> for ClipError {
    fn from(error: CaptureError) -> Self {
        Self::Write(error)
    }
}

/// The first and last moment that a clip shows.
struct Shown {
    from: Option<Instant>,
    to: Option<Instant>,
}

impl Shown {
    fn of(cut: &Cut, part: &Part) -> Self {
        let asked = |at: &Instant| cut.clear || (cut.from <= *at && *at <= cut.to);
        let times = || part.pictures.iter().map(|held| held.time).filter(asked);
        Self {
            from: times().min(),
            to: times().max(),
        }
    }
}

/// Where the camera gave nothing.
fn gaps(cut: &Cut, footage: &Footage) -> Vec<String> {
    let pictures = footage.parts.iter().flat_map(|part| &part.pictures);
    let mut times: Vec<Instant> = pictures.map(|held| held.time).collect();
    times.retain(|at| cut.from <= *at && *at <= cut.to);
    times.sort_unstable();
    let ends = [&[cut.from], &times[..], &[cut.to]].concat();
    let silent = ends.windows(2).filter(|pair| pair[1] - pair[0] > GAP);
    let told = silent.map(|pair| {
        let length = (pair[1] - pair[0]).as_s();
        format!(
            "no pictures for {length:.1} s from {}: the camera sent none, or they are no longer held",
            utc(pair[0])
        )
    });
    told.collect()
}

/// What the camera sent, as it is.
fn clear_clip(
    path: &Path,
    cut: &Cut,
    part: &Part,
    keys: &mut KeyFrames<'_>,
) -> Result<Option<u64>, ClipError> {
    let rotation = cut.ring.rotation();
    let mut size = None;
    let last = keys.last_moment();
    decode(cut, part, last, &mut |frame, time| {
        size.get_or_insert(rotation.turned_size(frame.width(), frame.height()));
        keys.look(time, || encoded_jpeg(&frame.planes(), &frame));
        Ok(())
    })?;
    let Some(size) = size else {
        return Ok(None);
    };
    let zero = part.pictures[0].time;
    let options = RemuxOptions {
        size,
        rotation,
        created: jiff::Timestamp::from_microsecond(zero.as_us()).ok(),
    };
    let units = part.pictures.iter();
    let units = units.map(|held| (held.unit.as_ref(), held.time - zero));
    remux(path, units, &options)?;
    Ok(Some(part.pictures.len() as u64))
}

/// What is kept clear, and the rest coarse.
fn blurred_clip(
    path: &Path,
    cut: &Cut,
    part: &Part,
    keys: &mut KeyFrames<'_>,
) -> Result<Option<u64>, ClipError> {
    let mut writing: Option<(VideoWriter, Blur)> = None;
    let mut last_written: Option<Instant> = None;
    let least_apart = Span::from_s(1.0 / MOST_RATE) - JITTER;
    decode(cut, part, Instant::MAX, &mut |frame, time| {
        if time < cut.from || time > cut.to {
            return Ok(());
        }
        let (width, height) = (frame.width() as usize, frame.height() as usize);
        let since = time - part.pictures[0].time;
        if writing.is_none() {
            let mask = Mask::new(&cut.keep, width, height);
            let blur = Blur::new(mask, width, height);
            writing = Some((begin_video(path, &frame, time, part)?, blur));
        }
        let Some((writer, blur)) = &mut writing else {
            return Ok(());
        };
        // Damage can claim another size within a part; such pictures fit nowhere.
        if !blur.fits(width, height) {
            return Ok(());
        }
        let due = last_written.is_none_or(|last| time - last >= least_apart);
        if !due && !keys.wants(time) {
            return Ok(());
        }
        let blurred = blur.apply(&frame.planes(), since);
        keys.look(time, || encoded_jpeg(&blurred, &frame));
        if due {
            last_written = Some(time);
            if frame.colour() == writer.colour() {
                writer.write_planes(&blurred, since)?;
            } else {
                let all = (frame.width(), frame.height());
                writer.write(&blurred.crop_rgb(frame.colour(), 0, 0, all.0, all.1), since)?;
            }
        }
        Ok(())
    })?;
    let Some((writer, _)) = writing else {
        return Ok(None);
    };
    let written = writer.written();
    writer.finish()?;
    Ok(Some(written))
}

fn begin_video(
    path: &Path,
    frame: &Frame,
    time: Instant,
    part: &Part,
) -> Result<VideoWriter, CaptureError> {
    let lasts = part.reach().map_or(Span::ZERO, |(from, to)| to - from);
    let count = part.pictures.len().saturating_sub(1) as f64;
    let rate = if lasts > Span::ZERO {
        count / lasts.as_s()
    } else {
        MOST_RATE
    };
    let options = VideoOptions {
        rate: rate.clamp(1.0, MOST_RATE),
        quality: QUALITY,
        created: jiff::Timestamp::from_microsecond(time.as_us()).ok(),
        colour: Some(frame.colour()),
        ..VideoOptions::default()
    };
    VideoWriter::create(path, frame.width(), frame.height(), &options)
}

/// Decodes a part until `last` was shown, and hands on frames with their times, which rise.
fn decode(
    cut: &Cut,
    part: &Part,
    last: Instant,
    take: &mut dyn FnMut(Frame, Instant) -> Result<(), CaptureError>,
) -> Result<(), ClipError> {
    let Some(first) = part.pictures.first() else {
        return Ok(());
    };
    let decoder = UnitDecoder::new(first.unit.codec, cut.ring.rotation());
    let mut decoder = decoder.map_err(ClipError::Decoder)?;
    let mut result = Ok(());
    let mut shown: Option<Instant> = None;
    let mut give = |frame: Frame| {
        let time = first.time + frame.time();
        if result.is_ok() && shown.is_none_or(|before| before < time) {
            shown = Some(time);
            result = take(frame, time);
        }
    };
    for held in &part.pictures {
        decoder.take(&held.unit, held.time - first.time, &mut give);
        if held.time > last {
            break;
        }
    }
    decoder.finish(&mut give);
    result.map_err(ClipError::Write)
}

/// The key frames of a cut as they are found: for each moment the frame that is nearest to it, if it
/// is at most a fifteenth of a second off, or else the first one in the second after it.
struct KeyFrames<'a> {
    moments: &'a [Instant],
    found: Vec<Option<(Instant, Vec<u8>)>>,
}

impl<'a> KeyFrames<'a> {
    fn new(cut: &'a Cut) -> Self {
        Self {
            moments: &cut.moments,
            found: vec![None; cut.moments.len()],
        }
    }

    fn last_moment(&self) -> Instant {
        // At least one picture is decoded: its size is needed.
        self.moments.iter().copied().max().unwrap_or(Instant::MIN)
    }

    /// Whether the frame of this time is nearer to a moment than what was found before.
    fn wants(&self, time: Instant) -> bool {
        let each = self.moments.iter().zip(&self.found);
        each.into_iter()
            .any(|(moment, found)| is_nearer(*moment, found.as_ref(), time))
    }

    /// Keeps the frame of this time for the moments that it is nearest to.
    fn look(&mut self, time: Instant, encoded: impl FnOnce() -> Vec<u8>) {
        if !self.wants(time) {
            return;
        }
        let jpeg = encoded();
        for (moment, found) in self.moments.iter().zip(&mut self.found) {
            if is_nearer(*moment, found.as_ref(), time) {
                *found = Some((time, jpeg.clone()));
            }
        }
    }

    fn write(self, draft: &mut Draft<'_>, missing: &mut Vec<String>) -> Result<(), EvidenceError> {
        for (number, (moment, found)) in self.moments.iter().zip(self.found).enumerate() {
            let name = format!("key_{}.jpg", number + 1);
            match found {
                Some((time, jpeg)) if !jpeg.is_empty() => {
                    let entry = draft.put(&name, FileKind::KeyFrame, &jpeg)?;
                    entry.from_us = Some(time);
                }
                _ => missing.push(format!("{name}: no picture at {}", utc(*moment))),
            }
        }
        Ok(())
    }
}

/// A key frame is of its moment if it is no further from it than this.
const OF_MOMENT: Span = Span::from_ms(1_000);

fn is_nearer(moment: Instant, found: Option<&(Instant, Vec<u8>)>, time: Instant) -> bool {
    let off = (time - moment).abs();
    // Every frame up to the moment would be encoded, one after the other: only those at it are.
    let near = Span::from_s(1.0 / MOST_RATE);
    match found {
        Some((before, _)) => off < (*before - moment).abs() && *before < moment,
        None => off <= near || (time > moment && off <= OF_MOMENT),
    }
}

/// The picture as JPEG; empty if it cannot be encoded.
fn encoded_jpeg(planes: &Planes<'_>, frame: &Frame) -> Vec<u8> {
    let (width, height) = (frame.width(), frame.height());
    let rgb = planes.crop_rgb(frame.colour(), 0, 0, width, height);
    let mut jpeg = Vec::new();
    let encoder = image::codecs::jpeg::JpegEncoder::new_with_quality(&mut jpeg, JPEG_QUALITY);
    match encoder.write_image(rgb.as_raw(), width, height, image::ExtendedColorType::Rgb8) {
        Ok(()) => jpeg,
        Err(_) => Vec::new(),
    }
}
