//! The words of judgement.
//!
//! A statement carries facts, not sentences: the sentences are made from it by [`super::explain`],
//! which knows what doors are called and how times are written.

use serde::{Deserialize, Serialize};

use super::{GrantStep, Step};
use crate::crossing::Crossing;
use crate::units::{CrossingId, DoorId, Doubt, Instant, Interval};

/// What a crossing was.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum VerdictKind {
    /// A credit was spent.
    Authorised,
    /// No credit, and another, credited passage went through the same opening before or beside it.
    Tailgating,
    /// No credit, and it slipped in while someone came out.
    EntryOnExit,
    /// No credit, and nobody opened the door for it.
    UnauthorisedEntry,
    /// Outbound without a credit, where policy asks for a grant to go out.
    UnauthorisedExit,
    /// A scheduled or manual unlock was in force.
    FreePassage,
    /// Outbound: counted, neither gives nor takes a credit (it takes one where readers are on both
    /// sides).
    Exit,
    /// Against a one-way portal.
    WrongWay,
    /// In and back out within the U-turn time, which policy nets to nothing.
    UTurn,
    /// Cannot be judged: see the doubts.
    Undetermined,
}

impl VerdictKind {
    /// Every kind.
    pub const ALL: [Self; 10] = [
        Self::Authorised,
        Self::Tailgating,
        Self::EntryOnExit,
        Self::UnauthorisedEntry,
        Self::UnauthorisedExit,
        Self::FreePassage,
        Self::Exit,
        Self::WrongWay,
        Self::UTurn,
        Self::Undetermined,
    ];

    /// Its name as in JSON.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Authorised => "authorised",
            Self::Tailgating => "tailgating",
            Self::EntryOnExit => "entry_on_exit",
            Self::UnauthorisedEntry => "unauthorised_entry",
            Self::UnauthorisedExit => "unauthorised_exit",
            Self::FreePassage => "free_passage",
            Self::Exit => "exit",
            Self::WrongWay => "wrong_way",
            Self::UTurn => "u_turn",
            Self::Undetermined => "undetermined",
        }
    }

    /// Whether somebody passed who should not have: what turns tiles red and sends an alert.
    pub const fn is_breach(self) -> bool {
        matches!(
            self,
            Self::Tailgating
                | Self::EntryOnExit
                | Self::UnauthorisedEntry
                | Self::UnauthorisedExit
                | Self::WrongWay
        )
    }
}

/// How final a judgement is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Stage {
    /// As things look now; a late grant may still change it.
    Provisional,
    /// Judged.
    Final,
    /// Judged again after it was final, because later truth came in.
    Amended,
}

/// A credit that was spent on a crossing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CreditUse {
    /// Id of the grant's access event.
    pub grant: String,
    /// Opaque holder id.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub holder: Option<String>,
    /// The reader that granted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reader: Option<String>,
    /// When it was granted.
    pub granted: Interval,
    /// Which of the grant's passages this was, from 1.
    pub passage: u8,
}

/// The judgement on one crossing.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Verdict {
    /// Stable id; amendments keep it.
    pub id: String,
    /// 1 for the first statement under this id, then counting up.
    pub revision: u32,
    /// How final.
    pub stage: Stage,
    /// The door.
    pub door: DoorId,
    /// What it was.
    pub kind: VerdictKind,
    /// What it would most likely be, if it is undetermined.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub likely: Option<VerdictKind>,
    /// What the statement before this one said, if that differs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub was: Option<VerdictKind>,
    /// The crossing judged.
    pub crossing: Crossing,
    /// The credit spent on it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub credit: Option<CreditUse>,
    /// The crossing that made it tailgating (the credited one at the head of the train), an entry
    /// on exit (the exit) or a U-turn (its other half).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub beside: Option<CrossingId>,
    /// Why it may be wrong.
    pub doubts: Vec<Doubt>,
    /// When it was stated.
    pub stated_at: Instant,
    /// Step by step, why this and why not something else.
    pub why: Vec<Step>,
}

/// How a grant ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum GrantOutcome {
    /// Still good and not spent yet. Only ever provisional.
    Live,
    /// Every passage it allows, or at least one, was spent.
    Used,
    /// Nobody walked on it.
    Unused,
    /// Cannot be known: see the doubts.
    Undetermined,
}

impl GrantOutcome {
    /// Its name as in JSON.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Live => "live",
            Self::Used => "used",
            Self::Unused => "unused",
            Self::Undetermined => "undetermined",
        }
    }
}

/// The judgement on one grant.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct GrantVerdict {
    /// Stable id; amendments keep it.
    pub id: String,
    /// 1 for the first statement under this id, then counting up.
    pub revision: u32,
    /// How final.
    pub stage: Stage,
    /// The door.
    pub door: DoorId,
    /// Id of the grant's access event.
    pub grant: String,
    /// Opaque holder id.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub holder: Option<String>,
    /// The reader that granted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reader: Option<String>,
    /// How it ended.
    pub outcome: GrantOutcome,
    /// What the statement before this one said, if that differs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub was: Option<GrantOutcome>,
    /// When it was granted.
    pub granted: Interval,
    /// From when to when a crossing could have spent it.
    pub good: Interval,
    /// The crossings it was spent on, in order of time; never more than `allowed`.
    pub spent_on: Vec<CrossingId>,
    /// Passages allowed.
    pub allowed: u8,
    /// Why it may be wrong.
    pub doubts: Vec<Doubt>,
    /// When it was stated.
    pub stated_at: Instant,
    /// Step by step, why.
    pub why: Vec<GrantStep>,
}
