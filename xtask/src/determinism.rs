//! Whether whole programs say the same thing every time: debug and release, one thread and two.
//!
//! Theory of operation: both builds replay a clip over and over, the frames looked at by one thread
//! and by two, and write traces. Every run must give the same verdict hash, and every trace must be
//! the same file to the last byte: not only what was said, also what was seen. Then both builds judge
//! the trace again without pixels. The same follows for a copy of the clip that was damaged.
//!
//! It deliberately uses the detector that every machine has (HOG): no weights are needed.

use std::path::Path;
use std::process::Command;

use crate::Outcome;
use crate::steps::{cargo, target, timed};

/// The clip's folder: somebody slips in while another comes out.
const CLIP: &str = "testdata/clips/entry-on-exit";

/// Replays of each build with each number of threads: twenty in all.
const RUNS_EACH: usize = 5;

/// Of the damaged copy one each is enough to show that threads and builds do not matter.
const DAMAGED_RUNS_EACH: usize = 1;

/// How often each build judges the trace again.
const TRACE_RUNS: usize = 20;

const THREADS: [&str; 2] = ["1", "2"];

/// The two builds: cargo's name of the profile's folder, and how it is asked for.
const BUILDS: [(&str, &[&str]); 2] = [
    ("debug", &["build", "--bin", "tailgate"]),
    ("release", &["build", "--release", "--bin", "tailgate"]),
];

/// Builds both, and compares all that they say.
pub(crate) fn check(root: &Path) -> Outcome {
    for (name, arguments) in BUILDS {
        cargo(root, &format!("build, {name}"), arguments)?;
    }
    let target = target(root);
    let scratch = target.join("determinism");
    std::fs::create_dir_all(&scratch)
        .map_err(|error| format!("cannot make {}: {error}", scratch.display()))?;
    let bench = Bench {
        root,
        target: &target,
        scratch: &scratch,
    };
    let whole = root.join(CLIP).join("clip.mp4");
    timed("the clip", || bench.compare(&whole, RUNS_EACH))?;
    let damaged = scratch.join("damaged.mp4");
    damage(&whole, &damaged)?;
    timed("a damaged copy", || {
        bench.compare(&damaged, DAMAGED_RUNS_EACH)
    })
}

/// Where things are.
struct Bench<'a> {
    root: &'a Path,
    target: &'a Path,
    scratch: &'a Path,
}

/// What one run came to.
#[derive(PartialEq)]
struct Said {
    hash: String,
    trace: Vec<u8>,
}

impl Bench<'_> {
    /// Replays `clip` with every build and number of threads, `runs` times each.
    fn compare(&self, clip: &Path, runs: usize) -> Outcome {
        let mut first: Option<(String, Said)> = None;
        let mut count = 0;
        for (build, _) in BUILDS {
            for threads in THREADS {
                for run in 1..=runs {
                    let name = format!("{build}, threads {threads}, run {run}");
                    let result = self.replay(build, clip, threads)?;
                    count += 1;
                    match &first {
                        None => first = Some((name, result)),
                        Some((other, expected)) => same(other, expected, &name, &result)?,
                    }
                }
            }
        }
        let Some((_, expected)) = first else {
            return Ok(());
        };
        println!("{count} replays, one trace, verdict hash {}", expected.hash);
        for (build, _) in BUILDS {
            for run in 1..=TRACE_RUNS {
                let hash = hash_of(&self.tailgate(build, &["replay", &self.trace(), "--json"])?)?;
                if hash != expected.hash {
                    return Err(format!(
                        "{build}, trace judged again, run {run}: {hash}, not {}",
                        expected.hash
                    ));
                }
            }
        }
        println!("{} replays of the trace: the same hash", 2 * TRACE_RUNS);
        Ok(())
    }

    fn replay(&self, build: &str, clip: &Path, threads: &str) -> Outcome<Said> {
        let clip = clip.display().to_string();
        let (door, grants) = (format!("{CLIP}/door.toml"), format!("{CLIP}/grants.csv"));
        let trace = self.trace();
        let said = self.tailgate(
            build,
            &[
                "replay",
                &clip,
                "--door",
                &door,
                "--grants",
                &grants,
                "--models",
                "models",
                "--model",
                "hog",
                "--threads",
                threads,
                "--trace",
                &trace,
                "--quiet",
                "--json",
            ],
        )?;
        let hash = hash_of(&said)?;
        let trace =
            std::fs::read(&trace).map_err(|error| format!("cannot read {trace}: {error}"))?;
        Ok(Said { hash, trace })
    }

    fn trace(&self) -> String {
        self.scratch.join("trace.jsonl").display().to_string()
    }

    /// Runs one build of the program; what it printed.
    fn tailgate(&self, build: &str, arguments: &[&str]) -> Outcome<String> {
        let program = self.target.join(build).join("tailgate");
        let output = Command::new(&program)
            .args(arguments)
            .current_dir(self.root)
            .output()
            .map_err(|error| format!("cannot run {}: {error}", program.display()))?;
        if !output.status.success() {
            return Err(format!(
                "{} {} failed ({}):\n{}",
                program.display(),
                arguments.join(" "),
                output.status,
                String::from_utf8_lossy(&output.stderr)
            ));
        }
        Ok(String::from_utf8_lossy(&output.stdout).into_owned())
    }
}

fn same(one: &str, expected: &Said, other: &str, found: &Said) -> Outcome {
    if found.hash != expected.hash {
        return Err(format!(
            "two runs state different verdicts:\n  {one}: {}\n  {other}: {}",
            expected.hash, found.hash
        ));
    }
    if found.trace != expected.trace {
        return Err(format!(
            "two runs state the same verdicts from different sightings: {one}, {other}"
        ));
    }
    Ok(())
}

/// The verdict hash in the report that `--json` prints.
fn hash_of(report: &str) -> Outcome<String> {
    report
        .split_once("\"verdict_hash\": \"")
        .and_then(|(_, rest)| rest.split_once('"'))
        .map(|(hash, _)| hash.to_owned())
        .ok_or_else(|| "the program printed no verdict hash".to_owned())
}

/// Copies a clip with some of its bytes wrong, from the middle on: pictures, not the index.
fn damage(from: &Path, to: &Path) -> Outcome {
    let mut bytes =
        std::fs::read(from).map_err(|error| format!("cannot read {}: {error}", from.display()))?;
    let (begin, end) = (bytes.len() / 2, bytes.len());
    for at in (begin..end).step_by(7_919) {
        bytes[at] ^= 0x55;
    }
    std::fs::write(to, bytes).map_err(|error| format!("cannot write {}: {error}", to.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_hash_is_found_in_a_report() {
        let report = "{\n  \"frames\": 3,\n  \"verdict_hash\": \"ab12\"\n}";
        assert_eq!(hash_of(report), Ok("ab12".to_owned()));
        assert!(hash_of("{}").is_err());
    }
}
