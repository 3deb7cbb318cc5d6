//! From records to events: which column means what, and what each cell may say.

use jiff::tz::TimeZone;

use crate::access::AccessKind;
use crate::crossing::Direction;

use super::super::stamp::{self, Stamp};
use super::super::suggest::nearest;
use super::super::walk::short;
use super::{Cell, Lines, Record, WrittenEvent};

/// What a column can mean.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Field {
    Time,
    Received,
    Kind,
    Id,
    Door,
    Reader,
    Holder,
    Direction,
    Passages,
}

/// Every name of a column, best first; compared without case, spaces, `-`, `_` and `.`.
/// If several columns mean the same, the first of these that a line fills counts.
const NAMES: [(Field, &[&str]); 9] = [
    (
        Field::Time,
        &[
            "time",
            "occurred",
            "occurred_at",
            "event_time",
            "timestamp",
            "date_time",
            "at",
            "t_s",
            "ts",
            "time_s",
        ],
    ),
    (
        Field::Received,
        &["received", "received_at", "received_time", "received_s"],
    ),
    (
        Field::Kind,
        &[
            "kind",
            "event",
            "event_type",
            "event_name",
            "type",
            "result",
            "outcome",
            "status",
        ],
    ),
    (Field::Id, &["id", "event_id", "uuid", "guid", "event_guid"]),
    (
        Field::Door,
        &[
            "door",
            "door_name",
            "door_id",
            "entry",
            "entry_name",
            "entrance",
        ],
    ),
    (
        Field::Reader,
        &[
            "reader",
            "reader_name",
            "reader_id",
            "access_point",
            "access_point_name",
            "device",
            "device_id",
            "device_name",
        ],
    ),
    (
        Field::Holder,
        &[
            "holder",
            "holder_id",
            "cardholder",
            "cardholder_id",
            "badge",
            "badge_id",
            "card",
            "card_number",
            "credential",
            "credential_id",
            "user_id",
            "actor_id",
            "user",
            "person",
        ],
    ),
    (Field::Direction, &["direction", "dir", "way"]),
    (Field::Passages, &["passages", "passages_allowed"]),
];

/// Every word for a kind, compared like the names.
const KINDS: [(AccessKind, &[&str]); 10] = [
    (
        AccessKind::Granted,
        &[
            "granted",
            "grant",
            "access_granted",
            "entry_unlocked",
            "allowed",
            "success",
        ],
    ),
    (
        AccessKind::Denied,
        &[
            "denied",
            "deny",
            "access_denied",
            "refused",
            "rejected",
            "failed",
        ],
    ),
    (
        AccessKind::ForcedOpen,
        &["forced_open", "forced", "door_forced", "door_forced_open"],
    ),
    (
        AccessKind::HeldOpen,
        &[
            "held_open",
            "held",
            "door_held",
            "door_held_open",
            "ajar",
            "door_ajar",
        ],
    ),
    (
        AccessKind::Opened,
        &["opened", "open", "door_opened", "door_open"],
    ),
    (
        AccessKind::Closed,
        &["closed", "close", "door_closed", "door_close"],
    ),
    (
        AccessKind::RequestToExit,
        &["request_to_exit", "rex", "exit_request", "exit_button"],
    ),
    (
        AccessKind::UnlockStarted,
        &["unlock_started", "unlock_start", "unlocked_by_schedule"],
    ),
    (
        AccessKind::UnlockEnded,
        &["unlock_ended", "unlock_end", "locked_by_schedule"],
    ),
    (AccessKind::Other, &["other"]),
];

/// Every word for a direction.
const DIRECTIONS: [(Direction, &[&str]); 2] = [
    (
        Direction::In,
        &["in", "inbound", "inside", "entry", "entrance", "enter"],
    ),
    (
        Direction::Out,
        &["out", "outbound", "outside", "exit", "leave"],
    ),
];

/// Letters and digits of a name in lower case: `Event-Time`, `event_time` and `eventTime` are one.
fn plain(name: &str) -> String {
    name.chars()
        .filter(|c| c.is_alphanumeric())
        .flat_map(char::to_lowercase)
        .collect()
}

fn find<T: Copy>(table: &[(T, &[&str])], word: &str) -> Option<T> {
    let word = plain(word);
    let known = |words: &[&str]| words.iter().any(|name| plain(name) == word);
    table
        .iter()
        .find(|(_, words)| known(words))
        .map(|(meaning, _)| *meaning)
}

/// The events of the records, and the columns that are not read.
pub(super) fn events(
    lines: &mut Lines<'_>,
    records: &[Record],
    zone: Option<&TimeZone>,
) -> (Vec<WrittenEvent>, Vec<String>) {
    if !has_times(lines, records) {
        return (Vec::new(), Vec::new());
    }
    let unread = unread(lines, records);
    let mut events = Vec::new();
    for record in records {
        // A header without lines is an empty log: fine.
        if record
            .cells
            .iter()
            .all(|cell| cell.value.as_ref().is_ok_and(String::is_empty))
        {
            continue;
        }
        match event(lines, record, zone) {
            Some(event) => events.push(event),
            None => lines.lose_line(),
        }
    }
    same_ids(lines, &events, records);
    both_clocks(lines, &events, records);
    (events, unread)
}

/// Whether any record has a time; says so once if none has, instead of once a line.
fn has_times(lines: &mut Lines<'_>, records: &[Record]) -> bool {
    let names = || {
        records
            .iter()
            .flat_map(|record| &record.cells)
            .map(|cell| &cell.name)
    };
    if records.is_empty() || names().any(|name| find(&NAMES, name) == Some(Field::Time)) {
        return true;
    }
    let first = names().next().cloned().unwrap_or_default();
    let mut help = "name a column or key `time`".to_owned();
    if stamp::parse(&first, None).is_ok() {
        help = "the first line must name the columns, for example `time,kind,holder`".to_owned();
    } else if let Some(near) = names().find_map(|name| nearest(name, ["time"]).map(|_| name)) {
        help = format!("name the column \"{}\" `time`", short(near));
    }
    let at = records.first().map_or(0, |record| record.at);
    let at = if super::looks_like_json_lines(&lines.source.text) {
        at
    } else {
        0
    };
    lines.bad_file(
        at,
        "time",
        "no column tells the time of an event".to_owned(),
        &help,
    );
    false
}

/// Names that mean nothing here, each once; those that look like slips are warned of.
fn unread(lines: &mut Lines<'_>, records: &[Record]) -> Vec<String> {
    let mut seen: Vec<&str> = Vec::new();
    let mut unread = Vec::new();
    for cell in records.iter().flat_map(|record| &record.cells) {
        if seen.contains(&cell.name.as_str()) {
            continue;
        }
        seen.push(&cell.name);
        if let Some(field) = find(&NAMES, &cell.name) {
            let means_time = |name: &&str| find(&NAMES, name) == Some(Field::Time);
            let times: Vec<&str> = seen.iter().copied().filter(means_time).collect();
            if field == Field::Time && times.len() > 1 {
                let what = format!("`{}` tells the time too", times[0]);
                let help = "where both are filled one counts: `time` goes before other names";
                lines.odd(cell.at, &cell.name, what, help);
            }
            continue;
        }
        unread.push(cell.name.clone());
        let canonical = NAMES.iter().filter_map(|(_, names)| names.first().copied());
        if let Some(near) = nearest(&cell.name, canonical) {
            let help = format!("did you mean `{near}`?");
            lines.odd(cell.at, &cell.name, "is not read".to_owned(), &help);
        }
    }
    unread
}

/// The cell that counts for a field: the best name that is filled, else the best that is there.
fn cell(record: &Record, field: Field) -> Option<&Cell> {
    let (_, names) = NAMES.iter().find(|(known, _)| *known == field)?;
    let named = |name: &&str| {
        let name = plain(name);
        record
            .cells
            .iter()
            .find(move |cell| plain(&cell.name) == name)
    };
    let is_filled = |cell: &&Cell| !matches!(&cell.value, Ok(text) if text.is_empty());
    let best = names.iter().filter_map(&named).find(is_filled);
    best.or_else(|| names.iter().find_map(named))
}

/// The filled cell of a field with its text.
fn filled(record: &Record, field: Field) -> Option<(&Cell, &str)> {
    let cell = cell(record, field)?;
    let text = cell.value.as_ref().ok()?;
    (!text.is_empty()).then_some((cell, text.as_str()))
}

/// One event; `None` if anything in its line can't be read: half an event would be a guess.
fn event(lines: &mut Lines<'_>, record: &Record, zone: Option<&TimeZone>) -> Option<WrittenEvent> {
    let before = lines.bad;
    for cell in &record.cells {
        if let (Err(what), Some(_)) = (&cell.value, find(&NAMES, &cell.name)) {
            let what = format!("must be a text or a number, is {what}");
            lines.bad_line(cell.at, &cell.name, what, "write it in quotes");
        }
    }
    let time = time(lines, record, Field::Time, zone);
    let received = time_of_receipt(lines, record, zone);
    let kind = kind(lines, record);
    let direction = direction(lines, record);
    let passages = passages(lines, record);
    if lines.bad > before {
        return None;
    }
    let owned = |field: Field| filled(record, field).map(|(_, text)| text.to_owned());
    Some(WrittenEvent {
        place: lines.source.place(record.at),
        id: owned(Field::Id),
        time: time?,
        received,
        kind: kind?,
        door: owned(Field::Door),
        reader: owned(Field::Reader),
        holder: owned(Field::Holder),
        direction,
        passages,
    })
}

fn time(
    lines: &mut Lines<'_>,
    record: &Record,
    field: Field,
    zone: Option<&TimeZone>,
) -> Option<Stamp> {
    let Some((cell, text)) = filled(record, field) else {
        let cell = cell(record, field);
        // A cell that holds something else has been told of already.
        if cell.is_none_or(|cell| cell.value.is_ok()) {
            let at = cell.map_or(record.at, |cell| cell.at);
            let help = "every event needs its time";
            lines.bad_line(at, "time", "is missing".to_owned(), help);
        }
        return None;
    };
    match stamp::parse(text, zone) {
        Ok(stamp) => Some(stamp),
        Err(error) => {
            lines.bad_line(cell.at, &cell.name, error.what, &error.help);
            None
        }
    }
}

fn time_of_receipt(
    lines: &mut Lines<'_>,
    record: &Record,
    zone: Option<&TimeZone>,
) -> Option<Stamp> {
    filled(record, Field::Received)?;
    time(lines, record, Field::Received, zone)
}

fn direction(lines: &mut Lines<'_>, record: &Record) -> Option<Direction> {
    let (cell, word) = filled(record, Field::Direction)?;
    let direction = find(&DIRECTIONS, word);
    if direction.is_none() {
        let what = format!("\"{}\" is no direction", short(word));
        let help = "write `in` or `out`, or leave it empty";
        lines.bad_line(cell.at, &cell.name, what, help);
    }
    direction
}

fn passages(lines: &mut Lines<'_>, record: &Record) -> Option<u8> {
    let (cell, word) = filled(record, Field::Passages)?;
    let count = word.parse::<u8>().ok().filter(|count| *count > 0);
    if count.is_none() {
        let what = format!("\"{}\" is no number of passages", short(word));
        let help = "write a whole number from 1 to 255";
        lines.bad_line(cell.at, &cell.name, what, help);
    }
    count
}

/// What happened. Without such a column everything is a grant; an empty cell or an unknown word
/// never is.
fn kind(lines: &mut Lines<'_>, record: &Record) -> Option<AccessKind> {
    let Some(cell) = cell(record, Field::Kind) else {
        return Some(AccessKind::Granted);
    };
    let Ok(word) = &cell.value else {
        return None;
    };
    let known = find(&KINDS, word);
    if known.is_none() {
        let canonical = KINDS.iter().filter_map(|(_, words)| words.first().copied());
        let (what, help) = if word.is_empty() {
            (
                "is empty".to_owned(),
                "write `granted` if it was one: it is never guessed".to_owned(),
            )
        } else if let Some(near) = nearest(word, canonical.clone()) {
            (
                format!("\"{}\" is no kind of event", short(word)),
                format!("did you mean `{near}`?"),
            )
        } else {
            let all = canonical.collect::<Vec<_>>().join(", ");
            let help = format!("write one of {all}; `other` is kept and counts for nothing");
            (format!("\"{}\" is no kind of event", short(word)), help)
        };
        lines.bad_line(cell.at, &cell.name, what, &help);
    }
    known
}

/// Warns where one id stands for events that differ: the ledger takes only the first.
fn same_ids(lines: &mut Lines<'_>, events: &[WrittenEvent], records: &[Record]) {
    let mut by_id: Vec<(&str, &WrittenEvent)> = events
        .iter()
        .filter_map(|event| Some((event.id.as_deref()?, event)))
        .collect();
    by_id.sort_by_key(|(id, event)| (*id, event.place));
    for pair in by_id.windows(2) {
        let [(id, first), (other, second)] = pair else {
            continue;
        };
        if id == other && (first.time, first.kind) != (second.time, second.kind) {
            let at = records
                .iter()
                .find(|record| lines.source.place(record.at) == second.place);
            let what = format!(
                "\"{}\" stands for another event on line {}",
                short(id),
                first.place.line
            );
            let help = "events of one id are one event: the first counts";
            lines.odd(at.map_or(0, |record| record.at), "id", what, help);
        }
    }
}

/// Warns of a file that gives some times of the wall and some since the clip's start: likely a slip.
fn both_clocks(lines: &mut Lines<'_>, events: &[WrittenEvent], records: &[Record]) {
    let is_relative = |event: &&WrittenEvent| matches!(event.time, Stamp::Relative(_));
    let relative = events.iter().find(is_relative);
    let absolute = events.iter().find(|event| !is_relative(event));
    if let (Some(relative), Some(absolute)) = (relative, absolute) {
        let second = relative.place.max(absolute.place);
        let at = records
            .iter()
            .find(|record| lines.source.place(record.at) == second);
        let what = format!(
            "line {} gives seconds since the clip's start, line {} wall time",
            relative.place.line, absolute.place.line
        );
        let help = "is one of them a slip? Numbers below 1e8 count from the clip's start";
        lines.odd(at.map_or(0, |record| record.at), "time", what, help);
    }
}
