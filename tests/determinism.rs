//! The same inputs give the same verdicts: twenty times over, from a trace, and in every build.
//!
//! Theory of operation: scenes that exercise every part of the engine are played twenty times, and
//! the trace of each is judged again; all must come to one verdict hash. That hash is written down
//! in `testdata/verdict_hashes.txt`, so that a debug build, a release build and another machine are
//! held to the same bits. `cargo xtask determinism` does the same with pixels and whole programs.
//!
//! A change of the engine changes the hashes, and should: `TAILGATE_BLESS=1 cargo test --test
//! determinism` writes them anew. Do it once, and only if the change was meant.

#![allow(
    clippy::unwrap_used,
    reason = "a test stops where it finds what must not be"
)]

mod day;

use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use tailgate::app::log::VerdictLog;
use tailgate::app::replay::replay_trace;
use tailgate::app::run::EngineRun;
use tailgate::app::trace::{Provenance, TraceLine, TraceReader};
use tailgate::commands::simulate::load;
use tailgate::engine::Engine;
use tailgate::sim::feed::{Level, feed};
use tailgate::sim::script::Scene;
use tailgate::units::Instant;

/// How often each scene is played.
const RUNS: usize = 20;
/// The state is written down and read again after so many inputs; a prime, so that it falls anywhere.
const WRITTEN_EVERY: u32 = 37;

/// One scene for each part of the engine.
const SCENES: [&str; 13] = [
    "clocks/ahead-by-20-learned",
    "exits/head-on",
    "grants/late-grant-repairs",
    "grants/two-readers",
    "noise/hidden-at-the-line",
    "noise/miss-20-sd-10",
    "people/crowd-of-eight",
    "places/bent-portal",
    "sight/feed-gap",
    "tailgating/train-of-4",
    "turning/dithers",
    "turning/u-turn-netted",
    "unlocks/free-passage",
];

/// A trace kept in memory.
#[derive(Clone, Default)]
struct Kept(Arc<Mutex<Vec<u8>>>);

impl Write for Kept {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Plays a scene; its verdict hash and its trace.
fn play(scene: &Scene, level: Level) -> (String, Vec<u8>) {
    let fed = feed(scene, level).unwrap();
    let mut run = EngineRun::new(fed.config, fed.events).unwrap();
    let kept = Kept::default();
    run.record(Box::new(kept.clone()), Provenance::default())
        .unwrap();
    run.begin(Instant::ZERO).unwrap();
    for (at, input) in &fed.inputs {
        run.feed_events(*at).unwrap();
        run.step(*at, input).unwrap();
    }
    let hash = run.end(fed.end).unwrap();
    let trace = kept.0.lock().unwrap().clone();
    (hash, trace)
}

fn project(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}

#[test]
fn every_run_and_every_replay_comes_to_the_hash_that_is_written_down() {
    let mut lines = Vec::new();
    for name in SCENES {
        let path = project(&format!("testdata/scenes/{name}.scene"));
        let scene = load(&path).unwrap_or_else(|problem| panic!("{}", problem.message));
        for level in [Level::Footprints, Level::Boxes] {
            if level == Level::Boxes && !scene.boxes {
                continue;
            }
            let (hash, trace) = play(&scene, level);
            for _ in 1..RUNS {
                assert_eq!(play(&scene, level), (hash.clone(), trace.clone()), "{name}");
            }
            for _ in 0..RUNS {
                let again = replay_trace(trace.as_slice(), None).unwrap();
                assert_eq!(again.run.log.verdict_hash(), hash, "{name} from its trace");
            }
            lines.push(format!("{name} {level:?} {hash}\n"));
        }
    }
    let (path, now) = (project("testdata/verdict_hashes.txt"), lines.concat());
    if std::env::var_os("TAILGATE_BLESS").is_some() {
        std::fs::write(&path, &now).unwrap();
        return;
    }
    let written = std::fs::read_to_string(&path).unwrap();
    assert_eq!(
        now, written,
        "if the engine was changed on purpose: TAILGATE_BLESS=1 cargo test --test determinism"
    );
}

/// An engine written down at any moment and read again goes on to the same hash.
#[test]
fn a_state_goes_on_to_the_same_hash() {
    for name in SCENES {
        let path = project(&format!("testdata/scenes/{name}.scene"));
        let scene = load(&path).unwrap_or_else(|problem| panic!("{}", problem.message));
        for level in [Level::Footprints, Level::Boxes] {
            if level == Level::Boxes && !scene.boxes {
                continue;
            }
            let (hash, trace) = play(&scene, level);
            let mut reader = TraceReader::new(trace.as_slice()).unwrap();
            let config = reader.header.config.clone();
            let mut engine = Engine::new(config.clone()).unwrap();
            let (mut log, mut said, mut told) = (VerdictLog::default(), Vec::new(), 0_u32);
            while let Some(line) = reader.next_line().unwrap() {
                let TraceLine::In { at, r#in } = line else {
                    continue;
                };
                told += 1;
                if told.is_multiple_of(WRITTEN_EVERY) {
                    let state = serde_json::to_string(&engine.state()).unwrap();
                    let state = serde_json::from_str(&state).unwrap();
                    engine = Engine::resume(config.clone(), state).unwrap();
                }
                engine.step(at, &r#in, &mut said);
            }
            said.iter().for_each(|output| log.take(output));
            assert_eq!(log.verdict_hash(), hash, "{name} {level:?}");
        }
    }
}

/// A hash that covered nothing would always be the same.
#[test]
fn the_hashes_differ_between_scenes() {
    let written = std::fs::read_to_string(project("testdata/verdict_hashes.txt")).unwrap();
    let mut hashes: Vec<&str> = written
        .lines()
        .filter_map(|line| line.split_whitespace().last())
        .collect();
    let count = hashes.len();
    hashes.sort_unstable();
    hashes.dedup();
    assert_eq!(hashes.len(), count);
    assert!(count >= SCENES.len() && hashes.iter().all(|hash| hash.len() == 64));
}
