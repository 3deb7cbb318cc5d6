//! A door's policy: data, not code.

use serde::{Deserialize, Serialize};

use crate::access::ClockOffset;
use crate::crossing::Direction;
use crate::units::Span;

/// How a door's ledger judges.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Policy {
    /// A grant is good for a crossing up to this long before it (clocks, slow readers).
    pub early: Span,
    /// And up to this long after it.
    pub window: Span,
    /// Where a door contact reports openings: a credit whose door was opened within `window` stays
    /// good while that opening lasts, up to this long after the grant. `None`: `window` alone.
    pub open_window: Option<Span>,
    /// How long an uncredited entry waits for late grants before it is final, at most.
    pub lateness: Span,
    /// An uncredited entry this close in time to a credited one of the same opening is tailgating.
    /// For a train of people it counts from the one before.
    pub follow: Span,
    /// An uncredited entry this close in time to an exit of the same opening slipped in on it.
    pub exit_close: Span,
    /// In and back out within this time nets to nothing, if `net_u_turns`.
    pub u_turn: Span,
    /// Whether U-turns net to nothing.
    pub net_u_turns: bool,
    /// Passages one grant allows (an escort policy allows more than one).
    pub passages_per_grant: u8,
    /// Whether going out needs a grant too (readers on both sides).
    pub exit_needs_grant: bool,
    /// Which way may be walked; the other is `wrong_way`.
    pub one_way: Option<Direction>,
    /// By how much (either way) the clock of the access control may differ from the site's time
    /// line, beyond what its events say of themselves.
    pub clock: Span,
    /// What is done about an offset between the two beyond that.
    #[serde(skip_serializing_if = "ClockOffset::is_off")]
    pub clock_offset: ClockOffset,
    /// How long the past is kept so that late truth can still amend it.
    pub retention: Span,
}

impl Default for Policy {
    fn default() -> Self {
        Self {
            early: Span::from_ms(1_000),
            window: Span::from_ms(10_000),
            open_window: None,
            lateness: Span::from_ms(500),
            follow: Span::from_ms(5_000),
            exit_close: Span::from_ms(3_000),
            u_turn: Span::from_ms(5_000),
            net_u_turns: false,
            passages_per_grant: 1,
            exit_needs_grant: false,
            one_way: None,
            clock: Span::ZERO,
            clock_offset: ClockOffset::Off,
            // A controller that was cut off for a night still repairs its verdicts next morning.
            retention: Span::from_ms(24 * 3_600 * 1_000),
        }
    }
}

impl Policy {
    /// The same with negative times taken as none, so that no setting can turn time around.
    pub(super) fn without_negative_times(mut self) -> Self {
        let times = [
            &mut self.early,
            &mut self.window,
            &mut self.lateness,
            &mut self.follow,
            &mut self.exit_close,
            &mut self.u_turn,
            &mut self.clock,
            &mut self.retention,
        ];
        for time in times {
            *time = (*time).max(Span::ZERO);
        }
        self
    }
}
