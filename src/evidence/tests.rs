//! Evidence as it is kept: what is in it, what is not, and what becomes of it on a bad disk.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::time::Duration;

use super::*;
use crate::capture::{
    AccessUnit, Clip, ClipOptions, ClipPackets, Codec, Frame, Rotation, VideoCodec, VideoOptions,
    VideoWriter,
};
use crate::detection::PointInImage;
use crate::units::{Instant, Span};

const CLIP: &str = "testdata/clips/two-on-one-grant/clip.mp4";
/// 2026-11-22T08:00:00Z.
const BASE: Instant = Instant::from_us(1_795_334_400_000_000);
const DAY: &str = "2026-11-22";
/// Nobody is waited for: everything has come already.
const AT_ONCE: Duration = Duration::ZERO;

/// A moment so many seconds into a clip.
fn at(seconds: f64) -> Instant {
    BASE + Span::from_s(seconds)
}

fn units(path: &Path) -> Vec<AccessUnit> {
    let mut packets = ClipPackets::open(path).unwrap();
    let mut units = Vec::new();
    while let Some(unit) = packets.next_unit().unwrap() {
        units.push(unit);
    }
    units
}

fn ring_of(path: &Path, rotation: Rotation) -> Arc<Ring> {
    let ring = Ring::new(RingLimits::default(), rotation);
    for unit in units(path) {
        let time = BASE + Span::from_us(unit.time_us);
        ring.push(Arc::new(unit), time);
    }
    Arc::new(ring)
}

fn portal() -> Region {
    let corner = |x, y| PointInImage { x, y };
    Region::Rectangle(corner(240.0, 80.0), corner(400.0, 400.0))
}

/// The evidence of one second of a ring.
fn cut(id: &str, ring: &Arc<Ring>) -> Cut {
    Cut {
        id: id.to_owned(),
        camera: "hall".to_owned(),
        door: "front".to_owned(),
        ring: Arc::clone(ring),
        from: at(3.0),
        to: at(4.0),
        keep: vec![portal()],
        clear: false,
        moments: vec![at(3.5)],
        trace: b"{}\n".to_vec(),
        about: serde_json::json!({ "verdict": "tailgating" }),
    }
}

fn clear(id: &str, ring: &Arc<Ring>) -> Cut {
    Cut {
        clear: true,
        ..cut(id, ring)
    }
}

fn settings(dir: &Path) -> KeeperSettings {
    KeeperSettings {
        patience: AT_ONCE,
        ..KeeperSettings::new(dir.to_owned())
    }
}

/// Keeps these, and says how it went.
fn keep(settings: KeeperSettings, cuts: Vec<Cut>) -> Status {
    let keeper = Keeper::start(settings).unwrap();
    for cut in cuts {
        keeper.cut(cut).unwrap();
    }
    keeper.stop(Duration::from_secs(60))
}

fn names(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).unwrap();
    let mut names: Vec<String> = entries
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

/// Every folder is whole, and nothing unfinished is left.
#[track_caller]
fn check_all(dir: &Path) -> usize {
    let all = list(dir).unwrap();
    for listed in &all {
        assert_eq!(check(&listed.path).faults, [""; 0], "{}", listed.id);
    }
    let days = names(dir).into_iter().filter(|name| name != ".lock");
    for day in days {
        let left = names(&dir.join(day));
        assert!(left.iter().all(|name| !name.ends_with(".part")), "{left:?}");
    }
    all.len()
}

#[test]
fn a_folder_holds_all_that_belongs_to_a_verdict() {
    let dir = tempfile::tempdir().unwrap();
    let ring = ring_of(Path::new(CLIP), Rotation::None);
    let status = keep(settings(dir.path()), vec![cut("v-7", &ring)]);
    assert_eq!(
        (status.written, status.incomplete, status.failed),
        (1, 0, 0),
        "{status:?}"
    );
    let folder = find(dir.path(), "v-7").unwrap();
    assert_eq!(folder, dir.path().join(DAY).join("v-7"));
    assert_eq!(folder, dir.path().join(place_of(at(3.0), "v-7")));
    assert_eq!(
        names(&folder),
        ["clip.mp4", MANIFEST, "key_1.jpg", "trace.jsonl"]
    );
    let checked = check(&folder);
    assert_eq!(checked.faults, [""; 0]);
    let manifest = checked.manifest.unwrap();
    assert_eq!(manifest.from, "2026-11-22T08:00:03Z");
    assert_eq!(manifest.about["verdict"], "tailgating");
    let clip = &manifest.files[0];
    // 12 pictures a second, both ends included.
    assert_eq!(
        (clip.from_us, clip.to_us, clip.pictures),
        (Some(at(3.0)), Some(at(4.0)), Some(13))
    );
    assert_eq!(status.bytes, folder_bytes(&folder));
}

fn folder_bytes(folder: &Path) -> u64 {
    let files = names(folder).into_iter();
    files
        .map(|name| fs::metadata(folder.join(name)).unwrap().len())
        .sum()
}

fn frames(path: &Path) -> Vec<Frame> {
    let options = ClipOptions {
        pool_frames: 200,
        ..ClipOptions::default()
    };
    let mut clip = Clip::open(path, &options).unwrap();
    let mut frames = Vec::new();
    while let Some(frame) = clip.next_frame().unwrap() {
        frames.push(frame);
    }
    frames
}

/// Mean absolute difference of neighbours along the rows of a part of the luma: detail.
fn detail(frame: &Frame, columns: std::ops::Range<usize>, rows: std::ops::Range<usize>) -> f64 {
    let luma = frame.planes().y;
    let (mut sum, mut count) = (0_u64, 0_u64);
    for row in rows {
        for pair in luma.row(row)[columns.clone()].windows(2) {
            sum += u64::from(pair[0].abs_diff(pair[1]));
            count += 1;
        }
    }
    sum as f64 / count as f64
}

#[test]
fn nothing_outside_the_region_reaches_the_disk() {
    let dir = tempfile::tempdir().unwrap();
    let ring = ring_of(Path::new(CLIP), Rotation::None);
    keep(settings(dir.path()), vec![cut("v-7", &ring)]);
    let blurred = frames(&find(dir.path(), "v-7").unwrap().join("clip.mp4"));
    let original = frames(Path::new(CLIP));
    assert_eq!(blurred.len(), 13);
    for (shown, frame) in blurred.iter().zip(&original[36..]) {
        // Within one block of 20 px, away from its edges, where the encoder rings a little.
        let flat = detail(shown, 43..57, 203..217);
        assert!(
            flat < 0.5,
            "{flat} beside {}",
            detail(frame, 43..57, 203..217)
        );
        let (was, is) = (
            detail(frame, 250..390, 90..390),
            detail(shown, 250..390, 90..390),
        );
        assert!(
            (was - is).abs() < 0.25 * was,
            "the portal had {was}, has {is}"
        );
    }
}

#[test]
fn a_clear_clip_is_to_the_bit_what_the_camera_sent() {
    let dir = tempfile::tempdir().unwrap();
    let ring = ring_of(Path::new(CLIP), Rotation::Quarter);
    let status = keep(settings(dir.path()), vec![clear("v-7", &ring)]);
    assert_eq!((status.written, status.incomplete), (1, 0), "{status:?}");
    let path = find(dir.path(), "v-7").unwrap().join("clip.mp4");
    let kept = units(&path);
    let sent = units(Path::new(CLIP));
    let first = sent
        .iter()
        .position(|unit| unit.data == kept[0].data)
        .unwrap();
    assert!(kept[0].is_key);
    for (kept, sent) in kept.iter().zip(&sent[first..]) {
        assert_eq!((&kept.data, kept.is_key), (&sent.data, sent.is_key));
    }
    // 640 x 480 as stored, shown upright.
    let info = Clip::open(&path, &ClipOptions::default())
        .unwrap()
        .info()
        .clone();
    assert_eq!(
        (info.width, info.height, info.rotation),
        (480, 640, Rotation::Quarter)
    );
}

/// A clip of another codec, made of the project's own.
fn converted(folder: &Path, codec: VideoCodec) -> Option<PathBuf> {
    let path = folder.join(format!("{codec:?}.mkv"));
    let options = VideoOptions {
        codec,
        rate: 12.0,
        ..VideoOptions::default()
    };
    let mut writer = VideoWriter::create(&path, 640, 480, &options).ok()?;
    for frame in &frames(Path::new(CLIP))[30..55] {
        writer.write_frame(frame, frame.time()).unwrap();
    }
    writer.finish().unwrap();
    Some(path)
}

/// Clips of other codecs are kept as they are, or blurred as H.264.
#[track_caller]
fn check_codec(codec: VideoCodec, clear_name: &str) {
    let folder = tempfile::tempdir().unwrap();
    let Some(path) = converted(folder.path(), codec) else {
        eprintln!("SKIPPED: this FFmpeg cannot encode {codec:?}");
        return;
    };
    let ring = ring_of(&path, Rotation::None);
    let part = |cut: Cut| Cut {
        from: at(0.5),
        to: at(1.5),
        moments: vec![at(1.0)],
        ..cut
    };
    let dir = folder.path().join("evidence");
    let cuts = vec![part(clear("clear", &ring)), part(cut("blurred", &ring))];
    let status = keep(settings(&dir), cuts);
    assert_eq!((status.written, status.incomplete), (2, 0), "{status:?}");
    assert_eq!(check_all(&dir), 2);
    let kept = frames(&dir.join(DAY).join("clear").join(clear_name));
    let blurred = frames(&dir.join(DAY).join("blurred/clip.mp4"));
    assert!(
        kept.len() >= 12 && blurred.len() >= 12,
        "{} {}",
        kept.len(),
        blurred.len()
    );
    let (was, is) = (
        detail(&kept[kept.len() - 1], 250..390, 90..390),
        detail(&blurred[11], 250..390, 90..390),
    );
    assert!(
        (was - is).abs() < 0.3 * was,
        "the portal had {was}, has {is}"
    );
    assert!(detail(&blurred[11], 43..57, 203..217) < 0.5);
}

#[test]
fn motion_jpeg_is_kept() {
    check_codec(VideoCodec::Mjpeg, "clip.mkv");
}

#[test]
fn h265_is_kept() {
    check_codec(VideoCodec::H265, "clip.mp4");
}

/// What a cut of these bounds says is missing.
#[track_caller]
fn check_missing(ring: &Arc<Ring>, from: f64, to: f64, moment: f64, expect: &[&str]) {
    let dir = tempfile::tempdir().unwrap();
    let cut = Cut {
        from: at(from),
        to: at(to),
        moments: vec![at(moment)],
        ..clear("x", ring)
    };
    let status = keep(settings(dir.path()), vec![cut]);
    assert_eq!(
        (status.written, status.incomplete),
        (1, u64::from(!expect.is_empty()))
    );
    let checked = check(&find(dir.path(), "x").unwrap());
    assert_eq!(checked.faults, [""; 0]);
    assert_eq!(checked.manifest.unwrap().missing, expect);
}

#[test]
fn what_is_missing_is_told() {
    let ring = ring_of(Path::new(CLIP), Rotation::None);
    check_missing(&ring, 2.0, 4.0, 3.0, &[]);
    check_missing(
        &ring,
        6.0,
        12.0,
        6.5,
        &["no pictures for 4.1 s from 2026-11-22T08:00:07.916667Z: \
           the camera sent none, or they are no longer held"],
    );
    check_missing(
        &ring,
        -60.0,
        -50.0,
        -55.0,
        &[
            "no pictures for 10.0 s from 2026-11-22T07:59:00Z: \
             the camera sent none, or they are no longer held",
            "key_1.jpg: no picture at 2026-11-22T07:59:05Z",
        ],
    );
}

#[test]
fn a_stream_that_restarts_gives_one_clip_for_each_part() {
    let ring = Ring::new(RingLimits::default(), Rotation::None);
    for unit in units(Path::new(CLIP)) {
        let time = BASE + Span::from_us(unit.time_us);
        if unit.is_key && unit.time_us > 0 {
            ring.restarted();
        }
        ring.push(Arc::new(unit), time);
    }
    let ring = Arc::new(ring);
    let parts = ring.footage(at(1.0), at(3.0)).parts.len();
    assert!(parts > 1, "the clip has one key picture only");
    let dir = tempfile::tempdir().unwrap();
    let wide = Cut {
        from: at(1.0),
        to: at(3.0),
        moments: Vec::new(),
        ..cut("x", &ring)
    };
    assert_eq!(keep(settings(dir.path()), vec![wide]).incomplete, 0);
    let folder = find(dir.path(), "x").unwrap();
    let clips = names(&folder)
        .into_iter()
        .filter(|name| name.starts_with("clip"));
    let pictures: usize = clips.map(|name| frames(&folder.join(name)).len()).sum();
    assert_eq!(pictures, 25);
    check_all(dir.path());
}

/// Row B6 of the fault table: evidence that is deleted or truncated is told as such.
#[track_caller]
fn check_fault(damage: impl FnOnce(&Path), expect: &[&str]) {
    let dir = tempfile::tempdir().unwrap();
    let ring = ring_of(Path::new(CLIP), Rotation::None);
    keep(settings(dir.path()), vec![clear("x", &ring)]);
    let folder = find(dir.path(), "x").unwrap();
    let bytes = fs::metadata(folder.join("clip.mp4")).unwrap().len();
    damage(&folder);
    let faults = check(&folder).faults.into_iter();
    let faults: Vec<String> = faults
        .map(|fault| fault.replace(&format!(" {bytes} "), " N "))
        .collect();
    assert_eq!(faults, expect);
}

#[test]
fn damage_is_told() {
    check_fault(|_| {}, &[]);
    check_fault(
        |folder| fs::remove_file(folder.join("clip.mp4")).unwrap(),
        &["clip.mp4 is gone"],
    );
    check_fault(
        |folder| {
            let path = folder.join("clip.mp4");
            let whole = fs::read(&path).unwrap();
            fs::write(&path, &whole[..1_000]).unwrap();
            fs::write(folder.join("trace.jsonl"), b"[]\n").unwrap();
        },
        &[
            "clip.mp4 has 1000 bytes, N were written",
            "trace.jsonl is not what was written: its SHA-256 is another",
        ],
    );
    check_fault(
        |folder| fs::remove_file(folder.join(MANIFEST)).unwrap(),
        &["evidence.json is gone"],
    );
    check_fault(
        |folder| fs::remove_dir_all(folder).unwrap(),
        &["the folder is gone"],
    );
}

/// Moves a cut by whole minutes: another id, another time, the same pictures' bytes.
fn minute(number: u32, clip: &[AccessUnit]) -> Cut {
    let ring = Ring::new(RingLimits::default(), Rotation::None);
    let start = BASE + Span::from_s(60.0 * f64::from(number));
    for unit in clip {
        ring.push(Arc::new(unit.clone()), start + Span::from_us(unit.time_us));
    }
    Cut {
        from: start + Span::from_ms(3_000),
        to: start + Span::from_ms(4_000),
        moments: Vec::new(),
        ..clear(&format!("m{number}"), &Arc::new(ring))
    }
}

#[test]
fn the_oldest_makes_room_unless_it_is_held() {
    let dir = tempfile::tempdir().unwrap();
    let clip = units(Path::new(CLIP));
    let first = keep(settings(dir.path()), vec![minute(0, &clip)]);
    hold(&find(dir.path(), "m0").unwrap(), true).unwrap();
    // Room for three of them, and what is estimated for the fourth.
    let quota = Quota {
        max_bytes: first.bytes * 4 + (128 << 10),
        min_free_bytes: 0,
    };
    let tight = || KeeperSettings {
        quota,
        ..settings(dir.path())
    };
    let status = keep(
        tight(),
        (1..9).map(|number| minute(number, &clip)).collect(),
    );
    assert_eq!((status.written, status.failed), (8, 0), "{status:?}");
    assert!(
        status.evicted > 2 && status.bytes <= quota.max_bytes,
        "{status:?}"
    );
    let left: Vec<String> = list(dir.path())
        .unwrap()
        .into_iter()
        .map(|one| one.id)
        .collect();
    assert_eq!(
        (left[0].as_str(), left.last().unwrap().as_str()),
        ("m0", "m8"),
        "{left:?}"
    );
    assert_eq!(check_all(dir.path()), left.len());
    // Everything is held: nothing can make room, and nothing of it is lost.
    for id in &left {
        hold(&find(dir.path(), id).unwrap(), true).unwrap();
    }
    let status = keep(
        tight(),
        (9..12).map(|number| minute(number, &clip)).collect(),
    );
    assert!(
        status.failed > 0 && status.evicted <= status.written,
        "{status:?}"
    );
    let alarm = status.alarm.unwrap();
    assert!(
        alarm.contains("there is no room") && alarm.contains("--release"),
        "{alarm}"
    );
    for id in &left {
        assert_eq!(check(&find(dir.path(), id).unwrap()).faults, [""; 0]);
    }
}

#[test]
fn a_floor_of_free_space_is_kept() {
    let dir = tempfile::tempdir().unwrap();
    let ring = ring_of(Path::new(CLIP), Rotation::None);
    let quota = Quota {
        max_bytes: u64::MAX,
        min_free_bytes: u64::MAX,
    };
    let tight = KeeperSettings {
        quota,
        ..settings(dir.path())
    };
    let status = keep(tight, vec![clear("x", &ring)]);
    assert_eq!((status.written, status.failed), (0, 1));
    assert!(status.alarm.unwrap().contains("bytes free"));
}

#[test]
fn a_full_queue_refuses_and_a_known_id_is_not_kept_again() {
    let dir = tempfile::tempdir().unwrap();
    // Nothing ever comes of this camera: whoever waits for it waits.
    let silent = Arc::new(Ring::new(RingLimits::default(), Rotation::None));
    let patient = KeeperSettings {
        queue: 2,
        patience: Duration::from_secs(3_600),
        ..settings(dir.path())
    };
    let keeper = Keeper::start(patient).unwrap();
    let sent = (0..20).map(|number| keeper.cut(clear(&format!("c{number}"), &silent)));
    let refused = sent.filter(Result::is_err).count() as u64;
    assert!(
        refused >= 10,
        "{refused}: 8 pending and 2 in the queue at most"
    );
    assert!(matches!(
        keeper.cut(clear("../x", &silent)),
        Err(Refused::Id(_))
    ));
    let status = keeper.stop(Duration::from_secs(60));
    assert_eq!((status.refused, status.asked), (refused + 1, 21));
    assert_eq!(status.written, 20 - refused, "{status:?}");
    assert_eq!((status.incomplete, status.waiting), (status.written, 0));
    let again = keep(settings(dir.path()), vec![clear("c0", &silent)]);
    assert_eq!((again.written, again.repeated), (0, 1));
}

#[test]
fn a_stop_gives_up_what_it_has_no_time_for() {
    let dir = tempfile::tempdir().unwrap();
    let silent = Arc::new(Ring::new(RingLimits::default(), Rotation::None));
    let patient = KeeperSettings {
        patience: Duration::from_secs(3_600),
        ..settings(dir.path())
    };
    let keeper = Keeper::start(patient).unwrap();
    for number in 0..12 {
        keeper.cut(clear(&format!("c{number}"), &silent)).unwrap();
    }
    let status = keeper.stop(Duration::ZERO);
    assert_eq!(
        (status.written + status.abandoned, status.waiting),
        (12, 0),
        "{status:?}"
    );
}

#[test]
fn two_processes_do_not_share_a_place() {
    let dir = tempfile::tempdir().unwrap();
    let _first = Store::open(dir.path(), Quota::default()).unwrap();
    let error = Store::open(dir.path(), Quota::default()).unwrap_err();
    assert!(
        error
            .to_string()
            .contains("another process keeps its evidence here"),
        "{error}"
    );
}

/// Every step on the disk fails once, and from it on for ever: nothing is half written, nothing
/// that was there is lost, and evidence is kept again as soon as the disk works.
#[test]
fn any_write_may_fail() {
    let dir = tempfile::tempdir().unwrap();
    let clip = units(Path::new(CLIP));
    keep(settings(dir.path()), vec![minute(0, &clip)]);
    let mut failed = 0;
    let mut step = 0;
    loop {
        for failing in [step..step + 1, step..u64::MAX] {
            let mut store = Store::open(dir.path(), Quota::default()).unwrap();
            store.disk.faults.failing = failing.clone();
            store.disk.faults.done = 0.into();
            let keeper = Keeper::start_with(store, settings(dir.path())).unwrap();
            keeper.cut(minute(1, &clip)).unwrap();
            let status = keeper.stop(Duration::from_secs(60));
            assert_eq!(status.failed == 1, status.alarm.is_some(), "{status:?}");
            failed += status.failed;
            if status.failed == 0 && failing.end == u64::MAX {
                // The whole of it takes fewer steps than that.
                assert!(
                    step > 10 && failed >= step,
                    "{failed} failures in {step} steps"
                );
                return;
            }
            // Opening sweeps what a failing disk did not let go.
            drop(Store::open(dir.path(), Quota::default()).unwrap());
            check_all(dir.path());
            assert!(find(dir.path(), "m0").is_ok());
            if let Ok(folder) = find(dir.path(), "m1") {
                fs::remove_dir_all(folder).unwrap();
            }
        }
        step += 1;
    }
}

/// A disk that is really full. Needs the right to mount.
#[test]
fn a_full_disk_stops_evidence_and_nothing_else() {
    let dir = tempfile::tempdir().unwrap();
    let mounted = Command::new("mount")
        .args(["-t", "tmpfs", "-o", "size=1m", "tmpfs"])
        .arg(dir.path())
        .output();
    if !mounted.is_ok_and(|done| done.status.success()) {
        eprintln!("SKIPPED: a disk that is really full needs root, to mount a tmpfs");
        return;
    }
    let outcome = std::panic::catch_unwind(|| fill(dir.path()));
    let unmounted = Command::new("umount").arg(dir.path()).status();
    assert!(unmounted.unwrap().success());
    outcome.unwrap();
}

fn fill(dir: &Path) {
    let clip = units(Path::new(CLIP));
    let quota = Quota {
        max_bytes: u64::MAX,
        min_free_bytes: 0,
    };
    let evidence = dir.join("evidence");
    let settings = || KeeperSettings {
        quota,
        ..settings(&evidence)
    };
    // More than fits: the oldest makes room.
    let status = keep(
        settings(),
        (0..40)
            .map(|number| minute(number, &clip))
            .take(30)
            .collect(),
    );
    assert_eq!((status.written, status.failed, status.alarm), (30, 0, None));
    assert!(status.evicted > 10, "{}", status.evicted);
    check_all(&evidence);
    // Somebody else fills the disk: no evidence, an alarm, and what is there is whole.
    for one in list(&evidence).unwrap() {
        hold(&one.path, true).unwrap();
    }
    let ballast = dir.join("ballast");
    let full = fs::write(&ballast, vec![7; 2 << 20]).unwrap_err();
    assert_eq!(full.kind(), std::io::ErrorKind::StorageFull);
    let status = keep(
        settings(),
        (50..53).map(|number| minute(number, &clip)).collect(),
    );
    assert_eq!((status.written, status.failed), (0, 3), "{status:?}");
    assert!(status.alarm.is_some());
    let whole = check_all(&evidence);
    // Room again: evidence again.
    fs::remove_file(&ballast).unwrap();
    for one in list(&evidence).unwrap() {
        hold(&one.path, false).unwrap();
    }
    let status = keep(settings(), vec![minute(60, &clip)]);
    assert_eq!((status.written, status.alarm), (1, None));
    assert!(whole > 0 && check_all(&evidence) > 0);
}

#[test]
fn codecs_have_their_containers() {
    assert_eq!(Codec::H264.extension(), "mp4");
    assert_eq!(Codec::Mjpeg.extension(), "mkv");
}
