//! Traces as files: how long one grows, what they are called, and which are deleted.
//!
//! Theory of operation: `CAMERA-STARTED.jsonl`, one series a camera. When one is long enough the next is begun, and begins
//! with the engine's state, so that each is judged again by itself. Oldest ones are deleted first, for their age and for
//! room, by a thread of its own: the judge waits for no disk. The newest of each camera is not deleted for room: it
//! is being written, or it is what the engine goes on from.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::metrics::TraceMetrics;
use super::status::utc;
use crate::config::TraceConfig;
use crate::units::{Instant, Span};

/// A segment is this long, at most: what is lost with one damaged file, and what a restart has to read.
pub const SEGMENT_TIME: Span = Span::from_ms(3_600_000);
/// And this large, in bytes, at most: a restart reads it within a few seconds.
pub const SEGMENT_BYTES: u64 = 64 << 20;
/// A file that could not be begun is tried again after this.
pub const TRY_AGAIN: Span = Span::from_ms(60_000);

/// The end of a trace's name.
const EXTENSION: &str = ".jsonl";
/// The same of one that holds last words on doors that nobody took over: nothing goes on from it.
const LAST: &str = ".last.jsonl";
/// Letters of a start: `2026-11-22T114800.000Z`.
const STAMP: usize = 22;
/// A day, s.
const DAY_S: u64 = 86_400;

/// Where traces go.
#[derive(Debug, Clone)]
pub struct Traces {
    folder: PathBuf,
    limits: TraceConfig,
    metrics: TraceMetrics,
}

/// One file of a trace.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Segment {
    /// The file.
    pub path: PathBuf,
    /// When it was begun, as it stands in its name.
    pub started: String,
}

/// When something was, as it stands in names of files.
pub fn stamp(at: Instant) -> String {
    utc(at).replace(':', "")
}

impl Traces {
    /// In a folder, which is made if need be.
    ///
    /// # Errors
    /// If it can't be made.
    pub fn open(folder: PathBuf, limits: TraceConfig, metrics: TraceMetrics) -> io::Result<Self> {
        fs::create_dir_all(&folder)?;
        Ok(Self {
            folder,
            limits,
            metrics,
        })
    }

    /// The folder.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// A new file for a camera's trace from `now` on, with its name.
    ///
    /// # Errors
    /// If it can't be made, or is there already.
    pub fn create(&self, camera: &str, now: Instant) -> io::Result<(PathBuf, File)> {
        self.create_named(format!("{camera}-{}{EXTENSION}", stamp(now)))
    }

    /// The same for last words.
    ///
    /// # Errors
    /// If it can't be made, or is there already.
    pub fn create_last(&self, camera: &str, now: Instant) -> io::Result<(PathBuf, File)> {
        self.create_named(format!("{camera}-{}{LAST}", stamp(now)))
    }

    fn create_named(&self, name: String) -> io::Result<(PathBuf, File)> {
        let path = self.folder.join(name);
        let file = File::create_new(&path)?;
        self.metrics.begun.inc();
        Ok((path, file))
    }

    /// Deletes what is too old or too much, beside everything else.
    pub fn sweep_soon(&self) {
        let traces = self.clone();
        let sweep = move || {
            if let Err(error) = traces.sweep() {
                tracing::warn!("{}: old traces stay: {error}", traces.folder.display());
            }
        };
        let spawned = std::thread::Builder::new()
            .name("sweep".into())
            .spawn(sweep);
        if let Err(error) = spawned {
            tracing::warn!("old traces stay: no thread can be started: {error}");
        }
    }

    /// Deletes what is too old or too much. Ages count from the last one written: no clock is asked.
    fn sweep(&self) -> io::Result<()> {
        let mut files = Vec::new();
        for (camera, segment) in all(&self.folder)? {
            let meta = fs::metadata(&segment.path)?;
            files.push((segment, camera, meta.len(), meta.modified()?));
        }
        files.sort_by(|a, b| a.0.started.cmp(&b.0.started));
        let last = files.iter().map(|(.., written)| *written).max();
        let newest: BTreeMap<String, PathBuf> = files
            .iter()
            .map(|(segment, camera, ..)| (camera.clone(), segment.path.clone()))
            .collect();
        let keep = Duration::from_secs(u64::from(self.limits.keep_days) * DAY_S);
        let mut held: u64 = files.iter().map(|(_, _, bytes, _)| bytes).sum();
        for (segment, camera, bytes, written) in files {
            let age = last.and_then(|last| last.duration_since(written).ok());
            let old = age.is_some_and(|age| age > keep);
            let is_newest = newest.get(&camera) == Some(&segment.path);
            if !old && (is_newest || held <= self.limits.most_bytes) {
                continue;
            }
            fs::remove_file(&segment.path)?;
            held -= bytes;
            self.metrics.deleted.inc();
            tracing::info!("{}: deleted, {bytes} bytes", segment.path.display());
        }
        self.metrics
            .held
            .set(i64::try_from(held).unwrap_or(i64::MAX));
        Ok(())
    }
}

/// The segments of one camera, newest first.
///
/// # Errors
/// If the folder can't be read.
pub fn of_camera(folder: &Path, camera: &str) -> io::Result<Vec<Segment>> {
    let own = all(folder)?
        .into_iter()
        .filter(|(of, segment)| of == camera && !segment.path.to_string_lossy().ends_with(LAST));
    let mut own: Vec<Segment> = own.map(|(_, segment)| segment).collect();
    own.sort_by(|a, b| b.started.cmp(&a.started));
    Ok(own)
}

/// All segments in a folder, each with its camera.
fn all(folder: &Path) -> io::Result<Vec<(String, Segment)>> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        let name = path.file_name().map(|name| name.to_string_lossy());
        if let Some((camera, started)) = name.as_deref().and_then(parts) {
            let (camera, started) = (camera.to_owned(), started.to_owned());
            found.push((camera, Segment { path, started }));
        }
    }
    Ok(found)
}

/// Camera and start of a trace, from its name.
fn parts(name: &str) -> Option<(&str, &str)> {
    let name = name.strip_suffix(LAST).or(name.strip_suffix(EXTENSION))?;
    let cut = name.len().checked_sub(STAMP + 1)?;
    let (camera, started) = (name.get(..cut)?, name.get(cut..)?.strip_prefix('-')?);
    let shape = started.bytes().zip(b"0000-00-00T000000.000Z");
    let fits = shape.into_iter().all(|(byte, shape)| match shape {
        b'0' => byte.is_ascii_digit(),
        other => byte == *other,
    });
    (fits && started.len() == STAMP && !camera.is_empty()).then_some((camera, started))
}

#[cfg(test)]
mod tests {
    use std::time::SystemTime;

    use super::*;

    #[track_caller]
    fn check(name: &str, expect: Option<(&str, &str)>) {
        assert_eq!(parts(name), expect, "{name}");
    }

    #[test]
    fn names_say_camera_and_start() {
        let start = "2026-11-22T114800.000Z";
        let of = |camera: &str| format!("{camera}-{start}.jsonl");
        check(&of("lobby"), Some(("lobby", start)));
        check(&of("lobby-2"), Some(("lobby-2", start)));
        check(&of("Tür"), Some(("Tür", start)));
        check(&of(""), None);
        check("lobby.jsonl", None);
        check("lobby-2026-11-22T11:48:00.jsonl", None);
        check("lobby-2026-11-22T114800.000Z.part", None);
        check(
            "lobby-2026-11-22T114800.000Z.last.jsonl",
            Some(("lobby", start)),
        );
        assert_eq!(stamp(Instant::from_us(1_795_348_080_000_000)), start);
    }

    /// Files as (camera, hour begun, days since it was written); what is left after a sweep.
    #[track_caller]
    fn swept(files: &[(&str, u32, u64)], most_bytes: u64, expect: &[(&str, u32)]) {
        let folder = tempfile::tempdir().expect("a folder");
        let limits = TraceConfig {
            keep_days: 10,
            most_bytes,
        };
        let path = folder.path().to_owned();
        let traces = Traces::open(path, limits, TraceMetrics::default()).expect("a folder");
        let name =
            |camera: &str, hour: u32| format!("{camera}-2026-11-22T{hour:02}0000.000Z.jsonl");
        let now = SystemTime::UNIX_EPOCH + Duration::from_secs(1_000 * DAY_S);
        for (camera, hour, days) in files {
            let file = File::create(folder.path().join(name(camera, *hour))).expect("a file");
            file.set_len(100).expect("room");
            let written = now - Duration::from_secs(days * DAY_S);
            file.set_modified(written).expect("a time");
        }
        fs::write(folder.path().join("notes.txt"), "mine").expect("a file");
        traces.sweep().expect("readable");
        let mut left: Vec<String> = fs::read_dir(folder.path())
            .expect("readable")
            .map(|entry| {
                entry
                    .expect("readable")
                    .file_name()
                    .to_string_lossy()
                    .into_owned()
            })
            .collect();
        left.sort();
        let mut names: Vec<String> = expect.iter().map(|(c, hour)| name(c, *hour)).collect();
        names.push("notes.txt".to_owned());
        names.sort();
        assert_eq!(left, names);
        assert_eq!(traces.metrics.held.get(), 100 * expect.len() as i64);
        assert_eq!(
            traces.metrics.deleted.get(),
            (files.len() - expect.len()) as u64
        );
    }

    #[test]
    fn the_oldest_go_first_and_the_newest_of_a_camera_stays() {
        let four = [("a", 1, 0), ("a", 2, 0), ("b", 0, 0), ("b", 3, 0)];
        swept(&four, 1_000, &[("a", 1), ("a", 2), ("b", 0), ("b", 3)]);
        swept(&four, 300, &[("a", 1), ("a", 2), ("b", 3)]);
        swept(&four, 0, &[("a", 2), ("b", 3)]);
        // One that is too old goes, even of a camera that is no longer there.
        swept(
            &[("a", 1, 11), ("a", 2, 9), ("b", 0, 11), ("c", 4, 0)],
            1_000,
            &[("a", 2), ("c", 4)],
        );
    }
}
