//! `tailgate run` against real servers on loopback: four cameras of three codecs, an access-control system that sends
//! grants at their times, and verdicts as the offline replay gives them.
//!
//! The detector is the project's own.

#![cfg(feature = "opencv")]
#![allow(
    clippy::unwrap_used,
    reason = "a test stops where it finds what must not be"
)]

mod faults;
mod kill;
mod other_server;
mod reload;
mod site;
mod soak;
mod stop;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::mpsc::RecvTimeoutError;
use std::time::{Duration, Instant};

use serde_json::Value;
use site::{
    Verdicts, evidence, free, get, grants_ms, kinds_of_report, run, signal, start, traces,
    write_door,
};
use tailgate::capture::{Clip, ClipOptions, VideoCodec, VideoOptions, VideoWriter};

/// The four cameras: name, clip, and how its stream comes.
const CAMERAS: [(&str, &str, VideoCodec); 4] = [
    ("lobby", "two-on-one-grant", VideoCodec::H264),
    ("yard", "two-grants-two-people", VideoCodec::H265),
    ("gate", "three-abreast", VideoCodec::Mjpeg),
    ("stairs", "entry-on-exit", VideoCodec::H264),
];
/// Who came through without a grant.
const BREACHES: [(&str, &str); 3] = [
    ("lobby", "tailgating"),
    ("gate", "tailgating"),
    ("stairs", "entry_on_exit"),
];
/// All clips are this long, and a little for what is on its way.
const PLAYED: Duration = Duration::from_millis(8_400);
/// What alerts are signed with.
const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
/// When a test gives up.
const GIVE_UP: Duration = Duration::from_secs(120);

fn project(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}

/// The clip compressed as its camera sends it.
fn footage(folder: &Path, clip: &str, name: &str, codec: VideoCodec) -> PathBuf {
    let from = project(&format!("testdata/clips/{clip}/clip.mp4"));
    let path = folder.join(format!("{name}.mkv"));
    let mut clip = Clip::open(&from, &ClipOptions::default()).unwrap();
    let options = VideoOptions {
        codec,
        rate: 12.0,
        key_interval_s: 1.0,
        ..VideoOptions::default()
    };
    let size = (clip.info().width, clip.info().height);
    let mut writer = VideoWriter::create(&path, size.0, size.1, &options).unwrap();
    while let Some(frame) = clip.next_frame().unwrap() {
        writer.write(&frame.to_rgb(), frame.time()).unwrap();
    }
    writer.finish().unwrap();
    path
}

/// What the offline replay says of the same pictures.
fn offline(folder: &Path, name: &str, clip: &str) -> Vec<String> {
    let grants = project(&format!("testdata/clips/{clip}/grants.csv"));
    let video = format!("{name}.mkv");
    let door = format!("{name}.toml");
    let models = project("models");
    let report = run(
        folder,
        &[
            "replay",
            &video,
            "--door",
            &door,
            "--grants",
            grants.to_str().unwrap(),
            "--models",
            models.to_str().unwrap(),
            "--model",
            "lintel",
            "--quiet",
            "--json",
        ],
    );
    kinds_of_report(&serde_json::from_str(&report).unwrap())
}

fn write_site(
    folder: &Path,
    cameras: &str,
    intake: &str,
    vendor: &str,
    health: &str,
    receiver: &str,
) {
    let doors = CAMERAS
        .map(|(name, _, _)| format!("\"{name}.toml\""))
        .join(", ");
    let tables = CAMERAS.map(|(name, _, _)| {
        format!("[[camera]]\nname = \"{name}\"\nurl = \"rtsp://{cameras}/{name}\"\n")
    });
    let models = project("models");
    let text = format!(
        "[site]\nname = \"hq\"\ndoors = [{doors}]\nintake = \"intake.toml\"\n\n{}\n[detector]\n\
         model = \"lintel\"\nmodels = \"{}\"\n\n[health]\nlisten = \"{health}\"\n\n\
         [[alerts.webhook]]\nname = \"guard\"\nurl = \"{receiver}\"\nsecrets = [{{ file = \"guard.secret\" }}]\n",
        tables.join("\n"),
        models.display()
    );
    fs::write(folder.join("site.toml"), text).unwrap();
    let source = format!(
        "[server]\nlisten = \"{intake}\"\n\n[inbox]\npath = \"inbox.db\"\n\n[[source]]\nname = \"hq\"\n\
         vendor = \"genetec\"\n\n[source.fetch]\ndriver = \"genetec\"\nurl = \"{vendor}/WebSdk\"\n\
         user = \"admin\"\npassword = {{ file = \"password\" }}\napplication = {{ file = \"application\" }}\n"
    );
    fs::write(folder.join("password"), "genetec-password\n").unwrap();
    fs::write(folder.join("application"), "GSC-1SDK-Example-Tailgate\n").unwrap();
    fs::write(folder.join("intake.toml"), &source).unwrap();
    let listed = run(folder, &["intake", "list", "intake.toml", "hq", "--json"]);
    let points: Vec<Value> = listed
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    let tables = CAMERAS.map(|(name, _, _)| {
        let wanted = format!("{name} - In");
        let point = points.iter().find(|point| point["name"] == wanted.as_str());
        let id = &point.unwrap_or_else(|| panic!("{points:?}"))["id"];
        format!("[[door]]\nname = \"{name}\"\nreaders = [{{ id = {id}, direction = \"in\" }}]\n")
    });
    fs::write(
        folder.join("intake.toml"),
        source + "\n" + &tables.join("\n"),
    )
    .unwrap();
}

/// What has happened at one camera.
struct Watched {
    began: Option<Instant>,
    grants_ms: Vec<i64>,
    verdicts: Verdicts,
}

#[test]
fn four_cameras_and_their_grants_end_in_the_verdicts_of_the_offline_replay() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let mut expected = BTreeMap::new();
    let mut streams = Vec::new();
    let mut script = String::new();
    for (place, (name, clip, codec)) in CAMERAS.iter().enumerate() {
        write_door(folder, clip, name);
        let path = footage(folder, clip, name, *codec);
        expected.insert(*name, offline(folder, name, clip));
        streams.push(format!("--stream={name}={}", path.display()));
        streams.push(format!("--faults={name}=once"));
        script += &format!("door \"{name}\" id {}\n", 101 + place);
    }
    script += "user 7 \"Ann Example\" ann@example.org\n";
    fs::write(folder.join("script.txt"), script).unwrap();
    let streams: Vec<&str> = streams.iter().map(String::as_str).collect();
    let (_vendor, lines) = start(
        folder,
        &[
            "fake",
            "genetec",
            "--listen",
            "127.0.0.1:0",
            "--script",
            "script.txt",
        ],
    );
    let vendor = lines.recv_timeout(GIVE_UP).unwrap();
    let vendor = vendor.split_whitespace().last().unwrap().to_owned();
    let cameras = free().to_string();
    let fake = [&["fake", "camera", "--listen", &cameras], &*streams].concat();
    let (_cameras, lines) = start(folder, &fake);
    lines.recv_timeout(GIVE_UP).unwrap();
    let health = free().to_string();
    fs::write(folder.join("guard.secret"), SECRET).unwrap();
    let (_guard, told_to_guard) = start(
        folder,
        &[
            "fake",
            "receiver",
            "--listen",
            "127.0.0.1:0",
            "--secret",
            "guard.secret",
            "--bodies",
        ],
    );
    let receiver = told_to_guard.recv_timeout(GIVE_UP).unwrap();
    let receiver = receiver.split_whitespace().last().unwrap().to_owned();
    let intake = free().to_string();
    write_site(folder, &cameras, &intake, &vendor, &health, &receiver);
    run(folder, &["check", "site.toml"]);

    let (mut site, lines) = start(folder, &["run", "site.toml", "--json"]);
    let mut watched: BTreeMap<&str, Watched> = BTreeMap::new();
    for (name, clip, _) in CAMERAS {
        let grants_ms = grants_ms(clip);
        let verdicts = Verdicts::default();
        watched.insert(
            name,
            Watched {
                began: None,
                grants_ms,
                verdicts,
            },
        );
    }
    let begun = Instant::now();
    let mut of_guard: Vec<String> = Vec::new();
    // Of a breach there is evidence, where the guard was told, when the seconds after it have passed.
    let is_kept = |told: &[String]| {
        let mut breaches = BREACHES.iter();
        breaches.all(|(name, _)| evidence(folder, told, name))
    };
    while !over(&watched, &expected) || !is_kept(&of_guard) {
        assert!(
            begun.elapsed() < GIVE_UP,
            "it never ends: {}",
            told(&watched)
        );
        // Grants are given at their times: what is waited for here is the next line, or the next grant.
        match lines.recv_timeout(until_next(&watched)) {
            Ok(line) => take(&mut watched, &line),
            Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => panic!("the box ended"),
        }
        give(&mut watched, &vendor);
        of_guard.extend(told_to_guard.try_iter());
    }
    assert_eq!(get(&format!("http://{health}/healthz")).0, 200);
    let status: Value = serde_json::from_str(&get(&format!("http://{health}/status")).1).unwrap();
    assert_eq!(status["cameras"].as_object().unwrap().len(), CAMERAS.len());
    let metrics = get(&format!("http://{health}/metrics")).1;
    assert!(
        metrics.contains("tailgate_frames_received_total{camera=\"lobby\"}"),
        "{metrics}"
    );
    assert!(metrics.contains("tailgate_intake_"), "{metrics}");
    assert!(
        metrics.contains("tailgate_evidence_written_total"),
        "{metrics}"
    );
    signal(&site, "-TERM");
    assert!(site.child.wait().unwrap().success());

    // Of every breach the guard was told, signed as agreed, and what was seen of it is whole.
    of_guard.extend(told_to_guard.try_iter());
    let told = of_guard;
    for (name, kind) in BREACHES {
        let said = |line: &&String| line.contains(name) && line.contains(kind);
        assert!(told.iter().any(|line| said(&line)), "{name}: {told:#?}");
    }
    assert!(
        !told.iter().any(|line| line.contains("SIGNATURE BAD")),
        "{told:#?}"
    );
    run(folder, &["evidence", "check", "data/evidence"]);
    let traces = traces(folder);
    assert_eq!(traces.len(), CAMERAS.len());
    for trace in traces {
        // Fails if it does not come to the hash that it records.
        run(folder, &["replay", trace.to_str().unwrap(), "--json"]);
    }
}

/// Every camera has played once, and what was said of it is what the offline replay says. Until the intake has read
/// the vendor's log for the time before it began, the engine rightly says that it cannot know.
fn over(watched: &BTreeMap<&str, Watched>, expected: &BTreeMap<&str, Vec<String>>) -> bool {
    watched.iter().all(|(name, camera)| {
        let played = camera.began.is_some_and(|began| began.elapsed() > PLAYED);
        played && camera.verdicts.all_final() && camera.verdicts.kinds() == expected[name]
    })
}

/// How far it has come.
fn told(watched: &BTreeMap<&str, Watched>) -> String {
    let lines = watched.iter().map(|(name, camera)| {
        let stated = camera.verdicts.by_id.values();
        let stated: Vec<String> = stated
            .map(|v| format!("{} {}", v["kind"], v["stage"]))
            .collect();
        let began = camera.began.map(|began| began.elapsed().as_secs());
        format!(
            "{name}: began {began:?} s ago, grants left {:?}, {stated:?}",
            camera.grants_ms
        )
    });
    lines.collect::<Vec<_>>().join("\n")
}

fn until_next(watched: &BTreeMap<&str, Watched>) -> Duration {
    let due = watched.values().filter_map(|camera| {
        let at = camera.began? + Duration::from_millis(*camera.grants_ms.first()? as u64);
        Some(at.saturating_duration_since(Instant::now()))
    });
    due.min()
        .unwrap_or(Duration::MAX)
        .min(Duration::from_millis(100))
}

fn take(watched: &mut BTreeMap<&str, Watched>, line: &str) {
    let Ok(said) = serde_json::from_str::<Value>(line) else {
        return;
    };
    let name = said["camera"].as_str().unwrap();
    let camera = watched.get_mut(name).unwrap();
    if said["sight"] == "clear" {
        camera.began.get_or_insert_with(Instant::now);
    }
    let played = camera.began.is_some_and(|began| began.elapsed() > PLAYED);
    let known = said["verdict"]["id"]
        .as_str()
        .is_some_and(|id| camera.verdicts.by_id.contains_key(id));
    // The clip begins again when the camera is reached again: that is another story.
    if said["verdict"].is_object() && (!played || known) {
        camera.verdicts.take(&said["verdict"]);
    }
}

fn give(watched: &mut BTreeMap<&str, Watched>, vendor: &str) {
    for (name, camera) in watched {
        let Some(began) = camera.began else {
            continue;
        };
        let passed = began.elapsed().as_millis() as i64;
        while camera.grants_ms.first().is_some_and(|at| *at <= passed) {
            camera.grants_ms.remove(0);
            let line = format!("grant \"{name}\" user 7");
            ureq::post(format!("{vendor}/_fake/do"))
                .send(&line)
                .unwrap();
        }
    }
}
