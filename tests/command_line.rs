//! The command line as a shell's user meets it: pipes that close.

use std::io::Read;
use std::process::{Command, Stdio};

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
