//! From YUV planes to the network's tensor in one pass: crop, scale, letterbox, colour, normalise.
//!
//! Theory of operation. The geometry is worked out once ([`Axis`] tables); a frame then costs, for
//! each output row, one vertical blend of contiguous source rows into 16-bit sums (vectorised), one
//! horizontal blend through the column table, and one colour pass in f32 (vectorised). Chroma is
//! sampled at half the output's resolution, as it came in half the picture's. Padding is written
//! once and never touched again. Nothing is allocated for a frame, and the numbers are the same on
//! every machine: sums are integers and each f32 operation is rounded on its own.
//!
//! Chroma is taken as centred between its four luma pixels. Video that sites it to the left is off
//! by a quarter of a chroma pixel, which no detector can tell.

mod axis;
mod kernel;

use axis::Axis;

use super::view::{Matrix, Range, YuvView};
use super::{Colour, InferenceError, Normalise};
use crate::detection::Letterbox;
use kernel::{Coefficients, Job, Scratch};

/// Fills tensors for one geometry after another; keeps its tables while the geometry stays.
#[derive(Debug)]
pub struct Preparer {
    normalise: Normalise,
    pad: u8,
    plan: Option<Plan>,
}

/// Everything about a geometry that does not depend on the pixels.
#[derive(Debug)]
struct Plan {
    laid: Letterbox,
    /// Columns and rows of luma, then of chroma.
    luma: (Axis, Axis),
    chroma: (Axis, Axis),
    scratch: Scratch,
}

impl Preparer {
    /// Prepares tensors with these colours, and padding of grey level `pad`.
    pub fn new(normalise: Normalise, pad: u8) -> Self {
        Self {
            normalise,
            pad,
            plan: None,
        }
    }

    /// Numbers in a tensor for an input of `input` pixels.
    pub fn elements(input: (u32, u32)) -> usize {
        3 * input.0 as usize * input.1 as usize
    }

    /// Writes `frame` as `laid` says into `tensor`: 3 planes of rows (NCHW without the N).
    ///
    /// `fresh` says that the tensor's padding was not written by this preparer for this geometry.
    /// A source rectangle that reaches outside the frame is refused.
    pub fn fill(
        &mut self,
        frame: &YuvView<'_>,
        laid: &Letterbox,
        fresh: bool,
        tensor: &mut [f32],
    ) -> Result<(), InferenceError> {
        frame.check()?;
        if tensor.len() != Self::elements(laid.input) {
            return Err(InferenceError::Picture(format!(
                "a tensor of {} numbers is not an input of {} x {}",
                tensor.len(),
                laid.input.0,
                laid.input.1
            )));
        }
        let inside = laid.source.within(frame.width as u32, frame.height as u32);
        if inside != Some(laid.source) {
            return Err(InferenceError::Picture(format!(
                "the part to look at {:?} reaches outside the picture of {} x {}",
                laid.source, frame.width, frame.height
            )));
        }
        if self.plan.as_ref().is_none_or(|plan| plan.laid != *laid) {
            self.plan = Some(Plan::new(*laid, frame));
            self.write_padding(tensor);
        } else if fresh {
            self.write_padding(tensor);
        }
        let coefficients = Coefficients::new(frame.range, frame.matrix, &self.normalise);
        if let Some(plan) = &mut self.plan {
            plan.run(frame, &coefficients, tensor);
        }
        Ok(())
    }

    /// The whole tensor at the level of padding.
    fn write_padding(&self, tensor: &mut [f32]) {
        let plane = (tensor.len() / 3).max(1);
        for (channel, rows) in tensor.chunks_exact_mut(plane).enumerate() {
            let (scale, shift) = self.normalise.of(channel);
            rows.fill(f32::from(self.pad) * scale + shift);
        }
    }
}

impl Plan {
    fn new(laid: Letterbox, frame: &YuvView<'_>) -> Self {
        let (across, down) = laid.source_per_input();
        let (wide, tall) = (laid.resized.0 as usize, laid.resized.1 as usize);
        let (chroma_wide, chroma_tall) = frame.chroma_size();
        let source = laid.source;
        let luma = (
            Axis::new(wide, across, 0.0, source.width as usize),
            Axis::new(tall, down, 0.0, source.height as usize),
        );
        // A chroma sample of the output covers two of its pixels, one of the source two of its
        // own: the step is the same. The crop may begin in the middle of a source sample.
        let first = |edge: u32| (edge / 2) as usize;
        let odd = |edge: u32| f64::from(edge % 2) * 0.5;
        let chroma = (
            Axis::new(
                wide.div_ceil(2),
                across,
                odd(source.left),
                chroma_span(source.left, source.width).min(chroma_wide - first(source.left)),
            ),
            Axis::new(
                tall.div_ceil(2),
                down,
                odd(source.top),
                chroma_span(source.top, source.height).min(chroma_tall - first(source.top)),
            ),
        );
        let scratch = Scratch::new(source.width as usize, wide);
        Self {
            laid,
            luma,
            chroma,
            scratch,
        }
    }

    fn run(&mut self, frame: &YuvView<'_>, coefficients: &Coefficients, tensor: &mut [f32]) {
        self.run_with(frame, coefficients, tensor, kernel::run);
    }

    /// With the loops given: the tests compare those for any processor with those chosen.
    fn run_with(
        &mut self,
        frame: &YuvView<'_>,
        coefficients: &Coefficients,
        tensor: &mut [f32],
        run: fn(&Job<'_>, &mut Scratch, &mut [f32]),
    ) {
        let source = self.laid.source;
        let job = Job {
            frame,
            left: source.left as usize,
            top: source.top as usize,
            width: source.width as usize,
            chroma_left: (source.left / 2) as usize,
            chroma_top: (source.top / 2) as usize,
            chroma_width: chroma_span(source.left, source.width)
                .min(frame.chroma_size().0 - (source.left / 2) as usize),
            luma: (&self.luma.0, &self.luma.1),
            chroma: (&self.chroma.0, &self.chroma.1),
            offset: (self.laid.offset.0 as usize, self.laid.offset.1 as usize),
            input: (self.laid.input.0 as usize, self.laid.input.1 as usize),
            resized: (self.laid.resized.0 as usize, self.laid.resized.1 as usize),
            coefficients,
        };
        run(&job, &mut self.scratch, tensor);
    }
}

/// Chroma samples touched by `length` luma pixels from `edge`.
fn chroma_span(edge: u32, length: u32) -> usize {
    ((edge + length).div_ceil(2) - edge / 2) as usize
}

#[cfg(test)]
mod tests;
