//! Genetec Security Center's Web SDK: requests in the query string, events on a stream.
//!
//! Known from public sources: Basic authentication with `user;ApplicationId`, 403 for a part number
//! that the licence does not have, `Accept: text/json` and `text/xml`, the envelopes `Rsp`/`Status`/
//! `Result`, the queries for entities and reports, the odd extra row when another page exists, that
//! `DoorActivity` takes no page, that the stream is opened before subscribing, its boundary and
//! KeepAlive lines, and `EventType`, `Timestamp` and `SourceGuid` of an event.
//!
//! Invented here, because no source says it: all other fields of events, 401 for a wrong password,
//! the words of failures, the KeepAlive's period (5 s), that subscriptions die with their stream,
//! that times are UTC, that a user may hold two streams before the licence says no, and the fields
//! `AccessPointGroup` and `AccessPointSide` of an access point.
//!
//! Left out: the legacy formats (`application/xml`, `application/jsonrequest`), alarms, video.

mod query;
mod stream;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use self::query::Query;
use self::stream::Connection;
use super::server::{Accounts, Options, Vendor};
use super::stage::Stage;
use super::wire::{self, Boxed, Reply, Request};
use super::{Act, Happening, Kind, Script, Side};
use crate::units::Instant;

/// Streams that the licence allows at once.
const STREAMS: usize = 2;

/// The role's base path.
const BASE: &str = "WebSdk";

/// The ApplicationId of the vendor's samples, which works on demonstration systems only.
const DEMO: &str = "KxsD11z743Hf5Gq9mv3+5ekxzemlCiUXkTFY5ba1NOGcLCmGstt2n0zYE9NsNimv";

/// The fake.
pub(super) struct Genetec {
    accounts: Accounts,
    application: String,
    script: Script,
    stage: Arc<Stage>,
    inner: Mutex<Inner>,
}

#[derive(Default)]
struct Inner {
    connections: Vec<Arc<Connection>>,
    history: Vec<Row>,
    actions: Vec<Value>,
    next: u64,
    streams: u64,
    subscribed: u64,
}

/// Something in the reports.
struct Row {
    occurred: Instant,
    kind: &'static str,
    source: String,
    door: String,
    value: Value,
}

/// An entity as the system knows it.
struct Entity {
    guid: String,
    kind: &'static str,
    fields: Value,
}

impl Genetec {
    pub(super) fn new(options: &Options, stage: &Arc<Stage>) -> Arc<Self> {
        Arc::new(Self {
            accounts: options.accounts(),
            application: options.account.clone(),
            script: options.script.clone(),
            stage: Arc::clone(stage),
            inner: Mutex::default(),
        })
    }

    fn inner(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    // Who asks.

    /// The refusal of somebody who may not ask.
    fn refused(&self, request: &Request) -> Option<Reply> {
        let given = request.header("authorization").unwrap_or_default();
        let given = given
            .strip_prefix("Basic ")
            .and_then(|text| STANDARD.decode(text).ok());
        let given = given
            .and_then(|bytes| String::from_utf8(bytes).ok())
            .unwrap_or_default();
        let (name, password) = given.split_once(':').unwrap_or_default();
        let (user, application) = name.split_once(';').unwrap_or((name, ""));
        if !self.accounts.know(user, password) {
            let why = "The user name or password is incorrect.";
            return Some(wire::with_header(
                failed(request, 401, why),
                "www-authenticate",
                "Basic",
            ));
        }
        if application == self.application {
            return None;
        }
        let why = match application {
            "" => "The ApplicationId is missing from the user name.",
            DEMO => "The GSC-SDK part number is valid on demonstration systems only.",
            _ => "The license does not contain the part number of this ApplicationId.",
        };
        Some(failed(request, 403, why))
    }

    // What there is.

    fn door_guid(&self, door: usize) -> String {
        let said = self.script.doors.get(door).and_then(|door| door.id.clone());
        let name = self
            .script
            .doors
            .get(door)
            .map_or("", |door| door.name.as_str());
        said.unwrap_or_else(|| wire::guid(&["door", name]))
    }

    fn access_point_guid(&self, door: usize, side: Side) -> String {
        let side = if side == Side::In { "in" } else { "out" };
        wire::guid(&["access point", &self.door_guid(door), side])
    }

    fn entities(&self) -> Vec<Entity> {
        let mut all = Vec::new();
        for (place, door) in self.script.doors.iter().enumerate() {
            let guid = self.door_guid(place);
            let points = [Side::In, Side::Out].map(|side| self.access_point_guid(place, side));
            let fields = json!({"Guid": guid, "Name": door.name, "AccessPoints": points});
            all.push(Entity {
                guid: guid.clone(),
                kind: "Door",
                fields,
            });
            for (side, point) in [("In", &points[0]), ("Out", &points[1])] {
                let fields = json!({
                    "Guid": point, "Name": format!("{} - {side}", door.name),
                    "AccessPointGroup": guid, "AccessPointSide": side,
                });
                all.push(Entity {
                    guid: point.clone(),
                    kind: "AccessPoint",
                    fields,
                });
            }
        }
        for user in &self.script.users {
            let (first, last) = user.name.split_once(' ').unwrap_or((&user.name, ""));
            let guid = cardholder(&user.id);
            let fields = json!({
                "Guid": guid, "Name": user.name, "FirstName": first, "LastName": last,
                "EmailAddress": user.email,
            });
            all.push(Entity {
                guid,
                kind: "Cardholder",
                fields,
            });
        }
        all
    }

    /// `report/EntityConfiguration`: GUIDs of entities of some types, in pages.
    fn configuration(&self, query: &Query) -> Result<Value, String> {
        let kinds = query.values("EntityTypes");
        if kinds.is_empty() {
            return Err("EntityTypes is missing.".to_owned());
        }
        let all = self.entities();
        let fits = |entity: &&Entity| kinds.contains(&entity.kind);
        let rows: Vec<Value> = all
            .iter()
            .filter(fits)
            .map(|entity| json!({"Guid": entity.guid}))
            .collect();
        let size = query.number("PageSize").unwrap_or(1000).max(1);
        let page = query.number("Page").unwrap_or(1).max(1);
        // One row too many says that there is another page.
        let rows = rows
            .into_iter()
            .skip((page - 1).saturating_mul(size))
            .take(size + 1);
        Ok(Value::Array(rows.collect()))
    }

    /// `entity?q=entity=<guid>,Field,...`: chosen fields of entities.
    fn chosen(&self, text: &str) -> Result<Value, String> {
        let all = self.entities();
        let mut found = Vec::new();
        for part in text.split("entity=").filter(|part| !part.is_empty()) {
            let mut words = part
                .split(',')
                .map(str::trim)
                .filter(|word| !word.is_empty());
            let guid = words.next().unwrap_or_default();
            let entity = all.iter().find(|entity| same_guid(&entity.guid, guid));
            let entity = entity.ok_or_else(|| format!("Entity {guid} does not exist."))?;
            let fields = words.map(|name| (name.to_owned(), entity.fields[name].clone()));
            found.push(Value::Object(fields.collect()));
        }
        match found.len() {
            0 => Err("The query names no entity.".to_owned()),
            1 => Ok(found.remove(0)),
            _ => Ok(Value::Array(found)),
        }
    }

    /// `report/DoorActivity`: what happened at doors.
    fn activity(&self, query: &Query) -> Result<Value, String> {
        if query.number("Page").is_some() || query.number("PageSize").is_some() {
            return Err("Page and PageSize are not supported by this report.".to_owned());
        }
        let doors = query.values("Doors");
        if doors.is_empty() {
            return Err("Doors is missing.".to_owned());
        }
        let range = query
            .range()
            .ok_or("TimeRange is missing or cannot be read.")?;
        let kinds = query.values("Events");
        let fits = |row: &&Row| {
            doors.iter().any(|door| same_guid(door, &row.door))
                && range.0 <= row.occurred
                && row.occurred <= range.1
                && (kinds.is_empty() || kinds.contains(&row.kind))
        };
        let inner = self.inner();
        let mut rows: Vec<&Row> = inner.history.iter().filter(fits).collect();
        rows.sort_by_key(|row| row.occurred);
        Ok(rows.into_iter().map(|row| row.value.clone()).collect())
    }

    // What happens.

    fn happened(&self, happening: &Happening) {
        let (kind, number, at_reader) = event_type(happening.kind);
        let occurred = self.stage.at(happening.occurred);
        let holder = happening.user.as_deref().map(cardholder);
        for place in &happening.doors {
            let door = self.door_guid(*place);
            let point = self.access_point_guid(*place, happening.side);
            let source = if at_reader { point } else { door.clone() };
            let stamp = wire::iso(occurred, 7);
            let mut event = json!({"EventType": kind, "Timestamp": stamp, "SourceGuid": source});
            let mut row = json!({
                "Timestamp": stamp, "EventType": number, "SourceGuid": source,
                "AccessPointGroupGuid": door, "CardholderGuid": holder,
            });
            if at_reader {
                event["AccessPointGuid"] = json!(source);
                event["AccessPointGroupGuid"] = json!(door);
                event["CardholderGuid"] = json!(holder);
                row["AccessPointGuid"] = json!(source);
            }
            let mut inner = self.inner();
            inner.history.push(Row {
                occurred,
                kind,
                source: source.clone(),
                door: door.clone(),
                value: row,
            });
            for connection in &inner.connections {
                let wanted = connection.wants(kind, &[&source, &door], at_reader);
                if wanted {
                    connection.tell(&self.stage, &event, happening);
                }
            }
        }
    }

    // The stream and its subscriptions.

    fn open(self: &Arc<Self>, request: &Request) -> Reply {
        let xml = wants_xml(request);
        let mut inner = self.inner();
        inner.connections.retain(|connection| connection.is_open());
        if inner.connections.len() >= STREAMS {
            let why = "The license allows no more SDK connections for this part number.";
            return failed(request, 403, why);
        }
        inner.next += 1;
        inner.streams += 1;
        let id = wire::guid(&["connection", &inner.next.to_string()]);
        let (connection, reply) = Connection::open(id, xml, &self.stage);
        inner.connections.push(connection);
        reply
    }

    fn subscribe(&self, text: &str, wanted: bool) -> Result<Value, String> {
        let asked = query::events(text)?;
        let mut inner = self.inner();
        inner.connections.retain(|connection| connection.is_open());
        let Some(connection) = inner.connections.last().map(Arc::clone) else {
            return Err("There is no open event stream for this user.".to_owned());
        };
        let entities = self.entities();
        for (entity, _) in &asked {
            let known = matches!(entity.as_str(), "Door" | "AccessPoint" | "Alarm")
                || entities.iter().any(|known| same_guid(&known.guid, entity));
            if !known {
                return Err(format!("Entity {entity} does not exist."));
            }
        }
        inner.subscribed += u64::from(wanted);
        connection.subscribe(asked, wanted);
        Ok(json!({}))
    }

    fn subscriptions(&self) -> Value {
        let inner = self.inner();
        let all = inner
            .connections
            .iter()
            .filter(|connection| connection.is_open());
        all.flat_map(|connection| connection.subscriptions())
            .collect()
    }

    fn close(&self, id: &str) -> Result<Value, String> {
        let mut inner = self.inner();
        let before = inner.connections.len();
        inner
            .connections
            .retain(|connection| !same_guid(&connection.id, id));
        match inner.connections.len() < before {
            true => Ok(json!({})),
            false => Err("There is no such connection.".to_owned()),
        }
    }

    // What is done.

    fn action(&self, text: &str) -> Result<Value, String> {
        let (name, rest) = text.split_once('(').ok_or("The action cannot be read.")?;
        let inside = rest.strip_suffix(')').ok_or("The action cannot be read.")?;
        let words: Vec<&str> = inside.split(',').collect();
        match (name, words.as_slice()) {
            ("AddCameraBookmark", [_, at, _, ..]) if wire::from_iso(at).is_some() => {}
            ("AddCameraBookmark", _) => return Err("Camera, time and text are needed.".to_owned()),
            (other, _) => return Err(format!("The action {other} is not supported.")),
        }
        self.inner()
            .actions
            .push(json!({"action": name, "arguments": words}));
        Ok(json!({}))
    }

    fn custom_event(&self, id: &str, entity: &str, message: &str) -> Result<Value, String> {
        if id.parse::<u32>().is_err() {
            return Err("A custom event has a number.".to_owned());
        }
        let told = json!({"custom_event": id, "entity": entity, "message": message});
        self.inner().actions.push(told);
        Ok(json!({}))
    }

    fn route(self: Arc<Self>, request: &Request) -> Reply {
        if let Some(reply) = self.refused(request) {
            return reply;
        }
        let path = request.segments();
        let [base, rest @ ..] = path.as_slice() else {
            return wire::empty(404);
        };
        if !base.eq_ignore_ascii_case(BASE) {
            return wire::empty(404);
        }
        if !wants_xml(request) && !wants_json(request) {
            return wire::reply(406, "text/plain", "ask for text/json or text/xml\n");
        }
        let q = request.query("q").unwrap_or_default();
        let query = Query::new(q);
        let result = match (request.method.as_str(), rest) {
            ("GET", []) => Ok(json!({"Product": "Security Center"})),
            ("GET", ["events"]) => return self.open(request),
            ("GET", ["events", "subscribe"]) => self.subscribe(q, true),
            ("GET", ["events", "unsubscribe"]) => self.subscribe(q, false),
            ("GET", ["events", "subscribed"]) => Ok(self.subscriptions()),
            ("POST", ["events", "closeconnection", id]) => self.close(id),
            ("POST", ["events", "RaiseCustomEvent", id, entity, message]) => {
                self.custom_event(id, entity, message)
            }
            ("POST", ["events", "alarmMonitoring", "on" | "off"]) => Ok(json!({})),
            ("GET", ["report", "EntityConfiguration"]) => self.configuration(&query),
            ("GET", ["report", "DoorActivity"]) => self.activity(&query),
            ("GET", ["entity"]) => self.chosen(q),
            ("GET", ["entity", guid]) => {
                let all = self.entities();
                let found = all.into_iter().find(|entity| same_guid(&entity.guid, guid));
                found
                    .map(|entity| entity.fields)
                    .ok_or_else(|| "The entity does not exist.".into())
            }
            ("POST", ["action"]) => self.action(q),
            _ => return wire::empty(404),
        };
        match result {
            Ok(result) => answer(request, 200, "Ok", result),
            Err(why) => failed(request, 200, &why),
        }
    }
}

impl Vendor for Genetec {
    fn act(self: Arc<Self>, act: &Act) {
        match act {
            Act::Event(happening) => self.happened(happening),
            Act::ExpireToken => self.inner().connections.clear(),
            Act::Silence(span) => {
                let until = self.stage.now() + *span;
                let inner = self.inner();
                inner
                    .connections
                    .iter()
                    .for_each(|connection| connection.silence(until));
            }
            _ => {}
        }
    }

    fn handle(self: Arc<Self>, request: Request) -> Boxed<Reply> {
        Box::pin(async move { self.route(&request) })
    }

    fn refusal(&self, status: u16) -> Reply {
        let body = json!({"Rsp": {"Status": "Fail", "Result": {"Message": "Try again later."}}});
        wire::reply(status, "text/json", body.to_string())
    }

    fn state(&self) -> Value {
        let subscriptions = self.subscriptions();
        let inner = self.inner();
        let sources: Vec<&str> = inner
            .history
            .iter()
            .map(|row| row.source.as_str())
            .collect();
        json!({
            "streams": inner.streams,
            "open": inner.connections.iter().filter(|connection| connection.is_open()).count(),
            "subscribed": inner.subscribed,
            "subscriptions": subscriptions,
            "sources": sources,
            "actions": inner.actions,
        })
    }
}

/// Name, number, and whether the event comes from the reader and not from the door.
fn event_type(kind: Kind) -> (&'static str, u16, bool) {
    match kind {
        Kind::Grant => ("AccessGranted", 35, true),
        Kind::Denied => ("AccessRefused", 36, true),
        Kind::UnknownCard => ("AccessUnknownCredential", 33, true),
        Kind::Forced => ("DoorOpenWhileLockSecure", 32, false),
        Kind::Held => ("DoorOpenedForTooLong", 24, false),
        Kind::HeldEnded | Kind::Closed => ("DoorClose", 28, false),
        Kind::Opened => ("DoorOpen", 27, false),
        Kind::ExitRequest => ("DoorRexOn", 22, false),
        Kind::UnlockStarted => ("DoorScheduledUnlock", 851, false),
        Kind::UnlockEnded => ("DoorScheduledLock", 850, false),
    }
}

fn cardholder(user: &str) -> String {
    wire::guid(&["cardholder", user])
}

/// GUIDs are written with dashes, without, or escaped.
fn same_guid(a: &str, b: &str) -> bool {
    let plain = |text: &str| text.replace(['-', '{', '}'], "").to_ascii_lowercase();
    plain(a) == plain(b)
}

fn accepts(request: &Request, kind: &str) -> bool {
    let accept = request.header("accept").unwrap_or_default();
    accept
        .split([',', ';'])
        .any(|word| word.trim().eq_ignore_ascii_case(kind))
}

fn wants_xml(request: &Request) -> bool {
    accepts(request, "text/xml")
}

fn wants_json(request: &Request) -> bool {
    accepts(request, "text/json")
}

fn failed(request: &Request, status: u16, why: &str) -> Reply {
    answer(request, status, "Fail", json!({"Message": why}))
}

fn answer(request: &Request, status: u16, word: &str, result: Value) -> Reply {
    let body = json!({"Rsp": {"Status": word, "Result": result}});
    match wants_xml(request) {
        true => wire::reply(status, "text/xml; charset=utf-8", stream::xml(&body)),
        false => wire::reply(status, "text/json; charset=utf-8", body.to_string()),
    }
}
