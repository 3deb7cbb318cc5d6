//! One camera's thread: opens its stream for ever, decodes, and queues frames to be looked at.
//!
//! Theory of operation: everything that waits for a camera waits here, so that one that stalls, refuses or breaks its
//! decoder holds up nobody else. What the picture is worth is told to the judge when it changes: no
//! signal while nothing can be decoded, moved when the picture's size is not the one that was
//! calibrated.

use std::hash::{BuildHasher, Hasher, RandomState};
use std::ops::ControlFlow;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant as Steady};

use crossbeam_channel::Sender;
use tokio_util::sync::CancellationToken;

use super::clock::BoxClock;
use super::metrics::CameraMetrics;
use super::progress::Progress;
use super::reference::Kept;
use super::told::Told;
use super::waiting::{Job, Waiting};
use crate::app::sightings::luma;
use crate::capture::Frame;
use crate::capture::live::{
    Backoff, Decoded, Ended, LiveDecoder, LiveSource, LiveUnit, Received, SteadyClock, StreamEnd,
    Tally, play,
};
use crate::detection::SourceRect;
use crate::evidence::Ring;
use crate::picture::{Attention, SightWatch};
use crate::sight::SightState;
use crate::units::{Instant, Span};

/// How often a camera's thread says that it is alive.
const PULSE: Duration = Duration::from_millis(500);

/// A camera's clock that is said to have moved: less is drift, and what the network does, s.
const CLOCK_MOVED_S: f64 = 0.5;

/// How often it is looked whether a person has confirmed the place of a moved camera.
const ASK_EVERY: Span = Span::from_ms(1_000);

/// What a camera's thread needs.
pub struct CameraTask {
    /// Its place among the cameras.
    pub place: usize,
    /// Its name.
    pub name: String,
    /// Its stream.
    pub source: LiveSource,
    /// Width and height that it was calibrated for, px.
    pub calibrated: (u32, u32),
    /// The part of the picture that matters; `None`: all of it.
    pub region: Option<SourceRect>,
    /// Where what it is known to show is kept.
    pub reference: PathBuf,
    /// Its last pictures, for evidence.
    pub ring: Arc<Ring>,
    /// The site's time.
    pub clock: BoxClock,
    /// Where frames wait.
    pub waiting: Arc<Waiting>,
    /// The judge.
    pub judge: Sender<Told>,
    /// What is counted.
    pub counts: Arc<CameraMetrics>,
    /// Whether somebody is being followed.
    pub followed: Arc<AtomicBool>,
    /// That it is alive.
    pub progress: Progress,
    /// When to end.
    pub stop: CancellationToken,
}

impl CameraTask {
    /// Runs until it is told to stop. `Err`: the thread cannot work at all.
    pub fn run(self) -> std::io::Result<()> {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()?;
        let stop = self.stop.clone();
        let progress = self.progress.clone();
        runtime.block_on(async {
            tokio::select! {
                () = self.watch_for_ever() => {}
                () = pulse(progress) => {}
                () = stop.cancelled() => {}
            }
        });
        Ok(())
    }

    async fn watch_for_ever(self) {
        let mut backoff = Backoff::default();
        let mut taker = Taker::new(&self);
        loop {
            let begun = Steady::now();
            let mut take = |received| {
                taker.take(received);
                self.progress.tick();
                ControlFlow::Continue(())
            };
            let end = match play(&self.source, &self.clock, &mut take).await {
                Ok(()) => StreamEnd::Closed,
                Err(end) => end,
            };
            taker.ended(&end);
            let ended = match end {
                StreamEnd::Refused(_) => Ended::Refused,
                _ => Ended::Broken,
            };
            let wait = backoff.wait(ended, begun.elapsed(), chance());
            tracing::info!(
                camera = self.name,
                wait_s = wait.as_secs_f64(),
                "tried again"
            );
            tokio::time::sleep(wait).await;
        }
    }
}

/// Shows that the thread is not stuck, also while nothing comes.
async fn pulse(progress: Progress) {
    let mut ticks = tokio::time::interval(PULSE);
    ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        progress.tick();
    }
}

/// A number from 0 to 1 that nobody can foretell.
fn chance() -> f64 {
    let dice = RandomState::new().build_hasher().finish();
    dice as f64 / u64::MAX as f64
}

/// Makes frames of what comes.
struct Taker<'a> {
    task: &'a CameraTask,
    decoder: LiveDecoder,
    counted: Tally,
    sight: SightState,
    attention: Attention,
    watch: SightWatch,
    kept: Kept,
    /// What the watch last said.
    line: String,
    asked: Option<Instant>,
    /// From the camera's stamps to the steady clock, microseconds.
    offset_us: Option<i64>,
    /// How far the camera's wall clock is ahead of the site's time line, as it was last said, s.
    clock_ahead_s: Option<f64>,
}

impl<'a> Taker<'a> {
    fn new(task: &'a CameraTask) -> Self {
        let (kept, watch) = Kept::open(task.reference.clone());
        Self {
            task,
            decoder: LiveDecoder::default(),
            counted: Tally::default(),
            sight: SightState::NoFootage,
            attention: Attention::new(task.region),
            watch,
            kept,
            line: "the picture is there".to_owned(),
            asked: None,
            offset_us: None,
            clock_ahead_s: None,
        }
    }

    fn take(&mut self, received: Received) {
        match received {
            Received::Began(facts) => {
                tracing::info!(
                    camera = self.task.name,
                    codec = facts.codec,
                    transport = facts.transport,
                    size = ?facts.size,
                    server = facts.server,
                    "the stream began"
                );
            }
            Received::Clock { media_us, wall_us } => self.compare_clocks(media_us, wall_us),
            Received::Unit(unit) => self.decode(unit),
        }
    }

    /// Cameras' clocks are shown, and never used to judge: they are set by hand, by nobody, or to local time, and what counts is
    /// when a picture came.
    fn compare_clocks(&mut self, media_us: i64, wall_us: i64) {
        let clock = &self.task.clock;
        let taken_us = self.offset_us.map(|offset_us| media_us + offset_us);
        let taken = clock.at(taken_us.unwrap_or_else(|| clock.now_us()));
        let ahead_s = (Instant::from_us(wall_us) - taken).as_s();
        self.task.counts.clock_ahead_s.set(ahead_s);
        let said = self.clock_ahead_s;
        if said.is_none_or(|said_s| (ahead_s - said_s).abs() > CLOCK_MOVED_S) {
            self.clock_ahead_s = Some(ahead_s);
            tracing::info!(camera = self.task.name, ahead_s, "the camera's clock");
        }
    }

    fn decode(&mut self, unit: LiveUnit) {
        let mut frames = Vec::new();
        let decoded = self
            .decoder
            .take(&unit, &mut |decoded| frames.push(decoded));
        self.count();
        if let Some(last) = frames.last() {
            self.offset_us = last.media_us.map(|media_us| last.stamp.taken_us - media_us);
        }
        self.keep(unit);
        if let Err(why) = decoded {
            self.tell(SightState::NoSignal, &why);
        }
        for decoded in frames {
            self.queue(decoded);
        }
    }

    /// Keeps the compressed picture for evidence.
    fn keep(&self, unit: LiveUnit) {
        let stamped_us = unit.stamped.then_some(unit.unit.time_us);
        let taken_us = match (stamped_us, self.offset_us) {
            (Some(stamped_us), Some(offset_us)) => stamped_us + offset_us,
            _ => unit.arrived_us,
        };
        let taken = self.task.clock.at(taken_us);
        self.task.ring.push(Arc::new(unit.unit), taken);
    }

    fn queue(&mut self, decoded: Decoded) {
        let size = (decoded.frame.width(), decoded.frame.height());
        let calibrated = self.task.calibrated;
        if calibrated != size {
            let why = format!(
                "its picture is {} x {} px now, and it was calibrated for {} x {}: \
                 set it back, or calibrate it anew",
                size.0, size.1, calibrated.0, calibrated.1
            );
            self.tell(SightState::Moved, &why);
            return;
        }
        let clock = &self.task.clock;
        let taken = clock.at(decoded.stamp.taken_us);
        let look = self.must_look(&decoded.frame, taken);
        let line = std::mem::take(&mut self.line);
        self.tell(self.watch.state(), &line);
        self.line = line;
        let job = Job {
            taken,
            arrived_us: decoded.arrived_us,
            decoded_us: clock.now_us(),
            look,
            frame: decoded.frame,
        };
        if self.task.waiting.put(self.task.place, job).is_some() {
            self.task.counts.dropped.inc();
        }
    }

    /// Looks after the picture's worth, and says whether anybody may be in it.
    fn must_look(&mut self, frame: &Frame, taken: Instant) -> bool {
        let Some(luma) = luma(frame) else {
            return true;
        };
        self.attention.take(luma);
        let cells = self.attention.cells();
        let found = self.watch.step(taken, luma, cells, frame.is_key());
        if let Some(finding) = found {
            tracing::info!(camera = self.task.name, numbers = ?finding.numbers, "{}", finding.line);
            self.line = finding.line;
        }
        self.kept.keep(&self.watch);
        if self.watch.state() == SightState::Moved
            && self.may_ask(taken)
            && self.kept.is_confirmed()
        {
            self.watch.confirm();
        }
        let followed = self.task.followed.load(Ordering::Relaxed);
        self.attention.must_look(taken, followed)
    }

    /// Whether it is time to look whether a person has confirmed the camera's place.
    fn may_ask(&mut self, taken: Instant) -> bool {
        let may = self.asked.is_none_or(|at| taken - at > ASK_EVERY);
        if may {
            self.asked = Some(taken);
        }
        may
    }

    fn ended(&mut self, end: &StreamEnd) {
        self.decoder.reconnected();
        self.task.ring.restarted();
        self.offset_us = None;
        self.task.counts.reconnects.inc();
        // Before the first picture nobody has lost anything yet, but a person should know why.
        self.tell(SightState::NoSignal, &end.to_string());
    }

    /// Tells the judge, if it is new.
    fn tell(&mut self, state: SightState, why: &str) {
        if state == self.sight {
            return;
        }
        self.sight = state;
        self.task
            .counts
            .clear
            .set(i64::from(state == SightState::Clear));
        let told = Told::Sight {
            camera: self.task.place,
            state,
            why: why.to_owned(),
        };
        // The judge is gone when the process ends.
        drop(self.task.judge.send(told));
    }

    fn count(&mut self) {
        let now = self.decoder.tally();
        let was = std::mem::replace(&mut self.counted, now);
        let counts = &self.task.counts;
        counts.received.inc_by(now.received - was.received);
        counts.decoded.inc_by(now.decoded - was.decoded);
        counts.damaged.inc_by(now.damaged - was.damaged);
        counts.dropped.inc_by(now.let_go - was.let_go);
        counts
            .lost_packets
            .inc_by(now.lost_packets - was.lost_packets);
    }
}
