//! The verdict log: every judgement in the order stated, its hash, and how things stand now.
//!
//! The hash is SHA-256 over the JSON lines of all verdict and grant outputs. Two runs agree if and
//! only if they stated the same things in the same order: that is what "bit for bit the same" means.

use std::collections::BTreeMap;

use sha2::{Digest, Sha256};

use crate::crossing::Crossing;
use crate::engine::{Alarm, Output};
use crate::verdict::{GrantVerdict, Verdict};

/// What an engine stated, folded to the current state of each id.
#[derive(Debug, Clone, Default)]
pub struct VerdictLog {
    hasher: Sha256,
    /// Crossings in the order in which they were established.
    pub crossings: Vec<Crossing>,
    /// Verdict ids in the order of their first statement.
    pub order: Vec<String>,
    /// All statements under each verdict id, oldest first.
    pub verdicts: BTreeMap<String, Vec<Verdict>>,
    /// Grant verdict ids in the order of their first statement.
    pub grant_order: Vec<String>,
    /// All statements under each grant verdict id, oldest first.
    pub grants: BTreeMap<String, Vec<GrantVerdict>>,
    /// Alarms in order.
    pub alarms: Vec<Alarm>,
}

impl VerdictLog {
    /// Takes one output of the engine.
    pub fn take(&mut self, output: &Output) {
        match output {
            Output::Crossing(crossing) => self.crossings.push(crossing.clone()),
            Output::Alarm(alarm) => self.alarms.push(alarm.clone()),
            Output::Verdict(verdict) => {
                self.hash(output);
                let history = self.verdicts.entry(verdict.id.clone()).or_default();
                if history.is_empty() {
                    self.order.push(verdict.id.clone());
                }
                history.push((**verdict).clone());
            }
            Output::Grant(grant) => {
                self.hash(output);
                let history = self.grants.entry(grant.id.clone()).or_default();
                if history.is_empty() {
                    self.grant_order.push(grant.id.clone());
                }
                history.push((**grant).clone());
            }
        }
    }

    /// The current statement on each crossing, in the order of first statement.
    pub fn current_verdicts(&self) -> impl Iterator<Item = &Verdict> {
        self.order
            .iter()
            .filter_map(|id| self.verdicts.get(id)?.last())
    }

    /// The current statement on each grant, in the order of first statement.
    pub fn current_grants(&self) -> impl Iterator<Item = &GrantVerdict> {
        self.grant_order
            .iter()
            .filter_map(|id| self.grants.get(id)?.last())
    }

    /// The hash of everything stated so far, 64 hex digits.
    pub fn verdict_hash(&self) -> String {
        hex::encode(self.hasher.clone().finalize())
    }

    fn hash(&mut self, output: &Output) {
        // Outputs are plain data: serialising them cannot fail, and if it did the hash must differ.
        let line = serde_json::to_string(output).unwrap_or_else(|problem| problem.to_string());
        self.hasher.update(line.as_bytes());
        self.hasher.update(b"\n");
    }
}
