//! `tailgate intake tell`: breaches of a run, back into the access-control system.

use std::fs::File;
use std::io::BufReader;
use std::path::PathBuf;

use clap::Args;

use super::run::runtime;
use super::vendor::Asked;
use super::{load, unusable};
use crate::app::names::SiteNames;
use crate::app::replay::replay_trace;
use crate::commands::{DONE, Failure, Outcome};
use crate::intake::drivers::{Context, Driver, Genetec};
use crate::intake::shown;
use crate::units::Instant;
use crate::verdict::{Verdict, explain_verdict};

/// Tells Security Center of everybody who passed without a grant: by a bookmark on a camera's recording,
/// by a custom event, or by both.
///
/// What is told are the verdicts as they stand at the end of the trace. Told twice, it stands there
/// twice: Security Center does not know that it is the same.
#[derive(Debug, Args)]
pub struct TellArgs {
    #[command(flatten)]
    asked: Asked,
    /// The trace that `tailgate replay --trace` wrote, of a clip whose wall time was known.
    trace: PathBuf,
    /// Put a bookmark on this camera's recording (its GUID).
    #[arg(long, value_name = "GUID", required_unless_present = "custom_event")]
    camera: Option<String>,
    /// Raise this custom event.
    #[arg(long, value_name = "NUMBER", requires = "entity")]
    custom_event: Option<u32>,
    /// The entity that the custom event concerns, such as the door (its GUID).
    #[arg(long, value_name = "GUID", requires = "custom_event")]
    entity: Option<String>,
    /// Only print what would be told.
    #[arg(long)]
    dry_run: bool,
}

/// One breach: when, and the line a guard reads.
struct Breach {
    at: Instant,
    text: String,
}

/// Tells, and prints what was told.
pub fn run(args: &TellArgs) -> Outcome {
    let config = load(&args.asked.place.file)?;
    let Some((context, Driver::Genetec(driver))) = args.asked.driver(&config)? else {
        let what = format!(
            "{}: only Security Center takes bookmarks and custom events; \
             give the source a [source.fetch] table with driver = \"genetec\"",
            args.asked.source
        );
        return Err(Failure::unusable(what));
    };
    let breaches = breaches(args)?;
    if breaches.is_empty() {
        println!("nobody passed without a grant: there is nothing to tell");
        return Ok(DONE);
    }
    let runtime = runtime()?;
    for breach in &breaches {
        if !args.dry_run {
            runtime
                .block_on(tell(args, &driver, &context, breach))
                .map_err(unusable)?;
        }
        let word = if args.dry_run { "would tell" } else { "told" };
        println!("{word}  {}  {}", shown(breach.at), breach.text);
    }
    Ok(DONE)
}

/// The breaches that stand at the end of the trace.
fn breaches(args: &TellArgs) -> Result<Vec<Breach>, Failure> {
    let name = args.trace.display();
    let file = File::open(&args.trace)
        .map_err(|problem| Failure::unusable(format!("cannot read {name}: {problem}")))?;
    let replayed = replay_trace(BufReader::new(file), None)
        .map_err(|problem| Failure::unusable(format!("{name}: {problem}")))?;
    let provenance = &replayed.provenance;
    if !provenance.utc {
        let what = format!(
            "{name}: its times are those of the clip, and nobody knows when that was; \
             replay the clip again with --start"
        );
        return Err(Failure::unusable(what));
    }
    let start = Instant::from_us(provenance.start_us);
    let names = SiteNames::new(
        replayed.run.engine.config(),
        &provenance.titles,
        start,
        true,
    );
    let stands = |verdict: &&Verdict| verdict.kind.is_breach();
    let breach = |verdict: &Verdict| Breach {
        at: verdict.crossing.at,
        text: explain_verdict(verdict, &names),
    };
    let log = &replayed.run.log;
    Ok(log.current_verdicts().filter(stands).map(breach).collect())
}

async fn tell(
    args: &TellArgs,
    driver: &Genetec,
    context: &Context,
    breach: &Breach,
) -> Result<(), String> {
    let failed = |trouble| format!("{trouble}");
    if let Some(camera) = &args.camera {
        let told = driver.bookmark(context, camera, breach.at, &breach.text);
        told.await.map_err(failed)?;
    }
    if let (Some(number), Some(entity)) = (args.custom_event, &args.entity) {
        let told = driver.raise(context, number, entity, &breach.text);
        told.await.map_err(failed)?;
    }
    Ok(())
}
