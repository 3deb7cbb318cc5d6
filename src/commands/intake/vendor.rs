//! `tailgate intake list` and `connect`: what a vendor has, and having it send its events here.

use clap::Args;

use super::reconcile::ask;
use super::{Place, load, run::runtime, unusable};
use crate::app::intake::{Doors, driver};
use crate::commands::{DONE, Failure, Outcome};
use crate::config::IntakeConfig;
use crate::intake::drivers::{Connected, Context, Driver};
use crate::intake::inbox::{InboxReader, SeenReader, direction_word};
use crate::intake::{AccessPoint, shown};

/// Lists the access points of a source as its vendor has them, with the door each belongs to.
#[derive(Debug, Args)]
pub struct ListArgs {
    #[command(flatten)]
    asked: Asked,
    /// Print one JSON object a line.
    #[arg(long)]
    json: bool,
}

/// Has a source's vendor send its events here: creates the webhook or subscription if there is none.
#[derive(Debug, Args)]
pub struct ConnectArgs {
    #[command(flatten)]
    asked: Asked,
}

#[derive(Debug, Args)]
pub(super) struct Asked {
    #[command(flatten)]
    pub(super) place: Place,
    /// The source's name.
    pub(super) source: String,
}

/// Prints the list: what the vendor has, then who sent events and belongs to no door.
pub fn list(args: &ListArgs) -> Outcome {
    let config = load(&args.asked.place.file)?;
    let source = &args.asked.source;
    let mut doors = Doors::new(&config.doors, &config.sources)
        .map_err(|problems| Failure::unusable(problems.join("\n")))?;
    let listed = match args.asked.driver(&config)? {
        Some((context, driver)) => runtime()?
            .block_on(driver.access_points(&context))
            .map_err(unusable)?,
        None => None,
    };
    let reader = config
        .inbox
        .path
        .exists()
        .then(|| InboxReader::open(&config.inbox.path));
    let reader = reader.transpose().map_err(unusable)?;
    let (stored, seen) = match &reader {
        Some(reader) => (
            reader.access_points(source).map_err(unusable)?,
            reader.readers(source).map_err(unusable)?,
        ),
        None => (Vec::new(), Vec::new()),
    };
    doors.learn(source, listed.clone().unwrap_or(stored.clone()));
    let (known, unknown): (Vec<SeenReader>, Vec<SeenReader>) =
        seen.into_iter().partition(|seen| doors.knows(source, seen));
    let points = match listed {
        Some(listed) => listed,
        // Of a vendor that nobody can ask, those are known that have sent something.
        None if stored.is_empty() => known.into_iter().map(point).collect(),
        None => stored,
    };
    if points.is_empty() && unknown.is_empty() {
        let what = format!("{source}: its access points can't be listed, and none sent an event");
        return Err(Failure::unusable(what));
    }
    for point in &points {
        let door = doors.door_of(source, &point.id);
        if args.json {
            let line = serde_json::json!({
                "id": point.id, "name": point.name, "vendor_door": point.door, "door": door,
                "direction": point.direction.map(direction_word),
            });
            println!("{line}");
        } else {
            let door = door.map_or_else(|| "no door yet".to_owned(), |door| format!("door {door}"));
            println!("{:<40} {:<32} {door}", point.id, point.name);
        }
    }
    print_unknown(&unknown, args.json);
    Ok(DONE)
}

/// A reader that sent events, as if it had been listed.
fn point(seen: SeenReader) -> AccessPoint {
    AccessPoint {
        name: seen.name.unwrap_or_default(),
        id: seen.id,
        door: seen.door,
        direction: None,
    }
}

/// Readers whose events belong to no door.
fn print_unknown(unknown: &[SeenReader], json: bool) {
    if json {
        for seen in unknown {
            let line = serde_json::json!({
                "id": seen.id, "name": seen.name, "vendor_door": seen.door, "door": null,
                "unknown": {"events": seen.events, "first": shown(seen.first), "last": shown(seen.last)},
            });
            println!("{line}");
        }
        return;
    }
    if !unknown.is_empty() {
        println!("\nreaders that sent events and belong to no door (write them into a [[door]]):");
    }
    for seen in unknown {
        let id = if seen.id.is_empty() {
            "(no reader)"
        } else {
            &seen.id
        };
        println!(
            "{id:<40} {:<32} events {}, {} to {}",
            seen.name.as_deref().unwrap_or_default(),
            seen.events,
            shown(seen.first),
            shown(seen.last)
        );
    }
}

/// Connects and says what was done.
pub fn connect(args: &ConnectArgs) -> Outcome {
    let config = load(&args.asked.place.file)?;
    let Some((context, driver)) = args.asked.driver(&config)? else {
        let what = format!(
            "{}: nothing fetches for it; give it a [source.fetch] table",
            args.asked.source
        );
        return Err(Failure::unusable(what));
    };
    let connected = runtime()?
        .block_on(driver.connect(&context))
        .map_err(unusable)?;
    match connected {
        Some(Connected {
            created,
            repaired,
            kept,
        }) => println!(
            "{}: {created} made, {repaired} switched on again, {kept} there already",
            args.asked.source
        ),
        None => {
            println!("{}: needs no connecting", args.asked.source);
            return Ok(DONE);
        }
    }
    // What was missed until now stands in the vendor's log, and the intake need not wait for its round.
    if config.inbox.path.exists() {
        let reader = InboxReader::open(&config.inbox.path).map_err(unusable)?;
        if ask(&reader, &args.asked.source, None).is_ok() {
            println!("an intake that runs reads what was missed: see `tailgate intake gaps`");
        }
    }
    Ok(DONE)
}

impl Asked {
    /// The source's driver, if anything fetches for it.
    pub(super) fn driver(
        &self,
        config: &IntakeConfig,
    ) -> Result<Option<(Context, Driver)>, Failure> {
        let named = config
            .sources
            .iter()
            .find(|known| known.name == self.source);
        let Some(wanted) = named else {
            let names: Vec<&str> = config.sources.iter().map(|source| &*source.name).collect();
            let what = format!(
                "{}: is no source; there is {}",
                self.source,
                names.join(", ")
            );
            return Err(Failure::unusable(what));
        };
        let driver = driver(&config.folder, wanted)
            .map_err(|problems| Failure::unusable(problems.join("\n")))?;
        let context = || Context::without_sink(self.source.as_str().into());
        Ok(driver.map(|driver| (context(), driver)))
    }
}
