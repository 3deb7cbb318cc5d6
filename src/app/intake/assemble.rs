//! From an intake file to a desk that takes deliveries.

use std::path::Path;
use std::sync::Arc;

use crate::config::{IntakeConfig, SourceConfig};
use crate::intake::drivers::{self, Driver, DriverSettings};
use crate::intake::inbox::{Inbox, InboxReader};
use crate::intake::vendors::adapter;
use crate::intake::{Desk, Metrics, Secret, SecretRef, Source};

use super::Doors;

/// Everything that takes deliveries.
#[derive(Debug)]
pub struct Assembled {
    /// Takes deliveries.
    pub desk: Arc<Desk>,
    /// What fetches, by source.
    pub drivers: Vec<(Arc<str>, Driver)>,
    /// The doors behind it.
    pub doors: Doors,
}

/// Reads secrets, makes adapters, opens the inbox. Waits for the disk: not to be called from within
/// an asynchronous runtime. `Err`: everything that is wrong.
pub fn assemble(config: &IntakeConfig) -> Result<Assembled, Vec<String>> {
    let mut problems = Vec::new();
    let mut sources = Vec::new();
    let mut drivers = Vec::new();
    for wanted in &config.sources {
        match source(&config.folder, wanted) {
            Ok(source) => sources.push(source),
            Err(more) => problems.extend(more),
        }
        match driver(&config.folder, wanted) {
            Ok(driver) => {
                drivers.extend(driver.map(|driver| (wanted.name.as_str().into(), driver)))
            }
            Err(more) => problems.extend(more),
        }
    }
    let doors = match Doors::new(&config.doors, &config.sources) {
        Ok(doors) => Some(doors),
        Err(more) => {
            problems.extend(more);
            None
        }
    };
    let Some(doors) = doors.filter(|_| problems.is_empty()) else {
        return Err(problems);
    };
    let failed = |error: crate::intake::inbox::InboxError| vec![error.to_string()];
    let names: Vec<(Arc<str>, &str)> = sources
        .iter()
        .map(|source| (Arc::clone(&source.name), source.adapter.vendor()))
        .collect();
    // Read before the writer says that it lives.
    let last_alive = if config.inbox.path.exists() {
        let reader = InboxReader::open(&config.inbox.path);
        reader.and_then(|reader| reader.alive()).ok().flatten()
    } else {
        None
    };
    let metrics = Arc::new(Metrics::default());
    let inbox = Inbox::open(&config.inbox, &names, metrics.commits.clone()).map_err(failed)?;
    let most_lag = config.server.most_lag;
    let desk = Desk::new(sources, inbox, metrics, most_lag, last_alive).map_err(failed)?;
    Ok(Assembled {
        desk: Arc::new(desk),
        drivers,
        doors,
    })
}

/// One source with its secrets read. `Err`: everything that is wrong with it, each with its name.
pub fn source(folder: &Path, wanted: &SourceConfig) -> Result<Source, Vec<String>> {
    let named = |what: String| format!("source {}: {what}", wanted.name);
    let mut problems = Vec::new();
    let mut secrets = Vec::new();
    for place in wanted.vendor.secrets() {
        match secret(folder, place) {
            Ok(secret) => secrets.push(secret),
            Err(what) => problems.push(named(what)),
        }
    }
    if !problems.is_empty() {
        return Err(problems);
    }
    let adapter = adapter(&wanted.vendor, secrets.clone())
        .map_err(|problems| problems.into_iter().map(named).collect::<Vec<_>>())?;
    // What a driver logs in with must not be shown either, should a vendor repeat it. Those that
    // can't be read are named when the driver is made.
    let of_driver = wanted.fetch.iter().flat_map(DriverSettings::secrets);
    secrets.extend(of_driver.filter_map(|place| secret(folder, place).ok()));
    Ok(Source {
        name: wanted.name.as_str().into(),
        adapter,
        settings: wanted.settings.clone(),
        secrets,
    })
}

/// What fetches for a source, if anything does, with its secrets read. `Err`: everything that is
/// wrong with it, each with the source's name.
pub fn driver(folder: &Path, wanted: &SourceConfig) -> Result<Option<Driver>, Vec<String>> {
    let Some(settings) = &wanted.fetch else {
        return Ok(None);
    };
    let made = drivers::driver(settings, folder, &|place| secret(folder, place));
    let named = |what| format!("source {}, fetch: {what}", wanted.name);
    made.map(Some)
        .map_err(|problems| problems.into_iter().map(named).collect())
}

/// A secret from where it is kept; a file's path begins at `folder`. The trailing line break of a
/// file is not part of it.
pub fn secret(folder: &Path, place: &SecretRef) -> Result<Secret, String> {
    match place {
        SecretRef::File(path) => {
            let path = folder.join(path);
            let bytes = std::fs::read(&path)
                .map_err(|error| format!("the secret {} can't be read: {error}", path.display()))?;
            let end = bytes
                .iter()
                .rposition(|byte| !matches!(byte, b'\n' | b'\r'))
                .map_or(0, |last| last + 1);
            Ok(Secret::new(&bytes[..end]))
        }
        SecretRef::Env(name) => match std::env::var_os(name) {
            Some(value) => Ok(Secret::new(value.into_encoded_bytes())),
            None => Err(format!("the environment variable {name} is not set")),
        },
    }
}
