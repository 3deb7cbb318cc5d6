//! Requests and replies as the fakes see them: HTTP without ceremony.

use std::convert::Infallible;
use std::pin::Pin;
use std::task::{Context, Poll};

use http_body_util::combinators::BoxBody;
use http_body_util::{BodyExt, Full};
use hyper::body::{Body, Bytes, Frame};
use hyper::{HeaderMap, Method, Response};
use serde_json::Value;
use tokio::sync::mpsc;

use crate::units::Instant;

/// What is answered.
pub(super) type Reply = Response<BoxBody<Bytes, Infallible>>;

/// A future in a box.
pub(super) type Boxed<T> = Pin<Box<dyn Future<Output = T> + Send>>;

/// A request, read whole.
#[derive(Debug)]
pub(super) struct Request {
    pub(super) method: Method,
    /// Path segments, decoded, without empty ones.
    pub(super) path: Vec<String>,
    /// Query parameters, decoded, in order.
    pub(super) query: Vec<(String, String)>,
    pub(super) headers: HeaderMap,
    pub(super) body: Bytes,
}

impl Request {
    pub(super) fn new(method: Method, uri: &hyper::Uri, headers: HeaderMap, body: Bytes) -> Self {
        let path = uri.path().split('/').filter(|part| !part.is_empty());
        let query = uri.query().unwrap_or_default().split('&');
        let pair = |part: &str| {
            let (name, value) = part.split_once('=').unwrap_or((part, ""));
            (decoded(name, true), decoded(value, true))
        };
        Self {
            method,
            path: path.map(|part| decoded(part, false)).collect(),
            query: query.filter(|part| !part.is_empty()).map(pair).collect(),
            headers,
            body,
        }
    }

    /// The path's segments, for matching.
    pub(super) fn segments(&self) -> Vec<&str> {
        self.path.iter().map(String::as_str).collect()
    }

    pub(super) fn query(&self, name: &str) -> Option<&str> {
        let found = self.query.iter().find(|(known, _)| known == name);
        found.map(|(_, value)| value.as_str())
    }

    /// A whole number in the query, within bounds; without it, or with nonsense, the default.
    pub(super) fn number(&self, name: &str, default: usize, most: usize) -> usize {
        let number = self.query(name).and_then(|text| text.parse().ok());
        number.unwrap_or(default).min(most)
    }

    pub(super) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }

    pub(super) fn json(&self) -> Option<Value> {
        serde_json::from_slice(&self.body).ok()
    }
}

/// Undoes percent-encoding; what is not encoded well stays as it is.
fn decoded(text: &str, plus_is_space: bool) -> String {
    let bytes = text.as_bytes();
    let mut out = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while at < bytes.len() {
        let code = bytes.get(at + 1..at + 3);
        let code = code.and_then(|code| std::str::from_utf8(code).ok());
        let code = code.and_then(|code| u8::from_str_radix(code, 16).ok());
        match (bytes[at], code) {
            (b'%', Some(byte)) => {
                out.push(byte);
                at += 2;
            }
            (b'+', _) if plus_is_space => out.push(b' '),
            (byte, _) => out.push(byte),
        }
        at += 1;
    }
    String::from_utf8_lossy(&out).into_owned()
}

/// An answer with a body of some kind.
pub(super) fn reply(status: u16, kind: &str, body: impl Into<Bytes>) -> Reply {
    let mut reply = Response::new(Full::new(body.into()).boxed());
    *reply.status_mut() =
        hyper::StatusCode::from_u16(status).unwrap_or(hyper::StatusCode::INTERNAL_SERVER_ERROR);
    with_header(reply, "content-type", kind)
}

/// An answer in JSON.
pub(super) fn json(status: u16, body: &Value) -> Reply {
    reply(status, "application/json", body.to_string())
}

/// An answer without a body.
pub(super) fn empty(status: u16) -> Reply {
    let mut reply = reply(status, "text/plain", "");
    reply.headers_mut().remove("content-type");
    reply
}

/// The answer with one header more.
pub(super) fn with_header(mut reply: Reply, name: &'static str, value: &str) -> Reply {
    if let Ok(value) = value.parse() {
        reply.headers_mut().insert(name, value);
    }
    reply
}

/// A body that is written while it is read; it ends when the sender is dropped.
pub(super) struct Stream(pub(super) mpsc::Receiver<Bytes>);

impl Body for Stream {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        let polled = self.0.poll_recv(context);
        polled.map(|bytes| bytes.map(|bytes| Ok(Frame::data(bytes))))
    }
}

/// ISO 8601 in UTC with so many digits behind the second.
pub(super) fn iso(at: Instant, digits: usize) -> String {
    let at = jiff::Timestamp::from_microsecond(at.as_us()).unwrap_or_default();
    at.strftime(&format!(
        "%Y-%m-%dT%H:%M:%S{}Z",
        if digits == 0 {
            String::new()
        } else {
            format!("%.{digits}f")
        }
    ))
    .to_string()
}

/// A moment written in ISO 8601; without a zone it is UTC.
pub(super) fn from_iso(text: &str) -> Option<Instant> {
    let zoned: Option<jiff::Timestamp> = text.parse().ok();
    let at = zoned.or_else(|| {
        let local: jiff::civil::DateTime = text.parse().ok()?;
        Some(local.to_zoned(jiff::tz::TimeZone::UTC).ok()?.timestamp())
    })?;
    Some(Instant::from_us(at.as_microsecond()))
}

/// A number that is the same for the same words and spread evenly: for ids that are made up.
pub(super) fn made_up(words: &[&str]) -> [u8; 16] {
    use sha2::{Digest, Sha256};
    let hash = Sha256::digest(words.join("\n").as_bytes());
    let mut id = [0; 16];
    id.copy_from_slice(&hash[..16]);
    id
}

/// A GUID made of words.
pub(super) fn guid(words: &[&str]) -> String {
    let hex = hex::encode(made_up(words));
    format!(
        "{}-{}-{}-{}-{}",
        &hex[..8],
        &hex[8..12],
        &hex[12..16],
        &hex[16..20],
        &hex[20..]
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn queries_are_decoded() {
        for (text, expect) in [
            ("a%28b%29", "a(b)"),
            ("a+b", "a b"),
            ("100%", "100%"),
            ("%zz", "%zz"),
            ("%C3%A4", "ä"),
        ] {
            assert_eq!(decoded(text, true), expect);
        }
    }

    #[test]
    fn times_go_there_and_back() {
        let at = from_iso("2026-01-05T08:30:00.250Z").expect("a time");
        assert_eq!(at.as_us(), 1_767_601_800_250_000);
        assert_eq!(iso(at, 0), "2026-01-05T08:30:00Z");
        assert_eq!(iso(at, 3), "2026-01-05T08:30:00.250Z");
        assert_eq!(from_iso("2026-01-05T08:30:00.25"), Some(at));
        assert_eq!(from_iso("2026-01-05T09:30:00.25+01:00"), Some(at));
        assert_eq!(from_iso("half past eight"), None);
    }
}
