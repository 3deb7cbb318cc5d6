//! Lintel, this project's own network: what shows of a person, the whole body, foot and head.
//!
//! Output `[1, cells, 13]`, cells of all strides one after another, row by row. A row is the score
//! (a probability), then pixels of the input relative to the *middle* of its cell: the visible box
//! and the full body's (left, top, right, bottom), the floor point below the body (x, y) and the
//! head's middle (x, y). `models/training/README.md` says how it is taught.
//!
//! The engine's head is the *top* of the head, which a view from above shows elsewhere than the
//! upper edge: it lies as much beyond the head's middle as a head is high, on the line from the
//! foot.

use super::{Candidate, HeadError, Parts, Tensor, cells, dim};

/// Numbers in a row.
const COLUMNS: usize = 13;

/// From the head's middle to its top, as a share of the way from the floor to the head's middle:
/// half a head, 0.12 m, of 1.6 m.
const HEAD_TOP_SHARE: f32 = 0.075;

/// How to read the network's output.
#[derive(Debug, Clone, PartialEq)]
pub struct Lintel {
    /// Input pixels per grid cell, one entry a level, in the order of the output's rows.
    pub strides: Vec<u32>,
}

impl Lintel {
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
        let levels = || {
            self.strides
                .iter()
                .map(|&stride| (stride, cells(input, stride)))
        };
        let rows: usize = levels().map(|(_, (across, down))| across * down).sum();
        output.expect(&[1, dim(rows), dim(COLUMNS)], "1, cells, 13")?;
        let mut start = 0;
        for (stride, (across, down)) in levels() {
            for cell in 0..across * down {
                let score = output.score(start)?;
                if score > threshold {
                    let middle = |at: usize| (at as f32 + 0.5) * stride as f32;
                    let middle = (middle(cell % across), middle(cell / across));
                    out.push(person(output, start, middle, score)?);
                }
                start += COLUMNS;
            }
        }
        Ok(())
    }
}

/// The person of the row that begins at `start`.
fn person(
    output: Tensor<'_>,
    start: usize,
    (x, y): (f32, f32),
    score: f32,
) -> Result<Candidate, HeadError> {
    let places = &output.data[start + 1..start + COLUMNS];
    if let Some(bad) = places.iter().position(|value| !value.is_finite()) {
        return Err(output.not_finite(start + 1 + bad));
    }
    let at = |index: usize| {
        let origin = if index.is_multiple_of(2) { x } else { y };
        origin + places[index]
    };
    let foot = (at(8), at(9));
    let head = (at(10), at(11));
    let beyond = |head: f32, foot: f32| head + HEAD_TOP_SHARE * (head - foot);
    Ok(Candidate {
        parts: Some(Parts {
            body: [at(4), at(5), at(6), at(7)],
            foot,
            head_top: (beyond(head.0, foot.0), beyond(head.1, foot.1)),
        }),
        ..Candidate::new(at(0), at(1), at(2), at(3), score)
    })
}
