//! `tailgate gate OLD NEW --incidents DIR`: may a new configuration replace the old one?

use std::io::IsTerminal;
use std::path::{Path, PathBuf};

use clap::Args;

use super::{DONE, Failure, NOT_AS_EXPECTED, Outcome};
use crate::app::gate::{GateReport, Incident};
use crate::app::names::clock;
use crate::app::report::text::Ink;
use crate::app::tune::folder::{FootageKind, find};
use crate::app::tune::text::what_of;
use crate::config::{self, SiteConfig};
use crate::score::{Passage, Turn};

/// Judges recorded incidents with the old and with the new door file and shows which verdicts change.
///
/// An incident is a trace (`tailgate replay --trace`), with what was confirmed of it as
/// NAME.truth.json beside it; `tailgate label` makes one. Traces without a truth, and verdicts that
/// nobody confirmed, are neighbours: their changes are shown. Exit code 4 where a confirmed verdict
/// is lost.
#[derive(Debug, Args)]
pub struct GateArgs {
    /// The door file as it is.
    old: PathBuf,
    /// The door file that shall replace it.
    new: PathBuf,
    /// Folder of incidents; repeat it for more.
    #[arg(long, required = true, value_name = "DIR")]
    incidents: Vec<PathBuf>,
    /// Fail too where a verdict changes that nobody confirmed.
    #[arg(long)]
    strict: bool,
    /// Print one JSON object instead of the summary.
    #[arg(long)]
    json: bool,
}

/// Judges; exit code 4 where a confirmed verdict is lost.
pub fn run(args: &GateArgs) -> Outcome {
    let (old, new) = (site(&args.old)?, site(&args.new)?);
    let files = find(&args.incidents).map_err(|problems| Failure::unusable(problems.join("\n")))?;
    if !files.iter().any(|files| files.kind == FootageKind::Trace) {
        return Err(Failure::unusable(
            "there is no trace among the incidents; `tailgate replay CLIP --trace` makes one",
        ));
    }
    let report = GateReport::new(&files, &old, &new)
        .map_err(|problems| Failure::unusable(problems.join("\n")))?;
    if report.incidents.is_empty() {
        return Err(Failure::unusable(format!(
            "no incident is of this door\n{}",
            report.left_out.join("\n")
        )));
    }
    if args.json {
        let text = serde_json::to_string_pretty(&report);
        println!(
            "{}",
            text.map_err(|problem| Failure::unusable(problem.to_string()))?
        );
    } else {
        let colour = std::io::stdout().is_terminal() && std::env::var_os("NO_COLOR").is_none();
        print!("{}", summary(&report, Ink::new(colour)));
    }
    let failed = report.lost > 0 || (args.strict && report.neighbours_changed > 0);
    Ok(if failed { NOT_AS_EXPECTED } else { DONE })
}

fn site(path: &Path) -> Result<SiteConfig, Failure> {
    config::load(&[path.to_owned()]).map_err(|problems| Failure::unusable(problems.to_string()))
}

fn summary(report: &GateReport, ink: Ink) -> String {
    let mut text = String::new();
    for incident in &report.incidents {
        text.push_str(&told(incident, ink));
    }
    for name in &report.left_out {
        text.push_str(&format!("left out: {name}\n"));
    }
    let verdict = match report.lost {
        0 => ink.green("nothing confirmed is lost"),
        1 => ink.red("1 confirmed verdict is lost"),
        many => ink.red(&format!("{many} confirmed verdicts are lost")),
    };
    let incidents = match report.incidents.len() {
        1 => "1 incident".to_owned(),
        many => format!("{many} incidents"),
    };
    text.push_str(&format!(
        "{}, {} confirmed verdicts: {verdict}, {} gained, {} missed by both; {} of {} \
         neighbours change\n",
        incidents,
        report.confirmed,
        report.gained,
        report.missed_by_both,
        report.neighbours_changed,
        report.neighbours
    ));
    text
}

/// An incident in which something changes; nothing of any other.
fn told(incident: &Incident, ink: Ink) -> String {
    let mut text = String::new();
    for change in &incident.changes {
        let turn = match change.turn {
            Turn::Broken => ink.red("LOST    "),
            Turn::Fixed => ink.green("gained  "),
            Turn::StillWrong => ink.quiet("wrong   "),
        };
        text.push_str(&format!(
            "  {turn} {:>9}  {}\n",
            clock(change.time_s),
            what_of(change)
        ));
    }
    for passage in &incident.neighbour_changes {
        text.push_str(&format!(
            "  {} {:>9}  {}\n",
            ink.amber("changes "),
            clock(passage.time_s),
            neighbour(passage)
        ));
    }
    if text.is_empty() {
        return text;
    }
    format!("{}\n{text}", ink.bold(&incident.name))
}

fn neighbour(passage: &Passage) -> String {
    let word = |word: &Option<String>| match word {
        Some(word) => word.replace('_', " "),
        None => "nothing".to_owned(),
    };
    format!(
        "was {}, now {} (not confirmed)",
        word(&passage.expected),
        word(&passage.found)
    )
}
