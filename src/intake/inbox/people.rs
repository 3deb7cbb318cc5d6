//! Who holders are: names and e-mail addresses, kept for a while and forgotten in earnest.
//!
//! Theory of operation: a name stands in one row beside the journal, under its source and holder, or
//! with the event that brought it. Both end after the site's time. Deleted rows are overwritten
//! (`secure_delete`), and the log beside the file is emptied, so that no name is left in either. What
//! the file system or a backup keeps of earlier states is out of reach here.

use std::time::Duration;

use rusqlite::{Connection, OptionalExtension, Row, params};
use serde::Serialize;

use super::super::Person;
use crate::units::Instant;

/// Events whose names one round clears.
const CLEARED_AT_ONCE: i64 = 1_000;
/// Raw bodies that are looked at together: they are held in memory.
const BODIES_AT_ONCE: i64 = 500;

/// Somebody who is known.
#[derive(Clone, PartialEq, Eq, Serialize)]
pub struct Known {
    /// The source.
    pub source: String,
    /// The vendor's id.
    pub holder: String,
    /// Name as written.
    pub name: Option<String>,
    /// E-mail address.
    pub email: Option<String>,
    /// When the vendor said so.
    pub asked: Instant,
    /// When it is forgotten.
    pub expires: Instant,
}

/// Names are not for logs.
impl std::fmt::Debug for Known {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Known([redacted])")
    }
}

impl Known {
    /// The person; `None` if the vendor knows nobody.
    pub fn person(&self) -> Option<Person> {
        let person = Person {
            name: self.name.clone(),
            email: self.email.clone(),
        };
        Some(person).filter(|person| *person != Person::default())
    }
}

/// Who is to be forgotten.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Whom {
    /// Everybody, of one source or of all.
    Everybody(Option<String>),
    /// One holder, of one source or of all.
    Holder(Option<String>, String),
}

/// Makes a source's raw body fit to be kept, with the keyed hash of what it was. `None`: the source is
/// not known any more, and its bodies stay as they are.
pub type Redact<'a> = dyn Fn(&str, &[u8]) -> Option<(Vec<u8>, [u8; 32])> + 'a;

/// What was forgotten.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Forgotten {
    /// People who were looked up.
    pub people: usize,
    /// Events that named somebody.
    pub events: usize,
    /// Raw bodies of an earlier version that may have held names.
    pub bodies: usize,
    /// Whether the log beside the file was emptied; if not, somebody was reading.
    pub log_emptied: bool,
}

/// Writes down who a holder is.
pub(super) fn remember(
    db: &Connection,
    source: i64,
    holder: &str,
    person: Option<&Person>,
    now: Instant,
    expires: Instant,
) -> rusqlite::Result<()> {
    db.prepare_cached("INSERT OR REPLACE INTO person VALUES (?1, ?2, ?3, ?4, ?5, ?6)")?
        .execute(params![
            source,
            holder,
            person.and_then(|person| person.name.as_deref()),
            person.and_then(|person| person.email.as_deref()),
            now.as_us(),
            expires.as_us()
        ])
        .map(drop)
}

fn select(rest: &str) -> String {
    format!(
        "SELECT source.name, holder, person.name, email, person.asked_us, expires_us \
         FROM person JOIN source ON source.id = person.source {rest}"
    )
}

fn row(row: &Row<'_>) -> rusqlite::Result<Known> {
    Ok(Known {
        source: row.get(0)?,
        holder: row.get(1)?,
        name: row.get(2)?,
        email: row.get(3)?,
        asked: Instant::from_us(row.get(4)?),
        expires: Instant::from_us(row.get(5)?),
    })
}

/// Who a holder is, unless that has expired.
pub(super) fn known(
    db: &Connection,
    source: &str,
    holder: &str,
    now: Instant,
) -> rusqlite::Result<Option<Known>> {
    let sql = select("WHERE source.name = ?1 AND holder = ?2 AND expires_us > ?3");
    let mut query = db.prepare_cached(&sql)?;
    query
        .query_row(params![source, holder, now.as_us()], row)
        .optional()
}

/// Everybody who is known.
pub(super) fn all(db: &Connection, now: Instant) -> rusqlite::Result<Vec<Known>> {
    let rest = "WHERE expires_us > ?1 AND (person.name IS NOT NULL OR email IS NOT NULL) \
                ORDER BY source.name, holder";
    let mut query = db.prepare_cached(&select(rest))?;
    let rows = query.query_map([now.as_us()], row)?;
    rows.collect()
}

/// Deletes what has expired. Whether there was anything.
pub(super) fn expire(db: &Connection, now: Instant, keep: Duration) -> rusqlite::Result<bool> {
    let people = db
        .prepare_cached("DELETE FROM person WHERE expires_us <= ?1")?
        .execute([now.as_us()])?;
    let keep_us = i64::try_from(keep.as_micros()).unwrap_or(i64::MAX);
    let before = now.as_us().saturating_sub(keep_us);
    let events = db
        .prepare_cached(
            "UPDATE event SET person_name = NULL, person_email = NULL WHERE seq IN \
             (SELECT seq FROM event WHERE received_us < ?1 \
              AND (person_name IS NOT NULL OR person_email IS NOT NULL) LIMIT ?2)",
        )?
        .execute([before, CLEARED_AT_ONCE])?;
    Ok(people + events > 0)
}

/// Deletes now, within a transaction.
pub(super) fn forget(
    db: &Connection,
    whom: &Whom,
    redact: &Redact<'_>,
) -> rusqlite::Result<Forgotten> {
    let (source, holder) = match whom {
        Whom::Everybody(source) => (source, None),
        Whom::Holder(source, holder) => (source, Some(holder)),
    };
    let fits = "(?1 IS NULL OR source = (SELECT id FROM source WHERE name = ?1)) \
                AND (?2 IS NULL OR holder = ?2)";
    let people = db.execute(
        &format!("DELETE FROM person WHERE {fits}"),
        params![source, holder],
    )?;
    let events = db.execute(
        &format!(
            "UPDATE event SET person_name = NULL, person_email = NULL WHERE {fits} \
             AND (person_name IS NOT NULL OR person_email IS NOT NULL)"
        ),
        params![source, holder],
    )?;
    Ok(Forgotten {
        people,
        events,
        bodies: redact_bodies(db, source.as_deref(), redact)?,
        log_emptied: false,
    })
}

/// Takes the names out of raw bodies that a version stored which left them in.
fn redact_bodies(
    db: &Connection,
    source: Option<&str>,
    redact: &Redact<'_>,
) -> rusqlite::Result<usize> {
    let mut query = db.prepare(
        "SELECT delivery.id, source.name, body FROM delivery JOIN source \
         ON source.id = delivery.source WHERE digest IS NULL AND (?1 IS NULL OR source.name = ?1) \
         AND delivery.id > ?2 ORDER BY delivery.id LIMIT ?3",
    )?;
    let (mut after, mut done) = (i64::MIN, 0);
    loop {
        let rows = query.query_map(params![source, after, BODIES_AT_ONCE], |row| {
            Ok((row.get(0)?, row.get(1)?, row.get(2)?))
        })?;
        let rows: Vec<(i64, String, Vec<u8>)> = rows.collect::<Result<_, _>>()?;
        let Some((last, _, _)) = rows.last() else {
            return Ok(done);
        };
        after = *last;
        for (id, source, body) in &rows {
            let Some((body, digest)) = redact(source, body) else {
                continue;
            };
            let sql = "UPDATE delivery SET body = ?2, digest = ?3 WHERE id = ?1";
            done += db.execute(sql, params![id, body, &digest[..]])?;
        }
    }
}

/// Folds the log beside the file into it and empties it. Whether that could be done now.
pub(super) fn empty_log(db: &Connection) -> rusqlite::Result<bool> {
    let busy: i64 = db.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |row| row.get(0))?;
    Ok(busy == 0)
}
