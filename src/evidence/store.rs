//! The folders of evidence on the disk: finding, holding, and making room.
//!
//! Theory of operation: `DIR/2026-11-22/ID/`, by the day (UTC) on which the clip begins. One process at a time writes
//! (a lock on `DIR/.lock`); anybody may read. Opening deletes what was left unfinished. Room is made by
//! deleting the oldest folders first, never those in which a file `hold` lies; a folder is renamed
//! to an unfinished one before it is deleted, so that a kill leaves no half of it.
//!
//! It deliberately deletes nothing for its age: who must, deletes days.

use std::collections::BTreeMap;
use std::fs::{self, File, TryLockError};
use std::path::{Path, PathBuf};

use serde::Serialize;

use super::EvidenceError;
use super::cut::UNFINISHED;
use super::disk::Disk;
use super::draft::unfinished;
use super::manifest::{MANIFEST, Manifest, day, is_day};
use crate::units::Instant;

/// A file of this name keeps a folder from being deleted to make room.
pub const HOLD: &str = "hold";

/// How much room evidence may take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Quota {
    /// At most so many bytes of evidence.
    pub max_bytes: u64,
    /// So many bytes of the disk stay free: for the journal, the system's logs, an update.
    pub min_free_bytes: u64,
}

impl Default for Quota {
    fn default() -> Self {
        Self {
            // About 5,000 blurred clips of 10 s at 1080p.
            max_bytes: 20 << 30,
            min_free_bytes: 1 << 30,
        }
    }
}

/// One folder of evidence, as a list shows it.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Listed {
    /// Whose evidence it is: the folder's name.
    pub id: String,
    /// The folder.
    pub path: PathBuf,
    /// Bytes of its files.
    pub bytes: u64,
    /// It is not deleted to make room.
    pub held: bool,
    /// Its manifest, if it can be read.
    pub manifest: Option<Manifest>,
}

/// The place where one process keeps evidence.
#[derive(Debug)]
pub struct Store {
    dir: PathBuf,
    quota: Quota,
    pub(super) disk: Disk,
    /// By the time at which its clip begins, then by id.
    folders: BTreeMap<(Instant, String), Folder>,
    bytes: u64,
    swept: u64,
    evicted: u64,
    /// Locked for as long as the store is open.
    _lock: File,
}

#[derive(Debug)]
struct Folder {
    path: PathBuf,
    bytes: u64,
}

impl Store {
    /// Opens a place, makes it if it is not there, and deletes what was left unfinished.
    ///
    /// # Errors
    /// If the disk refuses, or another process keeps its evidence there.
    pub fn open(dir: &Path, quota: Quota) -> Result<Self, EvidenceError> {
        let disk = Disk::default();
        fs::create_dir_all(dir).map_err(EvidenceError::disk("making", dir))?;
        let lock_path = dir.join(".lock");
        let lock = File::options()
            .create(true)
            .truncate(false)
            .write(true)
            .open(&lock_path)
            .map_err(EvidenceError::disk("opening", &lock_path))?;
        match lock.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Err(EvidenceError::Taken(dir.to_owned())),
            Err(TryLockError::Error(error)) => {
                return Err(EvidenceError::disk("locking", &lock_path)(error));
            }
        }
        let mut store = Self {
            dir: dir.to_owned(),
            quota,
            disk,
            folders: BTreeMap::new(),
            bytes: 0,
            swept: 0,
            evicted: 0,
            _lock: lock,
        };
        store.sweep()?;
        for listed in list(dir)? {
            // What has no manifest can still be deleted: as old as can be.
            let from = listed
                .manifest
                .map_or(Instant::MIN, |manifest| manifest.from_us);
            store.add(from, listed.id, listed.path, listed.bytes);
        }
        Ok(store)
    }

    /// Where it is.
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// Folders, their bytes, folders that opening deleted, and folders deleted to make room.
    pub(super) fn counts(&self) -> (u64, u64, u64, u64) {
        let folders = self.folders.len() as u64;
        (folders, self.bytes, self.swept, self.evicted)
    }

    /// Whether evidence of this id and time is there.
    pub(super) fn has(&self, from: Instant, id: &str) -> bool {
        self.folders.contains_key(&(from, id.to_owned()))
            || self.dir.join(place_of(from, id)).exists()
    }

    /// Deletes the oldest folders until `need` more bytes may be written.
    pub(super) fn make_room(&mut self, need: u64) -> Result<(), EvidenceError> {
        loop {
            let free = self.disk.free_bytes(&self.dir)?;
            let why = if self.bytes.saturating_add(need) > self.quota.max_bytes {
                format!("{} of {} bytes are used", self.bytes, self.quota.max_bytes)
            } else if free < need.saturating_add(self.quota.min_free_bytes) {
                let kept = self.quota.min_free_bytes;
                format!("the disk has {free} bytes free, {kept} stay free")
            } else {
                return Ok(());
            };
            if !self.evict_oldest()? {
                return Err(EvidenceError::NoRoom { need, why });
            }
        }
    }

    /// Deletes the oldest folder that is not held; `false` if there is none.
    pub(super) fn evict_oldest(&mut self) -> Result<bool, EvidenceError> {
        let held = |folder: &Folder| folder.path.join(HOLD).exists();
        let oldest = self.folders.iter().find(|(_, folder)| !held(folder));
        let Some((key, path)) = oldest.map(|(key, folder)| (key.clone(), folder.path.clone()))
        else {
            return Ok(false);
        };
        let day = path.parent().unwrap_or(&self.dir).to_owned();
        if path.exists() {
            let doomed = unfinished(&day, &key.1);
            self.disk.rename(&path, &doomed)?;
            self.disk.remove_dir(&doomed)?;
        }
        // A day that is empty now; that it is not is no error.
        let _ = fs::remove_dir(&day);
        if let Some(folder) = self.folders.remove(&key) {
            self.bytes -= folder.bytes;
            self.evicted += 1;
        }
        Ok(true)
    }

    /// A folder became whole.
    pub(super) fn add(&mut self, from: Instant, id: String, path: PathBuf, bytes: u64) {
        let folder = Folder { path, bytes };
        if let Some(before) = self.folders.insert((from, id), folder) {
            self.bytes -= before.bytes;
        }
        self.bytes += bytes;
    }

    fn sweep(&mut self) -> Result<(), EvidenceError> {
        for day in days(&self.dir)? {
            for (name, path) in folders_in(&day)? {
                if name.ends_with(UNFINISHED) {
                    self.disk.remove_dir(&path)?;
                    self.swept += 1;
                }
            }
            let _ = fs::remove_dir(&day);
        }
        Ok(())
    }
}

/// The path of an id's folder from where evidence is kept, by when its clip begins: known before it is written.
pub fn place_of(from: Instant, id: &str) -> String {
    format!("{}/{id}", day(from))
}

/// The folders of days, in order.
fn days(dir: &Path) -> Result<Vec<PathBuf>, EvidenceError> {
    let folders = folders_in(dir)?.into_iter();
    let days = folders.filter(|(name, _)| is_day(name));
    Ok(days.map(|(_, path)| path).collect())
}

/// Name and path of each folder in a folder, in order of their names.
fn folders_in(dir: &Path) -> Result<Vec<(String, PathBuf)>, EvidenceError> {
    let wrong = || EvidenceError::disk("reading", dir);
    let mut found = Vec::new();
    for entry in fs::read_dir(dir).map_err(wrong())? {
        let entry = entry.map_err(wrong())?;
        let name = entry.file_name();
        if let Some(name) = name.to_str()
            && entry.file_type().map_err(wrong())?.is_dir()
        {
            found.push((name.to_owned(), entry.path()));
        }
    }
    found.sort();
    Ok(found)
}

/// All evidence in a place, the oldest first. Unfinished folders do not count.
///
/// # Errors
/// If the disk cannot be read.
pub fn list(dir: &Path) -> Result<Vec<Listed>, EvidenceError> {
    let mut all = Vec::new();
    for day in days(dir)? {
        for (id, path) in folders_in(&day)? {
            if !id.ends_with(UNFINISHED) {
                all.push(listed(id, path)?);
            }
        }
    }
    all.sort_by_key(|listed| listed.manifest.as_ref().map(|manifest| manifest.from_us));
    Ok(all)
}

fn listed(id: String, path: PathBuf) -> Result<Listed, EvidenceError> {
    let manifest = Manifest::read(&path).ok();
    let bytes = match &manifest {
        Some(manifest) => manifest.bytes() + size_of_file(&path.join(MANIFEST)),
        None => {
            let files = fs::read_dir(&path).map_err(EvidenceError::disk("reading", &path))?;
            files
                .filter_map(Result::ok)
                .map(|file| size_of_file(&file.path()))
                .sum()
        }
    };
    Ok(Listed {
        held: path.join(HOLD).exists(),
        id,
        path,
        bytes,
        manifest,
    })
}

fn size_of_file(path: &Path) -> u64 {
    fs::metadata(path).map_or(0, |file| file.len())
}

/// The folder of an id.
///
/// # Errors
/// If there is none, or the disk cannot be read.
pub fn find(dir: &Path, id: &str) -> Result<PathBuf, EvidenceError> {
    if super::cut::is_id(id) {
        for day in days(dir)? {
            let path = day.join(id);
            if path.is_dir() {
                return Ok(path);
            }
        }
    }
    Err(EvidenceError::Unknown {
        dir: dir.to_owned(),
        id: id.to_owned(),
    })
}

/// Keeps a folder from being deleted to make room, or no longer does.
///
/// # Errors
/// If the disk refuses.
pub fn hold(folder: &Path, held: bool) -> Result<(), EvidenceError> {
    let path = folder.join(HOLD);
    let done = match held {
        true => File::create(&path).and_then(|file| file.sync_all()),
        false => match fs::remove_file(&path) {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(()),
            done => done,
        },
    };
    done.and_then(|()| File::open(folder)?.sync_all())
        .map_err(EvidenceError::disk("writing", &path))
}
