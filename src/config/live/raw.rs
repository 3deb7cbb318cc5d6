//! Site files as they are written, before anything is believed. The doc comments become the published
//! schema's descriptions.

use schemars::JsonSchema;
use serde::Deserialize;

use super::super::alerts::AlertsTable;
use crate::intake::SecretRef;

/// A box: its cameras, its doors, and where what it does is kept.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(title = "tailgate site file")]
pub(crate) struct SiteFile {
    /// The site.
    #[schemars(required)]
    pub site: Option<SiteTable>,
    /// The cameras, named as the door files name them.
    #[schemars(required, length(min = 1))]
    pub camera: Option<Vec<CameraTable>>,
    /// Where health and metrics are served.
    pub health: Option<HealthTable>,
    /// Who looks for people.
    pub detector: Option<LookersTable>,
    /// Who is told of breaches, and how.
    pub alerts: Option<AlertsTable>,
    /// What is kept of breaches.
    pub evidence: Option<EvidenceTable>,
    /// How long traces are kept.
    pub traces: Option<TracesTable>,
}

/// The site.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct SiteTable {
    /// Its name.
    #[schemars(required, length(min = 1))]
    pub name: Option<String>,
    /// Door files, relative to this one.
    #[schemars(required, length(min = 1))]
    pub doors: Option<Vec<String>>,
    /// The intake file, relative to this one: what the access-control system reports. Without it, every
    /// entry is one without a grant.
    #[schemars(length(min = 1))]
    pub intake: Option<String>,
    /// The folder for traces, evidence and alerts that wait, relative to this file (default "data").
    #[schemars(length(min = 1))]
    pub data: Option<String>,
}

/// One camera.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct CameraTable {
    /// Its name, as the door files have it in their `camera` table.
    #[schemars(required, length(min = 1))]
    pub name: Option<String>,
    /// rtsp://HOST/PATH, http://HOST/PATH (MJPEG), or a video file that is played as a camera would.
    #[schemars(required, length(min = 1))]
    pub url: Option<String>,
    /// User name.
    #[schemars(length(min = 1))]
    pub user: Option<String>,
    /// Where its password is.
    pub password: Option<SecretRef>,
    /// How RTSP sends pictures (default "tcp").
    pub transport: Option<TransportName>,
    /// Whether a file begins again at its end (default true).
    pub again: Option<bool>,
}

/// How RTSP sends pictures.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum TransportName {
    /// Within its own connection: nothing is lost.
    Tcp,
    /// As datagrams.
    Udp,
}

/// What computes networks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum ProviderName {
    /// ONNX Runtime's own kernels on the processor.
    #[default]
    Cpu,
    /// Intel's OpenVINO.
    OpenVino,
    /// NVIDIA's graphics processors and Jetson, compiled for the one at hand.
    TensorRt,
    /// NVIDIA's graphics processors.
    Cuda,
    /// Google's XNNPACK.
    Xnnpack,
    /// Arm's Compute Library.
    Acl,
}

/// Where health and metrics are served.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct HealthTable {
    /// Address and port to listen on (default "127.0.0.1:8470").
    #[schemars(length(min = 1))]
    pub listen: Option<String>,
}

/// What is kept of breaches. Every key has a default.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct EvidenceTable {
    /// Seconds before the line was crossed (default 5).
    #[schemars(range(min = 0.0, max = 20.0))]
    pub before_s: Option<f64>,
    /// Seconds after it (default 5).
    #[schemars(range(min = 0.0, max = 20.0))]
    pub after_s: Option<f64>,
    /// Whether everything stays clear; otherwise what is outside of the door is blurred before it is written
    /// (default false).
    pub clear: Option<bool>,
    /// Most gibibytes of evidence; the oldest goes first (default 20).
    #[schemars(extend("exclusiveMinimum" = 0.0), range(max = 100_000.0))]
    pub most_gib: Option<f64>,
    /// Gibibytes of the disk that stay free (default 1).
    #[schemars(range(min = 0.0, max = 100_000.0))]
    pub free_gib: Option<f64>,
}

/// How long traces are kept. Every key has a default.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct TracesTable {
    /// Days after which a trace is deleted (default 30).
    #[schemars(range(min = 1, max = 36_500))]
    pub keep_days: Option<u32>,
    /// Most gibibytes of traces; the oldest go first (default 20).
    #[schemars(extend("exclusiveMinimum" = 0.0), range(max = 100_000.0))]
    pub most_gib: Option<f64>,
}

/// Who looks for people.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct LookersTable {
    /// Model, where the door's file names none (default: the first that is here).
    #[schemars(length(min = 1))]
    pub model: Option<String>,
    /// A folder of models to look in first, relative to this file.
    #[schemars(length(min = 1))]
    pub models: Option<String>,
    /// Threads that look, shared by all cameras (default: one less than the machine has cores, at least one).
    #[schemars(range(min = 1, max = 64))]
    pub threads: Option<u32>,
    /// What computes the network (default "cpu"); `tailgate models bench` shows what this machine has.
    pub provider: Option<ProviderName>,
}
