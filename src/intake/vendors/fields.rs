//! Reading fields leniently: what several vendors' formats need.
//!
//! A field may be missing, null, a number written as a text, or something else altogether. Whatever it
//! is, reading it says what it is or that it is not there; only the caller knows whether that matters.
//! Lengths and numbers of rows are bounded here.

use serde_json::Value;

use crate::access::{AccessEvent, AccessKind};
use crate::intake::canonical::Key;
use crate::intake::{Delivery, Notice, Person, Reading, Reported, Unreadable};
use crate::units::Interval;

/// More rows or events in one body than this are refused whole: a vendor's batch has tens, a page of
/// back-fill is asked for in this size.
pub const MAX_EVENTS: usize = 1_000;

/// Ids longer than this, in bytes, are replaced by their hash; UUIDs have 36.
const MAX_ID: usize = 256;

/// Names and kinds are cut to this many bytes.
const MAX_NAME: usize = 256;

impl Unreadable {
    /// Without a place.
    pub(crate) fn new(what: impl Into<String>) -> Self {
        Self {
            what: what.into(),
            pointer: None,
        }
    }

    /// With a place.
    pub(crate) fn at(pointer: &str, what: impl Into<String>) -> Self {
        Self {
            what: what.into(),
            pointer: Some(pointer.to_owned()),
        }
    }

    /// The same, inside of `outer`.
    fn inside(mut self, outer: &str) -> Self {
        let inner = self.pointer.unwrap_or_default();
        self.pointer = Some(format!("{outer}{inner}"));
        self
    }
}

/// The body as JSON. A byte order mark before it is no error.
pub(crate) fn json(body: &[u8]) -> Result<Value, Unreadable> {
    let body = body.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(body);
    if body.trim_ascii().is_empty() {
        return Err(Unreadable::new("the body is empty"));
    }
    serde_json::from_slice(body).map_err(|error| Unreadable::new(format!("no JSON: {error}")))
}

/// What stands at a JSON pointer; null counts as absent.
pub(crate) fn at<'a>(value: &'a Value, pointer: &str) -> Option<&'a Value> {
    value.pointer(pointer).filter(|found| !found.is_null())
}

/// An id: a text, or a whole number. An empty text is none.
pub(crate) fn id(value: Option<&Value>) -> Option<String> {
    let text = match value? {
        Value::String(text) => text.trim().to_owned(),
        Value::Number(number) => match number.as_f64() {
            // 9543.0 is what some languages make of 9543; beyond 2^53 such a number is not whole.
            Some(float) if !number.is_i64() && !number.is_u64() => {
                let whole = float.trunc();
                let exact = (whole - float).abs() <= 0.0 && float.abs() < 9e15;
                exact.then(|| format!("{whole:.0}"))?
            }
            _ => number.to_string(),
        },
        _ => return None,
    };
    if text.is_empty() {
        return None;
    }
    if text.len() > MAX_ID {
        return Some(Key::new("long id").field("id", Some(&text)).finish());
    }
    Some(text)
}

/// A name or a kind: as an id, but cut where it is too long.
pub(crate) fn name(value: Option<&Value>) -> Option<String> {
    match value? {
        Value::String(text) => {
            let text = short(text.trim());
            (!text.is_empty()).then(|| text.to_owned())
        }
        other => id(Some(other)),
    }
}

/// Yes or no, as a truth value or its word. Anything else is neither.
pub(crate) fn flag(value: Option<&Value>) -> Option<bool> {
    match value? {
        Value::Bool(flag) => Some(*flag),
        Value::String(text) if text.eq_ignore_ascii_case("true") => Some(true),
        Value::String(text) if text.eq_ignore_ascii_case("false") => Some(false),
        _ => None,
    }
}

/// The first of several places where there is an id.
pub(crate) fn first_id(value: &Value, pointers: &[&str]) -> Option<String> {
    pointers.iter().find_map(|pointer| id(at(value, pointer)))
}

/// The first of several places where there is a name.
pub(crate) fn first_name(value: &Value, pointers: &[&str]) -> Option<String> {
    pointers.iter().find_map(|pointer| name(at(value, pointer)))
}

/// A person, if anything is known.
pub(crate) fn person(name: Option<String>, email: Option<String>) -> Option<Person> {
    (name.is_some() || email.is_some()).then_some(Person { name, email })
}

/// At most [`MAX_NAME`] bytes of a text, whole characters.
pub(crate) fn short(text: &str) -> &str {
    let mut end = text.len().min(MAX_NAME);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    &text[..end]
}

/// An event as the engine knows it, its door not yet looked up.
pub(crate) fn event(
    delivery: &Delivery,
    id: String,
    kind: AccessKind,
    reader: Option<String>,
    occurred: Interval,
) -> AccessEvent {
    AccessEvent {
        id,
        door: None,
        reader,
        direction: None,
        kind,
        occurred,
        received: delivery.received,
        holder: None,
        passages: None,
    }
}

/// What is reported of an event, for which only its kind is known in the vendor's words.
pub(crate) fn reported(event: AccessEvent, vendor_kind: &str) -> Reported {
    Reported {
        event,
        vendor_kind: short(vendor_kind).to_owned(),
        reader_name: None,
        door: None,
        person: None,
    }
}

/// The rows of a body: those of the array at one of `arrays` (the empty pointer is the root), or the
/// body itself as the only one. With the pointer of each.
pub(crate) fn rows<'a>(root: &'a Value, arrays: &[&str]) -> Vec<(String, &'a Value)> {
    for array in arrays {
        if let Some(Value::Array(items)) = root.pointer(array) {
            let place = |(index, item)| (format!("{array}/{index}"), item);
            return items.iter().enumerate().map(place).collect();
        }
    }
    vec![(String::new(), root)]
}

/// Reads each row. One that cannot be read becomes a notice, unless nothing else could be read: then
/// the whole delivery is unreadable.
pub(crate) fn each(
    rows: &[(String, &Value)],
    mut read: impl FnMut(&Value, &mut Reading) -> Result<(), Unreadable>,
) -> Result<Reading, Unreadable> {
    let too_many = || Unreadable::new(format!("holds more than {MAX_EVENTS} events"));
    if rows.len() > MAX_EVENTS {
        return Err(too_many());
    }
    let mut reading = Reading::default();
    let mut unread = Vec::new();
    for (pointer, row) in rows {
        if let Err(problem) = read(row, &mut reading) {
            unread.push(problem.inside(pointer));
        }
        if reading.events.len() > MAX_EVENTS {
            return Err(too_many());
        }
    }
    if reading.events.is_empty()
        && reading.notices.is_empty()
        && let Some(first) = unread.first()
    {
        return Err(first.clone());
    }
    reading
        .notices
        .extend(unread.into_iter().map(Notice::Unread));
    Ok(reading)
}
