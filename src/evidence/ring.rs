//! The last pictures of one camera, as they were encoded.
//!
//! Theory of operation: pictures come in the order of decoding and are shared, not copied. The oldest are let go a whole
//! group at a time (a key picture and all that rest on it), so that the ring always begins with a
//! key picture. It holds at least [`RingLimits::span`] of time, if that many bytes may be held, and
//! never more than [`RingLimits::bytes`]. Where the stream restarts, its time runs back or its codec
//! or size change, a new part begins with the next key picture; parts are never mixed in one clip.
//!
//! It deliberately looks at no picture but for the parameter sets of key pictures.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::capture::{AccessUnit, Rotation};
use crate::units::{Instant, Span};

/// How much a ring holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RingLimits {
    /// At least this much time, as far as `bytes` allow.
    pub span: Span,
    /// At most so many bytes of pictures.
    pub bytes: usize,
}

impl Default for RingLimits {
    fn default() -> Self {
        Self {
            // Cuts reach 5 s back and 5 s forth, and may wait for two others to be written.
            span: Span::from_ms(30_000),
            // 30 s of H.264 at 17 Mbit/s, more than cameras send; a few seconds of MJPEG.
            bytes: 64 << 20,
        }
    }
}

/// Time that runs back by more than this is another time line: pictures that are shown in another
/// order than they are decoded run back by less.
const BACK: Span = Span::from_ms(2_000);

/// One encoded picture and when it was taken.
#[derive(Debug, Clone)]
pub struct Held {
    /// The picture.
    pub unit: Arc<AccessUnit>,
    /// When it was taken.
    pub time: Instant,
}

/// Pictures of one unbroken stream, in the order of decoding, a key picture first.
#[derive(Debug, Clone, Default)]
pub struct Part {
    /// The pictures; those before the time that was asked for are needed to decode the others.
    pub pictures: Vec<Held>,
}

/// What a ring held of a stretch of time.
#[derive(Debug, Clone, Default)]
pub struct Footage {
    /// One part for each unbroken stream.
    pub parts: Vec<Part>,
}

/// What a ring holds now.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct RingLevel {
    /// Pictures.
    pub pictures: usize,
    /// Their bytes.
    pub bytes: usize,
    /// From the oldest to the newest.
    pub span: Span,
    /// Times that the ring was emptied, because one group of pictures was larger than it may be.
    pub overflows: u64,
}

/// The last pictures of one camera. One thread pushes, another one takes footage.
#[derive(Debug)]
pub struct Ring {
    limits: RingLimits,
    rotation: Rotation,
    inner: Mutex<Inner>,
}

#[derive(Debug, Default)]
struct Inner {
    pictures: VecDeque<(u64, Held)>,
    /// Places of key pictures, counted from the first picture ever.
    keys: VecDeque<u64>,
    /// Place of the first picture that is held.
    first: u64,
    bytes: usize,
    part: u64,
    kind: Vec<u8>,
    newest: Option<Instant>,
    /// A key picture of this part has come.
    begun: bool,
    ended: bool,
    overflows: u64,
}

impl Ring {
    /// An empty ring of a camera whose pictures are turned so to be upright.
    pub fn new(limits: RingLimits, rotation: Rotation) -> Self {
        Self {
            limits,
            rotation,
            inner: Mutex::default(),
        }
    }

    /// How pictures are turned to be upright.
    pub fn rotation(&self) -> Rotation {
        self.rotation
    }

    /// Adds the next picture, in the order of decoding, with the time at which it was taken.
    pub fn push(&self, unit: Arc<AccessUnit>, time: Instant) {
        let mut inner = self.lock();
        let back = inner.newest.is_some_and(|newest| newest - time > BACK);
        if back {
            inner.break_off();
        }
        if unit.is_key {
            inner.begin_if_other(&unit);
        }
        if !inner.begun {
            return;
        }
        if unit.is_key {
            let place = inner.first + inner.pictures.len() as u64;
            inner.keys.push_back(place);
        }
        inner.newest = Some(inner.newest.map_or(time, |newest| newest.max(time)));
        inner.bytes += unit.data.len();
        let part = inner.part;
        inner.pictures.push_back((part, Held { unit, time }));
        inner.let_go(self.limits);
    }

    /// The stream was opened anew: what comes next does not rest on what came before.
    pub fn restarted(&self) {
        self.lock().break_off();
    }

    /// Nothing will come any more: nobody need wait.
    pub fn end(&self) {
        self.lock().ended = true;
    }

    /// Whether nothing will come any more.
    pub fn has_ended(&self) -> bool {
        self.lock().ended
    }

    /// The latest time of a picture of the present part.
    pub fn newest(&self) -> Option<Instant> {
        self.lock().newest
    }

    /// What it holds.
    pub fn level(&self) -> RingLevel {
        let inner = self.lock();
        let oldest = inner.pictures.front().map(|(_, held)| held.time);
        let newest = inner.pictures.back().map(|(_, held)| held.time);
        RingLevel {
            pictures: inner.pictures.len(),
            bytes: inner.bytes,
            span: oldest.zip(newest).map_or(Span::ZERO, |(a, b)| b - a),
            overflows: inner.overflows,
        }
    }

    /// The pictures from `from` to `to`, and those before that they rest on.
    pub fn footage(&self, from: Instant, to: Instant) -> Footage {
        let inner = self.lock();
        let mut parts: Vec<(u64, Part)> = Vec::new();
        for (number, held) in &inner.pictures {
            if parts.last().is_none_or(|(last, _)| last != number) {
                parts.push((*number, Part::default()));
            }
            if let Some((_, part)) = parts.last_mut() {
                part.pictures.push(held.clone());
            }
        }
        drop(inner);
        let parts = parts.into_iter().filter_map(|(_, part)| part.cut(from, to));
        Footage {
            parts: parts.collect(),
        }
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        // Nothing in here panics half way.
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Inner {
    fn break_off(&mut self) {
        self.begun = false;
        self.newest = None;
    }

    /// Begins a part with a key picture, unless it goes on with the one before.
    fn begin_if_other(&mut self, key: &AccessUnit) {
        let kind = key.picture_kind();
        let codec = self.pictures.back().map(|(_, held)| held.unit.codec);
        // A picture that says nothing of its kind is of the kind before.
        let same =
            codec.is_none_or(|codec| codec == key.codec) && (kind.is_empty() || kind == self.kind);
        if !self.begun || !same {
            self.part += 1;
            self.begun = true;
            self.newest = None;
        }
        if !kind.is_empty() {
            self.kind = kind;
        }
    }

    /// Lets go the oldest groups that are not needed, or not allowed.
    fn let_go(&mut self, limits: RingLimits) {
        while let Some(next) = self.keys.get(1).copied() {
            let count = (next - self.first) as usize;
            let begins = self.pictures.get(count).map(|(_, held)| held.time);
            let newest = self.newest.unwrap_or(Instant::MIN);
            let enough = begins.is_some_and(|begins| {
                // What is later than the newest is of a time line that is over.
                newest - begins >= limits.span || begins - newest > BACK
            });
            if !enough && self.bytes <= limits.bytes {
                return;
            }
            for (_, held) in self.pictures.drain(..count) {
                self.bytes -= held.unit.data.len();
            }
            self.keys.pop_front();
            self.first = next;
        }
        if self.bytes > limits.bytes {
            self.first += self.pictures.len() as u64;
            self.pictures.clear();
            self.keys.clear();
            self.bytes = 0;
            self.begun = false;
            self.overflows += 1;
        }
    }
}

impl Part {
    /// What is needed to show `from` to `to`; `None` if nothing of it is here.
    fn cut(mut self, from: Instant, to: Instant) -> Option<Self> {
        let within = |held: &Held| from <= held.time && held.time <= to;
        let first = self.pictures.iter().position(within)?;
        let last = self.pictures.iter().rposition(within)?;
        let key = self.pictures[..=first]
            .iter()
            .rposition(|held| held.unit.is_key)?;
        self.pictures.truncate(last + 1);
        self.pictures.drain(..key);
        Some(self)
    }

    /// The first and last moment of it.
    pub fn reach(&self) -> Option<(Instant, Instant)> {
        let times = || self.pictures.iter().map(|held| held.time);
        times().min().zip(times().max())
    }
}

impl Footage {
    /// How many bytes its pictures have.
    pub fn bytes(&self) -> u64 {
        let pictures = self.parts.iter().flat_map(|part| &part.pictures);
        pictures.map(|held| held.unit.data.len() as u64).sum()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::capture::Codec;

    /// A key picture of this kind, or a picture that rests on others, of `bytes` bytes.
    fn unit(key_kind: Option<u8>, bytes: usize) -> Arc<AccessUnit> {
        let mut data = match key_kind {
            Some(kind) => vec![0, 0, 1, 0x67, kind, 1, 0, 0, 1, 0x65],
            None => vec![0, 0, 1, 0x41],
        };
        data.resize(bytes.max(data.len()), 7);
        Arc::new(AccessUnit {
            codec: Codec::H264,
            data,
            is_key: key_kind.is_some(),
            time_us: 0,
        })
    }

    fn ring(span_s: f64, bytes: usize) -> Ring {
        let span = Span::from_s(span_s);
        Ring::new(RingLimits { span, bytes }, Rotation::None)
    }

    /// What a cut gives: for each part the times of its pictures in s, key pictures marked.
    #[track_caller]
    fn check(ring: &Ring, from_s: f64, to_s: f64, expect: &[&str]) {
        let footage = ring.footage(Instant::from_s(from_s), Instant::from_s(to_s));
        let told: Vec<String> = footage
            .parts
            .iter()
            .map(|part| {
                let mark = |held: &Held| if held.unit.is_key { "*" } else { "" };
                let words = part
                    .pictures
                    .iter()
                    .map(|held| format!("{}{}", held.time.as_s(), mark(held)));
                words.collect::<Vec<_>>().join(" ")
            })
            .collect();
        assert_eq!(told, expect);
    }

    /// One picture a second, a key picture every `group`-th.
    fn fill(ring: &Ring, seconds: std::ops::Range<u32>, group: u32) {
        for second in seconds {
            let key = (second % group == 0).then_some(1);
            ring.push(unit(key, 100), Instant::from_s(second.into()));
        }
    }

    #[test]
    fn it_begins_with_a_key_picture_and_holds_at_least_its_span() {
        let ring = ring(5.0, 1 << 20);
        fill(&ring, 1..20, 4);
        check(&ring, 0.0, 99.0, &["12* 13 14 15 16* 17 18 19"]);
        check(&ring, 13.5, 17.0, &["12* 13 14 15 16* 17"]);
        check(&ring, 16.0, 16.0, &["16*"]);
        check(&ring, 30.0, 40.0, &[]);
    }

    #[test]
    fn bytes_are_never_exceeded() {
        let ring = ring(100.0, 900);
        fill(&ring, 0..30, 4);
        assert!(ring.level().bytes <= 900);
        check(&ring, 0.0, 99.0, &["24* 25 26 27 28* 29"]);
        // No key picture comes any more: the last group grows until it is too much.
        fill(&ring, 30..42, 100);
        check(&ring, 0.0, 99.0, &[]);
    }

    #[test]
    fn a_group_larger_than_the_ring_empties_it() {
        let ring = ring(100.0, 900);
        fill(&ring, 0..10, 100);
        assert_eq!(
            ring.level(),
            RingLevel {
                overflows: 1,
                ..RingLevel::default()
            }
        );
        fill(&ring, 100..102, 100);
        check(&ring, 0.0, 200.0, &["100* 101"]);
    }

    #[test]
    fn another_size_codec_or_connection_is_another_part() {
        let ring = ring(100.0, 1 << 20);
        fill(&ring, 0..3, 4);
        ring.push(unit(Some(2), 100), Instant::from_s(3.0));
        ring.push(unit(None, 100), Instant::from_s(4.0));
        ring.restarted();
        ring.push(unit(None, 100), Instant::from_s(5.0));
        ring.push(unit(Some(2), 100), Instant::from_s(6.0));
        check(&ring, 0.0, 99.0, &["0* 1 2", "3* 4", "6*"]);
        check(&ring, 1.0, 3.5, &["0* 1 2", "3*"]);
    }

    #[test]
    fn time_that_runs_back_is_another_part() {
        let ring = ring(10.0, 1 << 20);
        fill(&ring, 100..104, 2);
        fill(&ring, 40..44, 2);
        check(&ring, 0.0, 99.0, &["40* 41 42* 43"]);
    }

    proptest! {
        /// Whatever comes: parts begin with key pictures, bounds hold, bytes are counted right.
        #[test]
        fn whatever_comes(pictures in proptest::collection::vec((0_u8..6, 1_usize..300, 0_i64..40), 1..200)) {
            let ring = ring(3.0, 2_000);
            let mut at = 0;
            for (what, bytes, step) in pictures {
                at += step * 100_000 - if what == 5 { 3_000_000 } else { 0 };
                if what == 4 {
                    ring.restarted();
                }
                ring.push(unit((what < 2).then_some(what), bytes), Instant::from_us(at));
                prop_assert!(ring.level().bytes <= 2_000);
            }
            let footage = ring.footage(Instant::MIN, Instant::MAX);
            for part in &footage.parts {
                prop_assert!(part.pictures[0].unit.is_key);
            }
            prop_assert_eq!(footage.bytes(), ring.level().bytes as u64);
        }
    }
}
