//! The few things that are done to the disk, in one place, so that tests can make each of them fail.
//!
//! It deliberately knows no evidence.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::Path;

use super::EvidenceError;

/// What is done to the disk.
#[derive(Debug, Default)]
pub(super) struct Disk {
    #[cfg(test)]
    pub(super) faults: Faults,
}

/// Makes steps fail, as a full disk does.
#[cfg(test)]
#[derive(Debug)]
pub(super) struct Faults {
    pub(super) done: std::sync::atomic::AtomicU64,
    /// Steps from the first to before the second fail.
    pub(super) failing: std::ops::Range<u64>,
}

#[cfg(test)]
impl Default for Faults {
    fn default() -> Self {
        Self {
            done: 0.into(),
            failing: u64::MAX..u64::MAX,
        }
    }
}

impl Disk {
    /// Comes before everything that changes the disk.
    #[cfg(test)]
    pub(super) fn step(&self) -> io::Result<()> {
        let Faults { done, failing } = &self.faults;
        let step = done.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        match failing.contains(&step) {
            true => Err(io::ErrorKind::StorageFull.into()),
            false => Ok(()),
        }
    }

    #[cfg(not(test))]
    #[expect(clippy::unused_self, reason = "with tests it fails")]
    pub(super) fn step(&self) -> io::Result<()> {
        Ok(())
    }

    /// Makes a folder and those above it, and makes sure that they are on the disk.
    pub(super) fn create_dir(&self, path: &Path) -> Result<(), EvidenceError> {
        self.step()
            .and_then(|()| fs::create_dir_all(path))
            .map_err(EvidenceError::disk("making", path))?;
        match path.parent() {
            Some(parent) => self.sync(parent),
            None => Ok(()),
        }
    }

    /// Writes a file that was not there, and makes sure that its bytes are on the disk.
    pub(super) fn write(&self, path: &Path, bytes: &[u8]) -> Result<(), EvidenceError> {
        let write = || {
            self.step()?;
            let mut file = File::create_new(path)?;
            file.write_all(bytes)?;
            self.step()?;
            file.sync_all()
        };
        write().map_err(EvidenceError::disk("writing", path))
    }

    /// Makes sure that a file or the entries of a folder are on the disk.
    pub(super) fn sync(&self, path: &Path) -> Result<(), EvidenceError> {
        self.step()
            .and_then(|()| File::open(path)?.sync_all())
            .map_err(EvidenceError::disk("writing", path))
    }

    /// Renames a folder within one folder, for good.
    pub(super) fn rename(&self, from: &Path, to: &Path) -> Result<(), EvidenceError> {
        self.step()
            .and_then(|()| fs::rename(from, to))
            .map_err(EvidenceError::disk("renaming", from))?;
        match to.parent() {
            Some(parent) => self.sync(parent),
            None => Ok(()),
        }
    }

    /// Deletes a folder and all in it. That it is gone already is no error.
    pub(super) fn remove_dir(&self, path: &Path) -> Result<(), EvidenceError> {
        let removed = self.step().and_then(|()| fs::remove_dir_all(path));
        match removed {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            removed => removed.map_err(EvidenceError::disk("deleting", path)),
        }
    }

    /// Bytes that can still be written where `path` is.
    pub(super) fn free_bytes(&self, path: &Path) -> Result<u64, EvidenceError> {
        let stat = rustix::fs::statvfs(path).map_err(io::Error::from);
        let stat = stat.map_err(EvidenceError::disk("looking at", path))?;
        Ok(stat.f_bavail.saturating_mul(stat.f_frsize))
    }
}
