//! What follows set-up: the demo, the tests, and all that a change must pass.
//!
//! Theory of operation: every step is one cargo command, printed before it runs and timed after.
//! Tests, lints and the demo of CI share one profile, so that each dependency is compiled once.
//!
//! It deliberately keeps going for nothing: the first step that fails ends the run.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Instant;

use crate::Outcome;

/// The profile that tests and lints share: optimised, because pixels are slow otherwise.
const PROFILE: &str = "ci";

/// What the demo plays, and what it makes.
const DEMO: [&str; 10] = [
    "replay",
    "testdata/clips/two-on-one-grant/clip.mp4",
    "--door",
    "testdata/clips/two-on-one-grant/door.toml",
    "--grants",
    "testdata/clips/two-on-one-grant/grants.csv",
    "--video",
    "out/demo.mp4",
    "--report",
    "out/demo.html",
];

/// Builds the release binary and plays the demo clip.
pub(crate) fn demo(root: &Path) -> Outcome {
    let inputs = DEMO.iter().filter(|word| word.starts_with("testdata/"));
    for input in inputs {
        if !root.join(input).exists() {
            return Err(format!("{input} is not there; is this a whole checkout?"));
        }
    }
    std::fs::create_dir_all(root.join("out"))
        .map_err(|error| format!("cannot make out: {error}"))?;
    cargo(root, "build", &["build", "--release", "--bin", "tailgate"])?;
    let arguments = [
        &["run", "--quiet", "--release", "--bin", "tailgate", "--"],
        &DEMO[..],
    ];
    cargo(root, "demo", &arguments.concat())?;
    println!("\nSee for yourself: out/demo.mp4 (tiles turn red) and out/demo.html (why).");
    Ok(())
}

/// Runs every test, and checks that the build without OpenCV holds.
pub(crate) fn test(root: &Path) -> Outcome {
    suite(root)?;
    let slim = [
        "check",
        "--profile",
        PROFILE,
        "--no-default-features",
        "--lib",
        "--bins",
    ];
    cargo(root, "slim build", &slim)
}

/// Runs every test.
fn suite(root: &Path) -> Outcome {
    timed("tests", || crate::suite::run(root, PROFILE))?;
    cargo(
        root,
        "tests in documents",
        &["test", "--doc", "--workspace", "--profile", PROFILE],
    )
}

/// All that a change must pass.
pub(crate) fn ci(root: &Path) -> Outcome {
    let begin = Instant::now();
    timed("set-up", || crate::setup(root, true))?;
    cargo(root, "format", &["fmt", "--all", "--check"])?;
    let lints = [
        "clippy",
        "--workspace",
        "--all-targets",
        "--profile",
        PROFILE,
    ];
    let deny = ["--", "--deny", "warnings"];
    cargo(root, "lints", &[&lints[..], &deny].concat())?;
    let slim = [
        "clippy",
        "--profile",
        PROFILE,
        "--no-default-features",
        "--lib",
        "--bins",
    ];
    cargo(root, "lints, slim", &[&slim[..], &deny].concat())?;
    // What the fuzz targets do, without libFuzzer: no dependency is compiled a second time.
    let fuzz = [
        "clippy",
        "--manifest-path",
        "fuzz/Cargo.toml",
        "--no-default-features",
        "--lib",
        "--target-dir",
        "target",
        "--profile",
        PROFILE,
    ];
    cargo(root, "lints, fuzz targets", &[&fuzz[..], &deny].concat())?;
    // The lints have checked the slim build already.
    suite(root)?;
    crate::training::check_if_possible(root)?;
    timed("documentation", || {
        let mut doc = Command::new(cargo_path());
        doc.args([
            "doc",
            "--workspace",
            "--no-deps",
            "--document-private-items",
        ]);
        doc.args(["--profile", PROFILE])
            .env("RUSTDOCFLAGS", "--deny warnings");
        run(root, &mut doc)
    })?;
    println!(
        "ci: all of it passed in {:.0} s",
        begin.elapsed().as_secs_f64()
    );
    Ok(())
}

/// Where cargo builds.
pub(crate) fn target(root: &Path) -> PathBuf {
    std::env::var_os("CARGO_TARGET_DIR").map_or(root.join("target"), PathBuf::from)
}

pub(crate) fn cargo_path() -> String {
    std::env::var("CARGO").unwrap_or("cargo".into())
}

/// Runs cargo as a timed step.
pub(crate) fn cargo(root: &Path, name: &str, arguments: &[&str]) -> Outcome {
    timed(name, || {
        run(root, Command::new(cargo_path()).args(arguments))
    })
}

fn run(root: &Path, command: &mut Command) -> Outcome {
    let shown: Vec<_> = command
        .get_args()
        .map(|word| word.to_string_lossy())
        .collect();
    let shown = format!("cargo {}", shown.join(" "));
    println!("$ {shown}");
    let status = command.current_dir(root).status();
    let status = status.map_err(|error| format!("cannot run {shown}: {error}"))?;
    if status.success() {
        Ok(())
    } else {
        Err(format!("{shown} failed ({status})"))
    }
}

pub(crate) fn timed<E>(name: &str, step: impl FnOnce() -> Result<(), E>) -> Result<(), E> {
    let begin = Instant::now();
    let outcome = step();
    let how = if outcome.is_ok() { "done" } else { "FAILED" };
    println!("== {name}: {how} in {:.1} s", begin.elapsed().as_secs_f64());
    outcome
}
