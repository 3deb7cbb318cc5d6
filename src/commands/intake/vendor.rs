//! `tailgate intake list` and `connect`: what a vendor has, and having it send its events here.

use clap::Args;

use super::{Place, load, run::runtime, unusable};
use crate::app::intake::driver;
use crate::commands::{DONE, Failure, Outcome};
use crate::intake::drivers::{Connected, Context, Driver};

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
struct Asked {
    #[command(flatten)]
    place: Place,
    /// The source's name.
    source: String,
}

/// Prints the list.
pub fn list(args: &ListArgs) -> Outcome {
    let (context, driver) = args.asked.driver()?;
    let points = runtime()?
        .block_on(driver.access_points(&context))
        .map_err(unusable)?;
    let Some(points) = points else {
        let what = format!("{}: its access points can't be listed", args.asked.source);
        return Err(Failure::unusable(what));
    };
    let config = load(&args.asked.place.file)?;
    for point in &points {
        let by = |id: &str| {
            let doors = config.doors.iter();
            let own = |source: &Option<String>| {
                source
                    .as_ref()
                    .is_none_or(|source| *source == args.asked.source)
            };
            let mut named = doors.filter(|door| {
                let mut readers = door.readers.iter();
                readers.any(|reader| reader.id == id && own(&reader.source))
            });
            named.next().map(|door| door.name.as_str())
        };
        let door = by(&point.id).or_else(|| point.door.as_deref().and_then(by));
        if args.json {
            let line = serde_json::json!({
                "id": point.id, "name": point.name, "vendor_door": point.door, "door": door,
            });
            println!("{line}");
        } else {
            let door = door.map_or_else(|| "no door yet".to_owned(), |door| format!("door {door}"));
            println!("{:<40} {:<32} {door}", point.id, point.name);
        }
    }
    Ok(DONE)
}

/// Connects and says what was done.
pub fn connect(args: &ConnectArgs) -> Outcome {
    let (context, driver) = args.asked.driver()?;
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
        None => println!("{}: needs no connecting", args.asked.source),
    }
    Ok(DONE)
}

impl Asked {
    fn driver(&self) -> Result<(Context, Driver), Failure> {
        let config = load(&self.place.file)?;
        let Some(wanted) = config
            .sources
            .iter()
            .find(|source| source.name == self.source)
        else {
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
        let Some(driver) = driver else {
            let what = format!(
                "{}: nothing fetches for it; give it a [source.fetch] table",
                self.source
            );
            return Err(Failure::unusable(what));
        };
        Ok((Context::without_sink(self.source.as_str().into()), driver))
    }
}
