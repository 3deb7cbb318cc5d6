//! `cargo xtask`: set-up and chores of the project, standard library only.
//!
//! Theory of operation: each command does the set-up that it needs first, says what it does, and
//! stops at the first step that fails, with what to do about it. A step that has nothing to do takes
//! a few hundredths of a second.
//!
//! It deliberately depends on nothing but cargo: it has to run before anything else is in place.

mod determinism;
mod fuzz;
mod package;
mod runtime;
mod steps;
mod suite;
mod system;
mod training;

use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// What went wrong, in words for a person.
pub(crate) type Outcome<T = ()> = Result<T, String>;

const USAGE: &str = "\
Set-up and chores of the project.

Usage: cargo xtask COMMAND [--yes]

Commands:
  setup   install what is missing: system packages (apt) and ONNX Runtime (pinned by hash)
  demo    set up, build, and play the demo clip: verdicts, a video and a report under out/
  test    set up, then run every test and check the slim build
  deb     set up, build, and make a Debian package under out/: binary, service, models, guides
  ci      all that a change must pass: set up, format, lints, tests, documentation
  determinism
          set up, build debug and release, and compare 20 replays of a clip and 40 of its trace
  training
          the detector's training on a few drawn pictures, with its Python packages (0.7 GB) under target/
  fuzz [TARGET...] [--seconds N]
          coverage-guided fuzzing of what reads access-control systems' bytes; 60 s a target

Options:
  --yes   do not ask before installing system packages
";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    if let Some(("fuzz", rest)) = arguments
        .split_first()
        .map(|(first, rest)| (&**first, rest))
    {
        return ended(setup(&root(), false).and_then(|()| fuzz::run(&root(), rest)));
    }
    let (flags, words): (Vec<_>, Vec<_>) = arguments.iter().partition(|word| word.starts_with('-'));
    let flags: Vec<&str> = flags.into_iter().map(String::as_str).collect();
    let words: Vec<&str> = words.into_iter().map(String::as_str).collect();
    let yes = match flags[..] {
        [] => false,
        ["--yes"] | ["-y"] => true,
        ["--help"] | ["-h"] => return usage(ExitCode::SUCCESS),
        _ => return usage(ExitCode::from(2)),
    };
    let root = root();
    let outcome = match words[..] {
        ["setup"] => setup(&root, yes),
        ["deb"] => setup(&root, yes).and_then(|()| package::deb(&root)),
        ["demo"] => setup(&root, yes).and_then(|()| steps::demo(&root)),
        ["test"] => setup(&root, yes).and_then(|()| steps::test(&root)),
        ["ci"] => steps::ci(&root),
        ["training"] => training::check(&root),
        ["determinism"] => setup(&root, yes).and_then(|()| determinism::check(&root)),
        ["help"] => return usage(ExitCode::SUCCESS),
        _ => return usage(ExitCode::from(2)),
    };
    ended(outcome)
}

fn ended(outcome: Outcome) -> ExitCode {
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(problem) => {
            eprintln!("error: {problem}");
            ExitCode::FAILURE
        }
    }
}

fn usage(code: ExitCode) -> ExitCode {
    print!("{USAGE}");
    code
}

/// The repository: the folder above this package.
fn root() -> PathBuf {
    let package = Path::new(env!("CARGO_MANIFEST_DIR"));
    package.parent().unwrap_or(package).to_owned()
}

/// Puts in place all that building and running need, and is quick about it when that is done.
pub(crate) fn setup(root: &Path, yes: bool) -> Outcome {
    system::check_platform()?;
    system::check_rust(root)?;
    let runtime_there = runtime::is_there(root);
    let installed = system::install_missing(!runtime_there, yes)?;
    if !runtime_there {
        runtime::fetch(root)?;
    }
    if !installed && runtime_there {
        println!("set-up: everything is in place");
    }
    Ok(())
}
