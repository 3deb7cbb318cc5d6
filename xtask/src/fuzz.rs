//! Coverage-guided fuzzing of everything that reads bytes of access-control systems.
//!
//! Theory of operation: the targets in `fuzz/` are built with counters on every edge of the program, by
//! flags that stable Rust has, and linked with libFuzzer. Each begins from the project's payloads, with
//! the words in them as a dictionary, and goes on from what it found before (`fuzz/corpus`). At the end
//! stands how fast it was, how many edges it knew at the start and knows now, and what it found
//! (`fuzz/artifacts`).
//!
//! It deliberately is no part of CI: what is found in a minute was found long ago.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::Outcome;

/// How long a target runs unless it is said.
const SECONDS: u64 = 60;

/// The longest input, bytes: what the server takes of a source by default.
const LONGEST: usize = 64 << 10;

/// One input may take no longer, s, by the wall clock of a machine that may be busy with other things.
const SLOWEST_S: u32 = 10;

/// Counters on every edge and at every comparison, as libFuzzer reads them.
const FLAGS: &str = "-Cpasses=sancov-module -Cllvm-args=-sanitizer-coverage-level=4 \
    -Cllvm-args=-sanitizer-coverage-inline-8bit-counters \
    -Cllvm-args=-sanitizer-coverage-pc-table -Cllvm-args=-sanitizer-coverage-trace-compares \
    --cfg fuzzing";

/// A map for payloads that have none of their own.
const PLAIN_MAP: &str = "vendor = \"generic\"\nsecrets = [{ env = \"X\" }]\n[authentication]\n\
    by = \"bearer\"\n[time]\npointer = \"/time\"\n[kind]\npointer = \"/event\"\n\
    values = { granted = \"granted\" }\n";

/// Headers that mean something to somebody.
const HEADERS: &str = "/in/hq/0123456789abcdef0123456789abcdef?a=b\nX-Signature: sha256=00ff\n\
    Verkada-Signature: 00ff|1767601800\nSignature: t=1767601800,v1=00ff\nX-PDK-Signature: 00ff\n\
    Authorization: Bearer 0123456789abcdef\nX-Hook-Secret: abc\n\n{}";

/// What one run came to.
struct Run {
    target: String,
    executions: u64,
    a_second: u64,
    edges_before: u64,
    edges: u64,
    inputs: u64,
    found: usize,
}

/// `cargo xtask fuzz [TARGET...] [--seconds N]`.
pub(crate) fn run(root: &Path, arguments: &[String]) -> Outcome {
    let known = targets(root)?;
    let (wanted, seconds) = wanted(arguments, &known)?;
    let programs = build(root)?;
    let mut runs = Vec::new();
    for target in &wanted {
        runs.push(fuzz(root, &programs, target, seconds)?);
    }
    println!(
        "\n{:<12}{:>12}{:>10}{:>16}{:>9}{:>7}",
        "target", "executions", "a second", "edges", "inputs", "found"
    );
    for run in &runs {
        let edges = format!("{} -> {}", run.edges_before, run.edges);
        println!(
            "{:<12}{:>12}{:>10}{edges:>16}{:>9}{:>7}",
            run.target, run.executions, run.a_second, run.inputs, run.found
        );
    }
    match runs.iter().map(|run| run.found).sum() {
        0 => Ok(()),
        found => Err(format!(
            "{found} inputs broke something: see fuzz/artifacts"
        )),
    }
}

/// The targets that there are.
fn targets(root: &Path) -> Outcome<Vec<String>> {
    let names = files(&root.join("fuzz/targets"))?
        .into_iter()
        .filter_map(|path| {
            let name = path.file_stem()?.to_str()?;
            Some(name.to_owned())
        });
    Ok(names.collect())
}

fn wanted(arguments: &[String], known: &[String]) -> Outcome<(Vec<String>, u64)> {
    let (mut wanted, mut seconds) = (Vec::new(), SECONDS);
    let mut words = arguments.iter();
    while let Some(word) = words.next() {
        if word == "--seconds" {
            let number = words.next().and_then(|word| word.parse().ok());
            seconds = number.ok_or("--seconds takes a whole number")?;
        } else if known.contains(word) {
            wanted.push(word.clone());
        } else {
            return Err(format!(
                "{word:?} is no target; there are {}",
                known.join(", ")
            ));
        }
    }
    if wanted.is_empty() {
        wanted = known.to_vec();
    }
    Ok((wanted, seconds))
}

/// Builds all targets; the folder with their programs.
fn build(root: &Path) -> Outcome<PathBuf> {
    let machine = Command::new("rustc").arg("-vV").output();
    let machine = machine.map_err(|error| format!("cannot run rustc: {error}"))?;
    let machine = String::from_utf8_lossy(&machine.stdout).into_owned();
    let host = machine.lines().find_map(|line| line.strip_prefix("host: "));
    let host = host.ok_or("rustc does not say for which machine it compiles")?;
    // With a target named, build scripts and macros are compiled without the counters.
    let arguments = [
        "build",
        "--manifest-path",
        "fuzz/Cargo.toml",
        "--profile",
        "fuzz",
        "--target",
        host,
        "--target-dir",
        "fuzz/target",
    ];
    println!("$ RUSTFLAGS=\"{FLAGS}\" cargo {}", arguments.join(" "));
    let status = Command::new(std::env::var("CARGO").unwrap_or("cargo".into()))
        .args(arguments)
        .env("RUSTFLAGS", FLAGS)
        .current_dir(root)
        .status();
    match status {
        Ok(status) if status.success() => Ok(root.join("fuzz/target").join(host).join("fuzz")),
        Ok(status) => Err(format!("the targets were not built ({status})")),
        Err(error) => Err(format!("cannot run cargo: {error}")),
    }
}

fn fuzz(root: &Path, programs: &Path, target: &str, seconds: u64) -> Outcome<Run> {
    let corpus = root.join("fuzz/corpus").join(target);
    let artifacts = root.join("fuzz/artifacts").join(target);
    for folder in [&corpus, &artifacts] {
        fs::create_dir_all(folder).map_err(|error| unwritten(folder, &error))?;
    }
    seed(root, target, &corpus)?;
    let words = root.join("fuzz/corpus").join(format!("{target}.words"));
    fs::write(&words, dictionary(&corpus)?).map_err(|error| unwritten(&words, &error))?;
    println!("\n{target}: {seconds} s");
    let output = Command::new(programs.join(target))
        .arg(&corpus)
        .arg(format!("-max_total_time={seconds}"))
        .arg(format!("-max_len={LONGEST}"))
        .arg(format!("-timeout={SLOWEST_S}"))
        .arg(format!("-dict={}", words.display()))
        .arg(format!("-artifact_prefix={}/", artifacts.display()))
        .args(["-rss_limit_mb=512", "-print_final_stats=1"])
        .current_dir(root)
        .output()
        .map_err(|error| format!("cannot run {target}: {error}"))?;
    let said = String::from_utf8_lossy(&output.stderr);
    if !output.status.success() {
        println!("{said}");
    }
    let edges = |line: Option<&str>| line.and_then(|line| after(line, "cov: ")).unwrap_or(0);
    let begin = said.lines().find(|line| line.contains("INITED"));
    let end = said.lines().rev().find(|line| line.contains(" cov: "));
    let stat = |name: &str| said.lines().find_map(|line| after(line, name)).unwrap_or(0);
    Ok(Run {
        target: target.to_owned(),
        executions: stat("stat::number_of_executed_units:"),
        a_second: stat("stat::average_exec_per_sec:"),
        edges_before: edges(begin),
        edges: edges(end),
        inputs: files(&corpus)?.len() as u64,
        found: files(&artifacts)?.len(),
    })
}

/// The number that follows some words in a line.
fn after(line: &str, words: &str) -> Option<u64> {
    let (_, rest) = line.split_once(words)?;
    rest.split_whitespace().next()?.parse().ok()
}

/// Puts the project's payloads where the target begins.
fn seed(root: &Path, target: &str, corpus: &Path) -> Outcome {
    let payloads = root.join("testdata/payloads");
    let mut seeds: Vec<(String, Vec<u8>)> = Vec::new();
    match target {
        "headers" => seeds.extend(
            (0..7).map(|which: u8| (which.to_string(), [&[which], HEADERS.as_bytes()].concat())),
        ),
        "stream" => {
            for (name, body) in bodies(&payloads.join("genetec"))? {
                let text = String::from_utf8_lossy(&body).into_owned();
                let lines = if name.ends_with("json") {
                    text.replace(['\r', '\n'], " ")
                } else {
                    text
                };
                let framed = format!(
                    "\u{7}ConnectionId:1-2\r\n--GENETECBOUNDARY\r\nContent-type: text/plain\r\n\r\n\
                     KeepAlive\r\n--GENETECBOUNDARY\r\nContent-type: text/json\r\n\r\n{lines}\r\n"
                );
                seeds.push((name, framed.into_bytes()));
            }
        }
        "generic" => {
            for (name, body) in bodies(&payloads.join("generic"))? {
                let own = payloads.join("generic").join(&name).with_extension("toml");
                let map = fs::read(&own).unwrap_or_else(|_| PLAIN_MAP.into());
                seeds.push((name, [&map[..], b"\0", &body].concat()));
            }
        }
        vendor => seeds = bodies(&payloads.join(vendor))?,
    }
    for (name, seed) in seeds {
        let path = corpus.join(format!("seed-{name}"));
        fs::write(&path, seed).map_err(|error| unwritten(&path, &error))?;
    }
    Ok(())
}

/// The payloads of a folder, by name.
fn bodies(folder: &Path) -> Outcome<Vec<(String, Vec<u8>)>> {
    let mut bodies = Vec::new();
    for path in files(folder)? {
        let kind = path.extension().and_then(|kind| kind.to_str());
        let name = path
            .file_name()
            .and_then(|name| name.to_str())
            .unwrap_or_default();
        if !matches!(kind, Some("snap" | "toml")) {
            let body = fs::read(&path).map_err(|error| unwritten(&path, &error))?;
            bodies.push((name.to_owned(), body));
        }
    }
    Ok(bodies)
}

/// What stands between quotation marks in the seeds, or between spaces, as libFuzzer reads it.
fn dictionary(corpus: &Path) -> Outcome<String> {
    let mut words = BTreeSet::new();
    for path in files(corpus)? {
        let name = path
            .file_name()
            .and_then(|name| name.to_str())
            .unwrap_or_default();
        if !name.starts_with("seed-") {
            continue;
        }
        let seed = fs::read(&path).map_err(|error| unwritten(&path, &error))?;
        let text = String::from_utf8_lossy(&seed).into_owned();
        let plain = |word: &&str| {
            (2..60).contains(&word.len()) && word.bytes().all(|byte| (b' '..=b'~').contains(&byte))
        };
        if text.contains('"') {
            let quoted = text.split('"').skip(1).step_by(2).filter(plain);
            words.extend(quoted.map(|word| format!("\\\"{}\\\"", word.replace('\\', "\\\\"))));
        } else {
            let bare = text.split([' ', '\n', '|', ',']).filter(plain);
            words.extend(bare.map(str::to_owned));
        }
    }
    let lines = words.iter().map(|word| format!("\"{word}\"\n"));
    Ok(lines.collect())
}

fn files(folder: &Path) -> Outcome<Vec<PathBuf>> {
    let unread = |error| format!("cannot read {}: {error}", folder.display());
    let entries = fs::read_dir(folder).map_err(unread)?;
    let mut paths: Vec<PathBuf> = entries
        .filter_map(|entry| Some(entry.ok()?.path()))
        .collect();
    paths.sort();
    Ok(paths)
}

fn unwritten(path: &Path, error: &std::io::Error) -> String {
    format!("{}: {error}", path.display())
}
