//! The engine's time axis: whole microseconds, so that comparisons and traces are exact.
//!
//! An [`Instant`] is a point on the site's time line. The feeder decides what it is anchored to:
//! UTC where the wall time of a clip or of the box is known, else the start of the clip.
//! The engine never reads a clock.

use std::fmt;
use std::ops::{Add, AddAssign, Neg, Sub};

use serde::{Deserialize, Serialize};

/// Microseconds in a second.
const US_PER_S: f64 = 1_000_000.0;

/// A point on the site's time line, in microseconds.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize,
)]
#[serde(transparent)]
pub struct Instant(i64);

/// A signed length of time, in microseconds.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize,
)]
#[serde(transparent)]
pub struct Span(i64);

/// A closed range of time in which something happened: `lo <= hi`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Interval {
    /// The earliest moment it can have been.
    pub lo: Instant,
    /// The latest moment it can have been.
    pub hi: Instant,
}

impl Instant {
    /// The start of the time line.
    pub const ZERO: Self = Self(0);
    /// The latest representable moment: "for ever" in watermarks.
    pub const MAX: Self = Self(i64::MAX);
    /// The earliest representable moment.
    pub const MIN: Self = Self(i64::MIN);

    /// From whole microseconds since the start of the time line.
    pub const fn from_us(us: i64) -> Self {
        Self(us)
    }

    /// From seconds since the start of the time line, rounded to a microsecond (saturating).
    pub fn from_s(seconds: f64) -> Self {
        Self((seconds * US_PER_S).round() as i64)
    }

    /// Whole microseconds since the start of the time line.
    pub const fn as_us(self) -> i64 {
        self.0
    }

    /// Seconds since the start of the time line.
    pub fn as_s(self) -> f64 {
        self.0 as f64 / US_PER_S
    }

    /// The time since `earlier`; negative if `earlier` is later.
    pub fn since(self, earlier: Self) -> Span {
        Span(self.0.saturating_sub(earlier.0))
    }
}

impl Span {
    /// No time at all.
    pub const ZERO: Self = Self(0);
    /// Longer than any recording.
    pub const MAX: Self = Self(i64::MAX);

    /// From whole microseconds.
    pub const fn from_us(us: i64) -> Self {
        Self(us)
    }

    /// From whole milliseconds.
    pub const fn from_ms(ms: i64) -> Self {
        Self(ms * 1_000)
    }

    /// From seconds, rounded to a microsecond (saturating).
    pub fn from_s(seconds: f64) -> Self {
        Self((seconds * US_PER_S).round() as i64)
    }

    /// Whole microseconds.
    pub const fn as_us(self) -> i64 {
        self.0
    }

    /// Seconds.
    pub fn as_s(self) -> f64 {
        self.0 as f64 / US_PER_S
    }

    /// The length without its sign.
    pub const fn abs(self) -> Self {
        Self(self.0.saturating_abs())
    }
}

impl Interval {
    /// An interval from two moments in any order.
    pub fn new(a: Instant, b: Instant) -> Self {
        Self {
            lo: a.min(b),
            hi: a.max(b),
        }
    }

    /// A moment known exactly.
    pub const fn exact(at: Instant) -> Self {
        Self { lo: at, hi: at }
    }

    /// How uncertain it is.
    pub fn width(self) -> Span {
        self.hi.since(self.lo)
    }

    /// The middle, rounded down to a microsecond.
    pub fn mid(self) -> Instant {
        // Halving the wider sum cannot overflow, whatever the ends are.
        Instant(((i128::from(self.lo.0) + i128::from(self.hi.0)) >> 1) as i64)
    }

    /// The same, wider by `by` on either side.
    pub fn widened(self, by: Span) -> Self {
        Self {
            lo: self.lo - by,
            hi: self.hi + by,
        }
    }

    /// Whether the two share more than an end (or, for exact moments, lie within one another).
    pub fn overlaps(self, other: Self) -> bool {
        let (lo, hi) = (self.lo.max(other.lo), self.hi.min(other.hi));
        lo < hi || (lo == hi && (self.lo == self.hi || other.lo == other.hi))
    }

    /// Whether `at` lies in it, ends included.
    pub fn contains(self, at: Instant) -> bool {
        self.lo <= at && at <= self.hi
    }
}

impl Add<Span> for Instant {
    type Output = Self;
    fn add(self, span: Span) -> Self {
        Self(self.0.saturating_add(span.0))
    }
}

impl AddAssign<Span> for Instant {
    fn add_assign(&mut self, span: Span) {
        *self = *self + span;
    }
}

impl Sub<Span> for Instant {
    type Output = Self;
    fn sub(self, span: Span) -> Self {
        Self(self.0.saturating_sub(span.0))
    }
}

impl Sub for Instant {
    type Output = Span;
    fn sub(self, earlier: Self) -> Span {
        self.since(earlier)
    }
}

impl Add for Span {
    type Output = Self;
    fn add(self, other: Self) -> Self {
        Self(self.0.saturating_add(other.0))
    }
}

impl Sub for Span {
    type Output = Self;
    fn sub(self, other: Self) -> Self {
        Self(self.0.saturating_sub(other.0))
    }
}

impl Neg for Span {
    type Output = Self;
    fn neg(self) -> Self {
        Self(self.0.saturating_neg())
    }
}

impl fmt::Display for Instant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:.3} s", self.as_s())
    }
}

impl fmt::Display for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:.3} s", self.as_s())
    }
}
