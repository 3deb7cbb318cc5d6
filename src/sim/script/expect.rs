//! What must come of a scene.

use crate::crossing::Direction;
use crate::units::Doubt;
use crate::verdict::{GrantOutcome, VerdictKind};

/// What must come of a scene: exactly these verdicts in this order, and these grant outcomes.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Expectation {
    /// Verdicts in the order of crossing time.
    pub verdicts: Vec<Expected>,
    /// Outcomes of grants; grants not named are not compared.
    pub grants: Vec<ExpectedGrant>,
    /// Tolerance of the times, s.
    pub tolerance_s: f64,
}

/// One expected verdict.
#[derive(Debug, Clone, PartialEq)]
pub struct Expected {
    /// Time of the crossing, s.
    pub at_s: f64,
    /// Which way.
    pub direction: Direction,
    /// Which door, if the script has several.
    pub door: Option<String>,
    /// What it was.
    pub kind: VerdictKind,
    /// Id of the grant spent on it.
    pub grant: Option<String>,
    /// A doubt it must carry.
    pub doubt: Option<Doubt>,
}

/// One expected outcome of a grant.
#[derive(Debug, Clone, PartialEq)]
pub struct ExpectedGrant {
    /// Id of the grant.
    pub grant: String,
    /// How it ended.
    pub outcome: GrantOutcome,
}
