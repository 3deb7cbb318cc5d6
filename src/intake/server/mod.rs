//! The HTTP server that senders speak to.
//!
//! ```text
//! POST /in/SOURCE[/TOKEN]     a delivery of that source
//! POST /pacs/devices          Camio's generic API: the source is told by its bearer token
//! POST /pacs/webhooks
//! GET  /pacs/devices          what was listed last
//! GET  /healthz /readyz /metrics
//! ```
//!
//! Theory of operation: HTTP/1.1 over TCP or TLS. Everything is bounded before it is read: headers by
//! size and time, bodies by size and time, connections in total and by source. A delivery is answered
//! with 2xx only when the inbox says that it is on disk. A sender whose delivery is authentic never
//! gets a 4xx for what it says.
//!
//! Connections that never brought an authentic delivery make room for new ones when the bound is
//! reached, oldest first: idle sockets cannot keep real senders out.
//!
//! It deliberately decompresses nothing and speaks no HTTP/2.

mod connections;
mod document;
mod patience;
mod routes;
#[cfg(test)]
mod tests;
mod tls;

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::Desk;
use connections::{Connection, Connections};
pub use document::OPENAPI;
use patience::{HeaderClock, Watched};
pub use tls::TlsError;

/// After a failed accept (out of file descriptors) the next try waits this long.
const ACCEPT_AGAIN: Duration = Duration::from_millis(50);
/// How long open requests may take to end when the server stops.
const FAREWELL: Duration = Duration::from_secs(5);

/// Bounds of the server. Those of the configuration are checked there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServerSettings {
    /// Where to listen.
    pub listen: SocketAddr,
    /// Certificate chain and key, PEM; without them it speaks plain HTTP.
    pub tls: Option<(PathBuf, PathBuf)>,
    /// Largest request line with headers, bytes; hyper asks for at least 8 KiB of buffer anyway.
    pub header_limit: usize,
    /// Time for them to come, from the connection's beginning or from a later header's first byte.
    pub header_time: Duration,
    /// How long a connection may be quiet between requests.
    pub idle_time: Duration,
    /// Time for a body to come.
    pub body_time: Duration,
    /// Most connections at once, over all sources.
    pub connections: usize,
    /// A delivery is turned away with 503 when the oldest one in hand waited this long.
    pub most_lag: Duration,
}

impl ServerSettings {
    /// The defaults, at an address.
    pub fn at(listen: SocketAddr) -> Self {
        Self {
            listen,
            tls: None,
            header_limit: 8 << 10,
            header_time: Duration::from_secs(5),
            idle_time: Duration::from_secs(75),
            body_time: Duration::from_secs(10),
            connections: 1024,
            most_lag: Duration::from_secs(5),
        }
    }
}

/// Why the server can't start.
#[derive(Debug, thiserror::Error)]
pub enum ServerError {
    /// The address can't be listened on.
    #[error("can't listen on {address}: {what}; is another program there already?")]
    Listen {
        /// Which.
        address: SocketAddr,
        /// Why.
        what: std::io::Error,
    },
    /// Certificate or key can't be used.
    #[error(transparent)]
    Tls(#[from] TlsError),
}

/// A server that listens and does not serve yet.
#[derive(Debug)]
pub struct Server {
    listener: TcpListener,
    shared: Arc<Shared>,
}

/// What all connections share.
struct Shared {
    desk: Arc<Desk>,
    settings: ServerSettings,
    connections: Connections,
    tls: Option<tokio_rustls::TlsAcceptor>,
}

impl std::fmt::Debug for Shared {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Shared")
            .field("settings", &self.settings)
            .finish_non_exhaustive()
    }
}

impl Server {
    /// Listens. Port 0 takes any free one.
    pub async fn bind(settings: ServerSettings, desk: Arc<Desk>) -> Result<Self, ServerError> {
        let tls = match &settings.tls {
            Some((certificate, key)) => Some(tls::acceptor(certificate, key)?),
            None => None,
        };
        let address = settings.listen;
        let listener = TcpListener::bind(address)
            .await
            .map_err(|what| ServerError::Listen { address, what })?;
        let connections = Connections::new(settings.connections);
        Ok(Self {
            listener,
            shared: Arc::new(Shared {
                desk,
                settings,
                connections,
                tls,
            }),
        })
    }

    /// Where it listens.
    pub fn address(&self) -> std::io::Result<SocketAddr> {
        self.listener.local_addr()
    }

    /// Serves until `stop`; then lets open requests end.
    pub async fn serve(self, stop: CancellationToken) {
        let tracker = TaskTracker::new();
        loop {
            let accepted = tokio::select! {
                accepted = self.listener.accept() => accepted,
                () = stop.cancelled() => break,
            };
            match accepted {
                Ok((stream, _)) => {
                    let Some(connection) = self.shared.connections.admit() else {
                        // Every open connection brought authentic deliveries: this one goes.
                        continue;
                    };
                    let shared = Arc::clone(&self.shared);
                    tracker.spawn(connect(shared, stream, connection, stop.clone()));
                }
                Err(error) => {
                    tracing::warn!("a connection was not accepted: {error}");
                    tokio::time::sleep(ACCEPT_AGAIN).await;
                }
            }
        }
        tracker.close();
        if tokio::time::timeout(FAREWELL, tracker.wait())
            .await
            .is_err()
        {
            tracing::warn!("{} connections were cut", tracker.len());
        }
    }
}

/// One connection from its first byte to its last.
async fn connect(
    shared: Arc<Shared>,
    stream: TcpStream,
    connection: Arc<Connection>,
    stop: CancellationToken,
) {
    let open = &shared.desk.metrics().connections;
    open.inc();
    // Answers are short and are waited for.
    drop(stream.set_nodelay(true));
    let evicted = connection.evicted();
    let served = async {
        match &shared.tls {
            None => speak(&shared, stream, &connection, stop).await,
            Some(acceptor) => {
                let hello =
                    tokio::time::timeout(shared.settings.header_time, acceptor.accept(stream));
                if let Ok(Ok(stream)) = hello.await {
                    speak(&shared, stream, &connection, stop).await;
                }
            }
        }
    };
    tokio::select! {
        () = served => {}
        () = evicted.cancelled() => {}
    }
    shared.connections.leave(&connection);
    open.dec();
}

async fn speak(
    shared: &Arc<Shared>,
    stream: impl AsyncRead + AsyncWrite + Unpin,
    connection: &Arc<Connection>,
    stop: CancellationToken,
) {
    let settings = &shared.settings;
    let clock = Arc::new(HeaderClock::new());
    let service = service_fn(|request| {
        let (shared, connection) = (Arc::clone(shared), Arc::clone(connection));
        let clock = Arc::clone(&clock);
        clock.request();
        async move {
            let answer = routes::answer(&shared, &connection, request).await;
            clock.answered();
            Ok::<_, std::convert::Infallible>(answer)
        }
    });
    let mut http = http1::Builder::new();
    http.timer(TokioTimer::new())
        .header_read_timeout(settings.idle_time.max(settings.header_time))
        .max_header_size(settings.header_limit)
        .max_buf_size(settings.header_limit.max(16 << 10))
        .max_headers(64);
    let stream = Watched {
        stream,
        clock: Arc::clone(&clock),
    };
    let serving = http.serve_connection(TokioIo::new(stream), service);
    tokio::pin!(serving);
    tokio::select! {
        () = clock.too_slow(settings.header_time) => return,
        // What goes wrong on a connection is the sender's to notice: it got no 2xx.
        _ = serving.as_mut() => return,
        () = stop.cancelled() => serving.as_mut().graceful_shutdown(),
    }
    drop(serving.await);
}
