//! Grants files: what the access-control system recorded, as JSON lines or CSV.
//!
//! Theory of operation: both formats become [`Record`]s, lists of named texts that know their
//! places; one reader makes [`WrittenEvent`]s of them; [`GrantFile::events`] then lays those on the
//! site's time line and maps them to doors, once the clip's start is known. Nothing is dropped
//! silently: a line that can't be read is an error, or in lenient mode a stated loss, and columns
//! that aren't read are told. Duplicates are kept: the ledger knows them by their id.
//!
//! It never guesses an authorisation: a kind of event it doesn't know is an error, not a grant.

mod fields;
mod place;
mod records;

use jiff::tz::TimeZone;

use crate::access::AccessKind;
use crate::crossing::Direction;

use super::document::Source;
use super::problem::{Place, Problem, Problems, Severity};
use super::stamp::Stamp;

pub(crate) use records::looks_like_json_lines;

/// How a grants file is to be read.
#[derive(Debug, Clone, Default)]
pub struct GrantReading {
    /// The zone of local times that name none.
    pub zone: Option<TimeZone>,
    /// Whether lines that can't be read are left out and stated instead of refused.
    pub lenient: bool,
}

/// One event as written.
#[derive(Debug, Clone, PartialEq)]
pub struct WrittenEvent {
    /// Where it stands.
    pub place: Place,
    /// The vendor's id, if given.
    pub id: Option<String>,
    /// When it occurred.
    pub time: Stamp,
    /// When it was received, if given.
    pub received: Option<Stamp>,
    /// What happened.
    pub kind: AccessKind,
    /// The door as the file names it.
    pub door: Option<String>,
    /// The reader as the file names it.
    pub reader: Option<String>,
    /// Opaque holder id.
    pub holder: Option<String>,
    /// Which way the reader lets people pass.
    pub direction: Option<Direction>,
    /// How many passages a grant allows.
    pub passages: Option<u8>,
}

/// A grants file as written.
#[derive(Debug, Clone, PartialEq)]
pub struct GrantFile {
    /// The file as the user named it.
    pub name: String,
    /// Its events in the order of the file.
    pub events: Vec<WrittenEvent>,
    /// Columns or keys that are not read, in the order of the file.
    pub unread: Vec<String>,
    /// Lines left out in lenient mode.
    pub lost: usize,
}

/// One line's worth of named texts.
#[derive(Debug, Clone)]
pub(crate) struct Record {
    /// Byte offset of its beginning.
    pub at: usize,
    /// Its cells; empty ones are kept.
    pub cells: Vec<Cell>,
}

/// One named text.
#[derive(Debug, Clone)]
pub(crate) struct Cell {
    /// Column or key as written.
    pub name: String,
    /// Byte offset of the value.
    pub at: usize,
    /// The value; `Err` for a value that is no text, number or null, with what it is.
    pub value: Result<String, String>,
}

/// Reads a grants file. `Ok` comes with warnings; `Err` holds the problems of all lines.
pub fn read_grants(
    name: &str,
    bytes: &[u8],
    reading: &GrantReading,
) -> Result<(GrantFile, Problems), Problems> {
    let mut problems = Problems::new();
    let Some(source) = Source::from_bytes(name, bytes, &mut problems) else {
        return Err(problems);
    };
    let mut lines = Lines {
        source: &source,
        lenient: reading.lenient,
        problems,
        lost: 0,
        bad: 0,
    };
    let records = if records::looks_like_json_lines(&source.text) {
        records::json_lines(&mut lines)
    } else {
        records::table(&mut lines)
    };
    let (events, unread) = fields::events(&mut lines, &records, reading.zone.as_ref());
    let file = GrantFile {
        name: name.to_owned(),
        events,
        unread,
        lost: lines.lost,
    };
    lines.problems.or_value(Some(file))
}

/// What reading collects.
pub(crate) struct Lines<'a> {
    /// The file.
    pub source: &'a Source,
    lenient: bool,
    problems: Problems,
    lost: usize,
    /// How many things were wrong with lines so far.
    pub bad: usize,
}

impl Lines<'_> {
    fn problem(
        &self,
        severity: Severity,
        at: usize,
        key: &str,
        what: String,
        help: &str,
    ) -> Problem {
        self.source
            .problem(severity, at, key.to_owned(), what, help)
    }

    /// Something is wrong with a line: an error, or a loss if the file is read leniently.
    pub fn bad_line(&mut self, at: usize, key: &str, what: String, help: &str) {
        self.bad += 1;
        let problem = if self.lenient {
            let what = format!("the line is left out: {what}");
            self.problem(Severity::Warning, at, key, what, help)
        } else {
            self.problem(Severity::Error, at, key, what, help)
        };
        self.problems.push(problem);
    }

    /// Something is wrong with the file as a whole: an error even when read leniently.
    pub fn bad_file(&mut self, at: usize, key: &str, what: String, help: &str) {
        let problem = self.problem(Severity::Error, at, key, what, help);
        self.problems.push(problem);
    }

    /// Something to look at.
    pub fn odd(&mut self, at: usize, key: &str, what: String, help: &str) {
        let problem = self.problem(Severity::Warning, at, key, what, help);
        self.problems.push(problem);
    }

    /// Counts a line that was left out.
    pub fn lose_line(&mut self) {
        self.lost += usize::from(self.lenient);
    }
}
