//! A picture small enough to compare in detail once or twice a second.
//!
//! Means of whole squares of pixels, so that most noise is gone and an edge of a pixel's width still
//! tells where it is to a fraction of one.

use super::Luma;

/// Longer side of a plate at most, px. A shift of 10 px of a picture of 1920 px is 2.5 px here.
const LONGEST_PX: usize = 480;

/// Mean levels of squares of `factor` by `factor` px.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Plate {
    /// Columns.
    pub width: usize,
    /// Rows.
    pub height: usize,
    /// Side of a square, px of the picture.
    pub factor: usize,
    /// Levels, 0 to 255, row after row.
    pub levels: Vec<f32>,
    row_sums: Vec<u16>,
}

impl Plate {
    /// A plate of these levels.
    pub fn of(width: usize, height: usize, factor: usize, levels: Vec<f32>) -> Self {
        Self {
            width,
            height,
            factor,
            levels,
            row_sums: Vec::new(),
        }
    }

    /// Takes a picture; squares that it ends in are left out.
    pub fn measure(&mut self, luma: Luma<'_>) {
        let (width, height) = (luma.width(), luma.height());
        // Sums of up to 256 rows fit; beyond that the picture is not read whole.
        let factor = width.max(height).div_ceil(LONGEST_PX).clamp(1, 256);
        self.factor = factor;
        (self.width, self.height) = (width / factor, height / factor);
        self.levels.resize(self.width * self.height, 0.0);
        self.row_sums.resize(width, 0);
        let scale = 1.0 / (factor * factor) as f32;
        for (row, levels) in self.levels.chunks_exact_mut(self.width.max(1)).enumerate() {
            self.row_sums.fill(0);
            for at in row * factor..(row + 1) * factor {
                for (sum, byte) in self.row_sums.iter_mut().zip(luma.row(at)) {
                    *sum += u16::from(*byte);
                }
            }
            for (level, sums) in levels.iter_mut().zip(self.row_sums.chunks_exact(factor)) {
                let sum: u32 = sums.iter().map(|sum| u32::from(*sum)).sum();
                *level = sum as f32 * scale;
            }
        }
    }

    /// Half the size, means of two by two.
    pub fn half(&self) -> Self {
        let (width, height) = (self.width / 2, self.height / 2);
        let mut levels = Vec::with_capacity(width * height);
        for y in 0..height {
            for x in 0..width {
                let sum = self.at(2 * x, 2 * y)
                    + self.at(2 * x + 1, 2 * y)
                    + self.at(2 * x, 2 * y + 1)
                    + self.at(2 * x + 1, 2 * y + 1);
                levels.push(0.25 * sum);
            }
        }
        Self::of(width, height, 2 * self.factor, levels)
    }

    /// The level at a place inside.
    pub fn at(&self, x: usize, y: usize) -> f32 {
        self.levels[y * self.width + x]
    }

    /// How fast the level changes to the right and down at a place that is not on the rim, levels a
    /// pixel.
    pub fn slope(&self, at: usize) -> (f32, f32) {
        (
            0.5 * (self.levels[at + 1] - self.levels[at - 1]),
            0.5 * (self.levels[at + self.width] - self.levels[at - self.width]),
        )
    }

    /// Whether both show pictures of one size.
    pub fn same_size(&self, other: &Self) -> bool {
        (self.width, self.height, self.factor) == (other.width, other.height, other.factor)
    }

    /// Standard deviation of what differs between two plates, by the median: people who walk
    /// through a part of it do not count.
    pub fn noise(&self, before: &Self) -> f32 {
        const BINS: usize = 128;
        const A_LEVEL: f32 = 8.0;
        let mut bins = [0_usize; BINS];
        for (a, b) in self.levels.iter().zip(&before.levels) {
            bins[(((a - b).abs() * A_LEVEL) as usize).min(BINS - 1)] += 1;
        }
        let mut left = self.levels.len() / 2;
        let median = bins.iter().position(|number| {
            let found = *number > left;
            left = left.saturating_sub(*number);
            found
        });
        // Median absolute deviation to standard deviation, and one of two that differ.
        (median.unwrap_or(0) as f32 + 0.5) / A_LEVEL * 1.4826 / std::f32::consts::SQRT_2
    }
}
