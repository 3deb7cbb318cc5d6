//! How much light falls on a point: lamps through doorways, and light from everywhere.

use super::Wall;
use super::scene::Light;
use crate::sim::body::{Capsule, Vec3, mix, smooth, v3};

/// Limbs darken what is within this distance, m.
pub const REACH_M: f32 = 1.3;

/// A lamp made ready.
#[derive(Debug, Clone, Copy)]
pub struct Source {
    pub at: Vec3,
    pub radius: f32,
    pub power: [f32; 3],
}

impl Source {
    pub fn new(light: &Light) -> Self {
        Self {
            at: v3(light.at_m[0], light.at_m[1], light.at_m[2]),
            radius: light.radius_m,
            power: light.power,
        }
    }

    /// Share of the lamp's power that falls on a surface with normal `n`, and the direction to it.
    pub fn fall(&self, p: Vec3, n: Vec3) -> (f32, Vec3) {
        let v = self.at - p;
        let d2 = v.dot(v);
        let to = v * (1.0 / d2.sqrt().max(1e-3));
        // A wide lamp reaches a little round the edge; it shines most straight down.
        let wrap = (0.7 * self.radius / d2.sqrt().max(0.2)).min(0.35);
        let facing = ((n.dot(to) + wrap) / (1.0 + wrap)).max(0.0);
        let straight = mix(0.25, 1.0, to.z.max(0.0));
        (facing * straight / (d2 + self.radius * self.radius), to)
    }

    /// The share of the lamp that walls leave visible from a point, 0 to 1.
    pub fn through(&self, walls: &[WallLine], p: Vec3) -> f32 {
        walls
            .iter()
            .map(|wall| wall.lets(p, self.at, self.radius))
            .fold(1.0, |a, b| a * b)
    }
}

/// A wall as light sees it: a line with holes.
#[derive(Debug, Clone)]
pub struct WallLine {
    from: [f32; 2],
    along: [f32; 2],
    length: f32,
    height: f32,
    /// (first station, last station, height), m.
    holes: Vec<(f32, f32, f32)>,
}

impl WallLine {
    pub fn new(wall: &Wall) -> Self {
        let (s, c) = wall.yaw_rad().sin_cos();
        Self {
            from: wall.from_m,
            along: [c, s],
            length: wall.length_m(),
            height: wall.height_m,
            holes: wall
                .openings
                .iter()
                .map(|o| (o.from_m, o.from_m + o.width_m, o.height_m))
                .collect(),
        }
    }

    fn lets(&self, p: Vec3, lamp: Vec3, radius: f32) -> f32 {
        let side =
            |q: Vec3| (q.y - self.from[1]) * self.along[0] - (q.x - self.from[0]) * self.along[1];
        let (a, b) = (side(p), side(lamp));
        if a * b >= 0.0 {
            return 1.0;
        }
        let t = a / (a - b);
        let q = p.lerp(lamp, t);
        let station = (q.x - self.from[0]) * self.along[0] + (q.y - self.from[1]) * self.along[1];
        if station < 0.0 || station > self.length || q.z > self.height {
            return 1.0;
        }
        let soft = 0.02 + radius * t;
        let within = |from: f32, to: f32, x: f32| {
            smooth(from - soft, from + soft, x) * smooth(to + soft, to - soft, x)
        };
        self.holes
            .iter()
            .map(|&(from, to, top)| within(from, to, station) * within(-9.0, top, q.z))
            .fold(0.0, f32::max)
    }
}

/// Light from everywhere on a surface: full from above, the floor's share from below.
pub fn everywhere(ambient: [f32; 3], bounce: [f32; 3], n: Vec3) -> [f32; 3] {
    let up = 0.5 + 0.5 * n.z;
    [0, 1, 2].map(|i| mix(bounce[i], ambient[i], up))
}

/// The capsules that can darken anything within a ball.
pub fn within_reach(
    capsules: &[Capsule],
    middle: Vec3,
    radius: f32,
) -> impl Iterator<Item = Capsule> {
    capsules.iter().copied().filter(move |c| {
        let reach = REACH_M + radius;
        let v = axis_to(c, middle);
        v.dot(v) < reach * reach
    })
}

/// From a point to the nearest one of a capsule's axis.
fn axis_to(capsule: &Capsule, p: Vec3) -> Vec3 {
    let (ab, ap) = (capsule.b - capsule.a, p - capsule.a);
    let along = (ap.dot(ab) / ab.dot(ab).max(1e-9)).clamp(0.0, 1.0);
    capsule.a + ab * along - p
}

/// The share of light from everywhere that a capsule takes from a point, 0 to 1.
pub fn occlusion(capsule: &Capsule, p: Vec3, n: Vec3) -> f32 {
    let ab = capsule.b - capsule.a;
    let v = axis_to(capsule, p);
    let d2 = v.dot(v).max(1e-6);
    let r2 = capsule.radius * capsule.radius;
    if d2 <= r2 * 1.6 || d2 >= REACH_M * REACH_M {
        return 0.0; // The point lies on this very limb, or far from it.
    }
    let fade = 1.0 - d2 / (REACH_M * REACH_M);
    let inv = 1.0 / d2.sqrt();
    let facing = (0.25 + 0.75 * n.dot(v) * inv).max(0.0);
    // A long limb seen from the side covers more than a ball: its length over its width.
    let length2 = ab.dot(ab);
    let broad = if length2 > 1e-6 {
        let aside = ab.cross(v).norm() * inv;
        0.64 * aside.min(2.0 / inv) / capsule.radius
    } else {
        0.0
    };
    (facing * r2 / d2 * (1.0 + broad)).min(1.0) * fade
}
