//! Who comes to a door in a day, what they were granted, and what a camera sees of them.

use rand::{RngExt, SeedableRng};
use rand_pcg::Pcg64Mcg;
use tailgate::access::{AccessEvent, AccessKind};
use tailgate::detection::{BoxInImage, Detection};
use tailgate::engine::EngineConfig;
use tailgate::floor::{CameraModel, PointInFloor};
use tailgate::units::{DoorId, Instant, Interval, Span};
use tailgate::verdict::VerdictKind;

/// People come into the picture so far from the line, and leave it so far behind it, m.
const OUTSIDE_M: f64 = 2.4;
const INSIDE_M: f64 = 3.2;
/// Mean time between one group's end and the next one's beginning beyond [`APART_S`], s.
const MEAN_S: f64 = 32.0;
/// Groups are at least so far apart, s: longer than a grant is good for, so that each group is a story of its own.
const APART_S: f64 = 22.0;
/// Boxes are off by this, px.
const JITTER_PX: f64 = 1.0;

/// Somebody who walks straight through the door.
#[derive(Debug, Clone, Copy)]
pub struct Walker {
    /// At the line, s.
    pub at_s: f64,
    inwards: bool,
    speed: f64,
    /// Beside the middle of the door, m.
    beside_m: f64,
    height_m: f64,
}

/// Some people who belong together, and what must be said of them.
#[derive(Debug, Clone)]
pub struct Group {
    /// From the first grant or sight of them to the last, s.
    pub from_s: f64,
    pub to_s: f64,
    pub walkers: Vec<Walker>,
    pub grants_s: Vec<f64>,
    /// Verdicts in the order in which the line is passed.
    pub expect: Vec<VerdictKind>,
}

impl Walker {
    fn signed_m(&self, at_s: f64) -> f64 {
        let walked = self.speed * (at_s - self.at_s);
        if self.inwards { walked } else { -walked }
    }

    fn span_s(&self) -> (f64, f64) {
        let (before, after) = if self.inwards {
            (OUTSIDE_M, INSIDE_M)
        } else {
            (INSIDE_M, OUTSIDE_M)
        };
        (
            self.at_s - before / self.speed,
            self.at_s + after / self.speed,
        )
    }
}

/// A day's groups at one door, in order of time.
pub fn day(seed: u64, length_s: f64) -> Vec<Group> {
    let mut dice = Pcg64Mcg::seed_from_u64(seed);
    let mut groups: Vec<Group> = Vec::new();
    let mut at_s = 30.0;
    loop {
        at_s += APART_S - MEAN_S * (1.0 - dice.random::<f64>()).ln();
        if at_s > length_s - 60.0 {
            return groups;
        }
        let group = group(&mut dice, at_s);
        at_s = group.to_s;
        groups.push(group);
    }
}

fn group(dice: &mut Pcg64Mcg, from_s: f64) -> Group {
    use VerdictKind::{Authorised, EntryOnExit, Exit, Tailgating, UnauthorisedEntry};
    let walk_s = 3.0 + 3.0 * dice.random::<f64>();
    let behind_s = 1.2 + 0.8 * dice.random::<f64>();
    let first_s = from_s + walk_s;
    let speed = 1.0 + 0.5 * dice.random::<f64>();
    let mut walker = |at_s: f64, inwards: bool, beside_m: f64| Walker {
        at_s,
        inwards,
        speed,
        beside_m: beside_m + 0.15 * (dice.random::<f64>() - 0.5),
        height_m: 1.6 + 0.3 * dice.random::<f64>(),
    };
    let one = walker(first_s, true, 0.0);
    let two = walker(first_s + behind_s, true, 0.0);
    let out = walker(first_s, false, -0.35);
    let slips = walker(first_s + behind_s, true, 0.35);
    let (walkers, grants_s, expect) = match dice.random_range(0..20) {
        0..8 => (vec![one], vec![from_s], vec![Authorised]),
        8..11 => (vec![one, two], vec![from_s], vec![Authorised, Tailgating]),
        11..14 => (
            vec![one, two],
            vec![from_s, from_s + 1.0],
            vec![Authorised, Authorised],
        ),
        14..16 => (vec![one], vec![], vec![UnauthorisedEntry]),
        16..18 => (vec![out], vec![], vec![Exit]),
        18 => (vec![out, slips], vec![], vec![Exit, EntryOnExit]),
        _ => (vec![], vec![from_s], vec![]),
    };
    let ends = walkers.iter().map(|walker: &Walker| walker.span_s().1);
    let to_s = ends.fold(from_s + 1.0, f64::max);
    Group {
        from_s: walkers
            .iter()
            .map(|walker| walker.span_s().0)
            .fold(from_s, f64::min),
        to_s,
        walkers,
        grants_s,
        expect,
    }
}

/// A grant as the access-control system reports it, so many seconds into the day, and received then.
pub fn grant(number: usize, at: Instant, received: Instant) -> AccessEvent {
    AccessEvent {
        id: format!("g{number}"),
        door: Some(DoorId(0)),
        reader: None,
        direction: None,
        kind: AccessKind::Granted,
        occurred: Interval::exact(at),
        received,
        holder: None,
        passages: None,
    }
}

/// What a detector finds in this camera's picture.
pub struct Eye {
    model: CameraModel,
    middle: PointInFloor,
    /// Inwards.
    normal: (f64, f64),
    dice: Pcg64Mcg,
}

impl Eye {
    pub fn new(config: &EngineConfig, seed: u64) -> Self {
        let model = config.cameras[0].calibration.clone().unwrap();
        let portal = &config.portals[0].portal;
        let (first, last) = (portal.line[0], *portal.line.last().unwrap());
        let middle = first.lerp(last, 0.5);
        Self {
            model: CameraModel::new(model).unwrap(),
            middle,
            normal: portal.read(middle).normal,
            dice: Pcg64Mcg::seed_from_u64(seed),
        }
    }

    /// The people of a group that are in the picture then.
    pub fn look(&mut self, group: Option<&Group>, at_s: f64) -> Vec<Detection> {
        let walkers = group.map_or(&[][..], |group| &group.walkers);
        let there = walkers.iter().filter(|walker| {
            let (from_s, to_s) = walker.span_s();
            (from_s..to_s).contains(&at_s)
        });
        let mut seen = Vec::new();
        for walker in there {
            seen.extend(self.box_of(walker, at_s));
        }
        seen
    }

    fn box_of(&mut self, walker: &Walker, at_s: f64) -> Option<Detection> {
        let along = walker.signed_m(at_s);
        let (nx, ny) = self.normal;
        let feet = PointInFloor {
            x: self.middle.x + along * nx + walker.beside_m * ny,
            y: self.middle.y + along * ny - walker.beside_m * nx,
        };
        let foot = self.model.image_from_floor(feet, 0.0)?;
        let head = self.model.image_from_floor(feet, walker.height_m)?;
        let half = 0.15 * (foot.y - head.y);
        let spec = self.model.spec();
        let (width, height) = (
            f64::from(spec.image_width_px),
            f64::from(spec.image_height_px),
        );
        let mut off = || JITTER_PX * (2.0 * self.dice.random::<f64>() - 1.0);
        let bbox = BoxInImage::new(
            (0.5 * (foot.x + head.x) - half + off()).clamp(0.0, width),
            (head.y + off()).clamp(0.0, height),
            (0.5 * (foot.x + head.x) + half + off()).clamp(0.0, width),
            (foot.y + off()).clamp(0.0, height),
        );
        let detection = Detection {
            bbox,
            score: 0.9,
            foot: None,
            head: None,
        };
        (bbox.bottom < height - 1.0).then(|| detection.quantised())
    }
}

/// When a grant's report comes, s after it: mostly at once, some late, a few very late.
pub fn delay(dice: &mut Pcg64Mcg) -> Span {
    let s = match dice.random_range(0..100) {
        0..2 => 20.0 + 3_000.0 * dice.random::<f64>(),
        2..12 => 0.5 + 5.0 * dice.random::<f64>(),
        _ => 0.05 + 0.3 * dice.random::<f64>(),
    };
    Span::from_s(s)
}
