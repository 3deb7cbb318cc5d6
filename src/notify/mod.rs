//! Verdicts on their way out: the durable outbox and what empties it.
