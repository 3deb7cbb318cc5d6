//! What is handed to the inbox, and what it says of it afterwards.

use std::sync::Arc;

use super::super::{AccessPoint, Delivery, Person, Reading, Unreadable};
use crate::units::{Instant, Interval};

/// Room that a delivery takes besides its texts: rows, indices, headers' names.
const OVERHEAD_BYTES: u64 = 512;

/// A delivery and what was made of it.
#[derive(Debug, Clone)]
pub struct Deposit {
    /// The bytes. Names and secrets were taken out by who made the deposit.
    pub delivery: Delivery,
    /// What it says, or why it can't be read.
    pub reading: Result<Reading, Unreadable>,
    /// Whether names and e-mail addresses are to be stored.
    pub people: bool,
    /// A keyed hash of the body as it came.
    pub digest: [u8; 32],
}

impl Deposit {
    /// About how many bytes it holds.
    pub(super) fn weight(&self) -> u64 {
        let headers: usize = self
            .delivery
            .headers
            .iter()
            .map(|(name, value)| name.len() + value.len())
            .sum();
        // What was read is about as long as what it was read from.
        (2 * self.delivery.body.len() + headers + self.delivery.target.len()) as u64
            + OVERHEAD_BYTES
    }
}

/// What became of a deposit or a change.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Receipt {
    /// Events that are new.
    pub stored: u32,
    /// Events that were there already.
    pub duplicates: u32,
    /// Events of a known key that say something else than the first time.
    pub contradictions: u32,
    /// Whether the delivery stands in quarantine now, and did not before.
    pub quarantined: bool,
    /// The gap that was opened or changed.
    pub gap: Option<i64>,
}

/// Something to remember that is no event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Note {
    /// What a source has: this list replaces the one before.
    Points {
        /// The source.
        source: Arc<str>,
        /// Its access points.
        points: Vec<AccessPoint>,
    },
    /// Who a holder is; `None`: the vendor knows nobody.
    Person {
        /// The source.
        source: Arc<str>,
        /// The vendor's id.
        holder: String,
        /// Who.
        person: Option<Person>,
        /// When that is to be forgotten.
        expires: Instant,
    },
}

/// A change of what is known to be missing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum GapChange {
    /// Contact was lost; everything from `from` on may be missing.
    Open {
        /// The source.
        source: Arc<str>,
        /// Since when.
        from: Instant,
        /// Until when; `None`: it goes on.
        to: Option<Instant>,
        /// Why, for people.
        reason: String,
    },
    /// Contact is back: the gap reaches to here, and is not closed yet.
    Ends {
        /// Which.
        gap: i64,
        /// Until when.
        to: Instant,
    },
    /// What is still missing of it is less now.
    Shrinks {
        /// Which.
        gap: i64,
        /// What is left.
        left: Interval,
    },
    /// The vendor's log was asked and filled it.
    Closed {
        /// Which.
        gap: i64,
        /// How, for people.
        note: String,
    },
    /// Nobody can fill it any more.
    Lost {
        /// Which.
        gap: i64,
        /// Why, for people.
        note: String,
    },
}
