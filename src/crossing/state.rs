//! What a counter knows, as a value: written down, read again, and gone on from.
//!
//! Its portal and its settings are left out: a state is nothing without the configuration that it was
//! reached with.

use serde::{Deserialize, Serialize};

use super::account::Account;
use super::{CounterSettings, CrossingCounter};
use crate::floor::Portal;
use crate::units::Instant;

/// Far more people than a tracker follows, with those who left lately: what is read is bounded.
const MOST_ACCOUNTS: usize = 4_096;

/// Everything that a [`CrossingCounter`] knows but its portal and settings.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct CounterState {
    accounts: Vec<Account>,
    last_step: Option<Instant>,
    footage_from: Instant,
}

impl CrossingCounter {
    /// What it knows now.
    pub fn state(&self) -> CounterState {
        CounterState {
            accounts: self.accounts.clone(),
            last_step: self.last_step,
            footage_from: self.footage_from,
        }
    }

    /// A counter that goes on from `state`. `Err` says what of it cannot be.
    pub fn resume(
        portal: Portal,
        settings: CounterSettings,
        state: CounterState,
    ) -> Result<Self, String> {
        let CounterState {
            accounts,
            last_step,
            footage_from,
        } = state;
        if accounts.len() > MOST_ACCOUNTS {
            return Err(format!("there are more than {MOST_ACCOUNTS} accounts"));
        }
        if !accounts.is_sorted_by(|a, b| a.id <= b.id) {
            return Err("accounts are not in the order of their tracks".to_owned());
        }
        let mut counter = Self::new(portal, settings);
        counter.accounts = accounts;
        counter.last_step = last_step;
        counter.footage_from = footage_from;
        Ok(counter)
    }
}
