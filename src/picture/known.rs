//! What a camera usually shows, and how much of that a picture still shows.
//!
//! Theory: the known view is the median of some seconds of plates, so that people who walk through
//! it are not in it. The question is asked for each sector: how much of the known edges is there
//! still? The regression of the slopes now on the slopes known is 1 where nothing happened, the
//! contrast where light or a film took some, under a half out of focus, 0 where something stands in
//! front. Noise and shadows do not bias it, they agree with no edge.
//!
//! An edge that is gone was either *replaced* by others (a person, a trolley, a door leaf) or
//! *vanished*: smooth where it had been sharp. Only the latter is what happens at a lens. Whether
//! coarse structure is left tells focus and films from covers, and whether the directions of edges
//! still fit, without regard to which side is the brighter, tells another light from another place.

use serde::{Deserialize, Serialize};

use super::landmark::Landmark;
use super::packed;
use super::plate::Plate;

/// Sectors across and down.
const SECTORS: (usize, usize) = (16, 9);
const COUNT: usize = SECTORS.0 * SECTORS.1;
/// A slope steeper than this is an edge, levels a pixel of the plate.
const EDGE: f32 = 4.0;
/// A sector with fewer pixels of edge says nothing.
const FEWEST_EDGES: u32 = 10;
/// A view with fewer such sectors has too few contours to be watched.
const FEWEST_SECTORS: usize = 12;
/// A pixel is steady that most looks show within this of the median, levels.
const STEADY: f32 = 14.0;
/// Side of the blocks in which coarse structure is compared, px of the plate.
const BLOCK: usize = 5;
/// Two halves of a view closer in level than this say nothing about contrast.
const LEAST_CONTRAST: f32 = 12.0;
/// Above this level a sector is glare, not a cover.
const GLARE: f32 = 232.0;
/// More change than this between two looks, beyond noise, is motion: mean levels of a sector.
const STILL: f32 = 2.0;
/// Places to compare the directions of edges with, px of the plate: no view repeats at all of them.
const ELSEWHERE: [(isize, isize); 8] = [
    (13, 0),
    (-13, 0),
    (0, 13),
    (0, -13),
    (11, 9),
    (-11, 9),
    (9, -11),
    (-9, -11),
];

/// A known view, as it is kept on disk.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct View {
    width: usize,
    height: usize,
    factor: usize,
    /// Levels, one byte a pixel of the plate.
    #[serde(with = "packed")]
    levels: Vec<u8>,
    /// Which of them are steady, one bit a pixel.
    #[serde(with = "packed")]
    steady: Vec<u8>,
}

impl View {
    /// The view behind what moves, from plates of one size; `None` if most of it moved or none
    /// were given.
    pub fn of(plates: &[Vec<u8>], size: (usize, usize, usize)) -> Option<Self> {
        let (width, height, factor) = size;
        let count = width * height;
        if plates.is_empty() || plates.iter().any(|plate| plate.len() != count) {
            return None;
        }
        let mut levels = Vec::with_capacity(count);
        let mut steady = vec![0_u8; count.div_ceil(8)];
        let mut column = Vec::with_capacity(plates.len());
        let mut moved = 0;
        for at in 0..count {
            column.clear();
            column.extend(plates.iter().map(|plate| plate[at]));
            let middle = column.len() / 2;
            let (_, median, _) = column.select_nth_unstable(middle);
            let median = *median;
            let near = |level: &&u8| f32::from(level.abs_diff(median)) <= STEADY;
            let close = column.iter().filter(near).count();
            if close * 5 >= column.len() * 4 {
                steady[at / 8] |= 1 << (at % 8);
            } else {
                moved += 1;
            }
            levels.push(median);
        }
        (moved * 5 <= count * 2).then_some(Self {
            width,
            height,
            factor,
            levels,
            steady,
        })
    }

    fn whole(&self) -> bool {
        self.width > 2
            && self.height > 2
            && self.width.checked_mul(self.height) == Some(self.levels.len())
            && self.steady.len() == self.levels.len().div_ceil(8)
    }

    fn is_steady(&self, at: usize) -> bool {
        self.steady[at / 8] >> (at % 8) & 1 == 1
    }
}

/// One pixel on a known edge.
#[derive(Debug, Clone, Copy)]
struct Edge {
    at: u32,
    sector: u8,
    slope: (f32, f32),
}

/// A view made ready to be compared with.
#[derive(Debug, Clone)]
pub struct Known {
    plate: Plate,
    edges: Vec<Edge>,
    /// For each sector: the sum of squared slopes on edges, and the mean over all of it.
    edge_power: [f32; COUNT],
    power: [f32; COUNT],
    level: [f32; COUNT],
    /// Sectors with enough edges.
    telling: Vec<usize>,
    landmarks: Vec<Landmark>,
    blocks: Blocks,
}

/// How a picture compares with a known view. Shares are of the telling sectors.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Comparison {
    /// Share of sectors that show their edges.
    pub kept: f32,
    /// Share of sectors whose edges vanished, that are still and not glaring.
    pub vanished: f32,
    /// Median of the edges' strength, 1 as known.
    pub sharpness: f32,
    /// Median power of all slopes, noise taken off, 1 as known.
    pub busy: f32,
    /// Power of the slopes in still sectors that do not show their known edges, noise taken off, as
    /// a share of the power of the whole known view.
    pub strange: f32,
    /// Likeness of coarse structure where edges vanished, -1 to 1.
    pub structure_there: f32,
    /// Median likeness of coarse structure of all sectors.
    pub structure: f32,
    /// How much of what differs between dark and bright sectors is left, 1 as known.
    pub contrast: f32,
    /// What black would be now, levels: a veil adds light, a lamp takes it away.
    pub lift: f32,
    /// Share of sectors in which nothing moved since the look before.
    pub still: f32,
}

impl Known {
    /// Makes a view ready; `None` if it is damaged or has too few contours.
    pub fn new(view: &View) -> Option<Self> {
        if !view.whole() {
            return None;
        }
        let levels = view.levels.iter().map(|level| f32::from(*level)).collect();
        let plate = Plate::of(view.width, view.height, view.factor, levels);
        let steady: Vec<bool> = (0..view.levels.len())
            .map(|at| view.is_steady(at))
            .collect();
        let mut edges = Vec::new();
        let (mut edge_power, mut counts) = ([0.0; COUNT], [0_u32; COUNT]);
        for_inner(&plate, |at, sector| {
            let slope = plate.slope(at);
            let square = slope.0 * slope.0 + slope.1 * slope.1;
            if steady[at] && square >= EDGE * EDGE {
                let at = at as u32;
                edges.push(Edge {
                    at,
                    sector: sector as u8,
                    slope,
                });
                edge_power[sector] += square;
                counts[sector] += 1;
            }
        });
        let telling: Vec<usize> = (0..COUNT)
            .filter(|sector| counts[*sector] >= FEWEST_EDGES)
            .collect();
        let landmarks = Landmark::choose(&plate, &steady);
        let (power, level) = power(&plate);
        (telling.len() >= FEWEST_SECTORS).then(|| Self {
            edges,
            edge_power,
            power,
            level,
            telling,
            landmarks,
            blocks: Blocks::new(&plate),
            plate,
        })
    }

    /// Whether this view is of pictures of that size.
    pub fn fits(&self, plate: &Plate) -> bool {
        self.plate.same_size(plate)
    }

    /// How many landmarks it has.
    pub fn landmarks(&self) -> &[Landmark] {
        &self.landmarks
    }

    /// Compares a plate, knowing the one before it and the noise between the two. All of one size.
    pub fn compare(&self, now: &Plate, before: &Plate, noise: f32) -> Comparison {
        let mut along = [0.0_f32; COUNT];
        for edge in &self.edges {
            let slope = now.slope(edge.at as usize);
            along[usize::from(edge.sector)] += slope.0 * edge.slope.0 + slope.1 * edge.slope.1;
        }
        let (power, level) = power(now);
        let moved = change(now, before);
        let count = self.telling.len() as f32;
        let (mut kept, mut vanished, mut still) = (0_usize, [false; COUNT], 0_usize);
        let (mut strengths, mut busy) = (Vec::new(), Vec::new());
        // Slopes of pure noise have its variance, both directions together.
        let left: [f32; COUNT] =
            std::array::from_fn(|sector| (power[sector] - noise * noise).max(0.0));
        let is_still = |sector: usize| moved[sector] <= STILL + 1.13 * noise;
        let mut strange: f32 = (0..COUNT).filter(|s| is_still(*s)).map(|s| left[s]).sum();
        for sector in self.telling.iter().copied() {
            let strength = along[sector] / self.edge_power[sector];
            let share = left[sector] / self.power[sector].max(1e-3);
            if strength > 0.5 && is_still(sector) {
                strange -= left[sector];
            }
            kept += usize::from(strength > 0.5);
            still += usize::from(is_still(sector));
            vanished[sector] =
                strength < 0.35 && share < 0.2 && is_still(sector) && level[sector] < GLARE;
            strengths.push(strength);
            busy.push(share);
        }
        let alike = self.blocks.likeness(&Blocks::new(now));
        let gone: Vec<usize> = (0..COUNT).filter(|sector| vanished[*sector]).collect();
        let mut structures: Vec<f32> = self.telling.iter().map(|s| alike[*s].share()).collect();
        let (contrast, lift) = self.veil(&level);
        Comparison {
            kept: kept as f32 / count,
            vanished: gone.len() as f32 / count,
            sharpness: median(&mut strengths),
            busy: median(&mut busy),
            strange: strange / self.power.iter().sum::<f32>().max(1e-3),
            structure_there: Alike::sum(gone.iter().map(|sector| alike[*sector])).share(),
            structure: median(&mut structures),
            contrast,
            lift,
            still: still as f32 / count,
        }
    }

    /// Contrast and black, from the medians of the darker and of the brighter half of the telling
    /// sectors: people in some of them do not count.
    fn veil(&self, level: &[f32; COUNT]) -> (f32, f32) {
        let mut order = self.telling.clone();
        order.sort_by(|a, b| self.level[*a].total_cmp(&self.level[*b]));
        let half = |sectors: &[usize], of: &[f32; COUNT]| {
            median(&mut sectors.iter().map(|sector| of[*sector]).collect::<Vec<_>>())
        };
        let (dark, bright) = order.split_at(order.len() / 2);
        let (known_dark, known_bright) = (half(dark, &self.level), half(bright, &self.level));
        let (now_dark, now_bright) = (half(dark, level), half(bright, level));
        if known_bright - known_dark < LEAST_CONTRAST {
            return (1.0, 0.0);
        }
        let contrast = (now_bright - now_dark) / (known_bright - known_dark);
        (contrast, now_dark - contrast * known_dark)
    }

    /// By how much better the directions of edges fit here than at places nearby, -2 to 2: above
    /// 0.1 it is the same place, whatever the light; another place gives about 0.
    pub fn same_place(&self, now: &Plate) -> f32 {
        let others = ELSEWHERE.iter().map(|by| self.directions(now, *by));
        self.directions(now, (0, 0)) - others.fold(-1.0, f32::max)
    }

    /// Mean agreement of edges' directions, -1 to 1, with the known view moved by some pixels.
    fn directions(&self, now: &Plate, by: (isize, isize)) -> f32 {
        let (mut sum, mut count) = (0.0_f32, 1.0_f32);
        for edge in &self.edges {
            let x = (edge.at as usize % now.width) as isize + by.0;
            let y = (edge.at as usize / now.width) as isize + by.1;
            let inside =
                x > 0 && y > 0 && x + 1 < now.width as isize && y + 1 < now.height as isize;
            if !inside {
                continue;
            }
            let (dx, dy) = now.slope(y as usize * now.width + x as usize);
            let (a, b) = (
                dx * dx + dy * dy,
                edge.slope.0.powi(2) + edge.slope.1.powi(2),
            );
            count += 1.0;
            if a > 1.0 {
                let dot = dx * edge.slope.0 + dy * edge.slope.1;
                sum += 2.0 * dot * dot / (a * b) - 1.0;
            }
        }
        sum / count
    }
}

/// Calls with each place that is not on the rim, and its sector.
fn for_inner(plate: &Plate, mut each: impl FnMut(usize, usize)) {
    for y in 1..plate.height.saturating_sub(1) {
        let row = y * SECTORS.1 / plate.height * SECTORS.0;
        for x in 1..plate.width.saturating_sub(1) {
            each(y * plate.width + x, row + x * SECTORS.0 / plate.width);
        }
    }
}

/// Mean squared slope and mean level of each sector.
fn power(plate: &Plate) -> ([f32; COUNT], [f32; COUNT]) {
    let (mut power, mut level, mut count) = ([0.0; COUNT], [0.0; COUNT], [0.0_f32; COUNT]);
    for_inner(plate, |at, sector| {
        let (dx, dy) = plate.slope(at);
        power[sector] += dx * dx + dy * dy;
        level[sector] += plate.levels[at];
        count[sector] += 1.0;
    });
    for sector in 0..COUNT {
        power[sector] /= count[sector].max(1.0);
        level[sector] /= count[sector].max(1.0);
    }
    (power, level)
}

/// Mean absolute change of each sector.
fn change(now: &Plate, before: &Plate) -> [f32; COUNT] {
    let (mut change, mut count) = ([0.0; COUNT], [0.0_f32; COUNT]);
    for_inner(now, |at, sector| {
        change[sector] += (now.levels[at] - before.levels[at]).abs();
        count[sector] += 1.0;
    });
    for sector in 0..COUNT {
        change[sector] /= count[sector].max(1.0);
    }
    change
}

/// Coarse structure: means of blocks, and the sector that each lies in.
#[derive(Debug, Clone)]
struct Blocks {
    levels: Vec<f32>,
    sectors: Vec<u8>,
}

impl Blocks {
    fn new(plate: &Plate) -> Self {
        let (columns, rows) = (plate.width / BLOCK, plate.height / BLOCK);
        let (mut levels, mut sectors) = (Vec::new(), Vec::new());
        for row in 0..rows {
            for column in 0..columns {
                let (left, top) = (column * BLOCK, row * BLOCK);
                let mut sum = 0.0;
                for y in top..top + BLOCK {
                    let levels = &plate.levels[y * plate.width + left..][..BLOCK];
                    sum += levels.iter().sum::<f32>();
                }
                levels.push(sum / (BLOCK * BLOCK) as f32);
                let (x, y) = (left + BLOCK / 2, top + BLOCK / 2);
                let sector = y * SECTORS.1 / plate.height * SECTORS.0 + x * SECTORS.0 / plate.width;
                sectors.push(sector as u8);
            }
        }
        Self { levels, sectors }
    }

    /// How alike the structure within each sector is.
    fn likeness(&self, other: &Self) -> [Alike; COUNT] {
        let mut sums = [(0.0_f32, 0.0_f32, 0.0_f32); COUNT];
        let pairs = || self.levels.iter().zip(&other.levels).zip(&self.sectors);
        for ((a, b), sector) in pairs() {
            let sum = &mut sums[usize::from(*sector)];
            *sum = (sum.0 + a, sum.1 + b, sum.2 + 1.0);
        }
        let mut alike = [Alike::default(); COUNT];
        for ((a, b), sector) in pairs() {
            let sector = usize::from(*sector);
            let (sum_a, sum_b, count) = sums[sector];
            let (a, b) = (a - sum_a / count, b - sum_b / count);
            let alike = &mut alike[sector];
            *alike = Alike {
                ab: alike.ab + a * b,
                aa: alike.aa + a * a,
                bb: alike.bb + b * b,
            };
        }
        alike
    }
}

/// The sums of a correlation.
#[derive(Debug, Clone, Copy, Default)]
struct Alike {
    ab: f32,
    aa: f32,
    bb: f32,
}

impl Alike {
    fn sum(all: impl Iterator<Item = Self>) -> Self {
        all.fold(Self::default(), |sum, one| Self {
            ab: sum.ab + one.ab,
            aa: sum.aa + one.aa,
            bb: sum.bb + one.bb,
        })
    }

    /// The correlation, -1 to 1; 0 where there is no structure.
    fn share(self) -> f32 {
        let size = (self.aa * self.bb).sqrt();
        if size > 1e-3 { self.ab / size } else { 0.0 }
    }
}

fn median(values: &mut [f32]) -> f32 {
    let middle = values.len() / 2;
    if values.is_empty() {
        return 0.0;
    }
    *values.select_nth_unstable_by(middle, f32::total_cmp).1
}
