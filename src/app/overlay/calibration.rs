//! The picture that proves a calibration: the floor's grid on the camera's picture, people's outlines
//! standing on it, control points with the distance to where the calibration sees them.

use image::RgbImage;

use super::canvas::{Canvas, Colour, TextSize};
use crate::detection::{BoxInImage, PointInImage};
use crate::floor::{CameraModel, PointInFloor};

/// Height of the outlines, m.
const FIGURE_M: f64 = 1.7;
/// The grid reaches this far from the camera's foot at most: so many m, or so many camera heights.
const REACH_M: f64 = 12.0;
const REACH_HEIGHTS: f64 = 5.0;
/// Lines of the grid are drawn in pieces this long, so that lenses may bend them, m.
const PIECE_M: f64 = 0.25;
/// Pixels that show a shorter stretch of floor than this for each metre are horizon.
const LEAST_PX_PER_M: f64 = 6.0;
/// Pictures narrower than this are drawn twice as large, px.
const NARROW_PX: u32 = 800;
/// Residual arrows are drawn this many times as long.
const ARROW_GAIN: f64 = 10.0;
/// Outlines are drawn at these shares of the picture.
const PLACES: [(f64, f64); 8] = [
    (0.5, 0.8),
    (0.2, 0.85),
    (0.8, 0.85),
    (0.35, 0.6),
    (0.65, 0.6),
    (0.12, 0.62),
    (0.88, 0.62),
    (0.5, 0.45),
];
/// Outline of a standing person: share of the height, half the breadth in m.
const OUTLINE: [(f64, f64); 10] = [
    (0.0, 0.10),
    (0.08, 0.12),
    (0.30, 0.13),
    (0.52, 0.19),
    (0.70, 0.20),
    (0.82, 0.22),
    (0.86, 0.07),
    (0.90, 0.09),
    (0.96, 0.08),
    (1.0, 0.02),
];

const GRID_LINE: Colour = Colour(90, 220, 255, 150);
const X_AXIS: Colour = Colour(255, 90, 90, 255);
const Y_AXIS: Colour = Colour(110, 255, 110, 255);
const FIGURE: Colour = Colour(255, 230, 120, 255);
const CLICK: Colour = Colour(255, 255, 255, 255);
const RESIDUAL: Colour = Colour(255, 120, 220, 255);
const SLIP: Colour = Colour(255, 40, 40, 255);
const EVIDENCE: Colour = Colour(255, 255, 255, 90);
const INK: Colour = Colour(235, 240, 245, 255);
const PAPER: Colour = Colour(10, 14, 18, 200);

/// A control point as it was clicked.
#[derive(Debug, Clone)]
pub struct Mark {
    /// Where it was clicked.
    pub clicked: PointInImage,
    /// Where the calibration sees its floor point.
    pub seen: Option<PointInImage>,
    /// It does not go with the others.
    pub slipped: bool,
}

/// What is drawn besides the floor.
#[derive(Debug, Clone, Default)]
pub struct CalibrationEvidence {
    /// Control points.
    pub marks: Vec<Mark>,
    /// Lines that were drawn.
    pub lines: Vec<[PointInImage; 2]>,
    /// People's boxes.
    pub boxes: Vec<BoxInImage>,
    /// What is written below the picture.
    pub caption: Vec<String>,
}

/// Draws a calibration over a picture of its size; `None` if the picture has no pixels.
pub fn draw_calibration(
    picture: &RgbImage,
    model: &CameraModel,
    evidence: &CalibrationEvidence,
) -> Option<RgbImage> {
    let scale = if picture.width() < NARROW_PX { 2 } else { 1 };
    let line = TextSize::Small.height_px() + 4.0;
    let (width, height) = (picture.width() * scale, picture.height() * scale);
    let strip = (line * evidence.caption.len() as f64 + 8.0) as u32;
    let mut canvas = Canvas::new(width, height + strip)?;
    canvas.put_picture(picture, scale);
    let mut pen = Pen {
        canvas,
        model,
        scale: f64::from(scale),
        size: (f64::from(picture.width()), f64::from(picture.height())),
    };
    for bbox in &evidence.boxes {
        let k = pen.scale;
        let rect = [bbox.left, bbox.top, bbox.width(), bbox.height()].map(|v| v * k);
        pen.canvas.stroke_rect(rect, 1.0, EVIDENCE);
    }
    pen.grid();
    pen.figures();
    for ends in &evidence.lines {
        pen.picture_line(ends, 2.0, CLICK);
    }
    for (number, mark) in (1..).zip(&evidence.marks) {
        pen.mark(number, mark);
    }
    let strip_top = f64::from(height);
    pen.canvas
        .fill_rect(0.0, strip_top, f64::from(width), f64::from(strip), PAPER);
    for (row, text) in evidence.caption.iter().enumerate() {
        let top = strip_top + 4.0 + line * row as f64;
        pen.canvas.text(8.0, top, TextSize::Small, INK, text);
    }
    Some(pen.canvas.to_rgb())
}

struct Pen<'a> {
    canvas: Canvas,
    model: &'a CameraModel,
    scale: f64,
    /// Of the picture, px.
    size: (f64, f64),
}

impl Pen<'_> {
    /// A floor point in the picture, if it is in it or near it and not at the horizon.
    fn seen(&self, at: PointInFloor, height_m: f64) -> Option<PointInImage> {
        let p = self.model.image_from_floor(at, height_m)?;
        let (w, h) = self.size;
        let near = p.x > -w && p.x < 2.0 * w && p.y > -h && p.y < 2.0 * h;
        near.then_some(p)
    }

    fn reach_m(&self) -> f64 {
        let height_m = self.model.pose().map_or(0.0, |pose| pose.height_m);
        REACH_M.max(REACH_HEIGHTS * height_m)
    }

    fn inside(&self, p: PointInImage) -> bool {
        p.x >= 0.0 && p.y >= 0.0 && p.x <= self.size.0 && p.y <= self.size.1
    }

    fn picture_line(&mut self, points: &[PointInImage], width: f32, colour: Colour) {
        let scaled: Vec<PointInImage> = points
            .iter()
            .map(|p| PointInImage {
                x: p.x * self.scale,
                y: p.y * self.scale,
            })
            .collect();
        self.canvas.stroke(&scaled, false, width, colour);
    }

    fn floor_line(&mut self, from: PointInFloor, to: PointInFloor, width: f32, colour: Colour) {
        let pieces = (from.distance(to) / PIECE_M).ceil().max(1.0) as usize;
        let mut run: Vec<PointInImage> = Vec::new();
        for i in 0..=pieces {
            let at = from.lerp(to, i as f64 / pieces as f64);
            match self.seen(at, 0.0).filter(|p| self.is_drawable(*p)) {
                Some(p) => run.push(p),
                None => {
                    self.picture_line(&run, width, colour);
                    run.clear();
                }
            }
        }
        self.picture_line(&run, width, colour);
    }

    /// Whether a metre of floor there is more than a hair.
    fn is_drawable(&self, p: PointInImage) -> bool {
        let Some([[a, b], [c, d]]) = self.model.floor_from_image_jacobian(p) else {
            return false;
        };
        // The longest stretch of floor under one pixel.
        let longest = (a * a + b * b + c * c + d * d).sqrt();
        longest > 0.0 && 1.0 / longest > LEAST_PX_PER_M
    }

    fn grid(&mut self) {
        let Some((min, max)) = self.extent() else {
            return;
        };
        let (x0, x1, y0, y1) = (min.x.floor(), max.x.ceil(), min.y.floor(), max.y.ceil());
        let at = |x: f64, y: f64| PointInFloor { x, y };
        let mut x = x0;
        while x <= x1 {
            self.floor_line(at(x, y0), at(x, y1), 1.0, GRID_LINE);
            x += 1.0;
        }
        let mut y = y0;
        while y <= y1 {
            self.floor_line(at(x0, y), at(x1, y), 1.0, GRID_LINE);
            y += 1.0;
        }
        let origin = self.seen(at(0.0, 0.0), 0.0).filter(|p| self.inside(*p));
        if origin.is_some() {
            self.floor_line(at(0.0, 0.0), at(1.0, 0.0), 3.0, X_AXIS);
            self.floor_line(at(0.0, 0.0), at(0.0, 1.0), 3.0, Y_AXIS);
        }
        self.labels([x0, x1, y0, y1]);
    }

    /// Metres at every second crossing of lines.
    fn labels(&mut self, [x0, x1, y0, y1]: [f64; 4]) {
        let mut y = (y0 / 2.0).ceil() * 2.0;
        while y <= y1 {
            let mut x = (x0 / 2.0).ceil() * 2.0;
            while x <= x1 {
                let p = self.seen(PointInFloor { x, y }, 0.0);
                let room = |p: &PointInImage| self.inside(*p) && self.is_roomy(*p);
                if let Some(p) = p.filter(room) {
                    let text = format!("{x:.0},{y:.0}");
                    let (px, py) = (p.x * self.scale + 3.0, p.y * self.scale + 1.0);
                    self.canvas
                        .text(px, py, TextSize::Small, GRID_LINE.fade(255), &text);
                }
                x += 2.0;
            }
            y += 2.0;
        }
    }

    /// Whether two metres of floor have room for a label.
    fn is_roomy(&self, p: PointInImage) -> bool {
        let Some([[a, b], [c, d]]) = self.model.floor_from_image_jacobian(p) else {
            return false;
        };
        (a * a + b * b + c * c + d * d).sqrt() * 14.0 / self.scale < 1.0
    }

    /// Corners of the floor that the picture shows.
    fn extent(&self) -> Option<(PointInFloor, PointInFloor)> {
        let foot = self.model.pose().map(|pose| pose.foot);
        let mut bounds: Option<(PointInFloor, PointInFloor)> = None;
        for row in 0..=24 {
            for column in 0..=24 {
                let pixel = PointInImage {
                    x: self.size.0 * f64::from(column) / 24.0,
                    y: self.size.1 * f64::from(row) / 24.0,
                };
                let Some(at) = self.model.floor_from_image(pixel) else {
                    continue;
                };
                let far = foot.is_some_and(|foot| foot.distance(at) > self.reach_m());
                if far || !self.is_drawable(pixel) {
                    continue;
                }
                let (min, max) = bounds.get_or_insert((at, at));
                (min.x, min.y) = (min.x.min(at.x), min.y.min(at.y));
                (max.x, max.y) = (max.x.max(at.x), max.y.max(at.y));
            }
        }
        bounds
    }

    fn figures(&mut self) {
        let Some(foot) = self.model.pose().map(|pose| pose.foot) else {
            return;
        };
        for (x, y) in PLACES {
            let pixel = PointInImage {
                x: x * self.size.0,
                y: y * self.size.1,
            };
            let Some(at) = self.model.floor_from_image(pixel) else {
                continue;
            };
            let away = foot.distance(at);
            if away > self.reach_m() || !self.is_drawable(pixel) {
                continue;
            }
            // To the right of the line of sight.
            let (ux, uy) = match away > 1e-6 {
                true => ((at.y - foot.y) / away, -(at.x - foot.x) / away),
                false => (1.0, 0.0),
            };
            let rim = |share: f64, aside: f64| {
                let at = PointInFloor {
                    x: at.x + aside * ux,
                    y: at.y + aside * uy,
                };
                self.seen(at, share * FIGURE_M)
            };
            let right = OUTLINE.iter().map(|(share, half)| rim(*share, *half));
            let left = OUTLINE.iter().rev().map(|(share, half)| rim(*share, -half));
            let outline: Option<Vec<PointInImage>> = right.chain(left).collect();
            let Some(mut outline) = outline else { continue };
            outline.push(outline[0]);
            self.picture_line(&outline, 2.0, FIGURE);
            let ring: Option<Vec<PointInImage>> = (0..=24)
                .map(|i| {
                    let angle = std::f64::consts::TAU * f64::from(i) / 24.0;
                    let (sin, cos) = angle.sin_cos();
                    let at = PointInFloor {
                        x: at.x + 0.25 * cos,
                        y: at.y + 0.25 * sin,
                    };
                    self.seen(at, 0.0)
                })
                .collect();
            if let Some(ring) = ring {
                self.picture_line(&ring, 1.0, FIGURE);
            }
        }
    }

    fn mark(&mut self, number: usize, mark: &Mark) {
        let p = mark.clicked;
        let arm = 5.0 / self.scale;
        let at = |dx: f64, dy: f64| PointInImage {
            x: p.x + dx,
            y: p.y + dy,
        };
        let colour = if mark.slipped { SLIP } else { CLICK };
        self.picture_line(&[at(-arm, 0.0), at(arm, 0.0)], 2.0, colour);
        self.picture_line(&[at(0.0, -arm), at(0.0, arm)], 2.0, colour);
        let mut text = format!("{number}");
        if let Some(seen) = mark.seen {
            // A slip's arrow is as long as it is: it points to where the point belongs.
            let gain = if mark.slipped { 1.0 } else { ARROW_GAIN };
            let end = at(gain * (seen.x - p.x), gain * (seen.y - p.y));
            let colour = if mark.slipped { SLIP } else { RESIDUAL };
            self.picture_line(&[p, end], 2.0, colour);
            text = format!("{number}: {:.1} px", seen.distance(p));
        }
        let (x, y) = (p.x * self.scale + 7.0, p.y * self.scale - 18.0);
        let width = text.len() as f64 * TextSize::Small.advance_px();
        self.canvas.fill_rect(x - 2.0, y, width + 4.0, 16.0, PAPER);
        self.canvas.text(x, y, TextSize::Small, colour, &text);
    }
}
