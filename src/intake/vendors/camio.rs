//! Camio's generic access-control API, from the receiving side: drivers that were written for it work
//! unchanged.
//!
//! Certain: `POST /pacs/devices` with `devices` (or `readers`) replaces the list; `POST
//! /pacs/webhooks` with `events`; a bearer token; `device_id` and `timestamp` (ISO 8601 or
//! milliseconds since 1970) are required. Likely: a body with a single event instead of the list.
//! Unknown: the whole vocabulary of `event_type`. What is seen is `entry_unlocked` and `Entry
//! Unlocked`, so case, spaces, underscores, dots and hyphens do not matter, and the settings can name
//! more.
//!
//! An event has no id: its key is a hash of its fields, so that a batch that is sent again is known.
//! Two events that agree in every field are one, but for those that name nobody and have a time in
//! whole seconds: there the second, third and so on of one body count, since two people at one reader
//! within a second make just that, and a batch that is sent again counts the same.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::Value;

use super::Kind;
use super::credentials::bearer;
use super::fields::{at, each, event, id, json, name, person, reported, rows};
use crate::access::AccessKind;
use crate::intake::canonical::Key;
use crate::intake::signature::Tokens;
use crate::intake::{
    AccessPoint, Adapter, Delivery, Notice, Personal, Reading, Refusal, Reported, Secret,
    SecretRef, Unreadable, stamp,
};
use crate::units::Interval;

/// Whatever speaks Camio's generic access-control API.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct CamioSettings {
    /// Bearer tokens of the drivers.
    pub secrets: Vec<SecretRef>,
    /// What further event types mean, beside those that are known.
    #[serde(default)]
    pub kinds: BTreeMap<String, Kind>,
}

/// The adapter.
#[derive(Debug)]
pub(super) struct Camio {
    tokens: Tokens,
    kinds: BTreeMap<String, AccessKind>,
}

impl Camio {
    /// With the tokens that are valid now.
    pub(super) fn new(settings: &CamioSettings, secrets: &[Secret]) -> Result<Self, Vec<String>> {
        super::check_secrets(secrets, "bearer token", super::LEAST_SECRET)?;
        let mut kinds = BTreeMap::new();
        let mut problems = Vec::new();
        for (word, kind) in &settings.kinds {
            let kind = AccessKind::from(*kind);
            let before = kinds.insert(plain(word), kind);
            if before.is_some_and(|before| before != kind) {
                problems.push(format!(
                    "kinds: {word:?} is the same event type as another entry, with another meaning"
                ));
            }
        }
        if !problems.is_empty() {
            return Err(problems);
        }
        Ok(Self {
            tokens: Tokens::new(secrets),
            kinds,
        })
    }
}

impl Adapter for Camio {
    fn vendor(&self) -> &'static str {
        "camio"
    }

    fn authenticate(&self, delivery: &Delivery) -> Result<(), Refusal> {
        self.tokens.verify(bearer(delivery)?.as_bytes())
    }

    fn read(&self, delivery: &Delivery) -> Result<Reading, Unreadable> {
        let root = json(&delivery.body)?;
        let list = at(&root, "/devices").or_else(|| at(&root, "/readers"));
        if let Some(list) = list {
            return access_points(list);
        }
        let mut seen = BTreeMap::new();
        each(&rows(&root, &["/events", ""]), |row, reading| {
            self.read_row(delivery, row, &mut seen, reading)
        })
    }

    fn personal(&self) -> Personal {
        Personal::hiding(["actor_name", "actor_email"])
    }
}

/// The list of devices, which replaces the one before: one that cannot be read whole replaces nothing.
fn access_points(list: &Value) -> Result<Reading, Unreadable> {
    let Value::Array(items) = list else {
        return Err(Unreadable::at("/devices", "is no list"));
    };
    if items.len() > super::MAX_EVENTS {
        let what = format!("lists more than {} devices", super::MAX_EVENTS);
        return Err(Unreadable::at("/devices", what));
    }
    let point = |(index, item): (usize, &Value)| {
        let id = id(at(item, "/device_id")).or_else(|| id(at(item, "/id")));
        let place = format!("/devices/{index}/device_id");
        let id = id.ok_or_else(|| Unreadable::at(&place, "names no device"))?;
        Ok(AccessPoint {
            name: name(at(item, "/device_name"))
                .or_else(|| name(at(item, "/name")))
                .unwrap_or_else(|| id.clone()),
            id,
            door: None,
            direction: None,
        })
    };
    let points: Result<Vec<_>, _> = items.iter().enumerate().map(point).collect();
    Ok(Reading {
        events: Vec::new(),
        notices: vec![Notice::AccessPoints(points?)],
    })
}

impl Camio {
    fn read_row(
        &self,
        delivery: &Delivery,
        row: &Value,
        seen: &mut BTreeMap<String, u32>,
        reading: &mut Reading,
    ) -> Result<(), Unreadable> {
        let device = id(at(row, "/device_id"))
            .ok_or_else(|| Unreadable::at("/device_id", "names no device"))?;
        let nothing = Value::Null;
        let stamp = at(row, "/timestamp").unwrap_or(&nothing);
        let occurred =
            stamp::read(stamp, None).map_err(|what| Unreadable::at("/timestamp", what))?;
        let kind = name(at(row, "/event_type")).unwrap_or_default();
        let mut key = key_of_fields(row, &device, &plain(&kind), occurred);
        if is_vague(row, occurred) {
            let before = seen.entry(key.clone()).or_insert(0);
            if *before > 0 {
                key = format!("{key}+{before}");
            }
            *before += 1;
        }
        let access = self.access_kind(&plain(&kind));
        let mut event = event(delivery, key, access, Some(device), occurred);
        event.holder = id(at(row, "/actor_id"));
        reading.events.push(Reported {
            reader_name: name(at(row, "/device_name")),
            person: person(name(at(row, "/actor_name")), name(at(row, "/actor_email"))),
            ..reported(event, &kind)
        });
        Ok(())
    }

    fn access_kind(&self, plain: &str) -> AccessKind {
        if let Some(kind) = self.kinds.get(plain) {
            return *kind;
        }
        match plain {
            "entryunlocked" => AccessKind::Granted,
            "entryunlockedfailed" | "entryauthenticatedfailed" | "entryauthorizedfailed" => {
                AccessKind::Denied
            }
            "entryforcedopen" => AccessKind::ForcedOpen,
            "entryajarstarted" => AccessKind::HeldOpen,
            _ => AccessKind::Other,
        }
    }
}

/// Whether two people can make one and the same row: nobody is named, and seconds are whole.
fn is_vague(row: &Value, occurred: Interval) -> bool {
    let nobody = ["/actor_id", "/actor_name", "/actor_email"]
        .iter()
        .all(|pointer| at(row, pointer).is_none());
    nobody && occurred.lo.as_us().rem_euclid(1_000_000) == 0
}

/// An event type without case, spaces, underscores, dots and hyphens.
fn plain(text: &str) -> String {
    text.chars()
        .filter(|c| !matches!(c, ' ' | '_' | '.' | '-'))
        .flat_map(char::to_lowercase)
        .collect()
}

fn key_of_fields(row: &Value, device: &str, plain: &str, occurred: Interval) -> String {
    let mut labels: Vec<String> = match at(row, "/labels") {
        Some(Value::Array(labels)) => labels
            .iter()
            .filter_map(|label| name(Some(label)))
            .collect(),
        _ => Vec::new(),
    };
    labels.sort();
    Key::new("camio 1")
        .field("device_id", Some(device))
        .field("timestamp", Some(&occurred.lo.as_us().to_string()))
        .field("event_type", Some(plain))
        .field("actor_id", id(at(row, "/actor_id")).as_deref())
        .field("actor_name", name(at(row, "/actor_name")).as_deref())
        .field("actor_email", name(at(row, "/actor_email")).as_deref())
        .json("labels", &Value::from(labels))
        .finish()
}
