//! The server over real sockets: every bound, every answer, and nothing stored that should not be.

use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::sync::{Arc, Barrier};
use std::time::Duration;

use tempfile::TempDir;
use tokio::runtime::Runtime;
use tokio_util::sync::CancellationToken;

use super::*;
use crate::intake::inbox::{Inbox, InboxSettings};
use crate::intake::testing::{Plain, TOKEN};
use crate::intake::vendors::{CamioSettings, VendorSettings, adapter};
use crate::intake::{Desk, Metrics, Secret, Source, SourceSettings};

/// Bearer tokens of the two sources that speak Camio's API.
const NORTH: &str = "north-token-0123456789abcdef0123";
const SOUTH: &str = "south-token-0123456789abcdef0123";

/// A server of its own on a free port.
pub(super) struct Rig {
    address: SocketAddr,
    desk: Arc<Desk>,
    stop: CancellationToken,
    runtime: Option<Runtime>,
    folder: TempDir,
}

impl Rig {
    pub(super) fn new(
        change: impl FnOnce(&mut ServerSettings, &mut InboxSettings, &mut SourceSettings),
    ) -> Self {
        Self::with(change, true)
    }

    /// No source speaks Camio's API.
    pub(super) fn without_camio() -> Self {
        Self::with(|_, _, _| {}, false)
    }

    fn with(
        change: impl FnOnce(&mut ServerSettings, &mut InboxSettings, &mut SourceSettings),
        with_camio: bool,
    ) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let mut inbox = InboxSettings::at(folder.path().join("inbox.db"));
        let mut server = ServerSettings::at(SocketAddr::from(([127, 0, 0, 1], 0)));
        let mut settings = SourceSettings::default();
        change(&mut server, &mut inbox, &mut settings);
        let metrics = Arc::new(Metrics::default());
        let camio = |name: &str, token: &str| Source {
            name: name.into(),
            adapter: adapter(
                &VendorSettings::Camio(CamioSettings::default()),
                vec![Secret::new(token)],
            )
            .expect("an adapter"),
            settings: SourceSettings::default(),
            secrets: vec![Secret::new(token)],
        };
        let plain = Source {
            name: "s".into(),
            adapter: Arc::new(Plain),
            settings,
            secrets: Vec::new(),
        };
        let mut sources = vec![plain];
        if with_camio {
            sources.extend([camio("north", NORTH), camio("south", SOUTH)]);
        }
        let names: Vec<_> = sources
            .iter()
            .map(|source| (Arc::clone(&source.name), source.adapter.vendor()))
            .collect();
        let inbox = Inbox::open(&inbox, &names, metrics.commits.clone()).expect("an inbox");
        let most_lag = server.most_lag;
        let desk = Desk::new(sources, inbox, metrics, most_lag, None).expect("a desk");
        let desk = Arc::new(desk);
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(2)
            .enable_all()
            .build()
            .expect("a runtime");
        let stop = CancellationToken::new();
        let bound = runtime.block_on(Server::bind(server, Arc::clone(&desk)));
        let bound = bound.expect("a free port");
        let address = bound.address().expect("an address");
        runtime.spawn(bound.serve(stop.clone()));
        Self {
            address,
            desk,
            stop,
            runtime: Some(runtime),
            folder,
        }
    }

    pub(super) fn connect(&self) -> TcpStream {
        let stream = TcpStream::connect(self.address).expect("a connection");
        let most = Some(Duration::from_secs(30));
        stream.set_read_timeout(most).expect("a bound");
        stream
    }

    /// Sends bytes and reads to the end of the connection: status (0: none) and whole answer.
    fn ask(&self, request: &[u8]) -> (u16, String) {
        let mut stream = self.connect();
        // A server that refuses early may close before everything is sent.
        drop(stream.write_all(request));
        answer(&mut stream)
    }

    /// From now on writes and reads fail, as on a disk that is gone.
    pub(super) fn break_disk(&self) {
        let path = self.folder.path().join("inbox.db");
        let other = rusqlite::Connection::open(path).expect("a connection");
        let gone = "ALTER TABLE event RENAME TO gone; ALTER TABLE point RENAME TO gone_too";
        other.execute_batch(gone).expect("renamed");
        assert_eq!(self.ask(&signed("x granted r")).0, 503);
    }

    fn stored(&self) -> u64 {
        let reader = self.desk.inbox().reader().expect("a reader");
        reader.last_seq().expect("a number")
    }
}

impl Drop for Rig {
    fn drop(&mut self) {
        self.stop.cancel();
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_timeout(Duration::from_secs(5));
        }
    }
}

pub(super) fn answer(stream: &mut TcpStream) -> (u16, String) {
    let mut bytes = Vec::new();
    // A reset after the answer is no concern here.
    drop(stream.read_to_end(&mut bytes));
    let text = String::from_utf8_lossy(&bytes).into_owned();
    let status = text.split(' ').nth(1).and_then(|word| word.parse().ok());
    (status.unwrap_or(0), text)
}

/// A request whose connection ends with it.
fn post(path: &str, headers: &str, body: &str) -> Vec<u8> {
    let length = body.len();
    format!(
        "POST {path} HTTP/1.1\r\nHost: h\r\nConnection: close\r\nContent-Length: {length}\r\n\
         {headers}\r\n{body}"
    )
    .into_bytes()
}

fn signed(body: &str) -> Vec<u8> {
    post("/in/s", &format!("X-Token: {TOKEN}\r\n"), body)
}

#[track_caller]
fn check(rig: &Rig, request: &[u8], status: u16, stored: u64, holds: &str) {
    let (answered, text) = rig.ask(request);
    assert_eq!(answered, status, "{text}");
    assert!(text.to_lowercase().contains(holds), "{text}");
    assert_eq!(rig.stored(), stored);
}

#[test]
fn every_answer() {
    let rig = Rig::new(|_, _, source| source.body_limit = 1000);
    let large = "x".repeat(1001);
    check(&rig, &signed("a granted r"), 200, 1, "");
    check(&rig, &signed("a granted r"), 200, 1, "");
    check(
        &rig,
        &post("/in/s/any", "X-Token: good\r\n", "b granted r"),
        200,
        2,
        "",
    );
    check(
        &rig,
        &post("/in/s", "X-Token: bad\r\n", "c granted r"),
        401,
        2,
        "",
    );
    check(&rig, &post("/in/s", "", "c granted r"), 401, 2, "");
    check(
        &rig,
        &post("/in/t", "X-Token: good\r\n", "c granted r"),
        404,
        2,
        "",
    );
    check(&rig, &post("/", "", ""), 404, 2, "");
    check(&rig, &signed("not readable"), 200, 2, "");
    let encoded = "X-Token: good\r\nContent-Encoding: gzip\r\n";
    check(
        &rig,
        &post("/in/s", encoded, "c granted r"),
        415,
        2,
        "connection: close",
    );
    let identity = "X-Token: good\r\nContent-Encoding: identity\r\n";
    check(&rig, &post("/in/s", identity, "c granted r"), 200, 3, "");
    check(&rig, &signed(&large), 413, 3, "connection: close");
    check(
        &rig,
        &post("/in/s", "X-Challenge: abc\r\n", ""),
        200,
        3,
        "x-challenge: abc",
    );
    let get = |path: &str| format!("GET {path} HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n");
    check(&rig, get("/in/s").as_bytes(), 405, 3, "allow: post");
    check(&rig, get("/healthz").as_bytes(), 200, 3, "ok");
    check(&rig, get("/readyz").as_bytes(), 200, 3, "ready");
    check(&rig, b"nonsense\r\n\r\n", 400, 3, "");
    let quarantine = rig
        .desk
        .inbox()
        .reader()
        .expect("a reader")
        .quarantine(false);
    assert_eq!(quarantine.expect("a list").len(), 1);
    for (name, count) in [
        ("deliveries", 8),
        ("events", 3),
        ("duplicates", 1),
        ("refused", 2),
        ("quarantined", 1),
    ] {
        let line = format!("tailgate_intake_{name}_total{{source=\"s\"}} {count}");
        check(&rig, get("/metrics").as_bytes(), 200, 3, &line);
    }
}

#[test]
fn a_body_without_length_is_bounded_too() {
    let rig = Rig::new(|_, _, source| source.body_limit = 1000);
    let head = "POST /in/s HTTP/1.1\r\nHost: h\r\nConnection: close\r\nX-Token: good\r\n\
                Transfer-Encoding: chunked\r\n\r\n";
    let chunk = format!("{head}b\r\na granted r\r\n0\r\n\r\n");
    check(&rig, chunk.as_bytes(), 200, 1, "");
    let large = format!(
        "{head}{}",
        format!("1f4\r\n{}\r\n", "x".repeat(500)).repeat(3)
    );
    check(&rig, large.as_bytes(), 413, 1, "");
}

#[test]
fn headers_are_bounded_in_size_and_time() {
    let rig = Rig::new(|server, _, _| server.header_time = Duration::from_millis(100));
    let padding = format!("X-Token: good\r\nX-Padding: {}\r\n", "x".repeat(9 << 10));
    check(&rig, &post("/in/s", &padding, "a granted r"), 431, 0, "");
    // Half a header and then nothing: the connection ends by itself.
    let (status, _) = rig.ask(b"POST /in/s HTTP/1.1\r\nHost: h\r\nX-To");
    assert_ne!(status, 200);
    let (status, text) = rig.ask(b"");
    assert_ne!(status, 200, "{text}");
    check(&rig, &signed("a granted r"), 200, 1, "");
}

#[test]
fn a_connection_may_be_quiet_between_requests() {
    let rig = Rig::new(|server, _, _| server.header_time = Duration::from_millis(50));
    let mut kept = rig.connect();
    let request = String::from_utf8(signed("a granted r")).expect("text");
    let request = request.replace("Connection: close\r\n", "");
    kept.write_all(request.as_bytes()).expect("sent");
    assert!(read_one(&mut kept).starts_with(b"HTTP/1.1 200"));
    // A connection that is slower than a header may be comes and goes meanwhile.
    assert_ne!(rig.ask(b"POST /in/s").0, 200);
    kept.write_all(request.as_bytes()).expect("sent");
    assert!(read_one(&mut kept).starts_with(b"HTTP/1.1 200"));
    // The second header of a connection is bounded in time as well.
    kept.write_all(b"POST /in/s").expect("sent");
    assert_eq!(answer(&mut kept).0, 0);
}

#[test]
fn a_body_that_does_not_come_is_not_waited_for() {
    let rig = Rig::new(|server, _, _| server.body_time = Duration::from_millis(100));
    let request =
        b"POST /in/s HTTP/1.1\r\nHost: h\r\nX-Token: good\r\nContent-Length: 11\r\n\r\na gr";
    check(&rig, request, 408, 0, "connection: close");
    // One that breaks off is no delivery either.
    let mut stream = rig.connect();
    stream.write_all(request).expect("sent");
    stream.shutdown(Shutdown::Write).expect("half closed");
    assert_ne!(answer(&mut stream).0, 200);
    assert_eq!(rig.stored(), 0);
}

#[test]
fn a_source_has_so_many_connections() {
    let rig = Rig::new(|_, _, source| source.connections = 1);
    let mut first = rig.connect();
    let kept = String::from_utf8(signed("a granted r")).expect("text");
    let kept = kept.replace("Connection: close\r\n", "");
    first.write_all(kept.as_bytes()).expect("sent");
    let mut start = [0; 12];
    first.read_exact(&mut start).expect("an answer");
    assert_eq!(&start, b"HTTP/1.1 200");
    check(&rig, &signed("b granted r"), 503, 1, "retry-after: 2");
    drop(first);
    // The place is given back once the server has seen the end of the first connection.
    while rig.ask(&signed("b granted r")).0 == 503 {}
    assert_eq!(rig.stored(), 2);
}

#[test]
fn idle_strangers_do_not_keep_senders_out() {
    let rig = Rig::new(|server, _, _| server.connections = 4);
    let _idle: Vec<TcpStream> = (0..40).map(|_| rig.connect()).collect();
    check(&rig, &signed("a granted r"), 200, 1, "");
}

#[test]
fn who_is_turned_away_is_told_and_nothing_else_is_lost() {
    let rig = Rig::new(|_, inbox, _| {
        inbox.queue = 1;
        inbox.batch = 1;
        inbox.slower_commit = Duration::from_millis(50);
    });
    let barrier = Barrier::new(16);
    let answers: Vec<(u16, String)> = std::thread::scope(|scope| {
        let asked: Vec<_> = (0..16)
            .map(|i| {
                let (rig, barrier) = (&rig, &barrier);
                scope.spawn(move || {
                    barrier.wait();
                    rig.ask(&signed(&format!("e{i} granted r")))
                })
            })
            .collect();
        asked
            .into_iter()
            .map(|one| one.join().expect("an answer"))
            .collect()
    });
    let accepted = answers.iter().filter(|(status, _)| *status == 200).count();
    let away = answers.iter().filter(|(status, _)| *status == 503);
    assert!(
        away.clone()
            .all(|(_, text)| text.to_lowercase().contains("retry-after: 2"))
    );
    assert_eq!(accepted + away.clone().count(), 16);
    assert!(away.count() > 0, "the queue was never full");
    assert_eq!(rig.stored(), accepted as u64);
}

#[test]
fn a_failed_disk_ends_it() {
    let rig = Rig::new(|_, _, _| {});
    check(&rig, &signed("a granted r"), 200, 1, "");
    rig.break_disk();
    assert_eq!(rig.ask(&signed("c granted r")).0, 503);
    let health = b"GET /healthz HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n";
    assert_eq!(rig.ask(health).0, 503);
    assert!(rig.desk.inbox().poison().is_some());
}

/// Drivers that were written for Camio: their paths name no source, their tokens do.
#[test]
fn camios_paths_find_their_source_by_its_token() {
    let rig = Rig::new(|_, _, _| {});
    let bearer = |token: &str| format!("Authorization: Bearer {token}\r\n");
    let devices = r#"{"devices":[{"device_id":"d1","device_name":"Front"}]}"#;
    let events = r#"{"events":[{"device_id":"d1","timestamp":"2026-11-20T10:00:00Z","event_type":"entry_unlocked"}]}"#;
    check(
        &rig,
        &post("/pacs/devices", &bearer(SOUTH), devices),
        200,
        0,
        "",
    );
    check(
        &rig,
        &post("/pacs/webhooks", &bearer(SOUTH), events),
        200,
        1,
        "",
    );
    check(
        &rig,
        &post("/pacs/webhooks", &bearer(NORTH), events),
        200,
        2,
        "",
    );
    check(
        &rig,
        &post("/pacs/webhooks", &bearer(NORTH), events),
        200,
        2,
        "",
    );
    check(
        &rig,
        &post("/pacs/webhooks", &bearer("wrong"), events),
        401,
        2,
        "",
    );
    check(&rig, &post("/pacs/webhooks", "", events), 401, 2, "");
    let list = |token: &str| {
        let head = bearer(token);
        format!("GET /pacs/devices HTTP/1.1\r\nHost: h\r\nConnection: close\r\n{head}\r\n")
    };
    check(
        &rig,
        list(SOUTH).as_bytes(),
        200,
        2,
        r#"{"device_id":"d1","device_name":"front"}"#,
    );
    check(&rig, list(NORTH).as_bytes(), 200, 2, r#"{"devices":[]}"#);
    check(&rig, list("wrong").as_bytes(), 401, 2, "");
    let stored = std::fs::read(rig.folder.path().join("inbox.db-wal")).expect("the log");
    let token = |token: &str| stored.windows(token.len()).any(|w| w == token.as_bytes());
    assert!(!token(SOUTH) && !token(NORTH), "a token was stored");
}

/// C11 of the fault list: what cannot be right is stored as it is, and seen.
#[test]
fn a_clock_that_cannot_be_right_is_seen() {
    let rig = Rig::new(|_, _, _| {});
    for (number, year) in ["2010", "2090"].iter().enumerate() {
        let body = format!(
            r#"{{"events":[{{"device_id":"d1","timestamp":"{year}-11-20T10:00:00Z","event_type":"entry_unlocked"}}]}}"#
        );
        let token = format!("Authorization: Bearer {NORTH}\r\n");
        let stored = number as u64 + 1;
        check(
            &rig,
            &post("/pacs/webhooks", &token, &body),
            200,
            stored,
            "",
        );
    }
    let held = rig
        .desk
        .inbox()
        .reader()
        .expect("a reader")
        .quarantine(false);
    let held = held.expect("a list");
    assert_eq!(held.len(), 2);
    assert!(
        held[0].what.contains("at 2010-11-20T10:00:00"),
        "{}",
        held[0].what
    );
}

/// C1 of the fault list, in small: the same event on all connections at once.
#[test]
fn the_same_event_a_hundred_times_at_once_is_one_row() {
    let rig = Rig::new(|_, _, _| {});
    let barrier = Barrier::new(16);
    let all_2xx = std::thread::scope(|scope| {
        let senders: Vec<_> = (0..16)
            .map(|_| {
                let (rig, barrier) = (&rig, &barrier);
                scope.spawn(move || {
                    let request = String::from_utf8(signed("a granted r")).expect("text");
                    let request = request.replace("Connection: close\r\n", "");
                    let mut stream = rig.connect();
                    barrier.wait();
                    (0..100).all(|_| {
                        stream.write_all(request.as_bytes()).expect("sent");
                        read_one(&mut stream).starts_with(b"HTTP/1.1 200")
                    })
                })
            })
            .collect();
        senders.into_iter().all(|one| one.join().expect("answers"))
    });
    assert!(all_2xx);
    assert_eq!(rig.stored(), 1);
    let counter = rig.desk.counter("s").expect("the source");
    let metrics = &counter.metrics;
    assert_eq!((metrics.stored.get(), metrics.duplicates.get()), (1, 1599));
}

/// One answer without a body.
fn read_one(stream: &mut TcpStream) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut one = [0; 1];
    while !bytes.ends_with(b"\r\n\r\n") {
        stream.read_exact(&mut one).expect("an answer");
        bytes.push(one[0]);
    }
    bytes
}

#[test]
fn tls_from_files() {
    let made = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]);
    let made = made.expect("a certificate");
    let folder = tempfile::tempdir().expect("a folder");
    let (certificate, key) = (folder.path().join("c.pem"), folder.path().join("k.pem"));
    std::fs::write(&certificate, made.cert.pem()).expect("written");
    std::fs::write(&key, made.signing_key.serialize_pem()).expect("written");
    let files = (certificate.clone(), key.clone());
    let rig = Rig::new(|server, _, _| server.tls = Some(files));
    let mut roots = rustls::RootCertStore::empty();
    roots.add(made.cert.der().clone()).expect("a root");
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .expect("versions")
        .with_root_certificates(roots)
        .with_no_client_auth();
    let name = "localhost".try_into().expect("a name");
    let session = rustls::ClientConnection::new(Arc::new(config), name).expect("a session");
    let mut stream = rustls::StreamOwned::new(session, rig.connect());
    stream.write_all(&signed("a granted r")).expect("sent");
    let mut text = String::new();
    drop(stream.read_to_string(&mut text));
    assert!(text.starts_with("HTTP/1.1 200"), "{text}");
    assert_eq!(rig.stored(), 1);
    assert!(
        tls::acceptor(&key, &certificate).is_err(),
        "swapped files are refused"
    );
}
