//! What is true of a rendered frame: who is where, how large, and how much of them shows.

use serde::{Deserialize, Serialize};

use crate::detection::{BoxInImage, PointInImage};
use crate::floor::PointInFloor;

/// One person of a frame. Carried things belong to no box; they do hide what is behind them.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PersonTruth {
    /// As in the [`super::Figure`].
    pub id: u32,
    /// The part that shows, from the picture's own samples; `None` if nothing does.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub visible_box: Option<BoxInImage>,
    /// The whole body as if nothing hid it; may reach past the picture. `None` if the camera
    /// cannot see the whole of it (partly behind the camera).
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub full_box: Option<BoxInImage>,
    /// Area of what shows, square pixels.
    #[serde(default)]
    pub visible_area: f64,
    /// Share of the whole body's picture that shows; what lies outside the picture counts as hidden.
    pub visible_share: f64,
    /// Where they stand, m.
    pub floor: PointInFloor,
    /// The floor point projected; `None` behind the camera.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub foot: Option<PointInImage>,
    /// The top of the head projected.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub head: Option<PointInImage>,
    /// The middle of the head projected.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub head_middle: Option<PointInImage>,
    /// Top of the head above the floor, m.
    pub head_m: f64,
}

/// Everybody in a frame, in the order of the moment's figures.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct FrameTruth {
    /// One entry a figure, seen or not.
    pub people: Vec<PersonTruth>,
}

/// A piece of somebody is part of what shows from this share of all that shows of them: who labels
/// a picture by hand draws no box out to a fingertip that looks out behind somebody else.
const LEAST_PIECE: f64 = 0.04;

/// The samples of one body that show, in a rectangle around it.
#[derive(Debug, Clone)]
pub struct Shown {
    width: usize,
    samples: Vec<bool>,
    /// Samples that show.
    pub count: usize,
}

impl Shown {
    /// Nothing shows yet of what is `width` by `height` samples.
    pub fn new(width: usize, height: usize) -> Self {
        Self {
            width,
            samples: vec![false; width * height],
            count: 0,
        }
    }

    /// Counts the sample in this column and row.
    pub fn add(&mut self, column: usize, row: usize) {
        self.samples[row * self.width + column] = true;
        self.count += 1;
    }

    /// Left, top, right and bottom edge of the pieces that are large enough; `None` if nothing
    /// shows. The largest piece always is.
    pub fn bounds(mut self) -> Option<[usize; 4]> {
        let mut pieces = Vec::new();
        for start in 0..self.samples.len() {
            if self.samples[start] {
                pieces.push(self.take_piece(start));
            }
        }
        let largest = pieces.iter().map(|piece| piece.0).max()?;
        let least = largest.min((LEAST_PIECE * self.count as f64).ceil() as usize);
        pieces
            .into_iter()
            .filter(|(count, _)| *count >= least)
            .map(|(_, bounds)| bounds)
            .reduce(|a, b| {
                [
                    a[0].min(b[0]),
                    a[1].min(b[1]),
                    a[2].max(b[2]),
                    a[3].max(b[3]),
                ]
            })
    }

    /// Takes out the piece that `start` belongs to (side by side or corner to corner): its number
    /// of samples and its edges.
    fn take_piece(&mut self, start: usize) -> (usize, [usize; 4]) {
        let (mut count, mut bounds) = (0, [usize::MAX, usize::MAX, 0, 0]);
        let mut open = vec![start];
        self.samples[start] = false;
        while let Some(at) = open.pop() {
            let (x, y) = (at % self.width, at / self.width);
            count += 1;
            bounds = [
                bounds[0].min(x),
                bounds[1].min(y),
                bounds[2].max(x + 1),
                bounds[3].max(y + 1),
            ];
            let height = self.samples.len() / self.width;
            for y in y.saturating_sub(1)..(y + 2).min(height) {
                for x in x.saturating_sub(1)..(x + 2).min(self.width) {
                    let next = y * self.width + x;
                    if std::mem::take(&mut self.samples[next]) {
                        open.push(next);
                    }
                }
            }
        }
        (count, bounds)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(rows: &[&str], expect: Option<[usize; 4]>) {
        let mut shown = Shown::new(rows[0].len(), rows.len());
        for (y, row) in rows.iter().enumerate() {
            for (x, _) in row.match_indices('#') {
                shown.add(x, y);
            }
        }
        assert_eq!(shown.bounds(), expect);
    }

    #[test]
    fn a_box_holds_the_pieces_that_matter() {
        check(&["....", "...."], None);
        check(&["....", "..#."], Some([2, 1, 3, 2]));
        // Halves before and behind a post are both somebody.
        check(&["###..###", "###..###"], Some([0, 0, 8, 2]));
        // A fingertip behind somebody else is not.
        let whole = "###########.......";
        let tip = "###########......#";
        check(&[whole, whole, tip], Some([0, 0, 11, 3]));
        // Corner to corner is one piece.
        check(&["##...", "##...", "..#..", "...##"], Some([0, 0, 5, 4]));
        // Of nothing but crumbs the largest counts.
        let crumbs = format!("{}##", "#.".repeat(40));
        check(&[&crumbs], Some([80, 0, 82, 1]));
    }
}
