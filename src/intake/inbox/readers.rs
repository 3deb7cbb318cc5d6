//! Readers as they were seen: every one that sent an event, whether a door names it or not.
//!
//! Theory of operation: which readers belong to doors is the site's configuration, and may be wrong
//! today and right tomorrow. So all are counted, in the transaction that stores their events, and
//! who lists them says which are unknown.

use std::collections::BTreeMap;

use rusqlite::{Connection, Row, params};
use serde::Serialize;

use super::super::Reported;
use crate::units::Instant;

/// At most this many readers of one source are kept by name; a campus has some thousands. The events of
/// the rest are counted together.
pub const MOST_READERS: usize = 4_096;

/// Stands for all readers beyond [`MOST_READERS`].
const OTHERS: &str = "(others)";

/// A reader that sent events.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct SeenReader {
    /// The vendor's id; empty: the events named none.
    pub id: String,
    /// What the vendor calls it.
    pub name: Option<String>,
    /// The vendor's door that it belongs to, where events say it.
    pub door: Option<String>,
    /// How many events it sent.
    pub events: u64,
    /// When the first of them was received.
    pub first: Instant,
    /// When the last of them was received.
    pub last: Instant,
}

/// What was seen within one transaction.
#[derive(Debug, Default)]
pub(super) struct Readers(BTreeMap<(i64, String), Seen>);

#[derive(Debug, Default)]
struct Seen {
    name: Option<String>,
    door: Option<String>,
    events: i64,
    first_us: i64,
    last_us: i64,
}

impl Readers {
    pub(super) fn clear(&mut self) {
        self.0.clear();
    }

    /// An event is new.
    pub(super) fn saw(&mut self, source: i64, reported: &Reported) {
        let event = &reported.event;
        let at = event.received.as_us();
        let key = (source, event.reader.clone().unwrap_or_default());
        let seen = self.0.entry(key).or_insert(Seen {
            first_us: at,
            last_us: at,
            ..Seen::default()
        });
        seen.events += 1;
        seen.first_us = seen.first_us.min(at);
        seen.last_us = seen.last_us.max(at);
        if reported.reader_name.is_some() {
            seen.name.clone_from(&reported.reader_name);
        }
        if reported.door.is_some() {
            seen.door.clone_from(&reported.door);
        }
    }

    /// Writes all of it into the transaction.
    pub(super) fn write(&self, db: &Connection) -> rusqlite::Result<()> {
        for ((source, id), seen) in &self.0 {
            if seen.update(db, *source, id)? {
                continue;
            }
            let known: i64 = db
                .prepare_cached("SELECT count(*) FROM reader WHERE source = ?1")?
                .query_row([source], |row| row.get(0))?;
            if usize::try_from(known).unwrap_or(0) < MOST_READERS {
                seen.insert(db, *source, id)?;
            } else if !seen.update(db, *source, OTHERS)? {
                seen.insert(db, *source, OTHERS)?;
            }
        }
        Ok(())
    }
}

impl Seen {
    fn update(&self, db: &Connection, source: i64, id: &str) -> rusqlite::Result<bool> {
        let rows = db
            .prepare_cached(
                "UPDATE reader SET events = events + ?3, last_us = max(last_us, ?4), \
                 first_us = min(first_us, ?5), name = coalesce(?6, name), door = coalesce(?7, door) \
                 WHERE source = ?1 AND id = ?2",
            )?
            .execute(params![
                source,
                id,
                self.events,
                self.last_us,
                self.first_us,
                self.name,
                self.door
            ])?;
        Ok(rows > 0)
    }

    fn insert(&self, db: &Connection, source: i64, id: &str) -> rusqlite::Result<()> {
        db.prepare_cached("INSERT INTO reader VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)")?
            .execute(params![
                source,
                id,
                self.name,
                self.door,
                self.events,
                self.first_us,
                self.last_us
            ])
            .map(drop)
    }
}

/// The readers of a source, the most recent first.
pub(super) fn list(db: &Connection, source: &str) -> rusqlite::Result<Vec<SeenReader>> {
    let mut query = db.prepare_cached(
        "SELECT reader.id, reader.name, door, events, first_us, last_us FROM reader \
         JOIN source ON source.id = reader.source WHERE source.name = ?1 \
         ORDER BY last_us DESC, reader.id",
    )?;
    let rows = query.query_map([source], seen)?;
    rows.collect()
}

fn seen(row: &Row<'_>) -> rusqlite::Result<SeenReader> {
    Ok(SeenReader {
        id: row.get(0)?,
        name: row.get(1)?,
        door: row.get(2)?,
        events: row.get::<_, i64>(3)?.unsigned_abs(),
        first: Instant::from_us(row.get(4)?),
        last: Instant::from_us(row.get(5)?),
    })
}
