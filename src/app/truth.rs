//! What was labelled and what was found, in the form in which the two are compared.

use super::log::VerdictLog;
use super::names::SiteNames;
use crate::config;
use crate::score::{Found, Truth};

/// The labelled crossings, by direction.
pub fn crossing_labels(truth: &config::Truth) -> Vec<Truth> {
    let label = |crossing: &config::TrueCrossing| Truth {
        time_s: crossing.at.as_s(),
        tolerance_s: crossing.tolerance.as_s(),
        direction: crossing.direction.clone(),
        who: crossing.who.clone().unwrap_or_default(),
    };
    truth.crossings.iter().map(label).collect()
}

/// The labelled verdicts, by kind; `None` if the truth labels none.
pub fn verdict_labels(truth: &config::Truth) -> Option<Vec<Truth>> {
    let label = |verdict: &config::TrueVerdict| Truth {
        time_s: verdict.at.as_s(),
        tolerance_s: verdict.tolerance.as_s(),
        direction: verdict.kind.name().to_owned(),
        who: String::new(),
    };
    let verdicts = truth.verdicts.as_ref()?;
    Some(verdicts.iter().map(label).collect())
}

/// The crossings that a run found, by direction, in order of time.
pub fn found_crossings(log: &VerdictLog, names: &SiteNames) -> Vec<Found> {
    let find = |crossing: &crate::crossing::Crossing| Found {
        time_s: names.seconds(crossing.at),
        direction: names.direction_name(crossing).to_owned(),
        track: crossing.track.0,
    };
    let mut found: Vec<Found> = log.crossings.iter().map(find).collect();
    found.sort_by(|a, b| a.time_s.total_cmp(&b.time_s));
    found
}

/// The verdicts that a run ended with, by kind, in order of crossing time.
pub fn found_verdicts(log: &VerdictLog, names: &SiteNames) -> Vec<Found> {
    let find = |verdict: &crate::verdict::Verdict| Found {
        time_s: names.seconds(verdict.crossing.at),
        direction: verdict.kind.name().to_owned(),
        track: verdict.crossing.track.0,
    };
    let mut found: Vec<Found> = log.current_verdicts().map(find).collect();
    found.sort_by(|a, b| a.time_s.total_cmp(&b.time_s));
    found
}
