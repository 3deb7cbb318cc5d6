//! From a deliberately bad configuration the tuner reaches at least the score of the hand-set one.

#![allow(
    clippy::unwrap_used,
    reason = "a test stops where it finds what must not be"
)]

use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::json;
use tailgate::app::tune::axis::Axis;
use tailgate::app::tune::case::{Case, Changes};
use tailgate::app::tune::findings::{Facts, Findings};
use tailgate::app::tune::folder::find;
use tailgate::app::tune::search::{Limits, Search};
use tailgate::app::tune::trial::try_all;
use tailgate::commands::tune::scene;
use tailgate::config::with_settings;

/// Wrong in several tables at once: few people settle, tracks begin late.
fn bad() -> Changes {
    let bad = [
        ("portal.depth_m", json!(1.4)),
        ("counter.settle_for_s", json!(2.5)),
        ("tracker.confirm_after_s", json!(3.0)),
    ];
    bad.map(|(name, value)| (name.to_owned(), value)).into()
}

/// The same, and only the surest sightings begin a track, and grants are over at once.
fn bad_for_clips() -> Vec<(String, serde_json::Value)> {
    let mut bad = bad();
    bad.insert("tracker.strong_score".to_owned(), json!(0.93));
    bad.insert("policy.follow_s".to_owned(), json!(0.3));
    bad.insert("policy.window_s".to_owned(), json!(0.8));
    bad.into_iter().collect()
}

fn project(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}

fn limits(threads: usize) -> Limits {
    Limits {
        configurations: 300,
        until: None,
        threads,
        missed_costs: 2.0,
    }
}

fn scenes(folders: &[&str]) -> Vec<Case> {
    let folders: Vec<PathBuf> = folders
        .iter()
        .map(|folder| project("testdata/scenes").join(folder))
        .collect();
    find(&folders)
        .unwrap()
        .iter()
        .map(|files| scene(files).unwrap())
        .collect()
}

/// The same cases as somebody badly advised would have set them up.
fn spoilt(cases: &[Case]) -> Vec<Case> {
    let spoil = |case: &Case| Case {
        config: case.with(&bad()).unwrap().0,
        ..case.clone()
    };
    cases.iter().map(spoil).collect()
}

#[test]
fn scenes_set_up_badly_are_tuned_to_the_score_of_the_hand_set_ones() {
    let hand_set = scenes(&["tailgating", "turning"]);
    let by_hand = try_all(&hand_set, &[Changes::new()], 2)
        .pop()
        .unwrap()
        .unwrap();
    let cases = spoilt(&hand_set);
    let axes = Axis::usual(&cases);
    let mut quiet = |_: usize| {};
    let mut search = Search::new(&cases, &axes, limits(2), &mut quiet).unwrap();
    let outcome = search.run();
    let (from, to) = (
        search.trials[0].cost(2.0),
        search.trials[outcome.best].cost(2.0),
    );
    assert!(
        from >= 8.0,
        "the bad configuration is not bad: it costs {from}"
    );
    let hand = by_hand.cost(2.0);
    assert!(to <= hand, "hand-set {hand}, bad {from}, tuned {to}");
    let facts = Facts {
        seconds: 0.0,
        missed_costs: 2.0,
    };
    let findings = Findings::new(&cases, &axes, &search, &outcome, facts).unwrap();
    assert!(
        findings.fixed >= 8 && findings.broken == 0,
        "{:?}",
        findings.differences
    );
    assert!(findings.by_luck < 0.01);
}

#[test]
fn what_is_found_does_not_depend_on_threads() {
    let cases = spoilt(&scenes(&["tailgating"]));
    let axes = Axis::usual(&cases);
    let found = |threads: usize| {
        let mut quiet = |_: usize| {};
        let mut search = Search::new(&cases, &axes, limits(threads), &mut quiet).unwrap();
        let outcome = search.run();
        (search.trials, outcome.best)
    };
    assert_eq!(found(1), found(3));
}

/// Copies the project's clips, each with its door set up badly.
fn spoilt_clips(to: &Path) {
    for entry in std::fs::read_dir(project("testdata/clips")).unwrap() {
        let from = entry.unwrap().path();
        let folder = to.join(from.file_name().unwrap());
        std::fs::create_dir_all(&folder).unwrap();
        for file in ["clip.mp4", "door.toml", "grants.csv", "truth.json"] {
            std::fs::copy(from.join(file), folder.join(file)).unwrap();
        }
        let door = folder.join("door.toml");
        std::fs::write(&door, with_settings(&door, &bad_for_clips()).unwrap()).unwrap();
    }
}

fn tune(folder: &Path, more: &[&str]) -> serde_json::Value {
    let out = Command::new(env!("CARGO_BIN_EXE_tailgate"))
        .arg("tune")
        .arg(folder)
        .args(["--model", "hog", "--json", "--quiet", "--cache"])
        .arg(Path::new(env!("CARGO_TARGET_TMPDIR")).join("detections"))
        .args(more)
        .current_dir(project(""))
        .output()
        .unwrap();
    assert!(
        out.status.success(),
        "{}",
        String::from_utf8_lossy(&out.stderr)
    );
    serde_json::from_slice(&out.stdout).unwrap()
}

#[cfg(feature = "opencv")]
#[test]
fn rendered_clips_set_up_badly_are_tuned_to_the_score_of_the_hand_set_ones() {
    let folder = tempfile::tempdir().unwrap();
    spoilt_clips(folder.path());
    let page = folder.path().join("tuning.html");
    let found = tune(
        folder.path(),
        &["--write", "--report", page.to_str().unwrap()],
    );
    let wrong = |findings: &serde_json::Value, which: &str| {
        let counts = &findings[which]["counts"];
        let count = |name: &str| counts[name].as_u64().unwrap();
        count("confused") + count("missed") + count("invented")
    };
    // By hand every passage of every clip is right: tests/clips.rs.
    assert!(wrong(&found, "current") >= 8, "{}", found["current"]);
    assert_eq!(wrong(&found, "best"), 0, "{}", found["best"]);
    // What was written is what was found, and comments are still there.
    let again = tune(folder.path(), &["--configurations", "1"]);
    assert_eq!(wrong(&again, "current"), 0);
    let door = std::fs::read_to_string(folder.path().join("u-turn/door.toml")).unwrap();
    assert!(door.contains("# Made from a scene script"), "{door}");
    let page = std::fs::read_to_string(page).unwrap();
    for part in [
        "<svg",
        "What would change",
        "counter.settle_for_s",
        "u-turn",
    ] {
        assert!(page.contains(part), "the page has no {part}");
    }
    assert!(!page.contains("http"), "the page leads somewhere");
}
