//! What the disk's fsync costs, and how busy the machine is.

use std::fs::OpenOptions;
use std::io::{self, Write};
use std::path::Path;
use std::time::{Duration, Instant};

/// Writes that are measured.
const WRITES: usize = 200;

/// p50 and p99 of appending 4 KiB and having them on disk.
pub(super) fn fsync(folder: &Path) -> io::Result<(Duration, Duration)> {
    let path = folder.join(format!("tailgate-fsync-{}", std::process::id()));
    let measured = (|| {
        let mut options = OpenOptions::new();
        let mut file = options.write(true).create_new(true).open(&path)?;
        let mut times = Vec::with_capacity(WRITES);
        for _ in 0..WRITES {
            let begun = Instant::now();
            file.write_all(&[7; 4096])?;
            file.sync_data()?;
            times.push(begun.elapsed());
        }
        times.sort_unstable();
        Ok((times[WRITES / 2], times[WRITES * 99 / 100]))
    })();
    drop(std::fs::remove_file(&path));
    measured
}

/// The machine's load averages, as the kernel writes them.
pub(super) fn load_average() -> String {
    let text = std::fs::read_to_string("/proc/loadavg").unwrap_or_default();
    let three: Vec<&str> = text.split(' ').take(3).collect();
    three.join(" ")
}
