//! What is known of a clock, as it is reported.

use serde::{Deserialize, Serialize};

use crate::units::{Instant, Span};

/// Seconds that one part in a million makes in a day.
const S_A_DAY_OF_PPM: f64 = 0.0864;

/// A range of lengths of time, `lo <= hi`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Spans {
    /// At least this.
    pub lo: Span,
    /// At most this.
    pub hi: Span,
}

impl Spans {
    /// A length that is known exactly.
    pub const fn exact(span: Span) -> Self {
        Self { lo: span, hi: span }
    }

    /// From two ends in any order, in seconds.
    pub(super) fn from_s(a: f64, b: f64) -> Self {
        Self {
            lo: Span::from_s(a.min(b)),
            hi: Span::from_s(a.max(b)),
        }
    }

    /// Whether it is no time at all.
    pub fn is_zero(self) -> bool {
        self == Self::exact(Span::ZERO)
    }

    /// Whether a length lies in it, ends included.
    pub fn contains(self, span: Span) -> bool {
        self.lo <= span && span <= self.hi
    }

    /// How uncertain it is.
    pub fn width(self) -> Span {
        self.hi - self.lo
    }
}

/// How far a clock is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ClockStatus {
    /// Nobody asked.
    Off,
    /// As the door's file says.
    Fixed,
    /// Too few passages yet, or none that fit together.
    Learning,
    /// Learned.
    Learned,
    /// Learned, and the last passages do not fit: perhaps it was set.
    Suspected,
}

impl ClockStatus {
    /// Its name as in JSON.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Off => "off",
            Self::Fixed => "fixed",
            Self::Learning => "learning",
            Self::Learned => "learned",
            Self::Suspected => "suspected",
        }
    }
}

/// How fast two clocks part.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Drift {
    /// Parts in a million by which the access control's clock is faster than the camera's.
    pub ppm: f64,
    /// How well that is known: three standard deviations.
    pub within_ppm: f64,
}

/// How things stand with a clock.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ClockState {
    /// How far it is known.
    pub status: ClockStatus,
    /// From a grant's stamp to the usual passage on it.
    pub lag: Option<Spans>,
    /// How far the access control's clock is ahead: the lag and the unknown time to walk.
    pub ahead: Option<Spans>,
    /// What is added to its stamps.
    pub correction: Option<Spans>,
    /// How fast the clocks part.
    pub drift: Option<Drift>,
    /// Passages it was learned from.
    pub passages: u32,
    /// What changed so far, oldest first.
    pub history: Vec<ClockChange>,
}

impl ClockState {
    pub(super) fn off() -> Self {
        Self {
            status: ClockStatus::Off,
            lag: None,
            ahead: None,
            correction: None,
            drift: None,
            passages: 0,
            history: Vec::new(),
        }
    }

    pub(super) fn fixed(ahead: Span) -> Self {
        Self {
            status: ClockStatus::Fixed,
            ahead: Some(Spans::exact(ahead)),
            correction: Some(Spans::exact(-ahead)),
            ..Self::off()
        }
    }
}

impl ClockState {
    /// One line a person can read.
    pub fn text(&self) -> String {
        let mut text = match self.status {
            ClockStatus::Off => return "clock offset: nothing is done about it".to_owned(),
            ClockStatus::Fixed => "clock offset set".to_owned(),
            ClockStatus::Learning => {
                return "clock offset not learned: too few passages, or none that fit together"
                    .to_owned();
            }
            ClockStatus::Learned => format!("clock offset learned from {} passages", self.passages),
            ClockStatus::Suspected => "clock offset in doubt".to_owned(),
        };
        if let Some(ahead) = self.ahead {
            text.push_str(": the access control's clock is ");
            text.push_str(&ahead_words(ahead));
        }
        if let Some(lag) = self.lag {
            let middle = 0.5 * (lag.lo.as_s() + lag.hi.as_s());
            text.push_str(&format!(
                "; people usually pass {:.2} s {} the stamp, known to {:.2} s",
                middle.abs(),
                if middle < 0.0 { "before" } else { "after" },
                0.5 * lag.width().as_s(),
            ));
        }
        let drift = self
            .drift
            .filter(|drift| drift.ppm.abs() > drift.within_ppm);
        if let Some(drift) = drift {
            text.push_str(&format!(
                "; it {} {:.1} s a day on the camera's",
                if drift.ppm > 0.0 { "gains" } else { "loses" },
                drift.ppm.abs() * S_A_DAY_OF_PPM,
            ));
        }
        text
    }
}

/// A change of what is known of a clock.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct ClockChange {
    /// When it was noticed.
    pub at: Instant,
    /// What.
    pub what: ClockEvent,
    /// Since when what is known now holds, by the access control's clock, if that is news.
    pub since: Option<Instant>,
    /// How far the access control's clock is ahead now, if it is known.
    pub ahead: Option<Spans>,
}

/// What changed.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ClockEvent {
    /// The offset is known now.
    Learned,
    /// A clock was set.
    Stepped {
        /// The access control's clock is this much further ahead than before.
        by: Span,
    },
    /// The clocks part quickly.
    Drifting {
        /// Parts in a million by which the access control's clock is faster.
        ppm: f64,
    },
    /// They no longer do.
    Steady,
    /// The last passages fit no offset: it is unknown again.
    Lost,
}

impl ClockChange {
    /// One line a person can read.
    pub fn text(&self) -> String {
        let ahead = self.ahead.map_or_else(String::new, |ahead| {
            format!(
                ": the clock of the access control is {}",
                ahead_words(ahead)
            )
        });
        match self.what {
            ClockEvent::Learned => format!("clock offset learned{ahead}"),
            ClockEvent::Stepped { by } => format!(
                "a clock was set, about {:.0} s ago: the access control's is {:.1} s further {} now; \
                 set both from one server{ahead}",
                self.since
                    .map_or(0.0, |since| (self.at - since).as_s())
                    .max(0.0),
                by.abs().as_s(),
                if by > Span::ZERO { "ahead" } else { "behind" },
            ),
            ClockEvent::Drifting { ppm } => format!(
                "the clocks part: the access control's {} {:.1} s a day on the camera's; set both \
                 from one server",
                if ppm > 0.0 { "gains" } else { "loses" },
                ppm.abs() * S_A_DAY_OF_PPM,
            ),
            ClockEvent::Steady => "the clocks no longer part".to_owned(),
            ClockEvent::Lost => {
                "clock offset lost: the last passages fit none, verdicts are undetermined until \
                 they do"
                    .to_owned()
            }
        }
    }
}

/// "18.9 to 21.9 s ahead of the camera's".
fn ahead_words(ahead: Spans) -> String {
    let (lo, hi) = (ahead.lo.as_s(), ahead.hi.as_s());
    if ahead.contains(Span::ZERO) {
        return "level with the camera's as far as can be told".to_owned();
    }
    let (near, far, way) = if lo > 0.0 {
        (lo, hi, "ahead of")
    } else {
        (-hi, -lo, "behind")
    };
    if far - near < 0.05 {
        return format!("{near:.1} s {way} the camera's");
    }
    format!("{near:.1} to {far:.1} s {way} the camera's")
}
