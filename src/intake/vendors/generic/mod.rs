//! Any JSON, by a map of its fields that the site writes.
//!
//! Theory of operation: settings name, as JSON pointers into one event, where its parts stand, how its
//! time is written, and what its words mean. A word that the table does not have means `other`, and
//! conditions can be set without which nothing is a grant: the map says what is granted, this file
//! never does. [`explain`](fn@explain) does the same for one sample and tells of each field what was found there
//! and what became of it.
//!
//! It deliberately computes nothing: no expressions, no joining of fields. A system that needs those
//! gets a file of its own.

mod explain;
mod settings;

pub use explain::{Explained, Tried, explain};
pub use settings::{Authentication, Condition, Encoding, GenericSettings, Kinds, Time, Ways};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;

use super::credentials::{basic, bearer, path_token};
use super::fields::{at, each, event, id, json, name, person, reported, rows};
use crate::access::AccessKind;
use crate::intake::canonical::Key;
use crate::intake::signature::{Hash, Keys, Tokens, from_hex};
use crate::intake::{Adapter, Delivery, Personal, Reading, Refusal, Reported, Secret, Unreadable};
use settings::Clock;

/// The adapter.
#[derive(Debug)]
pub(super) struct Generic {
    check: Check,
    map: GenericSettings,
    clock: Clock,
}

/// How a genuine delivery is told.
#[derive(Debug)]
enum Check {
    Hmac {
        header: String,
        prefix: String,
        encoding: Encoding,
        keys: Keys,
    },
    Bearer(Tokens),
    Basic(Tokens),
    Path(Tokens),
    Header(String, Tokens),
    Body(String, Tokens),
}

impl Generic {
    /// From the settings, with the secrets that are valid now.
    pub(super) fn new(settings: &GenericSettings, secrets: &[Secret]) -> Result<Self, Vec<String>> {
        let mut problems = settings.problems();
        let what = "secret";
        if let Err(found) = super::check_secrets(secrets, what, super::LEAST_SECRET) {
            problems.extend(found);
        }
        let clock = Clock::new(&settings.time).map_err(|found| problems.extend(found));
        match (clock, problems.is_empty()) {
            (Ok(clock), true) => Ok(Self {
                check: Check::new(&settings.authentication, secrets),
                map: settings.clone(),
                clock,
            }),
            _ => Err(problems),
        }
    }
}

impl Check {
    fn new(authentication: &Authentication, secrets: &[Secret]) -> Self {
        let tokens = || Tokens::new(secrets);
        match authentication {
            Authentication::Hmac {
                header,
                prefix,
                encoding,
            } => Self::Hmac {
                header: header.to_ascii_lowercase(),
                prefix: prefix.clone(),
                encoding: *encoding,
                keys: Keys::new(Hash::Sha256, secrets),
            },
            Authentication::Bearer => Self::Bearer(tokens()),
            Authentication::Basic => Self::Basic(tokens()),
            Authentication::Path => Self::Path(tokens()),
            Authentication::Header { header } => {
                Self::Header(header.to_ascii_lowercase(), tokens())
            }
            Authentication::Body { pointer } => Self::Body(pointer.clone(), tokens()),
        }
    }
}

impl Adapter for Generic {
    fn vendor(&self) -> &'static str {
        "generic"
    }

    fn authenticate(&self, delivery: &Delivery) -> Result<(), Refusal> {
        match &self.check {
            Check::Hmac {
                header,
                prefix,
                encoding,
                keys,
            } => {
                let header = delivery.headers.get(header).ok_or(Refusal::Missing)?;
                let text = std::str::from_utf8(header).map_err(|_| Refusal::Malformed)?;
                let text = text.trim();
                let code = text.strip_prefix(prefix).unwrap_or(text);
                let code = match encoding {
                    Encoding::Hex => from_hex(code)?,
                    Encoding::Base64 => STANDARD.decode(code).map_err(|_| Refusal::Malformed)?,
                };
                keys.verify(&[&delivery.body], &code)
            }
            Check::Bearer(tokens) => tokens.verify(bearer(delivery)?.as_bytes()),
            Check::Basic(tokens) => tokens.verify(&basic(delivery)?),
            Check::Path(tokens) => {
                let token = path_token(&delivery.target).ok_or(Refusal::Missing)?;
                tokens.verify(token.as_bytes())
            }
            Check::Header(header, tokens) => {
                tokens.verify(delivery.headers.get(header).ok_or(Refusal::Missing)?)
            }
            Check::Body(pointer, tokens) => {
                let root = json(&delivery.body).map_err(|_| Refusal::Malformed)?;
                let token = at(&root, pointer).ok_or(Refusal::Missing)?;
                let token = token.as_str().ok_or(Refusal::Malformed)?;
                tokens.verify(token.as_bytes())
            }
        }
    }

    fn read(&self, delivery: &Delivery) -> Result<Reading, Unreadable> {
        let root = json(&delivery.body)?;
        each(&self.rows(&root)?, |row, reading| {
            reading.events.push(self.read_row(delivery, row)?);
            Ok(())
        })
    }

    fn personal(&self) -> Personal {
        let map = &self.map;
        let named = [&map.person_name, &map.person_email].into_iter().flatten();
        let usual = [
            "email",
            "e_mail",
            "first_name",
            "firstName",
            "last_name",
            "lastName",
            "full_name",
            "fullName",
        ];
        let hidden = named.map(|path| path.trim_start_matches('/')).chain(usual);
        // What the map reads as something else is not touched: it says what it is.
        let needed = map.needed();
        let hidden = hidden.filter(|path| !needed.contains(path));
        Personal::hiding(hidden).keeping(&needed)
    }
}

impl Generic {
    /// The events of a body.
    fn rows<'a>(&self, root: &'a Value) -> Result<Vec<(String, &'a Value)>, Unreadable> {
        let Some(pointer) = self.map.events.as_deref() else {
            return Ok(rows(root, &[""]));
        };
        match root.pointer(pointer) {
            Some(Value::Array(_)) => Ok(rows(root, &[pointer])),
            Some(single @ Value::Object(_)) => Ok(vec![(pointer.to_owned(), single)]),
            Some(_) => Err(Unreadable::at(pointer, "is neither a list nor an event")),
            None => Err(Unreadable::at(pointer, "there are no events")),
        }
    }

    fn read_row(&self, delivery: &Delivery, row: &Value) -> Result<Reported, Unreadable> {
        let map = &self.map;
        let stamp = at(row, &map.time.pointer)
            .ok_or_else(|| Unreadable::at(&map.time.pointer, "there is no time"))?;
        let occurred = self
            .clock
            .read(stamp)
            .map_err(|what| Unreadable::at(&map.time.pointer, what))?;
        let word = self.word(row);
        let key = self.key(row);
        let take = |pointer: &Option<String>| pointer.as_deref().and_then(|place| at(row, place));
        let reader = id(take(&map.reader));
        let mut event = event(
            delivery,
            key,
            self.kind(row, word.as_deref()),
            reader,
            occurred,
        );
        event.direction = map.direction.as_ref().and_then(|ways| {
            let word = name(at(row, &ways.pointer))?;
            ways.values.get(&word).map(|way| (*way).into())
        });
        event.holder = id(take(&map.holder));
        Ok(Reported {
            reader_name: name(take(&map.reader_name)),
            person: person(name(take(&map.person_name)), name(take(&map.person_email))),
            ..reported(event, &word.unwrap_or_default())
        })
    }

    /// The vendor's word for what happened.
    fn word(&self, row: &Value) -> Option<String> {
        let pointer = self.map.kind.pointer.as_deref()?;
        match at(row, pointer)? {
            Value::Bool(flag) => Some(flag.to_string()),
            other => name(Some(other)),
        }
    }

    /// What it means; a grant only if every condition holds.
    fn kind(&self, row: &Value, word: Option<&str>) -> AccessKind {
        let kinds = &self.map.kind;
        let kind = word
            .and_then(|word| kinds.values.get(word))
            .or(kinds.always.as_ref());
        let kind = kind.map_or(AccessKind::Other, |kind| AccessKind::from(*kind));
        let holds = self
            .map
            .grant_only_if
            .iter()
            .all(|condition| condition.holds(row));
        if kind == AccessKind::Granted && !holds {
            return AccessKind::Other;
        }
        kind
    }

    /// The event's id, or the hash of the fields that identify it, or of everything in it.
    fn key(&self, row: &Value) -> String {
        if let Some(id) = self.map.id.as_deref().and_then(|place| id(at(row, place))) {
            return id;
        }
        if self.map.id_fields.is_empty() {
            return Key::new("generic whole 1").json("row", row).finish();
        }
        let mut key = Key::new("generic fields 1");
        for pointer in &self.map.id_fields {
            key = key.json(pointer, at(row, pointer).unwrap_or(&Value::Null));
        }
        key.finish()
    }
}
