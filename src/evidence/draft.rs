//! One folder of evidence while it is written.
//!
//! Theory of operation: files go into a folder whose name ends in `.part`, each of them on the disk before the next
//! begins. The manifest comes last; then the folder's entries are made durable, the folder is renamed,
//! and the rename is made durable. After a kill or a power cut there is a whole folder, or one that
//! the next start deletes.
//!
//! It deliberately leaves deleting to its caller: an error here often means that the disk is full.

use std::path::{Path, PathBuf};

use super::EvidenceError;
use super::cut::UNFINISHED;
use super::disk::Disk;
use super::manifest::{FileEntry, FileKind, MANIFEST, Manifest, digest};

/// A folder that is not whole yet.
#[derive(Debug)]
pub(super) struct Draft<'a> {
    disk: &'a Disk,
    part: PathBuf,
    whole: PathBuf,
    files: Vec<FileEntry>,
}

impl<'a> Draft<'a> {
    /// Begins a folder in that of a day. What was left of an earlier try is deleted.
    pub(super) fn begin(disk: &'a Disk, day: &Path, id: &str) -> Result<Self, EvidenceError> {
        let part = unfinished(day, id);
        if !day.is_dir() {
            disk.create_dir(day)?;
        }
        disk.remove_dir(&part)?;
        disk.create_dir(&part)?;
        Ok(Self {
            disk,
            part,
            whole: day.join(id),
            files: Vec::new(),
        })
    }

    /// Where somebody else may write a file of it, to be [adopted](Self::adopt).
    pub(super) fn place(&self, name: &str) -> Result<PathBuf, EvidenceError> {
        let path = self.part.join(name);
        let ready = self.disk.step();
        ready.map_err(EvidenceError::disk("writing", &path))?;
        Ok(path)
    }

    /// Writes a file.
    pub(super) fn put(
        &mut self,
        name: &str,
        kind: FileKind,
        bytes: &[u8],
    ) -> Result<&mut FileEntry, EvidenceError> {
        self.disk.write(&self.part.join(name), bytes)?;
        self.adopt(name, kind)
    }

    /// Takes over a file that was written to its [place](Self::place) by somebody else.
    pub(super) fn adopt(
        &mut self,
        name: &str,
        kind: FileKind,
    ) -> Result<&mut FileEntry, EvidenceError> {
        let path = self.part.join(name);
        self.disk.sync(&path)?;
        let (bytes, sha256) = digest(&path).map_err(EvidenceError::disk("reading", &path))?;
        self.files.push(FileEntry {
            name: name.to_owned(),
            kind,
            bytes,
            sha256,
            from_us: None,
            to_us: None,
            pictures: None,
        });
        let last = self.files.len() - 1;
        Ok(&mut self.files[last])
    }

    /// Names the files in the manifest, writes it, and makes the folder whole. Says where it is, and
    /// how many bytes it has.
    pub(super) fn publish(self, mut manifest: Manifest) -> Result<(PathBuf, u64), EvidenceError> {
        manifest.files = self.files;
        let text = serde_json::to_vec_pretty(&manifest).map_err(std::io::Error::from);
        let text = text.map_err(EvidenceError::disk("writing", &self.part))?;
        self.disk.write(&self.part.join(MANIFEST), &text)?;
        self.disk.sync(&self.part)?;
        self.disk.rename(&self.part, &self.whole)?;
        Ok((self.whole, manifest.bytes() + text.len() as u64))
    }
}

/// The name of a folder that is not whole, or about to be deleted.
pub(super) fn unfinished(day: &Path, id: &str) -> PathBuf {
    day.join(format!("{id}{UNFINISHED}"))
}
