//! NanoDet: distances to the four edges as distributions, one pair of outputs a level.
//!
//! For each stride a class output `[1, cells, classes]` (probabilities) and a distribution output
//! `[1, cells, 4 * bins]`: for each edge `bins` logits whose softmax, weighted by 0, 1, 2, ...,
//! is the distance from the cell's middle in strides. Li et al., "Generalized Focal Loss", 2020.

use super::{Candidate, HeadError, Tensor, cells, dim};

/// How to read a NanoDet network's outputs.
#[derive(Debug, Clone, PartialEq)]
pub struct NanoDet {
    /// Input pixels per grid cell, one entry a level.
    pub strides: Vec<u32>,
    /// How many classes the network knows.
    pub classes: usize,
    /// Which of them is a person.
    pub person: usize,
    /// Logits for one edge.
    pub bins: usize,
    /// Where in its cell an anchor lies, in strides: 0.5 for NanoDet, 0 for NanoDet-Plus.
    pub anchor: f32,
}

impl NanoDet {
    /// Appends every person surer than `threshold` to `out`.
    ///
    /// `outputs` holds the class outputs of all levels, then their distributions, as
    /// [`Self::strides`] orders them. `input` is the network's input width and height, px.
    pub fn decode(
        &self,
        outputs: &[Tensor<'_>],
        input: (u32, u32),
        threshold: f32,
        out: &mut Vec<Candidate>,
    ) -> Result<(), HeadError> {
        let levels = self.strides.len();
        if outputs.len() != 2 * levels {
            return Err(HeadError::Count {
                expected: 2 * levels,
                found: outputs.len(),
            });
        }
        let (scores, edges) = outputs.split_at(levels);
        for ((&stride, &score), &edge) in self.strides.iter().zip(scores).zip(edges) {
            let (across, down) = cells(input, stride);
            let count = dim(across * down);
            score.expect(&[1, count, dim(self.classes)], "1, cells, classes")?;
            edge.expect(&[1, count, dim(4 * self.bins)], "1, cells, 4 * bins")?;
            if self.person < self.classes {
                self.level(score, edge, stride, (across, down), threshold, out)?;
            }
        }
        Ok(())
    }

    /// One level's cells.
    fn level(
        &self,
        scores: Tensor<'_>,
        edges: Tensor<'_>,
        stride: u32,
        (across, down): (usize, usize),
        threshold: f32,
        out: &mut Vec<Candidate>,
    ) -> Result<(), HeadError> {
        let stride = stride as f32;
        for cell in 0..across * down {
            let score = scores.score(cell * self.classes + self.person)?;
            if score <= threshold {
                continue;
            }
            let x = ((cell % across) as f32 + self.anchor) * stride;
            let y = ((cell / across) as f32 + self.anchor) * stride;
            let mut distance = [0.0_f32; 4];
            for (edge, value) in distance.iter_mut().enumerate() {
                let start = (cell * 4 + edge) * self.bins;
                *value = expectation(&edges.data[start..start + self.bins]) * stride;
                if !value.is_finite() {
                    return Err(edges.not_finite(broken(edges.data, start, self.bins)));
                }
            }
            let [left, top, right, bottom] = distance;
            out.push(Candidate::new(
                x - left,
                y - top,
                x + right,
                y + bottom,
                score,
            ));
        }
        Ok(())
    }
}

/// The mean of 0, 1, 2, ... under the softmax of `logits`; NaN when a logit is not finite.
fn expectation(logits: &[f32]) -> f32 {
    let top = logits.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    let (mut sum, mut weighted) = (0.0_f32, 0.0_f32);
    for (bin, &logit) in logits.iter().enumerate() {
        let weight = libm::expf(logit - top);
        sum += weight;
        weighted += weight * bin as f32;
    }
    weighted / sum
}

/// The first number that is not finite among `count` from `start`.
fn broken(data: &[f32], start: usize, count: usize) -> usize {
    let offset = data[start..start + count]
        .iter()
        .position(|value| !value.is_finite());
    start + offset.unwrap_or(0)
}
