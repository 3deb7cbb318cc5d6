//! What a run proposes to be labelled.

use crate::app::log::VerdictLog;
use crate::app::names::SiteNames;
use crate::crossing::Crossing;
use crate::units::Doubt;
use crate::verdict::{Verdict, VerdictKind, explain_verdict};

/// One crossing as the engine believes it was.
#[derive(Debug, Clone, PartialEq)]
pub struct Proposal {
    /// When, s since the clip's start.
    pub time_s: f64,
    /// Which way, as the portal names it.
    pub direction: String,
    /// What it was, where there are grants to judge by.
    pub kind: Option<VerdictKind>,
    /// One line a person can read.
    pub text: String,
    /// Why it may be wrong.
    pub doubts: Vec<Doubt>,
    /// The crossing itself.
    pub crossing: Crossing,
}

/// Every crossing of a run, in order of time; with verdicts if `judged`.
pub fn proposals(log: &VerdictLog, names: &SiteNames, judged: bool) -> Vec<Proposal> {
    let propose = |crossing: &Crossing| {
        let verdict = log
            .current_verdicts()
            .find(|v| v.crossing.id == crossing.id);
        let verdict = verdict.filter(|_| judged);
        Proposal {
            time_s: names.seconds(crossing.at),
            direction: names.direction_name(crossing).to_owned(),
            kind: verdict.map(likely),
            text: verdict
                .map(|v| explain_verdict(v, names))
                .unwrap_or_default(),
            doubts: verdict.map_or_else(|| crossing.doubts.clone(), |v| v.doubts.clone()),
            crossing: crossing.clone(),
        }
    };
    let mut proposals: Vec<Proposal> = log.crossings.iter().map(propose).collect();
    proposals.sort_by(|a, b| a.time_s.total_cmp(&b.time_s));
    proposals
}

/// What it most likely is: a truth says what happened, not what could not be told.
fn likely(verdict: &Verdict) -> VerdictKind {
    verdict.likely.unwrap_or(verdict.kind)
}
