//! The intake hosted: server, drivers, feeds, and the way to an engine, in whatever process runs it.
//!
//! ```text
//!  senders ──▶ server ─┐
//!  vendors ──▶ drivers ┴▶ desk ──▶ inbox ──▶ cursor ──▶ doors ──▶ sink (events, feed status)
//! ```
//!
//! Theory of operation: [`Host::bind`] listens, [`Host::run`] works until its stop handle is cancelled
//! or the inbox fails. `tailgate intake run` is one host of it without a sink; a process with an engine
//! gives it a bounded channel. Committed events go through that channel in the order of the journal,
//! from a number that the host was given, so that who stores the last number it used continues
//! there; the status of the doors' feeds follows about once a second. A full channel holds up nobody
//! but its own reader: intake goes on.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use super::{Assembled, Cursor, Doors};
use crate::engine::Input;
use crate::intake::drivers::{Context, Driver, Ended, MOST_WAITING, Sink, look_up};
use crate::intake::inbox::{InboxError, InboxReader};
use crate::intake::server::{Server, ServerError, ServerSettings};
use crate::intake::{Desk, DeskBook, DeskSink, now};
use crate::units::{Instant, Interval, Span};

/// How often feeds are looked at.
const TICK: Duration = Duration::from_secs(1);
/// Nothing holds this process up for longer while it runs: who missed so many ticks was suspended, or might as well have
/// been, and what was sent meanwhile may be lost.
const MOST_STANDSTILL: Span = Span::from_ms(5_000);
/// How often readers without a door are counted: it is for people, and reads a table.
const COUNT_UNKNOWN: u32 = 10;

/// Something for the engine.
#[derive(Debug, Clone, PartialEq)]
pub struct Given {
    /// The journal number of an event: the place to go on from.
    pub seq: Option<u64>,
    /// When it was received.
    pub at: Instant,
    /// What.
    pub input: Input,
}

/// Where inputs go.
#[derive(Debug)]
pub struct Outlet {
    /// The last journal number that was used already; 0: none.
    pub after: u64,
    /// Takes them. When its other end is gone, nothing is given any more; intake goes on.
    pub to: mpsc::Sender<Given>,
}

/// An intake that listens and does not work yet.
#[derive(Debug)]
pub struct Host {
    server: Server,
    desk: Arc<Desk>,
    drivers: Vec<(Arc<str>, Driver)>,
    doors: Doors,
}

impl Host {
    /// Listens for senders.
    pub async fn bind(assembled: Assembled, settings: ServerSettings) -> Result<Self, ServerError> {
        let Assembled {
            desk,
            drivers,
            doors,
        } = assembled;
        Ok(Self {
            server: Server::bind(settings, Arc::clone(&desk)).await?,
            desk,
            drivers,
            doors,
        })
    }

    /// Where it listens.
    pub fn address(&self) -> std::io::Result<SocketAddr> {
        self.server.address()
    }

    /// The desk, for who looks at feeds and counters while it works.
    pub fn desk(&self) -> &Arc<Desk> {
        &self.desk
    }

    /// Works until it is told to stop; everything it started has ended then. `Err`: the inbox failed.
    pub async fn run(
        self,
        outlet: Option<Outlet>,
        stop: CancellationToken,
    ) -> Result<(), InboxError> {
        let Self {
            server,
            desk,
            drivers,
            doors,
        } = self;
        // What ends by itself takes nothing else with it but through this.
        let stop = stop.child_token();
        let mut work = JoinSet::new();
        work.spawn(server.serve(stop.clone()));
        work.spawn(tick(Arc::clone(&desk), Some(doors.clone()), stop.clone()));
        let sink: Arc<dyn Sink> = Arc::new(DeskSink::new(Arc::clone(&desk)));
        for (source, driver) in drivers {
            let (driver, desk) = (Arc::new(driver), Arc::clone(&desk));
            let mut context = Context::new(Arc::clone(&source), Arc::clone(&sink));
            if let Some(counter) = desk.counter(&source) {
                context.nudge = Arc::clone(&counter.nudge);
            }
            people(&mut work, &desk, &driver, &context, &stop)?;
            work.spawn(fetch(driver, context, stop.clone()));
        }
        if let Some(outlet) = outlet {
            let reader = desk.inbox().reader()?;
            let give = give(Arc::clone(&desk), reader, doors, outlet);
            let stop = stop.clone();
            work.spawn(async move {
                stop.run_until_cancelled(give).await;
            });
        }
        let mut poisoned = desk.inbox().poisoned();
        tokio::select! {
            _ = poisoned.wait_for(Option::is_some) => {}
            () = stop.cancelled() => {}
        }
        stop.cancel();
        work.join_all().await;
        match desk.inbox().poison() {
            Some(why) => Err(InboxError::Poisoned(why)),
            None => Ok(()),
        }
    }
}

/// Has the holders of a source's events looked up, if the site wants that.
fn people(
    work: &mut JoinSet<()>,
    desk: &Arc<Desk>,
    driver: &Arc<Driver>,
    context: &Context,
    stop: &CancellationToken,
) -> Result<(), InboxError> {
    let Some(counter) = desk.counter(&context.source) else {
        return Ok(());
    };
    if !counter.source.settings.look_up {
        return Ok(());
    }
    let book = DeskBook::new(Arc::clone(desk))?;
    let holders = counter.holders(MOST_WAITING);
    let (driver, context, stop) = (Arc::clone(driver), context.clone(), stop.clone());
    work.spawn(async move { look_up(&driver, &context, &book, holders, stop).await });
    Ok(())
}

/// Fetches for one source until told to stop. A driver that can't go on leaves the others alone.
async fn fetch(driver: Arc<Driver>, context: Context, stop: CancellationToken) {
    let (source, sink) = (Arc::clone(&context.source), Arc::clone(&context.sink));
    match driver.run(context, stop).await {
        Ended::Stopped => {}
        ended => {
            tracing::error!("{source}: nothing is fetched any more: {ended}");
            let why = ended.to_string();
            sink.contact_lost(&source, now(), &why).await;
        }
    }
}

/// Looks at the feeds until told to stop, and counts readers without a door if doors are given.
async fn tick(desk: Arc<Desk>, doors: Option<Doors>, stop: CancellationToken) {
    let mut ticks = tokio::time::interval(TICK);
    ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    let mut known = doors.and_then(|doors| Some((doors, desk.inbox().reader().ok()?)));
    let (mut round, mut last) = (0_u32, Instant::MAX);
    loop {
        tokio::select! {
            _ = ticks.tick() => {}
            () = stop.cancelled() => return,
        }
        let before = std::mem::replace(&mut last, now());
        if last.since(before) > MOST_STANDSTILL {
            tracing::warn!("the box stood still for {:.1} s", last.since(before).as_s());
            desk.stood_still(Interval::new(before, last)).await;
        }
        if let Err(error) = desk.tick(now()).await {
            tracing::warn!("the feeds were not looked at: {error}");
        }
        if let Some((doors, reader)) = &mut known
            && round.is_multiple_of(COUNT_UNKNOWN)
            && let Err(error) = count_unknown(&desk, doors, reader)
        {
            tracing::warn!("readers without a door were not counted: {error}");
        }
        round = round.wrapping_add(1);
    }
}

fn count_unknown(desk: &Desk, doors: &mut Doors, reader: &InboxReader) -> Result<(), InboxError> {
    for counter in desk.counters() {
        let name = &counter.source.name;
        doors.learn(name, reader.access_points(name)?);
        let seen = reader.readers(name)?;
        let unknown = seen.iter().filter(|seen| !doors.knows(name, seen));
        let (readers, events) = unknown.fold((0, 0), |(readers, events), seen| {
            (readers + 1, events + seen.events)
        });
        counter.metrics.unknown_readers.set(readers);
        counter.metrics.unknown_events.set(events as i64);
    }
    Ok(())
}

/// Gives committed events and the feeds' status for as long as somebody takes them.
async fn give(desk: Arc<Desk>, reader: InboxReader, mut doors: Doors, outlet: Outlet) {
    let mut committed = desk.inbox().committed();
    let mut cursor = Cursor::new(reader, outlet.after);
    let mut ticks = tokio::time::interval(TICK);
    ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        match cursor.next(&mut doors) {
            Ok(events) if !events.is_empty() => {
                for given in events {
                    if outlet.to.send(given).await.is_err() {
                        return;
                    }
                }
                continue;
            }
            Ok(_) => {}
            Err(error) => tracing::warn!("committed events were not read: {error}"),
        }
        tokio::select! {
            grown = committed.changed() => {
                if grown.is_err() {
                    return;
                }
            }
            _ = ticks.tick() => {
                let at = now();
                for status in doors.feeds(&desk, at) {
                    let given = Given { seq: None, at, input: Input::Feed(status) };
                    if outlet.to.send(given).await.is_err() {
                        return;
                    }
                }
            }
        }
    }
}
