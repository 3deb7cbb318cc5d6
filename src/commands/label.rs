//! `tailgate label CLIP`: a truth file, confirmed crossing by crossing.

use std::io::{self, BufRead, BufReader, IsTerminal};
use std::path::{Path, PathBuf};

use clap::Args;

use super::footage::FootageArgs;
use super::{DONE, Failure, Outcome};
use crate::app::label::dialogue::{Dialogue, Ended, accept_all};
use crate::app::label::proposal::{Proposal, proposals};
use crate::app::label::sheet::{ClipFacts, Sheet};
use crate::app::label::strip::strips;
use crate::app::tune::cache::DetectionCache;
use crate::app::tune::case::{Case, Changes};
use crate::app::tune::folder::{CaseFiles, FootageKind, find};
use crate::app::tune::load::{Reading, load_unlabelled};
use crate::capture::{Clip, ClipOptions};

/// Makes a truth file: proposes every crossing of a run and lets a person confirm or correct it.
///
/// Each answer is written at once; started again it goes on where it stopped. A strip of pictures of
/// every crossing is written beside the truth file, to be looked at while answering. With grants the
/// verdicts are labelled too, without them only the crossings.
#[derive(Debug, Args)]
pub struct LabelArgs {
    /// The clip, or a trace of it (then without pictures).
    clip: PathBuf,
    /// The door's file (by default NAME.door.toml or door.toml beside the clip); repeat it for
    /// several doors in one view.
    #[arg(long = "door", value_name = "DOOR.toml")]
    doors: Vec<PathBuf>,
    /// Access events (by default NAME.grants.csv, .jsonl or grants.csv beside the clip).
    #[arg(long, value_name = "FILE")]
    grants: Option<PathBuf>,
    /// The truth file to make (by default NAME.truth.json beside the clip).
    #[arg(long, value_name = "TRUTH.json")]
    out: Option<PathBuf>,
    /// Confirm everything that is proposed, without asking.
    #[arg(long)]
    yes: bool,
    /// Write no strips of pictures.
    #[arg(long)]
    no_pictures: bool,
    /// Folder for the strips of pictures (by default NAME.label beside the truth file).
    #[arg(long, value_name = "DIR")]
    pictures: Option<PathBuf>,
    /// Threads that look for people.
    #[arg(long, default_value_t = 1, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=64))]
    threads: u16,
    /// Where to keep what the detector saw (by default where the desktop keeps caches).
    #[arg(long, value_name = "DIR")]
    cache: Option<PathBuf>,
    /// Keep nothing of what the detector saw.
    #[arg(long)]
    no_cache: bool,
    #[command(flatten)]
    how: FootageArgs,
}

/// Labels, with answers from standard input.
pub fn run(args: &LabelArgs) -> Outcome {
    label(args, &mut BufReader::new(io::stdin()))
}

fn label(args: &LabelArgs, answers: &mut dyn BufRead) -> Outcome {
    let files = files(args)?;
    let out = out(args, &files);
    let reading = Reading {
        doors: args.doors.clone(),
        eyes: args.how.eyes(usize::from(args.threads)),
        rate: args.how.rate,
        grants: args.how.grants()?,
        cache: DetectionCache::new(args.cache.clone(), args.no_cache),
    };
    let mut say = |what: &str| eprintln!("tailgate: {what}");
    let case = load_unlabelled(&files, &reading, &mut say).map_err(Failure::unusable)?;
    let (config, detector) = case.with(&Changes::new()).map_err(Failure::unusable)?;
    let (log, names) = case.run(config, &detector).map_err(Failure::unusable)?;
    let proposals = proposals(&log, &names, case.by_verdict);
    let facts = ClipFacts {
        clip: files.footage.display().to_string(),
        picture: picture(&files, &reading),
        by_verdict: case.by_verdict,
    };
    let mut sheet = Sheet::open(&out, facts).map_err(Failure::unusable)?;
    let pictures = pictures(args, &files, &case, &proposals, &out)?;
    let ended = if args.yes {
        accept_all(&proposals, &mut sheet)
    } else {
        let mut to = io::stdout().lock();
        let portals = case.config.portals.iter();
        let names = portals.flat_map(|p| [p.in_name.clone(), p.out_name.clone()]);
        let mut dialogue = Dialogue {
            from: answers,
            to: &mut to,
            directions: &names.collect::<Vec<_>>(),
            pictures: &pictures,
        };
        dialogue.run(&proposals, &mut sheet)
    };
    told(&ended.map_err(Failure::unusable)?, &sheet, args.yes);
    Ok(DONE)
}

fn told(ended: &Ended, sheet: &Sheet, unseen: bool) {
    println!(
        "{}: {} of {} proposals answered, {} crossings labelled",
        sheet.path().display(),
        ended.answered,
        ended.answered + ended.open,
        sheet.labelled().len()
    );
    if unseen {
        println!(
            "Nobody has looked at them: this says what the engine believes, not what happened."
        );
    } else if ended.open > 0 {
        println!("Start it again to go on.");
    }
}

/// The clip with what belongs to it, as `tune` would find it, unless the command line says otherwise.
fn files(args: &LabelArgs) -> Result<CaseFiles, Failure> {
    let mut found = find(std::slice::from_ref(&args.clip))
        .map_err(|problems| Failure::unusable(problems.join("\n")))?;
    match found.pop() {
        Some(mut files) if found.is_empty() && files.kind != FootageKind::Scene => {
            files.grants = args.grants.clone().or(files.grants);
            Ok(files)
        }
        _ => Err(Failure::unusable(format!(
            "{}: name one clip or trace",
            args.clip.display()
        ))),
    }
}

fn out(args: &LabelArgs, files: &CaseFiles) -> PathBuf {
    let stem = files
        .footage
        .file_stem()
        .unwrap_or_default()
        .to_string_lossy();
    let stem = stem.strip_suffix(".trace").unwrap_or(&stem);
    let beside = files.footage.with_file_name(format!("{stem}.truth.json"));
    args.out.clone().unwrap_or(beside)
}

fn picture(files: &CaseFiles, reading: &Reading) -> Option<(u32, u32)> {
    let clip = Clip::open(&files.footage, &options(reading)).ok()?;
    Some((clip.info().width, clip.info().height))
}

fn options(reading: &Reading) -> ClipOptions {
    ClipOptions {
        rate: reading.rate,
        ..ClipOptions::default()
    }
}

/// Paths of the strips, in the order of proposals.
fn pictures(
    args: &LabelArgs,
    files: &CaseFiles,
    case: &Case,
    proposals: &[Proposal],
    out: &Path,
) -> Result<Vec<String>, Failure> {
    // With --yes nobody looks.
    let unwanted = args.no_pictures || (args.yes && args.pictures.is_none());
    if unwanted || files.kind != FootageKind::Clip || proposals.is_empty() {
        return Ok(Vec::new());
    }
    let name = out.file_name().unwrap_or_default().to_string_lossy();
    let stem = name
        .strip_suffix(".truth.json")
        .or(name.strip_suffix(".json"))
        .unwrap_or(&name);
    let beside = out.with_file_name(format!("{stem}.label"));
    let folder = args.pictures.clone().unwrap_or(beside);
    let options = ClipOptions {
        rate: args.how.rate,
        ..ClipOptions::default()
    };
    let paths =
        strips(&files.footage, &options, case, proposals, &folder).map_err(Failure::unusable)?;
    if io::stdin().is_terminal() {
        println!("pictures: {}", folder.display());
    }
    Ok(paths
        .iter()
        .map(|path| path.display().to_string())
        .collect())
}
