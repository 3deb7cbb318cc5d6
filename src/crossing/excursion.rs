//! What happens to a track between leaving the side where it is settled and settling again.
//!
//! Whoever dithers at the line is on one long excursion, which ends in one crossing or in none.

use serde::{Deserialize, Serialize};

use super::sighting::{Motion, Pass, Sighting};
use crate::floor::FootprintBasis;
use crate::tracking::PathPoint;
use crate::units::{Instant, Interval, Span};

/// Passing to and fro for no longer than this is noise about one passage, whose middle is the
/// best estimate; for longer, it is dithering, and the last passage is the one that counted.
const ONE_PASSAGE: Span = Span::from_ms(1_000);

/// What happened since the track was last deep on the side where it is settled.
#[derive(Debug, Clone, Copy, Default, Serialize, Deserialize)]
pub(super) struct Excursion {
    /// When it was last deep there.
    pub(super) left: Option<Instant>,
    pub(super) first_pass: Option<Pass>,
    pub(super) last_pass: Option<Pass>,
    /// Sightings since, and how many of them rested on the head alone.
    pub(super) seen: u32,
    pub(super) heads: u32,
    pub(super) crowded: bool,
    pub(super) interrupted: bool,
    /// The sighting farthest from that side, and how it got there.
    pub(super) nearest: Option<(Sighting, Motion)>,
}

impl Excursion {
    pub(super) fn since(at: Instant) -> Self {
        Self {
            left: Some(at),
            ..Self::default()
        }
    }

    pub(super) fn note(&mut self, point: &PathPoint, interrupted: bool) {
        self.seen = self.seen.saturating_add(1);
        let head = point.basis == Some(FootprintBasis::Head);
        self.heads = self.heads.saturating_add(u32::from(head));
        self.crowded |= point.crowded;
        self.interrupted |= interrupted;
    }

    /// When the line was passed, `last` being the last passage.
    pub(super) fn passed_at(&self, last: &Pass) -> Instant {
        match self.first_pass {
            Some(first) if first.onto == last.onto && last.at - first.at <= ONE_PASSAGE => {
                Interval::new(first.at, last.at).mid()
            }
            _ => last.at,
        }
    }
}
