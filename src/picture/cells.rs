//! A picture as a few thousand mean levels: what everything that must be cheap works on.
//!
//! Theory: the picture is cut into square cells, at most [`COLUMNS`] across. A cell's level is the
//! mean of some [`ROWS_A_CELL`] of its rows, evenly spread; means of 25 and more pixels have a
//! fifth of a pixel's noise, and reading a third of a large picture tells what reading all of it
//! would. Rows are first added up as whole, then cut into cells: one pass over the bytes in the
//! order in which they lie. Nothing is allocated once the size is known.

use super::Luma;

/// Cells along the longer side at most. Whoever is worth counting covers at least one: the smallest
/// people that networks find at a door (`app::look`) are 24 px tall in a picture of 1920 px, whose
/// cells are 15 px.
pub const COLUMNS: usize = 128;
/// A cell is no smaller than this, px: with fewer pixels the mean is mostly noise.
const SMALLEST_CELL_PX: usize = 4;
/// Rows read in each cell, as long as it has that many.
const ROWS_A_CELL: usize = 5;

/// Mean levels of the cells of one picture.
#[derive(Debug, Clone, Default)]
pub struct Cells {
    columns: usize,
    rows: usize,
    cell_px: usize,
    size_px: (usize, usize),
    levels: Vec<f32>,
    row_sums: Vec<u16>,
}

impl Cells {
    /// Of no picture yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Takes the levels of a picture; those of the last one are gone.
    pub fn measure(&mut self, luma: Luma<'_>) {
        self.lay_out(luma.width(), luma.height());
        let cell_px = self.cell_px;
        for row in 0..self.rows {
            let first = row * cell_px;
            let tall = cell_px.min(luma.height() - first);
            let step = (tall / ROWS_A_CELL).max(1);
            self.row_sums.fill(0);
            let mut read = 0_usize;
            // The middle of each stripe of `step` rows.
            let mut at = first + step / 2;
            // A u16 holds 257 rows of white; ROWS_A_CELL bounds them to under twice that many.
            while at < first + tall {
                for (sum, byte) in self.row_sums.iter_mut().zip(luma.row(at)) {
                    *sum += u16::from(*byte);
                }
                read += 1;
                at += step;
            }
            let levels = &mut self.levels[row * self.columns..][..self.columns];
            for (level, sums) in levels.iter_mut().zip(self.row_sums.chunks(cell_px)) {
                let sum: u32 = sums.iter().map(|sum| u32::from(*sum)).sum();
                *level = sum as f32 / (read * sums.len()) as f32;
            }
        }
    }

    fn lay_out(&mut self, width: usize, height: usize) {
        if self.size_px == (width, height) {
            return;
        }
        self.size_px = (width, height);
        self.cell_px = width.max(height).div_ceil(COLUMNS).max(SMALLEST_CELL_PX);
        self.columns = width.div_ceil(self.cell_px);
        self.rows = height.div_ceil(self.cell_px);
        self.levels = vec![0.0; self.columns * self.rows];
        self.row_sums = vec![0; width];
    }

    /// Columns and rows of cells.
    pub fn size(&self) -> (usize, usize) {
        (self.columns, self.rows)
    }

    /// Side of a cell, px.
    pub fn cell_px(&self) -> usize {
        self.cell_px
    }

    /// Width and height of the picture, px.
    pub fn size_px(&self) -> (usize, usize) {
        self.size_px
    }

    /// Mean levels, 0 to 255, row after row.
    pub fn levels(&self) -> &[f32] {
        &self.levels
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(size: (usize, usize), expect: (usize, usize, usize)) {
        // Each pixel's level is its column: a cell's mean is the middle of its columns.
        let stride = size.0 + 3;
        let data: Vec<u8> = (0..stride * size.1)
            .map(|at| (at % stride / 16) as u8)
            .collect();
        let mut cells = Cells::new();
        cells.measure(Luma::new(&data, size.0, size.1, stride).unwrap());
        let (columns, rows) = cells.size();
        assert_eq!((columns, rows, cells.cell_px()), expect);
        assert_eq!(cells.levels().len(), columns * rows);
        for (at, level) in cells.levels().iter().enumerate() {
            let from = at % columns * cells.cell_px();
            let to = (from + cells.cell_px()).min(size.0);
            let mean = (from..to).map(|x| (x / 16) as f32).sum::<f32>() / (to - from) as f32;
            assert!(
                (level - mean).abs() < 1e-3,
                "cell {at}: {level}, not {mean}"
            );
        }
    }

    #[test]
    fn a_picture_is_cut_into_cells_with_their_means() {
        check((1920, 1080), (128, 72, 15));
        check((640, 360), (128, 72, 5));
        check((360, 640), (72, 128, 5));
        check((481, 271), (121, 68, 4));
        check((3, 2), (1, 1, 4));
    }
}
