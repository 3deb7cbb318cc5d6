//! Where the samples of one axis come from: worked out once for a geometry, read for every frame.
//!
//! An output sample is a weighted sum of `taps` neighbouring source samples. Enlarging, and
//! reducing less than twice, interpolates between two (what detectors were trained with: bilinear,
//! pixel centres aligned); reducing further averages over the area an output sample covers, so that
//! no source pixel is skipped and thin things don't flicker.

/// Weights of one output sample add up to this: 255 times it still fits 16 bits.
pub const UNIT: u16 = 256;

/// Reducing by this or more averages over the area instead of interpolating.
const AREA_FROM: f64 = 2.0;

/// The sampling of one axis.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Axis {
    /// First source sample of each output sample.
    pub start: Vec<u32>,
    /// `taps` weights for each output sample, adding up to [`UNIT`].
    pub weights: Vec<u16>,
    /// Source samples for one output sample.
    pub taps: usize,
}

impl Axis {
    /// `count` output samples, each `step` source samples wide, over `length` source samples of
    /// which the first output sample starts at `origin`.
    pub fn new(count: usize, step: f64, origin: f64, length: usize) -> Self {
        let length = length.max(1);
        let spans: Vec<(f64, f64)> = (0..count).map(|index| span(index, step, origin)).collect();
        let wanted = if step < AREA_FROM {
            2
        } else {
            step.ceil() as usize + 1
        };
        let taps = wanted.min(length);
        let mut axis = Self {
            start: Vec::with_capacity(count),
            weights: Vec::with_capacity(count * taps),
            taps,
        };
        for (low, high) in spans {
            let (start, shares) = if step < AREA_FROM {
                interpolated(0.5 * (low + high) - 0.5, length, taps)
            } else {
                averaged(low, high, length, taps)
            };
            axis.start.push(u32::try_from(start).unwrap_or(u32::MAX));
            quantise(&shares, &mut axis.weights);
        }
        axis
    }

    /// The source samples and weights of output sample `index`.
    pub fn taps_of(&self, index: usize) -> (usize, &[u16]) {
        let first = index * self.taps;
        (
            self.start[index] as usize,
            &self.weights[first..first + self.taps],
        )
    }
}

/// The source span that output sample `index` covers.
fn span(index: usize, step: f64, origin: f64) -> (f64, f64) {
    let low = origin + index as f64 * step;
    (low, low + step)
}

/// Two neighbours around `centre` (0 is the middle of the first source sample).
fn interpolated(centre: f64, length: usize, taps: usize) -> (usize, Vec<f64>) {
    let last = (length - 1) as f64;
    let centre = centre.clamp(0.0, last);
    let start = (centre.floor() as usize).min(length - taps);
    let share = centre - start as f64;
    if taps == 1 {
        return (0, vec![1.0]);
    }
    (start, vec![1.0 - share, share])
}

/// Every sample that `low..high` touches, by how much.
fn averaged(low: f64, high: f64, length: usize, taps: usize) -> (usize, Vec<f64>) {
    let end = length as f64;
    let (low, high) = (low.clamp(0.0, end), high.clamp(0.0, end));
    let start = (low.floor() as usize).min(length - taps);
    let mut shares: Vec<f64> = (start..start + taps)
        .map(|sample| (high.min(sample as f64 + 1.0) - low.max(sample as f64)).max(0.0))
        .collect();
    let sum: f64 = shares.iter().sum();
    if sum <= 0.0 {
        shares = vec![0.0; taps];
        shares[taps - 1] = 1.0;
        return (start, shares);
    }
    (start, shares.into_iter().map(|share| share / sum).collect())
}

/// Whole weights that add up to [`UNIT`] exactly: each running sum is rounded, not each share.
fn quantise(shares: &[f64], weights: &mut Vec<u16>) {
    let mut sum = 0.0;
    let mut given = 0_u16;
    for (index, share) in shares.iter().enumerate() {
        sum += share;
        let upto = if index + 1 == shares.len() {
            UNIT
        } else {
            ((sum * f64::from(UNIT)).round() as u16).clamp(given, UNIT)
        };
        weights.push(upto - given);
        given = upto;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[track_caller]
    fn check(count: usize, step: f64, length: usize, expect: &[(u32, &[u16])]) {
        let axis = Axis::new(count, step, 0.0, length);
        for (index, &(start, weights)) in expect.iter().enumerate() {
            assert_eq!((axis.start[index], axis.taps_of(index).1), (start, weights));
        }
    }

    #[test]
    fn samples_come_from_where_their_middle_lies() {
        check(2, 1.0, 2, &[(0, &[256, 0]), (0, &[0, 256])]);
        check(
            4,
            0.5,
            2,
            &[
                (0, &[256, 0]),
                (0, &[192, 64]),
                (0, &[64, 192]),
                (0, &[0, 256]),
            ],
        );
        check(2, 1.5, 3, &[(0, &[192, 64]), (1, &[64, 192])]);
        check(1, 2.0, 2, &[(0, &[128, 128])]);
        check(2, 3.0, 6, &[(0, &[85, 86, 85, 0]), (2, &[0, 85, 86, 85])]);
        check(3, 0.3, 1, &[(0, &[256]), (0, &[256]), (0, &[256])]);
    }

    proptest! {
        #[test]
        fn weights_add_up_and_stay_inside(
            count in 1_usize..300, length in 1_usize..2000, origin in 0.0_f64..1.0,
        ) {
            let step = length as f64 / count as f64;
            let axis = Axis::new(count, step, origin, length);
            prop_assert_eq!(axis.start.len(), count);
            for index in 0..count {
                let (start, weights) = axis.taps_of(index);
                prop_assert!(start + axis.taps <= length);
                let sum: u32 = weights.iter().map(|&w| u32::from(w)).sum();
                prop_assert_eq!(sum, u32::from(UNIT));
            }
        }
    }
}
