//! Boxes of consecutive frames as walks of single people, and the boxes of them worth believing.
//!
//! Boxes are strung together in the picture, since there is no floor yet: each walk takes the box that
//! overlaps best with where its last ones lead. A box counts if it shows a whole person: inside the
//! picture, covered by nobody, upright; and only a few of a walk are taken, spread along it, because
//! the tenth picture of the same stride says nothing new.

use super::super::spread::quantile;
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
/// From one kept sighting to the next, s.
const SPACING_S: f64 = 0.3;
/// Whoever was cut or covered so short a time before or after is not believed, s.
const CLEAR_S: f64 = 0.35;
/// Most kept of one walk.
const MOST_KEPT: usize = 12;
/// Who moved less than this, in box heights, may be a poster or a coat.
const LEAST_WALK: f64 = 0.6;
/// Directions are taken over about this time (three steps), from pairs this far apart, s.
const DIRECTION_S: f64 = 1.5;
const LEAST_SPAN_S: f64 = 0.3;

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
                // Where it leads, or where it was: a box that was cut leads astray.
                let still = walker.last().map_or(0.0, |last| last.bbox.iou(&seen.bbox));
                let overlap = ahead.iou(&seen.bbox).max(still);
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
        // The upper edge: the lower one jumps where feet are hidden for a moment.
        let (a, b) = (before.bbox, last.bbox);
        let dx = 0.5 * share * (b.left + b.right - a.left - a.right);
        let dy = share * (b.top - a.top);
        let bbox = last.bbox;
        Some(BoxInImage::new(
            bbox.left + dx,
            bbox.top + dy,
            bbox.right + dx,
            bbox.bottom + dy,
        ))
    }

    /// How the middle of the lower edge moves around each sighting: the median of the slopes between
    /// pairs (Theil and Sen), which a box that ends too high now and then does not turn.
    fn find_motion(&mut self) {
        let feet: Vec<(f64, PointInImage)> = self
            .sightings
            .iter()
            .map(|s| (s.time_s, s.bbox.bottom_centre()))
            .collect();
        for (i, sighting) in self.sightings.iter_mut().enumerate() {
            let near = |(t, _): &&(f64, PointInImage)| (t - feet[i].0).abs() <= 0.5 * DIRECTION_S;
            let around: Vec<&(f64, PointInImage)> = feet.iter().filter(near).collect();
            let (mut across, mut down) = (Vec::new(), Vec::new());
            for (j, a) in around.iter().enumerate() {
                for b in &around[j + 1..] {
                    let span_s = b.0 - a.0;
                    if span_s > LEAST_SPAN_S {
                        across.push((b.1.x - a.1.x) / span_s);
                        down.push((b.1.y - a.1.y) / span_s);
                    }
                }
            }
            across.sort_by(f64::total_cmp);
            down.sort_by(f64::total_cmp);
            if !across.is_empty() {
                sighting.motion = [quantile(&across, 0.5), quantile(&down, 0.5)];
            }
        }
    }

    /// The sightings worth believing, spread along the walk; none of who hardly moved.
    fn kept(&self) -> Vec<Sighting> {
        let cut: Vec<f64> = self
            .sightings
            .iter()
            .filter(|s| !s.is_whole)
            .map(|s| s.time_s)
            .collect();
        // Times, not places, decide: feet jump from step to step, and whoever picks by places picks
        // phases of the stride. So does the picture's border, for half a stride.
        let clear = |s: &&Sighting| cut.iter().all(|t| (t - s.time_s).abs() > CLEAR_S);
        let mut kept: Vec<Sighting> = Vec::new();
        for sighting in self.sightings.iter().filter(|s| s.is_whole).filter(clear) {
            let last = kept.last().map_or(f64::NEG_INFINITY, |last| last.time_s);
            if sighting.time_s - last >= SPACING_S {
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
