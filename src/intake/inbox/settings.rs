//! How the inbox is kept.

use std::path::PathBuf;
use std::time::Duration;

/// Settings of the inbox. Bounds are checked where the configuration is read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InboxSettings {
    /// The SQLite file.
    pub path: PathBuf,
    /// How long the writer waits for more before it commits. On a disk whose fsync takes 5 ms,
    /// 10,000 deliveries a second need 50 of them in a commit.
    pub linger: Duration,
    /// At most this many deliveries share a commit, so that one commit stays short.
    pub batch: usize,
    /// At most this many deliveries wait for the writer.
    pub queue: usize,
    /// At most this many bytes of deliveries wait for the writer or are being written.
    pub queue_bytes: u64,
    /// How long raw bytes of deliveries that were read are kept; quarantine is kept until resolved.
    pub keep_raw: Duration,
    /// How long names and e-mail addresses are kept where a site stores them. A month: long enough to
    /// look into what happened, short enough that who left is gone without anybody's doing.
    pub keep_people: Duration,
    /// For measuring only: every commit takes this much longer, as on a slow disk.
    pub slower_commit: Duration,
}

impl InboxSettings {
    /// The defaults, at a place.
    pub fn at(path: impl Into<PathBuf>) -> Self {
        Self {
            path: path.into(),
            linger: Duration::from_millis(2),
            batch: 512,
            queue: 4096,
            queue_bytes: 16 << 20,
            keep_raw: Duration::from_secs(90 * 86_400),
            keep_people: Duration::from_secs(30 * 86_400),
            slower_commit: Duration::ZERO,
        }
    }
}
