//! How long to wait before a camera is tried again.
//!
//! Theory of operation: waits double from [`FIRST`] to [`LONGEST`], with up to a quarter more by chance, so that
//! cameras behind one switch do not all come back at once; for ever. A camera that refuses the
//! password is asked far less often: many lock an account after a few wrong tries. A stream that
//! held for [`HELD`] begins again with the shortest wait.
//!
//! It deliberately neither waits nor throws dice: the caller does.

use std::time::Duration;

/// The first wait.
const FIRST: Duration = Duration::from_secs(1);
/// No wait is longer, but for passwords.
const LONGEST: Duration = Duration::from_secs(30);
/// Between two tries with a password that was refused: some cameras lock an account for half an
/// hour after five wrong tries.
const AFTER_REFUSED: Duration = Duration::from_secs(300);
/// A stream that lasted this long was a good one.
const HELD: Duration = Duration::from_secs(60);
/// Chance adds up to this share.
const JITTER: f64 = 0.25;

/// Why a stream ended, as far as waiting goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ended {
    /// It broke, or never began.
    Broken,
    /// The camera refused the user name or the password.
    Refused,
}

/// The waits of one camera.
#[derive(Debug, Clone, Default)]
pub struct Backoff {
    failures: u32,
}

impl Backoff {
    /// How long to wait after a stream that lasted `lasted` and ended so. `chance` is between 0 and 1.
    pub fn wait(&mut self, ended: Ended, lasted: Duration, chance: f64) -> Duration {
        if lasted >= HELD {
            self.failures = 0;
        }
        let doubled = FIRST
            .saturating_mul(1 << self.failures.min(16))
            .min(LONGEST);
        self.failures = self.failures.saturating_add(1);
        let wait = match ended {
            Ended::Broken => doubled,
            Ended::Refused => AFTER_REFUSED,
        };
        wait.mul_f64(1.0 + JITTER * chance.clamp(0.0, 1.0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SOON: Duration = Duration::from_secs(2);

    #[test]
    fn waits_double_up_to_half_a_minute_and_go_on_for_ever() {
        let mut backoff = Backoff::default();
        let waits: Vec<u64> = (0..100)
            .map(|_| backoff.wait(Ended::Broken, SOON, 0.0).as_secs())
            .collect();
        assert_eq!(waits[..7], [1, 2, 4, 8, 16, 30, 30]);
        assert_eq!(waits[99], 30);
    }

    #[test]
    fn a_stream_that_held_begins_anew() {
        let mut backoff = Backoff::default();
        for _ in 0..10 {
            backoff.wait(Ended::Broken, SOON, 0.0);
        }
        assert_eq!(backoff.wait(Ended::Broken, HELD, 0.0), FIRST);
    }

    #[test]
    fn a_refused_password_is_not_hammered() {
        let mut backoff = Backoff::default();
        assert_eq!(backoff.wait(Ended::Refused, SOON, 0.0), AFTER_REFUSED);
        assert_eq!(
            backoff.wait(Ended::Refused, SOON, 1.0),
            AFTER_REFUSED.mul_f64(1.25)
        );
    }
}
