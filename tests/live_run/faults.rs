//! What goes wrong with cameras, and that it goes wrong with nobody else.

use std::fs;
use std::path::Path;
use std::sync::mpsc::Receiver;
use std::time::{Duration, Instant};

use serde_json::Value;
use tailgate::capture::{Clip, ClipOptions, VideoOptions, VideoWriter};

use crate::project;
use crate::site::{Running, free, get, run, signal, start, traces, write_door};

/// When the test gives up.
const GIVE_UP: Duration = Duration::from_secs(90);
/// For so long it stands still: the intake calls five seconds a standstill, a door's frames under one.
const STANDSTILL: Duration = Duration::from_secs(3);

/// Name, what is wrong, and what a guard reads of it.
const CAMERAS: [(&str, &str, &str); 6] = [
    ("good", "", ""),
    // Row D7: first pictures of another size than it was calibrated for, then right ones.
    ("resized", "", "its picture is 320 x 240 px now"),
    // Row D8: one key picture in eight seconds, and joined in the middle.
    ("late", "join_at=3", ""),
    // Row D1 of the fault table: noticed within max(2 s, 3 frames), tried again for ever.
    ("stalls", "stall_at=2:600", "no picture for 2.0 s"),
    // Row D2: a connection that is reset.
    ("closes", "close_at=2", "the camera ended the stream"),
    // Row D6: stamps that jump by a minute are a new run, and time goes on.
    ("jumps", "jump_at=2:-60", ""),
];

fn write_site(folder: &Path, cameras: &str, guarded: &str, health: &str) {
    let doors = CAMERAS
        .map(|(name, _, _)| format!("\"{name}.toml\""))
        .join(", ");
    let tables = CAMERAS.map(|(name, _, _)| {
        format!("[[camera]]\nname = \"{name}\"\nurl = \"rtsp://{cameras}/{name}\"\n")
    });
    let models = project("models");
    let text = format!(
        "[site]\nname = \"hq\"\ndoors = [{doors}, \"locked.toml\"]\n\n{}\n[[camera]]\nname = \"locked\"\n\
         url = \"rtsp://{guarded}/locked\"\nuser = \"viewer\"\npassword = {{ file = \"locked.password\" }}\n\n\
         [detector]\nmodel = \"lintel\"\nmodels = \"{}\"\n\n[health]\nlisten = \"{health}\"\n",
        tables.join("\n"),
        models.display()
    );
    fs::write(folder.join("site.toml"), text).unwrap();
    fs::write(folder.join("locked.password"), "yesterday's\n").unwrap();
}

#[test]
fn a_camera_that_fails_hurts_nobody_else() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let clip = project("testdata/clips/dithering/clip.mp4");
    let clip = clip.display();
    let mut arguments = Vec::new();
    let small = again(folder, "small.mp4", (320, 240), 1.0, 24);
    let long = again(folder, "long.mp4", (640, 480), 60.0, usize::MAX);
    for (name, faults, _) in CAMERAS {
        write_door(folder, "dithering", name);
        arguments.push(match name {
            "resized" => format!("--stream={name}={small},{clip}"),
            "late" => format!("--stream={name}={long}"),
            _ => format!("--stream={name}={clip}"),
        });
        if !faults.is_empty() {
            arguments.push(format!("--faults={name}={faults}"));
        }
    }
    write_door(folder, "dithering", "locked");
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let (cameras, guarded) = (free().to_string(), free().to_string());
    let fake = [&["fake", "camera", "--listen", &cameras], &*arguments].concat();
    let (_cameras, lines) = start(folder, &fake);
    lines.recv_timeout(GIVE_UP).unwrap();
    let stream = format!("--stream=locked={clip}");
    let (_locked, lines) = start(
        folder,
        &[
            "fake",
            "camera",
            "--listen",
            &guarded,
            &stream,
            "--user",
            "viewer",
            "--password",
            "today's",
        ],
    );
    lines.recv_timeout(GIVE_UP).unwrap();
    let health = free().to_string();
    write_site(folder, &cameras, &guarded, &health);
    run(folder, &["check", "site.toml"]);

    let (mut site, lines) = start(folder, &["run", "site.toml", "--json"]);
    let mut said: Vec<Value> = Vec::new();
    let begun = Instant::now();
    while !is_all_said(&said) {
        assert!(begun.elapsed() < GIVE_UP, "only this was said: {said:#?}");
        if let Ok(line) = lines.recv_timeout(Duration::from_millis(200)) {
            said.extend(serde_json::from_str(&line));
        }
    }
    // The box itself is well, and says of the locked camera why, without the password.
    assert_eq!(get(&format!("http://{health}/healthz")).0, 200);
    let (_, status) = get(&format!("http://{health}/status"));
    assert!(!status.contains("yesterday"), "{status}");
    let status: Value = serde_json::from_str(&status).unwrap();
    assert_eq!(status["cameras"]["good"]["sight"], "clear", "{status:#}");
    assert_eq!(status["cameras"]["good"]["reconnects"], 0, "{status:#}");
    // A password that was refused is not tried again within minutes: accounts are locked for that.
    assert_eq!(status["cameras"]["locked"]["reconnects"], 1, "{status:#}");
    assert_eq!(status["cameras"]["jumps"]["sight"], "clear", "{status:#}");
    let good = said.iter().filter(|line| line["camera"] == "good");
    let blind: Vec<&Value> = good.filter(|line| line["sight"] == "no_signal").collect();
    assert!(blind.is_empty(), "{blind:#?}");
    // Row D8: who waits for the first key picture is not blind, but has not begun.
    let late = said.iter().find(|line| line["camera"] == "late");
    assert_eq!(late.unwrap()["sight"], "clear", "{said:#?}");
    stop_and_go(&site, &lines);
    get_on(&lines, &health);
    signal(&site, "-TERM");
    assert!(site.child.wait().unwrap().success());
    let trace = traces(folder).into_iter().rfind(|path| {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        name.starts_with("good-")
    });
    let trace = trace.unwrap();
    run(folder, &["replay", trace.to_str().unwrap(), "--json"]);
}

/// The clip as another one: so large, with key pictures so far apart, and so many frames of it.
fn again(folder: &Path, name: &str, size: (u32, u32), key_interval_s: f64, most: usize) -> String {
    let from = project("testdata/clips/dithering/clip.mp4");
    let mut clip = Clip::open(&from, &ClipOptions::default()).unwrap();
    let options = VideoOptions {
        rate: 12.0,
        key_interval_s,
        ..VideoOptions::default()
    };
    let path = folder.join(name);
    let mut writer = VideoWriter::create(&path, size.0, size.1, &options).unwrap();
    let mut written = 0;
    while let Some(frame) = clip.next_frame().unwrap() {
        if written == most {
            break;
        }
        let picture = frame.to_rgb();
        let picture = image::imageops::thumbnail(&picture, size.0, size.1);
        writer.write(&picture, frame.time()).unwrap();
        written += 1;
    }
    writer.finish().unwrap();
    path.display().to_string()
}

/// Row F4: the process stands still for some seconds, as a virtual machine does that is paused.
fn stop_and_go(site: &Running, lines: &Receiver<String>) {
    signal(site, "-STOP");
    let begun = Instant::now();
    // Who stands still says nothing: only what it had said before comes.
    while let Some(left) = STANDSTILL.checked_sub(begun.elapsed()) {
        drop(lines.recv_timeout(left));
    }
    signal(site, "-CONT");
}

/// It is well again, and frames are judged: until the watchdog has seen every thread.
fn get_on(lines: &Receiver<String>, health: &str) {
    let begun = Instant::now();
    let mut well = 0;
    while well < 10 {
        assert!(begun.elapsed() < GIVE_UP, "it did not get on");
        // What it says meanwhile is not waited for.
        drop(lines.recv_timeout(Duration::from_millis(100)));
        well += usize::from(get(&format!("http://{health}/healthz")).0 == 200);
    }
}

/// Every failure was said, in its words, and whoever closes was reached again.
fn is_all_said(said: &[Value]) -> bool {
    let has = |camera: &str, sight: &str, why: &str| {
        said.iter().any(|line| {
            let reason = line["why"].as_str().unwrap_or_default();
            line["camera"] == camera && line["sight"] == sight && reason.contains(why)
        })
    };
    let told = CAMERAS.iter().all(|(name, _, why)| {
        let sight = if *name == "resized" {
            "moved"
        } else {
            "no_signal"
        };
        has(name, "clear", "") && (why.is_empty() || has(name, sight, why))
    });
    let times = |camera: &str, sight: &str| {
        let of = said
            .iter()
            .filter(|line| line["camera"] == camera && line["sight"] == sight);
        of.count()
    };
    told && has("locked", "no_signal", "check user name and password")
        && times("closes", "clear") >= 2
}
