//! The gate before a new configuration: recorded incidents judged with the old one and with the new.
//!
//! Theory of operation: a trace holds everything the engine was told, so it is judged again without
//! pixels, once with each configuration. What a person confirmed of it (its truth file) must not be
//! lost. Whatever else was judged in it is a *neighbour*: nobody confirmed it, so a change there is
//! shown, and not held against the new configuration.

use std::path::PathBuf;

use serde::Serialize;

use super::log::VerdictLog;
use super::names::SiteNames;
use super::tune::case::{Case, Feed};
use super::tune::folder::{CaseFiles, FootageKind};
use super::tune::load::{labels, read_trace, same_places};
use crate::config::{DetectorChoice, SiteConfig};
use crate::engine::EngineConfig;
use crate::score::{Change, Found, Passage, Truth, Turn, changes, passages};

/// What came of judging incidents with two configurations. The same as `--json` prints.
#[derive(Debug, Clone, Default, Serialize)]
pub struct GateReport {
    /// Each incident.
    pub incidents: Vec<Incident>,
    /// Confirmed verdicts of all incidents.
    pub confirmed: usize,
    /// Confirmed verdicts that the old configuration reaches and the new one does not.
    pub lost: usize,
    /// Confirmed verdicts that only the new configuration reaches.
    pub gained: usize,
    /// Confirmed verdicts that neither reaches.
    pub missed_by_both: usize,
    /// Verdicts that nobody confirmed.
    pub neighbours: usize,
    /// How many of those change.
    pub neighbours_changed: usize,
    /// Traces that are of other doors, and were left out.
    pub left_out: Vec<String>,
}

/// One incident.
#[derive(Debug, Clone, Serialize)]
pub struct Incident {
    /// What people call it.
    pub name: String,
    /// Its trace.
    pub trace: PathBuf,
    /// Confirmed verdicts in it.
    pub confirmed: usize,
    /// Verdicts in it that nobody confirmed.
    pub neighbours: usize,
    /// Confirmed verdicts that come out otherwise.
    pub changes: Vec<Change>,
    /// Confirmed verdicts that neither configuration reaches.
    pub missed_by_both: usize,
    /// Neighbours that come out otherwise: what the old configuration said as `expected`, what the
    /// new one says as `found`.
    pub neighbour_changes: Vec<Passage>,
}

impl GateReport {
    /// Judges the traces among `files`. `Err`: one line for each that can't be judged.
    pub fn new(
        files: &[CaseFiles],
        old: &SiteConfig,
        new: &SiteConfig,
    ) -> Result<Self, Vec<String>> {
        let (mut report, mut problems) = (Self::default(), Vec::new());
        for files in files
            .iter()
            .filter(|files| files.kind == FootageKind::Trace)
        {
            match incident(files, &old.engine, &new.engine) {
                Ok(Judged::Incident(incident)) => report.take(incident),
                Ok(Judged::OtherDoors(why)) => {
                    report.left_out.push(format!("{}: {why}", files.name));
                }
                Err(problem) => problems.push(problem),
            }
        }
        if problems.is_empty() {
            Ok(report)
        } else {
            Err(problems)
        }
    }

    fn take(&mut self, incident: Incident) {
        let count = |turn: Turn| incident.changes.iter().filter(|c| c.turn == turn).count();
        self.confirmed += incident.confirmed;
        self.lost += count(Turn::Broken);
        self.gained += count(Turn::Fixed);
        self.missed_by_both += incident.missed_by_both;
        self.neighbours += incident.neighbours;
        self.neighbours_changed += incident.neighbour_changes.len();
        self.incidents.push(incident);
    }
}

enum Judged {
    Incident(Incident),
    OtherDoors(String),
}

fn incident(files: &CaseFiles, old: &EngineConfig, new: &EngineConfig) -> Result<Judged, String> {
    let trace = read_trace(&files.footage)?;
    if let Err(why) = same_places(&trace.config, new) {
        return Ok(Judged::OtherDoors(why));
    }
    let (confirmed, by_verdict) = match &files.truth {
        Some(_) => labels(files)?,
        None => (Vec::new(), true),
    };
    let case = Case {
        name: files.name.clone(),
        config: old.clone(),
        detector: DetectorChoice::default(),
        door_files: Vec::new(),
        labels: confirmed,
        by_verdict,
        start: trace.start,
        seconds: trace.seconds,
        feed: Feed::Recorded(trace.inputs.into()),
    };
    let judge = |config: &EngineConfig| -> Result<(VerdictLog, SiteNames), String> {
        case.run(config.clone(), &DetectorChoice::default())
            .map_err(|why| format!("{}: {why}", files.footage.display()))
    };
    let ((log, names), (new_log, new_names)) = (judge(old)?, judge(new)?);
    let before = passages(&case.labels, &case.found(&log, &names));
    let after = passages(&case.labels, &case.found(&new_log, &new_names));
    Ok(Judged::Incident(compared(files, &case, &before, &after)))
}

fn compared(files: &CaseFiles, case: &Case, before: &[Passage], after: &[Passage]) -> Incident {
    let count = case.labels.len();
    let neighbours = |all: &[Passage]| -> Vec<Found> {
        let others = all[count.min(all.len())..].iter();
        let found = others.filter_map(|passage| {
            Some(Found {
                time_s: passage.time_s,
                direction: passage.found.clone()?,
                track: 0,
            })
        });
        found.collect()
    };
    let said: Vec<Truth> = neighbours(before)
        .into_iter()
        .map(|found| Truth {
            time_s: found.time_s,
            tolerance_s: 0.0,
            direction: found.direction,
            who: String::new(),
        })
        .collect();
    let mut others = passages(&said, &neighbours(after));
    others.retain(|passage| !passage.is_right());
    others.iter_mut().for_each(|passage| passage.who.clear());
    let both_miss = |(was, is): &(&Passage, &Passage)| !was.is_right() && !is.is_right();
    let labelled = || before[..count].iter().zip(&after[..count]);
    Incident {
        name: files.name.clone(),
        trace: files.footage.clone(),
        confirmed: count,
        neighbours: said.len(),
        changes: changes(&before[..count], &after[..count]),
        missed_by_both: labelled().filter(both_miss).count(),
        neighbour_changes: others,
    }
}
