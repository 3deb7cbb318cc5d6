//! The vendors' guides, run as they are written.
//!
//! Theory of operation: a guide's `sh` blocks are one session of bash, in a folder that looks like a
//! checkout. A block that begins with `# NAME` is a file to be written (`# NAME, more`: to be added to).
//! A `text` block after commands is what they print: each of its lines must be found in order, in a line
//! that has its words; `...` stands for anything. Ports are replaced by free ones, and what is started
//! with `&` is waited for until it listens; nothing else is changed.

#![cfg(feature = "opencv")]
#![allow(
    clippy::unwrap_used,
    reason = "a test stops where it finds what must not be"
)]

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Programs that the guides ask for.
const NEEDED: [&str; 3] = ["bash", "curl", "openssl"];

/// Bash prints this between blocks, with a number.
const MARK: &str = "=== block";

/// A block of a guide.
#[derive(Debug)]
enum Block {
    /// Commands.
    Run(String),
    /// A file to be written, or added to.
    File {
        name: String,
        more: bool,
        text: String,
    },
    /// What the commands before print.
    Prints(String),
}

fn project(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}

/// The fenced blocks of a page, in order.
fn blocks(page: &str) -> Vec<Block> {
    let mut blocks = Vec::new();
    let mut lines = page.lines();
    while let Some(line) = lines.next() {
        let Some(kind) = line.strip_prefix("```") else {
            continue;
        };
        let body: Vec<&str> = lines.by_ref().take_while(|line| *line != "```").collect();
        let text = body.join("\n") + "\n";
        let name = body.first().and_then(|first| first.strip_prefix("# "));
        blocks.push(match (kind, name) {
            ("sh", _) => Block::Run(text),
            ("toml" | "text", Some(name)) => {
                let more = name.strip_suffix(", more");
                Block::File {
                    name: more.unwrap_or(name).to_owned(),
                    more: more.is_some(),
                    text,
                }
            }
            ("text", None) => Block::Prints(text),
            other => panic!("a block of an unknown kind: {other:?}"),
        });
    }
    blocks
}

/// The page with a free port instead of each that it names.
fn with_free_ports(page: &str) -> String {
    let mut ports = BTreeMap::new();
    let mut kept = Vec::new();
    for part in page.split("127.0.0.1:").skip(1) {
        let digits: String = part.chars().take_while(char::is_ascii_digit).collect();
        ports.entry(digits).or_insert_with(|| {
            let free = TcpListener::bind("127.0.0.1:0").unwrap();
            let port = free.local_addr().unwrap().port();
            kept.push(free);
            port
        });
    }
    let mut page = page.to_owned();
    for (known, free) in &ports {
        page = page.replace(&format!("127.0.0.1:{known}"), &format!("127.0.0.1:{free}"));
    }
    page
}

/// The guide as one script: each block's output after a mark of its own.
fn script(blocks: &[Block], ports: &[u16]) -> String {
    let mut script = "set -euo pipefail\ntrap 'kill $(jobs -p) 2> /dev/null' EXIT\n".to_owned();
    let mut waiting = ports.iter();
    for (number, block) in blocks.iter().enumerate() {
        writeln!(script, "echo '{MARK} {number}'").unwrap();
        match block {
            Block::Run(text) => {
                script += text;
                if text.trim_end().ends_with('&') {
                    // Whoever reads the guide is slower than it takes to listen.
                    let port = waiting.next().expect("a port for each that is started");
                    writeln!(
                        script,
                        "until (exec 3<> /dev/tcp/127.0.0.1/{port}) 2> /dev/null; do kill -0 $!; done"
                    )
                    .unwrap();
                }
            }
            Block::File { name, more, text } => {
                let to = if *more { ">>" } else { ">" };
                writeln!(script, "cat {to} {name} <<'END OF FILE'\n{text}END OF FILE").unwrap();
            }
            Block::Prints(_) => {}
        }
    }
    script + "kill %1 %2\n"
}

/// Whether a printed line has the words of an expected one; `...` stands for any words.
fn fits(line: &str, expect: &str) -> bool {
    let words = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
    let (line, expect) = (words(line), words(expect));
    let mut rest = line.as_str();
    for (place, part) in expect.split("...").map(str::trim).enumerate() {
        let at = match place {
            0 => rest.starts_with(part).then_some(0),
            _ => rest.find(part),
        };
        let Some(at) = at else {
            return false;
        };
        rest = &rest[at + part.len()..];
    }
    expect.ends_with("...") || rest.is_empty()
}

#[track_caller]
fn check(guide: &str) {
    for program in NEEDED {
        if Command::new(program).arg("--version").output().is_err() {
            eprintln!("SKIPPED: docs/guides/{guide}.md needs {program}");
            return;
        }
    }
    let page = std::fs::read_to_string(project(&format!("docs/guides/{guide}.md"))).unwrap();
    let intake = page.find("127.0.0.1:8480").expect("the intake's address");
    let vendor = page.find("127.0.0.1:").expect("the vendor's address");
    assert!(vendor < intake, "the vendor is started first");
    let page = with_free_ports(&page);
    let ports = in_order(&page);
    let blocks = blocks(&page);
    let folder = tempfile::tempdir().unwrap();
    for part in ["testdata", "models"] {
        std::os::unix::fs::symlink(project(part), folder.path().join(part)).unwrap();
    }
    let program = Path::new(env!("CARGO_BIN_EXE_tailgate")).parent().unwrap();
    let path = format!("{}:{}", program.display(), std::env::var("PATH").unwrap());
    let output = Command::new("bash")
        .args(["-c", &script(&blocks, &ports)])
        .current_dir(folder.path())
        .env("PATH", path)
        .output()
        .unwrap();
    let printed = String::from_utf8_lossy(&output.stdout);
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{guide}: {printed}\n{said}");
    let parts: Vec<&str> = printed.split(MARK).skip(1).collect();
    assert_eq!(parts.len(), blocks.len());
    let mut prints = 0;
    for (number, block) in blocks.iter().enumerate() {
        let Block::Prints(expect) = block else {
            continue;
        };
        prints += 1;
        let mut lines = parts[number - 1].lines().skip(1);
        for expect in expect.lines() {
            let found = lines.any(|line| fits(line, expect));
            assert!(found, "{guide}: no {expect:?} in\n{}", parts[number - 1]);
        }
    }
    assert!(prints >= 4, "{guide}: nothing was compared");
}

/// The ports of a page, each once, in the order in which they first stand there.
fn in_order(page: &str) -> Vec<u16> {
    let mut ports = Vec::new();
    for part in page.split("127.0.0.1:").skip(1) {
        let digits: String = part.chars().take_while(char::is_ascii_digit).collect();
        let port = digits.parse().unwrap();
        if !ports.contains(&port) {
            ports.push(port);
        }
    }
    ports
}

#[test]
fn openpath() {
    check("openpath");
}

#[test]
fn kisi() {
    check("kisi");
}

#[test]
fn genetec() {
    check("genetec");
}

#[test]
fn expected_lines_are_compared_by_their_words() {
    assert!(fits(
        "9543    Main Entry   no door yet",
        "9543 ... Main Entry ... no door yet"
    ));
    assert!(fits(
        "    0:02.6  TAILGATING  front, x",
        "...  TAILGATING  front, ..."
    ));
    assert!(!fits(
        "9543    Main Entry   door front",
        "9543 ... Main Entry ... no door yet"
    ));
    assert!(!fits("a b c", "a b"));
    assert!(!fits("x a b", "a b"));
}
