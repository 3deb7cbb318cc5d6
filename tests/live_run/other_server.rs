//! A box that watches streams of a server that is none of ours: gst-rtsp-server, as many cameras have it inside.
//!
//! It needs Debian's `gir1.2-gst-rtsp-server-1.0`, `gstreamer1.0-plugins-good`, `gstreamer1.0-plugins-bad` and
//! `python3-gi` (66 packages, 20 MB to fetch, 55 MB on disk beside this project's own).

use std::collections::BTreeMap;
use std::fs;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::mpsc::RecvTimeoutError;
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::site::{
    GIVE_UP, Running, Verdicts, free, kinds_of_report, run, signal, start, traces, write_door,
};
use crate::{PLAYED, project};

/// Debian's own Python, which has the bindings.
const PYTHON: &str = "/usr/bin/python3";
/// Name and transport.
const CAMERAS: [(&str, &str); 2] = [("by-tcp", "tcp"), ("by-udp", "udp")];
const CLIP: &str = "two-on-one-grant";

/// Whether the server is here; says so loudly if not.
fn has_server() -> bool {
    let ask = "import gi; gi.require_version('GstRtspServer', '1.0')";
    let asked = Command::new(PYTHON)
        .args(["-c", ask])
        .stderr(Stdio::null())
        .status();
    let there = asked.is_ok_and(|status| status.success());
    if !there {
        eprintln!(
            "SKIPPED: this test needs gst-rtsp-server: apt-get install --no-install-recommends \
             gir1.2-gst-rtsp-server-1.0 gstreamer1.0-plugins-good gstreamer1.0-plugins-bad python3-gi"
        );
    }
    there
}

fn serve(clip: &Path) -> (Running, String) {
    let script = project("tests/live_run/gst_server.py");
    let mut child = Command::new(PYTHON)
        .arg(script)
        .arg(clip)
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut url = String::new();
    let mut lines = BufReader::new(child.stdout.take().unwrap());
    lines.read_line(&mut url).unwrap();
    (Running { child }, url.trim().to_owned())
}

fn write_site(folder: &Path, urls: &[String]) {
    let doors = CAMERAS
        .map(|(name, _)| format!("\"{name}.toml\""))
        .join(", ");
    let tables = CAMERAS.iter().zip(urls).map(|((name, transport), url)| {
        format!("[[camera]]\nname = \"{name}\"\nurl = \"{url}\"\ntransport = \"{transport}\"\n")
    });
    let text = format!(
        "[site]\nname = \"hq\"\ndoors = [{doors}]\n\n{}\n[detector]\nmodel = \"lintel\"\nmodels = \"{}\"\n\n\
         [health]\nlisten = \"{}\"\n",
        tables.collect::<Vec<_>>().join("\n"),
        project("models").display(),
        free(),
    );
    fs::write(folder.join("site.toml"), text).unwrap();
}

/// What the offline replay says of the clip when nobody was granted anything.
fn offline(folder: &Path, clip: &Path) -> Vec<String> {
    let door = format!("{}.toml", CAMERAS[0].0);
    let models = project("models");
    let clip = clip.to_str().unwrap();
    let models = models.to_str().unwrap();
    let arguments = [
        "replay", clip, "--door", &door, "--models", models, "--model", "lintel", "--quiet",
        "--json",
    ];
    kinds_of_report(&serde_json::from_str(&run(folder, &arguments)).unwrap())
}

#[test]
fn streams_of_gst_rtsp_server_end_in_the_verdicts_of_the_offline_replay() {
    if !has_server() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let clip = project(&format!("testdata/clips/{CLIP}/clip.mp4"));
    for (name, _) in CAMERAS {
        write_door(folder, CLIP, name);
    }
    let expected = offline(folder, &clip);
    let servers = CAMERAS.map(|_| serve(&clip));
    write_site(folder, &servers.each_ref().map(|(_, url)| url.clone()));
    run(folder, &["check", "site.toml"]);
    let (mut site, lines) = start(folder, &["run", "site.toml", "--json"]);
    let begun = Instant::now();
    let mut began: BTreeMap<String, Instant> = BTreeMap::new();
    let mut said: BTreeMap<String, Verdicts> = BTreeMap::new();
    let over = |began: &BTreeMap<String, Instant>, said: &BTreeMap<String, Verdicts>| {
        CAMERAS.iter().all(|(name, _)| {
            let played = began.get(*name).is_some_and(|at| at.elapsed() > PLAYED);
            let right = |said: &Verdicts| said.all_final() && said.kinds() == expected;
            played && said.get(*name).is_some_and(right)
        })
    };
    while !over(&began, &said) {
        let kinds: Vec<_> = said.iter().map(|(name, v)| (name, v.kinds())).collect();
        assert!(begun.elapsed() < GIVE_UP, "{kinds:?}, not {expected:?}");
        let line = match lines.recv_timeout(Duration::from_millis(100)) {
            Ok(line) => line,
            Err(RecvTimeoutError::Timeout) => continue,
            Err(RecvTimeoutError::Disconnected) => panic!("the box ended"),
        };
        let Ok(line) = serde_json::from_str::<Value>(&line) else {
            continue;
        };
        let name = line["camera"].as_str().unwrap().to_owned();
        if line["sight"] == "clear" {
            began.entry(name.clone()).or_insert_with(Instant::now);
        }
        // The clip begins again when the camera is reached again: that is another story.
        let playing = began.get(&name).is_some_and(|at| at.elapsed() < PLAYED);
        let said = said.entry(name).or_default();
        let id = line["verdict"]["id"].as_str();
        if id.is_some_and(|id| playing || said.by_id.contains_key(id)) {
            said.take(&line["verdict"]);
        }
    }
    println!("{expected:?} over TCP and UDP");
    signal(&site, "-TERM");
    assert!(site.child.wait().unwrap().success());
    for trace in traces(folder) {
        run(folder, &["replay", trace.to_str().unwrap(), "--json"]);
    }
}
