//! Trying the sinks: one test alert to each, past the outbox, and what came back in one line.

use std::fmt;
use std::sync::Arc;

use tokio_util::sync::CancellationToken;

use super::alert::Alert;
use super::sink::{Outcome, Outgoing, Sink};
use crate::units::{Instant, Span};

/// What came of a test alert.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TrialResult {
    /// The sink's name.
    pub sink: String,
    /// Where it sent.
    pub target: String,
    /// What came back.
    pub outcome: Outcome,
    /// How long that took.
    pub took: Span,
}

impl TrialResult {
    /// Whether it arrived.
    pub fn is_good(&self) -> bool {
        self.outcome == Outcome::Delivered
    }
}

impl fmt::Display for TrialResult {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ms = self.took.as_s() * 1_000.0;
        let (word, why) = match &self.outcome {
            Outcome::Delivered => {
                return write!(
                    f,
                    "{}: delivered to {} in {ms:.0} ms",
                    self.sink, self.target
                );
            }
            Outcome::Hold { why, .. } | Outcome::Failed { why, .. } => ("not delivered", why),
            Outcome::Refused(why) => ("refused", why),
            Outcome::Gone(why) => ("not wanted", why),
        };
        write!(f, "{}: {word} by {}: {why}", self.sink, self.target)
    }
}

/// Sends one test alert through each sink at once, and says what came back, in their order.
pub async fn trial(sinks: &[Arc<dyn Sink>], test: &Alert, now: Instant) -> Vec<TrialResult> {
    let tries = sinks.iter().map(|sink| one(sink, test, now));
    futures_util::future::join_all(tries).await
}

async fn one(sink: &Arc<dyn Sink>, test: &Alert, now: Instant) -> TrialResult {
    let notice = test.notice(now);
    let outgoing = Outgoing {
        id: notice.id,
        door: notice.door,
        at: now,
        put: now,
        now,
        body: notice.body.into(),
    };
    let begun = std::time::Instant::now();
    let stop = CancellationToken::new();
    let serving = sink.serve(&stop);
    let telling = async {
        let outcome = sink.deliver(&outgoing).await;
        let took = Span::from_s(begun.elapsed().as_secs_f64());
        stop.cancel();
        (outcome, took)
    };
    let ((), (outcome, took)) = futures_util::future::join(serving, telling).await;
    TrialResult {
        sink: sink.name().to_string(),
        target: sink.target(),
        outcome,
        took,
    }
}
