//! What the tracker knows of a track beyond what it tells.

use serde::{Deserialize, Serialize};

use super::kalman::Motion;
use super::outline::{Outline, Projection};
use super::sighting::Sighting;
use super::{Track, TrackState, TrackerSettings};
use crate::detection::BoxInImage;
use crate::floor::{CameraModel, Grid, PointInFloor};
use crate::units::{Instant, Span};

/// Sightings after which the learned height changes slowly.
const HEIGHT_SIGHTINGS: f64 = 20.0;
/// Frames are never closer together than this, s.
const SHORTEST_STEP_S: f64 = 1e-3;

/// The hidden half of a track.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Body {
    pub(super) motion: Motion,
    /// Where it was when last seen, m: walls are judged from there.
    pub(super) seen_at: PointInFloor,
    outline: Option<Outline>,
    /// The box to expect in the frame at hand, as far as the picture goes.
    pub(super) expected_in_view: Option<BoxInImage>,
    /// Whether that box lies outside the picture.
    pub(super) out_of_view: bool,
    /// Frames since birth, and how many of them saw it: their ratio, never a lifetime.
    pub(super) frames: u32,
    pub(super) sightings: u32,
    heights: f64,
    /// Sum of the scores of all sightings.
    scores: f64,
    /// Time of the last strong sighting.
    last_strong: Instant,
    /// Whether it looks like another track's person in the frame at hand, and how long it has.
    pub(super) is_double: bool,
    pub(super) doubled: Span,
}

impl Body {
    pub(super) fn new(
        now: Instant,
        sighting: &Sighting,
        camera: Option<&CameraModel>,
        settings: &TrackerSettings,
    ) -> Self {
        let projection = Projection::new(camera, sighting.at);
        Self {
            motion: Motion::new(sighting.at, sighting.cov, settings.speed_sd_m_s),
            seen_at: sighting.at,
            outline: sighting.bbox.map(|bbox| Outline::new(&bbox, projection)),
            expected_in_view: sighting.in_view,
            out_of_view: false,
            frames: 1,
            sightings: 1,
            heights: 0.0,
            scores: sighting.score,
            last_strong: now,
            is_double: false,
            doubled: Span::ZERO,
        }
    }

    /// Moves on by `dt` to `now`, up to a wall at most.
    pub(super) fn predict(
        &mut self,
        track: &Track,
        now: Instant,
        dt: Span,
        view: View<'_>,
        settings: &TrackerSettings,
    ) {
        let before = self.motion.point;
        let unseen = now.since(track.last_seen);
        let fade_s = (unseen > settings.lost_after).then(|| settings.slow_down.as_s());
        self.motion
            .predict(dt.as_s(), settings.acceleration_m2_s3, fade_s);
        let walls = view
            .grid
            .filter(|grid| !grid.is_clear(before, self.motion.point));
        if walls.is_some() {
            self.motion.halt_at(before);
        }
        self.frames = self.frames.saturating_add(1);
        let projection = Projection::new(view.camera, self.motion.point);
        let expected = self
            .outline
            .map(|outline| outline.predict(projection, unseen.as_s()));
        let picture = view.picture();
        self.out_of_view = expected
            .zip(picture)
            .is_some_and(|(expected, picture)| expected.intersection(&picture) <= 0.0);
        self.expected_in_view = expected.map(|expected| within(expected, picture));
    }

    /// Takes in what was seen of it. `distance2` is the squared Mahalanobis distance at which it
    /// was accepted: an outlier that the box vouched for must not throw the motion off.
    pub(super) fn update(
        &mut self,
        track: &mut Track,
        now: Instant,
        sighting: &Sighting,
        distance2: f64,
        view: View<'_>,
        settings: &TrackerSettings,
    ) {
        let gate2 = settings.gate_sd * settings.gate_sd;
        let unseen_s = now.since(track.last_seen).as_s();
        let repeats = (settings.error_lasts.as_s() / unseen_s.max(SHORTEST_STEP_S)).max(1.0);
        let inflation = (distance2 / gate2).max(1.0) * repeats;
        let cov = crate::floor::Cov2 {
            xx: inflation * sighting.cov.xx,
            xy: inflation * sighting.cov.xy,
            yy: inflation * sighting.cov.yy,
        };
        self.motion.update(sighting.at, cov);
        if let Some(grid) = view.grid
            && !grid.is_clear(self.seen_at, self.motion.point)
        {
            // Association made sure that the way to the sighting itself is clear.
            self.motion.halt_at(sighting.at);
        }
        self.seen_at = self.motion.point;
        self.sightings = self.sightings.saturating_add(1);
        self.scores += sighting.score;
        if sighting.strong {
            self.last_strong = now;
        }
        if let Some(bbox) = &sighting.bbox {
            let projection = Projection::new(view.camera, self.motion.point);
            match &mut self.outline {
                Some(outline) => outline.update(bbox, projection, unseen_s),
                None => self.outline = Some(Outline::new(bbox, projection)),
            }
        }
        self.learn_height(track, sighting);
    }

    /// A running mean of the heights seen, weighing the last twenty or so.
    pub(super) fn learn_height(&mut self, track: &mut Track, sighting: &Sighting) {
        let Some(seen_m) = sighting.height_m else {
            return;
        };
        self.heights = (self.heights + 1.0).min(HEIGHT_SIGHTINGS);
        let known_m = track.height_m.unwrap_or(seen_m);
        track.height_m = Some(known_m + (seen_m - known_m) / self.heights);
    }

    /// Whether a tentative track has been seen long and often enough, apart from all others.
    pub(super) fn is_believable(&self, track: &Track, settings: &TrackerSettings) -> bool {
        let seen_for = track.last_seen.since(track.born);
        let often = 2 * u64::from(self.sightings) >= u64::from(self.frames);
        let needed = self.confirm_after(settings);
        often && self.sightings > 1 && seen_for - self.doubled >= needed
    }

    /// How long a tentative track must be seen, by its mean score.
    fn confirm_after(&self, settings: &TrackerSettings) -> Span {
        let mean = self.scores / f64::from(self.sightings.max(1));
        let range = (settings.sure_score - settings.strong_score).max(f64::EPSILON);
        let doubt = ((settings.sure_score - mean) / range).clamp(0.0, 1.0);
        let (sure_s, doubtful_s) = (
            settings.confirm_after.as_s(),
            settings.confirm_doubtful_after.as_s(),
        );
        Span::from_s(sure_s + doubt * (doubtful_s - sure_s).max(0.0))
    }

    /// Whether it was unseen for too long at `now`.
    pub(super) fn is_over(&self, track: &Track, now: Instant, settings: &TrackerSettings) -> bool {
        let limit = match track.state {
            TrackState::Tentative => settings.drop_tentative_after,
            _ if self.out_of_view => settings.leave_after,
            _ => settings.lose_after,
        };
        let unsure_limit = match track.state {
            TrackState::Tentative => settings.drop_tentative_after,
            _ => settings.lose_after,
        };
        now.since(track.last_seen) > limit || now.since(self.last_strong) > unsure_limit
    }
}

/// What of a box lies in the picture; the box itself if none of it does. Some detectors guess at
/// what is cut off and some don't, so boxes are compared without it.
pub(super) fn within(bbox: BoxInImage, picture: Option<BoxInImage>) -> BoxInImage {
    match picture {
        Some(picture) if bbox.intersection(&picture) > 0.0 => BoxInImage::new(
            bbox.left.max(picture.left),
            bbox.top.max(picture.top),
            bbox.right.min(picture.right),
            bbox.bottom.min(picture.bottom),
        ),
        _ => bbox,
    }
}

/// What a frame is seen through: both optional.
#[derive(Clone, Copy)]
pub(super) struct View<'a> {
    pub(super) camera: Option<&'a CameraModel>,
    pub(super) grid: Option<&'a Grid>,
}

impl View<'_> {
    /// The whole picture as a box.
    pub(super) fn picture(&self) -> Option<BoxInImage> {
        let spec = self.camera?.spec();
        let (width, height) = (spec.image_width_px, spec.image_height_px);
        Some(BoxInImage::new(
            0.0,
            0.0,
            f64::from(width),
            f64::from(height),
        ))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn boxes_end_with_the_picture() {
        let picture = Some(BoxInImage::new(0.0, 0.0, 100.0, 80.0));
        let across = BoxInImage::new(-20.0, 10.0, 40.0, 95.0);
        let seen = BoxInImage::new(0.0, 10.0, 40.0, 80.0);
        assert_eq!(within(across, picture), seen);
        assert_eq!(within(seen, picture), seen);
        assert_eq!(within(across, None), across);
        let beside = BoxInImage::new(-30.0, 10.0, -5.0, 60.0);
        assert_eq!(
            within(beside, picture),
            beside,
            "out of view, but somewhere"
        );
    }
}
