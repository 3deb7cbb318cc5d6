//! The box's time: a clock that only goes forward, laid on UTC once.
//!
//! Theory of operation: the site's time line is the steady clock plus an offset that is read from the wall clock
//! when the process starts and kept. Somebody who sets the wall clock, or a time server that steps
//! it, therefore moves no frame and no verdict. How far the wall clock has gone from the line is
//! told ([`BoxClock::wall_ahead`]); who sees it stay there starts anew.

use std::time::Instant as Steady;

use crate::capture::live::SteadyClock;
use crate::units::{Instant, Span};

/// Steady time with a fixed offset to UTC.
#[derive(Debug, Clone)]
pub struct BoxClock {
    origin: Steady,
    origin_utc: Instant,
}

impl BoxClock {
    /// The line begins now; the wall clock shows `utc`.
    pub fn new(utc: Instant) -> Self {
        Self {
            origin: Steady::now(),
            origin_utc: utc,
        }
    }

    /// Now, on the site's time line.
    pub fn now(&self) -> Instant {
        self.at(self.now_us())
    }

    /// A moment of the steady clock, on the site's time line.
    pub fn at(&self, steady_us: i64) -> Instant {
        self.origin_utc + Span::from_us(steady_us)
    }

    /// How far the wall clock, which shows `utc` now, is ahead of the line.
    pub fn wall_ahead(&self, utc: Instant) -> Span {
        utc - self.now()
    }
}

impl SteadyClock for BoxClock {
    fn now_us(&self) -> i64 {
        i64::try_from(self.origin.elapsed().as_micros()).unwrap_or(i64::MAX)
    }
}
