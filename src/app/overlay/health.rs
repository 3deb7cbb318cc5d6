//! The picture of a door's health: tiles good, doubtful or refused, portals, control points, and in
//! words below what is wrong.

use image::RgbImage;

use super::canvas::{Canvas, Colour, TextSize};
use crate::calibrate::health::{Grade, Health};
use crate::detection::PointInImage;
use crate::floor::{CameraModel, Grid, PointInFloor, Portal, TileIndex, TileRole};

const GOOD: Colour = Colour(60, 200, 110, 255);
const DOUBTFUL: Colour = Colour(255, 190, 40, 255);
const REFUSE: Colour = Colour(240, 60, 60, 255);
const BLOCKED: Colour = Colour(40, 44, 52, 170);
const PORTAL: Colour = Colour(90, 200, 255, 255);
const MARK: Colour = Colour(255, 255, 255, 255);
const INK: Colour = Colour(235, 240, 245, 255);
const PAPER: Colour = Colour(16, 20, 26, 255);
/// How much of the picture shows through tiles near the door, and through others, 0 to 255.
const NEAR_OPACITY: u8 = 120;
const FAR_OPACITY: u8 = 45;
/// Pictures narrower than this are drawn twice as large, px.
const NARROW_PX: u32 = 800;
/// Sides of tiles are drawn in so many pieces, so that lenses may bend them.
const PIECES: u32 = 4;
/// Residuals are drawn this many times as long.
const ARROW_GAIN: f64 = 10.0;
/// At most so many lines of findings.
const MOST_LINES: usize = 12;

/// Draws a door's health over a picture of its camera; `None` if the picture has no pixels.
pub fn draw_health(
    picture: &RgbImage,
    model: &CameraModel,
    grid: &Grid,
    portals: &[(String, Portal)],
    health: &Health,
) -> Option<RgbImage> {
    let scale = if picture.width() < NARROW_PX { 2 } else { 1 };
    let size = TextSize::Small;
    let line = size.height_px() + 4.0;
    let (width, height) = (picture.width() * scale, picture.height() * scale);
    let columns = (f64::from(width) - 16.0) / size.advance_px();
    let text = text(health, columns as usize);
    let strip = (line * (text.len() as f64 + 1.0) + 10.0) as u32;
    let mut canvas = Canvas::new(width, height + strip)?;
    canvas.put_picture(picture, scale);
    let mut pen = Pen {
        canvas,
        model,
        scale: f64::from(scale),
    };
    pen.tiles(grid, health);
    for (name, portal) in portals {
        pen.portal(name, portal);
    }
    pen.points(health);
    let top = f64::from(height);
    let whole = (f64::from(width), f64::from(strip));
    pen.canvas.fill_rect(0.0, top, whole.0, whole.1, PAPER);
    pen.legend(top + 4.0);
    for (row, (grade, text)) in (1..).zip(&text) {
        let y = top + 6.0 + line * f64::from(row);
        pen.canvas.text(8.0, y, size, colour(*grade), text);
    }
    Some(pen.canvas.to_rgb())
}

const fn colour(grade: Option<Grade>) -> Colour {
    match grade {
        Some(Grade::Good) => GOOD,
        Some(Grade::Doubtful) => DOUBTFUL,
        Some(Grade::Refuse) => REFUSE,
        None => INK,
    }
}

/// The verdict, then what is wrong, broken to the width of the picture.
fn text(health: &Health, columns: usize) -> Vec<(Option<Grade>, String)> {
    let mut lines = vec![(
        Some(health.grade),
        format!("verdict: {}", health.grade.words()),
    )];
    let wrong = health.findings.iter();
    for finding in wrong.filter(|finding| finding.grade > Grade::Good) {
        lines.extend(
            broken(&finding.what, columns)
                .into_iter()
                .map(|line| (Some(finding.grade), line)),
        );
        lines.extend(
            broken(&format!("-> {}", finding.change), columns)
                .into_iter()
                .map(|line| (None, line)),
        );
    }
    lines.truncate(MOST_LINES);
    lines
}

/// A text in lines of at most so many characters.
fn broken(text: &str, columns: usize) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for word in text.split_whitespace() {
        match lines.last_mut() {
            Some(line) if line.len() + 1 + word.len() <= columns => {
                line.push(' ');
                line.push_str(word);
            }
            Some(_) => lines.push(format!("   {word}")),
            None => lines.push(word.to_owned()),
        }
    }
    lines
}

struct Pen<'a> {
    canvas: Canvas,
    model: &'a CameraModel,
    scale: f64,
}

impl Pen<'_> {
    fn seen(&self, at: PointInFloor) -> Option<PointInImage> {
        let p = self.model.image_from_floor(at, 0.0)?;
        Some(self.scaled(p))
    }

    fn scaled(&self, p: PointInImage) -> PointInImage {
        PointInImage {
            x: p.x * self.scale,
            y: p.y * self.scale,
        }
    }

    /// A tile's outline; `None` where part of it can't be seen.
    fn outline(&self, grid: &Grid, tile: TileIndex) -> Option<Vec<PointInImage>> {
        let corners = grid.corners(tile);
        let sides = (0..4).flat_map(|side| {
            let (from, to) = (corners[side], corners[(side + 1) % 4]);
            (0..PIECES).map(move |piece| from.lerp(to, f64::from(piece) / f64::from(PIECES)))
        });
        sides.map(|at| self.seen(at)).collect()
    }

    fn tiles(&mut self, grid: &Grid, health: &Health) {
        let (columns, rows) = grid.size();
        for row in 0..rows {
            for column in 0..columns {
                let tile = TileIndex { column, row };
                if grid.role(tile) == TileRole::Blocked
                    && let Some(outline) = self.outline(grid, tile)
                {
                    self.canvas.fill(&outline, BLOCKED);
                }
            }
        }
        for tile in &health.tiles {
            let Some(outline) = self.outline(grid, tile.tile) else {
                continue;
            };
            let opacity = if tile.near { NEAR_OPACITY } else { FAR_OPACITY };
            let colour = colour(Some(tile.grade));
            self.canvas.fill(&outline, colour.fade(opacity));
            self.canvas
                .stroke(&outline, true, 1.0, colour.fade(opacity));
        }
    }

    fn portal(&mut self, name: &str, portal: &Portal) {
        let line: Vec<PointInImage> = portal.line.iter().filter_map(|at| self.seen(*at)).collect();
        self.canvas.stroke(&line, false, 4.0, PORTAL);
        let ends = [portal.line.first(), portal.line.last()];
        let [Some(first), Some(last)] = ends else {
            return;
        };
        let middle = first.lerp(*last, 0.5);
        let normal = portal.read(middle).normal;
        let tip = PointInFloor {
            x: middle.x + 0.6 * normal.0,
            y: middle.y + 0.6 * normal.1,
        };
        if let (Some(from), Some(to)) = (self.seen(middle), self.seen(tip)) {
            self.canvas.stroke(&[from, to], false, 3.0, PORTAL);
            let label = format!("{name}: in");
            let width = label.len() as f64 * TextSize::Small.advance_px();
            let paper = PAPER.fade(180);
            // At the picture's edge it is moved into the picture.
            let right = f64::from(self.canvas.size().0) - width - 6.0;
            let (left, top) = ((to.x + 4.0).min(right).max(0.0), (to.y - 8.0).max(0.0));
            self.canvas.fill_rect(left, top, width + 4.0, 18.0, paper);
            self.canvas
                .text(left + 2.0, top + 1.0, TextSize::Small, PORTAL, &label);
        }
    }

    fn points(&mut self, health: &Health) {
        let points = self.model.spec().control_points.clone();
        for (point, measured) in points.iter().zip(&health.points) {
            let at = self.scaled(point.image);
            let cross = |dx: f64, dy: f64| PointInImage {
                x: at.x + dx,
                y: at.y + dy,
            };
            self.canvas
                .stroke(&[cross(-5.0, 0.0), cross(5.0, 0.0)], false, 2.0, MARK);
            self.canvas
                .stroke(&[cross(0.0, -5.0), cross(0.0, 5.0)], false, 2.0, MARK);
            let Some(seen) = self.seen(point.floor) else {
                continue;
            };
            let tip = cross(ARROW_GAIN * (seen.x - at.x), ARROW_GAIN * (seen.y - at.y));
            if measured.residual_px > 0.3 {
                self.canvas.stroke(&[at, tip], false, 2.0, MARK);
            }
        }
    }

    fn legend(&mut self, top: f64) {
        let size = TextSize::Small;
        let mut left = 8.0;
        let words = [
            (GOOD, "good"),
            (DOUBTFUL, "doubtful"),
            (REFUSE, "refuse"),
            (PORTAL, "portal"),
            (MARK, "control point, error x10"),
        ];
        for (colour, word) in words {
            self.canvas.fill_rect(left, top + 3.0, 12.0, 12.0, colour);
            self.canvas.text(left + 18.0, top, size, INK, word);
            left += 18.0 + (word.len() as f64 + 2.0) * size.advance_px();
        }
    }
}
