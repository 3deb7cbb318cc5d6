//! Boxes of consecutive frames as walks of single people, and the boxes of them worth believing.
//!
//! Boxes are strung together in the picture, since there is no floor yet: each walk takes the box that
//! overlaps best with where its last ones lead. A box counts if it shows a whole person: inside the
//! picture, covered by nobody, upright; and only a few of a walk are taken, spread along it, because
//! the tenth picture of the same stride says nothing new.

use crate::detection::{BoxInImage, Detection, PointInImage};

/// Boxes below this score start no walk and are believed by none.
const LEAST_SCORE: f64 = 0.4;
/// A box belongs to a walk if it overlaps by this much (intersection over union) with where it leads.
const LEAST_OVERLAP: f64 = 0.3;
/// A walk that was not seen for so long is over, s.
const LONGEST_GAP_S: f64 = 0.7;
/// Nearer to the picture's border than this share of its height, a box may be cut.
const BORDER: f64 = 0.012;
/// Of a whole box at most this share may be covered by another.
const COVERED: f64 = 0.03;
/// Upright people are narrower than this share of their height (arms swing, legs stride; from above
/// they are broad)...
const WIDEST: f64 = 1.0;
/// ... and wider than this.
const NARROWEST: f64 = 0.14;
/// Boxes lower than this say little, px.
const LOWEST_PX: f64 = 24.0;
/// From one kept sighting to the next, in box heights.
const SPACING: f64 = 0.25;
/// Most kept of one walk.
const MOST_KEPT: usize = 12;
/// Who moved less than this, in box heights, may be a poster or a coat.
const LEAST_WALK: f64 = 0.6;
/// Directions are taken over about this time, s.
const DIRECTION_S: f64 = 0.4;

/// One person in one frame.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Sighting {
    /// Since the clip's start, s.
    pub time_s: f64,
    /// The box.
    pub bbox: BoxInImage,
    /// Whether it shows a whole person.
    pub is_whole: bool,
    /// How the middle of its lower edge moves, px/s.
    pub motion: [f64; 2],
}

/// One person's way through the picture.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Walker {
    /// In order of time.
    pub sightings: Vec<Sighting>,
}

/// Strings boxes together, frame by frame.
#[derive(Debug, Clone)]
pub struct WalkerLinker {
    size_px: (u32, u32),
    open: Vec<Walker>,
    closed: Vec<Walker>,
}

impl WalkerLinker {
    /// For pictures of this size.
    pub fn new(size_px: (u32, u32)) -> Self {
        Self {
            size_px,
            open: Vec::new(),
            closed: Vec::new(),
        }
    }

    /// Takes the people of the next frame.
    pub fn frame(&mut self, time_s: f64, detections: &[Detection]) {
        let (gone, open) =
            std::mem::take(&mut self.open)
                .into_iter()
                .partition(|walker: &Walker| {
                    walker
                        .last()
                        .is_none_or(|last| time_s - last.time_s > LONGEST_GAP_S)
                });
        self.open = open;
        self.closed.extend::<Vec<Walker>>(gone);
        let boxes: Vec<&Detection> = detections
            .iter()
            .filter(|d| d.score >= LEAST_SCORE)
            .collect();
        let mut pairs = Vec::new();
        for (i, walker) in self.open.iter().enumerate() {
            let Some(ahead) = walker.ahead(time_s) else {
                continue;
            };
            for (j, seen) in boxes.iter().enumerate() {
                let overlap = ahead.iou(&seen.bbox);
                if overlap >= LEAST_OVERLAP {
                    pairs.push((overlap, i, j));
                }
            }
        }
        pairs.sort_by(|a, b| b.0.total_cmp(&a.0).then((a.1, a.2).cmp(&(b.1, b.2))));
        let (mut walked, mut taken) = (vec![false; self.open.len()], vec![false; boxes.len()]);
        for (_, i, j) in pairs {
            if !walked[i] && !taken[j] {
                (walked[i], taken[j]) = (true, true);
                let sighting = self.sighting(time_s, boxes[j].bbox, detections);
                self.open[i].sightings.push(sighting);
            }
        }
        for (j, seen) in boxes.iter().enumerate() {
            if !taken[j] {
                let sightings = vec![self.sighting(time_s, seen.bbox, detections)];
                self.open.push(Walker { sightings });
            }
        }
    }

    /// All walks.
    pub fn finish(mut self) -> Vec<Walker> {
        self.closed.append(&mut self.open);
        for walker in &mut self.closed {
            walker.find_motion();
        }
        self.closed
    }

    fn sighting(&self, time_s: f64, bbox: BoxInImage, all: &[Detection]) -> Sighting {
        let (width, height) = (f64::from(self.size_px.0), f64::from(self.size_px.1));
        let border = BORDER * height;
        let inside = bbox.left > border
            && bbox.top > border
            && bbox.right < width - border
            && bbox.bottom < height - border;
        let covered = |other: &Detection| {
            other.bbox != bbox && shared_area(&bbox, &other.bbox) > COVERED * bbox.area()
        };
        let shape = bbox.width() / bbox.height();
        let is_upright = (NARROWEST..WIDEST).contains(&shape) && bbox.height() >= LOWEST_PX;
        Sighting {
            time_s,
            bbox,
            is_whole: inside && is_upright && !all.iter().any(covered),
            motion: [0.0; 2],
        }
    }
}

impl Walker {
    fn last(&self) -> Option<&Sighting> {
        self.sightings.last()
    }

    /// Where the last two boxes lead.
    fn ahead(&self, time_s: f64) -> Option<BoxInImage> {
        let last = self.last()?;
        let before = self.sightings.iter().rev().nth(1);
        let Some(before) = before.filter(|before| last.time_s > before.time_s) else {
            return Some(last.bbox);
        };
        let share = ((time_s - last.time_s) / (last.time_s - before.time_s)).min(2.0);
        let (a, b) = (before.bbox.bottom_centre(), last.bbox.bottom_centre());
        let (dx, dy) = (share * (b.x - a.x), share * (b.y - a.y));
        let bbox = last.bbox;
        Some(BoxInImage::new(
            bbox.left + dx,
            bbox.top + dy,
            bbox.right + dx,
            bbox.bottom + dy,
        ))
    }

    fn find_motion(&mut self) {
        let feet: Vec<(f64, PointInImage)> = self
            .sightings
            .iter()
            .map(|s| (s.time_s, s.bbox.bottom_centre()))
            .collect();
        for (i, sighting) in self.sightings.iter_mut().enumerate() {
            let near = |(t, _): &&(f64, PointInImage)| (t - feet[i].0).abs() <= 0.5 * DIRECTION_S;
            let (Some(first), Some(last)) = (feet.iter().find(near), feet.iter().rev().find(near))
            else {
                continue;
            };
            let span_s = last.0 - first.0;
            if span_s > 0.0 {
                sighting.motion = [
                    (last.1.x - first.1.x) / span_s,
                    (last.1.y - first.1.y) / span_s,
                ];
            }
        }
    }

    /// The sightings worth believing, spread along the walk; none of who hardly moved.
    fn kept(&self) -> Vec<Sighting> {
        let mut kept: Vec<Sighting> = Vec::new();
        for sighting in self.sightings.iter().filter(|s| s.is_whole) {
            let apart = |other: &Sighting| {
                let at = other.bbox.bottom_centre();
                let tall = sighting.bbox.height().min(other.bbox.height());
                at.distance(sighting.bbox.bottom_centre()) >= SPACING * tall
            };
            if kept.iter().all(apart) {
                kept.push(*sighting);
            }
        }
        let (Some(first), Some(last)) = (kept.first(), kept.last()) else {
            return kept;
        };
        let walked = kept
            .iter()
            .map(|s| s.bbox.bottom_centre().distance(first.bbox.bottom_centre()))
            .fold(0.0, f64::max);
        if walked < LEAST_WALK * first.bbox.height().min(last.bbox.height()) {
            return Vec::new();
        }
        let step = kept.len() as f64 / MOST_KEPT.min(kept.len()) as f64;
        (0..MOST_KEPT.min(kept.len()))
            .map(|i| kept[(i as f64 * step) as usize])
            .collect()
    }
}

/// The walks that say something, each with no more sightings than do.
pub fn useful(walkers: &[Walker]) -> Vec<Walker> {
    let kept = walkers.iter().map(|walker| Walker {
        sightings: walker.kept(),
    });
    kept.filter(|walker| walker.sightings.len() >= 3).collect()
}

fn shared_area(a: &BoxInImage, b: &BoxInImage) -> f64 {
    let width = a.right.min(b.right) - a.left.max(b.left);
    let height = a.bottom.min(b.bottom) - a.top.max(b.top);
    width.max(0.0) * height.max(0.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seen(x: f64, y: f64) -> Detection {
        Detection {
            bbox: BoxInImage::new(x - 20.0, y - 100.0, x + 20.0, y),
            score: 0.9,
            foot: None,
            head: None,
        }
    }

    #[test]
    fn people_who_pass_each_other_keep_their_walks() {
        let mut linker = WalkerLinker::new((640, 480));
        for i in 0..40 {
            let t = 0.1 * f64::from(i);
            let (a, b) = (
                seen(60.0 + 12.0 * f64::from(i), 300.0),
                seen(580.0 - 12.0 * f64::from(i), 380.0),
            );
            linker.frame(t, &[b, a]);
        }
        let walkers = linker.finish();
        assert_eq!(walkers.len(), 2);
        let useful = useful(&walkers);
        assert_eq!(useful.len(), 2);
        for walker in useful {
            assert!((8..=MOST_KEPT).contains(&walker.sightings.len()));
            // Where they cover each other they are not whole.
            let middle = |s: &Sighting| (s.bbox.bottom_centre().x - 320.0).abs() < 15.0;
            assert!(!walker.sightings.iter().any(middle), "{walker:?}");
            assert!((walker.sightings[0].motion[0].abs() - 120.0).abs() < 1.0);
        }
    }

    #[test]
    fn who_stands_still_or_is_cut_says_nothing() {
        let mut linker = WalkerLinker::new((640, 480));
        for i in 0..40 {
            linker.frame(
                0.1 * f64::from(i),
                &[seen(100.0, 300.0), seen(200.0 + 8.0 * f64::from(i), 479.0)],
            );
        }
        assert!(useful(&linker.finish()).is_empty());
    }
}
