//! MOTA and its parts: K. Bernardin, R. Stiefelhagen, "Evaluating Multiple Object Tracking
//! Performance: The CLEAR MOT Metrics", EURASIP Journal on Image and Video Processing, 2008.

use super::{Sequence, share};
use crate::tracking::Assignment;

/// The overlap from which two boxes can be the same person.
const MIN_OVERLAP: f64 = 0.5;
/// Slack of the comparison with it, as the reference implementation has it.
const SLACK: f64 = f64::EPSILON;
/// What keeping the last frame's identity is worth: more than all overlaps of a frame together.
const CONTINUITY: f64 = 1000.0;
/// A truth path found in more than this share of its frames is mostly tracked.
const MOSTLY_TRACKED: f64 = 0.8;
/// One found in less than this share is mostly lost.
const MOSTLY_LOST: f64 = 0.2;

/// Frame-by-frame errors.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Clear {
    /// 1 minus misses, false boxes and identity switches as a share of the truth; can be negative.
    pub mota: f64,
    /// Mean overlap of the matches.
    pub motp: f64,
    /// Matched boxes.
    pub matched: usize,
    /// Truth boxes without a track.
    pub missed: usize,
    /// Tracked boxes without truth.
    pub false_boxes: usize,
    /// Times a truth path changed its track.
    pub switches: usize,
    /// Times a truth path was taken up again after a break.
    pub fragments: usize,
    /// Truth paths found in more than 80 % of their frames.
    pub mostly_tracked: usize,
    /// Truth paths found in less than 20 % of their frames.
    pub mostly_lost: usize,
}

/// What is known of one truth path on the way.
#[derive(Clone, Copy, Default)]
struct TruthPath {
    last_track: Option<usize>,
    /// Its track in the last frame that had both truth and tracks.
    previous_frame_track: Option<usize>,
    frames: usize,
    found: usize,
    pieces: usize,
}

/// Scores a sequence.
pub fn clear(sequence: &Sequence) -> Clear {
    let mut result = Clear::default();
    let mut paths = vec![TruthPath::default(); sequence.truth_ids];
    let mut solver = Assignment::default();
    let mut costs = Vec::new();
    let mut overlap_sum = 0.0;
    for frame in &sequence.frames {
        for &truth in &frame.truth {
            paths[truth].frames += 1;
        }
        // As in the reference: a frame without truth or without tracks breaks no continuity.
        if frame.truth.is_empty() || frame.tracks.is_empty() {
            result.missed += frame.truth.len();
            result.false_boxes += frame.tracks.len();
            continue;
        }
        costs.clear();
        for (row, &truth) in frame.truth.iter().enumerate() {
            costs.extend(frame.tracks.iter().enumerate().map(|(column, &track)| {
                let overlap = frame.overlap(row, column);
                if overlap < MIN_OVERLAP - SLACK {
                    return 0.0;
                }
                let goes_on = paths[truth].previous_frame_track == Some(track);
                -overlap - if goes_on { CONTINUITY } else { 0.0 }
            }));
        }
        let partners = solver.solve(&costs, frame.truth.len(), frame.tracks.len(), 0.0);
        let mut now = vec![None; sequence.truth_ids];
        let mut matched = 0;
        for (row, partner) in partners.iter().enumerate() {
            let Some(column) = *partner else { continue };
            let (truth, track) = (frame.truth[row], frame.tracks[column]);
            let path = &mut paths[truth];
            result.switches += usize::from(path.last_track.is_some_and(|last| last != track));
            path.pieces += usize::from(path.previous_frame_track.is_none());
            path.last_track = Some(track);
            path.found += 1;
            now[truth] = Some(track);
            matched += 1;
            overlap_sum += frame.overlap(row, column);
        }
        for (path, track) in paths.iter_mut().zip(now) {
            path.previous_frame_track = track;
        }
        result.matched += matched;
        result.missed += frame.truth.len() - matched;
        result.false_boxes += frame.tracks.len() - matched;
    }
    for path in paths.iter().filter(|path| path.frames > 0) {
        let found = path.found as f64 / path.frames as f64;
        result.mostly_tracked += usize::from(found > MOSTLY_TRACKED);
        result.mostly_lost += usize::from(found < MOSTLY_LOST);
        result.fragments += path.pieces.saturating_sub(1);
    }
    let errors = (result.false_boxes + result.switches) as f64;
    let truth_boxes = (result.matched + result.missed) as f64;
    result.mota = share(result.matched as f64 - errors, truth_boxes);
    result.motp = share(overlap_sum, result.matched as f64);
    result
}
