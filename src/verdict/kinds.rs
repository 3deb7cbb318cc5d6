//! The words of judgement.

use serde::{Deserialize, Serialize};

use crate::crossing::Crossing;
use crate::units::{DoorId, Doubt, Instant, Interval};

/// What a crossing was.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum VerdictKind {
    /// A credit was spent.
    Authorised,
    /// No credit, and another, credited entry went through the same opening before or beside it.
    Tailgating,
    /// No credit, and it slipped in while someone came out.
    EntryOnExit,
    /// No credit, and nobody opened the door for it.
    UnauthorisedEntry,
    /// A scheduled or manual unlock was in force.
    FreePassage,
    /// Outbound: counted, neither gives nor takes a credit.
    Exit,
    /// Against a one-way portal.
    WrongWay,
    /// In and back out within the U-turn time, which policy nets to nothing.
    UTurn,
    /// Cannot be judged: see the doubts.
    Undetermined,
}

impl VerdictKind {
    /// Whether somebody passed who should not have: what turns tiles red and sends an alert.
    pub const fn is_breach(self) -> bool {
        matches!(
            self,
            Self::Tailgating | Self::EntryOnExit | Self::UnauthorisedEntry | Self::WrongWay
        )
    }
}

/// How final a judgement is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
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
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
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
    /// The crossing judged.
    pub crossing: Crossing,
    /// The credit spent on it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub credit: Option<CreditUse>,
    /// The crossing that made it tailgating, an entry on exit or a U-turn.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub beside: Option<crate::units::CrossingId>,
    /// Why it may be wrong.
    pub doubts: Vec<Doubt>,
    /// When it was stated.
    pub stated_at: Instant,
    /// One line a guard can read.
    pub text: String,
    /// Step by step, why this and why not something else.
    pub why: Vec<String>,
}

/// How a grant ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum GrantOutcome {
    /// Every passage it allows, or at least one, was spent.
    Used,
    /// Nobody walked.
    Unused,
    /// Cannot be known: see the doubts.
    Undetermined,
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
    /// How it ended.
    pub outcome: GrantOutcome,
    /// When it was granted.
    pub granted: Interval,
    /// Passages spent.
    pub spent: u8,
    /// Passages allowed.
    pub allowed: u8,
    /// Why it may be wrong.
    pub doubts: Vec<Doubt>,
    /// When it was stated.
    pub stated_at: Instant,
    /// One line a guard can read.
    pub text: String,
}
