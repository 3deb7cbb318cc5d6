//! One door file: from text to a door, its portals and its camera, with all that is wrong.

use std::path::{Path, PathBuf};

use crate::access::{ClockOffset, LearnClock};
use crate::crossing::CounterSettings;
use crate::floor::FootprintSettings;
use crate::tracking::TrackerSettings;
use crate::units::Span;
use crate::verdict::Policy;

use super::calibration::{self, Calibration};
use super::document::{Document, KeyPath, Node, Source};
use super::overrides;
use super::portal::{DoorPortal, PortalCheck};
use super::problem::Problems;
use super::raw::{CalibrationFile, DoorFile, OffsetWord, Overrides, PolicyTable};
use super::schema::SchemaOf;
use super::walk::walk;

/// The camera's name where the file gives none.
const DEFAULT_CAMERA: &str = "camera";
/// Longest name, characters.
const LONGEST_NAME: usize = 64;

/// Longest usual time from badge to line that is learned with, s: beyond it, most passages would
/// lie outside any window.
const LONGEST_WALK_S: f64 = 9.0;

/// How files are read: from disk, or from memory in tests.
pub(crate) type ReadFile<'a> = &'a dyn Fn(&Path) -> std::io::Result<Vec<u8>>;

/// A door file that can be believed, not yet joined with others.
#[derive(Debug, Clone)]
pub(crate) struct Door {
    /// For problems found later.
    pub document: Document,
    /// Short name.
    pub name: String,
    /// For people.
    pub title: String,
    /// Access points.
    pub readers: Vec<String>,
    /// How its ledger judges.
    pub policy: Policy,
    /// Step of the feed's stamps.
    pub resolution: Span,
    /// Name of its camera.
    pub camera: String,
    /// The camera's calibration.
    pub calibration: Calibration,
    /// The calibration's file, if it is not in the door file.
    pub calibration_file: Option<PathBuf>,
    /// Its openings.
    pub portals: Vec<DoorPortal>,
    /// Which detector.
    pub detector: DetectorChoice,
    /// Tracker settings, and whether the file gives any.
    pub tracker: (TrackerSettings, bool),
    /// Counter settings.
    pub counter: CounterSettings,
    /// Footprint settings, and whether the file gives any.
    pub footprints: (FootprintSettings, bool),
}

/// Which detector finds people; what is `None` is the model's own.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct DetectorChoice {
    /// Name in the registry, or the path of a model's folder (resolved against the door file if
    /// it has a path separator).
    pub model: Option<String>,
    /// Least score handed on, 0 to 1.
    pub min_score: Option<f64>,
    /// Greatest overlap (intersection over union) of two boxes that are both kept.
    pub max_overlap: Option<f64>,
}

/// Reads one door file. `shown` is the name under which problems are told.
pub(crate) fn read(path: &Path, from: ReadFile<'_>, problems: &mut Problems) -> Option<Door> {
    let document = read_toml(path, from, problems)?;
    let tree = checked(&document, SchemaOf::Door, problems)?;
    let raw: DoorFile = parse_tree(&document, &tree, problems)?;
    let seen = calibration(path, &document, &raw, from, problems);
    let mut portal_check = PortalCheck {
        document: &document,
        problems,
        size: seen.size,
        calibration: seen.calibration.as_ref(),
    };
    let portals = portal_check.portals(raw.portal.as_deref().unwrap_or_default());
    let mut check = Check {
        document: &document,
        problems,
    };
    let name = check.door_name(&raw);
    let camera = raw.camera.as_ref().and_then(|camera| camera.name.clone());
    if let Some(name) = &camera {
        let key = KeyPath::of("camera").key("name");
        short_name(&document, check.problems, name, &key);
    }
    let readers = check.readers(&raw);
    let tracker = check.settings("tracker", raw.tracker.as_ref());
    let counter = check.settings("counter", raw.counter.as_ref());
    let footprints = check.settings("footprint", raw.footprint.as_ref());
    check.scores(&tracker);
    let policy = check.policy(raw.policy.as_ref());
    let name = name?;
    let door = raw.door.unwrap_or_default();
    let resolution = raw
        .policy
        .and_then(|policy| policy.resolution_s)
        .unwrap_or(0.0);
    let detector = raw.detector.unwrap_or_default();
    Some(Door {
        title: door.title.unwrap_or_else(|| name.clone()),
        name,
        readers,
        policy,
        resolution: Span::from_s(resolution),
        camera: camera.unwrap_or_else(|| DEFAULT_CAMERA.to_owned()),
        calibration: seen.calibration?,
        calibration_file: seen.file,
        portals,
        detector: DetectorChoice {
            model: detector.model.map(|model| beside_if_path(path, model)),
            min_score: detector.min_score,
            max_overlap: detector.max_overlap,
        },
        tracker: (tracker, raw.tracker.is_some()),
        counter,
        footprints: (footprints, raw.footprint.is_some()),
        document,
    })
}

/// Reads a calibration file.
pub(crate) fn read_calibration(path: &Path, from: ReadFile<'_>, problems: &mut Problems) -> Seen {
    let read = |problems: &mut Problems| {
        let document = read_toml(path, from, problems)?;
        let tree = checked(&document, SchemaOf::Calibration, problems)?;
        let raw: CalibrationFile = parse_tree(&document, &tree, problems)?;
        let at = KeyPath::default();
        Some(calibration::validate(&document, &at, &raw, problems))
    };
    let (size, calibration) = read(problems).unwrap_or_default();
    Seen {
        size,
        calibration,
        file: Some(path.to_owned()),
    }
}

/// Reads a TOML file; `None` and a problem where it can't be read.
pub(crate) fn read_toml(
    path: &Path,
    from: ReadFile<'_>,
    problems: &mut Problems,
) -> Option<Document> {
    let name = path.display().to_string();
    match from(path) {
        Ok(bytes) => {
            let source = Source::from_bytes(&name, &bytes, problems)?;
            Some(Document::from_toml(source, problems))
        }
        Err(error) => {
            problems.file_error(
                &name,
                format!("can't be read: {error}"),
                "check path and rights",
            );
            None
        }
    }
}

/// The document's tree without what its schema refuses. A document that is no TOML throughout is
/// given up here: past the first slip its tree is guesswork, and so is what would be said of it.
pub(crate) fn checked(
    document: &Document,
    schema: SchemaOf,
    problems: &mut Problems,
) -> Option<Node> {
    let Some(torn_at) = document.torn_at else {
        return Some(walk(document, &schema.value(), problems));
    };
    let mut found = Problems::new();
    walk(document, &schema.value(), &mut found);
    let torn = document.source.place(torn_at);
    for problem in &found {
        let before = problem.place.is_some_and(|place| place.line < torn.line);
        if before && problem.what != super::walk::MISSING {
            problems.push(problem.clone());
        }
    }
    None
}

/// A checked tree as its raw type.
pub(crate) fn parse_tree<T: serde::de::DeserializeOwned>(
    document: &Document,
    tree: &Node,
    problems: &mut Problems,
) -> Option<T> {
    match serde_json::from_value(tree.to_json()) {
        Ok(raw) => Some(raw),
        Err(error) => {
            // The walker prunes what does not fit, so this is a slip of ours; still no panic.
            let what = format!("can't be taken as written: {error}");
            document.error(
                problems,
                &KeyPath::default(),
                what,
                "compare it with the schema",
            );
            None
        }
    }
}

/// What is known of the camera's picture: its size even where the calibration can't be used, so
/// that points outside the picture are still told.
#[derive(Debug, Default)]
pub(crate) struct Seen {
    /// Width and height of the picture, px.
    pub size: Option<(f64, f64)>,
    /// The calibration, if it can be used.
    pub calibration: Option<Calibration>,
    /// Its file, if it has one of its own.
    pub file: Option<PathBuf>,
}

/// The calibration in the door file or beside it.
fn calibration(
    path: &Path,
    document: &Document,
    raw: &DoorFile,
    from: ReadFile<'_>,
    problems: &mut Problems,
) -> Seen {
    let inline = KeyPath::of("calibration");
    let key = KeyPath::of("camera").key("calibration");
    let camera = raw.camera.as_ref();
    let named = camera.and_then(|camera| camera.calibration.as_ref());
    match (named, &raw.calibration) {
        (Some(_), Some(_)) => {
            let what = "a [calibration] table stands in this file too";
            document.error(problems, &key, what, "keep one of the two");
            Seen::default()
        }
        (None, Some(table)) => {
            let (size, calibration) = calibration::validate(document, &inline, table, problems);
            Seen {
                size,
                calibration,
                file: None,
            }
        }
        (Some(file), None) => {
            let file = beside(path, file);
            if let Err(error) = from(&file) {
                let what = format!("{} can't be read: {error}", file.display());
                let help = "name a calibration file relative to this door file";
                document.error(problems, &key, what, help);
                return Seen::default();
            }
            read_calibration(&file, from, problems)
        }
        (None, None) => {
            let written = document.at(&key).is_some() || document.at(&inline).is_some();
            if !written {
                let help = "add `[camera]` with `calibration = \"calibration.toml\"`, or a \
                            [calibration] table";
                document.error(problems, &key, "is missing", help);
            }
            Seen::default()
        }
    }
}

/// `name` relative to the folder of `path`.
fn beside(path: &Path, name: &str) -> PathBuf {
    path.parent().unwrap_or(Path::new("")).join(name)
}

fn beside_if_path(path: &Path, name: String) -> String {
    if name.contains('/') {
        beside(path, &name).display().to_string()
    } else {
        name
    }
}

/// Refuses names that would not do in ids and file names.
pub(crate) fn short_name(document: &Document, problems: &mut Problems, name: &str, path: &KeyPath) {
    let plain = |c: char| c.is_alphanumeric() || matches!(c, '-' | '_' | '.');
    if name.chars().all(plain) && name.chars().count() <= LONGEST_NAME {
        return;
    }
    let what = format!("\"{}\" is no short name", super::walk::short(name));
    let help = "use letters, digits, - _ . only, at most 64; a door's title may be any text";
    document.error(problems, path, what, help);
}

struct Check<'a> {
    document: &'a Document,
    problems: &'a mut Problems,
}

impl Check<'_> {
    fn error(&mut self, path: &KeyPath, what: impl Into<String>, help: impl Into<String>) {
        self.document.error(self.problems, path, what, help);
    }

    fn warning(&mut self, path: &KeyPath, what: impl Into<String>, help: impl Into<String>) {
        self.document.warning(self.problems, path, what, help);
    }

    fn door_name(&mut self, raw: &DoorFile) -> Option<String> {
        let name = raw.door.as_ref()?.name.clone()?;
        short_name(
            self.document,
            self.problems,
            &name,
            &KeyPath::of("door").key("name"),
        );
        Some(name)
    }

    fn readers(&mut self, raw: &DoorFile) -> Vec<String> {
        let given = raw
            .door
            .as_ref()
            .and_then(|door| door.readers.clone())
            .unwrap_or_default();
        let path = KeyPath::of("door").key("readers");
        for (i, reader) in given.iter().enumerate() {
            if reader.trim().is_empty() {
                self.error(
                    &path.index(i),
                    "is empty",
                    "name the reader as its vendor does",
                );
            } else if given[..i].contains(reader) {
                let what = format!("\"{reader}\" stands here twice");
                self.warning(&path.index(i), what, "remove one");
            }
        }
        given
            .iter()
            .map(|reader| reader.trim().to_owned())
            .collect()
    }

    fn policy(&mut self, raw: Option<&PolicyTable>) -> Policy {
        let mut policy = Policy::default();
        let Some(raw) = raw else {
            return policy;
        };
        let set = |span: &mut Span, seconds: Option<f64>| {
            if let Some(seconds) = seconds {
                *span = Span::from_s(seconds);
            }
        };
        set(&mut policy.early, raw.early_s);
        set(&mut policy.window, raw.window_s);
        set(&mut policy.lateness, raw.lateness_s);
        set(&mut policy.follow, raw.follow_s);
        set(&mut policy.exit_close, raw.exit_close_s);
        set(&mut policy.u_turn, raw.u_turn_s);
        set(&mut policy.clock, raw.clock_s);
        set(&mut policy.retention, raw.retention_s);
        policy.open_window = raw.open_window_s.map(Span::from_s).or(policy.open_window);
        policy.net_u_turns = raw.net_u_turns.unwrap_or(policy.net_u_turns);
        policy.passages_per_grant = raw.passages_per_grant.unwrap_or(policy.passages_per_grant);
        policy.exit_needs_grant = raw.exit_needs_grant.unwrap_or(policy.exit_needs_grant);
        policy.one_way = raw.one_way.map(Into::into);
        policy.clock_offset = self.clock_offset(raw);
        let path = KeyPath::of("policy");
        if policy.open_window.is_some_and(|open| open < policy.window) {
            let help = "it takes over from window_s while the door stays open: make it longer";
            self.error(&path.key("open_window_s"), "is shorter than window_s", help);
        }
        if raw
            .resolution_s
            .is_some_and(|step| 4.0 * step > policy.window.as_s())
        {
            let what = "is more than a quarter of window_s";
            let help = "verdicts will carry the doubt clock_uncertain; widen the window";
            self.warning(&path.key("resolution_s"), what, help);
        }
        if raw.u_turn_s.is_some() && !policy.net_u_turns {
            let help = "add `net_u_turns = true`, or remove u_turn_s";
            self.warning(
                &path.key("u_turn_s"),
                "has no effect without net_u_turns",
                help,
            );
        }
        policy
    }

    fn clock_offset(&mut self, raw: &PolicyTable) -> ClockOffset {
        let path = KeyPath::of("policy");
        let word = raw.clock_offset.unwrap_or(match raw.clock_offset_s {
            Some(_) => OffsetWord::Fixed,
            None => OffsetWord::Off,
        });
        let learns = word == OffsetWord::Learn;
        let idle = [
            (
                "clock_offset_s",
                raw.clock_offset_s.is_some() && word != OffsetWord::Fixed,
            ),
            ("clock_range_s", raw.clock_range_s.is_some() && !learns),
            ("walk_s", raw.walk_s.is_some() && !learns),
        ];
        for (key, _) in idle.iter().filter(|(_, idle)| *idle) {
            let (what, help) = match *key {
                "clock_offset_s" => ("has no effect unless the offset is fixed", "fixed"),
                _ => ("has no effect unless the offset is learned", "learn"),
            };
            let help = format!("write `clock_offset = \"{help}\"`, or remove {key}");
            self.warning(&path.key(key), what, help);
        }
        match word {
            OffsetWord::Off => ClockOffset::Off,
            OffsetWord::Fixed => {
                if raw.clock_offset_s.is_none() {
                    let help = "add `clock_offset_s`, the seconds by which the access control's \
                                clock is ahead of the camera's";
                    self.error(
                        &path.key("clock_offset"),
                        "is fixed, and nothing says at what",
                        help,
                    );
                }
                let ahead = Span::from_s(raw.clock_offset_s.unwrap_or(0.0));
                ClockOffset::Fixed { ahead }
            }
            OffsetWord::Learn => {
                let mut learn = LearnClock::default();
                learn.range = raw.clock_range_s.map_or(learn.range, Span::from_s);
                if let Some([from, to]) = raw.walk_s {
                    if !(0.0..=LONGEST_WALK_S).contains(&from)
                        || !(from..=LONGEST_WALK_S).contains(&to)
                    {
                        let what = format!("[{from}, {to}] is no range of times to walk");
                        let help = "give the least and the greatest usual time in seconds, for \
                                    example [1.0, 3.0]";
                        self.error(&path.key("walk_s"), what, help);
                    }
                    learn.walk_from = Span::from_s(from);
                    learn.walk_to = Span::from_s(to);
                }
                ClockOffset::Learn(learn)
            }
        }
    }

    fn settings<T>(&mut self, key: &str, table: Option<&Overrides>) -> T
    where
        T: Default + serde::Serialize + serde::de::DeserializeOwned,
    {
        let Some(table) = table else {
            return T::default();
        };
        match overrides::apply(&T::default(), table) {
            Ok(settings) => settings,
            Err(why) => {
                let what = format!("can't be used: {why}");
                self.error(&KeyPath::of(key), what, "check the values");
                T::default()
            }
        }
    }

    fn scores(&mut self, tracker: &TrackerSettings) {
        let path = KeyPath::of("tracker");
        if tracker.weak_score > tracker.strong_score {
            let what = format!(
                "weak_score {} is above strong_score {}",
                tracker.weak_score, tracker.strong_score
            );
            self.error(
                &path,
                what,
                "a strong detection starts a track, a weak one keeps it",
            );
        }
    }
}
