//! Gaps: times of a feed that are known to be missing, as stored.

use rusqlite::{Connection, OptionalExtension, Row, params};
use serde::Serialize;

use super::deposit::GapChange;
use crate::units::{Instant, Interval};

/// What became of a gap.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum GapState {
    /// Not filled yet.
    Open,
    /// Filled from the vendor's log.
    Closed,
    /// Confirmed as lost.
    Lost,
}

impl GapState {
    fn word(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Closed => "closed",
            Self::Lost => "lost",
        }
    }

    fn from_word(word: &str) -> Self {
        match word {
            "closed" => Self::Closed,
            "lost" => Self::Lost,
            _ => Self::Open,
        }
    }
}

/// One gap.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Gap {
    /// Its number.
    pub id: i64,
    /// The source.
    pub source: String,
    /// Since when.
    pub from: Instant,
    /// Until when; `None`: contact is not back yet.
    pub to: Option<Instant>,
    /// Why contact was lost.
    pub reason: String,
    /// What became of it.
    pub state: GapState,
    /// How it was closed, or why it is lost.
    pub note: Option<String>,
}

impl Gap {
    /// The time that is missing, as of `now`.
    pub fn interval(&self, now: Instant) -> Interval {
        Interval::new(self.from, self.to.unwrap_or(now))
    }
}

const COLUMNS: &str = "SELECT gap.id, source.name, from_us, to_us, reason, state, note \
                       FROM gap JOIN source ON source.id = gap.source";

fn gap(row: &Row<'_>) -> rusqlite::Result<Gap> {
    Ok(Gap {
        id: row.get(0)?,
        source: row.get(1)?,
        from: Instant::from_us(row.get(2)?),
        to: row.get::<_, Option<i64>>(3)?.map(Instant::from_us),
        reason: row.get(4)?,
        state: GapState::from_word(&row.get::<_, String>(5)?),
        note: row.get(6)?,
    })
}

/// All gaps, oldest first; without closed ones unless `all`.
pub(super) fn list(db: &Connection, all: bool) -> rusqlite::Result<Vec<Gap>> {
    let filter = if all { "" } else { " WHERE state <> 'closed'" };
    let mut query = db.prepare_cached(&format!("{COLUMNS}{filter} ORDER BY gap.id"))?;
    let rows = query.query_map([], gap)?;
    rows.collect()
}

/// Applies a change; the gap's number, or `None` if there is no such gap.
pub(super) fn apply(
    db: &Connection,
    change: &GapChange,
    now: Instant,
) -> rusqlite::Result<Option<i64>> {
    let now_us = now.as_us();
    match change {
        GapChange::Open {
            source,
            from,
            to,
            reason,
        } => db
            .prepare_cached(
                "INSERT INTO gap (source, from_us, to_us, opened_us, reason, state) \
                 SELECT id, ?2, ?3, ?4, ?5, 'open' FROM source WHERE name = ?1 RETURNING id",
            )?
            .query_row(
                params![
                    &**source,
                    from.as_us(),
                    to.map(Instant::as_us),
                    now_us,
                    reason
                ],
                |row| row.get(0),
            )
            .optional(),
        GapChange::Ends { gap, to } => {
            let sql = "UPDATE gap SET to_us = ?2 WHERE id = ?1 AND state = 'open'";
            changed(db.execute(sql, params![gap, to.as_us()])?, *gap)
        }
        GapChange::Shrinks { gap, left } => {
            let sql = "UPDATE gap SET from_us = ?2, to_us = ?3 WHERE id = ?1 AND state = 'open'";
            changed(
                db.execute(sql, params![gap, left.lo.as_us(), left.hi.as_us()])?,
                *gap,
            )
        }
        GapChange::Closed { gap, note } => finish(db, *gap, GapState::Closed, note, now_us),
        GapChange::Lost { gap, note } => finish(db, *gap, GapState::Lost, note, now_us),
    }
}

fn finish(
    db: &Connection,
    gap: i64,
    state: GapState,
    note: &str,
    now_us: i64,
) -> rusqlite::Result<Option<i64>> {
    // A lost gap may still be closed: late truth wins.
    let sql = "UPDATE gap SET state = ?2, note = ?3, ended_us = ?4, to_us = coalesce(to_us, ?4) \
               WHERE id = ?1 AND state <> 'closed'";
    changed(
        db.execute(sql, params![gap, state.word(), note, now_us])?,
        gap,
    )
}

fn changed(rows: usize, gap: i64) -> rusqlite::Result<Option<i64>> {
    Ok((rows > 0).then_some(gap))
}
