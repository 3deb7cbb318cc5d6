//! The tracker through its front door: walkers on the floor, what comes out.

use proptest::prelude::*;

use super::*;
use crate::detection::BoxInImage;
use crate::floor::{Cov2, Footprint, FootprintBasis, Grid, GridSpec, PointInFloor};
use crate::units::{Instant, Span};

const SD_M: f64 = 0.08;

fn at(x: f64, y: f64) -> Observation {
    Observation {
        footprint: Footprint {
            at: PointInFloor { x, y },
            cov: Cov2::isotropic(SD_M),
            basis: FootprintBasis::Given,
            height_m: None,
        },
        bbox: None,
        score: 0.9,
    }
}

/// The same with a box, as a camera straight above at 100 px/m would see it.
fn boxed(x: f64, y: f64, half_m: f64) -> Observation {
    let (px, py, half) = (100.0 * x, 100.0 * y, 100.0 * half_m);
    Observation {
        bbox: Some(BoxInImage::new(px - half, py - half, px + half, py + half)),
        ..at(x, y)
    }
}

/// Runs `seconds` of frames at `fps`; `scene` says who is seen at a time. Returns what ever was
/// believed: id, path up to the last sighting, all in order of id.
fn run(
    fps: f64,
    seconds: f64,
    grid: Option<&Grid>,
    scene: impl Fn(f64) -> Vec<Observation>,
) -> Vec<(u32, Vec<PathPoint>)> {
    let mut tracker = Tracker::new(TrackerSettings::default());
    let mut believed: Vec<(u32, Vec<PathPoint>)> = Vec::new();
    for frame in 0..(seconds * fps).round() as u32 {
        let t = f64::from(frame) / fps;
        tracker.step(Instant::from_s(t), None, grid, &scene(t));
        for track in tracker.tracks() {
            if track.state == TrackState::Tentative {
                continue;
            }
            let index = match believed.iter().position(|(id, _)| *id == track.id.0) {
                Some(index) => index,
                None => {
                    believed.push((track.id.0, Vec::new()));
                    believed.len() - 1
                }
            };
            let path = &mut believed[index].1;
            let known = path.last().map_or(Instant::MIN, |point| point.at);
            let fresh = track.path.iter();
            path.extend(fresh.filter(|p| p.at > known && p.at <= track.last_seen));
        }
    }
    believed.sort_by_key(|(id, _)| *id);
    believed
}

/// How many were believed, and how many path points each has.
#[track_caller]
fn check(fps: f64, seconds: f64, scene: impl Fn(f64) -> Vec<Observation>, expect: &[usize]) {
    let found: Vec<usize> = run(fps, seconds, None, scene)
        .iter()
        .map(|(_, path)| path.len())
        .collect();
    assert_eq!(
        found, expect,
        "points of each believed track at {fps} frames a second"
    );
}

#[test]
fn one_walker_is_one_track_at_any_frame_rate() {
    for fps in [5.0, 7.5, 10.0, 15.0, 30.0, 60.0] {
        check(
            fps,
            4.0,
            |t| vec![at(1.4 * t, 0.0)],
            &[(4.0 * fps) as usize],
        );
    }
}

#[test]
fn confirmation_takes_time_not_frames() {
    for (fps, frames) in [(10.0, 3), (30.0, 7), (5.0, 2)] {
        // Seen over 200 ms: just enough. One frame less: never believed.
        let gone = f64::from(frames) / fps - 1e-6;
        let scene = |until: f64| move |t: f64| if t < until { vec![at(t, 0.0)] } else { vec![] };
        check(fps, 3.0, scene(gone), &[frames as usize]);
        check(fps, 3.0, scene(gone - 1.0 / fps), &[]);
    }
}

#[test]
fn path_from_before_confirmation_is_there() {
    let mut tracker = Tracker::new(TrackerSettings::default());
    for frame in 0..3 {
        let t = 0.1 * f64::from(frame);
        tracker.step(Instant::from_s(t), None, None, &[at(2.0 * t, 0.0)]);
    }
    let track = &tracker.tracks()[0];
    assert_eq!(track.state, TrackState::Confirmed);
    assert_eq!(track.path.len(), 3);
    assert_eq!(track.path[0].at, track.born);
}

#[test]
fn somebody_close_behind_gets_a_track() {
    // Half a metre behind the first, seen for 0.6 s only.
    let scene = |t: f64| {
        let mut seen = vec![at(1.4 * t, 0.0)];
        if (0.5..1.1).contains(&t) {
            seen.push(at(1.4 * t - 0.5, 0.1));
        }
        seen
    };
    check(10.0, 2.0, scene, &[20, 6]);
    // And with boxes of 0.45 m that overlap.
    let scene = |t: f64| {
        let mut seen = vec![boxed(1.4 * t, 0.0, 0.4)];
        if (0.5..1.1).contains(&t) {
            seen.push(boxed(1.4 * t - 0.5, 0.1, 0.4));
        }
        seen
    };
    check(10.0, 2.0, scene, &[20, 6]);
}

#[test]
fn one_person_seen_twice_is_one_track() {
    // A box of the head and shoulders within the box of the body, at the same place.
    let scene = |t: f64| vec![boxed(1.4 * t, 0.0, 0.45), boxed(1.4 * t + 0.1, 0.05, 0.25)];
    check(10.0, 3.0, scene, &[30]);
    check(10.0, 3.0, |t| vec![at(t, 0.0), at(t, 0.05)], &[30]);
}

#[test]
fn two_who_part_are_two_from_the_start() {
    let scene = |t: f64| vec![at(t, 0.0), at(t, (t - 1.0).max(0.1))];
    check(10.0, 3.0, scene, &[30, 30]);
}

#[test]
fn gap_is_bridged_by_a_straight_walk() {
    let scene = |t: f64| {
        if (1.0..2.2).contains(&t) {
            vec![]
        } else {
            vec![at(1.2 * t, 0.5)]
        }
    };
    let believed = run(10.0, 4.0, None, scene);
    assert_eq!(believed.len(), 1, "the same person after 1.2 s");
    let path = &believed[0].1;
    assert_eq!(path.len(), 40, "one point a frame, the gap included");
    for point in path.iter().filter(|point| point.basis.is_none()) {
        let expect = 1.2 * point.at.as_s();
        assert!((point.point.x - expect).abs() < 0.15, "{point:?}");
    }
    assert_eq!(
        path.iter().filter(|point| point.basis.is_none()).count(),
        12
    );
}

#[test]
fn weak_sightings_carry_a_track_but_begin_none() {
    let weak = |t: f64| Observation {
        score: 0.2,
        ..at(t, 0.0)
    };
    check(10.0, 3.0, |t| vec![weak(t)], &[]);
    check(
        10.0,
        3.0,
        |t| vec![if t < 1.0 { at(t, 0.0) } else { weak(t) }],
        &[30],
    );
}

#[test]
fn weak_sightings_alone_carry_nobody_for_ever() {
    let fading = |t: f64| Observation {
        score: if t < 1.0 { 0.9 } else { 0.2 },
        ..at(t, 0.0)
    };
    check(10.0, 8.0, |t| vec![fading(t)], &[30]);
}

#[test]
fn doubtful_people_are_believed_later_than_sure_ones() {
    let seen_for = |seconds: f64, score: f64| {
        let scene = move |t: f64| Vec::from_iter((t < seconds).then_some(sure(score)));
        run(10.0, 4.0, None, scene).len()
    };
    fn sure(score: f64) -> Observation {
        Observation {
            score,
            ..at(0.0, 0.0)
        }
    }
    assert_eq!(seen_for(0.5, 0.9), 1);
    assert_eq!(seen_for(0.5, 0.55), 0);
    assert_eq!(seen_for(1.2, 0.55), 1);
}

#[test]
fn more_frames_a_second_do_not_make_it_surer() {
    // A footprint's error outlasts a frame: the same error seen again is no news.
    let spread = |fps: f64| {
        let found = run(fps, 3.0, None, |t| vec![at(t, 0.0)]);
        found[0].1.last().unwrap().cov.xx
    };
    let (few, many) = (spread(10.0), spread(60.0));
    assert!(
        many > 0.9 * few,
        "{few} m^2 at 10 frames a second, {many} at 60"
    );
}

#[test]
fn nobody_walks_through_a_wall() {
    let corner = |x: f64, y: f64| PointInFloor { x, y };
    let wall = vec![
        corner(1.5, -3.0),
        corner(2.0, -3.0),
        corner(2.0, 3.0),
        corner(1.5, 3.0),
    ];
    let spec = GridSpec {
        min: corner(-3.0, -3.0),
        max: corner(6.0, 3.0),
        tile_m: 0.25,
        blocked: vec![wall],
        walkable: vec![],
    };
    let grid = Grid::new(spec, &[]);
    // One vanishes before the wall, another appears behind it where the first was heading.
    let scene = |t: f64| match t {
        t if t < 1.0 => vec![at(1.3 * t, 0.0)],
        t if t < 1.8 => vec![],
        t => vec![at(1.3 * t, 0.0)],
    };
    let believed = run(10.0, 3.0, Some(&grid), scene);
    assert_eq!(believed.len(), 2);
    for (id, path) in &believed {
        for pair in path.windows(2) {
            assert!(
                grid.is_clear(pair[0].point, pair[1].point),
                "track {id}: {pair:?}"
            );
        }
    }
    assert_eq!(
        run(10.0, 3.0, None, scene).len(),
        1,
        "without the wall it is one person"
    );
}

#[test]
fn ended_is_said_once() {
    let mut tracker = Tracker::new(TrackerSettings::default());
    let mut ended = 0;
    for frame in 0..60 {
        let seen = if frame < 10 {
            vec![at(0.1 * f64::from(frame), 0.0)]
        } else {
            vec![]
        };
        tracker.step(Instant::from_s(0.1 * f64::from(frame)), None, None, &seen);
        ended += tracker
            .tracks()
            .iter()
            .filter(|t| t.state == TrackState::Ended)
            .count();
    }
    assert_eq!((ended, tracker.tracks().len()), (1, 0));
}

#[test]
fn long_pause_between_frames_ends_everybody() {
    let mut tracker = Tracker::new(TrackerSettings::default());
    for t in [0.0, 0.1, 0.2, 0.3, 10.0] {
        tracker.step(Instant::from_s(t), None, None, &[at(0.0, 0.0)]);
    }
    let states: Vec<TrackState> = tracker.tracks().iter().map(|track| track.state).collect();
    assert_eq!(states, [TrackState::Ended, TrackState::Tentative]);
}

#[test]
fn crowds_are_flagged_only_where_they_are() {
    // Two walk towards each other and pass at 0.3 m.
    let scene = |t: f64| vec![at(1.2 * t, 0.0), at(4.8 - 1.2 * t, 0.3)];
    let believed = run(10.0, 4.0, None, scene);
    assert_eq!(believed.len(), 2);
    for (_, path) in believed {
        for point in path {
            let apart_s = (point.at.as_s() - 2.0).abs();
            if apart_s < 0.15 {
                assert!(point.crowded, "{point:?}");
            }
            if apart_s > 0.6 {
                assert!(!point.crowded, "{point:?}");
            }
        }
    }
}

#[test]
fn two_who_pass_keep_their_names() {
    let scene = |t: f64| vec![at(1.2 * t, 0.0), at(4.8 - 1.2 * t, 0.3)];
    let believed = run(10.0, 4.0, None, scene);
    assert!(believed[0].1.last().unwrap().point.x > 4.0);
    assert!(believed[1].1.last().unwrap().point.x < 0.8);
}

#[test]
fn height_is_learned() {
    let mut tracker = Tracker::new(TrackerSettings::default());
    for frame in 0..40 {
        let mut seen = at(0.0, 0.0);
        seen.footprint.height_m = (frame % 3 > 0).then_some(if frame % 2 == 0 { 1.7 } else { 1.8 });
        tracker.step(Instant::from_s(0.1 * f64::from(frame)), None, None, &[seen]);
    }
    let height_m = tracker.tracks()[0].height_m.unwrap();
    assert!((height_m - 1.75).abs() < 0.02, "{height_m}");
}

#[test]
fn nonsense_changes_nothing() {
    let mut tracker = Tracker::new(TrackerSettings::default());
    for t in [0.0, 0.1, 0.2] {
        tracker.step(Instant::from_s(t), None, None, &[at(1.0, 1.0)]);
    }
    let point = tracker.tracks()[0].path.back().copied();
    // A frame from the past, and one again.
    tracker.step(Instant::from_s(0.1), None, None, &[at(9.0, 9.0)]);
    tracker.step(Instant::from_s(0.2), None, None, &[at(9.0, 9.0)]);
    assert_eq!(tracker.tracks().len(), 1);
    assert_eq!(tracker.tracks()[0].path.back().copied(), point);
    let mut nonsense = [
        at(f64::NAN, 0.0),
        at(0.0, f64::INFINITY),
        at(0.0, 0.0),
        at(0.0, 0.0),
    ];
    nonsense[2].score = f64::NAN;
    nonsense[3].footprint.cov = Cov2 {
        xx: f64::NAN,
        xy: 0.0,
        yy: 1.0,
    };
    tracker.step(Instant::from_s(0.3), None, None, &nonsense);
    assert_eq!(tracker.tracks().len(), 1);
}

fn any_frame() -> impl Strategy<Value = (i64, Vec<(f64, f64, f64, bool)>)> {
    let seen = (-5.0_f64..5.0, -5.0_f64..5.0, 0.0_f64..1.0, any::<bool>());
    (1_i64..400_000, proptest::collection::vec(seen, 0..8))
}

proptest! {
    /// Whatever comes, the promises of `Track` hold.
    #[test]
    fn promises_hold(frames in proptest::collection::vec(any_frame(), 1..60)) {
        let settings = TrackerSettings::default();
        let mut tracker = Tracker::new(settings.clone());
        let mut again = Tracker::new(settings.clone());
        let mut now = Instant::ZERO;
        let mut finals: Vec<(u32, PathPoint)> = Vec::new();
        let mut ended: Vec<u32> = Vec::new();
        for (dt_us, seen) in frames {
            now += Span::from_us(dt_us);
            let seen: Vec<Observation> = seen
                .into_iter()
                .map(|(x, y, score, has_box)| {
                    Observation { score, ..if has_box { boxed(x, y, 0.4) } else { at(x, y) } }
                })
                .collect();
            tracker.step(now, None, None, &seen);
            again.step(now, None, None, &seen);
            prop_assert!(tracker.tracks().windows(2).all(|pair| pair[0].id < pair[1].id));
            for (track, twin) in tracker.tracks().iter().zip(again.tracks()) {
                prop_assert_eq!(&track.path, &twin.path);
                prop_assert!(!ended.contains(&track.id.0), "{} came back", track.id);
                if track.state == TrackState::Ended {
                    ended.push(track.id.0);
                }
                prop_assert!(track.born <= track.last_seen && track.last_seen <= now);
                prop_assert!(track.path.iter().zip(track.path.iter().skip(1)).all(|(a, b)| a.at < b.at));
                for point in &track.path {
                    prop_assert!(point.point.x.is_finite() && point.cov.det() > 0.0);
                    prop_assert!(now.since(point.at) <= settings.path_memory);
                }
                // What was final once stays as it was.
                for (id, known) in finals.iter().filter(|(id, _)| *id == track.id.0) {
                    let same = track.path.iter().find(|point| point.at == known.at);
                    prop_assert!(same.is_none_or(|point| point == known), "track {} changed", id);
                }
            }
            finals.retain(|(id, _)| tracker.tracks().iter().any(|track| track.id.0 == *id));
            for track in tracker.tracks() {
                let fresh = track.path.iter().filter(|p| p.at <= track.last_seen);
                let known = finals.iter().filter(|(id, _)| *id == track.id.0);
                let newest = known.map(|(_, point)| point.at).max().unwrap_or(Instant::MIN);
                let fresh: Vec<_> = fresh.filter(|p| p.at > newest).copied().collect();
                finals.extend(fresh.into_iter().map(|point| (track.id.0, point)));
            }
        }
    }
}
