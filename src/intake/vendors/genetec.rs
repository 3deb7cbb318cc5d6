//! Genetec Security Center: one item of the Web SDK's event stream, or an answer with rows of the
//! DoorActivity report.
//!
//! Certain: an item says `EventType`, `Timestamp` and `SourceGuid`, as JSON on one line or as an XML
//! document inside `Rsp` and `Result`; the source of `AccessGranted` is the access point, which may be
//! one side of a door. Seen elsewhere: the numbers of the event types, a legacy `<event>`, `Type` and
//! `SourceEntity` for the first and last of the three, the columns of the report. Unknown: every other
//! field of an item, and whether a report's time is local; so extra fields are looked at by several
//! likely names and needed by nobody, and a time without its offset is read only with a zone set.
//!
//! No id is certain. The key of an event is a hash of its type's name, its source and its time to the
//! millisecond, which the stream and the report both have; for access granted or refused at a time
//! without a fraction (a controller that counts whole seconds) of the cardholder too, so that two
//! people within one second are two.

use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::tz::TimeZone;
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::Value;

use super::fields::{at, each, event, first_id, first_name, id, name, person, reported};
use super::{Kind, Way, xml};
use crate::access::AccessKind;
use crate::crossing::Direction;
use crate::intake::canonical::Key;
use crate::intake::{
    AccessPoint, Adapter, Delivery, Notice, Personal, Reading, Refusal, Reported, Unreadable, stamp,
};
use crate::units::Interval;

/// How far into a body its first bracket may stand: servers put a mark or a line before it.
const MAX_PREFIX: usize = 256;

/// Genetec Security Center, over its Web SDK.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct GenetecSettings {
    /// The zone of times that name none, for example `Europe/Berlin`. Without it such events cannot be
    /// read.
    #[serde(default)]
    pub zone: Option<String>,
    /// Access points by hand, where the list that the server gives does not say enough.
    #[serde(default)]
    pub access_points: Vec<AccessPointSettings>,
    /// What further event types mean, by name, or what known ones mean here. `DoorUnlock` and
    /// `DoorManuallyUnlocked` come with every passage on some systems and mean nothing by default.
    #[serde(default)]
    pub kinds: BTreeMap<String, Kind>,
}

/// One side of a door.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct AccessPointSettings {
    /// GUID of the access point.
    pub id: String,
    /// GUID of the door that it belongs to.
    #[serde(default)]
    pub door: Option<String>,
    /// Which way it lets people pass.
    #[serde(default)]
    pub way: Option<Way>,
}

impl GenetecSettings {
    /// Adds the access points that the server lists; what was set by hand stands.
    pub fn learn(&mut self, points: &[AccessPoint]) {
        let places = self.access_points.iter().enumerate();
        let mut places: BTreeMap<String, usize> = places
            .map(|(place, known)| (guid(&known.id), place))
            .collect();
        for point in points {
            let way = point.direction.map(Way::from);
            let id = guid(&point.id);
            if let Some(place) = places.get(&id) {
                let known = &mut self.access_points[*place];
                known.door = known.door.take().or_else(|| point.door.clone());
                known.way = known.way.or(way);
                continue;
            }
            self.access_points.push(AccessPointSettings {
                id: id.clone(),
                door: point.door.clone(),
                way,
            });
            places.insert(id, self.access_points.len() - 1);
        }
    }
}

/// The adapter.
#[derive(Debug)]
pub(super) struct Genetec {
    settings: GenetecSettings,
    zone: Option<TimeZone>,
    points: BTreeMap<String, Point>,
    kinds: BTreeMap<String, AccessKind>,
}

#[derive(Debug)]
struct Point {
    door: Option<String>,
    direction: Option<Direction>,
}

impl Genetec {
    /// From the settings.
    pub(super) fn new(settings: &GenetecSettings) -> Result<Self, Vec<String>> {
        let mut problems = Vec::new();
        let zone = settings.zone.as_deref().map(stamp::zone).transpose();
        let zone = zone.unwrap_or_else(|problem| {
            problems.push(format!("zone: {problem}"));
            None
        });
        let mut points = BTreeMap::new();
        for point in &settings.access_points {
            if point.id.trim().is_empty() {
                problems.push("access_points: an id is empty".to_owned());
            }
            let place = Point {
                door: point.door.as_deref().map(guid),
                direction: point.way.map(Direction::from),
            };
            if points.insert(guid(&point.id), place).is_some() {
                problems.push(format!("access_points: {:?} stands there twice", point.id));
            }
        }
        let kind = |(word, kind): (&String, &Kind)| (word.to_lowercase(), (*kind).into());
        let kinds = settings.kinds.iter().map(kind).collect();
        if !problems.is_empty() {
            return Err(problems);
        }
        Ok(Self {
            settings: settings.clone(),
            zone,
            points,
            kinds,
        })
    }
}

impl Adapter for Genetec {
    fn vendor(&self) -> &'static str {
        "genetec"
    }

    /// Nothing is ever pushed: what the driver fetched over its own connection is not asked.
    fn authenticate(&self, _delivery: &Delivery) -> Result<(), Refusal> {
        Err(Refusal::Missing)
    }

    fn read(&self, delivery: &Delivery) -> Result<Reading, Unreadable> {
        let text = body_text(&delivery.body)?;
        if text.eq_ignore_ascii_case("keepalive") {
            return Ok(Reading {
                events: Vec::new(),
                notices: vec![Notice::KeepAlive],
            });
        }
        if text.to_ascii_lowercase().starts_with("connectionid:") {
            return Ok(Reading::default());
        }
        let root = document(text)?;
        let items = items(&root)?;
        each(&items, |item, reading| {
            self.read_item(delivery, item, reading)
        })
    }

    fn personal(&self) -> Personal {
        Personal::hiding([
            "CardholderName",
            "Cardholder/Name",
            "Cardholder/FullName",
            "FirstName",
            "LastName",
            "EmailAddress",
        ])
    }

    fn taught(&self, points: &[AccessPoint]) -> Option<Arc<dyn Adapter>> {
        let mut settings = self.settings.clone();
        // Which way a side leads is for who places events: what a [[door]] says of it comes first.
        let points = points.iter().cloned();
        let sideless = points.map(|point| AccessPoint {
            direction: None,
            ..point
        });
        settings.learn(&sideless.collect::<Vec<_>>());
        let taught = Self::new(&settings).ok()?;
        Some(Arc::new(taught))
    }
}

fn body_text(body: &[u8]) -> Result<&str, Unreadable> {
    let body = body.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(body);
    let text = std::str::from_utf8(body)
        .map_err(|error| Unreadable::at(&error.valid_up_to().to_string(), "no UTF-8 text"))?;
    Ok(text.trim())
}

/// JSON or XML, whatever the server puts before it.
fn document(text: &str) -> Result<Value, Unreadable> {
    let start = text
        .find(['{', '[', '<'])
        .filter(|start| *start <= MAX_PREFIX)
        .ok_or_else(|| Unreadable::new("neither JSON nor XML"))?;
    let text = &text[start..];
    if text.starts_with('<') {
        return xml::parse(text);
    }
    serde_json::from_str(text).map_err(|error| Unreadable::new(format!("no JSON: {error}")))
}

/// A field by its name in any case: the legacy formats write names in lower case.
fn field<'a>(value: &'a Value, name: &str) -> Option<&'a Value> {
    let fields = value.as_object()?;
    let found = fields
        .iter()
        .find(|(known, _)| known.eq_ignore_ascii_case(name));
    found
        .map(|(_, value)| value)
        .filter(|value| !value.is_null())
}

fn first<'a>(value: &'a Value, names: &[&str]) -> Option<&'a Value> {
    names.iter().find_map(|name| field(value, name))
}

/// The items of an answer, each with where it stands.
fn items(root: &Value) -> Result<Vec<(String, &Value)>, Unreadable> {
    let root = field(root, "WebSdk").unwrap_or(root);
    let Some(answer) = field(root, "Rsp") else {
        let item = field(root, "event").filter(|item| item.is_object());
        return Ok(vec![(String::new(), item.unwrap_or(root))]);
    };
    let result = first(answer, &["Result", "QueryResult"]);
    let status = name(field(answer, "Status")).unwrap_or_default();
    if status.eq_ignore_ascii_case("fail") {
        let why = result.and_then(|result| name(field(result, "Message")));
        let why = why.unwrap_or_else(|| "no reason given".to_owned());
        return Err(Unreadable::new(format!("the server answered Fail: {why}")));
    }
    let Some(result) = result else {
        return Err(Unreadable::at("/Rsp/Result", "is missing"));
    };
    let inner = first(result, &["Rows", "Row"]).unwrap_or(result);
    match inner {
        Value::Array(rows) => {
            let place = |(index, row)| (format!("/Rsp/Result/{index}"), row);
            Ok(rows.iter().enumerate().map(place).collect())
        }
        // A report or a list without rows.
        Value::String(text) if text.trim().is_empty() => Ok(Vec::new()),
        row => Ok(vec![("/Rsp/Result".to_owned(), row)]),
    }
}

impl Genetec {
    fn read_item(
        &self,
        delivery: &Delivery,
        item: &Value,
        reading: &mut Reading,
    ) -> Result<(), Unreadable> {
        for alarm in ["AlarmTriggered", "AlarmAcknowledge"] {
            if let Some(body) = field(item, alarm) {
                reading.events.push(self.alarm(delivery, alarm, item, body));
                return Ok(());
            }
        }
        let kind = type_name(first(item, &["EventType", "Type"]))
            .ok_or_else(|| Unreadable::at("/EventType", "names no event type"))?;
        let nothing = Value::Null;
        let stamp = first(item, &["Timestamp", "TimeStamp"]).unwrap_or(&nothing);
        let occurred = stamp::read(stamp, self.zone.as_ref())
            .map_err(|what| Unreadable::at("/Timestamp", what))?;
        let source = entity(first(item, &["SourceGuid", "SourceEntity", "Source"]))
            .ok_or_else(|| Unreadable::at("/SourceGuid", "names no source"))?;
        let holder = entity(first(item, &["CardholderGuid", "Cardholder"]));
        let key = key_of_fields(&kind, &source, occurred, holder.as_deref());
        let point = self.points.get(&source);
        let access = self.access_kind(&kind);
        let mut event = event(delivery, key, access, Some(source), occurred);
        event.direction = point.and_then(|point| point.direction);
        event.holder = holder;
        let group = first(item, &["AccessPointGroupGuid", "DoorGuid"]);
        let person_of = first(item, &["Cardholder"]).unwrap_or(&nothing);
        reading.events.push(Reported {
            reader_name: name(first(item, &["SourceName", "AccessPointName"])),
            door: point
                .and_then(|point| point.door.clone())
                .or_else(|| entity(group)),
            person: person(
                name(first(item, &["CardholderName"]))
                    .or_else(|| first_name(person_of, &["/Name", "/FullName"])),
                first_name(person_of, &["/EmailAddress"]),
            ),
            ..reported(event, &kind)
        });
        Ok(())
    }

    /// An alarm is no event at a door: it is kept, at the time it came if it says none.
    fn alarm(&self, delivery: &Delivery, kind: &str, item: &Value, body: &Value) -> Reported {
        let nothing = Value::Null;
        let stamp = field(body, "Timestamp").or_else(|| field(item, "Timestamp"));
        let occurred = stamp::read(stamp.unwrap_or(&nothing), self.zone.as_ref())
            .unwrap_or(Interval::exact(delivery.received));
        let key = Key::new("genetec alarm 1").json("item", item).finish();
        let reader = entity(first(body, &["SourceGuid", "SourceEntity", "AlarmGuid"]));
        let event = event(delivery, key, AccessKind::Other, reader, occurred);
        reported(event, kind)
    }

    fn access_kind(&self, kind: &str) -> AccessKind {
        if let Some(kind) = self.kinds.get(&kind.to_lowercase()) {
            return *kind;
        }
        match kind {
            "AccessGranted" => AccessKind::Granted,
            "AccessRefused" | "AccessUnknownCredential" => AccessKind::Denied,
            "DoorRexOn" => AccessKind::RequestToExit,
            "DoorOpenedForTooLong" => AccessKind::HeldOpen,
            "DoorOpen" => AccessKind::Opened,
            "DoorClose" => AccessKind::Closed,
            "DoorForcedOpen" | "DoorOpenWhileLockSecure" => AccessKind::ForcedOpen,
            "DoorScheduledUnlock" => AccessKind::UnlockStarted,
            "DoorScheduledLock" => AccessKind::UnlockEnded,
            // `CardholderAccessGranted` tells the same passage again, from the cardholder's side.
            _ => AccessKind::Other,
        }
    }
}

/// The numbers of event types that concern doors, as the report and older servers give them.
const TYPES: [(&str, &str); 23] = [
    ("10", "CardholderAccessGranted"),
    ("11", "CardholderAccessRefused"),
    ("22", "DoorRexOn"),
    ("23", "DoorRexOff"),
    ("24", "DoorOpenedForTooLong"),
    ("27", "DoorOpen"),
    ("28", "DoorClose"),
    ("29", "DoorForcedOpen"),
    ("30", "DoorLock"),
    ("31", "DoorUnlock"),
    ("32", "DoorOpenWhileLockSecure"),
    ("33", "AccessUnknownCredential"),
    ("35", "AccessGranted"),
    ("36", "AccessRefused"),
    ("850", "DoorScheduledLock"),
    ("851", "DoorScheduledUnlock"),
    ("853", "DoorManuallyUnlocked"),
    ("854", "DoorDoubleBadgeOn"),
    ("855", "DoorDoubleBadgeOff"),
    ("1043", "VideoAnalyticsTailgating"),
    ("2448", "DoorNoEntryDetected"),
    ("2449", "CardholderNoEntryDetectedAccessGrantedNoEntry"),
    ("2480", "DoorEntryDetected"),
];

/// The name of an event type, whether it is given by name or by number.
fn type_name(value: Option<&Value>) -> Option<String> {
    let given = name(value)?;
    let known = |(number, name): &&(&str, &str)| *number == given || *name == given;
    match TYPES.iter().find(known) {
        Some((_, name)) => Some((*name).to_owned()),
        None => Some(given),
    }
}

/// The GUID of an entity, given alone or as an object.
fn entity(value: Option<&Value>) -> Option<String> {
    let value = value?;
    let given = id(Some(value))
        .or_else(|| first_id(value, &["/Guid", "/guid", "/Id"]))
        .or_else(|| id(at(value, "/#text")))?;
    Some(guid(&given)).filter(|guid| guid != NOBODY)
}

/// The GUID that stands for none.
const NOBODY: &str = "00000000-0000-0000-0000-000000000000";

/// One spelling of a GUID: lower case with dashes, whatever was written around it. What is none stays
/// as it is.
pub(crate) fn guid(text: &str) -> String {
    let text = text.trim();
    let digits: String = text
        .chars()
        .filter(|c| !matches!(c, '-' | '{' | '}'))
        .collect();
    if digits.len() != 32 || !digits.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return text.to_owned();
    }
    let digits = digits.to_ascii_lowercase();
    let parts = [0..8, 8..12, 12..16, 16..20, 20..32].map(|range| &digits[range]);
    parts.join("-")
}

fn key_of_fields(kind: &str, source: &str, occurred: Interval, holder: Option<&str>) -> String {
    let ms = occurred.lo.as_us().div_euclid(1_000);
    let whole = ms.rem_euclid(1_000) == 0 && kind.starts_with("Access");
    Key::new("genetec 1")
        .field("type", Some(kind))
        .field("source", Some(source))
        .field("ms", Some(&ms.to_string()))
        .field("holder", holder.filter(|_| whole))
        .finish()
}
