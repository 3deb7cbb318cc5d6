//! Tables of the outbox, and which version of them a file has.

use std::path::Path;
use std::time::Duration;

use rusqlite::{Connection, OpenFlags};

use super::error::OutboxError;

/// "tgou": tells an outbox from any other SQLite file.
const APPLICATION: i64 = 0x7467_6f75;

/// Version of the tables below.
const VERSION: i64 = 1;

/// How long another process that looks into the file may hold it up.
const BUSY: Duration = Duration::from_secs(10);

const TABLES: &str = "
CREATE TABLE sink (
    id INTEGER PRIMARY KEY,
    name TEXT NOT NULL UNIQUE,
    -- Where it sends: a sink that moved is tried again.
    target TEXT NOT NULL,
    disabled_us INTEGER,
    disabled_why TEXT,
    -- How often a person had it tried again.
    resumed INTEGER NOT NULL DEFAULT 0,
    delivered INTEGER NOT NULL DEFAULT 0,
    given_up INTEGER NOT NULL DEFAULT 0
);
-- Every notice that anybody was owed, for as long as its id must be known. Without body: all is done.
-- Numbers grow for ever, since the newest row is never deleted.
CREATE TABLE notice (
    seq INTEGER PRIMARY KEY,
    id TEXT NOT NULL UNIQUE,
    door TEXT NOT NULL,
    at_us INTEGER NOT NULL,
    put_us INTEGER NOT NULL,
    body BLOB
);
CREATE INDEX notice_put ON notice (put_us);
-- What is still to be sent.
CREATE TABLE owed (
    sink INTEGER NOT NULL,
    seq INTEGER NOT NULL,
    tries INTEGER NOT NULL DEFAULT 0,
    next_us INTEGER NOT NULL DEFAULT 0,
    failed_us INTEGER,
    why TEXT,
    PRIMARY KEY (sink, seq)
) WITHOUT ROWID;
CREATE INDEX owed_seq ON owed (seq);
-- What was not delivered and is not tried any more.
CREATE TABLE given_up (
    sink INTEGER NOT NULL,
    seq INTEGER NOT NULL,
    at_us INTEGER NOT NULL,
    tries INTEGER NOT NULL,
    why TEXT NOT NULL,
    PRIMARY KEY (sink, seq)
) WITHOUT ROWID;
CREATE INDEX given_up_seq ON given_up (seq);
-- Of what a sink was told: it is told how that goes on.
CREATE TABLE told (
    sink INTEGER NOT NULL,
    subject TEXT NOT NULL,
    at_us INTEGER NOT NULL,
    PRIMARY KEY (sink, subject)
) WITHOUT ROWID;
";

/// Opens the file or makes it, for writing.
pub(super) fn open(path: &Path) -> Result<Connection, OutboxError> {
    let folder = match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    };
    if !folder.is_dir() {
        let what = format!("the folder {} is not there", folder.display());
        return Err(failed(path, what));
    }
    let db = Connection::open(path).map_err(|error| failed(path, error))?;
    let opened = || -> rusqlite::Result<(i64, i64, i64)> {
        db.busy_timeout(BUSY)?;
        let found = look(&db)?;
        if found != (0, 0, 0) && !is_known(found) {
            return Ok(found);
        }
        db.pragma_update(None, "journal_mode", "wal")?;
        db.pragma_update(None, "synchronous", "full")?;
        if found == (0, 0, 0) {
            db.execute_batch(&format!(
                "BEGIN IMMEDIATE; {TABLES} PRAGMA application_id = {APPLICATION}; \
                 PRAGMA user_version = {VERSION}; COMMIT"
            ))?;
        }
        db.set_prepared_statement_cache_capacity(64);
        look(&db)
    };
    let found = opened().map_err(|error| failed(path, error))?;
    judged(path, found).map(|()| db)
}

/// Opens the file for reading, beside whoever writes it.
pub(super) fn open_reader(path: &Path) -> Result<Connection, OutboxError> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let db = Connection::open_with_flags(path, flags).map_err(|error| failed(path, error))?;
    let opened = || -> rusqlite::Result<(i64, i64, i64)> {
        db.busy_timeout(BUSY)?;
        db.pragma_update(None, "query_only", true)?;
        look(&db)
    };
    let found = opened().map_err(|error| failed(path, error))?;
    judged(path, found).map(|()| db)
}

fn failed(path: &Path, what: impl ToString) -> OutboxError {
    OutboxError::Open {
        path: path.to_owned(),
        what: what.to_string(),
    }
}

/// Application, version, and how many tables.
fn look(db: &Connection) -> rusqlite::Result<(i64, i64, i64)> {
    let number = |sql: &str| db.query_row(sql, [], |row| row.get::<_, i64>(0));
    Ok((
        number("PRAGMA application_id")?,
        number("PRAGMA user_version")?,
        number("SELECT count(*) FROM sqlite_schema")?,
    ))
}

fn is_known(found: (i64, i64, i64)) -> bool {
    found.0 == APPLICATION && found.1 == VERSION
}

fn judged(path: &Path, found: (i64, i64, i64)) -> Result<(), OutboxError> {
    match found {
        found if is_known(found) => Ok(()),
        (APPLICATION, version, _) if version > VERSION => Err(OutboxError::Newer {
            path: path.to_owned(),
            found: version,
            known: VERSION,
        }),
        _ => Err(OutboxError::Foreign(path.to_owned())),
    }
}
