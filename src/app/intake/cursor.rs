//! Committed events as the engine's inputs, from where one left off.

use std::collections::BTreeSet;

use crate::engine::Input;
use crate::intake::inbox::{InboxError, InboxReader, Stored};

use super::{Doors, Given};

/// Events that are read at once.
const PAGE: usize = 1_000;

/// A place in the journal.
#[derive(Debug)]
pub struct Cursor {
    reader: InboxReader,
    after: u64,
}

impl Cursor {
    /// Behind journal number `after`; 0 is the beginning.
    pub fn new(reader: InboxReader, after: u64) -> Self {
        Self { reader, after }
    }

    /// The journal number of the last event given.
    pub fn at(&self) -> u64 {
        self.after
    }

    /// The next committed events in the order of the journal, each with the moment it was received;
    /// empty if there are none yet.
    pub fn next(&mut self, doors: &mut Doors) -> Result<Vec<Given>, InboxError> {
        let events = self.reader.events_after(self.after, PAGE)?;
        let Some(last) = events.last() else {
            return Ok(Vec::new());
        };
        self.after = last.seq;
        // Only where there are events: what a vendor listed meanwhile may place them.
        for source in sources(&events) {
            doors.learn(&source, self.reader.access_points(&source)?);
        }
        let placed = events.into_iter().map(|stored| {
            let seq = Some(stored.seq);
            let event = doors.place(stored);
            let (at, input) = (event.received, Input::Access(event));
            Given { seq, at, input }
        });
        Ok(placed.collect())
    }
}

fn sources(events: &[Stored]) -> BTreeSet<String> {
    events.iter().map(|stored| stored.source.clone()).collect()
}
