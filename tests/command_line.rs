//! The command line as a shell's user meets it: pipes that close, providers that are not there.

use std::io::Read;
use std::process::{Command, Stdio};

use tailgate::inference::Provider;

#[track_caller]
fn check(arguments: &[&str]) {
    let mut child = Command::new(env!("CARGO_BIN_EXE_tailgate"))
        .args(arguments)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the binary starts");
    drop(child.stdout.take());
    let mut said = String::new();
    child
        .stderr
        .take()
        .expect("piped")
        .read_to_string(&mut said)
        .expect("text");
    let status = child.wait().expect("it ends");
    assert!(!said.contains("panicked"), "{arguments:?}: {said}");
    assert_ne!(
        status.code(),
        Some(0),
        "{arguments:?} must have met the closed pipe"
    );
}

#[test]
fn a_reader_that_leaves_ends_the_command_quietly() {
    check(&["completions", "zsh"]);
    check(&["models", "list"]);
    check(&[
        "simulate",
        "testdata/scenes/exits/exit-gives-no-credit.scene",
    ]);
}

#[test]
fn options_of_chance_pictures_are_refused_without_them() {
    let out = Command::new(env!("CARGO_BIN_EXE_tailgate"))
        .args([
            "simulate",
            "testdata/scenes/exits/exit-gives-no-credit.scene",
        ])
        .args(["--count", "3"])
        .output()
        .expect("it starts");
    let said = String::from_utf8_lossy(&out.stderr).into_owned();
    assert!(!out.status.success(), "{said}");
    assert!(
        said.contains("--count") && said.contains("--shots"),
        "{said}"
    );
}

/// Every command that looks takes a provider, and none falls back to the processor without a word.
#[test]
fn a_provider_that_is_not_there_is_an_error() {
    let here = Provider::available().expect("ONNX Runtime is there");
    let missing = Provider::ALL.into_iter().find(|one| !here.contains(one));
    let missing = missing.expect("no library has them all").name();
    let folder = tempfile::tempdir().unwrap();
    for file in ["clip.mp4", "door.toml", "grants.csv", "truth.json"] {
        let from = format!("testdata/clips/u-turn/{file}");
        std::fs::copy(from, folder.path().join(file)).unwrap();
    }
    let check_with = |model: &str, arguments: &[&str]| {
        let out = Command::new(env!("CARGO_BIN_EXE_tailgate"))
            .args(arguments)
            .args(["--model", model, "--provider", missing])
            .args(["--models", concat!(env!("CARGO_MANIFEST_DIR"), "/models")])
            .current_dir(folder.path())
            .output()
            .expect("it starts");
        let said = String::from_utf8_lossy(&out.stderr).into_owned();
        assert_eq!(out.status.code(), Some(1), "{arguments:?}: {said}");
        let expect = format!("the provider {missing} cannot start");
        assert!(said.contains(&expect), "{arguments:?}: {said}");
    };
    let check = |arguments: &[&str]| check_with("lintel", arguments);
    check_with("hog", &["replay", "--door", "door.toml", "clip.mp4"]);
    check(&["replay", "--door", "door.toml", "clip.mp4"]);
    check(&["tune", "--no-cache", "."]);
    check(&[
        "label",
        "--no-cache",
        "--yes",
        "--out",
        "new.json",
        "clip.mp4",
    ]);
    check(&["calibrate", "people", "clip.mp4"]);
}
