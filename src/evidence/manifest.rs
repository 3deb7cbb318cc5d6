//! `evidence.json`: what a folder of evidence holds, and whether it still does.
//!
//! Theory of operation: the manifest is written last and names every other file with its size and SHA-256. Checking
//! reads them again. It says what was missing when the evidence was written, apart from what was
//! damaged since.
//!
//! It deliberately proves nothing against somebody who can write to the disk: who rewrites a file
//! can rewrite the manifest.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::detection::PointInImage;
use crate::units::Instant;

/// The manifest's name.
pub const MANIFEST: &str = "evidence.json";

/// The version of the format.
pub(super) const FORMAT: u32 = 1;

/// A manifest is never longer; what is, is none.
const MAX_BYTES: u64 = 4 << 20;

/// What a folder of evidence holds.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Manifest {
    /// Version of this format.
    pub format: u32,
    /// Whose evidence it is.
    pub id: String,
    /// The camera's name.
    pub camera: String,
    /// The door's name.
    pub door: String,
    /// Where the clip was to begin, microseconds of the site's time line.
    pub from_us: Instant,
    /// Where it was to end.
    pub to_us: Instant,
    /// The same in UTC, for people.
    pub from: String,
    /// The same in UTC, for people.
    pub to: String,
    /// Nothing was blurred.
    pub clear: bool,
    /// What stayed clear otherwise: corners of polygons, px of the upright picture.
    pub kept_px: Vec<Vec<PointInImage>>,
    /// All files but this one.
    pub files: Vec<FileEntry>,
    /// What should be here and never was, and why.
    pub missing: Vec<String>,
    /// What else was said about it, such as the verdict.
    pub about: serde_json::Value,
    /// What wrote it.
    pub made_by: String,
}

/// One file of a folder.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileEntry {
    /// Its name in the folder.
    pub name: String,
    /// What it is.
    pub kind: FileKind,
    /// Its size.
    pub bytes: u64,
    /// SHA-256 of its bytes, in hex.
    pub sha256: String,
    /// First moment of a clip, moment of a key frame; microseconds of the site's time line.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub from_us: Option<Instant>,
    /// Last moment of a clip.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub to_us: Option<Instant>,
    /// Pictures of a clip.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub pictures: Option<u64>,
}

/// What a file is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FileKind {
    /// A video.
    Clip,
    /// One picture.
    KeyFrame,
    /// What the engine was told and said.
    Trace,
}

/// What checking a folder came to.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Checked {
    /// The manifest, if it can be read.
    pub manifest: Option<Manifest>,
    /// What is gone or not as it was written; empty if all is well.
    pub faults: Vec<String>,
}

impl Manifest {
    /// Bytes of all files it names.
    pub fn bytes(&self) -> u64 {
        self.files.iter().map(|file| file.bytes).sum()
    }

    /// Reads the manifest of a folder.
    ///
    /// # Errors
    /// What is wrong with it, for people.
    pub fn read(folder: &Path) -> Result<Self, String> {
        let read = || -> io::Result<Vec<u8>> {
            let mut bytes = Vec::new();
            File::open(folder.join(MANIFEST))?
                .take(MAX_BYTES)
                .read_to_end(&mut bytes)?;
            Ok(bytes)
        };
        let bytes = read().map_err(|error| match error.kind() {
            io::ErrorKind::NotFound => format!("{MANIFEST} is gone"),
            _ => format!("{MANIFEST} cannot be read: {error}"),
        })?;
        let manifest: Self = serde_json::from_slice(&bytes)
            .map_err(|error| format!("{MANIFEST} is damaged: {error}"))?;
        if manifest.format > FORMAT {
            return Err(format!(
                "{MANIFEST} has format {}, this program knows {FORMAT}: use the program that wrote it",
                manifest.format
            ));
        }
        Ok(manifest)
    }
}

/// Checks a folder of evidence against its manifest.
pub fn check(folder: &Path) -> Checked {
    if !folder.is_dir() {
        return Checked {
            manifest: None,
            faults: vec!["the folder is gone".to_owned()],
        };
    }
    match Manifest::read(folder) {
        Ok(manifest) => Checked {
            faults: manifest
                .files
                .iter()
                .filter_map(|file| fault(folder, file))
                .collect(),
            manifest: Some(manifest),
        },
        Err(fault) => Checked {
            manifest: None,
            faults: vec![fault],
        },
    }
}

/// What is wrong with one file, if anything.
fn fault(folder: &Path, file: &FileEntry) -> Option<String> {
    let name = &file.name;
    if name.contains('/') || name.starts_with('.') {
        return Some(format!(
            "{name}: no such name was ever given; {MANIFEST} was changed"
        ));
    }
    match digest(&folder.join(name)) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Some(format!("{name} is gone")),
        Err(error) => Some(format!("{name} cannot be read: {error}")),
        Ok((bytes, _)) if bytes != file.bytes => Some(format!(
            "{name} has {bytes} bytes, {} were written",
            file.bytes
        )),
        Ok((_, sha256)) if sha256 != file.sha256 => Some(format!(
            "{name} is not what was written: its SHA-256 is another"
        )),
        Ok(_) => None,
    }
}

/// Size and SHA-256 of a file.
pub(super) fn digest(path: &Path) -> io::Result<(u64, String)> {
    let mut file = File::open(path)?;
    let mut hash = Sha256::new();
    let mut buffer = vec![0; 1 << 16];
    let mut total = 0;
    loop {
        let count = file.read(&mut buffer)?;
        if count == 0 {
            return Ok((total, hex::encode(hash.finalize())));
        }
        hash.update(&buffer[..count]);
        total += count as u64;
    }
}

/// UTC, for people; the bare number where it is no date.
pub(super) fn utc(at: Instant) -> String {
    jiff::Timestamp::from_microsecond(at.as_us())
        .map_or_else(|_| at.to_string(), |stamp| stamp.to_string())
}

/// The folder of a day, UTC.
pub(super) fn day(at: Instant) -> String {
    jiff::Timestamp::from_microsecond(at.as_us()).map_or_else(
        |_| "0000-00-00".to_owned(),
        |stamp| stamp.strftime("%Y-%m-%d").to_string(),
    )
}

/// Whether a folder's name is that of a day.
pub(super) fn is_day(name: &str) -> bool {
    let bytes = name.as_bytes();
    let dashes = bytes.len() == 10 && bytes[4] == b'-' && bytes[7] == b'-';
    dashes
        && bytes
            .iter()
            .enumerate()
            .all(|(at, byte)| at == 4 || at == 7 || byte.is_ascii_digit())
}
