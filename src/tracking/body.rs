//! What the tracker knows of a track beyond what it tells.

use super::kalman::Motion;
use super::outline::{Outline, Projection};
use super::sighting::Sighting;
use super::{Track, TrackState, TrackerSettings};
use crate::detection::BoxInImage;
use crate::floor::{CameraModel, Grid, PointInFloor};
use crate::units::{Instant, Span};

/// Sightings after which the learned height changes slowly.
const HEIGHT_SIGHTINGS: f64 = 20.0;

/// The hidden half of a track.
#[derive(Debug, Clone)]
pub(super) struct Body {
    pub(super) motion: Motion,
    /// Where it was when last seen, m: walls are judged from there.
    pub(super) seen_at: PointInFloor,
    outline: Option<Outline>,
    /// The box to expect in the frame at hand.
    pub(super) expected: Option<BoxInImage>,
    /// Whether that box lies outside the picture.
    pub(super) out_of_view: bool,
    /// Frames since birth, and how many of them saw it: their ratio, never a lifetime.
    pub(super) frames: u32,
    pub(super) sightings: u32,
    heights: f64,
    /// How long it has looked like another track's person.
    pub(super) doubled: Span,
}

impl Body {
    pub(super) fn new(
        sighting: &Sighting,
        camera: Option<&CameraModel>,
        settings: &TrackerSettings,
    ) -> Self {
        let projection = Projection::new(camera, sighting.at);
        Self {
            motion: Motion::new(sighting.at, sighting.cov, settings.speed_sd_m_s),
            seen_at: sighting.at,
            outline: sighting.bbox.map(|bbox| Outline::new(&bbox, projection)),
            expected: sighting.bbox,
            out_of_view: false,
            frames: 1,
            sightings: 1,
            heights: 0.0,
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
        self.expected = self
            .outline
            .map(|outline| outline.predict(projection, unseen.as_s()));
        self.out_of_view = match (self.expected, view.camera) {
            (Some(expected), Some(camera)) => {
                let spec = camera.spec();
                let (width, height) = (
                    f64::from(spec.image_width_px),
                    f64::from(spec.image_height_px),
                );
                expected.intersection(&BoxInImage::new(0.0, 0.0, width, height)) <= 0.0
            }
            _ => false,
        };
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
        let inflation = (distance2 / gate2).max(1.0);
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
        if let Some(bbox) = &sighting.bbox {
            let projection = Projection::new(view.camera, self.motion.point);
            let unseen_s = now.since(track.last_seen).as_s();
            match &mut self.outline {
                Some(outline) => outline.update(bbox, projection, unseen_s),
                None => self.outline = Some(Outline::new(bbox, projection)),
            }
            self.expected = Some(*bbox);
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
        often && self.sightings > 1 && seen_for - self.doubled >= settings.confirm_after
    }

    /// Whether it was unseen for too long at `now`.
    pub(super) fn is_over(&self, track: &Track, now: Instant, settings: &TrackerSettings) -> bool {
        let limit = match track.state {
            TrackState::Tentative => settings.drop_tentative_after,
            _ if self.out_of_view => settings.leave_after,
            _ => settings.lose_after,
        };
        now.since(track.last_seen) > limit
    }
}

/// What a frame is seen through: both optional.
#[derive(Clone, Copy)]
pub(super) struct View<'a> {
    pub(super) camera: Option<&'a CameraModel>,
    pub(super) grid: Option<&'a Grid>,
}
