//! The desk: every delivery passes here, whatever brought it.
//!
//! A delivery is authenticated, read, handed to the inbox, and answered for when it is on disk. What
//! drivers fetched themselves needs no authentication: they spoke to the vendor.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};
use std::time::{Duration, Instant as Moment};

use tokio::sync::{Notify, mpsc};

use super::feed::Feed;
use super::inbox::{
    Acknowledgement, Asked, Deposit, Gap, GapChange, GapState, Inbox, InboxError, InboxReader,
    Note, Receipt,
};
use super::metrics::{Metrics, SourceMetrics};
use super::redaction::{Redactor, TakenIn};
use super::{
    AccessPoint, Adapter, Answer, Delivery, Notice, Reading, Refusal, Reported, Source, Unreadable,
    clock,
};
use crate::units::{Instant, Interval, Span};
use crate::wire::scrubbed_text;

/// What happens again and again to a source is logged at most this often; all of it is counted.
const LOGGED_EVERY: Duration = Duration::from_secs(10);
/// An event is not worth believing in silence if it is older than any panel keeps its events...
const OLDEST: Span = Span::from_ms(400 * 86_400_000);
/// ... or further ahead than a clock in another time zone.
const NEWEST: Span = Span::from_ms(86_400_000);

/// What became of a delivery.
#[derive(Debug, Clone)]
pub enum Taken {
    /// It is on disk.
    Stored(Receipt),
    /// It was a set-up request: answer this.
    Handshake(Answer),
    /// It is not believed, and nothing of it is kept.
    Refused(Refusal),
    /// The inbox is behind: it is to be sent again.
    Busy,
    /// The inbox failed: nothing is acknowledged any more.
    Poisoned(Arc<str>),
}

/// A source with everything that is known of it.
#[derive(Debug)]
pub struct Counter {
    /// The source.
    pub source: Source,
    /// What is counted of it.
    pub metrics: SourceMetrics,
    feed: Mutex<Feed>,
    /// Has the source's driver read the vendor's log now.
    pub nudge: Arc<Notify>,
    /// From when on somebody wants the log read.
    wanted_from: Mutex<Option<Instant>>,
    /// When somebody asked for it last.
    asked: Mutex<Option<Instant>>,
    /// The adapter, once it knows the vendor's access points.
    taught: RwLock<Option<Arc<dyn Adapter>>>,
    redactor: Redactor,
    /// Holders to be looked up, where the site looks people up.
    holders: Mutex<Option<mpsc::Sender<String>>>,
    refusals: Rarely,
    turned_away: Rarely,
}

/// How often something happened since it was logged last, and when that was.
#[derive(Debug, Default)]
struct Rarely(Mutex<(u64, Option<Moment>)>);

impl Rarely {
    /// Counts once more; the count if it is to be logged now.
    fn again(&self) -> Option<u64> {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        known.0 += 1;
        let due = known.1.is_none_or(|last| last.elapsed() >= LOGGED_EVERY);
        due.then(|| std::mem::replace(&mut *known, (0, Some(Moment::now()))).0)
    }
}

impl Counter {
    /// The feed. A panic of another thread while it held the lock leaves numbers, not structure,
    /// in doubt.
    pub fn feed(&self) -> MutexGuard<'_, Feed> {
        self.feed.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The adapter that reads: the source's own, or the same with the access points it was taught.
    pub fn adapter(&self) -> Arc<dyn Adapter> {
        let taught = self.taught.read().unwrap_or_else(PoisonError::into_inner);
        let adapter = taught.as_ref().unwrap_or(&self.source.adapter);
        Arc::clone(adapter)
    }

    /// From when on the vendor's log is to be read, as of `now`: where a gap that is to be filled
    /// begins, or where somebody wants it from. `None`: nothing is missing.
    pub fn to_read_from(&self, now: Instant) -> Option<Instant> {
        let gaps = self.feed().to_fill(now);
        let gap = gaps.iter().map(|gap| gap.lo).min();
        let wanted = *lock(&self.wanted_from);
        match (gap, wanted) {
            (Some(gap), Some(wanted)) => Some(gap.min(wanted)),
            (one, other) => one.or(other),
        }
    }

    /// Gives the holders of events to whoever looks people up, and a way to get them. Holders beyond
    /// what it can hold are left out: they are named again with their next event.
    pub fn holders(&self, most: usize) -> mpsc::Receiver<String> {
        let (give, take) = mpsc::channel(most);
        *lock(&self.holders) = Some(give);
        take
    }

    /// Teaches the adapter what the vendor lists.
    fn learn(&self, points: &[AccessPoint]) {
        if let Some(taught) = self.source.adapter.taught(points) {
            let mut known = self.taught.write().unwrap_or_else(PoisonError::into_inner);
            *known = Some(taught);
        }
    }

    fn mention(&self, reading: &Reading) {
        let holders = lock(&self.holders);
        let Some(holders) = holders.as_ref() else {
            return;
        };
        let named = reading.events.iter();
        for holder in named.filter_map(|reported| reported.event.holder.as_ref()) {
            // Full: the next event of the same holder comes.
            drop(holders.try_send(holder.clone()));
        }
    }
}

/// What another thread left behind when it panicked is a number or a handle, not structure.
fn lock<T>(known: &Mutex<T>) -> MutexGuard<'_, T> {
    known.lock().unwrap_or_else(PoisonError::into_inner)
}

/// All sources and the inbox.
#[derive(Debug)]
pub struct Desk {
    counters: BTreeMap<Arc<str>, Arc<Counter>>,
    inbox: Inbox,
    reader: Mutex<InboxReader>,
    metrics: Arc<Metrics>,
    most_lag: Duration,
}

impl Desk {
    /// A desk over an open inbox. Since the process that kept it last was not alive until now, each
    /// source that had been heard of gets a gap.
    pub fn new(
        sources: Vec<Source>,
        inbox: Inbox,
        metrics: Arc<Metrics>,
        most_lag: Duration,
        last_alive: Option<Instant>,
    ) -> Result<Self, InboxError> {
        let now = clock::now();
        let reader = inbox.reader()?;
        let heard = reader.contacts()?;
        for source in &sources {
            let known = heard.iter().any(|(name, _)| **name == *source.name);
            let Some(alive) = last_alive.filter(|_| known) else {
                continue;
            };
            let opened = inbox.record(GapChange::Open {
                source: Arc::clone(&source.name),
                from: alive,
                to: Some(now.max(alive)),
                reason: "intake was not running".to_owned(),
            })?;
            opened.blocking_recv().unwrap_or(Err(InboxError::Busy))?;
        }
        let gaps = reader.gaps(false)?;
        let key = reader.key()?;
        let asked = reader.asked()?;
        let mut listed = BTreeMap::new();
        for source in &sources {
            listed.insert(
                Arc::clone(&source.name),
                reader.access_points(&source.name)?,
            );
        }
        let counters = sources.into_iter().map(|source| {
            let name = Arc::clone(&source.name);
            let asked = asked.iter().find(|asked| *asked.source == *name);
            // What was asked for while nobody was there to hear it is still wanted.
            let asked = asked.filter(|asked| last_alive.is_none_or(|alive| asked.at <= alive));
            let own = gaps.iter().filter(|gap| *gap.source == *name).cloned();
            let feed = Feed::new(Arc::clone(&name), source.settings.lateness, own.collect());
            let counter = Counter {
                metrics: metrics.source(&name),
                redactor: Redactor::new(&source, &key),
                source,
                feed: Mutex::new(feed),
                nudge: Arc::default(),
                wanted_from: Mutex::default(),
                asked: Mutex::new(asked.map(|asked| asked.at)),
                taught: RwLock::default(),
                holders: Mutex::default(),
                refusals: Rarely::default(),
                turned_away: Rarely::default(),
            };
            // What the vendor listed before the last end is right until it lists again.
            counter.learn(listed.get(&name).map(Vec::as_slice).unwrap_or_default());
            (name, Arc::new(counter))
        });
        Ok(Self {
            counters: counters.collect(),
            reader: Mutex::new(reader),
            inbox,
            metrics,
            most_lag,
        })
    }

    /// A source by its name.
    pub fn counter(&self, name: &str) -> Option<&Arc<Counter>> {
        self.counters.get(name)
    }

    /// All sources, by name.
    pub fn counters(&self) -> impl Iterator<Item = &Arc<Counter>> {
        self.counters.values()
    }

    /// The inbox.
    pub fn inbox(&self) -> &Inbox {
        &self.inbox
    }

    /// What is counted.
    pub fn metrics(&self) -> &Metrics {
        &self.metrics
    }

    /// Whether a delivery would be turned away now.
    pub fn is_busy(&self) -> bool {
        self.inbox.lag() > self.most_lag
    }

    /// Takes what was sent to us.
    pub async fn take(&self, counter: &Counter, delivery: Delivery) -> Taken {
        counter.metrics.received.inc();
        let adapter = &counter.source.adapter;
        if let Some(answer) = adapter.handshake(&delivery) {
            return Taken::Handshake(answer);
        }
        if let Err(refusal) = adapter.authenticate(&delivery) {
            self.refuse(counter, refusal);
            return Taken::Refused(refusal);
        }
        self.keep(counter, delivery).await
    }

    /// Takes what a driver fetched from the source itself.
    pub async fn fetched(&self, counter: &Counter, delivery: Delivery) -> Taken {
        counter.metrics.received.inc();
        self.keep(counter, delivery).await
    }

    async fn keep(&self, counter: &Counter, delivery: Delivery) -> Taken {
        let now = delivery.received;
        let source = &counter.source;
        let TakenIn {
            delivery,
            mut reading,
            digest,
        } = counter
            .redactor
            .take_in(source, &*counter.adapter(), delivery);
        if let Ok(reading) = &mut reading {
            reading.notices.extend(strange_time(&reading.events, now));
            counter.mention(reading);
        }
        let deposit = Deposit {
            delivery,
            reading,
            people: source.settings.people,
            digest,
        };
        let (late, disabled) = self.hear(counter, &deposit, now);
        if let Some(ends) = late {
            self.write(ends);
            // The vendor's log has what was missed, and the driver need not wait for its round.
            counter.nudge.notify_one();
        }
        if let Some(text) = disabled {
            let name = &counter.source.name;
            tracing::error!("{name}: the vendor says that it stops sending: {text}");
            self.lose_contact(counter, now, &text).await;
        }
        let what = why_quarantined(&deposit.reading);
        let acknowledgement = match self.inbox.deposit(deposit) {
            Ok(acknowledgement) => acknowledgement,
            Err(error) => return self.not_taken(counter, error),
        };
        match received(acknowledgement).await {
            Ok(receipt) => {
                count(counter, receipt, what.as_deref());
                Taken::Stored(receipt)
            }
            Err(error) => self.not_taken(counter, error),
        }
    }

    /// What a delivery tells of the feed: a gap that ends, a vendor that stops.
    fn hear(
        &self,
        counter: &Counter,
        deposit: &Deposit,
        now: Instant,
    ) -> (Option<GapChange>, Option<String>) {
        let mut feed = counter.feed();
        let ends = feed.contact(now);
        let mut disabled = None;
        if let Ok(reading) = &deposit.reading {
            for reported in &reading.events {
                feed.observe(&reported.event);
            }
            for notice in &reading.notices {
                if let Notice::Disabled(text) = notice {
                    disabled = Some(text.clone());
                }
            }
        }
        (ends, disabled)
    }

    fn not_taken(&self, counter: &Counter, error: InboxError) -> Taken {
        match error {
            InboxError::Poisoned(why) => Taken::Poisoned(why),
            other => {
                counter.metrics.busy.inc();
                if let Some(count) = counter.turned_away.again() {
                    let name = &counter.source.name;
                    tracing::warn!("{name}: {count} turned away: {other}");
                }
                Taken::Busy
            }
        }
    }

    fn refuse(&self, counter: &Counter, refusal: Refusal) {
        counter.metrics.refused.inc();
        if let Some(count) = counter.refusals.again() {
            let name = &counter.source.name;
            tracing::warn!("{name}: {count} refused, the last because {refusal}");
        }
    }

    /// What a source has, as its driver lists it: kept for the next start, and taught to the adapter.
    pub async fn list(&self, counter: &Counter, points: Vec<AccessPoint>) {
        counter.learn(&points);
        let source = Arc::clone(&counter.source.name);
        let noted = self.inbox.note(Note::Points { source, points });
        match noted {
            Ok(noted) => drop(received(noted).await),
            Err(error) => {
                let name = &counter.source.name;
                tracing::warn!("{name}: its list of access points was not kept: {error}");
            }
        }
    }

    /// The driver of a source heard of it, without a delivery.
    pub fn contact(&self, counter: &Counter) {
        let ends = counter.feed().contact(clock::now());
        if let Some(ends) = ends {
            self.write(ends);
        }
    }

    /// Contact with a source is lost: a gap is opened, unless one is open.
    pub async fn lose_contact(&self, counter: &Counter, now: Instant, reason: &str) {
        // A vendor may say the secret that it refuses.
        let reason = &*scrubbed_text(&counter.source.secrets, reason);
        let Some(change) = counter.feed().lose_contact(now, reason) else {
            return;
        };
        let GapChange::Open { from, .. } = &change else {
            return;
        };
        let from = *from;
        let name = &counter.source.name;
        tracing::warn!(
            "{name}: contact is lost since {}: {reason}",
            clock::shown(from)
        );
        counter.metrics.gaps.inc();
        let Ok(opened) = self.inbox.record(change) else {
            return;
        };
        if let Ok(Receipt { gap: Some(id), .. }) = received(opened).await {
            counter.feed().opened(Gap {
                id,
                source: name.to_string(),
                from,
                to: None,
                reason: reason.to_owned(),
                state: GapState::Open,
                note: None,
            });
        }
    }

    /// The whole box stood still, suspended or starved, and nobody listened: for every source that is a gap.
    pub async fn stood_still(&self, stood: Interval) {
        const REASON: &str = "the box stood still";
        for (name, counter) in &self.counters {
            counter.metrics.gaps.inc();
            let opened = self.inbox.record(GapChange::Open {
                source: Arc::clone(name),
                from: stood.lo,
                to: Some(stood.hi),
                reason: REASON.to_owned(),
            });
            let Ok(opened) = opened else {
                continue;
            };
            if let Ok(Receipt { gap: Some(id), .. }) = received(opened).await {
                counter.feed().opened(Gap {
                    id,
                    source: name.to_string(),
                    from: stood.lo,
                    to: Some(stood.hi),
                    reason: REASON.to_owned(),
                    state: GapState::Open,
                    note: None,
                });
                counter.nudge.notify_one();
            }
        }
    }

    /// The source's own log of `read` was fetched in full and stored.
    pub fn reconciled(&self, counter: &Counter, read: Interval) {
        let changes = counter.feed().reconciled(read);
        for change in changes {
            self.write(change);
        }
        let mut wanted = lock(&counter.wanted_from);
        if wanted.is_some_and(|from| read.lo <= from) {
            *wanted = None;
        }
    }

    /// Takes over what another process asked for.
    fn hear_asked(&self, asked: &[Asked]) {
        for asked in asked {
            let Some(counter) = self.counter(&asked.source) else {
                continue;
            };
            let before = lock(&counter.asked).replace(asked.at);
            if before.is_some_and(|before| asked.at <= before) {
                continue;
            }
            let mut wanted = lock(&counter.wanted_from);
            *wanted = match (*wanted, asked.from) {
                (Some(before), Some(from)) => Some(before.min(from)),
                (before, from) => before.or(from),
            };
            counter.nudge.notify_one();
        }
    }

    /// Looks whether a source is silent for too long, takes over what others wrote about gaps, and
    /// brings the gauges up to date. To be called every second or so.
    pub async fn tick(&self, now: Instant) -> Result<(), InboxError> {
        let (gaps, asked) = {
            let reader = lock(&self.reader);
            (reader.gaps(false)?, reader.asked()?)
        };
        self.hear_asked(&asked);
        for counter in self.counters.values() {
            let name = &counter.source.name;
            let own = gaps.iter().filter(|gap| *gap.source == **name).cloned();
            let (p50, p99) = {
                let mut feed = counter.feed();
                feed.stored(own.collect());
                feed.lateness()
            };
            let metrics = &counter.metrics;
            if let (Some(p50), Some(p99)) = (p50, p99) {
                metrics.lateness_p50.set(p50.as_s());
                metrics.lateness_p99.set(p99.as_s());
            }
            let open = gaps.iter().filter(|gap| *gap.source == **name);
            let open = open.filter(|gap| gap.state == GapState::Open).count();
            metrics.open_gaps.set(open as i64);
            if let Some(repeats) = counter.source.settings.repeats {
                let repeats = Span::from_us(repeats.as_micros() as i64);
                let changes = counter.feed().repeated(now, repeats);
                for change in changes {
                    self.write(change);
                }
            }
            let Some(most) = counter.source.settings.silence else {
                continue;
            };
            let most = Span::from_us(most.as_micros() as i64);
            let silent = counter.feed().is_silent(now, most);
            if silent {
                self.lose_contact(counter, now, "it has been silent for too long")
                    .await;
            }
        }
        self.metrics.depth.set(self.inbox.depth() as i64);
        self.metrics.lag.set(self.inbox.lag().as_secs_f64());
        Ok(())
    }

    /// Writes a change of a gap that nobody waits for: should it be lost, the gap stays open.
    fn write(&self, change: GapChange) {
        if let Err(error) = self.inbox.record(change) {
            tracing::warn!("a change of a gap was not written: {error}");
        }
    }
}

/// The first event whose time cannot be right: it is stored as it is, and seen.
fn strange_time(events: &[Reported], now: Instant) -> Option<Notice> {
    let strange = events.iter().position(|reported| {
        let age = now.since(reported.event.occurred.mid());
        age > OLDEST || age < -NEWEST
    })?;
    let at = events[strange].event.occurred.mid();
    Some(Notice::Unread(Unreadable {
        what: format!(
            "event {strange} says that it happened at {}, and came at {}",
            clock::shown(at),
            clock::shown(now)
        ),
        pointer: None,
    }))
}

fn why_quarantined(reading: &Result<Reading, Unreadable>) -> Option<String> {
    match reading {
        Ok(reading) => reading.notices.iter().find_map(|notice| match notice {
            Notice::Unread(row) => Some(row.to_string()),
            _ => None,
        }),
        Err(unreadable) => Some(unreadable.to_string()),
    }
}

async fn received(acknowledgement: Acknowledgement) -> Result<Receipt, InboxError> {
    let gone = || InboxError::Poisoned("its writer ended".into());
    acknowledgement.await.unwrap_or_else(|_| Err(gone()))
}

fn count(counter: &Counter, receipt: Receipt, unreadable: Option<&str>) {
    let (metrics, name) = (&counter.metrics, &counter.source.name);
    metrics.stored.inc_by(u64::from(receipt.stored));
    metrics.duplicates.inc_by(u64::from(receipt.duplicates));
    if receipt.quarantined {
        metrics.quarantined.inc();
        let what = unreadable.unwrap_or("it contradicts what the same event said before");
        tracing::error!(
            "{name}: an authentic delivery can't be taken as it is and stands in quarantine: {what}"
        );
    }
}
