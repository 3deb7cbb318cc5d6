//! What a map makes of a sample, field by field: for the person who writes it.

use serde_json::Value;

use super::super::fields::{at, each, id, json, name, short};
use super::settings::Clock;
use super::{Check, Generic, GenericSettings};
use crate::intake::{Delivery, Reported, Secret};

/// Of so many events of a sample each field is told; people read no more.
const MAX_EXPLAINED: usize = 20;

/// One field of one event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Explained {
    /// The key of the settings, for example `time`.
    pub field: &'static str,
    /// Its JSON pointer, from the root of the body; empty where the settings name none.
    pub pointer: String,
    /// What stands there, as JSON; `None` if nothing does.
    pub raw: Option<String>,
    /// What became of it, or what is wrong with it.
    pub result: Result<String, String>,
}

/// What became of one event.
#[derive(Debug, Clone, PartialEq)]
pub struct Tried {
    /// Its pointer in the body.
    pub pointer: String,
    /// Field by field, in the order of the settings.
    pub fields: Vec<Explained>,
    /// The event as it would be taken in, or why it cannot be.
    pub event: Result<Reported, String>,
}

/// Tries a map on a sample body. `Err`: what is wrong with the map or with the whole body. Secrets are
/// not needed: a sample proves nothing.
pub fn explain(settings: &GenericSettings, delivery: &Delivery) -> Result<Vec<Tried>, Vec<String>> {
    let mut problems = settings.problems();
    let clock = Clock::new(&settings.time).map_err(|found| problems.extend(found));
    let generic = match clock {
        Ok(clock) if problems.is_empty() => Generic {
            check: Check::new(&settings.authentication, &[] as &[Secret]),
            map: settings.clone(),
            clock,
        },
        _ => return Err(problems),
    };
    let whole = |unreadable: crate::intake::Unreadable| vec![unreadable.to_string()];
    let root = json(&delivery.body).map_err(whole)?;
    let rows = generic.rows(&root).map_err(whole)?;
    // The same limits as in earnest.
    each(&rows, |_, _| Ok(())).map_err(whole)?;
    let tried = |(pointer, row): &(String, &Value)| Tried {
        pointer: pointer.clone(),
        fields: generic.explain_row(pointer, row),
        event: generic
            .read_row(delivery, row)
            .map_err(|unreadable| unreadable.to_string()),
    };
    Ok(rows.iter().take(MAX_EXPLAINED).map(tried).collect())
}

impl Generic {
    fn explain_row(&self, outer: &str, row: &Value) -> Vec<Explained> {
        let map = &self.map;
        let tell = |field, pointer: &str, result| Explained {
            field,
            pointer: format!("{outer}{pointer}"),
            raw: row
                .pointer(pointer)
                .map(|raw| short(&raw.to_string()).to_owned()),
            result,
        };
        let mut fields = vec![tell(
            "id",
            map.id.as_deref().unwrap_or_default(),
            Ok(self.key(row)),
        )];
        if map.id.is_none() {
            fields[0].raw = None;
            fields[0].pointer.clear();
        }
        let stamp = at(row, &map.time.pointer).ok_or_else(|| "there is no time".to_owned());
        let time = stamp
            .and_then(|stamp| self.clock.read(stamp))
            .map(|when| format!("{} to {}", written(when.lo), written(when.hi)));
        fields.push(tell("time", &map.time.pointer, time));
        let word = self.word(row);
        let kind = format!("{:?}", self.kind(row, word.as_deref()));
        match &map.kind.pointer {
            Some(pointer) => fields.push(tell("kind", pointer, Ok(kind))),
            None => fields.push(Explained {
                field: "kind",
                pointer: String::new(),
                raw: None,
                result: Ok(kind),
            }),
        }
        for condition in &map.grant_only_if {
            let holds = if condition.holds(row) {
                Ok("holds".to_owned())
            } else {
                Err(format!("is none of {:?}: no grant", condition.one_of))
            };
            fields.push(tell("grant_only_if", &condition.pointer, holds));
        }
        if let Some(ways) = &map.direction {
            let word = name(at(row, &ways.pointer));
            let way = word.as_ref().and_then(|word| ways.values.get(word));
            let way = way
                .map(|way| format!("{way:?}"))
                .ok_or_else(|| "says no way that direction.values has".to_owned());
            fields.push(tell("direction", &ways.pointer, way));
        }
        let plain: [(&'static str, &Option<String>, bool); 5] = [
            ("reader", &map.reader, true),
            ("reader_name", &map.reader_name, false),
            ("holder", &map.holder, true),
            ("person_name", &map.person_name, false),
            ("person_email", &map.person_email, false),
        ];
        for (field, pointer, is_id) in plain {
            if let Some(pointer) = pointer {
                let found = at(row, pointer);
                let found = if is_id { id(found) } else { name(found) };
                let found = found.ok_or_else(|| "there is no text or number".to_owned());
                fields.push(tell(field, pointer, found));
            }
        }
        fields
    }
}

fn written(at: crate::units::Instant) -> String {
    let at = jiff::Timestamp::from_microsecond(at.as_us());
    at.map_or_else(|_| "?".to_owned(), |at| at.to_string())
}
