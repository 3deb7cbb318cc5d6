//! From linear light to the bytes a camera delivers: exposure, vignette, blur, noise, tone.

use serde::{Deserialize, Serialize};

use super::picture::{Picture, srgb_from_linear};
use crate::sim::body::{hash, hash_unit, mix};

/// What kind of light the sensor sees.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Spectrum {
    /// Colour by the room's lamps.
    #[default]
    Visible,
    /// Grey by the room's lamps.
    Grey,
    /// Grey by an infrared lamp on the camera: night mode. Dyes look paler than to the eye.
    NearInfrared,
    /// Grey by body heat, white is hot.
    Thermal,
}

/// What a surface is, as far as invisible light cares.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stuff {
    /// Floor, walls, furniture.
    Room,
    /// Bare skin.
    Skin,
    /// Hair.
    Hair,
    /// Cloth, with a seed: dyes differ.
    Cloth(u32),
    /// Things and shoes.
    Dead,
}

/// How a camera's sensor sees.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Sensor {
    /// What kind of light.
    pub spectrum: Spectrum,
    /// Exposure over what the camera would choose, stops.
    pub exposure_stops: f32,
    /// Loss of light in the corners, 0 none, 0.5 half.
    pub vignette: f32,
    /// Blur of lens and demosaicing, standard deviation, px.
    pub blur_px: f32,
    /// Over-sharpening, as cheap cameras do, 0 none, 1 strong.
    pub sharpen: f32,
    /// Noise, standard deviation on a mid grey, 0 to 255 scale.
    pub noise: f32,
    /// Gains of red, green, blue: imperfect white balance.
    pub balance: [f32; 3],
    /// Saturation, 1 as seen.
    pub saturation: f32,
    /// Contrast about mid grey, 1 as seen.
    pub contrast: f32,
    /// Share of the light that a dirty or dazzled lens spreads over its surroundings, 0 to 1.
    pub haze: f32,
}

impl Default for Sensor {
    fn default() -> Self {
        Self {
            spectrum: Spectrum::Visible,
            exposure_stops: 0.0,
            vignette: 0.2,
            blur_px: 0.45,
            sharpen: 0.25,
            noise: 2.5,
            balance: [1.0; 3],
            saturation: 0.9,
            contrast: 1.0,
            haze: 0.0,
        }
    }
}

fn luminance(rgb: [f32; 3]) -> f32 {
    0.2126 * rgb[0] + 0.7152 * rgb[1] + 0.0722 * rgb[2]
}

impl Spectrum {
    /// What a surface of that visible colour reflects (or, by heat, sends out) here.
    pub fn of(self, rgb: [f32; 3], stuff: Stuff) -> [f32; 3] {
        let grey = luminance(rgb);
        let value = match (self, stuff) {
            (Self::Visible, _) => return rgb,
            (Self::Grey, _) => grey,
            (Self::NearInfrared, Stuff::Room) => mix(grey, 0.4, 0.3),
            (Self::NearInfrared, Stuff::Skin) => mix(grey, 0.55, 0.75),
            (Self::NearInfrared, Stuff::Hair) => mix(grey, 0.16, 0.7),
            (Self::NearInfrared, Stuff::Cloth(seed)) => {
                mix(grey, 0.10 + 0.5 * hash_unit(seed as i32, 5, 0x1f), 0.75)
            }
            (Self::NearInfrared, Stuff::Dead) => mix(grey, 0.2, 0.5),
            (Self::Thermal, Stuff::Room) => 0.13 + 0.04 * grey,
            (Self::Thermal, Stuff::Skin) => 0.72 + 0.1 * grey,
            (Self::Thermal, Stuff::Hair) => 0.46,
            (Self::Thermal, Stuff::Cloth(seed)) => {
                0.36 + 0.16 * hash_unit(seed as i32, 6, 0x2f) + 0.1 * grey
            }
            (Self::Thermal, Stuff::Dead) => 0.22 + 0.05 * grey,
        };
        [value; 3]
    }
}

/// Entries of the tone curve's table, and the light at its end.
const TONES: usize = 4096;
const BRIGHTEST: f32 = 6.0;

impl Sensor {
    /// The gain that brings the empty room's light to a usual picture.
    pub fn gain(&self, colours: &[[f32; 3]]) -> f32 {
        let step = (colours.len() / 4000).max(1);
        let (mut sum, mut n) = (0.0, 0.0_f32);
        for c in colours.iter().step_by(step) {
            sum += (luminance(*c) + 1e-4).ln();
            n += 1.0;
        }
        let usual = (sum / n.max(1.0)).exp();
        let aim = if self.spectrum == Spectrum::Thermal {
            0.10
        } else {
            0.33
        };
        aim / usual * self.exposure_stops.exp2()
    }

    /// Linear light to bytes. Overwrites the light (blur works in place).
    pub fn expose(
        &self,
        light: &mut [[f32; 3]],
        size: (u32, u32),
        gain: f32,
        seed: u32,
    ) -> Picture {
        let (w, h) = (size.0 as usize, size.1 as usize);
        if self.haze > 0.0 {
            spread(light, w, h, self.haze, BRIGHTEST / gain.max(1e-6));
        }
        let curve = self.curve();
        let top = (TONES - 1) as f32;
        let colour = self.spectrum == Spectrum::Visible;
        let saturation = if colour { self.saturation } else { 0.0 };
        let balance = if colour { self.balance } else { [1.0; 3] };
        let (cx, cy) = (0.5 * w as f32, 0.5 * h as f32);
        let far2 = cx * cx + cy * cy;
        for y in 0..h {
            let dy = y as f32 + 0.5 - cy;
            for x in 0..w {
                let dx = x as f32 + 0.5 - cx;
                let r2 = (dx * dx + dy * dy) / far2;
                let k = gain * (1.0 - self.vignette * r2 * (0.6 + 0.4 * r2));
                let c = &mut light[y * w + x];
                let grey = luminance(*c) * (1.0 - saturation);
                for i in 0..3 {
                    let v = (c[i] * saturation + grey) * k * balance[i];
                    let index = (v.max(0.0) * (1.0 / BRIGHTEST)).sqrt().min(1.0) * top;
                    c[i] = curve[index as usize];
                }
            }
        }
        if self.blur_px > 0.05 {
            blur(light, w, h, self.blur_px);
        }
        if self.sharpen > 0.01 {
            sharpen(light, w, h, self.sharpen);
        }
        self.develop(light, size, seed)
    }

    /// Screen value (0 to 255) by the square root of light.
    fn curve(&self) -> Vec<f32> {
        (0..TONES)
            .map(|i| {
                let v = (i as f32 / (TONES - 1) as f32).powi(2) * BRIGHTEST;
                // Shoulder that reaches white at the brightest light (Reinhard, extended).
                let tone = v * (1.0 + v / (BRIGHTEST * BRIGHTEST)) / (1.0 + 0.55 * v);
                let s = srgb_from_linear(tone);
                255.0 * (0.5 + (s - 0.5) * self.contrast).clamp(0.0, 1.0)
            })
            .collect()
    }

    fn develop(&self, light: &[[f32; 3]], size: (u32, u32), seed: u32) -> Picture {
        let mut out = Picture::new(size.0, size.1);
        let grey_noise = self.spectrum != Spectrum::Visible;
        for (i, (c, px)) in light.iter().zip(out.rgb.chunks_exact_mut(3)).enumerate() {
            // Four bytes of a hash, summed two by two: a triangle is normal enough.
            let a = hash(i as i32, 1, seed);
            let b = hash(i as i32, 2, seed);
            let pair =
                |h: u32, s: u32| ((h >> s & 255) as f32 + (h >> (s + 8) & 255) as f32) - 255.0;
            let (n0, n1, n2, n3) = (pair(a, 0), pair(a, 16), pair(b, 0), pair(b, 16));
            // 104 is the deviation of such a pair.
            let k = self.noise / 104.0;
            for j in 0..3 {
                let own = if grey_noise {
                    n0
                } else {
                    0.75 * n0 + 0.65 * [n1, n2, n3][j]
                };
                // Dark parts are noisier after the tone curve.
                let level = 1.35 - c[j] * (0.7 / 255.0);
                px[j] = (c[j] + own * k * level + 0.5).clamp(0.0, 255.0) as u8;
            }
        }
        out
    }
}

/// Spreads a share of the light (no brighter than `most`) over an eighth of the picture.
fn spread(light: &mut [[f32; 3]], w: usize, h: usize, share: f32, most: f32) {
    const CELL: usize = 8;
    let (cw, ch) = (w.div_ceil(CELL), h.div_ceil(CELL));
    let mut cells = vec![[0.0_f32; 3]; cw * ch];
    for y in 0..h {
        for x in 0..w {
            let cell = &mut cells[y / CELL * cw + x / CELL];
            let here = ((w - x / CELL * CELL).min(CELL) * (h - y / CELL * CELL).min(CELL)) as f32;
            for k in 0..3 {
                cell[k] += light[y * w + x][k].min(most) / here;
            }
        }
    }
    let sigma = (cw as f32 / 8.0).max(0.5);
    blur(&mut cells, cw, ch, sigma);
    for y in 0..h {
        // Between the middles of four cells.
        let v = ((y as f32 + 0.5) / CELL as f32 - 0.5).clamp(0.0, (ch - 1) as f32);
        let (y0, ty) = (v as usize, v.fract());
        for x in 0..w {
            let u = ((x as f32 + 0.5) / CELL as f32 - 0.5).clamp(0.0, (cw - 1) as f32);
            let (x0, tx) = (u as usize, u.fract());
            let at =
                |dx: usize, dy: usize| cells[(y0 + dy).min(ch - 1) * cw + (x0 + dx).min(cw - 1)];
            let (a, b, c, d) = (at(0, 0), at(1, 0), at(0, 1), at(1, 1));
            let own = &mut light[y * w + x];
            for k in 0..3 {
                let soft = mix(mix(a[k], b[k], tx), mix(c[k], d[k], tx), ty);
                own[k] = mix(own[k], soft, share);
            }
        }
    }
}

/// A small three- or five-tap blur, both ways.
fn blur(light: &mut [[f32; 3]], w: usize, h: usize, sigma: f32) {
    let reach = if sigma < 0.8 {
        1
    } else {
        (2.0 * sigma).ceil() as usize
    };
    let mut taps: Vec<f32> = (0..=reach)
        .map(|i| (-0.5 * (i as f32 / sigma).powi(2)).exp())
        .collect();
    let sum = taps[0] + 2.0 * taps[1..].iter().sum::<f32>();
    taps.iter_mut().for_each(|t| *t /= sum);
    let mut other = vec![[0.0_f32; 3]; light.len()];
    for y in 0..h {
        let row = &light[y * w..(y + 1) * w];
        for x in 0..w {
            let mut c = row[x].map(|v| v * taps[0]);
            for (i, tap) in taps.iter().enumerate().skip(1) {
                let (a, b) = (row[x.saturating_sub(i)], row[(x + i).min(w - 1)]);
                for k in 0..3 {
                    c[k] += tap * (a[k] + b[k]);
                }
            }
            other[y * w + x] = c;
        }
    }
    for y in 0..h {
        for x in 0..w {
            let mut c = other[y * w + x].map(|v| v * taps[0]);
            for (i, tap) in taps.iter().enumerate().skip(1) {
                let (a, b) = (
                    other[y.saturating_sub(i) * w + x],
                    other[(y + i).min(h - 1) * w + x],
                );
                for k in 0..3 {
                    c[k] += tap * (a[k] + b[k]);
                }
            }
            light[y * w + x] = c;
        }
    }
}

/// Unsharp masking with the four neighbours.
fn sharpen(light: &mut [[f32; 3]], w: usize, h: usize, amount: f32) {
    let from = light.to_vec();
    for y in 0..h {
        let (up, down) = (y.saturating_sub(1) * w, (y + 1).min(h - 1) * w);
        for x in 0..w {
            let (l, r) = (
                from[y * w + x.saturating_sub(1)],
                from[y * w + (x + 1).min(w - 1)],
            );
            let (u, d) = (from[up + x], from[down + x]);
            let c = &mut light[y * w + x];
            for k in 0..3 {
                let mean = 0.25 * (l[k] + r[k] + u[k] + d[k]);
                c[k] = (c[k] + amount * (c[k] - mean)).clamp(0.0, 255.0);
            }
        }
    }
}
