//! Kisi: REST with an API key, signed webhooks sent at least once, event sets.
//!
//! Known from public sources: all paths, the paging with its header, the body of a delivery, the
//! signature (its hexadecimal form is an inference), the five requests a second, the fields of an
//! integration, and that one that fails is disabled.
//!
//! Invented here, because no source says it: when a delivery is tried again (after 5, 30 and 300 s),
//! that three deliveries given up in a row disable an integration, how long an event set is in
//! progress (a second), and the error codes of refused unlocks.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use hmac::{Hmac, KeyInit, Mac};
use serde_json::{Value, json};
use sha2::Sha256;

use super::server::{Accounts, FakeError, Options, Vendor};
use super::stage::{Stage, Work};
use super::webhook::Sender;
use super::wire::{self, Boxed, Reply, Request};
use super::{Act, Happening, Kind, Script};
use crate::units::{Instant, Span};

/// Requests that one key may make in a second.
const A_SECOND: usize = 5;

/// When a delivery that failed is tried again.
const TRIES_AFTER: [Span; 3] = [
    Span::from_ms(5_000),
    Span::from_ms(30_000),
    Span::from_ms(300_000),
];

/// So many deliveries given up in a row disable an integration.
const GIVEN_UP: u32 = 3;

/// How long an event set is in progress.
const SET_TAKES: Span = Span::from_ms(1_000);

/// How long it is kept.
const SET_LIVES: Span = Span::from_ms(86_400_000);

/// The longest time that an event set may cover.
const SET_SPAN: Span = Span::from_ms(90 * 86_400_000);

/// The first lock's id, where the script says none.
const FIRST_LOCK: usize = 101;

/// The only place.
const PLACE: u64 = 5;

/// Event types that can be subscribed to.
const TYPES: [&str; 18] = [
    "lock.unlock",
    "lock.opened",
    "lock.closed",
    "lock.locked",
    "lock.forced_open",
    "lock.held_open",
    "lock.tailgate",
    "lock.first_to_arrive",
    "lock.last_to_leave",
    "lock.lock_down",
    "lock.scheduled_unlock_started",
    "lock.scheduled_unlock_ended",
    "reader.access",
    "wireless_lock.unlocked",
    "wireless_lock.opened",
    "wireless_lock.closed",
    "integration.warn_due_to_error",
    "integration.disable_due_to_error",
];

/// The fake.
pub(super) struct Kisi {
    organization: u64,
    accounts: Accounts,
    script: Script,
    sender: Sender,
    inner: Mutex<Inner>,
}

#[derive(Default)]
struct Inner {
    integrations: Vec<Integration>,
    events: Vec<(Instant, Value)>,
    sets: Vec<EventSet>,
    asked: Vec<Instant>,
    next: u64,
    delivered: u64,
    given_up: u64,
    refused: u64,
}

#[derive(Clone)]
struct Integration {
    id: u64,
    name: String,
    url: String,
    enabled: bool,
    events: Vec<String>,
    key: Option<String>,
    disabled_at: Option<Instant>,
    given_up: u32,
}

struct EventSet {
    id: u64,
    made: Instant,
    events: Vec<Value>,
}

impl Kisi {
    pub(super) fn new(options: &Options, stage: &Arc<Stage>) -> Result<Arc<Self>, FakeError> {
        Ok(Arc::new(Self {
            organization: options.account.parse().unwrap_or(77),
            accounts: options.accounts(),
            script: options.script.clone(),
            sender: Sender::new("Kisi", stage)?,
            inner: Mutex::default(),
        }))
    }

    fn inner(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn now(&self) -> Instant {
        self.sender.stage().now()
    }

    fn lock_id(&self, door: usize) -> u64 {
        let said = self
            .script
            .doors
            .get(door)
            .and_then(|door| door.id.as_ref());
        said.and_then(|id| id.parse().ok())
            .unwrap_or((FIRST_LOCK + door) as u64)
    }

    /// At most five requests a second.
    fn within_rate(&self) -> bool {
        let now = self.now();
        let mut inner = self.inner();
        inner
            .asked
            .retain(|asked| now.since(*asked) < Span::from_ms(1_000));
        if inner.asked.len() >= A_SECOND {
            inner.refused += 1;
            return false;
        }
        inner.asked.push(now);
        true
    }

    // Lists.

    fn locks(&self) -> Vec<Value> {
        let lock = |(place, door): (usize, &super::Door)| {
            json!({
                "id": self.lock_id(place), "name": door.name, "place_id": PLACE,
                "place": {"id": PLACE, "name": "Main site"}, "online": true,
                "organization_id": self.organization,
            })
        };
        self.script.doors.iter().enumerate().map(lock).collect()
    }

    fn members(&self) -> Vec<Value> {
        let member = |user: &super::User| {
            json!({
                "id": number(&user.id) + 100_000, "user_id": number(&user.id), "name": user.name,
                "email": user.email, "organization_id": self.organization, "confirmed": true,
                "user": {"id": number(&user.id), "name": user.name, "email": user.email},
            })
        };
        self.script.users.iter().map(member).collect()
    }

    fn told(&self, known: &Integration) -> Value {
        json!({
            "id": known.id, "name": known.name, "type": "event_webhook", "url": known.url,
            "enabled": known.enabled, "enabled_events": known.events,
            "disabled_due_to_error": known.disabled_at.is_some(),
            "disabled_due_to_error_at": known.disabled_at.map(|at| wire::iso(at, 0)),
            "organization_id": self.organization, "place_id": PLACE,
        })
    }

    // Integrations.

    fn integrate(&self, request: &Request) -> Reply {
        let body = request.json().unwrap_or_default();
        let given = &body["integration"];
        let missing = ["name", "type", "url"]
            .into_iter()
            .find(|field| given[*field].as_str().is_none_or(str::is_empty));
        if let Some(field) = missing {
            return trouble(422, &format!("{field} can't be blank"));
        }
        let mut inner = self.inner();
        inner.next += 1;
        let mut new = Integration {
            id: inner.next,
            name: String::new(),
            url: String::new(),
            enabled: true,
            events: Vec::new(),
            key: None,
            disabled_at: None,
            given_up: 0,
        };
        new.set(given);
        inner.integrations.push(new.clone());
        wire::json(201, &self.told(&new))
    }

    fn integration(&self, method: &str, id: &str, request: &Request) -> Reply {
        let mut inner = self.inner();
        let place = inner
            .integrations
            .iter()
            .position(|known| known.id.to_string() == id);
        let Some(place) = place else {
            return trouble(404, "Not found");
        };
        match method {
            "GET" => wire::json(200, &self.told(&inner.integrations[place])),
            "DELETE" => {
                inner.integrations.remove(place);
                wire::empty(204)
            }
            _ => {
                let body = request.json().unwrap_or_default();
                inner.integrations[place].set(&body["integration"]);
                wire::empty(204)
            }
        }
    }

    // Event sets.

    fn new_set(&self, request: &Request) -> Reply {
        let body = request.json().unwrap_or_default();
        let asked = &body["event_set"];
        let interval = asked["interval"]
            .as_str()
            .and_then(|text| text.split_once('/'));
        let ends =
            interval.and_then(|(from, to)| Some((wire::from_iso(from)?, wire::from_iso(to)?)));
        let Some((from, to)) = ends.filter(|(from, to)| from <= to) else {
            return trouble(422, "interval is invalid");
        };
        if to.since(from) > SET_SPAN {
            return trouble(422, "interval is too long");
        }
        let fits = |(at, event): &&(Instant, Value)| {
            let same =
                |field: &str, name: &str| asked[field].is_null() || asked[field] == event[name];
            from <= *at
                && *at <= to
                && same("event_type", "type")
                && same("event_success", "success")
                && same("place_id", "place_id")
        };
        let made = self.now();
        let mut inner = self.inner();
        let mut events: Vec<_> = inner.events.iter().filter(fits).cloned().collect();
        events.sort_by_key(|(at, _)| *at);
        inner.next += 1;
        let id = inner.next;
        let events = events.into_iter().map(|(_, event)| event).collect();
        inner.sets.push(EventSet { id, made, events });
        wire::json(
            201,
            &json!({"id": id, "status": "in_progress", "cursor": null, "events": []}),
        )
    }

    fn set(&self, id: &str, request: &Request) -> Reply {
        let now = self.now();
        let mut inner = self.inner();
        inner.sets.retain(|set| now.since(set.made) < SET_LIVES);
        let Some(set) = inner.sets.iter().find(|set| set.id.to_string() == id) else {
            return trouble(404, "Not found");
        };
        if now.since(set.made) < SET_TAKES {
            let body = json!({"id": set.id, "status": "in_progress", "cursor": null, "events": []});
            return wire::json(200, &body);
        }
        let skip = request.number("cursor", 0, usize::MAX);
        let limit = request.number("limit", 50, 250).max(1);
        let page: Vec<&Value> = set.events.iter().skip(skip).take(limit).collect();
        let next = skip.saturating_add(page.len());
        let cursor = (next < set.events.len()).then(|| next.to_string());
        let body = json!({"id": set.id, "status": "finished", "cursor": cursor, "events": page});
        wire::json(200, &body)
    }

    // What happens.

    fn happened(self: &Arc<Self>, happening: &Happening) {
        let Some((kind, success)) = kind(happening.kind) else {
            return;
        };
        let sequence = {
            let mut inner = self.inner();
            inner.next += 1;
            wire::guid(&["sequence", &inner.next.to_string()])
        };
        for door in &happening.doors {
            let (hook, full) = self.event(happening, *door, kind, success, &sequence);
            let occurred = self.sender.stage().at(happening.occurred);
            self.inner().events.push((occurred, full));
            self.send(kind, &hook, happening.copies, happening.late);
        }
    }

    /// The body of a delivery, and the richer form in event sets.
    fn event(
        &self,
        happening: &Happening,
        door: usize,
        kind: &str,
        success: bool,
        sequence: &str,
    ) -> (Value, Value) {
        let uuid = {
            let mut inner = self.inner();
            inner.next += 1;
            wire::guid(&["event", &inner.next.to_string()])
        };
        let user = happening.user.as_ref();
        let known = user.and_then(|id| self.script.users.iter().find(|user| user.id == *id));
        let occurred = self.sender.stage().at(happening.occurred);
        let refused = match happening.kind {
            Kind::Denied => (json!("access_denied"), json!("Access denied")),
            Kind::UnknownCard => (json!("unknown_credential"), json!("Credential not found")),
            _ => (Value::Null, Value::Null),
        };
        let hook = json!({
            "uuid": uuid,
            "actor_type": user.map(|_| "User"),
            "actor_id": user.map(|id| number(id)),
            "actor_name": known.map(|user| &user.name),
            "object_type": "Lock",
            "object_id": self.lock_id(door),
            "object_name": self.script.doors.get(door).map(|door| &door.name),
            "organization_id": self.organization,
            "place_id": PLACE,
            "success": success,
            "type": kind,
            "error_code": refused.0,
            "error_message": refused.1,
            "created_at": wire::iso(occurred, 0),
        });
        let mut full = hook.clone();
        if let Some(full) = full.as_object_mut() {
            full.insert(
                "actor_email".into(),
                json!(known.and_then(|user| user.email.as_ref())),
            );
            full.insert("authenticated_by_type".into(), json!(user.map(|_| "Card")));
            full.insert(
                "authenticated_by_id".into(),
                json!(user.map(|id| number(id) + 500)),
            );
            full.insert("action".into(), json!(kind.rsplit('.').next()));
            full.insert("sequence".into(), json!(sequence));
            full.insert("message".into(), json!(null));
        }
        (hook, full)
    }

    fn send(self: &Arc<Self>, kind: &str, hook: &Value, copies: u32, late: Span) {
        let wanted =
            |known: &&Integration| known.enabled && known.events.iter().any(|event| event == kind);
        let ids: Vec<u64> = self
            .inner()
            .integrations
            .iter()
            .filter(wanted)
            .map(|known| known.id)
            .collect();
        for id in ids {
            for _ in 0..copies {
                let (work, body) = (self.sender.stage().work(), hook.to_string().into_bytes());
                tokio::spawn(Arc::clone(self).deliver(work, id, body, late));
            }
        }
    }

    async fn deliver(self: Arc<Self>, work: Work, id: u64, body: Vec<u8>, late: Span) {
        let at = work.stage().now() + late;
        let mut work = work.until(at).await;
        for again in std::iter::once(None).chain(TRIES_AFTER.map(Some)) {
            if let Some(after) = again {
                let at = work.stage().now() + after;
                work = work.until(at).await;
            }
            // What is signed is signed anew: the key may have been changed meanwhile.
            let Some((url, headers)) = self.target(id, &body) else {
                return;
            };
            let answer = self.sender.post(&url, &headers, body.clone()).await;
            if answer.is_some_and(|answer| answer.is_good()) {
                let mut inner = self.inner();
                inner.delivered += 1;
                let known = inner.integrations.iter_mut().find(|known| known.id == id);
                known.into_iter().for_each(|known| known.given_up = 0);
                return;
            }
        }
        self.give_up(id);
    }

    /// Where to, and with which headers; `None` once it is disabled.
    fn target(&self, id: u64, body: &[u8]) -> Option<(String, Vec<(&'static str, String)>)> {
        let inner = self.inner();
        let known = inner
            .integrations
            .iter()
            .find(|known| known.id == id && known.enabled)?;
        let mut headers = vec![("content-type", "application/json".to_owned())];
        if let Some(key) = &known.key {
            let mut mac = Hmac::<Sha256>::new_from_slice(key.as_bytes()).ok()?;
            mac.update(body);
            let mac = hex::encode(mac.finalize().into_bytes());
            headers.push(("x-signature", format!("sha256={mac}")));
        }
        Some((known.url.clone(), headers))
    }

    /// Counts a delivery that was given up, and says so to whoever wants to know.
    fn give_up(self: &Arc<Self>, id: u64) {
        let now = self.now();
        let notice = {
            let mut inner = self.inner();
            inner.given_up += 1;
            inner.next += 1;
            let uuid = wire::guid(&["notice", &inner.next.to_string()]);
            let Some(known) = inner.integrations.iter_mut().find(|known| known.id == id) else {
                return;
            };
            known.given_up += 1;
            let over = known.given_up >= GIVEN_UP;
            if over {
                known.enabled = false;
                known.disabled_at = Some(now);
            }
            let word = if over { "disable" } else { "warn" };
            json!({
                "uuid": uuid, "actor_type": null, "actor_id": null, "actor_name": null,
                "object_type": "Integration", "object_id": id, "object_name": known.name,
                "organization_id": self.organization, "place_id": PLACE, "success": true,
                "type": format!("integration.{word}_due_to_error"), "error_code": null,
                "error_message": null, "created_at": wire::iso(now, 0),
            })
        };
        let kind = notice["type"].as_str().unwrap_or_default().to_owned();
        self.inner().events.push((now, notice.clone()));
        self.send(&kind, &notice, 1, Span::ZERO);
    }

    fn route(&self, request: &Request) -> Reply {
        let given = request.header("authorization").unwrap_or_default();
        let key = given.strip_prefix("KISI-LOGIN ");
        if !key.is_some_and(|key| self.accounts.know_password(key)) {
            return trouble(401, "Authentication is required");
        }
        if !self.within_rate() {
            return wire::with_header(self.refusal(429), "retry-after", "1");
        }
        match (request.method.as_str(), request.segments().as_slice()) {
            ("GET", ["user"]) => wire::json(200, &json!({"id": 1, "name": "API", "email": null})),
            ("GET", ["locks"]) => page(request, self.locks()),
            ("GET", ["places"]) => page(
                request,
                vec![json!({
                    "id": PLACE, "name": "Main site", "organization_id": self.organization,
                })],
            ),
            ("GET", ["members"]) => {
                let wanted = request.query("user_id");
                let fits = |member: &Value| {
                    wanted.is_none_or(|id| member["user_id"].as_u64() == id.parse().ok())
                };
                page(request, self.members().into_iter().filter(fits).collect())
            }
            ("GET", ["users"]) => {
                let users = self
                    .members()
                    .iter()
                    .map(|member| member["user"].clone())
                    .collect();
                page(request, users)
            }
            ("GET", ["events", "types"]) => {
                page(request, TYPES.iter().map(|name| json!(name)).collect())
            }
            ("GET", ["integrations"]) => {
                let all = self
                    .inner()
                    .integrations
                    .iter()
                    .map(|known| self.told(known))
                    .collect();
                page(request, all)
            }
            ("POST", ["integrations"]) => self.integrate(request),
            (method @ ("GET" | "PATCH" | "PUT" | "DELETE"), ["integrations", id]) => {
                self.integration(method, id, request)
            }
            ("POST", ["event_sets"]) => self.new_set(request),
            ("GET", ["event_sets", id]) => self.set(id, request),
            _ => trouble(404, "Not found"),
        }
    }
}

impl Integration {
    /// Takes over what is given; enabling it forgives its failures.
    fn set(&mut self, given: &Value) {
        let text = |field: &str| given[field].as_str().map(str::to_owned);
        self.name = text("name").unwrap_or(std::mem::take(&mut self.name));
        self.url = text("url").unwrap_or(std::mem::take(&mut self.url));
        self.key = text("signature_key").or(self.key.take());
        if let Some(events) = given["enabled_events"].as_array() {
            let names = events.iter().filter_map(Value::as_str);
            self.events = names.map(str::to_owned).collect();
        }
        if let Some(enabled) = given["enabled"].as_bool() {
            self.enabled = enabled;
            if enabled {
                self.disabled_at = None;
                self.given_up = 0;
            }
        }
    }
}

impl Vendor for Kisi {
    fn act(self: Arc<Self>, act: &Act) {
        match act {
            Act::Event(happening) => self.happened(happening),
            Act::DisableWebhook => {
                let now = self.now();
                for known in &mut self.inner().integrations {
                    known.enabled = false;
                    known.disabled_at = Some(now);
                }
            }
            _ => {}
        }
    }

    fn handle(self: Arc<Self>, request: Request) -> Boxed<Reply> {
        Box::pin(async move { self.route(&request) })
    }

    fn refusal(&self, status: u16) -> Reply {
        match status {
            429 => trouble(429, "Rate limit exceeded"),
            status => trouble(status, "Internal server error"),
        }
    }

    fn state(&self) -> Value {
        let inner = self.inner();
        json!({
            "integrations": inner.integrations.iter().map(|known| self.told(known)).collect::<Vec<_>>(),
            "events": inner.events.len(),
            "delivered": inner.delivered,
            "given_up": inner.given_up,
            "refused": inner.refused,
        })
    }
}

/// The event type of what happened and whether it succeeded; Kisi reports no exit requests.
fn kind(kind: Kind) -> Option<(&'static str, bool)> {
    Some(match kind {
        Kind::Grant => ("lock.unlock", true),
        Kind::Denied | Kind::UnknownCard => ("lock.unlock", false),
        Kind::Forced => ("lock.forced_open", true),
        Kind::Held => ("lock.held_open", true),
        Kind::Opened => ("lock.opened", true),
        Kind::Closed => ("lock.closed", true),
        Kind::UnlockStarted => ("lock.scheduled_unlock_started", true),
        Kind::UnlockEnded => ("lock.scheduled_unlock_ended", true),
        Kind::HeldEnded | Kind::ExitRequest => return None,
    })
}

fn trouble(status: u16, error: &str) -> Reply {
    let code = hex::encode(&wire::made_up(&[error])[..3]);
    wire::json(status, &json!({"error": error, "code": code}))
}

/// A page of a list, with its place in the whole in a header.
fn page(request: &Request, all: Vec<Value>) -> Reply {
    let (limit, offset) = (
        request.number("limit", 10, 250),
        request.number("offset", 0, 20_000),
    );
    let total = all.len();
    let page: Vec<Value> = all.into_iter().skip(offset).take(limit).collect();
    let last = (offset + page.len()).saturating_sub(1);
    let reply = wire::json(200, &Value::Array(page));
    wire::with_header(
        reply,
        "x-collection-range",
        &format!("{offset}-{last}/{total}"),
    )
}

/// An id of the script as a number, as all ids are here.
fn number(id: &str) -> u64 {
    let hash = wire::made_up(&[id]);
    id.parse()
        .unwrap_or(u64::from(hash[0]) << 8 | u64::from(hash[1]))
}
