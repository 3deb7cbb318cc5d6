//! Soft shadows of one moving thing from one lamp.
//!
//! Each caster is drawn as depth into a small square map that just holds it, seen from the lamp.
//! The map is blurred at several widths; a receiver picks the width that the size of the lamp and
//! the distances of caster and receiver call for, and compares depths by their mean and variance
//! (variance shadow maps: Donnelly and Lauritzen 2006). So contact is sharp and heads are soft.

use crate::sim::body::{Surface, Vec3, v3};

/// Texels on a side of a map.
const SIDE: usize = 80;
/// Blur radii of the levels, texels.
const RADII: [usize; 4] = [1, 3, 7, 14];
/// Least variance of depth, m squared: hides the steps of the map (2 cm).
const LEAST_VARIANCE: f32 = 0.0006;

/// Coverage, mean depth times coverage, mean squared depth times coverage.
type Texel = [f32; 3];

/// The shadow that one surface throws from one lamp.
#[derive(Debug, Clone)]
pub struct Shadow {
    lamp: Vec3,
    axis: Vec3,
    right: Vec3,
    down: Vec3,
    /// Texels for a slope of 1.
    scale: f32,
    /// Cosine of the map's cone.
    cone: f32,
    lamp_radius: f32,
    near: f32,
    levels: Vec<Vec<Texel>>,
}

impl Shadow {
    /// Draws a surface as seen from a lamp; `None` if the lamp is inside it.
    pub fn new(surface: &Surface, lamp: Vec3, lamp_radius: f32) -> Option<Self> {
        let (middle, radius) = ball(surface.positions())?;
        let distance = (middle - lamp).norm();
        // Blur spreads past the silhouette: a quarter more room.
        let sine = 1.25 * radius / distance;
        if sine > 0.97 {
            return None;
        }
        let slope = sine / (1.0 - sine * sine).sqrt();
        let axis = (middle - lamp).unit();
        let aside = if axis.z.abs() > 0.9 {
            v3(1.0, 0.0, 0.0)
        } else {
            Vec3::UP
        };
        let right = axis.cross(aside).unit();
        let mut out = Self {
            lamp,
            axis,
            right,
            down: axis.cross(right),
            scale: 0.5 * SIDE as f32 / slope,
            cone: 1.0 / (1.0 + 2.0 * slope * slope).sqrt(),
            lamp_radius,
            near: distance - radius,
            levels: Vec::with_capacity(RADII.len()),
        };
        let sharp = out.draw(surface);
        let mut radius_before = 0;
        let mut level = sharp;
        for radius in RADII {
            // Widths add in squares; blurring the blurred keeps each pass short.
            let extra = ((radius * radius - radius_before * radius_before) as f32).sqrt();
            level = blur(&level, (extra.round() as usize).max(1));
            radius_before = radius;
            out.levels.push(level.clone());
        }
        Some(out)
    }

    fn draw(&self, surface: &Surface) -> Vec<Texel> {
        let place = |p: Vec3| {
            let v = p - self.lamp;
            let z = v.dot(self.axis).max(0.01);
            let half = 0.5 * SIDE as f32;
            let x = v.dot(self.right) / z * self.scale + half;
            (x, v.dot(self.down) / z * self.scale + half, v.norm())
        };
        let points: Vec<_> = surface.positions().iter().map(|p| place(*p)).collect();
        let mut depth = vec![f32::MAX; SIDE * SIDE];
        for t in surface.triangles() {
            let [a, b, c] = t.map(|i| points[i as usize]);
            fill(&mut depth, a, b, c);
        }
        depth
            .iter()
            .map(|&d| {
                if d < f32::MAX {
                    [1.0, d, d * d]
                } else {
                    [0.0; 3]
                }
            })
            .collect()
    }

    /// Whether a ball can be touched by this shadow.
    pub fn touches(&self, middle: Vec3, radius: f32) -> bool {
        let v = middle - self.lamp;
        let d = v.norm();
        if d < radius + 1e-3 {
            return true;
        }
        if d + radius < self.near {
            return false;
        }
        let cosine = v.dot(self.axis) / d;
        let sine = (radius / d).min(1.0);
        // cos(angle - ball's angle) compared with the cone's.
        let angle_sine = (1.0 - cosine * cosine).max(0.0).sqrt();
        cosine > self.cone || cosine * (1.0 - sine * sine).sqrt() + angle_sine * sine > self.cone
    }

    /// The share of the lamp that is hidden from a point, 0 to 1.
    pub fn hidden(&self, p: Vec3, bias_m: f32) -> f32 {
        let v = p - self.lamp;
        let z = v.dot(self.axis);
        if z < 0.05 {
            return 0.0;
        }
        let inv = self.scale / z;
        let half = 0.5 * SIDE as f32;
        let (x, y) = (
            v.dot(self.right) * inv + half,
            v.dot(self.down) * inv + half,
        );
        let edge = SIDE as f32 - 1.0;
        if !(x > 0.5 && y > 0.5 && x < edge && y < edge) {
            return 0.0;
        }
        let distance = v.norm();
        // Nothing near on the widely blurred map: nothing hides the lamp.
        let [seen, sum, _] = self.levels[2][y as usize * SIDE + x as usize];
        if seen < 1e-4 {
            return 0.0;
        }
        // Penumbra at the caster's depth, in texels, then the level that is as wide.
        let caster = (sum / seen).min(distance);
        let gap = (distance - caster).max(0.0);
        let wide = self.lamp_radius * gap / distance * self.scale / caster.max(0.1);
        let (low, share) = level_of(wide);
        let a = sample(&self.levels[low], x, y);
        let b = sample(&self.levels[low + 1], x, y);
        let mixed = [0, 1, 2].map(|i| a[i] + (b[i] - a[i]) * share);
        let cover = mixed[0];
        if cover < 1e-4 {
            return 0.0;
        }
        let (mean, square) = (mixed[1] / cover, mixed[2] / cover);
        let over = distance - bias_m - mean;
        if over <= 0.0 {
            return 0.0;
        }
        let variance = (square - mean * mean).max(LEAST_VARIANCE);
        let lit = variance / (variance + over * over);
        // Cut the tail: else light leaks between limbs.
        cover * ((1.0 - lit) * 1.15 - 0.15).clamp(0.0, 1.0)
    }
}

/// The level of blur as wide as a penumbra, texels, and the share of the next one.
fn level_of(wide: f32) -> (usize, f32) {
    let last = RADII.len() - 2;
    for i in 0..=last {
        let (from, to) = (RADII[i] as f32, RADII[i + 1] as f32);
        if wide < to {
            return (i, ((wide - from) / (to - from)).max(0.0));
        }
    }
    (last, 1.0)
}

/// A ball around points: their box's middle and the farthest.
pub fn ball(points: &[Vec3]) -> Option<(Vec3, f32)> {
    let first = *points.first()?;
    let (mut low, mut high) = (first, first);
    for p in points {
        low = v3(low.x.min(p.x), low.y.min(p.y), low.z.min(p.z));
        high = v3(high.x.max(p.x), high.y.max(p.y), high.z.max(p.z));
    }
    let middle = (low + high) * 0.5;
    let far = points
        .iter()
        .map(|p| (*p - middle).dot(*p - middle))
        .fold(0.0, f32::max);
    Some((middle, far.sqrt()))
}

type Corner = (f32, f32, f32);

fn fill(depth: &mut [f32], a: Corner, b: Corner, c: Corner) {
    let area = (b.0 - a.0) * (c.1 - a.1) - (b.1 - a.1) * (c.0 - a.0);
    if area.abs() < 1e-6 {
        return;
    }
    let inv = 1.0 / area;
    let bound = |v: f32| v.clamp(0.0, SIDE as f32) as usize;
    let (x0, x1) = (
        bound(a.0.min(b.0).min(c.0).floor()),
        bound(a.0.max(b.0).max(c.0).ceil()),
    );
    let (y0, y1) = (
        bound(a.1.min(b.1).min(c.1).floor()),
        bound(a.1.max(b.1).max(c.1).ceil()),
    );
    for y in y0..y1 {
        let py = y as f32 + 0.5;
        for x in x0..x1 {
            let px = x as f32 + 0.5;
            let wb = ((px - a.0) * (c.1 - a.1) - (py - a.1) * (c.0 - a.0)) * inv;
            let wc = ((b.0 - a.0) * (py - a.1) - (b.1 - a.1) * (px - a.0)) * inv;
            let wa = 1.0 - wb - wc;
            if wa >= 0.0 && wb >= 0.0 && wc >= 0.0 {
                let d = wa * a.2 + wb * b.2 + wc * c.2;
                let slot = &mut depth[y * SIDE + x];
                *slot = slot.min(d);
            }
        }
    }
}

/// A box blur along both axes.
fn blur(from: &[Texel], radius: usize) -> Vec<Texel> {
    let mut turned = vec![[0.0; 3]; SIDE * SIDE];
    blur_rows_turned(from, &mut turned, radius);
    let mut out = vec![[0.0; 3]; SIDE * SIDE];
    blur_rows_turned(&turned, &mut out, radius);
    out
}

/// Blurs rows with a running sum and writes them as columns.
fn blur_rows_turned(from: &[Texel], to: &mut [Texel], radius: usize) {
    let k = 1.0 / (2 * radius + 1) as f32;
    for y in 0..SIDE {
        let row = &from[y * SIDE..(y + 1) * SIDE];
        let mut sum = [0.0_f32; 3];
        for texel in &row[..radius.min(SIDE)] {
            for i in 0..3 {
                sum[i] += texel[i];
            }
        }
        for x in 0..SIDE {
            for i in 0..3 {
                if x + radius < SIDE {
                    sum[i] += row[x + radius][i];
                }
                if x > radius {
                    sum[i] -= row[x - radius - 1][i];
                }
            }
            to[x * SIDE + y] = sum.map(|s| s.max(0.0) * k);
        }
    }
}

fn sample(level: &[Texel], x: f32, y: f32) -> Texel {
    let (x, y) = ((x - 0.5).max(0.0), (y - 0.5).max(0.0));
    let (ix, iy) = ((x as usize).min(SIDE - 2), (y as usize).min(SIDE - 2));
    let (tx, ty) = (x - ix as f32, y - iy as f32);
    let at = |dx: usize, dy: usize| level[(iy + dy) * SIDE + ix + dx];
    let (a, b, c, d) = (at(0, 0), at(1, 0), at(0, 1), at(1, 1));
    [0, 1, 2].map(|i| {
        let top = a[i] + (b[i] - a[i]) * tx;
        let low = c[i] + (d[i] - c[i]) * tx;
        top + (low - top) * ty
    })
}
