//! YOLOX: one row a grid cell, offsets from the cell and logarithms of the size.
//!
//! Output `[1, cells, 5 + classes]`, cells of all strides one after another, each row
//! `x, y, log w, log h, objectness, class scores`, undecoded as exported without
//! `--decode_in_inference`. Ge et al., "YOLOX: Exceeding YOLO Series in 2021", section 2.

use super::{Candidate, HeadError, Tensor, cells, dim};

/// Columns before the class scores: x, y, w, h, objectness.
const BOX_COLUMNS: usize = 5;

/// How to read a YOLOX network's output.
#[derive(Debug, Clone, PartialEq)]
pub struct YoloX {
    /// Input pixels per grid cell, one entry a level, in the order of the output's rows.
    pub strides: Vec<u32>,
    /// How many classes the network knows.
    pub classes: usize,
    /// Which of them is a person.
    pub person: usize,
}

impl YoloX {
    /// Appends every person surer than `threshold` to `out`.
    ///
    /// `input` is the network's input width and height, px.
    pub fn decode(
        &self,
        output: Tensor<'_>,
        input: (u32, u32),
        threshold: f32,
        out: &mut Vec<Candidate>,
    ) -> Result<(), HeadError> {
        let columns = BOX_COLUMNS + self.classes;
        let levels = || {
            self.strides
                .iter()
                .map(|&stride| (stride, cells(input, stride)))
        };
        let rows: usize = levels().map(|(_, (across, down))| across * down).sum();
        output.expect(&[1, dim(rows), dim(columns)], "1, cells, 5 + classes")?;
        if self.person >= self.classes {
            return Ok(());
        }
        let mut start = 0;
        for (stride, (across, down)) in levels() {
            for row in 0..down {
                for column in 0..across {
                    self.cell(output, start, (column, row), stride, threshold, out)?;
                    start += columns;
                }
            }
        }
        Ok(())
    }

    /// One cell whose numbers begin at `start`.
    fn cell(
        &self,
        output: Tensor<'_>,
        start: usize,
        (column, row): (usize, usize),
        stride: u32,
        threshold: f32,
        out: &mut Vec<Candidate>,
    ) -> Result<(), HeadError> {
        let objectness = output.score(start + 4)?;
        let score = objectness * output.score(start + BOX_COLUMNS + self.person)?;
        if score <= threshold {
            return Ok(());
        }
        let place = &output.data[start..start + 4];
        let stride = stride as f32;
        let candidate = Candidate::from_centre(
            (place[0] + column as f32) * stride,
            (place[1] + row as f32) * stride,
            libm::expf(place[2]) * stride,
            libm::expf(place[3]) * stride,
            score,
        );
        if !candidate.is_finite() {
            let bad = place.iter().position(|value| !value.is_finite());
            // Finite numbers whose exponential is not: the width or the height.
            let bad = bad.unwrap_or(if place[2] > place[3] { 2 } else { 3 });
            return Err(output.not_finite(start + bad));
        }
        out.push(candidate);
        Ok(())
    }
}
