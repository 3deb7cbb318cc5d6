//! Vectors and rotations in three dimensions, `f32`. Only what bodies and pictures need.

use std::ops::{Add, AddAssign, Mul, Neg, Sub};

/// A vector or point: in world space x, y on the floor and z up, m.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Vec3 {
    /// First axis (forward in a body's own frame).
    pub x: f32,
    /// Second axis (left in a body's own frame).
    pub y: f32,
    /// Third axis, up.
    pub z: f32,
}

/// Shorthand for a vector.
pub const fn v3(x: f32, y: f32, z: f32) -> Vec3 {
    Vec3 { x, y, z }
}

impl Vec3 {
    /// The zero vector.
    pub const ZERO: Self = v3(0.0, 0.0, 0.0);
    /// Straight up.
    pub const UP: Self = v3(0.0, 0.0, 1.0);

    /// Dot product.
    pub fn dot(self, o: Self) -> f32 {
        self.x * o.x + self.y * o.y + self.z * o.z
    }

    /// Cross product.
    pub fn cross(self, o: Self) -> Self {
        v3(
            self.y * o.z - self.z * o.y,
            self.z * o.x - self.x * o.z,
            self.x * o.y - self.y * o.x,
        )
    }

    /// Length.
    pub fn norm(self) -> f32 {
        self.dot(self).sqrt()
    }

    /// The same direction with length 1; up if there is no direction.
    pub fn unit(self) -> Self {
        let n = self.norm();
        if n > 1e-12 {
            self * (1.0 / n)
        } else {
            Self::UP
        }
    }

    /// The point a fraction `t` of the way to `o`.
    pub fn lerp(self, o: Self, t: f32) -> Self {
        self + (o - self) * t
    }

    /// Each element times the other's.
    pub fn scaled(self, o: Self) -> Self {
        v3(self.x * o.x, self.y * o.y, self.z * o.z)
    }
}

impl Add for Vec3 {
    type Output = Self;
    fn add(self, o: Self) -> Self {
        v3(self.x + o.x, self.y + o.y, self.z + o.z)
    }
}

impl AddAssign for Vec3 {
    fn add_assign(&mut self, o: Self) {
        *self = *self + o;
    }
}

impl Sub for Vec3 {
    type Output = Self;
    fn sub(self, o: Self) -> Self {
        v3(self.x - o.x, self.y - o.y, self.z - o.z)
    }
}

impl Neg for Vec3 {
    type Output = Self;
    fn neg(self) -> Self {
        v3(-self.x, -self.y, -self.z)
    }
}

impl Mul<f32> for Vec3 {
    type Output = Self;
    fn mul(self, s: f32) -> Self {
        v3(self.x * s, self.y * s, self.z * s)
    }
}

/// A rotation: where the forward, left and up axes go.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Mat3 {
    /// Image of the first axis (forward).
    pub f: Vec3,
    /// Image of the second axis (left).
    pub l: Vec3,
    /// Image of the third axis (up).
    pub u: Vec3,
}

impl Mat3 {
    /// No rotation.
    pub const IDENTITY: Self = Self {
        f: v3(1.0, 0.0, 0.0),
        l: v3(0.0, 1.0, 0.0),
        u: Vec3::UP,
    };

    /// Turns to the left about the up axis, rad.
    pub fn yaw(angle: f32) -> Self {
        let (s, c) = angle.sin_cos();
        Self {
            f: v3(c, s, 0.0),
            l: v3(-s, c, 0.0),
            u: Vec3::UP,
        }
    }

    /// Leans forward about the left axis, rad.
    pub fn pitch(angle: f32) -> Self {
        let (s, c) = angle.sin_cos();
        Self {
            f: v3(c, 0.0, -s),
            l: v3(0.0, 1.0, 0.0),
            u: v3(s, 0.0, c),
        }
    }

    /// Lifts the left side about the forward axis, rad.
    pub fn roll(angle: f32) -> Self {
        let (s, c) = angle.sin_cos();
        Self {
            f: v3(1.0, 0.0, 0.0),
            l: v3(0.0, c, s),
            u: v3(0.0, -s, c),
        }
    }

    /// Rotates a vector.
    pub fn apply(&self, v: Vec3) -> Vec3 {
        self.f * v.x + self.l * v.y + self.u * v.z
    }

    /// Rotates a vector back.
    pub fn undo(&self, v: Vec3) -> Vec3 {
        v3(self.f.dot(v), self.l.dot(v), self.u.dot(v))
    }

    /// This rotation after `first`.
    pub fn after(&self, first: &Self) -> Self {
        Self {
            f: self.apply(first.f),
            l: self.apply(first.l),
            u: self.apply(first.u),
        }
    }

    /// The rotation a fraction `t` of the way to `o` (axes blended and made square again).
    pub fn blend(&self, o: &Self, t: f32) -> Self {
        let u = self.u.lerp(o.u, t).unit();
        let f = self.f.lerp(o.f, t);
        let f = (f - u * f.dot(u)).unit();
        Self {
            f,
            l: u.cross(f),
            u,
        }
    }
}

/// A smooth step from 0 at `a` to 1 at `b`.
pub fn smooth(a: f32, b: f32, x: f32) -> f32 {
    let t = ((x - a) / (b - a)).clamp(0.0, 1.0);
    t * t * (3.0 - 2.0 * t)
}

/// Straight-line interpolation.
pub fn mix(a: f32, b: f32, t: f32) -> f32 {
    a + (b - a) * t
}

/// Reads a table of `(x, value)` rows in rising x, smoothly (Catmull-Rom), held at the ends.
pub fn table<const N: usize>(rows: &[(f32, [f32; N])], x: f32) -> [f32; N] {
    let last = rows.len() - 1;
    if x <= rows[0].0 {
        return rows[0].1;
    }
    if x >= rows[last].0 {
        return rows[last].1;
    }
    let i = rows
        .iter()
        .rposition(|r| r.0 <= x)
        .unwrap_or(0)
        .min(last - 1);
    let (x0, x1) = (rows[i].0, rows[i + 1].0);
    let t = (x - x0) / (x1 - x0);
    let mut out = [0.0; N];
    for (k, value) in out.iter_mut().enumerate() {
        let (p1, p2) = (rows[i].1[k], rows[i + 1].1[k]);
        let slope = |a: usize, b: usize| {
            let gap = rows[b].0 - rows[a].0;
            if gap > 0.0 {
                (rows[b].1[k] - rows[a].1[k]) / gap * (x1 - x0)
            } else {
                0.0
            }
        };
        let m1 = slope(i.saturating_sub(1), i + 1);
        let m2 = slope(i, (i + 2).min(last));
        let (t2, t3) = (t * t, t * t * t);
        *value = (2.0 * t3 - 3.0 * t2 + 1.0) * p1
            + (t3 - 2.0 * t2 + t) * m1
            + (3.0 * t2 - 2.0 * t3) * p2
            + (t3 - t2) * m2;
    }
    out
}
