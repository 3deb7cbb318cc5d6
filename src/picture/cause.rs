//! From what a picture shows to what is wrong with it: one cause, the first that explains it.
//!
//! Order matters. A picture without light shows nothing else; landmarks that are found elsewhere are
//! neither covered nor blurred; behind a cover nothing can be out of focus. Every rule asks for
//! evidence *for* its cause, and where there is none (a crowd before the camera, a trolley in the
//! door, another lamp) nothing is said.

use serde::Serialize;

use super::cells::Cells;
use super::known::Comparison;
use super::landmark::Shift;
use crate::sight::SightState;
use crate::units::Span;

/// Where 19 of 20 cells are darker, nobody is seen. Black is 16 in most streams and 0 in the rest;
/// the least light at which the networks of the registry find people leaves walls at 45.
const DARK: f32 = 34.0;
/// Where 9 of 10 cells are brighter, nobody is seen. White is 235 or 255.
const BRIGHT: f32 = 224.0;
/// A picture whose cells all lie within so many levels shows nothing.
const FLAT: f32 = 7.0;
/// Share of contours that vanish under a cover. A door leaf or a coat before the lens hides less,
/// or has edges of its own.
const COVERED: f32 = 0.24;
/// Of the contours that are not kept, so many must have vanished: where the view moved, others
/// have taken their place.
const MOSTLY_VANISHED: f32 = 0.6;
/// Where contours that are not known and do not move have more than this share of the power of the
/// known ones, another place is seen. A cover shows nothing.
const STRANGE: f32 = 0.25;
/// With more of its contours left than this, a view has not moved.
const KEPT: f32 = 0.6;
/// What has been said needs less to go on: this share of what it took to begin.
const GO_ON: f32 = 0.6;
/// Coarse structure less alike than this is hidden; through a film and out of focus it stays.
const HIDDEN: f32 = 0.5;
/// A film leaves less of the contrast than this ...
const FILM_CONTRAST: f32 = 0.7;
/// ... lifts black to this, levels: that is how it differs from less light ...
const FILM_LIFT: f32 = 36.0;
/// ... and leaves fewer contours: infrared is as pale, and as sharp as daylight.
const FILM_KEPT: f32 = 0.35;
/// Edges out of focus have less of their strength than this, and of their power.
const BLURRED: f32 = 0.5;
const BLURRED_POWER: f32 = 0.4;
/// Coarse structure out of focus is at least this alike.
const BLURRED_STRUCTURE: f32 = 0.7;
/// A landmark moved by more than this makes the calibration untrue, px.
pub const MOVED_PX: f32 = 8.0;
/// In small pictures it is this share of the width.
const MOVED_SHARE: f32 = 1.0 / 100.0;
/// Landmarks that must agree and the share of those found that must: few must agree nearly all,
/// since by chance two always do.
const AGREE: [(usize, f32); 3] = [(4, 0.75), (6, 0.25), (10, 0.18)];
/// With less of its contours left and others in their place this is not the known view.
const ELSEWHERE_KEPT: f32 = 0.2;
/// Edges' directions that fit here no better than at places nearby speak of another place.
const ELSEWHERE_FIT: f32 = 0.05;
/// From here on they speak of the same place.
pub const SAME_FIT: f32 = 0.12;
/// Nothing moves in so much of a picture that is judged to show another place.
const ELSEWHERE_STILL: f32 = 0.6;

/// What is wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Cause {
    /// The same picture again and again.
    Frozen,
    /// No light, or a lid.
    Dark,
    /// Too much light.
    Bright,
    /// No contours at all, or a good part of the known ones vanished.
    Covered,
    /// All contours are faint behind a veil.
    Film,
    /// All contours are soft.
    Blurred,
    /// The known landmarks are elsewhere in the picture.
    Moved,
    /// Nothing known is there, other things are.
    OtherPlace,
}

/// The numbers behind a finding. What was not measured is `None`.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize)]
pub struct Numbers {
    /// One cell in twenty is darker, levels of 255.
    pub darkest: f32,
    /// One cell in twenty is brighter, levels of 255.
    pub brightest: f32,
    /// Share of known contours that are there, 0 to 1.
    pub kept: Option<f32>,
    /// Share of known contours that vanished without others in their place, 0 to 1.
    pub vanished: Option<f32>,
    /// Strength of edges, 1 as known.
    pub sharpness: Option<f32>,
    /// Contrast of the whole picture, 1 as known.
    pub contrast: Option<f32>,
    /// The largest shift of a landmark, px.
    pub moved_px: Option<f32>,
    /// Landmarks that agree on it.
    pub landmarks: Option<usize>,
    /// For how long the picture has been the same, s.
    pub same_for_s: Option<f64>,
}

/// How bright a picture is.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Levels {
    /// A twentieth, a tenth and nineteen twentieths of the cells are darker.
    pub darkest: f32,
    tenth: f32,
    /// See `darkest`.
    pub brightest: f32,
}

impl Levels {
    /// Of a picture.
    pub fn of(cells: &Cells) -> Self {
        let mut bins = [0_usize; 256];
        for level in cells.levels() {
            bins[(*level as usize).min(255)] += 1;
        }
        let count = cells.levels().len();
        let at = |part: usize| {
            let mut left = count * part / 20;
            let found = bins.iter().position(|number| {
                let here = *number > left;
                left = left.saturating_sub(*number);
                here
            });
            found.unwrap_or(255) as f32
        };
        Self {
            darkest: at(1),
            tenth: at(2),
            brightest: at(19),
        }
    }

    /// What can be said from brightness alone.
    pub fn cause(self) -> Option<Cause> {
        if self.brightest <= DARK {
            Some(Cause::Dark)
        } else if self.tenth >= BRIGHT {
            Some(Cause::Bright)
        } else if self.brightest - self.darkest <= FLAT {
            Some(Cause::Covered)
        } else {
            None
        }
    }
}

/// What a look found besides the comparison.
#[derive(Debug, Clone, Copy)]
pub struct Seen {
    /// Where landmarks are, if they were searched for and two were found.
    pub shift: Option<Shift>,
    /// How well the directions of edges fit, if that was asked.
    pub fit: Option<f32>,
    /// Width of the picture, px.
    pub width_px: usize,
}

impl Cause {
    /// What can be said from a comparison with the known view. `fit` is that of edges' directions,
    /// where it was asked; `said` lasts already and needs less to go on.
    pub fn of(c: &Comparison, seen: &Seen, said: Option<Self>) -> Option<Self> {
        let ease = |cause: Self| if said == Some(cause) { GO_ON } else { 1.0 };
        let moved = seen
            .shift
            .is_some_and(|shift| shift.is_a_move(seen.width_px));
        if moved && c.kept < KEPT {
            return Some(Self::Moved);
        }
        if c.vanished >= COVERED * ease(Self::Covered)
            && c.vanished >= MOSTLY_VANISHED * (1.0 - c.kept)
            && c.structure_there < HIDDEN
            && c.strange * ease(Self::Covered) < STRANGE
        {
            return Some(Self::Covered);
        }
        // Where little structure is left, noise hides that of the weaker sectors.
        let structure = c.structure.max(c.structure_there);
        let veiled =
            c.contrast * ease(Self::Film) < FILM_CONTRAST && c.lift > FILM_LIFT * ease(Self::Film);
        if veiled && structure > HIDDEN && c.kept < FILM_KEPT {
            return Some(Self::Film);
        }
        let (contrast, ease_blurred) = (c.contrast.clamp(0.0, 1.0), ease(Self::Blurred));
        let soft = c.sharpness * ease_blurred < BLURRED * contrast
            && c.busy * ease_blurred < BLURRED_POWER * contrast * contrast
            && c.structure > BLURRED_STRUCTURE * ease_blurred;
        if soft {
            return Some(Self::Blurred);
        }
        let elsewhere = c.kept < ELSEWHERE_KEPT
            && c.strange > STRANGE
            && c.still > ELSEWHERE_STILL
            && seen.fit.is_some_and(|fit| fit < ELSEWHERE_FIT);
        elsewhere.then_some(Self::OtherPlace)
    }

    /// The state of a camera's sight that it means.
    pub fn state(self) -> SightState {
        match self {
            Self::Frozen => SightState::Frozen,
            Self::Dark => SightState::Dark,
            Self::Bright => SightState::Bright,
            Self::Covered | Self::Film => SightState::Covered,
            Self::Blurred => SightState::Blurred,
            Self::Moved | Self::OtherPlace => SightState::Moved,
        }
    }

    /// Whether this, once said, need not be said again as `other`: exposure turns a covered picture
    /// from dark to grey, and a thumb from a cover to a blur.
    pub fn goes_with(self, other: Self) -> bool {
        let group = |cause: Self| match cause {
            Self::Frozen => 0,
            Self::Dark | Self::Bright | Self::Covered | Self::Film | Self::Blurred => 1,
            Self::Moved | Self::OtherPlace => 2,
        };
        group(self) == group(other)
    }

    /// How long it must last to be said. People pass sooner, exposure settles sooner.
    pub fn hold(self) -> Span {
        match self {
            Self::Frozen => Span::ZERO,
            Self::Dark | Self::Bright => Span::from_ms(2_000),
            Self::Covered => Span::from_ms(3_500),
            Self::Moved => Span::from_ms(4_000),
            Self::Film => Span::from_ms(4_000),
            Self::Blurred => Span::from_ms(6_000),
            Self::OtherPlace => Span::from_ms(20_000),
        }
    }

    /// The line that a guard reads.
    pub fn line(self, numbers: &Numbers) -> String {
        let percent = |share: Option<f32>| (100.0 * share.unwrap_or(0.0)).round();
        match self {
            Self::Frozen => format!(
                "frozen: every key picture of the last {:.0} s is the same to the last bit",
                numbers.same_for_s.unwrap_or(0.0)
            ),
            Self::Dark => format!(
                "dark: the light is off or the lens covered; the brightest parts are at level \
                 {:.0} of 255",
                numbers.brightest
            ),
            Self::Bright => format!(
                "bright: light blinds the camera; the darkest parts are at level {:.0} of 255",
                numbers.darkest
            ),
            Self::Covered => match numbers.vanished {
                Some(_) => format!(
                    "covered: something is before the lens; {} % of the known contours vanished",
                    percent(numbers.vanished)
                ),
                None => "covered: the picture shows nothing but one shade".to_owned(),
            },
            Self::Film => format!(
                "covered: a film, dirt or light lies over the whole picture; {} % of its contrast \
                 is left",
                percent(numbers.contrast)
            ),
            Self::Blurred => format!(
                "blurred: the lens is out of focus or dirty; edges have {} % of their strength",
                percent(numbers.sharpness)
            ),
            Self::Moved => format!(
                "moved: the camera was turned, shifted or zoomed; {} landmarks agree on up to \
                 {:.0} px; confirm or calibrate anew",
                numbers.landmarks.unwrap_or(0),
                numbers.moved_px.unwrap_or(0.0)
            ),
            Self::OtherPlace => format!(
                "moved: the camera shows another place; {} % of the known contours are there; \
                 confirm or calibrate anew",
                percent(numbers.kept)
            ),
        }
    }
}

impl Shift {
    /// Whether a calibration for a picture of that width is untrue now.
    pub fn is_a_move(self, width_px: usize) -> bool {
        let far = self.most_px >= MOVED_PX.min(MOVED_SHARE * width_px as f32);
        let share = self.agree as f32 / self.found.max(1) as f32;
        far && AGREE
            .iter()
            .any(|(fewest, least)| self.agree >= *fewest && share >= *least)
    }
}
