//! Replays for tests: a clip through the whole chain, and its trace through the engine alone.

#![allow(dead_code, reason = "each test binary uses its part of this")]
#![allow(
    clippy::unwrap_used,
    reason = "a test stops where it finds what must not be"
)]

use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use tailgate::app::eyes::{EyesChoice, looked_at, open_eyes};
use tailgate::app::replay::{ClipReplay, replay_clip, replay_trace};
use tailgate::capture::{Clip, ClipOptions};
use tailgate::config::{GrantReading, load, read_grants, read_truth};
use tailgate::crossing::{Crossing, Direction};
use tailgate::picture::Attention;
use tailgate::score::{CrossingScore, Found, Truth, match_crossings};
use tailgate::units::Instant;
use tailgate::verdict::Verdict;

/// What a replay came to.
pub struct Replayed {
    pub verdicts: Vec<Verdict>,
    pub crossings: Vec<Crossing>,
    pub hash: String,
    pub trace: Vec<u8>,
    pub start: Instant,
    names: Vec<(String, String)>,
}

impl Replayed {
    /// Its crossings against a truth file.
    pub fn truth(&self, path: &Path) -> CrossingScore {
        let bytes = std::fs::read(path).unwrap();
        let (truth, _) = read_truth("truth", &bytes).unwrap();
        let labels: Vec<Truth> = truth
            .crossings
            .iter()
            .map(|crossing| Truth {
                time_s: crossing.at.as_s(),
                tolerance_s: crossing.tolerance.as_s(),
                direction: crossing.direction.clone(),
                who: crossing.who.clone().unwrap_or_default(),
            })
            .collect();
        let found: Vec<Found> = self
            .crossings
            .iter()
            .map(|crossing| {
                let (inward, outward) = &self.names[usize::from(crossing.portal.0)];
                let name = if crossing.direction == Direction::In {
                    inward
                } else {
                    outward
                };
                Found {
                    time_s: (crossing.at - self.start).as_s(),
                    direction: name.clone(),
                    track: crossing.track.0,
                }
            })
            .collect();
        match_crossings(&labels, &found)
    }
}

/// A path in the project.
pub fn project(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}

/// The kinds of verdicts, in order.
pub fn words(verdicts: &[Verdict]) -> Vec<&'static str> {
    verdicts.iter().map(|verdict| verdict.kind.name()).collect()
}

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

/// Replays `clip` with the door and the grants.csv of `folder`.
pub fn replay(door: &Path, folder: &Path, clip: &Path, model: &str, threads: usize) -> Replayed {
    replayed(door, folder, clip, (model, threads), false)
}

/// The same, and every frame is looked at, also where nothing moves.
pub fn replay_every_frame(door: &Path, folder: &Path, clip: &Path, model: &str) -> Replayed {
    replayed(door, folder, clip, (model, 1), true)
}

fn replayed(
    door: &Path,
    folder: &Path,
    clip: &Path,
    (model, threads): (&str, usize),
    every_frame: bool,
) -> Replayed {
    let site = load(&[door.to_owned()]).unwrap_or_else(|problems| panic!("{problems}"));
    let bytes = std::fs::read(folder.join("grants.csv")).unwrap();
    let (file, _) = read_grants("grants.csv", &bytes, &GrantReading::default())
        .unwrap_or_else(|problems| panic!("{problems}"));
    let start = Instant::ZERO;
    let (events, _) = file
        .events(&site, Some(start))
        .unwrap_or_else(|problems| panic!("{problems}"));
    let options = ClipOptions::default();
    let info = Clip::open(clip, &options).unwrap().info().clone();
    let weights = project("../shared/data/models").join(format!("{model}.onnx"));
    let choice = EyesChoice {
        model: Some(model.to_owned()),
        weights: weights.exists().then_some(weights),
        models: Some(project("models")),
        threads,
        ..EyesChoice::default()
    };
    let picture = (info.width, info.height);
    let detectors = open_eyes(&choice, &site.detectors[0], &site.engine, picture)
        .unwrap_or_else(|problem| panic!("{problem}"));
    let look = looked_at(&choice, &site.detectors[0], &site.engine, picture).unwrap();
    let region = look.map(|look| look.source);
    let kept = Kept::default();
    let portals = &site.engine.portals;
    let names = portals
        .iter()
        .map(|p| (p.in_name.clone(), p.out_name.clone()))
        .collect();
    let replay = ClipReplay {
        path: clip.to_owned(),
        options,
        config: site.engine.clone(),
        events,
        start,
        utc: false,
        titles: site.titles.clone(),
        detectors,
        attention: (!every_frame).then(|| Attention::new(region)),
        trace: Some(Box::new(kept.clone())),
    };
    let (run, _) = replay_clip(replay, &mut []).unwrap_or_else(|problem| panic!("{problem}"));
    let mut verdicts: Vec<Verdict> = run.log.current_verdicts().cloned().collect();
    verdicts.sort_by_key(|verdict| (verdict.crossing.at, verdict.crossing.id));
    let trace = kept.0.lock().unwrap().clone();
    Replayed {
        verdicts,
        crossings: run.log.crossings.clone(),
        hash: run.log.verdict_hash(),
        trace,
        start,
        names,
    }
}

/// The verdict hash of a trace judged again.
pub fn judge_again(trace: &[u8]) -> String {
    replay_trace(trace, None).unwrap().run.log.verdict_hash()
}
