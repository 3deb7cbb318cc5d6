//! The MOT metrics against the reference implementations, on real files.
//!
//! The expected figures come from TrackEval 1.3.0 and py-motmetrics 1.4.0 (which agree where both
//! have the metric); they are compared to three decimals.

#![allow(
    clippy::unwrap_used,
    reason = "a test stops where it finds what must not be"
)]

use std::fs;
use std::ops::RangeInclusive;
use std::path::Path;

use tailgate::score::mot::{MotRow, Sequence, TruthRules, parse_rows, score};

const DATA: &str = "../shared/data/tracking";

/// What the references say, in the order of [`check`]'s list.
type Expected = [f64; 10];

fn read(path: &Path) -> Vec<MotRow> {
    let text = fs::read_to_string(path).unwrap();
    parse_rows(&text, &path.display().to_string()).unwrap()
}

#[track_caller]
fn check(
    truth: &str,
    tracks: &str,
    rules: TruthRules,
    frames: RangeInclusive<u32>,
    want: Expected,
) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join(DATA);
    if !folder.exists() {
        eprintln!("SKIPPED: MOT metrics on {truth}: needs {DATA}");
        return;
    }
    let (truth, tracks) = (read(&folder.join(truth)), read(&folder.join(tracks)));
    let score = score(&Sequence::new(&truth, &tracks, rules, frames).unwrap());
    let found = [
        ("HOTA", score.hota.hota),
        ("DetA", score.hota.det_a),
        ("AssA", score.hota.ass_a),
        ("LocA", score.hota.loc_a),
        ("IDF1", score.identity.idf1),
        ("IDR", score.identity.recall),
        ("IDP", score.identity.precision),
        ("MOTA", score.clear.mota),
        ("MOTP", score.clear.motp),
        ("switches", score.clear.switches as f64),
    ];
    let differing: Vec<String> = found
        .iter()
        .zip(want)
        .filter(|((_, found), want)| (found - want).abs() >= 0.0005)
        .map(|((name, found), want)| format!("{name}: {found:.6}, not {want:.6}"))
        .collect();
    assert!(differing.is_empty(), "{}", differing.join("; "));
}

#[test]
fn tud_campus() {
    let want = [
        0.391397, 0.418047, 0.369121, 0.770052, 0.557659, 0.451253, 0.729730, 0.526462, 0.722799,
        7.0,
    ];
    let rules = TruthRules::Flagged;
    check(
        "TUD-Campus/gt.txt",
        "TUD-Campus/test.txt",
        rules,
        1..=71,
        want,
    );
}

#[test]
fn tud_stadtmitte() {
    let want = [
        0.397849, 0.392268, 0.408841, 0.737521, 0.644619, 0.531142, 0.819760, 0.564014, 0.654096,
        7.0,
    ];
    let rules = TruthRules::Flagged;
    check(
        "TUD-Stadtmitte/gt.txt",
        "TUD-Stadtmitte/test.txt",
        rules,
        1..=179,
        want,
    );
}

/// A published tracker's result, with classes and distractors.
#[test]
fn mot17_09() {
    let want = [
        0.639551, 0.672858, 0.607895, 0.913749, 0.729894, 0.641690, 0.846211, 0.730141, 0.906662,
        12.0,
    ];
    let tracks = "MOT17-09/published-tracker-result.txt";
    check("MOT17-09/gt.txt", tracks, TruthRules::Mot17, 1..=525, want);
}

#[test]
fn mot17_09_second_half() {
    let want = [
        0.683222, 0.643016, 0.725995, 0.913282, 0.774557, 0.668288, 0.921015, 0.701633, 0.904484,
        5.0,
    ];
    let tracks = "MOT17-09/published-tracker-result.txt";
    check(
        "MOT17-09/gt.txt",
        tracks,
        TruthRules::Mot17,
        264..=525,
        want,
    );
}
