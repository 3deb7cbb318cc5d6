//! The box's time: a clock that only goes forward, laid on UTC once.
//!
//! Theory of operation: the site's time line is the steady clock plus an offset that is read from the wall clock
//! when the process starts and kept. Somebody who sets the wall clock, or a time server that steps
//! it, therefore moves no frame and no verdict. How far the wall clock has gone from the line is
//! told ([`BoxClock::wall_ahead`]); who sees it stay there starts anew. The steady clock is that of the boot: it also
//! counts the time in which the box was suspended, so that a night asleep is a gap and no lag.

use crate::capture::live::SteadyClock;
use crate::units::{Instant, Span};
use crate::wire::boot_us;

/// Steady time with a fixed offset to UTC.
#[derive(Debug, Clone)]
pub struct BoxClock {
    origin_us: i64,
    origin_utc: Instant,
}

impl BoxClock {
    /// The line begins now; the wall clock shows `utc`.
    pub fn new(utc: Instant) -> Self {
        Self {
            origin_us: boot_us(),
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
        boot_us() - self.origin_us
    }
}
