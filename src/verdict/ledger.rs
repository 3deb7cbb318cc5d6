//! The ledger of one door.

use super::{GrantVerdict, Policy, Verdict};
use crate::access::{AccessEvent, FeedStatus};
use crate::crossing::Crossing;
use crate::units::{DoorId, Instant, Interval};

/// What the ledger states.
#[derive(Debug, Clone, PartialEq)]
pub enum LedgerOutput {
    /// On a crossing.
    Verdict(Box<Verdict>),
    /// On a grant.
    Grant(Box<GrantVerdict>),
}

/// Credits, crossings and judgements of one door. The judgement is a pure function of the history
/// in the order of event time; what was stated before is compared with it, and the difference is
/// stated anew.
#[derive(Debug, Clone)]
pub struct Ledger {
    door: DoorId,
    policy: Policy,
}

impl Ledger {
    /// An empty ledger.
    pub fn new(door: DoorId, policy: Policy) -> Self {
        Self { door, policy }
    }

    /// Takes an access event of this door (duplicates change nothing).
    pub fn on_access(&mut self, _now: Instant, _event: &AccessEvent, _out: &mut Vec<LedgerOutput>) {
        let _ = (&self.door, &self.policy);
        unimplemented!("ledger helper")
    }

    /// Takes a crossing of one of this door's portals.
    pub fn on_crossing(
        &mut self,
        _now: Instant,
        _crossing: &Crossing,
        _out: &mut Vec<LedgerOutput>,
    ) {
        unimplemented!("ledger helper")
    }

    /// Takes what is known of the feed.
    pub fn on_feed(&mut self, _now: Instant, _status: &FeedStatus, _out: &mut Vec<LedgerOutput>) {
        unimplemented!("ledger helper")
    }

    /// The door could not be seen during `blind`, for the reason in `doubt` (camera not believable,
    /// frames missing, before or after a clip). `blind.hi == Instant::MAX` while it still lasts; the
    /// same `blind.lo` told again with an end closes it.
    pub fn on_blind(
        &mut self,
        _now: Instant,
        _blind: Interval,
        _doubt: crate::units::Doubt,
        _out: &mut Vec<LedgerOutput>,
    ) {
        unimplemented!("ledger helper")
    }

    /// Time passed: what is due becomes final.
    pub fn advance(&mut self, _now: Instant, _out: &mut Vec<LedgerOutput>) {
        unimplemented!("ledger helper")
    }

    /// When `advance` next has something to do.
    pub fn next_due(&self) -> Option<Instant> {
        unimplemented!("ledger helper")
    }
}
