//! Tests of the ledger: scenarios a person can read, and properties over random histories.

mod properties;
mod reference;
mod scenarios;
mod script;
