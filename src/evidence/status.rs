//! How the keeping of evidence goes, for metrics and alarms.

use serde::Serialize;

/// Counts since the start, and what is on the disk now.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct Status {
    /// Cuts that were asked for.
    pub asked: u64,
    /// Folders written.
    pub written: u64,
    /// Of those, folders in which something is missing.
    pub incomplete: u64,
    /// Cuts refused because too many waited, or because of their id.
    pub refused: u64,
    /// Cuts whose evidence was kept before.
    pub repeated: u64,
    /// Cuts that could not be written.
    pub failed: u64,
    /// Cuts that were given up at the stop.
    pub abandoned: u64,
    /// Folders deleted to make room.
    pub evicted: u64,
    /// Unfinished folders that the start found and deleted.
    pub swept: u64,
    /// Cuts that wait.
    pub waiting: usize,
    /// Folders on the disk.
    pub folders: u64,
    /// Their bytes.
    pub bytes: u64,
    /// How long the last folder took to write, ms.
    pub last_ms: u64,
    /// Why the last cut could not be written; gone when one is written again.
    pub alarm: Option<String>,
}
