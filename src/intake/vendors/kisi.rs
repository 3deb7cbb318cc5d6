//! Kisi: event webhooks, and rows of its event sets.
//!
//! Certain: the fields of an event, `X-Signature: sha256=...` as HMAC-SHA256 of the raw body, that
//! delivery is at least once and `uuid` tells repeats, that a failed unlock has the same type with
//! `success: false`, that a failing webhook is first warned of and then switched off. Taken for
//! likely: the code is hexadecimal; older texts show it without the prefix, so both are read.
//!
//! `created_at` has whole seconds, so an event happened some time within that second.

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::Value;

use super::fields::{at, each, event, flag, id, json, name, person, reported, rows};
use crate::access::AccessKind;
use crate::intake::canonical::Key;
use crate::intake::redaction::is_placeholder;
use crate::intake::signature::{Hash, Keys, from_hex};
use crate::intake::{
    Adapter, Delivery, Notice, Personal, Reading, Refusal, Reported, Secret, SecretRef, Unreadable,
    stamp,
};
use crate::units::Interval;

/// The header with the code.
const SIGNATURE: &str = "x-signature";

/// Where rows stand in a body: an event set, a list alone.
const ARRAYS: [&str; 3] = ["/events", "/event_set/events", ""];

/// Kisi.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct KisiSettings {
    /// Signature keys of the event webhook: several while one replaces another.
    pub secrets: Vec<SecretRef>,
}

/// The adapter.
#[derive(Debug)]
pub(super) struct Kisi {
    keys: Keys,
}

impl Kisi {
    /// With the signature keys that are valid now.
    pub(super) fn new(secrets: &[Secret]) -> Result<Self, Vec<String>> {
        super::check_secrets(secrets, "signature key", super::LEAST_SECRET)?;
        Ok(Self {
            keys: Keys::new(Hash::Sha256, secrets),
        })
    }
}

impl Adapter for Kisi {
    fn vendor(&self) -> &'static str {
        "kisi"
    }

    fn authenticate(&self, delivery: &Delivery) -> Result<(), Refusal> {
        let header = delivery.headers.get(SIGNATURE).ok_or(Refusal::Missing)?;
        let text = std::str::from_utf8(header).map_err(|_| Refusal::Malformed)?;
        let text = text.trim();
        let code = from_hex(text.strip_prefix("sha256=").unwrap_or(text))?;
        self.keys.verify(&[&delivery.body], &code)
    }

    fn read(&self, delivery: &Delivery) -> Result<Reading, Unreadable> {
        let root = json(&delivery.body)?;
        each(&rows(&root, &ARRAYS), |row, reading| {
            read_row(delivery, row, reading)
        })
    }

    fn personal(&self) -> Personal {
        // `message` is a sentence about who did what.
        Personal::hiding(["actor_name", "actor_email", "message"])
    }
}

fn read_row(delivery: &Delivery, row: &Value, reading: &mut Reading) -> Result<(), Unreadable> {
    let kind = name(at(row, "/type")).ok_or_else(|| Unreadable::at("/type", "names no type"))?;
    if let "integration.warn_due_to_error" | "integration.disable_due_to_error" = kind.as_str() {
        reading.notices.push(disabled(&kind, row));
        return Ok(());
    }
    let nothing = Value::Null;
    let stamp = at(row, "/created_at").unwrap_or(&nothing);
    let occurred = stamp::read(stamp, None).map_err(|what| Unreadable::at("/created_at", what))?;
    let key = id(at(row, "/uuid")).unwrap_or_else(|| key_of_fields(&kind, row, occurred));
    let reader = id(at(row, "/object_id"));
    let mut event = event(delivery, key, access_kind(&kind, row), reader, occurred);
    event.holder = id(at(row, "/actor_id"));
    reading.events.push(Reported {
        reader_name: name(at(row, "/object_name")),
        person: person(name(at(row, "/actor_name")), name(at(row, "/actor_email"))),
        ..reported(event, &kind)
    });
    Ok(())
}

fn disabled(kind: &str, row: &Value) -> Notice {
    let stopped = kind == "integration.disable_due_to_error";
    let what = if stopped {
        "Kisi has switched the webhook off because deliveries failed: switch it on again"
    } else {
        "Kisi warns that it will switch the webhook off because deliveries fail"
    };
    let why = name(at(row, "/error_message")).or_else(|| name(at(row, "/message")));
    let why = why.filter(|why| !is_placeholder(why));
    Notice::Disabled(match why {
        Some(why) => format!("{what} ({why})"),
        None => what.to_owned(),
    })
}

fn access_kind(kind: &str, row: &Value) -> AccessKind {
    match kind {
        "lock.unlock" => unlock(row),
        "lock.forced_open" => AccessKind::ForcedOpen,
        "lock.held_open" => AccessKind::HeldOpen,
        "lock.opened" | "wireless_lock.opened" => AccessKind::Opened,
        "lock.closed" | "wireless_lock.closed" => AccessKind::Closed,
        "lock.scheduled_unlock_started" => AccessKind::UnlockStarted,
        "lock.scheduled_unlock_ended" => AccessKind::UnlockEnded,
        // `reader.access` and `wireless_lock.unlocked` come beside the unlock they belong to.
        _ => AccessKind::Other,
    }
}

/// Whether an unlock is a grant: only if it says that it succeeded, and at a lock.
fn unlock(row: &Value) -> AccessKind {
    let object = name(at(row, "/object_type"));
    let lock = object.is_none_or(|object| object.eq_ignore_ascii_case("lock"));
    match flag(at(row, "/success")) {
        Some(true) if lock && id(at(row, "/object_id")).is_some() => AccessKind::Granted,
        Some(false) => AccessKind::Denied,
        _ => AccessKind::Other,
    }
}

/// Of an event without its `uuid`.
fn key_of_fields(kind: &str, row: &Value, occurred: Interval) -> String {
    let field = |pointer| id(at(row, pointer));
    Key::new("kisi 1")
        .field("type", Some(kind))
        .field("created_at", Some(&occurred.lo.as_us().to_string()))
        .field("object_type", field("/object_type").as_deref())
        .field("object_id", field("/object_id").as_deref())
        .field("actor_type", field("/actor_type").as_deref())
        .field("actor_id", field("/actor_id").as_deref())
        .field(
            "success",
            flag(at(row, "/success")).map(|yes| if yes { "true" } else { "false" }),
        )
        .field("sequence", field("/sequence").as_deref())
        .finish()
}
