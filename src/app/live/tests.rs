//! The parts of a live run, each by itself.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use prometheus_client::metrics::counter::Counter;

use super::clock::BoxClock;
use super::group::Group;
use super::judge::{Audience, Judge};
use super::metrics::{Metrics, TraceMetrics};
use super::plan::View;
use super::progress::Pulse;
use super::record::Recorder;
use super::segment::Traces;
use super::site::JUDGE_QUEUE;
use super::told::{Begin, Seen, Told};
use super::view::least_rate_hz;
use super::waiting::{Closed, Job, LINE_FRAMES, Waiting};
use crate::access::{AccessEvent, AccessKind};
use crate::capture::{Clip, ClipOptions, Rotation};
use crate::config::{LiveCamera, TraceConfig, TransportName, load, load_live};
use crate::engine::Input;
use crate::evidence::{Ring, RingLimits};
use crate::sight::{SightState, Starvation};
use crate::units::{DoorId, Instant, Interval, Span};

const CLIP: &str = "testdata/clips/two-on-one-grant";

fn project(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}

fn at(ms: i64) -> Instant {
    Instant::from_us(ms * 1_000)
}

/// The first frames of a clip, as jobs that arrived 10 ms apart.
fn jobs(count: usize) -> Vec<Job> {
    let path = project(CLIP).join("clip.mp4");
    let mut clip = Clip::open(&path, &ClipOptions::default()).expect("a clip");
    (0..count)
        .map(|number| Job {
            frame: clip.next_frame().expect("readable").expect("a frame"),
            taken: at(number as i64 * 10),
            arrived_us: number as i64 * 10_000,
            decoded_us: number as i64 * 10_000,
            look: true,
        })
        .collect()
}

fn camera() -> LiveCamera {
    let door = project(CLIP).join("door.toml");
    LiveCamera {
        name: "scene".to_owned(),
        url: "rtsp://192.0.2.7/".to_owned(),
        user: None,
        password: None,
        transport: TransportName::Tcp,
        again: true,
        site: load(&[door]).expect("a door"),
    }
}

pub(super) fn begin() -> Begin {
    Begin {
        place: 0,
        camera: camera(),
        model: "test".to_owned(),
        least_rate_hz: 8.0,
        followed: Arc::default(),
        ring: Arc::new(Ring::new(RingLimits::default(), Rotation::None)),
        after: None,
    }
}

/// After a reload a detector must see people at the size at which it would see them after a restart.
#[test]
fn a_camera_that_looks_at_another_size_begins_anew() {
    let folder = tempfile::tempdir().expect("a folder");
    let clip = project(CLIP);
    let text = format!(
        "[site]\nname = \"hq\"\ndoors = [\"{0}/door.toml\"]\n\n[[camera]]\nname = \"scene\"\n\
         url = \"{0}/clip.mp4\"\n",
        clip.display()
    );
    let path = folder.path().join("site.toml");
    std::fs::write(&path, text).expect("written");
    let config = load_live(&path).expect("a site");
    let view = View::of(&config, &config.cameras[0]).expect("a view");
    let mut other = view.clone();
    assert!(view.is_same(&other));
    other.look.as_mut().expect("calibrated").long_side += 32;
    assert!(!view.is_same(&other));
}

/// A frame with nobody in it.
pub(super) fn nobody(taken: Instant) -> Seen {
    Seen {
        camera: 0,
        taken,
        people: Vec::new(),
        looked: true,
        arrived_us: 0,
        decoded_us: 0,
        taken_up_us: 0,
        looked_us: 0,
    }
}

/// The camera and the time, ms, of the next frame to look at.
#[track_caller]
fn next(waiting: &Waiting, expect: Option<(usize, i64)>) {
    let work = waiting.next(Duration::ZERO).expect("open");
    let found = work.map(|work| (work.camera, work.job.taken.as_us() / 1_000));
    assert_eq!(found, expect);
}

/// Rows G1 and G3.
#[test]
fn the_oldest_frame_goes_when_a_line_is_full() {
    let waiting = Waiting::default();
    assert_eq!(waiting.add(None, Arc::default()), 0);
    let mut dropped = Vec::new();
    for job in jobs(LINE_FRAMES + 2) {
        dropped.extend(waiting.put(0, job).map(|job| job.taken));
    }
    assert_eq!(dropped, [at(0), at(10)]);
    assert_eq!(waiting.depth(0), LINE_FRAMES);
    next(&waiting, Some((0, 20)));
}

#[test]
fn a_camera_has_one_frame_in_work_and_who_waits_longest_is_next() {
    let waiting = Waiting::default();
    for place in [0, 1] {
        assert_eq!(waiting.add(None, Arc::default()), place);
    }
    let mut jobs = jobs(4).into_iter();
    for camera in [0, 0, 1, 1] {
        let job = jobs.next().expect("enough");
        assert!(waiting.put(camera, job).is_none());
    }
    next(&waiting, Some((0, 0)));
    // Frame 10 of camera 0 is older, but somebody is looking at that camera.
    next(&waiting, Some((1, 20)));
    next(&waiting, None);
    waiting.done(0, None);
    next(&waiting, Some((0, 10)));
    waiting.close();
    assert_eq!(waiting.next(Duration::ZERO).err(), Some(Closed));
}

#[test]
fn a_camera_that_is_taken_out_leaves_nothing_behind() {
    let waiting = Waiting::default();
    assert_eq!(waiting.add(None, Arc::default()), 0);
    let mut jobs = jobs(3).into_iter();
    let mut put = |camera| waiting.put(camera, jobs.next().expect("enough"));
    assert!(put(0).is_none());
    next(&waiting, Some((0, 0)));
    assert!(put(0).is_none());
    waiting.remove(0);
    // The frame that was in work comes back to nobody, and the next camera is another one.
    waiting.done(0, None);
    assert_eq!(waiting.add(None, Arc::default()), 1);
    assert!(put(0).is_none());
    next(&waiting, None);
}

/// Row G1: a box that can look at half of what comes. Sixteen seconds of eight cameras at 15 frames a second, and 60 looks
/// a second, in virtual time.
#[test]
fn g1_twice_the_cameras_lose_evenly_and_every_door_knows() {
    const CAMERAS: usize = 8;
    const TICK_MS: usize = 1;
    let waiting = Waiting::default();
    for camera in 0..CAMERAS {
        assert_eq!(waiting.add(None, Arc::default()), camera);
    }
    // A clip gives 32 frames at a time.
    let mut spare = jobs(CAMERAS * LINE_FRAMES + 4);
    let mut looked = vec![Vec::new(); CAMERAS];
    let (mut dropped, mut came) = (0, 0);
    for ms in (0..16_000).step_by(TICK_MS) {
        for camera in 0..CAMERAS {
            // Every camera has its own moment within the 66 ms.
            if (ms + 1_000 - 8 * camera) * 15 / 1_000 == (ms + 999 - 8 * camera) * 15 / 1_000 {
                continue;
            }
            let mut job = spare.pop().expect("frames come back");
            job.taken = at(ms as i64);
            job.arrived_us = 1_000 * ms as i64;
            came += 1;
            if let Some(old) = waiting.put(camera, job) {
                dropped += 1;
                spare.push(old);
            }
        }
        if ms % 17 == 0
            && let Some(work) = waiting.next(Duration::ZERO).expect("open")
        {
            let late = at(ms as i64) - work.job.taken;
            assert!(late < Span::from_ms(300), "looked at {late:?} late");
            looked[work.camera].push(work.job.taken);
            waiting.done(work.camera, None);
            spare.push(work.job);
        }
    }
    let counts: Vec<usize> = looked.iter().map(Vec::len).collect();
    let (least, most) = (counts.iter().min(), counts.iter().max());
    let (least, most) = (*least.expect("some"), *most.expect("some"));
    // Whose frame comes just before a look is served a little more often; nobody is left out.
    assert!(2 * most <= 3 * least, "{counts:?}");
    assert!((dropped * 100 / came) > 45, "{dropped} of {came} dropped");
    for taken in looked {
        assert!(taken.is_sorted(), "frames of one camera changed places");
        if taken.len() > 120 {
            continue;
        }
        let mut starvation = Starvation::new(8.0);
        let told: Vec<bool> = taken.iter().filter_map(|at| starvation.step(*at)).collect();
        assert_eq!(told.first(), Some(&true), "under 7.5 a second are too few");
    }
}

/// Rows G1 and G3: more events than the judge's queue holds, before it looks at the first. Who sends waits, and none is
/// lost.
#[test]
fn g1_g3_events_wait_for_the_judge_and_none_is_dropped() {
    let grants = 3 * JUDGE_QUEUE;
    let clock = BoxClock::new(at(0));
    let metrics = Arc::new(Metrics::default());
    let (judge, told) = crossbeam_channel::bounded(JUDGE_QUEUE);
    let sending = std::thread::spawn(move || {
        for number in 0..grants {
            let event = AccessEvent {
                id: format!("g{number}"),
                door: Some(DoorId(0)),
                reader: None,
                direction: None,
                kind: AccessKind::Granted,
                occurred: Interval::exact(at(0)),
                received: at(0),
                holder: None,
                passages: None,
            };
            let (door, input) = (Some(DoorId(0)), Input::Access(event));
            let told = Told::Access { door, input };
            judge.send(told).expect("the judge is there");
        }
        judge.send(Told::Stop).expect("the judge is there");
    });
    while told.len() < JUDGE_QUEUE {
        std::thread::yield_now();
    }
    assert!(told.is_full() && !sending.is_finished());
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().to_owned();
    let traces = Traces::open(path, TraceConfig::default(), TraceMetrics::default());
    let traces = traces.expect("a folder");
    let group = Group::start(&begin(), at(0), &traces, &metrics, None).expect("usable");
    let pulse = Pulse::new(clock.clone());
    let judge = Judge {
        groups: BTreeMap::from([(0, group)]),
        leaving: Vec::new(),
        doors: vec![Some((0, DoorId(0)))],
        traces,
        recovered: BTreeMap::new(),
        told,
        audience: Audience {
            listeners: Vec::new(),
            metrics,
            clock,
        },
        progress: pulse.of("judge"),
    };
    judge.run();
    sending.join().expect("all was sent");
    let traces = std::fs::read_dir(folder.path()).expect("a folder");
    let texts = traces.map(|trace| std::fs::read_to_string(trace.expect("one").path()));
    let taken = |text: String| text.matches("\"in\":{\"access\"").count();
    let taken: usize = texts.map(|text| taken(text.expect("a trace"))).sum();
    assert_eq!(taken, grants);
}

#[test]
fn a_door_of_usual_size_needs_eight_frames_a_second() {
    let hz = least_rate_hz(&camera().site.engine).expect("enough floor");
    assert!((8.0..9.0).contains(&hz), "{hz}");
}

/// What the camera is said to be worth while frames come so far apart, for five seconds each, ms.
#[track_caller]
fn sight(steps_ms: &[i64], expect: &[SightState]) {
    let metrics = Arc::new(Metrics::default());
    let mut group = Group::new(&begin(), at(0), &metrics).expect("usable");
    group.sight(at(0), SightState::Clear, &mut |_| {});
    let mut now = 0;
    let mut said = Vec::new();
    for step_ms in steps_ms {
        let until = now + 5_000;
        while now < until {
            now += step_ms;
            group.seen(at(now), nobody(at(now)), &mut |_| {});
        }
        said.push(
            group
                .run
                .engine
                .camera(crate::units::CameraId(0))
                .expect("there")
                .sight,
        );
    }
    assert_eq!(said, expect);
}

#[test]
fn too_few_frames_are_starvation_and_enough_end_it() {
    use SightState::{Clear, Starved};
    sight(&[80], &[Clear]);
    sight(&[80, 250, 80, 80], &[Clear, Starved, Starved, Clear]);
}

#[test]
fn frames_that_stop_are_noticed_without_another_frame() {
    let metrics = Arc::new(Metrics::default());
    let mut group = Group::new(&begin(), at(0), &metrics).expect("usable");
    group.sight(at(0), SightState::Clear, &mut |_| {});
    group.seen(at(0), nobody(at(0)), &mut |_| {});
    group.tick(at(1_400), &mut |_| {});
    let sight = |group: &Group| {
        group
            .run
            .engine
            .camera(crate::units::CameraId(0))
            .map(|c| c.sight)
    };
    assert_eq!(sight(&group), Some(SightState::Clear));
    group.tick(at(1_600), &mut |_| {});
    assert_eq!(sight(&group), Some(SightState::Starved));
}

#[test]
fn a_detector_that_never_answers_is_noticed_and_told() {
    let metrics = Arc::new(Metrics::default());
    let mut group = Group::new(&begin(), at(0), &metrics).expect("usable");
    group.sight(at(0), SightState::NoSignal, &mut |_| {});
    group.sight(at(1_000), SightState::Clear, &mut |_| {});
    let mut told = Vec::new();
    for ms in (1_000..20_000).step_by(500) {
        group.tick(at(ms), &mut |_| {});
        told.extend(group.sight_news(at(ms)).map(|state| (ms, state)));
    }
    // Silent for longer than 1.5 s at 3.0 s, and that for ten seconds.
    assert_eq!(told, [(13_000, SightState::Starved)]);
    for ms in (20_000..30_000).step_by(80) {
        group.seen(at(ms), nobody(at(ms)), &mut |_| {});
        told.extend(group.sight_news(at(ms)).map(|state| (ms, state)));
    }
    let states: Vec<_> = told.iter().map(|(_, state)| *state).collect();
    assert_eq!(states, [SightState::Starved, SightState::Clear]);
}

#[test]
fn a_recorder_remembers_its_last_minutes_and_survives_its_disk() {
    use std::io::Write;
    let lost = Counter::default();
    // Every write to this device fails: there is no room on it, ever.
    let mut recorder = Recorder::open(Path::new("/dev/full"), lost.clone()).expect("a device");
    for (ms, line) in [(0, "header\n"), (1_000, "a\n"), (2_000, "b\n")] {
        recorder.at(at(ms));
        recorder.write_all(line.as_bytes()).expect("never fails");
    }
    recorder.flush_now();
    recorder.write_all(b"c\n").expect("never fails");
    assert_eq!(recorder.since(at(1_500)), b"header\nb\nc\n");
    assert!(lost.get() >= 2, "{}", lost.get());
    recorder.at(at(2_000) + Span::from_ms(200_000));
    recorder.write_all(b"d\n").expect("never fails");
    assert_eq!(recorder.since(at(0)), b"header\nd\n");
}
