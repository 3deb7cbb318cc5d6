//! What goes wrong with cameras, and that it goes wrong with nobody else.

use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::site::{free, get, run, start, write_door};
use crate::{has_weights, project};

/// When the test gives up.
const GIVE_UP: Duration = Duration::from_secs(90);

/// Name, what is wrong, and what a guard reads of it.
const CAMERAS: [(&str, &str, &str); 4] = [
    ("good", "", ""),
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
         [detector]\nmodel = \"yolox_nano\"\nmodels = \"{}\"\n\n[health]\nlisten = \"{health}\"\n",
        tables.join("\n"),
        models.display()
    );
    fs::write(folder.join("site.toml"), text).unwrap();
    fs::write(folder.join("locked.password"), "yesterday's\n").unwrap();
}

#[test]
fn a_camera_that_fails_hurts_nobody_else() {
    if !has_weights() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let clip = project("testdata/clips/dithering/clip.mp4");
    let clip = clip.display();
    let mut arguments = Vec::new();
    for (name, faults, _) in CAMERAS {
        write_door(folder, "dithering", name);
        arguments.push(format!("--stream={name}={clip}"));
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
    let id = site.child.id().to_string();
    assert!(
        Command::new("kill")
            .args(["-TERM", &id])
            .status()
            .unwrap()
            .success()
    );
    assert!(site.child.wait().unwrap().success());
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
        has(name, "clear", "") && (why.is_empty() || has(name, "no_signal", why))
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
