//! What a stream is, and whether it will do.

use std::ops::ControlFlow;
use std::time::Duration;

use serde::Serialize;

use super::clock::BoxClock;
use crate::capture::Frame;
use crate::capture::live::{
    Decoded, LiveDecoder, LiveSource, Received, SteadyClock, StreamFacts, play,
};

/// Fewer frames a second lose people at a door.
const LEAST_RATE_HZ: f64 = 8.0;
/// Fewer lines show too little of a person.
const LEAST_HEIGHT_PX: u32 = 360;
/// A key picture is what a clip of evidence can begin with, and what a new connection waits for, s.
const LONGEST_KEY_GAP_S: f64 = 4.0;
/// Pictures that come later than the least late one by more than this are told late, s.
const MUCH_LATE_S: f64 = 0.3;
/// A wall clock that is off by more than this should be set, s.
const CLOCK_OFF_S: f64 = 1.0;
/// Share of pictures that may be lost or damaged.
const MOST_BROKEN: f64 = 0.01;

/// What was seen of a stream.
#[derive(Debug, Default, Serialize)]
pub struct Probe {
    /// Codec, as the stream says.
    pub codec: String,
    /// How it was sent.
    pub transport: String,
    /// The server's name for itself.
    pub server: Option<String>,
    /// Width and height of its pictures, px.
    pub size: Option<(u32, u32)>,
    /// Frames a second, as delivered.
    pub rate_hz: f64,
    /// Frames a second, as declared.
    pub declared_hz: Option<f64>,
    /// Kilobits a second.
    pub kbit_s: f64,
    /// Longest time between two key pictures, s; `None`: fewer than two came.
    pub key_gap_s: Option<f64>,
    /// From asking to the first picture, s.
    pub first_picture_s: Option<f64>,
    /// How much later than the least late one 99 in 100 pictures came at most, s.
    pub late_p99_s: f64,
    /// Pictures that came.
    pub pictures: u64,
    /// Pictures that were lost, damaged or could not be decoded.
    pub broken: u64,
    /// RTP packets that were lost.
    pub lost_packets: u64,
    /// Whether the camera stamps its pictures.
    pub stamped: bool,
    /// How far the camera's wall clock is ahead of the box's, s, where it tells.
    pub clock_ahead_s: Option<f64>,
    /// Why the stream ended before the time was over.
    pub ended: Option<String>,
    /// What keeps it from doing.
    pub faults: Vec<String>,
    /// What should be looked at.
    pub advice: Vec<String>,
    /// The last picture.
    #[serde(skip)]
    pub last: Option<Frame>,
}

/// Watches a stream for `how_long`.
pub async fn probe(source: &LiveSource, clock: &BoxClock, how_long: Duration) -> Probe {
    let mut watched = Watched::new(clock);
    let mut take = |received| {
        watched.take(received, clock);
        ControlFlow::Continue(())
    };
    let played = tokio::time::timeout(how_long, play(source, clock, &mut take)).await;
    let ended = match played {
        Err(_) => None,
        Ok(Ok(())) => Some("the stream ended".to_owned()),
        Ok(Err(end)) => Some(end.to_string()),
    };
    watched.sum_up(ended)
}

/// What is kept while watching.
struct Watched {
    decoder: LiveDecoder,
    facts: StreamFacts,
    begun_us: i64,
    first_us: Option<i64>,
    last_us: i64,
    bytes: u64,
    keys_us: Vec<i64>,
    delays_us: Vec<i64>,
    frames: u64,
    stamped: bool,
    clock_ahead_s: Option<f64>,
    trouble: Option<String>,
    last: Option<Frame>,
}

impl Watched {
    fn new(clock: &BoxClock) -> Self {
        Self {
            decoder: LiveDecoder::default(),
            facts: StreamFacts::default(),
            begun_us: clock.now_us(),
            first_us: None,
            last_us: 0,
            bytes: 0,
            keys_us: Vec::new(),
            delays_us: Vec::new(),
            frames: 0,
            stamped: false,
            clock_ahead_s: None,
            trouble: None,
            last: None,
        }
    }

    fn take(&mut self, received: Received, clock: &BoxClock) {
        let unit = match received {
            Received::Began(facts) => {
                self.facts = facts;
                return;
            }
            Received::Clock { wall_us, .. } => {
                let ahead_us = wall_us - clock.now().as_us();
                self.clock_ahead_s = Some(ahead_us as f64 / 1e6);
                return;
            }
            Received::Unit(unit) => unit,
        };
        self.first_us.get_or_insert(unit.arrived_us);
        self.last_us = unit.arrived_us;
        self.bytes += unit.unit.data.len() as u64;
        self.stamped |= unit.stamped;
        if unit.unit.is_key {
            self.keys_us.push(unit.arrived_us);
        }
        let Self {
            decoder,
            delays_us,
            frames,
            last,
            ..
        } = self;
        let decoded = decoder.take(&unit, &mut |decoded: Decoded| {
            *frames += 1;
            delays_us.push(decoded.stamp.delay_us);
            *last = Some(decoded.frame);
        });
        if let Err(why) = decoded {
            self.trouble = Some(why);
        }
    }

    fn sum_up(mut self, ended: Option<String>) -> Probe {
        let tally = self.decoder.tally();
        let lasted_s = self
            .first_us
            .map_or(0.0, |first| (self.last_us - first) as f64 / 1e6);
        let per_s = |count: f64| {
            if lasted_s > 0.0 {
                count / lasted_s
            } else {
                0.0
            }
        };
        let gaps = self
            .keys_us
            .windows(2)
            .map(|pair| (pair[1] - pair[0]) as f64 / 1e6);
        self.delays_us.sort_unstable();
        let late = self.delays_us.len().saturating_sub(1) * 99 / 100;
        let mut probe = Probe {
            codec: self.facts.codec.clone(),
            transport: self.facts.transport.to_owned(),
            server: self.facts.server.clone(),
            size: self
                .last
                .as_ref()
                .map(|frame| (frame.width(), frame.height())),
            rate_hz: per_s(self.frames.saturating_sub(1) as f64),
            declared_hz: self.facts.declared_rate,
            kbit_s: per_s(self.bytes as f64 * 8.0 / 1e3),
            key_gap_s: gaps.fold(None, |most: Option<f64>, gap| {
                Some(most.map_or(gap, |m| m.max(gap)))
            }),
            first_picture_s: self
                .first_us
                .map(|first| (first - self.begun_us) as f64 / 1e6),
            late_p99_s: self.delays_us.get(late).map_or(0.0, |us| *us as f64 / 1e6),
            pictures: tally.received,
            broken: tally.damaged + tally.undecodable,
            lost_packets: tally.lost_packets,
            stamped: self.stamped,
            clock_ahead_s: self.clock_ahead_s,
            ended,
            faults: self.trouble.into_iter().collect(),
            advice: Vec::new(),
            last: self.last,
        };
        probe.judge();
        probe
    }
}

impl Probe {
    /// Whether a door can be watched with it.
    pub fn will_do(&self) -> bool {
        self.faults.is_empty()
    }

    fn judge(&mut self) {
        let Some((_, height)) = self.size else {
            let why = self.ended.clone();
            let why = why.unwrap_or_else(|| "no picture came".to_owned());
            self.faults.push(why);
            return;
        };
        if self.rate_hz < LEAST_RATE_HZ {
            self.faults.push(format!(
                "{:.1} frames a second are too few: set the camera to {LEAST_RATE_HZ} or more",
                self.rate_hz
            ));
        }
        if height < LEAST_HEIGHT_PX {
            self.faults.push(format!(
                "{height} lines are too few: take a stream with {LEAST_HEIGHT_PX} or more"
            ));
        }
        let broken = self.broken as f64 / self.pictures.max(1) as f64;
        if broken > MOST_BROKEN {
            self.faults.push(format!(
                "{:.1} % of the pictures came broken: take transport tcp, or mend the network",
                broken * 100.0
            ));
        }
        match self.key_gap_s {
            Some(gap) if gap > LONGEST_KEY_GAP_S => self.advice.push(format!(
                "key pictures are {gap:.1} s apart: set the interval to {LONGEST_KEY_GAP_S} s or \
                 less, and switch smart codecs off"
            )),
            None => self
                .advice
                .push("no two key pictures came: watch longer (--seconds)".into()),
            Some(_) => {}
        }
        if self.late_p99_s > MUCH_LATE_S {
            self.advice.push(format!(
                "1 in 100 pictures comes over {:.2} s late: alarms will be as late",
                self.late_p99_s
            ));
        }
        if let Some(ahead) = self.clock_ahead_s.filter(|s| s.abs() > CLOCK_OFF_S) {
            self.advice.push(format!(
                "its clock is {ahead:+.1} s off the box's: set it by NTP (times do not depend on it)"
            ));
        }
        if !self.stamped {
            self.advice
                .push("it does not stamp its pictures: times are those of arrival".into());
        }
        if let Some(ended) = &self.ended {
            self.advice
                .push(format!("it ended before the time was over: {ended}"));
        }
    }

    /// What a person reads.
    pub fn text(&self) -> String {
        let mut lines = Vec::new();
        let mut add = |name: &str, value: String| lines.push(format!("{name:<14}{value}"));
        if let Some((width, height)) = self.size {
            add("picture", format!("{width} x {height} px, {}", self.codec));
            let declared = self.declared_hz.map(|hz| format!(" (says {hz:.1})"));
            let declared = declared.unwrap_or_default();
            add("frames", format!("{:.1} a second{declared}", self.rate_hz));
            add(
                "stream",
                format!("{:.0} kbit/s over {}", self.kbit_s, self.transport),
            );
            let gap = self
                .key_gap_s
                .map_or("unknown".to_owned(), |gap| format!("{gap:.1} s"));
            add("key pictures", format!("at most {gap} apart"));
            if let Some(first) = self.first_picture_s {
                add("first picture", format!("after {first:.2} s"));
            }
            add("lateness", format!("p99 {:.0} ms", self.late_p99_s * 1e3));
            add(
                "broken",
                format!(
                    "{} of {} pictures, {} packets lost",
                    self.broken, self.pictures, self.lost_packets
                ),
            );
            if let Some(ahead) = self.clock_ahead_s {
                add("its clock", format!("{ahead:+.2} s"));
            }
        }
        if let Some(server) = &self.server {
            add("server", server.clone());
        }
        for fault in &self.faults {
            lines.push(format!("NO: {fault}"));
        }
        for advice in &self.advice {
            lines.push(format!("look: {advice}"));
        }
        if self.will_do() {
            lines.push("it will do".to_owned());
        }
        lines.join("\n") + "\n"
    }
}
