//! Where drivers hand over: the desk, as a [`Sink`].
//!
//! What a driver stores goes the way of everything else, past the adapter into the inbox; what it says
//! of contact, gaps and the vendor's log goes to the feed. Lists of access points are kept in the inbox,
//! the last one of each source, and taught to its adapter.

use std::sync::{Arc, Mutex, PoisonError};

use super::drivers::{Book, Boxed, NotStored, Sink};
use super::inbox::{InboxError, InboxReader, Note};
use super::{AccessPoint, Counter, Delivery, Desk, Person, Taken};
use crate::units::{Instant, Interval, Span};

/// The desk, for drivers.
#[derive(Debug)]
pub struct DeskSink {
    desk: Arc<Desk>,
}

impl DeskSink {
    /// A sink in front of a desk.
    pub fn new(desk: Arc<Desk>) -> Self {
        Self { desk }
    }

    fn counter(&self, source: &str) -> Option<&Arc<Counter>> {
        self.desk.counter(source)
    }
}

impl Sink for DeskSink {
    fn store(&self, delivery: Delivery) -> Boxed<'_, Result<(), NotStored>> {
        Box::pin(async move {
            let Some(counter) = self.counter(&delivery.source) else {
                let what = format!("there is no source {:?}", delivery.source);
                return Err(NotStored::Broken(what));
            };
            match self.desk.fetched(counter, delivery).await {
                Taken::Stored(_) | Taken::Handshake(_) => Ok(()),
                Taken::Busy => Err(NotStored::Busy),
                Taken::Poisoned(why) => Err(NotStored::Broken(why.to_string())),
                // What was fetched is not asked for a signature.
                Taken::Refused(refusal) => Err(NotStored::Broken(refusal.to_string())),
            }
        })
    }

    fn alive(&self, source: &str, _at: Instant) {
        if let Some(counter) = self.counter(source) {
            self.desk.contact(counter);
        }
    }

    fn contact_lost<'a>(&'a self, source: &'a str, at: Instant, why: &'a str) -> Boxed<'a, ()> {
        Box::pin(async move {
            if let Some(counter) = self.counter(source) {
                self.desk.lose_contact(counter, at, why).await;
            }
        })
    }

    fn contact_back<'a>(&'a self, source: &'a str, _at: Instant) -> Boxed<'a, ()> {
        if let Some(counter) = self.counter(source) {
            self.desk.contact(counter);
        }
        Box::pin(std::future::ready(()))
    }

    fn backfilled<'a>(&'a self, source: &'a str, read: Interval) -> Boxed<'a, ()> {
        if let Some(counter) = self.counter(source) {
            self.desk.reconciled(counter, read);
        }
        Box::pin(std::future::ready(()))
    }

    fn access_points<'a>(&'a self, source: &'a str, points: Vec<AccessPoint>) -> Boxed<'a, ()> {
        Box::pin(async move {
            if let Some(counter) = self.counter(source) {
                self.desk.list(counter, points).await;
            }
        })
    }

    fn complete_to(&self, source: &str) -> Option<Instant> {
        // A gap that is to be filled begins where nothing is complete any more.
        self.counter(source)?.to_read_from(super::now())
    }

    fn is_gap_left(&self, source: &str) -> bool {
        self.complete_to(source).is_some()
    }

    fn look_back(&self, source: &str) -> Option<Span> {
        Some(self.counter(source)?.source.settings.look_back)
    }
}

/// A holder whom the vendor does not know is asked for again after a day: badges are given out.
const UNKNOWN_FOR: Span = Span::from_ms(86_400_000);

/// The inbox, for names.
#[derive(Debug)]
pub struct DeskBook {
    desk: Arc<Desk>,
    reader: Mutex<InboxReader>,
}

impl DeskBook {
    /// A book in a desk's inbox.
    pub fn new(desk: Arc<Desk>) -> Result<Self, InboxError> {
        let reader = Mutex::new(desk.inbox().reader()?);
        Ok(Self { desk, reader })
    }
}

impl Book for DeskBook {
    fn is_known(&self, source: &str, holder: &str, now: Instant) -> bool {
        let reader = self.reader.lock().unwrap_or_else(PoisonError::into_inner);
        // What can't be read now is asked for again with the next event, at the same pace.
        reader
            .person(source, holder, now)
            .is_ok_and(|known| known.is_some())
    }

    fn write<'a>(
        &'a self,
        source: &'a str,
        holder: String,
        person: Option<Person>,
        now: Instant,
    ) -> Boxed<'a, ()> {
        let keep = match &person {
            Some(_) => Span::from_us(self.desk.inbox().keep_people().as_micros() as i64),
            None => UNKNOWN_FOR,
        };
        let note = Note::Person {
            source: source.into(),
            holder,
            person,
            expires: now + keep,
        };
        Box::pin(async move {
            let written = match self.desk.inbox().note(note) {
                Ok(noted) => noted.await.is_ok_and(|receipt| receipt.is_ok()),
                Err(_) => false,
            };
            if !written {
                tracing::warn!("{source}: who a holder is was not kept: the inbox is behind");
            }
        })
    }
}
