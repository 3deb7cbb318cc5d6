//! The ledger of a door: grants are credits, entries spend them, and every judgement explains itself.
//!
//! Rank: above `access`. Pure.

mod kinds;
mod ledger;
mod policy;

pub use kinds::{CreditUse, GrantOutcome, GrantVerdict, Stage, Verdict, VerdictKind};
pub use ledger::{Ledger, LedgerOutput};
pub use policy::Policy;
