//! Truth files: what really happened in a clip, labelled by a person or known to a simulator.
//!
//! The format is open: a labeller may add notes under any other key. What is read is checked like
//! a door file, with every problem and its place.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Deserialize;

use crate::units::Span;
use crate::verdict::VerdictKind;

use super::document::{Document, KeyPath, Node, Source, Value};
use super::json;
use super::problem::{Problems, Severity};
use super::schema::SchemaOf;
use super::walk::walk;

/// Tolerance of a label that states none, s: one frame at 5 frames a second either way.
const DEFAULT_TOLERANCE_S: f64 = 0.2;

/// What really happened in a clip.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Truth {
    /// The clip's path as the file gives it.
    pub clip: Option<String>,
    /// Width and height of its picture, px.
    pub image_px: Option<[f64; 2]>,
    /// Every crossing, in order of time.
    pub crossings: Vec<TrueCrossing>,
    /// Every verdict expected on a crossing, in order of time; `None` if the file gives none.
    pub verdicts: Option<Vec<TrueVerdict>>,
    /// Times of grants, since the clip's start, of the file's example scenario.
    pub example_grants: Vec<Span>,
    /// What should come of them, for people.
    pub example_expected: Option<String>,
}

/// A crossing that happened.
#[derive(Debug, Clone, PartialEq)]
pub struct TrueCrossing {
    /// When, since the clip's start.
    pub at: Span,
    /// How exactly that is known.
    pub tolerance: Span,
    /// Which way, as the portal's `names` call it.
    pub direction: String,
    /// Who, for people.
    pub who: Option<String>,
}

/// A verdict that should be given.
#[derive(Debug, Clone, PartialEq)]
pub struct TrueVerdict {
    /// When its crossing is, since the clip's start.
    pub at: Span,
    /// How exactly that is known.
    pub tolerance: Span,
    /// What it should be.
    pub kind: VerdictKind,
}

/// What really happened in a clip. Other keys than these may hold notes.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[schemars(title = "tailgate truth file")]
pub(crate) struct TruthFile {
    /// The clip's path, for people.
    pub clip: Option<String>,
    /// Width and height of the picture in pixels.
    pub image: Option<[f64; 2]>,
    /// Frames a second as the container declares them.
    #[schemars(extend("exclusiveMinimum" = 0.0))]
    pub container_fps: Option<f64>,
    /// Number of frames of the clip.
    #[schemars(range(min = 1))]
    pub frames: Option<u64>,
    /// Every crossing, with its time and direction.
    #[schemars(required)]
    pub crossings: Option<Vec<CrossingEntry>>,
    /// How many crossings there are in each direction.
    pub counts: Option<BTreeMap<String, u64>>,
    /// The verdicts that should be given.
    pub verdicts: Option<Vec<VerdictEntry>>,
    /// A set of grants to try the clip with.
    pub example_scenario: Option<ScenarioEntry>,
}

/// One crossing.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
pub(crate) struct CrossingEntry {
    /// When the line is passed, in seconds since the clip's start.
    #[schemars(required, range(min = 0.0))]
    pub t_s: Option<f64>,
    /// Which way, as the portal's names call it.
    #[schemars(required, length(min = 1))]
    pub dir: Option<String>,
    /// How exactly the time is known, in seconds (default 0.2).
    #[schemars(range(min = 0.0, max = 60.0))]
    pub tol_s: Option<f64>,
    /// The frame's index from 0.
    #[schemars(range(min = 0))]
    pub frame: Option<u64>,
    /// Who it is, for people.
    pub who: Option<String>,
}

/// One verdict.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
pub(crate) struct VerdictEntry {
    /// When its crossing is, in seconds since the clip's start.
    #[schemars(required, range(min = 0.0))]
    pub t_s: Option<f64>,
    /// What it should be.
    #[schemars(required, schema_with = "verdict_kinds")]
    pub kind: Option<VerdictKind>,
    /// How exactly the time is known, in seconds (default 0.2).
    #[schemars(range(min = 0.0, max = 60.0))]
    pub tol_s: Option<f64>,
}

/// A set of grants to try the clip with.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
pub(crate) struct ScenarioEntry {
    /// Times of grants in seconds since the clip's start.
    pub grants_s: Option<Vec<f64>>,
    /// What should come of it, for people.
    pub expected: Option<String>,
}

/// Every kind of verdict, for the schema.
const VERDICT_KINDS: [VerdictKind; 9] = [
    VerdictKind::Authorised,
    VerdictKind::Tailgating,
    VerdictKind::EntryOnExit,
    VerdictKind::UnauthorisedEntry,
    VerdictKind::FreePassage,
    VerdictKind::Exit,
    VerdictKind::WrongWay,
    VerdictKind::UTurn,
    VerdictKind::Undetermined,
];

fn verdict_kinds(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
    let words: Vec<_> = VERDICT_KINDS
        .iter()
        .map(|kind| serde_json::json!(kind))
        .collect();
    schemars::json_schema!({
        "type": "string",
        "description": "What it should be.",
        "enum": words,
    })
}

/// Reads a truth file. `Ok` comes with the warnings.
pub fn read_truth(name: &str, bytes: &[u8]) -> Result<(Truth, Problems), Problems> {
    let mut problems = Problems::new();
    let truth = truth(name, bytes, &mut problems);
    problems.or_value(truth)
}

fn truth(name: &str, bytes: &[u8], problems: &mut Problems) -> Option<Truth> {
    let source = Source::from_bytes(name, bytes, problems)?;
    let document = from_json(source, problems)?;
    let tree = walk(&document, &SchemaOf::Truth.value(), problems);
    let raw: TruthFile = match serde_json::from_value(tree.to_json()) {
        Ok(raw) => raw,
        Err(error) => {
            let what = format!("can't be taken as written: {error}");
            document.error(
                problems,
                &KeyPath::default(),
                what,
                "compare it with the schema",
            );
            return None;
        }
    };
    check(&document, &raw, problems);
    Some(typed(raw))
}

/// A JSON text as a document; says what is wrong if it is none.
pub(crate) fn from_json(source: Source, problems: &mut Problems) -> Option<Document> {
    match json::parse(&source.text, 0..source.text.len()) {
        Ok(root) => Some(Document {
            source,
            root,
            torn_at: None,
        }),
        Err(error) => {
            let what = format!("is not JSON here: {}", error.what);
            let help = "check quotes, commas and brackets";
            let severity = Severity::Error;
            problems.push(source.problem(severity, error.at, String::new(), what, help));
            None
        }
    }
}

fn check(document: &Document, raw: &TruthFile, problems: &mut Problems) {
    let length_s = match (raw.frames, raw.container_fps) {
        (Some(frames), Some(fps)) => frames as f64 / fps,
        _ => f64::INFINITY,
    };
    let late = |at: &KeyPath, t_s: Option<f64>, problems: &mut Problems| {
        if let Some(t_s) = t_s.filter(|t_s| *t_s > length_s) {
            let what = format!("{t_s} s is past the clip's end at {length_s:.2} s");
            document.error(
                problems,
                &at.key("t_s"),
                what,
                "check it against frames / container_fps",
            );
        }
    };
    let path = KeyPath::of("crossings");
    let mut before = 0.0;
    for (i, crossing) in raw.crossings.iter().flatten().enumerate() {
        let at = path.index(i);
        late(&at, crossing.t_s, problems);
        if let Some(t_s) = crossing.t_s {
            if t_s < before {
                let what = format!("{t_s} s comes before the crossing above it at {before} s");
                document.warning(
                    problems,
                    &at.key("t_s"),
                    what,
                    "is it a slip? The order is mended",
                );
            }
            before = t_s;
        }
        if let (Some(frame), Some(fps), Some(t_s)) =
            (crossing.frame, raw.container_fps, crossing.t_s)
        {
            let shown_s = frame as f64 / fps;
            if (shown_s - t_s).abs() > 1.0 {
                let what = format!("frame {frame} is at {shown_s:.2} s, not at {t_s} s");
                document.warning(problems, &at.key("frame"), what, "only t_s counts");
            }
        }
    }
    for (i, verdict) in raw.verdicts.iter().flatten().enumerate() {
        late(&KeyPath::of("verdicts").index(i), verdict.t_s, problems);
    }
    counts(document, raw, problems);
}

/// The counts, if given, must be those of the list; and a misspelt direction shows here.
fn counts(document: &Document, raw: &TruthFile, problems: &mut Problems) {
    let (Some(counts), Some(_)) = (&raw.counts, &raw.crossings) else {
        return;
    };
    let directions = || {
        raw.crossings
            .iter()
            .flatten()
            .map(|crossing| crossing.dir.as_deref())
    };
    for (direction, count) in counts {
        let listed = directions().filter(|dir| *dir == Some(direction)).count() as u64;
        if listed != *count {
            let what = format!("is {count}, but {listed} such crossings are listed");
            let path = KeyPath::of("counts").key(direction);
            document.error(problems, &path, what, "correct the count or the list");
        }
    }
    for (i, dir) in directions().enumerate() {
        if let Some(dir) = dir.filter(|dir| !counts.contains_key(*dir)) {
            let path = KeyPath::of("crossings").index(i).key("dir");
            let known = counts.keys().map(String::as_str);
            let help = match super::suggest::nearest(dir, known) {
                Some(near) => format!("did you mean \"{near}\"?"),
                None => "name the direction as in counts".to_owned(),
            };
            document.error(problems, &path, format!("\"{dir}\" is not in counts"), help);
        }
    }
}

fn typed(raw: TruthFile) -> Truth {
    let tolerance = |given: Option<f64>| Span::from_s(given.unwrap_or(DEFAULT_TOLERANCE_S));
    let crossing = |entry: CrossingEntry| {
        Some(TrueCrossing {
            at: Span::from_s(entry.t_s?),
            tolerance: tolerance(entry.tol_s),
            direction: entry.dir?,
            who: entry.who,
        })
    };
    let verdict = |entry: VerdictEntry| {
        Some(TrueVerdict {
            at: Span::from_s(entry.t_s?),
            tolerance: tolerance(entry.tol_s),
            kind: entry.kind?,
        })
    };
    let mut crossings: Vec<_> = raw
        .crossings
        .unwrap_or_default()
        .into_iter()
        .filter_map(crossing)
        .collect();
    crossings.sort_by_key(|crossing| crossing.at);
    let verdicts = raw.verdicts.map(|entries| {
        let mut verdicts: Vec<_> = entries.into_iter().filter_map(verdict).collect();
        verdicts.sort_by_key(|verdict| verdict.at);
        verdicts
    });
    let scenario = raw.example_scenario.unwrap_or_default();
    let grants = scenario.grants_s.unwrap_or_default();
    Truth {
        clip: raw.clip,
        image_px: raw.image,
        crossings,
        verdicts,
        example_grants: grants.into_iter().map(Span::from_s).collect(),
        example_expected: scenario.expected,
    }
}

/// Whether a parsed JSON value looks like a truth file: for recognising files.
pub(crate) fn looks_like_truth(root: &Node) -> bool {
    matches!(root.value, Value::Table(_)) && root.get("crossings").is_some()
}
