//! The ledger of a door: grants are credits, entries spend them, and every judgement explains itself.
//!
//! Rank: above `access`. Pure.

mod account;
mod explain;
mod history;
mod judge;
mod kinds;
mod ledger;
mod policy;
mod retime;
mod state;
mod step;

pub use explain::{Names, PlainNames, explain_grant, explain_steps, explain_verdict};
pub use kinds::{CreditUse, GrantOutcome, GrantVerdict, Stage, Verdict, VerdictKind};
pub use ledger::{CrossingState, Ledger, LedgerOutput, LiveCredit};
pub use policy::Policy;
pub use state::{LedgerState, Renamed};
pub use step::{Apart, Fate, GrantStep, Other, Step};

#[cfg(test)]
mod tests;
