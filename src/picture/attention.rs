//! Which frames must be looked at: where something moves, while somebody is followed, and now and then.
//!
//! Looking is by far the dearest part of a frame, and most frames of a door show nothing new. Nobody
//! crosses a line without moving, so a frame in which nothing moves, of a camera that follows nobody,
//! says what an empty list of people says.

use super::{Cells, Luma, MotionGate};
use crate::detection::SourceRect;
use crate::units::{Instant, Span};

/// Even where nothing moves somebody looks this often: whoever stands still is found after so long at the latest. Nobody
/// crosses a line without moving, so this is for those who were lost while they stood; twice a second would be an
/// eighth of all frames, and with many cameras half of the work.
const UNLOOKED: Span = Span::from_ms(2_000);

/// One a camera or clip; asked for every frame, in order.
#[derive(Debug, Clone)]
pub struct Attention {
    cells: Cells,
    gate: MotionGate,
    looked: Option<Instant>,
}

impl Attention {
    /// For a part of the picture; `None` is the whole.
    pub fn new(region: Option<SourceRect>) -> Self {
        Self {
            cells: Cells::new(),
            gate: MotionGate::new(region),
            looked: None,
        }
    }

    /// Takes a picture in; its levels are [`Attention::cells`] until the next.
    pub fn take(&mut self, luma: Luma<'_>) {
        self.cells.measure(luma);
    }

    /// Mean levels of the picture taken last.
    pub fn cells(&self) -> &Cells {
        &self.cells
    }

    /// Whether the picture taken last, of `taken`, must be looked at. `followed`: somebody was being
    /// followed a moment before.
    pub fn must_look(&mut self, taken: Instant, followed: bool) -> bool {
        let moves = self.gate.step(taken, &self.cells).open;
        let overdue = self.looked.is_none_or(|at| taken - at > UNLOOKED);
        let look = moves || overdue || followed;
        if look {
            self.looked = Some(taken);
        }
        look
    }
}
