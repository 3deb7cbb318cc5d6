//! The map of a generic source, as a site writes it, and what can be wrong with it.

use std::collections::BTreeMap;

use jiff::civil::DateTime;
use jiff::fmt::strtime;
use jiff::tz::TimeZone;
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::Value;

use crate::intake::SecretRef;
use crate::intake::stamp::{self, Unit};
use crate::intake::vendors::fields::{at, name};
use crate::intake::vendors::{Kind, Way};
use crate::units::Interval;

/// Any JSON, by a map of its fields.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct GenericSettings {
    /// What a genuine delivery proves its origin with: several while one replaces another.
    pub secrets: Vec<SecretRef>,
    /// How it does so.
    pub authentication: Authentication,
    /// JSON pointer to the list of events in a body. Without it the body is one event, or a list of
    /// them. All other pointers start at one event.
    #[serde(default)]
    pub events: Option<String>,
    /// Where an event's own id stands. Where it has none, see `id_fields`.
    #[serde(default)]
    pub id: Option<String>,
    /// The fields that together say which event it is. Without these and without an id, everything
    /// in the event does: then nothing in it may differ when it is sent again.
    #[serde(default)]
    pub id_fields: Vec<String>,
    /// When it happened.
    pub time: Time,
    /// What happened.
    pub kind: Kinds,
    /// Conditions without which nothing is a grant.
    #[serde(default)]
    pub grant_only_if: Vec<Condition>,
    /// Where the id of the access point stands.
    #[serde(default)]
    pub reader: Option<String>,
    /// Where its name stands.
    #[serde(default)]
    pub reader_name: Option<String>,
    /// Which way it lets people pass.
    #[serde(default)]
    pub direction: Option<Ways>,
    /// Where the id of the holder stands.
    #[serde(default)]
    pub holder: Option<String>,
    /// Where a person's name stands.
    #[serde(default)]
    pub person_name: Option<String>,
    /// Where a person's e-mail address stands.
    #[serde(default)]
    pub person_email: Option<String>,
}

/// How a genuine delivery is told.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(tag = "by", rename_all = "snake_case", deny_unknown_fields)]
pub enum Authentication {
    /// A header carries the HMAC-SHA256 of the raw body.
    Hmac {
        /// The header's name.
        header: String,
        /// What stands before the code; may be missing.
        #[serde(default)]
        prefix: String,
        /// How the code is written.
        #[serde(default)]
        encoding: Encoding,
    },
    /// `Authorization: Bearer SECRET`.
    Bearer,
    /// Basic authentication; the secret is `user:password`.
    Basic,
    /// The last part of the URL's path.
    Path,
    /// A header carries the secret itself.
    Header {
        /// The header's name.
        header: String,
    },
    /// A field of the body carries the secret itself.
    Body {
        /// JSON pointer to it, from the body's root.
        pointer: String,
    },
}

/// How a code is written.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Encoding {
    /// Hexadecimal digits of either case.
    #[default]
    Hex,
    /// Base64 with padding.
    Base64,
}

/// When an event happened.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Time {
    /// JSON pointer to the time.
    pub pointer: String,
    /// `auto` (the default: ISO 8601, or a number whose size tells its unit), `iso`, `s`, `ms`, `us`,
    /// or a pattern such as `%d.%m.%Y %H:%M:%S`.
    #[serde(default)]
    pub format: Option<String>,
    /// The zone of times that name none, for example `Europe/Berlin`.
    #[serde(default)]
    pub zone: Option<String>,
}

/// What an event means.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Kinds {
    /// JSON pointer to the word for what happened.
    #[serde(default)]
    pub pointer: Option<String>,
    /// What each word means, letter for letter. Other words mean `other`.
    #[serde(default)]
    pub values: BTreeMap<String, Kind>,
    /// What every event means whose word is not among `values`: for a sender that reports one thing.
    #[serde(default)]
    pub always: Option<Kind>,
}

/// Which way an access point lets people pass.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Ways {
    /// JSON pointer to the word for the way, or to the access point's id.
    pub pointer: String,
    /// What each word means, letter for letter.
    pub values: BTreeMap<String, Way>,
}

/// A field that must have one of some values.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Condition {
    /// JSON pointer to the field.
    pub pointer: String,
    /// The values it may have, as texts: `true`, `0`, `ACCESS_GRANTED`.
    pub one_of: Vec<String>,
}

impl Condition {
    /// Whether an event meets it.
    pub(super) fn holds(&self, row: &Value) -> bool {
        let found = match at(row, &self.pointer) {
            Some(Value::Bool(flag)) => Some(flag.to_string()),
            other => name(other),
        };
        found.is_some_and(|found| self.one_of.contains(&found))
    }
}

impl GenericSettings {
    /// Everything that is wrong with the map, the time's format aside.
    pub(super) fn problems(&self) -> Vec<String> {
        let mut problems = Vec::new();
        for (key, pointer) in self.pointers() {
            if !pointer.is_empty() && !pointer.starts_with('/') {
                problems.push(format!(
                    "{key} = {pointer:?} is no JSON pointer: write \"/{}\"",
                    pointer.replace('.', "/")
                ));
            }
        }
        let kind = &self.kind;
        if kind.pointer.is_none() && kind.always.is_none() {
            let what = "kind says neither `pointer` (with `values`) nor `always`: every event \
                        would mean nothing";
            problems.push(what.to_owned());
        }
        if kind.pointer.is_some() && kind.values.is_empty() {
            let what = "kind.values is empty: say what the words at kind.pointer mean, for example \
                        values = { \"unlocked\" = \"granted\" }";
            problems.push(what.to_owned());
        }
        if kind.pointer.is_none() && !kind.values.is_empty() {
            problems.push("kind.values needs kind.pointer, the field with the word".to_owned());
        }
        for condition in &self.grant_only_if {
            if condition.one_of.is_empty() {
                let what = "is empty: nothing would ever be a grant";
                problems.push(format!(
                    "grant_only_if: one_of for {:?} {what}",
                    condition.pointer
                ));
            }
        }
        match &self.authentication {
            Authentication::Hmac { header, .. } | Authentication::Header { header }
                if header.trim().is_empty() =>
            {
                problems.push("authentication.header is empty".to_owned());
            }
            _ => {}
        }
        problems
    }

    /// Where everything stands that is read as something else than a person, without the first `/`.
    pub(super) fn needed(&self) -> Vec<&str> {
        let optional = [
            &self.events,
            &self.id,
            &self.kind.pointer,
            &self.reader,
            &self.reader_name,
        ];
        let optional = optional.into_iter().flatten().map(String::as_str);
        let ways = self.direction.as_ref().map(|ways| &*ways.pointer);
        let conditions = self.grant_only_if.iter();
        let all = optional
            .chain(ways)
            .chain([&*self.time.pointer])
            .chain(conditions.map(|condition| &*condition.pointer));
        all.map(|pointer| pointer.trim_start_matches('/')).collect()
    }

    /// All pointers, with the keys they stand under.
    fn pointers(&self) -> Vec<(&'static str, &str)> {
        let optional = [
            ("events", &self.events),
            ("id", &self.id),
            ("kind.pointer", &self.kind.pointer),
            ("reader", &self.reader),
            ("reader_name", &self.reader_name),
            ("holder", &self.holder),
            ("person_name", &self.person_name),
            ("person_email", &self.person_email),
        ];
        let mut all: Vec<(&'static str, &str)> = optional
            .into_iter()
            .filter_map(|(key, pointer)| Some((key, pointer.as_deref()?)))
            .collect();
        all.push(("time.pointer", &self.time.pointer));
        all.extend(
            self.id_fields
                .iter()
                .map(|field| ("id_fields", field.as_str())),
        );
        if let Some(ways) = &self.direction {
            all.push(("direction.pointer", &ways.pointer));
        }
        for condition in &self.grant_only_if {
            all.push(("grant_only_if.pointer", &condition.pointer));
        }
        if let Authentication::Body { pointer } = &self.authentication {
            all.push(("authentication.pointer", pointer));
        }
        all
    }
}

/// How times are read, prepared.
#[derive(Debug)]
pub(super) struct Clock {
    format: Format,
    zone: Option<TimeZone>,
}

#[derive(Debug)]
enum Format {
    Auto,
    Iso,
    Number(Unit),
    Pattern(String),
}

impl Clock {
    /// From the settings; `Err` says everything that is wrong.
    pub(super) fn new(time: &Time) -> Result<Self, Vec<String>> {
        let mut problems = Vec::new();
        let zone = time.zone.as_deref().map(stamp::zone).transpose();
        let zone = zone.unwrap_or_else(|problem| {
            problems.push(format!("time.zone: {problem}"));
            None
        });
        let format = match time.format.as_deref().unwrap_or("auto") {
            "auto" => Format::Auto,
            "iso" => Format::Iso,
            "s" => Format::Number(Unit::Seconds),
            "ms" => Format::Number(Unit::Milliseconds),
            "us" => Format::Number(Unit::Microseconds),
            pattern if pattern.contains('%') => {
                if let Err(problem) = check_pattern(pattern, zone.is_some()) {
                    problems.push(format!("time.format: {problem}"));
                }
                Format::Pattern(pattern.to_owned())
            }
            other => {
                problems.push(format!(
                    "time.format = {other:?}: write auto, iso, s, ms, us, or a pattern such as \
                     \"%d.%m.%Y %H:%M:%S\""
                ));
                Format::Auto
            }
        };
        if problems.is_empty() {
            Ok(Self { format, zone })
        } else {
            Err(problems)
        }
    }

    /// A time as it stands in an event.
    pub(super) fn read(&self, value: &Value) -> Result<Interval, String> {
        let zone = self.zone.as_ref();
        match &self.format {
            Format::Auto => stamp::read(value, zone),
            Format::Iso => match value {
                Value::String(text) if stamp::read_number(text.trim(), None).is_none() => {
                    stamp::read_text(text, zone)
                }
                _ => Err("is no ISO 8601 text".to_owned()),
            },
            Format::Number(unit) => {
                let text = match value {
                    Value::Number(number) => number.to_string(),
                    Value::String(text) => text.trim().to_owned(),
                    _ => return Err("is no number".to_owned()),
                };
                stamp::read_number(&text, Some(*unit))
                    .unwrap_or_else(|| Err("is no number".to_owned()))
            }
            Format::Pattern(pattern) => match value {
                Value::String(text) => from_pattern(pattern, text.trim(), zone),
                _ => Err("is no text".to_owned()),
            },
        }
    }
}

/// Whether a pattern can be read at all, and says enough.
fn check_pattern(pattern: &str, has_zone: bool) -> Result<(), String> {
    let sample = jiff::civil::date(2026, 1, 5).at(8, 30, 0, 0);
    let zoned = sample
        .to_zoned(TimeZone::UTC)
        .map_err(|error| error.to_string())?;
    let written =
        strtime::format(pattern, &zoned).map_err(|error| format!("{pattern:?}: {error}"))?;
    let parsed =
        strtime::parse(pattern, &written).map_err(|error| format!("{pattern:?}: {error}"))?;
    if parsed.to_timestamp().is_ok() {
        return Ok(());
    }
    if parsed.to_datetime().is_err() {
        return Err(format!("{pattern:?} lacks a date or a time of day"));
    }
    if !has_zone {
        return Err(format!(
            "{pattern:?} names no zone: set time.zone, for example \"Europe/Berlin\""
        ));
    }
    Ok(())
}

fn from_pattern(pattern: &str, text: &str, zone: Option<&TimeZone>) -> Result<Interval, String> {
    let parsed =
        strtime::parse(pattern, text).map_err(|_| format!("is not written as {pattern:?}"))?;
    let width = stamp::last_digit_ns(text);
    if let Ok(at) = parsed.to_timestamp() {
        return stamp::from_ns(at.as_nanosecond(), width);
    }
    let local: DateTime = parsed
        .to_datetime()
        .map_err(|_| format!("is not written as {pattern:?}"))?;
    let zone = zone.ok_or_else(|| "names no zone, and none is set".to_owned())?;
    stamp::from_local(local, zone, width)
}
