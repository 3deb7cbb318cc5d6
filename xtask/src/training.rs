//! The detector's training, tried out: its Python packages in an environment of their own, and all of it
//! on a few drawn pictures.
//!
//! Theory of operation: the packages are pinned by hash in `models/training/requirements-cpu.lock` and
//! installed under `target/training`; a stamp with the lock beside them says that they are all there.
//! `models/training/smoke.py` then trains, stops, goes on, exports, and compares PyTorch with ONNX
//! Runtime.
//!
//! It deliberately is no part of set-up: nobody who runs the engine needs Python's PyTorch.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::Outcome;
use crate::runtime::{can_run, run};
use crate::steps::{target, timed};

const LOCK: &str = "models/training/requirements-cpu.lock";

/// The lock's hashes are of wheels for this Python on x86-64 Linux.
const PYTHON: &str = "3.11";

/// What pip says where it does not reach a package index.
const UNREACHED: &str = "connection broken by";

/// Why there is no environment to train in.
enum Lack {
    /// This machine is not made for it, or has no network.
    Impossible(String),
    /// It should have worked.
    Broken(String),
}

/// Installs what is missing and tries the training; `Err` too where it cannot be tried here.
pub(crate) fn check(root: &Path) -> Outcome {
    match environment(root) {
        Ok(place) => smoke(root, &place),
        Err(Lack::Impossible(why) | Lack::Broken(why)) => Err(why),
    }
}

/// As [`check`], but where it cannot be tried it is left out with a loud word.
pub(crate) fn check_if_possible(root: &Path) -> Outcome {
    match environment(root) {
        Err(Lack::Impossible(why)) => {
            eprintln!("SKIPPED: the detector's training was not tried: {why}");
            Ok(())
        }
        Ok(place) => smoke(root, &place),
        Err(Lack::Broken(why)) => Err(why),
    }
}

/// The environment with everything that training needs.
fn environment(root: &Path) -> Result<PathBuf, Lack> {
    let place = target(root).join("training");
    let lock = fs::read_to_string(root.join(LOCK))
        .map_err(|error| Lack::Broken(format!("{LOCK}: {error}")))?;
    let stamp = place.join("STAMP");
    if fs::read_to_string(&stamp).is_ok_and(|found| found == lock) {
        return Ok(place);
    }
    if std::env::consts::ARCH != "x86_64" {
        let why = "its packages are pinned for x86-64 alone";
        return Err(Lack::Impossible(why.to_owned()));
    }
    let test =
        format!("import sys, ensurepip; assert '%d.%d' % sys.version_info[:2] == '{PYTHON}'");
    if !can_run("python3", &["-c", &test]) {
        return Err(Lack::Impossible(format!(
            "its packages are pinned for Python {PYTHON} with venv, which python3 is not"
        )));
    }
    timed("packages for training (0.7 GB)", || install(root, &place))?;
    fs::write(&stamp, lock)
        .map_err(|error| Lack::Broken(format!("cannot write {}: {error}", stamp.display())))?;
    Ok(place)
}

fn install(root: &Path, place: &Path) -> Result<(), Lack> {
    let _ = fs::remove_dir_all(place);
    let broken = |what: &str, problem: String| Lack::Broken(format!("{what} ({problem})"));
    run(Command::new("python3").args(["-m", "venv"]).arg(place))
        .map_err(|problem| broken("no environment could be made", problem))?;
    let mut pip = Command::new(place.join("bin/python"));
    pip.args(["-m", "pip", "install", "--quiet"])
        .args([
            "--disable-pip-version-check",
            "--no-compile",
            "--no-cache-dir",
        ])
        .args(["--no-deps", "--only-binary=:all:", "--require-hashes"])
        .arg("--requirement")
        .arg(root.join(LOCK));
    let out = pip.stdin(Stdio::null()).stdout(Stdio::inherit()).output();
    let out = out.map_err(|error| broken("pip did not start", error.to_string()))?;
    let said = String::from_utf8_lossy(&out.stderr);
    eprint!("{said}");
    if !out.status.success() && said.contains(UNREACHED) {
        let why = "pip reaches no package index; its words are above";
        return Err(Lack::Impossible(why.to_owned()));
    }
    if !out.status.success() {
        return Err(broken(
            "pip failed; its words are above",
            out.status.to_string(),
        ));
    }
    let packages = format!("lib/python{PYTHON}/site-packages");
    let mut stand_in = Command::new("python3");
    stand_in
        .arg(root.join("models/training/stand_in.py"))
        .arg(place.join(packages));
    run(&mut stand_in).map_err(|problem| broken("stand_in.py failed", problem))
}

fn smoke(root: &Path, place: &Path) -> Outcome {
    timed("training, on a few drawn pictures", || {
        let mut python = Command::new(place.join("bin/python"));
        python
            .arg(root.join("models/training/smoke.py"))
            .env("PYTHONDONTWRITEBYTECODE", "1")
            .env("OMP_NUM_THREADS", "1");
        run(&mut python).map_err(|problem| format!("smoke.py failed ({problem})"))
    })
}
