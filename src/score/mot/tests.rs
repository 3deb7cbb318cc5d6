//! Metrics held to small cases worked out by hand.

use super::*;

/// Lines of `frame,id,left` become boxes of 10 by 20 px at `(left, 0)`.
fn rows(lines: &[(u32, i64, f64)]) -> Vec<MotRow> {
    let text: Vec<String> = lines
        .iter()
        .map(|(frame, id, left)| format!("{frame},{id},{left},0,10,20,1,1,1"))
        .collect();
    parse_rows(&text.join("\n"), "rows").unwrap()
}

/// Scores frames 1 to 4 and compares (HOTA, IDF1, MOTA) to three decimals.
#[track_caller]
fn check(truth: &[(u32, i64, f64)], tracks: &[(u32, i64, f64)], expect: [f64; 3]) {
    let sequence = Sequence::new(&rows(truth), &rows(tracks), TruthRules::Flagged, 1..=4).unwrap();
    let score = score(&sequence);
    let found = [score.hota.hota, score.identity.idf1, score.clear.mota];
    for (found, expect) in found.iter().zip(expect) {
        assert!(
            (found - expect).abs() < 5e-4,
            "{found:.4} is not {expect:.4}"
        );
    }
}

const WALK: [(u32, i64, f64); 4] = [(1, 7, 0.0), (2, 7, 5.0), (3, 7, 10.0), (4, 7, 15.0)];

#[test]
fn perfect_tracks_score_one() {
    check(&WALK, &WALK, [1.0, 1.0, 1.0]);
}

#[test]
fn nothing_tracked_scores_nothing() {
    check(&WALK, &[], [0.0, 0.0, 0.0]);
    check(&[], &WALK, [0.0, 0.0, 0.0]);
    check(&[], &[], [0.0, 0.0, 0.0]);
}

#[test]
fn switch_halves_identity_but_costs_one_error() {
    let mut tracks = WALK;
    tracks[2].1 = 8;
    tracks[3].1 = 8;
    // DetA 1, AssA 1/2: HOTA is the root of a half; half the boxes keep the better name.
    check(&WALK, &tracks, [0.5_f64.sqrt(), 0.5, 0.75]);
}

#[test]
fn missed_and_false_boxes() {
    // Two of four found: DetA 1/2, AssA 1/2.
    check(&WALK, &WALK[..2], [0.5, 2.0 / 3.0, 0.5]);
    // All found and as many false ones: DetA 1/2, AssA 1.
    let mut tracks = WALK.to_vec();
    tracks.extend(WALK.map(|(frame, _, left)| (frame, 9, left + 100.0)));
    check(&WALK, &tracks, [0.5_f64.sqrt(), 2.0 / 3.0, 0.0]);
}

#[test]
fn overlap_decides_up_to_its_threshold() {
    // Shifted by 2.5 of 10 px: overlap 7.5 / 12.5 = 0.6, matched at 12 of 19 thresholds.
    let tracks = WALK.map(|(frame, id, left)| (frame, id, left + 2.5));
    check(&WALK, &tracks, [12.0 / 19.0, 1.0, 1.0]);
    // By 5 px: 1/3, never a match for IDF1 and MOTA, at 6 thresholds for HOTA.
    let tracks = WALK.map(|(frame, id, left)| (frame, id, left + 5.0));
    check(&WALK, &tracks, [6.0 / 19.0, 0.0, -1.0]);
}

#[test]
fn distractors_are_neither_truth_nor_error() {
    let truth = "1,1,0,0,10,20,1,1,1\n1,2,50,0,10,20,0,8,1\n1,3,80,0,10,20,0,1,1";
    let truth = parse_rows(truth, "truth").unwrap();
    let tracks = rows(&[(1, 1, 0.0), (1, 2, 50.0), (1, 3, 80.0)]);
    let sequence = Sequence::new(&truth, &tracks, TruthRules::Mot17, 1..=1).unwrap();
    let clear = clear(&sequence);
    // The box on the distractor is taken out; the one on an unflagged person stays an error.
    assert_eq!((clear.matched, clear.missed, clear.false_boxes), (1, 0, 1));
}

#[test]
fn only_the_given_frames_are_judged() {
    let sequence =
        Sequence::new(&rows(&WALK), &rows(&WALK[..2]), TruthRules::Flagged, 3..=4).unwrap();
    assert_eq!((sequence.truth_boxes(), sequence.track_boxes()), (2, 0));
}

#[test]
fn bad_lines_are_named() {
    let text =
        "1,1,0,0,10,20,1\n\n1,2,0,x,10,20,1\n0,3,0,0,1,1,1\n1,4,0\n1,5,0,0,-1,5,1\n1,6,inf,0,1,1";
    insta::assert_snapshot!(parse_rows(text, "gt.txt").unwrap_err().join("\n"), @r#"
    gt.txt:3: "x" in column 4 is not a number
    gt.txt:4: frame 0: frames count from 1
    gt.txt:5: 3 columns; write frame,id,left,top,width,height,confidence
    gt.txt:6: the box is -1 by 5: neither may be negative
    gt.txt:7: "inf" in column 3 is not finite
    "#);
    let problems = parse_rows(&"?\n".repeat(30), "gt.txt").unwrap_err();
    assert_eq!(problems.len(), 21);
    assert_eq!(problems[20], "gt.txt: and 10 more lines that can't be read");
}

#[test]
fn twin_identities_are_refused() {
    let twins = rows(&[(1, 7, 0.0), (1, 7, 5.0)]);
    let problems = Sequence::new(&twins, &[], TruthRules::Flagged, 1..=1).unwrap_err();
    insta::assert_snapshot!(
        problems.join("\n"),
        @"frame 1 of the truth file holds identity 7 twice: keep one box of it"
    );
}
