//! `tailgate intake replay INTAKE.toml`: the journal as a grants file.

use std::io::{self, Write};

use clap::Args;
use serde_json::{Map, Value};

use super::super::{DONE, Outcome};
use super::{Opened, Place, unusable};
use crate::access::AccessEvent;
use crate::app::intake::Doors;
use crate::intake::inbox::{direction_word, kind_word};
use crate::units::Instant;

/// Events that are read at once.
const PAGE: usize = 1_000;

/// Prints stored events as the JSON lines that `tailgate replay --grants` takes.
#[derive(Debug, Args)]
pub struct ReplayArgs {
    #[command(flatten)]
    place: Place,
    /// Only events after this journal number.
    #[arg(long, default_value_t = 0, value_name = "SEQ")]
    after: u64,
}

/// Prints them.
pub fn run(args: &ReplayArgs) -> Outcome {
    let Opened {
        reader, mut doors, ..
    } = args.place.open()?;
    let mut out = io::BufWriter::new(io::stdout().lock());
    let mut at = args.after;
    loop {
        let events = reader.events_after(at, PAGE).map_err(unusable)?;
        let Some(last) = events.last() else {
            break;
        };
        at = last.seq;
        for stored in events {
            let event = doors.place(stored);
            if writeln!(out, "{}", line(&event, &doors)).is_err() {
                return Ok(DONE);
            }
        }
    }
    // A reader that went away (`| head`) has seen enough.
    drop(out.flush());
    Ok(DONE)
}

/// One line of a grants file. The earliest time that the event can have is its time: the door file's
/// `resolution_s` says how coarse its stamps are.
fn line(event: &AccessEvent, doors: &Doors) -> String {
    let mut line = Map::new();
    let mut set = |key: &str, value: Option<Value>| {
        if let Some(value) = value {
            line.insert(key.to_owned(), value);
        }
    };
    set("id", Some(event.id.clone().into()));
    set("time", Some(stamp(event.occurred.lo)));
    set("received", Some(stamp(event.received)));
    set("kind", Some(kind_word(event.kind).into()));
    let door = event.door.and_then(|door| doors.name(door));
    set("door", door.map(Value::from));
    set("reader", event.reader.clone().map(Value::from));
    let direction = event.direction.map(direction_word);
    set("direction", direction.map(Value::from));
    set("holder", event.holder.clone().map(Value::from));
    set("passages", event.passages.map(Value::from));
    Value::Object(line).to_string()
}

fn stamp(at: Instant) -> Value {
    match jiff::Timestamp::from_microsecond(at.as_us()) {
        Ok(stamp) => stamp.to_string().into(),
        Err(_) => at.as_s().into(),
    }
}
