//! Pictures from cameras while they happen.
//!
//! ```text
//!  address ──▶ rtsp | http | file ──▶ camera (reconnects) ──▶ decoder ──▶ frames with times
//! ```
//!
//! Theory of operation: each camera has a thread of its own, with everything that waits for it. [`play`] opens one
//! stream and hands over what comes until it ends, with the reason; [`Timeline`] lays the camera's
//! stamps on the box's steady clock; [`Backoff`] says how long to wait before the next try;
//! [`LiveDecoder`] makes frames of compressed pictures.
//!
//! It deliberately knows no wall time but what cameras claim, and never reads a clock that can be
//! set: a [`SteadyClock`] is handed in.

mod address;
mod backoff;
mod decode;
mod event;
mod file;
mod http;
mod rtsp;
mod timeline;

use std::ops::ControlFlow;
use std::sync::Arc;
use std::time::Duration;

pub use address::{Address, Login};
pub use backoff::{Backoff, Ended};
pub use decode::{Decoded, LiveDecoder, Tally};
pub use event::{LiveUnit, Received, StreamEnd, StreamFacts};
pub use retina::client::SessionGroup;
pub use rtsp::RtspTransport;
pub use timeline::{Stamp, Timeline};

/// A clock that only ever goes forward, at the speed of time.
pub trait SteadyClock: Sync {
    /// Microseconds since some moment.
    fn now_us(&self) -> i64;
}

/// How long a silence is borne.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Patience {
    /// From the first packet to the camera to its answer to PLAY.
    pub opening: Duration,
    /// Between two pictures, or two pieces of one.
    pub between: Duration,
}

impl Default for Patience {
    fn default() -> Self {
        Self {
            opening: rtsp::OPENING,
            between: BETWEEN,
        }
    }
}

/// A camera that sends 5 pictures a second and nothing for this long has stalled.
const BETWEEN: Duration = Duration::from_secs(2);

/// One camera's stream, and how to read it.
#[derive(Clone)]
pub struct LiveSource {
    /// Where it is.
    pub address: Address,
    /// How RTSP is to send.
    pub transport: RtspTransport,
    /// Whether a file begins again at its end.
    pub again: bool,
    /// How long a silence is borne.
    pub patience: Patience,
    /// RTSP sessions of this camera that its server may still think alive.
    pub sessions: Arc<SessionGroup>,
}

impl LiveSource {
    /// A source with the usual settings.
    pub fn new(address: Address) -> Self {
        Self {
            address,
            transport: RtspTransport::default(),
            again: false,
            patience: Patience::default(),
            sessions: Arc::default(),
        }
    }
}

/// Opens the stream and hands over what comes, until `take` breaks it off (then `Ok`) or it ends.
///
/// # Errors
/// Why it ended.
pub async fn play(
    source: &LiveSource,
    clock: &dyn SteadyClock,
    take: &mut dyn FnMut(Received) -> ControlFlow<()>,
) -> Result<(), StreamEnd> {
    match &source.address {
        Address::Rtsp(url, login) => {
            let rtsp = rtsp::Rtsp {
                url,
                login: login.as_ref(),
                transport: source.transport,
                group: Arc::clone(&source.sessions),
                patience: source.patience,
            };
            rtsp.play(clock, take).await
        }
        Address::Http(url, login) => {
            http::play(url, login.as_ref(), source.patience, clock, take).await
        }
        Address::File(path) => file::play(path, source.again, clock, take).await,
    }
}
