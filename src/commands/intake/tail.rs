//! `tailgate intake tail INTAKE.toml`.

use std::io::{self, Write};
use std::time::Duration;

use clap::Args;
use serde_json::json;

use super::super::{DONE, Failure, Outcome};
use super::{Opened, Place, unusable};
use crate::app::intake::{Doors, People};
use crate::intake::inbox::{InboxReader, Stored, kind_word};
use crate::intake::{Person, now, shown};

/// How often a followed inbox is looked at.
const LOOK: Duration = Duration::from_millis(200);
/// Events that are read at once.
const PAGE: usize = 1_000;

/// Prints the last events, and with --follow those that come.
#[derive(Debug, Args)]
pub struct TailArgs {
    #[command(flatten)]
    place: Place,
    /// How many of the last events.
    #[arg(short = 'n', long, default_value_t = 10)]
    lines: u64,
    /// Go on as events come.
    #[arg(short, long)]
    follow: bool,
    /// End after so many events.
    #[arg(long, value_name = "N")]
    count: Option<u64>,
    /// One JSON object a line.
    #[arg(long)]
    json: bool,
}

/// Prints them.
pub fn run(args: &TailArgs) -> Outcome {
    let Opened {
        config,
        reader,
        mut doors,
    } = args.place.open()?;
    let mut at = reader
        .last_seq()
        .map_err(unusable)?
        .saturating_sub(args.lines);
    let mut out = io::stdout().lock();
    // Nobody sends: waiting on it is waiting for the time.
    let (_keep, never) = crossbeam_channel::bounded::<()>(0);
    let mut left = args.count.unwrap_or(u64::MAX);
    while left > 0 {
        let events = reader.events_after(at, PAGE).map_err(unusable)?;
        let last = events.last().map(|event| event.seq);
        for stored in events {
            let Some(fewer) = left.checked_sub(1) else {
                break;
            };
            left = fewer;
            let person = person(&reader, &stored)?;
            let line = if args.json {
                as_json(stored, &mut doors, person)
            } else {
                as_text(stored, &mut doors, person)
            };
            if writeln!(out, "{line}").is_err() {
                // A reader that went away (`| head`) has seen enough.
                return Ok(DONE);
            }
        }
        match last {
            Some(last) => at = last,
            None if args.follow => {
                drop(out.flush());
                let _waited = never.recv_timeout(LOOK);
                // A vendor that was not there before may have listed its readers.
                for source in &config.sources {
                    let points = reader.access_points(&source.name).map_err(unusable)?;
                    doors.learn(&source.name, points);
                }
            }
            None => return Ok(DONE),
        }
    }
    Ok(DONE)
}

/// Who it was: as the event says, or as the vendor said when it was asked.
fn person(reader: &InboxReader, stored: &Stored) -> Result<Option<Person>, Failure> {
    let said = stored.reported.person.clone();
    let Some(holder) = &stored.reported.event.holder else {
        return Ok(said);
    };
    let people = People::new(reader, now());
    let known = people.of(&stored.source, holder).map_err(unusable)?;
    Ok(match (said, known) {
        (Some(said), Some(known)) => Some(Person {
            name: said.name.or(known.name),
            email: said.email.or(known.email),
        }),
        (one, other) => one.or(other),
    })
}

/// A person in a line of text.
pub(super) fn shown_person(person: &Person) -> String {
    let parts = [&person.name, &person.email].into_iter().flatten();
    let parts: Vec<&str> = parts.map(String::as_str).collect();
    parts.join(", ")
}

fn as_text(stored: Stored, doors: &mut Doors, person: Option<Person>) -> String {
    let (seq, source) = (stored.seq, stored.source.clone());
    let reported = stored.reported.clone();
    let event = doors.place(stored);
    let door = event.door.and_then(|door| doors.name(door)).unwrap_or("?");
    let reader = reported.reader_name.as_deref().or(event.reader.as_deref());
    format!(
        "{seq:>7}  {}  {source}  {:<15}  door {door}  reader {}  {}{}{}",
        shown(event.occurred.lo),
        kind_word(event.kind),
        reader.unwrap_or("-"),
        reported.vendor_kind,
        event
            .holder
            .map(|holder| format!("  holder {holder}"))
            .unwrap_or_default(),
        person
            .map(|person| format!(" ({})", shown_person(&person)))
            .unwrap_or_default(),
    )
}

fn as_json(stored: Stored, doors: &mut Doors, person: Option<Person>) -> String {
    let (seq, source) = (stored.seq, stored.source.clone());
    let (kind, name) = (
        stored.reported.vendor_kind.clone(),
        stored.reported.reader_name.clone(),
    );
    let event = doors.place(stored);
    let door = event.door.and_then(|door| doors.name(door));
    let person = person.map(|person| json!({"name": person.name, "email": person.email}));
    json!({
        "seq": seq, "source": source, "vendor_kind": kind, "reader_name": name, "door_name": door,
        "event": event, "person": person,
    })
    .to_string()
}
