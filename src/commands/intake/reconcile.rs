//! `tailgate intake reconcile`: has the running intake read a vendor's log now.

use clap::Args;

use super::super::{DONE, Failure, Outcome};
use super::{Opened, Place, unusable};
use crate::intake::inbox::InboxReader;
use crate::intake::now;
use crate::units::Span;

/// Has the intake that runs read a source's own log at once, and not only in its next round.
#[derive(Debug, Args)]
pub struct ReconcileArgs {
    #[command(flatten)]
    place: Place,
    /// The source's name.
    source: String,
    /// From so many hours ago on; without it, what is known to be missing.
    #[arg(long, value_name = "HOURS", value_parser = hours)]
    back: Option<f64>,
}

/// No vendor gives out more of its log at once: Kisi's sets cover 90 days.
const MOST_HOURS: f64 = 2_160.0;

fn hours(text: &str) -> Result<f64, String> {
    let hours: f64 = text.parse().map_err(|_| "is no number".to_owned())?;
    let fits = hours > 0.0 && hours <= MOST_HOURS;
    fits.then_some(hours)
        .ok_or_else(|| format!("must be above 0 and at most {MOST_HOURS}"))
}

/// Asks.
pub fn run(args: &ReconcileArgs) -> Outcome {
    let Opened { config, reader, .. } = args.place.open()?;
    let named = config
        .sources
        .iter()
        .find(|known| known.name == args.source);
    let fetches = named.is_some_and(|named| named.fetch.is_some());
    if !fetches {
        let what = format!(
            "{}: nothing fetches for it; give it a [source.fetch] table",
            args.source
        );
        return Err(Failure::unusable(what));
    }
    ask(&reader, &args.source, args.back)?;
    println!(
        "{}: asked; an intake that runs begins within two seconds, see `tailgate intake gaps`",
        args.source
    );
    Ok(DONE)
}

/// Asks the intake that keeps the inbox for a source's log.
pub(super) fn ask(reader: &InboxReader, source: &str, back: Option<f64>) -> Result<(), Failure> {
    let now = now();
    let from = back.map(|hours| now - Span::from_s(hours * 3_600.0));
    let known = reader.ask(source, from, now).map_err(unusable)?;
    match known {
        true => Ok(()),
        false => Err(Failure::unusable(format!(
            "{source}: the inbox does not know it yet; start `tailgate intake run` once"
        ))),
    }
}
