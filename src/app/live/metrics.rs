//! What the box counts, in Prometheus' words, and how it stands in one object.

use std::sync::atomic::AtomicU64;

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::Registry;

use crate::evidence::Status;

/// Buckets of what a frame or a verdict takes, s: from a step of the engine to what nobody waits for.
const STAGE_S: [f64; 14] = [
    0.000_1, 0.000_5, 0.001, 0.005, 0.01, 0.02, 0.04, 0.08, 0.15, 0.25, 0.5, 1.0, 2.0, 5.0,
];

/// The label of everything that is counted by camera.
#[derive(Debug, Clone, Hash, PartialEq, Eq, EncodeLabelSet)]
struct OfCamera {
    camera: String,
}

/// The label of a stage.
#[derive(Debug, Clone, Hash, PartialEq, Eq, EncodeLabelSet)]
struct OfStage {
    stage: &'static str,
}

/// The label of a verdict.
#[derive(Debug, Clone, Hash, PartialEq, Eq, EncodeLabelSet)]
struct OfVerdict {
    door: String,
    kind: &'static str,
}

/// Counters of one camera.
#[derive(Debug, Clone, Default)]
pub struct CameraMetrics {
    /// Compressed pictures that came.
    pub received: Counter,
    /// Frames that were decoded.
    pub decoded: Counter,
    /// Frames that were dropped because looking was behind.
    pub dropped: Counter,
    /// Frames that were looked at.
    pub looked: Counter,
    /// Frames in which nothing moved and nobody was, which nobody looked at.
    pub skipped: Counter,
    /// Frames that may show what is no longer there.
    pub damaged: Counter,
    /// RTP packets that were lost.
    pub lost_packets: Counter,
    /// Streams that ended.
    pub reconnects: Counter,
    /// 1 while the picture can be believed.
    pub clear: Gauge,
    /// Frames that reach the engine, a second.
    pub rate_hz: Gauge<f64, AtomicU64>,
    /// People on the floor.
    pub tracks: Gauge,
    /// How far its wall clock is ahead of the site's time line, by RTCP's sender reports; 0 where it says nothing, s.
    pub clock_ahead_s: Gauge<f64, AtomicU64>,
}

/// What is counted of traces on the disk.
#[derive(Debug, Clone, Default)]
pub struct TraceMetrics {
    /// Files begun.
    pub begun: Counter,
    /// Files deleted for their age or for room.
    pub deleted: Counter,
    /// Bytes on the disk, as last looked.
    pub held: Gauge,
}

/// What became of evidence, and what of it is on the disk.
#[derive(Debug, Clone, Default)]
pub struct EvidenceMetrics {
    asked: Counter,
    written: Counter,
    incomplete: Counter,
    refused: Counter,
    failed: Counter,
    deleted: Counter,
    unfinished: Counter,
    waiting: Gauge,
    folders: Gauge,
    bytes: Gauge,
    failing: Gauge,
}

impl EvidenceMetrics {
    /// Takes over what the keeper has counted. One caller: counts are brought up to it.
    pub fn show(&self, status: &Status) {
        for (counter, count) in [
            (&self.asked, status.asked),
            (&self.written, status.written),
            (&self.incomplete, status.incomplete),
            (&self.refused, status.refused),
            (&self.failed, status.failed),
            (&self.deleted, status.evicted),
            (&self.unfinished, status.swept),
        ] {
            counter.inc_by(count.saturating_sub(counter.get()));
        }
        self.waiting.set(status.waiting as i64);
        self.folders.set(status.folders as i64);
        self.bytes.set(status.bytes as i64);
        self.failing.set(i64::from(status.alarm.is_some()));
    }

    /// Shows them in a registry, as `..._evidence_...`.
    fn register(&self, registry: &mut Registry) {
        let registry = registry.sub_registry_with_prefix("evidence");
        for (name, help, counter) in [
            ("asked", "Evidence asked for", &self.asked),
            ("written", "Evidence kept", &self.written),
            ("incomplete", "Kept, but not all of it", &self.incomplete),
            ("refused", "Not kept: too many wait", &self.refused),
            ("failed", "Not kept: not writable", &self.failed),
            ("deleted", "Folders deleted for room", &self.deleted),
            (
                "unfinished",
                "Folders cut short by a kill, deleted at the start",
                &self.unfinished,
            ),
        ] {
            registry.register(name, help, counter.clone());
        }
        for (name, help, gauge) in [
            ("waiting", "Evidence that waits", &self.waiting),
            ("folders", "Folders on the disk", &self.folders),
            ("bytes", "Their bytes", &self.bytes),
            ("failing", "1: the last was not writable", &self.failing),
        ] {
            registry.register(name, help, gauge.clone());
        }
    }
}

/// Everything that is counted.
#[derive(Debug)]
pub struct Metrics {
    registry: Registry,
    received: Family<OfCamera, Counter>,
    decoded: Family<OfCamera, Counter>,
    dropped: Family<OfCamera, Counter>,
    looked: Family<OfCamera, Counter>,
    skipped: Family<OfCamera, Counter>,
    damaged: Family<OfCamera, Counter>,
    lost_packets: Family<OfCamera, Counter>,
    reconnects: Family<OfCamera, Counter>,
    clear: Family<OfCamera, Gauge>,
    rate: Family<OfCamera, Gauge<f64, AtomicU64>>,
    tracks: Family<OfCamera, Gauge>,
    clock_ahead: Family<OfCamera, Gauge<f64, AtomicU64>>,
    waiting: Family<OfCamera, Gauge>,
    stages: Family<OfStage, Histogram>,
    verdicts: Family<OfVerdict, Counter>,
    /// From the frame that shows the last step over the line to the verdict, s.
    pub latency: Histogram,
    /// Things told to the judge that wait.
    pub judge_depth: Gauge,
    /// Access events of no door of this site.
    pub strangers: Counter,
    /// How far the wall clock has gone from the site's time line, s.
    pub wall_ahead: Gauge<f64, AtomicU64>,
    /// Bytes of traces that could not be written.
    pub trace_lost: Counter,
    /// What is counted of traces on the disk.
    pub traces: TraceMetrics,
    /// What became of evidence.
    pub evidence: EvidenceMetrics,
}

impl Default for Metrics {
    fn default() -> Self {
        let mut metrics = Self {
            registry: Registry::with_prefix("tailgate"),
            received: Family::default(),
            decoded: Family::default(),
            dropped: Family::default(),
            looked: Family::default(),
            skipped: Family::default(),
            damaged: Family::default(),
            lost_packets: Family::default(),
            reconnects: Family::default(),
            clear: Family::default(),
            rate: Family::default(),
            tracks: Family::default(),
            clock_ahead: Family::default(),
            waiting: Family::default(),
            stages: Family::new_with_constructor(|| Histogram::new(STAGE_S)),
            verdicts: Family::default(),
            latency: Histogram::new(STAGE_S),
            judge_depth: Gauge::default(),
            strangers: Counter::default(),
            wall_ahead: Gauge::default(),
            trace_lost: Counter::default(),
            traces: TraceMetrics::default(),
            evidence: EvidenceMetrics::default(),
        };
        metrics.register();
        metrics
    }
}

impl Metrics {
    /// With what is counted of alerts.
    pub fn with_alerts(alerts: &crate::notify::Metrics) -> Self {
        let mut metrics = Self::default();
        alerts.register(&mut metrics.registry);
        metrics
    }

    fn register(&mut self) {
        let registry = &mut self.registry;
        for (name, help, family) in [
            ("frames_received", "Compressed pictures", &self.received),
            ("frames_decoded", "Frames decoded", &self.decoded),
            (
                "frames_dropped",
                "Frames too late to look at",
                &self.dropped,
            ),
            ("frames_looked", "Frames looked at", &self.looked),
            ("frames_skipped", "Frames without movement", &self.skipped),
            ("frames_damaged", "Frames not whole", &self.damaged),
            ("packets_lost", "RTP packets lost", &self.lost_packets),
            ("stream_ends", "Streams that ended", &self.reconnects),
        ] {
            registry.register(name, help, family.clone());
        }
        for (name, help, family) in [
            ("camera_clear", "1: can be believed", &self.clear),
            ("tracks", "People on the floor", &self.tracks),
            ("frames_waiting", "Frames that wait", &self.waiting),
        ] {
            registry.register(name, help, family.clone());
        }
        let rate = self.rate.clone();
        registry.register("frame_rate_hertz", "Frames judged a second", rate);
        let ahead = self.clock_ahead.clone();
        registry.register("camera_clock_ahead_seconds", "By sender reports", ahead);
        let stages = self.stages.clone();
        registry.register("stage_seconds", "Time a frame took, by stage", stages);
        let verdicts = self.verdicts.clone();
        registry.register("verdicts", "First statements, by door and kind", verdicts);
        let latency = self.latency.clone();
        registry.register("verdict_seconds", "From frame to verdict", latency);
        let depth = self.judge_depth.clone();
        registry.register("judge_queue_depth", "What waits for the judge", depth);
        let strangers = self.strangers.clone();
        registry.register("strange_events", "Access events of no door", strangers);
        let ahead = self.wall_ahead.clone();
        registry.register("wall_clock_ahead_seconds", "Wall clock, moved", ahead);
        let lost = self.trace_lost.clone();
        registry.register("trace_lost_bytes", "Trace not written", lost);
        let TraceMetrics {
            begun,
            deleted,
            held,
        } = self.traces.clone();
        registry.register("trace_segments", "Traces begun", begun);
        registry.register("trace_segments_deleted", "Traces deleted", deleted);
        registry.register("trace_bytes", "Traces on the disk", held);
        self.evidence.register(registry);
    }

    /// The counters of one camera; the same for the same name.
    pub fn camera(&self, name: &str) -> CameraMetrics {
        let of = OfCamera {
            camera: name.to_owned(),
        };
        CameraMetrics {
            received: self.received.get_or_create_owned(&of),
            decoded: self.decoded.get_or_create_owned(&of),
            dropped: self.dropped.get_or_create_owned(&of),
            looked: self.looked.get_or_create_owned(&of),
            skipped: self.skipped.get_or_create_owned(&of),
            damaged: self.damaged.get_or_create_owned(&of),
            lost_packets: self.lost_packets.get_or_create_owned(&of),
            reconnects: self.reconnects.get_or_create_owned(&of),
            clear: self.clear.get_or_create_owned(&of),
            rate_hz: self.rate.get_or_create_owned(&of),
            tracks: self.tracks.get_or_create_owned(&of),
            clock_ahead_s: self.clock_ahead.get_or_create_owned(&of),
        }
    }

    /// Of a camera that was taken out nothing is shown any more.
    pub fn forget(&self, camera: &str) {
        let of = OfCamera {
            camera: camera.to_owned(),
        };
        for family in [
            &self.received,
            &self.decoded,
            &self.dropped,
            &self.looked,
            &self.skipped,
            &self.damaged,
            &self.lost_packets,
            &self.reconnects,
        ] {
            family.remove(&of);
        }
        for family in [&self.clear, &self.tracks, &self.waiting] {
            family.remove(&of);
        }
        self.rate.remove(&of);
        self.clock_ahead.remove(&of);
    }

    /// Frames of a camera that wait.
    pub fn waits(&self, camera: &str, frames: usize) {
        let of = OfCamera {
            camera: camera.to_owned(),
        };
        self.waiting.get_or_create_owned(&of).set(frames as i64);
    }

    /// A frame spent this long in a stage.
    pub fn stage(&self, stage: &'static str, us: i64) {
        let histogram = self.stages.get_or_create(&OfStage { stage });
        histogram.observe(us.max(0) as f64 / 1e6);
    }

    /// A verdict was stated for the first time.
    pub fn verdict(&self, door: &str, kind: &'static str) {
        let of = OfVerdict {
            door: door.to_owned(),
            kind,
        };
        self.verdicts.get_or_create_owned(&of).inc();
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

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(metrics: &Metrics, lines: &[&str]) {
        let text = metrics.text();
        for line in lines {
            let is_there = text.lines().any(|other| other == *line);
            assert!(is_there, "{line:?} is not in:\n{text}");
        }
    }

    #[test]
    fn what_becomes_of_evidence_is_shown() {
        let metrics = Metrics::default();
        let mut status = Status {
            asked: 9,
            written: 5,
            refused: 3,
            failed: 1,
            swept: 2,
            bytes: 7_000,
            alarm: Some("no room".to_owned()),
            ..Status::default()
        };
        // Shown every second: what was counted is not counted again.
        metrics.evidence.show(&status);
        metrics.evidence.show(&status);
        check(
            &metrics,
            &[
                "tailgate_evidence_asked_total 9",
                "tailgate_evidence_written_total 5",
                "tailgate_evidence_refused_total 3",
                "tailgate_evidence_failed_total 1",
                "tailgate_evidence_unfinished_total 2",
                "tailgate_evidence_bytes 7000",
                "tailgate_evidence_failing 1",
            ],
        );
        (status.written, status.alarm) = (6, None);
        metrics.evidence.show(&status);
        check(
            &metrics,
            &[
                "tailgate_evidence_written_total 6",
                "tailgate_evidence_failing 0",
            ],
        );
    }
}
