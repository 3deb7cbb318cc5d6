//! Who is who: tracks of the last frame against sightings of this one.
//!
//! Theory of operation. The cost of a pair blends how far the footprint lies from where the track
//! is expected, in standard deviations on the floor (the mapped Mahalanobis distance of K. Yi et
//! al., "UCMCTrack: Multi-Object Tracking with Uniform Camera Motion Compensation", AAAI 2024),
//! and how little the boxes overlap. A pair is possible within the floor gate, or a little beyond
//! it if the boxes overlap well: boxes don't jump when hidden feet come into sight, footprints do.
//! Rounds follow each other as in ByteTrack (Y. Zhang et al., ECCV 2022): believed tracks choose
//! among strong sightings, then the rest of them among weak ones, then tentative tracks among what
//! is left. Each round is an optimal assignment.

use super::body::Body;
use super::sighting::Sighting;
use super::{Assignment, Track, TrackState, TrackerSettings};
use crate::floor::Grid;
use crate::units::Instant;

/// Cost from which two are not the same person, for strong sightings.
const STRONG_LIMIT: f64 = 0.8;
/// The same for weak ones, which only carry on what is nearly certain.
const WEAK_LIMIT: f64 = 0.35;
/// Overlap from which boxes vouch for a footprint beyond the gate ...
const VOUCHING_OVERLAP: f64 = 0.3;
/// ... up to this multiple of the gate.
const VOUCHED_GATES: f64 = 2.0;
/// What having been unseen as long as possible adds to the cost.
const LOST_COST: f64 = 0.4;

/// A track and the sighting it was given.
#[derive(Debug, Clone, Copy)]
pub(super) struct Match {
    pub(super) sighting: usize,
    /// Squared Mahalanobis distance of the two.
    pub(super) distance2: f64,
}

/// One round of matching: who takes part.
#[derive(Clone, Copy)]
struct Round {
    tentative: bool,
    strong: bool,
    limit: f64,
}

const ROUNDS: [Round; 4] = [
    Round {
        tentative: false,
        strong: true,
        limit: STRONG_LIMIT,
    },
    Round {
        tentative: false,
        strong: false,
        limit: WEAK_LIMIT,
    },
    Round {
        tentative: true,
        strong: true,
        limit: STRONG_LIMIT,
    },
    Round {
        tentative: true,
        strong: false,
        limit: WEAK_LIMIT,
    },
];

/// Reusable buffers of the association.
#[derive(Debug, Clone, Default)]
pub(super) struct Association {
    /// What each track was given.
    pub(super) matches: Vec<Option<Match>>,
    rows: Vec<usize>,
    columns: Vec<usize>,
    costs: Vec<f64>,
    distances2: Vec<f64>,
    solver: Assignment,
}

impl Association {
    /// Fills `matches`, one entry a track, and marks the sightings that were taken.
    pub(super) fn run(
        &mut self,
        now: Instant,
        tracks: &[Track],
        bodies: &[Body],
        sightings: &mut [Sighting],
        grid: Option<&Grid>,
        settings: &TrackerSettings,
    ) {
        self.matches.clear();
        self.matches.resize(tracks.len(), None);
        for round in ROUNDS {
            self.gather(round, now, tracks, sightings, settings);
            if self.rows.is_empty() || self.columns.is_empty() {
                continue;
            }
            self.weigh(now, tracks, bodies, sightings, grid, settings);
            let (rows, columns) = (self.rows.len(), self.columns.len());
            let partners = self.solver.solve(&self.costs, rows, columns, round.limit);
            for (row, partner) in partners.iter().enumerate() {
                let Some(column) = *partner else { continue };
                let sighting = self.columns[column];
                sightings[sighting].taken = true;
                self.matches[self.rows[row]] = Some(Match {
                    sighting,
                    distance2: self.distances2[row * columns + column],
                });
            }
        }
    }

    /// Picks the tracks and sightings of a round.
    fn gather(
        &mut self,
        round: Round,
        now: Instant,
        tracks: &[Track],
        sightings: &[Sighting],
        settings: &TrackerSettings,
    ) {
        self.columns.clear();
        let left = (0..sightings.len())
            .filter(|&i| !sightings[i].taken && sightings[i].strong == round.strong);
        self.columns.extend(left);
        self.rows.clear();
        if self.columns.is_empty() {
            return;
        }
        let matches = &self.matches;
        let takes_part = |&index: &usize| {
            let track = &tracks[index];
            // A weak sighting bridges; it does not bring back who was lost.
            let recent = round.strong || now.since(track.last_seen) <= settings.lost_after;
            let tentative = track.state == TrackState::Tentative;
            let alive = track.state != TrackState::Ended;
            alive && matches[index].is_none() && recent && tentative == round.tentative
        };
        self.rows.extend((0..tracks.len()).filter(takes_part));
    }

    /// Fills the cost matrix of a round.
    fn weigh(
        &mut self,
        now: Instant,
        tracks: &[Track],
        bodies: &[Body],
        sightings: &[Sighting],
        grid: Option<&Grid>,
        settings: &TrackerSettings,
    ) {
        self.costs.clear();
        self.distances2.clear();
        for &row in &self.rows {
            let (track, body) = (&tracks[row], &bodies[row]);
            let unseen_s = now.since(track.last_seen).as_s();
            let lost = LOST_COST * (unseen_s / settings.lose_after.as_s().max(1e-6)).min(1.0);
            for &column in &self.columns {
                let sighting = &sightings[column];
                let (cost, distance2) = cost(body, sighting, settings);
                let cost = cost + lost;
                let walled = cost < STRONG_LIMIT
                    && grid.is_some_and(|grid| !grid.is_clear(body.seen_at, sighting.at));
                self.costs.push(if walled { f64::INFINITY } else { cost });
                self.distances2.push(distance2);
            }
        }
    }
}

/// How unlikely it is that `sighting` is the track's person, from 0, infinite if impossible; and
/// the squared Mahalanobis distance of the two.
fn cost(body: &Body, sighting: &Sighting, settings: &TrackerSettings) -> (f64, f64) {
    const IMPOSSIBLE: (f64, f64) = (f64::INFINITY, f64::INFINITY);
    let gate2 = settings.gate_sd * settings.gate_sd;
    let farthest2 = VOUCHED_GATES * VOUCHED_GATES * gate2;
    let spread = body.motion.cov.plus(sighting.cov);
    let (dx, dy) = (
        sighting.at.x - body.motion.point.x,
        sighting.at.y - body.motion.point.y,
    );
    // No direction is less sure than all together: most pairs of a crowd end here.
    if dx * dx + dy * dy > farthest2 * (spread.xx + spread.yy) {
        return IMPOSSIBLE;
    }
    let det = spread.det();
    let distance2 = (spread.yy * dx * dx - 2.0 * spread.xy * dx * dy + spread.xx * dy * dy) / det;
    if det <= 0.0 || distance2.is_nan() || distance2 > farthest2 {
        return IMPOSSIBLE;
    }
    let gates2 = distance2 / gate2;
    match (&body.expected_in_view, &sighting.in_view) {
        (Some(expected), Some(seen)) => {
            let overlap = expected.iou(seen);
            if gates2 > 1.0 && overlap < VOUCHING_OVERLAP {
                return IMPOSSIBLE;
            }
            let spread_m = det.sqrt().sqrt();
            let clear = settings.vague_m / (settings.vague_m + spread_m).max(f64::EPSILON);
            let share = (1.0 - settings.box_share) * clear;
            (
                (1.0 - share) * (1.0 - overlap) + share * gates2.min(1.0),
                distance2,
            )
        }
        _ if gates2 > 1.0 => IMPOSSIBLE,
        _ => (STRONG_LIMIT * gates2, distance2),
    }
}
