//! What can be wrong with the outbox.

use std::path::PathBuf;
use std::sync::Arc;

/// Why the outbox can't do what it was asked.
#[derive(Debug, Clone, thiserror::Error)]
pub enum OutboxError {
    /// The file can't be opened or made.
    #[error("the outbox {path} can't be opened: {what}; check the path, its rights and the disk")]
    Open {
        /// Which.
        path: PathBuf,
        /// Why.
        what: String,
    },
    /// It is a SQLite file of something else.
    #[error("{0} is no outbox of tailgate: name another file in [alerts] path")]
    Foreign(PathBuf),
    /// It was written by a later version.
    #[error(
        "the outbox {path} has schema version {found}, this program knows {known}: \
         use the program that wrote it, or a later one"
    )]
    Newer {
        /// Which.
        path: PathBuf,
        /// Its version.
        found: i64,
        /// The newest one known here.
        known: i64,
    },
    /// A body is too long.
    #[error("the notice {id} has {bytes} bytes, at most {most} are taken")]
    TooLong {
        /// Which notice.
        id: String,
        /// Bytes of its body.
        bytes: usize,
        /// The bound.
        most: usize,
    },
    /// Too much waits for the disk.
    #[error("the outbox is behind: its disk is too slow")]
    Busy,
    /// A commit failed.
    #[error("the outbox takes nothing any more: {0}")]
    Poisoned(Arc<str>),
    /// The writer's thread can't be started.
    #[error("the outbox's writer can't be started: {0}")]
    Thread(String),
    /// A query failed.
    #[error("the outbox can't be read: {0}")]
    Query(Arc<rusqlite::Error>),
}

impl From<rusqlite::Error> for OutboxError {
    fn from(error: rusqlite::Error) -> Self {
        Self::Query(Arc::new(error))
    }
}
