//! Intake files as they are written, before anything is believed. The doc comments become the
//! published schema's descriptions.

use schemars::JsonSchema;
use serde::Deserialize;

use super::super::raw::Way;
use crate::intake::drivers::DriverSettings;

/// Which access-control systems report, where what they say is kept, and which doors their access
/// points belong to.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(title = "tailgate intake file")]
pub(crate) struct IntakeFile {
    /// The server that senders speak to.
    pub server: Option<ServerTable>,
    /// Where deliveries are kept.
    #[schemars(required)]
    pub inbox: Option<InboxTable>,
    /// The access-control systems.
    #[schemars(required, length(min = 1))]
    pub source: Option<Vec<SourceTable>>,
    /// Doors and their access points, written here.
    pub door: Option<Vec<IntakeDoorTable>>,
    /// Door files whose doors and readers are taken over, relative to this file.
    pub doors: Option<Vec<String>>,
}

/// The server that senders speak to. Every key has a default.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ServerTable {
    /// Address and port to listen on (default "127.0.0.1:8480").
    #[schemars(length(min = 1))]
    pub listen: Option<String>,
    /// Certificate chain for TLS, a PEM file relative to this one; needs `tls_key` too.
    #[schemars(length(min = 1))]
    pub tls_certificate: Option<String>,
    /// The certificate's private key, a PEM file relative to this one.
    #[schemars(length(min = 1))]
    pub tls_key: Option<String>,
    /// Largest request line with headers in KiB (default 8).
    #[schemars(range(min = 1, max = 64))]
    pub header_limit_kib: Option<u32>,
    /// Seconds for them to come (default 5).
    #[schemars(extend("exclusiveMinimum" = 0.0), range(max = 300.0))]
    pub header_time_s: Option<f64>,
    /// Seconds that a connection may be quiet between requests (default 75).
    #[schemars(extend("exclusiveMinimum" = 0.0), range(max = 3600.0))]
    pub idle_time_s: Option<f64>,
    /// Seconds for a body to come (default 10).
    #[schemars(extend("exclusiveMinimum" = 0.0), range(max = 300.0))]
    pub body_time_s: Option<f64>,
    /// Most connections at once, over all sources (default 1024).
    #[schemars(range(min = 1, max = 65_536))]
    pub connections: Option<u32>,
    /// Deliveries are turned away with 503 when the oldest in hand has waited this many seconds
    /// (default 5).
    #[schemars(extend("exclusiveMinimum" = 0.0), range(max = 60.0))]
    pub most_lag_s: Option<f64>,
}

/// Where deliveries are kept.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct InboxTable {
    /// The SQLite file, relative to this one; it is made if it is not there.
    #[schemars(required, length(min = 1))]
    pub path: Option<String>,
    /// Milliseconds that the writer waits for more before it commits (default 2).
    #[schemars(range(min = 0.0, max = 1000.0))]
    pub linger_ms: Option<f64>,
    /// Most deliveries that share a commit (default 512).
    #[schemars(range(min = 1, max = 65_536))]
    pub batch: Option<u32>,
    /// Most deliveries that wait for the writer (default 4096).
    #[schemars(range(min = 1, max = 1_048_576))]
    pub queue: Option<u32>,
    /// Most mebibytes of deliveries that wait for the writer (default 16).
    #[schemars(range(min = 1, max = 4096))]
    pub queue_mib: Option<u32>,
    /// Days that raw bytes of deliveries are kept once they were read (default 90).
    #[schemars(range(min = 0.0, max = 3650.0))]
    pub keep_raw_days: Option<f64>,
    /// Days that names and e-mail addresses are kept, where a source stores them (default 30).
    #[schemars(extend("exclusiveMinimum" = 0.0), range(max = 400.0))]
    pub keep_people_days: Option<f64>,
    /// For measuring only: milliseconds that every commit takes longer (default 0).
    #[schemars(range(min = 0.0, max = 10_000.0))]
    pub slower_commit_ms: Option<f64>,
}

/// What every source has, whatever its vendor.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
pub(crate) struct SourceTable {
    /// A short name of letters, digits, - and _: deliveries go to /in/NAME.
    #[schemars(required, length(min = 1))]
    pub name: Option<String>,
    /// Largest body in KiB (default 64).
    #[schemars(range(min = 1, max = 65_536))]
    pub body_limit_kib: Option<u32>,
    /// Most connections at once (default 64).
    #[schemars(range(min = 1, max = 65_536))]
    pub connections: Option<u32>,
    /// Whether names and e-mail addresses of people are stored with events (default false).
    pub store_people: Option<bool>,
    /// Whether the vendor is asked who its holders are, one a second at most, and the answers are kept
    /// for `keep_people_days` (default false). Needs `store_people = true`, and a [source.fetch] of
    /// Openpath, Kisi or Genetec.
    pub look_up_people: Option<bool>,
    /// How many hours back the vendor's log is read once a day, for what controllers that were offline
    /// uploaded late (default 48).
    #[schemars(range(min = 1.0, max = 2160.0))]
    pub look_back_h: Option<f64>,
    /// How many seconds late its events come, as long as that is not measured (default 5).
    #[schemars(range(min = 0.0, max = 86_400.0))]
    pub lateness_s: Option<f64>,
    /// How many seconds the sender repeats a delivery that was not acknowledged: a gap that was shorter
    /// closes by itself once that time has passed. Leave it out where the sender gives up at once.
    #[schemars(extend("exclusiveMinimum" = 0.0), range(max = 604_800.0))]
    pub sender_repeats_s: Option<f64>,
    /// What fetches for this source: lists of access points, back-fill of gaps, a stream.
    pub fetch: Option<DriverSettings>,
    /// Contact counts as lost when nothing was heard for this many seconds; leave it out where
    /// silence is normal.
    #[schemars(extend("exclusiveMinimum" = 0.0), range(max = 604_800.0))]
    pub silence_s: Option<f64>,
}

/// A door and its access points.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct IntakeDoorTable {
    /// The door's name, the same as in its door file.
    #[schemars(required, length(min = 1))]
    pub name: Option<String>,
    /// Its access points; without any, every event that belongs to no other door counts.
    pub readers: Option<Vec<ReaderTable>>,
}

/// An access point: a reader, lock or entry as the vendor names it.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ReaderTable {
    /// The vendor's id, as events name it (numbers are written as texts).
    #[schemars(required, length(min = 1))]
    pub id: Option<String>,
    /// Which way it lets people pass; leave it out if it is not known, or both.
    pub direction: Option<Way>,
    /// The source whose access point it is; leave it out where ids are unique over all sources.
    #[schemars(length(min = 1))]
    pub source: Option<String>,
}
