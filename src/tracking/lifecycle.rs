//! How tracks live: confirmed, lost, ended; crowds and duplicates.

use super::body::Body;
use super::{Track, TrackState, TrackerSettings};
use crate::units::{Instant, Span};

/// Share of the smaller box that lies within the larger one when both show one person.
const DUPLICATE_OVERLAP: f64 = 0.7;
/// Without boxes two footprints must be this much closer to be one person.
const DUPLICATE_SHARE_WITHOUT_BOX: f64 = 0.6;
/// Two tracks whose difference lies within this many standard deviations can have been swapped.
const CROWDED_SD: f64 = 2.0;

/// Ends the step: marks crowds, counts how long tracks looked alike, and moves lives on.
pub(super) fn settle(
    now: Instant,
    dt: Span,
    tracks: &mut [Track],
    bodies: &mut [Body],
    settings: &TrackerSettings,
) {
    mark_crowds(tracks, bodies, settings);
    for index in 0..tracks.len() {
        let doubled = (0..tracks.len()).any(|other| {
            other != index && is_duplicate(now, index, other, tracks, bodies, settings)
        });
        let (track, body) = (&mut tracks[index], &mut bodies[index]);
        let seen = track.last_seen == now;
        match (doubled, track.state) {
            (true, _) => body.doubled = body.doubled + dt,
            (false, TrackState::Tentative) => {}
            (false, _) if seen => body.doubled = Span::ZERO,
            (false, _) => {}
        }
        track.state = match track.state {
            TrackState::Ended => TrackState::Ended,
            TrackState::Tentative if seen && body.is_believable(track, settings) => {
                body.doubled = Span::ZERO;
                TrackState::Confirmed
            }
            TrackState::Tentative => TrackState::Tentative,
            _ if body.doubled > settings.merge_after => TrackState::Ended,
            _ if now.since(track.last_seen) > settings.lost_after => TrackState::Lost,
            _ => TrackState::Confirmed,
        };
    }
}

/// Whether `index` looks like a second track of the person of `other`, the better established.
fn is_duplicate(
    now: Instant,
    index: usize,
    other: usize,
    tracks: &[Track],
    bodies: &[Body],
    settings: &TrackerSettings,
) -> bool {
    let (track, elder) = (&tracks[index], &tracks[other]);
    let both_seen = track.last_seen == now && elder.last_seen == now;
    let rank = |track: &Track| (track.state == TrackState::Tentative, track.id);
    if !both_seen || elder.state == TrackState::Ended || rank(elder) > rank(track) {
        return false;
    }
    let apart_m = bodies[index]
        .motion
        .point
        .distance(bodies[other].motion.point);
    match (&track.bbox, &elder.bbox) {
        (Some(a), Some(b)) => {
            let smaller = a.area().min(b.area());
            apart_m < settings.duplicate_within_m
                && a.intersection(b) >= DUPLICATE_OVERLAP * smaller
        }
        _ => apart_m < DUPLICATE_SHARE_WITHOUT_BOX * settings.duplicate_within_m,
    }
}

/// Flags the newest path points of tracks that others came close to.
fn mark_crowds(tracks: &mut [Track], bodies: &[Body], settings: &TrackerSettings) {
    for index in 1..tracks.len() {
        let (before, from) = tracks.split_at_mut(index);
        let track = &mut from[0];
        if track.state == TrackState::Ended {
            continue;
        }
        for (other, body) in before.iter_mut().zip(bodies) {
            if other.state == TrackState::Ended {
                continue;
            }
            let (a, b) = (&bodies[index].motion, &body.motion);
            let (dx, dy) = (a.point.x - b.point.x, a.point.y - b.point.y);
            let near = dx * dx + dy * dy <= settings.crowded_within_m * settings.crowded_within_m;
            let spread = a.cov.plus(b.cov);
            if near || spread.mahalanobis2(dx, dy) <= CROWDED_SD * CROWDED_SD {
                for crowded in [&mut *track, other] {
                    if let Some(point) = crowded.path.back_mut() {
                        point.crowded = true;
                    }
                }
            }
        }
    }
}
