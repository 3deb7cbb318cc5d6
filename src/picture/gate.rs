//! Whether anything may move where it matters: the cheap question before the dear one.
//!
//! Theory: every cell keeps its usual level and how much that level trembles. A cell is *astir* when
//! it, or the mean of it and its eight neighbours, is further from usual than the trembling
//! explains; the mean of nine finds a dark coat before a dark wall, whose edge no single cell would
//! show. The trembling is measured, cell by cell, so that infrared noise, a flickering lamp and a
//! codec's pumping set their own thresholds. What all cells share is light, not motion: the change
//! of the darker and of the brighter half of the picture is taken off first.
//!
//! The usual level follows slowly, so that who walks slowly is not taken for the room, and quickly
//! once most of the picture has changed: lights, infrared filter, exposure. A cell that stays as it
//! is for some seconds becomes usual at once: a trolley put down, the place where somebody stood.
//!
//! It errs towards looking: at the start, after a change of size, for a time after each motion. Who
//! stands still long enough is missed here; callers look on while they track somebody, and now and
//! then anyway.

use super::Cells;
use crate::detection::SourceRect;
use crate::units::{Instant, Span};

/// At the start everything is looked at for this long: trembling is not known yet.
/// Three key frames of a codec that sends one a second: between them nothing may tremble.
const WARM_UP: Span = Span::from_ms(3_000);
/// And after each motion, so that a track outlives a missed stir: as long as a lost track lives.
const HOLD: Span = Span::from_ms(1_500);
/// Time in which the usual level follows, s: somebody as wide as 0.4 m at 0.1 m/s covers a cell for
/// 4 s, of which this absorbs a third.
const FOLLOW_S: f32 = 10.0;
/// The same when most of the picture changed at once, and at the start, s.
const FOLLOW_FAST_S: f32 = 0.5;
/// What stays as it is for this long is usual, s. People who stand sway sooner than that.
const STAY_S: f32 = 4.0;
/// Time over which a cell's recent level is taken, s: a few frames.
const RECENT_S: f32 = 0.6;
/// Share of all cells astir from which it is the light, not people.
const MOST: f32 = 0.5;
/// Time in which trembling is learned, s.
const LEARN_S: f32 = 8.0;
/// A cell that is always astir gets used to it in this time, s: leaves, a screen, a fan. A doorway
/// is free for longer than it is busy, and what it learned wrongly is soon unlearned.
const GIVE_IN_S: f32 = 900.0;
/// Standard deviations of trembling that are no motion. Some 5,000 cells are asked a frame, two
/// questions each: by chance alone 5.5 would open the gate every few thousand frames.
const SIGMAS: f32 = 5.5;
/// Less than this is never motion, levels of 255: codecs move flat parts by one level at will.
const LEAST: [f32; 2] = [1.6, 0.8];
/// A trembling is at least and at most this, levels of 255. Beyond the upper one a person's coat
/// could drown in it.
const TREMBLE: [(f32, f32); 2] = [(0.15, 6.0), (0.08, 3.0)];
/// Astir together, or none is: the smallest people cover four cells.
const FEWEST: usize = 2;
/// In the warm-up a cell is thought to tremble no more than this many times as much as most do:
/// somebody may be walking there.
const OVER_COMMON: f32 = 3.0;
/// Between two frames no more time is thought to have passed than this, s.
const LONGEST_STEP_S: f32 = 1.0;
/// Above this level more light makes no difference, so that its change says nothing: limited range
/// ends at 235.
const WHITE: f32 = 226.0;
/// Mean absolute deviation to standard deviation of a normal distribution: sqrt(pi / 2).
const FROM_MEAN_ABSOLUTE: f32 = 1.2533;
/// Median absolute deviation to standard deviation of a normal distribution.
const FROM_MEDIAN_ABSOLUTE: f32 = 1.4826;

/// What the gate says of a frame.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Motion {
    /// Whether the frame must be looked at.
    pub open: bool,
    /// Share of the region's cells that are astir in this very frame, 0 to 1.
    pub astir: f32,
}

/// One a camera; asked for every frame, in order.
#[derive(Debug, Clone)]
pub struct MotionGate {
    region: Option<SourceRect>,
    size_px: (usize, usize),
    begun: Instant,
    before: Instant,
    moved: Instant,
    usual: Vec<f32>,
    recent: Vec<f32>,
    steady_s: Vec<f32>,
    light: Light,
    tremble: [Vec<f32>; 2],
    off: [Vec<f32>; 2],
    astir: Vec<bool>,
    scratch: Vec<f32>,
}

impl MotionGate {
    /// For a part of the picture; `None` is the whole.
    pub fn new(region: Option<SourceRect>) -> Self {
        Self {
            region,
            size_px: (0, 0),
            begun: Instant::MIN,
            before: Instant::MIN,
            moved: Instant::MIN,
            usual: Vec::new(),
            recent: Vec::new(),
            steady_s: Vec::new(),
            light: Light::default(),
            tremble: [Vec::new(), Vec::new()],
            off: [Vec::new(), Vec::new()],
            astir: Vec::new(),
            scratch: Vec::new(),
        }
    }

    /// Says whether a frame must be looked at. `cells` are those of the whole picture.
    ///
    /// Time that goes backwards, a pause longer than the warm-up and a new size start it afresh.
    pub fn step(&mut self, taken: Instant, cells: &Cells) -> Motion {
        let gap = taken.since(self.before);
        if self.size_px != cells.size_px() || gap <= Span::ZERO || gap > WARM_UP {
            self.start(taken, cells);
            return Motion {
                open: true,
                astir: 0.0,
            };
        }
        self.before = taken;
        let step_s = (gap.as_s() as f32).min(LONGEST_STEP_S);
        self.compare(cells);
        let warming = self.warming(taken);
        if warming {
            self.first_tremble();
        }
        let (here, everywhere) = self.mark(cells);
        self.learn(step_s, cells, everywhere > MOST);
        if here > 0.0 {
            self.moved = taken;
        }
        let held = self.moved != Instant::MIN && taken.since(self.moved) <= HOLD;
        Motion {
            open: held || warming,
            astir: here,
        }
    }

    fn warming(&self, taken: Instant) -> bool {
        taken.since(self.begun) < WARM_UP
    }

    fn start(&mut self, taken: Instant, cells: &Cells) {
        let count = cells.levels().len();
        self.size_px = cells.size_px();
        (self.begun, self.before, self.moved) = (taken, taken, Instant::MIN);
        self.usual = cells.levels().to_vec();
        self.recent = cells.levels().to_vec();
        self.steady_s = vec![0.0; count];
        self.tremble = TREMBLE.map(|(least, _)| vec![least; count]);
        self.off = [vec![0.0; count], vec![0.0; count]];
        self.astir = vec![false; count];
        self.scratch = vec![0.0; count];
    }

    /// How far each cell, and each mean of nine, is from usual, light taken off.
    fn compare(&mut self, cells: &Cells) {
        let levels = cells.levels();
        let light = Light::between(&self.usual, levels);
        self.light = light;
        let [single, nine] = &mut self.off;
        for ((off, usual), level) in single.iter_mut().zip(&self.usual).zip(levels) {
            let white = *usual > WHITE && *level > WHITE;
            *off = if white {
                0.0
            } else {
                level - usual - light.at(*usual)
            };
        }
        let (columns, rows) = cells.size();
        mean_of_nine(single, nine, &mut self.scratch, columns, rows);
    }

    /// Trembling before any was learned: what most of the picture, and this cell, did at worst.
    fn first_tremble(&mut self) {
        for (kind, off) in self.off.iter().enumerate() {
            self.scratch.clear();
            self.scratch.extend(off.iter().map(|off| off.abs()));
            let middle = self.scratch.len() / 2;
            let (_, median, _) = self.scratch.select_nth_unstable_by(middle, f32::total_cmp);
            let (least, most) = TREMBLE[kind];
            let common = (*median * FROM_MEDIAN_ABSOLUTE).clamp(least, most);
            for (tremble, off) in self.tremble[kind].iter_mut().zip(off) {
                let own = off.abs().clamp(common, (OVER_COMMON * common).min(most));
                *tremble = tremble.max(own);
            }
        }
    }

    /// Marks what is astir; its share of the region and of the whole picture.
    fn mark(&mut self, cells: &Cells) -> (f32, f32) {
        let (columns, rows) = cells.size();
        let region = Region::new(self.region, cells);
        let (mut here, mut everywhere) = (0_usize, 0_usize);
        for row in 0..rows {
            let inside_row = region.rows.contains(&row);
            for column in 0..columns {
                let at = row * columns + column;
                let stirs = |kind: usize| {
                    let limit = (SIGMAS * self.tremble[kind][at]).max(LEAST[kind]);
                    self.off[kind][at].abs() > limit
                };
                let astir = stirs(0) || stirs(1);
                self.astir[at] = astir;
                everywhere += usize::from(astir);
                here += usize::from(astir && inside_row && region.columns.contains(&column));
            }
        }
        if here < FEWEST {
            here = 0;
        }
        let share = |part: usize, whole: usize| part as f32 / whole.max(1) as f32;
        (
            share(here, region.columns.len() * region.rows.len()),
            share(everywhere, columns * rows),
        )
    }

    fn learn(&mut self, step_s: f32, cells: &Cells, fast: bool) {
        let follow = step_s / (step_s + if fast { FOLLOW_FAST_S } else { FOLLOW_S });
        for (usual, level) in self.usual.iter_mut().zip(cells.levels()) {
            *usual += follow * (level - *usual);
        }
        self.settle(step_s, cells);
        if fast {
            return;
        }
        let (learn, give_in) = (step_s / (step_s + LEARN_S), 1.0 + step_s / GIVE_IN_S);
        for (kind, (least, most)) in TREMBLE.into_iter().enumerate() {
            let pairs = self.tremble[kind].iter_mut().zip(&self.off[kind]);
            for ((tremble, off), astir) in pairs.zip(&self.astir) {
                let next = if *astir {
                    *tremble * give_in
                } else {
                    // What is clipped cannot teach much: who just enters a cell is no trembling.
                    let size = FROM_MEAN_ABSOLUTE * off.abs().min(3.0 * *tremble);
                    *tremble + learn * (size - *tremble)
                };
                *tremble = next.clamp(least, most);
            }
        }
    }
}

impl MotionGate {
    /// Makes usual what differed and has stayed as it is.
    fn settle(&mut self, step_s: f32, cells: &Cells) {
        let follow = step_s / (step_s + RECENT_S);
        for (at, level) in cells.levels().iter().enumerate() {
            let recent = &mut self.recent[at];
            let limit = (SIGMAS * self.tremble[0][at]).max(LEAST[0]);
            let steady_s = &mut self.steady_s[at];
            *steady_s = if (level - *recent).abs() > limit {
                0.0
            } else {
                *steady_s + step_s
            };
            *recent += follow * (level - *recent);
            if self.astir[at] && *steady_s >= STAY_S {
                // As it would have been in the light to which the others are still usual.
                self.usual[at] = self.light.undone(*recent);
            }
        }
    }
}

/// The columns and rows of cells that a region touches.
struct Region {
    columns: std::ops::Range<usize>,
    rows: std::ops::Range<usize>,
}

impl Region {
    fn new(rect: Option<SourceRect>, cells: &Cells) -> Self {
        let (columns, rows) = cells.size();
        let Some(rect) = rect else {
            return Self {
                columns: 0..columns,
                rows: 0..rows,
            };
        };
        let range = |from: u32, length: u32, most: usize| {
            let (from, to) = (from as usize, from as usize + length as usize);
            (from / cells.cell_px()).min(most)..to.div_ceil(cells.cell_px()).min(most)
        };
        Self {
            columns: range(rect.left, rect.width, columns),
            rows: range(rect.top, rect.height, rows),
        }
    }
}

/// A change of light: what it adds to a level, as a straight line through two of them.
#[derive(Debug, Clone, Copy, Default)]
struct Light {
    from: (f32, f32),
    slope: f32,
}

/// Resolution and reach of the medians: quarters of a level, from -64 to 64.
const BINS: usize = 512;
const BINS_A_LEVEL: f32 = 4.0;
/// Two halves of a picture closer in level than this say nothing about the slope.
const APART: f32 = 12.0;

impl Light {
    /// Median changes of the darker and of the brighter cells.
    fn between(usual: &[f32], levels: &[f32]) -> Self {
        let mean = usual.iter().sum::<f32>() / usual.len().max(1) as f32;
        let mut bins = [[0_u32; BINS]; 2];
        let (mut count, mut sum) = ([0_u32; 2], [0.0_f32; 2]);
        for (usual, level) in usual.iter().zip(levels) {
            let half = usize::from(*usual > mean);
            let bin = ((level - usual) * BINS_A_LEVEL) as i32 + BINS as i32 / 2;
            bins[half][bin.clamp(0, BINS as i32 - 1) as usize] += 1;
            count[half] += 1;
            sum[half] += usual;
        }
        let change = [0, 1].map(|half| median(&bins[half], count[half]));
        let level = [0, 1].map(|half| sum[half] / count[half].max(1) as f32);
        if count.contains(&0) || level[1] - level[0] < APART {
            let larger = usize::from(count[1] > count[0]);
            return Self {
                from: (level[larger], change[larger]),
                slope: 0.0,
            };
        }
        Self {
            from: (level[0], change[0]),
            slope: (change[1] - change[0]) / (level[1] - level[0]),
        }
    }

    fn at(&self, level: f32) -> f32 {
        self.from.1 + self.slope * (level - self.from.0)
    }

    /// The level that the change made this one. Black made of everything can't be undone.
    fn undone(&self, level: f32) -> f32 {
        let stretched = (1.0 + self.slope).max(0.1);
        (level - self.from.1 + self.slope * self.from.0) / stretched
    }
}

/// The middle of binned changes, levels.
fn median(bins: &[u32; BINS], count: u32) -> f32 {
    let mut left = count / 2;
    for (bin, number) in bins.iter().enumerate() {
        if *number > left {
            // Within the bin by share; the bin about 0 is as wide as two, since casts go to 0.
            let within = (left as f32 + 0.5) / *number as f32;
            let from = bin as f32 - (BINS / 2) as f32;
            return if bin == BINS / 2 {
                (2.0 * within - 1.0) / BINS_A_LEVEL
            } else if bin < BINS / 2 {
                (from - 1.0 + within) / BINS_A_LEVEL
            } else {
                (from + within) / BINS_A_LEVEL
            };
        }
        left -= number;
    }
    0.0
}

/// Means of each cell and its eight neighbours; at the edge, the edge is repeated.
fn mean_of_nine(from: &[f32], to: &mut [f32], across: &mut [f32], columns: usize, rows: usize) {
    for (row, sums) in from
        .chunks_exact(columns)
        .zip(across.chunks_exact_mut(columns))
    {
        for (column, sum) in sums.iter_mut().enumerate() {
            let right = (column + 1).min(columns - 1);
            *sum = row[column.saturating_sub(1)] + row[column] + row[right];
        }
    }
    for row in 0..rows {
        let (up, down) = (row.saturating_sub(1), (row + 1).min(rows - 1));
        for column in 0..columns {
            let at = |row: usize| across[row * columns + column];
            to[row * columns + column] = (at(up) + at(row) + at(down)) / 9.0;
        }
    }
}
