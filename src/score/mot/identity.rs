//! IDF1: E. Ristani et al., "Performance Measures and a Data Set for Multi-Target, Multi-Camera
//! Tracking", ECCV workshops 2016.

use super::{Sequence, share};
use crate::tracking::Assignment;

/// The overlap from which two boxes can be the same person.
const MIN_OVERLAP: f64 = 0.5;

/// Identity scores of a whole sequence under the best one-to-one naming of tracks.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Identity {
    /// Harmonic mean of recall and precision, 0 to 1.
    pub idf1: f64,
    /// Share of the truth boxes that carry the right name.
    pub recall: f64,
    /// Share of the tracked boxes that carry the right name.
    pub precision: f64,
    /// Boxes with the right name.
    pub true_positives: usize,
}

/// Scores a sequence.
pub fn identity(sequence: &Sequence) -> Identity {
    let mut together = vec![0.0; sequence.truth_ids * sequence.track_ids];
    for frame in &sequence.frames {
        for (row, truth) in frame.truth.iter().enumerate() {
            for (column, track) in frame.tracks.iter().enumerate() {
                if frame.overlap(row, column) >= MIN_OVERLAP {
                    together[truth * sequence.track_ids + track] -= 1.0;
                }
            }
        }
    }
    // The fewest false boxes are had by the naming with the most frames together.
    let mut solver = Assignment::default();
    let named = solver.solve(&together, sequence.truth_ids, sequence.track_ids, 0.0);
    let right: f64 = named
        .iter()
        .enumerate()
        .filter_map(|(truth, track)| track.map(|track| truth * sequence.track_ids + track))
        .map(|pair| -together[pair])
        .sum();
    let (truth_boxes, track_boxes) = (sequence.truth_boxes(), sequence.track_boxes());
    Identity {
        idf1: share(2.0 * right, (truth_boxes + track_boxes) as f64),
        recall: share(right, truth_boxes as f64),
        precision: share(right, track_boxes as f64),
        true_positives: right as usize,
    }
}
