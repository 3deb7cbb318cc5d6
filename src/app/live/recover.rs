//! What a camera's engine goes on from after the process was started again.
//!
//! Theory of operation: the newest segment of the camera's trace is judged again, up to its last whole line: engine,
//! numbers and hash are then what they were when the process ended, however it did. The engine goes on
//! in a new segment, blind from that moment until the camera sees again. What it stated in its last minutes is put
//! once more to whoever is told: ids are the same, so nobody is told twice. Pictures were in memory alone, and what
//! evidence was still to be made of them is said to be lost.
//!
//! Nothing here keeps a box from starting: a trace that cannot be read, or that comes out otherwise (another version
//! wrote it), costs a line in the log, and the camera begins anew.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::BufReader;
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};

use super::keeping::{evidence_name, is_kept};
use super::segment::{Segment, of_camera, stamp};
use crate::app::replay::{TraceReplay, replay_trace};
use crate::app::segments::heir;
use crate::app::trace::{Because, Continues};
use crate::config::{LiveCamera, LiveConfig};
use crate::engine::{Engine, EngineConfig, Succession};
use crate::units::{Instant, Span};
use crate::verdict::Verdict;

/// What was stated this long before the end is told again: the outbox writes within milliseconds, and within
/// minutes on the worst of disks.
const TELL_AGAIN: Span = Span::from_ms(300_000);

/// What a camera's engine goes on from.
pub struct Recovered {
    /// The engine, as it was.
    pub engine: Engine,
    /// What its next segment goes on from.
    pub continues: Continues,
    /// The last word on each of the last verdicts, oldest first.
    pub again: Vec<Verdict>,
}

impl Recovered {
    /// The last moment that was known.
    pub fn last(&self) -> Instant {
        self.engine.now()
    }
}

/// What engines go on from at `now`, by camera; those that are not there begin anew. Reads several at once.
pub fn recover_all(
    config: &LiveConfig,
    traces: &Path,
    now: Instant,
) -> BTreeMap<String, Recovered> {
    let next = AtomicUsize::new(0);
    let found = Mutex::new(BTreeMap::new());
    let work = || {
        while let Some(camera) = config.cameras.get(next.fetch_add(1, Ordering::Relaxed)) {
            if let Some(recovered) = recover(traces, camera, now) {
                say_what_is_lost(&config.data.join("evidence"), camera, &recovered);
                let mut found = found.lock().unwrap_or_else(PoisonError::into_inner);
                found.insert(camera.name.clone(), recovered);
            }
        }
    };
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    std::thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(work);
        }
    });
    found.into_inner().unwrap_or_else(PoisonError::into_inner)
}

/// What one camera's engine goes on from; `None`: it begins anew.
pub fn recover(traces: &Path, camera: &LiveCamera, now: Instant) -> Option<Recovered> {
    let name = &camera.name;
    let segments = of_camera(traces, name);
    let segments = segments
        .inspect_err(|error| tracing::error!(camera = name, "traces can't be listed: {error}"))
        .ok()?;
    // One that begins in the future is of a clock that was set back since; one that was begun and not even
    // headed yet has nothing stated in it.
    let latest = stamp(now);
    let segment = segments
        .iter()
        .find(|segment| segment.started <= latest && is_headed(&segment.path))?;
    match go_on(segment, camera, now) {
        Ok(recovered) => Some(recovered),
        Err(why) => {
            let path = segment.path.display();
            tracing::warn!(camera = name, "{path}: the engine begins anew: {why}");
            None
        }
    }
}

/// Whether a trace has at least its first line.
fn is_headed(path: &Path) -> bool {
    use std::io::BufRead;
    let mut line = Vec::new();
    let read = File::open(path).and_then(|file| BufReader::new(file).read_until(b'\n', &mut line));
    read.is_ok() && line.ends_with(b"\n")
}

fn go_on(segment: &Segment, camera: &LiveCamera, now: Instant) -> Result<Recovered, String> {
    let file = File::open(&segment.path).map_err(|error| error.to_string())?;
    let read = replay_trace(BufReader::new(file), None).map_err(|error| error.to_string())?;
    let last = read.run.engine.now();
    if last > now {
        return Err("the clock was set back: it ends in the future".to_owned());
    }
    if let Some(differs) = &read.differs {
        return Err(format!(
            "it was written by another version, or changed: {differs}"
        ));
    }
    let whole = read.recorded.is_some();
    let config = &camera.site.engine;
    if whole && now - last > longest_retention(config) {
        return Err("it ended longer ago than truth may still come late".to_owned());
    }
    let (engine, told) =
        heir(&read.run.engine, whole, config, now).map_err(|problems| problems.join("; "))?;
    say(camera, &read, last, now, &told);
    let run = read.continues.as_ref().map(|before| before.run.clone());
    let file = segment.path.file_name().unwrap_or_default();
    Ok(Recovered {
        engine,
        continues: Continues {
            run: run.unwrap_or_else(|| segment.started.clone()),
            segment: file.to_string_lossy().into_owned(),
            verdict_hash: read.run.log.verdict_hash(),
            because: Because::Restarted,
        },
        again: last_words(&read, last),
    })
}

/// How far back truth may still change what was stated.
fn longest_retention(config: &EngineConfig) -> Span {
    let doors = config.doors.iter().map(|door| door.policy.retention);
    doors.max().unwrap_or(Span::ZERO)
}

fn last_words(read: &TraceReplay, last: Instant) -> Vec<Verdict> {
    let words = read.run.log.current_verdicts();
    let late = words.filter(|verdict| verdict.stated_at >= last - TELL_AGAIN);
    late.cloned().collect()
}

fn say(camera: &LiveCamera, read: &TraceReplay, last: Instant, now: Instant, told: &Succession) {
    let how = match read.recorded {
        Some(_) => "ended",
        None => "was cut short",
    };
    tracing::info!(
        camera = camera.name,
        frames = read.run.frames,
        seconds = read.facts.seconds,
        "goes on from a trace that {how} {:.1} s ago",
        (now - last).as_s()
    );
    for (what, names) in [
        ("begins anew, its settings changed", &told.cameras_new),
        ("begins anew, its settings changed", &told.doors_new),
        ("is no longer there", &told.doors_gone),
    ] {
        for name in names {
            tracing::info!(camera = camera.name, "{name} {what}");
        }
    }
}

/// Says of which verdicts no evidence will come.
fn say_what_is_lost(evidence: &Path, camera: &LiveCamera, recovered: &Recovered) {
    let days: Vec<_> = std::fs::read_dir(evidence)
        .into_iter()
        .flatten()
        .flatten()
        .map(|day| day.path())
        .collect();
    for verdict in recovered
        .again
        .iter()
        .filter(|verdict| is_kept(verdict.kind))
    {
        let id = evidence_name(&camera.name, &recovered.continues.run, &verdict.id);
        if !days.iter().any(|day| day.join(&id).exists()) {
            tracing::warn!(
                camera = camera.name,
                "{id}: there is no evidence: its pictures were in the memory of the process that ended"
            );
        }
    }
}
