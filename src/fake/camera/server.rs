//! The camera's socket, and the streams it has.
//!
//! It deliberately serves RTSP and HTTP on one port: the request's last word says which it is.

use std::collections::BTreeMap;
use std::io;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use tokio::net::TcpListener;
use tokio_util::sync::{CancellationToken, DropGuard};

use super::auth::Guard;
use super::faults::Faults;
use super::footage::Footage;
use super::{jpeg, session};
use crate::capture::Codec;

/// One stream of a camera.
#[derive(Debug)]
pub struct CameraStream {
    /// What is played.
    pub footage: Footage,
    /// What is wrong with it.
    pub faults: Faults,
    /// Who may look; anybody if nothing is said.
    pub guard: Option<Guard>,
    busy: AtomicU32,
    /// Until when a session is thought alive.
    held_until: Mutex<Option<Instant>>,
}

/// A session that has not ended is alive for as long as this matters to anybody.
const FOR_EVER: Duration = Duration::from_secs(86_400);

impl CameraStream {
    /// A stream that anybody may look at.
    ///
    /// # Errors
    /// If its JPEGs cannot be sent by RTP.
    pub fn new(footage: Footage, faults: Faults) -> Result<Self, String> {
        if let (Codec::Mjpeg, Some(first)) = (footage.codec, footage.units.first()) {
            jpeg::check(&first.data)?;
        }
        Ok(Self {
            busy: AtomicU32::new(faults.busy),
            held_until: Mutex::default(),
            footage,
            faults,
            guard: None,
        })
    }

    fn hold(&self, until: Option<Instant>) {
        *self
            .held_until
            .lock()
            .unwrap_or_else(PoisonError::into_inner) = until;
    }

    /// A session begins to play. False: one that is thought alive stands in its way.
    pub(super) fn begin(&self) -> bool {
        if self.faults.stale_s <= 0.0 {
            return true;
        }
        let now = Instant::now();
        let held = *self
            .held_until
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        if held.is_some_and(|until| until > now) {
            return false;
        }
        self.hold(Some(now + FOR_EVER));
        true
    }

    /// The session has ended: properly, or its connection is gone.
    pub(super) fn end(&self, torn_down: bool) {
        let stale = Duration::from_secs_f64(self.faults.stale_s.max(0.0));
        self.hold((!torn_down).then(|| Instant::now() + stale));
    }

    /// Whether one more request is turned away.
    pub(super) fn is_busy(&self) -> bool {
        let fewer = |left: u32| left.checked_sub(1);
        let left = self
            .busy
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, fewer);
        left.is_ok()
    }
}

/// Streams by name.
pub(super) type Streams = BTreeMap<String, Arc<CameraStream>>;

/// A camera that runs; it stops when this is dropped.
#[derive(Debug)]
pub struct CameraServer {
    address: SocketAddr,
    _stop: DropGuard,
}

impl CameraServer {
    /// Listens and serves; port 0 takes a free one.
    ///
    /// # Errors
    /// If the address cannot be listened on.
    pub async fn start(
        listen: SocketAddr,
        streams: impl IntoIterator<Item = (String, CameraStream)>,
    ) -> io::Result<Self> {
        let streams: Streams = streams
            .into_iter()
            .map(|(name, stream)| (name, Arc::new(stream)))
            .collect();
        let streams = Arc::new(streams);
        let listener = TcpListener::bind(listen).await?;
        let address = listener.local_addr()?;
        let stop = CancellationToken::new();
        let stopped = stop.clone();
        tokio::spawn(async move {
            loop {
                let accepted = tokio::select! {
                    accepted = listener.accept() => accepted,
                    () = stopped.cancelled() => return,
                };
                if let Ok((socket, peer)) = accepted {
                    let served =
                        session::serve(socket, Arc::clone(&streams), stopped.child_token());
                    tokio::spawn(async move {
                        if let Err(error) = served.await {
                            tracing::debug!(%peer, %error, "a connection broke");
                        }
                    });
                }
            }
        });
        Ok(Self {
            address,
            _stop: stop.drop_guard(),
        })
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The address of one of its streams.
    pub fn url(&self, name: &str) -> String {
        format!("rtsp://{}/{name}", self.address)
    }
}
