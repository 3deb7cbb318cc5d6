//! A painted room: textured, noisy, lit as a test wants it.

use crate::picture::Luma;

/// Size of the painted pictures, px.
pub const SIZE: (usize, usize) = (320, 180);

/// A picture in the making.
pub struct Painted {
    /// Levels before noise, row after row.
    pub levels: Vec<f32>,
    bytes: Vec<u8>,
    dice: u32,
}

impl Painted {
    /// A wall, a floor of planks, a door, a few things; `seed` decides where.
    pub fn room(seed: u32) -> Self {
        let mut painted = Self {
            levels: vec![150.0; SIZE.0 * SIZE.1],
            bytes: vec![0; SIZE.0 * SIZE.1],
            dice: seed.wrapping_mul(2_654_435_761) | 1,
        };
        painted.fill((0, 100, SIZE.0, 80), 90.0);
        for plank in 0..16 {
            let level = 70.0 + painted.chance() * 50.0;
            painted.fill((plank * 20, 102, 18, 78), level);
        }
        painted.fill((130, 20, 60, 90), 60.0);
        painted.fill((135, 25, 50, 82), 110.0);
        for _ in 0..24 {
            let at = |chance: f32, most: usize| (chance * most as f32) as usize;
            let (x, y) = (at(painted.chance(), 300), at(painted.chance(), 160));
            let (w, h) = (6 + at(painted.chance(), 24), 6 + at(painted.chance(), 18));
            let level = 40.0 + painted.chance() * 180.0;
            painted.fill((x, y, w, h), level);
        }
        painted
    }

    /// Between 0 and 1, the same on every run.
    pub fn chance(&mut self) -> f32 {
        (throw(&mut self.dice) >> 8) as f32 / (1 << 24) as f32
    }

    /// Paints a rectangle (left, top, width, height), cut to the picture.
    pub fn fill(&mut self, rect: (usize, usize, usize, usize), level: f32) {
        self.change(rect, |_| level);
    }

    /// Changes the levels of a rectangle.
    pub fn change(&mut self, rect: (usize, usize, usize, usize), to: impl Fn(f32) -> f32) {
        let (left, top, width, height) = rect;
        for y in top..(top + height).min(SIZE.1) {
            for x in left..(left + width).min(SIZE.0) {
                let level = &mut self.levels[y * SIZE.0 + x];
                *level = to(*level);
            }
        }
    }

    /// The same room as `levels` would show it, with noise of this standard deviation.
    pub fn show(&mut self, levels: &[f32], noise: f32) -> Luma<'_> {
        for (at, level) in levels.iter().enumerate() {
            let throw = noise_of(&mut self.dice);
            self.bytes[at] = (level + noise * throw + 0.5).clamp(0.0, 255.0) as u8;
        }
        Luma::new(&self.bytes, SIZE.0, SIZE.1, SIZE.0).unwrap()
    }
}

/// Xorshift: nothing about painted rooms must be better than this.
fn throw(dice: &mut u32) -> u32 {
    *dice ^= *dice << 13;
    *dice ^= *dice >> 17;
    *dice ^= *dice << 5;
    *dice
}

/// Noise of deviation 1: the sum of two halves of a throw is a triangle of deviation 0.408.
fn noise_of(dice: &mut u32) -> f32 {
    let throw = throw(dice);
    let halves = (throw & 0xffff) as f32 + (throw >> 16) as f32;
    (halves / 65_535.0 - 1.0) / 0.408
}
