//! A case: one labelled clip, trace or scene that can be judged again and again without pixels.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

use crate::access::AccessEvent;
use crate::app::log::VerdictLog;
use crate::app::names::SiteNames;
use crate::app::run::EngineRun;
use crate::app::truth::{found_crossings, found_verdicts};
use crate::config::{DetectorChoice, fit_together, setting_named};
use crate::engine::{EngineConfig, Input};
use crate::score::{Found, Passage, Tally, Truth, passages};
use crate::units::Instant;
use crate::verdict::VerdictKind;

/// Settings that differ from a case's own, by dotted name, as a door file would give them.
pub type Changes = BTreeMap<String, serde_json::Value>;

/// One labelled clip, trace or scene.
#[derive(Debug, Clone)]
pub struct Case {
    /// What people call it.
    pub name: String,
    /// Its configuration as it stands.
    pub config: EngineConfig,
    /// Its detector as it stands.
    pub detector: DetectorChoice,
    /// The door files that say so, if files do.
    pub door_files: Vec<PathBuf>,
    /// What really happened: verdicts where `by_verdict`, else crossings.
    pub labels: Vec<Truth>,
    /// Whether verdicts are labelled.
    pub by_verdict: bool,
    /// When it starts on the time line.
    pub start: Instant,
    /// How long it is, s.
    pub seconds: f64,
    /// What the engine is told.
    pub feed: Feed,
}

/// What the engine is told of a case.
#[derive(Debug, Clone)]
pub enum Feed {
    /// Footage as a detector saw it, and the events of the access control.
    Footage {
        /// Access events on the time line.
        events: Vec<AccessEvent>,
        /// What was seen, by [`eyes_key`] of what looked.
        seen: BTreeMap<String, Arc<Seen>>,
    },
    /// Everything an earlier run was told, in order.
    Recorded(Arc<Vec<(Instant, Input)>>),
}

/// What was seen of a clip.
#[derive(Debug, Clone, PartialEq)]
pub struct Seen {
    /// Frames, and whatever else came with them, in order.
    pub inputs: Vec<(Instant, Input)>,
    /// When the footage ends.
    pub end: Instant,
}

/// What a detector's choice is known by: what was seen with one is not what another sees.
pub fn eyes_key(detector: &DetectorChoice) -> String {
    format!(
        "{} {:?} {:?}",
        detector.model.as_deref().unwrap_or("default"),
        detector.min_score,
        detector.max_overlap
    )
}

impl Case {
    /// Judges it with some settings changed: what was labelled against what came out.
    pub fn judge(&self, changes: &Changes) -> Result<Vec<Passage>, String> {
        let (config, detector) = self.with(changes)?;
        let (log, names) = self.run(config, &detector)?;
        Ok(passages(&self.labels, &self.found(&log, &names)))
    }

    /// Counts over its passages.
    pub fn tally(&self, passages: &[Passage]) -> Tally {
        Tally::of(passages, self.by_verdict.then_some(is_breach))
    }

    /// Its configuration with some settings changed. `Err` if they do not fit together.
    pub fn with(&self, changes: &Changes) -> Result<(EngineConfig, DetectorChoice), String> {
        let (mut config, mut detector) = (self.config.clone(), self.detector.clone());
        for (name, value) in changes {
            setting_named(name)?.set(value, &mut config, &mut detector)?;
        }
        fit_together(&config)?;
        Ok((config, detector))
    }

    /// Runs it through the engine.
    pub fn run(
        &self,
        config: EngineConfig,
        detector: &DetectorChoice,
    ) -> Result<(VerdictLog, SiteNames), String> {
        let names = SiteNames::new(&config, &[], self.start, false);
        let told = |problem: std::io::Error| problem.to_string();
        let failed = |problems: Vec<String>| problems.join("\n");
        let run = match &self.feed {
            Feed::Footage { events, seen } => {
                let seen = seen.get(&eyes_key(detector)).ok_or_else(|| {
                    format!(
                        "{}: nobody has looked with these detector settings",
                        self.name
                    )
                })?;
                let mut run = EngineRun::new(config, events.clone()).map_err(failed)?;
                run.begin(self.start).map_err(told)?;
                for (at, input) in &seen.inputs {
                    run.feed_events(*at).map_err(told)?;
                    run.step(*at, input).map_err(told)?;
                }
                run.end(seen.end).map_err(told)?;
                run
            }
            Feed::Recorded(inputs) => {
                let mut run = EngineRun::new(config, Vec::new()).map_err(failed)?;
                for (at, input) in inputs.iter() {
                    run.step(*at, input).map_err(told)?;
                }
                run.settle().map_err(told)?;
                run
            }
        };
        Ok((run.log, names))
    }

    /// What a run of it found, in the words of its labels.
    pub fn found(&self, log: &VerdictLog, names: &SiteNames) -> Vec<Found> {
        if self.by_verdict {
            found_verdicts(log, names)
        } else {
            found_crossings(log, names)
        }
    }

    /// Frames that one run takes.
    pub fn frames(&self) -> usize {
        let inputs = match &self.feed {
            Feed::Footage { seen, .. } => seen.values().next().map(|seen| &seen.inputs),
            Feed::Recorded(inputs) => Some(inputs.as_ref()),
        };
        let frames = |inputs: &Vec<(Instant, Input)>| {
            let frames = inputs.iter().filter(|(_, i)| matches!(i, Input::Frame(_)));
            frames.count()
        };
        inputs.map_or(0, frames)
    }
}

/// Whether a verdict's word is one that raises an alarm.
pub fn is_breach(word: &str) -> bool {
    let kind = VerdictKind::ALL.iter().find(|kind| kind.name() == word);
    kind.is_some_and(|kind| kind.is_breach())
}
