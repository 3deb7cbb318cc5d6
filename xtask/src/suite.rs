//! The test suite: cargo builds it, this runs it.
//!
//! Theory of operation: `cargo test` runs one test program after the other, and several of ours mostly wait: for a vendor's
//! retry, for a log to become certain. Those run beside the others, which keep the cores busy. Programs that watch cameras
//! in real time run alone, after all others. What a program prints comes out when it has ended.

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::Mutex;
use std::time::{Duration, Instant};

use crate::Outcome;
use crate::steps::cargo_path;

/// These mostly wait.
const WAITING: [&str; 3] = ["vendors", "guides", "intake_kill"];
/// These need the machine for themselves: pictures come at the speed of time.
const ALONE: [&str; 2] = ["live_run", "live_camera"];

/// A test program.
struct Program {
    /// What it is made of, such as `tests/guides.rs`.
    source: String,
    path: PathBuf,
}

impl Program {
    fn is_one_of(&self, names: &[&str]) -> bool {
        let name = self.path.file_name().unwrap_or_default().to_string_lossy();
        let name = name.rsplit_once('-').map_or(&*name, |(name, _)| name);
        names.contains(&name)
    }
}

/// Builds every test of the workspace in this profile and runs it.
pub(crate) fn run(root: &Path, profile: &str) -> Outcome {
    let programs = build(root, profile)?;
    let (alone, rest): (Vec<_>, Vec<_>) = programs.iter().partition(|p| p.is_one_of(&ALONE));
    let (waiting, busy): (Vec<_>, Vec<_>) = rest.into_iter().partition(|p| p.is_one_of(&WAITING));
    let failed = Mutex::new(Vec::new());
    std::thread::scope(|scope| {
        scope.spawn(|| run_all(root, &waiting, &failed));
        run_all(root, &busy, &failed);
    });
    run_all(root, &alone, &failed);
    let failed = failed.into_inner().unwrap_or_default();
    if failed.is_empty() {
        Ok(())
    } else {
        Err(format!("failed: {}", failed.join(", ")))
    }
}

/// Has cargo build the tests; it names each program.
fn build(root: &Path, profile: &str) -> Outcome<Vec<Program>> {
    // Examples are programs for people; lints see that they compile.
    let arguments = [
        "test",
        "--workspace",
        "--lib",
        "--bins",
        "--tests",
        "--no-run",
        "--profile",
        profile,
    ];
    println!("$ cargo {}", arguments.join(" "));
    let mut child = Command::new(cargo_path())
        .args(arguments)
        .current_dir(root)
        .stderr(Stdio::piped())
        .spawn()
        .map_err(|error| format!("cannot run cargo: {error}"))?;
    let mut programs = Vec::new();
    if let Some(stderr) = child.stderr.take() {
        for line in BufReader::new(stderr).lines().map_while(Result::ok) {
            eprintln!("{line}");
            programs.extend(program(&line, root));
        }
    }
    let status = child.wait();
    let status = status.map_err(|error| format!("cargo was lost: {error}"))?;
    if !status.success() {
        return Err(format!("the tests cannot be built ({status})"));
    }
    if programs.is_empty() {
        return Err("cargo named no test program: was its output changed?".to_owned());
    }
    Ok(programs)
}

/// Of a line such as `  Executable tests/guides.rs (target/ci/deps/guides-0123)`.
fn program(line: &str, root: &Path) -> Option<Program> {
    let rest = line.trim().strip_prefix("Executable ")?;
    let (source, path) = rest.strip_suffix(')')?.rsplit_once(" (")?;
    Some(Program {
        source: source.to_owned(),
        path: root.join(path),
    })
}

fn run_all(root: &Path, programs: &[&Program], failed: &Mutex<Vec<String>>) {
    for program in programs {
        let begun = Instant::now();
        // Cargo runs a package's tests in the package's folder.
        let own = if program.is_one_of(&["xtask"]) {
            "xtask"
        } else {
            "."
        };
        let ran = Command::new(&program.path)
            .current_dir(root.join(own))
            .stdin(Stdio::null())
            .output();
        let good = ran.as_ref().is_ok_and(|output| output.status.success());
        tell(program, begun.elapsed(), &ran);
        if !good && let Ok(mut failed) = failed.lock() {
            failed.push(program.source.clone());
        }
    }
}

fn tell(program: &Program, took: Duration, ran: &std::io::Result<Output>) {
    let text = match ran {
        Ok(output) => {
            let (out, err) = (&output.stdout, &output.stderr);
            format!(
                "{}{}",
                String::from_utf8_lossy(out),
                String::from_utf8_lossy(err)
            )
        }
        Err(error) => format!("cannot run {}: {error}\n", program.path.display()),
    };
    // One print, so that programs that run side by side are not mixed.
    println!(
        "-- {} ({:.1} s)\n{text}",
        program.source,
        took.as_secs_f64()
    );
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cargo_names_its_programs() {
        let line = "  Executable tests/vendors/main.rs (target/ci/deps/vendors-08151e4efa5931bd)";
        let found = program(line, Path::new("/project")).expect("a program");
        assert_eq!(found.source, "tests/vendors/main.rs");
        assert!(found.is_one_of(&WAITING));
        assert!(!found.is_one_of(&ALONE));
        let unit = "  Executable unittests src/lib.rs (target/ci/deps/tailgate-9a4274054dc70de8)";
        assert_eq!(
            program(unit, Path::new("")).expect("a program").source,
            "unittests src/lib.rs"
        );
        assert!(program("   Compiling tailgate v0.1.0", Path::new("")).is_none());
    }
}
