//! Reading the outbox, on a connection of its own: beside the writer, or in another process.

use std::path::Path;
use std::sync::Arc;

use rusqlite::{Connection, OptionalExtension, Row, params};
use serde::Serialize;

use super::error::OutboxError;
use super::schema;
use crate::units::Instant;

/// A connection that reads.
#[derive(Debug)]
pub struct OutboxReader {
    db: Connection,
}

/// How things stand with a sink.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct SinkState {
    /// Its name.
    pub name: String,
    /// Where it sends.
    pub target: String,
    /// Since when nothing is sent, and why.
    pub disabled: Option<(Instant, String)>,
    /// Notices that wait.
    pub waiting: u64,
    /// When the oldest of them was put.
    pub oldest: Option<Instant>,
    /// What the last attempt on the first of them met with.
    pub why: Option<String>,
    /// How often a person had it tried again.
    pub resumed: u64,
    /// Notices delivered, ever.
    pub delivered: u64,
    /// Notices given up, ever.
    pub given_up: u64,
}

/// A notice that was given up and is still kept.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct GivenUp {
    /// Its id.
    pub id: String,
    /// The door.
    pub door: String,
    /// When it happened.
    pub at: Instant,
    /// When it was given up.
    pub given_up: Instant,
    /// Attempts.
    pub tries: u32,
    /// Why.
    pub why: String,
    /// What would have been sent.
    pub body: String,
}

/// Something a sink is owed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::notify) struct Owed {
    pub seq: u64,
    pub door: Arc<str>,
    pub put: Instant,
    pub tries: u32,
    pub next: Instant,
    pub failed: Option<Instant>,
}

/// What is to be sent of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::notify) struct Content {
    pub id: String,
    pub at: Instant,
    pub body: Vec<u8>,
}

impl OutboxReader {
    /// Opens the file for reading only.
    pub fn open(path: &Path) -> Result<Self, OutboxError> {
        schema::open_reader(path).map(|db| Self { db })
    }

    /// How things stand, by sink, in the order in which they were first named.
    pub fn sinks(&self) -> Result<Vec<SinkState>, OutboxError> {
        let sql = "SELECT name, target, disabled_us, disabled_why, delivered, given_up, \
                   (SELECT count(*) FROM owed WHERE owed.sink = sink.id), \
                   (SELECT min(put_us) FROM owed JOIN notice USING (seq) WHERE owed.sink = sink.id), \
                   (SELECT why FROM owed WHERE owed.sink = sink.id ORDER BY seq LIMIT 1), resumed \
                   FROM sink ORDER BY id";
        let mut query = self.db.prepare(sql)?;
        let rows = query.query_map([], sink_state)?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    /// How things stand with one sink.
    pub fn sink(&self, name: &str) -> Result<Option<SinkState>, OutboxError> {
        Ok(self.sinks()?.into_iter().find(|sink| sink.name == name))
    }

    /// What was given up for a sink and is still kept, the newest first.
    pub fn given_up(&self, sink: &str, limit: usize) -> Result<Vec<GivenUp>, OutboxError> {
        let sql = "SELECT notice.id, door, notice.at_us, given_up.at_us, tries, why, body \
                   FROM given_up JOIN notice USING (seq) JOIN sink ON sink.id = given_up.sink \
                   WHERE sink.name = ?1 ORDER BY seq DESC LIMIT ?2";
        let mut query = self.db.prepare(sql)?;
        let rows = query.query_map(params![sink, limit as i64], |row| {
            let body: Option<Vec<u8>> = row.get(6)?;
            Ok(GivenUp {
                id: row.get(0)?,
                door: row.get(1)?,
                at: instant(row, 2)?,
                given_up: instant(row, 3)?,
                tries: row.get(4)?,
                why: row.get(5)?,
                body: String::from_utf8_lossy(&body.unwrap_or_default()).into_owned(),
            })
        })?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    /// At most `limit` things that a sink is owed, with a number greater than `after`, in order.
    pub(in crate::notify) fn owed_after(
        &self,
        sink: &str,
        after: u64,
        limit: usize,
    ) -> Result<Vec<Owed>, OutboxError> {
        let sql = "SELECT seq, door, put_us, tries, next_us, failed_us FROM owed \
                   JOIN notice USING (seq) WHERE owed.sink = (SELECT id FROM sink WHERE name = ?1) \
                   AND seq > ?2 ORDER BY seq LIMIT ?3";
        let mut query = self.db.prepare_cached(sql)?;
        let rows = query.query_map(params![sink, after as i64, limit as i64], |row| {
            let seq: i64 = row.get(0)?;
            let failed: Option<i64> = row.get(5)?;
            Ok(Owed {
                seq: seq.unsigned_abs(),
                door: row.get::<_, String>(1)?.into(),
                put: instant(row, 2)?,
                tries: row.get(3)?,
                next: instant(row, 4)?,
                failed: failed.map(Instant::from_us),
            })
        })?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    /// What is to be sent to a sink under this number; nothing if it is owed no more.
    pub(in crate::notify) fn content(
        &self,
        sink: &str,
        seq: u64,
    ) -> Result<Option<Content>, OutboxError> {
        let sql = "SELECT notice.id, at_us, body FROM owed JOIN notice USING (seq) \
                   WHERE owed.sink = (SELECT id FROM sink WHERE name = ?1) AND seq = ?2";
        let mut query = self.db.prepare_cached(sql)?;
        let content = query.query_row(params![sink, seq as i64], |row| {
            let body: Option<Vec<u8>> = row.get(2)?;
            Ok(Content {
                id: row.get(0)?,
                at: instant(row, 1)?,
                body: body.unwrap_or_default(),
            })
        });
        Ok(content.optional()?)
    }

    /// Whether SQLite finds the file whole.
    pub fn is_whole(&self) -> Result<bool, OutboxError> {
        let said: String = self
            .db
            .query_row("PRAGMA integrity_check", [], |row| row.get(0))?;
        Ok(said == "ok")
    }
}

fn sink_state(row: &Row<'_>) -> rusqlite::Result<SinkState> {
    let disabled: Option<i64> = row.get(2)?;
    let why: Option<String> = row.get(3)?;
    let oldest: Option<i64> = row.get(7)?;
    let count = |column| row.get::<_, i64>(column).map(i64::unsigned_abs);
    Ok(SinkState {
        name: row.get(0)?,
        target: row.get(1)?,
        disabled: disabled.map(|at| (Instant::from_us(at), why.unwrap_or_default())),
        delivered: count(4)?,
        given_up: count(5)?,
        waiting: count(6)?,
        oldest: oldest.map(Instant::from_us),
        why: row.get(8)?,
        resumed: count(9)?,
    })
}

fn instant(row: &Row<'_>, column: usize) -> rusqlite::Result<Instant> {
    row.get(column).map(Instant::from_us)
}
