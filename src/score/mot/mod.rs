//! MOT metrics: HOTA, IDF1 and MOTA of tracked boxes against ground truth.
//!
//! Theory of operation. [`parse_rows`] reads MOTChallenge text, [`Sequence::new`] brings truth and
//! tracks together frame by frame (with the benchmark's rules on who counts), and [`hota()`],
//! [`identity()`] and [`clear()`] are pure functions of that. The definitions are those of the papers
//! as the reference implementation of the benchmark (TrackEval) makes them exact; the integration
//! tests hold the two together to three decimals.
//!
//! It opens no file and knows of no class but "person".

mod clear;
mod hota;
mod identity;
mod rows;
mod sequence;

pub use clear::{Clear, clear};
pub use hota::{Hota, hota};
pub use identity::{Identity, identity};
pub use rows::{MotRow, parse_rows};
pub use sequence::{FrameOverlaps, Sequence, TruthRules};

/// All three families at once, each a share between 0 and 1 (MOTA can be negative).
#[derive(Debug, Clone, PartialEq)]
pub struct MotScore {
    /// Detection and association in balance.
    pub hota: Hota,
    /// Whole-sequence identity.
    pub identity: Identity,
    /// Frame-by-frame errors.
    pub clear: Clear,
}

/// Scores one sequence by all three families.
pub fn score(sequence: &Sequence) -> MotScore {
    MotScore {
        hota: hota(sequence),
        identity: identity(sequence),
        clear: clear(sequence),
    }
}

/// `part / whole`, or 0 where there is nothing to divide by.
fn share(part: f64, whole: f64) -> f64 {
    if whole > 0.0 { part / whole } else { 0.0 }
}

#[cfg(test)]
mod tests;
