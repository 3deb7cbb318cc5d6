//! A receiver of webhooks: checks Standard Webhooks signatures and answers as it is told.
//!
//! Theory of operation: every request is read whole, its signature checked with code of this file's
//! own, and answered by the next of a list of responses; the last one holds for ever. So a receiver that
//! is down, slow, wrong or gone can be played from the command line. What arrived is handed on in the
//! order in which it was answered.
//!
//! It knows nothing of `notify`: what the two agree on is the specification alone (Standard Webhooks,
//! "Verifying signatures": HMAC-SHA256 over `id.timestamp.body`, five minutes of tolerance).

use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit, Mac};
use http_body_util::{BodyExt, Limited};
use hyper::HeaderMap;
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use sha2::Sha256;
use tokio::net::TcpListener;
use tokio::sync::mpsc;
use tokio_util::sync::{CancellationToken, DropGuard};

use super::server::{FakeError, opened, spawn_until};
use super::{Certificate, wire};
use crate::units::{Instant, Span};

/// Longest body that is read.
const MOST_BODY: usize = 1 << 20;

/// How far a stamp may be off, both ways.
const TOLERANCE_S: i64 = 300;

/// How long it waits before it takes connections again after the system gave none.
const PAUSE: Duration = Duration::from_millis(20);

/// How one or several requests are answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Response {
    /// The status; `None`: the connection is closed without an answer.
    pub status: Option<u16>,
    /// How long the answer takes.
    pub after: Span,
    /// What `Retry-After` says, s.
    pub retry_after: Option<u32>,
    /// So many requests are answered like this.
    pub times: u32,
}

/// How a receiver is started.
#[derive(Debug, Clone)]
pub struct ReceiverOptions {
    /// Where it listens; port 0 takes a free one.
    pub listen: SocketAddr,
    /// Secrets that it knows, with or without `whsec_`; a signature by one of them is good.
    pub secrets: Vec<String>,
    /// How it answers, in order; the last one for ever. Empty: 204.
    pub responses: Vec<Response>,
    /// TLS with this certificate.
    pub certificate: Option<Certificate>,
}

/// Something that arrived and was answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Arrival {
    /// When, UTC.
    pub at: Instant,
    /// Its `webhook-id`.
    pub id: String,
    /// Whether the signature is good; else what is wrong.
    pub signature: Result<(), String>,
    /// What it was answered; `None`: nothing.
    pub answered: Option<u16>,
    /// All headers, for those who check for themselves.
    pub headers: HeaderMap,
    /// The body.
    pub body: Vec<u8>,
}

/// A receiver that runs; it stops when this is dropped.
#[derive(Debug)]
pub struct Receiver {
    address: SocketAddr,
    is_tls: bool,
    arrivals: mpsc::UnboundedReceiver<Arrival>,
    desk: Arc<Desk>,
    _stop: DropGuard,
}

/// What all connections share.
#[derive(Debug)]
struct Desk {
    keys: Vec<Vec<u8>>,
    responses: Mutex<Vec<Response>>,
    arrivals: mpsc::UnboundedSender<Arrival>,
}

impl Response {
    /// An answer with this status, for ever.
    pub const fn of(status: u16) -> Self {
        Self {
            status: Some(status),
            after: Span::ZERO,
            retry_after: None,
            times: u32::MAX,
        }
    }

    /// A list such as `503*2, 200+1.5, 429~30*1, drop*3, 410`: a status, or `drop` for no answer; after
    /// `+` seconds to wait, after `~` what Retry-After says, after `*` how many requests; the last one
    /// holds for ever.
    pub fn list(text: &str) -> Result<Vec<Self>, String> {
        let words = text.split(',').map(str::trim);
        words
            .filter(|word| !word.is_empty())
            .map(Self::parse)
            .collect()
    }

    fn parse(word: &str) -> Result<Self, String> {
        let wrong = || format!("{word:?} is no answer: write, for example, 503*2 or 200+1.5");
        let end = word.find(['+', '~', '*']).unwrap_or(word.len());
        let (status, mut rest) = word.split_at(end);
        let status = match status.trim() {
            "drop" => None,
            status => {
                let status = status.parse().ok();
                Some(
                    status
                        .filter(|s| (200..600).contains(s))
                        .ok_or_else(wrong)?,
                )
            }
        };
        let mut response = Self {
            status,
            after: Span::ZERO,
            retry_after: None,
            times: 1,
        };
        while let Some(mark) = rest.chars().next() {
            let end = rest[1..]
                .find(['+', '~', '*'])
                .map_or(rest.len(), |end| end + 1);
            let number = rest[1..end].trim();
            rest = &rest[end..];
            match mark {
                '+' => {
                    let seconds: f64 = number.parse().map_err(|_| wrong())?;
                    if !(0.0..=3_600.0).contains(&seconds) {
                        return Err(wrong());
                    }
                    response.after = Span::from_s(seconds);
                }
                '~' => response.retry_after = Some(number.parse().map_err(|_| wrong())?),
                _ => response.times = number.parse().map_err(|_| wrong())?,
            }
        }
        Ok(response)
    }
}

impl Receiver {
    /// Starts one inside the current Tokio runtime.
    pub async fn start(options: ReceiverOptions) -> Result<Self, FakeError> {
        let cannot = |why| FakeError::Listen {
            address: options.listen,
            why,
        };
        let listener = TcpListener::bind(options.listen).await.map_err(cannot)?;
        let address = listener.local_addr().map_err(cannot)?;
        let acceptor = options.certificate.as_ref().map(Certificate::acceptor);
        let acceptor = acceptor.transpose()?;
        let mut keys = Vec::new();
        for secret in &options.secrets {
            let text = secret.trim();
            let text = text.strip_prefix("whsec_").unwrap_or(text);
            let key = STANDARD.decode(text);
            keys.push(key.map_err(|_| FakeError::Secret)?);
        }
        let (sender, arrivals) = mpsc::unbounded_channel();
        let desk = Arc::new(Desk {
            keys,
            responses: Mutex::new(options.responses),
            arrivals: sender,
        });
        let stop = CancellationToken::new();
        let (shared, until) = (Arc::clone(&desk), stop.clone());
        spawn_until(&stop, async move {
            loop {
                let Ok((socket, _)) = listener.accept().await else {
                    tokio::time::sleep(PAUSE).await;
                    continue;
                };
                let (desk, acceptor) = (Arc::clone(&shared), acceptor.clone());
                spawn_until(&until, async move {
                    if let Some(io) = opened(socket, acceptor).await {
                        let service = service_fn(|request| answer(Arc::clone(&desk), request));
                        let _ = hyper::server::conn::http1::Builder::new()
                            .serve_connection(TokioIo::new(io), service)
                            .await;
                    }
                });
            }
        });
        Ok(Self {
            address,
            is_tls: options.certificate.is_some(),
            arrivals,
            desk,
            _stop: stop.drop_guard(),
        })
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Where alerts are to be sent.
    pub fn url(&self) -> String {
        let scheme = if self.is_tls { "https" } else { "http" };
        format!("{scheme}://{}/alerts", self.address)
    }

    /// From now on it answers like this.
    pub fn answers(&self, responses: Vec<Response>) {
        *self.desk.responses() = responses;
    }

    /// The next thing that arrives.
    pub async fn next(&mut self) -> Option<Arrival> {
        self.arrivals.recv().await
    }

    /// What has arrived and was not asked for yet.
    pub fn so_far(&mut self) -> Vec<Arrival> {
        std::iter::from_fn(|| self.arrivals.try_recv().ok()).collect()
    }
}

impl Desk {
    fn responses(&self) -> std::sync::MutexGuard<'_, Vec<Response>> {
        self.responses
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    fn next_response(&self) -> Response {
        let mut responses = self.responses();
        let Some(first) = responses.first_mut() else {
            return Response::of(204);
        };
        let response = *first;
        first.times = first.times.saturating_sub(1);
        if first.times == 0 && responses.len() > 1 {
            responses.remove(0);
        }
        response
    }
}

/// Why a connection is closed without an answer.
#[derive(Debug, thiserror::Error)]
#[error("no answer")]
struct NoAnswer;

async fn answer(
    desk: Arc<Desk>,
    request: hyper::Request<Incoming>,
) -> Result<wire::Reply, NoAnswer> {
    let (head, body) = request.into_parts();
    let body = Limited::new(body, MOST_BODY).collect().await;
    let body = body.map_err(|_| NoAnswer)?.to_bytes();
    let at = Instant::from_us(jiff::Timestamp::now().as_microsecond());
    let signature = verify(&desk.keys, &head.headers, &body, at);
    let response = desk.next_response();
    if response.after > Span::ZERO {
        let wait = Duration::from_micros(response.after.as_us().unsigned_abs());
        tokio::time::sleep(wait).await;
    }
    let id = header(&head.headers, "webhook-id").unwrap_or_default();
    let arrival = Arrival {
        at,
        id: id.to_owned(),
        signature,
        answered: response.status,
        headers: head.headers.clone(),
        body: body.to_vec(),
    };
    // Nobody need be interested.
    let _ = desk.arrivals.send(arrival);
    let reply = wire::empty(response.status.ok_or(NoAnswer)?);
    Ok(match response.retry_after {
        Some(seconds) => wire::with_header(reply, "retry-after", &seconds.to_string()),
        None => reply,
    })
}

fn header<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name)?.to_str().ok()
}

/// What is wrong with a signature, if anything is.
fn verify(keys: &[Vec<u8>], headers: &HeaderMap, body: &[u8], now: Instant) -> Result<(), String> {
    let need = |name| header(headers, name).ok_or_else(|| format!("{name} is missing"));
    let (id, stamp) = (need("webhook-id")?, need("webhook-timestamp")?);
    let signatures = need("webhook-signature")?;
    let seconds: i64 = stamp
        .parse()
        .map_err(|_| format!("webhook-timestamp is no number: {stamp:?}"))?;
    let age = now.as_us().div_euclid(1_000_000) - seconds;
    if age.abs() > TOLERANCE_S {
        return Err(format!("webhook-timestamp is off by {age} s"));
    }
    for key in keys {
        for given in signatures
            .split(' ')
            .filter_map(|one| one.strip_prefix("v1,"))
        {
            let Ok(given) = STANDARD.decode(given) else {
                continue;
            };
            let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(key) else {
                continue;
            };
            for part in [id.as_bytes(), b".", stamp.as_bytes(), b".", body] {
                mac.update(part);
            }
            if mac.verify_slice(&given).is_ok() {
                return Ok(());
            }
        }
    }
    Err("no signature is by a secret that is known here".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The example of the specification's own libraries.
    #[test]
    fn a_published_example_is_believed_and_changes_of_it_are_not() {
        let key = STANDARD.decode("C2FVsBQIhrscChlQIMV+b5sSYspob7oD").unwrap();
        let body = br#"{"email":"test@example.com","username":"test_user"}"#;
        let headers = |id: &str, stamp: &str, signature: &str| {
            let mut headers = HeaderMap::new();
            headers.insert("webhook-id", id.parse().unwrap());
            headers.insert("webhook-timestamp", stamp.parse().unwrap());
            headers.insert("webhook-signature", signature.parse().unwrap());
            headers
        };
        let (id, stamp) = ("msg_27UH4WbU6Z5A5EzD8u03UvzRbpk", "1649367553");
        let good = "v1,tZ1I4/hDygAJgO5TYxiSd6Sd0kDW6hPenDe+bTa3Kkw=";
        let now = Instant::from_us(1_649_367_600_000_000);
        let keys = [vec![7; 32], key];
        let both = format!("v1,AAAA {good}");
        let check = |headers: &HeaderMap, body: &[u8], now| verify(&keys, headers, body, now);
        assert_eq!(check(&headers(id, stamp, good), body, now), Ok(()));
        assert_eq!(check(&headers(id, stamp, &both), body, now), Ok(()));
        let late = now + Span::from_s(301.0);
        for wrong in [
            check(&headers(id, stamp, good), b"{}", now),
            check(&headers("msg_other", stamp, good), body, now),
            check(&headers(id, "1649367554", good), body, now),
            check(&headers(id, stamp, &good.replace("v1", "v2")), body, now),
            check(&headers(id, stamp, good), body, late),
            check(&HeaderMap::new(), body, now),
            verify(&keys[..1], &headers(id, stamp, good), body, now),
        ] {
            assert!(wrong.is_err());
        }
    }

    #[test]
    fn answers_are_read_as_people_write_them() {
        let read = Response::list("503*2, 200+1.5, 429~30, drop*3, 410").unwrap();
        let short: Vec<_> = read
            .iter()
            .map(|r| (r.status, r.after.as_s(), r.retry_after, r.times))
            .collect();
        assert_eq!(
            short,
            [
                (Some(503), 0.0, None, 2),
                (Some(200), 1.5, None, 1),
                (Some(429), 0.0, Some(30), 1),
                (None, 0.0, None, 3),
                (Some(410), 0.0, None, 1),
            ]
        );
        for wrong in ["teapot", "99", "200+", "200*x", "200+-1"] {
            assert!(Response::list(wrong).is_err(), "{wrong}");
        }
    }
}
