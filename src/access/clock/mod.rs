//! The clock of a door's access control against the camera's.
//!
//! # Theory of operation
//!
//! Somebody badges, walks, and passes the line. The camera dates the passage, the access control
//! the grant, each by its own clock. The *lag* is the time from the stamp of a grant to the usual
//! passage on it:
//!
//! ```text
//! lag = usual time to walk - how far the access control's clock is ahead
//! ```
//!
//! Only this sum can be seen from passages: a clock that is 1 s ahead looks like people who walk
//! 1 s faster. What is known besides is the range in which the usual time to walk lies at a door
//! ([`LearnClock::walk_from`], [`LearnClock::walk_to`]). While the lag lies in that range, the clocks
//! agree as far as can be told, and nothing is corrected: verdicts are those of a door that does not
//! learn. Beyond it, stamps are moved until the usual passage lies in the range again; from far off,
//! in its middle. Judging asks only whether a passage lies within the window of a grant, so the sum
//! is nearly all that it needs: a window that lies a second off for want of knowing how people walk
//! is the price of a clock that nobody sets.
//!
//! A correction is an interval: the one in which the lag is known. Stamps are widened by its width
//! and by no more. Before the lag is learned it is the whole range that is looked through, which is
//! wider than what may be judged by: every verdict on which a grant could bear is undetermined.
//!
//! [`pairs`] gathers, for each grant, the passages that could have been on it; [`search`] finds the
//! lag among all that is possible, and a new one after a clock was set; [`filter`] follows it and
//! its drift. The rules for when to believe which are in [`learner`].
//!
//! Everything is a pure function of what was told, in the order in which it was told. There is no
//! clock here, and no chance. Deliberately not used: the time at which a grant arrived. A log that
//! is replayed does not know it, and a live feed is late by as much as it likes.

mod filter;
mod learner;
mod memory;
mod pairs;
mod search;
mod state;

#[cfg(test)]
mod tests;

use serde::{Deserialize, Serialize};

use crate::crossing::Direction;
use crate::units::{Doubt, Instant, Interval, Span};

use learner::Learner;
pub use memory::DoorClockState;
pub use state::{ClockChange, ClockEvent, ClockState, ClockStatus, Drift, Spans};

/// What is done about the clock of the access control.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ClockOffset {
    /// Nothing: the clocks agree to within what policy says. The default, since a site with both
    /// clocks on one time server needs nothing, and learning abstains until it has learned.
    #[default]
    Off,
    /// It is ahead by a known time; negative: behind.
    Fixed {
        /// By this much.
        ahead: Span,
    },
    /// Learned from passages.
    Learn(LearnClock),
}

/// How the offset is learned.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct LearnClock {
    /// Offsets up to this, either way, are looked for.
    pub range: Span,
    /// The usual time from a grant to the passage on it is at least this.
    pub walk_from: Span,
    /// And at most this.
    pub walk_to: Span,
}

impl Default for LearnClock {
    fn default() -> Self {
        Self {
            // Clocks that nobody keeps differ by tens of seconds; a wider search takes longer to
            // be sure of what it found.
            range: Span::from_ms(30_000),
            // A reader beside the door: a person needs a second to open it, and has gone through
            // after three.
            walk_from: Span::from_ms(1_000),
            walk_to: Span::from_ms(3_000),
        }
    }
}

impl ClockOffset {
    /// Whether nothing is done.
    pub fn is_off(&self) -> bool {
        *self == Self::Off
    }
}

/// What a stamp is corrected by.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Correction {
    /// Added to a stamp.
    pub by: Spans,
    /// What is doubtful about it.
    pub doubts: Vec<Doubt>,
}

/// The clock of one door's access control.
#[derive(Debug, Clone)]
pub struct DoorClock {
    offset: ClockOffset,
    learner: Option<Box<Learner>>,
}

impl DoorClock {
    /// One of which nothing is known yet.
    pub fn new(offset: ClockOffset) -> Self {
        let learner = match offset {
            ClockOffset::Learn(settings) => Some(Box::new(Learner::new(settings))),
            _ => None,
        };
        Self { offset, learner }
    }

    /// Takes a grant, once.
    pub fn told_grant(
        &mut self,
        now: Instant,
        occurred: Interval,
        received: Instant,
        direction: Option<Direction>,
    ) {
        if let Some(learner) = &mut self.learner {
            learner.told_grant(now, occurred, received, direction);
        }
    }

    /// Takes a passage, once.
    pub fn told_crossing(&mut self, at: Instant, direction: Direction) {
        if let Some(learner) = &mut self.learner {
            learner.told_crossing(at, direction);
        }
    }

    /// Learns from the grants whose passages must all be known by `now`, and says what changed.
    pub fn settle(&mut self, now: Instant) -> Vec<ClockChange> {
        match &mut self.learner {
            Some(learner) => learner.settle(now),
            None => Vec::new(),
        }
    }

    /// What a stamp is corrected by, as far as is known now.
    pub fn correction(&self, occurred: Interval) -> Correction {
        match (&self.offset, &self.learner) {
            (_, Some(learner)) => learner.correction(occurred.mid()),
            (ClockOffset::Fixed { ahead }, None) => Correction {
                by: Spans::exact(-*ahead),
                doubts: Vec::new(),
            },
            _ => Correction {
                by: Spans::exact(Span::ZERO),
                doubts: Vec::new(),
            },
        }
    }

    /// How long after its corrected time a grant may still come in, as measured: a log that is
    /// replayed has a fast clock's grants arrive late.
    pub fn slack(&self) -> Span {
        match (&self.offset, &self.learner) {
            (_, Some(learner)) => learner.slack(),
            (ClockOffset::Fixed { ahead }, None) => (*ahead).max(Span::ZERO),
            _ => Span::ZERO,
        }
    }

    /// How things stand.
    pub fn state(&self) -> ClockState {
        match (&self.offset, &self.learner) {
            (_, Some(learner)) => learner.state(),
            (ClockOffset::Fixed { ahead }, None) => ClockState::fixed(*ahead),
            _ => ClockState::off(),
        }
    }
}
