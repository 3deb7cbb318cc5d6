//! What each camera is known to show, kept over restarts: so that one that was moved while the box was off is noticed.
//!
//! Theory of operation: one small file a camera, written anew when something was learned. A person who deletes it says that the
//! camera hangs where it should: `tailgate cameras confirm` does. A file that cannot be written costs that,
//! which is said, and nothing else.

use std::path::{Path, PathBuf};

use crate::picture::{Reference, SightWatch};

/// Where references are, in a site's data.
const FOLDER: &str = "references";

/// The file of one camera's reference.
pub fn reference_path(data: &Path, camera: &str) -> PathBuf {
    // A name may hold what a file's may not.
    let name: String = camera
        .bytes()
        .map(|byte| match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' => char::from(byte).to_string(),
            other => format!("_{other:02x}"),
        })
        .collect();
    data.join(FOLDER).join(format!("{name}.json"))
}

/// One camera's reference on disk.
#[derive(Debug)]
pub struct Kept {
    path: PathBuf,
    version: u32,
    /// There was a file: if there is none now, somebody took it away.
    there: bool,
}

impl Kept {
    /// At this path, with what it holds.
    pub fn open(path: PathBuf) -> (Self, SightWatch) {
        let reference = std::fs::read(&path).ok().and_then(|bytes| {
            let read = serde_json::from_slice::<Reference>(&bytes);
            if let Err(error) = &read {
                tracing::warn!("{}: learned anew: {error}", path.display());
            }
            read.ok()
        });
        let watch = SightWatch::new(reference);
        let version = watch.version();
        let there = path.exists();
        let kept = Self {
            path,
            version,
            there,
        };
        (kept, watch)
    }

    /// Writes what was learned since.
    pub fn keep(&mut self, watch: &SightWatch) {
        if watch.version() == self.version {
            return;
        }
        self.version = watch.version();
        let Some(reference) = watch.reference() else {
            return;
        };
        match write(&self.path, reference) {
            Ok(()) => self.there = true,
            Err(error) => {
                let path = self.path.display();
                tracing::error!("{path}: what was learned is not kept: {error}");
            }
        }
    }

    /// Whether a person has said that the camera hangs where it should.
    pub fn is_confirmed(&self) -> bool {
        self.there && !self.path.exists()
    }
}

fn write(path: &Path, reference: &Reference) -> std::io::Result<()> {
    if let Some(folder) = path.parent() {
        std::fs::create_dir_all(folder)?;
    }
    let part = path.with_extension("part");
    std::fs::write(&part, serde_json::to_vec(reference)?)?;
    std::fs::rename(part, path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_camera_has_a_file_of_its_own() {
        let path = |name| reference_path(Path::new("data"), name);
        assert_eq!(path("lobby-1"), Path::new("data/references/lobby-1.json"));
        assert_eq!(path("a/b"), Path::new("data/references/a_2fb.json"));
        assert_ne!(path("a_b"), path("a/b"));
    }
}
