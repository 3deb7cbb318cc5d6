//! `tailgate intake try SOURCE SAMPLE`: what a sample would become, with nothing stored.

use std::path::{Path, PathBuf};

use clap::Args;

use super::super::{DONE, Failure, NOT_AS_EXPECTED, Outcome};
use super::{load, unusable};
use crate::app::intake::{Doors, source};
use crate::config::SourceConfig;
use crate::intake::inbox::{Stored, kind_word};
use crate::intake::vendors::{GenericSettings, VendorSettings, adapter, explain};
use crate::intake::{Delivery, Headers, Notice, Reading, Secret, Source, now, shown};

/// Explains what a sample body would become through a source's adapter. Nothing is stored.
#[derive(Debug, Args)]
pub struct TryArgs {
    /// The intake file.
    #[arg(value_name = "INTAKE.toml")]
    file: PathBuf,
    /// The source's name.
    source: String,
    /// A file with the body of a delivery, as the vendor sends it.
    sample: PathBuf,
    /// A header of the delivery; give signatures and tokens to try them too.
    #[arg(long = "header", value_name = "NAME: VALUE")]
    headers: Vec<String>,
    /// Path and query that the delivery is sent to.
    #[arg(long, value_name = "PATH")]
    target: Option<String>,
}

/// Prints what it would become; exit code 4 if it can't be read.
pub fn run(args: &TryArgs) -> Outcome {
    let config = load(&args.file)?;
    let wanted = config
        .sources
        .iter()
        .find(|wanted| wanted.name == args.source);
    let Some(wanted) = wanted else {
        let names: Vec<&str> = config.sources.iter().map(|source| &*source.name).collect();
        let what = format!(
            "no source is named {}: there are {}",
            args.source,
            names.join(", ")
        );
        return Err(Failure::unusable(what));
    };
    let failed = |problems: Vec<String>| Failure::unusable(problems.join("\n"));
    let (source, guarded) = source_without_secrets(&config.folder, wanted).map_err(failed)?;
    let mut doors = Doors::new(&config.doors, &config.sources).map_err(failed)?;
    let body = std::fs::read(&args.sample)
        .map_err(|error| unusable(format!("{} can't be read: {error}", args.sample.display())))?;
    let delivery = Delivery {
        source: source.name.clone(),
        received: now(),
        target: args
            .target
            .clone()
            .unwrap_or(format!("/in/{}", source.name)),
        headers: headers(&args.headers)?,
        body,
    };
    if let Some(answer) = source.adapter.handshake(&delivery) {
        println!("a handshake: answered with status {}", answer.status);
        return Ok(DONE);
    }
    match source.adapter.authenticate(&delivery) {
        _ if !guarded => println!("authentic: not tried, the secrets can't be read"),
        Ok(()) => println!("authentic: yes"),
        Err(refusal) => println!("authentic: no, {refusal} (it would be answered 401)"),
    }
    if let VendorSettings::Generic(map) = &wanted.vendor {
        explain_map(map, &delivery);
    }
    match source.adapter.read(&delivery) {
        Ok(reading) => {
            print(&reading, &args.source, &mut doors);
            Ok(DONE)
        }
        Err(unreadable) => {
            println!("can't be read: {unreadable}");
            println!("it would be kept in quarantine, answered 200, and raise an alarm");
            Ok(NOT_AS_EXPECTED)
        }
    }
}

/// The source, and whether its secrets could be read: a map can be tried before there are any.
fn source_without_secrets(
    folder: &Path,
    wanted: &SourceConfig,
) -> Result<(Source, bool), Vec<String>> {
    if let Ok(source) = source(folder, wanted) {
        return Ok((source, true));
    }
    // No delivery can be signed with it: nothing is authenticated with it either.
    let placeholder = vec![Secret::new([0; 64])];
    let source = Source {
        name: wanted.name.as_str().into(),
        adapter: adapter(&wanted.vendor, placeholder.clone())?,
        settings: wanted.settings.clone(),
        secrets: placeholder,
    };
    Ok((source, false))
}

/// What a map makes of the sample, field by field.
fn explain_map(map: &GenericSettings, delivery: &Delivery) {
    let tried = match explain(map, delivery) {
        Ok(tried) => tried,
        Err(problems) => {
            for problem in problems {
                println!("the map: {problem}");
            }
            return;
        }
    };
    for event in &tried {
        println!("event at \"{}\" of the body:", event.pointer);
        for field in &event.fields {
            let raw = field.raw.as_deref().unwrap_or("nothing");
            let became = match &field.result {
                Ok(value) => value.clone(),
                Err(what) => format!("WRONG: {what}"),
            };
            println!(
                "    {:<12} {:<28} {raw} -> {became}",
                field.field, field.pointer
            );
        }
        if let Err(what) = &event.event {
            println!("    can't be taken in: {what}");
        }
    }
}

fn headers(given: &[String]) -> Result<Headers, Failure> {
    let pairs: Result<Vec<(&str, &str)>, Failure> = given
        .iter()
        .map(|header| {
            let (name, value) = header.split_once(':').ok_or_else(|| {
                unusable(format!(
                    "--header {header:?} has no colon: write \"Name: value\""
                ))
            })?;
            Ok((name.trim(), value.trim()))
        })
        .collect();
    Ok(Headers::new(pairs?))
}

fn print(reading: &Reading, source: &str, doors: &mut Doors) {
    println!("events: {}", reading.events.len());
    for reported in &reading.events {
        let event = doors.place(Stored {
            seq: 0,
            source: source.to_owned(),
            delivery: 0,
            reported: reported.clone(),
        });
        println!("- {} ({})", kind_word(event.kind), reported.vendor_kind);
        println!("    id        {}", reported.event.id);
        let (lo, hi) = (event.occurred.lo, event.occurred.hi);
        if lo == hi {
            println!("    occurred  {}", shown(lo));
        } else {
            println!("    occurred  {} to {}", shown(lo), shown(hi));
        }
        let name = reported.reader_name.as_deref().unwrap_or_default();
        println!(
            "    reader    {} {name}",
            event.reader.as_deref().unwrap_or("none")
        );
        match event.door.and_then(|door| doors.name(door)) {
            Some(door) => println!("    door      {door}"),
            None => println!("    door      none: add the reader to a [[door]]"),
        }
        if let Some(holder) = &event.holder {
            println!("    holder    {holder}");
        }
    }
    for notice in &reading.notices {
        match notice {
            Notice::KeepAlive => println!("- a sign of life"),
            Notice::Disabled(text) => println!("- the vendor says that it stops sending: {text}"),
            Notice::Unread(row) => println!("- a part that can't be read: {row} (quarantine)"),
            Notice::AccessPoints(points) => {
                println!("- a list of {} access points", points.len());
                for point in points {
                    println!("    {}  {}", point.id, point.name);
                }
            }
        }
    }
}
