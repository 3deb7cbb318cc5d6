//! A vendor, a driver's surroundings, and a receiver of webhooks.

use std::convert::Infallible;
use std::sync::atomic::{AtomicU16, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use http_body_util::{BodyExt, Empty};
use hyper::body::{Bytes, Incoming};
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use serde_json::Value;
use tailgate::access::AccessKind;
use tailgate::fake::{self, Certificate, Options, Running, Script, VendorName};
use tailgate::intake::drivers::{Boxed, Clock, Context, Ended, ManualClock, NotStored, Sink};
use tailgate::intake::vendors::{VendorSettings, adapter};
use tailgate::intake::{AccessPoint, Adapter, Delivery, Headers, Secret};
use tailgate::units::{Instant, Interval, Span};
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio_util::sync::{CancellationToken, DropGuard};

/// 2026-01-05 08:00 UTC.
pub const START: Instant = Instant::from_us(1_767_600_000_000_000);

/// Waits up to this long pass by themselves while a test waits for something: retries, limits and
/// polls, but no reconciling and no silence.
const SHORT: Span = Span::from_ms(2_500);

/// When a test gives up. Real time, and never waited for if the test passes.
const GIVE_UP: Duration = Duration::from_secs(20);

/// What a driver handed over.
#[derive(Debug, Default, Clone)]
pub struct Log {
    pub stored: Vec<Delivery>,
    pub lost: Vec<(Instant, String)>,
    pub back: Vec<Instant>,
    pub read: Vec<Interval>,
    pub points: Vec<Vec<AccessPoint>>,
    pub alive: usize,
    pub complete_to: Option<Instant>,
    /// So many deliveries are not taken at first.
    pub busy: usize,
    /// Nothing is taken any more.
    pub broken: bool,
}

/// A sink that writes everything down.
pub struct Recorder {
    log: Mutex<Log>,
    changed: watch::Sender<()>,
}

impl Recorder {
    pub fn write(&self, write: impl FnOnce(&mut Log)) {
        write(&mut self.log.lock().unwrap());
        self.changed.send_replace(());
    }

    pub fn log(&self) -> Log {
        self.log.lock().unwrap().clone()
    }
}

impl Sink for Recorder {
    fn store(&self, delivery: Delivery) -> Boxed<'_, Result<(), NotStored>> {
        let mut taken = Ok(());
        self.write(|log| match log.busy.checked_sub(1) {
            _ if log.broken => taken = Err(NotStored::Broken("the disk is full".to_owned())),
            Some(left) => {
                log.busy = left;
                taken = Err(NotStored::Busy);
            }
            None => log.stored.push(delivery),
        });
        Box::pin(std::future::ready(taken))
    }

    fn alive(&self, _source: &str, _at: Instant) {
        self.write(|log| log.alive += 1);
    }

    fn contact_lost<'a>(&'a self, _: &'a str, since: Instant, why: &'a str) -> Boxed<'a, ()> {
        self.write(|log| log.lost.push((since, why.to_owned())));
        Box::pin(std::future::ready(()))
    }

    fn contact_back<'a>(&'a self, _: &'a str, at: Instant) -> Boxed<'a, ()> {
        self.write(|log| log.back.push(at));
        Box::pin(std::future::ready(()))
    }

    fn backfilled<'a>(&'a self, _: &'a str, read: Interval) -> Boxed<'a, ()> {
        self.write(|log| {
            log.read.push(read);
            log.complete_to = Some(read.hi);
        });
        Box::pin(std::future::ready(()))
    }

    fn access_points<'a>(&'a self, _: &'a str, points: Vec<AccessPoint>) -> Boxed<'a, ()> {
        self.write(|log| log.points.push(points));
        Box::pin(std::future::ready(()))
    }

    fn complete_to(&self, _source: &str) -> Option<Instant> {
        self.log.lock().unwrap().complete_to
    }
}

/// One event as the adapter reads it: what, where, since the start, and its id.
#[derive(Debug, Clone, PartialEq)]
pub struct Told {
    pub kind: AccessKind,
    pub reader: String,
    pub at_s: f64,
    pub id: String,
}

pub struct World {
    pub fake: Running,
    pub clock: Arc<ManualClock>,
    pub recorder: Arc<Recorder>,
    pub context: Context,
    pub adapter: Arc<dyn Adapter>,
}

impl World {
    pub async fn new(vendor: VendorName, script: &str) -> Self {
        Self::with(vendor, script, None).await
    }

    /// Surroundings for a driver that needs no fake.
    pub async fn plain() -> Self {
        Self::new(VendorName::Kisi, "").await
    }

    pub async fn with(vendor: VendorName, script: &str, certificate: Option<Certificate>) -> Self {
        let script = Script::parse(script).unwrap();
        let mut options = Options::new(vendor, script, START);
        options.certificate = certificate;
        let fake = fake::start(options).await.unwrap();
        let clock = Arc::new(ManualClock::new(START));
        let recorder = Arc::new(Recorder {
            log: Mutex::default(),
            changed: watch::Sender::new(()),
        });
        let context = Context {
            source: "door".into(),
            sink: Arc::clone(&recorder) as Arc<dyn Sink>,
            clock: Arc::clone(&clock) as Arc<dyn Clock>,
            jitter: Arc::new(|_| Span::from_ms(1)),
            nudge: Arc::default(),
        };
        Self {
            fake,
            clock,
            recorder,
            context,
            adapter: reader(vendor),
        }
    }

    /// Time passes, for the vendor first.
    pub async fn pass(&self, seconds: f64) {
        self.fake.advance(Span::from_s(seconds)).await;
        self.clock.advance(Span::from_s(seconds));
    }

    /// Waits until what was handed over is as it should be; short waits of the driver pass.
    #[track_caller]
    pub fn until<'a>(
        &'a self,
        what: &'a str,
        holds: impl Fn(&Log) -> bool + 'a,
    ) -> impl Future<Output = Log> + 'a {
        let caller = std::panic::Location::caller();
        async move {
            let mut changed = self.recorder.changed.subscribe();
            let mut asleep = self.clock.asleep();
            loop {
                let log = self.recorder.log();
                if holds(&log) {
                    return log;
                }
                if let Some(wait) = self.clock.until_next().filter(|wait| *wait <= SHORT) {
                    self.pass(wait.as_us() as f64 / 1e6).await;
                    tokio::task::yield_now().await;
                    continue;
                }
                let something = async {
                    tokio::select! {
                        _ = changed.changed() => {}
                        _ = asleep.changed() => {}
                    }
                };
                if tokio::time::timeout(GIVE_UP, something).await.is_err() {
                    panic!(
                        "{caller}: waited in vain until {what}: {:#?}",
                        self.recorder.log()
                    );
                }
            }
        }
    }

    /// Runs something of the driver while its short waits pass.
    pub async fn do_it<T>(&self, something: impl Future<Output = T>) -> T {
        tokio::pin!(something);
        let mut asleep = self.clock.asleep();
        loop {
            if let Some(wait) = self.clock.until_next().filter(|wait| *wait <= SHORT) {
                self.pass(wait.as_us() as f64 / 1e6).await;
            }
            tokio::select! {
                done = &mut something => return done,
                _ = asleep.changed() => {}
            }
        }
    }

    /// Everything that was stored, as the adapter reads it, repeats included.
    pub fn told(&self) -> Vec<Told> {
        let log = self.recorder.log();
        let mut all = Vec::new();
        for delivery in &log.stored {
            let reading = self.adapter.read(delivery);
            let reading = reading.unwrap_or_else(|why| panic!("{why}: {delivery:?}"));
            for reported in reading.events {
                let event = reported.event;
                all.push(Told {
                    kind: event.kind,
                    reader: event.reader.unwrap_or_default(),
                    at_s: event.occurred.lo.since(START).as_us() as f64 / 1e6,
                    id: event.id,
                });
            }
        }
        all
    }

    /// The grants among them, each once by its id, in order of time.
    pub fn grants(&self) -> Vec<(String, f64)> {
        let mut grants: Vec<Told> = Vec::new();
        for told in self.told() {
            let known = grants.iter().any(|known| known.id == told.id);
            if told.kind == AccessKind::Granted && !known {
                grants.push(told);
            }
        }
        grants.sort_by(|a, b| a.at_s.total_cmp(&b.at_s));
        grants
            .into_iter()
            .map(|told| (told.reader, told.at_s))
            .collect()
    }

    pub async fn state(&self) -> Value {
        self.control("GET", "state", "").await
    }

    /// Makes something happen now: a line of the script without its time.
    pub async fn happen(&self, line: &str) -> Value {
        self.control("POST", "do", line).await
    }

    async fn control(&self, method: &str, what: &str, body: &str) -> Value {
        use tokio::io::{AsyncReadExt, AsyncWriteExt};
        let mut socket = tokio::net::TcpStream::connect(self.fake.address())
            .await
            .unwrap();
        let head = format!(
            "{method} /_fake/{what} HTTP/1.1\r\nhost: fake\r\nconnection: close\r\n\
             content-length: {}\r\n\r\n{body}",
            body.len()
        );
        socket.write_all(head.as_bytes()).await.unwrap();
        let mut reply = String::new();
        socket.read_to_string(&mut reply).await.unwrap();
        let body = reply.split_once("\r\n\r\n").unwrap().1;
        serde_json::from_str(body).unwrap_or_else(|_| panic!("{reply}"))
    }
}

fn reader(vendor: VendorName) -> Arc<dyn Adapter> {
    let settings = match vendor {
        VendorName::Openpath => r#"{"vendor": "openpath", "secrets": [{"env": "X"}]}"#,
        VendorName::Kisi => r#"{"vendor": "kisi", "secrets": [{"env": "X"}]}"#,
        VendorName::Genetec => r#"{"vendor": "genetec"}"#,
    };
    let settings: VendorSettings = serde_json::from_str(settings).unwrap();
    let secrets = settings
        .secrets()
        .iter()
        .map(|_| Secret::new(KEY))
        .collect();
    adapter(&settings, secrets).unwrap()
}

/// The path token and signature key of the tests.
pub const KEY: &str = "0123456789abcdef0123456789abcdef";

/// A driver that runs; it is stopped when this is dropped.
pub struct Driver {
    stop: CancellationToken,
    _guard: DropGuard,
    task: tokio::task::JoinHandle<Ended>,
}

impl Driver {
    pub fn start<F, T>(run: F) -> Self
    where
        F: FnOnce(CancellationToken) -> T,
        T: Future<Output = Ended> + Send + 'static,
    {
        let stop = CancellationToken::new();
        Self {
            task: tokio::spawn(run(stop.clone())),
            _guard: stop.clone().drop_guard(),
            stop,
        }
    }

    /// Waits until it ends by itself.
    pub async fn ended(self) -> Ended {
        self.task.await.unwrap()
    }

    pub async fn stop(self) -> Ended {
        self.stop.cancel();
        self.task.await.unwrap()
    }
}

/// Takes webhooks: believes what the adapter believes, and answers as it is told to.
pub struct Receiver {
    pub url: String,
    /// The status with which it answers.
    pub status: Arc<AtomicU16>,
    pub refused: Arc<AtomicU16>,
    _stop: DropGuard,
}

impl Receiver {
    pub async fn new(world: &World) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/hook/{KEY}", listener.local_addr().unwrap());
        let (status, refused) = (Arc::new(AtomicU16::new(200)), Arc::new(AtomicU16::new(0)));
        let stop = CancellationToken::new();
        let desk = Desk {
            recorder: Arc::clone(&world.recorder),
            adapter: Arc::clone(&world.adapter),
            clock: Arc::clone(&world.clock),
            status: Arc::clone(&status),
            refused: Arc::clone(&refused),
        };
        let stopped = stop.clone();
        tokio::spawn(stopped.run_until_cancelled_owned(desk.serve(listener)));
        Self {
            url,
            status,
            refused,
            _stop: stop.drop_guard(),
        }
    }
}

#[derive(Clone)]
struct Desk {
    recorder: Arc<Recorder>,
    adapter: Arc<dyn Adapter>,
    clock: Arc<ManualClock>,
    status: Arc<AtomicU16>,
    refused: Arc<AtomicU16>,
}

impl Desk {
    async fn serve(self, listener: TcpListener) {
        loop {
            let (socket, _) = listener.accept().await.unwrap();
            let desk = self.clone();
            tokio::spawn(async move {
                let service = service_fn(|request| {
                    let desk = desk.clone();
                    async move { Ok::<_, Infallible>(desk.answer(request).await) }
                });
                let http = hyper::server::conn::http1::Builder::new();
                let _ = http.serve_connection(TokioIo::new(socket), service).await;
            });
        }
    }

    async fn answer(&self, request: Request<Incoming>) -> Response<Empty<Bytes>> {
        let (parts, body) = request.into_parts();
        let body = body.collect().await.unwrap().to_bytes().to_vec();
        let headers = parts.headers.iter();
        let delivery = Delivery {
            source: "door".into(),
            received: self.clock.now(),
            target: parts.uri.to_string(),
            headers: Headers::new(headers.map(|(name, value)| (name.as_str(), value.as_bytes()))),
            body,
        };
        let mut response = Response::new(Empty::new());
        let status = self.status.load(Ordering::Relaxed);
        *response.status_mut() = status.try_into().unwrap();
        if let Some(answer) = self.adapter.handshake(&delivery) {
            for (name, value) in &answer.headers {
                let name: hyper::header::HeaderName = name.parse().unwrap();
                response.headers_mut().insert(name, value.parse().unwrap());
            }
        } else if self.adapter.authenticate(&delivery).is_err() {
            self.refused.fetch_add(1, Ordering::Relaxed);
            *response.status_mut() = hyper::StatusCode::UNAUTHORIZED;
        } else if status == 200 {
            self.recorder.write(|log| log.stored.push(delivery));
        }
        response
    }
}
