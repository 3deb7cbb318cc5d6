//! Evidence as a process meets it: killed at random instants, and looked at from the command line.
//!
//! Theory of operation: the child that is killed is this very test program, told by its environment to keep evidence of one clip over and over; it
//! prints a line for every folder that it was told is written. After each kill
//! the place is opened again, as a start would: every folder must agree with its manifest, nothing unfinished may be left, and none
//! that was told may be missing. `TAILGATE_KILLS` sets the number of kills, 10 by default.

#![allow(
    clippy::unwrap_used,
    reason = "a test stops where it finds what must not be"
)]

use std::collections::BTreeSet;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use rand::{RngExt, SeedableRng};
use rand_pcg::Pcg64Mcg;
use tailgate::capture::{AccessUnit, ClipPackets, Rotation};
use tailgate::detection::PointInImage;
use tailgate::evidence::{
    Cut, Keeper, KeeperSettings, Quota, Region, Ring, RingLimits, Store, check, find, list,
};
use tailgate::units::{Instant, Span};

/// Where the child is to write; who has it is the child.
const CHILD_DIR: &str = "TAILGATE_EVIDENCE_CHILD";
/// Which child it is: the next one's evidence is later.
const CHILD_NUMBER: &str = "TAILGATE_EVIDENCE_CHILD_NUMBER";
/// A kill comes after at most so many folders ...
const MOST_FOLDERS: u32 = 3;
/// ... and at most this long after the last of them: about what one takes.
const LATEST_KILL: Duration = Duration::from_millis(300);
/// So little that folders are deleted for others, too.
const MAX_BYTES: u64 = 3 << 20;

fn settings(dir: &Path) -> KeeperSettings {
    KeeperSettings {
        quota: Quota {
            max_bytes: MAX_BYTES,
            min_free_bytes: 0,
        },
        patience: Duration::ZERO,
        ..KeeperSettings::new(dir.to_owned())
    }
}

fn units() -> Vec<Arc<AccessUnit>> {
    let clip = Path::new("testdata/clips/two-on-one-grant/clip.mp4");
    let mut packets = ClipPackets::open(clip).unwrap();
    let mut units = Vec::new();
    while let Some(unit) = packets.next_unit().unwrap() {
        units.push(Arc::new(unit));
    }
    units
}

/// One second of a clip that began at `start`, from `from_ms` on.
fn cut(id: &str, units: &[Arc<AccessUnit>], start: Instant, from_ms: i64) -> Cut {
    let ring = Ring::new(RingLimits::default(), Rotation::None);
    for unit in units {
        ring.push(Arc::clone(unit), start + Span::from_us(unit.time_us));
    }
    let from = start + Span::from_ms(from_ms);
    let corner = |x, y| PointInImage { x, y };
    Cut {
        id: id.to_owned(),
        camera: "hall".to_owned(),
        door: "front".to_owned(),
        ring: Arc::new(ring),
        from,
        to: from + Span::from_ms(1_000),
        keep: vec![Region::Rectangle(corner(240.0, 80.0), corner(400.0, 400.0))],
        clear: false,
        moments: vec![from + Span::from_ms(500)],
        trace: b"{}\n".repeat(1_000),
        about: serde_json::Value::Null,
    }
}

fn keep(dir: &Path, cut: Cut) {
    let keeper = Keeper::start(settings(dir)).unwrap();
    keeper.cut(cut).unwrap();
    let status = keeper.stop(Duration::from_secs(60));
    assert_eq!(status.written, 1, "{status:?}");
}

/// Keeps evidence until it is killed; each cut is a minute later than the one before.
fn keep_for_ever(dir: &Path, child: u32) {
    let units = units();
    for number in 0..1_000_u32 {
        let start = Instant::from_s(60.0 * f64::from(child * 1_000 + number));
        let id = format!("k{child}-{number:04}");
        // One at a time, so that what was told is known.
        let cut = Cut {
            clear: number % 2 == 0,
            ..cut(&id, &units, start, i64::from(number % 60) * 100)
        };
        keep(dir, cut);
        println!("\nkept {id}");
    }
}

#[test]
fn child() {
    if let Ok(dir) = std::env::var(CHILD_DIR) {
        let number = std::env::var(CHILD_NUMBER).unwrap();
        keep_for_ever(Path::new(&dir), number.parse().unwrap());
    }
}

fn start(dir: &Path, number: u32) -> Child {
    Command::new(std::env::current_exe().unwrap())
        .args(["child", "--exact", "--nocapture"])
        .env(CHILD_DIR, dir)
        .env(CHILD_NUMBER, number.to_string())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap()
}

/// The next folder that the child says is kept.
fn next_kept(lines: &mut impl BufRead) -> Option<String> {
    let mut line = String::new();
    while lines.read_line(&mut line).unwrap() > 0 {
        if let Some(id) = line.trim().strip_prefix("kept ") {
            return Some(id.to_owned());
        }
        line.clear();
    }
    None
}

#[test]
fn a_kill_leaves_whole_folders_only() {
    let kills: u32 = std::env::var("TAILGATE_KILLS").map_or(10, |n| n.parse().unwrap());
    let dir = tempfile::tempdir().unwrap();
    let mut random = Pcg64Mcg::seed_from_u64(1);
    // Nobody sends on it: waiting is all it is for.
    let (_keep, never) = crossbeam_channel::bounded::<()>(0);
    let (mut unfinished, mut folders) = (0, 0);
    for kill in 0..kills {
        let mut child = start(dir.path(), kill);
        let mut lines = BufReader::new(child.stdout.take().unwrap());
        let mut told = BTreeSet::new();
        for _ in 0..random.random_range(1..=MOST_FOLDERS) {
            told.insert(next_kept(&mut lines).expect("the child keeps evidence"));
        }
        let after = LATEST_KILL.mul_f64(random.random());
        assert!(never.recv_timeout(after).is_err());
        // SIGKILL: nothing of it runs any more.
        child.kill().unwrap();
        child.wait().unwrap();
        while let Some(id) = next_kept(&mut lines) {
            told.insert(id);
        }
        unfinished += parts(dir.path());
        drop(Store::open(dir.path(), settings(dir.path()).quota).unwrap());
        assert_eq!(parts(dir.path()), 0, "unfinished folders are left");
        let all = list(dir.path()).unwrap();
        for listed in &all {
            assert_eq!(check(&listed.path).faults, [""; 0], "{}", listed.id);
        }
        let ids: BTreeSet<String> = all.iter().map(|listed| listed.id.clone()).collect();
        // Later than all others: nothing was ever deleted to make room for another but it.
        let last = told.last().unwrap();
        assert!(ids.contains(last), "{last} was told and is gone");
        folders += told.len();
    }
    println!("{kills} kills, {folders} folders: {unfinished} unfinished ones swept");
    if kills >= 10 {
        assert!(unfinished > 0, "no kill hit a folder being written");
    }
}

/// How many unfinished folders there are.
fn parts(dir: &Path) -> usize {
    let days = std::fs::read_dir(dir)
        .unwrap()
        .map(|day| day.unwrap().path());
    let folders = days
        .filter(|day| day.is_dir())
        .flat_map(|day| std::fs::read_dir(day).unwrap());
    folders
        .filter(|folder| {
            folder
                .as_ref()
                .unwrap()
                .path()
                .extension()
                .is_some_and(|e| e == "part")
        })
        .count()
}

/// What `tailgate evidence` prints, sizes and places taken out, and its exit code.
#[track_caller]
fn said(dir: &Path, arguments: &[&str]) -> (String, Option<i32>) {
    let output = Command::new(env!("CARGO_BIN_EXE_tailgate"))
        .args(["evidence", arguments[0]])
        .arg(dir)
        .args(&arguments[1..])
        .output()
        .unwrap();
    let text =
        String::from_utf8(output.stdout).unwrap() + &String::from_utf8(output.stderr).unwrap();
    let text = text.replace(&dir.display().to_string(), "DIR");
    let words = text.lines().map(|line| {
        let words: Vec<&str> = line.split(' ').collect();
        let word = |at: usize| match words.get(at + 1) {
            Some(&("kB" | "kB," | "kB;")) => "N",
            _ => words[at],
        };
        (0..words.len()).map(word).collect::<Vec<_>>().join(" ")
    });
    (words.collect::<Vec<_>>().join("\n"), output.status.code())
}

#[test]
fn the_command_line_lists_shows_holds_and_checks() {
    let dir = tempfile::tempdir().unwrap();
    let dir = dir.path();
    // 2026-11-22T08:00:00Z.
    let start = Instant::from_s(1_795_334_400.0);
    keep(dir, cut("front-7", &units(), start, 3_000));
    let list = |more: &str| {
        let line = "2026-11-22T08:00:03Z  front-7  front by hall  N kB";
        let held = u8::from(!more.is_empty());
        (format!("{line}{more}\n1 kept, N kB; {held} held"), Some(0))
    };
    assert_eq!(said(dir, &["list"]), list(""));
    let held = "front-7 is held: it is not deleted to make room";
    assert_eq!(said(dir, &["hold", "front-7"]), (held.to_owned(), Some(0)));
    assert_eq!(said(dir, &["list"]), list("  held"));
    let whole = "DIR/2026-11-22/front-7\n\
        door     front\n\
        camera   hall\n\
        from     2026-11-22T08:00:03Z\n\
        to       2026-11-22T08:00:04Z\n\
        pixels   blurred but for the portal\n\
        file     clip.mp4, N kB, 13 pictures\n\
        file     key_1.jpg, N kB\n\
        file     trace.jsonl, N kB\n\
        whole: every file is as it was written";
    assert_eq!(said(dir, &["show", "front-7"]), (whole.to_owned(), Some(0)));
    let all_well = "1 checked, 0 damaged".to_owned();
    assert_eq!(said(dir, &["check"]), (all_well, Some(0)));
    std::fs::remove_file(find(dir, "front-7").unwrap().join("clip.mp4")).unwrap();
    let gone = "DIR/2026-11-22/front-7: clip.mp4 is gone\n1 checked, 1 damaged".to_owned();
    assert_eq!(said(dir, &["check"]), (gone, Some(4)));
    let nobody =
        "tailgate: there is no evidence x in DIR; `tailgate evidence list DIR` says what there is";
    assert_eq!(said(dir, &["show", "x"]), (nobody.to_owned(), Some(1)));
}
