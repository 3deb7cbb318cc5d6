//! What can go wrong with a clip, in words that say what to do about it.

use std::path::{Path, PathBuf};

/// A clip that cannot be read, or a video that cannot be written.
///
/// Damage inside a clip is not an error: decoding goes on, and [`Loss`](super::Loss) says what was
/// lost.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum CaptureError {
    /// The clip cannot be opened, or holds nothing that could be decoded.
    #[error("cannot read clip {}: {why}", .path.display())]
    Clip {
        /// Which clip.
        path: PathBuf,
        /// What is wrong with it and what to do.
        why: String,
    },
    /// More frames are held than the pool has: a caller keeps frames instead of dropping them.
    #[error(
        "{held} frames of clip {} are held at once, and its pool has no more: \
         drop frames when done with them, or raise ClipOptions::pool_frames",
        .path.display()
    )]
    FramesHeld {
        /// Which clip.
        path: PathBuf,
        /// How many frames are out.
        held: usize,
    },
    /// The `times.csv` of an image folder is wrong. Every problem is listed, one a line.
    #[error("cannot use {}: {}", .path.display(), .problems.join("; "))]
    Times {
        /// The file.
        path: PathBuf,
        /// One text a problem, with its line.
        problems: Vec<String>,
    },
    /// A video cannot be written.
    #[error("cannot write video {}: {why}", .path.display())]
    Video {
        /// Which video.
        path: PathBuf,
        /// What is wrong and what to do.
        why: String,
    },
}

impl CaptureError {
    /// A clip that cannot be read.
    pub(crate) fn clip(path: &Path, why: impl Into<String>) -> Self {
        Self::Clip {
            path: path.to_owned(),
            why: why.into(),
        }
    }

    /// A video that cannot be written.
    pub(super) fn video(path: &Path, why: impl Into<String>) -> Self {
        Self::Video {
            path: path.to_owned(),
            why: why.into(),
        }
    }
}
