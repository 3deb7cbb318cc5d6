//! The file and what is written into it, one transaction a batch.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use rusqlite::{Connection, OptionalExtension, params};

use super::super::{AccessPoint, Delivery, Headers, Notice, Reading, Unreadable};
use super::deposit::{Deposit, GapChange, Note, Receipt};
use super::error::InboxError;
use super::journal::{self, Met};
use super::readers::Readers;
use super::schema::{self, Found};
use super::{gaps, people, settings};
use crate::units::Instant;

/// How long another process (`tailgate intake gaps --lost`) may hold the file before a batch counts
/// as failed.
const BUSY: Duration = Duration::from_secs(10);
/// Pages of the cache, KiB: the upper levels of the key index of some million events.
const CACHE_KIB: i64 = 16_384;
/// Pages of the log before it is folded into the file: 16 MiB, so that a burst pays for it rarely.
const CHECKPOINT_PAGES: i64 = 4_096;
/// Deliveries that one round of clearing looks at.
const CLEARED_AT_ONCE: i64 = 1_000;

/// The open file, as the writer has it.
pub(super) struct Store {
    db: Connection,
    sources: BTreeMap<Arc<str>, i64>,
    /// Next numbers, good within the transaction at hand.
    next_seq: i64,
    next_delivery: i64,
    /// The first number of a delivery in the transaction at hand.
    first_delivery: i64,
    /// Last arrivals by source within the transaction at hand.
    contacts: BTreeMap<i64, i64>,
    /// Readers that sent events within the transaction at hand.
    readers: Readers,
    /// Names were deleted, and the log beside the file may still hold them.
    owes_checkpoint: bool,
}

impl Store {
    /// Opens the file or makes it.
    pub(super) fn open(path: &Path) -> Result<Self, InboxError> {
        let failed = |what: String| InboxError::Open {
            path: path.to_owned(),
            what,
        };
        let folder = super::folder_of(path);
        if !folder.is_dir() {
            return Err(failed(format!(
                "the folder {} is not there",
                folder.display()
            )));
        }
        let db = Connection::open(path).map_err(|error| failed(error.to_string()))?;
        let opened = || -> rusqlite::Result<Found> {
            db.busy_timeout(BUSY)?;
            let found = schema::look(&db)?;
            if matches!(found, Found::Newer(_) | Found::Foreign) {
                return Ok(found);
            }
            db.pragma_update(None, "journal_mode", "wal")?;
            db.pragma_update(None, "synchronous", "full")?;
            db.pragma_update(None, "cache_size", -CACHE_KIB)?;
            db.pragma_update(None, "wal_autocheckpoint", CHECKPOINT_PAGES)?;
            if found == Found::Empty {
                schema::make(&db)?;
            }
            if found == Found::Older {
                schema::upgrade(&db)?;
            }
            // What is deleted is overwritten: names are forgotten in earnest.
            db.pragma_update(None, "secure_delete", true)?;
            db.set_prepared_statement_cache_capacity(64);
            Ok(found)
        };
        match opened().map_err(|error| failed(error.to_string()))? {
            Found::Newer(found) => Err(InboxError::Newer {
                path: path.to_owned(),
                found,
                known: schema::VERSION,
            }),
            Found::Foreign => Err(InboxError::Foreign(path.to_owned())),
            Found::Empty | Found::Known | Found::Older => Ok(Self {
                db,
                sources: BTreeMap::new(),
                next_seq: 0,
                next_delivery: 0,
                first_delivery: 0,
                contacts: BTreeMap::new(),
                readers: Readers::default(),
                owes_checkpoint: false,
            }),
        }
    }

    /// Gives the sources their numbers.
    pub(super) fn register(&mut self, sources: &[(Arc<str>, &str)]) -> Result<(), InboxError> {
        for (name, vendor) in sources {
            let sql = "INSERT INTO source (name, vendor) VALUES (?1, ?2) \
                       ON CONFLICT (name) DO UPDATE SET vendor = ?2 RETURNING id";
            let id = self
                .db
                .query_row(sql, params![&**name, vendor], |row| row.get(0))?;
            self.sources.insert(Arc::clone(name), id);
        }
        Ok(())
    }

    /// The last journal number.
    pub(super) fn last_seq(&self) -> rusqlite::Result<u64> {
        let sql = "SELECT coalesce(max(seq), 0) FROM event";
        let last: i64 = self.db.query_row(sql, [], |row| row.get(0))?;
        Ok(last.unsigned_abs())
    }

    /// Begins a transaction. Numbers are read anew in each: another process may have written.
    pub(super) fn begin(&mut self) -> rusqlite::Result<()> {
        self.db.execute_batch("BEGIN IMMEDIATE")?;
        self.contacts.clear();
        self.readers.clear();
        (self.next_seq, self.next_delivery) = self
            .db
            .prepare_cached(
                "SELECT (SELECT coalesce(max(seq), 0) + 1 FROM event), \
                 (SELECT coalesce(max(id), 0) + 1 FROM delivery)",
            )?
            .query_row([], |row| Ok((row.get(0)?, row.get(1)?)))?;
        // Clearing may have taken the newest deliveries: their numbers stay taken.
        let last = "SELECT coalesce(max(delivery), 0) + 1 FROM event WHERE seq = ?1";
        let after: i64 = self
            .db
            .prepare_cached(last)?
            .query_row([self.next_seq - 1], |row| row.get(0))?;
        self.next_delivery = self.next_delivery.max(after);
        self.first_delivery = self.next_delivery;
        Ok(())
    }

    /// Ends the transaction. When this returned, what it holds is on disk. The last number in it.
    pub(super) fn commit(&mut self) -> rusqlite::Result<u64> {
        for (source, at) in &self.contacts {
            self.db
                .prepare_cached(
                    "UPDATE source SET contact_us = max(coalesce(contact_us, ?2), ?2) \
                     WHERE id = ?1",
                )?
                .execute(params![source, at])?;
        }
        self.readers.write(&self.db)?;
        self.db.prepare_cached("COMMIT")?.execute([])?;
        Ok((self.next_seq - 1).unsigned_abs())
    }

    /// Notes that the process is alive at `now`, and clears raw bytes that are old enough.
    pub(super) fn tick(
        &mut self,
        now: Instant,
        settings: &settings::InboxSettings,
    ) -> rusqlite::Result<()> {
        self.db.execute_batch("BEGIN IMMEDIATE")?;
        self.db
            .execute("UPDATE life SET alive_us = ?1", [now.as_us()])?;
        let keep_us = i64::try_from(settings.keep_raw.as_micros()).unwrap_or(i64::MAX);
        let before = now.as_us().saturating_sub(keep_us);
        self.db
            .prepare_cached(
                "DELETE FROM delivery WHERE id IN (SELECT id FROM (SELECT id, received_us FROM \
                 delivery ORDER BY id LIMIT ?2) WHERE received_us < ?1) AND id NOT IN \
                 (SELECT delivery FROM quarantine WHERE resolved_us IS NULL)",
            )?
            .execute([before, CLEARED_AT_ONCE])?;
        let gone = people::expire(&self.db, now, settings.keep_people)?;
        self.db.execute_batch("COMMIT")?;
        self.owes_checkpoint |= gone;
        if self.owes_checkpoint {
            // Nobody is waited for: deliveries are. Whoever reads now is done by the next time.
            self.db.busy_timeout(Duration::ZERO)?;
            let done = people::empty_log(&self.db);
            self.db.busy_timeout(BUSY)?;
            self.owes_checkpoint = !done?;
        }
        Ok(())
    }

    /// Forgets people, now and in earnest. Whether the log beside the file was emptied too.
    pub(super) fn forget(
        &mut self,
        whom: &people::Whom,
        redact: &people::Redact<'_>,
    ) -> rusqlite::Result<people::Forgotten> {
        self.db.execute_batch("BEGIN IMMEDIATE")?;
        let mut forgotten = people::forget(&self.db, whom, redact)?;
        self.db.execute_batch("COMMIT")?;
        forgotten.log_emptied = people::empty_log(&self.db)?;
        Ok(forgotten)
    }

    /// Has the process that keeps the inbox read a source's log, from a moment on if one is given.
    /// Whether there is such a source.
    pub(super) fn ask(
        &mut self,
        source: &str,
        from: Option<Instant>,
        now: Instant,
    ) -> rusqlite::Result<bool> {
        let sql = "UPDATE source SET asked_us = max(coalesce(asked_us, 0) + 1, ?2), \
                   asked_from_us = ?3 WHERE name = ?1";
        let from = from.map(Instant::as_us);
        let rows = self.db.execute(sql, params![source, now.as_us(), from])?;
        Ok(rows > 0)
    }

    /// Writes something to remember into the transaction.
    pub(super) fn note(&mut self, note: &Note, now: Instant) -> rusqlite::Result<Receipt> {
        match note {
            Note::Points { source, points } => {
                let source = self.source(source)?;
                self.replace_points(source, points)?;
            }
            Note::Person {
                source,
                holder,
                person,
                expires,
            } => {
                let source = self.source(source)?;
                people::remember(&self.db, source, holder, person.as_ref(), now, *expires)?;
            }
        }
        Ok(Receipt::default())
    }

    /// Writes one deposit into the transaction.
    pub(super) fn write(&mut self, deposit: &Deposit) -> rusqlite::Result<Receipt> {
        let delivery = &deposit.delivery;
        let source = self.source(&delivery.source)?;
        let at = delivery.received.as_us();
        let contact = self.contacts.entry(source).or_insert(at);
        *contact = (*contact).max(at);
        match &deposit.reading {
            Ok(reading) => self.write_reading(source, deposit, reading),
            Err(unreadable) => {
                let quarantined = self.quarantine(source, deposit, unreadable)?;
                Ok(Receipt {
                    quarantined,
                    ..Receipt::default()
                })
            }
        }
    }

    fn write_reading(
        &mut self,
        source: i64,
        deposit: &Deposit,
        reading: &Reading,
    ) -> rusqlite::Result<Receipt> {
        let mut receipt = Receipt::default();
        let delivery_id = self.next_delivery;
        for reported in &reading.events {
            let seq = self.next_seq;
            let people = deposit.people;
            match journal::insert(&self.db, seq, source, delivery_id, reported, people)? {
                Met::Nothing => {
                    self.next_seq += 1;
                    receipt.stored += 1;
                    self.readers.saw(source, reported);
                }
                Met::Itself => receipt.duplicates += 1,
                Met::Contradiction => {
                    receipt.duplicates += 1;
                    receipt.contradictions += 1;
                }
            }
        }
        let mut worth_keeping = reading.notices.is_empty() && reading.events.is_empty();
        let mut odd = None;
        for notice in &reading.notices {
            match notice {
                Notice::AccessPoints(points) => self.replace_points(source, points)?,
                Notice::Disabled(_) => worth_keeping = true,
                Notice::Unread(row) => odd = Some(row.clone()),
                Notice::KeepAlive => {}
            }
        }
        if receipt.contradictions > 0 {
            odd = Some(Unreadable {
                what: "it says something else of an event that is known by the same id".into(),
                pointer: None,
            });
        }
        if let Some(what) = odd {
            receipt.quarantined = self.quarantine(source, deposit, &what)?;
            // Events that it also brought belong to the delivery that was just written.
            worth_keeping = receipt.stored > 0 && !receipt.quarantined;
        } else {
            worth_keeping |= receipt.stored > 0;
        }
        if worth_keeping {
            self.keep(source, deposit)?;
        }
        Ok(receipt)
    }

    /// Whether the delivery is new in quarantine. The same bytes again are counted only.
    fn quarantine(
        &mut self,
        source: i64,
        deposit: &Deposit,
        why: &Unreadable,
    ) -> rusqlite::Result<bool> {
        let digest = deposit.digest;
        let known = self
            .db
            .prepare_cached(
                "UPDATE quarantine SET times = times + 1 WHERE source = ?1 AND digest = ?2",
            )?
            .execute(params![source, &digest[..]])?;
        if known > 0 {
            return Ok(false);
        }
        let id = self.keep(source, deposit)?;
        self.db
            .prepare_cached(
                "INSERT INTO quarantine (source, digest, delivery, what, pointer, times) \
                 VALUES (?1, ?2, ?3, ?4, ?5, 1)",
            )?
            .execute(params![source, &digest[..], id, why.what, why.pointer])?;
        Ok(true)
    }

    fn keep(&mut self, source: i64, deposit: &Deposit) -> rusqlite::Result<i64> {
        let delivery: &Delivery = &deposit.delivery;
        let id = self.next_delivery;
        self.next_delivery += 1;
        self.db
            .prepare_cached(
                "INSERT INTO delivery (id, source, received_us, target, headers, body, digest) \
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
            )?
            .execute(params![
                id,
                source,
                delivery.received.as_us(),
                delivery.target,
                written_headers(&delivery.headers),
                delivery.body,
                &deposit.digest[..]
            ])?;
        Ok(id)
    }

    fn replace_points(&mut self, source: i64, points: &[AccessPoint]) -> rusqlite::Result<()> {
        self.db
            .prepare_cached("DELETE FROM point WHERE source = ?1")?
            .execute([source])?;
        for point in points {
            self.db
                .prepare_cached("INSERT OR REPLACE INTO point VALUES (?1, ?2, ?3, ?4, ?5)")?
                .execute(params![
                    source,
                    point.id,
                    point.name,
                    point.door,
                    point.direction.map(journal::direction_word)
                ])?;
        }
        Ok(())
    }

    /// Writes a change of a gap into the transaction.
    pub(super) fn change_gap(
        &mut self,
        change: &GapChange,
        now: Instant,
    ) -> rusqlite::Result<Receipt> {
        if let GapChange::Open { source, .. } = change {
            self.source(source)?;
        }
        Ok(Receipt {
            gap: gaps::apply(&self.db, change, now)?,
            ..Receipt::default()
        })
    }

    /// Marks what stands in quarantine as read after all.
    pub(super) fn resolve(&mut self, id: i64, now: Instant) -> rusqlite::Result<()> {
        let sql = "UPDATE quarantine SET resolved_us = ?2 WHERE id = ?1";
        self.db.execute(sql, [id, now.as_us()])?;
        // Its copy came as it did: the same hash of the same bytes.
        let sql = "UPDATE delivery SET digest = (SELECT was.digest FROM quarantine \
                   JOIN delivery AS was ON was.id = quarantine.delivery WHERE quarantine.id = ?1) \
                   WHERE id >= ?2";
        self.db.execute(sql, [id, self.first_delivery]).map(drop)
    }

    fn source(&mut self, name: &Arc<str>) -> rusqlite::Result<i64> {
        if let Some(id) = self.sources.get(name) {
            return Ok(*id);
        }
        let sql = "SELECT id FROM source WHERE name = ?1";
        let known = self.db.query_row(sql, [&**name], |row| row.get(0));
        let id = match known.optional()? {
            Some(id) => id,
            None => {
                let sql = "INSERT INTO source (name, vendor) VALUES (?1, '') RETURNING id";
                self.db.query_row(sql, [&**name], |row| row.get(0))?
            }
        };
        self.sources.insert(Arc::clone(name), id);
        Ok(id)
    }
}

/// Headers as bytes: `name: value` and a line end each.
pub(super) fn written_headers(headers: &Headers) -> Vec<u8> {
    let mut bytes = Vec::new();
    for (name, value) in headers.iter() {
        bytes.extend_from_slice(name.as_bytes());
        bytes.extend_from_slice(b": ");
        bytes.extend_from_slice(value);
        bytes.extend_from_slice(b"\r\n");
    }
    bytes
}

/// And back.
pub(super) fn read_headers(bytes: &[u8]) -> Headers {
    let text = bytes.split(|byte| *byte == b'\n');
    let pairs = text.filter_map(|line| {
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        let colon = line.iter().position(|byte| *byte == b':')?;
        let name = String::from_utf8_lossy(&line[..colon]).into_owned();
        Some((name, line.get(colon + 2..).unwrap_or_default()))
    });
    Headers::new(pairs)
}
