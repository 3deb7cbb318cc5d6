//! Whether the camera sends one picture again and again.
//!
//! Theory: only *key* pictures are compared, bit by bit, through a hash. A codec may rightly repeat
//! a still room between them, but a key picture is coded afresh from a sensor whose noise is never
//! twice the same. What a stuck sensor or a looping encoder sends is coded to the same bytes again.

use super::Luma;
use crate::units::{Instant, Span};

/// So many equal key pictures ...
const REPEATS: u32 = 3;
/// ... that span this long are a frozen camera. In MJPEG every picture is a key picture, and some
/// cameras send each one twice.
const AT_LEAST: Span = Span::from_ms(2_000);
/// Two are enough where they are this far apart: codecs that send few key pictures.
const LONG: Span = Span::from_ms(10_000);
/// Key pictures closer than this to the last one compared are left out: cost.
const APART: Span = Span::from_ms(250);

/// Compares key pictures; one a camera.
#[derive(Debug, Clone, Default)]
pub struct Repeats {
    hash: Option<u64>,
    first: Instant,
    last: Instant,
    count: u32,
}

impl Repeats {
    /// Takes a key picture; for how long it has been the same if that is too long.
    pub fn step(&mut self, taken: Instant, luma: Luma<'_>) -> Option<Span> {
        let since = taken.since(self.last);
        if self.hash.is_some() && since >= Span::ZERO && since < APART {
            return self.frozen();
        }
        let hash = hash(luma);
        if self.hash != Some(hash) || since < Span::ZERO {
            *self = Self {
                hash: Some(hash),
                first: taken,
                last: taken,
                count: 1,
            };
            return None;
        }
        self.last = taken;
        self.count = self.count.saturating_add(1);
        self.frozen()
    }

    /// For how long the picture has been the same, if that is too long.
    pub fn frozen(&self) -> Option<Span> {
        let span = self.last.since(self.first);
        let repeated = self.count >= REPEATS && span >= AT_LEAST;
        (repeated || (self.count > 1 && span >= LONG)).then_some(span)
    }
}

/// All bytes of the rows as one number: words are multiplied in, so that every bit counts.
fn hash(luma: Luma<'_>) -> u64 {
    const ODD: u64 = 0x9e37_79b9_7f4a_7c15;
    let mut state = ODD;
    let mut mix = |word: u64| state = (state ^ word).wrapping_mul(ODD).rotate_left(29);
    for row in 0..luma.height() {
        let (words, rest) = luma.row(row).as_chunks::<8>();
        words.iter().for_each(|word| mix(u64::from_le_bytes(*word)));
        rest.iter().for_each(|byte| mix(u64::from(*byte)));
    }
    state
}
