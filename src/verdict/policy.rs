//! A door's policy: data, not code.

use serde::{Deserialize, Serialize};

use crate::units::Span;

/// How a door's ledger judges.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Policy {
    /// A grant is good for a crossing up to this long before it (clocks, slow readers).
    pub early: Span,
    /// And up to this long after it.
    pub window: Span,
    /// How long an uncredited entry waits for late grants before it is final, at most.
    pub lateness: Span,
    /// An uncredited entry this close in time to a credited one of the same opening is tailgating.
    pub follow: Span,
    /// In and back out within this time nets to nothing, if `net_u_turns`.
    pub u_turn: Span,
    /// Whether U-turns net to nothing.
    pub net_u_turns: bool,
    /// Passages one grant allows (an escort policy allows more than one).
    pub passages_per_grant: u8,
    /// Whether going out needs a grant too (readers on both sides).
    pub exit_needs_grant: bool,
    /// Which way may be walked; the other is `wrong_way`.
    pub one_way: Option<crate::crossing::Direction>,
}

impl Default for Policy {
    fn default() -> Self {
        Self {
            early: Span::from_ms(1_000),
            window: Span::from_ms(10_000),
            lateness: Span::from_ms(500),
            follow: Span::from_ms(5_000),
            u_turn: Span::from_ms(5_000),
            net_u_turns: false,
            passages_per_grant: 1,
            exit_needs_grant: false,
            one_way: None,
        }
    }
}
