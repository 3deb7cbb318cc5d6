//! What a sink is: somebody who is told, and what came of telling.

use std::sync::Arc;

use tokio_util::sync::CancellationToken;

use crate::units::{Instant, Span};
use crate::wire::Boxed;

/// A notice on its way to one sink.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outgoing {
    /// The notice's id.
    pub id: String,
    /// The door's name.
    pub door: String,
    /// When it happened, UTC.
    pub at: Instant,
    /// When it was put, UTC.
    pub put: Instant,
    /// Now, UTC: what a signature is stamped with.
    pub now: Instant,
    /// The JSON.
    pub body: Arc<[u8]>,
}

/// What came of one attempt. The sentences are for people and hold no secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// The sink has it.
    Delivered,
    /// The sink takes nothing at the moment: not there, too busy, or it does not know us. Nothing more
    /// is tried until then.
    Hold {
        /// Why.
        why: String,
        /// Not before this much time has passed.
        after: Option<Span>,
    },
    /// The sink failed over this one: its door waits, the others go on.
    Failed {
        /// Why.
        why: String,
        /// Not before this much time has passed.
        after: Option<Span>,
    },
    /// The sink says that there is something wrong with this one.
    Refused(String),
    /// The sink says that it wants nothing any more.
    Gone(String),
}

/// Somebody who is told.
pub trait Sink: Send + Sync {
    /// Its name in the configuration.
    fn name(&self) -> &Arc<str>;

    /// Where it sends, for people and without secrets. A sink that moved is a new try.
    fn target(&self) -> String;

    /// Tells it, once. Returns when the other side has it for good.
    fn deliver<'a>(&'a self, notice: &'a Outgoing) -> Boxed<'a, Outcome>;

    /// What it must do all the time, such as keeping a connection; until it is stopped.
    fn serve<'a>(&'a self, stop: &'a CancellationToken) -> Boxed<'a, ()> {
        Box::pin(stop.cancelled())
    }

    /// Returns when the sink can be reached again, where it knows that by itself.
    fn back(&self) -> Boxed<'_, ()> {
        Box::pin(std::future::pending())
    }
}
