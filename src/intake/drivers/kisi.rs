//! Kisi: lists locks, creates the webhook, notices that it was switched off, reads event sets.
//!
//! Events come as signed webhooks. Kisi switches a webhook off that fails; the driver looks at it
//! every five minutes, says so, switches it on again and reads what was missed from event sets. Five
//! requests a second are all that a key has; and a key that nobody uses for two weeks ends, so that
//! it is used once a day at least (the rounds do so many times over).

use reqwest::Method;
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;

use super::http::{Call, Http, Limiter, Reply, Trouble, base_url, encoded, odd};
use super::openpath::Connected;
use super::reconcile::Reconcile;
use super::{Context, Ended, Failure, Gap};
use crate::intake::{AccessPoint, Headers, Person, Secret};
use crate::units::{Instant, Interval, Span};
use crate::wire::Trust;

/// Where the API is.
pub const API: &str = "https://api.kisi.io";

/// Reported unless the site says otherwise.
pub const EVENTS: [&str; 7] = [
    "lock.unlock",
    "lock.held_open",
    "lock.forced_open",
    "lock.opened",
    "lock.closed",
    "lock.scheduled_unlock_started",
    "lock.scheduled_unlock_ended",
];

/// Requests that a key may make in a second.
const A_SECOND: usize = 5;

/// Things asked for at once: the most that Kisi gives.
const LIST_PAGE: usize = 250;

/// Events of a set asked for at once.
const SET_PAGE: usize = 50;

/// The longest time that one event set may cover; Kisi allows 90 days.
const SET_SPAN: Span = Span::from_ms(89 * 86_400_000);

/// How often an unfinished event set is looked at again.
const LOOK_AGAIN: Span = Span::from_ms(2_000);

/// A set that takes longer than so many looks is given up until the next round.
const MOST_LOOKS: u32 = 60;

/// More pages than this are not one answer but a loop.
const MOST_PAGES: usize = 20_000;

/// An account at Kisi.
#[derive(Debug, Clone)]
pub struct KisiAccount {
    /// The API's address, [`API`] for most.
    pub api: String,
    /// Whose certificates are believed.
    pub trust: Trust,
    /// The API key.
    pub key: Secret,
    /// The place whose events are read; all places of the key without it.
    pub place: Option<u64>,
    /// Where Kisi reaches us; without it only event sets are read.
    pub webhook: Option<String>,
    /// With what Kisi signs what it sends.
    pub signature_key: Option<Secret>,
    /// The events to report, [`EVENTS`] for most.
    pub events: Vec<String>,
}

/// The driver.
#[derive(Debug)]
pub struct Kisi {
    account: KisiAccount,
    http: Http,
}

/// What Kisi says of our webhook.
enum Webhook {
    Missing,
    Off { id: String, since: Option<String> },
    On { id: String, events: Vec<String> },
}

impl Kisi {
    /// A driver for an account. `Err`: what is wrong with the settings.
    pub fn new(mut account: KisiAccount) -> Result<Self, Vec<String>> {
        let mut problems = Vec::new();
        match base_url(&account.api) {
            Ok(api) => account.api = api,
            Err(problem) => problems.push(format!("api: {problem}")),
        }
        if let Some(Err(problem)) = account.webhook.as_deref().map(base_url) {
            problems.push(format!("webhook: {problem}"));
        }
        let http = Http::new(&account.trust, Some(Limiter::new(A_SECOND)));
        match http.map_err(|problem| problems.push(problem)) {
            Ok(http) if problems.is_empty() => {
                let key = account.signature_key.iter().chain([&account.key]);
                let http = http.hiding(key.cloned().collect());
                Ok(Self { account, http })
            }
            _ => Err(problems),
        }
    }

    /// Works until it is stopped or the sink breaks.
    pub async fn run(&self, context: Context, stop: CancellationToken) -> Ended {
        let ended = stop.run_until_cancelled(self.forever(&context)).await;
        ended.unwrap_or(Ended::Stopped)
    }

    async fn forever(&self, context: &Context) -> Ended {
        let mut reconcile = Reconcile::default();
        let (mut failures, mut heard) = (0, context.now());
        loop {
            match self.round(context, &mut reconcile, heard).await {
                Ok(gap) => {
                    failures = 0;
                    heard = context.now();
                    context.pause(gap).await;
                }
                Err(Failure::SinkBroken(why)) => return Ended::SinkBroken(why),
                Err(Failure::Trouble(trouble)) => {
                    tracing::warn!("{}: {trouble}", context.source);
                    if self.account.webhook.is_none() {
                        let why = trouble.to_string();
                        context
                            .sink
                            .contact_lost(&context.source, heard, &why)
                            .await;
                    }
                    context.rest(&trouble, failures).await;
                    failures += 1;
                }
            }
        }
    }

    /// Lists, checks and reads once. `heard`: when the last round went well.
    async fn round(
        &self,
        context: &Context,
        reconcile: &mut Reconcile,
        heard: Instant,
    ) -> Result<Gap, Failure> {
        let mut gap = Gap::None;
        let points = self.access_points(context).await?;
        context.sink.access_points(&context.source, points).await;
        if let Some(url) = &self.account.webhook {
            let why = match self.webhook(context, url).await? {
                Webhook::On { .. } => None,
                Webhook::Missing => Some("Kisi has no webhook that leads here".to_owned()),
                Webhook::Off { since, .. } => Some(match since {
                    Some(since) => format!(
                        "Kisi has switched the webhook off at {since}, since it could not deliver"
                    ),
                    None => "the webhook is switched off at Kisi".to_owned(),
                }),
            };
            if let Some(why) = why {
                context
                    .sink
                    .contact_lost(&context.source, heard, &why)
                    .await;
                self.connect(context).await?;
                gap = Gap::Ended;
            }
        }
        let window = reconcile.window(context);
        self.back_fill(context, window).await?;
        context
            .sink
            .contact_back(&context.source, context.now())
            .await;
        reconcile.done(context, window).await;
        Ok(gap)
    }

    /// The locks: what events call `object_id`.
    pub async fn access_points(&self, context: &Context) -> Result<Vec<AccessPoint>, Trouble> {
        let of_place = self.account.place.map(|place| format!("place_id={place}"));
        let rows = self.list(context, "locks", of_place.as_deref()).await?;
        let point = |row: &Value| {
            Some(AccessPoint {
                id: row["id"].as_u64()?.to_string(),
                name: row["name"].as_str().unwrap_or_default().to_owned(),
                door: None,
                direction: None,
            })
        };
        Ok(rows.iter().filter_map(point).collect())
    }

    /// Who a user is. Only for sites that allow names.
    pub async fn person(&self, context: &Context, user: &str) -> Result<Option<Person>, Trouble> {
        let wanted = format!("user_id={}", encoded(user));
        let rows = self.list(context, "members", Some(&wanted)).await?;
        let person = |row: &Value| {
            let text = |field: &str| {
                let inside = &row["user"][field];
                row[field]
                    .as_str()
                    .or_else(|| inside.as_str())
                    .map(str::to_owned)
            };
            Person {
                name: text("name"),
                email: text("email"),
            }
        };
        Ok(rows.first().map(person))
    }

    /// Makes one cheap call, so that the key stays alive.
    pub async fn keep_alive(&self, context: &Context) -> Result<(), Trouble> {
        self.call(context, Call::get(self.url("user")))
            .await
            .map(drop)
    }

    /// Creates the webhook, or puts the one that is there in order: on, with all events and our key.
    pub async fn connect(&self, context: &Context) -> Result<Connected, Trouble> {
        let Some(url) = &self.account.webhook else {
            let what = "there is no webhook address to connect: name the one that Kisi reaches";
            return Err(Trouble::Refused(what.to_owned()));
        };
        let mut wanted = json!({
            "name": "Tailgate", "type": "event_webhook", "url": url, "enabled": true,
            "enabled_events": self.account.events,
        });
        if let Some(key) = &self.account.signature_key {
            wanted["signature_key"] = json!(String::from_utf8_lossy(key.expose()));
        }
        let body = Some(json!({"integration": wanted}));
        let mut done = Connected::default();
        let call = match self.webhook(context, url).await? {
            Webhook::Missing => {
                done.created = 1;
                Call::send(Method::POST, self.url("integrations"), body)
            }
            Webhook::On { id, events } => {
                let all = self
                    .account
                    .events
                    .iter()
                    .all(|event| events.contains(event));
                done.kept = usize::from(all);
                done.repaired = usize::from(!all);
                // The key is not shown, so it is always set: this is how it is changed, too.
                Call::send(Method::PATCH, self.url(&format!("integrations/{id}")), body)
            }
            Webhook::Off { id, .. } => {
                done.repaired = 1;
                Call::send(Method::PATCH, self.url(&format!("integrations/{id}")), body)
            }
        };
        let reply = self.call(context, call).await?;
        match reply.is_good() {
            true => Ok(done),
            false => Err(Trouble::Refused(format!(
                "Kisi did not take the webhook ({}): {}. The key's user must be an administrator of \
                 the organisation",
                reply.status,
                reply.words()
            ))),
        }
    }

    async fn webhook(&self, context: &Context, url: &str) -> Result<Webhook, Trouble> {
        let all = self.list(context, "integrations", None).await?;
        let ours = |row: &&Value| row["type"] == "event_webhook" && row["url"] == url;
        let Some(row) = all.iter().find(ours) else {
            return Ok(Webhook::Missing);
        };
        let id = row["id"].to_string().trim_matches('"').to_owned();
        if row["enabled"] == false || row["disabled_due_to_error"] == true {
            let since = row["disabled_due_to_error_at"].as_str().map(str::to_owned);
            return Ok(Webhook::Off { id, since });
        }
        let events = row["enabled_events"].as_array().into_iter().flatten();
        let events = events
            .filter_map(Value::as_str)
            .map(str::to_owned)
            .collect();
        Ok(Webhook::On { id, events })
    }

    /// Stores what event sets hold of some time, page by page, as it comes.
    pub(super) async fn back_fill(&self, context: &Context, of: Interval) -> Result<(), Failure> {
        let mut from = of.lo;
        while from < of.hi {
            let to = (from + SET_SPAN).min(of.hi);
            for event in &self.account.events {
                self.event_set(context, event, Interval::new(from, to))
                    .await?;
            }
            from = to;
        }
        Ok(())
    }

    async fn event_set(&self, context: &Context, event: &str, of: Interval) -> Result<(), Failure> {
        let interval = format!("{}/{}", iso(of.lo, false), iso(of.hi, true));
        let mut wanted = json!({"interval": interval, "event_type": event});
        if let Some(place) = self.account.place {
            wanted["place_id"] = json!(place);
        }
        let body = Some(json!({"event_set": wanted}));
        let reply = self
            .call(
                context,
                Call::send(Method::POST, self.url("event_sets"), body),
            )
            .await?;
        let made = reply.json()?;
        let id = made["id"].to_string().trim_matches('"').to_owned();
        if !reply.is_good() || id == "null" {
            return Err(odd("an event set", &reply));
        }
        let (mut looks, mut cursor) = (0, String::new());
        for _ in 0..MOST_PAGES {
            let path = format!("event_sets/{}?limit={SET_PAGE}", encoded(&id));
            let url = match cursor.as_str() {
                "" => self.url(&path),
                cursor => self.url(&format!("{path}&cursor={}", encoded(cursor))),
            };
            let reply = self.call(context, Call::get(url)).await?;
            let set = reply.json()?;
            match set["status"].as_str().filter(|_| reply.is_good()) {
                Some("in_progress") if looks < MOST_LOOKS => {
                    looks += 1;
                    context.clock.sleep(LOOK_AGAIN).await;
                    continue;
                }
                Some("finished") => {}
                _ => return Err(odd("an event set", &reply)),
            }
            if set["events"]
                .as_array()
                .is_some_and(|events| !events.is_empty())
            {
                context
                    .store("backfill", Headers::default(), reply.body)
                    .await?;
            }
            match text(&set["cursor"]) {
                Some(next) if next != cursor => cursor = next,
                Some(_) => break,
                None => return Ok(()),
            }
        }
        let what = "an event set does not end: its cursor leads nowhere";
        Err(Failure::Trouble(Trouble::Odd(what.to_owned())))
    }

    /// All rows of a list, as far as the header says there are more.
    async fn list(
        &self,
        context: &Context,
        what: &str,
        filter: Option<&str>,
    ) -> Result<Vec<Value>, Trouble> {
        let mut all: Vec<Value> = Vec::new();
        let filter = filter
            .map(|filter| format!("&{filter}"))
            .unwrap_or_default();
        for _ in 0..MOST_PAGES {
            let offset = all.len();
            let url = self.url(&format!("{what}?limit={LIST_PAGE}&offset={offset}{filter}"));
            let reply = self.call(context, Call::get(url)).await?;
            let body = reply.json()?;
            let Some(rows) = body.as_array().filter(|_| reply.is_good()) else {
                let words = reply.words();
                return Err(Trouble::Odd(format!(
                    "the list of {what} ({}): {words}",
                    reply.status
                )));
            };
            all.extend(rows.iter().cloned());
            let total = total(&reply).unwrap_or(0);
            if rows.is_empty() || (all.len() >= total && rows.len() < LIST_PAGE) {
                break;
            }
        }
        Ok(all)
    }

    fn url(&self, path: &str) -> String {
        format!("{}/{path}", self.account.api)
    }

    async fn call(&self, context: &Context, call: Call) -> Result<Reply, Trouble> {
        let key = [b"KISI-LOGIN ", self.account.key.expose()].concat();
        let call = call
            .header("accept", "application/json")
            .secret("authorization", &key)?;
        let reply = self.http.call(context, &call).await?;
        match reply.status {
            401 => Err(Trouble::Refused(format!(
                "Kisi refuses the API key ({}): make a new one in the account's settings; a key that \
                 nobody uses for 14 days ends",
                reply.words()
            ))),
            403 => Err(Trouble::Refused(format!(
                "Kisi forbids it ({}): the key's user must be an administrator of the organisation",
                reply.words()
            ))),
            _ => Ok(reply),
        }
    }
}

/// The end of `0-9/200`.
fn total(reply: &Reply) -> Option<usize> {
    let range = reply.headers.get("x-collection-range")?.to_str().ok()?;
    range.rsplit('/').next()?.parse().ok()
}

fn text(value: &Value) -> Option<String> {
    match value {
        Value::String(text) if !text.is_empty() => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    }
}

/// Whole seconds in ISO 8601; the next one where `up` says so.
fn iso(at: Instant, up: bool) -> String {
    let seconds = at.as_us().div_euclid(1_000_000) + i64::from(up);
    let at = jiff::Timestamp::from_second(seconds).unwrap_or_default();
    at.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}
