//! YOLOv8 and YOLO11 style: one column an anchor, boxes already decoded.
//!
//! Output `[1, 4 + classes, anchors]`: rows `centre x, centre y, width, height` in pixels of the
//! input, then one row a class with its probability. There is no objectness.

use super::{Candidate, HeadError, Tensor, cells, dim};

/// Rows before the class scores: x, y, w, h.
const BOX_ROWS: usize = 4;

/// How to read such a network's output.
#[derive(Debug, Clone, PartialEq)]
pub struct YoloV8 {
    /// Input pixels per grid cell, one entry a level; they give the number of anchors.
    pub strides: Vec<u32>,
    /// How many classes the network knows.
    pub classes: usize,
    /// Which of them is a person.
    pub person: usize,
}

impl YoloV8 {
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
        let anchors: usize = self
            .strides
            .iter()
            .map(|&stride| cells(input, stride))
            .map(|(across, down)| across * down)
            .sum();
        let rows = BOX_ROWS + self.classes;
        output.expect(&[1, dim(rows), dim(anchors)], "1, 4 + classes, anchors")?;
        if self.person >= self.classes {
            return Ok(());
        }
        let at = |row: usize, anchor: usize| row * anchors + anchor;
        for anchor in 0..anchors {
            let score = output.score(at(BOX_ROWS + self.person, anchor))?;
            if score <= threshold {
                continue;
            }
            let place = [0, 1, 2, 3].map(|row| output.data[at(row, anchor)]);
            if let Some(row) = place.iter().position(|value| !value.is_finite()) {
                return Err(output.not_finite(at(row, anchor)));
            }
            let [x, y, width, height] = place;
            out.push(Candidate::from_centre(x, y, width, height, score));
        }
        Ok(())
    }
}
