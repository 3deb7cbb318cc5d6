//! Openpath, now Avigilon Alta Access: webhooks of its event forwarder, and rows of its activity
//! report.
//!
//! Certain: the handshake (a request with `X-Hook-Secret` and no body is answered with the same header
//! and no body); the envelope `{data, event, timestamp}`; that one event names several entries, each
//! with a status; the names of the events. Unknown: whether deliveries are signed (nothing says so), so
//! the secret is the last part of the path that the rule posts to; the bodies of other events than
//! `entry.unlocked`, so they are read by the same fields and kept even if those are missing.
//!
//! One swipe makes `entry.authenticated`, `entry.authorized` and `entry.unlocked`: only the last is a
//! grant, and only for an entry whose own status begins with `SUCCESS`. The time is the event's
//! `timestamp`; `requestTimestamp` is when the hand touched the reader.

use std::collections::{BTreeMap, BTreeSet};

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::Value;

use super::credentials::path_token;
use super::fields::{
    at, each, event, first_id, first_name, id, json, name, person, reported, rows,
};
use crate::access::AccessKind;
use crate::intake::canonical::Key;
use crate::intake::signature::Tokens;
use crate::intake::{
    Adapter, Answer, Delivery, Personal, Reading, Refusal, Reported, Secret, SecretRef, Unreadable,
    stamp,
};
use crate::units::Interval;

/// The header of the handshake.
const HOOK_SECRET: &str = "x-hook-secret";

/// A hook secret longer than this, in bytes, is not echoed; the vendor's sample has 24.
const MAX_HOOK_SECRET: usize = 1_024;

/// Where rows stand in a body: the activity report's list, a list alone.
const ARRAYS: [&str; 2] = ["/data", ""];

/// Openpath, now Avigilon Alta Access.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct OpenpathSettings {
    /// Path tokens: the last part of the URL that the webhook rule posts to. Deliveries carry no
    /// signature, so this is what tells a genuine one.
    pub secrets: Vec<SecretRef>,
}

/// The adapter.
#[derive(Debug)]
pub(super) struct Openpath {
    tokens: Tokens,
}

impl Openpath {
    /// With the path tokens that are valid now.
    pub(super) fn new(secrets: &[Secret]) -> Result<Self, Vec<String>> {
        super::check_secrets(secrets, "path token", super::LEAST_SECRET)?;
        Ok(Self {
            tokens: Tokens::new(secrets),
        })
    }
}

impl Adapter for Openpath {
    fn vendor(&self) -> &'static str {
        "openpath"
    }

    /// Echoes the hook secret, to whoever knows the path.
    fn handshake(&self, delivery: &Delivery) -> Option<Answer> {
        let secret = delivery.headers.text(HOOK_SECRET)?;
        let printable = secret.bytes().all(|byte| (b' '..=b'~').contains(&byte));
        let sane = printable && !secret.is_empty() && secret.len() <= MAX_HOOK_SECRET;
        let empty = delivery.body.trim_ascii().is_empty();
        if !sane || !empty || self.authenticate(delivery).is_err() {
            return None;
        }
        Some(Answer {
            status: 200,
            headers: vec![("X-Hook-Secret".to_owned(), secret.to_owned())],
            body: Vec::new(),
        })
    }

    fn authenticate(&self, delivery: &Delivery) -> Result<(), Refusal> {
        let token = path_token(&delivery.target).ok_or(Refusal::Missing)?;
        self.tokens.verify(token.as_bytes())
    }

    fn read(&self, delivery: &Delivery) -> Result<Reading, Unreadable> {
        let root = json(&delivery.body)?;
        each(&rows(&root, &ARRAYS), |row, reading| {
            read_row(delivery, row, reading)
        })
    }

    fn personal(&self) -> Personal {
        Personal::hiding([
            "userName",
            "userEmail",
            "user/name",
            "user/email",
            "identity",
            "firstName",
            "middleName",
            "lastName",
            "fullName",
        ])
    }
}

/// A webhook body, or a row of the activity report, which holds one.
fn read_row(delivery: &Delivery, row: &Value, reading: &mut Reading) -> Result<(), Unreadable> {
    let ui = at(row, "/uiData");
    match at(row, "/hookEvent") {
        Some(hook) => read_hook(delivery, hook, ui, reading),
        None => match ui {
            Some(ui) => read_activity(delivery, ui, reading),
            None => read_hook(delivery, row, None, reading),
        },
    }
}

/// What one event says of one entry.
struct Entry {
    id: Option<String>,
    name: Option<String>,
    status: Option<String>,
}

fn read_hook(
    delivery: &Delivery,
    hook: &Value,
    ui: Option<&Value>,
    reading: &mut Reading,
) -> Result<(), Unreadable> {
    let kind =
        name(at(hook, "/event")).ok_or_else(|| Unreadable::at("/event", "names no event"))?;
    let nothing = Value::Null;
    let stamp = at(hook, "/timestamp").unwrap_or(&nothing);
    let occurred = stamp::read(stamp, None).map_err(|what| Unreadable::at("/timestamp", what))?;
    let data = at(hook, "/data").unwrap_or(&nothing);
    let request = id(at(data, "/requestId"));
    for entry in entries(data) {
        let key = match &request {
            Some(request) => key_of_request(request, &kind, entry.id.as_deref()),
            None => key_of_fields(&kind, &entry, occurred, data),
        };
        let access = access_kind(&kind, entry.status.as_deref());
        let mut event = event(delivery, key, access, entry.id, occurred);
        event.holder = holder(data, ui);
        let ui = ui.unwrap_or(&nothing);
        reading.events.push(Reported {
            reader_name: entry
                .name
                .or_else(|| name_in_row(ui, event.reader.as_deref())),
            person: person(
                first_name(
                    data,
                    &["/userName", "/user/identity/fullName", "/user/name"],
                )
                .or_else(|| name(at(ui, "/userName"))),
                first_name(data, &["/userEmail", "/user/identity/email", "/user/email"])
                    .or_else(|| name(at(ui, "/userEmail"))),
            ),
            ..reported(event, &kind)
        });
        if reading.events.len() > super::MAX_EVENTS {
            break;
        }
    }
    Ok(())
}

/// The name of an entry, where the report's row is about that one.
fn name_in_row(ui: &Value, entry: Option<&str>) -> Option<String> {
    let same = id(at(ui, "/entryId"))?.as_str() == entry?;
    name(at(ui, "/entryName")).filter(|_| same)
}

fn holder(data: &Value, ui: Option<&Value>) -> Option<String> {
    first_id(data, &["/userId", "/user/id"]).or_else(|| id(at(ui?, "/userId")))
}

/// A row of the activity report without the event that was sent. Its words for success are unknown,
/// so it is kept and grants nothing.
fn read_activity(delivery: &Delivery, ui: &Value, reading: &mut Reading) -> Result<(), Unreadable> {
    let nothing = Value::Null;
    let stamp = at(ui, "/time")
        .or_else(|| at(ui, "/timeIsoString"))
        .unwrap_or(&nothing);
    let occurred = stamp::read(stamp, None).map_err(|what| Unreadable::at("/uiData/time", what))?;
    let entry = id(at(ui, "/entryId"));
    let key = match id(at(ui, "/requestId")) {
        Some(request) => key_of_request(&request, "activity", entry.as_deref()),
        None => Key::new("openpath activity 1").json("row", ui).finish(),
    };
    let result = name(at(ui, "/result")).unwrap_or_default();
    let mut event = event(delivery, key, AccessKind::Other, entry, occurred);
    event.holder = id(at(ui, "/userId"));
    reading.events.push(Reported {
        reader_name: name(at(ui, "/entryName")),
        person: person(name(at(ui, "/userName")), name(at(ui, "/userEmail"))),
        ..reported(event, format!("activity {result}").trim_end())
    });
    Ok(())
}

/// The entries of an event, each once. An event that names none is kept without.
fn entries(data: &Value) -> Vec<Entry> {
    let list = |pointer| match at(data, pointer) {
        Some(Value::Array(items)) => &items[..items.len().min(super::MAX_EVENTS + 1)],
        _ => &[],
    };
    let mut states: BTreeMap<String, String> = BTreeMap::new();
    let mut names: BTreeMap<String, String> = BTreeMap::new();
    let mut order: Vec<String> = list("/entryIds")
        .iter()
        .filter_map(|entry| id(Some(entry)))
        .collect();
    for detail in list("/entryStatusDetails") {
        let Some(entry) = id(at(detail, "/entryId")) else {
            continue;
        };
        let status = name(at(detail, "/statusDetail")).unwrap_or_default();
        // Two details for one entry that differ say nothing certain: the worse one counts.
        match states.get(&entry) {
            Some(known) if !is_success(known) => {}
            _ => drop(states.insert(entry.clone(), status)),
        }
        order.push(entry);
    }
    for entry in list("/entries") {
        let Some(known) = id(at(entry, "/id")) else {
            continue;
        };
        if let Some(name) = name(at(entry, "/name")) {
            names.insert(known.clone(), name);
        }
        order.push(known);
    }
    order.extend(first_id(data, &["/entryId", "/entry/id"]));
    let mut seen = BTreeSet::new();
    order.retain(|entry| seen.insert(entry.clone()));
    let describe = |entry: String| Entry {
        name: names
            .remove(&entry)
            .or_else(|| first_name(data, &["/entryName", "/entry/name"])),
        status: states.remove(&entry),
        id: Some(entry),
    };
    let entries: Vec<Entry> = order.into_iter().map(describe).collect();
    if entries.is_empty() {
        return vec![Entry {
            id: None,
            name: None,
            status: None,
        }];
    }
    entries
}

fn is_success(status: &str) -> bool {
    status.starts_with("SUCCESS")
}

fn access_kind(kind: &str, status: Option<&str>) -> AccessKind {
    match kind {
        "entry.unlocked" => match status {
            Some(status) if is_success(status) => AccessKind::Granted,
            Some(status) if !status.is_empty() => AccessKind::Denied,
            _ => AccessKind::Other,
        },
        "entry.unlocked.failed" => AccessKind::Denied,
        "entry.authenticated.failed" | "entry.authorized.failed" => AccessKind::Denied,
        "entry.forcedOpen" => AccessKind::ForcedOpen,
        "entry.ajar.started" => AccessKind::HeldOpen,
        _ => AccessKind::Other,
    }
}

/// Of an event that belongs to a request: the same from the webhook and from the report.
fn key_of_request(request: &str, kind: &str, entry: Option<&str>) -> String {
    format!("{request}:{kind}:{}", entry.unwrap_or("-"))
}

/// Of an event without a request (a door forced open): the fields that say which event it is.
fn key_of_fields(kind: &str, entry: &Entry, occurred: Interval, data: &Value) -> String {
    Key::new("openpath 1")
        .field("event", Some(kind))
        .field("entry", entry.id.as_deref())
        .field("timestamp", Some(&occurred.lo.as_us().to_string()))
        .field("acu", id(at(data, "/acuId")).as_deref())
        .field("user", holder(data, None).as_deref())
        .finish()
}
