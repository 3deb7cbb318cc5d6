//! A webhook: posts the body, signed as Standard Webhooks has it, and reads the answer's status.
//!
//! Theory of operation: whatever is no 2xx within the time limit was not delivered. Redirects are not
//! followed: a signed alert is for the address in the settings. The answer's body is read as far as a
//! sentence for people needs, and secrets in it are hidden. The receiver's status says who is at fault
//! (see [`super::retry`]).
//!
//! The address is the site's own affair: receivers on private networks are the usual ones. Plain HTTP
//! is for this machine only, unless the settings say otherwise.

use std::sync::Arc;
use std::time::Duration;

use reqwest::header::{CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue, RETRY_AFTER};
use url::{Host, Url};

use super::signature::{Key, signature};
use super::sink::{Outcome, Outgoing, Sink};
use crate::units::{Instant, Span};
use crate::wire::{Boxed, Secret, Trust, client_config, explained, scrubbed_text};

/// How long a connection may take to open.
const CONNECT_WITHIN: Duration = Duration::from_secs(5);

/// How long a connection is kept without use: shorter than most receivers and firewalls have it, so
/// that an alert does not meet a connection that is gone.
const IDLE: Duration = Duration::from_secs(20);

/// Bytes of an answer that are read: enough for its words.
const MOST_ANSWER: usize = 4 << 10;

/// Characters of an answer that are shown.
const MOST_WORDS: usize = 200;

/// Where and how to post.
#[derive(Debug, Clone)]
pub struct WebhookAccount {
    /// The sink's name.
    pub name: Arc<str>,
    /// The receiver's URL.
    pub url: String,
    /// Whether a receiver elsewhere may be spoken to without TLS.
    pub plain: bool,
    /// Whose certificates are believed.
    pub trust: Trust,
    /// What it is signed with: the newest secret first, and those that receivers may still have.
    pub secrets: Vec<Secret>,
    /// The value of an `Authorization` header, for receivers behind a gateway.
    pub authorization: Option<Secret>,
    /// How long a receiver may take to answer.
    pub timeout: Duration,
}

/// The sink.
pub struct Webhook {
    name: Arc<str>,
    url: Url,
    keys: Vec<Key>,
    authorization: Option<HeaderValue>,
    hidden: Vec<Secret>,
    client: reqwest::Client,
}

impl Webhook {
    /// A sink for an account. `Err`: what is wrong with the settings.
    pub fn new(account: WebhookAccount) -> Result<Self, Vec<String>> {
        let mut problems = Vec::new();
        let url = webhook_url(&account.url, account.plain);
        let url = url.map_err(|problem| problems.push(format!("url: {problem}")));
        if account.secrets.is_empty() {
            problems.push("secrets: none is named: receivers could not tell us from others".into());
        }
        let mut keys = Vec::new();
        for (i, secret) in account.secrets.iter().enumerate() {
            match Key::parse(secret) {
                Ok(key) => keys.push(key),
                Err(problem) => problems.push(format!("secrets[{i}]: {problem}")),
            }
        }
        let mut authorization = None;
        if let Some(secret) = &account.authorization {
            match HeaderValue::from_bytes(secret.expose()) {
                Ok(mut value) => {
                    value.set_sensitive(true);
                    authorization = Some(value);
                }
                Err(_) => problems.push("authorization: it cannot be in a header".to_owned()),
            }
        }
        let client = client(&account).map_err(|problem| problems.push(problem));
        let (Ok(url), Ok(client), true) = (url, client, problems.is_empty()) else {
            return Err(problems);
        };
        let mut hidden = account.secrets;
        hidden.extend(account.authorization);
        Ok(Self {
            name: account.name,
            url,
            keys,
            authorization,
            hidden,
            client,
        })
    }

    async fn post(&self, notice: &Outgoing) -> Outcome {
        // What is signed is what is sent: seconds, rounded down.
        let seconds = notice.now.as_us().div_euclid(1_000_000);
        let signature = signature(&self.keys, &notice.id, seconds, &notice.body);
        let mut headers = HeaderMap::new();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        for (name, value) in [
            ("webhook-id", notice.id.clone()),
            ("webhook-timestamp", seconds.to_string()),
            ("webhook-signature", signature),
        ] {
            let Ok(value) = HeaderValue::from_str(&value) else {
                return Outcome::Refused(format!("its id cannot be in a header: {:?}", notice.id));
            };
            headers.insert(HeaderName::from_static(name), value);
        }
        if let Some(value) = &self.authorization {
            headers.insert(reqwest::header::AUTHORIZATION, value.clone());
        }
        let request = self.client.post(self.url.clone()).headers(headers);
        let mut reply = match request.body(notice.body.to_vec()).send().await {
            Ok(reply) => reply,
            Err(error) => {
                return Outcome::Hold {
                    why: scrubbed_text(&self.hidden, &explained(self.url.as_str(), &error)),
                    after: None,
                };
            }
        };
        let status = reply.status().as_u16();
        if (200..300).contains(&status) {
            return Outcome::Delivered;
        }
        let after = retry_after(reply.headers(), notice.now);
        let mut body = Vec::new();
        while body.len() < MOST_ANSWER
            && let Ok(Some(chunk)) = reply.chunk().await
        {
            body.extend_from_slice(&chunk);
        }
        self.judged(status, after, &body)
    }

    /// Who is at fault, by the status.
    fn judged(&self, status: u16, after: Option<Span>, body: &[u8]) -> Outcome {
        let host = self.url.host_str().unwrap_or("the receiver");
        let words = String::from_utf8_lossy(&body[..body.len().min(MOST_ANSWER)]);
        let words = scrubbed_text(&self.hidden, &words);
        let words: String = words.chars().filter(|c| !c.is_control()).collect();
        let words: String = words.trim().chars().take(MOST_WORDS).collect();
        let said = match words.is_empty() {
            true => format!("{host} answers {status}"),
            false => format!("{host} answers {status}: {words}"),
        };
        let hold = |advice: &str| Outcome::Hold {
            why: format!("{said}{advice}"),
            after,
        };
        match status {
            410 => Outcome::Gone(format!("{said}; it wants no alerts any more")),
            300..400 => hold("; redirects are not followed: name the final address"),
            401 | 403 => hold("; check `authorization`, and that it knows the secret"),
            404 | 405 => hold("; check the path of `url`"),
            408 | 429 | 502..=504 => hold(""),
            400..500 => Outcome::Refused(said),
            _ => Outcome::Failed { why: said, after },
        }
    }
}

impl Sink for Webhook {
    fn name(&self) -> &Arc<str> {
        &self.name
    }

    fn target(&self) -> String {
        let mut shown = self.url.clone();
        // Some receivers have their password in the query or before the host.
        shown.set_query(None);
        let _ = shown.set_username("");
        let _ = shown.set_password(None);
        shown.into()
    }

    fn deliver<'a>(&'a self, notice: &'a Outgoing) -> Boxed<'a, Outcome> {
        Box::pin(self.post(notice))
    }
}

fn client(account: &WebhookAccount) -> Result<reqwest::Client, String> {
    let builder = reqwest::Client::builder()
        .user_agent(concat!("tailgate/", env!("CARGO_PKG_VERSION")))
        .connect_timeout(CONNECT_WITHIN)
        .timeout(account.timeout)
        .pool_idle_timeout(IDLE)
        .tcp_nodelay(true)
        .redirect(reqwest::redirect::Policy::none());
    let builder = match client_config(&account.trust).map_err(|what| format!("tls: {what}"))? {
        Some(config) => builder.tls_backend_preconfigured(config),
        None => {
            // Whoever installed a provider before is welcome: any will do.
            let _ = rustls::crypto::ring::default_provider().install_default();
            builder
        }
    };
    let client = builder.build();
    client.map_err(|error| format!("cannot make an HTTP client: {error}"))
}

/// A URL that alerts may go to. `Err`: why not.
pub fn webhook_url(text: &str, plain: bool) -> Result<Url, String> {
    let url = Url::parse(text).map_err(|error| format!("{text:?} is no URL: {error}"))?;
    let is_here = match url.host() {
        Some(Host::Domain(name)) => name == "localhost",
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        None => return Err(format!("{text:?} names no host")),
    };
    match url.scheme() {
        "https" => Ok(url),
        "http" if plain || is_here => Ok(url),
        "http" => Err(
            "alerts go over https; say `plain = true` if whoever is on that network may read them"
                .to_owned(),
        ),
        other => Err(format!("{other} is not spoken here: https:// is")),
    }
}

/// For how long the receiver asks not to be called: seconds, or a date.
fn retry_after(headers: &HeaderMap, now: Instant) -> Option<Span> {
    let text = headers.get(RETRY_AFTER)?.to_str().ok()?.trim();
    if let Ok(seconds) = text.parse::<u32>() {
        return Some(Span::from_ms(i64::from(seconds) * 1_000));
    }
    let at = jiff::fmt::rfc2822::parse(text).ok()?.timestamp();
    let span = Instant::from_us(at.as_microsecond()).since(now);
    (span > Span::ZERO).then_some(span)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sink(url: &str) -> Webhook {
        Webhook::new(account(url)).expect("good settings")
    }

    fn account(url: &str) -> WebhookAccount {
        WebhookAccount {
            name: "guards".into(),
            url: url.to_owned(),
            plain: false,
            trust: Trust::System,
            secrets: vec![Secret::new(
                "whsec_AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=",
            )],
            authorization: Some(Secret::new("Bearer hunter2")),
            timeout: Duration::from_secs(1),
        }
    }

    #[test]
    fn the_status_says_who_is_at_fault() {
        let sink = sink("https://example.org/alerts?token=hunter3");
        assert_eq!(sink.target(), "https://example.org/alerts");
        let of = |status| sink.judged(status, None, b"");
        for status in [301, 401, 403, 404, 408, 429, 502, 503, 504] {
            assert!(matches!(of(status), Outcome::Hold { .. }), "{status}");
        }
        for status in [500, 501, 507, 100] {
            assert!(matches!(of(status), Outcome::Failed { .. }), "{status}");
        }
        for status in [400, 409, 413, 422, 451] {
            assert!(matches!(of(status), Outcome::Refused(_)), "{status}");
        }
        assert!(matches!(of(410), Outcome::Gone(_)));
    }

    #[test]
    fn an_answer_is_shown_without_secrets_and_not_at_length() {
        let sink = sink("https://example.org/alerts");
        let body = format!("bad: Bearer hunter2\r\n{}", "x".repeat(9_999));
        let Outcome::Refused(said) = sink.judged(422, None, body.as_bytes()) else {
            panic!("refused");
        };
        assert!(
            said.starts_with("example.org answers 422: bad: [redacted]xxx"),
            "{said}"
        );
        assert!(said.len() < 300);
    }

    #[test]
    fn patience_is_asked_for_in_seconds_or_by_date() {
        let now = Instant::from_us(1_780_000_000_000_000);
        let asked = |text: &'static str| {
            let value = HeaderValue::from_static(text);
            retry_after(&HeaderMap::from_iter([(RETRY_AFTER, value)]), now).map(Span::as_s)
        };
        assert_eq!(asked("120"), Some(120.0));
        assert_eq!(asked("Thu, 28 May 2026 20:28:20 GMT"), Some(100.0));
        assert_eq!(asked("Wed, 21 Oct 2015 07:28:00 GMT"), None);
        assert_eq!(asked("soon"), None);
    }

    #[track_caller]
    fn check(change: impl FnOnce(&mut WebhookAccount), expect: &[&str]) {
        let mut account = account("https://example.org/alerts");
        change(&mut account);
        let said = Webhook::new(account).err().unwrap_or_default();
        assert_eq!(said.len(), expect.len(), "{said:?}");
        for (said, expect) in said.iter().zip(expect) {
            assert!(said.contains(expect), "{said}");
        }
    }

    #[test]
    fn everything_that_is_wrong_is_named() {
        check(|_| {}, &[]);
        check(|account| account.url = "http://127.0.0.1:9/x".into(), &[]);
        check(|account| account.url = "http://[::1]/x".into(), &[]);
        check(
            |account| account.url = "http://example.org".into(),
            &["plain = true"],
        );
        check(
            |account| {
                account.url = "ftp://example.org".into();
                account.secrets = vec![Secret::new("short")];
                account.authorization = Some(Secret::new("a\nb"));
            },
            &[
                "url: ftp is not",
                "secrets[0]: a secret begins",
                "authorization: it",
            ],
        );
        check(|account| account.secrets.clear(), &["secrets: none"]);
    }
}
