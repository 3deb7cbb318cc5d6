//! A site of processes: cameras, an access-control system, and the box that watches.

use std::collections::BTreeMap;
use std::fs;
use std::io::{BufRead, BufReader, Read};
use std::net::{SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::Value;

/// When a test gives up.
pub const GIVE_UP: Duration = Duration::from_secs(60);

/// A process that ends with the test.
pub struct Running {
    pub child: Child,
}

impl Drop for Running {
    fn drop(&mut self) {
        // SIGKILL: nothing of it can be tidied up by itself.
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

pub fn tailgate(folder: &Path, arguments: &[&str]) -> Command {
    // A long run keeps a copy: its binary must not change under it.
    let other = std::env::var_os("TAILGATE_BINARY");
    let own = || env!("CARGO_BIN_EXE_tailgate").into();
    let mut command = Command::new(other.unwrap_or_else(own));
    command.current_dir(folder).args(arguments);
    command
}

/// Starts a process and gives what it prints, line by line.
pub fn start(folder: &Path, arguments: &[&str]) -> (Running, Receiver<String>) {
    start_command(tailgate(folder, arguments))
}

/// The same of a command with an environment of its own.
pub fn start_command(mut command: Command) -> (Running, Receiver<String>) {
    let mut child = command.stdout(Stdio::piped()).spawn().unwrap();
    let lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let (to, from) = channel();
    thread::spawn(move || {
        for line in lines.map_while(Result::ok) {
            if to.send(line).is_err() {
                return;
            }
        }
    });
    (Running { child }, from)
}

/// The first thing said for which `wanted` holds.
#[track_caller]
pub fn wait_for(lines: &Receiver<String>, wanted: impl Fn(&Value) -> bool) -> Value {
    let begun = Instant::now();
    let mut said: Vec<Value> = Vec::new();
    while let Some(left) = GIVE_UP.checked_sub(begun.elapsed()) {
        let Ok(line) = lines.recv_timeout(left) else {
            break;
        };
        said.extend(serde_json::from_str(&line));
        if let Some(last) = said.last().filter(|last| wanted(last)) {
            return last.clone();
        }
    }
    panic!("only this was said: {said:#?}");
}

/// Sends a signal by its name, like -TERM.
#[track_caller]
pub fn signal(site: &Running, name: &str) {
    let id = site.child.id().to_string();
    let sent = Command::new("kill").args([name, &id]).status().unwrap();
    assert!(sent.success());
}

/// Runs a command that must succeed; what it prints.
#[track_caller]
pub fn run(folder: &Path, arguments: &[&str]) -> String {
    let output = tailgate(folder, arguments).output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{arguments:?}: {said}");
    String::from_utf8(output.stdout).unwrap()
}

/// An address that was free just now.
pub fn free() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    listener.local_addr().unwrap()
}

/// The body of an answer.
pub fn get(url: &str) -> (u16, String) {
    let config = ureq::Agent::config_builder().http_status_as_error(false);
    let agent: ureq::Agent = config.build().into();
    let mut answer = agent.get(url).call().unwrap();
    let mut body = String::new();
    let mut reader = answer.body_mut().as_reader();
    reader.read_to_string(&mut body).unwrap();
    (answer.status().as_u16(), body)
}

/// A door file of one of the project's clips, with names of its own.
pub fn write_door(folder: &Path, clip: &str, name: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"));
    let path = path.join("testdata/clips").join(clip).join("door.toml");
    let text = fs::read_to_string(path).unwrap();
    let mut section = String::new();
    let mut lines = Vec::new();
    for line in text.lines() {
        if line.starts_with('[') {
            section = line.to_owned();
        }
        let named = line.starts_with("name = ");
        lines.push(match section.as_str() {
            "[door]" | "[camera]" if named => format!("name = \"{name}\""),
            _ => line.to_owned(),
        });
    }
    fs::write(folder.join(format!("{name}.toml")), lines.join("\n")).unwrap();
}

/// When its clip's grants were given, ms after the first frame.
pub fn grants_ms(clip: &str) -> Vec<i64> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"));
    let path = path.join("testdata/clips").join(clip).join("grants.csv");
    let text = fs::read_to_string(path).unwrap();
    let first = |line: &str| line.split(',').next().map(|s| s.parse::<f64>().unwrap());
    let seconds = text.lines().skip(1).filter_map(first);
    seconds.map(|s| (s * 1e3) as i64).collect()
}

/// The kinds of verdicts that a run of `tailgate replay --json` ends with, sorted.
pub fn kinds_of_report(report: &Value) -> Vec<String> {
    let verdicts = report["verdicts"].as_array().unwrap();
    let kinds = verdicts
        .iter()
        .map(|verdict| verdict["kind"].as_str().unwrap().to_owned());
    let mut kinds: Vec<String> = kinds.collect();
    kinds.sort();
    kinds
}

/// The last statement of each verdict, by id: kind and stage.
#[derive(Default)]
pub struct Verdicts {
    pub by_id: BTreeMap<String, Value>,
}

impl Verdicts {
    pub fn take(&mut self, verdict: &Value) {
        let id = verdict["id"].as_str().unwrap().to_owned();
        self.by_id.insert(id, verdict.clone());
    }

    pub fn kinds(&self) -> Vec<String> {
        let kinds = self.by_id.values();
        let mut kinds: Vec<String> = kinds
            .map(|verdict| verdict["kind"].as_str().unwrap().to_owned())
            .collect();
        kinds.sort();
        kinds
    }

    pub fn all_final(&self) -> bool {
        self.by_id
            .values()
            .all(|verdict| verdict["stage"] != "provisional")
    }
}

/// The traces in a site's data, by camera.
pub fn traces(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder.join("data/traces")).unwrap();
    let mut paths: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    paths
}

/// Whether one of these bodies of alerts names the place of evidence of a camera, and it is whole by now.
pub fn evidence(folder: &Path, told: &[String], camera: &str) -> bool {
    let bodies = told
        .iter()
        .filter_map(|line| serde_json::from_str::<Value>(line).ok());
    let mut places = bodies
        .filter(|body| body["camera"] == camera)
        .filter_map(|body| Some(folder.join("data").join(body["evidence"].as_str()?)));
    places.any(|place| place.join("evidence.json").exists())
}
