//! Doubts: machine-readable reasons why a verdict is weaker than it looks.

use serde::{Deserialize, Serialize};

/// Why a crossing or a verdict is weaker than it looks. Ordered, so that lists of them are stable.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Doubt {
    /// The camera could not be believed (frozen, dark, covered, moved, no signal) around it.
    SightLost,
    /// Too few frames were delivered or analysed to be sure of every person.
    FramesStarved,
    /// The footage began or ended within the time that mattered.
    FootageEnded,
    /// The track was bridged over a gap at the portal, or its identity may have been swapped there.
    TrackInterrupted,
    /// The person was first seen on the threshold; the side they came from is inferred.
    BornOnThreshold,
    /// The person vanished on the threshold; the side they went to is inferred.
    VanishedOnThreshold,
    /// The feet were hidden during the crossing; its place comes from the head.
    FeetHidden,
    /// The footprint's uncertainty is larger than the margin by which the portal was passed.
    MarginSmall,
    /// Several people were too close together to be told apart for certain.
    Crowded,
    /// The access-control feed was down, or known to be incomplete for this time.
    FeedBehind,
    /// The clock between camera and access control is uncertain by more than a quarter of the window.
    ClockUncertain,
    /// A grant came in after the verdict was final and changed it.
    LateGrant,
    /// The grant's reader or direction was not stated; it was assumed to fit.
    ReaderUnknown,
    /// The calibration is uncertain or was changed.
    CalibrationUncertain,
    /// A grant or an unlock fits the crossing only if the uncertain times err in its favour.
    WindowEdge,
    /// A clock was set a short time before, or seems to have been.
    ClockStepped,
    /// The clocks of camera and access control part quickly.
    ClockDrifting,
}

impl Doubt {
    /// The doubt as an end of the sentence "uncertain because ...".
    pub const fn reason(self) -> &'static str {
        match self {
            Self::SightLost => "the camera could not be believed",
            Self::FramesStarved => "too few frames were seen",
            Self::FootageEnded => "the footage began or ended there",
            Self::TrackInterrupted => "the track was interrupted at the door",
            Self::BornOnThreshold => "the person appeared on the threshold",
            Self::VanishedOnThreshold => "the person vanished on the threshold",
            Self::FeetHidden => "the feet were hidden",
            Self::MarginSmall => "the door line was passed by less than the position is known",
            Self::Crowded => "people were too close together to tell apart",
            Self::FeedBehind => "access events were missing or late",
            Self::ClockUncertain => "the clocks of camera and access control disagree",
            Self::LateGrant => "a grant arrived late",
            Self::ReaderUnknown => "the grant named no reader",
            Self::CalibrationUncertain => "the calibration is uncertain",
            Self::WindowEdge => "the times fit only just",
            Self::ClockStepped => "a clock seems to have been set",
            Self::ClockDrifting => "the clocks of camera and access control drift apart",
        }
    }
}

/// Adds a doubt to a list that stays sorted and free of repeats.
pub fn add_doubt(doubts: &mut Vec<Doubt>, doubt: Doubt) {
    if let Err(place) = doubts.binary_search(&doubt) {
        doubts.insert(place, doubt);
    }
}
