//! HOTA: J. Luiten et al., "HOTA: A Higher Order Metric for Evaluating Multi-Object Tracking",
//! International Journal of Computer Vision 129, 2021.

use super::{Sequence, share};
use crate::tracking::Assignment;

/// Localisation thresholds: 0.05, 0.10, ... 0.95.
const ALPHAS: usize = 19;
const ALPHA_STEP: f64 = 0.05;
/// Slack of the comparison with a threshold, as the reference implementation has it.
const SLACK: f64 = f64::EPSILON;

/// HOTA and its parts, each averaged over the thresholds, 0 to 1.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Hota {
    /// Geometric mean of detection and association accuracy.
    pub hota: f64,
    /// Detection accuracy.
    pub det_a: f64,
    /// Association accuracy.
    pub ass_a: f64,
    /// Share of the truth found.
    pub det_re: f64,
    /// Share of the tracked boxes that are true.
    pub det_pr: f64,
    /// Share of each truth path kept under one identity.
    pub ass_re: f64,
    /// Share of each track that belongs to one truth path.
    pub ass_pr: f64,
    /// Mean overlap of the matches.
    pub loc_a: f64,
}

/// Counts at one threshold.
struct AtAlpha {
    alpha: f64,
    matched: f64,
    overlap_sum: f64,
    /// Matches of each pair of identities, row-major: truth x tracks.
    pairs: Vec<f64>,
}

/// Scores a sequence.
pub fn hota(sequence: &Sequence) -> Hota {
    let (truth_boxes, track_boxes) = (sequence.truth_boxes(), sequence.track_boxes());
    if truth_boxes == 0 || track_boxes == 0 {
        return Hota {
            loc_a: 1.0, // By convention of the reference: no match, no localisation error.
            ..Hota::default()
        };
    }
    let (truth_counts, track_counts) = counts(sequence);
    let alignment = alignment(sequence, &truth_counts, &track_counts);
    let levels = matches(sequence, &alignment);
    let (truth_boxes, track_boxes) = (truth_boxes as f64, track_boxes as f64);
    let mut mean = Hota::default();
    for level in &levels {
        let (mut ass_a, mut ass_re, mut ass_pr) = (0.0, 0.0, 0.0);
        for (index, matched) in level.pairs.iter().enumerate().filter(|(_, n)| **n > 0.0) {
            let of_truth = truth_counts[index / sequence.track_ids];
            let of_track = track_counts[index % sequence.track_ids];
            ass_a += matched * matched / (of_truth + of_track - matched);
            ass_re += matched * matched / of_truth;
            ass_pr += matched * matched / of_track;
        }
        let ass_a = share(ass_a, level.matched);
        let det_a = level.matched / (truth_boxes + track_boxes - level.matched);
        let weight = 1.0 / ALPHAS as f64;
        mean.hota += weight * (det_a * ass_a).sqrt();
        mean.det_a += weight * det_a;
        mean.ass_a += weight * ass_a;
        mean.det_re += weight * level.matched / truth_boxes;
        mean.det_pr += weight * level.matched / track_boxes;
        mean.ass_re += weight * share(ass_re, level.matched);
        mean.ass_pr += weight * share(ass_pr, level.matched);
        let loc_a = if level.matched > 0.0 {
            level.overlap_sum / level.matched
        } else {
            1.0
        };
        mean.loc_a += weight * loc_a;
    }
    mean
}

/// Boxes of each truth identity and of each track identity.
fn counts(sequence: &Sequence) -> (Vec<f64>, Vec<f64>) {
    let mut truth = vec![0.0; sequence.truth_ids];
    let mut tracks = vec![0.0; sequence.track_ids];
    for frame in &sequence.frames {
        for &id in &frame.truth {
            truth[id] += 1.0;
        }
        for &id in &frame.tracks {
            tracks[id] += 1.0;
        }
    }
    (truth, tracks)
}

/// How well each pair of identities fits over the whole sequence (a soft Jaccard index): this
/// decides, in each frame, which of several possible matches serves association best.
fn alignment(sequence: &Sequence, truth_counts: &[f64], track_counts: &[f64]) -> Vec<f64> {
    let mut potential = vec![0.0; sequence.truth_ids * sequence.track_ids];
    for frame in &sequence.frames {
        let columns = frame.tracks.len();
        let mut row_sums = vec![0.0; frame.truth.len()];
        let mut column_sums = vec![0.0; columns];
        for (index, overlap) in frame.iou.iter().enumerate() {
            row_sums[index / columns] += overlap;
            column_sums[index % columns] += overlap;
        }
        for (index, overlap) in frame.iou.iter().enumerate() {
            let (row, column) = (index / columns, index % columns);
            let either = row_sums[row] + column_sums[column] - overlap;
            if either > SLACK {
                let pair = frame.truth[row] * sequence.track_ids + frame.tracks[column];
                potential[pair] += overlap / either;
            }
        }
    }
    for (index, both) in potential.iter_mut().enumerate() {
        let of_truth = truth_counts[index / sequence.track_ids];
        let of_track = track_counts[index % sequence.track_ids];
        *both /= of_truth + of_track - *both;
    }
    potential
}

/// Matches every frame once, and reads the matches off at every threshold.
fn matches(sequence: &Sequence, alignment: &[f64]) -> Vec<AtAlpha> {
    let mut levels: Vec<AtAlpha> = (1..=ALPHAS)
        .map(|step| AtAlpha {
            alpha: ALPHA_STEP * step as f64,
            matched: 0.0,
            overlap_sum: 0.0,
            pairs: vec![0.0; alignment.len()],
        })
        .collect();
    let mut solver = Assignment::default();
    let mut costs = Vec::new();
    for frame in &sequence.frames {
        let columns = frame.tracks.len();
        let pair = |row: usize, column: usize| {
            frame.truth[row] * sequence.track_ids + frame.tracks[column]
        };
        costs.clear();
        costs.extend(
            frame.iou.iter().enumerate().map(|(index, overlap)| {
                -alignment[pair(index / columns, index % columns)] * overlap
            }),
        );
        let partners = solver.solve(&costs, frame.truth.len(), columns, 0.0);
        for (row, partner) in partners.iter().enumerate() {
            let Some(column) = *partner else { continue };
            let overlap = frame.overlap(row, column);
            for level in &mut levels {
                if overlap >= level.alpha - SLACK {
                    level.matched += 1.0;
                    level.overlap_sum += overlap;
                    level.pairs[pair(row, column)] += 1.0;
                }
            }
        }
    }
    levels
}
