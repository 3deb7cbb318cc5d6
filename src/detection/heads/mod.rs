//! What comes out of a detector network, decoded to boxes: one file a family.
//!
//! A network's outputs are tensors whose meaning only its family knows: offsets in a grid,
//! distributions over distances, centres and sizes. Each family here turns its tensors into
//! [`Candidate`]s in pixels of the network's *input*; [`suppress`](super::suppress()) keeps one a person and
//! [`super::Letterbox`] takes them to the picture. Tensors arrive as plain slices, so nothing here
//! knows the runtime that made them.
//!
//! A tensor of the wrong shape, a number that is none, or a score that is no probability is
//! refused by name: a network of another family must not pass for an empty room.

mod detr;
mod lintel;
mod nanodet;
mod yolov8;
mod yolox;

pub use detr::{DetrBoxes, DetrLogits};
pub use lintel::Lintel;
pub use nanodet::NanoDet;
pub use yolov8::YoloV8;
pub use yolox::YoloX;

use thiserror::Error;

/// A score may pass 1 by this much before it is refused: rounding of the last layer.
const SCORE_SLACK: f32 = 1e-3;

/// A person a network thinks it saw, in pixels of the network's input.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Candidate {
    /// Left edge, px.
    pub left: f32,
    /// Top edge, px.
    pub top: f32,
    /// Right edge, px.
    pub right: f32,
    /// Bottom edge, px.
    pub bottom: f32,
    /// How sure, 0 to 1.
    pub score: f32,
    /// What the family says beyond the box.
    pub parts: Option<Parts>,
}

/// Where a person's parts are, in pixels of the network's input; hidden ones are guessed, and may
/// lie outside of it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Parts {
    /// The whole body as if nothing hid it: left, top, right, bottom.
    pub body: [f32; 4],
    /// The floor point below the body's middle: x, y.
    pub foot: (f32, f32),
    /// The top of the head: x, y.
    pub head_top: (f32, f32),
}

/// One output of a network: its name, shape and numbers, row-major.
#[derive(Debug, Clone, Copy)]
pub struct Tensor<'a> {
    /// The output's name in the model file.
    pub name: &'a str,
    /// Its dimensions; the first is the batch.
    pub shape: &'a [i64],
    /// Its numbers; as many as the dimensions say.
    pub data: &'a [f32],
}

/// Why a network's output can't be read.
#[derive(Debug, Clone, PartialEq, Error)]
pub enum HeadError {
    /// The output's shape is not the family's.
    #[error("output `{output}` has shape {found:?}, the family wants {expected}")]
    Shape {
        /// The output's name.
        output: String,
        /// What the family wants, in words and numbers.
        expected: String,
        /// What was found.
        found: Vec<i64>,
    },
    /// The network gave fewer or more outputs than the family reads.
    #[error("the network gave {found} outputs, the family reads {expected}")]
    Count {
        /// How many the family reads.
        expected: usize,
        /// How many there are.
        found: usize,
    },
    /// A number is not finite.
    #[error(
        "output `{output}` holds {value} at element {index}: the network or its input is broken"
    )]
    NotFinite {
        /// The output's name.
        output: String,
        /// Position in the output, row-major.
        index: usize,
        /// `NaN`, `inf` or `-inf`.
        value: String,
    },
    /// A score is not a probability.
    #[error(
        "output `{output}` holds the score {value} at element {index}, outside 0 to 1: \
         another family, or raw logits"
    )]
    Score {
        /// The output's name.
        output: String,
        /// Position in the output, row-major.
        index: usize,
        /// The score found.
        value: f32,
    },
}

impl Candidate {
    /// A box from its edges, px, and nothing more.
    pub const fn new(left: f32, top: f32, right: f32, bottom: f32, score: f32) -> Self {
        Self {
            left,
            top,
            right,
            bottom,
            score,
            parts: None,
        }
    }

    /// A box from its middle and size, px.
    pub(crate) fn from_centre(x: f32, y: f32, width: f32, height: f32, score: f32) -> Self {
        let (across, down) = (0.5 * width, 0.5 * height);
        Self::new(x - across, y - down, x + across, y + down, score)
    }

    /// Intersection over union with `other`, 0 to 1; 0 when neither has an area.
    pub fn iou(&self, other: &Self) -> f32 {
        let width = self.right.min(other.right) - self.left.max(other.left);
        let height = self.bottom.min(other.bottom) - self.top.max(other.top);
        let shared = width.max(0.0) * height.max(0.0);
        let union = self.area() + other.area() - shared;
        if union > 0.0 { shared / union } else { 0.0 }
    }

    fn area(&self) -> f32 {
        (self.right - self.left).max(0.0) * (self.bottom - self.top).max(0.0)
    }

    fn is_finite(&self) -> bool {
        [self.left, self.top, self.right, self.bottom]
            .iter()
            .all(|edge| edge.is_finite())
    }
}

impl Tensor<'_> {
    /// Whether the shape is exactly `shape` and the numbers are as many as it says.
    fn expect(&self, shape: &[i64], words: &str) -> Result<(), HeadError> {
        let elements: i64 = shape.iter().product();
        let as_many = i64::try_from(self.data.len()) == Ok(elements);
        if self.shape == shape && as_many {
            return Ok(());
        }
        Err(HeadError::Shape {
            output: self.name.to_owned(),
            expected: format!("{shape:?} ({words})"),
            found: self.shape.to_vec(),
        })
    }

    fn not_finite(&self, index: usize) -> HeadError {
        HeadError::NotFinite {
            output: self.name.to_owned(),
            index,
            value: self
                .data
                .get(index)
                .map_or_else(String::new, f32::to_string),
        }
    }

    /// The probability at `index`, or why it is none.
    fn score(&self, index: usize) -> Result<f32, HeadError> {
        let value = self.data[index];
        if !value.is_finite() {
            return Err(self.not_finite(index));
        }
        if !(-SCORE_SLACK..=1.0 + SCORE_SLACK).contains(&value) {
            return Err(HeadError::Score {
                output: self.name.to_owned(),
                index,
                value,
            });
        }
        Ok(value.clamp(0.0, 1.0))
    }
}

/// Width and height in cells of a grid of `stride` pixels over an input of `input` pixels.
fn cells(input: (u32, u32), stride: u32) -> (usize, usize) {
    let stride = stride.max(1);
    (
        (input.0.div_ceil(stride)) as usize,
        (input.1.div_ceil(stride)) as usize,
    )
}

/// Dimensions as the runtime says them.
fn dim(value: usize) -> i64 {
    i64::try_from(value).unwrap_or(i64::MAX)
}

/// The logistic function, bit-equal on all machines.
fn sigmoid(x: f32) -> f32 {
    1.0 / (1.0 + libm::expf(-x))
}

#[cfg(test)]
mod tests;
