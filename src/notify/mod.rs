//! Notify: verdicts on their way out, so that nothing that was put is ever lost on the way.
//!
//! ```text
//!  verdict ──▶ Alert ──▶ Outbox::put (committed) ──▶ Dispatcher ──▶ sink: webhook
//!                                                        └────────▶ sink: MQTT
//! ```
//!
//! Theory of operation: an [`Alert`] is made of a verdict by a pure function. The [`Outbox`] commits it
//! with what each sink is owed, and only then returns. The [`Dispatcher`] has one task a sink: it sends
//! what is owed, in order a door, at least once, and goes on trying for days. Sinks know nothing of each
//! other: a slow or dead one holds up nobody.
//!
//! It deliberately judges nothing and writes no evidence: what goes out was stated by the ledger, and an
//! alert names evidence by its path only.

mod alert;
mod dispatcher;
mod home_assistant;
mod lanes;
mod metrics;
mod mqtt;
mod notice;
mod outbox;
mod retry;
mod settings;
mod signature;
mod sink;
#[cfg(test)]
mod tests;
mod trial;
mod webhook;

pub use alert::{Alert, AlertCrossing, AlertDoor, AlertDoubt, AlertGrant, SCHEMA, SiteWords};
pub use dispatcher::Dispatcher;
pub use metrics::{Metrics, SinkMetrics};
pub use mqtt::{MqttAccount, MqttSink};
pub use notice::{Class, Notice, Wants};
pub use outbox::{
    GivenUp, Outbox, OutboxError, OutboxReader, OutboxSettings, SinkEntry, SinkState,
};
pub use settings::{AlertSettings, MqttSettings, WebhookSettings, sinks};
pub use sink::{Outcome, Outgoing, Sink};
pub use trial::{TrialResult, trial};
pub use webhook::{Webhook, WebhookAccount, webhook_url};
