//! The box's time, read at this one place of the intake.
//!
//! Events are stamped when they arrive, before anything else is done with them; what is pure gets
//! the moment handed in. Alone, the intake goes by the wall clock. A box that also watches cameras lays
//! a line once and goes by that: when somebody sets the wall clock, grants and people stay together.

use std::sync::OnceLock;
use std::time::Instant as Steady;

use crate::units::{Instant, Span};

/// Where the line began, if one was laid.
static LINE: OnceLock<(Steady, Instant)> = OnceLock::new();

/// Now, UTC, in whole microseconds: by the line if one was laid, else by the wall clock.
pub fn now() -> Instant {
    match LINE.get() {
        Some((begun, at)) => {
            let us = i64::try_from(begun.elapsed().as_micros()).unwrap_or(i64::MAX);
            *at + Span::from_us(us)
        }
        None => wall(),
    }
}

/// What the wall clock shows, UTC, in whole microseconds.
pub fn wall() -> Instant {
    Instant::from_us(jiff::Timestamp::now().as_microsecond())
}

/// From now on this process goes by a line that begins where the wall clock is. Returns where the line is.
pub fn lay_line() -> Instant {
    LINE.get_or_init(|| (Steady::now(), wall()));
    now()
}

/// A moment as people read it, UTC.
pub fn shown(at: Instant) -> String {
    match jiff::Timestamp::from_microsecond(at.as_us()) {
        Ok(stamp) => format!("{stamp:.3}"),
        Err(_) => at.to_string(),
    }
}
