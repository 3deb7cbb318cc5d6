//! The judge's thread: everything that happened comes here in one order, and is judged in it.
//!
//! Theory of operation: frames, access events, sight and time all go to the engine of their camera, one at a time. What
//! the engines state goes to the listeners at once. Nothing here waits for a disk or a network but the trace's buffer:
//! listeners that do hand on to threads of their own.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use crossbeam_channel::{Receiver, RecvTimeoutError};

use super::clock::BoxClock;
use super::group::{Group, Stated};
use super::leaving::Leaving;
use super::metrics::Metrics;
use super::progress::Progress;
use super::recover::Recovered;
use super::segment::Traces;
use super::told::{Change, Seen, Told};
use crate::capture::live::SteadyClock;
use crate::engine::{Input, Output};
use crate::sight::SightState;
use crate::units::{DoorId, Instant};
use crate::verdict::Verdict;

/// The longest that the judge waits for something to happen: what is due is said this punctually.
const TICK: Duration = Duration::from_millis(50);
/// How often the traces are written through: what a crash of the process can cost of them.
const FLUSH_US: i64 = 1_000_000;

/// What is made of what was stated. Called on the judge's thread: must not wait.
pub trait Listener {
    /// A verdict, first or amended.
    fn verdict(&mut self, group: &Group, verdict: &Verdict);
    /// A verdict that was stated shortly before the process was started again, and may not have been heard.
    fn again(&mut self, _group: &Group, _verdict: &Verdict) {}
    /// What a camera's picture is worth changed.
    fn sight(&mut self, group: &Group, at: Instant, state: SightState, why: &str);
    /// Something else that a person should know.
    fn alarm(&mut self, group: &Group, alarm: &crate::engine::Alarm);
    /// The group that stated this verdict sees no more: nothing of it is to be waited for.
    fn last_word(&mut self, _group: &Group, _verdict: &Verdict) {}
    /// A group sees no more: another takes over from it, or its camera is taken out.
    fn gone(&mut self, _group: &Group) {}
    /// Time passed.
    fn tick(&mut self, _groups: &BTreeMap<usize, Group>, _now: Instant) {}
    /// Nothing comes after this: what waits for something must be done now, or never.
    fn end(&mut self, _groups: &BTreeMap<usize, Group>) {}
}

/// Which engine a door of the intake belongs to, and its id there; by the intake's door.
pub type DoorPlaces = Vec<Option<(usize, DoorId)>>;

/// What the judge needs.
pub struct Judge {
    /// By the camera's place.
    pub groups: BTreeMap<usize, Group>,
    /// Those whose doors have a last word to say.
    pub leaving: Vec<Leaving>,
    /// Where access events belong.
    pub doors: DoorPlaces,
    /// Where traces go.
    pub traces: Traces,
    /// What engines go on from that begin for the first time, by the camera's name.
    pub recovered: BTreeMap<String, Recovered>,
    /// What is told.
    pub told: Receiver<Told>,
    /// Who hears what is stated.
    pub audience: Audience,
    /// That it is alive.
    pub progress: Progress,
}

/// Who hears what is stated, and counts it.
pub struct Audience {
    /// What is made of it.
    pub listeners: Vec<Box<dyn Listener>>,
    /// What is counted.
    pub metrics: Arc<Metrics>,
    /// The site's time.
    pub clock: BoxClock,
}

impl Judge {
    /// Judges until told to stop. Returns each camera's verdict hash.
    pub fn run(mut self) -> Vec<(String, String)> {
        let mut flushed_us = 0;
        loop {
            let told = self.told.recv_timeout(self.patience());
            self.progress.tick();
            self.audience
                .metrics
                .judge_depth
                .set(self.told.len() as i64);
            match told {
                Ok(Told::Stop) | Err(RecvTimeoutError::Disconnected) => break,
                Ok(told) => self.take(told),
                Err(RecvTimeoutError::Timeout) => {}
            }
            let now = self.audience.clock.now();
            self.each(now);
            let now_us = self.audience.clock.now_us();
            if now_us - flushed_us > FLUSH_US {
                flushed_us = now_us;
                self.groups.values().for_each(Group::flush);
            }
        }
        for listener in &mut self.audience.listeners {
            listener.end(&self.groups);
        }
        self.groups.values_mut().for_each(Group::end);
        for leaving in &mut self.leaving {
            leaving.group.end();
        }
        let hashes = self.groups.values();
        hashes
            .map(|group| (group.camera.clone(), group.run.log.verdict_hash()))
            .collect()
    }

    fn patience(&self) -> Duration {
        let now = self.audience.clock.now();
        let due = self.groups.values().filter_map(Group::next_due).min();
        let until = due.map_or(TICK, |due| {
            Duration::from_micros(u64::try_from((due - now).as_us()).unwrap_or_default())
        });
        until.min(TICK)
    }

    fn take(&mut self, told: Told) {
        let now = self.audience.clock.now();
        match told {
            Told::Seen(seen) => self.seen(now, seen),
            Told::Sight { camera, state, why } => self.sight(now, camera, state, &why),
            Told::Access { door, input } => self.access(now, door, &input),
            Told::Change(change) => self.change(now, *change),
            Told::Stop => {}
        }
    }

    fn change(&mut self, now: Instant, change: Change) {
        let mut gone: BTreeMap<usize, Group> = BTreeMap::new();
        for place in change.gone {
            gone.extend(self.groups.remove(&place).map(|group| (place, group)));
        }
        // Before others take over: they have doors, names and traces of their own.
        for group in gone.values() {
            for listener in &mut self.audience.listeners {
                listener.gone(group);
            }
        }
        let mut kept = Vec::new();
        for begin in &change.begin {
            let before = begin.after.and_then(|place| gone.get_mut(&place));
            let recovered = self.recovered.remove(&begin.camera.name);
            let began = match before {
                Some(before) => before.succeed(begin, now, &self.traces, &self.audience.metrics),
                None => Group::start(begin, now, &self.traces, &self.audience.metrics, recovered)
                    .map(|group| (group, Vec::new())),
            };
            match began {
                Ok((mut group, doors)) => {
                    kept.extend(doors);
                    for verdict in std::mem::take(&mut group.again) {
                        for listener in &mut self.audience.listeners {
                            listener.again(&group, &verdict);
                        }
                    }
                    self.groups.insert(begin.place, group);
                }
                // The configuration was checked; this is a defect, and the process's end.
                Err(problem) => panic!("camera {:?}: {problem}", begin.camera.name),
            }
        }
        for (place, group) in gone {
            let doors = super::leaving::doors_of(place, &self.doors);
            self.leaving
                .push(Leaving::new(group, doors, now, &mut |stated| {
                    self.audience.hear_last(stated);
                }));
        }
        self.doors = change.doors;
        // Nobody may be waiting for the answer.
        drop(change.done.send(kept));
    }

    fn seen(&mut self, now: Instant, seen: Seen) {
        let Some(group) = self.groups.get_mut(&seen.camera) else {
            return;
        };
        let metrics = Arc::clone(&self.audience.metrics);
        metrics.stage("decode", seen.decoded_us - seen.arrived_us);
        metrics.stage("wait", seen.taken_up_us - seen.decoded_us);
        metrics.stage("look", seen.looked_us - seen.taken_up_us);
        let begun_us = self.audience.clock.now_us();
        metrics.stage("queue", begun_us - seen.looked_us);
        group.seen(now, seen, &mut |stated| {
            self.audience.hear(stated);
        });
        metrics.stage("judge", self.audience.clock.now_us() - begun_us);
    }

    fn sight(&mut self, now: Instant, camera: usize, state: SightState, why: &str) {
        let Some(group) = self.groups.get_mut(&camera) else {
            return;
        };
        group.sight(now, state, &mut |stated| {
            self.audience.hear(stated);
        });
        for listener in &mut self.audience.listeners {
            listener.sight(group, now, state, why);
        }
    }

    fn access(&mut self, now: Instant, door: Option<DoorId>, input: &Input) {
        for leaving in &mut self.leaving {
            leaving.access(now, door, input, &mut |stated| {
                self.audience.hear_last(stated);
            });
        }
        let place = door.and_then(|door| self.doors.get(usize::from(door.0)).copied().flatten());
        let Some((group, own)) = place else {
            if matches!(input, Input::Access(_)) {
                self.audience.metrics.strangers.inc();
            }
            return;
        };
        if let Some(group) = self.groups.get_mut(&group) {
            group.access(now, own, input, &mut |stated| {
                self.audience.hear(stated);
            });
        }
    }

    fn each(&mut self, now: Instant) {
        for group in self.groups.values_mut() {
            group.tick(now, &mut |stated| {
                self.audience.hear(stated);
            });
            if let Some(state) = group.sight_news(now) {
                for listener in &mut self.audience.listeners {
                    listener.sight(group, now, state, starvation_words(state));
                }
            }
        }
        self.leaving.retain_mut(|leaving| {
            leaving.tick(now, &mut |stated| {
                self.audience.hear_last(stated);
            })
        });
        for listener in &mut self.audience.listeners {
            listener.tick(&self.groups, now);
        }
    }
}

/// Why a camera that sends pictures cannot be believed, or can again.
fn starvation_words(state: SightState) -> &'static str {
    match state {
        SightState::Clear => "enough of its frames are judged again",
        _ => "too few of its frames are judged: see its frame rate, the network and the box's load",
    }
}

impl Audience {
    /// Gives what was stated to whoever listens, and counts it.
    fn hear(&mut self, stated: &Stated<'_>) {
        match stated.output {
            Output::Verdict(verdict) => {
                for listener in &mut self.listeners {
                    listener.verdict(stated.group, verdict);
                }
                if verdict.revision == 1 {
                    let door = stated.group.door(verdict);
                    self.metrics.verdict(door, verdict.kind.name());
                    if let Some(arrived_us) = stated.arrived_us {
                        let us = (self.clock.now_us() - arrived_us).max(0);
                        self.metrics.latency.observe(us as f64 / 1e6);
                    }
                }
            }
            Output::Alarm(alarm) => {
                for listener in &mut self.listeners {
                    listener.alarm(stated.group, alarm);
                }
            }
            Output::Crossing(_) | Output::Grant(_) => {}
        }
    }

    /// The same of a group that sees no more.
    fn hear_last(&mut self, stated: &Stated<'_>) {
        self.hear(stated);
        if let Output::Verdict(verdict) = stated.output {
            for listener in &mut self.listeners {
                listener.last_word(stated.group, verdict);
            }
        }
    }
}
