//! What a detector saw of a clip, kept on disk: looking is slow, judging is not.
//!
//! Theory of operation: what is seen depends on the clip's bytes, on the model and its weights, on what
//! computes it, and on where in the picture it looks and at what size. A SHA-256 over all of these
//! names the file. A change of any makes another name, and a change of code counts [`VERSION`] up, so
//! nothing is ever out of date; old files can be deleted at any time. A file is JSON lines and ends with a line that says so: one that was cut short is not
//! believed.

use std::io::{BufRead, BufReader, BufWriter, Write};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::case::Seen;
use crate::detection::Detection;
use crate::engine::{FrameInput, Input, Seen as People};
use crate::units::{CameraId, Instant, Span};

/// Counts up when what is kept changes, or what code makes of pictures: `inference::prepare`, the heads
/// and suppression in `detection`.
const VERSION: u32 = 2;
/// Folder of caches by the rules of the desktop.
const CACHE_VARIABLE: &str = "XDG_CACHE_HOME";
/// Bytes read at once when a clip is hashed.
const BLOCK: usize = 1 << 16;

/// Kept detections.
#[derive(Debug, Clone)]
pub struct DetectionCache {
    /// `None`: nothing is kept.
    folder: Option<PathBuf>,
}

/// One line of a file.
#[derive(Serialize, Deserialize)]
#[serde(untagged)]
enum Line {
    Frame {
        /// Since the clip's first frame.
        t: Span,
        d: Vec<Detection>,
    },
    End {
        /// Since the clip's first frame.
        end: Span,
    },
}

impl DetectionCache {
    /// In `folder`; without one where the desktop keeps caches; `off`: nowhere.
    pub fn new(folder: Option<PathBuf>, off: bool) -> Self {
        let usual = || {
            let named = |variable| std::env::var_os(variable).filter(|path| !path.is_empty());
            let home = || named("HOME").map(|home| PathBuf::from(home).join(".cache"));
            let caches = named(CACHE_VARIABLE).map(PathBuf::from).or_else(home)?;
            Some(caches.join("tailgate").join("detections"))
        };
        Self {
            folder: folder.or_else(usual).filter(|_| !off),
        }
    }

    /// What is kept under `key`, on a time line on which the clip starts at `start`.
    pub fn load(&self, key: &str, start: Instant) -> Option<Seen> {
        let file = std::fs::File::open(self.path(key)?).ok()?;
        let mut inputs = Vec::new();
        for line in BufReader::new(file).lines() {
            match serde_json::from_str(&line.ok()?).ok()? {
                Line::Frame { t, d } => inputs.push(frame(start + t, d)),
                Line::End { end } => {
                    return Some(Seen {
                        inputs,
                        end: start + end,
                    });
                }
            }
        }
        None
    }

    /// Keeps what was seen of a clip that starts at `start`.
    pub fn store(&self, key: &str, start: Instant, seen: &Seen) -> std::io::Result<()> {
        let Some(path) = self.path(key) else {
            return Ok(());
        };
        if let Some(folder) = path.parent() {
            std::fs::create_dir_all(folder)?;
        }
        // Whoever reads at the same time sees a whole file or none.
        let part = path.with_extension(format!("part{}", std::process::id()));
        let mut to = BufWriter::new(std::fs::File::create(&part)?);
        let mut put = |line: &Line| -> std::io::Result<()> {
            serde_json::to_writer(&mut to, line)?;
            to.write_all(b"\n")
        };
        for (_, input) in &seen.inputs {
            if let Input::Frame(FrameInput {
                taken,
                seen: People::Boxes(boxes),
                ..
            }) = input
            {
                put(&Line::Frame {
                    t: *taken - start,
                    d: boxes.clone(),
                })?;
            }
        }
        put(&Line::End {
            end: seen.end - start,
        })?;
        to.flush()?;
        drop(to);
        std::fs::rename(part, path)
    }

    fn path(&self, key: &str) -> Option<PathBuf> {
        let folder = self.folder.as_ref()?;
        Some(folder.join(format!("{key}.jsonl")))
    }
}

/// One frame's people as the engine takes them.
pub fn frame(taken: Instant, people: Vec<Detection>) -> (Instant, Input) {
    let input = FrameInput {
        camera: CameraId(0),
        taken,
        seen: People::Boxes(people),
    };
    (taken, Input::Frame(input))
}

/// The key of what depends on all of `parts`.
pub fn key(parts: &[&str]) -> String {
    let mut hasher = Sha256::new();
    hasher.update(VERSION.to_le_bytes());
    for part in parts {
        // Lengths first, so that no two lists of parts run into the same bytes.
        hasher.update((part.len() as u64).to_le_bytes());
        hasher.update(part.as_bytes());
    }
    hex::encode(hasher.finalize())
}

/// SHA-256 over a file, or over the names and bytes of a folder's files.
pub fn sha256_of(path: &Path) -> std::io::Result<String> {
    let mut hasher = Sha256::new();
    if path.is_dir() {
        let mut files: Vec<PathBuf> = std::fs::read_dir(path)?
            .map(|entry| entry.map(|entry| entry.path()))
            .collect::<Result<_, _>>()?;
        files.sort();
        for file in files.iter().filter(|file| file.is_file()) {
            hasher.update(file.file_name().unwrap_or_default().as_encoded_bytes());
            hash_file(file, &mut hasher)?;
        }
    } else {
        hash_file(path, &mut hasher)?;
    }
    Ok(hex::encode(hasher.finalize()))
}

fn hash_file(path: &Path, hasher: &mut Sha256) -> std::io::Result<()> {
    let mut reader = BufReader::with_capacity(BLOCK, std::fs::File::open(path)?);
    loop {
        let block = reader.fill_buf()?;
        if block.is_empty() {
            return Ok(());
        }
        hasher.update(block);
        let len = block.len();
        reader.consume(len);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::detection::BoxInImage;

    fn seen(start: Instant) -> Seen {
        let person = Detection::new(BoxInImage::new(1.5, 2.25, 30.0, 90.0), 0.875).quantised();
        Seen {
            inputs: vec![
                frame(start, Vec::new()),
                frame(start + Span::from_ms(83), vec![person]),
            ],
            end: start + Span::from_ms(166),
        }
    }

    #[test]
    fn what_was_seen_is_kept_and_laid_on_any_time_line() {
        let folder = tempfile::tempdir().unwrap();
        let cache = DetectionCache::new(Some(folder.path().to_owned()), false);
        let (then, now) = (Instant::from_s(5.0), Instant::from_s(90.0));
        assert_eq!(cache.load("a", now), None);
        cache.store("a", then, &seen(then)).unwrap();
        assert_eq!(cache.load("a", now), Some(seen(now)));
        assert_eq!(cache.load("b", now), None);
        let off = DetectionCache::new(Some(folder.path().to_owned()), true);
        assert_eq!(off.load("a", now), None);
    }

    #[test]
    fn a_file_cut_short_is_not_believed() {
        let folder = tempfile::tempdir().unwrap();
        let cache = DetectionCache::new(Some(folder.path().to_owned()), false);
        cache
            .store("a", Instant::ZERO, &seen(Instant::ZERO))
            .unwrap();
        let path = folder.path().join("a.jsonl");
        let text = std::fs::read_to_string(&path).unwrap();
        let lines: Vec<&str> = text.lines().collect();
        std::fs::write(&path, lines[..lines.len() - 1].join("\n")).unwrap();
        assert_eq!(cache.load("a", Instant::ZERO), None);
    }

    #[test]
    fn keys_tell_lists_of_parts_apart() {
        assert_ne!(key(&["ab", "c"]), key(&["a", "bc"]));
        assert_ne!(key(&["a"]), key(&["a", ""]));
        assert_eq!(key(&["a", "b"]), key(&["a", "b"]));
    }
}
