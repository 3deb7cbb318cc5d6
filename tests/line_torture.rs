//! The line-crossing torture suite through the counter: every case must come out right.
//!
//! Once with hand-made tracks, which follow the ids of the case even where no tracker would, and
//! which behave towards the counter as tracks do: confirmed late, predicted while unseen, ended
//! after two seconds. Once through the real tracker, which is given places and no ids.

#![allow(
    clippy::unwrap_used,
    reason = "a test stops where it finds what must not be"
)]

mod torture;

use std::collections::VecDeque;

use tailgate::crossing::{CounterSettings, Crossing, CrossingCounter, Direction};
use tailgate::floor::{Cov2, Footprint, FootprintBasis, PointInFloor};
use tailgate::tracking::{Observation, PathPoint, Track, TrackState, Tracker, TrackerSettings};
use tailgate::units::{Instant, Span, TrackId};
use torture::{Case, Counts, Frame, Seen, cases};

const CONFIRM_AFTER: Span = Span::from_ms(200);
const LOSE_AFTER: Span = Span::from_ms(2_000);
/// Nearer than this people are crowded, m.
const CROWDED_M: f64 = 0.6;

/// Tracks by the ids of a case.
#[derive(Default)]
struct HandMade {
    tracks: Vec<Track>,
}

impl HandMade {
    fn step(&mut self, frame: &Frame, sd_m: f64) {
        self.tracks.retain(|track| track.state != TrackState::Ended);
        for seen in &frame.seen {
            let near = |other: &&Seen| other.at.distance(seen.at) < CROWDED_M;
            let crowded = frame.seen.iter().filter(near).count() > 1;
            self.see(frame.at, seen, sd_m, crowded);
        }
        for track in &mut self.tracks {
            if track.last_seen < frame.at {
                predict(track, frame.at);
            }
        }
        self.tracks.sort_by_key(|track| track.id);
    }

    fn see(&mut self, at: Instant, seen: &Seen, sd_m: f64, crowded: bool) {
        let id = TrackId(seen.id);
        let place = match self.tracks.iter().position(|track| track.id == id) {
            Some(place) => place,
            None => {
                self.tracks.push(newborn(id, at));
                self.tracks.len() - 1
            }
        };
        let track = &mut self.tracks[place];
        let last_seen = track.last_seen;
        track.path.retain(|point| point.at <= last_seen);
        track.path.push_back(PathPoint {
            at,
            point: seen.at,
            cov: Cov2::isotropic(sd_m),
            velocity: (0.0, 0.0),
            basis: Some(FootprintBasis::Feet),
            crowded,
        });
        track.last_seen = at;
        if at - track.born >= CONFIRM_AFTER {
            track.state = TrackState::Confirmed;
        }
    }
}

fn newborn(id: TrackId, at: Instant) -> Track {
    Track {
        id,
        state: TrackState::Tentative,
        born: at,
        last_seen: at,
        bbox: None,
        score: 1.0,
        height_m: None,
        path: VecDeque::new(),
    }
}

/// Goes on as the last two sightings went: what a tracker believes and may take back.
fn predict(track: &mut Track, at: Instant) {
    if at - track.last_seen > LOSE_AFTER {
        track.state = TrackState::Ended;
        return;
    }
    if track.state == TrackState::Confirmed {
        track.state = TrackState::Lost;
    }
    let Some(&last) = track.path.back() else {
        return;
    };
    let before = track.path.iter().rev().nth(1).copied().unwrap_or(last);
    let seconds = (last.at - before.at).as_s();
    let ahead = if seconds > 0.0 {
        (at - last.at).as_s() / seconds
    } else {
        0.0
    };
    track.path.push_back(PathPoint {
        at,
        point: PointInFloor {
            x: last.point.x + ahead * (last.point.x - before.point.x),
            y: last.point.y + ahead * (last.point.y - before.point.y),
        },
        basis: None,
        ..last
    });
}

fn count(crossings: &[Crossing]) -> Counts {
    let along = |direction| {
        crossings
            .iter()
            .filter(|c| c.direction == direction)
            .count()
    };
    Counts {
        inward: along(Direction::In),
        outward: along(Direction::Out),
    }
}

/// All that went wrong, one line a case.
#[track_caller]
fn check_all(run: impl Fn(&Case) -> Vec<Crossing>) {
    let cases = cases();
    assert!(cases.len() >= 60, "cases are missing");
    let wrong: Vec<String> = cases
        .iter()
        .filter_map(|case| complaint(case, &run))
        .collect();
    assert!(
        wrong.is_empty(),
        "{} wrong:\n{}",
        wrong.len(),
        wrong.join("\n")
    );
}

/// What is wrong with a case's crossings.
fn complaint(case: &Case, run: impl Fn(&Case) -> Vec<Crossing>) -> Option<String> {
    let crossings = run(case);
    for c in &crossings {
        let in_order = c.interval.lo <= c.at && c.at <= c.interval.hi && c.at <= c.settled_at;
        assert!(in_order, "{}: {c:?}", case.name);
    }
    let found = count(&crossings);
    let list: Vec<String> = crossings.iter().map(line).collect();
    (found != case.expect).then(|| format!("{}: {found:?}\n    {}", case.name, list.join("\n    ")))
}

fn line(c: &Crossing) -> String {
    format!(
        "{:?} track {} at {} settled {} margin {:.2} {:?}",
        c.direction, c.track, c.at, c.settled_at, c.margin_m, c.doubts
    )
}

fn by_hand(case: &Case) -> Vec<Crossing> {
    let mut made = HandMade::default();
    let mut counter = CrossingCounter::new(case.portal(), CounterSettings::default());
    let mut crossings = Vec::new();
    for frame in case.frames() {
        made.step(&frame, case.sd_m);
        counter.step(frame.at, &made.tracks, &mut crossings);
    }
    crossings
}

fn by_tracker(case: &Case) -> Vec<Crossing> {
    let mut tracker = Tracker::new(TrackerSettings::default());
    let mut counter = CrossingCounter::new(case.portal(), CounterSettings::default());
    let mut crossings = Vec::new();
    for frame in case.frames() {
        let seen = frame.seen.iter().map(|seen| observed(seen, case.sd_m));
        let observations: Vec<Observation> = seen.collect();
        tracker.step(frame.at, None, None, &observations);
        counter.step(frame.at, tracker.tracks(), &mut crossings);
    }
    crossings
}

#[test]
fn every_case_is_right_with_the_tracks_it_gives() {
    check_all(by_hand);
}

#[test]
fn every_case_is_right_through_the_real_tracker() {
    check_all(by_tracker);
}

/// The same walks at other frame rates and phases and under noise. Where two frames are all there
/// is of somebody, or standing people are mixed up in earnest, no counter can be right always.
#[test]
fn nearly_every_variation_is_right() {
    const LEAST_SHARE: f64 = 0.998;
    let (mut total, mut wrong) = (0, Vec::new());
    for fps in [5.0, 7.0, 10.0, 12.5, 15.0, 25.0, 30.0] {
        for phase in [0.0, 0.25, 0.5, 0.75] {
            for noise_m in [0.0, 0.03, 0.06] {
                let varied = cases().into_iter().filter(|case| !case.jitters_by_frame());
                for case in varied.map(|case| case.varied(fps, phase, noise_m)) {
                    let found = [complaint(&case, by_hand), complaint(&case, by_tracker)];
                    total += found.len();
                    let note =
                        |text| format!("{fps} fps, phase {phase}, noise {noise_m} m: {text}");
                    wrong.extend(found.into_iter().flatten().map(note));
                }
            }
        }
    }
    let right = 1.0 - wrong.len() as f64 / total as f64;
    eprintln!("{} of {total} wrong\n{}", wrong.len(), wrong.join("\n"));
    assert!(right >= LEAST_SHARE, "{right}");
}

fn observed(seen: &Seen, sd_m: f64) -> Observation {
    Observation {
        footprint: Footprint {
            at: seen.at,
            cov: Cov2::isotropic(sd_m),
            basis: FootprintBasis::Given,
            height_m: None,
        },
        bbox: None,
        score: 0.9,
    }
}
