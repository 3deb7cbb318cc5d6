//! `tailgate tune FOLDER...`: settings searched over labelled footage.

use std::collections::BTreeMap;
use std::io::IsTerminal;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant as Clock};

use clap::Args;

use super::footage::FootageArgs;
use super::simulate;
use super::{DONE, Failure, Outcome};
use crate::app::report::text::Ink;
use crate::app::tune::axis::Axis;
use crate::app::tune::cache::DetectionCache;
use crate::app::tune::case::{Case, Changes, Feed, Seen, eyes_key};
use crate::app::tune::findings::{Facts, Findings};
use crate::app::tune::folder::{CaseFiles, FootageKind, find};
use crate::app::tune::load::{Reading, load};
use crate::app::tune::search::{Limits, Search};
use crate::app::tune::{page, text};
use crate::config::{DetectorChoice, with_settings};
use crate::score::Truth;
use crate::sim::feed::{Level, feed};
use crate::units::Instant;

/// Trials that are made when nobody says how many: enough for every usual axis, coarse to fine.
const CONFIGURATIONS: usize = 500;

/// Searches better settings for a door over labelled clips, and says how far they can be believed.
///
/// Each clip needs its door, grants and truth beside it: NAME.door.toml, NAME.grants.csv and
/// NAME.truth.json, or door.toml, grants.csv and truth.json in its folder. Traces
/// (NAME.trace.jsonl) and scene scripts serve too. Without --set and --range the settings that matter
/// most are searched, coarse to fine. Nothing is written unless asked for.
#[derive(Debug, Args)]
pub struct TuneArgs {
    /// Folders or files of labelled footage.
    #[arg(required = true)]
    footage: Vec<PathBuf>,
    /// A door file for every clip, instead of those beside them; repeat it for several doors.
    #[arg(long = "door", value_name = "DOOR.toml")]
    doors: Vec<PathBuf>,
    /// Values to try, as counter.settle_for_s=0.1,0.2,0.4; repeat it for more settings.
    #[arg(long, value_name = "NAME=A,B,C")]
    set: Vec<String>,
    /// Values to try from one to another, as portal.depth_m=0.1..0.6 or 0.1..0.6:11 for 11 of them.
    #[arg(long, value_name = "NAME=A..B")]
    range: Vec<String>,
    /// Most configurations to try.
    #[arg(long, value_name = "N", default_value_t = CONFIGURATIONS)]
    configurations: usize,
    /// Stop after so many seconds. What is found may then differ between machines.
    #[arg(long, value_name = "S", value_parser = seconds)]
    time: Option<Duration>,
    /// What a missed breach costs, where any other wrong passage costs 1.
    #[arg(long, value_name = "X", default_value_t = 2.0)]
    missed_costs: f64,
    /// Threads; what is found does not depend on them.
    #[arg(long, value_name = "N", default_value_t = processors(), value_parser = clap::value_parser!(u16).range(1..=64))]
    threads: u16,
    /// Print one JSON object instead of the summary.
    #[arg(long)]
    json: bool,
    /// Write one self-contained page with plots.
    #[arg(long, value_name = "OUT.html")]
    report: Option<PathBuf>,
    /// Write the best settings into the door files; comments stay.
    #[arg(long)]
    write: bool,
    /// Where to keep what detectors saw (by default where the desktop keeps caches).
    #[arg(long, value_name = "DIR")]
    cache: Option<PathBuf>,
    /// Keep nothing of what detectors saw.
    #[arg(long)]
    no_cache: bool,
    /// No word of progress.
    #[arg(long)]
    quiet: bool,
    #[command(flatten)]
    how: FootageArgs,
}

/// Tunes.
pub fn run(args: &TuneArgs) -> Outcome {
    if !(args.missed_costs.is_finite() && args.missed_costs >= 1.0) {
        return Err(Failure::unusable("--missed-costs: give 1 or more"));
    }
    let cases = cases(args)?;
    let axes = axes(args, &cases)?;
    let findings = search(args, &cases, &axes)?;
    if let Some(path) = &args.report {
        std::fs::write(path, page::page(&findings)).map_err(|problem| {
            Failure::unusable(format!("cannot write {}: {problem}", path.display()))
        })?;
    }
    if args.json {
        let text = serde_json::to_string_pretty(&findings);
        println!(
            "{}",
            text.map_err(|problem| Failure::unusable(problem.to_string()))?
        );
    } else {
        let colour = std::io::stdout().is_terminal() && std::env::var_os("NO_COLOR").is_none();
        print!("{}", text::summary(&findings, Ink::new(colour)));
    }
    settle(args, &findings)
}

/// All labelled footage, looked at with each of the detector's settings that are asked for.
fn cases(args: &TuneArgs) -> Result<Vec<Case>, Failure> {
    let eyes = eyes(args)?;
    let reading = Reading {
        doors: args.doors.clone(),
        eyes: args.how.eyes(usize::from(args.threads)),
        rate: args.how.rate,
        grants: args.how.grants()?,
        cache: DetectionCache::new(args.cache.clone(), args.no_cache),
    };
    let files = find(&args.footage).map_err(|problems| Failure::unusable(problems.join("\n")))?;
    let given = |case: &CaseFiles| args.footage.contains(&case.footage);
    // In a folder what is not labelled is left alone; a file that was named must be.
    let (files, unlabelled): (Vec<_>, Vec<_>) = files
        .into_iter()
        .partition(|case| case.truth.is_some() || case.kind == FootageKind::Scene || given(case));
    if !unlabelled.is_empty() {
        let names: Vec<&str> = unlabelled.iter().map(|case| case.name.as_str()).collect();
        eprintln!(
            "tailgate: left out, for want of a truth file (`tailgate label` makes one): {}",
            names.join(", ")
        );
    }
    if files.is_empty() {
        return Err(Failure::unusable(
            "there is no labelled footage: nothing can be scored",
        ));
    }
    let (mut cases, mut problems) = (Vec::new(), Vec::new());
    for (index, case) in files.iter().enumerate() {
        let mut say = |what: &str| {
            if !args.quiet {
                eprintln!("tailgate: {what} ({} of {})", index + 1, files.len());
            }
        };
        let loaded = match case.kind {
            FootageKind::Scene => scene(case),
            _ => load(case, &reading, &eyes, &mut say),
        };
        match loaded {
            Ok(case) => cases.push(case),
            Err(problem) => problems.push(problem),
        }
    }
    if problems.is_empty() {
        Ok(cases)
    } else {
        Err(Failure::unusable(problems.join("\n")))
    }
}

/// Every combination of the detector's settings that are asked for; as they are first.
fn eyes(args: &TuneArgs) -> Result<Vec<Changes>, Failure> {
    let mut all = vec![Changes::new()];
    for axis in axes(args, &[])?.iter().filter(|axis| axis.setting.detects) {
        let with = |changes: &Changes| {
            let each = axis.values.iter().map(|value| {
                let mut changes = changes.clone();
                changes.insert(axis.setting.name.clone(), value.clone());
                changes
            });
            each.collect::<Vec<_>>()
        };
        let longer: Vec<Changes> = all.iter().flat_map(with).collect();
        all.extend(longer);
    }
    if all.len() > 1 && !args.quiet {
        eprintln!(
            "tailgate: settings of the detector change what is seen: every clip is looked through \
             {} times",
            all.len()
        );
    }
    Ok(all)
}

fn axes(args: &TuneArgs, cases: &[Case]) -> Result<Vec<Axis>, Failure> {
    if args.set.is_empty() && args.range.is_empty() {
        return Ok(Axis::usual(cases));
    }
    let values = args.set.iter().map(|text| Axis::of_values(text, cases));
    let ranges = args.range.iter().map(|text| Axis::of_range(text, cases));
    let (mut axes, mut problems): (Vec<Axis>, Vec<String>) = (Vec::new(), Vec::new());
    for axis in values.chain(ranges) {
        match axis {
            Ok(axis) if axes.iter().any(|known| known.setting == axis.setting) => {
                problems.push(format!("{} is given twice", axis.setting.name));
            }
            Ok(axis) => axes.push(axis),
            Err(problem) => problems.push(problem),
        }
    }
    if problems.is_empty() {
        Ok(axes)
    } else {
        Err(Failure::unusable(problems.join("\n")))
    }
}

/// How many this machine has, as far as threads go.
fn processors() -> u16 {
    thread::available_parallelism().map_or(1, |count| count.get().min(64) as u16)
}

/// A length of time, s.
fn seconds(text: &str) -> Result<Duration, String> {
    let number = text.trim().parse().ok().filter(|&seconds| seconds > 0.0);
    let time = number.and_then(|seconds| Duration::try_from_secs_f64(seconds).ok());
    time.ok_or_else(|| "give seconds, a number above 0".to_owned())
}

fn search(args: &TuneArgs, cases: &[Case], axes: &[Axis]) -> Result<Findings, Failure> {
    let begun = Clock::now();
    let limits = Limits {
        configurations: args.configurations.max(1),
        until: args.time.and_then(|time| begun.checked_add(time)),
        threads: usize::from(args.threads),
        missed_costs: args.missed_costs,
    };
    let shown = !args.quiet && std::io::stderr().is_terminal();
    let mut progress = |tried: usize| {
        if shown {
            eprint!("\r{tried} configurations tried ");
        }
    };
    let mut search = Search::new(cases, axes, limits, &mut progress).map_err(Failure::unusable)?;
    let outcome = search.run();
    if shown {
        eprint!("\r\x1b[K");
    }
    let facts = Facts {
        seconds: begun.elapsed().as_secs_f64(),
        missed_costs: args.missed_costs,
    };
    Findings::new(cases, axes, &search, &outcome, facts).map_err(Failure::unusable)
}

/// Writes what was found into the door files, or says how.
fn settle(args: &TuneArgs, findings: &Findings) -> Outcome {
    let changes: Vec<_> = findings.best.changes.clone().into_iter().collect();
    if changes.is_empty() {
        return Ok(DONE);
    }
    if !args.write {
        if !args.json {
            println!("\nTo use them write them into the door file, or tune again with --write:\n");
            print!("{}", to_paste(&findings.best.changes));
        }
        return Ok(DONE);
    }
    if findings.door_files.is_empty() {
        return Err(Failure::unusable(
            "--write: no door file belongs to this footage; give one with --door",
        ));
    }
    // All or none: a file that can't be changed must not leave the others changed.
    let mut texts = Vec::new();
    for path in &findings.door_files {
        let text = with_settings(path, &changes).map_err(|problem| {
            Failure::unusable(format!(
                "nothing was written: {problem}\nwrite it by hand:\n{}",
                to_paste(&findings.best.changes)
            ))
        })?;
        texts.push((path, text));
    }
    for (path, text) in texts {
        write_whole(path, &text)?;
        if !args.json {
            println!("written: {}", path.display());
        }
    }
    Ok(DONE)
}

/// Replaces a file: whoever reads it meanwhile sees the old text or the new one.
fn write_whole(path: &Path, text: &str) -> Result<(), Failure> {
    let cannot = |problem| Failure::unusable(format!("cannot write {}: {problem}", path.display()));
    let part = path.with_extension("toml.part");
    std::fs::write(&part, text).map_err(cannot)?;
    std::fs::rename(&part, path).map_err(cannot)
}

/// Changes as lines of a door file.
fn to_paste(changes: &Changes) -> String {
    let mut tables: BTreeMap<&str, Vec<String>> = BTreeMap::new();
    for (name, value) in changes {
        let (table, key) = name.split_once('.').unwrap_or(("", name));
        tables
            .entry(table)
            .or_default()
            .push(format!("{key} = {value}"));
    }
    let table = |(name, lines): (&str, Vec<String>)| {
        let (head, note) = match name {
            "portal" => ("[[portal]]".to_owned(), "   # in each portal that is there"),
            _ => (format!("[{name}]"), ""),
        };
        format!("{head}{note}\n{}\n", lines.join("\n"))
    };
    tables.into_iter().map(table).collect::<Vec<_>>().join("\n")
}

/// A scene script as a case: from boxes where it says what they must come to, else from places.
pub fn scene(files: &CaseFiles) -> Result<Case, String> {
    let path = &files.footage;
    let scene = simulate::load(path).map_err(|failure| failure.message)?;
    let level = if scene.boxes {
        Level::Boxes
    } else {
        Level::Footprints
    };
    let fed = feed(&scene, level).map_err(|why| format!("{}: {why}", path.display()))?;
    let label = |expected: &crate::sim::script::Expected| Truth {
        time_s: expected.at_s,
        tolerance_s: scene.expect.tolerance_s,
        direction: expected.kind.name().to_owned(),
        who: String::new(),
    };
    let seen = Seen {
        inputs: fed.inputs,
        end: fed.end,
    };
    let detector = DetectorChoice::default();
    Ok(Case {
        name: files.name.clone(),
        seconds: seen.end.as_s(),
        config: fed.config,
        door_files: Vec::new(),
        labels: scene.expect.verdicts.iter().map(label).collect(),
        by_verdict: true,
        start: Instant::ZERO,
        feed: Feed::Footage {
            events: fed.events,
            seen: BTreeMap::from([(eyes_key(&detector), Arc::new(seen))]),
        },
        detector,
    })
}
