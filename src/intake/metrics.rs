//! What the intake counts, in Prometheus' words.

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::Registry;

/// Buckets of a commit's time, s: from a disk whose fsync costs nothing to one that hangs.
const COMMIT_S: [f64; 12] = [
    0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.25, 0.5, 1.0, 5.0,
];

/// The label of everything that is counted by source.
#[derive(Debug, Clone, Hash, PartialEq, Eq, EncodeLabelSet)]
struct Of {
    source: String,
}

/// Counters of one source.
#[derive(Debug, Clone, Default)]
pub struct SourceMetrics {
    /// Deliveries that came, whatever became of them.
    pub received: Counter,
    /// Events stored.
    pub stored: Counter,
    /// Events that were there already.
    pub duplicates: Counter,
    /// Deliveries that were not believed.
    pub refused: Counter,
    /// Deliveries that were authentic and unreadable.
    pub quarantined: Counter,
    /// Deliveries turned away because the inbox was behind, or too many connections were open.
    pub busy: Counter,
    /// Times contact was lost.
    pub gaps: Counter,
    /// Median lateness, s.
    pub lateness_p50: Gauge<f64, std::sync::atomic::AtomicU64>,
    /// 99 in 100 events come at most this late, s.
    pub lateness_p99: Gauge<f64, std::sync::atomic::AtomicU64>,
    /// Gaps that are not closed.
    pub open_gaps: Gauge,
    /// Readers that sent events and belong to no door.
    pub unknown_readers: Gauge,
    /// Events of those readers.
    pub unknown_events: Gauge,
}

/// Everything that is counted.
#[derive(Debug)]
pub struct Metrics {
    registry: Registry,
    received: Family<Of, Counter>,
    stored: Family<Of, Counter>,
    duplicates: Family<Of, Counter>,
    refused: Family<Of, Counter>,
    quarantined: Family<Of, Counter>,
    busy: Family<Of, Counter>,
    gaps: Family<Of, Counter>,
    lateness_p50: Family<Of, Gauge<f64, std::sync::atomic::AtomicU64>>,
    lateness_p99: Family<Of, Gauge<f64, std::sync::atomic::AtomicU64>>,
    open_gaps: Family<Of, Gauge>,
    unknown_readers: Family<Of, Gauge>,
    unknown_events: Family<Of, Gauge>,
    /// Seconds a commit took.
    pub commits: Histogram,
    /// Deliveries that wait for the writer.
    pub depth: Gauge,
    /// How long the oldest of them has been waiting, s.
    pub lag: Gauge<f64, std::sync::atomic::AtomicU64>,
    /// Connections that are open.
    pub connections: Gauge,
    /// Requests to paths that are nobody's.
    pub lost: Counter,
}

impl Default for Metrics {
    fn default() -> Self {
        let mut metrics = Self {
            registry: Registry::with_prefix("tailgate_intake"),
            received: Family::default(),
            stored: Family::default(),
            duplicates: Family::default(),
            refused: Family::default(),
            quarantined: Family::default(),
            busy: Family::default(),
            gaps: Family::default(),
            lateness_p50: Family::default(),
            lateness_p99: Family::default(),
            open_gaps: Family::default(),
            unknown_readers: Family::default(),
            unknown_events: Family::default(),
            commits: Histogram::new(COMMIT_S),
            depth: Gauge::default(),
            lag: Gauge::default(),
            connections: Gauge::default(),
            lost: Counter::default(),
        };
        metrics.register();
        metrics
    }
}

impl Metrics {
    fn register(&mut self) {
        let Self { registry, .. } = self;
        for (name, help, family) in [
            ("deliveries", "Deliveries that came", &self.received),
            ("events", "Events stored", &self.stored),
            ("duplicates", "Events that were known", &self.duplicates),
            ("refused", "Deliveries not believed", &self.refused),
            ("quarantined", "Authentic, unreadable", &self.quarantined),
            ("busy", "Deliveries answered 503", &self.busy),
            ("gaps", "Times contact was lost", &self.gaps),
        ] {
            registry.register(name, help, family.clone());
        }
        let (p50, p99) = (self.lateness_p50.clone(), self.lateness_p99.clone());
        registry.register("lateness_p50_seconds", "Median lateness of events", p50);
        registry.register("lateness_p99_seconds", "p99 of lateness of events", p99);
        let gaps = self.open_gaps.clone();
        registry.register("open_gaps", "Gaps that are not closed", gaps);
        for (name, help, family) in [
            (
                "unknown_readers",
                "Readers without a door",
                &self.unknown_readers,
            ),
            (
                "unknown_reader_events",
                "Their events",
                &self.unknown_events,
            ),
        ] {
            registry.register(name, help, family.clone());
        }
        let commits = self.commits.clone();
        registry.register("commit_seconds", "Time a commit took", commits);
        registry.register("queue_depth", "Waiting deliveries", self.depth.clone());
        let lag = self.lag.clone();
        registry.register("queue_lag_seconds", "Age of the oldest in hand", lag);
        let open = self.connections.clone();
        registry.register("connections", "Open connections", open);
        let lost = self.lost.clone();
        registry.register("lost_requests", "Requests to nobody's path", lost);
    }

    /// The counters of one source; the same for the same name.
    pub fn source(&self, name: &str) -> SourceMetrics {
        let of = Of {
            source: name.to_owned(),
        };
        SourceMetrics {
            received: self.received.get_or_create_owned(&of),
            stored: self.stored.get_or_create_owned(&of),
            duplicates: self.duplicates.get_or_create_owned(&of),
            refused: self.refused.get_or_create_owned(&of),
            quarantined: self.quarantined.get_or_create_owned(&of),
            busy: self.busy.get_or_create_owned(&of),
            gaps: self.gaps.get_or_create_owned(&of),
            lateness_p50: self.lateness_p50.get_or_create_owned(&of),
            lateness_p99: self.lateness_p99.get_or_create_owned(&of),
            open_gaps: self.open_gaps.get_or_create_owned(&of),
            unknown_readers: self.unknown_readers.get_or_create_owned(&of),
            unknown_events: self.unknown_events.get_or_create_owned(&of),
        }
    }

    /// The exposition, OpenMetrics text 1.0.
    pub fn text(&self) -> String {
        let mut text = String::new();
        if encode(&mut text, &self.registry).is_err() {
            // Writing to a string does not fail; whoever reads should still see that it did.
            text.push_str("# the metrics could not be written\n");
        }
        text
    }
}
