//! What the engine says.

use serde::{Deserialize, Serialize};

use crate::crossing::Crossing;
use crate::units::{DoorId, Instant};
use crate::verdict::{GrantVerdict, LedgerOutput, Verdict};

/// One output.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Output {
    /// Somebody passed a portal.
    Crossing(Crossing),
    /// A judgement on a crossing: provisional, final or amended.
    Verdict(Box<Verdict>),
    /// A judgement on a grant.
    Grant(Box<GrantVerdict>),
    /// Something a person should know that is no verdict: a clock that was set, an unknown door.
    Alarm(Alarm),
}

/// Something a person should know that is no verdict.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Alarm {
    /// The door, if it concerns one.
    pub door: Option<DoorId>,
    /// When it occurred.
    pub at: Instant,
    /// One line a guard can read.
    pub text: String,
}

impl From<LedgerOutput> for Output {
    fn from(output: LedgerOutput) -> Self {
        match output {
            LedgerOutput::Verdict(verdict) => Self::Verdict(verdict),
            LedgerOutput::Grant(grant) => Self::Grant(grant),
            LedgerOutput::Clock { door, change } => Self::Alarm(Alarm {
                door: Some(door),
                at: change.at,
                text: change.text(),
            }),
        }
    }
}
