//! Labelling and the gate as their user meets them: the program, with answers from a pipe.

#![allow(
    clippy::unwrap_used,
    reason = "a test stops where it finds what must not be"
)]

use std::fs::File;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use serde_json::{Value, json};
use tailgate::app::run::EngineRun;
use tailgate::app::trace::Provenance;
use tailgate::commands::simulate::load;
use tailgate::config::{read_truth, with_settings};
use tailgate::sim::feed::{Level, feed};
use tailgate::units::Instant;

fn project(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}

/// Writes a trace of the scene from which one of the project's clips was rendered, and its door.
fn incident(clip: &str, folder: &Path) {
    let from = project("testdata/clips").join(clip);
    let scene = load(&from.join("script.scene")).unwrap_or_else(|why| panic!("{}", why.message));
    let fed = feed(&scene, Level::Boxes).unwrap();
    let mut run = EngineRun::new(fed.config, fed.events).unwrap();
    let trace = File::create(folder.join(format!("{clip}.trace.jsonl"))).unwrap();
    run.record(Box::new(trace), Provenance::default()).unwrap();
    run.begin(Instant::ZERO).unwrap();
    for (at, input) in &fed.inputs {
        run.feed_events(*at).unwrap();
        run.step(*at, input).unwrap();
    }
    run.end(fed.end).unwrap();
}

fn tailgate(arguments: &[&str], answers: &str) -> Output {
    let mut child = Command::new(env!("CARGO_BIN_EXE_tailgate"))
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    // A program that needs no answers may be gone before it was given them.
    let _ = child.stdin.take().unwrap().write_all(answers.as_bytes());
    child.wait_with_output().unwrap()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

fn read(path: &Path) -> Value {
    serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap()
}

/// Answers to the two crossings of `two-on-one-grant`, and what the truth file then lists of them.
#[track_caller]
fn check(answers: &str, crossings: &[&str], is_complete: bool) {
    let folder = tempfile::tempdir().unwrap();
    incident("two-on-one-grant", folder.path());
    let trace = folder.path().join("two-on-one-grant.trace.jsonl");
    let out = tailgate(&["label", trace.to_str().unwrap()], answers);
    assert!(out.status.success(), "{}", text(&out.stderr));
    let path = folder.path().join("two-on-one-grant.truth.json");
    let truth = read(&path);
    let listed: Vec<String> = truth["crossings"]
        .as_array()
        .unwrap()
        .iter()
        .map(|c| {
            format!(
                "{:.1} {}",
                c["t_s"].as_f64().unwrap(),
                c["dir"].as_str().unwrap()
            )
        })
        .collect();
    let kinds: Vec<&str> = truth["verdicts"]
        .as_array()
        .unwrap()
        .iter()
        .map(|v| v["kind"].as_str().unwrap())
        .collect();
    let got: Vec<String> = listed
        .iter()
        .zip(kinds)
        .map(|(c, kind)| format!("{c} {kind}"))
        .collect();
    assert_eq!(got, crossings, "{}", text(&out.stdout));
    assert_eq!(truth["labelling"]["complete"], is_complete);
    // At every moment it is a truth file like any other.
    read_truth("truth", &std::fs::read(path).unwrap()).unwrap();
}

#[test]
fn a_person_confirms_corrects_adds_and_takes_back() {
    check(
        "y\ny\nq\n",
        &["2.7 in authorised", "4.0 in tailgating"],
        true,
    );
    check("y\nn\nq\n", &["2.7 in authorised"], true);
    check("n\nn\nq\n", &[], true);
    check(
        "y\ne 4.3 unauthorised_entry\nq\n",
        &["2.7 in authorised", "4.3 in unauthorised_entry"],
        true,
    );
    check(
        "y\na 0:06.5 out exit\ny\nq\n",
        &["2.7 in authorised", "4.0 in tailgating", "6.5 out exit"],
        true,
    );
    check(
        "n\nb\ny\ny\nq\n",
        &["2.7 in authorised", "4.0 in tailgating"],
        true,
    );
    // What is not understood is asked again; the end of the input keeps what was answered.
    check(
        "maybe\ne\ne nowhere\na in\ny\n",
        &["2.7 in authorised"],
        false,
    );
    check("s\ny\nq\n", &["4.0 in tailgating"], false);
}

#[test]
fn labelling_goes_on_where_it_stopped_and_leaves_other_files_alone() {
    let folder = tempfile::tempdir().unwrap();
    incident("two-on-one-grant", folder.path());
    let trace = folder.path().join("two-on-one-grant.trace.jsonl");
    let trace = trace.to_str().unwrap();
    tailgate(&["label", trace], "y\nq\n");
    let out = tailgate(&["label", trace], "y\nq\n");
    let said = text(&out.stdout);
    assert!(
        said.contains("2 of 2") && !said.contains("1 of 2"),
        "{said}"
    );
    assert!(
        said.contains("2 of 2 proposals answered, 2 crossings labelled"),
        "{said}"
    );
    let own = folder.path().join("own.json");
    std::fs::write(&own, "{\"crossings\": []}").unwrap();
    let out = tailgate(
        &["label", trace, "--yes", "--out", own.to_str().unwrap()],
        "",
    );
    assert_eq!(out.status.code(), Some(1));
    assert!(
        text(&out.stderr).contains("was not made by labelling"),
        "{}",
        text(&out.stderr)
    );
    assert_eq!(std::fs::read_to_string(own).unwrap(), "{\"crossings\": []}");
}

/// Changes of the door, and the exit code with the last line that the gate comes to.
#[track_caller]
fn check_gate(folder: &Path, changes: &[(&str, Value)], more: &[&str], code: i32, expect: &str) {
    let old = project("testdata/clips/two-on-one-grant/door.toml");
    let changes: Vec<(String, Value)> = changes
        .iter()
        .map(|(name, value)| ((*name).to_owned(), value.clone()))
        .collect();
    let new = folder.join("new.toml");
    std::fs::write(&new, with_settings(&old, &changes).unwrap()).unwrap();
    let incidents = folder.join("incidents");
    let mut arguments = vec![
        "gate",
        old.to_str().unwrap(),
        new.to_str().unwrap(),
        "--incidents",
    ];
    arguments.push(incidents.to_str().unwrap());
    arguments.extend(more);
    let out = tailgate(&arguments, "");
    let said = text(&out.stdout);
    assert_eq!(out.status.code(), Some(code), "{said}{}", text(&out.stderr));
    assert_eq!(said.lines().last().unwrap_or_default(), expect, "{said}");
}

#[test]
fn the_gate_closes_where_a_confirmed_verdict_is_lost() {
    let folder = tempfile::tempdir().unwrap();
    let incidents = folder.path().join("incidents");
    std::fs::create_dir(&incidents).unwrap();
    for clip in ["two-on-one-grant", "entry-on-exit", "two-grants-two-people"] {
        incident(clip, &incidents);
    }
    // Two are confirmed; of the third the engine's own verdicts are neighbours. In the first only
    // the tailgating was looked at, so the one before it is a neighbour too.
    let confirm = |clip: &str, answers: &str| {
        let trace = incidents.join(format!("{clip}.trace.jsonl"));
        let out = tailgate(&["label", trace.to_str().unwrap()], answers);
        assert!(out.status.success(), "{}", text(&out.stderr));
    };
    confirm("two-on-one-grant", "s\ny\nq\n");
    confirm("entry-on-exit", "y\ny\nq\n");
    let folder = folder.path();
    check_gate(
        folder,
        &[],
        &["--strict"],
        0,
        "3 incidents, 3 confirmed verdicts: nothing confirmed is lost, 0 gained, 0 missed by both; \
         0 of 3 neighbours change",
    );
    check_gate(
        folder,
        &[("policy.follow_s", json!(0.3))],
        &[],
        4,
        "3 incidents, 3 confirmed verdicts: 1 confirmed verdict is lost, 0 gained, 0 missed by both; \
         0 of 3 neighbours change",
    );
    // Too short for anybody: only what nobody confirmed and the tailgating change.
    check_gate(
        folder,
        &[("policy.window_s", json!(0.5))],
        &[],
        4,
        "3 incidents, 3 confirmed verdicts: 1 confirmed verdict is lost, 0 gained, 0 missed by both; \
         3 of 3 neighbours change",
    );
}
