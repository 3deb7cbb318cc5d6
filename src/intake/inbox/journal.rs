//! Events as rows and back.

use rusqlite::{Connection, OptionalExtension, Row, params};

use super::super::{Person, Reported};
use crate::access::{AccessEvent, AccessKind};
use crate::crossing::Direction;
use crate::units::{Instant, Interval};

/// An event of the journal.
#[derive(Debug, Clone, PartialEq)]
pub struct Stored {
    /// Its number: from 1, without gaps.
    pub seq: u64,
    /// The source it came from.
    pub source: String,
    /// The delivery that brought it first.
    pub delivery: i64,
    /// The event; `event.id` is unique within its source.
    pub reported: Reported,
}

/// What an event met.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Met {
    /// Nothing: it is new.
    Nothing,
    /// Itself.
    Itself,
    /// An event of the same key that says something else.
    Contradiction,
}

const INSERT: &str = "INSERT INTO event (seq, source, key, delivery, kind, vendor_kind, reader, \
    reader_name, direction, from_us, to_us, received_us, holder, passages, person_name, \
    person_email, vendor_door) \
    VALUES (?1,?2,?3,?4,?5,?6,?7,?8,?9,?10,?11,?12,?13,?14,?15,?16,?17) \
    ON CONFLICT (source, key) DO NOTHING";

/// Writes one event under `seq`, unless its key is known.
pub(super) fn insert(
    db: &Connection,
    seq: i64,
    source: i64,
    delivery: i64,
    reported: &Reported,
    people: bool,
) -> rusqlite::Result<Met> {
    let event = &reported.event;
    let person = reported.person.as_ref().filter(|_| people);
    let rows = db.prepare_cached(INSERT)?.execute(params![
        seq,
        source,
        event.id,
        delivery,
        kind_word(event.kind),
        reported.vendor_kind,
        event.reader,
        reported.reader_name,
        event.direction.map(direction_word),
        event.occurred.lo.as_us(),
        event.occurred.hi.as_us(),
        event.received.as_us(),
        event.holder,
        event.passages,
        person.and_then(|person| person.name.as_deref()),
        person.and_then(|person| person.email.as_deref()),
        reported.door,
    ])?;
    if rows > 0 {
        return Ok(Met::Nothing);
    }
    let known: Option<String> = db
        .prepare_cached("SELECT kind FROM event WHERE source = ?1 AND key = ?2")?
        .query_row(params![source, event.id], |row| row.get(0))
        .optional()?;
    // Only the kind is compared: a log and a webhook may tell the same event in other words and
    // with coarser stamps, but never once as granted and once as refused.
    Ok(match known {
        Some(known) if known != kind_word(event.kind) => Met::Contradiction,
        _ => Met::Itself,
    })
}

const SELECT: &str = "SELECT seq, source.name, delivery, key, kind, vendor_kind, reader, \
    reader_name, direction, from_us, to_us, received_us, holder, passages, person_name, \
    person_email, vendor_door FROM event JOIN source ON source.id = event.source";

/// At most `limit` events after `seq`, in order.
pub(super) fn after(db: &Connection, seq: u64, limit: usize) -> rusqlite::Result<Vec<Stored>> {
    let mut query = db.prepare_cached(&format!("{SELECT} WHERE seq > ?1 ORDER BY seq LIMIT ?2"))?;
    let seq = i64::try_from(seq).unwrap_or(i64::MAX);
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    let rows = query.query_map(params![seq, limit], stored)?;
    rows.collect()
}

fn stored(row: &Row<'_>) -> rusqlite::Result<Stored> {
    let instant = |at: usize| row.get(at).map(Instant::from_us);
    let person = Person {
        name: row.get(14)?,
        email: row.get(15)?,
    };
    let event = AccessEvent {
        id: row.get(3)?,
        door: None,
        reader: row.get(6)?,
        direction: row
            .get::<_, Option<String>>(8)?
            .and_then(|word| direction_from(&word)),
        kind: kind_from(&row.get::<_, String>(4)?),
        occurred: Interval::new(instant(9)?, instant(10)?),
        received: instant(11)?,
        holder: row.get(12)?,
        passages: row.get(13)?,
    };
    Ok(Stored {
        seq: row.get::<_, i64>(0)?.unsigned_abs(),
        source: row.get(1)?,
        delivery: row.get(2)?,
        reported: Reported {
            event,
            vendor_kind: row.get(5)?,
            reader_name: row.get(7)?,
            door: row.get(16)?,
            person: Some(person).filter(|person| *person != Person::default()),
        },
    })
}

const KINDS: [(AccessKind, &str); 10] = [
    (AccessKind::Granted, "granted"),
    (AccessKind::Denied, "denied"),
    (AccessKind::ForcedOpen, "forced_open"),
    (AccessKind::HeldOpen, "held_open"),
    (AccessKind::Opened, "opened"),
    (AccessKind::Closed, "closed"),
    (AccessKind::RequestToExit, "request_to_exit"),
    (AccessKind::UnlockStarted, "unlock_started"),
    (AccessKind::UnlockEnded, "unlock_ended"),
    (AccessKind::Other, "other"),
];

/// The word for a kind, as grants files know it.
pub fn kind_word(kind: AccessKind) -> &'static str {
    let found = KINDS.iter().find(|(known, _)| *known == kind);
    found.map_or("other", |(_, word)| word)
}

fn kind_from(word: &str) -> AccessKind {
    let found = KINDS.iter().find(|(_, known)| *known == word);
    found.map_or(AccessKind::Other, |(kind, _)| *kind)
}

/// The word for a direction, as grants files know it.
pub fn direction_word(direction: Direction) -> &'static str {
    match direction {
        Direction::In => "in",
        Direction::Out => "out",
    }
}

pub(super) fn direction_from(word: &str) -> Option<Direction> {
    match word {
        "in" => Some(Direction::In),
        "out" => Some(Direction::Out),
        _ => None,
    }
}
