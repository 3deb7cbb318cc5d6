//! Everything but what stays clear made too coarse to know anybody by.
//!
//! Theory of operation: the picture becomes [`BLOCKS`] blocks along its longer side, each of one colour: the mean of its
//! pixels, rounded to [`SHADES_APART`] levels. A mosaic of a *moving* picture can be undone in part, because each picture samples the face
//! at another place; so the mosaic is made anew only every [`STANDS`], which leaves two samples a
//! second. Means and roundings lose what they lose: nothing else of those pixels is handed on.
//!
//! It deliberately looks for no faces: what finds most of them leaves the others clear.

use super::mask::{Mask, Stretch};
use crate::capture::{Plane, Planes};
use crate::units::Span;

/// Blocks along the longer side of a picture. People recognise familiar faces down to about 7 x 10
/// pixels a face (Sinha and others 2006, "Nineteen results", result 1); one that is an eighth as wide as the
/// picture, far nearer than anybody comes to a camera above a door, is 4.
const BLOCKS: usize = 32;
/// No block is smaller, px: small pictures hold little detail, but faces as few blocks.
const LEAST_BLOCK: usize = 12;
/// Levels between two shades of a block.
const SHADES_APART: u32 = 8;
/// How long a mosaic stands.
pub(super) const STANDS: Span = Span::from_ms(500);

/// Blurs pictures of one size, in order of time.
#[derive(Debug)]
pub(super) struct Blur {
    mask: Mask,
    width: usize,
    height: usize,
    /// Pixels along a block's side; even, so that chroma has whole blocks too.
    block: usize,
    /// When the mosaic was made.
    since: Option<Span>,
    /// Luma, then both chromas, without padding.
    mosaic: Vec<u8>,
    out: Vec<u8>,
}

impl Blur {
    /// For pictures of this size.
    pub(super) fn new(mask: Mask, width: usize, height: usize) -> Self {
        let block = width.max(height).div_ceil(BLOCKS).max(LEAST_BLOCK);
        let len = width * height + 2 * width.div_ceil(2) * height.div_ceil(2);
        Self {
            mask,
            width,
            height,
            block: block.next_multiple_of(2),
            since: None,
            mosaic: vec![0; len],
            out: vec![0; len],
        }
    }

    /// Whether it fits pictures of this size.
    pub(super) fn fits(&self, width: usize, height: usize) -> bool {
        (self.width, self.height) == (width, height)
    }

    /// The picture taken at `time`, blurred.
    pub(super) fn apply(&mut self, planes: &Planes<'_>, time: Span) -> Planes<'_> {
        let luma = self.width * self.height;
        let chroma = self.width.div_ceil(2) * self.height.div_ceil(2);
        let parts = [
            (0..luma, &planes.y, self.block, &self.mask.luma),
            (
                luma..luma + chroma,
                &planes.u,
                self.block / 2,
                &self.mask.chroma,
            ),
            (
                luma + chroma..luma + 2 * chroma,
                &planes.v,
                self.block / 2,
                &self.mask.chroma,
            ),
        ];
        let stands = self
            .since
            .is_some_and(|since| Span::ZERO <= time - since && time - since < STANDS);
        if !stands {
            for (range, plane, block, _) in &parts {
                make_mosaic(&mut self.mosaic[range.clone()], plane, *block);
            }
            self.since = Some(time);
        }
        self.out.copy_from_slice(&self.mosaic);
        for (range, plane, _, clear) in parts {
            copy_clear(&mut self.out[range], plane, clear);
        }
        let (y, rest) = self.out.split_at(luma);
        let (u, v) = rest.split_at(chroma);
        let plane = |data, like: &Plane<'_>| Plane {
            data,
            stride: like.width,
            width: like.width,
            height: like.height,
        };
        Planes {
            y: plane(y, &planes.y),
            u: plane(u, &planes.u),
            v: plane(v, &planes.v),
        }
    }
}

/// Fills `out` with blocks of one value each.
fn make_mosaic(out: &mut [u8], plane: &Plane<'_>, block: usize) {
    let columns = plane.width.div_ceil(block);
    let bands = out.chunks_mut(plane.width * block);
    for (band, rows) in bands.enumerate() {
        let first = band * block;
        let count = rows.len() / plane.width;
        let mut sums = vec![0_u32; columns];
        for row in first..first + count {
            for (sum, pixels) in sums.iter_mut().zip(plane.row(row).chunks(block)) {
                *sum += pixels.iter().map(|pixel| u32::from(*pixel)).sum::<u32>();
            }
        }
        let (top, others) = rows.split_at_mut(plane.width);
        for (sum, pixels) in sums.iter().zip(top.chunks_mut(block)) {
            let mean = sum / (pixels.len() * count) as u32;
            let shade = (mean + SHADES_APART / 2) / SHADES_APART * SHADES_APART;
            pixels.fill(shade.min(255) as u8);
        }
        for row in others.chunks_exact_mut(plane.width) {
            row.copy_from_slice(top);
        }
    }
}

fn copy_clear(out: &mut [u8], plane: &Plane<'_>, clear: &[Vec<Stretch>]) {
    let rows = out.chunks_exact_mut(plane.width).zip(clear);
    for (number, (row, stretches)) in rows.enumerate() {
        for (start, end) in stretches {
            row[*start..*end].copy_from_slice(&plane.row(number)[*start..*end]);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::Region;
    use super::*;
    use crate::detection::PointInImage;

    const WIDTH: usize = 101;
    const HEIGHT: usize = 67;

    fn picture(seed: usize) -> Vec<u8> {
        let len = WIDTH * HEIGHT + 2 * WIDTH.div_ceil(2) * HEIGHT.div_ceil(2);
        (0..len)
            .map(|at| ((at * 7919 + seed * 104_729) >> 3) as u8)
            .collect()
    }

    fn planes(bytes: &[u8]) -> Planes<'_> {
        let (half_width, half_height) = (WIDTH.div_ceil(2), HEIGHT.div_ceil(2));
        let (y, rest) = bytes.split_at(WIDTH * HEIGHT);
        let (u, v) = rest.split_at(half_width * half_height);
        let plane = |data, width, height| Plane {
            data,
            stride: width,
            width,
            height,
        };
        Planes {
            y: plane(y, WIDTH, HEIGHT),
            u: plane(u, half_width, half_height),
            v: plane(v, half_width, half_height),
        }
    }

    fn portal() -> Region {
        let corner = |x, y| PointInImage { x, y };
        Region::Rectangle(corner(31.0, 11.0), corner(60.0, 50.0))
    }

    #[test]
    fn clear_pixels_are_those_of_the_picture_and_no_others() {
        let mask = Mask::new(&[portal()], WIDTH, HEIGHT);
        let mut blur = Blur::new(mask.clone(), WIDTH, HEIGHT);
        let original = picture(1);
        let blurred = blur.apply(&planes(&original), Span::ZERO);
        let block = 12;
        let mut shades = std::collections::BTreeMap::new();
        for row in 0..HEIGHT {
            for column in 0..WIDTH {
                let is_clear = mask.luma[row]
                    .iter()
                    .any(|(s, e)| (*s..*e).contains(&column));
                let (was, is) = (
                    planes(&original).y.row(row)[column],
                    blurred.y.row(row)[column],
                );
                if is_clear {
                    assert_eq!(was, is);
                } else {
                    let place = (row / block, column / block);
                    assert_eq!(*shades.entry(place).or_insert(is), is, "{place:?}");
                    assert!(is % 8 == 0 || is == 255);
                }
            }
        }
        assert_eq!(
            shades.len(),
            48,
            "blocks of 12 px that are not wholly clear"
        );
    }

    /// Two pictures that differ only where nothing stays clear, in what means do not show, are the same.
    #[test]
    fn what_is_hidden_leaves_no_trace() {
        let mask = Mask::new(&[portal()], WIDTH, HEIGHT);
        let one = picture(1);
        let mut other = one.clone();
        for row in 0..HEIGHT {
            for start in (0..WIDTH - 12).step_by(12) {
                let clear = |at: usize| mask.luma[row].iter().any(|(s, e)| (*s..*e).contains(&at));
                if !(start..start + 12).any(clear) {
                    other[row * WIDTH + start..row * WIDTH + start + 12].reverse();
                }
            }
        }
        assert_ne!(one, other);
        let mut first = Blur::new(mask.clone(), WIDTH, HEIGHT);
        let mut second = Blur::new(mask, WIDTH, HEIGHT);
        let shown = first.apply(&planes(&one), Span::ZERO);
        assert_eq!(
            shown.y.data,
            second.apply(&planes(&other), Span::ZERO).y.data
        );
    }

    #[test]
    fn a_mosaic_stands_for_half_a_second() {
        let mut blur = Blur::new(Mask::new(&[portal()], WIDTH, HEIGHT), WIDTH, HEIGHT);
        let (one, other) = (picture(1), picture(2));
        let corner = |shown: Planes<'_>| (shown.u.data[0], shown.y.row(30)[40]);
        let first = corner(blur.apply(&planes(&one), Span::ZERO));
        let during = corner(blur.apply(&planes(&other), Span::from_ms(499)));
        let after = corner(blur.apply(&planes(&other), Span::from_ms(500)));
        assert_eq!(first.0, during.0);
        assert_ne!(first.1, during.1, "what is clear moves on");
        assert_eq!(during.1, after.1);
    }
}
