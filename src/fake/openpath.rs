//! Openpath (Avigilon Alta Access): REST with tokens, and webhooks with a handshake.
//!
//! Known from public sources: the log-in and its answer, the lists and their envelope, the activity
//! report with its cursor and filter, the handshake, the body of a delivery up to `siteIds`, and the
//! names of the events.
//!
//! Invented here, because no source says it: how long a token lives (an hour), that a refresh needs
//! a token that is still valid, how often a delivery is tried (at once, after 10 and after 60 s),
//! the fields of a user in a delivery, the status codes of failures, and the bodies of all events
//! other than `entry.unlocked`.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use serde_json::{Value, json};

use super::server::{Accounts, FakeError, Options, Vendor};
use super::stage::{Stage, Work};
use super::webhook::Sender;
use super::wire::{self, Boxed, Reply, Request};
use super::{Act, Happening, Kind, Script};
use crate::units::{Instant, Span};

/// How long a token is valid.
const TOKEN_LIFE: Span = Span::from_ms(3_600_000);

/// When a delivery that failed is tried again.
const TRIES_AFTER: [Span; 2] = [Span::from_ms(10_000), Span::from_ms(60_000)];

/// The first entry's id, where the script says none.
const FIRST_ENTRY: usize = 9543;

/// Without a filter the activity report covers a day.
const DEFAULT_WINDOW: Span = Span::from_ms(86_400_000);

/// Events to which one can subscribe; ids count from 1.
const HOOK_EVENTS: [&str; 11] = [
    "entry.authenticated",
    "entry.authenticated.failed",
    "entry.authorized",
    "entry.authorized.failed",
    "entry.forcedOpen",
    "entry.unlocked",
    "entry.unlocked.failed",
    "entry.ajar.started",
    "entry.ajar.ended",
    "contactSensor.stateChanged",
    "contactSensor.eolStateChanged",
];

/// The fake.
pub(super) struct Openpath {
    org: u64,
    accounts: Accounts,
    script: Script,
    sender: Sender,
    inner: Mutex<Inner>,
}

#[derive(Default)]
struct Inner {
    tokens: Vec<(String, Instant)>,
    subscriptions: Vec<Subscription>,
    /// Rows of the activity report, in the order in which the vendor learned of them.
    activity: Vec<Row>,
    next: u64,
    delivered: u64,
    failed: u64,
}

#[derive(Clone)]
struct Subscription {
    id: u64,
    event: String,
    name: String,
    target: String,
    active: bool,
}

struct Row {
    occurred: Instant,
    ui: Value,
    hook: Value,
}

impl Openpath {
    pub(super) fn new(options: &Options, stage: &Arc<Stage>) -> Result<Arc<Self>, FakeError> {
        Ok(Arc::new(Self {
            org: options.account.parse().unwrap_or(2181),
            accounts: options.accounts(),
            script: options.script.clone(),
            sender: Sender::new("Openpath", stage)?,
            inner: Mutex::default(),
        }))
    }

    fn inner(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn now(&self) -> Instant {
        self.sender.stage().now()
    }

    // Log-in.

    fn log_in(&self, request: &Request) -> Reply {
        let body = request.json().unwrap_or_default();
        let text = |field: &str| body[field].as_str().unwrap_or_default();
        match self.accounts.know(text("email"), text("password")) {
            true => self.new_token(),
            false => trouble(401, "UnauthorizedError", "Incorrect email or password"),
        }
    }

    fn new_token(&self) -> Reply {
        let expires = self.now() + TOKEN_LIFE;
        let mut inner = self.inner();
        inner.next += 1;
        let claims = json!({
            "exp": expires.as_us() / 1_000_000,
            "iat": self.now().as_us() / 1_000_000,
            "n": inner.next,
        });
        let part = |text: String| URL_SAFE_NO_PAD.encode(text);
        let head = part(r#"{"alg":"none","typ":"JWT"}"#.to_owned());
        let token = format!(
            "{head}.{}.{}",
            part(claims.to_string()),
            part(inner.next.to_string())
        );
        inner.tokens.push((token.clone(), expires));
        let scopes = json!([{"org": {"id": self.org}, "scope": [format!("o{}-outboundWebhooks:w", self.org)]}]);
        wire::json(
            201,
            &json!({"data": {"token": token, "tokenScopeList": scopes}}),
        )
    }

    /// The refusal of somebody who may not ask.
    fn refused(&self, request: &Request) -> Option<Reply> {
        let Some(given) = request.header("authorization") else {
            return Some(trouble(401, "TokenNotFoundError", "No token was given"));
        };
        let basic = given
            .strip_prefix("Basic ")
            .and_then(|text| STANDARD.decode(text).ok());
        let basic = basic.and_then(|bytes| String::from_utf8(bytes).ok());
        let pair = basic.as_deref().and_then(|text| text.split_once(':'));
        if pair.is_some_and(|(user, password)| self.accounts.know(user, password)) {
            return None;
        }
        let given = given.strip_prefix("Bearer ").unwrap_or(given);
        let inner = self.inner();
        let known = inner.tokens.iter().find(|(token, _)| token == given);
        match known {
            None => Some(trouble(401, "JsonWebTokenError", "invalid token")),
            Some((_, expires)) if *expires <= self.now() => {
                Some(trouble(401, "TokenExpiredError", "jwt expired"))
            }
            Some(_) => None,
        }
    }

    // Lists.

    fn entry_id(&self, door: usize) -> u64 {
        let said = self
            .script
            .doors
            .get(door)
            .and_then(|door| door.id.as_ref());
        let said = said.and_then(|id| id.parse().ok());
        said.unwrap_or((FIRST_ENTRY + door) as u64)
    }

    fn entries(&self) -> Vec<Value> {
        let entry = |(place, door): (usize, &super::Door)| {
            let id = self.entry_id(place);
            json!({
                "id": id,
                "opal": self.opal("entry", id),
                "name": door.name,
                "acu": {"id": 3951, "name": "ACU 1"},
                "zone": {"id": 8734, "name": "Ground floor", "site": {"id": 2685, "name": "Main site"}},
                "entryState": {"id": 2, "name": "Convenience"},
                "cameras": [],
                "isMusterPoint": false,
            })
        };
        self.script.doors.iter().enumerate().map(entry).collect()
    }

    fn users(&self) -> Vec<Value> {
        let user = |user: &super::User| {
            let (first, last) = user.name.split_once(' ').unwrap_or((&user.name, ""));
            json!({
                "id": number(&user.id),
                "opal": self.opal("user", number(&user.id)),
                "status": "A",
                "identity": {
                    "firstName": first, "lastName": last, "fullName": user.name,
                    "email": user.email,
                },
                "groups": [], "sites": [],
            })
        };
        self.script.users.iter().map(user).collect()
    }

    fn opal(&self, what: &str, id: impl std::fmt::Display) -> String {
        format!("opal:prod:helium:alpha:{}:{what}:{id}", self.org)
    }

    // The activity report.

    fn report(&self, request: &Request) -> Reply {
        let filter = request.query("filter").unwrap_or_default();
        let now_s = self.now().as_us() / 1_000_000;
        let window = match filter.is_empty() {
            true => Some((now_s - DEFAULT_WINDOW.as_us() / 1_000_000, now_s)),
            false => time_filter(filter),
        };
        let Some((from_s, to_s)) = window else {
            return trouble(
                400,
                "BadRequestError",
                "the filter must be uiData.time:(from-to)",
            );
        };
        let limit = request.number("limit", 1000, 30_000).max(1);
        let cursor = request.query("cursor").filter(|cursor| !cursor.is_empty());
        let skip = match cursor.map(|cursor| cursor_place(cursor, filter)) {
            None => 0,
            Some(Some(place)) => place,
            Some(None) => {
                let why = "the cursor belongs to another filter";
                return trouble(400, "BadRequestError", why);
            }
        };
        let only_ui = request
            .query("options")
            .is_some_and(|options| options.contains("uiDataOnly"));
        let inner = self.inner();
        let within = |row: &&Row| {
            let at = row.occurred.as_us().div_euclid(1_000_000);
            from_s <= at && at <= to_s
        };
        let mut rows: Vec<&Row> = inner.activity.iter().filter(within).collect();
        rows.sort_by_key(|row| row.occurred);
        let total = rows.len();
        let page: Vec<Value> = rows
            .into_iter()
            .skip(skip)
            .take(limit)
            .map(|row| match only_ui {
                true => json!({"uiData": row.ui}),
                false => json!({"uiData": row.ui, "hookEvent": row.hook}),
            })
            .collect();
        let next = skip + page.len();
        let more = next < total;
        let cursor = more.then(|| STANDARD.encode(format!("{next} {filter}")));
        wire::json(
            200,
            &json!({
                "totalCount": total,
                "filteredCount": total,
                "cursors": {"nextCursor": cursor, "hasNextPage": more},
                "data": page,
            }),
        )
    }

    // Subscriptions.

    async fn subscribe(&self, request: &Request) -> Reply {
        let body = request.json().unwrap_or_default();
        let by_id = body["hookEventId"]
            .as_u64()
            .and_then(|id| HOOK_EVENTS.get((id as usize).checked_sub(1)?));
        let event = by_id.copied().or_else(|| body["hookEventName"].as_str());
        let Some(event) = event.filter(|event| HOOK_EVENTS.contains(event)) else {
            return trouble(
                400,
                "BadRequestError",
                "hookEventId or hookEventName is not known",
            );
        };
        let target = body["targetUrl"].as_str().unwrap_or_default();
        if !(8..=1000).contains(&target.len()) {
            return trouble(
                400,
                "BadRequestError",
                "targetUrl must have 8 to 1000 characters",
            );
        }
        if let Err(why) = self.shake_hands(target).await {
            return trouble(400, "BadRequestError", &why);
        }
        let mut inner = self.inner();
        inner.next += 1;
        let new = Subscription {
            id: inner.next,
            event: event.to_owned(),
            name: body["name"].as_str().unwrap_or_default().to_owned(),
            target: target.to_owned(),
            active: true,
        };
        inner.subscriptions.push(new.clone());
        wire::json(201, &json!({"data": told(&new)}))
    }

    /// A target is taken only if it gives back the secret that it is sent.
    async fn shake_hands(&self, target: &str) -> Result<(), String> {
        let secret = {
            let mut inner = self.inner();
            inner.next += 1;
            hex::encode(wire::made_up(&["hook secret", &inner.next.to_string()]))
        };
        let headers = [("x-hook-secret", secret.clone())];
        let answer = self.sender.post(target, &headers, Vec::new()).await;
        let answer = answer.ok_or("the target does not answer")?;
        let echo = answer.headers.get("x-hook-secret");
        match answer.status == 200 && echo.is_some_and(|echo| echo == secret.as_str()) {
            true => Ok(()),
            false => {
                Err("the target did not answer 200 with the X-Hook-Secret it was sent".to_owned())
            }
        }
    }

    fn change(&self, id: &str, request: &Request) -> Reply {
        let body = request.json().unwrap_or_default();
        let mut inner = self.inner();
        let found = inner
            .subscriptions
            .iter_mut()
            .find(|known| known.id.to_string() == id);
        let Some(found) = found else {
            return trouble(404, "NotFoundError", "no such subscription");
        };
        if let Some(active) = body["isActive"].as_bool() {
            found.active = active;
        }
        wire::json(200, &json!({"data": told(found)}))
    }

    fn remove(&self, id: &str) -> Reply {
        let mut inner = self.inner();
        let before = inner.subscriptions.len();
        inner
            .subscriptions
            .retain(|known| known.id.to_string() != id);
        match inner.subscriptions.len() < before {
            true => wire::empty(204),
            false => trouble(404, "NotFoundError", "no such subscription"),
        }
    }

    // What happens.

    fn happened(self: &Arc<Self>, happening: &Happening) {
        let request_id = {
            let mut inner = self.inner();
            inner.next += 1;
            format!("25203{:05}", inner.next)
        };
        let chain = chain(happening.kind);
        for (place, (event, status)) in chain.iter().enumerate() {
            // A touch takes a moment to be authorized, and the lock a moment to open.
            let occurred =
                self.sender.stage().at(happening.occurred) + Span::from_ms(40 * place as i64);
            let hook = self.hook(happening, event, status, &request_id, occurred);
            if place + 1 == chain.len() {
                self.log(happening, status, &hook, occurred);
            }
            self.send(event, &hook, happening);
        }
    }

    /// The body of a delivery.
    fn hook(
        &self,
        happening: &Happening,
        event: &str,
        status: &str,
        request_id: &str,
        occurred: Instant,
    ) -> Value {
        let ids: Vec<u64> = happening
            .doors
            .iter()
            .map(|door| self.entry_id(*door))
            .collect();
        let entry = |(place, id): (&usize, &u64)| {
            json!({
                "entryStateCode": "convenience", "id": id,
                "name": self.script.doors.get(*place).map(|door| &door.name),
                "opal": self.opal("entry", id), "siteId": 2685, "zoneId": 8734,
            })
        };
        let entries: Vec<Value> = happening.doors.iter().zip(&ids).map(entry).collect();
        let opals: Vec<String> = ids.iter().map(|id| self.opal("entry", id)).collect();
        let details: Vec<Value> = ids
            .iter()
            .map(|id| json!({"entryId": id, "statusDetail": status}))
            .collect();
        let mut data = json!({
            "acu": {"id": 3951, "name": "ACU 1", "opal": self.opal("acu", 3951)},
            "acuId": 3951,
            "acuOpal": self.opal("acu", 3951),
            "entries": entries,
            "entryIds": ids,
            "entryOpals": opals,
            "org": {"id": self.org, "name": "Example", "opal": self.opal("org", self.org)},
            "orgId": self.org,
            "orgOpal": self.opal("org", self.org),
            "siteIds": [2685],
        });
        let asked = !status.is_empty();
        if asked && let Some(data) = data.as_object_mut() {
            data.insert("connectionType".into(), json!("BLE"));
            data.insert("entryStatusDetails".into(), json!(details));
            data.insert("requestId".into(), json!(request_id));
            data.insert("requestStatusDetail".into(), json!(status));
            let requested = self.sender.stage().at(happening.occurred);
            data.insert(
                "requestTimestamp".into(),
                json!(requested.as_us() / 1_000_000),
            );
            data.insert("requestType".into(), json!("touch-two-factor"));
            if let Some(user) = &happening.user {
                data.insert("userId".into(), json!(number(user)));
            }
        }
        if let Some(data) = data
            .as_object_mut()
            .filter(|_| event.starts_with("contactSensor"))
        {
            let open = happening.kind == Kind::Opened;
            data.insert("state".into(), json!(if open { "open" } else { "closed" }));
        }
        json!({"data": data, "event": event, "timestamp": seconds(occurred)})
    }

    fn log(&self, happening: &Happening, status: &str, hook: &Value, occurred: Instant) {
        let user = happening.user.as_ref();
        let known = user.and_then(|id| self.script.users.iter().find(|user| user.id == *id));
        let good = status.starts_with("SUCCESS");
        for door in &happening.doors {
            let ui = json!({
                "time": seconds(occurred),
                "timeIsoString": wire::iso(occurred, 3),
                "userId": user.map(|id| number(id)),
                "userName": known.map(|user| &user.name),
                "userEmail": known.and_then(|user| user.email.as_ref()),
                "entryId": self.entry_id(*door),
                "entryName": self.script.doors.get(*door).map(|door| &door.name),
                "acuId": 3951, "siteId": 2685, "zoneId": 8734,
                "requestType": hook["data"]["requestType"],
                "requestId": hook["data"]["requestId"],
                "result": if status.is_empty() { Value::Null } else if good { json!("granted") } else { json!("denied") },
                "resultDescription": status,
                "deniedReason": if good || status.is_empty() { Value::Null } else { json!(status) },
                "connectionType": hook["data"]["connectionType"],
            });
            let hook = hook.clone();
            self.inner().activity.push(Row { occurred, ui, hook });
        }
    }

    fn send(self: &Arc<Self>, event: &str, hook: &Value, happening: &Happening) {
        let wanted = |known: &&Subscription| known.active && known.event == event;
        let targets: Vec<Subscription> = self
            .inner()
            .subscriptions
            .iter()
            .filter(wanted)
            .cloned()
            .collect();
        for subscription in targets {
            for _ in 0..happening.copies {
                let work = self.sender.stage().work();
                let (body, late) = (hook.to_string().into_bytes(), happening.late);
                tokio::spawn(Arc::clone(self).deliver(work, subscription.clone(), body, late));
            }
        }
    }

    async fn deliver(self: Arc<Self>, work: Work, to: Subscription, body: Vec<u8>, late: Span) {
        let at = work.stage().now() + late;
        let mut work = work.until(at).await;
        let headers = [("content-type", "application/json".to_owned())];
        for again in std::iter::once(None).chain(TRIES_AFTER.map(Some)) {
            if let Some(after) = again {
                let at = work.stage().now() + after;
                work = work.until(at).await;
            }
            let answer = self.sender.post(&to.target, &headers, body.clone()).await;
            if answer.is_some_and(|answer| answer.is_good()) {
                self.inner().delivered += 1;
                return;
            }
        }
        self.inner().failed += 1;
    }

    async fn route(self: Arc<Self>, request: Request) -> Reply {
        let path = request.segments();
        match (request.method.as_str(), path.as_slice()) {
            ("POST", ["auth", "login"]) => return self.log_in(&request),
            ("POST", ["auth", "refreshLogin"]) => {
                let refused = self.refused(&request);
                return refused.unwrap_or_else(|| self.new_token());
            }
            _ => {}
        }
        if let Some(reply) = self.refused(&request) {
            return reply;
        }
        let ["orgs", org, rest @ ..] = path.as_slice() else {
            return trouble(404, "NotFoundError", "no such path");
        };
        if *org != self.org.to_string() {
            return trouble(
                403,
                "ForbiddenError",
                "the token is not for this organisation",
            );
        }
        match (request.method.as_str(), rest) {
            ("GET", ["entries"]) => list(&request, self.entries()),
            ("GET", ["users"]) => list(&request, self.users()),
            ("GET", ["users", id]) => {
                let found = self
                    .users()
                    .into_iter()
                    .find(|user| user["id"].as_u64() == id.parse().ok());
                match found {
                    Some(user) => wire::json(200, &json!({"data": user})),
                    None => trouble(404, "NotFoundError", "no such user"),
                }
            }
            ("GET", ["hookEvents"]) => {
                let event = |(place, name): (usize, &&str)| json!({"id": place + 1, "name": name, "fieldMap": {}});
                list(
                    &request,
                    HOOK_EVENTS.iter().enumerate().map(event).collect(),
                )
            }
            ("GET", ["subscriptions"]) => {
                let all = self.inner().subscriptions.iter().map(told).collect();
                list(&request, all)
            }
            ("POST", ["subscriptions"]) => self.subscribe(&request).await,
            ("PATCH", ["subscriptions", id]) => self.change(id, &request),
            ("DELETE", ["subscriptions", id]) => self.remove(id),
            ("GET", ["reports", "activity", "events"]) => self.report(&request),
            _ => trouble(404, "NotFoundError", "no such path"),
        }
    }
}

impl Vendor for Openpath {
    fn act(self: Arc<Self>, act: &Act) {
        match act {
            Act::Event(happening) => self.happened(happening),
            Act::ExpireToken => {
                let now = self.now();
                self.inner()
                    .tokens
                    .iter_mut()
                    .for_each(|(_, expires)| *expires = now);
            }
            Act::DisableWebhook => {
                self.inner()
                    .subscriptions
                    .iter_mut()
                    .for_each(|known| known.active = false);
            }
            _ => {}
        }
    }

    fn handle(self: Arc<Self>, request: Request) -> Boxed<Reply> {
        Box::pin(self.route(request))
    }

    fn refusal(&self, status: u16) -> Reply {
        match status {
            429 => trouble(429, "TooManyRequestsError", "slow down"),
            status => trouble(status, "InternalServerError", "something went wrong"),
        }
    }

    fn state(&self) -> Value {
        let inner = self.inner();
        json!({
            "subscriptions": inner.subscriptions.iter().map(told).collect::<Vec<_>>(),
            "activity": inner.activity.len(),
            "delivered": inner.delivered,
            "failed": inner.failed,
            "tokens": inner.tokens.len(),
        })
    }
}

/// The events that one happening causes, each with its status code.
fn chain(kind: Kind) -> &'static [(&'static str, &'static str)] {
    const GOOD: &str = "SUCCESS__ACCESS_GRANTED";
    match kind {
        Kind::Grant => &[
            ("entry.authenticated", GOOD),
            ("entry.authorized", GOOD),
            ("entry.unlocked", GOOD),
        ],
        Kind::Denied => &[
            ("entry.authenticated", "FAILURE__ACCESS_DENIED"),
            ("entry.authorized.failed", "FAILURE__ACCESS_DENIED"),
        ],
        Kind::UnknownCard => &[("entry.authenticated.failed", "FAILURE__UNKNOWN_CREDENTIAL")],
        Kind::Forced => &[("entry.forcedOpen", "")],
        Kind::Held => &[("entry.ajar.started", "")],
        Kind::HeldEnded => &[("entry.ajar.ended", "")],
        Kind::Opened | Kind::Closed => &[("contactSensor.stateChanged", "")],
        Kind::ExitRequest | Kind::UnlockStarted | Kind::UnlockEnded => &[],
    }
}

fn told(known: &Subscription) -> Value {
    json!({
        "id": known.id,
        "hookEvent": {"name": known.event},
        "hookEventName": known.event,
        "name": known.name,
        "targetUrl": known.target,
        "isActive": known.active,
        "isVisible": true,
    })
}

fn trouble(status: u16, name: &str, message: &str) -> Reply {
    wire::json(
        status,
        &json!({"statusCode": status, "name": name, "error": name, "message": message}),
    )
}

/// A page of a list.
fn list(request: &Request, all: Vec<Value>) -> Reply {
    let (limit, offset) = (
        request.number("limit", 100, 1000),
        request.number("offset", 0, 20_000),
    );
    let total = all.len();
    let page: Vec<Value> = all.into_iter().skip(offset).take(limit).collect();
    wire::json(
        200,
        &json!({"totalCount": total, "filteredCount": total, "data": page}),
    )
}

/// Reads `uiData.time:(from-to)`, whole seconds.
fn time_filter(filter: &str) -> Option<(i64, i64)> {
    let range = filter.strip_prefix("uiData.time:(")?.strip_suffix(')')?;
    let (from, to) = range.split_once('-')?;
    Some((from.trim().parse().ok()?, to.trim().parse().ok()?))
}

fn cursor_place(cursor: &str, filter: &str) -> Option<usize> {
    let text = String::from_utf8(STANDARD.decode(cursor).ok()?).ok()?;
    let (place, of) = text.split_once(' ')?;
    (of == filter).then(|| place.parse().ok())?
}

/// Whole seconds as whole numbers, everything else with its milliseconds.
fn seconds(at: Instant) -> Value {
    match at.as_us() % 1_000_000 {
        0 => json!(at.as_us() / 1_000_000),
        _ => json!((at.as_us() / 1000) as f64 / 1e3),
    }
}

/// An id of the script as a number, as all ids are here.
fn number(id: &str) -> u64 {
    let hash = wire::made_up(&[id]);
    id.parse()
        .unwrap_or(u64::from(hash[0]) << 8 | u64::from(hash[1]))
}
