//! `tailgate explain VERDICT --trace TRACE`: why, and why not.

use std::fs::File;
use std::io::BufReader;
use std::path::PathBuf;

use clap::Args;

use super::{DONE, Failure, NOT_AS_EXPECTED, Outcome};
use crate::app::names::{SiteNames, clock};
use crate::app::replay::{TraceReplay, replay_trace};
use crate::units::Instant;
use crate::verdict::{Names, Verdict, explain_grant, explain_steps, explain_verdict};

/// Verdicts this close to a given time are meant by it, s.
const NEAR_S: f64 = 3.0;

/// Explains a verdict: what was looked at, what was spent on what, and why nothing else was said.
///
/// The trace of the run is judged again; a verdict is named by its id (or the beginning of it),
/// or by its time since the clip's start, such as 1:09.
#[derive(Debug, Args)]
pub struct ExplainArgs {
    /// Verdict or grant id, the beginning of one, or a time such as 69.1 or 1:09.
    verdict: String,
    /// The trace that `tailgate replay --trace` wrote.
    #[arg(long, value_name = "TRACE.jsonl")]
    trace: PathBuf,
    /// Print the statements as JSON.
    #[arg(long)]
    json: bool,
}

/// Explains; exit code 4 if there is no such verdict.
pub fn run(args: &ExplainArgs) -> Outcome {
    let name = args.trace.display();
    let file = File::open(&args.trace)
        .map_err(|problem| Failure::unusable(format!("cannot read {name}: {problem}")))?;
    let replayed = replay_trace(BufReader::new(file), None)
        .map_err(|problem| Failure::unusable(format!("{name}: {problem}")))?;
    let start = Instant::from_us(replayed.provenance.start_us);
    let config = replayed.run.engine.config();
    let names = SiteNames::new(
        config,
        &replayed.provenance.titles,
        start,
        replayed.provenance.utc,
    );
    let told = tell(args, &replayed, &names)?;
    if told.is_empty() {
        return Err(Failure {
            code: NOT_AS_EXPECTED,
            message: nothing(args, &replayed, &names),
        });
    }
    print!("{told}");
    Ok(DONE)
}

fn tell(args: &ExplainArgs, replayed: &TraceReplay, names: &SiteNames) -> Result<String, Failure> {
    let log = &replayed.run.log;
    let mut text = String::new();
    for id in log.order.iter().filter(|id| id.starts_with(&args.verdict)) {
        text.push_str(&history(args, &log.verdicts[id], names)?);
    }
    for grant in log.current_grants() {
        if grant.id.starts_with(&args.verdict) || grant.grant == args.verdict {
            text.push_str(&format!(
                "{}\n  {}\n",
                grant.id,
                explain_grant(grant, names)
            ));
        }
    }
    if let (true, Some(seconds)) = (text.is_empty(), time(&args.verdict)) {
        let near =
            |verdict: &&Verdict| (names.seconds(verdict.crossing.at) - seconds).abs() <= NEAR_S;
        for verdict in log.current_verdicts().filter(near) {
            text.push_str(&history(args, &log.verdicts[&verdict.id], names)?);
        }
    }
    Ok(text)
}

/// Everything stated under one id, and the steps of the last statement.
fn history(args: &ExplainArgs, stated: &[Verdict], names: &SiteNames) -> Result<String, Failure> {
    if args.json {
        let json = serde_json::to_string_pretty(stated);
        return json
            .map(|json| json + "\n")
            .map_err(|problem| Failure::unusable(problem.to_string()));
    }
    let Some(last) = stated.last() else {
        return Ok(String::new());
    };
    let mut text = format!("{}\n  {}\n", last.id, explain_verdict(last, names));
    for step in explain_steps(last, names) {
        text.push_str(&format!("    - {step}\n"));
    }
    for verdict in stated {
        text.push_str(&format!(
            "  stated {} as {} ({})\n",
            names.time(verdict.stated_at),
            verdict.kind.name().replace('_', " "),
            format!("{:?}", verdict.stage).to_lowercase()
        ));
    }
    Ok(text)
}

/// What there is instead of what was asked for.
fn nothing(args: &ExplainArgs, replayed: &TraceReplay, names: &SiteNames) -> String {
    let log = &replayed.run.log;
    let mut text = format!("no verdict is called {:?} or near that time", args.verdict);
    if let Some(seconds) = time(&args.verdict) {
        let crossed = log.crossings.iter().map(|c| names.seconds(c.at));
        let nearest = crossed.min_by(|a, b| (a - seconds).abs().total_cmp(&(b - seconds).abs()));
        if let Some(nearest) = nearest {
            text.push_str(&format!("; the nearest crossing is at {}", clock(nearest)));
        }
    }
    text.push_str("\nthere are:");
    for verdict in log.current_verdicts() {
        let at = clock(names.seconds(verdict.crossing.at));
        text.push_str(&format!(
            "\n  {}  {at}  {}",
            verdict.id,
            verdict.kind.name()
        ));
    }
    text
}

/// Seconds from `69.1`, `1:09.1` or `1:02:03`.
fn time(text: &str) -> Option<f64> {
    text.split(':').try_fold(0.0, |seconds, part| {
        let value: f64 = part.parse().ok()?;
        Some(seconds * 60.0 + value)
    })
}
