//! What was promised, what came, and when: the account of one video being decoded.
//!
//! Theory of operation: every packet that goes into the decoder leaves its presentation time in a
//! list of promises. A picture that comes out keeps one. Pictures come out in order of time, so a
//! promise earlier than the newest picture is broken: that picture is lost, and its time is known.
//! Pictures that rest on what was lost count as damaged (see `damage`), and times that make no
//! sense are repaired (see `clock`).
//!
//! Raw streams have no times: there, pictures are counted, and lost ones as far as the decoder says.
//!
//! It deliberately reads nothing: `video` tells it what happens.

use std::collections::BTreeMap;

use super::av::{Packet, Picture, Ratio};
use super::clock::{Clock, MAX_GAP_US};
use super::damage::{Damage, Order};
use super::loss::{self, Loss, LossReason};
use crate::units::Span;

/// A time gap this many nominal steps wide, over bytes that were skipped, is a loss.
const HOLE_STEPS: f64 = 1.5;

/// The account of one video.
#[derive(Debug)]
pub(super) struct Account {
    time_base: Ratio,
    /// Frames a second, for streams without times of their own.
    raw_rate: Option<f64>,
    clock: Clock,
    damage: Damage,
    /// The earliest time that the container gives to a picture, in ticks: the clip's zero.
    zero: Option<i64>,
    /// The latest time of a packet, in ticks.
    latest: Option<i64>,
    /// Packets whose picture has not come out yet, by their time in ticks.
    promised: BTreeMap<i64, Promise>,
    /// Broken promises.
    lost: BTreeMap<i64, LossReason>,
    /// Losses that have no packet of their own.
    stated: Vec<Loss>,
    /// Pictures of two packets each: promises cannot be kept one by one.
    interlaced: bool,
    any_picture: bool,
    /// Pictures of a raw stream, with the lost ones that were noticed.
    raw_frames: u64,
}

/// A packet's picture, still to come.
#[derive(Debug, Clone, Copy)]
struct Promise {
    order: Order,
    /// Why it is lost if it does not come.
    reason: LossReason,
}

impl Account {
    /// An empty account: `raw_rate` is given for streams without times of their own.
    pub(super) fn new(time_base: Ratio, step_us: i64, raw_rate: Option<f64>) -> Self {
        Self {
            time_base,
            raw_rate,
            clock: Clock::new(step_us),
            damage: Damage::default(),
            zero: None,
            latest: None,
            promised: BTreeMap::new(),
            lost: BTreeMap::new(),
            stated: Vec::new(),
            interlaced: false,
            any_picture: false,
            raw_frames: 0,
        }
    }

    /// A packet of the video is about to be decoded; `hole` says that bytes before it were skipped.
    pub(super) fn packet(&mut self, packet: &mut Packet, hole: bool) {
        self.note_time(packet.pts().or(packet.dts()), hole);
        let order = self.damage.packet(packet.is_key(), packet.pts());
        if self.raw_rate.is_some() {
            // What the decoder gives back with the picture tells which packet it came from.
            packet.set_pts(i64::try_from(order).unwrap_or(i64::MAX));
        } else if let Some(pts) = packet.pts().filter(|_| !packet.is_hidden()) {
            self.promise(pts, order);
        }
        if packet.is_corrupt() {
            self.damage.error_at(order);
        }
    }

    fn promise(&mut self, pts: i64, order: Order) {
        let reason = if self.any_picture {
            LossReason::Undecodable
        } else {
            self.zero = Some(self.zero.map_or(pts, |zero| zero.min(pts)));
            LossReason::BeforeFirstKeyFrame
        };
        self.promised.insert(pts, Promise { order, reason });
    }

    /// Follows the time of packets, and states a loss where bytes were skipped and time is missing.
    fn note_time(&mut self, ticks: Option<i64>, hole: bool) {
        let Some(ticks) = ticks else {
            return;
        };
        let before = self.latest;
        self.latest = Some(before.map_or(ticks, |before| before.max(ticks)));
        let Some(before) = before.filter(|_| hole && self.zero.is_some()) else {
            return;
        };
        let step_us = self.clock.step_us();
        let gap_us = self.time_base.ticks_to_us(ticks.saturating_sub(before));
        if gap_us as f64 > step_us as f64 * HOLE_STEPS {
            let from_us = self.clock.place(self.since_zero_us(before));
            let to_us = self.clock.place(self.since_zero_us(ticks));
            self.state(
                None,
                from_us.saturating_add(step_us),
                to_us.saturating_sub(step_us),
                LossReason::Unreadable,
            );
            self.damage.gap();
        }
    }

    /// The file could not be read any further at this place.
    pub(super) fn unreadable(&mut self) {
        let at_us = self.next_us();
        self.state(None, at_us, at_us, LossReason::Unreadable);
        self.damage.gap();
    }

    /// The decoder gave up on the last packet; `timed` says that it has a time, in which case its
    /// broken promise will tell of the loss.
    pub(super) fn undecodable(&mut self, timed: bool) {
        self.damage.error_at(self.damage.order());
        if self.raw_rate.is_some() || self.interlaced || !timed {
            self.lose_one(LossReason::Undecodable);
        }
    }

    fn lose_one(&mut self, reason: LossReason) {
        let at_us = self.next_us();
        self.state(Some(1), at_us, at_us, reason);
        self.raw_frames += 1;
    }

    /// A picture that came out: its time, and whether it may be wrong. `None` for one that does not
    /// fit the clip, which is lost.
    pub(super) fn picture(&mut self, picture: &Picture, fits: bool) -> Option<(i64, bool)> {
        let order = self.keep_promise(picture, fits);
        let pts = picture.pts().filter(|_| self.raw_rate.is_none());
        if !fits {
            if pts.is_none() {
                self.lose_one(LossReason::OtherSize);
            }
            return None;
        }
        if picture.is_damaged() {
            self.damage.error_at(order);
        }
        let damaged = self.damage.touches(order, pts);
        let said_us = self.said_us(picture);
        let time_us = self.clock.next(said_us);
        self.any_picture = true;
        self.raw_frames += 1;
        Some((time_us, damaged))
    }

    /// What the container says about a picture's time since the clip's first frame.
    fn said_us(&mut self, picture: &Picture) -> Option<i64> {
        if let Some(rate) = self.raw_rate {
            return Some(raw_time_us(self.raw_frames, rate));
        }
        let ticks = picture.best_time()?;
        if !self.any_picture {
            let near = self.zero.filter(|zero| {
                let since_us = self.time_base.ticks_to_us(ticks.saturating_sub(*zero));
                (0..=MAX_GAP_US).contains(&since_us)
            });
            self.zero = Some(near.unwrap_or(ticks));
        }
        Some(self.since_zero_us(ticks))
    }

    fn since_zero_us(&self, ticks: i64) -> i64 {
        let zero = self.zero.unwrap_or(0);
        self.time_base.ticks_to_us(ticks.saturating_sub(zero))
    }

    /// Strikes a picture's promise off, counts the earlier ones as broken, and tells which packet the
    /// picture came from: the last one, if nothing else is known.
    fn keep_promise(&mut self, picture: &Picture, fits: bool) -> Order {
        if picture.is_interlaced() && !self.interlaced {
            self.interlaced = true;
            self.lost.clear();
        }
        let last = self.damage.order();
        let Some(pts) = picture.pts() else {
            return last;
        };
        if self.raw_rate.is_some() {
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
            if !fits {
                self.lost.insert(pts, LossReason::OtherSize);
            }
        }
        kept.map_or(last, |promise| promise.order)
    }

    /// Nothing more comes: what was promised is lost.
    pub(super) fn end(&mut self) {
        let broken = std::mem::take(&mut self.promised);
        if !self.interlaced {
            self.lost.extend(
                broken
                    .into_iter()
                    .map(|(pts, promise)| (pts, promise.reason)),
            );
        }
    }

    /// The file ends before its declared end: by so many pictures, or at a time in microseconds.
    pub(super) fn cut_short(&mut self, missing: Option<u64>, declared_us: i64) {
        // The last packet may have been there in part, and count as lost already.
        let lost_us = self.lost.last_key_value().map_or(i64::MIN, |(ticks, _)| {
            let at_us = self.clock.place(self.since_zero_us(*ticks));
            at_us.saturating_add(self.clock.step_us())
        });
        let from_us = self.next_us().max(lost_us);
        let to_us = match missing {
            Some(missing) => {
                let steps = i64::try_from(missing.saturating_sub(1)).unwrap_or(i64::MAX);
                from_us.saturating_add(self.clock.step_us().saturating_mul(steps))
            }
            None => declared_us,
        };
        self.state(missing, from_us, to_us, LossReason::Truncated);
    }

    /// The time of the next picture, if all goes well.
    fn next_us(&self) -> i64 {
        let step_us = self.clock.step_us();
        let after_last_us = self
            .clock
            .last_us()
            .map_or(0, |last| last.saturating_add(step_us));
        match self.raw_rate {
            Some(rate) => after_last_us.max(raw_time_us(self.raw_frames, rate)),
            None => after_last_us,
        }
    }

    fn state(&mut self, frames: Option<u64>, from_us: i64, to_us: i64, reason: LossReason) {
        self.stated.push(Loss {
            frames,
            from: Span::from_us(from_us),
            to: Span::from_us(to_us.max(from_us)),
            reason,
        });
    }

    /// All losses so far, in order of time.
    pub(super) fn losses(&self) -> Vec<Loss> {
        let broken = self.lost.iter().map(|(ticks, reason)| {
            let at = Span::from_us(self.clock.place(self.since_zero_us(*ticks)));
            Loss {
                frames: Some(1),
                from: at,
                to: at,
                reason: *reason,
            }
        });
        let mut single: Vec<Loss> = broken.chain(self.stated.iter().cloned()).collect();
        single.sort_by_key(|loss| (loss.from, loss.to, loss.reason));
        loss::merge(single, self.clock.step_us())
    }

    /// What a person should know about the times and pictures so far.
    pub(super) fn notes(&self) -> Vec<String> {
        let repairs = self.clock.repairs();
        let mut notes = Vec::new();
        if self.interlaced {
            notes.push("it is interlaced: lines of two moments alternate in each frame".into());
        }
        for (count, what) in [
            (
                repairs.missing,
                "had no time: it was taken from the declared rate",
            ),
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
                notes.push(format!("the time of {count} frames {what}"));
            }
        }
        notes
    }
}

/// When a frame of a raw stream is shown, in microseconds.
fn raw_time_us(frames: u64, rate: f64) -> i64 {
    (frames as f64 * 1e6 / rate).round() as i64
}
