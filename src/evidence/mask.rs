//! Which pixels of a picture stay clear.
//!
//! Theory of operation: a pixel is in a region if its middle is. Regions become stretches of each row, once a
//! clip. A chroma sample belongs to up to four pixels and stays clear only if all of them do: colour
//! of what is hidden must not leak.
//!
//! It deliberately errs on the hidden side: a region with a corner that is no number hides all of it.

use super::Region;

/// From the first pixel to before the second.
pub(super) type Stretch = (usize, usize);

/// The stretches of each row that stay clear.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Mask {
    /// By row of luma.
    pub(super) luma: Vec<Vec<Stretch>>,
    /// By row of chroma.
    pub(super) chroma: Vec<Vec<Stretch>>,
}

impl Mask {
    /// The mask of a picture of this size.
    pub(super) fn new(regions: &[Region], width: usize, height: usize) -> Self {
        let mut luma = vec![Vec::new(); height];
        for region in regions {
            let corners = region.corners();
            if corners.iter().all(|c| c.x.is_finite() && c.y.is_finite()) {
                for (row, stretches) in luma.iter_mut().enumerate() {
                    let edges: Vec<(f64, f64)> = corners.iter().map(|c| (c.x, c.y)).collect();
                    stretches.extend(inside(&edges, row, width));
                }
            }
        }
        let luma: Vec<_> = luma.into_iter().map(merged).collect();
        let chroma = (0..height.div_ceil(2))
            .map(|row| {
                let below = (2 * row + 1).min(height - 1);
                let both = common(&luma[2 * row], &luma[below]);
                both.into_iter().filter_map(|s| halved(s, width)).collect()
            })
            .collect();
        Self { luma, chroma }
    }
}

/// The stretches of a row whose pixels' middles lie in a polygon, by the even-odd rule.
fn inside(corners: &[(f64, f64)], row: usize, width: usize) -> Vec<Stretch> {
    let middle = row as f64 + 0.5;
    let mut crossings: Vec<f64> = Vec::new();
    for (at, a) in corners.iter().enumerate() {
        let b = corners[(at + 1) % corners.len()];
        if (a.1 <= middle) != (b.1 <= middle) {
            crossings.push(a.0 + (middle - a.1) / (b.1 - a.1) * (b.0 - a.0));
        }
    }
    crossings.sort_by(f64::total_cmp);
    // Casts of floats saturate.
    let pixel = |x: f64| ((x - 0.5).ceil().max(0.0) as usize).min(width);
    let pairs = crossings.chunks_exact(2);
    pairs.map(|pair| (pixel(pair[0]), pixel(pair[1]))).collect()
}

/// In order, without overlap, without empty ones.
fn merged(mut stretches: Vec<Stretch>) -> Vec<Stretch> {
    stretches.retain(|(start, end)| start < end);
    stretches.sort_unstable();
    let mut whole: Vec<Stretch> = Vec::with_capacity(stretches.len());
    for (start, end) in stretches {
        match whole.last_mut() {
            Some(last) if start <= last.1 => last.1 = last.1.max(end),
            _ => whole.push((start, end)),
        }
    }
    whole
}

/// What lies in both.
fn common(a: &[Stretch], b: &[Stretch]) -> Vec<Stretch> {
    let each = a.iter().flat_map(|one| b.iter().map(move |two| (one, two)));
    let both = each.map(|(one, two)| (one.0.max(two.0), one.1.min(two.1)));
    merged(both.collect())
}

/// The samples of half the resolution all of whose pixels lie in a stretch.
fn halved((start, end): Stretch, width: usize) -> Option<Stretch> {
    let end = if end == width {
        end.div_ceil(2)
    } else {
        end / 2
    };
    let start = start.div_ceil(2);
    (start < end).then_some((start, end))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::detection::PointInImage;

    fn polygon(corners: &[(f64, f64)]) -> Region {
        let corners = corners.iter().map(|(x, y)| PointInImage { x: *x, y: *y });
        Region::Polygon(corners.collect())
    }

    /// Luma and chroma of an 8 x 4 picture as text, `#` clear.
    #[track_caller]
    fn check(regions: &[Region], expect: &[&str]) {
        let mask = Mask::new(regions, 8, 4);
        let draw = |rows: &[Vec<Stretch>], width: usize| -> Vec<String> {
            rows.iter()
                .map(|row| {
                    let clear = |at: usize| row.iter().any(|(s, e)| (*s..*e).contains(&at));
                    (0..width)
                        .map(|at| if clear(at) { '#' } else { '.' })
                        .collect()
                })
                .collect()
        };
        let drawn = [draw(&mask.luma, 8), draw(&mask.chroma, 4)].concat();
        assert_eq!(drawn, expect);
    }

    #[test]
    fn regions_stay_clear() {
        let corner = |x, y| PointInImage { x, y };
        check(
            &[Region::Rectangle(corner(1.0, 0.0), corner(6.0, 3.0))],
            &[
                ".#####..", ".#####..", ".#####..", "........", ".##.", "....",
            ],
        );
        // Beyond the picture, and over each other.
        check(
            &[
                polygon(&[(-9.0, -9.0), (2.0, -9.0), (2.0, 9.0), (-9.0, 9.0)]),
                polygon(&[(1.0, 2.0), (99.0, 2.0), (99.0, 4.0), (1.0, 4.0)]),
            ],
            &[
                "##......", "##......", "########", "########", "#...", "####",
            ],
        );
        check(
            &[polygon(&[(0.0, 0.0), (8.0, 0.0), (0.0, 4.0)])],
            &[
                "#######.", "#####...", "###.....", "#.......", "##..", "....",
            ],
        );
    }

    #[test]
    fn what_makes_no_sense_hides_everything() {
        let hidden = ["........"; 4]
            .iter()
            .chain(&["...."; 2])
            .copied()
            .collect::<Vec<_>>();
        check(&[], &hidden);
        check(&[polygon(&[])], &hidden);
        check(&[polygon(&[(0.0, 0.0), (8.0, 4.0)])], &hidden);
        check(
            &[polygon(&[(0.0, 0.0), (f64::NAN, 0.0), (8.0, 4.0)])],
            &hidden,
        );
        check(
            &[polygon(&[(0.0, 0.0), (f64::INFINITY, 0.0), (8.0, 4.0)])],
            &hidden,
        );
    }
}
