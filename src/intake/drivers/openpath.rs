//! Openpath (Avigilon Alta Access): lists entries, subscribes its webhooks, reads its activity report.
//!
//! Events come as webhooks. This driver sees to it that they are subscribed and active, and compares
//! the activity report with what came. The log-in gives a token, which is refreshed before it ends
//! and asked for anew when it is refused.
//!
//! Certain: the paths, the lists, the report with its filter and cursor. Unknown: rate limits (429 is
//! obeyed), how long a token lives (its own `exp` is believed, if it has one), and the name of the
//! field that says whether a subscription is active (`isActive` is looked at; without it, it is).

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use reqwest::Method;
use serde_json::{Value, json};
use tokio::sync::Mutex;
use tokio_util::sync::CancellationToken;

use super::http::{Call, Http, Reply, Trouble, base_url, encoded, odd};
use super::reconcile::Reconcile;
use super::{Context, Ended, Failure, Gap};
use crate::intake::{AccessPoint, Headers, Person, Secret};
use crate::units::{Instant, Interval, Span};
use crate::wire::Trust;

/// Where the API is; customers in Europe have another host, which they must name.
pub const API: &str = "https://api.openpath.com";

/// Subscribed unless the site says otherwise: what the engine can use, and what people look for.
pub const EVENTS: [&str; 7] = [
    "entry.unlocked",
    "entry.unlocked.failed",
    "entry.authenticated.failed",
    "entry.authorized.failed",
    "entry.forcedOpen",
    "entry.ajar.started",
    "entry.ajar.ended",
];

/// A token is refreshed when it has less than this to live.
const REFRESH_BEFORE: Span = Span::from_ms(300_000);

/// Entries asked for at once.
const LIST_PAGE: usize = 500;

/// Rows of the report asked for at once. A row may name several entries, and a body is one delivery.
const REPORT_PAGE: usize = 250;

/// More pages than this are not one answer but a loop.
const MOST_PAGES: usize = 4_000;

/// An account at Openpath.
#[derive(Debug, Clone)]
pub struct OpenpathAccount {
    /// The API's address, [`API`] for most.
    pub api: String,
    /// Whose certificates are believed.
    pub trust: Trust,
    /// The e-mail address of a user with a read-only role (and webhooks, to connect).
    pub email: String,
    /// That user's password.
    pub password: Secret,
    /// The organisation's number.
    pub org: u64,
    /// Where Openpath reaches us; without it nothing is subscribed and only the report is read.
    pub webhook: Option<String>,
    /// The events to subscribe, [`EVENTS`] for most.
    pub events: Vec<String>,
}

/// The driver.
#[derive(Debug)]
pub struct Openpath {
    account: OpenpathAccount,
    http: Http,
    token: Mutex<Option<Token>>,
}

#[derive(Debug, Clone)]
struct Token {
    text: Secret,
    expires: Option<Instant>,
}

/// What connecting did.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Connected {
    /// Subscriptions made.
    pub created: usize,
    /// Subscriptions that were switched off and are on again.
    pub repaired: usize,
    /// Subscriptions that were there already.
    pub kept: usize,
}

impl Openpath {
    /// A driver for an account. `Err`: what is wrong with the settings.
    pub fn new(mut account: OpenpathAccount) -> Result<Self, Vec<String>> {
        let mut problems = Vec::new();
        match base_url(&account.api) {
            Ok(api) => account.api = api,
            Err(problem) => problems.push(format!("api: {problem}")),
        }
        if let Some(Err(problem)) = account.webhook.as_deref().map(base_url) {
            problems.push(format!("webhook: {problem}"));
        }
        let http = Http::new(&account.trust, None).map_err(|problem| problems.push(problem));
        match http {
            Ok(http) if problems.is_empty() => {
                // The webhook's last part is what its deliveries are known by.
                let webhook = account.webhook.as_deref().unwrap_or_default();
                let token = webhook.rsplit('/').next().unwrap_or_default();
                let hidden = vec![account.password.clone(), Secret::new(token)];
                Ok(Self {
                    account,
                    http: http.hiding(hidden),
                    token: Mutex::default(),
                })
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
                        // The report is all there is.
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
        if let Some(webhook) = &self.account.webhook {
            let missing = self.missing(context, webhook).await?;
            if !missing.is_empty() {
                let why = format!("Openpath does not send {}", missing.join(", "));
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

    /// The entries: what webhooks call `entryIds`.
    pub async fn access_points(&self, context: &Context) -> Result<Vec<AccessPoint>, Trouble> {
        let rows = self.list(context, "entries").await?;
        let point = |row: &Value| {
            Some(AccessPoint {
                id: id(&row["id"])?,
                name: row["name"].as_str().unwrap_or_default().to_owned(),
                door: None,
                direction: None,
            })
        };
        Ok(rows.iter().filter_map(point).collect())
    }

    /// Who a user is. Only for sites that allow names.
    pub async fn person(&self, context: &Context, user: &str) -> Result<Option<Person>, Trouble> {
        let url = self.url(&format!("users/{}", encoded(user)));
        let reply = self.call(context, Call::get(url)).await?;
        if reply.status == 404 {
            return Ok(None);
        }
        let body = reply.json()?;
        let identity = &body["data"]["identity"];
        let text = |field: &str| identity[field].as_str().map(str::to_owned);
        let first_last = || Some(format!("{} {}", text("firstName")?, text("lastName")?));
        Ok(Some(Person {
            name: text("fullName").or_else(first_last),
            email: text("email"),
        }))
    }

    /// Subscribes every event that is not yet sent to us.
    pub async fn connect(&self, context: &Context) -> Result<Connected, Trouble> {
        let Some(webhook) = &self.account.webhook else {
            let what = "there is no webhook address to connect: name the one that Openpath reaches";
            return Err(Trouble::Refused(what.to_owned()));
        };
        let known = self.list(context, "subscriptions").await?;
        let mut done = Connected::default();
        for event in &self.account.events {
            let ours = known.iter().find(|row| is_ours(row, event, webhook));
            match ours {
                Some(row) if is_active(row) => done.kept += 1,
                Some(row) => {
                    self.switch_on(context, row).await?;
                    done.repaired += 1;
                }
                None => {
                    self.subscribe(context, event, webhook).await?;
                    done.created += 1;
                }
            }
        }
        Ok(done)
    }

    async fn subscribe(
        &self,
        context: &Context,
        event: &str,
        webhook: &str,
    ) -> Result<(), Trouble> {
        let body = json!({
            "hookEventName": event, "targetUrl": webhook,
            "name": format!("tailgate {event}"), "isVisible": true,
        });
        let call = Call::send(Method::POST, self.url("subscriptions"), Some(body));
        let reply = self.call(context, call).await?;
        if reply.is_good() {
            return Ok(());
        }
        let words = reply.words();
        Err(Trouble::Refused(match reply.status {
            400 => format!(
                "Openpath did not save the subscription of {event} ({words}): it posts a secret to \
                 the webhook's address and wants it back, so that address must be reachable from \
                 the internet and intake must be running"
            ),
            status => {
                format!("Openpath did not save the subscription of {event} ({status}: {words})")
            }
        }))
    }

    async fn switch_on(&self, context: &Context, row: &Value) -> Result<(), Trouble> {
        let id = id(&row["id"]).unwrap_or_default();
        let url = self.url(&format!("subscriptions/{}", encoded(&id)));
        let call = Call::send(Method::PATCH, url, Some(json!({"isActive": true})));
        let reply = self.call(context, call).await?;
        match reply.is_good() {
            true => Ok(()),
            false => Err(Trouble::Refused(format!(
                "Openpath did not switch subscription {id} on again: {}",
                reply.words()
            ))),
        }
    }

    /// The events that are wanted and not sent to us.
    async fn missing(&self, context: &Context, webhook: &str) -> Result<Vec<String>, Trouble> {
        let known = self.list(context, "subscriptions").await?;
        let sent = |event: &&String| {
            known
                .iter()
                .any(|row| is_ours(row, event, webhook) && is_active(row))
        };
        let missing = self.account.events.iter().filter(|event| !sent(event));
        Ok(missing.cloned().collect())
    }

    /// Stores the activity report of some time, page by page, as it comes.
    pub(super) async fn back_fill(&self, context: &Context, of: Interval) -> Result<(), Failure> {
        let from = of.lo.as_us().div_euclid(1_000_000);
        let to = of.hi.as_us().div_euclid(1_000_000) + 1;
        let filter = encoded(&format!("uiData.time:({from}-{to})"));
        let path = format!("reports/activity/events?filter={filter}&limit={REPORT_PAGE}");
        let mut cursor = String::new();
        for _ in 0..MOST_PAGES {
            let url = match cursor.as_str() {
                "" => self.url(&path),
                cursor => self.url(&format!("{path}&cursor={}", encoded(cursor))),
            };
            let reply = self.call(context, Call::get(url)).await?;
            if !reply.is_good() {
                return Err(odd("the activity report", &reply));
            }
            let body = reply.json()?;
            if body["data"].as_array().is_some_and(|rows| !rows.is_empty()) {
                context
                    .store("backfill", Headers::default(), reply.body)
                    .await?;
            }
            let cursors = &body["cursors"];
            let next = cursors["nextCursor"].as_str();
            match next.filter(|_| cursors["hasNextPage"] == true) {
                Some(next) if next != cursor => cursor = next.to_owned(),
                Some(_) => break,
                None => return Ok(()),
            }
        }
        let what = "the activity report does not end: its cursor leads nowhere";
        Err(Failure::Trouble(Trouble::Odd(what.to_owned())))
    }

    /// All rows of a list.
    async fn list(&self, context: &Context, what: &str) -> Result<Vec<Value>, Trouble> {
        let mut all = Vec::new();
        for _ in 0..MOST_PAGES {
            let offset = all.len();
            let url = self.url(&format!("{what}?limit={LIST_PAGE}&offset={offset}"));
            let reply = self.call(context, Call::get(url)).await?;
            let body = reply.json()?;
            let Some(rows) = body["data"].as_array().filter(|_| reply.is_good()) else {
                let words = reply.words();
                return Err(match reply.status {
                    403 => Trouble::Refused(format!(
                        "Openpath does not show {what} of organisation {}: {words}. Its user needs \
                         a role that may read them",
                        self.account.org
                    )),
                    status => Trouble::Odd(format!("the list of {what} ({status}): {words}")),
                });
            };
            all.extend(rows.iter().cloned());
            if rows.len() < LIST_PAGE {
                break;
            }
        }
        Ok(all)
    }

    fn url(&self, path: &str) -> String {
        format!("{}/orgs/{}/{path}", self.account.api, self.account.org)
    }

    /// Calls with a token; with a new one, if the one at hand is refused.
    async fn call(&self, context: &Context, call: Call) -> Result<Reply, Trouble> {
        let mut refused: Option<Secret> = None;
        loop {
            let token = self.token(context, refused.as_ref()).await?;
            let call = call.clone().secret("authorization", token.expose())?;
            let reply = self.http.call(context, &call).await?;
            if reply.status != 401 {
                return Ok(reply);
            }
            if refused.is_some() {
                return Err(Trouble::Refused(format!(
                    "Openpath refuses a token that it has just given: {}",
                    reply.words()
                )));
            }
            refused = Some(token);
        }
    }

    /// A token that is good for a while and not the refused one.
    async fn token(&self, context: &Context, refused: Option<&Secret>) -> Result<Secret, Trouble> {
        let mut kept = self.token.lock().await;
        if let Some(token) = kept.as_ref().filter(|token| Some(&token.text) != refused) {
            let left = token.expires.map(|expires| expires.since(context.now()));
            match left {
                Some(left) if left < REFRESH_BEFORE => {}
                _ => return Ok(token.text.clone()),
            }
            if let Some(fresh) = self.refresh(context, &token.text).await? {
                return Ok(kept.insert(fresh).text.clone());
            }
        }
        let token = self.log_in(context).await?;
        Ok(kept.insert(token).text.clone())
    }

    async fn refresh(&self, context: &Context, token: &Secret) -> Result<Option<Token>, Trouble> {
        let url = format!("{}/auth/refreshLogin", self.account.api);
        let call = Call::send(Method::POST, url, Some(json!({})));
        let call = call.secret("authorization", token.expose())?;
        let reply = self.http.call(context, &call).await?;
        match reply.is_good() {
            true => Ok(token_of(&reply.json()?)),
            false => Ok(None),
        }
    }

    async fn log_in(&self, context: &Context) -> Result<Token, Trouble> {
        let url = format!("{}/auth/login", self.account.api);
        let password = String::from_utf8_lossy(self.account.password.expose());
        let body = json!({"email": self.account.email, "password": password});
        let reply = self
            .http
            .call(context, &Call::send(Method::POST, url, Some(body)))
            .await?;
        if reply.is_good() {
            let token = token_of(&reply.json()?);
            return token.ok_or_else(|| Trouble::Odd("the log-in gives no token".to_owned()));
        }
        Err(Trouble::Refused(format!(
            "Openpath refuses the log-in of {} ({}): {}. Check e-mail address and password, and that \
             this user needs no second factor",
            self.account.email,
            reply.status,
            reply.words()
        )))
    }
}

fn token_of(body: &Value) -> Option<Token> {
    let text = body["data"]["token"].as_str()?;
    Some(Token {
        text: Secret::new(text),
        expires: expiry(text),
    })
}

/// When a JWT ends, by its own `exp`. Nothing else of it is believed.
fn expiry(token: &str) -> Option<Instant> {
    let claims = token.split('.').nth(1)?;
    let claims = URL_SAFE_NO_PAD.decode(claims.trim_end_matches('=')).ok()?;
    let claims: Value = serde_json::from_slice(&claims).ok()?;
    Some(Instant::ZERO + Span::from_us(claims["exp"].as_i64()?.saturating_mul(1_000_000)))
}

fn id(value: &Value) -> Option<String> {
    match value {
        Value::Number(number) => Some(number.to_string()),
        Value::String(text) if !text.is_empty() => Some(text.clone()),
        _ => None,
    }
}

fn is_ours(row: &Value, event: &str, webhook: &str) -> bool {
    let name = row["hookEventName"]
        .as_str()
        .or_else(|| row["hookEvent"]["name"].as_str());
    name == Some(event) && row["targetUrl"] == webhook
}

fn is_active(row: &Value) -> bool {
    row["isActive"] != false
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_says_when_it_ends() {
        let claims = URL_SAFE_NO_PAD.encode(r#"{"exp":1767600000}"#);
        let at = expiry(&format!("x.{claims}.y"));
        assert_eq!(at.map(Instant::as_us), Some(1_767_600_000_000_000));
        for odd in ["", "x", "x.y.z", "x.e30.y"] {
            assert_eq!(expiry(odd), None, "{odd}");
        }
    }
}
