//! `tailgate intake quarantine`: what was authentic and could not be read.

use clap::{Args, Subcommand};

use super::super::{DONE, Failure, Outcome};
use super::{Opened, Place, unusable};
use crate::app::intake::source;
use crate::intake::inbox::Deposit;
use crate::intake::{Notice, Redactor, now, shown};

/// Lists, shows and reads again what stands in quarantine.
#[derive(Debug, Args)]
pub struct QuarantineArgs {
    #[command(subcommand)]
    command: QuarantineCommand,
}

#[derive(Debug, Subcommand)]
enum QuarantineCommand {
    /// Lists what stands in quarantine.
    List {
        #[command(flatten)]
        place: Place,
        /// What was resolved too.
        #[arg(long)]
        all: bool,
        /// Print a JSON array.
        #[arg(long)]
        json: bool,
    },
    /// Prints a delivery: why it stands there, its headers and its body as they came.
    Show {
        #[command(flatten)]
        place: Place,
        /// Its number.
        id: i64,
    },
    /// Reads everything in quarantine once more, with the settings and the version of today.
    Retry {
        #[command(flatten)]
        place: Place,
        /// Only this number.
        id: Option<i64>,
    },
}

/// Does the one asked for.
pub fn run(args: &QuarantineArgs) -> Outcome {
    match &args.command {
        QuarantineCommand::List { place, all, json } => list(place, *all, *json),
        QuarantineCommand::Show { place, id } => show(place, *id),
        QuarantineCommand::Retry { place, id } => retry(place, *id),
    }
}

fn list(place: &Place, all: bool, json: bool) -> Outcome {
    let Opened { reader, .. } = place.open()?;
    let held = reader.quarantine(all).map_err(unusable)?;
    if json {
        println!(
            "{}",
            serde_json::to_string_pretty(&held).unwrap_or_default()
        );
        return Ok(DONE);
    }
    for item in &held {
        let resolved = if item.resolved.is_some() {
            "  resolved"
        } else {
            ""
        };
        let pointer = item.pointer.as_deref().unwrap_or_default();
        println!(
            "{:>5}  {}  {}  {} bytes, {} x{resolved}: {} {pointer}",
            item.id,
            shown(item.received),
            item.source,
            item.bytes,
            item.times,
            item.what
        );
    }
    if held.is_empty() {
        println!("nothing stands in quarantine");
    }
    Ok(DONE)
}

fn show(place: &Place, id: i64) -> Outcome {
    let Opened { reader, .. } = place.open()?;
    let Some((item, delivery)) = reader.quarantined(id).map_err(unusable)? else {
        return Err(none(id));
    };
    println!("source   {}", item.source);
    println!("received {}", shown(item.received));
    println!("why      {}", item.what);
    if let Some(pointer) = &item.pointer {
        println!("at       {pointer}");
    }
    println!("sent to  {}", delivery.target);
    for (name, value) in delivery.headers.iter() {
        println!("{name}: {}", value.escape_ascii());
    }
    println!();
    println!("{}", String::from_utf8_lossy(&delivery.body));
    Ok(DONE)
}

fn none(id: i64) -> Failure {
    let help = "see `tailgate intake quarantine list`";
    Failure::unusable(format!("nothing in quarantine has number {id}: {help}"))
}

fn retry(place: &Place, only: Option<i64>) -> Outcome {
    let Opened { config, reader, .. } = place.open()?;
    let held = reader.quarantine(false).map_err(unusable)?;
    let ids: Vec<i64> = held.iter().map(|item| item.id).collect();
    let ids = match only {
        Some(id) if !ids.contains(&id) => return Err(none(id)),
        Some(id) => vec![id],
        None => ids,
    };
    let (mut read, mut left) = (0, 0);
    for id in ids {
        let Some((item, delivery)) = reader.quarantined(id).map_err(unusable)? else {
            continue;
        };
        let wanted = config
            .sources
            .iter()
            .find(|source| source.name == item.source);
        let Some(wanted) = wanted else {
            left += 1;
            println!(
                "{id}: its source {} is not in the file any more",
                item.source
            );
            continue;
        };
        let source = source(&config.folder, wanted)
            .map_err(|problems| Failure::unusable(problems.join("\n")))?;
        // What the vendor listed helps to read it, as it does when it comes today.
        let points = reader.access_points(&item.source).map_err(unusable)?;
        let adapter = source.adapter.taught(&points);
        let adapter = adapter.as_ref().unwrap_or(&source.adapter);
        let redactor = Redactor::new(&source, &reader.key().map_err(unusable)?);
        let taken = redactor.take_in(&source, &**adapter, delivery);
        let reading = match taken.reading {
            Ok(reading) => reading,
            Err(unreadable) => {
                left += 1;
                println!("{id}: still can't be read: {unreadable}");
                continue;
            }
        };
        if let Some(row) = reading.notices.iter().find_map(|notice| match notice {
            Notice::Unread(row) => Some(row),
            _ => None,
        }) {
            left += 1;
            println!("{id}: a part of it still can't be read: {row}");
            continue;
        }
        let deposit = Deposit {
            delivery: taken.delivery,
            reading: Ok(reading),
            people: source.settings.people,
            digest: taken.digest,
        };
        let receipt = reader.resolve(id, &deposit, now()).map_err(unusable)?;
        read += 1;
        println!(
            "{id}: read: {} new, {} known already",
            receipt.stored, receipt.duplicates
        );
    }
    println!("{read} read, {left} left");
    Ok(DONE)
}
