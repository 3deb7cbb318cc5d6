//! The colours of a dressed body: from a part and its texture coordinates to a painted spot.

use super::picture::linear;
use super::sensor::{Spectrum, Stuff};
use crate::sim::body::{
    Bottom, Hair, Outer, Outfit, Part, Pattern, Top, hairline, hash_unit, mix, noise, noise2,
    smooth,
};

/// Linear colour.
type Light = [f32; 3];

/// What a spot of a body is like.
#[derive(Debug, Clone, Copy)]
pub struct Coat {
    /// Linear reflectance.
    pub albedo: Light,
    /// Strength of the highlight.
    pub gloss: f32,
    /// Slope of folds across and along the surface.
    pub slope: [f32; 2],
}

/// An outfit with its colours made linear.
#[derive(Debug, Clone)]
pub struct Painter<'a> {
    outfit: &'a Outfit,
    spectrum: Spectrum,
    skin: Light,
    hair: Light,
    top: Light,
    second: Light,
    outer: Light,
    bottom: Light,
    shoe: Light,
    sole: Light,
    headwear: Light,
    thing: Light,
    gloves: Option<Light>,
}

fn blend(a: Light, b: Light, t: f32) -> Light {
    [0, 1, 2].map(|i| mix(a[i], b[i], t))
}

fn dim(a: Light, k: f32) -> Light {
    a.map(|c| c * k)
}

fn band(x: f32, from: f32, to: f32) -> bool {
    x > from && x < to
}

impl<'a> Painter<'a> {
    /// Looks an outfit's colours up once.
    pub fn new(outfit: &'a Outfit, spectrum: Spectrum) -> Self {
        let seed = outfit.seed;
        let cloth =
            |rgb, k: u32| spectrum.of(linear(rgb), Stuff::Cloth(seed.wrapping_add(k) % 9973));
        Self {
            outfit,
            spectrum,
            skin: spectrum.of(linear(outfit.skin), Stuff::Skin),
            hair: spectrum.of(linear(outfit.hair_colour), Stuff::Hair),
            top: cloth(outfit.top_colour, 1),
            second: cloth(outfit.pattern_colour, 2),
            outer: cloth(outfit.outer_colour, 3),
            bottom: cloth(outfit.bottom_colour, 4),
            shoe: spectrum.of(linear(outfit.shoe_colour), Stuff::Dead),
            sole: spectrum.of(linear(outfit.sole_colour), Stuff::Dead),
            headwear: cloth(outfit.headwear_colour, 5),
            thing: spectrum.of(linear(outfit.carried_colour), Stuff::Dead),
            gloves: outfit.gloves.map(|g| cloth(g, 6)),
        }
    }

    fn fixed(&self, rgb: Light, stuff: Stuff) -> Light {
        self.spectrum.of(rgb, stuff)
    }

    /// Paints a spot.
    pub fn spot(&self, part: Part, [u, v]: [f32; 2]) -> Coat {
        let seed = self.outfit.seed;
        let plain = |albedo, gloss| Coat {
            albedo,
            gloss,
            slope: [0.0; 2],
        };
        match part {
            Part::Head => plain(self.face(u, v), 0.06),
            Part::Skin => plain(self.skin, 0.06),
            Part::Hand => plain(self.gloves.unwrap_or(self.skin), 0.05),
            Part::Hair => self.strands(u, v),
            Part::Top => Coat {
                albedo: self.top_front(u, v),
                gloss: 0.0,
                slope: folds(u, v * 9.0, 0.5, seed),
            },
            Part::TopSleeve => {
                let tone = self.weave(u * 0.35, v * 0.6 + 3.0);
                Coat {
                    albedo: tone,
                    gloss: 0.0,
                    slope: folds(u * 0.7, v * 8.0, 0.55, seed ^ 3),
                }
            }
            Part::Outer => self.jacket(u, v),
            Part::OuterSleeve => {
                let (slope, mut tone) = self.outer_cloth(u * 0.5, v * 0.6);
                if self.outfit.outer == Outer::HighVis {
                    tone = self.top;
                }
                Coat {
                    albedo: tone,
                    gloss: 0.03,
                    slope,
                }
            }
            Part::Seat => self.seat(u, v),
            Part::Trouser => self.trouser(u, v),
            Part::Shoe => {
                let tone = if v < 0.022 { self.sole } else { self.shoe };
                plain(tone, 0.12)
            }
            Part::Headwear => {
                let slope = folds(u, v * 6.0, 0.15, seed ^ 8);
                Coat {
                    albedo: self.headwear,
                    gloss: 0.05,
                    slope,
                }
            }
            Part::Thing | Part::Furniture => {
                let rough = noise2(u * 3.0, v * 9.0, seed ^ 4);
                plain(dim(self.thing, 1.0 + 0.08 * rough), 0.05)
            }
            Part::Strap | Part::Frame => plain(dim(self.thing, 0.55), 0.05),
        }
    }

    fn face(&self, angle: f32, t: f32) -> Light {
        let a = angle.abs();
        let o = self.outfit;
        let covered = matches!(
            o.headwear,
            crate::sim::body::Headwear::Scarf | crate::sim::body::Headwear::Hood
        );
        let style = if covered { Hair::Cropped } else { o.hair };
        let line = hairline(style, angle) + 0.02 * noise(angle * 9.0, 3.0, o.seed);
        let on_hair = smooth(line - 0.012, line + 0.025, t);
        let hair = self.strands(angle, t).albedo;
        if on_hair >= 1.0 {
            return hair;
        }
        let mut skin = self.skin;
        // Blood under cheeks, nose and lips; a slightly darker lower face.
        let warm = (-((a - 0.6) / 0.3).powi(2) - ((t - 0.36) / 0.1).powi(2)).exp();
        skin[0] *= 1.0 + 0.08 * warm;
        skin[1] *= 1.0 - 0.05 * warm;
        let oval = |ca: f32, ct: f32, ha: f32, ht: f32| {
            let (x, y) = ((a - ca) / ha, (t - ct) / ht);
            smooth(1.25, 0.75, x * x + y * y)
        };
        if a < 1.3 && band(t, 0.08, 0.66) {
            skin = blend(
                skin,
                dim(self.skin, 0.62),
                0.8 * oval(0.36, 0.515, 0.24, 0.055),
            );
            skin = blend(
                skin,
                self.fixed([0.45, 0.43, 0.41], Stuff::Skin),
                0.9 * oval(0.36, 0.505, 0.13, 0.022),
            );
            skin = blend(
                skin,
                self.fixed([0.03, 0.022, 0.018], Stuff::Hair),
                oval(0.36, 0.507, 0.06, 0.024),
            );
            skin = blend(
                skin,
                dim(self.hair, 0.8),
                0.75 * oval(0.36, 0.585, 0.23, 0.020),
            );
            let lips = [
                self.skin[0] * 0.72,
                self.skin[1] * 0.48,
                self.skin[2] * 0.48,
            ];
            skin = blend(skin, lips, 0.8 * oval(0.0, 0.205, 0.26, 0.030));
            skin = blend(
                skin,
                dim(self.skin, 0.3),
                0.8 * oval(0.0, 0.205, 0.22, 0.007),
            );
            skin = blend(
                skin,
                dim(self.skin, 0.45),
                0.7 * oval(0.10, 0.325, 0.06, 0.014),
            );
        }
        let beard =
            smooth(0.34, 0.26, t) * smooth(1.55, 1.35, a) * (1.0 - oval(0.0, 0.205, 0.2, 0.02));
        let cheek = smooth(0.50, 0.42, t) * smooth(1.0, 1.25, a) * smooth(1.6, 1.4, a);
        skin = blend(skin, self.hair, o.beard * 0.85 * beard.max(cheek));
        if o.glasses && a < 1.45 {
            let (x, y) = (((a - 0.36) / 0.26).powi(2), ((t - 0.505) / 0.062).powi(2));
            let ring = band(x + y, 0.72, 1.25);
            let arm = a > 0.6 && band(t, 0.52, 0.545);
            if ring || arm || (a < 0.12 && band(t, 0.515, 0.54)) {
                skin = self.fixed([0.02, 0.02, 0.022], Stuff::Dead);
            }
        }
        if o.mask && a < 1.25 && band(t, 0.04, 0.40 - 0.06 * a) {
            skin = self.fixed([0.52, 0.66, 0.72], Stuff::Cloth(7));
        }
        blend(skin, hair, on_hair)
    }

    fn strands(&self, angle: f32, t: f32) -> Coat {
        let streak = noise2(angle * 14.0, t * 2.5, self.outfit.seed ^ 41);
        let light = 1.0 + 0.35 * streak + 0.25 * smooth(0.3, 0.95, t);
        Coat {
            albedo: dim(self.hair, light),
            gloss: 0.10,
            slope: [0.35 * streak, 0.0],
        }
    }

    /// The weave or print of the top at `u` radians around and `v` body heights up.
    fn weave(&self, u: f32, v: f32) -> Light {
        let (o, seed) = (self.outfit, self.outfit.seed);
        let scale = 16.0 + 30.0 * hash_unit(3, 1, seed);
        match o.pattern {
            Pattern::Plain => self.top,
            Pattern::Heather => dim(self.top, 1.0 + 0.25 * noise(u * 60.0, v * 300.0, seed)),
            Pattern::Stripes => {
                let s = (v * scale * 2.0).fract();
                if s < 0.4 { self.second } else { self.top }
            }
            Pattern::Checks => {
                let k = scale * 1.5;
                let (a, b) = (
                    (v * k).fract() < 0.35,
                    (u * k * 0.11).rem_euclid(1.0) < 0.35,
                );
                blend(
                    self.top,
                    self.second,
                    0.45 * f32::from(u8::from(a) + u8::from(b)),
                )
            }
            Pattern::Print => {
                let chest = u.abs() < 0.75 && band(v, 0.68, 0.765);
                let block = hash_unit((u * 7.0).floor() as i32, (v * 90.0).floor() as i32, seed);
                if chest && block > 0.4 {
                    self.second
                } else {
                    self.top
                }
            }
            Pattern::Yoke => {
                if v > 0.735 {
                    self.second
                } else {
                    self.top
                }
            }
        }
    }

    fn top_front(&self, u: f32, z: f32) -> Light {
        let o = self.outfit;
        let mut c = self.weave(u, z);
        let white = self.fixed([0.75, 0.75, 0.73], Stuff::Cloth(1));
        if o.top == Top::Shirt {
            if z > 0.842 {
                c = dim(c, 1.06);
            }
            if z > 0.835 && u.abs() < 0.25 * smooth(0.835, 0.87, z) {
                c = self.skin;
            }
            if u.abs() < 0.012 && z < 0.84 {
                c = dim(c, 0.72);
            }
        }
        if o.top == Top::TShirt && z > 0.832 {
            c = dim(c, 0.85);
        }
        let wide = mix(0.16, 0.07, smooth(0.62, 0.83, z));
        if o.tie && o.top == Top::Shirt && u.abs() < wide && band(z, 0.60, 0.853) {
            c = self.second;
        }
        if o.badge {
            let string = (z - 0.70) * 4.2;
            if z > 0.70 && (u.abs() - string).abs() < 0.035 && string < 1.0 {
                c = self.fixed([0.05, 0.12, 0.4], Stuff::Cloth(2));
            }
            if band(z, 0.652, 0.70) && u.abs() < 0.19 {
                c = white;
            }
        }
        c
    }

    fn outer_cloth(&self, u: f32, v: f32) -> ([f32; 2], Light) {
        let seed = self.outfit.seed ^ 17;
        match self.outfit.outer {
            Outer::Padded => {
                let q = (v * 26.0).fract() - 0.5;
                let slope = [
                    0.25 * noise(u * 8.0, v * 40.0, seed),
                    -1.5 * q * q.abs().min(0.5),
                ];
                (
                    slope,
                    dim(self.outer, if q.abs() > 0.44 { 0.6 } else { 1.0 }),
                )
            }
            Outer::Coat => (
                folds(u, v * 6.0, 0.35, seed),
                dim(self.outer, 1.0 + 0.12 * noise(u * 90.0, v * 400.0, seed)),
            ),
            Outer::Suit => (folds(u, v * 7.0, 0.28, seed), self.outer),
            _ => (folds(u, v * 9.0, 0.5, seed), self.outer),
        }
    }

    fn jacket(&self, u: f32, z: f32) -> Coat {
        let o = self.outfit;
        let a = u.abs();
        let (slope, mut c) = self.outer_cloth(u, z);
        let gap = match o.outer {
            Outer::Suit if o.open => 0.20 + 1.6 * (z - 0.62).max(0.0) + 1.2 * (0.60 - z).max(0.0),
            Outer::Suit => 3.0 * (z - 0.675).max(0.0) + 3.5 * (0.535 - z).max(0.0),
            Outer::HighVis => 0.07,
            Outer::Hoodie if !o.open => 0.0,
            _ if o.open => 0.26 + 0.9 * (z - 0.70).max(0.0) + 0.8 * (0.58 - z).max(0.0),
            _ => 1.5 * (z - 0.81).max(0.0),
        };
        let long = matches!(o.outer, Outer::Coat) && z < 0.48;
        if a < gap && !long {
            let inner = if z > 0.60 || !o.tucked {
                self.top_front(u, z)
            } else {
                self.bottom
            };
            let under = if z < 0.50 { self.bottom } else { inner };
            // The edge of the jacket shades what is under it.
            let shade = mix(0.55, 1.0, smooth(0.0, 0.10, gap - a));
            return Coat {
                albedo: dim(under, shade),
                gloss: 0.0,
                slope,
            };
        }
        let edge = a - gap;
        match o.outer {
            Outer::Suit => {
                let lapel = edge < 0.30 * smooth(0.67, 0.76, z) && z < 0.835;
                c = dim(c, if lapel { 1.12 } else { 1.0 });
                if lapel && edge > 0.26 * smooth(0.67, 0.76, z) {
                    c = dim(c, 0.6);
                }
                if band(z, 0.545, 0.553) && band(a, 0.5, 1.05) {
                    c = dim(c, 0.65);
                }
            }
            Outer::HighVis => {
                let tape = band(z, 0.560, 0.590)
                    || band(z, 0.640, 0.668)
                    || (band(a, 0.50, 0.68) && z > 0.668)
                    || (band(a, 2.45, 2.65) && z > 0.668);
                if tape {
                    c = self.fixed([0.62, 0.64, 0.66], Stuff::Dead);
                }
            }
            Outer::Hoodie => {
                if band(z, 0.53, 0.60) && (a - 0.75 - 4.0 * (0.56 - z)).abs() < 0.03 {
                    c = dim(c, 0.6);
                }
                if z < 0.505 {
                    c = dim(c, 0.8);
                }
            }
            _ => {
                if edge < 0.02 {
                    c = dim(c, 0.5);
                }
                if o.outer == Outer::Jacket && z < 0.497 {
                    c = dim(c, 0.78);
                }
            }
        }
        let gloss = if o.outer == Outer::Padded { 0.10 } else { 0.03 };
        Coat {
            albedo: c,
            gloss,
            slope,
        }
    }

    fn seat(&self, u: f32, z: f32) -> Coat {
        let o = self.outfit;
        let seed = o.seed ^ 29;
        let mut c = if o.bottom == Bottom::Dress {
            self.weave(u, z)
        } else {
            self.bottom
        };
        if !o.has_skirt() {
            if z > 0.597 {
                c = if o.tucked {
                    self.fixed([0.03, 0.025, 0.02], Stuff::Dead)
                } else {
                    dim(c, 0.8)
                };
            }
            if u.abs() < 0.03 && z < 0.59 {
                c = dim(c, 0.7);
            }
            return Coat {
                albedo: c,
                gloss: 0.02,
                slope: folds(u, z * 9.0, 0.35, seed),
            };
        }
        // Long folds that fall from the waist.
        let k = 5.0 + 4.0 * hash_unit(4, 4, seed);
        let fall = noise(u * k * 0.55, z * 2.0, seed) * 0.9 * smooth(0.60, 0.40, z);
        Coat {
            albedo: c,
            gloss: 0.02,
            slope: [fall, 0.1 * noise(u * 3.0, z * 30.0, seed)],
        }
    }

    fn trouser(&self, u: f32, d: f32) -> Coat {
        let o = self.outfit;
        let seed = o.seed ^ 37;
        let mut c = self.bottom;
        let blue = self.bottom[2] > 1.35 * self.bottom[0];
        if blue && o.bottom != Bottom::Wide {
            // Jeans fade in front of the thigh.
            let worn = smooth(1.1, 0.2, u.abs()) * smooth(0.05, 0.2, d) * smooth(0.62, 0.35, d);
            c = dim(
                c,
                1.0 + 0.7 * worn + 0.12 * noise(u * 30.0, d * 150.0, seed),
            );
        }
        let knee = (-((d - 0.42) / 0.12).powi(2)).exp();
        let low = smooth(0.62, 0.82, d);
        let strength = 0.22 + 0.45 * knee + 0.6 * low;
        let mut slope = folds(u * 0.8, d * 11.0, strength, seed);
        if o.outer == Outer::Suit && u.abs() < 0.12 {
            slope[0] += 0.5 * u.signum();
        }
        Coat {
            albedo: c,
            gloss: 0.02,
            slope,
        }
    }
}

/// Slopes of soft folds: mostly across, some slanting.
fn folds(u: f32, v: f32, strength: f32, seed: u32) -> [f32; 2] {
    let h = |u: f32, v: f32| noise2(u * 1.4 + 0.35 * v, v * 1.1 - 0.5 * u, seed);
    let step = 0.08;
    let here = h(u, v);
    let k = strength / step * 0.16;
    [(h(u + step, v) - here) * k, (h(u, v + step) - here) * k]
}
