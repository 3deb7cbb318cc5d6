//! The rules of the source tree, as tests: who imports whom, what the core may not touch, how files
//! look.
//!
//! Theory of operation: sources are read as text. Comments and the insides of string literals are
//! blanked first, so that words in them do not count; tests at the end of a file are cut off where a
//! rule is about the product only. Each test lists every breach with file, line and what to do.
//!
//! It deliberately is no parser: the rules are simple enough for words.

#![allow(
    clippy::unwrap_used,
    reason = "a test stops where it finds what must not be"
)]

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

/// What each module may import besides itself. The core is in order: each one may import what stands
/// above it. See docs/ARCHITECTURE.md before changing anything here.
const CORE: [&str; 9] = [
    "units",
    "detection",
    "floor",
    "tracking",
    "crossing",
    "access",
    "sight",
    "verdict",
    "engine",
];

/// Modules above the core, and what they may import besides the whole core.
const ABOVE: [(&str, &[&str]); 14] = [
    ("capture", &[]),
    ("inference", &[]),
    // Secrets, certificates and clocks of whatever speaks over a network.
    ("wire", &[]),
    ("intake", &["wire"]),
    // Planes of bytes as numbers: what is dark, covered, moving.
    ("picture", &[]),
    ("evidence", &["capture"]),
    ("notify", &["wire"]),
    // Intake files are checked against the settings of the vendors' adapters.
    ("config", &["intake", "notify", "wire"]),
    // Solvers beside the core, as pure as it is.
    ("calibrate", &[]),
    ("score", &[]),
    ("sim", &["config"]),
    ("fake", &["capture"]),
    (
        "app",
        &[
            "capture",
            "inference",
            "config",
            "intake",
            "picture",
            "evidence",
            "notify",
            "wire",
            "calibrate",
            "score",
        ],
    ),
    (
        "commands",
        &[
            "capture",
            "inference",
            "config",
            "intake",
            "picture",
            "evidence",
            "notify",
            "wire",
            "calibrate",
            "score",
            "sim",
            "fake",
            "app",
        ],
    ),
];

/// What the core may not name, and why.
const IMPURE: [(&str, &str); 11] = [
    ("std::time", "time comes in as units::Instant"),
    ("SystemTime", "time comes in as units::Instant"),
    (
        "std::fs",
        "files are read at the edges: config, capture, inference",
    ),
    ("std::io", "input and output belong to the edges"),
    ("std::net", "the network belongs to the edges"),
    (
        "std::thread",
        "one step runs on one thread; the feeders have threads",
    ),
    ("std::env", "settings come in through the configuration"),
    (
        "std::process",
        "return a value; only commands end the program",
    ),
    ("rand", "the core is deterministic; chance belongs to sim"),
    (
        "HashMap",
        "its order differs between runs: use BTreeMap or a sorted Vec",
    ),
    (
        "HashSet",
        "its order differs between runs: use BTreeSet or a sorted Vec",
    ),
];

/// Functions of f64 whose last bit differs between machines.
const TRANSCENDENTAL: [&str; 23] = [
    "sin", "cos", "tan", "sin_cos", "asin", "acos", "atan", "atan2", "sinh", "cosh", "tanh", "exp",
    "exp2", "exp_m1", "ln", "ln_1p", "log", "log2", "log10", "powf", "cbrt", "hypot", "mul_add",
];

/// Words that stand for something else here, and the words to use. A `zone` alone is one of time.
const BANNED: [(&str, &str); 8] = [
    ("zones", "tiles, portals or sides"),
    ("Zone", "Tile, Portal or Side"),
    ("roi", "tile, crop or reach"),
    ("rois", "tiles, crops or reaches"),
    ("Roi", "Tile or Crop"),
    ("ROI", "TILE or CROP"),
    ("person_id", "track, holder or badge"),
    ("PersonId", "TrackId"),
];

/// No file is longer, in lines.
const MAX_LINES: usize = 900;

/// A source file, with comments and texts blanked.
struct Source {
    path: PathBuf,
    text: String,
    code: String,
}

impl Source {
    fn is_test(&self) -> bool {
        let name = self.path.file_name().unwrap_or_default();
        let tests = self
            .path
            .components()
            .any(|part| part.as_os_str() == "tests");
        tests || name == "tests.rs"
    }

    /// The lines of the product: without those of tests.
    fn product(&self) -> impl Iterator<Item = (usize, &str)> {
        let whole = if self.is_test() {
            ""
        } else {
            self.code.as_str()
        };
        let end = whole.find("#[cfg(test)]\nmod ").unwrap_or(whole.len());
        numbered(&whole[..end])
    }
}

fn numbered(text: &str) -> impl Iterator<Item = (usize, &str)> {
    text.lines()
        .enumerate()
        .map(|(index, line)| (index + 1, line))
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Every file under a folder of the project, with its path from the root, in order.
fn files(folder: &str) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut open = vec![root().join(folder)];
    while let Some(at) = open.pop() {
        if at.is_dir() {
            let entries = fs::read_dir(&at).unwrap();
            open.extend(entries.map(|entry| entry.unwrap().path()));
        } else if at.is_file() {
            found.push(at.strip_prefix(root()).unwrap().to_owned());
        }
    }
    found.sort();
    found
}

fn sources(folders: &[&str]) -> Vec<Source> {
    let all = folders.iter().flat_map(|folder| files(folder));
    let sources: Vec<Source> = all
        .filter(|path| path.extension().is_some_and(|extension| extension == "rs"))
        .map(|path| {
            let text = fs::read_to_string(root().join(&path)).unwrap();
            let code = blank(&text);
            Source { path, text, code }
        })
        .collect();
    assert!(
        !sources.is_empty(),
        "no sources in {folders:?}: is this the project's root?"
    );
    sources
}

/// Replaces comments and the insides of texts by spaces; lines stay where they are.
fn blank(text: &str) -> String {
    let bytes = text.as_bytes();
    let mut code = bytes.to_vec();
    let mut at = 0;
    while at < bytes.len() {
        let rest = &bytes[at..];
        let len = match rest {
            [b'/', b'/', ..] => rest
                .iter()
                .position(|byte| *byte == b'\n')
                .unwrap_or(rest.len()),
            [b'/', b'*', ..] => find(rest, b"*/").map_or(rest.len(), |end| end + 2),
            [b'r', b'"' | b'#', ..] if !bytes[..at].ends_with(b"_") => raw_text(rest),
            [b'"', ..] => plain_text(rest),
            [b'\'', b'\\', _, b'\'', ..] => 4,
            [b'\'', _, b'\'', ..] => 3,
            _ => 0,
        };
        for byte in &mut code[at..at + len] {
            if *byte != b'\n' {
                *byte = b' ';
            }
        }
        at += len.max(1);
    }
    String::from_utf8(code).unwrap()
}

fn find(text: &[u8], what: &[u8]) -> Option<usize> {
    text.windows(what.len()).position(|window| window == what)
}

/// How long a text in quotes is, quotes included.
fn plain_text(text: &[u8]) -> usize {
    let mut at = 1;
    while at < text.len() {
        match text[at] {
            b'"' => return at + 1,
            b'\\' => at += 2,
            _ => at += 1,
        }
    }
    text.len()
}

/// How long a raw text such as `r#"..."#` is; 0 if it is none.
fn raw_text(text: &[u8]) -> usize {
    let hashes = text[1..].iter().take_while(|byte| **byte == b'#').count();
    if text.get(1 + hashes) != Some(&b'"') {
        return 0;
    }
    let end = [b"\"", "#".repeat(hashes).as_bytes()].concat();
    let body = 2 + hashes;
    find(&text[body..], &end).map_or(text.len(), |at| body + at + end.len())
}

/// The identifiers of a line.
fn words(line: &str) -> impl Iterator<Item = &str> {
    line.split(|c: char| !c.is_alphanumeric() && c != '_')
        .filter(|word| !word.is_empty())
}

/// The modules of this crate that a piece of code names, as `crate::x` or in `crate::{x, y::z}`.
fn imports(code: &str) -> Vec<(usize, String)> {
    let mut found = Vec::new();
    for (at, _) in code.match_indices("crate::") {
        let line = code[..at].matches('\n').count() + 1;
        let rest = &code[at + "crate::".len()..];
        let Some(group) = rest.strip_prefix('{') else {
            found.extend(words(rest).next().map(|name| (line, name.to_owned())));
            continue;
        };
        let mut depth = 0;
        let mut start = true;
        for (offset, c) in group.char_indices() {
            match c {
                '{' => depth += 1,
                '}' if depth == 0 => break,
                '}' => depth -= 1,
                ',' if depth == 0 => start = true,
                c if start && c.is_alphabetic() => {
                    start = false;
                    found.extend(
                        words(&group[offset..])
                            .next()
                            .map(|name| (line, name.to_owned())),
                    );
                }
                _ => {}
            }
        }
    }
    found
}

/// Fails with all breaches, if there are any.
#[track_caller]
fn report(rule: &str, breaches: &[String]) {
    assert!(breaches.is_empty(), "{rule}\n  {}\n", breaches.join("\n  "));
}

fn breach(path: &Path, line: usize, what: impl std::fmt::Display) -> String {
    format!("{}:{line}: {what}", path.display())
}

#[test]
fn modules_import_only_what_stands_before_them() {
    let mut allowed: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for (rank, module) in CORE.iter().enumerate() {
        allowed.insert(module, CORE[..=rank].to_vec());
    }
    for (module, more) in ABOVE {
        allowed.insert(module, [&CORE[..], more, &[module]].concat());
    }
    let mut breaches = Vec::new();
    for source in sources(&["src"]) {
        let mut parts = source
            .path
            .iter()
            .skip(1)
            .map(|part| part.to_str().unwrap());
        let (first, inside) = (parts.next().unwrap(), parts.next().is_some());
        if !inside {
            // lib.rs and main.rs name everything.
            continue;
        }
        let Some(may) = allowed.get(first) else {
            breaches.push(breach(
                &source.path,
                1,
                "give this module a place in tests/tidy.rs",
            ));
            continue;
        };
        for (line, name) in imports(&source.code) {
            if !may.contains(&name.as_str()) && allowed.contains_key(name.as_str()) {
                breaches.push(breach(
                    &source.path,
                    line,
                    format!("{first} imports {name}"),
                ));
            }
        }
    }
    report(
        "imports go one way only: move the shared type down to where both may see it, or let the \
         caller above pass what is needed (the order is in tests/tidy.rs and docs/ARCHITECTURE.md)",
        &breaches,
    );
}

#[test]
fn the_core_is_pure() {
    let mut breaches = Vec::new();
    let pure = CORE.iter().chain(&["calibrate"]);
    let folders: Vec<String> = pure.map(|module| format!("src/{module}")).collect();
    let folders: Vec<&str> = folders.iter().map(String::as_str).collect();
    for source in sources(&folders) {
        for (number, line) in source.product() {
            for (word, instead) in IMPURE {
                let named = match word.contains("::") {
                    true => line.contains(word),
                    false => words(line).any(|found| found == word),
                };
                if named {
                    breaches.push(breach(&source.path, number, format!("{word}: {instead}")));
                }
            }
            for name in TRANSCENDENTAL {
                if line.contains(&format!(".{name}(")) || line.contains(&format!("f64::{name}(")) {
                    let what = format!("{name}: use libm::{name}, which is the same everywhere");
                    breaches.push(breach(&source.path, number, what));
                }
            }
        }
    }
    report(
        "the core has no clock, disk, network, thread, chance or unsteady number",
        &breaches,
    );
}

#[test]
fn files_say_what_they_are_and_are_not_too_long() {
    let mut breaches = Vec::new();
    for source in sources(&["src", "tests", "benches", "xtask"]) {
        if !source.text.starts_with("//!") {
            let what =
                "begin it with //!: what it is, how it works, what it deliberately does not do";
            breaches.push(breach(&source.path, 1, what));
        }
        let lines = source.text.lines().count();
        if lines > MAX_LINES {
            let what = format!("{lines} lines, at most {MAX_LINES}: split it by nouns");
            breaches.push(breach(&source.path, lines, what));
        }
    }
    report(
        "files begin with their purpose and hold one noun each",
        &breaches,
    );
}

#[test]
fn the_words_are_those_of_the_glossary() {
    let mut breaches = Vec::new();
    for source in sources(&["src", "tests", "benches"]) {
        for (number, line) in numbered(&source.code) {
            for (word, instead) in BANNED {
                if words(line).any(|found| found == word) {
                    breaches.push(breach(
                        &source.path,
                        number,
                        format!("{word}: say {instead}"),
                    ));
                }
            }
        }
    }
    report("docs/GLOSSARY.md has the words of this project", &breaches);
}

#[test]
fn nothing_is_left_undone() {
    let mut breaches = Vec::new();
    for source in sources(&["src", "tests", "benches", "xtask"]) {
        for (number, line) in numbered(&source.code) {
            for left in ["todo!", "unimplemented!", "dbg!", "#[ignore"] {
                if line.contains(left) {
                    let what =
                        format!("{left}: do it, or take it out and write down what is missing");
                    breaches.push(breach(&source.path, number, what));
                }
            }
        }
    }
    report("what is landed is whole", &breaches);
}

#[test]
fn tests_do_not_sleep() {
    let mut breaches = Vec::new();
    for source in sources(&["src", "tests", "benches"]) {
        for (number, line) in numbered(&source.code) {
            let in_tests = source.path.starts_with("tests");
            let sleeps = line.contains("thread::sleep")
                || line.contains("park_timeout")
                || in_tests && line.contains("time::sleep(");
            if sleeps {
                let what = "wait for the thing itself: join, a channel, or a condition";
                breaches.push(breach(&source.path, number, what));
            }
        }
    }
    report("time that passes proves nothing", &breaches);
}

#[test]
fn no_file_knows_the_machine_it_was_written_on() {
    // Put together here, so that this file does not name them itself.
    let places = ["tmp", "work", "root", "home"].map(|name| format!("/{name}/"));
    let mut breaches = Vec::new();
    let folders = [
        "src",
        "tests",
        "benches",
        "xtask",
        "docs",
        "models",
        "testdata",
        "deploy",
        ".ci",
        ".cargo",
        "README.md",
        "Cargo.toml",
        "CHANGELOG.md",
    ];
    for path in folders
        .iter()
        .filter(|folder| root().join(folder).exists())
        .flat_map(|f| files(f))
    {
        // What is not text has no words.
        let Ok(text) = fs::read_to_string(root().join(&path)) else {
            continue;
        };
        for (number, line) in numbered(&text) {
            if let Some(place) = places.iter().find(|place| names_place(line, place)) {
                let what = format!("{place}: use a path from the project's root, or tempfile");
                breaches.push(breach(&path, number, what));
            }
        }
    }
    report("paths of one machine mean nothing on another", &breaches);
}

/// Whether a line names an absolute path that begins with `place`.
fn names_place(line: &str, place: &str) -> bool {
    line.match_indices(place).any(|(at, _)| {
        let before = line[..at].chars().next_back();
        !before.is_some_and(|c| c.is_alphanumeric() || "._-}/".contains(c))
    })
}

/// The rules are only as good as the reading of the sources.
#[test]
fn sources_are_read_as_rust_reads_them() {
    let text = r##"let a = "use crate::app"; // use crate::sim
/* crate::score */ use crate::{floor::{Grid, Side}, units};
let b = r#"crate::config "quoted" "#; let c = '"'; let d = crate::access::Door;"##;
    let found: Vec<(usize, String)> = imports(&blank(text));
    let names: Vec<(usize, &str)> = found
        .iter()
        .map(|(line, name)| (*line, name.as_str()))
        .collect();
    assert_eq!(names, [(2, "floor"), (2, "units"), (3, "access")]);
    let place = ["", "tmp", ""].join("/");
    assert!(names_place(&format!("see {place}x"), &place));
    assert!(!names_place(
        &format!("..{place}x and target{place}x"),
        &place
    ));
}
