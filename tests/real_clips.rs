//! Real footage with hand-checked crossings, seen by the project's own detector and by a published one.
//! The clips and the other network's weights are not part of the project: where they are absent these
//! tests say so and are skipped.

#![allow(
    clippy::unwrap_used,
    reason = "a test stops where it finds what must not be"
)]

mod replays;

use std::path::PathBuf;

use replays::{Replayed, project, replay, replay_every_frame, words};

/// The data beside the checkout, or `None` with a loud word.
fn data(what: &str) -> Option<PathBuf> {
    let path = project("../shared/data").join(what);
    if path.exists() {
        return Some(path);
    }
    eprintln!("SKIPPED: this test needs ../shared/data/{what}, which is not here");
    None
}

/// Whether frames in which nothing moves are looked at too.
#[derive(Clone, Copy)]
enum Looking {
    WhereItMoves,
    Always,
}

fn run(name: &str, model: &str, looking: Looking) -> Option<Replayed> {
    let clip = ["clips", &format!("{name}.mp4")]
        .iter()
        .collect::<PathBuf>();
    let clip = data(&clip.to_string_lossy())?;
    if model == "yolox_nano" {
        data("models/yolox_nano.onnx")?;
    }
    let short = name
        .trim_end_matches("-person-detection")
        .trim_end_matches("-detection");
    let folder = project(&format!("tests/real_clips/{short}"));
    let door = folder.join("door.toml");
    Some(match looking {
        Looking::WhereItMoves => replay(&door, &folder, &clip, model, 1),
        Looking::Always => replay_every_frame(&door, &folder, &clip, model),
    })
}

#[track_caller]
fn check_crossings(name: &str, expect: usize) {
    let Some(truth) = data(&format!("truth/{name}.json")) else {
        return;
    };
    for model in ["lintel", "yolox_nano"] {
        for looking in [Looking::WhereItMoves, Looking::Always] {
            let Some(run) = run(name, model, looking) else {
                continue;
            };
            let score = run.truth(&truth);
            assert_eq!(
                (score.matched, score.missed, score.false_found),
                (expect, 0, 0),
                "{name}, {model}: {score:#?}"
            );
        }
    }
}

#[test]
fn one_by_one_six_of_six() {
    check_crossings("one-by-one-person-detection", 6);
}

#[test]
fn worker_zone_one_of_one() {
    check_crossings("worker-zone-detection", 1);
}

#[test]
fn vtest_first_half_seventeen_of_seventeen() {
    check_crossings("vtest-first-half", 17);
}

#[test]
fn one_by_one_has_exactly_one_entry_without_a_grant() {
    for model in ["lintel", "yolox_nano"] {
        let name = "one-by-one-person-detection";
        if let Some(run) = run(name, model, Looking::WhereItMoves) {
            one_entry_without_a_grant(&run);
        }
    }
}

fn one_entry_without_a_grant(run: &Replayed) {
    let kinds = words(&run.verdicts);
    assert_eq!(
        kinds.iter().filter(|kind| **kind == "authorised").count(),
        5
    );
    assert_eq!(
        kinds
            .iter()
            .filter(|kind| **kind == "unauthorised_entry")
            .count(),
        1
    );
    assert_eq!(kinds.len(), 6);
    let at = run
        .verdicts
        .iter()
        .find(|v| v.kind.is_breach())
        .unwrap()
        .crossing
        .at
        - run.start;
    assert!(
        (at.as_s() - 69.05).abs() < 1.0,
        "the entry without a grant is at {at}"
    );
}
