//! Tests of the ledger: scenarios a person can read, and properties over random histories.

mod live;
mod properties;
mod reference;
mod scenarios;
mod script;
mod sentences;
