//! The two formats of a grants file, cut into records whose cells know their places.

use std::ops::Range;

use super::super::document::Value;
use super::super::json;
use super::super::walk::found;
use super::{Cell, Lines, Record};

/// Cell separators that a header is tried with; the one that occurs most wins.
const SEPARATORS: [char; 3] = [',', ';', '\t'];

/// Whether a text is one JSON object a line and not a table.
pub(crate) fn looks_like_json_lines(text: &str) -> bool {
    let first = text.lines().map(str::trim).find(|line| !is_skipped(line));
    first.is_some_and(|line| line.starts_with(['{', '[']))
}

fn is_skipped(line: &str) -> bool {
    line.trim().is_empty() || line.starts_with('#')
}

/// Reads one JSON object a line.
pub(crate) fn json_lines(lines: &mut Lines<'_>) -> Vec<Record> {
    let source = lines.source;
    let mut records = Vec::new();
    let mut start = 0;
    for line in source.text.split_inclusive('\n') {
        let range = start..start + line.trim_end().len();
        start += line.len();
        if is_skipped(line) {
            continue;
        }
        match json_record(&source.text, range.clone()) {
            Ok(record) => records.push(record),
            Err((at, what)) => {
                let help = "write one object a line: {\"time\": 12.5, \"holder\": \"b1\"}";
                lines.bad_line(at, "", what, help);
                lines.lose_line();
            }
        }
    }
    records
}

fn json_record(text: &str, range: Range<usize>) -> Result<Record, (usize, String)> {
    let at = range.start;
    let node = json::parse(text, range).map_err(|error| (error.at, error.what))?;
    let Value::Table(entries) = &node.value else {
        return Err((at, format!("is {}, not an object", found(&node.value))));
    };
    let cell = |entry: &super::super::document::Entry| Cell {
        name: entry.key.clone(),
        at: entry.node.span.start,
        value: match &entry.node.value {
            Value::Text(text) => Ok(text.trim().to_owned()),
            Value::Null => Ok(String::new()),
            // As written: a number made a float and back might lose its last digits.
            Value::Whole(_) | Value::Number(_) => Ok(text
                .get(entry.node.span.clone())
                .unwrap_or_default()
                .to_owned()),
            other => Err(found(other)),
        },
    };
    // null is the same as leaving the key out.
    let given = entries
        .iter()
        .filter(|entry| entry.node.value != Value::Null);
    Ok(Record {
        at,
        cells: given.map(cell).collect(),
    })
}

/// Reads a table with a header line.
pub(crate) fn table(lines: &mut Lines<'_>) -> Vec<Record> {
    let source = lines.source;
    let mut rows = Rows {
        text: &source.text,
        at: 0,
        separator: separator(&source.text),
    };
    let Some(header) = rows.next_row(lines) else {
        if source.text.lines().all(is_skipped) {
            let help = "a header line such as `time,kind,holder` and a line for each event";
            lines.bad_file(0, "", "holds no events".to_owned(), help);
        }
        return Vec::new();
    };
    let mut records = Vec::new();
    while let Some(row) = rows.next_row(lines) {
        if row.cells.iter().all(|(_, text)| text.is_empty()) {
            continue;
        }
        if let Some((at, text)) = row.cells.get(header.cells.len()..).and_then(surplus) {
            let what = format!(
                "has {} cells, the header {}",
                row.cells.len(),
                header.cells.len()
            );
            let help = format!("put \"{text}\" in quotes with its neighbour, or name its column");
            lines.bad_line(at, "", what, &help);
            lines.lose_line();
            continue;
        }
        let named = header.cells.iter().enumerate();
        let cells = named.map(|(i, (_, name))| {
            let (at, text) = row
                .cells
                .get(i)
                .cloned()
                .unwrap_or((row.end, String::new()));
            Cell {
                name: name.clone(),
                at,
                value: Ok(text),
            }
        });
        records.push(Record {
            at: row.at,
            cells: cells.filter(|cell| !cell.name.is_empty()).collect(),
        });
    }
    if records.is_empty() {
        // Names are checked against a record: an empty one stands for the header itself.
        records.push(Record {
            at: header.at,
            cells: header
                .cells
                .into_iter()
                .map(|(at, name)| Cell {
                    name,
                    at,
                    value: Ok(String::new()),
                })
                .collect(),
        });
    }
    records
}

/// The first cell past the header that isn't empty.
fn surplus(cells: &[(usize, String)]) -> Option<(usize, String)> {
    cells.iter().find(|(_, text)| !text.is_empty()).cloned()
}

fn separator(text: &str) -> char {
    let header = text
        .lines()
        .find(|line| !is_skipped(line))
        .unwrap_or_default();
    let count = |separator: char| header.matches(separator).count();
    let mut best = SEPARATORS[0];
    for separator in SEPARATORS {
        if count(separator) > count(best) {
            best = separator;
        }
    }
    best
}

/// One row: where it begins and ends, and its trimmed cells with their places.
struct Row {
    at: usize,
    end: usize,
    cells: Vec<(usize, String)>,
}

/// Cuts a table into rows after RFC 4180: cells in double quotes may hold separators, line ends
/// and doubled quotes.
struct Rows<'a> {
    text: &'a str,
    at: usize,
    separator: char,
}

impl Rows<'_> {
    /// The next row that is neither blank nor a comment.
    fn next_row(&mut self, lines: &mut Lines<'_>) -> Option<Row> {
        loop {
            let rest = self.text.get(self.at..)?;
            let line = rest.split_inclusive('\n').next()?;
            if !is_skipped(line) {
                break;
            }
            self.at += line.len();
        }
        let start = self.at;
        let mut cells = Vec::new();
        loop {
            let (cell, ended) = self.cell(lines);
            cells.push(cell);
            if ended {
                break;
            }
        }
        let end = self.text[..self.at].trim_end_matches(['\r', '\n']).len();
        Some(Row {
            at: start,
            end,
            cells,
        })
    }

    /// One cell, and whether it ends its row.
    fn cell(&mut self, lines: &mut Lines<'_>) -> ((usize, String), bool) {
        let start = self.at;
        let rest = &self.text[start..];
        let padding = rest.len() - rest.trim_start_matches(' ').len();
        if rest[padding..].starts_with('"') {
            return self.quoted(start + padding, lines);
        }
        let stop = rest.find([self.separator, '\n']).unwrap_or(rest.len());
        let ended = !rest[stop..].starts_with(self.separator);
        self.at = (start + stop + 1).min(self.text.len());
        let padding = rest[..stop].len() - rest[..stop].trim_start().len();
        ((start + padding, rest[..stop].trim().to_owned()), ended)
    }

    fn quoted(&mut self, start: usize, lines: &mut Lines<'_>) -> ((usize, String), bool) {
        let mut text = String::new();
        let mut at = start + 1;
        loop {
            let rest = &self.text[at..];
            let Some(quote) = rest.find('"') else {
                let what =
                    "a cell begins here and ends with the file: its closing quote is missing"
                        .to_owned();
                let help = "close it, or write a quote inside a cell twice (\"\")";
                lines.bad_line(start, "", what, help);
                lines.lose_line();
                self.at = self.text.len();
                return ((start, text), true);
            };
            text.push_str(&rest[..quote]);
            at += quote + 1;
            if !self.text[at..].starts_with('"') {
                break;
            }
            text.push('"');
            at += 1;
        }
        let rest = &self.text[at..];
        let stop = rest.find([self.separator, '\n']).unwrap_or(rest.len());
        text.push_str(rest[..stop].trim_end());
        let ended = !rest[stop..].starts_with(self.separator);
        self.at = (at + stop + 1).min(self.text.len());
        ((start, text.trim().to_owned()), ended)
    }
}
