//! Triangles to samples: a depth buffer and the triangle that owns each sample, for one object.

use super::camera::Projector;
use crate::sim::body::{Surface, Vec3};

/// No triangle.
pub const NONE: u32 = u32::MAX;

/// A vertex on the picture: sample coordinates and inverse depth; not finite if it cannot be seen.
#[derive(Debug, Clone, Copy)]
pub struct Spot {
    pub x: f32,
    pub y: f32,
    pub inv: f32,
}

/// One object, drawn alone into the rectangle that holds it.
#[derive(Debug, Clone)]
pub struct Layer {
    /// Left edge, samples; may lie outside the picture.
    pub x0: i32,
    /// Top edge, samples.
    pub y0: i32,
    /// Width, samples.
    pub width: i32,
    /// Height, samples.
    pub height: i32,
    /// Inverse depth of the nearest triangle, 0 where there is none.
    pub inv: Vec<f32>,
    /// The nearest triangle.
    pub triangle: Vec<u32>,
    /// Whether any triangle of the body itself (not of carried things) covers the sample.
    pub body: Vec<bool>,
    /// The vertices.
    pub spots: Vec<Spot>,
    /// Box of the body's own vertices, samples: left, top, right, bottom; not cut by the picture.
    pub extent: [f32; 4],
}

/// How far past the picture a layer reaches, in pictures: hidden shares count what is outside.
const OUTSIDE: i32 = 1;

impl Layer {
    /// Projects and draws a surface. `samples` is the number of samples along a pixel's side.
    pub fn new(surface: &Surface, projector: &Projector, size: (i32, i32), samples: i32) -> Self {
        let k = f64::from(samples);
        let spots: Vec<Spot> = surface
            .positions()
            .iter()
            .map(|p| spot(*p, projector, k))
            .collect();
        let (mut all, mut own) = (Extent::EMPTY, Extent::EMPTY);
        for (s, part) in spots.iter().zip(surface.parts()) {
            if s.inv > 0.0 {
                all.add(s);
                if !part.is_thing() {
                    own.add(s);
                }
            }
        }
        let (w, h) = (size.0 * samples, size.1 * samples);
        let x0 = (all.0[0].floor() as i32 - 1).clamp(-OUTSIDE * w, (1 + OUTSIDE) * w);
        let y0 = (all.0[1].floor() as i32 - 1).clamp(-OUTSIDE * h, (1 + OUTSIDE) * h);
        let x1 = (all.0[2].ceil() as i32 + 1).clamp(x0, (1 + OUTSIDE) * w);
        let y1 = (all.0[3].ceil() as i32 + 1).clamp(y0, (1 + OUTSIDE) * h);
        let area = ((x1 - x0) * (y1 - y0)) as usize;
        let mut out = Self {
            x0,
            y0,
            width: x1 - x0,
            height: y1 - y0,
            inv: vec![0.0; area],
            triangle: vec![NONE; area],
            body: vec![false; area],
            spots,
            extent: own.0,
        };
        for (i, t) in surface.triangles().iter().enumerate() {
            let own = !surface.parts()[t[0] as usize].is_thing();
            out.fill(i as u32, *t, own);
        }
        out
    }

    /// Index of a sample in this layer's rectangle, if it is inside.
    pub fn index(&self, x: i32, y: i32) -> Option<usize> {
        let (x, y) = (x - self.x0, y - self.y0);
        (x >= 0 && y >= 0 && x < self.width && y < self.height)
            .then(|| (y * self.width + x) as usize)
    }

    fn fill(&mut self, id: u32, corners: [u32; 3], own: bool) {
        let [a, b, c] = corners.map(|i| self.spots[i as usize]);
        if !(a.inv > 0.0 && b.inv > 0.0 && c.inv > 0.0) {
            return;
        }
        let area = (b.x - a.x) * (c.y - a.y) - (b.y - a.y) * (c.x - a.x);
        if area.abs() < 1e-7 {
            return;
        }
        let k = 1.0 / area;
        let (left, top) = (self.x0 as f32, self.y0 as f32);
        let low = |v: f32| (v - 0.5).ceil().max(0.0) as i32;
        let x0 = low(a.x.min(b.x).min(c.x) - left);
        let y0 = low(a.y.min(b.y).min(c.y) - top);
        let x1 = ((a.x.max(b.x).max(c.x) - left + 0.5).floor() as i32).min(self.width);
        let y1 = ((a.y.max(b.y).max(c.y) - top + 0.5).floor() as i32).min(self.height);
        let (bx, by) = ((c.y - a.y) * k, -(c.x - a.x) * k);
        let (cx, cy) = (-(b.y - a.y) * k, (b.x - a.x) * k);
        let (db, dc) = (b.inv - a.inv, c.inv - a.inv);
        for y in y0..y1 {
            let py = top + y as f32 + 0.5 - a.y;
            let px = left + x0 as f32 + 0.5 - a.x;
            let (mut wb, mut wc) = (px * bx + py * by, px * cx + py * cy);
            let row = (y * self.width) as usize;
            for x in x0..x1 {
                if wb >= 0.0 && wc >= 0.0 && wb + wc <= 1.0 {
                    let i = row + x as usize;
                    let inv = a.inv + wb * db + wc * dc;
                    self.body[i] |= own;
                    if inv > self.inv[i] {
                        self.inv[i] = inv;
                        self.triangle[i] = id;
                    }
                }
                wb += bx;
                wc += cx;
            }
        }
    }

    /// Weights of a triangle's corners at a sample's middle, true to perspective.
    pub fn weights(&self, corners: [u32; 3], x: i32, y: i32) -> [f32; 3] {
        let [a, b, c] = corners.map(|i| self.spots[i as usize]);
        let k = 1.0 / ((b.x - a.x) * (c.y - a.y) - (b.y - a.y) * (c.x - a.x));
        let (px, py) = (x as f32 + 0.5 - a.x, y as f32 + 0.5 - a.y);
        let wb = (px * (c.y - a.y) - py * (c.x - a.x)) * k;
        let wc = (py * (b.x - a.x) - px * (b.y - a.y)) * k;
        let w = [(1.0 - wb - wc) * a.inv, wb * b.inv, wc * c.inv];
        let sum = w[0] + w[1] + w[2];
        w.map(|v| v / sum)
    }
}

fn spot(p: Vec3, projector: &Projector, samples: f64) -> Spot {
    match projector.project([f64::from(p.x), f64::from(p.y), f64::from(p.z)]) {
        Some((at, depth)) => Spot {
            x: (at.x * samples) as f32,
            y: (at.y * samples) as f32,
            inv: (1.0 / depth) as f32,
        },
        None => Spot {
            x: 0.0,
            y: 0.0,
            inv: 0.0,
        },
    }
}

/// Left, top, right, bottom.
struct Extent([f32; 4]);

impl Extent {
    const EMPTY: Self = Self([f32::MAX, f32::MAX, f32::MIN, f32::MIN]);

    fn add(&mut self, s: &Spot) {
        let [l, t, r, b] = &mut self.0;
        (*l, *t, *r, *b) = (l.min(s.x), t.min(s.y), r.max(s.x), b.max(s.y));
    }
}
