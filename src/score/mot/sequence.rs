//! Truth and tracks of one sequence brought together, frame by frame.

use std::collections::BTreeMap;
use std::ops::RangeInclusive;

use super::MotRow;
use crate::tracking::Assignment;

/// The overlap from which a tracked box counts as lying on a truth box, for the distractor rule.
const DISTRACTOR_OVERLAP: f64 = 0.5;
/// Slack of comparisons with a threshold, as the reference implementation has it.
const SLACK: f64 = f64::EPSILON;
/// The benchmark's class of persons to be tracked.
const PERSON_CLASS: i32 = 1;
/// Classes that a tracker may follow or not, without being judged by it:
/// person on vehicle, static person, distractor, reflection.
const DISTRACTOR_CLASSES: [i32; 4] = [2, 7, 8, 12];

/// Which truth boxes count.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TruthRules {
    /// Every box whose flag is not 0 (MOT15 and TUD files: no classes).
    Flagged,
    /// MOT16 and MOT17: flagged boxes of class 1; tracked boxes that lie on a distractor are
    /// taken out before scoring.
    Mot17,
}

/// One frame: who is there in truth, who was tracked, and how much each pair overlaps.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct FrameOverlaps {
    /// Truth identities, numbered from 0 without gaps over the sequence.
    pub truth: Vec<usize>,
    /// Track identities, numbered likewise.
    pub tracks: Vec<usize>,
    /// Intersection over union, row-major: truth x tracks.
    pub iou: Vec<f64>,
}

/// One sequence ready for scoring.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Sequence {
    /// The frames, in order; empty ones included.
    pub frames: Vec<FrameOverlaps>,
    /// Number of truth identities.
    pub truth_ids: usize,
    /// Number of track identities.
    pub track_ids: usize,
}

impl FrameOverlaps {
    /// How much truth `row` and track `column` overlap (positions in this frame), 0 to 1.
    pub fn overlap(&self, row: usize, column: usize) -> f64 {
        self.iou[row * self.tracks.len() + column]
    }
}

impl Sequence {
    /// Brings `truth` and `tracks` together over `frames`; rows of other frames are left out.
    /// `Err`: one sentence for each frame in which an identity occurs twice.
    pub fn new(
        truth: &[MotRow],
        tracks: &[MotRow],
        rules: TruthRules,
        frames: RangeInclusive<u32>,
    ) -> Result<Self, Vec<String>> {
        let truth_of = by_frame(truth, &frames);
        let tracks_of = by_frame(tracks, &frames);
        let mut problems = twins(&truth_of, "truth");
        problems.extend(twins(&tracks_of, "tracking"));
        if !problems.is_empty() {
            return Err(problems);
        }
        let mut solver = Assignment::default();
        let (mut truth_numbers, mut track_numbers) = (BTreeMap::new(), BTreeMap::new());
        let sequence = frames.map(|frame| {
            let none = Vec::new();
            let truth = truth_of.get(&frame).unwrap_or(&none);
            let tracks = tracks_of.get(&frame).unwrap_or(&none);
            let (truth, tracks) = judged(truth, tracks, rules, &mut solver);
            FrameOverlaps {
                truth: numbered(&truth, &mut truth_numbers),
                tracks: numbered(&tracks, &mut track_numbers),
                iou: overlaps(&truth, &tracks),
            }
        });
        Ok(Self {
            frames: sequence.collect(),
            truth_ids: truth_numbers.len(),
            track_ids: track_numbers.len(),
        })
    }

    /// Truth boxes that count.
    pub fn truth_boxes(&self) -> usize {
        self.frames.iter().map(|frame| frame.truth.len()).sum()
    }

    /// Tracked boxes that count.
    pub fn track_boxes(&self) -> usize {
        self.frames.iter().map(|frame| frame.tracks.len()).sum()
    }
}

type RowsByFrame<'a> = BTreeMap<u32, Vec<&'a MotRow>>;

fn by_frame<'a>(rows: &'a [MotRow], frames: &RangeInclusive<u32>) -> RowsByFrame<'a> {
    let mut map = RowsByFrame::new();
    for row in rows.iter().filter(|row| frames.contains(&row.frame)) {
        map.entry(row.frame).or_default().push(row);
    }
    map
}

fn twins(rows: &RowsByFrame<'_>, which: &str) -> Vec<String> {
    let mut problems = Vec::new();
    for (frame, rows) in rows {
        let mut ids: Vec<i64> = rows.iter().map(|row| row.id).collect();
        ids.sort_unstable();
        if let Some(twin) = ids.windows(2).find(|pair| pair[0] == pair[1]) {
            let id = twin[0];
            problems.push(format!(
                "frame {frame} of the {which} file holds identity {id} twice: keep one box of it"
            ));
        }
    }
    problems
}

/// The rows that count in one frame.
fn judged<'a>(
    truth: &[&'a MotRow],
    tracks: &[&'a MotRow],
    rules: TruthRules,
    solver: &mut Assignment,
) -> (Vec<&'a MotRow>, Vec<&'a MotRow>) {
    let mut tracks = tracks.to_vec();
    if rules == TruthRules::Mot17 && !truth.is_empty() && !tracks.is_empty() {
        let mut costs = overlaps(truth, &tracks);
        for cost in &mut costs {
            *cost = if *cost < DISTRACTOR_OVERLAP - SLACK {
                0.0
            } else {
                -*cost
            };
        }
        let partners = solver.solve(&costs, truth.len(), tracks.len(), 0.0);
        let on_distractors: Vec<usize> = truth
            .iter()
            .zip(partners)
            .filter(|(row, _)| DISTRACTOR_CLASSES.contains(&row.class))
            .filter_map(|(_, column)| *column)
            .collect();
        let mut column = 0;
        tracks.retain(|_| {
            column += 1;
            !on_distractors.contains(&(column - 1))
        });
    }
    let counts = |row: &&&MotRow| {
        row.confidence.abs() > SLACK && (rules == TruthRules::Flagged || row.class == PERSON_CLASS)
    };
    (truth.iter().filter(counts).copied().collect(), tracks)
}

fn numbered(rows: &[&MotRow], numbers: &mut BTreeMap<i64, usize>) -> Vec<usize> {
    rows.iter()
        .map(|row| {
            let next = numbers.len();
            *numbers.entry(row.id).or_insert(next)
        })
        .collect()
}

fn overlaps(truth: &[&MotRow], tracks: &[&MotRow]) -> Vec<f64> {
    let pairs = truth
        .iter()
        .flat_map(|row| tracks.iter().map(|track| row.bbox.iou(&track.bbox)));
    pairs.collect()
}
