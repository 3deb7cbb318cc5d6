//! Whether the wall clock has left the site's time line for good.
//!
//! Theory of operation: a wall clock that is set, and set back, moves nothing. One that stays away was wrong when the line
//! was laid on it, as on a box whose battery is empty and whose time server came late; then the line is what is wrong, and
//! stamps of the access-control system do not meet the people any more. The box starts anew then.

use crate::units::{Instant, Span};

/// So far away that windows for grants are missed; access systems' clocks are learned beyond that, but not at once.
const FAR: Span = Span::from_ms(2_000);
/// So long that whoever tried something with the clock has set it back, and a time server has made up its mind.
const LONG: Span = Span::from_ms(600_000);

/// Watches the wall clock.
#[derive(Debug, Clone, Copy, Default)]
pub struct WallWatch {
    away_since: Option<Instant>,
}

impl WallWatch {
    /// The wall clock is this far `ahead` of the line at `now` on the line. `true`: it will not come back.
    pub fn step(&mut self, now: Instant, ahead: Span) -> bool {
        if ahead.abs() <= FAR {
            self.away_since = None;
            return false;
        }
        let since = *self.away_since.get_or_insert(now);
        now - since >= LONG
    }
}

#[cfg(test)]
mod tests {
    use super::WallWatch;
    use crate::units::{Instant, Span};

    /// How far the clock is away from minute to minute, s, and whether it is found to stay away.
    #[track_caller]
    fn check(ahead_s: &[f64], expect: bool) {
        let mut watch = WallWatch::default();
        let stays = (0..).zip(ahead_s).any(|(minute, ahead_s)| {
            watch.step(
                Instant::from_s(f64::from(minute) * 60.0),
                Span::from_s(*ahead_s),
            )
        });
        assert_eq!(stays, expect, "{ahead_s:?}");
    }

    #[test]
    fn a_clock_that_stays_away_is_right_and_one_that_comes_back_was_set() {
        check(&[0.0; 20], false);
        check(&[1.5; 20], false);
        check(&[3_600.0; 11], true);
        check(&[-60.0; 11], true);
        // To 1970 and back, and drift that a time server takes back.
        check(&[-1.7e9, -1.7e9, -1.7e9, 0.0, -1.7e9, 0.0], false);
        let tried: Vec<f64> = [60.0; 9]
            .into_iter()
            .chain([0.0])
            .chain([60.0; 9])
            .collect();
        check(&tried, false);
    }
}
