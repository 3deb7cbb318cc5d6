//! Properties of the counter over random walks, and what its crossings say of themselves.
//! The torture suite in tests/line_torture.rs has the cases one can picture.

use std::collections::VecDeque;

use proptest::prelude::*;

use super::{CounterSettings, Crossing, CrossingCounter, Direction};
use crate::floor::{Cov2, FootprintBasis, PointInFloor, Portal};
use crate::tracking::{PathPoint, Track, TrackState};
use crate::units::{Doubt, Instant, Span, TrackId};

/// A line so long that nobody gets around its ends.
const LONG: [(f64, f64); 2] = [(-500.0, 0.0), (500.0, 0.0)];

fn portal(line: &[(f64, f64)]) -> Portal {
    Portal {
        line: line.iter().map(|&(x, y)| PointInFloor { x, y }).collect(),
        depth_m: 0.25,
    }
}

fn path_point(at: Instant, x: f64, y: f64, sd_m: f64) -> PathPoint {
    PathPoint {
        at,
        point: PointInFloor { x, y },
        cov: Cov2::isotropic(sd_m),
        velocity: (0.0, 0.0),
        basis: Some(FootprintBasis::Feet),
        crowded: false,
    }
}

fn track(id: u32, path: VecDeque<PathPoint>, state: TrackState) -> Track {
    let born = path.front().map_or(Instant::ZERO, |point| point.at);
    let seen = path.iter().rev().find(|point| point.basis.is_some());
    Track {
        id: TrackId(id),
        state,
        born,
        last_seen: seen.map_or(born, |point| point.at),
        bbox: None,
        score: 1.0,
        height_m: None,
        path,
    }
}

/// Plays one track point by point, from a second after the footage began; it is confirmed after
/// `confirm_after` points.
fn play(portal: Portal, points: &[PathPoint], confirm_after: usize) -> Vec<Crossing> {
    let mut counter = CrossingCounter::new(portal, CounterSettings::default());
    let mut out = Vec::new();
    let Some(first) = points.first() else {
        return out;
    };
    for wait_ms in [2_000, 1_500, 1_000] {
        counter.step(first.at - Span::from_ms(wait_ms), &[], &mut out);
    }
    let mut tracks = [track(1, VecDeque::new(), TrackState::Tentative)];
    for (index, point) in points.iter().enumerate() {
        let shown = &mut tracks[0];
        shown.path.push_back(*point);
        if point.basis.is_some() {
            shown.last_seen = point.at;
        }
        if index >= confirm_after {
            shown.state = TrackState::Confirmed;
        }
        counter.step(point.at, &tracks, &mut out);
    }
    out
}

/// Way points and how fast to go between them.
#[derive(Debug, Clone)]
struct Walk {
    /// x, y, and the speed towards it, m and m/s.
    ways: Vec<(f64, f64, f64)>,
}

impl Walk {
    /// Samples at `fps`, with a stay of a second at either end.
    fn points(&self, fps: f64, sd_m: f64) -> Vec<PathPoint> {
        let (x, y, _) = self.ways[0];
        let mut times = vec![(0.0, x, y), (1.0, x, y)];
        for &(x, y, speed_mps) in &self.ways[1..] {
            let (at_s, x0, y0) = times[times.len() - 1];
            times.push((at_s + (x - x0).hypot(y - y0) / speed_mps, x, y));
        }
        let (end_s, x, y) = times[times.len() - 1];
        times.push((end_s + 1.0, x, y));
        let frames = ((end_s + 1.0) * fps) as usize;
        let mut leg = 0;
        let mut sample = |frame| {
            let at_s = f64::from(frame) / fps;
            while leg + 2 < times.len() && times[leg + 1].0 < at_s {
                leg += 1;
            }
            let (a, b) = (times[leg], times[leg + 1]);
            let share = if b.0 > a.0 {
                ((at_s - a.0) / (b.0 - a.0)).clamp(0.0, 1.0)
            } else {
                1.0
            };
            let (x, y) = (a.1 + share * (b.1 - a.1), a.2 + share * (b.2 - a.2));
            path_point(Instant::from_s(100.0 + at_s), x, y, sd_m)
        };
        (0..=frames as u32).map(&mut sample).collect()
    }
}

/// A walk that begins and ends well off the line and does as it likes in between.
fn any_walk() -> impl Strategy<Value = Walk> {
    let end = || (-3.0..3.0f64, prop_oneof![-2.0..-0.6f64, 0.6..2.0f64]);
    let way = (-3.0..3.0f64, -1.2..1.2f64, 0.3..3.0f64);
    (
        end(),
        proptest::collection::vec(way, 0..8),
        end(),
        0.3..3.0f64,
    )
        .prop_map(|(start, mut between, end, speed_mps)| {
            between.insert(0, (start.0, start.1, 1.0));
            between.push((end.0, end.1, speed_mps));
            Walk { ways: between }
        })
}

/// A walk on which every way point is clearly beyond the depth or clearly within it.
fn clear_walk() -> impl Strategy<Value = Walk> {
    let y = prop_oneof![-1.5..-0.8f64, -0.15..0.15f64, 0.8..1.5f64];
    let way = (-3.0..3.0f64, y, 0.3..2.0f64);
    let end = || prop_oneof![-2.0..-0.8f64, 0.8..2.0f64];
    (end(), proptest::collection::vec(way, 0..6), end()).prop_map(|(from, mut between, to)| {
        between.insert(0, (0.0, from, 1.0));
        between.push((0.0, to, 1.0));
        Walk { ways: between }
    })
}

fn directions(crossings: &[Crossing]) -> Vec<Direction> {
    crossings
        .iter()
        .map(|crossing| crossing.direction)
        .collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(10_000))]

    /// In less out is the side where the walk ended less the one where it began; a track never
    /// crosses the same way twice in a row; each crossing explains itself.
    #[test]
    fn crossings_balance(walk in any_walk(), fps in 5.0..30.0f64, sd_m in 0.01..0.1f64) {
        let points = walk.points(fps, sd_m);
        let crossings = play(portal(&LONG), &points, 3);
        let inside = |way: Option<&(f64, f64, f64)>| way.is_some_and(|way| way.1 > 0.0);
        let mut is_inside = inside(walk.ways.first());
        for crossing in &crossings {
            prop_assert_eq!(crossing.direction == Direction::Out, is_inside, "twice the same way");
            is_inside = !is_inside;
            prop_assert!(crossing.interval.contains(crossing.at));
            prop_assert!(crossing.interval.hi <= crossing.settled_at);
            prop_assert!(crossing.margin_m >= 0.25);
            let on_path = points.windows(2).any(|w| {
                let between = w[0].at <= crossing.at && crossing.at <= w[1].at;
                between && w[0].point.y.abs().min(w[1].point.y.abs()) < 0.7
            });
            prop_assert!(on_path, "{crossing:?} is nowhere near the line");
        }
        prop_assert_eq!(is_inside, inside(walk.ways.last()));
        let times: Vec<_> = crossings.iter().map(|crossing| crossing.at).collect();
        prop_assert!(times.is_sorted());
    }

    /// Where the site's origin lies and how it is turned changes nothing; a line drawn the other
    /// way round swaps the directions.
    #[test]
    fn a_moved_scene_counts_the_same(
        walk in any_walk(),
        fps in 5.0..30.0f64,
        turn in 0.0..6.2f64,
        dx in -100.0..100.0f64,
        dy in -100.0..100.0f64,
    ) {
        // A short line with a corner, so that ends and corners are moved too.
        let line = [(-2.0, 0.0), (0.5, 0.0), (2.0, 0.6)];
        let (sin, cos) = turn.sin_cos();
        let moved = |x: f64, y: f64| (cos * x - sin * y + dx, sin * x + cos * y + dy);
        let points = walk.points(fps, 0.05);
        let mut moved_points = points.clone();
        for point in &mut moved_points {
            let (x, y) = moved(point.point.x, point.point.y);
            point.point = PointInFloor { x, y };
        }
        let moved_line = line.map(|(x, y)| moved(x, y));
        let mut reversed = line;
        reversed.reverse();
        let here = play(portal(&line), &points, 3);
        let there = play(portal(&moved_line), &moved_points, 3);
        let back = play(portal(&reversed), &points, 3);
        prop_assert_eq!(directions(&here), directions(&there));
        prop_assert_eq!(here.len(), back.len());
        for ((a, b), c) in here.iter().zip(&there).zip(&back) {
            prop_assert!((a.at - b.at).abs() <= Span::from_ms(1));
            prop_assert!((a.station_m - b.station_m).abs() < 1e-3);
            prop_assert_ne!(a.direction, c.direction);
            prop_assert!((a.at - c.at).abs() <= Span::from_ms(1));
        }
    }

    /// More or fewer frames a second count the same, at about the same time.
    #[test]
    fn the_frame_rate_does_not_matter(
        walk in clear_walk(),
        fps in 10.0..30.0f64,
        other_fps in 10.0..30.0f64,
    ) {
        let a = play(portal(&LONG), &walk.points(fps, 0.05), 3);
        let b = play(portal(&LONG), &walk.points(other_fps, 0.05), 3);
        prop_assert_eq!(directions(&a), directions(&b));
        let frame = Span::from_s(1.0 / fps.min(other_fps));
        for (a, b) in a.iter().zip(&b) {
            prop_assert!(b.interval.lo - frame <= a.at && a.at <= b.interval.hi + frame);
        }
    }

    /// When a track is confirmed changes nothing but when the crossing is known.
    #[test]
    fn late_confirmation_loses_nothing(walk in any_walk(), late in 0..40_usize) {
        let points = walk.points(15.0, 0.05);
        let mut late = play(portal(&LONG), &points, late.min(points.len() - 1));
        let mut soon = play(portal(&LONG), &points, 0);
        for crossing in soon.iter_mut().chain(&mut late) {
            crossing.settled_at = Instant::ZERO;
        }
        prop_assert_eq!(soon, late);
    }

    /// What the tracker believes of somebody unseen counts for nothing until they are seen.
    #[test]
    fn predictions_are_not_read(
        walk in any_walk(),
        gap in (0.1..0.9f64, 1..6_usize),
        wrong in proptest::collection::vec((-3.0..3.0f64, -3.0..3.0f64), 6),
    ) {
        let points = walk.points(10.0, 0.05);
        let from = (gap.0 * points.len() as f64) as usize;
        let run = |believed: &dyn Fn(usize) -> (f64, f64)| {
            let mut counter = CrossingCounter::new(portal(&LONG), CounterSettings::default());
            let mut out = Vec::new();
            let mut tracks = [track(1, VecDeque::new(), TrackState::Confirmed)];
            for (index, point) in points.iter().enumerate() {
                let shown = &mut tracks[0];
                shown.path.retain(|point| point.basis.is_some());
                if (from..from + gap.1).contains(&index) {
                    shown.state = TrackState::Lost;
                    for step in from..=index {
                        let (x, y) = believed(step - from);
                        let mut point = path_point(points[step].at, x, y, 0.3);
                        point.basis = None;
                        shown.path.push_back(point);
                    }
                } else {
                    shown.state = TrackState::Confirmed;
                    shown.path.push_back(*point);
                    shown.last_seen = point.at;
                }
                counter.step(point.at, &tracks, &mut out);
            }
            out
        };
        prop_assert_eq!(run(&|step| wrong[step]), run(&|_| (0.0, 0.0)));
    }

    /// Whatever the tracks are, the counter neither fails nor grows without bound.
    #[test]
    fn any_tracks_are_survived(
        frames in proptest::collection::vec(
            proptest::collection::vec((0..6_u32, -2.0..2.0f64, -1.0..1.0f64, 0..12_u8), 0..5),
            1..60,
        ),
    ) {
        let mut counter = CrossingCounter::new(portal(&[(-1.0, 0.0), (1.0, 0.0)]), CounterSettings::default());
        let mut paths: Vec<VecDeque<PathPoint>> = vec![VecDeque::new(); 6];
        let mut out = Vec::new();
        for (index, frame) in frames.iter().enumerate() {
            let at = Instant::from_us(100_000 * index as i64);
            let mut tracks: Vec<Track> = Vec::new();
            for &(id, x, y, odd) in frame {
                if tracks.iter().any(|track| track.id == TrackId(id)) {
                    continue;
                }
                let mut point = path_point(at, x, y, 0.05);
                let mut state = TrackState::Confirmed;
                match odd {
                    0 => point.point.x = f64::NAN,
                    1 => point.point.y = f64::INFINITY,
                    2 => point.cov.xx = f64::NAN,
                    3 => point.basis = None,
                    4 => state = TrackState::Lost,
                    5 => state = TrackState::Ended,
                    6 => state = TrackState::Tentative,
                    7 => point.crowded = true,
                    8 => point.at = Instant::MAX,
                    _ => {}
                }
                paths[id as usize].push_back(point);
                tracks.push(track(id, paths[id as usize].clone(), state));
            }
            tracks.sort_by_key(|track| track.id);
            counter.step(at, &tracks, &mut out);
            prop_assert!(counter.accounts_kept() <= 6 * 16);
        }
    }
}

/// Plays a walk across the line after a change of its points and compares the doubts.
#[track_caller]
fn check_doubts(change: impl Fn(usize, &mut PathPoint), expect: &[Doubt]) {
    let walk = Walk {
        ways: vec![(0.0, -1.5, 1.0), (0.0, 1.5, 1.0)],
    };
    let mut points = walk.points(10.0, 0.05);
    for (index, point) in points.iter_mut().enumerate() {
        change(index, point);
    }
    let crossings = play(portal(&LONG), &points, 3);
    assert_eq!(crossings.len(), 1, "{crossings:?}");
    assert_eq!(crossings[0].doubts, expect);
}

#[test]
fn doubts_say_what_was_wrong_at_the_line() {
    let near = |point: &PathPoint| point.point.y.abs() < 0.6;
    check_doubts(|_, _| {}, &[]);
    check_doubts(
        |_, point| {
            if near(point) {
                point.basis = Some(FootprintBasis::Head);
            }
        },
        &[Doubt::FeetHidden],
    );
    check_doubts(|_, point| point.crowded = near(point), &[Doubt::Crowded]);
    // Far from the line neither matters.
    check_doubts(
        |_, point| {
            if !near(point) {
                point.basis = Some(FootprintBasis::Head);
                point.crowded = true;
            }
        },
        &[],
    );
    // Uncertain by as much as the depth: it takes more of a margin, and is still in doubt.
    check_doubts(
        |_, point| point.cov = Cov2::isotropic(0.4),
        &[Doubt::MarginSmall],
    );
    // Unseen for 0.8 s at the line.
    check_doubts(
        |_, point| {
            if point.point.y.abs() < 0.35 {
                point.basis = None;
            }
        },
        &[Doubt::TrackInterrupted],
    );
}

#[test]
fn a_crossing_tells_when_where_and_how_far() {
    let walk = Walk {
        ways: vec![(3.0, -1.5, 1.0), (3.0, 1.5, 1.0)],
    };
    let crossings = play(portal(&LONG), &walk.points(10.0, 0.05), 3);
    let [crossing] = &crossings[..] else {
        panic!("{crossings:?}")
    };
    // The walk stands for a second at -1.5 m, then goes at 1 m/s.
    assert_eq!(crossing.at, Instant::from_s(102.5));
    assert_eq!(crossing.interval.lo, Instant::from_s(102.2));
    assert_eq!(crossing.interval.hi, Instant::from_s(102.8));
    assert_eq!(crossing.settled_at, Instant::from_s(103.0));
    assert!((crossing.station_m - 503.0).abs() < 1e-6);
    assert!((crossing.margin_m - 0.5).abs() < 1e-6);
}

/// Goes over the line to `y`, stays there for `stay_s`, and goes back to where nobody settles; how
/// many crossings that is.
#[track_caller]
fn check_stay(y: f64, stay_s: f64, expect: usize) {
    let sway_m = 0.01;
    let walk = Walk {
        ways: vec![
            (0.0, -1.5, 1.0),
            (0.0, y, 1.0),
            (sway_m, y, sway_m / stay_s),
            (0.0, -0.1, 1.0),
        ],
    };
    let crossings = play(portal(&LONG), &walk.points(20.0, 0.05), 3);
    assert_eq!(
        crossings.len(),
        expect,
        "{stay_s} s at {y} m: {crossings:?}"
    );
}

#[test]
fn whoever_stands_barely_beyond_the_depth_settles_after_a_second() {
    check_stay(0.30, 0.65, 0);
    check_stay(0.30, 1.1, 1);
    check_stay(0.45, 0.3, 1);
    check_stay(0.20, 1.5, 0);
}

#[test]
fn a_jump_along_the_line_is_one_passage() {
    let walk = Walk {
        ways: vec![(0.0, -1.5, 1.0), (0.0, 1.5, 1.0)],
    };
    let mut points = walk.points(10.0, 0.05);
    for point in &mut points {
        if point.point.y > -0.01 {
            point.point.x += 3.0;
        }
    }
    // Then nobody, for as long as it takes to judge who has vanished.
    let mut gone = points[points.len() - 1];
    gone.basis = None;
    for _ in 0..20 {
        gone.at += Span::from_ms(100);
        points.push(gone);
    }
    let crossings = play(portal(&LONG), &points, 3);
    assert_eq!(directions(&crossings), [Direction::In], "{crossings:?}");
    assert_eq!(crossings[0].doubts, [Doubt::BornOnThreshold]);
}
