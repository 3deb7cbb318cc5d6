//! The box's time, read at this one place of the intake.
//!
//! Events are stamped when they arrive, before anything else is done with them; what is pure gets
//! the moment handed in. Alone, the intake goes by the wall clock. A box that also watches cameras lays
//! a line once and goes by that: when somebody sets the wall clock, grants and people stay together.

use std::sync::OnceLock;

use crate::units::Instant;
use crate::wire::{Clocks, HeldTime};

/// The line, if one was laid.
static LINE: OnceLock<HeldTime> = OnceLock::new();

/// Now, UTC, in whole microseconds: by the line if one was laid, else by the wall clock.
pub fn now() -> Instant {
    let clocks = Clocks::now();
    LINE.get().map_or(clocks.wall, |line| line.now(clocks))
}

/// What the wall clock shows, UTC, in whole microseconds.
pub fn wall() -> Instant {
    Clocks::now().wall
}

/// From now on this process goes by a line that begins where the wall clock is. Returns where the line is.
pub fn lay_line() -> Instant {
    LINE.get_or_init(|| HeldTime::new(Clocks::now()));
    now()
}

/// A moment as people read it, UTC.
pub fn shown(at: Instant) -> String {
    match jiff::Timestamp::from_microsecond(at.as_us()) {
        Ok(stamp) => format!("{stamp:.3}"),
        Err(_) => at.to_string(),
    }
}
