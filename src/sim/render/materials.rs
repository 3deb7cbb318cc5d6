//! Procedural finishes of floors, walls and furniture.

use serde::{Deserialize, Serialize};

use super::picture::linear;
use crate::sim::body::{Rgb, hash_unit, mix, noise, noise2, smooth};

/// What a surface of the room looks like.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Material {
    /// The kind of surface.
    pub finish: Finish,
    /// Main colour.
    pub colour: Rgb,
    /// Grout, seams, second colour.
    pub second: Rgb,
    /// Size of a tile, plank width, weave; m.
    pub scale_m: f32,
    /// Seed of the variations.
    pub seed: u32,
}

/// Kinds of surface.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Finish {
    /// Paint: nearly even.
    Paint,
    /// Square tiles with grout.
    Tiles,
    /// Long planks.
    Planks,
    /// Carpet: fine speckle.
    Carpet,
    /// Concrete or terrazzo: blotches and speckle.
    Concrete,
    /// Bricks.
    Bricks,
    /// Ceiling panels with seams.
    Panels,
    /// Brushed metal.
    Metal,
    /// A poster or a screen: blocks and lines of "text".
    Poster,
    /// A window with bright sky and blurred shapes: shines.
    Window,
    /// Shines evenly.
    Glow,
}

/// Linear colour of a spot, and how strongly it shines of itself.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Spot {
    /// Linear reflectance.
    pub albedo: [f32; 3],
    /// Linear light of its own.
    pub glow: [f32; 3],
}

/// Share of a seam of half width `half` at distance `d` that a pixel of width `blur` sees.
fn seam(d: f32, half: f32, blur: f32) -> f32 {
    let blur = blur.max(1e-4);
    (((half - d) / blur) + 0.5).clamp(0.0, 1.0) * (2.0 * half / blur).min(1.0)
}

impl Material {
    /// A plain painted surface.
    pub const fn paint(colour: Rgb) -> Self {
        Self {
            finish: Finish::Paint,
            colour,
            second: colour,
            scale_m: 1.0,
            seed: 0,
        }
    }

    /// A finish of two colours.
    pub const fn new(finish: Finish, colour: Rgb, second: Rgb, scale_m: f32, seed: u32) -> Self {
        Self {
            finish,
            colour,
            second,
            scale_m,
            seed,
        }
    }

    /// The colour at a place (metres on the surface) as a pixel `blur` metres wide sees it.
    pub fn spot(&self, u: f32, v: f32, blur: f32) -> Spot {
        let (a, b) = (linear(self.colour), linear(self.second));
        let scale = self.scale_m.max(0.01);
        let blend = |t: f32| [0, 1, 2].map(|i| mix(a[i], b[i], t));
        let dull = |rgb: [f32; 3], k: f32| rgb.map(|c| (c * k).clamp(0.0, 1.0));
        let fine = (1.0 - blur / 0.02).clamp(0.0, 1.0);
        let albedo = match self.finish {
            Finish::Paint => dull(a, 1.0 + 0.03 * noise2(u * 1.3, v * 1.3, self.seed)),
            Finish::Tiles => {
                let (x, y) = (u / scale, v / scale);
                let (fx, fy) = (x - x.floor(), y - y.floor());
                let edge = fx.min(1.0 - fx).min(fy.min(1.0 - fy)) * scale;
                let tone = hash_unit(x.floor() as i32, y.floor() as i32, self.seed);
                let cloud = noise2(u * 5.0, v * 5.0, self.seed ^ 3);
                let tile = dull(a, 1.0 + 0.10 * (tone - 0.5) + 0.05 * cloud);
                let t = seam(edge, 0.003, blur);
                [0, 1, 2].map(|i| mix(tile[i], b[i], t))
            }
            Finish::Planks => {
                let row = (v / scale).floor();
                let shift = hash_unit(row as i32, 7, self.seed) * 1.7;
                let length = scale * 9.0;
                let x = u / length + shift;
                let (fx, fy) = (x - x.floor(), v / scale - row);
                let tone = hash_unit(x.floor() as i32, row as i32, self.seed);
                let grain = noise2(u * 3.0 + tone * 40.0, v * 60.0, self.seed ^ 9);
                let edge = (fx.min(1.0 - fx) * length).min(fy.min(1.0 - fy) * scale);
                let wood = dull(blend(tone * 0.6 + 0.12 * fine * grain), 1.0 + 0.05 * grain);
                dull(wood, 1.0 - 0.55 * seam(edge, 0.002, blur))
            }
            Finish::Carpet => {
                let speck = noise(u * 160.0, v * 160.0, self.seed) * fine * fine;
                let cloud = noise2(u * 2.0, v * 2.0, self.seed ^ 5);
                let (x, y) = ((u / scale).floor(), (v / scale).floor());
                let tone = hash_unit(x as i32, y as i32, self.seed) - 0.5;
                dull(blend(0.5 + 0.35 * speck), 1.0 + 0.05 * cloud + 0.05 * tone)
            }
            Finish::Concrete => {
                let cloud = noise2(u * 1.1, v * 1.1, self.seed) + 0.5 * noise2(u * 6.0, v * 6.0, 3);
                let speck = fine * noise(u * 90.0, v * 90.0, self.seed ^ 1);
                dull(blend(0.25 + 0.25 * cloud), 1.0 + 0.06 * speck)
            }
            Finish::Bricks => {
                let row = (v / (0.32 * scale)).floor();
                let x = u / scale + 0.5 * (row as i32 & 1) as f32;
                let (fx, fy) = (x - x.floor(), v / (0.32 * scale) - row);
                let edge = (fx.min(1.0 - fx) * scale).min(fy.min(1.0 - fy) * 0.32 * scale);
                let tone = hash_unit(x.floor() as i32, row as i32, self.seed) - 0.5;
                let rough = noise2(u * 25.0, v * 25.0, self.seed) * fine;
                let brick = dull(a, 1.0 + 0.35 * tone + 0.12 * rough);
                let t = seam(edge, 0.006, blur);
                [0, 1, 2].map(|i| mix(brick[i], b[i], t))
            }
            Finish::Panels => {
                let (fx, fy) = ((u / scale).fract().abs(), (v / scale).fract().abs());
                let edge = fx.min(1.0 - fx).min(fy.min(1.0 - fy)) * scale;
                let t = seam(edge, 0.012, blur);
                [0, 1, 2].map(|i| mix(a[i], b[i], t))
            }
            Finish::Metal => dull(a, 1.0 + 0.10 * noise(u * 2.0, v * 180.0, self.seed) * fine),
            Finish::Poster => poster(self, u, v),
            Finish::Window | Finish::Glow => [0.0; 3],
        };
        let glow = match self.finish {
            Finish::Glow => a.map(|c| 9.0 * c),
            Finish::Window => window(self, u, v),
            _ => [0.0; 3],
        };
        Spot { albedo, glow }
    }
}

/// `u`, `v` run from -1 to 1 over the sheet.
fn poster(m: &Material, u: f32, v: f32) -> [f32; 3] {
    let (a, b) = (linear(m.colour), linear(m.second));
    let hue = |k: u32| [0, 1, 2].map(|i| hash_unit(i, 77, m.seed ^ k).powi(2));
    let margin = u.abs().max(v.abs());
    if margin > 0.92 {
        return a;
    }
    let pick = hash_unit(1, 2, m.seed);
    if v > 0.35 - 0.6 * pick {
        // A picture: two hills under a sky.
        let hill = 0.45 + 0.25 * noise(u * 2.0 + 9.0, 1.0, m.seed);
        return if v > hill {
            hue(1)
        } else {
            hue(2).map(|c| 0.5 * c)
        };
    }
    let line = (v * 9.0).floor() as i32;
    let inside = (v * 9.0).fract().abs() > 0.45;
    let long = 0.9 - 0.9 * hash_unit(line, 3, m.seed).powi(3);
    let word = hash_unit((u * 14.0).floor() as i32, line, m.seed) > 0.18;
    if inside && word && u.abs() < long {
        b.map(|c| 0.3 * c)
    } else {
        a
    }
}

fn window(m: &Material, u: f32, v: f32) -> [f32; 3] {
    let a = linear(m.colour);
    let bars = (u.abs() < 0.025) || u.abs() > 0.95 || v.abs() > 0.96;
    if bars {
        return a.map(|c| 0.25 * c);
    }
    let skyline = -0.1 + 0.35 * noise(u * 3.0, 0.5, m.seed);
    let far = smooth(
        skyline - 0.05,
        skyline + 0.05,
        v + 0.1 * noise(u * 12.0, v * 3.0, m.seed),
    );
    let b = linear(m.second);
    [0, 1, 2].map(|i| 3.2 * mix(0.35 * b[i], a[i] * (0.8 + 0.2 * v), far))
}
