//! Segments of one run, one after the other: what the next begins with, and whether it did.
//!
//! Theory: each segment is judged again by itself, from the state that its header holds. What ties them
//! together is checked from both sides: the header names the segment before with its verdict hash, and
//! its state is what that one ends with. So nobody can leave one out, or change one, and its hash with
//! it, without the next one telling.

use std::collections::VecDeque;

use serde::Serialize;

use super::replay::TraceReplay;
use super::trace::Because;
use crate::engine::{Engine, EngineConfig, Succession};
use crate::units::Instant;

/// The engine that goes on from another at `now`, perhaps with another configuration, and what became of
/// cameras and doors. `whole`: nothing that was stated can have been lost. `Err`: why there can be none.
pub fn heir(
    before: &Engine,
    whole: bool,
    config: &EngineConfig,
    now: Instant,
) -> Result<(Engine, Succession), Vec<String>> {
    let state = before.state();
    let state = if whole { state } else { state.after_a_loss() };
    if config == before.config() {
        let told = Succession::of_the_same(config);
        return Engine::resume(config.clone(), state).map(|engine| (engine, told));
    }
    Engine::succeed(config.clone(), before.config(), state, now)
}

/// Whether `after` goes on where `before`, a file of this name, ends; both judged by what they were
/// recorded with. `Err` says what is wrong.
pub fn follows(before: &TraceReplay, name: &str, after: &TraceReplay) -> Result<(), String> {
    let Some(continues) = &after.continues else {
        return Err("it begins a run of its own, and goes on from nothing".to_owned());
    };
    if continues.segment != name {
        return Err(format!(
            "it goes on from {}, which is not given before it",
            continues.segment
        ));
    }
    let hash = before.run.log.verdict_hash();
    if continues.verdict_hash != hash {
        return Err(format!(
            "it goes on from verdict hash {}, and {name} ends with {hash}",
            continues.verdict_hash
        ));
    }
    let now = Instant::from_us(after.provenance.start_us);
    let config = after.run.engine.config();
    let heir = heir(&before.run.engine, before.recorded.is_some(), config, now);
    let (heir, _) = heir.map_err(|problems| problems.join("; "))?;
    let state = serde_json::to_string(&heir.state()).map_err(|error| error.to_string())?;
    if after.state.as_ref() != Some(&state) {
        return Err(format!(
            "it begins with another state than {name} ends with"
        ));
    }
    Ok(())
}

/// Segments that are looked back at: the one before, and for last words the one before that.
const KEPT: usize = 2;

/// Segments as they are given, the oldest first.
#[derive(Default)]
pub struct Chain {
    before: VecDeque<(String, TraceReplay)>,
}

/// What was found of one segment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Link {
    /// Its file name.
    pub segment: String,
    /// Frames taken.
    pub frames: u64,
    /// The hash of what it states.
    pub verdict_hash: String,
    /// Whether it has its end.
    pub whole: bool,
    /// The segment that it says it goes on from; `None`: it begins a run.
    pub goes_on_from: Option<String>,
    /// Whether that one was given, and it does.
    pub follows: bool,
    /// What is wrong with it.
    pub problem: Option<String>,
}

impl Chain {
    /// Takes the next file, judged again by what it was recorded with.
    pub fn take(&mut self, name: &str, replay: TraceReplay) -> Link {
        let from = replay
            .continues
            .as_ref()
            .map(|before| before.segment.clone());
        let hash = replay.run.log.verdict_hash();
        let end = replay.recorded.as_ref();
        let own = match (&replay.differs, end) {
            (Some(differs), _) => Some(differs.clone()),
            (None, Some(end)) if end.verdict_hash != hash => Some(format!(
                "it records verdict hash {}, and {hash} comes out",
                end.verdict_hash
            )),
            _ => None,
        };
        let before = self.before.iter();
        let given = before.rev().find(|(name, _)| Some(name) == from.as_ref());
        let linked = match (&from, given) {
            (Some(_), Some((name, before))) => Some(follows(before, name, &replay)),
            // The first that is given may go on from one that was deleted.
            (Some(from), None) if !self.before.is_empty() => {
                Some(Err(format!("it goes on from {from}, which is missing")))
            }
            _ => None,
        };
        let link = Link {
            segment: name.to_owned(),
            frames: replay.run.frames,
            verdict_hash: hash,
            whole: end.is_some(),
            goes_on_from: from,
            follows: linked.as_ref().is_some_and(Result::is_ok),
            problem: own.or(linked.and_then(Result::err)),
        };
        let leaving = replay.continues.as_ref();
        if leaving.is_none_or(|before| before.because != Because::Leaving) {
            self.before.push_back((name.to_owned(), replay));
            if self.before.len() > KEPT {
                self.before.pop_front();
            }
        }
        link
    }
}

impl std::fmt::Display for Link {
    /// One line for an auditor.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let end = if self.whole { "" } else { ", cut short" };
        match &self.problem {
            Some(problem) => write!(f, "{}: DIFFERS: {problem}", self.segment)?,
            None => write!(f, "{}: verified{end}", self.segment)?,
        }
        write!(f, "; {} frames", self.frames)?;
        match &self.goes_on_from {
            None => write!(f, "; begins a run")?,
            Some(_) if self.follows => {}
            Some(from) => write!(f, "; goes on from {from}")?,
        }
        write!(f, "; verdict hash {}", self.verdict_hash)
    }
}
