//! Intake: what access-control systems say, taken in so that nothing acknowledged is ever lost.
//!
//! ```text
//!  webhook ──▶ server ──▶ authenticate ──▶ read ──▶ inbox (committed) ──▶ 2xx
//!  stream, REST, MQTT, file ──▶ driver ───┘                 │
//!                                                            ▼
//!                                     events in order, feed status ──▶ the engine's access inputs
//! ```
//!
//! Theory of operation: a [`Delivery`] is raw bytes and headers with the moment of their arrival. A
//! vendor's [`Adapter`] is pure: it says whether a delivery is authentic and what it reports. The
//! inbox stores raw bytes and readings in one transaction, and only then is the sender answered. What
//! is authentic and cannot be read is quarantined, never refused. Drivers fetch what is not sent:
//! lists of doors, back-fill of gaps, long-lived streams.
//!
//! It deliberately judges nothing: an event becomes a grant only where the vendor says in so many
//! words that access was granted, and everything else is kept as what it is.

mod adapter;
mod canonical;
mod clock;
mod delivery;
mod desk;
mod feed;
mod metrics;
mod redaction;
mod reported;
mod signature;
mod sink;
mod source;
mod stamp;
#[cfg(test)]
pub(crate) mod testing;

pub mod drivers;
pub mod inbox;
pub mod server;
pub mod vendors;

pub use adapter::{Adapter, Answer, Notice, Reading, Refusal, Unreadable};
pub use clock::{lay_line, now, shown, wall};
pub use delivery::{Delivery, Headers};
pub use desk::{Counter, Desk, Taken};
pub use feed::{Feed, status};
pub use metrics::{Metrics, SourceMetrics};
pub use redaction::{Personal, Redactor, TakenIn};
pub use reported::{AccessPoint, Person, Reported};
pub use sink::{DeskBook, DeskSink};
pub use source::{Source, SourceSettings};

pub use crate::wire::{Secret, SecretRef};
