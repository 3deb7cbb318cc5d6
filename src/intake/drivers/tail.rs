//! Tail: follows a file that another program writes, JSON lines or CSV.
//!
//! Theory of operation: every second the file is looked at. What was added is read line by line, up
//! to its last complete line, and handed over as JSON: lines that are JSON together in a list, lines
//! of CSV as objects of texts under their column's name. Where it stands is kept in a small file,
//! written anew and renamed after the sink has stored the lines; after a crash some lines come twice
//! and none is missing.
//!
//! A file that is replaced (its inode changes) is read to its end first, under its new name if it was
//! renamed beside the old one, then the new one from its start. A file that was cut (it is shorter
//! than what was read, or no longer holds there what it held) is read from its start.
//!
//! Lines without an id that look the same are the same event to the inbox; so each line of CSV is
//! given `_line`, the file and the place where it stands.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Read, Seek, SeekFrom, Write};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use sha2::{Digest, Sha256};
use tokio_util::sync::CancellationToken;

use super::http::Trouble;
use super::{Context, Ended, Failure};
use crate::intake::Headers;
use crate::units::Span;

/// How often the file is looked at.
const EVERY: Span = Span::from_ms(1_000);

/// Lines handed over together; an adapter takes up to a thousand.
const LINES: usize = 500;

/// A longer line is not an event; it is handed over as far as this, and quarantined.
const MOST_LINE: u64 = 64 << 10;

/// So much before the place is remembered, to notice that a file is another one.
const REMEMBERED: u64 = 256;

/// In which form lines are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TailForm {
    /// One JSON document a line.
    JsonLines,
    /// CSV with a line of column names at the start of the file; the separator is a comma,
    /// semicolon or tab.
    Csv,
}

/// What is followed.
#[derive(Debug, Clone)]
pub struct TailAccount {
    /// The file.
    pub path: PathBuf,
    /// Where it is kept how far the file was read.
    pub state: PathBuf,
    /// In which form its lines are.
    pub form: TailForm,
}

/// The driver.
#[derive(Debug)]
pub struct Tail {
    account: TailAccount,
}

/// How far a file was read.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
struct Place {
    device: u64,
    inode: u64,
    offset: u64,
    /// SHA-256 of the bytes before the offset, up to [`REMEMBERED`] of them.
    before: String,
    /// The column names of CSV.
    columns: Vec<String>,
    separator: char,
}

/// Lines of a file and the place behind them.
struct Batch {
    lines: Vec<(u64, Vec<u8>)>,
    place: Place,
}

impl Tail {
    /// A driver that follows a file, which need not exist yet.
    pub fn new(account: TailAccount) -> Self {
        Self { account }
    }

    /// Works until it is stopped or the sink breaks.
    pub async fn run(&self, context: Context, stop: CancellationToken) -> Ended {
        let ended = stop.run_until_cancelled(self.forever(&context)).await;
        ended.unwrap_or(Ended::Stopped)
    }

    async fn forever(&self, context: &Context) -> Ended {
        let mut lost = false;
        let mut heard = context.now();
        loop {
            match self.look(context).await {
                Ok(()) => {
                    heard = context.now();
                    context.sink.alive(&context.source, heard);
                    if std::mem::take(&mut lost) {
                        context.sink.contact_back(&context.source, heard).await;
                    }
                }
                Err(Failure::SinkBroken(why)) => return Ended::SinkBroken(why),
                Err(Failure::Trouble(trouble)) if !lost => {
                    lost = true;
                    tracing::warn!("{}: {trouble}", context.source);
                    let why = trouble.to_string();
                    context
                        .sink
                        .contact_lost(&context.source, heard, &why)
                        .await;
                }
                Err(Failure::Trouble(_)) => {}
            }
            context.clock.sleep(EVERY).await;
        }
    }

    /// Hands over everything that was added.
    async fn look(&self, context: &Context) -> Result<(), Failure> {
        let trouble = |path: &Path| {
            let path = path.display().to_string();
            move |error: io::Error| Trouble::Unreachable(format!("cannot read {path}: {error}"))
        };
        let account = &self.account;
        loop {
            let place = load(&account.state).map_err(trouble(&account.state))?;
            let next = next_batch(account, &place).map_err(trouble(&account.path))?;
            let Some(batch) = next else {
                return Ok(());
            };
            for body in bodies(&account.path, &batch, account.form) {
                context.store("tail", Headers::default(), body).await?;
            }
            save(&account.state, &batch.place).map_err(trouble(&account.state))?;
        }
    }
}

fn load(state: &Path) -> io::Result<Place> {
    match std::fs::read(state) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Place::default()),
        Err(error) => Err(error),
        // A state that cannot be read is no reason to miss lines: better all of them twice.
        Ok(bytes) => Ok(serde_json::from_slice(&bytes).unwrap_or_default()),
    }
}

fn save(state: &Path, place: &Place) -> io::Result<()> {
    let new = state.with_extension("new");
    let mut file = File::create(&new)?;
    file.write_all(&serde_json::to_vec(place)?)?;
    file.sync_all()?;
    std::fs::rename(&new, state)
}

/// The lines that come next and the place behind them; `None`: nothing was added.
fn next_batch(account: &TailAccount, known: &Place) -> io::Result<Option<Batch>> {
    let file = File::open(&account.path)?;
    let seen = file.metadata()?;
    let same = (seen.dev(), seen.ino()) == (known.device, known.inode);
    if !same
        && known.inode != 0
        && let Some(old) = moved(&account.path, known)?
        && let Some(batch) = read(old, known.clone(), account.form, true)?
    {
        return Ok(Some(batch));
    }
    let whole =
        same && seen.len() >= known.offset && remembered(&file, known.offset)? == known.before;
    let from = match whole {
        true => known.clone(),
        false => Place {
            device: seen.dev(),
            inode: seen.ino(),
            ..Place::default()
        },
    };
    read(file, from, account.form, false)
}

/// The file that was read so far, under another name in the same folder.
fn moved(path: &Path, known: &Place) -> io::Result<Option<File>> {
    let folder = match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    };
    for entry in std::fs::read_dir(folder)? {
        let entry = entry?;
        let Ok(seen) = entry.metadata() else {
            continue;
        };
        if (seen.dev(), seen.ino()) == (known.device, known.inode) {
            let file = File::open(entry.path())?;
            // An inode that is used again for another file is no continuation.
            let whole =
                seen.len() >= known.offset && remembered(&file, known.offset)? == known.before;
            return Ok(whole.then_some(file));
        }
    }
    Ok(None)
}

fn remembered(mut file: &File, offset: u64) -> io::Result<String> {
    let length = offset.min(REMEMBERED);
    if length == 0 {
        return Ok(String::new());
    }
    file.seek(SeekFrom::Start(offset - length))?;
    let mut bytes = Vec::new();
    file.take(length).read_to_end(&mut bytes)?;
    Ok(hex::encode(Sha256::digest(&bytes)))
}

/// Reads complete lines. `closed`: nobody writes to it any more, so that its last line is complete.
fn read(file: File, mut place: Place, form: TailForm, closed: bool) -> io::Result<Option<Batch>> {
    let mut reader = BufReader::new(&file);
    reader.seek(SeekFrom::Start(place.offset))?;
    let (mut lines, from) = (Vec::new(), place.offset);
    while lines.len() < LINES {
        let mut line = Vec::new();
        let mut length = reader
            .by_ref()
            .take(MOST_LINE)
            .read_until(b'\n', &mut line)? as u64;
        let complete = line.last() == Some(&b'\n');
        if length == 0 || (!complete && length < MOST_LINE && !closed) {
            break;
        }
        if !complete && length == MOST_LINE {
            match skip_line(&mut reader)? {
                (more, true) => length += more,
                (more, false) if closed => length += more,
                // The rest of the long line is still to come.
                _ => break,
            }
        }
        let start = place.offset;
        place.offset += length;
        let text = line.trim_ascii();
        let text = text.strip_prefix(b"\xef\xbb\xbf").unwrap_or(text);
        if text.is_empty() {
            continue;
        }
        if form == TailForm::Csv && place.columns.is_empty() {
            (place.separator, place.columns) = columns(text);
            continue;
        }
        lines.push((start, text.to_vec()));
    }
    if place.offset == from {
        return Ok(None);
    }
    place.before = remembered(&file, place.offset)?;
    Ok(Some(Batch { lines, place }))
}

/// Skips the rest of a line; says how much that was, and whether the line has ended.
fn skip_line(reader: &mut impl BufRead) -> io::Result<(u64, bool)> {
    let mut skipped = 0;
    loop {
        let bytes = reader.fill_buf()?;
        if bytes.is_empty() {
            return Ok((skipped, false));
        }
        let end = bytes.iter().position(|byte| *byte == b'\n');
        let length = end.map_or(bytes.len(), |end| end + 1);
        reader.consume(length);
        skipped += length as u64;
        if end.is_some() {
            return Ok((skipped, true));
        }
    }
}

fn columns(line: &[u8]) -> (char, Vec<String>) {
    let line = String::from_utf8_lossy(line);
    let count = |separator: &char| line.matches(*separator).count();
    let separator = [';', '\t', ',']
        .into_iter()
        .max_by_key(count)
        .unwrap_or(',');
    (separator, cells(&line, separator))
}

/// The cells of a line of CSV; a quoted cell may hold separators, and quotes written twice.
fn cells(line: &str, separator: char) -> Vec<String> {
    let (mut cells, mut cell, mut quoted) = (Vec::new(), String::new(), false);
    let mut letters = line.chars().peekable();
    while let Some(letter) = letters.next() {
        match letter {
            '"' if quoted && letters.next_if_eq(&'"').is_some() => cell.push('"'),
            '"' => quoted = !quoted,
            letter if letter == separator && !quoted => {
                cells.push(std::mem::take(&mut cell).trim().to_owned());
            }
            letter => cell.push(letter),
        }
    }
    cells.push(cell.trim().to_owned());
    cells
}

/// What is handed over: lists of events, and by itself what is none.
fn bodies(path: &Path, batch: &Batch, form: TailForm) -> Vec<Vec<u8>> {
    let mut bodies = Vec::new();
    let mut list: Vec<u8> = Vec::new();
    for (start, line) in &batch.lines {
        let event = match form {
            TailForm::Csv => Some(object(path, *start, line, &batch.place)),
            TailForm::JsonLines => {
                let sound = serde_json::from_slice::<serde::de::IgnoredAny>(line).is_ok();
                sound.then(|| line.clone())
            }
        };
        match event {
            Some(event) => {
                list.push(if list.is_empty() { b'[' } else { b',' });
                list.extend_from_slice(&event);
            }
            None => bodies.push(line.clone()),
        }
    }
    if !list.is_empty() {
        list.push(b']');
        bodies.insert(0, list);
    }
    bodies
}

fn object(path: &Path, start: u64, line: &[u8], place: &Place) -> Vec<u8> {
    let cells = cells(&String::from_utf8_lossy(line), place.separator);
    let named = place
        .columns
        .iter()
        .cloned()
        .zip(cells.into_iter().map(Value::String));
    let mut object: Map<String, Value> = named.collect();
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let at = format!("{name}:{}:{start}", place.inode);
    object.insert("_line".to_owned(), Value::String(at));
    Value::Object(object).to_string().into_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Desk {
        folder: tempfile::TempDir,
        account: TailAccount,
    }

    impl Desk {
        fn new(form: TailForm) -> Self {
            let folder = tempfile::tempdir().expect("a folder");
            let account = TailAccount {
                path: folder.path().join("log"),
                state: folder.path().join("state"),
                form,
            };
            Self { folder, account }
        }

        fn write(&self, text: &str) {
            let file = File::options()
                .append(true)
                .create(true)
                .open(&self.account.path);
            file.expect("a file")
                .write_all(text.as_bytes())
                .expect("written");
        }

        /// What is handed over now.
        fn read(&self) -> Vec<String> {
            let mut all = Vec::new();
            loop {
                let place = load(&self.account.state).expect("a state");
                let Some(batch) = next_batch(&self.account, &place).expect("a file") else {
                    return all;
                };
                for body in bodies(&self.account.path, &batch, self.account.form) {
                    all.push(String::from_utf8(body).expect("text"));
                }
                save(&self.account.state, &batch.place).expect("saved");
            }
        }

        #[track_caller]
        fn check(&self, expect: &[&str]) {
            assert_eq!(self.read(), expect);
        }
    }

    #[test]
    fn complete_lines_come_once() {
        let desk = Desk::new(TailForm::JsonLines);
        desk.write("{\"a\":1}\n\n{\"a\":2}\n{\"a\":");
        desk.check(&["[{\"a\":1},{\"a\":2}]"]);
        desk.check(&[]);
        desk.write("3}\nnonsense\n");
        desk.check(&["[{\"a\":3}]", "nonsense"]);
    }

    #[test]
    fn a_file_that_is_renamed_is_read_to_its_end() {
        let desk = Desk::new(TailForm::JsonLines);
        desk.write("1\n");
        desk.check(&["[1]"]);
        desk.write("2\n3");
        let old = desk.folder.path().join("log.1");
        std::fs::rename(&desk.account.path, old).expect("renamed");
        desk.write("4\n");
        desk.check(&["[2,3]", "[4]"]);
        desk.check(&[]);
    }

    #[test]
    fn a_file_that_is_cut_is_read_from_its_start() {
        let desk = Desk::new(TailForm::JsonLines);
        desk.write("1\n2\n");
        desk.check(&["[1,2]"]);
        std::fs::write(&desk.account.path, "3\n").expect("cut");
        desk.check(&["[3]"]);
        // As long as before, and with other things in it.
        std::fs::write(&desk.account.path, "4\n").expect("cut");
        desk.check(&["[4]"]);
    }

    #[test]
    fn csv_lines_become_objects_with_their_place() {
        let desk = Desk::new(TailForm::Csv);
        desk.write("time;door;who\n1;\"Main; \"\"A\"\"\";x\n1;Main;x\n1;Main;x\n");
        let read: Vec<Vec<Value>> = desk
            .read()
            .iter()
            .map(|body| serde_json::from_str(body).expect("JSON"))
            .collect();
        let rows = read.concat();
        assert_eq!(rows[0]["door"], "Main; \"A\"");
        assert_eq!((rows.len(), &rows[1]["who"]), (3, &Value::from("x")));
        assert_ne!(rows[1]["_line"], rows[2]["_line"]);
        desk.write("2;Side;y\n");
        assert!(desk.read()[0].contains("\"door\":\"Side\""));
    }

    #[test]
    fn a_line_that_is_too_long_is_cut_and_the_next_one_comes() {
        let desk = Desk::new(TailForm::JsonLines);
        desk.write(&"x".repeat(MOST_LINE as usize + 10));
        desk.check(&[]);
        desk.write("\n5\n");
        let read = desk.read();
        assert_eq!(
            (read[0].as_str(), read[1].len()),
            ("[5]", MOST_LINE as usize)
        );
    }

    #[test]
    fn a_state_that_is_broken_means_reading_again() {
        let desk = Desk::new(TailForm::JsonLines);
        desk.write("1\n");
        desk.check(&["[1]"]);
        std::fs::write(&desk.account.state, "{").expect("written");
        desk.check(&["[1]"]);
    }
}
