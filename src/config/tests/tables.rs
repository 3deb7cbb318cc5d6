//! Malformed files of every kind: each a clear error or a stated loss, all problems at once.

use std::path::{Path, PathBuf};

use super::table::{Case, check};
use crate::config::site::load_with;
use crate::config::{GrantReading, Problems, parse_zone, read_grants, read_truth};
use crate::units::Instant;

/// A door file as an installer would write it.
pub(super) const DOOR: &str = r#"[door]
name = "front"
title = "Front door"
readers = ["reader-1", "reader-2"]

[policy]
window_s = 10

[camera]
name = "cam-1"
calibration = "calibration.toml"

[[portal]]
name = "main"
points_px = [[590, 262], [625, 431]]
inside_px = [700, 300]
depth_m = 0.3
names = { in = "L2R", out = "R2L" }
"#;

/// And its camera's calibration.
pub(super) const CALIBRATION: &str = r#"image_px = [768, 432]
points_px = [[60, 425], [150, 275], [640, 275], [740, 425]]
points_m = [[-1.22, 1.94], [-1.02, 2.7], [1.11, 2.7], [1.34, 1.94]]
uncertainty = 0.12
person_height_m = 1.7

[grid]
tile_m = 0.5
"#;

/// A truth file.
pub(super) const TRUTH: &str = r#"{
 "clip": "clip.mp4",
 "image": [768, 432],
 "container_fps": 10,
 "frames": 1394,
 "crossings": [
  {"t_s": 19.0, "frame": 190, "dir": "L2R", "who": "woman", "tol_s": 0.3},
  {"t_s": 43.9, "dir": "R2L"}
 ],
 "counts": {"L2R": 1, "R2L": 1},
 "verdicts": [{"t_s": 19.0, "kind": "authorised"}]
}
"#;

/// Files in memory under their names.
pub(super) fn load_texts(
    doors: &[&str],
    files: &[(&str, &str)],
) -> Result<crate::config::SiteConfig, Problems> {
    let read = |path: &Path| {
        let found = files.iter().find(|(name, _)| Path::new(name) == path);
        match found {
            Some((_, text)) => Ok(text.as_bytes().to_vec()),
            None => Err(std::io::Error::new(
                std::io::ErrorKind::NotFound,
                "no such file",
            )),
        }
    };
    let paths: Vec<PathBuf> = doors.iter().map(PathBuf::from).collect();
    load_with(&paths, &read)
}

/// What is said, without the name of the file that the table is about.
fn said(problems: &Problems, file: &str) -> String {
    if problems.is_empty() {
        return "fine".to_owned();
    }
    problems.to_string().replace(&format!("{file}:"), "")
}

fn door(case: &Case) -> String {
    let text = case.text(DOOR);
    let files = [
        ("door.toml", text.as_str()),
        ("calibration.toml", CALIBRATION),
    ];
    match load_texts(&["door.toml"], &files) {
        Ok(site) => said(&site.warnings, "door.toml"),
        Err(problems) => said(&problems, "door.toml"),
    }
}

fn calibration(case: &Case) -> String {
    let text = case.text(CALIBRATION);
    let files = [("door.toml", DOOR), ("calibration.toml", text.as_str())];
    match load_texts(&["door.toml"], &files) {
        Ok(site) => said(&site.warnings, "calibration.toml"),
        Err(problems) => said(&problems, "calibration.toml"),
    }
}

/// Options: `lenient`, `zone NAME`, `start` (the clip's start is known).
fn grants(case: &Case) -> String {
    let option = |name: &str| {
        case.options
            .iter()
            .find_map(|option| option.strip_prefix(name))
    };
    let reading = GrantReading {
        zone: option("zone ").map(|zone| parse_zone(zone).expect("a zone")),
        lenient: option("lenient").is_some(),
    };
    let name = if case.whole.first().is_some_and(|line| line.starts_with('{')) {
        "grants.jsonl"
    } else {
        "grants.csv"
    };
    let files = [("door.toml", DOOR), ("calibration.toml", CALIBRATION)];
    let site = load_texts(&["door.toml"], &files).expect("the good door is good");
    let start = option("start").map(|_| Instant::from_us(1_767_600_000_000_000));
    let (file, mut problems) = match read_grants(name, case.text("").as_bytes(), &reading) {
        Ok(read) => read,
        Err(problems) => return said(&problems, name),
    };
    let placed = file.events(&site, start);
    let events = match placed {
        Ok((events, more)) => {
            problems.extend(more);
            format!("{} events", events.len())
        }
        Err(more) => return said(&more, name),
    };
    let problems = problems.sorted();
    if problems.is_empty() {
        events
    } else {
        format!("{}\n{events}", said(&problems, name))
    }
}

fn truth(case: &Case) -> String {
    match read_truth("truth.json", case.text(TRUTH).as_bytes()) {
        Ok((_, problems)) | Err(problems) => said(&problems, "truth.json"),
    }
}

#[test]
fn door_files() {
    let count = check("doors.txt", door);
    assert!(count >= 60, "{count} cases");
}

#[test]
fn calibration_files() {
    let count = check("calibrations.txt", calibration);
    assert!(count >= 40, "{count} cases");
}

#[test]
fn grants_files() {
    let count = check("grants.txt", grants);
    assert!(count >= 50, "{count} cases");
}

#[test]
fn truth_files() {
    let count = check("truths.txt", truth);
    assert!(count >= 20, "{count} cases");
}
