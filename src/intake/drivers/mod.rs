//! Drivers: what fetches, because it is not sent.
//!
//! ```text
//!  vendor's REST, stream ──▶ driver ──▶ Sink::store ──▶ (committed) ──▶ the next page, item, message
//!                              │
//!                              ├──▶ contact lost, contact back, log read from .. to ..
//!                              └──▶ access points
//! ```
//!
//! Theory of operation: a driver is one task for one source. It keeps the connection, lists what the
//! vendor has, sees to it that webhooks are switched on, and reconciles: after a start, after each
//! gap and every five minutes it reads the vendor's own log from ten minutes before what is known to
//! be complete ([`OVERLAP`]), so that what was never sent comes in all the same. What repeats does
//! no harm: the inbox knows events by their ids. Once a day it is read from far back, for what
//! controllers that were offline uploaded late. Bodies go to the [`Sink`] as they came.
//!
//! Nothing here reads a clock or rolls dice by itself: [`Context`] brings both, so that tests move
//! time by hand.
//!
//! It deliberately reads no events: what a body says is the adapter's affair.

mod genetec;
mod http;
mod kisi;
mod mqtt;
mod openpath;
mod people;
mod reconcile;
mod settings;
mod tail;

use std::sync::Arc;

pub use genetec::{EVENTS as GENETEC_EVENTS, Framer, Genetec, GenetecAccount, Item, StreamForm};
pub use http::Trouble;
pub use kisi::{API as KISI_API, EVENTS as KISI_EVENTS, Kisi, KisiAccount};
pub use mqtt::{Mqtt, MqttAccount};
pub use openpath::{
    API as OPENPATH_API, Connected, EVENTS as OPENPATH_EVENTS, Openpath, OpenpathAccount,
};
pub use people::{Book, MOST_WAITING, look_up};
pub use settings::{
    Driver, DriverSettings, GenetecDriver, KisiDriver, MqttDriver, OpenpathDriver, TailDriver,
    driver,
};
pub use tail::{Tail, TailAccount, TailForm};

pub use crate::wire::{Boxed, Clock, Fingerprint, Identity, ManualClock, SystemClock, Trust};

use super::{AccessPoint, Delivery, Headers};
use crate::units::{Instant, Interval, Span};

/// A vendor's log is read from so long before the moment up to which the feed is complete: vendors'
/// clocks are off, and their logs fill up late.
pub const OVERLAP: Span = Span::from_ms(600_000);

/// How often the vendor's log is compared with what came.
pub const RECONCILE_EVERY: Span = Span::from_ms(300_000);

/// As long as a gap is left the log is read once more soon, when its last seconds have settled.
const LOOK_AGAIN_AFTER_GAP: Span = Span::from_us(SETTLES_AFTER.as_us() + 5_000_000);

/// How often the log is read from far back, for what controllers uploaded late.
const LOOK_BACK_EVERY: Span = Span::from_ms(86_400_000);

/// The first time so long after the start: what is missing since the last end comes first.
const FIRST_LOOK_BACK: Span = Span::from_ms(900_000);

/// A log says nothing certain about its last seconds: entries may still be on their way into it.
pub const SETTLES_AFTER: Span = Span::from_ms(30_000);

/// After this long without luck drivers try no less often.
const LONGEST_WAIT: Span = Span::from_ms(30_000);

/// After a refusal of the account: trying again soon would lock it.
const WAIT_AFTER_REFUSAL: Span = Span::from_ms(300_000);

/// Why a delivery was not stored.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NotStored {
    /// The inbox is behind: the driver waits and tries again.
    #[error("the inbox is behind")]
    Busy,
    /// The inbox does not work any more: the driver ends.
    #[error("the inbox does not work any more: {0}")]
    Broken(String),
}

/// What a driver hands over to. `source` is the source's name in the configuration.
pub trait Sink: Send + Sync {
    /// Stores a delivery; returns when it is on disk.
    fn store(&self, delivery: Delivery) -> Boxed<'_, Result<(), NotStored>>;

    /// The source is alive, though it had nothing to say.
    fn alive(&self, source: &str, at: Instant);

    /// Nothing is heard of the source since `since`.
    fn contact_lost<'a>(&'a self, source: &'a str, since: Instant, why: &'a str) -> Boxed<'a, ()>;

    /// It is heard of, and sends again if it had stopped. Drivers say so after every good look at a
    /// source, whether contact was lost or not.
    fn contact_back<'a>(&'a self, source: &'a str, at: Instant) -> Boxed<'a, ()>;

    /// The vendor's own log was read for this time, and all of it is stored.
    fn backfilled<'a>(&'a self, source: &'a str, read: Interval) -> Boxed<'a, ()>;

    /// What the source has: this list replaces the one before.
    fn access_points<'a>(&'a self, source: &'a str, points: Vec<AccessPoint>) -> Boxed<'a, ()>;

    /// Up to when the source is known to be complete, if anything is known of it.
    fn complete_to(&self, source: &str) -> Option<Instant>;

    /// Whether there is a gap that the log has not filled yet.
    fn is_gap_left(&self, _source: &str) -> bool {
        false
    }

    /// How far back the log is read once a day; `None`: never.
    fn look_back(&self, _source: &str) -> Option<Span> {
        None
    }
}

/// A sink for those who only ask.
struct Nowhere;

impl Sink for Nowhere {
    fn store(&self, _: Delivery) -> Boxed<'_, Result<(), NotStored>> {
        let what = "there is no inbox: this is for asking only".to_owned();
        Box::pin(std::future::ready(Err(NotStored::Broken(what))))
    }

    fn alive(&self, _: &str, _: Instant) {}

    fn contact_lost<'a>(&'a self, _: &'a str, _: Instant, _: &'a str) -> Boxed<'a, ()> {
        Box::pin(std::future::ready(()))
    }

    fn contact_back<'a>(&'a self, _: &'a str, _: Instant) -> Boxed<'a, ()> {
        Box::pin(std::future::ready(()))
    }

    fn backfilled<'a>(&'a self, _: &'a str, _: Interval) -> Boxed<'a, ()> {
        Box::pin(std::future::ready(()))
    }

    fn access_points<'a>(&'a self, _: &'a str, _: Vec<AccessPoint>) -> Boxed<'a, ()> {
        Box::pin(std::future::ready(()))
    }

    fn complete_to(&self, _: &str) -> Option<Instant> {
        None
    }
}

/// Makes of a wait the wait that is really waited.
pub type Jitter = Arc<dyn Fn(Span) -> Span + Send + Sync>;

/// What every driver needs.
#[derive(Clone)]
pub struct Context {
    /// The source's name in the configuration.
    pub source: Arc<str>,
    /// Where deliveries go.
    pub sink: Arc<dyn Sink>,
    /// The clock.
    pub clock: Arc<dyn Clock>,
    /// Chance, for waits: many boxes must not come back at one moment. [`jitter`] is the real one.
    pub jitter: Jitter,
    /// Asks the driver to reconcile now: a gap has ended, or a person wants it.
    pub nudge: Arc<tokio::sync::Notify>,
}

impl std::fmt::Debug for Context {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Context({})", self.source)
    }
}

/// Why a driver ended. None ends by itself for want of the vendor: they go on trying for ever.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Ended {
    /// It was told to.
    #[error("it was stopped")]
    Stopped,
    /// The inbox does not work any more.
    #[error("the inbox does not work any more: {0}")]
    SinkBroken(String),
    /// What it was given cannot be used.
    #[error("{0}")]
    Unusable(String),
}

/// Whether a gap has just ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Gap {
    None,
    Ended,
}

/// What goes wrong inside a driver.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Failure {
    Trouble(Trouble),
    SinkBroken(String),
}

impl From<Trouble> for Failure {
    fn from(trouble: Trouble) -> Self {
        Self::Trouble(trouble)
    }
}

impl Context {
    /// With the box's clock and real chance.
    pub fn new(source: Arc<str>, sink: Arc<dyn Sink>) -> Self {
        Self {
            source,
            sink,
            clock: Arc::new(SystemClock),
            jitter: jitter(),
            nudge: Arc::default(),
        }
    }

    /// For asking a vendor something once: what would be stored is dropped.
    pub fn without_sink(source: Arc<str>) -> Self {
        Self::new(source, Arc::new(Nowhere))
    }

    fn now(&self) -> Instant {
        self.clock.now()
    }

    /// Stores what was fetched; waits for as long as the inbox is behind.
    async fn store(&self, target: &str, headers: Headers, body: Vec<u8>) -> Result<(), Failure> {
        let delivery = Delivery {
            source: Arc::clone(&self.source),
            received: self.now(),
            target: target.to_owned(),
            headers,
            body,
        };
        let mut failures = 0;
        loop {
            match self.sink.store(delivery.clone()).await {
                Ok(()) => return Ok(()),
                Err(NotStored::Broken(why)) => return Err(Failure::SinkBroken(why)),
                Err(NotStored::Busy) => {
                    self.clock.sleep(self.wait_after(failures)).await;
                    failures += 1;
                }
            }
        }
    }

    /// How long to wait after so many failures in a row: 1, 2, 4 .. 30 s, with jitter.
    fn wait_after(&self, failures: u32) -> Span {
        let whole = Span::from_ms(1_000 << failures.min(10)).min(LONGEST_WAIT);
        (self.jitter)(whole)
    }

    /// Waits until the vendor's log is to be read again, or somebody asks for it.
    async fn pause(&self, gap: Gap) {
        let soon = gap == Gap::Ended || self.sink.is_gap_left(&self.source);
        let slept = self.clock.sleep(match soon {
            false => RECONCILE_EVERY,
            true => LOOK_AGAIN_AFTER_GAP,
        });
        tokio::select! {
            () = slept => {}
            () = self.nudge.notified() => {}
        }
    }

    /// Waits before the next attempt, longer where the account was refused. Whoever asks for the
    /// log has mended something, perhaps: then it is tried at once.
    async fn rest(&self, trouble: &Trouble, failures: u32) {
        let slept = self.clock.sleep(match trouble.is_refusal() {
            true => WAIT_AFTER_REFUSAL,
            false => self.wait_after(failures),
        });
        tokio::select! {
            () = slept => {}
            () = self.nudge.notified() => {}
        }
    }
}

/// The usual jitter: between half of the wait and all of it.
pub fn jitter() -> Jitter {
    use std::hash::BuildHasher;
    let dice = std::hash::RandomState::new();
    let thrown = std::sync::atomic::AtomicU64::new(0);
    Arc::new(move |whole| {
        let throw = thrown.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        let half = whole.as_us() / 2;
        let share = (dice.hash_one(throw) >> 33) as i64 % half.max(1);
        Span::from_us(half + share)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_usual_jitter_stays_between_half_and_all() {
        let (jitter, whole) = (jitter(), Span::from_ms(8_000));
        let waits: Vec<Span> = (0..100).map(|_| jitter(whole)).collect();
        assert!(
            waits
                .iter()
                .all(|wait| Span::from_ms(4_000) <= *wait && *wait <= whole)
        );
        assert!(waits.iter().any(|wait| *wait != waits[0]));
        assert_eq!(jitter(Span::ZERO), Span::ZERO);
    }
}
