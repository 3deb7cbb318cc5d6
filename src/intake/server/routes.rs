//! What is answered to whom.

use std::sync::Arc;

use http_body_util::{BodyExt, Full};
use hyper::body::{Body, Bytes, Incoming};
use hyper::header::{self, HeaderMap, HeaderValue};
use hyper::{Method, Request, Response, StatusCode};

use super::Shared;
use super::connections::Connection;
use crate::intake::{Answer, Counter, Delivery, Headers, Taken, clock};

/// Camio's generic API is spoken by sources of this vendor.
const CAMIO: &str = "camio";
/// When a sender that was turned away should come back, s.
const RETRY_AFTER_S: &str = "2";

type Reply = Response<Full<Bytes>>;

/// Answers one request.
pub(super) async fn answer(
    shared: &Shared,
    connection: &Connection,
    request: Request<Incoming>,
) -> Reply {
    let path = request.uri().path();
    if let Some(rest) = path.strip_prefix("/in/") {
        let name = rest.split('/').next().unwrap_or_default();
        let Some(counter) = shared.desk.counter(name).cloned() else {
            return nobody(shared);
        };
        return source(shared, connection, request, &[counter]).await;
    }
    let get = matches!(*request.method(), Method::GET | Method::HEAD);
    match path {
        "/pacs/devices" | "/pacs/webhooks" => {
            let all = shared.desk.counters();
            let camio = all.filter(|counter| counter.source.adapter.vendor() == CAMIO);
            let camio: Vec<Arc<Counter>> = camio.cloned().collect();
            if get && path == "/pacs/devices" {
                return devices(shared, &request, &camio);
            }
            source(shared, connection, request, &camio).await
        }
        "/healthz" if get => match shared.desk.inbox().poison() {
            None => text(StatusCode::OK, "ok\n"),
            Some(why) => text(StatusCode::SERVICE_UNAVAILABLE, format!("{why}\n")),
        },
        "/readyz" if get => {
            if shared.desk.inbox().poison().is_some() || shared.desk.is_busy() {
                text(StatusCode::SERVICE_UNAVAILABLE, "behind\n")
            } else {
                text(StatusCode::OK, "ready\n")
            }
        }
        "/metrics" if get => {
            let mut reply = text(StatusCode::OK, shared.desk.metrics().text());
            let kind = "application/openmetrics-text; version=1.0.0; charset=utf-8";
            let kind = HeaderValue::from_static(kind);
            reply.headers_mut().insert(header::CONTENT_TYPE, kind);
            reply
        }
        _ => nobody(shared),
    }
}

/// A delivery for the one of `candidates` that believes it.
async fn source(
    shared: &Shared,
    connection: &Connection,
    request: Request<Incoming>,
    candidates: &[Arc<Counter>],
) -> Reply {
    let Some(first) = candidates.first() else {
        return nobody(shared);
    };
    let received = clock::now();
    let limits = candidates
        .iter()
        .map(|counter| counter.source.settings.body_limit);
    let limit = limits.max().unwrap_or_default();
    if let Some(reply) = refused_unread(shared, &request, limit) {
        return reply;
    }
    let most = first.source.settings.connections;
    if !shared
        .connections
        .claim(connection, &first.source.name, most)
    {
        first.metrics.busy.inc();
        return closing(busy("too many connections for this source\n"));
    }
    let (head, body) = request.into_parts();
    let reading = tokio::time::timeout(shared.settings.body_time, read_body(body, limit));
    let body = match reading.await {
        Ok(Ok(body)) => body,
        Ok(Err(status)) => return closing(text(status, "")),
        Err(_) => return closing(text(StatusCode::REQUEST_TIMEOUT, "")),
    };
    let target = head
        .uri
        .path_and_query()
        .map_or_else(String::new, |target| target.as_str().to_owned());
    let mut delivery = Delivery {
        source: Arc::clone(&first.source.name),
        received,
        target,
        headers: headers(&head.headers),
        body,
    };
    let mut chosen = first;
    for counter in candidates.iter().skip(1) {
        if chosen.source.adapter.authenticate(&delivery).is_ok() {
            break;
        }
        delivery.source = Arc::clone(&counter.source.name);
        chosen = counter;
    }
    if !matches!(head.method, Method::POST | Method::PUT) {
        return match chosen.source.adapter.handshake(&delivery) {
            Some(answer) => handshake(answer),
            None => method_not_allowed(),
        };
    }
    let taken = shared.desk.take(chosen, delivery).await;
    match &taken {
        Taken::Stored(_) => shared.connections.trust(connection),
        Taken::Refused(_) => shared.connections.unclaim(connection),
        _ => {}
    }
    reply(taken)
}

/// What is refused by its head alone.
fn refused_unread(shared: &Shared, request: &Request<Incoming>, limit: usize) -> Option<Reply> {
    let encoding = request.headers().get(header::CONTENT_ENCODING);
    if encoding.is_some_and(|encoding| !encoding.as_bytes().eq_ignore_ascii_case(b"identity")) {
        let reply = text(
            StatusCode::UNSUPPORTED_MEDIA_TYPE,
            "send it without content encoding\n",
        );
        return Some(closing(reply));
    }
    let declared = request.body().size_hint().lower();
    if declared > limit as u64 {
        return Some(closing(text(StatusCode::PAYLOAD_TOO_LARGE, "")));
    }
    if let Some(why) = shared.desk.inbox().poison() {
        tracing::debug!("a delivery was turned away: {why}");
        return Some(closing(busy("stopping\n")));
    }
    shared.desk.is_busy().then(|| busy("behind\n"))
}

async fn read_body(mut body: Incoming, limit: usize) -> Result<Vec<u8>, StatusCode> {
    let declared = usize::try_from(body.size_hint().lower()).unwrap_or(limit);
    let mut bytes = Vec::with_capacity(declared.min(limit));
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|_| StatusCode::BAD_REQUEST)?;
        if let Some(data) = frame.data_ref() {
            if bytes.len() + data.len() > limit {
                return Err(StatusCode::PAYLOAD_TOO_LARGE);
            }
            bytes.extend_from_slice(data);
        }
    }
    Ok(bytes)
}

fn headers(headers: &HeaderMap) -> Headers {
    let pairs = headers.iter();
    Headers::new(pairs.map(|(name, value)| (name.as_str(), value.as_bytes())))
}

fn reply(taken: Taken) -> Reply {
    match taken {
        Taken::Stored(_) => text(StatusCode::OK, ""),
        Taken::Handshake(answer) => handshake(answer),
        Taken::Refused(_) => text(StatusCode::UNAUTHORIZED, "not believed\n"),
        Taken::Busy => busy("behind\n"),
        Taken::Poisoned(_) => closing(busy("stopping\n")),
    }
}

fn handshake(answer: Answer) -> Reply {
    let mut reply = Response::new(Full::new(Bytes::from(answer.body)));
    *reply.status_mut() = StatusCode::from_u16(answer.status).unwrap_or(StatusCode::OK);
    for (name, value) in &answer.headers {
        let name = header::HeaderName::from_bytes(name.as_bytes());
        // What came in as a header's value can go out as one; anything else is left out.
        if let (Ok(name), Ok(value)) = (name, HeaderValue::from_str(value)) {
            reply.headers_mut().append(name, value);
        }
    }
    reply
}

/// What the camio source with this bearer token listed last.
fn devices(shared: &Shared, request: &Request<Incoming>, camio: &[Arc<Counter>]) -> Reply {
    let mut delivery = Delivery {
        source: "".into(),
        received: clock::now(),
        target: request.uri().path().to_owned(),
        headers: headers(request.headers()),
        body: Vec::new(),
    };
    let believing = camio.iter().find(|counter| {
        delivery.source = Arc::clone(&counter.source.name);
        counter.source.adapter.authenticate(&delivery).is_ok()
    });
    let Some(counter) = believing else {
        return text(StatusCode::UNAUTHORIZED, "not believed\n");
    };
    let listed = shared
        .desk
        .inbox()
        .reader()
        .and_then(|reader| reader.access_points(&counter.source.name));
    let Ok(points) = listed else {
        return busy("the list can't be read now\n");
    };
    let devices: Vec<serde_json::Value> = points
        .iter()
        .map(|point| serde_json::json!({"device_id": point.id, "device_name": point.name}))
        .collect();
    let body = serde_json::json!({ "devices": devices }).to_string();
    let mut reply = text(StatusCode::OK, body);
    let kind = HeaderValue::from_static("application/json");
    reply.headers_mut().insert(header::CONTENT_TYPE, kind);
    reply
}

fn nobody(shared: &Shared) -> Reply {
    shared.desk.metrics().lost.inc();
    closing(text(StatusCode::NOT_FOUND, "no such source\n"))
}

fn method_not_allowed() -> Reply {
    let mut reply = text(StatusCode::METHOD_NOT_ALLOWED, "");
    let allow = HeaderValue::from_static("POST");
    reply.headers_mut().insert(header::ALLOW, allow);
    reply
}

fn busy(why: &'static str) -> Reply {
    let mut reply = text(StatusCode::SERVICE_UNAVAILABLE, why);
    let after = HeaderValue::from_static(RETRY_AFTER_S);
    reply.headers_mut().insert(header::RETRY_AFTER, after);
    reply
}

/// The connection ends with this answer: what follows on it was not read.
fn closing(mut reply: Reply) -> Reply {
    let close = HeaderValue::from_static("close");
    reply.headers_mut().insert(header::CONNECTION, close);
    reply
}

fn text(status: StatusCode, body: impl Into<Bytes>) -> Reply {
    let mut reply = Response::new(Full::new(body.into()));
    *reply.status_mut() = status;
    reply
}
