//! The ledger of one door.

use super::{GrantVerdict, Policy, Stage, Verdict, VerdictKind};
use crate::access::{AccessEvent, FeedStatus};
use crate::crossing::{Crossing, Direction};
use crate::units::{CrossingId, DoorId, Doubt, Instant, Interval, Span};

/// What the ledger states.
#[derive(Debug, Clone, PartialEq)]
pub enum LedgerOutput {
    /// On a crossing.
    Verdict(Box<Verdict>),
    /// On a grant.
    Grant(Box<GrantVerdict>),
}

/// A credit that can still be spent.
#[derive(Debug, Clone, PartialEq)]
pub struct LiveCredit {
    /// Id of the grant's access event.
    pub grant: String,
    /// Opaque holder id.
    pub holder: Option<String>,
    /// Which way it is good for; `None`: the way that needs one.
    pub direction: Option<Direction>,
    /// Passages left.
    pub passages_left: u8,
    /// For how long it is still good.
    pub time_left: Span,
}

/// What a crossing was last stated to be: enough to colour its tiles.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CrossingState {
    /// What it is.
    pub kind: VerdictKind,
    /// How final.
    pub stage: Stage,
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

    /// Takes an access event of this door (duplicates and other doors' events change nothing).
    pub fn on_access(&mut self, _now: Instant, _event: &AccessEvent, _out: &mut Vec<LedgerOutput>) {
        let _ = (&self.door, &self.policy);
        unimplemented!("ledger")
    }

    /// Takes a crossing of one of this door's portals.
    pub fn on_crossing(
        &mut self,
        _now: Instant,
        _crossing: &Crossing,
        _out: &mut Vec<LedgerOutput>,
    ) {
        unimplemented!("ledger")
    }

    /// Takes what is known of the feed.
    pub fn on_feed(&mut self, _now: Instant, _status: &FeedStatus, _out: &mut Vec<LedgerOutput>) {
        unimplemented!("ledger")
    }

    /// The door could not be seen during `blind`, for the reason in `doubt` (camera not believable,
    /// frames missing, before or after a clip). `blind.hi == Instant::MAX` while it still lasts; the
    /// same `blind.lo` and `doubt` told again with an end closes it.
    pub fn on_blind(
        &mut self,
        _now: Instant,
        _blind: Interval,
        _doubt: Doubt,
        _out: &mut Vec<LedgerOutput>,
    ) {
        unimplemented!("ledger")
    }

    /// Time passed: what is due becomes final.
    pub fn advance(&mut self, _now: Instant, _out: &mut Vec<LedgerOutput>) {
        unimplemented!("ledger")
    }

    /// When `advance` next has something to do.
    pub fn next_due(&self) -> Option<Instant> {
        unimplemented!("ledger")
    }

    /// The credits that can still be spent at `now`, oldest first.
    pub fn credits(&self, _now: Instant) -> Vec<LiveCredit> {
        unimplemented!("ledger")
    }

    /// What a crossing was last stated to be; `None` for one this ledger does not (or no longer) hold.
    pub fn state_of(&self, _crossing: CrossingId) -> Option<CrossingState> {
        unimplemented!("ledger")
    }
}
