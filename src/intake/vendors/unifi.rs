//! UniFi Access: webhooks.
//!
//! Seen in several clients: `Signature: t=SECONDS,v1=CODE`, an HMAC-SHA256 of the time, a dot and the
//! raw body, in hexadecimal digits; `access.door.unlock` with `data.object.result` as `Access
//! Granted`; the names of the other events. Unknown: whether a body ever says when it happened, and
//! what `event_object_id` identifies. So the time is that of the signature unless the body has one,
//! and the id is a hash of the body and, where the body has no time, of the signature's.

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::Value;

use super::fields::{
    at, each, event, first_id, first_name, id, json, name, person, reported, rows,
};
use crate::access::AccessKind;
use crate::intake::canonical::Key;
use crate::intake::signature::{Hash, Keys, fresh, from_hex};
use crate::intake::{
    Adapter, Delivery, Personal, Reading, Refusal, Reported, Secret, SecretRef, Unreadable, stamp,
};
use crate::units::{Interval, Span};

/// The header with time and codes.
const SIGNATURE: &str = "signature";

/// Codes in one header beyond these are not looked at; a sender that changes its key sends two.
const MAX_CODES: usize = 8;

/// How long before it signs a delivery the controller may have opened the door.
const SIGNED_AFTER: Span = Span::from_ms(2_000);

/// Where a body may say when it happened.
const TIMES: [&str; 4] = [
    "/timestamp",
    "/data/timestamp",
    "/data/object/timestamp",
    "/time",
];

/// UniFi Access.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct UnifiSettings {
    /// Secrets of the webhook endpoint, as the controller gave them.
    pub secrets: Vec<SecretRef>,
}

/// The adapter.
#[derive(Debug)]
pub(super) struct Unifi {
    keys: Keys,
}

impl Unifi {
    /// With the secrets that are valid now.
    pub(super) fn new(secrets: &[Secret]) -> Result<Self, Vec<String>> {
        // The controller chooses them.
        super::check_secrets(secrets, "webhook secret", 1)?;
        Ok(Self {
            keys: Keys::new(Hash::Sha256, secrets),
        })
    }
}

impl Adapter for Unifi {
    fn vendor(&self) -> &'static str {
        "unifi"
    }

    fn authenticate(&self, delivery: &Delivery) -> Result<(), Refusal> {
        let header = delivery.headers.get(SIGNATURE).ok_or(Refusal::Missing)?;
        let text = std::str::from_utf8(header).map_err(|_| Refusal::Malformed)?;
        let (time, codes) = parts(text).ok_or(Refusal::Malformed)?;
        let signed: i64 = time.parse().map_err(|_| Refusal::Malformed)?;
        let mut answer = Err(Refusal::Malformed);
        for code in codes {
            let fits = from_hex(code).and_then(|code| {
                self.keys
                    .verify(&[time.as_bytes(), b".", &delivery.body], &code)
            });
            match fits {
                Ok(()) => return fresh(signed, delivery.received),
                Err(refusal) => answer = Err(refusal),
            }
        }
        answer
    }

    fn read(&self, delivery: &Delivery) -> Result<Reading, Unreadable> {
        let root = json(&delivery.body)?;
        each(&rows(&root, &[""]), |row, reading| {
            read_row(delivery, row, reading)
        })
    }

    fn personal(&self) -> Personal {
        Personal::hiding([
            "actor/name",
            "actor/first_name",
            "actor/last_name",
            "actor/email",
        ])
    }
}

/// Time and codes of a signature header.
fn parts(text: &str) -> Option<(&str, Vec<&str>)> {
    let mut time = None;
    let mut codes = Vec::new();
    for part in text.split(',') {
        match part.trim().split_once('=') {
            Some(("t", value)) if time.is_none() => time = Some(value.trim()),
            // A second time would leave open which one was signed.
            Some(("t", _)) => return None,
            Some(("v1", value)) if codes.len() < MAX_CODES => codes.push(value.trim()),
            _ => {}
        }
    }
    time.filter(|_| !codes.is_empty()).map(|time| (time, codes))
}

fn read_row(delivery: &Delivery, row: &Value, reading: &mut Reading) -> Result<(), Unreadable> {
    let kind = name(at(row, "/event")).ok_or_else(|| Unreadable::at("/event", "names no event"))?;
    let written = TIMES
        .iter()
        .find_map(|pointer| at(row, pointer).map(|value| (*pointer, value)));
    let signed = delivery
        .headers
        .text(SIGNATURE)
        .and_then(parts)
        .map(|(time, _)| time);
    let (occurred, signed) = match (written, signed) {
        (Some((pointer, value)), _) => {
            let read = stamp::read(value, None).map_err(|what| Unreadable::at(pointer, what))?;
            (read, None)
        }
        (None, Some(time)) => {
            let signed = stamp::read_text(time, None).map_err(Unreadable::new)?;
            (
                Interval::new(signed.lo - SIGNED_AFTER, signed.hi),
                Some(time),
            )
        }
        (None, None) => return Err(Unreadable::new("neither the body nor a header has a time")),
    };
    let key = Key::new("unifi 1")
        .json("body", row)
        .field("signed", signed)
        .finish();
    let reader = first_id(row, &["/data/location/id", "/data/device/id"]);
    let mut event = event(delivery, key, access_kind(&kind, row), reader, occurred);
    event.holder = id(at(row, "/data/actor/id"));
    reading.events.push(Reported {
        reader_name: first_name(row, &["/data/location/name", "/data/device/name"]),
        person: person(name(at(row, "/data/actor/name")), None),
        ..reported(event, &kind)
    });
    Ok(())
}

fn access_kind(kind: &str, row: &Value) -> AccessKind {
    match kind {
        "access.door.unlock" => match name(at(row, "/data/object/result")).as_deref() {
            Some("Access Granted") => AccessKind::Granted,
            Some(result) if result.starts_with("Access Denied") => AccessKind::Denied,
            _ => AccessKind::Other,
        },
        "access.unlock_schedule.activate" | "access.temporary_unlock.start" => {
            AccessKind::UnlockStarted
        }
        "access.unlock_schedule.deactivate" | "access.temporary_unlock.end" => {
            AccessKind::UnlockEnded
        }
        // `access.device.dps_status` says the state of the contact in words that are unknown.
        _ => AccessKind::Other,
    }
}
