//! The file and what is written into it. Every function here runs inside the writer's transaction.

use std::collections::BTreeMap;

use rusqlite::{Connection, OptionalExtension, params};

use super::super::notice::{Notice, Wants};
use super::{OutboxSettings, SinkEntry};
use crate::units::{Instant, Span};

/// What is given up at once for want of room has this reason.
const FULL: &str = "the outbox was full: the oldest notices were given up";

/// What becomes of something that is owed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::notify) enum Settle {
    /// It was delivered.
    Delivered,
    /// It is tried again.
    Later {
        /// Then.
        next: Instant,
        /// Why it is not delivered yet.
        why: String,
    },
    /// It is not tried any more.
    GiveUp {
        /// Why.
        why: String,
    },
}

/// A sink as the writer knows it.
#[derive(Debug)]
struct Known {
    name: String,
    wants: Wants,
    /// What it is owed.
    waiting: u64,
    bytes: u64,
}

/// The open file, as the writer has it.
#[derive(Debug)]
pub(super) struct Store {
    db: Connection,
    sinks: BTreeMap<i64, Known>,
    settings: OutboxSettings,
}

impl Store {
    pub(super) fn new(db: Connection, settings: &OutboxSettings) -> Self {
        Self {
            db,
            sinks: BTreeMap::new(),
            settings: settings.clone(),
        }
    }

    /// Gives the sinks their numbers. What is owed to a sink that is gone is given up; a sink that was
    /// disabled and sends elsewhere now is tried again.
    pub(super) fn register(&mut self, sinks: &[SinkEntry], now: Instant) -> rusqlite::Result<()> {
        self.begin()?;
        for entry in sinks {
            let sql = "INSERT INTO sink (name, target) VALUES (?1, ?2) ON CONFLICT (name) DO UPDATE \
                       SET disabled_us = iif(target = ?2, disabled_us, NULL), \
                       disabled_why = iif(target = ?2, disabled_why, NULL), target = ?2 RETURNING id";
            let given = params![&*entry.name, entry.target];
            let id = self.db.query_row(sql, given, |row| row.get(0))?;
            let known = Known {
                name: entry.name.to_string(),
                wants: entry.wants.clone(),
                waiting: 0,
                bytes: 0,
            };
            self.sinks.insert(id, known);
        }
        let ids: Vec<i64> = self.numbers("SELECT id FROM sink", [])?;
        let gone = ids.into_iter().filter(|id| !self.sinks.contains_key(id));
        for id in gone.collect::<Vec<_>>() {
            let owed = self.numbers("SELECT seq FROM owed WHERE sink = ?1", [id])?;
            for seq in owed {
                self.give_up(id, seq, now, "the sink is no longer in the settings")?;
            }
        }
        self.count()?;
        self.commit()
    }

    /// Counts what waits.
    fn count(&mut self) -> rusqlite::Result<()> {
        for (id, known) in &mut self.sinks {
            let sql = "SELECT count(*), coalesce(sum(length(body)), 0) FROM owed \
                       JOIN notice USING (seq) WHERE sink = ?1";
            let read = |row: &rusqlite::Row<'_>| Ok((row.get(0)?, row.get(1)?));
            let (waiting, bytes): (i64, i64) = self.db.query_row(sql, [id], read)?;
            (known.waiting, known.bytes) = (waiting.unsigned_abs(), bytes.unsigned_abs());
        }
        Ok(())
    }

    pub(super) fn begin(&mut self) -> rusqlite::Result<()> {
        self.db
            .prepare_cached("BEGIN IMMEDIATE")?
            .execute([])
            .map(drop)
    }

    /// When this returned, what was written is on disk.
    pub(super) fn commit(&mut self) -> rusqlite::Result<()> {
        self.db.prepare_cached("COMMIT")?.execute([]).map(drop)
    }

    /// The last notice's number.
    pub(super) fn last(&self) -> rusqlite::Result<u64> {
        let mut query = self
            .db
            .prepare_cached("SELECT coalesce(max(seq), 0) FROM notice")?;
        let last: i64 = query.query_row([], |row| row.get(0))?;
        Ok(last.unsigned_abs())
    }

    /// Writes down what a notice's sinks are owed. A known id changes nothing.
    pub(super) fn put(&mut self, notice: &Notice, now: Instant) -> rusqlite::Result<()> {
        let mut owed = Vec::new();
        for (id, sink) in &self.sinks {
            if sink.wants.takes(notice) || self.was_told(*id, &notice.subject)? {
                owed.push(*id);
            }
        }
        if owed.is_empty() {
            return Ok(());
        }
        let sql = "INSERT INTO notice (id, door, at_us, put_us, body) VALUES (?1, ?2, ?3, ?4, ?5) \
                   ON CONFLICT (id) DO NOTHING";
        let (at, put) = (notice.at.as_us(), now.as_us());
        let given = params![notice.id, notice.door, at, put, notice.body];
        if self.db.prepare_cached(sql)?.execute(given)? == 0 {
            return Ok(());
        }
        let seq = self.db.last_insert_rowid();
        for id in owed {
            let sql = "INSERT INTO owed (sink, seq) VALUES (?1, ?2)";
            self.db.prepare_cached(sql)?.execute([id, seq])?;
            let sql = "INSERT OR REPLACE INTO told VALUES (?1, ?2, ?3)";
            let given = params![id, notice.subject, put];
            self.db.prepare_cached(sql)?.execute(given)?;
            if let Some(known) = self.sinks.get_mut(&id) {
                known.waiting += 1;
                known.bytes += notice.body.len() as u64;
            }
            self.make_room(id, now)?;
        }
        Ok(())
    }

    fn was_told(&self, sink: i64, subject: &str) -> rusqlite::Result<bool> {
        let sql = "SELECT 1 FROM told WHERE sink = ?1 AND subject = ?2";
        self.db.prepare_cached(sql)?.exists(params![sink, subject])
    }

    /// Gives up the oldest of what a sink is owed until the rest is within its bounds.
    fn make_room(&mut self, sink: i64, now: Instant) -> rusqlite::Result<()> {
        let (most, most_bytes) = (self.settings.most_waiting, self.settings.most_bytes);
        let is_over =
            |known: &Known| known.waiting > 1 && (known.waiting > most || known.bytes > most_bytes);
        while self.sinks.get(&sink).is_some_and(is_over) {
            let sql = "SELECT min(seq) FROM owed WHERE sink = ?1";
            let first: Option<i64> = self
                .db
                .prepare_cached(sql)?
                .query_row([sink], |row| row.get(0))?;
            let Some(first) = first else {
                return Ok(());
            };
            self.give_up(sink, first, now, FULL)?;
        }
        Ok(())
    }

    /// Writes down what came of an attempt. What is owed no more is left as it is.
    pub(super) fn settle(
        &mut self,
        sink: &str,
        seq: u64,
        what: &Settle,
        now: Instant,
    ) -> rusqlite::Result<()> {
        let named = self.sinks.iter().find(|(_, known)| known.name == sink);
        let Some((id, seq)) = named.map(|(id, _)| (*id, seq as i64)) else {
            return Ok(());
        };
        match what {
            Settle::Delivered => {
                if self.take(id, seq)?.is_some() {
                    let sql = "UPDATE sink SET delivered = delivered + 1 WHERE id = ?1";
                    self.db.prepare_cached(sql)?.execute([id])?;
                    self.empty_if_done(seq)?;
                }
            }
            Settle::Later { next, why } => {
                let sql = "UPDATE owed SET tries = tries + 1, next_us = ?3, why = ?4, \
                           failed_us = coalesce(failed_us, ?5) WHERE sink = ?1 AND seq = ?2";
                let given = params![id, seq, next.as_us(), why, now.as_us()];
                self.db.prepare_cached(sql)?.execute(given)?;
            }
            Settle::GiveUp { why } => self.give_up(id, seq, now, why)?,
        }
        Ok(())
    }

    /// Strikes out something owed. Its attempts, if it was there.
    fn take(&mut self, sink: i64, seq: i64) -> rusqlite::Result<Option<i64>> {
        let sql = "DELETE FROM owed WHERE sink = ?1 AND seq = ?2 RETURNING tries";
        let tries = self
            .db
            .prepare_cached(sql)?
            .query_row([sink, seq], |row| row.get(0))
            .optional()?;
        if tries.is_some()
            && let Some(known) = self.sinks.get_mut(&sink)
        {
            let sql = "SELECT coalesce(length(body), 0) FROM notice WHERE seq = ?1";
            let mut query = self.db.prepare_cached(sql)?;
            let bytes: i64 = query.query_row([seq], |row| row.get(0))?;
            known.waiting = known.waiting.saturating_sub(1);
            known.bytes = known.bytes.saturating_sub(bytes.unsigned_abs());
        }
        Ok(tries)
    }

    fn give_up(&mut self, sink: i64, seq: i64, now: Instant, why: &str) -> rusqlite::Result<()> {
        let Some(tries) = self.take(sink, seq)? else {
            return Ok(());
        };
        let sql = "INSERT OR REPLACE INTO given_up VALUES (?1, ?2, ?3, ?4, ?5)";
        let given = params![sink, seq, now.as_us(), tries, why];
        self.db.prepare_cached(sql)?.execute(given)?;
        let sql = "UPDATE sink SET given_up = given_up + 1 WHERE id = ?1";
        self.db.prepare_cached(sql)?.execute([sink])?;
        self.forget_oldest(sink)
    }

    /// What was given up is kept within a bound too.
    fn forget_oldest(&mut self, sink: i64) -> rusqlite::Result<()> {
        let sql = "DELETE FROM given_up WHERE sink = ?1 AND seq <= (SELECT seq FROM given_up \
                   WHERE sink = ?1 ORDER BY seq DESC LIMIT 1 OFFSET ?2) RETURNING seq";
        let most = i64::try_from(self.settings.most_given_up).unwrap_or(i64::MAX);
        for seq in self.numbers(sql, [sink, most])? {
            self.empty_if_done(seq)?;
        }
        Ok(())
    }

    /// A body that nobody is owed any more takes no room; its id stays known for a while.
    fn empty_if_done(&mut self, seq: i64) -> rusqlite::Result<()> {
        let sql = "UPDATE notice SET body = NULL WHERE seq = ?1 \
                   AND NOT EXISTS (SELECT 1 FROM owed WHERE owed.seq = ?1) \
                   AND NOT EXISTS (SELECT 1 FROM given_up WHERE given_up.seq = ?1)";
        self.db.prepare_cached(sql)?.execute([seq]).map(drop)
    }

    /// Nothing is sent to a sink until it is enabled again.
    pub(super) fn disable(&mut self, sink: &str, now: Instant, why: &str) -> rusqlite::Result<()> {
        let sql = "UPDATE sink SET disabled_us = ?2, disabled_why = ?3 WHERE name = ?1";
        let given = params![sink, now.as_us(), why];
        self.db.execute(sql, given).map(drop)
    }

    /// A sink that was disabled is tried again; what was given up, too, if `again`.
    pub(super) fn resume(&mut self, sink: &str, again: bool) -> rusqlite::Result<()> {
        resume(&self.db, sink, again)?;
        self.count()
    }

    /// Gives up what is too old, and forgets what need not be known any more.
    pub(super) fn sweep(&mut self, now: Instant) -> rusqlite::Result<()> {
        let before = |age: Span| (now - age).as_us();
        let days = self.settings.give_up.as_s() / 86_400.0;
        let why = format!("it could not be delivered for {days:.0} days");
        let sql = "SELECT sink, seq FROM owed JOIN notice USING (seq) WHERE put_us < ?1";
        let old: Vec<(i64, i64)> = {
            let mut query = self.db.prepare_cached(sql)?;
            let rows = query.query_map([before(self.settings.give_up)], |row| {
                Ok((row.get(0)?, row.get(1)?))
            })?;
            rows.collect::<Result<_, _>>()?
        };
        for (sink, seq) in old {
            self.give_up(sink, seq, now, &why)?;
        }
        let kept = before(self.settings.keep);
        self.db
            .execute("DELETE FROM given_up WHERE at_us < ?1", [kept])?;
        self.db
            .execute("DELETE FROM told WHERE at_us < ?1", [kept])?;
        // The newest one stays, as its number and id alone: SQLite numbers on from the greatest number that
        // is there, and a running sink, which has read it, never looks at lower ones again.
        let newest = self.last()? as i64;
        self.empty_if_done(newest)?;
        let sql = "DELETE FROM notice WHERE put_us < ?1 AND seq < ?2 \
                   AND NOT EXISTS (SELECT 1 FROM owed WHERE owed.seq = notice.seq) \
                   AND NOT EXISTS (SELECT 1 FROM given_up WHERE given_up.seq = notice.seq)";
        self.db.execute(sql, [kept, newest]).map(drop)
    }

    /// The clock was set by so much: ages stay what they were.
    pub(super) fn shift(&mut self, by: Span) -> rusqlite::Result<()> {
        let by = by.as_us();
        self.db
            .execute("UPDATE notice SET put_us = put_us + ?1", [by])?;
        self.db
            .execute("UPDATE owed SET next_us = next_us + ?1", [by])?;
        self.db
            .execute("UPDATE told SET at_us = at_us + ?1", [by])?;
        self.db
            .execute("UPDATE given_up SET at_us = at_us + ?1", [by])
            .map(drop)
    }

    fn numbers(&self, sql: &str, given: impl rusqlite::Params) -> rusqlite::Result<Vec<i64>> {
        let mut query = self.db.prepare_cached(sql)?;
        let rows = query.query_map(given, |row| row.get(0))?;
        rows.collect()
    }
}

/// Has a sink tried again; with `again`, what was given up for it is owed again. Whether there is such
/// a sink.
pub(super) fn resume(db: &Connection, sink: &str, again: bool) -> rusqlite::Result<bool> {
    let sql = "UPDATE sink SET disabled_us = NULL, disabled_why = NULL, resumed = resumed + 1 \
               WHERE name = ?1";
    let known = db.execute(sql, [sink])? > 0;
    if again {
        let sql = "INSERT OR IGNORE INTO owed (sink, seq) SELECT sink, seq FROM given_up \
                   JOIN notice USING (seq) JOIN sink ON sink.id = given_up.sink \
                   WHERE sink.name = ?1 AND body IS NOT NULL";
        db.execute(sql, [sink])?;
        let sql = "DELETE FROM given_up WHERE sink = (SELECT id FROM sink WHERE name = ?1)";
        db.execute(sql, [sink])?;
    }
    Ok(known)
}
