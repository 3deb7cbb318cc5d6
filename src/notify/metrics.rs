//! What is counted of alerts, in Prometheus' words.

use std::sync::atomic::AtomicU64;

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::Registry;

/// Buckets of the time from a put to its delivery, s: from a receiver in the same rack to one that was
/// gone for a weekend.
const LATENCY_S: [f64; 14] = [
    0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 5.0, 30.0, 300.0, 3_600.0, 21_600.0, 86_400.0,
];

/// The label of everything that is counted by sink.
#[derive(Debug, Clone, Hash, PartialEq, Eq, EncodeLabelSet)]
struct Of {
    sink: String,
}

type Seconds = Gauge<f64, AtomicU64>;

/// Counters of one sink.
#[derive(Debug, Clone)]
pub struct SinkMetrics {
    /// Notices that wait.
    pub waiting: Gauge,
    /// Age of the oldest of them, s.
    pub oldest: Seconds,
    /// 1 while nothing is sent because the sink said that it wants nothing any more.
    pub disabled: Gauge,
    /// Notices delivered since the start.
    pub delivered: Counter,
    /// Attempts that failed since the start.
    pub failed: Counter,
    /// Notices given up, ever.
    pub given_up: Gauge,
    /// Seconds from put to delivered.
    pub latency: Histogram,
}

/// Everything that is counted.
#[derive(Debug, Clone)]
pub struct Metrics {
    waiting: Family<Of, Gauge>,
    oldest: Family<Of, Seconds>,
    disabled: Family<Of, Gauge>,
    delivered: Family<Of, Counter>,
    failed: Family<Of, Counter>,
    given_up: Family<Of, Gauge>,
    latency: Family<Of, Histogram>,
}

impl Default for Metrics {
    fn default() -> Self {
        Self {
            waiting: Family::default(),
            oldest: Family::default(),
            disabled: Family::default(),
            delivered: Family::default(),
            failed: Family::default(),
            given_up: Family::default(),
            latency: Family::new_with_constructor(|| Histogram::new(LATENCY_S)),
        }
    }
}

impl Metrics {
    /// Shows them in a registry, as `..._alerts_...`.
    pub fn register(&self, registry: &mut Registry) {
        let registry = registry.sub_registry_with_prefix("alerts");
        for (name, help, family) in [
            ("waiting", "Notices that wait", &self.waiting),
            ("disabled", "1: the sink wants nothing", &self.disabled),
            ("given_up", "Notices given up, ever", &self.given_up),
        ] {
            registry.register(name, help, family.clone());
        }
        for (name, help, family) in [
            ("delivered", "Notices delivered", &self.delivered),
            ("failed", "Attempts that failed", &self.failed),
        ] {
            registry.register(name, help, family.clone());
        }
        let oldest = self.oldest.clone();
        registry.register("oldest_seconds", "Age of the oldest that waits", oldest);
        let latency = self.latency.clone();
        registry.register("latency_seconds", "From put to delivered", latency);
    }

    /// The counters of one sink; the same for the same name.
    pub fn sink(&self, name: &str) -> SinkMetrics {
        let of = Of {
            sink: name.to_owned(),
        };
        SinkMetrics {
            waiting: self.waiting.get_or_create_owned(&of),
            oldest: self.oldest.get_or_create_owned(&of),
            disabled: self.disabled.get_or_create_owned(&of),
            delivered: self.delivered.get_or_create_owned(&of),
            failed: self.failed.get_or_create_owned(&of),
            given_up: self.given_up.get_or_create_owned(&of),
            latency: self.latency.get_or_create_owned(&of),
        }
    }
}
