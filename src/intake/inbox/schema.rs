//! Tables of the inbox, and which version of them a file has.

use rusqlite::Connection;

/// "tgin": tells an inbox from any other SQLite file.
const APPLICATION: i64 = 0x7467_696e;

/// Version of the tables below.
pub(super) const VERSION: i64 = 2;

/// Version 1.
const TABLES: &str = "
CREATE TABLE life (
    one INTEGER PRIMARY KEY CHECK (one = 1),
    alive_us INTEGER
);
INSERT INTO life VALUES (1, NULL);
CREATE TABLE source (
    id INTEGER PRIMARY KEY,
    name TEXT NOT NULL UNIQUE,
    vendor TEXT NOT NULL,
    contact_us INTEGER
);
-- Raw bytes, as they came.
CREATE TABLE delivery (
    id INTEGER PRIMARY KEY,
    source INTEGER NOT NULL,
    received_us INTEGER NOT NULL,
    target TEXT NOT NULL,
    headers BLOB NOT NULL,
    body BLOB NOT NULL
);
-- The journal: one row an event, numbered without gaps in the order of commitment.
CREATE TABLE event (
    seq INTEGER PRIMARY KEY,
    source INTEGER NOT NULL,
    key TEXT NOT NULL,
    delivery INTEGER NOT NULL,
    kind TEXT NOT NULL,
    vendor_kind TEXT NOT NULL,
    reader TEXT,
    reader_name TEXT,
    direction TEXT,
    from_us INTEGER NOT NULL,
    to_us INTEGER NOT NULL,
    received_us INTEGER NOT NULL,
    holder TEXT,
    passages INTEGER,
    person_name TEXT,
    person_email TEXT,
    vendor_door TEXT,
    UNIQUE (source, key)
);
CREATE TABLE quarantine (
    id INTEGER PRIMARY KEY,
    source INTEGER NOT NULL,
    digest BLOB NOT NULL,
    delivery INTEGER NOT NULL,
    what TEXT NOT NULL,
    pointer TEXT,
    times INTEGER NOT NULL,
    resolved_us INTEGER,
    UNIQUE (source, digest)
);
CREATE TABLE gap (
    id INTEGER PRIMARY KEY,
    source INTEGER NOT NULL,
    from_us INTEGER NOT NULL,
    to_us INTEGER,
    opened_us INTEGER NOT NULL,
    ended_us INTEGER,
    reason TEXT NOT NULL,
    state TEXT NOT NULL,
    note TEXT
);
CREATE TABLE access_point (
    source INTEGER NOT NULL,
    id TEXT NOT NULL,
    name TEXT NOT NULL,
    door TEXT,
    PRIMARY KEY (source, id)
) WITHOUT ROWID;
";

/// What version 2 adds. Nothing is taken away: a program of version 1 that still runs goes on.
const SECOND: &str = "
-- The key of placeholders: made once, of the system's chance.
CREATE TABLE site (
    one INTEGER PRIMARY KEY CHECK (one = 1),
    key BLOB NOT NULL
);
INSERT INTO site VALUES (1, randomblob(32));
-- A keyed hash of the body as it came; without one, the body is that of version 1.
ALTER TABLE delivery ADD COLUMN digest BLOB;
-- In place of `access_point`, which a program of version 1 may still write.
CREATE TABLE point (
    source INTEGER NOT NULL,
    id TEXT NOT NULL,
    name TEXT NOT NULL,
    door TEXT,
    direction TEXT,
    PRIMARY KEY (source, id)
) WITHOUT ROWID;
INSERT INTO point SELECT source, id, name, door, NULL FROM access_point;
-- When somebody asked for the source's log, and from when on.
ALTER TABLE source ADD COLUMN asked_us INTEGER;
ALTER TABLE source ADD COLUMN asked_from_us INTEGER;
-- Every reader that sent an event, whether a door names it or not.
CREATE TABLE reader (
    source INTEGER NOT NULL,
    id TEXT NOT NULL,
    name TEXT,
    door TEXT,
    events INTEGER NOT NULL,
    first_us INTEGER NOT NULL,
    last_us INTEGER NOT NULL,
    PRIMARY KEY (source, id)
) WITHOUT ROWID;
INSERT INTO reader SELECT source, coalesce(reader, ''), max(reader_name), max(vendor_door),
    count(*), min(received_us), max(received_us) FROM event GROUP BY 1, 2;
-- Who holders are, as far as the site lets it be known. Without name and address: nobody knows.
CREATE TABLE person (
    source INTEGER NOT NULL,
    holder TEXT NOT NULL,
    name TEXT,
    email TEXT,
    asked_us INTEGER NOT NULL,
    expires_us INTEGER NOT NULL,
    PRIMARY KEY (source, holder)
) WITHOUT ROWID;
CREATE INDEX person_expires ON person (expires_us);
CREATE INDEX event_named ON event (received_us)
    WHERE person_name IS NOT NULL OR person_email IS NOT NULL;
";

/// What a file is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Found {
    /// Empty: the tables can be made.
    Empty,
    /// Ours, of this version.
    Known,
    /// Ours, of an earlier version.
    Older,
    /// Ours, of a later version.
    Newer(i64),
    /// Something else's.
    Foreign,
}

/// Says what a file is.
pub(super) fn look(db: &Connection) -> rusqlite::Result<Found> {
    let number = |sql: &str| db.query_row(sql, [], |row| row.get::<_, i64>(0));
    let application = number("PRAGMA application_id")?;
    let version = number("PRAGMA user_version")?;
    let tables = number("SELECT count(*) FROM sqlite_schema")?;
    Ok(match (application, version) {
        (0, 0) if tables == 0 => Found::Empty,
        (APPLICATION, VERSION) => Found::Known,
        (APPLICATION, 1) => Found::Older,
        (APPLICATION, newer) if newer > VERSION => Found::Newer(newer),
        _ => Found::Foreign,
    })
}

/// Makes the tables, all or none.
pub(super) fn make(db: &Connection) -> rusqlite::Result<()> {
    db.execute_batch(&format!(
        "BEGIN IMMEDIATE; {TABLES} {SECOND} PRAGMA application_id = {APPLICATION}; \
         PRAGMA user_version = {VERSION}; COMMIT"
    ))
}

/// Brings an earlier version's tables up to date, all or none.
pub(super) fn upgrade(db: &Connection) -> rusqlite::Result<()> {
    db.execute_batch("BEGIN IMMEDIATE")?;
    // Another process may have done it in the meantime.
    let done = match look(db)? {
        Found::Older => {
            db.execute_batch(&format!("{SECOND} PRAGMA user_version = {VERSION}; COMMIT"))
        }
        _ => db.execute_batch("COMMIT"),
    };
    if done.is_err() {
        db.execute_batch("ROLLBACK")?;
    }
    done
}
