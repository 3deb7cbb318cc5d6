//! Which part of a vendor's log is to be read.

use super::{Context, FIRST_LOOK_BACK, LOOK_BACK_EVERY, OVERLAP, SETTLES_AFTER};
use crate::units::{Instant, Interval, Span};

/// After a start of which nothing is known, so much of the log is read.
const FIRST_LOOK: Span = Span::from_ms(3_600_000);

/// What of the log was read.
#[derive(Debug, Default)]
pub(super) struct Reconcile {
    read_to: Option<Instant>,
    /// When the log is read from far back next.
    look_back_at: Option<Instant>,
}

impl Reconcile {
    /// What is to be read now: from a while before the feed is complete, up to now.
    pub(super) fn window(&mut self, context: &Context) -> Interval {
        let now = context.now();
        let due = *self.look_back_at.get_or_insert(now + FIRST_LOOK_BACK);
        let known = context.sink.complete_to(&context.source);
        // Of two things that are known the earlier counts: what was read once may have had a hole.
        let from = match (known, self.read_to) {
            (Some(known), Some(read)) => known.min(read) - OVERLAP,
            (Some(only), None) | (None, Some(only)) => only - OVERLAP,
            (None, None) => now - FIRST_LOOK,
        };
        let from = match context.sink.look_back(&context.source) {
            Some(back) if due <= now => from.min(now - back),
            _ => from,
        };
        Interval::new(from.min(now), now)
    }

    /// It was read, and all of it is stored.
    pub(super) async fn done(&mut self, context: &Context, read: Interval) {
        let to = (read.hi - SETTLES_AFTER).max(read.lo);
        self.read_to = Some(to);
        if self.look_back_at.is_some_and(|due| due <= read.hi) {
            self.look_back_at = Some(read.hi + LOOK_BACK_EVERY);
        }
        let read = Interval::new(read.lo, to);
        context.sink.backfilled(&context.source, read).await;
    }
}
