//! Reading the inbox, on a connection of its own: beside the writer, or in another process.

use std::path::Path;
use std::time::Duration;

use rusqlite::{Connection, OpenFlags, Row};
use serde::Serialize;

use super::super::{AccessPoint, Delivery, Secret};
use super::deposit::{Deposit, GapChange, Receipt};
use super::error::InboxError;
use super::gaps::{self, Gap};
use super::journal::{self, Stored};
use super::people::{self, Forgotten, Known, Redact, Whom};
use super::readers::{self, SeenReader};
use super::schema::{self, Found};
use super::store::{Store, read_headers};
use crate::units::Instant;

/// A connection that reads.
#[derive(Debug)]
pub struct InboxReader {
    db: Connection,
    path: std::path::PathBuf,
}

/// A delivery in quarantine.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Quarantined {
    /// Its number.
    pub id: i64,
    /// The source.
    pub source: String,
    /// When it came first.
    pub received: Instant,
    /// What is wrong with it.
    pub what: String,
    /// Where.
    pub pointer: Option<String>,
    /// How often the same bytes came.
    pub times: i64,
    /// Bytes of its body.
    pub bytes: i64,
    /// When it was read after all.
    pub resolved: Option<Instant>,
}

/// That somebody wants a source's log read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Asked {
    /// The source.
    pub source: String,
    /// When it was asked.
    pub at: Instant,
    /// From when on; `None`: what is missing.
    pub from: Option<Instant>,
}

/// Whether the journal is what it must be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct JournalCheck {
    /// Events.
    pub events: u64,
    /// The last number: equal to the number of events if there is no gap.
    pub last: u64,
    /// Whether SQLite finds the file whole.
    pub whole: bool,
}

impl InboxReader {
    /// Opens the file for reading only.
    pub fn open(path: &Path) -> Result<Self, InboxError> {
        let failed = |what: String| InboxError::Open {
            path: path.to_owned(),
            what,
        };
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let db =
            Connection::open_with_flags(path, flags).map_err(|error| failed(error.to_string()))?;
        db.busy_timeout(Duration::from_secs(10))?;
        db.pragma_update(None, "query_only", true)?;
        match schema::look(&db).map_err(|error| failed(error.to_string()))? {
            found @ (Found::Known | Found::Older) => {
                if found == Found::Older {
                    db.pragma_update(None, "query_only", false)?;
                    schema::upgrade(&db).map_err(|error| failed(error.to_string()))?;
                    db.pragma_update(None, "query_only", true)?;
                }
                Ok(Self {
                    db,
                    path: path.to_owned(),
                })
            }
            Found::Newer(found) => Err(InboxError::Newer {
                path: path.to_owned(),
                found,
                known: schema::VERSION,
            }),
            Found::Empty | Found::Foreign => Err(InboxError::Foreign(path.to_owned())),
        }
    }

    /// At most `limit` events with a journal number greater than `seq`, in order.
    pub fn events_after(&self, seq: u64, limit: usize) -> Result<Vec<Stored>, InboxError> {
        Ok(journal::after(&self.db, seq, limit)?)
    }

    /// The last journal number; 0 if there is none.
    pub fn last_seq(&self) -> Result<u64, InboxError> {
        let sql = "SELECT coalesce(max(seq), 0) FROM event";
        let last: i64 = self.db.query_row(sql, [], |row| row.get(0))?;
        Ok(last.unsigned_abs())
    }

    /// What stands in quarantine; what was resolved too if `all`.
    pub fn quarantine(&self, all: bool) -> Result<Vec<Quarantined>, InboxError> {
        let filter = if all { "" } else { "WHERE resolved_us IS NULL" };
        let sql = format!("{QUARANTINE} {filter} ORDER BY quarantine.id");
        let mut query = self.db.prepare(&sql)?;
        let rows = query.query_map([], quarantined)?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    /// The raw bytes of a delivery in quarantine, if there is one of this number.
    pub fn quarantined(&self, id: i64) -> Result<Option<(Quarantined, Delivery)>, InboxError> {
        let sql = format!("{QUARANTINE} WHERE quarantine.id = ?1");
        let mut query = self.db.prepare(&sql)?;
        let mut rows = query.query([id])?;
        let Some(row) = rows.next()? else {
            return Ok(None);
        };
        let found = quarantined(row)?;
        let delivery = Delivery {
            source: found.source.as_str().into(),
            received: found.received,
            target: row.get(8)?,
            headers: read_headers(&row.get::<_, Vec<u8>>(9)?),
            body: row.get(10)?,
        };
        Ok(Some((found, delivery)))
    }

    /// Gaps, oldest first; closed ones too if `all`.
    pub fn gaps(&self, all: bool) -> Result<Vec<Gap>, InboxError> {
        Ok(gaps::list(&self.db, all)?)
    }

    /// The access points that a source listed last.
    pub fn access_points(&self, source: &str) -> Result<Vec<AccessPoint>, InboxError> {
        let mut query = self.db.prepare_cached(
            "SELECT point.id, point.name, door, direction FROM point \
             JOIN source ON source.id = point.source WHERE source.name = ?1 ORDER BY 1",
        )?;
        let rows = query.query_map([source], |row| {
            Ok(AccessPoint {
                id: row.get(0)?,
                name: row.get(1)?,
                door: row.get(2)?,
                direction: row
                    .get::<_, Option<String>>(3)?
                    .and_then(|word| journal::direction_from(&word)),
            })
        })?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    /// The key of placeholders.
    pub fn key(&self) -> Result<Secret, InboxError> {
        let sql = "SELECT key FROM site";
        let key: Vec<u8> = self.db.query_row(sql, [], |row| row.get(0))?;
        Ok(Secret::new(key))
    }

    /// Readers that sent events, the most recent first.
    pub fn readers(&self, source: &str) -> Result<Vec<SeenReader>, InboxError> {
        Ok(readers::list(&self.db, source)?)
    }

    /// Who a holder is, if that is known and not to be forgotten by `now`.
    pub fn person(
        &self,
        source: &str,
        holder: &str,
        now: Instant,
    ) -> Result<Option<Known>, InboxError> {
        Ok(people::known(&self.db, source, holder, now)?)
    }

    /// Everybody who is known by `now`.
    pub fn people(&self, now: Instant) -> Result<Vec<Known>, InboxError> {
        Ok(people::all(&self.db, now)?)
    }

    /// Forgets people, from outside the process that keeps the inbox. `redact` makes a source's raw
    /// body fit to be kept; it is asked for bodies that were stored before that was done at once.
    pub fn forget(&self, whom: &Whom, redact: &Redact<'_>) -> Result<Forgotten, InboxError> {
        Ok(Store::open(&self.path)?.forget(whom, redact)?)
    }

    /// Has the process that keeps the inbox read a source's log. Whether there is such a source.
    pub fn ask(
        &self,
        source: &str,
        from: Option<Instant>,
        now: Instant,
    ) -> Result<bool, InboxError> {
        Ok(Store::open(&self.path)?.ask(source, from, now)?)
    }

    /// What was asked of the process that keeps the inbox, by source.
    pub fn asked(&self) -> Result<Vec<Asked>, InboxError> {
        let sql = "SELECT name, asked_us, asked_from_us FROM source WHERE asked_us IS NOT NULL";
        let mut query = self.db.prepare_cached(sql)?;
        let rows = query.query_map([], |row| {
            Ok(Asked {
                source: row.get(0)?,
                at: Instant::from_us(row.get(1)?),
                from: row.get::<_, Option<i64>>(2)?.map(Instant::from_us),
            })
        })?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    /// When the process that kept the inbox was last known to be alive.
    pub fn alive(&self) -> Result<Option<Instant>, InboxError> {
        let sql = "SELECT max(coalesce(alive_us, 0), (SELECT coalesce(max(contact_us), 0) \
                   FROM source)) FROM life";
        let at: i64 = self.db.query_row(sql, [], |row| row.get(0))?;
        Ok((at > 0).then(|| Instant::from_us(at)))
    }

    /// When each source was last heard of.
    pub fn contacts(&self) -> Result<Vec<(String, Instant)>, InboxError> {
        let sql = "SELECT name, contact_us FROM source WHERE contact_us IS NOT NULL ORDER BY name";
        let mut query = self.db.prepare_cached(sql)?;
        let rows = query.query_map([], |row| Ok((row.get(0)?, Instant::from_us(row.get(1)?))))?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    /// Counts the journal and has SQLite look through the file. Takes a while on a large one.
    pub fn check(&self) -> Result<JournalCheck, InboxError> {
        let sql = "SELECT count(*), coalesce(max(seq), 0) FROM event";
        let (events, last): (i64, i64) = self
            .db
            .query_row(sql, [], |row| Ok((row.get(0)?, row.get(1)?)))?;
        let sql = "PRAGMA quick_check(1)";
        let word: String = self.db.query_row(sql, [], |row| row.get(0))?;
        Ok(JournalCheck {
            events: events.unsigned_abs(),
            last: last.unsigned_abs(),
            whole: word == "ok",
        })
    }

    /// Records a change of a gap from outside the process that keeps the inbox.
    pub fn change_gap(&self, change: &GapChange, now: Instant) -> Result<Option<i64>, InboxError> {
        let mut store = Store::open(&self.path)?;
        store.begin()?;
        let receipt = store.change_gap(change, now)?;
        store.commit()?;
        Ok(receipt.gap)
    }

    /// Stores what was in quarantine and could be read now, from outside the process that keeps the
    /// inbox. It counts as received when it came.
    pub fn resolve(&self, id: i64, deposit: &Deposit, now: Instant) -> Result<Receipt, InboxError> {
        let mut store = Store::open(&self.path)?;
        store.begin()?;
        let receipt = store.write(deposit)?;
        store.resolve(id, now)?;
        store.commit()?;
        Ok(receipt)
    }
}

const QUARANTINE: &str = "SELECT quarantine.id, source.name, received_us, what, pointer, times, \
    length(body), resolved_us, target, headers, body FROM quarantine \
    JOIN source ON source.id = quarantine.source JOIN delivery ON delivery.id = quarantine.delivery";

fn quarantined(row: &Row<'_>) -> rusqlite::Result<Quarantined> {
    Ok(Quarantined {
        id: row.get(0)?,
        source: row.get(1)?,
        received: Instant::from_us(row.get(2)?),
        what: row.get(3)?,
        pointer: row.get(4)?,
        times: row.get(5)?,
        bytes: row.get(6)?,
        resolved: row.get::<_, Option<i64>>(7)?.map(Instant::from_us),
    })
}
