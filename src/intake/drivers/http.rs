//! One HTTP client for all drivers: whom it trusts, how it waits, what it says when it fails.
//!
//! Theory of operation: a call is tried again where that can help (nobody answers, 429, 5xx), after
//! what `Retry-After` says or ever longer waits, and a limiter keeps below the vendor's rate. What
//! cannot help is answered at once, as a [`Trouble`] in one sentence with what to do. Secrets stand in
//! headers that are marked as such; no text made here holds one.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use reqwest::header::{HeaderMap, HeaderValue};
use serde_json::Value;

use super::{Context, Failure};
use crate::intake::Secret;
use crate::units::{Instant, Span};
use crate::wire::{Trust, chain, client_config, explained, scrubbed_text};

/// How long a connection may take to open.
const CONNECT_WITHIN: Duration = Duration::from_secs(10);

/// How long a whole answer may take; streams have no such limit.
const ANSWER_WITHIN: Duration = Duration::from_secs(60);

/// A longer answer is not read.
const MOST_BODY: usize = 16 << 20;

/// How often one call is tried.
const TRIES: u32 = 4;

/// A vendor that asks for more patience than this is called again by the next round.
const MOST_PATIENCE: Span = Span::from_ms(120_000);

/// What went wrong with a vendor, in a sentence for people.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Trouble {
    /// Nobody answers, or not in time, or the connection broke.
    #[error("{0}")]
    Unreachable(String),
    /// The account, key or licence is refused: a person must do something.
    #[error("{0}")]
    Refused(String),
    /// The vendor asks for patience.
    #[error("{0}")]
    Busy(String),
    /// The answer is not what it should be.
    #[error("{0}")]
    Odd(String),
}

impl Trouble {
    /// The same without the secrets that a vendor repeated in its words.
    pub(super) fn hiding(self, hidden: &[Secret]) -> Self {
        match self {
            Self::Unreachable(text) => Self::Unreachable(scrubbed_text(hidden, &text)),
            Self::Refused(text) => Self::Refused(scrubbed_text(hidden, &text)),
            Self::Busy(text) => Self::Busy(scrubbed_text(hidden, &text)),
            Self::Odd(text) => Self::Odd(scrubbed_text(hidden, &text)),
        }
    }

    /// Whether only a person can help.
    pub fn is_refusal(&self) -> bool {
        matches!(self, Self::Refused(_))
    }
}

/// An answer.
#[derive(Debug)]
pub(super) struct Reply {
    pub(super) status: u16,
    pub(super) headers: HeaderMap,
    pub(super) body: Vec<u8>,
    /// What must not be shown of it.
    hidden: Vec<Secret>,
}

impl Reply {
    pub(super) fn is_good(&self) -> bool {
        (200..300).contains(&self.status)
    }

    pub(super) fn json(&self) -> Result<Value, Trouble> {
        let odd = |error| Trouble::Odd(format!("the answer is no JSON: {error}"));
        serde_json::from_slice(&self.body).map_err(odd)
    }

    /// What the vendor says is wrong, as far as it can be shown.
    pub(super) fn words(&self) -> String {
        let json: Option<Value> = serde_json::from_slice(&self.body).ok();
        let said = json.as_ref().and_then(|json| {
            let places = [
                "/message",
                "/error",
                "/Rsp/Result/Message",
                "/error/message",
            ];
            places
                .iter()
                .find_map(|place| json.pointer(place)?.as_str())
        });
        let text = match said {
            Some(said) => said.to_owned(),
            None => String::from_utf8_lossy(&self.body).into_owned(),
        };
        // A vendor may repeat what it was sent.
        let text = scrubbed_text(&self.hidden, &text);
        let clean = text.chars().filter(|c| !c.is_control());
        clean.take(200).collect()
    }
}

/// A call. It has no `Debug`: its body may hold a password.
#[derive(Clone)]
pub(super) struct Call {
    pub(super) method: reqwest::Method,
    pub(super) url: String,
    pub(super) headers: HeaderMap,
    pub(super) body: Option<Value>,
}

impl Call {
    pub(super) fn get(url: String) -> Self {
        Self {
            method: reqwest::Method::GET,
            url,
            headers: HeaderMap::new(),
            body: None,
        }
    }

    pub(super) fn send(method: reqwest::Method, url: String, body: Option<Value>) -> Self {
        Self {
            method,
            body,
            ..Self::get(url)
        }
    }

    pub(super) fn header(mut self, name: &'static str, value: &'static str) -> Self {
        self.headers.insert(name, HeaderValue::from_static(value));
        self
    }

    /// A header that is never shown.
    pub(super) fn secret(mut self, name: &'static str, value: &[u8]) -> Result<Self, Trouble> {
        let unfit = |_| Trouble::Refused(format!("the secret for {name} cannot be in a header"));
        let mut value = HeaderValue::from_bytes(value).map_err(unfit)?;
        value.set_sensitive(true);
        self.headers.insert(name, value);
        Ok(self)
    }
}

/// The client.
#[derive(Debug, Clone)]
pub(super) struct Http {
    client: reqwest::Client,
    limit: Option<Arc<Limiter>>,
    hidden: Vec<Secret>,
}

impl Http {
    /// A client that trusts whom it is told to. `Err`: what is wrong with the certificates.
    pub(super) fn new(trust: &Trust, limit: Option<Limiter>) -> Result<Self, String> {
        let builder = reqwest::Client::builder()
            .user_agent(concat!("tailgate/", env!("CARGO_PKG_VERSION")))
            .connect_timeout(CONNECT_WITHIN)
            // A redirect would carry the password to who knows where.
            .redirect(reqwest::redirect::Policy::none());
        let builder = match client_config(trust)? {
            Some(config) => builder.tls_backend_preconfigured(config),
            None => {
                // Whoever installed a provider before is welcome: any will do.
                let _ = rustls::crypto::ring::default_provider().install_default();
                builder
            }
        };
        let client = builder.build();
        Ok(Self {
            client: client
                .map_err(|error| format!("cannot make an HTTP client: {}", chain(&error)))?,
            limit: limit.map(Arc::new),
            hidden: Vec::new(),
        })
    }

    /// The same client, which shows none of these whatever a vendor says.
    pub(super) fn hiding(self, hidden: Vec<Secret>) -> Self {
        Self { hidden, ..self }
    }

    /// Calls, and again where that can help. `Ok` for every answer below 500 other than 429.
    pub(super) async fn call(&self, context: &Context, call: &Call) -> Result<Reply, Trouble> {
        let mut failures = 0;
        loop {
            if let Some(limit) = &self.limit {
                limit.take(context).await;
            }
            let (trouble, patience) = match self.once(call).await {
                Ok(reply) if reply.status == 429 => {
                    let said = retry_after(&reply.headers);
                    (
                        Trouble::Busy("the vendor asks for fewer requests (429)".into()),
                        said,
                    )
                }
                Ok(reply) if reply.status >= 500 => {
                    let words = reply.words();
                    let what = format!("the vendor fails ({}): {words}", reply.status);
                    (Trouble::Unreachable(what), retry_after(&reply.headers))
                }
                Ok(reply) => return Ok(reply),
                Err(trouble) => (trouble, None),
            };
            failures += 1;
            let wait = patience.unwrap_or(context.wait_after(failures - 1));
            // What makes something must not make it twice, unless nothing was done.
            let safe = call.method != reqwest::Method::POST || matches!(trouble, Trouble::Busy(_));
            if failures >= TRIES || wait > MOST_PATIENCE || !safe {
                return Err(trouble);
            }
            tracing::debug!("{}: {trouble}; trying again", context.source);
            context.clock.sleep(wait).await;
        }
    }

    async fn once(&self, call: &Call) -> Result<Reply, Trouble> {
        let unreachable = |error| Trouble::Unreachable(explained(&call.url, &error));
        let request = self.request(call).timeout(ANSWER_WITHIN);
        let mut reply = request.send().await.map_err(unreachable)?;
        let (status, headers) = (reply.status().as_u16(), reply.headers().clone());
        let mut body = Vec::new();
        while let Some(chunk) = reply.chunk().await.map_err(unreachable)? {
            if body.len() + chunk.len() > MOST_BODY {
                let most = MOST_BODY >> 20;
                return Err(Trouble::Odd(format!(
                    "the answer is longer than {most} MiB"
                )));
            }
            body.extend_from_slice(&chunk);
        }
        Ok(Reply {
            status,
            headers,
            body,
            hidden: self.hidden_of(call),
        })
    }

    /// What an answer must not be shown to say: the account's secrets, and those of the call's headers.
    pub(super) fn hidden_of(&self, call: &Call) -> Vec<Secret> {
        let secret = call.headers.values().filter(|value| value.is_sensitive());
        let whole_and_end = secret.flat_map(|value| {
            let value = value.as_bytes();
            let end = value.rsplit(|byte| *byte == b' ').next().unwrap_or(value);
            [Secret::new(value), Secret::new(end)]
        });
        self.hidden.iter().cloned().chain(whole_and_end).collect()
    }

    /// Opens an answer that is read while it comes.
    pub(super) async fn open(&self, call: &Call) -> Result<reqwest::Response, Trouble> {
        let sent = self.request(call).send().await;
        sent.map_err(|error| Trouble::Unreachable(explained(&call.url, &error)))
    }

    fn request(&self, call: &Call) -> reqwest::RequestBuilder {
        let request = self.client.request(call.method.clone(), &call.url);
        let request = request.headers(call.headers.clone());
        match &call.body {
            Some(body) => request.json(body),
            None => request,
        }
    }
}

fn retry_after(headers: &HeaderMap) -> Option<Span> {
    let seconds: u32 = headers
        .get("retry-after")?
        .to_str()
        .ok()?
        .trim()
        .parse()
        .ok()?;
    Some(Span::from_ms(i64::from(seconds) * 1_000))
}

/// So many requests in a second and no more.
#[derive(Debug)]
pub(super) struct Limiter {
    a_second: usize,
    taken: Mutex<VecDeque<Instant>>,
}

impl Limiter {
    pub(super) fn new(a_second: usize) -> Self {
        Self {
            a_second: a_second.max(1),
            taken: Mutex::default(),
        }
    }

    async fn take(&self, context: &Context) {
        while let Some(wait) = self.wait(context.now()) {
            context.clock.sleep(wait).await;
        }
    }

    /// Takes a place now, or says how long to wait for one.
    fn wait(&self, now: Instant) -> Option<Span> {
        let second = Span::from_ms(1_000);
        let mut taken = self.taken.lock().unwrap_or_else(PoisonError::into_inner);
        while taken
            .front()
            .is_some_and(|first| now.since(*first) >= second)
        {
            taken.pop_front();
        }
        if taken.len() >= self.a_second {
            return taken.front().map(|first| (*first + second).since(now));
        }
        taken.push_back(now);
        None
    }
}

/// Percent-encodes everything that might mean something in a query.
pub(super) fn encoded(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' => {
                out.push(char::from(byte));
            }
            other => out.push_str(&format!("%{other:02X}")),
        }
    }
    out
}

/// A base URL without the slash at its end; `Err`: what is wrong with it.
pub(super) fn base_url(text: &str) -> Result<String, String> {
    let url = reqwest::Url::parse(text).map_err(|error| format!("{text:?} is no URL: {error}"))?;
    if !matches!(url.scheme(), "http" | "https") || url.host_str().is_none() {
        return Err(format!(
            "{text:?} must begin with https:// or http:// and name a host"
        ));
    }
    Ok(text.trim_end_matches('/').to_owned())
}

/// The last answer of a kind that nothing helps against.
pub(super) fn odd(what: &str, reply: &Reply) -> Failure {
    Failure::Trouble(Trouble::Odd(format!(
        "{what}: the vendor answers {}: {}",
        reply.status,
        reply.words()
    )))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_limiter_lets_so_many_through_in_a_second() {
        let limiter = Limiter::new(2);
        let at = |ms| Instant::ZERO + Span::from_ms(ms);
        assert_eq!(limiter.wait(at(0)), None);
        assert_eq!(limiter.wait(at(400)), None);
        assert_eq!(limiter.wait(at(500)), Some(Span::from_ms(500)));
        assert_eq!(limiter.wait(at(1_000)), None);
        assert_eq!(limiter.wait(at(1_100)), Some(Span::from_ms(300)));
    }

    #[test]
    fn queries_are_encoded() {
        assert_eq!(
            encoded("event(a-b,X)@1 ä"),
            "event%28a-b%2CX%29%401%20%C3%A4"
        );
    }

    #[test]
    fn base_urls_are_checked() {
        assert_eq!(
            base_url("https://host:4591/WebSdk/"),
            Ok("https://host:4591/WebSdk".into())
        );
        for wrong in ["host:4590", "ftp://host", "", "https://"] {
            assert!(base_url(wrong).is_err(), "{wrong}");
        }
    }
}
