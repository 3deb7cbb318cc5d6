//! What goes wrong in a day with a camera, with a feed of access events and with the box's wall clock.

use rand::{RngExt, SeedableRng};
use rand_pcg::Pcg64Mcg;
use tailgate::sight::SightState;

/// Mean time between two troubles with a camera, s.
const PICTURE_EVERY_S: f64 = 200.0;
/// Mean time between two interruptions of a feed, s.
const FEED_EVERY_S: f64 = 2_400.0;
/// Mean time between two steps of the wall clock, s.
const STEP_EVERY_S: f64 = 1_800.0;

/// What is wrong with the pictures.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Trouble {
    /// None come. Under two seconds they come late, in a burst; else the stream is given up and opened again.
    Stall,
    /// So many of them are lost.
    Lose(f64),
    /// So many come in a second.
    Rate(f64),
    /// The camera's clock jumps by so many seconds, and stays there.
    Jump(f64),
    /// The camera's clock stands still.
    Stuck,
    /// The whole box is suspended: nothing is seen, heard or looked at, and it wakes up later.
    Asleep,
    /// They come, and cannot be believed.
    Blind(SightState),
}

/// Something that is wrong for a time.
#[derive(Debug, Clone, Copy)]
pub struct Spell {
    pub from_s: f64,
    pub to_s: f64,
    pub trouble: Trouble,
}

/// An interruption of a feed: noticed, over, and filled from the vendor's log.
#[derive(Debug, Clone, Copy)]
pub struct Silence {
    pub from_s: f64,
    pub noticed_s: f64,
    pub to_s: f64,
    pub filled_s: f64,
}

/// One camera's spells of a day, one after the other.
pub fn spells(seed: u64, length_s: f64) -> Vec<Spell> {
    use SightState::{Blurred, Bright, Covered, Dark, Frozen, Moved};
    let mut dice = Pcg64Mcg::seed_from_u64(seed);
    let mut spells = Vec::new();
    let mut at_s = 60.0;
    loop {
        at_s += 20.0 - PICTURE_EVERY_S * (1.0 - dice.random::<f64>()).ln();
        let mut long = |from: f64, to: f64| from + (to - from) * dice.random::<f64>();
        let length = long(5.0, 60.0);
        let share = long(0.02, 0.5);
        let stall = long(0.3, 30.0);
        let brief = long(0.3, 1.9);
        let moved = long(60.0, 300.0);
        let asleep = 10.0 * 60.0_f64.powf(long(0.0, 1.0));
        let (trouble, lasts_s) = match dice.random_range(0..15) {
            0 | 1 => (Trouble::Stall, stall),
            2 => (Trouble::Stall, brief),
            3 | 4 => (Trouble::Lose(share), length),
            5 => (Trouble::Rate(5.0), length),
            6 => (Trouble::Rate(30.0), length),
            7 => (
                Trouble::Jump([3_600.0, -3_600.0, 12.0, -90.0][dice.random_range(0..4)]),
                0.1,
            ),
            8 => (Trouble::Stuck, length),
            9 => (Trouble::Blind(Moved), moved),
            10 => (Trouble::Asleep, asleep),
            _ => {
                let state = [Frozen, Dark, Bright, Covered, Blurred][dice.random_range(0..5)];
                (Trouble::Blind(state), length)
            }
        };
        let to_s = at_s + lasts_s;
        if to_s > length_s - 60.0 {
            return spells;
        }
        spells.push(Spell {
            from_s: at_s,
            to_s,
            trouble,
        });
        at_s = to_s;
    }
}

/// One feed's interruptions of a day; the last one is filled before its end.
pub fn silences(seed: u64, length_s: f64) -> Vec<Silence> {
    let mut dice = Pcg64Mcg::seed_from_u64(seed);
    let mut silences = Vec::new();
    let mut at_s = 100.0;
    loop {
        at_s += 60.0 - FEED_EVERY_S * (1.0 - dice.random::<f64>()).ln();
        let noticed_s = at_s + 1.0 + 29.0 * dice.random::<f64>();
        let to_s = noticed_s + 5.0 + 600.0 * dice.random::<f64>().powi(3);
        let filled_s = to_s + 1.0 + 1_500.0 * dice.random::<f64>().powi(3);
        if filled_s > length_s - 60.0 {
            return silences;
        }
        silences.push(Silence {
            from_s: at_s,
            noticed_s,
            to_s,
            filled_s,
        });
        at_s = filled_s;
    }
}

/// When the box's wall clock is set, and by how much it is wrong from then on, s. Row F1.
pub fn steps(seed: u64, length_s: f64, base_s: f64) -> Vec<(f64, f64)> {
    let mut dice = Pcg64Mcg::seed_from_u64(seed);
    let wrong = [
        1.0, -1.0, 60.0, -60.0, 3_600.0, -3_600.0, -base_s, 0.0, 0.0, 0.0,
    ];
    let mut steps = Vec::new();
    let mut at_s = 0.0;
    loop {
        let mean_s = STEP_EVERY_S.min(0.2 * length_s);
        at_s -= mean_s * (1.0 - dice.random::<f64>()).ln();
        if at_s > length_s {
            return steps;
        }
        steps.push((at_s, wrong[dice.random_range(0..wrong.len())]));
    }
}
