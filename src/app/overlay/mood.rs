//! How a judgement looks: one colour and one word.

use super::canvas::Colour;
use crate::verdict::{Stage, Verdict, VerdictKind};

/// How a person or a tile stands. Ordered by urgency: where several meet, the greatest shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Mood {
    /// No judgement yet.
    Unjudged,
    /// Nothing to decide (an exit, a free passage).
    Neutral,
    /// Authorised.
    Green,
    /// Pending, or cannot be judged.
    Amber,
    /// Somebody got in without a grant.
    Red,
}

impl Mood {
    /// How a verdict looks.
    pub fn of(verdict: &Verdict) -> Self {
        match (verdict.kind, verdict.stage) {
            (VerdictKind::Authorised, _) => Self::Green,
            (VerdictKind::Exit | VerdictKind::FreePassage | VerdictKind::UTurn, _) => Self::Neutral,
            (VerdictKind::Undetermined, _) => Self::Amber,
            (kind, Stage::Provisional) if kind.is_breach() => Self::Amber,
            _ => Self::Red,
        }
    }

    /// Its colour.
    pub const fn colour(self) -> Colour {
        match self {
            Self::Unjudged => Colour(225, 232, 240, 255),
            Self::Neutral => Colour(120, 170, 255, 255),
            Self::Green => Colour(46, 204, 113, 255),
            Self::Amber => Colour(255, 176, 32, 255),
            Self::Red => Colour(255, 59, 48, 255),
        }
    }

    /// Its word on a label.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Unjudged | Self::Neutral => "",
            Self::Green => "ok",
            Self::Amber => "?",
            Self::Red => "NO GRANT",
        }
    }
}
