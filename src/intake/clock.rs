//! The box's wall clock, read at this one place of the intake.
//!
//! Events are stamped when they arrive, before anything else is done with them; what is pure gets
//! the moment handed in.

use crate::units::Instant;

/// Now, UTC, in whole microseconds.
pub fn now() -> Instant {
    Instant::from_us(jiff::Timestamp::now().as_microsecond())
}

/// A moment as people read it, UTC.
pub fn shown(at: Instant) -> String {
    match jiff::Timestamp::from_microsecond(at.as_us()) {
        Ok(stamp) => format!("{stamp:.3}"),
        Err(_) => at.to_string(),
    }
}
