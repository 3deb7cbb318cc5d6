//! What is drawn over the picture: tiles, footprints, paths, boxes.

use std::collections::BTreeMap;

use super::canvas::{Canvas, Colour, TextSize};
use super::mood::Mood;
use crate::detection::PointInImage;
use crate::engine::CameraView;
use crate::floor::{CameraModel, Cov2, Grid, PointInFloor, Portal, TileIndex, TileRole};
use crate::tracking::{Track, TrackState};
use crate::units::{Instant, Span, TrackId};

/// How much of a track's path is drawn.
const TAIL: Span = Span::from_ms(2_000);
/// Footprint ellipses show this many standard deviations (about 86 % of the mass).
const ELLIPSE_SIGMA: f64 = 2.0;
/// Corners of the polygon that stands for an ellipse.
const ELLIPSE_CORNERS: usize = 24;

const GRID_LINE: Colour = Colour(255, 255, 255, 46);
const THRESHOLD: Colour = Colour(120, 200, 255, 40);
const PORTAL: Colour = Colour(120, 210, 255, 230);

/// The projection of one camera's grid into its picture, made once.
pub struct SceneOverlay {
    tiles: Vec<(TileIndex, TileRole, Vec<PointInImage>)>,
    portals: Vec<Vec<PointInImage>>,
    scale: f64,
}

impl SceneOverlay {
    /// Projects the grid; `scale` is how many canvas pixels one picture pixel takes.
    pub fn new(model: &CameraModel, grid: &Grid, portals: &[Portal], scale: f64) -> Self {
        let (columns, rows) = grid.size();
        let project = |point: &PointInFloor| to_canvas(model, *point, scale);
        let tiles = (0..rows)
            .flat_map(|row| (0..columns).map(move |column| TileIndex { column, row }))
            .filter_map(|tile| {
                let corners: Option<Vec<_>> = grid.corners(tile).iter().map(project).collect();
                corners.map(|corners| (tile, grid.role(tile), corners))
            })
            .collect();
        let portals = portals
            .iter()
            .map(|portal| portal.line.iter().filter_map(project).collect())
            .collect();
        Self {
            tiles,
            portals,
            scale,
        }
    }

    /// Draws one moment. `moods` says how each judged track and each coloured tile stands.
    pub fn draw(
        &self,
        canvas: &mut Canvas,
        view: &CameraView<'_>,
        now: Instant,
        tracks: &BTreeMap<TrackId, Mood>,
        tiles: &BTreeMap<TileIndex, Mood>,
    ) {
        for (tile, role, corners) in &self.tiles {
            match (tiles.get(tile), role) {
                (Some(mood), _) => canvas.fill(corners, mood.colour().fade(150)),
                (None, TileRole::Threshold) => canvas.fill(corners, THRESHOLD),
                _ => {}
            }
            if *role != TileRole::Blocked {
                canvas.stroke(corners, true, 1.0, GRID_LINE);
            }
        }
        for portal in &self.portals {
            canvas.stroke(portal, false, 3.0, PORTAL);
        }
        let Some(model) = view.model else { return };
        for track in view.tracks {
            if matches!(track.state, TrackState::Confirmed | TrackState::Lost) {
                let mood = tracks.get(&track.id).copied().unwrap_or(Mood::Unjudged);
                self.draw_track(canvas, model, track, now, mood);
            }
        }
    }

    fn draw_track(
        &self,
        canvas: &mut Canvas,
        model: &CameraModel,
        track: &Track,
        now: Instant,
        mood: Mood,
    ) {
        let colour = mood.colour();
        let tail: Vec<PointInImage> = track
            .path
            .iter()
            .filter(|point| now - point.at <= TAIL)
            .filter_map(|point| to_canvas(model, point.point, self.scale))
            .collect();
        canvas.stroke(&tail, false, 2.0, colour);
        if let Some(last) = track.path.back() {
            let ellipse: Option<Vec<_>> = ellipse(last.point, last.cov)
                .map(|point| to_canvas(model, point, self.scale))
                .collect();
            if let Some(ellipse) = ellipse {
                canvas.fill(&ellipse, colour.fade(70));
                canvas.stroke(&ellipse, true, 2.0, colour);
            }
        }
        let Some(bbox) = track.bbox.filter(|_| track.last_seen == now) else {
            return;
        };
        let [left, top] = [bbox.left * self.scale, bbox.top * self.scale];
        let rect = [
            left,
            top,
            bbox.width() * self.scale,
            bbox.height() * self.scale,
        ];
        canvas.stroke_rect(rect, 2.0, colour.fade(210));
        let label = match mood.word() {
            "" => format!("#{}", track.id),
            word => format!("#{} {word}", track.id),
        };
        let size = TextSize::Small;
        let width = label.len() as f64 * size.advance_px() + 6.0;
        let label_top = (top - size.height_px() - 4.0).max(0.0);
        canvas.fill_rect(
            left,
            label_top,
            width,
            size.height_px() + 4.0,
            colour.fade(220),
        );
        canvas.text(
            left + 3.0,
            label_top + 2.0,
            size,
            Colour(10, 14, 18, 255),
            &label,
        );
    }
}

fn to_canvas(model: &CameraModel, point: PointInFloor, scale: f64) -> Option<PointInImage> {
    let p = model.image_from_floor(point, 0.0)?;
    Some(PointInImage {
        x: p.x * scale,
        y: p.y * scale,
    })
}

/// The outline of a footprint's uncertainty, m.
fn ellipse(at: PointInFloor, cov: Cov2) -> impl Iterator<Item = PointInFloor> {
    let (major, minor, angle) = cov.axes();
    let (a, b) = (ELLIPSE_SIGMA * major.sqrt(), ELLIPSE_SIGMA * minor.sqrt());
    (0..ELLIPSE_CORNERS).map(move |corner| {
        let t = std::f64::consts::TAU * corner as f64 / ELLIPSE_CORNERS as f64;
        let (u, v) = (a * t.cos(), b * t.sin());
        PointInFloor {
            x: at.x + u * angle.cos() - v * angle.sin(),
            y: at.y + u * angle.sin() + v * angle.cos(),
        }
    })
}
