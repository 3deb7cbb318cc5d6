//! Whether one camera's picture can be believed, said once when it changes.
//!
//! Theory of operation: brightness is judged in every frame, key pictures are compared with each
//! other as they come, and twice a second a *look* compares the picture with what the camera is
//! known to show ([`Reference`]). What a look finds must last before it is said and be gone for some
//! time before the sight is clear again, so that a flicker is one alarm or none; while one cause
//! lasts no other is said.
//!
//! The reference is learned from the first ten quiet seconds and can be kept, so that a camera that
//! is moved, or swapped for another, while the box is off is noticed. Up to four views are kept: by
//! day, by night, by infrared. A further one is learned where the place is surely the same and the
//! light is not.
//!
//! A moved camera stays moved until a person confirms it or it is back in its place.
//!
//! What it cannot do: it needs a view with contours, and ten seconds in which most of it is still. A
//! lid and a switched-off lamp are the same to it: both are dark.

use serde::{Deserialize, Serialize};

use super::cause::{Cause, Levels, Numbers, SAME_FIT, Seen};
use super::frozen::Repeats;
use super::known::{Comparison, Known, View};
use super::landmark::Shift;
use super::plate::Plate;
use super::{Cells, Luma};
use crate::sight::SightState;
use crate::units::{Instant, Span};

/// Time between two looks.
const LOOK_EVERY: Span = Span::from_ms(490);
/// Looks from which a view is made: ten seconds, of which somebody may stand anywhere for two.
const LOOKS_A_VIEW: usize = 20;
/// Views kept at most.
const MOST_VIEWS: usize = 4;
/// A view that shows less than this of its contours fits badly.
const FITS_BADLY: f32 = 0.5;
/// When it fits badly for so long in the same place, the light is another: learn it.
const OTHER_LIGHT: Span = Span::from_ms(30_000);
/// A cause must be gone for this long.
const RECOVER: Span = Span::from_ms(3_000);
/// A moved camera must be back in its place for this long.
const RECOVER_MOVED: Span = Span::from_ms(10_000);
/// A view that shows this much of its contours is in its place.
const IN_PLACE: f32 = 0.6;
/// Below this, landmarks are searched for. A shift of half a pixel of the plate already costs more.
const SEARCH_BELOW: f32 = 0.85;
/// Of what a look finds more noise than before, so much is believed.
const NOISE_RISES: f32 = 0.1;
/// A look that finds nothing in between does not yet end what was found before.
const FORGIVEN: Span = Span::from_ms(1_100);

/// What a camera is known to show. Keep it as long as the camera hangs where it hangs.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Reference {
    /// Width and height of the camera's pictures, px.
    pub size_px: (usize, usize),
    views: Vec<View>,
}

/// A change of what a camera's picture is worth, with its evidence.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct SightFinding {
    /// From now on.
    pub state: SightState,
    /// One line for a guard.
    pub line: String,
    /// What was measured.
    pub numbers: Numbers,
}

/// Something found that has not been said, or is no longer found.
#[derive(Debug, Clone, Copy)]
struct Found {
    cause: Cause,
    since: Instant,
    last: Instant,
}

/// Watches one camera.
#[derive(Debug, Clone, Default)]
pub struct SightWatch {
    reference: Option<Reference>,
    version: u32,
    known: Vec<(Known, Instant)>,
    learning: Vec<Vec<u8>>,
    now: Plate,
    before: Plate,
    noise: f32,
    looked: Option<Instant>,
    repeats: Repeats,
    /// What has been said and lasts.
    said: Option<Found>,
    /// What may be said soon.
    coming: Option<Found>,
    in_place: Option<Instant>,
    badly: Option<Instant>,
    confirmed: bool,
    numbers: Numbers,
}

impl SightWatch {
    /// For a camera that is known already, or not yet.
    pub fn new(reference: Option<Reference>) -> Self {
        let known = reference.as_ref().and_then(|reference| {
            let views = reference.views.iter();
            views
                .map(|view| Some((Known::new(view)?, Instant::MIN)))
                .collect::<Option<Vec<_>>>()
        });
        let known = known.unwrap_or_default();
        Self {
            reference: reference.filter(|_| !known.is_empty()),
            known,
            ..Self::default()
        }
    }

    /// Takes a frame, in order: when it was taken, its brightness, the same as cells, and whether it
    /// was coded without any other. Says what changed, if anything did.
    pub fn step(
        &mut self,
        taken: Instant,
        luma: Luma<'_>,
        cells: &Cells,
        is_key: bool,
    ) -> Option<SightFinding> {
        let levels = Levels::of(cells);
        self.numbers.darkest = levels.darkest;
        self.numbers.brightest = levels.brightest;
        let mut cause = levels.cause();
        // A black picture repeats itself with every right.
        let same_for = match cause {
            None if is_key => self.repeats.step(taken, luma),
            None => self.repeats.frozen(),
            Some(_) => None,
        };
        self.numbers.same_for_s = same_for.map(Span::as_s);
        if same_for.is_some() {
            cause = Some(Cause::Frozen);
        }
        let due = self.looked.is_none_or(|looked| {
            let since = taken.since(looked);
            since >= LOOK_EVERY || since < Span::ZERO
        });
        if !due {
            // Between two looks only what a frame alone tells is carried on.
            return match cause {
                Some(_) => self.judge(taken, cause, true),
                None => None,
            };
        }
        self.looked = Some(taken);
        std::mem::swap(&mut self.now, &mut self.before);
        self.now.measure(luma);
        let same_size = self.now.same_size(&self.before);
        if cause.is_none() && same_size {
            cause = self.look(taken, luma);
        } else if cause.is_some() {
            self.learning.clear();
            (self.numbers.vanished, self.numbers.kept) = (None, None);
        }
        if std::mem::take(&mut self.confirmed) {
            return self.clear(taken);
        }
        self.judge(taken, cause, false)
    }

    /// A person says that the camera hangs where it should: what it shows now is learned anew.
    pub fn confirm(&mut self) {
        self.reference = None;
        self.known.clear();
        self.learning.clear();
        self.badly = None;
        self.confirmed = true;
    }

    /// What is known of the camera so far; keep it when [`SightWatch::version`] changes.
    pub fn reference(&self) -> Option<&Reference> {
        self.reference.as_ref()
    }

    /// Counts the changes of the reference.
    pub fn version(&self) -> u32 {
        self.version
    }

    /// What was last said.
    pub fn state(&self) -> SightState {
        self.said
            .map_or(SightState::Clear, |said| said.cause.state())
    }

    /// What was last measured.
    pub fn numbers(&self) -> &Numbers {
        &self.numbers
    }

    /// Compares with what is known, or learns it.
    fn look(&mut self, taken: Instant, luma: Luma<'_>) -> Option<Cause> {
        let noise = self.now.noise(&self.before);
        // Noise stays; what adds to it now and then is people.
        let known = self.noise > 0.0 && noise > self.noise;
        self.noise += if known { NOISE_RISES } else { 1.0 } * (noise - self.noise);
        let noise = self.noise;
        if self.known.iter().any(|(known, _)| !known.fits(&self.now)) {
            // Pictures of another size: nothing that is known holds any more.
            self.known.clear();
            self.reference = None;
        }
        let (now, before) = (&self.now, &self.before);
        let compared = self
            .known
            .iter()
            .map(|(known, _)| known.compare(now, before, noise));
        let best = compared
            .enumerate()
            .max_by(|a, b| a.1.kept.total_cmp(&b.1.kept));
        let Some((number, comparison)) = best else {
            self.learn(taken, luma);
            return None;
        };
        let known = &self.known[number].0;
        let shift = (comparison.kept < SEARCH_BELOW)
            .then(|| shift(known, now))
            .flatten();
        let fit = (comparison.kept < FITS_BADLY).then(|| known.same_place(now));
        let seen = Seen {
            shift,
            fit,
            width_px: luma.width(),
        };
        let cause = Cause::of(&comparison, &seen, self.said.map(|said| said.cause));
        self.note(&comparison, shift);
        if comparison.kept >= FITS_BADLY {
            self.known[number].1 = taken;
        }
        let held = comparison.kept >= IN_PLACE;
        self.in_place = held.then(|| self.in_place.unwrap_or(taken));
        self.consider_light(taken, luma, cause, fit);
        cause
    }

    fn note(&mut self, comparison: &Comparison, shift: Option<Shift>) {
        self.numbers.kept = Some(comparison.kept);
        self.numbers.vanished = Some(comparison.vanished);
        self.numbers.sharpness = Some(comparison.sharpness);
        self.numbers.contrast = Some(comparison.contrast);
        self.numbers.moved_px = shift.map(|shift| shift.most_px);
        self.numbers.landmarks = shift.map(|shift| shift.agree);
    }

    /// Learns a further view where the place is the same and the light is another.
    fn consider_light(
        &mut self,
        taken: Instant,
        luma: Luma<'_>,
        cause: Option<Cause>,
        fit: Option<f32>,
    ) {
        let other_light =
            cause.is_none() && self.said.is_none() && fit.is_some_and(|fit| fit >= SAME_FIT);
        if !other_light {
            self.badly = None;
            self.learning.clear();
            return;
        }
        let since = *self.badly.get_or_insert(taken);
        if taken.since(since) >= OTHER_LIGHT {
            self.learn(taken, luma);
        }
    }

    fn learn(&mut self, taken: Instant, luma: Luma<'_>) {
        let levels = self.now.levels.iter().map(|level| (level + 0.5) as u8);
        self.learning.push(levels.collect());
        if self.learning.len() < LOOKS_A_VIEW {
            return;
        }
        let size = (self.now.width, self.now.height, self.now.factor);
        let plates = std::mem::take(&mut self.learning);
        let Some(view) = View::of(&plates, size) else {
            return;
        };
        let Some(known) = Known::new(&view) else {
            return;
        };
        let reference = self.reference.get_or_insert_with(|| Reference {
            size_px: (luma.width(), luma.height()),
            views: Vec::new(),
        });
        if self.known.len() >= MOST_VIEWS {
            // The one that was of use longest ago goes; both lists are in the same order.
            let oldest = self
                .known
                .iter()
                .enumerate()
                .min_by_key(|(_, known)| known.1);
            if let Some(oldest) = oldest.map(|(number, _)| number) {
                self.known.remove(oldest);
                if oldest < reference.views.len() {
                    reference.views.remove(oldest);
                }
            }
        }
        reference.views.push(view);
        self.known.push((known, taken));
        self.version += 1;
        self.badly = None;
    }

    /// Puts what was found in time: says it when it has lasted, and clear when it is gone.
    fn judge(
        &mut self,
        taken: Instant,
        cause: Option<Cause>,
        only_frame: bool,
    ) -> Option<SightFinding> {
        if let (Some(said), Some(cause)) = (&mut self.said, cause)
            && said.cause.goes_with(cause)
        {
            said.last = taken;
            self.coming = None;
            return None;
        }
        if self
            .said
            .is_some_and(|said| said.cause.state() == SightState::Moved)
        {
            return self.judge_moved(taken);
        }
        match (cause, &mut self.coming) {
            (Some(cause), Some(coming)) if coming.cause == cause => coming.last = taken,
            (Some(cause), coming) => {
                *coming = Some(Found {
                    cause,
                    since: taken,
                    last: taken,
                });
            }
            (None, Some(coming)) if taken.since(coming.last) > FORGIVEN => self.coming = None,
            (None, _) => {}
        }
        let gone = self
            .said
            .is_none_or(|said| taken.since(said.last) >= RECOVER);
        let lasted = self
            .coming
            .filter(|coming| coming.last.since(coming.since) >= coming.cause.hold());
        match lasted {
            Some(coming) if gone => {
                self.said = Some(coming);
                self.coming = None;
                Some(SightFinding {
                    state: coming.cause.state(),
                    line: coming.cause.line(&self.numbers),
                    numbers: self.numbers,
                })
            }
            None if gone && self.said.is_some() && self.coming.is_none() && !only_frame => {
                self.clear(taken)
            }
            _ => None,
        }
    }

    fn judge_moved(&mut self, taken: Instant) -> Option<SightFinding> {
        let back = self
            .in_place
            .is_some_and(|since| taken.since(since) >= RECOVER_MOVED);
        if back { self.clear(taken) } else { None }
    }

    fn clear(&mut self, taken: Instant) -> Option<SightFinding> {
        self.coming = None;
        let said = self.said.take()?;
        let line = format!(
            "clear again after {:.0} s: {}",
            taken.since(said.since).as_s(),
            match self.numbers.kept {
                Some(kept) => format!("{:.0} % of the known contours are there", 100.0 * kept),
                None => "what is seen is learned anew".to_owned(),
            }
        );
        Some(SightFinding {
            state: SightState::Clear,
            line,
            numbers: self.numbers,
        })
    }
}

/// Where the known landmarks are now.
fn shift(known: &Known, now: &Plate) -> Option<Shift> {
    let coarse = now.half();
    let landmarks = known.landmarks().iter();
    let found: Vec<_> = landmarks
        .filter_map(|landmark| landmark.find(now, &coarse))
        .collect();
    Shift::between(&found, now.factor)
}
