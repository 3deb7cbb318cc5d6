//! From a badge at a vendor's reader to a verdict, over real sockets: each vendor's local server, the
//! intake beside it as a process of its own, and the replay of a clip with what the intake took in.
//!
//! It is done as an installer does it: the vendor's access points are listed, the right one is
//! written into the intake file, the vendor is connected, somebody badges.

#![cfg(feature = "opencv")]
#![allow(
    clippy::unwrap_used,
    reason = "a test stops where it finds what must not be"
)]

use std::fs;
use std::io::{BufRead, BufReader};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use jiff::{SignedDuration, Timestamp};
use serde_json::Value;

/// When the badge is shown in the clip, ms after its first frame.
const BADGE_MS: i64 = 800;

const SCRIPT: &str = "door \"Front\" id 101\nuser 7 \"Ann Example\" ann@example.org\n";

/// A process that ends with the test.
struct Running {
    child: Child,
    lines: BufReader<std::process::ChildStdout>,
}

impl Drop for Running {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

impl Running {
    fn start(folder: &Path, arguments: &[&str]) -> Self {
        let mut child = tailgate(folder, arguments)
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap());
        Self { child, lines }
    }

    /// The next line that it prints; waits for it.
    fn line(&mut self) -> String {
        let mut line = String::new();
        self.lines.read_line(&mut line).unwrap();
        assert!(!line.is_empty(), "it ended");
        line.trim().to_owned()
    }
}

fn tailgate(folder: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_tailgate"));
    command.current_dir(folder).args(arguments);
    command
}

fn output(folder: &Path, arguments: &[&str]) -> String {
    let output = tailgate(folder, arguments).output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{arguments:?}: {said}");
    String::from_utf8(output.stdout).unwrap()
}

/// The source's table of an intake file, for a vendor at `vendor_url` and an intake at `intake_url`.
type SourceTable = fn(vendor_url: &str, intake_url: &str) -> String;

#[track_caller]
fn check(vendor: &str, source: SourceTable) {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    for (file, text) in [
        ("script.txt", SCRIPT),
        ("signature.key", "a-signature-key-of-32-characters!"),
        ("kisi.key", "kisi-key"),
        ("openpath.password", "openpath-password"),
        ("openpath.token", "a-path-token-of-32-characters-and-more"),
        ("genetec.password", "genetec-password"),
        ("genetec.application", "GSC-1SDK-Example-Tailgate"),
    ] {
        fs::write(folder.join(file), text).unwrap();
    }
    let arguments = [
        "fake",
        vendor,
        "--listen",
        "127.0.0.1:0",
        "--script",
        "script.txt",
    ];
    let mut fake = Running::start(folder, &arguments);
    let vendor_url = address(&fake.line());

    // The vendor has to be told an address before the intake runs: one that was free just now.
    let free = TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap();
    let intake_url = format!("http://{free}");
    fs::write(
        folder.join("openpath.webhook"),
        format!("{intake_url}/in/site/a-path-token-of-32-characters-and-more"),
    )
    .unwrap();
    let head = format!(
        "[server]\nlisten = \"{free}\"\n\n[inbox]\npath = \"inbox.db\"\n\n[[source]]\nname = \"site\"\n{}",
        source(&vendor_url, &intake_url)
    );
    fs::write(folder.join("intake.toml"), &head).unwrap();
    let listed = output(folder, &["intake", "list", "intake.toml", "site", "--json"]);
    let point: Value = serde_json::from_str(listed.lines().next().unwrap()).unwrap();
    let door = format!(
        "{head}\n[[door]]\nname = \"front\"\nreaders = [{{ id = {} }}]\n",
        point["id"]
    );
    fs::write(folder.join("intake.toml"), door).unwrap();
    output(folder, &["check", "intake.toml"]);

    let mut intake = Running::start(folder, &["intake", "run", "intake.toml"]);
    assert_eq!(address(&intake.line()), intake_url);
    output(folder, &["intake", "connect", "intake.toml", "site"]);
    let mut tail = Running::start(
        folder,
        &["intake", "tail", "intake.toml", "--follow", "--json"],
    );
    let badge = "grant \"Front\" user 7";
    ureq::post(format!("{vendor_url}/_fake/do"))
        .send(badge)
        .unwrap();
    let event: Value = loop {
        let event: Value = serde_json::from_str(&tail.line()).unwrap();
        if event["event"]["kind"] == "granted" {
            break event;
        }
    };
    assert_eq!(event["door_name"], "front", "{event}");
    let verdicts = judged(folder);
    assert_eq!(verdicts, ["authorised", "tailgating"], "with {vendor}");
}

/// What `listening on URL` names.
fn address(line: &str) -> String {
    line.split_whitespace().last().unwrap().to_owned()
}

/// The verdicts on the clip of two people on one grant, with the grants that the intake has.
fn judged(folder: &Path) -> Vec<String> {
    let grants = output(folder, &["intake", "replay", "intake.toml"]);
    let granted = grants
        .lines()
        .map(|line| serde_json::from_str(line).unwrap());
    let granted: Vec<Value> = granted
        .filter(|event: &Value| event["kind"] == "granted")
        .collect();
    assert_eq!(granted.len(), 1, "one badge, one grant: {grants}");
    fs::write(folder.join("grants.jsonl"), &grants).unwrap();
    let badge: Timestamp = granted[0]["time"].as_str().unwrap().parse().unwrap();
    let start = badge - SignedDuration::from_millis(BADGE_MS);
    let project = PathBuf::from(env!("CARGO_MANIFEST_DIR"));
    let clip = project.join("testdata/clips/two-on-one-grant");
    let printed = output(
        folder,
        &[
            "replay",
            clip.join("clip.mp4").to_str().unwrap(),
            "--door",
            clip.join("door.toml").to_str().unwrap(),
            "--grants",
            "grants.jsonl",
            "--start",
            &start.to_string(),
            "--models",
            project.join("models").to_str().unwrap(),
            "--model",
            "hog",
            "--json",
            "--quiet",
        ],
    );
    let summary: Value = serde_json::from_str(&printed).unwrap();
    let verdicts = summary["verdicts"].as_array().unwrap();
    let kinds = verdicts
        .iter()
        .map(|verdict| verdict["kind"].as_str().unwrap().to_owned());
    kinds.collect()
}

#[test]
fn openpath_by_webhook() {
    check("openpath", |vendor, _| {
        format!(
            "vendor = \"openpath\"\nsecrets = [{{ file = \"openpath.token\" }}]\n\n\
             [source.fetch]\ndriver = \"openpath\"\napi = \"{vendor}\"\nemail = \"admin@example.org\"\n\
             password = {{ file = \"openpath.password\" }}\norg = 2181\n\
             webhook = {{ file = \"openpath.webhook\" }}\n"
        )
    });
}

#[test]
fn kisi_by_signed_webhook() {
    check("kisi", |vendor, intake| {
        format!(
            "vendor = \"kisi\"\nsecrets = [{{ file = \"signature.key\" }}]\n\n\
             [source.fetch]\ndriver = \"kisi\"\napi = \"{vendor}\"\nkey = {{ file = \"kisi.key\" }}\n\
             webhook = \"{intake}/in/site\"\nsignature_key = {{ file = \"signature.key\" }}\n"
        )
    });
}

#[test]
fn genetec_by_stream() {
    check("genetec", |vendor, _| {
        format!(
            "vendor = \"genetec\"\n\n\
             [source.fetch]\ndriver = \"genetec\"\nurl = \"{vendor}/WebSdk\"\nuser = \"admin\"\n\
             password = {{ file = \"genetec.password\" }}\n\
             application = {{ file = \"genetec.application\" }}\n"
        )
    });
}
