//! Every scene script under `testdata/scenes` comes out as it says, at both levels.

#![allow(
    clippy::unwrap_used,
    reason = "a test stops where it finds what must not be"
)]

use std::path::{Path, PathBuf};

use tailgate::commands::simulate::{load, play};
use tailgate::sim::feed::Level;
use tailgate::sim::outcome::{differences, verdict_line};
use tailgate::sim::script::Scene;
use tailgate::verdict::{GrantVerdict, Verdict};

/// The scripts there are at least: a folder that was not found must not pass for success.
const LEAST_SCRIPTS: usize = 100;

fn scripts() -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("testdata/scenes");
    let mut scripts = Vec::new();
    let mut folders = vec![folder];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(&folder).expect("the folder of scenes is there") {
            let path = entry.expect("its entries can be read").path();
            if path.is_dir() {
                folders.push(path);
            } else if path
                .extension()
                .is_some_and(|extension| extension == "scene")
            {
                scripts.push(path);
            }
        }
    }
    scripts.sort();
    scripts
}

/// Plays all scripts and lists every difference with the verdicts that came out instead.
fn play_all(level: Level) {
    let mut wrong = Vec::new();
    for path in scripts() {
        let scene = load(&path).unwrap_or_else(|problem| panic!("{}", problem.message));
        if level == Level::Boxes && !scene.boxes {
            continue;
        }
        let run = play(&scene, level).unwrap_or_else(|problem| panic!("{path:?}: {problem}"));
        let verdicts: Vec<&Verdict> = run.log.current_verdicts().collect();
        let grants: Vec<&GrantVerdict> = run.log.current_grants().collect();
        let lines = differences(&scene, &verdicts, &grants);
        if !lines.is_empty() {
            let name = path.file_name().unwrap_or_default().to_string_lossy();
            let came: Vec<String> = verdicts
                .iter()
                .map(|verdict| verdict_line(verdict))
                .collect();
            wrong.push(format!(
                "{name}:\n  {}\n  came: {}",
                lines.join("\n  "),
                came.join("; ")
            ));
        }
    }
    assert!(
        wrong.is_empty(),
        "{} scenes are wrong at {level:?}:\n{}",
        wrong.len(),
        wrong.join("\n")
    );
}

#[test]
fn every_scene_comes_out_as_written_from_footprints() {
    play_all(Level::Footprints);
}

#[test]
fn every_scene_comes_out_as_written_from_boxes() {
    play_all(Level::Boxes);
}

/// Row D9: rates at which every scene with a sound picture must come out as written, frames a second; and one that
/// changes all the time.
const RATES: [f64; 6] = [8.0, 10.0, 12.5, 15.0, 25.0, 30.0];
/// The line is passed at the same moment, within this, s.
const SAME_S: f64 = 0.15;

#[test]
fn d9_the_rate_of_frames_changes_no_verdict() {
    let (mut compared, mut wrong) = (0, Vec::new());
    for path in scripts() {
        let mut scene = load(&path).unwrap_or_else(|problem| panic!("{}", problem.message));
        let noise = &scene.noise;
        // Noise falls otherwise with every frame: those scenes are written for one rate.
        if noise.miss > 0.0 || noise.drop > 0.0 || noise.false_rate > 0.0 || noise.jitter_s > 0.0 {
            continue;
        }
        let kinds = |scene: &Scene| {
            let run = play(scene, Level::Footprints).unwrap();
            let said = run.log.current_verdicts();
            said.map(|verdict| (verdict.kind, verdict.crossing.at.as_s()))
                .collect::<Vec<_>>()
        };
        let written = kinds(&scene);
        for rate in RATES {
            scene.rate_hz = rate;
            let resampled = kinds(&scene);
            compared += 1;
            let same = written.len() == resampled.len()
                && written
                    .iter()
                    .zip(&resampled)
                    .all(|(a, b)| a.0 == b.0 && (a.1 - b.1).abs() < SAME_S);
            if !same {
                wrong.push(format!(
                    "{} at {rate}: {resampled:?}, not {written:?}",
                    path.display()
                ));
            }
        }
    }
    println!(
        "Row D9: {compared} runs, {} differ\n{}",
        wrong.len(),
        wrong.join("\n")
    );
    assert!(compared > 300, "only {compared} runs");
    assert!(wrong.is_empty(), "{} differ", wrong.len());
}

#[test]
fn there_are_many_scenes() {
    assert!(
        scripts().len() >= LEAST_SCRIPTS,
        "only {} scripts were found",
        scripts().len()
    );
}
