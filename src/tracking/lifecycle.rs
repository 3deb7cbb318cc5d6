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
    compare(now, tracks, bodies, settings);
    for (track, body) in tracks.iter_mut().zip(bodies) {
        let seen = track.last_seen == now;
        if body.is_double {
            body.doubled = body.doubled + dt;
        } else if seen && track.state != TrackState::Tentative {
            body.doubled = Span::ZERO;
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

/// Looks at every pair of tracks that are close to each other: flags the newest points of their
/// paths as crowded, and the lesser of two that look like one person as a double.
fn compare(now: Instant, tracks: &mut [Track], bodies: &mut [Body], settings: &TrackerSettings) {
    for body in &mut *bodies {
        body.is_double = false;
    }
    for index in 1..tracks.len() {
        let (elders, from) = tracks.split_at_mut(index);
        let (elder_bodies, body_from) = bodies.split_at_mut(index);
        let (track, body) = (&mut from[0], &mut body_from[0]);
        if track.state == TrackState::Ended {
            continue;
        }
        for (elder, elder_body) in elders.iter_mut().zip(elder_bodies) {
            if elder.state == TrackState::Ended {
                continue;
            }
            let (a, b) = (&body.motion, &elder_body.motion);
            let (dx, dy) = (a.point.x - b.point.x, a.point.y - b.point.y);
            let apart2 = dx * dx + dy * dy;
            let is_near = apart2 <= settings.crowded_within_m * settings.crowded_within_m;
            let spread = a.cov.plus(b.cov);
            // No direction is less sure than all together: most pairs end here.
            if !is_near && apart2 > CROWDED_SD * CROWDED_SD * (spread.xx + spread.yy) {
                continue;
            }
            if is_near || spread.mahalanobis2(dx, dy) <= CROWDED_SD * CROWDED_SD {
                for point in [track.path.back_mut(), elder.path.back_mut()]
                    .into_iter()
                    .flatten()
                {
                    point.crowded = true;
                }
            }
            if track.last_seen == now
                && elder.last_seen == now
                && is_one_person(track, elder, apart2, settings)
            {
                // A believed track stands against a tentative one, else the elder stands.
                let elder_yields =
                    elder.state == TrackState::Tentative && track.state != TrackState::Tentative;
                let lesser = if elder_yields { elder_body } else { &mut *body };
                lesser.is_double = true;
            }
        }
    }
}

/// Whether two tracks just seen look like one person; `apart2` is their squared distance, m^2.
fn is_one_person(a: &Track, b: &Track, apart2: f64, settings: &TrackerSettings) -> bool {
    let within_m = settings.duplicate_within_m;
    match (&a.bbox, &b.bbox) {
        (Some(a), Some(b)) => {
            let smaller = a.area().min(b.area());
            apart2 < within_m * within_m && a.intersection(b) >= DUPLICATE_OVERLAP * smaller
        }
        _ => {
            apart2
                < (DUPLICATE_SHARE_WITHOUT_BOX * within_m)
                    * (DUPLICATE_SHARE_WITHOUT_BOX * within_m)
        }
    }
}
