//! What can go wrong with evidence, in words that say what to do about it.

use std::io;
use std::path::{Path, PathBuf};

use crate::capture::CaptureError;

/// Why evidence cannot be kept or read.
#[derive(Debug, thiserror::Error)]
pub enum EvidenceError {
    /// The disk refused something.
    #[error("{doing} {}: {error}{}", .path.display(), hint(.error))]
    Disk {
        /// What was being done, such as `writing`.
        doing: &'static str,
        /// With what.
        path: PathBuf,
        /// Why not.
        error: io::Error,
    },
    /// A clip or picture could not be made.
    #[error(transparent)]
    Picture(#[from] CaptureError),
    /// Another process keeps evidence here.
    #[error("{}: another process keeps its evidence here; give each its own folder", .0.display())]
    Taken(PathBuf),
    /// There is no room, and nothing that may be deleted.
    #[error(
        "there is no room for {need} bytes of evidence: {why}; give it more room, or release folders \
         that are held (`tailgate evidence hold DIR ID --release`)"
    )]
    NoRoom {
        /// How much was to be written.
        need: u64,
        /// Which bound is met.
        why: String,
    },
    /// There is no evidence of this id.
    #[error("there is no evidence {id} in {}; `tailgate evidence list {}` says what there is", .dir.display(), .dir.display())]
    Unknown {
        /// Where.
        dir: PathBuf,
        /// Which.
        id: String,
    },
}

fn hint(error: &io::Error) -> &'static str {
    match error.kind() {
        io::ErrorKind::StorageFull => "; free some space, or lower the quota of evidence",
        io::ErrorKind::PermissionDenied => "; check the rights of the folder",
        io::ErrorKind::ReadOnlyFilesystem => "; mount it for writing",
        _ => "",
    }
}

impl EvidenceError {
    pub(super) fn disk<'a>(
        doing: &'static str,
        path: &'a Path,
    ) -> impl FnOnce(io::Error) -> Self + use<'a> {
        move |error| Self::Disk {
            doing,
            path: path.to_owned(),
            error,
        }
    }
}

/// Why a cut was not taken. The caller goes on: it was counted.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// More cuts wait than the queue holds.
    #[error("{waiting} cuts wait for their evidence already")]
    Busy {
        /// How many.
        waiting: usize,
    },
    /// The id cannot name a folder.
    #[error("{0:?} cannot name evidence: letters, digits, `-`, `_` and `.`, at most 100 of them")]
    Id(String),
    /// The keeper was stopped.
    #[error("the keeper of evidence was stopped")]
    Stopped,
}
