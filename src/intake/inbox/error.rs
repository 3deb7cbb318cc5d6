//! What can be wrong with the inbox.

use std::path::PathBuf;
use std::sync::Arc;

/// Why the inbox can't do what it was asked.
#[derive(Debug, Clone, thiserror::Error)]
pub enum InboxError {
    /// The file can't be opened or made.
    #[error("the inbox {path} can't be opened: {what}; check the path, its rights and the disk")]
    Open {
        /// Which.
        path: PathBuf,
        /// Why.
        what: String,
    },
    /// It is a SQLite file of something else.
    #[error("{0} is no inbox of tailgate: name another file in [inbox] path")]
    Foreign(PathBuf),
    /// It was written by a later version.
    #[error(
        "the inbox {path} has schema version {found}, this program knows {known}: \
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
    /// The queue is full: try again.
    #[error("the inbox is behind: its queue is full")]
    Busy,
    /// A commit failed.
    #[error("the inbox acknowledges nothing any more: {0}")]
    Poisoned(Arc<str>),
    /// The writer's thread can't be started.
    #[error("the inbox's writer can't be started: {0}")]
    Thread(String),
    /// A query failed.
    #[error("the inbox can't be read: {0}")]
    Query(Arc<rusqlite::Error>),
}

impl From<rusqlite::Error> for InboxError {
    fn from(error: rusqlite::Error) -> Self {
        Self::Query(Arc::new(error))
    }
}
