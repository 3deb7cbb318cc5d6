//! Where drivers hand over: the desk, as a [`Sink`].
//!
//! What a driver stores goes the way of everything else, past the adapter into the inbox; what it says
//! of contact, gaps and the vendor's log goes to the feed. Lists of access points are kept here, the
//! last one of each source, for people and for checking the doors.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use super::drivers::{Boxed, NotStored, Sink};
use super::{AccessPoint, Counter, Delivery, Desk, Taken};
use crate::units::{Instant, Interval};

/// The desk, for drivers.
#[derive(Debug)]
pub struct DeskSink {
    desk: Arc<Desk>,
    points: Mutex<BTreeMap<String, Vec<AccessPoint>>>,
}

impl DeskSink {
    /// A sink in front of a desk.
    pub fn new(desk: Arc<Desk>) -> Self {
        Self {
            desk,
            points: Mutex::default(),
        }
    }

    /// What a source has, as its driver listed it last.
    pub fn points(&self, source: &str) -> Vec<AccessPoint> {
        let points = self.points.lock().unwrap_or_else(PoisonError::into_inner);
        points.get(source).cloned().unwrap_or_default()
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
        let mut known = self.points.lock().unwrap_or_else(PoisonError::into_inner);
        known.insert(source.to_owned(), points);
        Box::pin(std::future::ready(()))
    }

    fn complete_to(&self, source: &str) -> Option<Instant> {
        let now = super::now();
        let counter = self.counter(source)?;
        let feed = counter.feed();
        // A gap that is to be filled begins where nothing is complete any more.
        feed.to_fill(now).iter().map(|gap| gap.lo).min()
    }
}
