//! Committed events as the engine's inputs, from where one left off.

use crate::engine::Input;
use crate::intake::inbox::{InboxError, InboxReader};
use crate::units::Instant;

use super::Doors;

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
    pub fn next(&mut self, doors: &mut Doors) -> Result<Vec<(Instant, Input)>, InboxError> {
        let events = self.reader.events_after(self.after, PAGE)?;
        if let Some(last) = events.last() {
            self.after = last.seq;
        }
        let placed = events.into_iter().map(|stored| {
            let event = doors.place(stored);
            (event.received, Input::Access(event))
        });
        Ok(placed.collect())
    }
}
