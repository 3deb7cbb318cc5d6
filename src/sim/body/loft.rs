//! Lofted surfaces: rings of points joined into a skin.

use super::math::{Mat3, Vec3, v3};
use super::surface::{Part, Surface};

/// One cross-section: an ellipse (or a squarer curve) whose front and back depths may differ.
#[derive(Debug, Clone, Copy)]
pub struct Ring {
    /// Middle, m.
    pub at: Vec3,
    /// Half width to the left, m.
    pub side: Vec3,
    /// Depth to the front, m.
    pub front: Vec3,
    /// Depth to the back, m.
    pub back: Vec3,
    /// Exponent of cosine and sine: 1 an ellipse, less squarer.
    pub square: f32,
    /// Texture coordinate along the loft.
    pub v: f32,
}

impl Ring {
    /// An ellipse in the plane of `rot`'s forward and left axes, m.
    pub fn oval(at: Vec3, rot: &Mat3, width: f32, front: f32, back: f32, v: f32) -> Self {
        Self {
            at,
            side: rot.l * width,
            front: rot.f * front,
            back: -rot.f * back,
            square: 1.0,
            v,
        }
    }

    /// The point at an angle, 0 in front, growing to the left.
    pub fn point(&self, angle: f32) -> Vec3 {
        let (mut s, mut c) = angle.sin_cos();
        if self.square < 0.999 {
            s = s.abs().powf(self.square).copysign(s);
            c = c.abs().powf(self.square).copysign(c);
        }
        let depth = if c > 0.0 {
            self.front * c
        } else {
            self.back * -c
        };
        self.at + self.side * s + depth
    }
}

/// Which way a loft's rows run: it decides which side is out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rows {
    /// From below to above (trunk, head).
    Up,
    /// From above to below (limbs).
    Down,
}

/// Joins rings into a tube, closed all round.
pub fn tube(out: &mut Surface, part: Part, rows: Rows, segments: usize, rings: &[Ring]) {
    let n = out.segments(segments);
    grid(out, part, rows, rings.len(), n, |row, angle| {
        (rings[row].point(angle), rings[row].v)
    });
}

/// Joins `rows` rows of a closed surface given by a function of row and angle; the seam lies behind.
pub fn grid(
    out: &mut Surface,
    part: Part,
    direction: Rows,
    rows: usize,
    segments: usize,
    point: impl Fn(usize, f32) -> (Vec3, f32),
) {
    use std::f32::consts::PI;
    let columns = segments + 1;
    let angle = |c: usize| -PI + 2.0 * PI * c as f32 / segments as f32;
    let first = out.len();
    for row in 0..rows {
        for c in 0..columns {
            let (p, v) = point(row, angle(c));
            out.push(p, [angle(c), v], part);
        }
    }
    weave(out, first, rows, columns, direction, true);
}

/// Joins an open sheet given by a function of row and column, both from 0 to 1.
pub fn sheet(
    out: &mut Surface,
    part: Part,
    direction: Rows,
    rows: usize,
    columns: usize,
    point: impl Fn(f32, f32) -> (Vec3, [f32; 2]),
) {
    let first = out.len();
    for row in 0..rows {
        for c in 0..columns {
            let (p, uv) = point(
                row as f32 / (rows - 1).max(1) as f32,
                c as f32 / (columns - 1).max(1) as f32,
            );
            out.push(p, uv, part);
        }
    }
    weave(out, first, rows, columns, direction, false);
}

fn weave(
    out: &mut Surface,
    first: usize,
    rows: usize,
    columns: usize,
    direction: Rows,
    closed: bool,
) {
    let sign = if direction == Rows::Up { 1.0 } else { -1.0 };
    for row in 0..rows.saturating_sub(1) {
        for c in 0..columns - 1 {
            let a = first + row * columns + c;
            let (b, d, e) = (a + 1, a + columns, a + columns + 1);
            let (pa, pb, pd, pe) = (out.at(a), out.at(b), out.at(d), out.at(e));
            let normal = (pe - pa).cross(pd - pb) * sign;
            for i in [a, b, d, e] {
                out.add_normal(i, normal);
            }
            out.triangle([a, b, e]);
            out.triangle([a, e, d]);
        }
    }
    if closed {
        for row in 0..rows {
            out.share_normal(first + row * columns, first + (row + 1) * columns - 1);
        }
    }
    out.finish_normals(first);
}

/// An ellipsoid in a frame: half axes forward, left, up, m.
pub fn ellipsoid(out: &mut Surface, part: Part, at: Vec3, rot: &Mat3, half: Vec3) {
    use std::f32::consts::PI;
    let rows = 9;
    let segments = out.segments(14);
    grid(out, part, Rows::Up, rows, segments, |row, angle| {
        let lat = PI * (row as f32 / (rows - 1) as f32 - 0.5);
        let (s, c) = lat.sin_cos();
        let v = Vec3 {
            x: half.x * c * angle.cos(),
            y: half.y * c * angle.sin(),
            z: half.z * s,
        };
        (at + rot.apply(v), s)
    });
}

/// A box with rounded edges in a frame: half axes forward, left, up, m.
pub fn rounded_box(out: &mut Surface, part: Part, at: Vec3, rot: &Mat3, half: Vec3, round: f32) {
    let r = round.min(half.x).min(half.y).min(half.z);
    let rows = [
        (-half.z, 0.02),
        (-half.z, 0.75),
        (-half.z + 0.3 * r, 0.95),
        (-half.z + r, 1.0),
        (half.z - r, 1.0),
        (half.z - 0.3 * r, 0.95),
        (half.z, 0.75),
        (half.z, 0.02),
    ];
    let segments = out.segments(24);
    let square = (0.25 + r / half.x.min(half.y)).clamp(0.3, 1.0) * 0.8;
    grid(out, part, Rows::Up, rows.len(), segments, |row, angle| {
        let (z, k) = rows[row];
        let (s, c) = angle.sin_cos();
        let (s, c) = (
            s.abs().powf(square).copysign(s),
            c.abs().powf(square).copysign(c),
        );
        (
            at + rot.apply(Vec3 {
                x: half.x * k * c,
                y: half.y * k * s,
                z,
            }),
            z,
        )
    });
}

/// A thin straight tube, of the strap's colour.
pub fn tube_between(out: &mut Surface, a: Vec3, b: Vec3, radius: f32) {
    let along = (b - a).unit();
    let side = along.cross(v3(0.31, 0.87, 0.21)).unit();
    let front = side.cross(along);
    grid(out, Part::Strap, Rows::Down, 2, 6, |row, angle| {
        let at = if row == 0 { a } else { b };
        (
            at + side * (radius * angle.sin()) + front * (radius * angle.cos()),
            row as f32,
        )
    });
}
