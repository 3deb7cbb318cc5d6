//! Who a holder is, for whoever shows an event or a verdict.
//!
//! Names stand beside the journal and are asked for when something is shown, never before: what is
//! judged, stored or sent holds the vendor's id of a holder and no name.

use crate::access::AccessEvent;
use crate::intake::Person;
use crate::intake::inbox::{InboxError, InboxReader};
use crate::units::Instant;

/// The people of an inbox.
#[derive(Debug)]
pub struct People<'a> {
    reader: &'a InboxReader,
    now: Instant,
}

impl<'a> People<'a> {
    /// Those known by `now`.
    pub fn new(reader: &'a InboxReader, now: Instant) -> Self {
        Self { reader, now }
    }

    /// Who a source's holder is, as far as the site lets it be known.
    pub fn of(&self, source: &str, holder: &str) -> Result<Option<Person>, InboxError> {
        let known = self.reader.person(source, holder, self.now)?;
        Ok(known.and_then(|known| known.person()))
    }

    /// The holder of an event as [`super::Doors::place`] gives it: its id begins with its source.
    pub fn of_event(&self, event: &AccessEvent) -> Result<Option<Person>, InboxError> {
        let source = event.id.split_once('/').map(|(source, _)| source);
        match (source, event.holder.as_deref()) {
            (Some(source), Some(holder)) => self.of(source, holder),
            _ => Ok(None),
        }
    }
}
