//! The steps of a judgement: what was looked at, what became of it, and why nothing else was said.
//!
//! Facts only; [`super::explain`] turns them into sentences.

use serde::{Deserialize, Serialize};

use super::VerdictKind;
use crate::access::{AccessKind, Spans};
use crate::crossing::Direction;
use crate::units::{CrossingId, Doubt, Instant, Interval, Span, TrackId};

/// Another crossing, as far as an explanation needs it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Other {
    /// Which.
    pub crossing: CrossingId,
    /// Who.
    pub track: TrackId,
    /// How long before the judged crossing it was; negative: after it.
    pub before: Span,
}

/// One step of the judgement on a crossing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "step", rename_all = "snake_case")]
pub enum Step {
    /// A credit was looked at.
    Credit {
        /// Id of the grant's access event.
        grant: String,
        /// Opaque holder id.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        holder: Option<String>,
        /// When it was granted.
        granted: Interval,
        /// From when to when it was good.
        good: Interval,
        /// What became of it for this crossing.
        fate: Fate,
    },
    /// There was no grant at all near the crossing.
    NoGrant {
        /// Grants of this time would have fitted.
        looked: Interval,
    },
    /// Going this way needs no grant.
    NoneNeeded,
    /// An unlock was in force.
    Unlocked {
        /// When it began, if that is still known.
        since: Option<Interval>,
        /// When it ended, if it ended within the crossing's uncertainty.
        ended: Option<Interval>,
    },
    /// Against the only way that may be walked.
    AgainstOneWay {
        /// The way that may be walked.
        allowed: Direction,
    },
    /// In and out again.
    UTurn {
        /// Its other half.
        other: Other,
    },
    /// It followed, or went beside, a credited passage through the same opening.
    Followed {
        /// The credited passage.
        leader: Other,
        /// The grant that was spent on it.
        grant: String,
        /// Who held that grant.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        holder: Option<String>,
        /// When it was granted.
        granted: Interval,
        /// The passage just before this one, if the leader was further ahead.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        behind: Option<Other>,
    },
    /// It was not tailgating: there was no credited passage near, or it was this one.
    NotFollowed {
        /// The nearest credited passage of the same direction before it, and why it did not count.
        nearest: Option<(Other, Apart)>,
        /// The follow time.
        follow: Span,
    },
    /// Somebody came out.
    OnExit {
        /// The exit.
        exit: Other,
    },
    /// It did not slip in on an exit: there was none near, or it was this one.
    NotOnExit {
        /// The nearest exit, and why it did not count.
        nearest: Option<(Other, Apart)>,
        /// How close it would have to be.
        close: Span,
    },
    /// Something that the door itself reported and that bears on this.
    Door {
        /// What.
        kind: AccessKind,
        /// When.
        at: Interval,
    },
    /// The door could not be seen.
    Blind {
        /// When.
        during: Interval,
        /// Why.
        doubt: Doubt,
    },
    /// Access events of this time are missing.
    FeedGap {
        /// When.
        during: Interval,
    },
    /// Access events were known to be complete only up to here when judgement fell due.
    FeedIncomplete {
        /// Up to here.
        complete_to: Instant,
    },
    /// A grant's time is too uncertain to judge by.
    ClockUncertain {
        /// Id of the grant's access event.
        grant: String,
        /// How uncertain it is.
        width: Span,
        /// How uncertain it may be.
        limit: Span,
    },
    /// The times of the access control were corrected, and widened.
    ClockCorrected {
        /// By this, added to each.
        by: Spans,
    },
    /// A late grant may still change it.
    Waiting {
        /// Until then, at most.
        until: Instant,
    },
    /// It was stated otherwise before.
    Amended {
        /// What was stated.
        was: VerdictKind,
    },
}

/// Why a neighbouring crossing did not count.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Apart {
    /// Too long before or after.
    Time,
    /// The door was closed, or forced open, in between.
    Closed,
    /// It is the same person.
    SameTrack,
}

/// What became of a credit for one crossing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Fate {
    /// It was spent on this crossing.
    Spent {
        /// Which of its passages, from 1.
        passage: u8,
        /// How many it allows.
        allowed: u8,
    },
    /// Earlier crossings had spent it.
    SpentBefore {
        /// They.
        on: Vec<Other>,
    },
    /// It had expired before the crossing.
    Expired {
        /// By this much.
        by: Span,
    },
    /// It came too long after the crossing.
    TooLate {
        /// By this much.
        by: Span,
    },
    /// It is for the other direction.
    OtherWay,
    /// It was good, and an older one was spent first.
    NotNeeded,
}

/// One step of the judgement on a grant.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "step", rename_all = "snake_case")]
pub enum GrantStep {
    /// A passage was spent.
    Spent {
        /// On this crossing.
        crossing: CrossingId,
        /// By whom.
        track: TrackId,
        /// How long after the grant; negative: before it.
        after: Span,
    },
    /// The door was unlocked: whoever walked needed no grant.
    Unlocked,
    /// The door could not be seen.
    Blind {
        /// When.
        during: Interval,
        /// Why.
        doubt: Doubt,
    },
    /// Its time is too uncertain to judge by.
    ClockUncertain {
        /// How uncertain it is.
        width: Span,
        /// How uncertain it may be.
        limit: Span,
    },
}
