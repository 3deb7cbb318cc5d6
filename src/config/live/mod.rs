//! Site files: from text to cameras, doors and where things are kept.
//!
//! A site file names door files and an intake file; each is read by its own reader, so that all problems of all
//! of them come at once. Addresses of cameras and secrets are looked at by who opens them.

mod raw;
#[cfg(test)]
mod tests;

use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use super::alerts::alerts;
use super::document::{Document, KeyPath};
use super::door::{checked, parse_tree, read_toml};
use super::intake::{IntakeConfig, load_intake};
use super::problem::Problems;
use super::schema::SchemaOf;
use super::site::{SiteConfig, load};
use crate::intake::SecretRef;
use crate::notify::AlertSettings;
use crate::units::Span;

pub(crate) use raw::SiteFile;
pub use raw::{ProviderName, TransportName};

use raw::{CameraTable, EvidenceTable, TracesTable};

/// Where health is served unless the file says otherwise: this machine only.
const DEFAULT_LISTEN: &str = "127.0.0.1:8470";
/// The folder for what the box writes unless the file says otherwise.
const DEFAULT_DATA: &str = "data";

/// Traces are kept this long: who asks why a door was opened asks within a month.
const KEEP_DAYS: u32 = 30;
/// Gibibytes of traces that are kept at most: a month of five cameras.
const TRACES_GIB: u64 = 20;

/// Evidence reaches this far from where the line was crossed, s: the approach, and where somebody went.
const AROUND_S: f64 = 5.0;

/// Everything a site file says, validated.
#[derive(Debug, Clone, PartialEq)]
pub struct LiveConfig {
    /// The folder that relative paths of the file begin at.
    pub folder: PathBuf,
    /// The site's name.
    pub name: String,
    /// Where traces and evidence go, and alerts wait.
    pub data: PathBuf,
    /// The cameras, each with the doors it watches.
    pub cameras: Vec<LiveCamera>,
    /// What the access-control system reports.
    pub intake: Option<IntakeConfig>,
    /// Where health is served.
    pub health: SocketAddr,
    /// Model, where the door's file names none.
    pub model: Option<String>,
    /// A folder of models to look in first.
    pub models: Option<PathBuf>,
    /// Threads that look; `None`: as the machine has cores.
    pub threads: Option<usize>,
    /// What computes networks.
    pub provider: ProviderName,
    /// Who is told of breaches, and how.
    pub alerts: Option<AlertSettings>,
    /// What is kept of breaches.
    pub evidence: EvidenceConfig,
    /// How long traces are kept.
    pub traces: TraceConfig,
    /// What is usable but should be looked at.
    pub warnings: Problems,
}

/// What is kept of breaches.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct EvidenceConfig {
    /// Before the line was crossed.
    pub before: Span,
    /// After it.
    pub after: Span,
    /// Whether everything stays clear.
    pub clear: bool,
    /// Most bytes of evidence; `None`: the usual.
    pub most_bytes: Option<u64>,
    /// Bytes of the disk that stay free; `None`: the usual.
    pub free_bytes: Option<u64>,
}

/// How long traces are kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TraceConfig {
    /// Days after which one is deleted.
    pub keep_days: u32,
    /// Most bytes of them; the oldest go first.
    pub most_bytes: u64,
}

impl Default for TraceConfig {
    fn default() -> Self {
        Self {
            keep_days: KEEP_DAYS,
            most_bytes: TRACES_GIB << 30,
        }
    }
}

/// One camera and the doors it watches.
#[derive(Debug, Clone, PartialEq)]
pub struct LiveCamera {
    /// Its name.
    pub name: String,
    /// Its address as written.
    pub url: String,
    /// User name.
    pub user: Option<String>,
    /// Where its password is.
    pub password: Option<SecretRef>,
    /// How RTSP sends pictures.
    pub transport: TransportName,
    /// Whether a file begins again at its end.
    pub again: bool,
    /// Its doors: one camera, and every door file that names it.
    pub site: SiteConfig,
}

/// Reads a site file from disk, with the door files and the intake file that it names. `Err` holds all of
/// their problems, warnings included.
pub fn load_live(path: &Path) -> Result<LiveConfig, Problems> {
    let mut problems = Problems::new();
    let config = read(path, &mut problems);
    let (mut config, warnings) = problems.or_value(config)?;
    config.warnings = warnings;
    Ok(config)
}

fn read(path: &Path, problems: &mut Problems) -> Option<LiveConfig> {
    let document = read_toml(path, &|path| std::fs::read(path), problems)?;
    let tree = checked(&document, SchemaOf::Site, problems)?;
    let file: SiteFile = parse_tree(&document, &tree, problems)?;
    let folder = path.parent().unwrap_or(Path::new("")).to_owned();
    let mut check = Check {
        document: &document,
        folder: &folder,
        problems,
    };
    let site = file.site.unwrap_or_default();
    let doors = check.doors(site.doors.as_deref().unwrap_or_default());
    let cameras = check.cameras(&file.camera.unwrap_or_default(), &doors);
    let intake = check.intake(site.intake.as_deref(), &doors);
    let health = check.listen(file.health.and_then(|health| health.listen));
    let detector = file.detector.unwrap_or_default();
    let data = data_folder(&folder, site.data.as_deref());
    let table = file.alerts.as_ref();
    let alerts = table.map(|table| alerts(table, &document, &folder, &data, problems));
    Some(LiveConfig {
        name: site.name?,
        data,
        cameras,
        intake,
        health: health?,
        model: detector.model,
        models: detector.models.map(|models| folder.join(models)),
        threads: detector.threads.map(|threads| threads as usize),
        provider: detector.provider.unwrap_or_default(),
        alerts,
        evidence: evidence(&file.evidence.unwrap_or_default()),
        traces: traces(&file.traces.unwrap_or_default()),
        warnings: Problems::new(),
        folder,
    })
}

/// Where a box keeps what it writes: what its site file says, or the usual place beside it.
pub(super) fn data_folder(folder: &Path, given: Option<&str>) -> PathBuf {
    folder.join(given.unwrap_or(DEFAULT_DATA))
}

fn traces(table: &TracesTable) -> TraceConfig {
    let usual = TraceConfig::default();
    TraceConfig {
        keep_days: table.keep_days.unwrap_or(usual.keep_days),
        most_bytes: table.most_gib.map_or(usual.most_bytes, gib),
    }
}

/// So many gibibytes in bytes.
fn gib(gib: f64) -> u64 {
    (gib * (1_u64 << 30) as f64) as u64
}

fn evidence(table: &EvidenceTable) -> EvidenceConfig {
    let span = |given: Option<f64>| Span::from_s(given.unwrap_or(AROUND_S));
    EvidenceConfig {
        before: span(table.before_s),
        after: span(table.after_s),
        clear: table.clear.unwrap_or(false),
        most_bytes: table.most_gib.map(gib),
        free_bytes: table.free_gib.map(gib),
    }
}

/// A door file, with its place in the list and the camera it names.
struct DoorOf {
    path: PathBuf,
    place: usize,
    camera: String,
    door: String,
}

struct Check<'a> {
    document: &'a Document,
    folder: &'a Path,
    problems: &'a mut Problems,
}

impl Check<'_> {
    fn refuse(&mut self, path: &KeyPath, what: impl Into<String>, help: impl Into<String>) {
        self.document
            .error(self.problems, path, what.into(), help.into());
    }

    /// All door files read together once, so that they are checked against each other.
    fn doors(&mut self, files: &[String]) -> Vec<DoorOf> {
        let paths: Vec<PathBuf> = files.iter().map(|file| self.folder.join(file)).collect();
        if paths.is_empty() {
            return Vec::new();
        }
        let site = match load(&paths) {
            Ok(site) => site,
            Err(problems) => {
                self.problems.extend(problems);
                return Vec::new();
            }
        };
        let camera_of = |door: usize| {
            let portals = &site.engine.portals;
            let portal = portals
                .iter()
                .find(|portal| usize::from(portal.door.0) == door)?;
            let camera = site.engine.cameras.get(usize::from(portal.camera.0))?;
            Some(camera.name.clone())
        };
        let of = |(place, path): (usize, &PathBuf)| {
            Some(DoorOf {
                path: path.clone(),
                place,
                camera: camera_of(place)?,
                door: site.engine.doors.get(place)?.name.clone(),
            })
        };
        let doors = paths.iter().enumerate().filter_map(of).collect();
        self.problems.extend(site.warnings);
        doors
    }

    fn cameras(&mut self, tables: &[CameraTable], doors: &[DoorOf]) -> Vec<LiveCamera> {
        let mut cameras: Vec<LiveCamera> = Vec::new();
        for (i, table) in tables.iter().enumerate() {
            let at = KeyPath::of("camera").index(i);
            let (Some(name), Some(url)) = (table.name.clone(), table.url.clone()) else {
                continue;
            };
            if cameras.iter().any(|other| other.name == name) {
                let what = format!("\"{name}\" names a camera already");
                self.refuse(&at.key("name"), what, "give each camera a name of its own");
                continue;
            }
            if table.password.is_some() && table.user.is_none() {
                let help = "name the user it belongs to: `user = \"...\"`";
                self.refuse(&at.key("password"), "stands alone", help);
            }
            let own: Vec<PathBuf> = doors
                .iter()
                .filter(|door| door.camera == name)
                .map(|door| door.path.clone())
                .collect();
            // Where a door file can't be read, its camera is not known: that has been said.
            if own.is_empty() && !doors.is_empty() {
                let named: Vec<&str> = doors.iter().map(|door| door.camera.as_str()).collect();
                let what = format!("\"{name}\" watches no door");
                let help = format!("the door files name {}", named.join(", "));
                self.refuse(&at.key("name"), what, help);
            }
            // Its problems and warnings were collected when all door files were read.
            let Ok(site) = load(&own) else {
                continue;
            };
            cameras.push(LiveCamera {
                name,
                url,
                user: table.user.clone(),
                password: table.password.clone(),
                transport: table.transport.unwrap_or(TransportName::Tcp),
                again: table.again.unwrap_or(true),
                site,
            });
        }
        for door in doors {
            let named = |table: &CameraTable| table.name.as_ref() == Some(&door.camera);
            if !tables.iter().any(named) {
                let at = KeyPath::of("site").key("doors").index(door.place);
                let what = format!("names the camera \"{}\", which is not here", door.camera);
                self.refuse(&at, what, "add a [[camera]] with that name");
            }
        }
        cameras
    }

    fn intake(&mut self, file: Option<&str>, doors: &[DoorOf]) -> Option<IntakeConfig> {
        let at = KeyPath::of("site").key("intake");
        let config = match load_intake(&self.folder.join(file?)) {
            Ok(config) => config,
            Err(problems) => {
                self.problems.extend(problems);
                return None;
            }
        };
        for door in doors {
            if !config.doors.iter().any(|known| known.name == door.door) {
                let what = format!("has no door \"{}\": no grant would reach it", door.door);
                let help = "list its door file in the intake file's `doors`";
                self.refuse(&at, what, help);
            }
        }
        Some(config)
    }

    fn listen(&mut self, given: Option<String>) -> Option<SocketAddr> {
        let listen = given.as_deref().unwrap_or(DEFAULT_LISTEN).parse().ok();
        if listen.is_none() {
            let help = "write an address and a port, for example \"0.0.0.0:8470\" or \"[::]:8470\"";
            let at = KeyPath::of("health").key("listen");
            self.refuse(&at, "is no address with a port", help);
        }
        listen
    }
}
