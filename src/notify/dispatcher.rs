//! The dispatcher: empties the outbox into its sinks, one task a sink.
//!
//! Theory of operation: each sink's task keeps what the sink is owed as a queue for each door
//! ([`super::lanes`]), sends the first of each door, several doors at once, and writes down what came of
//! it before the door's next one goes: after a crash only notices that were on their way come twice.
//! What to do after a failure is decided in [`super::retry`]. While a sink as a whole is failing, one
//! notice at a time tries whether it is back.
//!
//! Time comes from the [`Clock`] alone, so that tests move it by hand. The outbox is read on the
//! task's own thread: a read of a few rows takes microseconds and is waited for by nobody else.

use std::future::pending;
use std::sync::Arc;

use futures_util::stream::{FuturesUnordered, StreamExt};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use super::lanes::Lanes;
use super::metrics::{Metrics, SinkMetrics};
use super::outbox::{Outbox, OutboxError, OutboxReader, Owed, Settle};
use super::retry::{self, Attempt, Next};
use super::sink::{Outcome, Outgoing, Sink};
use crate::units::{Instant, Span};
use crate::wire::{Boxed, Clock, SystemClock};

/// Doors that are served at once, for one sink: a receiver that takes seconds to answer does not make
/// one door wait for another.
const MOST_AT_ONCE: usize = 8;

/// Rows that are read at once.
const PAGE: usize = 1_000;

/// How often ages are brought up to date.
const LOOK_EVERY: Span = Span::from_ms(15_000);

/// A clock that goes back by less was not set: time services slew.
const CLOCK_WAS_SET: Span = Span::from_ms(1_000);

/// Empties the outbox into its sinks.
pub struct Dispatcher {
    outbox: Arc<Outbox>,
    sinks: Vec<Arc<dyn Sink>>,
    metrics: Metrics,
    clock: Arc<dyn Clock>,
}

impl Dispatcher {
    /// For these sinks, which the outbox knows by the same names.
    pub fn new(outbox: Arc<Outbox>, sinks: Vec<Arc<dyn Sink>>, metrics: Metrics) -> Self {
        Self {
            outbox,
            sinks,
            metrics,
            clock: Arc::new(SystemClock),
        }
    }

    /// The same by another clock.
    pub fn by(self, clock: Arc<dyn Clock>) -> Self {
        Self { clock, ..self }
    }

    /// Works until it is stopped; `Err`: the outbox broke and the process is to end.
    pub async fn run(self, stop: CancellationToken) -> Result<(), OutboxError> {
        let tasks = self.sinks.iter().map(|sink| {
            let desk = Desk {
                sink: Arc::clone(sink),
                outbox: Arc::clone(&self.outbox),
                metrics: self.metrics.sink(sink.name()),
                clock: Arc::clone(&self.clock),
                lanes: Lanes::default(),
                state: State::default(),
            };
            let stop = stop.clone();
            tokio::spawn(async move {
                let (serving, ended) = (desk.sink.clone(), stop.clone());
                tokio::select! {
                    () = serving.serve(&ended) => Ok(()),
                    done = desk.work() => done,
                    () = stop.cancelled() => Ok(()),
                }
            })
        });
        let mut tasks: FuturesUnordered<_> = tasks.collect();
        let mut result = Ok(());
        while let Some(ended) = tasks.next().await {
            let ended = ended.unwrap_or_else(|panic| {
                Err(OutboxError::Thread(format!("a sink's task broke: {panic}")))
            });
            if ended.is_err() && result.is_ok() {
                result = ended;
                stop.cancel();
            }
        }
        result
    }
}

/// How a sink as a whole is doing.
#[derive(Debug, Default)]
struct State {
    /// Nothing is sent before.
    held: Option<Instant>,
    /// Failures of the sink as a whole in a row.
    failures: u32,
    /// Counts the holds: who began before the last one says nothing new.
    wave: u64,
    disabled: bool,
    /// How often a person had it tried again.
    resumed: u64,
    /// The latest moment that was seen.
    seen: Instant,
    /// When a notice last went through, and of which door.
    passed: Option<(Instant, Arc<str>)>,
}

/// One sink's task.
struct Desk {
    sink: Arc<dyn Sink>,
    outbox: Arc<Outbox>,
    metrics: SinkMetrics,
    clock: Arc<dyn Clock>,
    lanes: Lanes,
    state: State,
}

/// What came of one attempt.
struct Tried {
    owed: Owed,
    id: String,
    wave: u64,
    /// `None`: it is owed no more.
    outcome: Option<Outcome>,
}

impl Desk {
    async fn work(mut self) -> Result<(), OutboxError> {
        let reader = self.outbox.reader()?;
        let mut news = self.outbox.news();
        let mut poisoned = self.outbox.poisoned();
        let mut flying: FuturesUnordered<Boxed<'static, Tried>> = FuturesUnordered::new();
        self.look(&reader)?;
        loop {
            let now = self.clock.now();
            self.mind_the_clock(now);
            self.start(now, &reader, &mut flying)?;
            self.show(now);
            let wake = self.clock.sleep(self.next_wake(now).since(now));
            let sink = Arc::clone(&self.sink);
            let is_held = self.state.held.is_some();
            tokio::select! {
                tried = flown(&mut flying) => self.settle(tried).await?,
                changed = news.changed() => {
                    if changed.is_err() {
                        return Ok(());
                    }
                    self.look(&reader)?;
                }
                why = broken(&mut poisoned) => return Err(OutboxError::Poisoned(why)),
                () = sink.back(), if is_held => self.state.held = None,
                () = wake => self.look(&reader)?,
            }
        }
    }

    fn take_in(&mut self, reader: &OutboxReader) -> Result<(), OutboxError> {
        let latest = self.clock.now() + retry::longest_wait();
        loop {
            let mut page = reader.owed_after(self.sink.name(), self.lanes.last(), PAGE)?;
            let count = page.len();
            for owed in &mut page {
                // A time from a clock that was wrong must not make it wait for years.
                owed.next = owed.next.min(latest);
            }
            self.lanes.take_in(page);
            if count < PAGE {
                return Ok(());
            }
        }
    }

    /// Reads how the sink stands, and what is new; everything, after a person had it tried again.
    fn look(&mut self, reader: &OutboxReader) -> Result<(), OutboxError> {
        if let Some(sink) = reader.sink(self.sink.name())? {
            self.metrics.given_up.set(sink.given_up as i64);
            let state = &mut self.state;
            state.disabled = sink.disabled.is_some();
            if state.resumed != sink.resumed {
                state.resumed = sink.resumed;
                state.held = None;
                state.failures = 0;
                self.lanes.clear();
            }
        }
        self.take_in(reader)
    }

    /// A clock that was set back must not make anybody wait until it is that late again.
    fn mind_the_clock(&mut self, now: Instant) {
        if self.state.seen.since(now) > CLOCK_WAS_SET {
            self.state.held = None;
            self.lanes.hurry();
        }
        self.state.seen = now;
    }

    /// Sends what may be sent.
    fn start(
        &mut self,
        now: Instant,
        reader: &OutboxReader,
        flying: &mut FuturesUnordered<Boxed<'static, Tried>>,
    ) -> Result<(), OutboxError> {
        if self.state.disabled || self.state.held.is_some_and(|until| until > now) {
            return Ok(());
        }
        let most = if self.state.failures > 0 {
            1
        } else {
            MOST_AT_ONCE
        };
        while flying.len() < most {
            let Some(owed) = self.lanes.start(now) else {
                return Ok(());
            };
            let content = reader.content(self.sink.name(), owed.seq)?;
            let (sink, wave) = (Arc::clone(&self.sink), self.state.wave);
            flying.push(Box::pin(async move {
                let Some(content) = content else {
                    let id = String::new();
                    return Tried {
                        owed,
                        id,
                        wave,
                        outcome: None,
                    };
                };
                let outgoing = Outgoing {
                    id: content.id,
                    door: owed.door.to_string(),
                    at: content.at,
                    put: owed.put,
                    now,
                    body: content.body.into(),
                };
                let outcome = Some(sink.deliver(&outgoing).await);
                let id = outgoing.id;
                Tried {
                    owed,
                    id,
                    wave,
                    outcome,
                }
            }));
        }
        Ok(())
    }

    /// Decides what becomes of one, writes it down, and only then lets its door go on.
    async fn settle(&mut self, tried: Tried) -> Result<(), OutboxError> {
        let Tried {
            owed,
            id,
            wave,
            outcome,
        } = tried;
        let Some(outcome) = outcome else {
            self.lanes.done(&owed);
            return Ok(());
        };
        let now = self.clock.now();
        let passed = self.state.passed.as_ref();
        let others_pass = passed.is_some_and(|(at, door)| {
            *door != owed.door && owed.failed.is_some_and(|failed| *at >= failed)
        });
        let attempt = Attempt {
            id: &id,
            tries: owed.tries + 1,
            sink_failures: self.state.failures + 1,
            others_pass,
            now,
        };
        let next = retry::next(attempt, outcome);
        if next != Next::Done {
            self.metrics.failed.inc();
        }
        match next {
            Next::Done => self.delivered(&owed, now).await,
            Next::SetAside(why) => {
                tracing::error!("{}: {id} is given up: {why}", self.sink.name());
                let what = Settle::GiveUp { why };
                self.outbox.settle(self.sink.name(), owed.seq, what).await?;
                self.lanes.done(&owed);
                self.metrics.given_up.inc();
                Ok(())
            }
            Next::Door(next, why) => {
                self.state.failures = 0;
                self.later(&owed, next, why, now).await
            }
            Next::Sink(next, why) => {
                if wave == self.state.wave {
                    self.state.wave += 1;
                    self.state.failures += 1;
                    self.state.held = Some(next);
                }
                // The door may go when the sink may: at once after a restart.
                self.later(&owed, now, why, now).await
            }
            Next::Disable(why) => {
                tracing::error!("{}: nothing is sent any more: {why}", self.sink.name());
                self.state.disabled = true;
                self.outbox.disable(self.sink.name(), why.clone()).await?;
                self.later(&owed, now, why, now).await
            }
        }
    }

    async fn delivered(&mut self, owed: &Owed, now: Instant) -> Result<(), OutboxError> {
        let name = self.sink.name();
        self.outbox
            .settle(name, owed.seq, Settle::Delivered)
            .await?;
        self.lanes.done(owed);
        self.metrics.delivered.inc();
        let latency = now.since(owed.put).as_s().max(0.0);
        self.metrics.latency.observe(latency);
        if self.state.failures > 0 {
            tracing::info!("{name}: it takes alerts again");
        }
        self.state.failures = 0;
        self.state.held = None;
        self.state.passed = Some((now, Arc::clone(&owed.door)));
        Ok(())
    }

    async fn later(
        &mut self,
        owed: &Owed,
        next: Instant,
        why: String,
        now: Instant,
    ) -> Result<(), OutboxError> {
        let name = self.sink.name();
        let wait = next.max(self.state.held.unwrap_or(next)).since(now);
        tracing::warn!("{name}: {why}; again in {:.0} s", wait.as_s());
        let what = Settle::Later { next, why };
        self.outbox.settle(name, owed.seq, what).await?;
        self.lanes.later(owed, next, now);
        Ok(())
    }

    fn next_wake(&self, now: Instant) -> Instant {
        let look = now + LOOK_EVERY;
        if self.state.disabled {
            return look;
        }
        let held = self.state.held.unwrap_or(Instant::MIN);
        match self.lanes.next_due() {
            // What is due and was not started waits for one on its way, which wakes us too.
            Some(due) if due.max(held) > now => due.max(held).min(look),
            _ => look,
        }
    }

    fn show(&self, now: Instant) {
        let (lanes, metrics) = (&self.lanes, &self.metrics);
        metrics.waiting.set(lanes.count() as i64);
        let age = lanes.oldest().map_or(Span::ZERO, |put| now.since(put));
        metrics.oldest.set(age.as_s().max(0.0));
        metrics.disabled.set(i64::from(self.state.disabled));
    }
}

/// Why the outbox takes nothing any more, once it is so.
async fn broken(poisoned: &mut watch::Receiver<Option<Arc<str>>>) -> Arc<str> {
    let why = poisoned.wait_for(Option::is_some).await;
    let why = why.ok().and_then(|why| why.clone());
    why.unwrap_or_else(|| "it ended".into())
}

/// The next attempt that ended; never, while none is on its way.
async fn flown(flying: &mut FuturesUnordered<Boxed<'static, Tried>>) -> Tried {
    match flying.next().await {
        Some(tried) => tried,
        None => pending().await,
    }
}
