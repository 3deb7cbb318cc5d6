//! Sentences made from the facts of a judgement. Pure: names and the way times are written are given.

use super::{GrantVerdict, Verdict};
use crate::crossing::Crossing;
use crate::units::{DoorId, Instant};

/// What a site calls its things and how it writes its times.
pub trait Names {
    /// A door.
    fn door(&self, door: DoorId) -> String {
        format!("door {door}")
    }
    /// The way a crossing went ("in", "out", or what the portal calls it).
    fn direction(&self, crossing: &Crossing) -> String {
        match crossing.direction {
            crate::crossing::Direction::In => "in".to_owned(),
            crate::crossing::Direction::Out => "out".to_owned(),
        }
    }
    /// A moment.
    fn time(&self, at: Instant) -> String {
        at.to_string()
    }
    /// The holder of a grant.
    fn holder(&self, holder: &str) -> String {
        format!("badge {holder}")
    }
}

/// Numbers for names and seconds for times.
#[derive(Debug, Clone, Copy, Default)]
pub struct PlainNames;

impl Names for PlainNames {}

/// One line a guard can read.
pub fn explain_verdict(_verdict: &Verdict, _names: &dyn Names) -> String {
    unimplemented!("ledger")
}

/// Why this and why not something else, one sentence a step.
pub fn explain_steps(_verdict: &Verdict, _names: &dyn Names) -> Vec<String> {
    unimplemented!("ledger")
}

/// One line a guard can read.
pub fn explain_grant(_verdict: &GrantVerdict, _names: &dyn Names) -> String {
    unimplemented!("ledger")
}
