//! Every scene script under `testdata/scenes` comes out as it says, at both levels.

#![allow(
    clippy::unwrap_used,
    reason = "a test stops where it finds what must not be"
)]

use std::path::{Path, PathBuf};

use tailgate::commands::simulate::{load, play};
use tailgate::sim::feed::Level;
use tailgate::sim::outcome::{differences, verdict_line};
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

#[test]
fn there_are_many_scenes() {
    assert!(
        scripts().len() >= LEAST_SCRIPTS,
        "only {} scripts were found",
        scripts().len()
    );
}
