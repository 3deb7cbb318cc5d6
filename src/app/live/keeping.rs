//! Evidence of breaches, and of what cannot be judged: asked for when the pictures after them have come.
//!
//! Theory of operation: a verdict is noted when it is first stated. When its clip's end has passed, the trace's last
//! minutes and what is known of the verdict by then go to the keeper, which takes the pictures out of
//! the camera's ring.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use serde_json::json;

use super::group::Group;
use super::judge::Listener;
use super::status::utc;
use super::view::clear_regions;
use crate::config::EvidenceConfig;
use crate::engine::Alarm;
use crate::evidence::{Cut, Keeper};
use crate::sight::SightState;
use crate::units::{Instant, Span};
use crate::verdict::{Verdict, VerdictKind, explain_verdict};

/// The trace of a verdict begins this long before its clip: tracks and grants are older than what is seen.
const TRACE_BEFORE: Span = Span::from_ms(30_000);

/// Asks for evidence.
pub struct Keeping {
    keeper: Arc<Keeper>,
    settings: EvidenceConfig,
    wanted: Vec<Wanted>,
    asked: BTreeSet<String>,
}

struct Wanted {
    id: String,
    to: Instant,
    verdict: Box<Verdict>,
    camera: String,
}

impl Keeping {
    /// Evidence that this keeper writes.
    pub fn new(keeper: Arc<Keeper>, settings: EvidenceConfig) -> Self {
        Self {
            keeper,
            settings,
            wanted: Vec::new(),
            asked: BTreeSet::new(),
        }
    }

    fn ask(&self, group: &Group, wanted: Wanted) {
        let verdict = &wanted.verdict;
        let from = verdict.crossing.at - self.settings.before;
        let cut = Cut {
            camera: group.camera.clone(),
            door: group.door(verdict).to_owned(),
            ring: Arc::clone(&group.ring),
            from,
            to: wanted.to,
            keep: clear_regions(group.run.engine.config(), verdict.door),
            clear: self.settings.clear,
            moments: vec![verdict.crossing.interval.lo, verdict.crossing.at],
            trace: group.trace_since(from - TRACE_BEFORE),
            about: json!({
                "line": explain_verdict(verdict, &group.names),
                "at": utc(verdict.crossing.at),
                "verdict": verdict,
            }),
            id: wanted.id,
        };
        if let Err(refused) = self.keeper.cut(cut) {
            tracing::error!(camera = group.camera, "no evidence: {refused}");
        }
    }
}

impl Listener for Keeping {
    fn verdict(&mut self, group: &Group, verdict: &Verdict) {
        let id = evidence_id(group, verdict);
        if let Some(wanted) = self.wanted.iter_mut().find(|wanted| wanted.id == id) {
            *wanted.verdict = verdict.clone();
            return;
        }
        if !is_kept(verdict.kind) || !self.asked.insert(id.clone()) {
            return;
        }
        self.wanted.push(Wanted {
            id,
            to: verdict.crossing.at + self.settings.after,
            verdict: Box::new(verdict.clone()),
            camera: group.camera.clone(),
        });
    }

    fn again(&mut self, group: &Group, verdict: &Verdict) {
        // Its pictures are gone, if it had any left to come.
        self.asked.insert(evidence_id(group, verdict));
    }

    fn sight(&mut self, _: &Group, _: Instant, _: SightState, _: &str) {}

    fn alarm(&mut self, _: &Group, _: &Alarm) {}

    fn tick(&mut self, groups: &BTreeMap<usize, Group>, now: Instant) {
        while let Some(place) = self.wanted.iter().position(|wanted| wanted.to <= now) {
            let wanted = self.wanted.swap_remove(place);
            let own = groups.values().find(|group| group.camera == wanted.camera);
            match own {
                Some(group) => self.ask(group, wanted),
                None => tracing::error!(id = wanted.id, "no evidence: its camera was taken out"),
            }
        }
    }
}

/// What cannot be judged may turn out to be a breach when its pictures are gone.
pub fn is_kept(kind: VerdictKind) -> bool {
    kind.is_breach() || kind == VerdictKind::Undetermined
}

/// The folder of a verdict's evidence: the same name however often it is amended.
pub fn evidence_id(group: &Group, verdict: &Verdict) -> String {
    evidence_name(&group.camera, &group.started, &verdict.id)
}

/// The folder of a verdict's evidence, by the camera's name, the run's start and the verdict's id.
pub fn evidence_name(camera: &str, run: &str, verdict: &str) -> String {
    let fits = |c: char| c.is_ascii_alphanumeric() || "-_".contains(c);
    let camera = camera.chars();
    let camera: String = camera
        .map(|c| if fits(c) { c } else { '_' })
        .take(40)
        .collect();
    format!("{camera}-{run}-{verdict}")
}
