//! `tailgate evidence list|show|check|hold`: what is kept of verdicts, and whether it is whole.

use std::path::{Path, PathBuf};

use clap::{Args, Subcommand};
use serde::Serialize;

use super::{DONE, Failure, NOT_AS_EXPECTED, Outcome};
use crate::evidence::{
    Checked, EvidenceError, FileKind, Listed, Manifest, check, find, hold, list,
};

/// Lists, shows, checks and holds the evidence that was kept of verdicts.
#[derive(Debug, Args)]
pub struct EvidenceArgs {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, Subcommand)]
enum What {
    /// Lists all evidence in a folder, the oldest first.
    List {
        /// Folder of evidence.
        dir: PathBuf,
        /// Print one JSON array instead of text.
        #[arg(long)]
        json: bool,
    },
    /// Shows what is kept under an id, what is missing, and whether it is whole.
    Show {
        /// Folder of evidence.
        dir: PathBuf,
        /// Whose evidence.
        id: String,
        /// Print one JSON object instead of text.
        #[arg(long)]
        json: bool,
    },
    /// Checks size and SHA-256 of every file; exit code 4 if anything is gone or damaged.
    Check {
        /// Folder of evidence.
        dir: PathBuf,
        /// Only of this id.
        id: Option<String>,
        /// Print one JSON array instead of text.
        #[arg(long)]
        json: bool,
    },
    /// Keeps evidence from being deleted to make room.
    Hold {
        /// Folder of evidence.
        dir: PathBuf,
        /// Whose evidence.
        id: String,
        /// It may be deleted again.
        #[arg(long)]
        release: bool,
    },
}

/// Lists, shows, checks or holds.
pub fn run(args: &EvidenceArgs) -> Outcome {
    match &args.what {
        What::List { dir, json } => run_list(dir, *json),
        What::Show { dir, id, json } => run_show(dir, id, *json),
        What::Check { dir, id, json } => run_check(dir, id.as_deref(), *json),
        What::Hold { dir, id, release } => {
            let folder = find(dir, id).map_err(failure)?;
            hold(&folder, !release).map_err(failure)?;
            let now = match release {
                true => "may be deleted to make room",
                false => "is held: it is not deleted to make room",
            };
            println!("{id} {now}");
            Ok(DONE)
        }
    }
}

fn failure(error: EvidenceError) -> Failure {
    Failure::unusable(error.to_string())
}

fn print_json(value: &impl Serialize) -> Result<(), Failure> {
    let text = serde_json::to_string_pretty(value);
    println!(
        "{}",
        text.map_err(|error| Failure::unusable(error.to_string()))?
    );
    Ok(())
}

fn run_list(dir: &Path, json: bool) -> Outcome {
    let all = list(dir).map_err(failure)?;
    if json {
        print_json(&all)?;
        return Ok(DONE);
    }
    for one in &all {
        println!("{}", line(one));
    }
    let bytes = all.iter().map(|one| one.bytes).sum();
    let held = all.iter().filter(|one| one.held).count();
    println!("{} kept, {}; {held} held", all.len(), size(bytes));
    Ok(DONE)
}

/// One line of the list.
fn line(one: &Listed) -> String {
    let held = if one.held { "  held" } else { "" };
    let Some(manifest) = &one.manifest else {
        return format!(
            "{:<20}  {}  no manifest that can be read{held}",
            "?", one.id
        );
    };
    let begin: String = manifest.from.chars().take(19).collect();
    let clear = if manifest.clear { "  clear" } else { "" };
    let missing = match manifest.missing.len() {
        0 => String::new(),
        _ => "  incomplete".to_owned(),
    };
    format!(
        "{begin}Z  {}  {} by {}  {}{clear}{missing}{held}",
        one.id,
        manifest.door,
        manifest.camera,
        size(one.bytes)
    )
}

fn size(bytes: u64) -> String {
    match bytes {
        0..1_000_000 => format!("{:.0} kB", bytes as f64 / 1e3),
        1_000_000..1_000_000_000 => format!("{:.1} MB", bytes as f64 / 1e6),
        _ => format!("{:.1} GB", bytes as f64 / 1e9),
    }
}

fn run_show(dir: &Path, id: &str, json: bool) -> Outcome {
    let folder = find(dir, id).map_err(failure)?;
    let checked = check(&folder);
    if json {
        print_json(&OfFolder {
            path: folder,
            checked,
        })?;
        return Ok(DONE);
    }
    println!("{}", folder.display());
    if let Some(manifest) = &checked.manifest {
        print!("{}", told(manifest));
    }
    for fault in &checked.faults {
        println!("DAMAGED  {fault}");
    }
    if checked.faults.is_empty() {
        println!("whole: every file is as it was written");
    }
    Ok(DONE)
}

/// What a manifest says, for people.
fn told(manifest: &Manifest) -> String {
    let blurred = match manifest.clear {
        true => "clear, as the camera sent it",
        false => "blurred but for the portal",
    };
    let mut text = format!(
        "door     {}\ncamera   {}\nfrom     {}\nto       {}\npixels   {blurred}\n",
        manifest.door, manifest.camera, manifest.from, manifest.to
    );
    for file in &manifest.files {
        let more = match (file.kind, file.pictures) {
            (FileKind::Clip, Some(pictures)) => format!(", {pictures} pictures"),
            _ => String::new(),
        };
        text.push_str(&format!(
            "file     {}, {}{more}\n",
            file.name,
            size(file.bytes)
        ));
    }
    for missing in &manifest.missing {
        text.push_str(&format!("missing  {missing}\n"));
    }
    if !manifest.about.is_null() {
        text.push_str(&format!("about    {}\n", manifest.about));
    }
    text
}

/// What checking came to, and of what.
#[derive(Debug, Serialize)]
struct OfFolder {
    path: PathBuf,
    #[serde(flatten)]
    checked: Checked,
}

fn run_check(dir: &Path, id: Option<&str>, json: bool) -> Outcome {
    let folders: Vec<PathBuf> = match id {
        Some(id) => vec![find(dir, id).map_err(failure)?],
        None => {
            let all = list(dir).map_err(failure)?;
            all.into_iter().map(|one| one.path).collect()
        }
    };
    let all = folders.into_iter().map(|path| OfFolder {
        checked: check(&path),
        path,
    });
    let all: Vec<OfFolder> = all.collect();
    let damaged = all.iter().filter(|one| !one.checked.faults.is_empty());
    let damaged = damaged.count();
    if json {
        print_json(&all)?;
    } else {
        for one in &all {
            for fault in &one.checked.faults {
                println!("{}: {fault}", one.path.display());
            }
        }
        println!("{} checked, {damaged} damaged", all.len());
    }
    Ok(if damaged > 0 { NOT_AS_EXPECTED } else { DONE })
}
