//! A video file or raw stream: packets in, pictures with times and known losses out.
//!
//! Theory of operation: packets are read and decoded in turn until a picture comes out; the account
//! of it (see `account`) gives the picture its time and notices what is missing. What the container
//! declares, number of frames or duration, tells whether the file is cut short.
//!
//! It deliberately ends a file quietly after [`MAX_READ_ERRORS`] failures in a row, with a stated
//! loss: what follows damage that large is not the clip any more.

use std::path::{Path, PathBuf};

use super::account::Account;
use super::av::{AvError, Decoder, Demuxer, Packet, Picture, Ratio, Received, StreamInfo};
use super::clip::{ClipInfo, ClipOptions, Decoded, MAX_PIXELS, MAX_RATE, check_size};
use super::clock::DEFAULT_STEP_US;
use super::loss::Loss;
use super::structure::Structure;
use super::{CaptureError, Rotation};

/// How often in a row reading may fail before the file counts as ended.
const MAX_READ_ERRORS: u32 = 64;

/// A declared duration may be this much longer than what was read of a whole file, in microseconds:
/// Matroska rounds to milliseconds.
const DURATION_ROUNDING_US: i64 = 2_000;

/// Bytes between two neighbouring packets that are no more than headers.
const HOLE_BYTES: i64 = 128;

/// Containers without a checked index: where their structure is damaged, FFmpeg silently goes on at
/// the next place that makes sense.
const SKIPPING_FORMATS: [&str; 3] = ["matroska,webm", "avi", "flv"];

/// Two rates this close, in frames a second, are the same.
const RATE_TOLERANCE: f64 = 1e-3;

/// Frames a second of a raw stream that does not say: what FFmpeg assumes too.
const RAW_RATE: f64 = 25.0;

/// Formats whose packets carry no times of their own.
const RAW_FORMATS: [&str; 5] = ["h264", "hevc", "mjpeg", "m4v", "mpegvideo"];

/// A video file being decoded.
pub(super) struct Video {
    path: PathBuf,
    demuxer: Demuxer,
    decoder: Decoder,
    packet: Packet,
    stream: StreamInfo,
    info: ClipInfo,
    notes: Vec<String>,
    state: State,
    account: Account,
    /// Packets of the video stream so far, hidden ones included.
    packets: u64,
    read_errors_in_a_row: u32,
    /// The end of the latest packet of any stream, in microseconds of the container's time.
    read_to_us: i64,
    /// Where in the file the last packet's bytes ended, if skipped bytes mean damage.
    read_to_byte: Option<i64>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Reading,
    Draining,
    Ended,
}

impl Video {
    pub(super) fn open(path: &Path, options: &ClipOptions) -> Result<Self, CaptureError> {
        let demuxer = Demuxer::open(path, MAX_PIXELS)
            .map_err(|error| CaptureError::clip(path, why_unreadable(path, error)))?;
        let stream = demuxer
            .best_video()
            .filter(|stream| !stream.still)
            .ok_or_else(|| CaptureError::clip(path, "no video track in it; is it a video?"))?;
        let (width, height) = check_size(path, stream.width, stream.height)?;
        let no_decoder = || {
            let why = format!(
                "this FFmpeg cannot decode {}; convert it to H.264",
                stream.codec
            );
            CaptureError::clip(path, why)
        };
        let decoder = Decoder::of_stream(&demuxer, stream.index, MAX_PIXELS)
            .map_err(|error| {
                CaptureError::clip(path, format!("its {} track: {error}", stream.codec))
            })?
            .ok_or_else(no_decoder)?;
        let packet = Packet::new().ok_or_else(|| CaptureError::clip(path, OUT_OF_MEMORY))?;
        let container = demuxer.format();
        let raw = RAW_FORMATS.contains(&container.as_str());
        let mut notes = Vec::new();
        let rotation = rotation_of(&stream, &mut notes);
        let declared = stream
            .rate
            .map(Ratio::as_f64)
            .filter(|rate| (MIN_RATE..=MAX_RATE).contains(rate));
        let rate = if raw {
            // FFmpeg puts its own assumption in place of a rate that is not coded.
            let coded = declared.filter(|rate| (rate - RAW_RATE).abs() > RATE_TOLERANCE);
            Some(raw_rate(options.rate, coded, &mut notes))
        } else {
            if options.rate.is_some() {
                notes.push("the given rate is not used: the clip has times of its own".into());
            }
            declared
        };
        let step_us = rate.map_or(DEFAULT_STEP_US, |rate| (1e6 / rate).round() as i64);
        let (turned_width, turned_height) = rotation.turned_size(width, height);
        let duration_us = stream
            .duration_us
            .or(demuxer.duration_us())
            .filter(|_| !raw);
        let created = demuxer
            .tag(c"creation_time")
            .and_then(|text| created(&text));
        let info = ClipInfo {
            width: turned_width,
            height: turned_height,
            codec: stream.codec.clone(),
            container,
            declared_rate: rate,
            duration_us,
            frames: stream.frames.filter(|_| !raw),
            created,
            rotation,
        };
        Ok(Self {
            path: path.to_owned(),
            account: Account::new(stream.time_base, step_us, rate.filter(|_| raw)),
            demuxer,
            decoder,
            packet,
            stream,
            info,
            notes,
            state: State::Reading,
            packets: 0,
            read_errors_in_a_row: 0,
            read_to_us: 0,
            read_to_byte: None,
        })
    }

    pub(super) fn info(&self) -> &ClipInfo {
        &self.info
    }

    /// The next picture that has the clip's size.
    pub(super) fn next(&mut self) -> Result<Option<Decoded>, CaptureError> {
        let out_of_memory = || CaptureError::clip(&self.path, OUT_OF_MEMORY);
        let mut picture = Picture::new().ok_or_else(out_of_memory)?;
        while self.state != State::Ended {
            match self.decoder.receive(&mut picture) {
                Ok(Received::Picture) => {
                    let stored = (picture.width(), picture.height());
                    let turned = self.info.rotation.turned_size(stored.0, stored.1);
                    let fits = turned == (self.info.width, self.info.height);
                    if let Some((time_us, damaged)) = self.account.picture(&picture, fits) {
                        return Ok(Some(Decoded {
                            picture,
                            time_us,
                            damaged,
                        }));
                    }
                }
                Ok(Received::Hungry) => self.feed(),
                Ok(Received::End) => self.end(),
                Err(_) => self.account.undecodable(self.packet.pts().is_some()),
            }
        }
        Ok(None)
    }

    /// Gives the decoder the next packet, or the end.
    fn feed(&mut self) {
        if self.state == State::Draining {
            // A decoder that is hungry after the end would never finish.
            self.end();
            return;
        }
        while self.state == State::Reading {
            match self.demuxer.read(&mut self.packet) {
                Ok(true) => {
                    self.read_errors_in_a_row = 0;
                    self.note_progress();
                    let hole = self.note_place();
                    if self.packet.stream() == self.stream.index {
                        self.feed_packet(hole);
                        return;
                    }
                }
                Ok(false) => self.drain(),
                Err(_) => {
                    self.read_errors_in_a_row += 1;
                    if self.read_errors_in_a_row == 1 {
                        self.account.unreadable();
                    }
                    if self.read_errors_in_a_row >= MAX_READ_ERRORS {
                        self.drain();
                    }
                }
            }
        }
    }

    fn feed_packet(&mut self, hole: bool) {
        self.packets += 1;
        let timed = self.packet.pts().is_some();
        self.account.packet(&mut self.packet, hole);
        // An empty packet would tell the decoder that the stream is over.
        if self.packet.is_empty() || self.decoder.send(Some(&self.packet)).is_err() {
            self.account.undecodable(timed);
        }
    }

    /// Follows how far the file has been read, in all of its streams.
    fn note_progress(&mut self) {
        let Some(time_base) = self.demuxer.time_base(self.packet.stream()) else {
            return;
        };
        if let Some(start) = self.packet.pts().or(self.packet.dts()) {
            let end = start.saturating_add(self.packet.duration());
            self.read_to_us = self.read_to_us.max(time_base.ticks_to_us(end));
        }
    }

    /// Follows the place in the file; true if bytes were skipped before this packet.
    fn note_place(&mut self) -> bool {
        if !SKIPPING_FORMATS.contains(&self.info.container.as_str()) {
            return false;
        }
        let Some((start, end)) = self.packet.place() else {
            return false;
        };
        let before = self.read_to_byte.replace(end);
        before.is_some_and(|before| start.saturating_sub(before) > HOLE_BYTES)
    }

    fn drain(&mut self) {
        self.state = State::Draining;
        if self.decoder.send(None).is_err() {
            self.end();
        }
    }

    /// Settles what is lost once nothing more can come.
    fn end(&mut self) {
        self.state = State::Ended;
        self.account.end();
        let frames = self.info.frames;
        let missing = frames.and_then(|frames| frames.checked_sub(self.packets));
        let declared_us = self.demuxer.duration_us().unwrap_or(0);
        let early = self.read_to_us.saturating_add(DURATION_ROUNDING_US) < declared_us;
        let structure = Structure::of(&self.path);
        let cut_short = match missing {
            // Elsewhere, declared frames can be empty: shown by leaving the one before.
            Some(missing) => missing > 0 && (structure.cut_short || structure.is_mp4),
            None => early && structure.cut_short,
        };
        if cut_short {
            self.account.cut_short(missing, declared_us);
        }
    }

    pub(super) fn losses(&self) -> Vec<Loss> {
        self.account.losses()
    }

    pub(super) fn notes(&self) -> Vec<String> {
        [self.notes.clone(), self.account.notes()].concat()
    }
}

const OUT_OF_MEMORY: &str = "there is not enough memory";

fn rotation_of(stream: &StreamInfo, notes: &mut Vec<String>) -> Rotation {
    if stream.mirrored {
        notes.push("the container asks for a mirrored picture: it is not mirrored".into());
        return Rotation::None;
    }
    // FFmpeg gives degrees counter-clockwise by which the stored picture is turned for showing.
    let Some(degrees) = stream.rotation_deg.map(|degrees| -degrees) else {
        return Rotation::None;
    };
    Rotation::from_degrees(degrees).unwrap_or_else(|| {
        notes.push(format!(
            "the container asks for a turn by {degrees:.1} degrees: only quarter turns are applied"
        ));
        Rotation::None
    })
}

/// The rate of a raw stream: as given, else as coded, else as FFmpeg assumes.
fn raw_rate(given: Option<f64>, coded: Option<f64>, notes: &mut Vec<String>) -> f64 {
    let (rate, whence) = match (given, coded) {
        (Some(rate), _) => (rate, "the rate that was given"),
        (None, Some(rate)) => (rate, "the rate in the stream's own header"),
        (None, None) => (RAW_RATE, "an assumption; give the true rate"),
    };
    notes.push(format!(
        "a raw stream has no times: frames are taken to be {:.3} ms apart ({rate:.3} a second, {whence})",
        1000.0 / rate
    ));
    rate
}

/// A declared rate below this, in frames a second, is nonsense.
const MIN_RATE: f64 = 0.1;

/// A container's time of creation, unless it is the zero of some clock.
fn created(text: &str) -> Option<jiff::Timestamp> {
    let created: jiff::Timestamp = text.trim().parse().ok()?;
    (created.as_second() > 0).then_some(created)
}

/// Why FFmpeg could not open a file, as far as the file itself shows it.
fn why_unreadable(path: &Path, error: AvError) -> String {
    if Structure::of(path).lacks_index {
        return "it is an MP4 without its index (moov): the recording was cut off before it was \
                finished; let the recorder finish it, or repair it with a tool such as untrunc"
            .into();
    }
    if error == AvError::INVALID_DATA || error == AvError::REFUSED {
        return "it is not a video that this program knows; is it a video?".into();
    }
    format!("{error}; is it a video?")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn creation_times_are_utc_or_nothing() {
        let table = [
            ("2026-11-01T12:34:56.000000Z", Some(1_793_536_496)),
            ("1970-01-01T00:00:00.000000Z", None),
            ("1904-01-01T00:00:00.000000Z", None),
            ("yesterday", None),
        ];
        for (text, expect) in table {
            assert_eq!(created(text).map(|time| time.as_second()), expect, "{text}");
        }
    }
}
