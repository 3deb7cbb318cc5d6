//! A canvas with the few strokes an overlay needs: polygons, lines, text, all anti-aliased.

use image::RgbImage;
use noto_sans_mono_bitmap::{FontWeight, RasterHeight, get_raster};
use tiny_skia::{
    FillRule, LineCap, LineJoin, Paint, PathBuilder, Pixmap, PremultipliedColorU8, Stroke,
    Transform,
};

use crate::detection::PointInImage;

/// A colour with opacity, 0 to 255 each.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Colour(pub u8, pub u8, pub u8, pub u8);

impl Colour {
    /// The same colour, `opacity` 0 to 255.
    pub const fn fade(self, opacity: u8) -> Self {
        Self(self.0, self.1, self.2, opacity)
    }
}

/// Height of a line of text, px.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TextSize {
    /// 16 px.
    Small,
    /// 20 px.
    Medium,
    /// 24 px.
    Large,
}

impl TextSize {
    const fn raster(self) -> RasterHeight {
        match self {
            Self::Small => RasterHeight::Size16,
            Self::Medium => RasterHeight::Size20,
            Self::Large => RasterHeight::Size24,
        }
    }

    /// Line height, px.
    pub const fn height_px(self) -> f64 {
        match self {
            Self::Small => 16.0,
            Self::Medium => 20.0,
            Self::Large => 24.0,
        }
    }

    /// Width of one character, px (the font is monospaced).
    pub fn advance_px(self) -> f64 {
        noto_sans_mono_bitmap::get_raster_width(FontWeight::Regular, self.raster()) as f64
    }
}

/// An RGBA canvas.
pub struct Canvas {
    pixmap: Pixmap,
}

impl Canvas {
    /// A black canvas; `None` if a side is 0.
    pub fn new(width: u32, height: u32) -> Option<Self> {
        let mut pixmap = Pixmap::new(width, height)?;
        pixmap.fill(tiny_skia::Color::BLACK);
        Some(Self { pixmap })
    }

    /// Width and height, px.
    pub fn size(&self) -> (u32, u32) {
        (self.pixmap.width(), self.pixmap.height())
    }

    /// Copies a picture to the top left corner, enlarged `scale` times by repeating pixels.
    pub fn put_picture(&mut self, picture: &RgbImage, scale: u32) {
        let width = self.pixmap.width() as usize;
        let height = self.pixmap.height();
        let (columns, rows) = picture.dimensions();
        let pixels = self.pixmap.pixels_mut();
        for row in 0..(rows * scale).min(height) {
            let line = &mut pixels[row as usize * width..][..width];
            for (column, pixel) in line.iter_mut().take((columns * scale) as usize).enumerate() {
                let [r, g, b] = picture.get_pixel(column as u32 / scale, row / scale).0;
                if let Some(colour) = PremultipliedColorU8::from_rgba(r, g, b, 255) {
                    *pixel = colour;
                }
            }
        }
    }

    /// A filled polygon.
    pub fn fill(&mut self, points: &[PointInImage], colour: Colour) {
        let Some(path) = path(points, true) else {
            return;
        };
        self.pixmap.fill_path(
            &path,
            &paint(colour),
            FillRule::Winding,
            Transform::identity(),
            None,
        );
    }

    /// A filled upright rectangle.
    pub fn fill_rect(&mut self, left: f64, top: f64, width: f64, height: f64, colour: Colour) {
        self.fill(&corners(left, top, width, height), colour);
    }

    /// The outline of an upright rectangle.
    pub fn stroke_rect(&mut self, rect: [f64; 4], width_px: f32, colour: Colour) {
        let [left, top, width, height] = rect;
        self.stroke(&corners(left, top, width, height), true, width_px, colour);
    }

    /// A line through points.
    pub fn stroke(&mut self, points: &[PointInImage], closed: bool, width: f32, colour: Colour) {
        let Some(path) = path(points, closed) else {
            return;
        };
        let stroke = Stroke {
            width,
            line_cap: LineCap::Round,
            line_join: LineJoin::Round,
            ..Stroke::default()
        };
        self.pixmap
            .stroke_path(&path, &paint(colour), &stroke, Transform::identity(), None);
    }

    /// Text with its top left corner at `(x, y)`; characters outside printable ASCII show as `?`.
    pub fn text(&mut self, x: f64, y: f64, size: TextSize, colour: Colour, text: &str) {
        let advance = size.advance_px();
        for (index, character) in text.chars().enumerate() {
            self.character(x + index as f64 * advance, y, size, colour, character);
        }
    }

    fn character(&mut self, x: f64, y: f64, size: TextSize, colour: Colour, character: char) {
        let weight = if size == TextSize::Small {
            FontWeight::Regular
        } else {
            FontWeight::Bold
        };
        let raster = get_raster(character, weight, size.raster())
            .or_else(|| get_raster('?', weight, size.raster()));
        let Some(raster) = raster else { return };
        let (width, height) = (self.pixmap.width() as i64, self.pixmap.height() as i64);
        let pixels = self.pixmap.pixels_mut();
        for (row, line) in raster.rows().enumerate() {
            for (column, coverage) in line.iter().enumerate() {
                let (px, py) = (x as i64 + column as i64, y as i64 + row as i64);
                let inside = 0 <= px && px < width && 0 <= py && py < height;
                if inside && *coverage > 0 {
                    let pixel = &mut pixels[(py * width + px) as usize];
                    *pixel = blend(*pixel, colour, *coverage);
                }
            }
        }
    }

    /// The canvas as packed RGB.
    pub fn to_rgb(&self) -> RgbImage {
        let (width, height) = self.size();
        let bytes = self
            .pixmap
            .pixels()
            .iter()
            .flat_map(|p| [p.red(), p.green(), p.blue()]);
        RgbImage::from_raw(width, height, bytes.collect()).unwrap_or_default()
    }
}

fn corners(left: f64, top: f64, width: f64, height: f64) -> [PointInImage; 4] {
    let at = |x, y| PointInImage { x, y };
    let (right, bottom) = (left + width, top + height);
    [
        at(left, top),
        at(right, top),
        at(right, bottom),
        at(left, bottom),
    ]
}

fn paint(colour: Colour) -> Paint<'static> {
    let mut paint = Paint {
        anti_alias: true,
        ..Paint::default()
    };
    paint.set_color_rgba8(colour.0, colour.1, colour.2, colour.3);
    paint
}

fn path(points: &[PointInImage], closed: bool) -> Option<tiny_skia::Path> {
    let (first, rest) = points.split_first()?;
    let mut builder = PathBuilder::new();
    builder.move_to(first.x as f32, first.y as f32);
    for point in rest {
        builder.line_to(point.x as f32, point.y as f32);
    }
    if closed {
        builder.close();
    }
    builder.finish()
}

fn blend(under: PremultipliedColorU8, over: Colour, coverage: u8) -> PremultipliedColorU8 {
    let alpha = u32::from(over.3) * u32::from(coverage) / 255;
    let mix = |a: u8, b: u8| ((u32::from(a) * (255 - alpha) + u32::from(b) * alpha) / 255) as u8;
    PremultipliedColorU8::from_rgba(
        mix(under.red(), over.0),
        mix(under.green(), over.1),
        mix(under.blue(), over.2),
        255,
    )
    .unwrap_or(under)
}
