//! The surface of a dressed body: triangles in world metres with texture coordinates.

use super::math::{Mat3, Vec3};
use super::{Build, Outfit, Pose, Skeleton};
use super::{head, limbs, things, torso};

/// What a piece of surface is made of; shading looks the colours up in the outfit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u8)]
pub enum Part {
    /// The head: texture is the angle from the front and the height share from chin to crown.
    Head,
    /// Bare skin of neck, arms, legs: angle and metres along.
    Skin,
    /// Hands, bare or gloved.
    Hand,
    /// Hair that is not on the skull: angle and metres.
    Hair,
    /// Trunk of the innermost garment: angle and height as a share of the body's.
    Top,
    /// Its sleeves: angle and metres from the shoulder.
    TopSleeve,
    /// Trunk of the jacket, coat or waistcoat.
    Outer,
    /// Its sleeves.
    OuterSleeve,
    /// Seat of trousers or skirt: angle and height share.
    Seat,
    /// Trouser legs: angle and metres from the hip.
    Trouser,
    /// Shoes: metres along the foot and above the sole.
    Shoe,
    /// Hat, hood, scarf.
    Headwear,
    /// Carried things.
    Thing,
    /// Straps and handles of carried things.
    Strap,
    /// What somebody sits on or at.
    Furniture,
    /// Its metal and plastic.
    Frame,
}

impl Part {
    /// Whether the piece belongs to a thing, carried or sat at, not to the person.
    pub fn is_thing(self) -> bool {
        matches!(self, Self::Thing | Self::Strap) || self.is_furniture()
    }

    /// Whether the piece hides whose it is, as any furniture does. What is carried does not: a
    /// person under an umbrella is still labelled, and the box reaches as far as the person.
    pub fn is_furniture(self) -> bool {
        matches!(self, Self::Furniture | Self::Frame)
    }
}

/// A triangle mesh of one dressed person.
#[derive(Debug, Clone, Default)]
pub struct Surface {
    positions: Vec<Vec3>,
    normals: Vec<Vec3>,
    uv: Vec<[f32; 2]>,
    parts: Vec<Part>,
    triangles: Vec<[u32; 3]>,
    detail: f32,
}

impl Surface {
    /// Dresses and poses a body. `detail` is the share of the full number of segments around,
    /// 1 for a person that fills the picture, 0.5 for one of a hundred pixels.
    pub fn new(build: &Build, outfit: &Outfit, pose: &Pose, detail: f32) -> (Self, Skeleton) {
        let skeleton = Skeleton::new(build, pose);
        let mut out = Self {
            detail: detail.clamp(0.3, 1.0),
            ..Self::default()
        };
        torso::add(&mut out, build, outfit, &skeleton);
        limbs::add(&mut out, build, outfit, pose, &skeleton);
        head::add(&mut out, build, outfit, &skeleton);
        things::add(&mut out, build, outfit, &skeleton);
        (out, skeleton)
    }

    /// A surface with nothing in it.
    pub fn empty() -> Self {
        Self {
            detail: 1.0,
            ..Self::default()
        }
    }

    /// Vertex positions, m.
    pub fn positions(&self) -> &[Vec3] {
        &self.positions
    }

    /// Unit normals, outwards.
    pub fn normals(&self) -> &[Vec3] {
        &self.normals
    }

    /// Texture coordinates; see [`Part`].
    pub fn uv(&self) -> &[[f32; 2]] {
        &self.uv
    }

    /// What each vertex is made of.
    pub fn parts(&self) -> &[Part] {
        &self.parts
    }

    /// Vertex indices.
    pub fn triangles(&self) -> &[[u32; 3]] {
        &self.triangles
    }

    /// What a triangle is made of.
    pub fn part_of(&self, triangle: u32) -> Part {
        self.parts[self.triangles[triangle as usize][0] as usize]
    }

    /// Number of vertices.
    pub fn len(&self) -> usize {
        self.positions.len()
    }

    /// Whether there is nothing.
    pub fn is_empty(&self) -> bool {
        self.positions.is_empty()
    }

    /// Adds a box with sharp edges; `rot` turns forward, left, up; half axes in m.
    pub fn add_box(&mut self, part: Part, at: Vec3, rot: &Mat3, half: Vec3) {
        for axis in 0..3 {
            for sign in [-1.0_f32, 1.0] {
                let [n, a, b] = match axis {
                    0 => [rot.f * half.x, rot.l * half.y, rot.u * half.z],
                    1 => [rot.l * half.y, rot.u * half.z, rot.f * half.x],
                    _ => [rot.u * half.z, rot.f * half.x, rot.l * half.y],
                };
                let first = self.len();
                for (i, j) in [(-1.0, -1.0), (1.0, -1.0), (1.0, 1.0), (-1.0, 1.0)] {
                    self.push(at + n * sign + a * i + b * j, [i, j], part);
                    self.normals[first..]
                        .iter_mut()
                        .for_each(|v| *v = (n * sign).unit());
                }
                self.triangle([first, first + 1, first + 2]);
                self.triangle([first, first + 2, first + 3]);
            }
        }
    }

    pub(super) fn segments(&self, full: usize) -> usize {
        ((full as f32 * self.detail).round() as usize).max(6)
    }

    pub(super) fn push(&mut self, p: Vec3, uv: [f32; 2], part: Part) {
        self.positions.push(p);
        self.normals.push(Vec3::ZERO);
        self.uv.push(uv);
        self.parts.push(part);
    }

    pub(super) fn at(&self, i: usize) -> Vec3 {
        self.positions[i]
    }

    pub(super) fn triangle(&mut self, corners: [usize; 3]) {
        self.triangles.push(corners.map(|c| c as u32));
    }

    pub(super) fn add_normal(&mut self, i: usize, n: Vec3) {
        self.normals[i] += n;
    }

    pub(super) fn share_normal(&mut self, a: usize, b: usize) {
        let sum = self.normals[a] + self.normals[b];
        self.normals[a] = sum;
        self.normals[b] = sum;
    }

    pub(super) fn finish_normals(&mut self, first: usize) {
        for n in &mut self.normals[first..] {
            *n = n.unit();
        }
    }
}
