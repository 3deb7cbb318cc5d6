//! DETR style: a fixed number of queries, each one box; nothing to suppress.
//!
//! Two ways to export them are met. [`DetrBoxes`] (D-FINE, RT-DETR): outputs `labels` `[1, Q]`,
//! `boxes` `[1, Q, 4]` as left, top, right, bottom in the size given as `orig_target_sizes`, which
//! the caller sets to the network's input, and `scores` `[1, Q]`. [`DetrLogits`] (RF-DETR, and the
//! others without their post-processor): boxes `[1, Q, 4]` as centre and size in 0..1 of the
//! input, and class logits `[1, Q, classes]`.

use super::{Candidate, HeadError, Tensor, dim, sigmoid};

/// How to read outputs that are already decoded.
#[derive(Debug, Clone, PartialEq)]
pub struct DetrBoxes {
    /// Which label is a person.
    pub person: i64,
}

/// How to read raw outputs.
#[derive(Debug, Clone, PartialEq)]
pub struct DetrLogits {
    /// How many classes the network knows.
    pub classes: usize,
    /// Which of them is a person (1 in the 91 of COCO with its gaps, 0 in the 80 without).
    pub person: usize,
}

impl DetrBoxes {
    /// Appends every person surer than `threshold` to `out`. Boxes are in pixels of the input.
    ///
    /// `labels` has the shape `[1, Q]` given in `labels_shape`; the runtime hands it as integers.
    pub fn decode(
        &self,
        labels: &[i64],
        boxes: Tensor<'_>,
        scores: Tensor<'_>,
        threshold: f32,
        out: &mut Vec<Candidate>,
    ) -> Result<(), HeadError> {
        let queries = labels.len();
        boxes.expect(&[1, dim(queries), 4], "1, queries, 4")?;
        scores.expect(&[1, dim(queries)], "1, queries")?;
        for (query, &label) in labels.iter().enumerate() {
            let score = scores.score(query)?;
            if label != self.person || score <= threshold {
                continue;
            }
            let [left, top, right, bottom] = corners(boxes, query)?;
            out.push(Candidate::new(left, top, right, bottom, score));
        }
        Ok(())
    }
}

impl DetrLogits {
    /// Appends every person surer than `threshold` to `out`.
    ///
    /// `input` is the network's input width and height, px.
    pub fn decode(
        &self,
        boxes: Tensor<'_>,
        logits: Tensor<'_>,
        input: (u32, u32),
        threshold: f32,
        out: &mut Vec<Candidate>,
    ) -> Result<(), HeadError> {
        let queries = boxes.data.len() / 4;
        boxes.expect(&[1, dim(queries), 4], "1, queries, 4")?;
        logits.expect(&[1, dim(queries), dim(self.classes)], "1, queries, classes")?;
        if self.person >= self.classes {
            return Ok(());
        }
        let (across, down) = (input.0 as f32, input.1 as f32);
        for query in 0..queries {
            let index = query * self.classes + self.person;
            let logit = logits.data[index];
            if !logit.is_finite() {
                return Err(logits.not_finite(index));
            }
            let score = sigmoid(logit);
            if score <= threshold {
                continue;
            }
            let [x, y, width, height] = corners(boxes, query)?;
            out.push(Candidate::from_centre(
                x * across,
                y * down,
                width * across,
                height * down,
                score,
            ));
        }
        Ok(())
    }
}

/// The four numbers of one query's box, all finite.
fn corners(boxes: Tensor<'_>, query: usize) -> Result<[f32; 4], HeadError> {
    let start = query * 4;
    let corners = [0, 1, 2, 3].map(|edge| boxes.data[start + edge]);
    match corners.iter().position(|value| !value.is_finite()) {
        Some(edge) => Err(boxes.not_finite(start + edge)),
        None => Ok(corners),
    }
}
