//! `tailgate intake gaps`: times that are known to be missing.

use clap::Args;

use super::super::{DONE, Failure, Outcome};
use super::{Opened, Place, unusable};
use crate::intake::inbox::{GapChange, GapState};
use crate::intake::{now, shown};

/// Lists the times that are known to be missing, and confirms what nobody can fill any more.
#[derive(Debug, Args)]
pub struct GapsArgs {
    #[command(flatten)]
    place: Place,
    /// Closed ones too.
    #[arg(long)]
    all: bool,
    /// Print a JSON array.
    #[arg(long)]
    json: bool,
    /// Confirms a gap as lost: nobody will be asked for it any more; verdicts in it stay undetermined.
    #[arg(long, value_name = "GAP", conflicts_with = "close")]
    lost: Option<i64>,
    /// Closes a gap: you know that nothing is missing in it.
    #[arg(long, value_name = "GAP")]
    close: Option<i64>,
    /// Why, for those who read it later.
    #[arg(long, default_value = "confirmed by hand")]
    note: String,
}

/// Lists or changes them.
pub fn run(args: &GapsArgs) -> Outcome {
    let Opened { reader, .. } = args.place.open()?;
    let note = args.note.clone();
    let change = match (args.lost, args.close) {
        (Some(gap), _) => Some((gap, GapChange::Lost { gap, note })),
        (_, Some(gap)) => Some((gap, GapChange::Closed { gap, note })),
        _ => None,
    };
    if let Some((gap, change)) = change {
        let changed = reader.change_gap(&change, now()).map_err(unusable)?;
        if changed.is_none() {
            let what = format!("gap {gap} is not there or is closed already");
            return Err(Failure::unusable(what));
        }
    }
    let gaps = reader.gaps(args.all).map_err(unusable)?;
    if args.json {
        println!(
            "{}",
            serde_json::to_string_pretty(&gaps).unwrap_or_default()
        );
        return Ok(DONE);
    }
    for gap in &gaps {
        let to = gap.to.map_or_else(|| "now".to_owned(), shown);
        let state = match gap.state {
            GapState::Open => "open",
            GapState::Closed => "closed",
            GapState::Lost => "lost",
        };
        let note = gap.note.as_deref().unwrap_or_default();
        println!(
            "{:>5}  {}  {} to {to}  {state}: {}  {note}",
            gap.id,
            gap.source,
            shown(gap.from),
            gap.reason
        );
    }
    if gaps.is_empty() {
        println!("nothing is known to be missing");
    }
    Ok(DONE)
}
