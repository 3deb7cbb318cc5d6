//! Looking people up: the holders of events, one after the other, at the vendor's pace.
//!
//! Theory of operation: holders come through a bounded queue that nobody waits at; who is known already
//! is not asked for again before that expires. The driver that asks is the one that reads the log,
//! with its log-in and its limiter, so that both together stay within the vendor's rate. What fails is
//! tried again a few times, then left until the holder's next event.
//!
//! It deliberately never shows whom it asks for, and nothing waits for its answers: neither intake nor
//! verdicts.

use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use super::{Boxed, Context, Driver};
use crate::intake::Person;
use crate::units::{Instant, Span};

/// Holders that wait to be looked up; the rest is named again by later events.
pub const MOST_WAITING: usize = 1_024;

/// No more than one in a second: Kisi gives a key five requests a second, and reading its log needs
/// them too; Openpath's and Genetec's limits are not published.
const ONE_EVERY: Span = Span::from_ms(1_000);

/// How often one holder is asked for in a row.
const TRIES: u32 = 3;

/// Where names are kept.
pub trait Book: Send + Sync {
    /// Whether a holder need not be asked for.
    fn is_known(&self, source: &str, holder: &str, now: Instant) -> bool;

    /// Writes down who a holder is; `None`: the vendor knows nobody.
    fn write<'a>(
        &'a self,
        source: &'a str,
        holder: String,
        person: Option<Person>,
        now: Instant,
    ) -> Boxed<'a, ()>;
}

/// Looks up whoever comes, until told to stop.
pub async fn look_up(
    driver: &Driver,
    context: &Context,
    book: &dyn Book,
    mut holders: mpsc::Receiver<String>,
    stop: CancellationToken,
) {
    // Whoever nudges means the log, not this.
    let context = Context {
        nudge: std::sync::Arc::default(),
        ..context.clone()
    };
    let forever = async {
        while let Some(holder) = holders.recv().await {
            if book.is_known(&context.source, &holder, context.now()) {
                continue;
            }
            one(driver, &context, book, holder).await;
            context.clock.sleep(ONE_EVERY).await;
        }
    };
    stop.run_until_cancelled(forever).await;
}

async fn one(driver: &Driver, context: &Context, book: &dyn Book, holder: String) {
    for failures in 0..TRIES {
        match driver.person(context, &holder).await {
            Ok(person) => {
                let now = context.now();
                book.write(&context.source, holder, person, now).await;
                return;
            }
            Err(trouble) => {
                tracing::warn!("{}: a holder was not looked up: {trouble}", context.source);
                context.rest(&trouble, failures).await;
            }
        }
    }
}
