//! What was learned of a clock, as a value: written down, read again, and gone on from.

use serde::{Deserialize, Serialize};

use super::learner::Learner;
use super::{ClockOffset, DoorClock};

/// Everything that a [`DoorClock`] knows but its settings.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(transparent)]
pub struct DoorClockState(Option<Box<Learner>>);

impl DoorClock {
    /// What it knows now.
    pub fn memory(&self) -> DoorClockState {
        DoorClockState(self.learner.clone())
    }

    /// A clock that goes on from what was known. `Err` says what of it cannot be.
    pub fn resume(offset: ClockOffset, state: DoorClockState) -> Result<Self, String> {
        let learner = match (offset, state.0) {
            (ClockOffset::Learn(settings), Some(learner)) => {
                Some(Box::new(learner.resumed(settings)?))
            }
            (ClockOffset::Learn(_), None) => {
                return Err("the clock is learned, and nothing of it is known".to_owned());
            }
            (_, Some(_)) => {
                return Err("a clock that is not learned was learned".to_owned());
            }
            (_, None) => None,
        };
        Ok(Self { offset, learner })
    }
}
