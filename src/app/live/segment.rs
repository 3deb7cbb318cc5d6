//! Traces as files: how long one grows, what they are called, and which are deleted.
//!
//! Theory of operation: `CAMERA-STARTED.jsonl`, one series a camera. When one is long enough the next is begun, and begins
//! with the engine's state, so that each is judged again by itself. Oldest ones are deleted first, for their age and for
//! room, by a thread of its own: the judge waits for no disk. The newest of each camera is not deleted for room: it
//! is being written, or it is what the engine goes on from.
//!
//! Ages are differences of wall clocks, which may be decades wrong until a time server is reached. What is deleted for a
//! wrong clock is lost, what is kept for one goes when the clock is right: ages count from what is borne out,
//! and one that is being written, which whoever writes it has locked, has no age.

use std::collections::BTreeMap;
use std::fs::{self, File, TryLockError};
use std::io;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use super::metrics::TraceMetrics;
use super::status::utc;
use crate::config::TraceConfig;
use crate::intake::wall;
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
/// While the box runs some trace ends at least this often: twice what a segment takes.
const RUNS_ON: Duration = Duration::from_secs(2 * 3_600);
/// A clock that traces were written by for this long without a break is believed. One that was wrong at the start is set
/// by a time server long before; a box that runs only by day gets there.
const BELIEVED_AFTER: Duration = Duration::from_secs(6 * 3_600);

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
        // Until it is closed it is not old. A disk that knows no locks is no reason to have no trace.
        drop(file.try_lock());
        self.metrics.begun.inc();
        Ok((path, file))
    }

    /// Deletes what is too old or too much, beside everything else.
    pub fn sweep_soon(&self) {
        let traces = self.clone();
        let sweep = move || {
            if let Err(error) = traces.sweep(clock_shows()) {
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

    /// Deletes what is too old or too much while the clock shows `now`.
    fn sweep(&self, now: SystemTime) -> io::Result<()> {
        let mut files = Vec::new();
        for (camera, segment) in all(&self.folder)? {
            let meta = fs::metadata(&segment.path)?;
            files.push((segment, camera, meta.len(), meta.modified()?));
        }
        files.sort_by(|a, b| a.0.started.cmp(&b.0.started));
        let borne_out = borne_out(files.iter().map(|(.., written)| *written), now);
        let newest: BTreeMap<String, PathBuf> = files
            .iter()
            .map(|(segment, camera, ..)| (camera.clone(), segment.path.clone()))
            .collect();
        let keep = Duration::from_secs(u64::from(self.limits.keep_days) * DAY_S);
        let mut held: u64 = files.iter().map(|(_, _, bytes, _)| bytes).sum();
        for (segment, camera, bytes, written) in files {
            let age = borne_out.and_then(|until| until.duration_since(written).ok());
            let old = age.is_some_and(|age| age > keep) && !is_being_written(&segment.path);
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

/// What the clock shows by which files are stamped.
fn clock_shows() -> SystemTime {
    let us = u64::try_from(wall().as_us()).unwrap_or_default();
    SystemTime::UNIX_EPOCH + Duration::from_micros(us)
}

/// What ages count from, of the times at which traces were last written: the end of the last six hours that were written
/// through without a break. A moment in which the clock was far ahead leaves traces of that moment alone,
/// of one camera or of all. Nothing is later than what the clock shows: after one that was set back nothing is old.
/// `None`: nothing is old yet.
fn borne_out(written: impl Iterator<Item = SystemTime>, now: SystemTime) -> Option<SystemTime> {
    let mut written: Vec<SystemTime> = written.filter(|at| *at <= now).collect();
    written.sort_unstable();
    let runs_on =
        |a: &SystemTime, b: &SystemTime| b.duration_since(*a).is_ok_and(|gap| gap <= RUNS_ON);
    let mut runs = written.chunk_by(runs_on).rev();
    runs.find_map(|run| {
        let (first, last) = (*run.first()?, *run.last()?);
        let long = last.duration_since(first).ok()?;
        (long >= BELIEVED_AFTER).then_some(last)
    })
}

/// Whether somebody has it open to write it.
fn is_being_written(path: &Path) -> bool {
    let locked = |file: File| matches!(file.try_lock(), Err(TryLockError::WouldBlock));
    File::open(path).is_ok_and(locked)
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

    /// A trace: camera, hour begun as its name says, hours since it was last written.
    type Aged = (&'static str, u32, i64);

    /// From 1970 to the present of these tests, h.
    const PRESENT_H: i64 = 24_000;
    /// How far a clock is ahead whose battery is empty, h.
    const DECADE_H: i64 = 87_600;
    /// So long that a clock is believed.
    const RAN: [Aged; 4] = [("s", 10, 6), ("s", 11, 4), ("s", 12, 2), ("s", 13, 0)];

    /// So many hours after the present.
    fn hour(after: i64) -> SystemTime {
        let hours = u64::try_from(PRESENT_H + after).expect("not before 1970");
        SystemTime::UNIX_EPOCH + Duration::from_secs(hours * 3_600)
    }

    fn name(camera: &str, hour: u32) -> String {
        format!("{camera}-2026-11-22T{hour:02}0000.000Z.jsonl")
    }

    /// A folder with traces of 100 bytes each, and something else.
    fn folder(files: &[Aged], most_bytes: u64) -> (tempfile::TempDir, Traces) {
        let folder = tempfile::tempdir().expect("a folder");
        let limits = TraceConfig {
            keep_days: 10,
            most_bytes,
        };
        let path = folder.path().to_owned();
        let traces = Traces::open(path, limits, TraceMetrics::default()).expect("a folder");
        for (camera, begun, hours) in files {
            let file = File::create(folder.path().join(name(camera, *begun))).expect("a file");
            file.set_len(100).expect("room");
            file.set_modified(hour(-hours)).expect("a time");
        }
        fs::write(folder.path().join("notes.txt"), "mine").expect("a file");
        (folder, traces)
    }

    /// What is left of files after a sweep while the clock is so many hours ahead.
    #[track_caller]
    fn swept(ahead_h: i64, files: &[Aged], most_bytes: u64, expect: &[Aged]) {
        let (folder, traces) = folder(files, most_bytes);
        traces.sweep(hour(ahead_h)).expect("readable");
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
        let mut names: Vec<String> = expect.iter().map(|(c, hour, _)| name(c, *hour)).collect();
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
        let [a1, a2, _, b3] = four;
        swept(0, &four, 1_000, &four);
        swept(0, &four, 300, &[a1, a2, b3]);
        swept(0, &four, 0, &[a2, b3]);
        // One that is too old goes, even of a camera that is no longer there.
        let kept = [("a", 2, 9 * 24), ("c", 4, 0)];
        let old = [("a", 1, 11 * 24), ("b", 0, 11 * 24)];
        let (kept, all) = ([&RAN[..], &kept].concat(), [&RAN[..], &kept, &old].concat());
        swept(0, &all, 1_000, &kept);
        // Nor is it kept by a box that was off for longer than that: six hours later it goes.
        let off: Vec<Aged> = old
            .iter()
            .map(|(c, begun, h)| (*c, *begun, h * 9))
            .collect();
        swept(0, &[&RAN[..], &off].concat(), 1_000, &RAN);
        swept(
            0,
            &[&RAN[1..], &off].concat(),
            1_000,
            &[&RAN[1..], &off].concat(),
        );
    }

    #[test]
    fn a_clock_that_was_far_ahead_makes_nothing_old() {
        // Two cameras, from one segment into the next.
        let ahead = [
            ("a", 14, -DECADE_H),
            ("s", 14, -DECADE_H),
            ("s", 15, -DECADE_H - 1),
        ];
        let kept = [&RAN[..], &[("a", 2, 9 * 24)], &ahead].concat();
        let all = [&kept[..], &[("a", 1, 11 * 24)]].concat();
        // While it is ahead, and when it is right again.
        swept(DECADE_H + 1, &all, 10_000, &kept);
        swept(0, &all, 10_000, &kept);
        // It is believed in the end: then it was wrong before.
        let stays = RAN.map(|(_, begun, hours)| ("t", begun, hours - DECADE_H));
        swept(DECADE_H, &[&RAN[..], &stays].concat(), 10_000, &stays);
    }

    #[test]
    fn a_clock_that_is_back_in_1970_makes_nothing_old() {
        let begun = [("a", 14, PRESENT_H), ("s", 14, PRESENT_H)];
        let all = [&RAN[..], &begun].concat();
        swept(-PRESENT_H, &all, 10_000, &all);
    }

    #[test]
    fn what_is_being_written_is_not_old() {
        let (_folder, traces) = folder(&RAN, 10_000);
        // The clock is right again, and the next line is not written yet.
        let (path, file) = traces.create("a", Instant::from_us(0)).expect("a file");
        file.set_modified(hour(-PRESENT_H)).expect("a time");
        traces.sweep(hour(0)).expect("readable");
        assert!(path.exists(), "it is being written");
        drop(file);
        traces.sweep(hour(0)).expect("readable");
        assert!(!path.exists(), "it was written in 1970");
    }
}
