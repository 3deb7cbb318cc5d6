//! Whether what a track shows next is still the same person.
//!
//! A step that nobody can make is either a bad frame or two, after which the track is back where
//! it could be, or the id has gone to somebody else. And where somebody walked out over the line
//! and what comes after a while walks the other way, one left and another came, or the same one
//! came back: either way, the line was passed twice.

use super::account::{Account, Rules};
use super::sighting::{Motion, Sighting};
use crate::floor::PortalLine;
use crate::tracking::{PathPoint, Track, TrackState};
use crate::units::{Instant, Span};

/// A first impression of how somebody moves takes at least this long, and strays that last for
/// this long are somebody.
pub(super) const SHORTEST: Span = Span::from_ms(150);

/// A track not seen for this long on its way over the line was interrupted there.
pub(super) const INTERRUPTED_AFTER: Span = Span::from_ms(500);

/// Two motions that oppose each other at this speed each are two people, m/s.
pub(super) const OPPOSED_MPS: f64 = 0.4;

/// What to do with the unread points of a track.
#[derive(Debug, Clone, Copy)]
pub(super) enum Continuation {
    /// Read them.
    GoesOn,
    /// Read those after this moment; the ones before are strays.
    AfterStrays(Instant),
    /// Wait for more.
    TooEarly,
    /// From this sighting on it is somebody else.
    IsAnother(Sighting),
}

/// What the unread points of a track are to its account.
pub(super) fn continuation(account: &Account, track: &Track, rules: Rules<'_>) -> Continuation {
    let mut unread = sightings(track, rules.portal, account.read_until);
    let Some(next) = unread.next() else {
        return Continuation::GoesOn;
    };
    let too_early = track.state == TrackState::Confirmed && track.last_seen - next.at < SHORTEST;
    if account.is_jump_to(&next, rules.settings) {
        let mut stray = next.at;
        for later in unread {
            if !account.is_jump_to(&later, rules.settings) {
                return Continuation::AfterStrays(stray);
            }
            stray = later.at;
        }
        return if too_early {
            Continuation::TooEarly
        } else {
            Continuation::IsAnother(next)
        };
    }
    let gap = next.at - account.last.at;
    if gap < INTERRUPTED_AFTER || account.vanished_over(rules).is_none() {
        return Continuation::GoesOn;
    }
    if too_early {
        return Continuation::TooEarly;
    }
    let motion = first_motion(track, rules.portal, &next);
    if account.motion().opposes(&motion, OPPOSED_MPS) {
        Continuation::IsAnother(next)
    } else {
        Continuation::GoesOn
    }
}

/// The points of the path after `since` that are no predictions, oldest first.
pub(super) fn unread_points(track: &Track, since: Instant) -> impl Iterator<Item = &PathPoint> {
    // Mostly one point is new: from the back it is found at once.
    let new = track.path.iter().rev().take_while(|point| point.at > since);
    let first = track.path.len() - new.count();
    let settled = move |point: &&PathPoint| point.at <= track.last_seen;
    track.path.range(first..).take_while(settled)
}

/// The only point after `since`, if it is a plain sighting.
pub(super) fn only_unread(track: &Track, since: Instant) -> Option<&PathPoint> {
    let newest = track.path.back()?;
    let before = track
        .path
        .len()
        .checked_sub(2)
        .and_then(|index| track.path.get(index));
    let is_new = newest.at > since && newest.at <= track.last_seen && newest.basis.is_some();
    let is_only = before.is_none_or(|before| before.at <= since);
    (is_new && is_only).then_some(newest)
}

/// The sightings after `since`, oldest first.
pub(super) fn sightings(
    track: &Track,
    portal: &PortalLine,
    since: Instant,
) -> impl Iterator<Item = Sighting> {
    unread_points(track, since)
        .filter(|point| point.basis.is_some())
        .filter_map(|point| Sighting::read(portal, point))
}

/// How a track has moved since `birth`, as far as it is known.
pub(super) fn first_motion(track: &Track, portal: &PortalLine, birth: &Sighting) -> Motion {
    let seen = |point: &&PathPoint| point.at <= track.last_seen && point.basis.is_some();
    let latest = track.path.iter().rev().find(seen);
    latest
        .and_then(|point| Sighting::read(portal, point))
        .map_or_else(Motion::default, |last| last.motion_since(birth))
}
