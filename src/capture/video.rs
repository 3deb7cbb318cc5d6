//! A video file or raw stream: packets in, pictures with times and known losses out.
//!
//! Theory of operation: every packet that goes into the decoder leaves its presentation time in a
//! list of promises. A picture that comes out keeps one. Pictures come out in order of time, so a
//! promise earlier than the newest picture is broken: that picture is lost, and its time is known.
//! What the container declares (number of frames, duration) tells whether the file is cut short.
//! Pictures that rest on what was lost count as damaged (see `damage`).
//!
//! Raw streams have no times: there, pictures are counted, and lost ones as far as the decoder says.
//!
//! It deliberately ends a file quietly after [`MAX_READ_ERRORS`] failures in a row, with a stated
//! loss: what follows damage that large is not the clip any more.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use super::av::{AvError, Decoder, Demuxer, Packet, Picture, Ratio, Received, StreamInfo};
use super::clip::{ClipInfo, ClipOptions, Decoded, MAX_PIXELS, MAX_RATE, check_size};
use super::clock::{Clock, DEFAULT_STEP_US, MAX_GAP_US};
use super::damage::{Damage, Order};
use super::loss::{self, Loss, LossReason};
use super::structure::Structure;
use super::{CaptureError, Rotation};
use crate::units::Span;

/// How often in a row reading may fail before the file counts as ended.
const MAX_READ_ERRORS: u32 = 64;

/// A declared duration may be this much longer than what was read of a whole file, in microseconds:
/// Matroska rounds to milliseconds.
const DURATION_ROUNDING_US: i64 = 2_000;

/// Bytes between two neighbouring packets that are no more than headers.
const HOLE_BYTES: i64 = 128;

/// A time gap this many nominal steps wide, over bytes that were skipped, is a loss.
const HOLE_STEPS: f64 = 1.5;

/// Containers without a checked index: where their structure is damaged, FFmpeg silently goes on at
/// the next place that makes sense.
const SKIPPING_FORMATS: [&str; 3] = ["matroska,webm", "avi", "flv"];

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
    raw: bool,
    state: State,
    clock: Clock,
    /// The earliest time that the container gives to a picture, in ticks: the clip's zero.
    zero: Option<i64>,
    /// Times of packets whose picture has not come out yet, in ticks.
    promised: BTreeMap<i64, Promise>,
    /// Broken promises.
    lost: BTreeMap<i64, LossReason>,
    /// Losses that have no packet of their own.
    stated: Vec<Loss>,
    /// Pictures of two packets each: promises cannot be kept one by one.
    interlaced: bool,
    damage: Damage,
    any_picture: bool,
    counts: Counts,
    /// The end of the latest packet of any stream, in microseconds of the container's time.
    read_to_us: i64,
    /// Where in the file the last packet's bytes ended, if skipped bytes mean damage.
    read_to_byte: Option<i64>,
    /// The latest time of a video packet, in ticks.
    latest: Option<i64>,
}

/// A packet's picture, still to come.
#[derive(Debug, Clone, Copy)]
struct Promise {
    order: Order,
    /// Why it is lost if it does not come.
    reason: LossReason,
}

#[derive(Debug, Clone, Copy, Default)]
struct Counts {
    /// Packets of the video stream, hidden ones included.
    packets: u64,
    /// Pictures delivered, and lost ones that were noticed, in a raw stream.
    raw_frames: u64,
    read_errors_in_a_row: u32,
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
            .filter(|rate| *rate <= MAX_RATE);
        let rate = if raw {
            Some(raw_rate(options.rate, decoder.coded_rate(), &mut notes))
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
            demuxer,
            decoder,
            packet,
            stream,
            info,
            notes,
            raw,
            state: State::Reading,
            clock: Clock::new(step_us),
            zero: None,
            promised: BTreeMap::new(),
            lost: BTreeMap::new(),
            stated: Vec::new(),
            interlaced: false,
            damage: Damage::default(),
            any_picture: false,
            counts: Counts::default(),
            read_to_us: 0,
            read_to_byte: None,
            latest: None,
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
                    if let Some((time_us, damaged)) = self.judge(&picture) {
                        return Ok(Some(Decoded {
                            picture,
                            time_us,
                            damaged,
                        }));
                    }
                }
                Ok(Received::Hungry) => self.feed(),
                Ok(Received::End) => self.end(),
                Err(_) => self.undecodable(),
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
                    self.counts.read_errors_in_a_row = 0;
                    self.note_progress();
                    let hole = self.note_place();
                    if self.packet.stream() == self.stream.index {
                        self.note_hole(hole);
                        self.feed_packet();
                        return;
                    }
                }
                Ok(false) => self.drain(),
                Err(_) => {
                    self.counts.read_errors_in_a_row += 1;
                    if self.counts.read_errors_in_a_row == 1 {
                        self.state_loss(None, LossReason::Unreadable);
                        self.damage.gap();
                    }
                    if self.counts.read_errors_in_a_row >= MAX_READ_ERRORS {
                        self.drain();
                    }
                }
            }
        }
    }

    fn feed_packet(&mut self) {
        self.counts.packets += 1;
        let order = self.damage.packet(self.packet.is_key(), self.packet.pts());
        if self.raw {
            // What the decoder gives back with the picture tells which packet it came from.
            self.packet
                .set_pts(i64::try_from(order).unwrap_or(i64::MAX));
        } else {
            self.promise(order);
        }
        if self.packet.is_corrupt() {
            self.damage.error_at(order);
        }
        // An empty packet would tell the decoder that the stream is over.
        if self.packet.is_empty() || self.decoder.send(Some(&self.packet)).is_err() {
            self.undecodable();
        }
    }

    /// Remembers that the packet's picture is to come.
    fn promise(&mut self, order: Order) {
        let Some(pts) = self.packet.pts().filter(|_| !self.packet.is_hidden()) else {
            return;
        };
        let reason = if self.any_picture {
            LossReason::Undecodable
        } else {
            self.zero = Some(self.zero.map_or(pts, |zero| zero.min(pts)));
            LossReason::BeforeFirstKeyFrame
        };
        self.promised.insert(pts, Promise { order, reason });
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

    /// States a loss where bytes were skipped and time is missing.
    fn note_hole(&mut self, hole: bool) {
        let Some(pts) = self.packet.pts().or(self.packet.dts()) else {
            return;
        };
        let latest = self
            .latest
            .replace(self.latest.map_or(pts, |latest| latest.max(pts)));
        let Some(latest) = latest.filter(|_| hole && self.zero.is_some()) else {
            return;
        };
        let step_us = self.clock.step_us();
        let gap_us = self
            .stream
            .time_base
            .ticks_to_us(pts.saturating_sub(latest));
        if gap_us as f64 > step_us as f64 * HOLE_STEPS {
            let from_us = self
                .clock
                .place(self.since_zero_us(latest))
                .saturating_add(step_us);
            let to_us = self
                .clock
                .place(self.since_zero_us(pts))
                .saturating_sub(step_us);
            self.stated.push(Loss {
                frames: None,
                from: Span::from_us(from_us),
                to: Span::from_us(to_us.max(from_us)),
                reason: LossReason::Unreadable,
            });
            self.damage.gap();
        }
    }

    fn drain(&mut self) {
        self.state = State::Draining;
        if self.decoder.send(None).is_err() {
            self.end();
        }
    }

    /// The decoder gave up on a packet. Where packets have times, the broken promise will tell.
    fn undecodable(&mut self) {
        self.damage.error_at(self.damage.order());
        if self.raw {
            self.state_loss(Some(1), LossReason::Undecodable);
            self.counts.raw_frames += 1;
        } else if self.interlaced || self.packet.pts().is_none() {
            self.state_loss(Some(1), LossReason::Undecodable);
        }
    }

    /// A picture's time, and whether it is damaged; `None` if it cannot be used.
    fn judge(&mut self, picture: &Picture) -> Option<(i64, bool)> {
        let size = self
            .info
            .rotation
            .turned_size(picture.width(), picture.height());
        let other_size = size != (self.info.width, self.info.height);
        let order = self.keep_promise(picture, other_size);
        if other_size {
            if self.raw || picture.pts().is_none() {
                self.state_loss(Some(1), LossReason::OtherSize);
                self.counts.raw_frames += 1;
            }
            return None;
        }
        if picture.is_damaged() {
            self.damage.error_at(order);
        }
        let pts = picture.pts().filter(|_| !self.raw);
        let damaged = self.damage.touches(order, pts);
        let said_us = self.said_us(picture);
        let time_us = self.clock.next(said_us);
        self.any_picture = true;
        Some((time_us, damaged))
    }

    /// What the container says about a picture's time since the clip's first frame.
    fn said_us(&mut self, picture: &Picture) -> Option<i64> {
        if self.raw {
            let frames = self.counts.raw_frames;
            self.counts.raw_frames += 1;
            let rate = self.info.declared_rate.unwrap_or(RAW_RATE);
            return Some((frames as f64 * 1e6 / rate).round() as i64);
        }
        let ticks = picture.best_time()?;
        if !self.any_picture {
            let near = self.zero.filter(|zero| {
                (0..=MAX_GAP_US).contains(
                    &self
                        .stream
                        .time_base
                        .ticks_to_us(ticks.saturating_sub(*zero)),
                )
            });
            self.zero = Some(near.unwrap_or(ticks));
        }
        Some(self.since_zero_us(ticks))
    }

    fn since_zero_us(&self, ticks: i64) -> i64 {
        let zero = self.zero.unwrap_or(0);
        self.stream
            .time_base
            .ticks_to_us(ticks.saturating_sub(zero))
    }

    /// Strikes a picture's promise off, counts the earlier ones as broken, and tells which packet the
    /// picture came from: the last one, if nothing else is known.
    fn keep_promise(&mut self, picture: &Picture, other_size: bool) -> Order {
        if picture.is_interlaced() && !self.interlaced {
            self.interlaced = true;
            self.lost.clear();
            self.notes
                .push("it is interlaced: lines of two moments alternate in each frame".into());
        }
        let last = self.damage.order();
        let Some(pts) = picture.pts() else {
            return last;
        };
        if self.raw {
            return Order::try_from(pts).unwrap_or(last);
        }
        let later = self.promised.split_off(&pts);
        let broken = std::mem::replace(&mut self.promised, later);
        let kept = self.promised.remove(&pts);
        self.lost.remove(&pts);
        if !self.interlaced {
            for (pts, promise) in broken {
                // Before the first picture: an open group, which a player would not show either.
                if self.any_picture {
                    self.damage.error_at(promise.order);
                }
                self.lost.insert(pts, promise.reason);
            }
            if other_size {
                self.lost.insert(pts, LossReason::OtherSize);
            }
        }
        kept.map_or(last, |promise| promise.order)
    }

    /// States a loss at the place where reading or decoding is now.
    fn state_loss(&mut self, frames: Option<u64>, reason: LossReason) {
        let at_us = match self.clock.last_us() {
            Some(last_us) => last_us.saturating_add(self.clock.step_us()),
            None => 0,
        };
        let at_us = if self.raw {
            let rate = self.info.declared_rate.unwrap_or(RAW_RATE);
            at_us.max((self.counts.raw_frames as f64 * 1e6 / rate).round() as i64)
        } else {
            at_us
        };
        self.stated.push(Loss {
            frames,
            from: Span::from_us(at_us),
            to: Span::from_us(at_us),
            reason,
        });
    }

    /// Settles what is lost once nothing more can come.
    fn end(&mut self) {
        self.state = State::Ended;
        if !self.interlaced {
            let broken = std::mem::take(&mut self.promised);
            self.lost.extend(
                broken
                    .into_iter()
                    .map(|(pts, promise)| (pts, promise.reason)),
            );
        }
        let from_us = self
            .clock
            .last_us()
            .map_or(0, |last| last.saturating_add(self.clock.step_us()));
        let missing = self
            .info
            .frames
            .and_then(|frames| frames.checked_sub(self.counts.packets));
        let declared_us = self.demuxer.duration_us().unwrap_or(0);
        if let Some(missing) = missing.filter(|missing| *missing > 0) {
            let steps = i64::try_from(missing - 1).unwrap_or(i64::MAX);
            let to_us = from_us.saturating_add(self.clock.step_us().saturating_mul(steps));
            self.state_cut(Some(missing), from_us, to_us);
        } else if missing.is_none()
            && Structure::of(&self.path).cut_short
            && self.read_to_us.saturating_add(DURATION_ROUNDING_US) < declared_us
        {
            self.state_cut(None, from_us, declared_us.max(from_us));
        }
        let repairs = self.clock.repairs();
        for (count, what) in [
            (repairs.missing, "had no time: taken from the declared rate"),
            (
                repairs.backward,
                "did not come after the one before: moved 1 microsecond after it",
            ),
            (
                repairs.jumps,
                "jumped: the clip's clock was joined one frame after the one before",
            ),
        ] {
            if count > 0 {
                self.notes
                    .push(format!("the time of {count} frames {what}"));
            }
        }
    }

    fn state_cut(&mut self, frames: Option<u64>, from_us: i64, to_us: i64) {
        self.stated.push(Loss {
            frames,
            from: Span::from_us(from_us),
            to: Span::from_us(to_us),
            reason: LossReason::Truncated,
        });
    }

    pub(super) fn losses(&self) -> Vec<Loss> {
        let mut single: Vec<Loss> = self
            .lost
            .iter()
            .map(|(ticks, reason)| {
                let at = Span::from_us(self.clock.place(self.since_zero_us(*ticks)));
                Loss {
                    frames: Some(1),
                    from: at,
                    to: at,
                    reason: *reason,
                }
            })
            .chain(self.stated.iter().cloned())
            .collect();
        single.sort_by_key(|loss| (loss.from, loss.to, loss.reason));
        loss::merge(single, self.clock.step_us())
    }

    pub(super) fn notes(&self) -> Vec<String> {
        self.notes.clone()
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
fn raw_rate(given: Option<f64>, coded: Option<Ratio>, notes: &mut Vec<String>) -> f64 {
    let coded = coded
        .map(Ratio::as_f64)
        .filter(|rate| (MIN_RATE..=MAX_RATE).contains(rate));
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

/// A coded rate below this, in frames a second, is nonsense.
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
