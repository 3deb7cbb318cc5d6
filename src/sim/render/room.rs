//! The room: floor, ceiling, walls with openings, furniture; all of it boxes and planes.

use serde::{Deserialize, Serialize};

use super::Material;
use super::materials::Finish;
use crate::sim::body::{Mat3, Vec3, v3};

/// A hole in a wall that people go through.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Opening {
    /// Distance of its near edge from the wall's start, m.
    pub from_m: f32,
    /// Width, m.
    pub width_m: f32,
    /// Height, m.
    pub height_m: f32,
}

/// A straight wall.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Wall {
    /// Where its middle line starts on the floor, m.
    pub from_m: [f32; 2],
    /// Where it ends, m.
    pub to_m: [f32; 2],
    /// Height, m.
    pub height_m: f32,
    /// Thickness, m.
    pub thickness_m: f32,
    /// Finish.
    pub material: Material,
    /// Finish of skirting and door frames.
    pub trim: Material,
    /// Holes.
    pub openings: Vec<Opening>,
}

/// What a solid looks like within its half lengths.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Shape {
    /// A box.
    #[default]
    Box,
    /// An ellipsoid.
    Round,
    /// An upright cylinder.
    Post,
}

/// A box, post or ellipsoid that stands or hangs somewhere.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Solid {
    /// Box, ellipsoid or cylinder.
    #[serde(default)]
    pub shape: Shape,
    /// Middle, m.
    pub at_m: [f32; 3],
    /// Half lengths along its own forward, left and up axes, m.
    pub half_m: [f32; 3],
    /// Turn about the vertical, rad.
    pub yaw_rad: f32,
    /// Lean forward after the turn, rad.
    #[serde(default)]
    pub tilt_rad: f32,
    /// Finish.
    pub material: Material,
    /// Whether it throws a shadow (furniture does, trim does not).
    pub casts: bool,
}

/// Everything that stays where it is.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Room {
    /// Finish of the floor.
    pub floor: Material,
    /// How strongly lamps show in the floor, 0 not at all, 1 as in wet tiles.
    #[serde(default)]
    pub floor_gloss: f32,
    /// Height of the ceiling and its finish; `None` for none.
    pub ceiling: Option<(f32, Material)>,
    /// Walls.
    pub walls: Vec<Wall>,
    /// Furniture, pictures, windows, plants in tubs.
    pub solids: Vec<Solid>,
}

impl Solid {
    /// A box that is not turned and throws no shadow.
    pub const fn new(at_m: [f32; 3], half_m: [f32; 3], material: Material) -> Self {
        Self {
            shape: Shape::Box,
            at_m,
            half_m,
            yaw_rad: 0.0,
            tilt_rad: 0.0,
            material,
            casts: false,
        }
    }
}

impl Wall {
    /// A wall without openings.
    pub fn new(from_m: [f32; 2], to_m: [f32; 2], height_m: f32, material: Material) -> Self {
        Self {
            from_m,
            to_m,
            height_m,
            thickness_m: 0.14,
            material,
            trim: Material::paint([226, 224, 218]),
            openings: Vec::new(),
        }
    }

    /// Length, m.
    pub fn length_m(&self) -> f32 {
        let (dx, dy) = (self.to_m[0] - self.from_m[0], self.to_m[1] - self.from_m[1]);
        (dx * dx + dy * dy).sqrt()
    }

    /// Turn of the wall's direction from +x, rad.
    pub fn yaw_rad(&self) -> f32 {
        (self.to_m[1] - self.from_m[1]).atan2(self.to_m[0] - self.from_m[0])
    }

    /// A point `along_m` from the start, `left_m` to the left of the wall, `up_m` high.
    pub fn point(&self, along_m: f32, left_m: f32, up_m: f32) -> [f32; 3] {
        let (s, c) = self.yaw_rad().sin_cos();
        [
            self.from_m[0] + c * along_m - s * left_m,
            self.from_m[1] + s * along_m + c * left_m,
            up_m,
        ]
    }

    /// A box on the wall between two stations and two heights, `half_thick_m` to either side.
    pub fn slab(&self, along: (f32, f32), up: (f32, f32), half_thick_m: f32, m: Material) -> Solid {
        Solid {
            at_m: self.point(0.5 * (along.0 + along.1), 0.0, 0.5 * (up.0 + up.1)),
            half_m: [0.5 * (along.1 - along.0), half_thick_m, 0.5 * (up.1 - up.0)],
            yaw_rad: self.yaw_rad(),
            ..Solid::new([0.0; 3], [0.0; 3], m)
        }
    }

    fn solids(&self, out: &mut Vec<Solid>) {
        let half = 0.5 * self.thickness_m;
        let mut holes = self.openings.clone();
        holes.sort_by(|a, b| a.from_m.total_cmp(&b.from_m));
        let mut start = 0.0;
        let length = self.length_m();
        let mut pieces = Vec::new();
        for hole in &holes {
            pieces.push((start, hole.from_m));
            start = hole.from_m + hole.width_m;
            let over = (hole.from_m, start);
            if self.height_m > hole.height_m + 0.01 {
                out.push(self.slab(over, (hole.height_m, self.height_m), half, self.material));
            }
            // The frame: two posts and a head, a little proud of the wall.
            let (w, proud) = (0.06, half + 0.015);
            for post in [(over.0, over.0 + w), (over.1 - w, over.1)] {
                out.push(self.slab(post, (0.0, hole.height_m), proud, self.trim));
            }
            out.push(self.slab(over, (hole.height_m - w, hole.height_m), proud, self.trim));
        }
        pieces.push((start, length));
        for piece in pieces.into_iter().filter(|p| p.1 - p.0 > 0.005) {
            out.push(self.slab(piece, (0.0, self.height_m), half, self.material));
            out.push(self.slab(piece, (0.0, 0.09), half + 0.012, self.trim));
        }
    }
}

/// A solid made ready for rays: its frame, and what it is.
#[derive(Debug, Clone)]
pub struct Cast {
    pub shape: Shape,
    pub at: Vec3,
    pub half: Vec3,
    pub rot: Mat3,
    pub material: Material,
    pub casts: bool,
}

/// Where a ray meets something.
#[derive(Debug, Clone, Copy)]
pub struct Hit {
    /// Distance along the ray.
    pub t: f32,
    /// Which solid; `FLOOR` or `CEILING` for those.
    pub what: u16,
    /// Which face, 0 to 5.
    pub face: u8,
}

pub const FLOOR: u16 = u16::MAX;
pub const CEILING: u16 = u16::MAX - 1;
pub const NOTHING: u16 = u16::MAX - 2;

impl Cast {
    fn new(solid: &Solid) -> Self {
        let v = |a: [f32; 3]| v3(a[0], a[1], a[2]);
        Self {
            at: v(solid.at_m),
            half: v(solid.half_m),
            shape: solid.shape,
            rot: Mat3::yaw(solid.yaw_rad).after(&Mat3::pitch(solid.tilt_rad)),
            material: solid.material,
            casts: solid.casts,
        }
    }

    /// Nearest entry of a ray: distance and face.
    pub fn meet(&self, from: Vec3, ray: Vec3) -> Option<(f32, u8)> {
        let (o, d) = (self.rot.undo(from - self.at), self.rot.undo(ray));
        match self.shape {
            Shape::Box => self.meet_box(o, d),
            Shape::Round => self.meet_round(o, d).map(|t| (t, 0)),
            Shape::Post => {
                // The box first: it is cheap, and its lids are the post's own.
                let (t, face) = self.meet_box(o, d)?;
                let lid = o + d * t;
                let (x, y) = (lid.x / self.half.x, lid.y / self.half.y);
                if face >= 4 && x * x + y * y <= 1.0 {
                    return Some((t, face));
                }
                let flat = |v: Vec3| v3(v.x, v.y, 0.0);
                let t = self.meet_round(flat(o), flat(d))?;
                ((o.z + d.z * t).abs() <= self.half.z).then_some((t, 0))
            }
        }
    }

    fn meet_round(&self, o: Vec3, d: Vec3) -> Option<f32> {
        let k = v3(1.0 / self.half.x, 1.0 / self.half.y, 1.0 / self.half.z);
        let (o, d) = (o.scaled(k), d.scaled(k));
        let (a, b, c) = (d.dot(d), o.dot(d), o.dot(o) - 1.0);
        let root = b * b - a * c;
        if root <= 0.0 || a <= 0.0 {
            return None;
        }
        let t = (-b - root.sqrt()) / a;
        (t > 1e-3).then_some(t)
    }

    fn meet_box(&self, o: Vec3, d: Vec3) -> Option<(f32, u8)> {
        let (mut near, mut far, mut face) = (f32::MIN, f32::MAX, 0);
        for (axis, (o, d, h)) in [
            (o.x, d.x, self.half.x),
            (o.y, d.y, self.half.y),
            (o.z, d.z, self.half.z),
        ]
        .into_iter()
        .enumerate()
        {
            if d.abs() < 1e-9 {
                if o.abs() > h {
                    return None;
                }
                continue;
            }
            let inv = 1.0 / d;
            let (a, b) = ((-h - o) * inv, (h - o) * inv);
            let (lo, hi) = if a < b { (a, b) } else { (b, a) };
            if lo > near {
                near = lo;
                face = 2 * axis as u8 + u8::from(d < 0.0);
            }
            far = far.min(hi);
        }
        (near < far && near > 1e-3).then_some((near, face))
    }

    /// Whether any of the box lies on the side of a plane that its normal points to.
    pub fn is_partly_above(&self, origin: Vec3, normal: Vec3) -> bool {
        let [f, l, u] = [self.rot.f, self.rot.l, self.rot.u];
        let reach = (f * self.half.x).dot(normal).abs()
            + (l * self.half.y).dot(normal).abs()
            + (u * self.half.z).dot(normal).abs();
        (self.at - origin).dot(normal) + reach > -1e-3
    }

    /// Distance from a point to the box, 0 inside.
    pub fn distance(&self, p: Vec3) -> f32 {
        let q = self.rot.undo(p - self.at);
        let o = v3(
            (q.x.abs() - self.half.x).max(0.0),
            (q.y.abs() - self.half.y).max(0.0),
            (q.z.abs() - self.half.z).max(0.0),
        );
        o.norm()
    }

    /// Outward normal at a point of a face.
    pub fn normal(&self, p: Vec3, face: u8) -> Vec3 {
        if self.shape != Shape::Box && face < 4 {
            let q = self.rot.undo(p - self.at);
            let k = |v: f32, h: f32| v / (h * h);
            let up = if self.shape == Shape::Round {
                k(q.z, self.half.z)
            } else {
                0.0
            };
            return self
                .rot
                .apply(v3(k(q.x, self.half.x), k(q.y, self.half.y), up))
                .unit();
        }
        let axis = [self.rot.f, self.rot.l, self.rot.u][usize::from(face / 2)];
        if face % 2 == 1 { axis } else { -axis }
    }

    /// Texture coordinates of a point on a face: metres, or -1 to 1 for sheets and windows.
    pub fn uv(&self, p: Vec3, face: u8) -> (f32, f32) {
        let q = self.rot.undo(p - self.at);
        let sheet = matches!(self.material.finish, Finish::Poster | Finish::Window);
        let k = if sheet {
            v3(1.0 / self.half.x, 1.0 / self.half.y, 1.0 / self.half.z)
        } else {
            v3(1.0, 1.0, 1.0)
        };
        let shift = if sheet { 0.0 } else { self.at.x + self.at.y };
        match face / 2 {
            0 => (
                q.y * k.y + shift,
                q.z * k.z + if sheet { 0.0 } else { self.at.z },
            ),
            1 => (
                q.x * k.x + shift,
                q.z * k.z + if sheet { 0.0 } else { self.at.z },
            ),
            _ => (q.x * k.x + shift, q.y * k.y),
        }
    }
}

impl Room {
    /// Everything as boxes, ready for rays.
    pub fn casts(&self) -> Vec<Cast> {
        let mut solids = Vec::new();
        for wall in &self.walls {
            wall.solids(&mut solids);
        }
        solids.extend(self.solids.iter().copied());
        solids.iter().map(Cast::new).collect()
    }
}
