//! One door file: from text to a door, its portals and its camera, with all that is wrong.

use std::path::{Path, PathBuf};

use crate::crossing::CounterSettings;
use crate::floor::{FootprintSettings, Portal};
use crate::tracking::TrackerSettings;
use crate::units::Span;
use crate::verdict::Policy;

use super::calibration::{self, Calibration, floor, floor_line, image, in_picture};
use super::document::{Document, KeyPath, Source};
use super::overrides;
use super::problem::Problems;
use super::raw::{CalibrationFile, DoorFile, Overrides, PolicyTable, PortalTable};
use super::schema::SchemaOf;
use super::walk::walk;

/// How far from the line one must be to have settled on a side, m: half a stride, above a
/// footprint's usual error near a door.
const DEFAULT_DEPTH_M: f64 = 0.3;
/// No door that a person walks through is narrower, m.
const NARROWEST_PORTAL_M: f64 = 0.3;
/// An opening wider than this is more likely a slip, m.
const WIDEST_PORTAL_M: f64 = 60.0;
/// An inside point must lie at least this far off the line to say which side it means, m.
const CLEAR_SIDE_M: f64 = 0.05;
/// The camera's name where the file gives none.
const DEFAULT_CAMERA: &str = "camera";
/// Longest name, characters.
const LONGEST_NAME: usize = 64;

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

/// One opening.
#[derive(Debug, Clone)]
pub(crate) struct DoorPortal {
    /// Where it stands in the file.
    pub path: KeyPath,
    /// Short name.
    pub name: String,
    /// Line and depth.
    pub portal: Portal,
    /// What going in is called.
    pub in_name: String,
    /// What going out is called.
    pub out_name: String,
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
    let tree = walk(&document, &SchemaOf::Door.value(), problems);
    let raw: DoorFile = parse_tree(&document, &tree, problems)?;
    let (calibration, calibration_file) = calibration(path, &document, &raw, from, problems);
    let mut check = Check {
        document: &document,
        problems,
    };
    let name = check.door_name(&raw);
    let camera = raw.camera.as_ref().and_then(|camera| camera.name.clone());
    if let Some(name) = &camera {
        check.name(name, &KeyPath::of("camera").key("name"));
    }
    let readers = check.readers(&raw);
    let portals = check.portals(&raw, calibration.as_ref());
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
        calibration: calibration?,
        calibration_file,
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
pub(crate) fn read_calibration(
    path: &Path,
    from: ReadFile<'_>,
    problems: &mut Problems,
) -> Option<Calibration> {
    let document = read_toml(path, from, problems)?;
    let tree = walk(&document, &SchemaOf::Calibration.value(), problems);
    let raw: CalibrationFile = parse_tree(&document, &tree, problems)?;
    calibration::validate(&document, &KeyPath::default(), &raw, problems)
}

fn read_toml(path: &Path, from: ReadFile<'_>, problems: &mut Problems) -> Option<Document> {
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

fn parse_tree<T: serde::de::DeserializeOwned>(
    document: &Document,
    tree: &super::document::Node,
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

/// The calibration in the door file or beside it.
fn calibration(
    path: &Path,
    document: &Document,
    raw: &DoorFile,
    from: ReadFile<'_>,
    problems: &mut Problems,
) -> (Option<Calibration>, Option<PathBuf>) {
    let inline = KeyPath::of("calibration");
    let key = KeyPath::of("camera").key("calibration");
    let named = raw
        .camera
        .as_ref()
        .and_then(|camera| camera.calibration.as_ref());
    match (named, &raw.calibration) {
        (Some(_), Some(_)) => {
            let what = "a [calibration] table stands in this file too";
            document.error(problems, &key, what, "keep one of the two");
            (None, None)
        }
        (None, Some(table)) => (
            calibration::validate(document, &inline, table, problems),
            None,
        ),
        (Some(file), None) => {
            let file = beside(path, file);
            if let Err(error) = from(&file) {
                let what = format!("{} can't be read: {error}", file.display());
                let help = "name a calibration file relative to this door file";
                document.error(problems, &key, what, help);
                return (None, Some(file));
            }
            (read_calibration(&file, from, problems), Some(file))
        }
        (None, None) => {
            let written = document.at(&key).is_some() || document.at(&inline).is_some();
            if !written {
                let help = "add `[camera]` with `calibration = \"calibration.toml\"`, or a \
                            [calibration] table";
                document.error(problems, &key, "is missing", help);
            }
            (None, None)
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
        self.name(&name, &KeyPath::of("door").key("name"));
        Some(name)
    }

    fn name(&mut self, name: &str, path: &KeyPath) {
        let plain = |c: char| c.is_alphanumeric() || matches!(c, '-' | '_' | '.');
        if name.chars().all(plain) && name.chars().count() <= LONGEST_NAME {
            return;
        }
        let what = format!("\"{}\" is no short name", super::walk::short(name));
        let help = "use letters, digits, - _ . only, at most 64; a door's title may be any text";
        self.error(path, what, help);
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
        let path = KeyPath::of("policy");
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

    fn portals(&mut self, raw: &DoorFile, calibration: Option<&Calibration>) -> Vec<DoorPortal> {
        let mut portals: Vec<DoorPortal> = Vec::new();
        for (i, table) in raw.portal.iter().flatten().enumerate() {
            let path = KeyPath::of("portal").index(i);
            let name = table.name.clone().unwrap_or_default();
            self.name(&name, &path.key("name"));
            if !name.is_empty() && portals.iter().any(|other| other.name == name) {
                let what = format!("\"{name}\" names another portal already");
                self.error(
                    &path.key("name"),
                    what,
                    "give each portal a name of its own",
                );
            }
            self.names(table, &path);
            let line = self.line(table, calibration, &path);
            let inside = self.inside(table, calibration, &path);
            let depth_m = table.depth_m.unwrap_or(DEFAULT_DEPTH_M);
            let portal = match (line, inside) {
                (Some(line), Some(inside)) => self.oriented(line, depth_m, inside, table, &path),
                _ => None,
            };
            let names = table.names.clone().unwrap_or_default();
            portals.push(DoorPortal {
                path,
                name,
                portal: portal.unwrap_or(Portal {
                    line: Vec::new(),
                    depth_m,
                }),
                in_name: names.inward.unwrap_or_else(|| "in".to_owned()),
                out_name: names.outward.unwrap_or_else(|| "out".to_owned()),
            });
        }
        portals
    }

    fn names(&mut self, table: &PortalTable, path: &KeyPath) {
        let names = table.names.clone().unwrap_or_default();
        if names.inward.is_some() && names.inward == names.outward {
            let path = path.key("names").key("out");
            self.error(
                &path,
                "is the same as in",
                "call the two ways by different names",
            );
        }
    }

    /// One of two keys, one in pixels and one in metres; says so if both or none are given.
    fn one_of<'t, T>(
        &mut self,
        (px, m): (&'t Option<T>, &'t Option<T>),
        (px_key, m_key): (&str, &str),
        path: &KeyPath,
        help: &str,
    ) -> Option<(&'t T, bool)> {
        let written = |key: &str| self.document.at(&path.key(key)).is_some();
        match (written(px_key), written(m_key)) {
            (true, true) => {
                let what = format!("stands beside {px_key}");
                self.error(&path.key(m_key), what, "keep one of the two");
                None
            }
            (false, false) => {
                self.error(&path.key(px_key), "is missing", help);
                None
            }
            _ => {
                let in_px = px.as_ref().map(|value| (value, true));
                in_px.or(m.as_ref().map(|value| (value, false)))
            }
        }
    }

    fn line(
        &mut self,
        table: &PortalTable,
        calibration: Option<&Calibration>,
        path: &KeyPath,
    ) -> Option<Vec<crate::floor::PointInFloor>> {
        let help = "add `points_px = [[x, y], [x, y]]`: the line on the floor from one door post \
                    to the other";
        let given = (&table.points_px, &table.points_m);
        let (points, in_px) = self.one_of(given, ("points_px", "points_m"), path, help)?;
        if !in_px {
            return Some(points.iter().map(|point| floor(*point)).collect());
        }
        let key = path.key("points_px");
        let model = &calibration?.model;
        let size = size(calibration?);
        let mut all_in = true;
        for (i, point) in points.iter().enumerate() {
            all_in &= in_picture(self.document, self.problems, *point, size, &key.index(i));
        }
        if !all_in {
            return None;
        }
        match floor_line(model, points) {
            Ok(line) => Some(line),
            Err(i) => {
                let what = "is not on the floor: at or above the horizon";
                self.error(&key.index(i), what, "put the line where the feet pass");
                None
            }
        }
    }

    fn inside(
        &mut self,
        table: &PortalTable,
        calibration: Option<&Calibration>,
        path: &KeyPath,
    ) -> Option<crate::floor::PointInFloor> {
        let help = "add `inside_px = [x, y]`: any point of the floor on the secured side";
        let given = (&table.inside_px, &table.inside_m);
        let (point, in_px) = self.one_of(given, ("inside_px", "inside_m"), path, help)?;
        if !in_px {
            return Some(floor(*point));
        }
        let key = path.key("inside_px");
        let calibration = calibration?;
        if !in_picture(
            self.document,
            self.problems,
            *point,
            size(calibration),
            &key,
        ) {
            return None;
        }
        let inside = calibration.model.floor_from_image(image(*point));
        if inside.is_none() {
            let what = "is not on the floor: at or above the horizon";
            self.error(
                &key,
                what,
                "choose a point of the floor on the secured side",
            );
        }
        inside
    }

    /// The portal with its inside on the left.
    fn oriented(
        &mut self,
        line: Vec<crate::floor::PointInFloor>,
        depth_m: f64,
        inside: crate::floor::PointInFloor,
        table: &PortalTable,
        path: &KeyPath,
    ) -> Option<Portal> {
        let points_key = path.key(if table.points_px.is_some() {
            "points_px"
        } else {
            "points_m"
        });
        let inside_key = path.key(if table.inside_px.is_some() {
            "inside_px"
        } else {
            "inside_m"
        });
        let mut portal = Portal { line, depth_m };
        let length_m = portal.length_m();
        // Written so that a length that is no number is refused too.
        if !(length_m >= NARROWEST_PORTAL_M) {
            let what = format!("is {length_m:.2} m long on the floor");
            let help = "no door is narrower than 0.3 m: check points and calibration";
            self.error(&points_key, what, help);
            return None;
        }
        if length_m > WIDEST_PORTAL_M {
            let what = format!("is {length_m:.0} m long on the floor");
            self.warning(&points_key, what, "check points and calibration");
        }
        let side_m = portal.read(inside).side_m;
        if !(side_m.abs() >= CLEAR_SIDE_M) {
            let what = "lies on the portal's line, so it tells no side";
            self.error(
                &inside_key,
                what,
                "choose a point well inside the secured side",
            );
            return None;
        }
        if side_m < 0.0 {
            portal.line.reverse();
        }
        Some(portal)
    }
}

fn size(calibration: &Calibration) -> (f64, f64) {
    let spec = calibration.model.spec();
    (
        f64::from(spec.image_width_px),
        f64::from(spec.image_height_px),
    )
}
