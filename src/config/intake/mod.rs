//! Intake files: from text to settings of server, inbox, sources and doors.
//!
//! A source's table holds what every source has and what its vendor's adapter wants; the schema is
//! put together from both, one variant a vendor, so that editors and the walker know every key.
//! Secrets are never in the file, only where they are; they are read when the intake starts.

mod raw;
mod schema;
#[cfg(test)]
mod tests;

use std::path::{Path, PathBuf};
use std::time::Duration;

use serde_json::Value as Json;

use super::document::{Document, KeyPath};
use super::door::{checked, parse_tree, read_toml};
use super::problem::Problems;
use super::schema::SchemaOf;
use crate::crossing::Direction;
use crate::intake::SourceSettings;
use crate::intake::drivers::DriverSettings;
use crate::intake::inbox::InboxSettings;
use crate::intake::server::ServerSettings;
use crate::intake::vendors::VendorSettings;
use crate::units::Span;

pub(crate) use schema::schema;

use raw::{InboxTable, IntakeDoorTable, IntakeFile, ServerTable, SourceTable};

/// Where the server listens unless the file says otherwise: this machine only.
const DEFAULT_LISTEN: &str = "127.0.0.1:8480";
/// Longest name of a source, characters: it stands in URLs and labels.
const LONGEST_NAME: usize = 64;

/// Everything an intake file says, validated.
#[derive(Debug, Clone, PartialEq)]
pub struct IntakeConfig {
    /// The folder that relative paths of the file begin at.
    pub folder: PathBuf,
    /// The server.
    pub server: ServerSettings,
    /// The inbox.
    pub inbox: InboxSettings,
    /// The sources, in the order of the file.
    pub sources: Vec<SourceConfig>,
    /// The doors: those of the door files first, then those written in the file.
    pub doors: Vec<IntakeDoor>,
    /// What is usable but should be looked at.
    pub warnings: Problems,
}

/// One source.
#[derive(Debug, Clone, PartialEq)]
pub struct SourceConfig {
    /// Its name.
    pub name: String,
    /// Its wire format, with where its secrets are.
    pub vendor: VendorSettings,
    /// What fetches for it, with where its secrets are.
    pub fetch: Option<DriverSettings>,
    /// Its bounds.
    pub settings: SourceSettings,
}

/// One door and its access points.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IntakeDoor {
    /// Its name.
    pub name: String,
    /// Its access points; empty: whatever belongs to no other door.
    pub readers: Vec<IntakeReader>,
}

/// One access point of a door.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IntakeReader {
    /// The vendor's id.
    pub id: String,
    /// Which way it lets people pass.
    pub direction: Option<Direction>,
    /// The source; `None`: any.
    pub source: Option<String>,
}

/// Reads an intake file from disk. `Err` holds all of its problems, warnings included.
pub fn load_intake(path: &Path) -> Result<IntakeConfig, Problems> {
    let mut problems = Problems::new();
    let config = read(path, &mut problems);
    let (mut config, warnings) = problems.or_value(config)?;
    config.warnings = warnings;
    Ok(config)
}

fn read(path: &Path, problems: &mut Problems) -> Option<IntakeConfig> {
    let document = read_toml(path, &|path| std::fs::read(path), problems)?;
    let tree = checked(&document, SchemaOf::Intake, problems)?;
    let file: IntakeFile = parse_tree(&document, &tree, problems)?;
    let folder = path.parent().unwrap_or(Path::new("")).to_owned();
    let json = tree.to_json();
    let mut check = Check {
        document: &document,
        folder: &folder,
        problems,
    };
    let server = check.server(&file.server.unwrap_or_default());
    let inbox = check.inbox(&file.inbox.unwrap_or_default());
    let tables = file.source.unwrap_or_default();
    let sources = check.sources(&tables, &json);
    let doors = check.doors(file.doors.as_deref(), file.door.as_deref(), &sources);
    Some(IntakeConfig {
        server: server?,
        inbox: inbox?,
        sources,
        doors,
        warnings: Problems::new(),
        folder,
    })
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

    fn server(&mut self, table: &ServerTable) -> Option<ServerSettings> {
        let at = KeyPath::of("server");
        let listen = table.listen.as_deref().unwrap_or(DEFAULT_LISTEN);
        let Ok(listen) = listen.parse() else {
            let help = "write an address and a port, for example \"0.0.0.0:8480\" or \"[::]:8480\"";
            self.refuse(&at.key("listen"), "is no address with a port", help);
            return None;
        };
        let beside = |file: &String| self.folder.join(file);
        let tls = match (&table.tls_certificate, &table.tls_key) {
            (Some(certificate), Some(key)) => Some((beside(certificate), beside(key))),
            (None, None) => None,
            (Some(_), None) => {
                let help = "name the certificate's private key too: `tls_key = \"...\"`";
                self.refuse(&at.key("tls_certificate"), "stands alone", help);
                None
            }
            (None, Some(_)) => {
                let help = "name the certificate too: `tls_certificate = \"...\"`";
                self.refuse(&at.key("tls_key"), "stands alone", help);
                None
            }
        };
        let mut settings = ServerSettings::at(listen);
        settings.tls = tls;
        set(&mut settings.header_limit, table.header_limit_kib.map(kib));
        set(&mut settings.header_time, table.header_time_s.map(seconds));
        set(&mut settings.idle_time, table.idle_time_s.map(seconds));
        set(&mut settings.body_time, table.body_time_s.map(seconds));
        set(&mut settings.connections, table.connections.map(count));
        set(&mut settings.most_lag, table.most_lag_s.map(seconds));
        Some(settings)
    }

    fn inbox(&mut self, table: &InboxTable) -> Option<InboxSettings> {
        let mut settings = InboxSettings::at(self.folder.join(table.path.as_ref()?));
        let ms = |ms: f64| seconds(ms / 1000.0);
        set(&mut settings.linger, table.linger_ms.map(ms));
        set(&mut settings.batch, table.batch.map(count));
        set(&mut settings.queue, table.queue.map(count));
        let mib = |mib: u32| u64::from(mib) << 20;
        set(&mut settings.queue_bytes, table.queue_mib.map(mib));
        let days = |days: f64| seconds(days * 86_400.0);
        set(&mut settings.keep_raw, table.keep_raw_days.map(days));
        set(&mut settings.keep_people, table.keep_people_days.map(days));
        set(&mut settings.slower_commit, table.slower_commit_ms.map(ms));
        Some(settings)
    }

    fn sources(&mut self, tables: &[SourceTable], json: &Json) -> Vec<SourceConfig> {
        let mut sources: Vec<SourceConfig> = Vec::new();
        for (i, table) in tables.iter().enumerate() {
            let at = KeyPath::of("source").index(i);
            let Some(name) = table.name.clone() else {
                continue;
            };
            let fits = |c: char| c.is_ascii_alphanumeric() || "-_".contains(c);
            if !name.chars().all(fits) || name.len() > LONGEST_NAME {
                let help = format!(
                    "letters, digits, - and _, at most {LONGEST_NAME}: it is part of a URL"
                );
                self.refuse(&at.key("name"), "can't be a source's name", help);
            }
            if sources.iter().any(|other| other.name == name) {
                let help = "give each source a name of its own";
                self.refuse(
                    &at.key("name"),
                    format!("\"{name}\" names a source already"),
                    help,
                );
            }
            let Some(vendor) = self.vendor(&at, &json["source"][i]) else {
                continue;
            };
            self.people(&at, table);
            sources.push(SourceConfig {
                name,
                vendor,
                fetch: table.fetch.clone(),
                settings: source_settings(table),
            });
        }
        sources
    }

    /// Looking people up without leave to store them, or without anybody to ask, is a mistake.
    fn people(&mut self, at: &KeyPath, table: &SourceTable) {
        if table.look_up_people != Some(true) {
            return;
        }
        let at = at.key("look_up_people");
        if table.store_people != Some(true) {
            let help = "say `store_people = true` too: what is looked up is stored for a while";
            self.refuse(&at, "needs `store_people`", help);
        }
        let asked = table.fetch.as_ref();
        if !asked.is_some_and(DriverSettings::knows_people) {
            let help = "give it a [source.fetch] of openpath, kisi or genetec, or leave this out";
            self.refuse(&at, "has nobody to ask", help);
        }
    }

    /// What the vendor's adapter wants: the table without what every source has.
    fn vendor(&mut self, at: &KeyPath, table: &Json) -> Option<VendorSettings> {
        let mut own = table.as_object()?.clone();
        // Without a vendor the walker has said so already.
        own.get("vendor")?;
        for key in schema::common_keys() {
            own.remove(&key);
        }
        match serde_json::from_value(Json::Object(own)) {
            Ok(vendor) => Some(vendor),
            Err(error) => {
                if !self.problems.has_errors() {
                    let what = format!("can't be taken as written: {error}");
                    self.refuse(at, what, "compare it with `tailgate check --schema intake`");
                }
                None
            }
        }
    }

    fn doors(
        &mut self,
        files: Option<&[String]>,
        tables: Option<&[IntakeDoorTable]>,
        sources: &[SourceConfig],
    ) -> Vec<IntakeDoor> {
        let mut doors: Vec<IntakeDoor> = Vec::new();
        let files: Vec<PathBuf> = files
            .unwrap_or_default()
            .iter()
            .map(|file| self.folder.join(file))
            .collect();
        if !files.is_empty() {
            match super::site::load(&files) {
                Ok(site) => {
                    self.problems.extend(site.warnings);
                    doors.extend(site.engine.doors.iter().map(from_door_file));
                }
                Err(problems) => self.problems.extend(problems),
            }
        }
        for (i, table) in tables.unwrap_or_default().iter().enumerate() {
            let at = KeyPath::of("door").index(i);
            let Some(name) = table.name.clone() else {
                continue;
            };
            let readers = self.readers(&at, table, sources);
            match doors.iter_mut().find(|door| door.name == name) {
                // A door file's door gets its access points' ways and sources here.
                Some(door) if i == 0 || !repeats(tables, i, &name) => door.readers = readers,
                Some(_) => {
                    let help = "write all of its readers in one [[door]]";
                    self.refuse(&at.key("name"), format!("\"{name}\" stands twice"), help);
                }
                None => doors.push(IntakeDoor { name, readers }),
            }
        }
        self.readers_of_one_door(&doors);
        doors
    }

    fn readers(
        &mut self,
        at: &KeyPath,
        table: &IntakeDoorTable,
        sources: &[SourceConfig],
    ) -> Vec<IntakeReader> {
        let mut readers = Vec::new();
        for (r, reader) in table.readers.iter().flatten().enumerate() {
            let at = at.key("readers").index(r);
            if let Some(source) = &reader.source
                && !sources.iter().any(|known| known.name == *source)
            {
                let names: Vec<&str> = sources.iter().map(|source| &*source.name).collect();
                let help = format!("name one of {}", names.join(", "));
                self.refuse(
                    &at.key("source"),
                    format!("\"{source}\" is no source"),
                    help,
                );
            }
            let Some(id) = reader.id.clone() else {
                continue;
            };
            readers.push(IntakeReader {
                id,
                direction: reader.direction.map(Direction::from),
                source: reader.source.clone(),
            });
        }
        readers
    }

    /// An access point that two doors name would make a grant of one door good for the other.
    fn readers_of_one_door(&mut self, doors: &[IntakeDoor]) {
        let mut known: Vec<(&IntakeReader, &str)> = Vec::new();
        for door in doors {
            for reader in &door.readers {
                let same = |other: &IntakeReader| {
                    let apart =
                        matches!((&other.source, &reader.source), (Some(a), Some(b)) if a != b);
                    other.id == reader.id && !apart
                };
                let other = known.iter().find(|(other, _)| same(other));
                if let Some((_, first)) = other.filter(|(_, first)| *first != door.name) {
                    let (id, second) = (&reader.id, &door.name);
                    let what = format!("reader \"{id}\" is named by \"{first}\" and \"{second}\"");
                    let help = "give it to one door, or name the `source` of each";
                    self.refuse(&KeyPath::of("door"), what, help);
                }
                known.push((reader, &door.name));
            }
        }
    }
}

fn repeats(tables: Option<&[IntakeDoorTable]>, i: usize, name: &str) -> bool {
    let before = tables.unwrap_or_default().iter().take(i);
    before
        .filter_map(|table| table.name.as_deref())
        .any(|other| other == name)
}

fn from_door_file(door: &crate::engine::DoorConfig) -> IntakeDoor {
    let reader = |id: &String| IntakeReader {
        id: id.clone(),
        direction: None,
        source: None,
    };
    IntakeDoor {
        name: door.name.clone(),
        readers: door.readers.iter().map(reader).collect(),
    }
}

fn source_settings(table: &SourceTable) -> SourceSettings {
    let mut settings = SourceSettings::default();
    set(&mut settings.body_limit, table.body_limit_kib.map(kib));
    set(&mut settings.connections, table.connections.map(count));
    set(&mut settings.people, table.store_people);
    set(&mut settings.look_up, table.look_up_people);
    let hours = |hours: f64| Span::from_s(hours * 3_600.0);
    set(&mut settings.look_back, table.look_back_h.map(hours));
    set(&mut settings.lateness, table.lateness_s.map(Span::from_s));
    settings.repeats = table.sender_repeats_s.map(seconds);
    settings.silence = table.silence_s.map(seconds);
    settings
}

fn set<T>(setting: &mut T, given: Option<T>) {
    if let Some(given) = given {
        *setting = given;
    }
}

fn kib(kib: u32) -> usize {
    kib as usize * 1024
}

fn count(count: u32) -> usize {
    count as usize
}

/// The schema bounds what comes here; what it refused is not there.
fn seconds(s: f64) -> Duration {
    Duration::try_from_secs_f64(s).unwrap_or_default()
}
