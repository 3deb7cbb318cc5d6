//! The socket of a fake: connections, TLS, the script's player, and the control requests.
//!
//! Control requests, on the same port and without a password, since a fake guards nothing:
//!
//! - `POST /_fake/advance?s=5` moves a held clock by 5 s and answers when all that was due is done;
//! - `POST /_fake/do` with a line of the script, without its time, makes it happen now;
//! - `GET /_fake/state` tells the fake's clock and what the vendor knows.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use http_body_util::{BodyExt, Limited};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use serde_json::{Value, json};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio_util::sync::{CancellationToken, DropGuard};

use super::stage::Stage;
use super::wire::{self, Boxed, Reply, Request};
use super::{Act, Certificate, Script, genetec, kisi, openpath};
use crate::units::{Instant, Span};

/// Longest body that is read.
const MOST_BODY: usize = 1 << 20;

/// How often a running clock is pushed forward.
const TICK: Duration = Duration::from_millis(20);

/// Which vendor a fake plays.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum VendorName {
    /// Openpath, now Avigilon Alta Access.
    Openpath,
    /// Kisi.
    Kisi,
    /// Genetec Security Center, its Web SDK.
    Genetec,
}

/// How a fake's time passes.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Pace {
    /// Only when told.
    Held,
    /// By itself, so many times as fast as real time.
    Running(f64),
}

/// What a fake is started with.
#[derive(Debug, Clone)]
pub struct Options {
    /// Which vendor.
    pub vendor: VendorName,
    /// Where it listens; port 0 takes a free one.
    pub listen: SocketAddr,
    /// What happens.
    pub script: Script,
    /// The wall clock at the script's start, UTC.
    pub start: Instant,
    /// How time passes.
    pub pace: Pace,
    /// TLS with this certificate.
    pub certificate: Option<Certificate>,
    /// Who may log in: an e-mail address or user name. Kisi has none.
    pub user: String,
    /// The password or key.
    pub password: String,
    /// The organisation (Openpath, Kisi) or the licensed application (Genetec).
    pub account: String,
    /// Others who may log in, as user and password: for changing who does.
    pub others: Vec<(String, String)>,
}

impl Options {
    /// A vendor on a free local port, with a held clock and the fake's usual account.
    pub fn new(vendor: VendorName, script: Script, start: Instant) -> Self {
        let (user, password, account) = match vendor {
            VendorName::Openpath => ("admin@example.org", "openpath-password", "2181"),
            VendorName::Kisi => ("", "kisi-key", "77"),
            VendorName::Genetec => ("admin", "genetec-password", "GSC-1SDK-Example-Tailgate"),
        };
        Self {
            vendor,
            listen: SocketAddr::from(([127, 0, 0, 1], 0)),
            script,
            start,
            pace: Pace::Held,
            certificate: None,
            user: user.to_owned(),
            password: password.to_owned(),
            account: account.to_owned(),
            others: Vec::new(),
        }
    }

    pub(super) fn accounts(&self) -> Accounts {
        let first = (self.user.clone(), self.password.clone());
        Accounts(std::iter::once(first).chain(self.others.clone()).collect())
    }
}

/// Who may log in, as user and password.
pub(super) struct Accounts(Vec<(String, String)>);

impl Accounts {
    /// Whether one of them is this.
    pub(super) fn know(&self, user: &str, password: &str) -> bool {
        self.any(|(known, secret)| known == user && secret == password)
    }

    /// Whether one of them has this password.
    pub(super) fn know_password(&self, password: &str) -> bool {
        self.any(|(_, secret)| secret == password)
    }

    fn any(&self, fits: impl Fn(&(String, String)) -> bool) -> bool {
        self.0.iter().any(fits)
    }
}

/// Why a fake does not start.
#[derive(Debug, thiserror::Error)]
pub enum FakeError {
    /// The address cannot be listened on.
    #[error("cannot listen on {address}: {why}. Is something else listening there?")]
    Listen {
        /// The address.
        address: SocketAddr,
        /// What the system says.
        why: std::io::Error,
    },
    /// No certificate could be made or used.
    #[error("cannot make a certificate: {0}")]
    Certificate(String),
    /// A secret of a receiver is none.
    #[error("a secret must be base64, with or without whsec_ before it")]
    Secret,
    /// It cannot send webhooks.
    #[error("cannot make an HTTP client: {0}")]
    Client(String),
}

/// What a vendor does. Everything else is the same for all.
pub(super) trait Vendor: Send + Sync {
    /// Something comes to pass.
    fn act(self: Arc<Self>, act: &Act);
    /// Somebody asks for something.
    fn handle(self: Arc<Self>, request: Request) -> Boxed<Reply>;
    /// The vendor's own words for a refusal with this status.
    fn refusal(&self, status: u16) -> Reply;
    /// What it knows, for people and tests.
    fn state(&self) -> Value;
}

/// A fake that runs; it stops when this is dropped.
#[derive(Debug)]
pub struct Running {
    address: SocketAddr,
    fingerprint: Option<String>,
    stage: Arc<Stage>,
    _stop: DropGuard,
}

impl Running {
    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The address for browsers and drivers, without a slash at the end.
    pub fn url(&self) -> String {
        let scheme = self.fingerprint.as_ref().map_or("http", |_| "https");
        format!("{scheme}://{}", self.address)
    }

    /// SHA-256 of its certificate, if it speaks TLS.
    pub fn fingerprint(&self) -> Option<&str> {
        self.fingerprint.as_deref()
    }

    /// Moves its clock forward; returns when all that was due has been done.
    pub async fn advance(&self, by: Span) {
        self.stage.advance_to(self.stage.now() + by).await;
    }

    /// Its wall clock, UTC.
    pub fn now(&self) -> Instant {
        self.stage.now()
    }
}

struct Fake {
    stage: Arc<Stage>,
    vendor: Arc<dyn Vendor>,
    script: Mutex<Script>,
    /// Changes when every open connection is to be cut.
    cut: watch::Sender<u64>,
    refuse: AtomicU32,
    fail: AtomicU32,
}

/// Starts a fake inside the current Tokio runtime.
pub async fn start(options: Options) -> Result<Running, FakeError> {
    let listener = TcpListener::bind(options.listen).await;
    let listener = listener.map_err(|why| FakeError::Listen {
        address: options.listen,
        why,
    })?;
    let address = listener.local_addr().map_err(|why| FakeError::Listen {
        address: options.listen,
        why,
    })?;
    let acceptor = options.certificate.as_ref().map(Certificate::acceptor);
    let acceptor = acceptor.transpose()?;
    let stage = Stage::new(options.start);
    let stop = CancellationToken::new();
    let vendor: Arc<dyn Vendor> = match options.vendor {
        VendorName::Openpath => openpath::Openpath::new(&options, &stage)?,
        VendorName::Kisi => kisi::Kisi::new(&options, &stage)?,
        VendorName::Genetec => genetec::Genetec::new(&options, &stage),
    };
    let fake = Arc::new(Fake {
        stage: Arc::clone(&stage),
        vendor,
        script: Mutex::new(options.script),
        cut: watch::Sender::new(0),
        refuse: AtomicU32::new(0),
        fail: AtomicU32::new(0),
    });
    let work = stage.work();
    let player = Arc::clone(&fake);
    spawn_until(&stop, async move { player.play(work).await });
    if let Pace::Running(speed) = options.pace {
        spawn_until(&stop, run_clock(Arc::clone(&stage), speed));
    }
    let serve = accept(listener, acceptor, fake, stop.clone());
    spawn_until(&stop, serve);
    Ok(Running {
        address,
        fingerprint: options.certificate.as_ref().map(Certificate::fingerprint),
        stage,
        _stop: stop.drop_guard(),
    })
}

pub(super) fn spawn_until(
    stop: &CancellationToken,
    task: impl Future<Output = ()> + Send + 'static,
) {
    let stop = stop.clone();
    tokio::spawn(async move {
        let _ = stop.run_until_cancelled(task).await;
    });
}

async fn run_clock(stage: Arc<Stage>, speed: f64) {
    let (from, began) = (stage.now(), tokio::time::Instant::now());
    let mut tick = tokio::time::interval(TICK);
    loop {
        tick.tick().await;
        let passed = began.elapsed().as_secs_f64() * speed;
        stage.advance_to(from + Span::from_s(passed)).await;
    }
}

pub(super) trait Io: AsyncRead + AsyncWrite + Send + Unpin {}
impl<T: AsyncRead + AsyncWrite + Send + Unpin> Io for T {}

async fn accept(
    listener: TcpListener,
    acceptor: Option<tokio_rustls::TlsAcceptor>,
    fake: Arc<Fake>,
    stop: CancellationToken,
) {
    loop {
        let Ok((socket, _)) = listener.accept().await else {
            tokio::time::sleep(TICK).await;
            continue;
        };
        let (fake, acceptor) = (Arc::clone(&fake), acceptor.clone());
        let mut cut = fake.cut.subscribe();
        spawn_until(&stop, async move {
            tokio::select! {
                () = converse(socket, acceptor, fake) => {}
                _ = cut.changed() => {}
            }
        });
    }
}

/// A client's connection, with TLS if there is a certificate. `None`: it came to nothing.
pub(super) async fn opened(
    socket: TcpStream,
    acceptor: Option<tokio_rustls::TlsAcceptor>,
) -> Option<Box<dyn Io>> {
    let _ = socket.set_nodelay(true);
    let Some(acceptor) = acceptor else {
        return Some(Box::new(socket));
    };
    match acceptor.accept(socket).await {
        Ok(socket) => Some(Box::new(socket)),
        Err(error) => {
            tracing::info!("no TLS with a client: {error}");
            None
        }
    }
}

async fn converse(socket: TcpStream, acceptor: Option<tokio_rustls::TlsAcceptor>, fake: Arc<Fake>) {
    let Some(io) = opened(socket, acceptor).await else {
        return;
    };
    let service = service_fn(|request| {
        let fake = Arc::clone(&fake);
        async move { Ok::<_, Infallible>(fake.answer(request).await) }
    });
    let served = hyper::server::conn::http1::Builder::new()
        .serve_connection(TokioIo::new(io), service)
        .await;
    if let Err(error) = served {
        tracing::debug!("a connection ended: {error}");
    }
}

impl Fake {
    async fn play(&self, mut work: super::stage::Work) {
        let steps = self.script().steps.clone();
        for step in steps {
            work = work.until(self.stage.at(step.at)).await;
            self.act(&step.act);
        }
    }

    fn script(&self) -> std::sync::MutexGuard<'_, Script> {
        self.script.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn act(&self, act: &Act) {
        match act {
            Act::DropConnection => self.cut.send_modify(|times| *times += 1),
            Act::Refuse(times) => self.refuse.store(*times, Ordering::Relaxed),
            Act::Fail(times) => self.fail.store(*times, Ordering::Relaxed),
            Act::Event(_) | Act::ExpireToken | Act::DisableWebhook | Act::Silence(_) => {
                Arc::clone(&self.vendor).act(act);
            }
        }
    }

    async fn answer(self: Arc<Self>, request: hyper::Request<Incoming>) -> Reply {
        let (parts, body) = request.into_parts();
        let Ok(body) = Limited::new(body, MOST_BODY).collect().await else {
            return wire::empty(413);
        };
        let body = body.to_bytes();
        let request = Request::new(parts.method, &parts.uri, parts.headers, body);
        tracing::debug!("{} {} {:?}", request.method, parts.uri, request.body);
        if request.path.first().is_some_and(|first| first == "_fake") {
            return self.control(&request).await;
        }
        if spend(&self.refuse) {
            return wire::with_header(self.vendor.refusal(429), "retry-after", "1");
        }
        if spend(&self.fail) {
            return self.vendor.refusal(500);
        }
        Arc::clone(&self.vendor).handle(request).await
    }

    async fn control(&self, request: &Request) -> Reply {
        match (request.method.as_str(), request.segments().as_slice()) {
            ("POST", ["_fake", "advance"]) => {
                let seconds = request.query("s").and_then(|text| text.parse().ok());
                let Some(seconds) = seconds.filter(|s: &f64| s.is_finite() && *s >= 0.0) else {
                    return wire::reply(400, "text/plain", "say how far: ?s=5\n");
                };
                let to = self.stage.now() + Span::from_s(seconds);
                self.stage.advance_to(to).await;
                wire::json(200, &self.state())
            }
            ("POST", ["_fake", "do"]) => {
                let line = String::from_utf8_lossy(&request.body).into_owned();
                let acts = self.script().also(line.trim(), self.stage.elapsed());
                match acts {
                    Err(problem) => wire::reply(400, "text/plain", format!("{problem}\n")),
                    Ok(acts) => {
                        for act in &acts {
                            self.act(act);
                        }
                        self.stage.advance_to(self.stage.now()).await;
                        wire::json(200, &self.state())
                    }
                }
            }
            ("GET", ["_fake", "state"]) => wire::json(200, &self.state()),
            _ => wire::reply(
                404,
                "text/plain",
                "advance, do and state are all there is\n",
            ),
        }
    }

    fn state(&self) -> Value {
        json!({
            "elapsed_s": self.stage.elapsed().as_us() as f64 / 1e6,
            "now": wire::iso(self.stage.now(), 6),
            "vendor": self.vendor.state(),
        })
    }
}

/// Takes one, if there is one left.
fn spend(left: &AtomicU32) -> bool {
    let less = |left: u32| left.checked_sub(1);
    let spent = left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, less);
    spent.is_ok()
}
