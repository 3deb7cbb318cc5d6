//! What a live source says.

use std::time::Duration;

use crate::capture::{AccessUnit, CaptureError};

/// One thing that came from a camera.
#[derive(Debug)]
pub enum Received {
    /// The stream began.
    Began(StreamFacts),
    /// A compressed picture.
    Unit(LiveUnit),
    /// The camera said what its wall clock shows at one of its stamps.
    Clock {
        /// Its stamp, microseconds.
        media_us: i64,
        /// UTC, microseconds since 1970, as the camera believes.
        wall_us: i64,
    },
}

/// A compressed picture as it arrived.
#[derive(Debug, Clone)]
pub struct LiveUnit {
    /// The picture; its time is the camera's stamp.
    pub unit: AccessUnit,
    /// Whether the camera stamped it at all.
    pub stamped: bool,
    /// When it was whole, microseconds of the box's steady clock.
    pub arrived_us: i64,
    /// Packets that were lost since the picture before.
    pub lost_packets: u32,
}

/// What a stream is, as it says itself.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct StreamFacts {
    /// Codec as named in the description, such as `H264`.
    pub codec: String,
    /// Width and height, px, where the stream says.
    pub size: Option<(u32, u32)>,
    /// Pictures a second, where the stream says.
    pub declared_rate: Option<f64>,
    /// The server's name for itself.
    pub server: Option<String>,
    /// How packets come: `tcp`, `udp`, `http` or `file`.
    pub transport: &'static str,
}

/// Why a stream ended.
#[derive(Debug, thiserror::Error)]
pub enum StreamEnd {
    /// User name or password are wrong, or missing.
    #[error("the camera refuses {0}; check user name and password")]
    Refused(String),
    /// There is no such stream.
    #[error("the camera has no such stream ({0}); check the path of the address")]
    NoSuchStream(String),
    /// The stream is of a kind that is not read.
    #[error("{0}")]
    Unusable(String),
    /// No picture came for this long.
    #[error("no picture for {:.1} s", .0.as_secs_f64())]
    Stalled(Duration),
    /// The other side ended it.
    #[error("the camera ended the stream")]
    Closed,
    /// The connection could not be made, or broke.
    #[error("{0}")]
    Broken(String),
    /// The file cannot be played.
    #[error(transparent)]
    File(#[from] CaptureError),
}
