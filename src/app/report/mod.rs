//! What a run came to: one plain structure, printed as text, JSON or a page.

pub mod html;
pub mod text;

use serde::Serialize;

use super::log::VerdictLog;
use super::names::SiteNames;
use crate::access::{ClockState, ClockStatus, Spans};
use crate::crossing::Direction;
use crate::engine::Engine;
use crate::score::CrossingScore;
use crate::units::{DoorId, Doubt, Span};
use crate::verdict::{
    GrantOutcome, Names, Stage, VerdictKind, explain_grant, explain_steps, explain_verdict,
};

/// What a run came to. The same as `--json` prints.
#[derive(Debug, Clone, Serialize)]
pub struct Report {
    /// What was replayed.
    pub source: String,
    /// Frames taken.
    pub frames: u64,
    /// Frames looked at: in the others nothing moved and nobody was followed. Unknown of a trace.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub looked: Option<u64>,
    /// Wall time of the replay, s.
    pub seconds: f64,
    /// Frames a second of wall time.
    pub fps: f64,
    /// How long the source is, s.
    pub media_seconds: f64,
    /// Where the wall time went.
    pub stages: Stages,
    /// The detector, if pixels were looked at.
    pub model: Option<String>,
    /// Each door's counts.
    pub doors: Vec<DoorCount>,
    /// Crossings in the order of their time.
    pub crossings: Vec<CrossingLine>,
    /// Current verdicts in the order of crossing time.
    pub verdicts: Vec<VerdictLine>,
    /// Current outcomes of grants in the order of time.
    pub grants: Vec<GrantLine>,
    /// The clock of each door's access control, where anything is done about it.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub clocks: Vec<ClockLine>,
    /// Things a person should know that are no verdicts.
    pub alarms: Vec<AlarmLine>,
    /// What could not be read or judged of the source.
    pub losses: Vec<String>,
    /// SHA-256 over everything stated, in order.
    pub verdict_hash: String,
    /// Against truth, if it was given.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub score: Option<Score>,
}

/// Against truth.
#[derive(Debug, Clone, Serialize)]
pub struct Score {
    /// Crossings.
    pub crossings: CrossingScore,
    /// Verdicts, if the truth names any.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub verdicts: Option<CrossingScore>,
}

/// Where the wall time went, milliseconds a frame.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize)]
pub struct Stages {
    /// Reading and decoding.
    pub decode_ms: f64,
    /// From the picture to the network's input.
    pub prepare_ms: f64,
    /// The network.
    pub infer_ms: f64,
    /// From the network's output to detections.
    pub post_ms: f64,
    /// Tracking, counting, judging.
    pub engine_ms: f64,
    /// Pictures, video and page.
    pub draw_ms: f64,
}

/// Counts of one door.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct DoorCount {
    /// Name.
    pub name: String,
    /// Crossings in.
    pub entries: usize,
    /// Crossings out.
    pub exits: usize,
    /// Grants.
    pub grants: usize,
    /// Breaches.
    pub breaches: usize,
    /// Verdicts that could not be reached.
    pub undetermined: usize,
}

/// One crossing.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct CrossingLine {
    /// When, s since the source's first frame.
    pub time_s: f64,
    /// Which way, as the portal names it.
    pub direction: String,
    /// Track.
    pub track: u32,
    /// Crossing number.
    pub id: u32,
    /// Door.
    pub door: String,
    /// From when to when it can have been, s.
    pub interval_s: [f64; 2],
    /// How far beyond the line the track went, m.
    pub margin_m: f64,
    /// Why it may be wrong.
    pub doubts: Vec<Doubt>,
}

/// One verdict.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct VerdictLine {
    /// Stable id.
    pub id: String,
    /// What it was.
    pub kind: VerdictKind,
    /// How final.
    pub stage: Stage,
    /// When the crossing was, s since the source's first frame.
    pub time_s: f64,
    /// Why it may be wrong.
    pub doubts: Vec<Doubt>,
    /// One line a guard can read.
    pub text: String,
    /// Step by step.
    pub why: Vec<String>,
    /// Door.
    pub door: String,
    /// Which way.
    pub direction: String,
    /// Track.
    pub track: u32,
    /// The grant spent on it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub grant: Option<String>,
    /// Whether it is a breach.
    pub breach: bool,
}

/// One grant.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct GrantLine {
    /// The access event's id.
    pub id: String,
    /// How it ended.
    pub outcome: GrantOutcome,
    /// When it was granted, s since the source's first frame.
    pub time_s: f64,
    /// Opaque holder id.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub holder: Option<String>,
    /// Why it may be wrong.
    pub doubts: Vec<Doubt>,
    /// One line a guard can read.
    pub text: String,
}

/// The clock of one door's access control.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ClockLine {
    /// Door.
    pub door: String,
    /// How far it is known.
    pub status: ClockStatus,
    /// From a grant's stamp to the usual passage on it, from and to, s.
    pub lag_s: Option<[f64; 2]>,
    /// How far it is ahead of the camera's, from and to, s.
    pub ahead_s: Option<[f64; 2]>,
    /// What was added to its stamps, from and to, s.
    pub correction_s: Option<[f64; 2]>,
    /// How fast the clocks part: the access control's gains so many parts in a million.
    pub drift_ppm: Option<f64>,
    /// How well that is known.
    pub drift_within_ppm: Option<f64>,
    /// Passages it was learned from.
    pub passages: u32,
    /// What changed, in order.
    pub history: Vec<AlarmLine>,
    /// One line a person can read.
    pub text: String,
}

/// One alarm.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct AlarmLine {
    /// When, s since the source's first frame.
    pub time_s: f64,
    /// What.
    pub text: String,
}

/// What a run took, beside what it stated.
#[derive(Debug, Clone, Default)]
pub struct RunFacts {
    /// What was replayed.
    pub source: String,
    /// Frames taken.
    pub frames: u64,
    /// Frames looked at, if pixels were.
    pub looked: Option<u64>,
    /// Wall time, s.
    pub seconds: f64,
    /// How long the source is, s.
    pub media_seconds: f64,
    /// Where the time went.
    pub stages: Stages,
    /// The detector.
    pub model: Option<String>,
    /// What could not be read.
    pub losses: Vec<String>,
}

impl Report {
    /// From what was stated.
    pub fn new(facts: RunFacts, log: &VerdictLog, names: &SiteNames, doors: usize) -> Self {
        let verdicts = verdict_lines(log, names);
        let grants = grant_lines(log, names);
        let doors = (0..doors as u16).map(|door| count(log, names, DoorId(door)));
        let alarms = log.alarms.iter().map(|alarm| AlarmLine {
            time_s: names.seconds(alarm.at),
            text: match alarm.door {
                Some(door) => format!("{}: {}", names.door(door), alarm.text),
                None => alarm.text.clone(),
            },
        });
        Self {
            fps: if facts.seconds > 0.0 {
                facts.frames as f64 / facts.seconds
            } else {
                0.0
            },
            source: facts.source,
            frames: facts.frames,
            looked: facts.looked,
            seconds: facts.seconds,
            media_seconds: facts.media_seconds,
            stages: facts.stages,
            model: facts.model,
            doors: doors.collect(),
            crossings: crossing_lines(log, names),
            verdicts,
            grants,
            clocks: Vec::new(),
            alarms: alarms.collect(),
            losses: facts.losses,
            verdict_hash: log.verdict_hash(),
            score: None,
        }
    }

    /// Takes in what the engine knows of clocks at the end.
    pub fn take_clocks(&mut self, engine: &Engine, names: &SiteNames) {
        let doors = (0..engine.config().doors.len()).map(|door| DoorId(door as u16));
        let lines = doors.filter_map(|door| {
            let state = engine.ledger(door)?.clock();
            (state.status != ClockStatus::Off).then(|| clock_line(&state, names.door(door), names))
        });
        self.clocks = lines.collect();
    }

    /// Breaches in the order of time.
    pub fn breaches(&self) -> impl Iterator<Item = &VerdictLine> {
        self.verdicts.iter().filter(|verdict| verdict.breach)
    }
}

fn clock_line(state: &ClockState, door: String, names: &SiteNames) -> ClockLine {
    let ends = |spans: Spans| {
        let end = |span: Span| crate::units::quantise(span.as_s(), 3);
        [end(spans.lo), end(spans.hi)]
    };
    let history = state.history.iter().map(|change| AlarmLine {
        time_s: names.seconds(change.at),
        text: change.text(),
    });
    ClockLine {
        door,
        status: state.status,
        lag_s: state.lag.map(ends),
        ahead_s: state.ahead.map(ends),
        correction_s: state.correction.map(ends),
        drift_ppm: state
            .drift
            .map(|drift| crate::units::quantise(drift.ppm, 1)),
        drift_within_ppm: state
            .drift
            .map(|drift| crate::units::quantise(drift.within_ppm, 1)),
        passages: state.passages,
        history: history.collect(),
        text: state.text(),
    }
}

fn crossing_lines(log: &VerdictLog, names: &SiteNames) -> Vec<CrossingLine> {
    let mut crossings: Vec<_> = log.crossings.iter().collect();
    crossings.sort_by_key(|crossing| (crossing.at, crossing.id));
    let line = |crossing: &&crate::crossing::Crossing| CrossingLine {
        time_s: names.seconds(crossing.at),
        direction: names.direction_name(crossing).to_owned(),
        track: crossing.track.0,
        id: crossing.id.0,
        door: names.door(crossing.door),
        interval_s: [
            names.seconds(crossing.interval.lo),
            names.seconds(crossing.interval.hi),
        ],
        margin_m: crate::units::quantise(crossing.margin_m, 3),
        doubts: crossing.doubts.clone(),
    };
    crossings.iter().map(line).collect()
}

fn verdict_lines(log: &VerdictLog, names: &SiteNames) -> Vec<VerdictLine> {
    let mut verdicts: Vec<_> = log.current_verdicts().collect();
    verdicts.sort_by_key(|verdict| (verdict.crossing.at, verdict.crossing.id));
    let line = |verdict: &&crate::verdict::Verdict| VerdictLine {
        id: verdict.id.clone(),
        kind: verdict.kind,
        stage: verdict.stage,
        time_s: names.seconds(verdict.crossing.at),
        doubts: verdict.doubts.clone(),
        text: explain_verdict(verdict, names),
        why: explain_steps(verdict, names),
        door: names.door(verdict.door),
        direction: names.direction_name(&verdict.crossing).to_owned(),
        track: verdict.crossing.track.0,
        grant: verdict.credit.as_ref().map(|credit| credit.grant.clone()),
        breach: verdict.kind.is_breach(),
    };
    verdicts.iter().map(line).collect()
}

fn grant_lines(log: &VerdictLog, names: &SiteNames) -> Vec<GrantLine> {
    let mut grants: Vec<_> = log.current_grants().collect();
    grants.sort_by(|a, b| (a.granted.lo, &a.grant).cmp(&(b.granted.lo, &b.grant)));
    let line = |grant: &&crate::verdict::GrantVerdict| GrantLine {
        id: grant.grant.clone(),
        outcome: grant.outcome,
        time_s: names.seconds(grant.granted.lo),
        holder: grant.holder.clone(),
        doubts: grant.doubts.clone(),
        text: explain_grant(grant, names),
    };
    grants.iter().map(line).collect()
}

fn count(log: &VerdictLog, names: &SiteNames, door: DoorId) -> DoorCount {
    let way = |direction: Direction| {
        log.crossings
            .iter()
            .filter(|c| c.door == door && c.direction == direction)
            .count()
    };
    let verdicts = || {
        log.current_verdicts()
            .filter(|verdict| verdict.door == door)
    };
    DoorCount {
        name: names.door(door),
        entries: way(Direction::In),
        exits: way(Direction::Out),
        grants: log
            .current_grants()
            .filter(|grant| grant.door == door)
            .count(),
        breaches: verdicts()
            .filter(|verdict| verdict.kind.is_breach())
            .count(),
        undetermined: verdicts()
            .filter(|v| v.kind == VerdictKind::Undetermined)
            .count(),
    }
}
