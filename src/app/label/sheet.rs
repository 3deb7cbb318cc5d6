//! The sheet: a truth file being made, with what was answered so far.
//!
//! It is an ordinary truth file at every moment. Under the key `labelling`, which readers of truth
//! files pass over, it keeps each answer with what was proposed, so that the work can be taken up
//! again: a proposal at the same moment in the same direction is not asked twice.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::proposal::Proposal;
use crate::verdict::VerdictKind;

/// Two proposals this close in time, in one direction, are the same one, s: another detector or
/// setting times a crossing a little otherwise.
const SAME_S: f64 = 0.3;
/// Tolerance written for a moment that a person confirmed, s: what can be told from a strip of
/// pictures.
const TOLERANCE_S: f64 = 0.3;

/// A crossing that happened.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Labelled {
    /// When, s since the clip's start.
    pub t_s: f64,
    /// Which way.
    pub dir: String,
    /// What it was, if verdicts are labelled.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kind: Option<VerdictKind>,
}

/// One answer.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Answer {
    /// What was proposed; `None` for a crossing that a person added.
    pub proposed: Option<Proposed>,
    /// What really happened; `None` if nobody passed.
    pub is: Option<Labelled>,
}

/// What was proposed, as far as it is needed to know it again.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Proposed {
    /// When.
    pub t_s: f64,
    /// Which way.
    pub dir: String,
}

/// Under the key `labelling`.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
struct Progress {
    /// Every answer, in the order in which they were given.
    answers: Vec<Answer>,
    /// Whether everything proposed was answered.
    complete: bool,
}

/// What the clip is, for the head of the truth file.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct ClipFacts {
    /// The clip as the user named it.
    pub clip: String,
    /// Size of its picture, px, if it is a clip.
    pub picture: Option<(u32, u32)>,
    /// Whether verdicts are labelled too.
    pub by_verdict: bool,
}

/// A truth file being made.
#[derive(Debug, Clone)]
pub struct Sheet {
    path: PathBuf,
    facts: ClipFacts,
    progress: Progress,
}

impl Sheet {
    /// The sheet at `path`, taken up again if there is one.
    pub fn open(path: &Path, facts: ClipFacts) -> Result<Self, String> {
        let name = path.display();
        let progress = match std::fs::read(path) {
            Ok(bytes) => {
                let wrong = |why: String| format!("{name}: {why}; name another file with --out");
                let text: Value = serde_json::from_slice(&bytes)
                    .map_err(|why| wrong(format!("is there and is no JSON ({why})")))?;
                let progress = text.get("labelling").cloned().ok_or_else(|| {
                    wrong("is there and was not made by labelling: it is left alone".to_owned())
                })?;
                serde_json::from_value(progress)
                    .map_err(|why| wrong(format!("its labelling can't be read ({why})")))?
            }
            Err(problem) if problem.kind() == std::io::ErrorKind::NotFound => Progress::default(),
            Err(problem) => return Err(format!("cannot read {name}: {problem}")),
        };
        Ok(Self {
            path: path.to_owned(),
            facts,
            progress,
        })
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Whether verdicts are labelled, not only crossings.
    pub fn by_verdict(&self) -> bool {
        self.facts.by_verdict
    }

    /// The answer that was given to a proposal.
    pub fn answer_to(&self, proposal: &Proposal) -> Option<&Answer> {
        let same = |answer: &&Answer| {
            answer.proposed.as_ref().is_some_and(|proposed| {
                proposed.dir == proposal.direction
                    && (proposed.t_s - proposal.time_s).abs() <= SAME_S
            })
        };
        // Of several people at one moment each has an answer of its own: the nearest one.
        let answers = self.progress.answers.iter().filter(same);
        answers.min_by(|a, b| {
            let far = |answer: &Answer| {
                let proposed = answer.proposed.as_ref();
                proposed.map_or(f64::INFINITY, |p| (p.t_s - proposal.time_s).abs())
            };
            far(a).total_cmp(&far(b))
        })
    }

    /// Writes down an answer; an earlier one to the same proposal goes.
    pub fn answer(&mut self, answer: Answer) -> Result<(), String> {
        if answer.proposed.is_some() {
            self.progress
                .answers
                .retain(|known| known.proposed != answer.proposed);
        }
        self.progress.answers.push(answer);
        self.write()
    }

    /// Takes back the last answer; `false` if there is none.
    pub fn take_back(&mut self) -> Result<bool, String> {
        let taken = self.progress.answers.pop().is_some();
        self.progress.complete = false;
        self.write().map(|()| taken)
    }

    /// Writes down that everything proposed was answered, or that it was not.
    pub fn finish(&mut self, complete: bool) -> Result<(), String> {
        self.progress.complete = complete;
        self.write()
    }

    /// What happened as far as it is known, in order of time.
    pub fn labelled(&self) -> Vec<Labelled> {
        let answers = self.progress.answers.iter();
        let mut all: Vec<Labelled> = answers.filter_map(|answer| answer.is.clone()).collect();
        all.sort_by(|a, b| a.t_s.total_cmp(&b.t_s));
        all
    }

    fn write(&self) -> Result<(), String> {
        let labelled = self.labelled();
        let crossings: Vec<Value> = labelled
            .iter()
            .map(|l| json!({ "t_s": l.t_s, "dir": l.dir, "tol_s": TOLERANCE_S }))
            .collect();
        let mut truth = json!({
            "clip": self.facts.clip,
            "crossings": crossings,
            "method": "proposed by a run, confirmed or corrected by a person",
            "labelling": self.progress,
        });
        if let Some((width, height)) = self.facts.picture {
            truth["image"] = json!([width, height]);
        }
        if self.facts.by_verdict {
            let verdicts = labelled.iter().filter_map(|l| {
                let kind = l.kind?;
                Some(json!({ "t_s": l.t_s, "kind": kind, "tol_s": TOLERANCE_S }))
            });
            truth["verdicts"] = verdicts.collect();
        }
        let cannot = |problem| format!("cannot write {}: {problem}", self.path.display());
        let part = self.path.with_extension("json.part");
        std::fs::write(&part, format!("{truth:#}\n")).map_err(cannot)?;
        std::fs::rename(&part, &self.path).map_err(cannot)
    }
}
