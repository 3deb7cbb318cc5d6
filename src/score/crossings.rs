//! Crossings found against crossings that happened.
//!
//! Theory: within one direction, both lists in order of time, the one-to-one matching that matches
//! the most and among those errs least in time is found by dynamic programming (matches never need
//! to cross each other). What is left over on either side is missed or false, and its likely cause
//! is told from what lies near it.

use serde::Serialize;

/// A found crossing may be this far from the labelled moment, beyond the label's own tolerance, s:
/// the stride that passes a line takes 0.4 s, and hysteresis must not decide the score.
pub const MATCH_WINDOW_S: f64 = 0.7;

/// A labelled crossing.
#[derive(Debug, Clone, PartialEq)]
pub struct Truth {
    /// When, s since the clip's start.
    pub time_s: f64,
    /// Tolerance of the label, s.
    pub tolerance_s: f64,
    /// Which way, as the door names it.
    pub direction: String,
    /// Who, for people.
    pub who: String,
}

/// A crossing that the engine found.
#[derive(Debug, Clone, PartialEq)]
pub struct Found {
    /// When, s since the clip's start.
    pub time_s: f64,
    /// Which way, as the door names it.
    pub direction: String,
    /// Track.
    pub track: u32,
}

/// One labelled crossing that was found.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct FoundMatch {
    /// Labelled time, s.
    pub truth_s: f64,
    /// Found time minus labelled time, s.
    pub error_s: f64,
    /// Which way.
    pub direction: String,
    /// Track.
    pub track: u32,
}

/// One labelled crossing that was not found, or one found that did not happen.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Missed {
    /// When, s.
    pub time_s: f64,
    /// Which way.
    pub direction: String,
    /// Who or which track.
    pub who: String,
    /// The cause as far as it is known.
    pub cause: String,
}

/// The score of one run.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct CrossingScore {
    /// Labelled crossings that were found.
    pub matched: usize,
    /// Labelled crossings that were not found.
    pub missed: usize,
    /// Crossings found that did not happen.
    #[serde(rename = "false")]
    pub false_found: usize,
    /// matched / found; 1 if nothing was found.
    pub precision: f64,
    /// matched / labelled; 1 if nothing was labelled.
    pub recall: f64,
    /// Mean of the absolute time errors, s.
    pub mean_abs_error_s: f64,
    /// Greatest absolute time error, s.
    pub max_abs_error_s: f64,
    /// Each match.
    pub matches: Vec<FoundMatch>,
    /// Each miss.
    pub misses: Vec<Missed>,
    /// Each false one.
    pub falses: Vec<Missed>,
}

/// Scores what was found against what happened.
pub fn match_crossings(truth: &[Truth], found: &[Found]) -> CrossingScore {
    let mut directions: Vec<&str> = truth.iter().map(|t| t.direction.as_str()).collect();
    directions.extend(found.iter().map(|f| f.direction.as_str()));
    directions.sort_unstable();
    directions.dedup();
    let (mut matches, mut misses, mut falses) = (Vec::new(), Vec::new(), Vec::new());
    for direction in directions {
        let mut labels: Vec<&Truth> = truth.iter().filter(|t| t.direction == direction).collect();
        let mut finds: Vec<&Found> = found.iter().filter(|f| f.direction == direction).collect();
        labels.sort_by(|a, b| a.time_s.total_cmp(&b.time_s));
        finds.sort_by(|a, b| a.time_s.total_cmp(&b.time_s));
        let pairs = align(&labels, &finds);
        for (label, find) in &pairs {
            let (label, find) = (labels[*label], finds[*find]);
            matches.push(FoundMatch {
                truth_s: label.time_s,
                error_s: find.time_s - label.time_s,
                direction: direction.to_owned(),
                track: find.track,
            });
        }
        for (index, label) in labels.iter().enumerate() {
            if !pairs.iter().any(|(matched, _)| *matched == index) {
                misses.push(missed(label, found));
            }
        }
        for (index, find) in finds.iter().enumerate() {
            if !pairs.iter().any(|(_, matched)| *matched == index) {
                falses.push(false_one(find, truth));
            }
        }
    }
    matches.sort_by(|a, b| a.truth_s.total_cmp(&b.truth_s));
    misses.sort_by(|a, b| a.time_s.total_cmp(&b.time_s));
    falses.sort_by(|a, b| a.time_s.total_cmp(&b.time_s));
    summary(matches, misses, falses)
}

fn summary(matches: Vec<FoundMatch>, misses: Vec<Missed>, falses: Vec<Missed>) -> CrossingScore {
    let share = |part: usize, whole: usize| {
        if whole == 0 {
            1.0
        } else {
            part as f64 / whole as f64
        }
    };
    let errors = || matches.iter().map(|m| m.error_s.abs());
    CrossingScore {
        matched: matches.len(),
        missed: misses.len(),
        false_found: falses.len(),
        precision: share(matches.len(), matches.len() + falses.len()),
        recall: share(matches.len(), matches.len() + misses.len()),
        mean_abs_error_s: errors().sum::<f64>() / matches.len().max(1) as f64,
        max_abs_error_s: errors().fold(0.0, f64::max),
        matches,
        misses,
        falses,
    }
}

/// Pairs (label, find): most matches first, least total error among those.
pub(super) fn align(labels: &[&Truth], finds: &[&Found]) -> Vec<(usize, usize)> {
    let (rows, columns) = (labels.len() + 1, finds.len() + 1);
    // best[i][j]: (matches, -error) for the first i labels and j finds.
    let mut best = vec![(0_usize, 0.0_f64); rows * columns];
    let better = |a: (usize, f64), b: (usize, f64)| a.0 > b.0 || (a.0 == b.0 && a.1 > b.1);
    for i in 1..rows {
        for j in 1..columns {
            let mut cell = best[(i - 1) * columns + j];
            let left = best[i * columns + j - 1];
            if better(left, cell) {
                cell = left;
            }
            let error = (labels[i - 1].time_s - finds[j - 1].time_s).abs();
            if error <= labels[i - 1].tolerance_s + MATCH_WINDOW_S {
                let (count, cost) = best[(i - 1) * columns + j - 1];
                let taken = (count + 1, cost - error);
                if better(taken, cell) {
                    cell = taken;
                }
            }
            best[i * columns + j] = cell;
        }
    }
    let mut pairs = Vec::new();
    let (mut i, mut j) = (rows - 1, columns - 1);
    while i > 0 && j > 0 {
        let same = |a: (usize, f64), b: (usize, f64)| a.0 == b.0 && a.1.total_cmp(&b.1).is_eq();
        let cell = best[i * columns + j];
        if same(cell, best[(i - 1) * columns + j]) {
            i -= 1;
        } else if same(cell, best[i * columns + j - 1]) {
            j -= 1;
        } else {
            pairs.push((i - 1, j - 1));
            i -= 1;
            j -= 1;
        }
    }
    pairs.reverse();
    pairs
}

fn missed(label: &Truth, found: &[Found]) -> Missed {
    let near = |same: bool| {
        found
            .iter()
            .filter(|f| (f.direction == label.direction) == same)
            .map(|f| (f.time_s - label.time_s, f.track))
            .min_by(|a, b| a.0.abs().total_cmp(&b.0.abs()))
    };
    let cause = match (near(false), near(true)) {
        (Some((gap, track)), _) if gap.abs() <= label.tolerance_s + MATCH_WINDOW_S => {
            format!("track {track} was counted the other way {gap:+.2} s from it")
        }
        (_, Some((gap, track))) if gap.abs() <= 3.0 => {
            format!("nearest in this direction is track {track}, {gap:+.2} s from it")
        }
        _ => "nobody was counted near that time: not detected, not tracked or not settled on \
              both sides (see the trace around it)"
            .to_owned(),
    };
    Missed {
        time_s: label.time_s,
        direction: label.direction.clone(),
        who: label.who.clone(),
        cause,
    }
}

fn false_one(find: &Found, truth: &[Truth]) -> Missed {
    let nearest = truth
        .iter()
        .map(|label| {
            (
                find.time_s - label.time_s,
                label.direction == find.direction,
            )
        })
        .min_by(|a, b| a.0.abs().total_cmp(&b.0.abs()));
    let cause = match nearest {
        Some((gap, true)) if gap.abs() <= 3.0 => {
            format!("{gap:+.2} s from a labelled one in this direction: counted twice or late")
        }
        Some((gap, false)) if gap.abs() <= 3.0 => {
            format!("{gap:+.2} s from a labelled one the other way: turned back or swapped")
        }
        _ => "nobody passed near that time".to_owned(),
    };
    Missed {
        time_s: find.time_s,
        direction: find.direction.clone(),
        who: format!("track {}", find.track),
        cause,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `truth` and `found` as `"12.0 in, 13.5 out"`; expect `matched/missed/false`.
    #[track_caller]
    fn check(truth: &str, found: &str, expect: &str) {
        let parse = |text: &str| -> Vec<(f64, String)> {
            text.split(',')
                .map(str::trim)
                .filter(|item| !item.is_empty())
                .map(|item| {
                    let (time, direction) = item.split_once(' ').unwrap();
                    (time.parse().unwrap(), direction.to_owned())
                })
                .collect()
        };
        let truth: Vec<Truth> = parse(truth)
            .into_iter()
            .map(|(time_s, direction)| Truth {
                time_s,
                tolerance_s: 0.3,
                direction,
                who: String::new(),
            })
            .collect();
        let found: Vec<Found> = parse(found)
            .into_iter()
            .map(|(time_s, direction)| Found {
                time_s,
                direction,
                track: 1,
            })
            .collect();
        let score = match_crossings(&truth, &found);
        let got = format!("{}/{}/{}", score.matched, score.missed, score.false_found);
        assert_eq!(got, expect);
    }

    #[test]
    fn crossings_match_once_in_their_direction_and_near_their_time() {
        check("", "", "0/0/0");
        check("1.0 in", "1.2 in", "1/0/0");
        check("1.0 in", "1.2 out", "0/1/1");
        check("1.0 in", "2.1 in", "0/1/1");
        check("1.0 in", "1.1 in, 1.2 in", "1/0/1");
        check("1.0 in, 1.2 in", "1.1 in", "1/1/0");
        check("38.1 out, 38.3 out", "38.9 out, 39.0 out", "2/0/0");
        // Greedy nearest-first would take 1.9 for 1.5 and lose a match.
        check("1.0 in, 1.5 in", "1.9 in, 2.4 in", "2/0/0");
    }

    #[test]
    fn the_least_error_wins_among_equal_counts() {
        let truth = [Truth {
            time_s: 5.0,
            tolerance_s: 0.3,
            direction: "in".into(),
            who: String::new(),
        }];
        let found = [4.2, 5.1, 5.8].map(|time_s| Found {
            time_s,
            direction: "in".into(),
            track: (time_s * 10.0) as u32,
        });
        let score = match_crossings(&truth, &found);
        assert_eq!(score.matches[0].track, 51);
        assert_eq!(score.false_found, 2);
    }
}
