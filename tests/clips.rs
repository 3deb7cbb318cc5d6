//! The clips that belong to the project come out as their scripts say, with the project's own detector and
//! with the one that needs no weights; and the same twice.

#![cfg(feature = "opencv")]
#![allow(
    clippy::unwrap_used,
    reason = "a test stops where it finds what must not be"
)]

mod replays;

use replays::{project, replay, words};

#[track_caller]
fn check(clip: &str, expect: &[&str]) {
    let folder = project(&format!("testdata/clips/{clip}"));
    let (door, footage) = (folder.join("door.toml"), folder.join("clip.mp4"));
    for model in ["lintel", "hog"] {
        let run = replay(&door, &folder, &footage, model, 1);
        assert_eq!(words(&run.verdicts), expect, "verdicts of {clip}, {model}");
        let score = run.truth(&folder.join("truth.json"));
        assert_eq!(
            (score.missed, score.false_found),
            (0, 0),
            "crossings of {clip}, {model}: {score:?}"
        );
    }
}

#[test]
fn two_enter_on_one_grant() {
    check("two-on-one-grant", &["authorised", "tailgating"]);
}

#[test]
fn two_grants_two_people() {
    check("two-grants-two-people", &["authorised", "authorised"]);
}

#[test]
fn somebody_slips_in_while_another_comes_out() {
    check("entry-on-exit", &["exit", "entry_on_exit"]);
}

#[test]
fn in_and_back_out_nets_to_nothing() {
    check("u-turn", &["u_turn", "u_turn"]);
}

#[test]
fn dithering_is_one_crossing() {
    check("dithering", &["authorised"]);
}

#[test]
fn three_abreast_on_two_grants() {
    check("three-abreast", &["authorised", "authorised", "tailgating"]);
}

/// One hash: with one and with two threads, and twenty times from the trace.
#[test]
fn the_same_verdicts_whatever_the_threads_and_however_often() {
    let folder = project("testdata/clips/entry-on-exit");
    let (door, clip) = (folder.join("door.toml"), folder.join("clip.mp4"));
    let one = replay(&door, &folder, &clip, "hog", 1);
    let two = replay(&door, &folder, &clip, "hog", 2);
    assert_eq!(one.hash, two.hash, "threads changed the verdicts");
    assert_eq!(
        one.trace, two.trace,
        "threads changed what the engine was told"
    );
    for _ in 0..20 {
        assert_eq!(replays::judge_again(&one.trace), one.hash);
    }
}
