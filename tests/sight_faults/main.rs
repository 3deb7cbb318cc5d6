//! Faults done to the pictures of rendered rooms: how many the watch finds, how soon, and what it
//! says where there is none.
//!
//! Theory of operation: each room is watched for some seconds with people in it; then the watch is
//! copied and each copy sees another fault, and after it the room again. Noise is added last, as a
//! sensor adds it. `TAILGATE_SIGHT_ROOMS=100 cargo test --release --test sight_faults -- --nocapture`
//! prints the table of docs/guides/sight.md; without the variable a few rooms are enough to see that
//! it still works.

#![allow(
    clippy::unwrap_used,
    reason = "a test stops where it finds what must not be"
)]

mod faults;
mod rooms;

use std::collections::BTreeMap;

use faults::Fault;
use rooms::{Levels, RATE, Room, SIZE};
use tailgate::picture::{Cells, Luma, MotionGate, SightFinding, SightWatch};
use tailgate::sight::SightState;
use tailgate::units::Instant;

/// Rooms where nothing else is asked for.
const ROOMS: u64 = 1;
/// The room is watched for this long first, s.
const BEFORE_S: f64 = 15.0;
/// A fault lasts for this long, s, or this long after it was found.
const FAULT_S: f64 = 26.0;
const FOUND_S: f64 = 4.0;
/// And is over for this long, s.
const AFTER_S: f64 = 15.0;

/// A watch with its clock and its noise.
#[derive(Clone)]
struct Feed {
    watch: SightWatch,
    frame: u64,
    dice: u32,
    bytes: Vec<u8>,
    said: Vec<(f64, SightFinding)>,
}

impl Feed {
    fn new(seed: u64) -> Self {
        Self {
            watch: SightWatch::new(None),
            frame: 0,
            dice: (seed as u32).wrapping_mul(2_654_435_761) | 1,
            bytes: vec![0; SIZE.0 * SIZE.1],
            said: Vec::new(),
        }
    }

    fn now_s(&self) -> f64 {
        self.frame as f64 / RATE
    }

    /// Lays fresh noise over levels.
    fn expose(&mut self, levels: &[f32], noise: f32) -> Luma<'_> {
        for (byte, level) in self.bytes.iter_mut().zip(levels) {
            self.dice ^= self.dice << 13;
            self.dice ^= self.dice >> 17;
            self.dice ^= self.dice << 5;
            let halves = (self.dice & 0xffff) as f32 + (self.dice >> 16) as f32;
            let throw = (halves / 65_535.0 - 1.0) / 0.408;
            *byte = (level + noise * throw + 0.5).clamp(0.0, 255.0) as u8;
        }
        Luma::new(&self.bytes, SIZE.0, SIZE.1, SIZE.0).unwrap()
    }

    /// Shows levels with fresh noise; every second picture is a key picture.
    fn show(&mut self, levels: &[f32], noise: f32) {
        self.expose(levels, noise);
        let mut cells = Cells::new();
        let luma = Luma::new(&self.bytes, SIZE.0, SIZE.1, SIZE.0).unwrap();
        cells.measure(luma);
        let taken = Instant::from_s(self.now_s());
        let key = self.frame.is_multiple_of(2);
        if let Some(finding) = self.watch.step(taken, luma, &cells, key) {
            self.said.push((self.now_s(), finding));
        }
        self.frame += 1;
    }
}

/// What came of one kind of fault.
#[derive(Default)]
struct Tally {
    tried: u32,
    found: u32,
    named: BTreeMap<String, u32>,
    times_s: Vec<f64>,
    recovered: u32,
    extra: u32,
}

/// Noise with a fault: none where the sensor is stuck.
type Case = (&'static str, &'static [SightState], Option<f32>, Fault);

fn cases(seed: u64) -> Vec<Case> {
    use SightState::{Blurred, Bright, Covered, Dark, Frozen, Moved};
    let any = seed as f32 * 0.618 % 1.0;
    let shade = 40.0 + 100.0 * any;
    let whole: &[SightState] = &[Covered, Dark];
    let mut cases: Vec<Case> = vec![
        (
            "E1 frozen",
            &[Frozen],
            Some(0.0),
            Box::new(|room, _, _| room.people[4].clone()),
        ),
        ("E3 black", &[Dark], Some(0.6), faults::flat(16.5, 0.0)),
        ("E3 white", &[Bright], Some(0.6), faults::flat(233.0, 0.0)),
        (
            "E3 no signal behind the camera",
            &[Covered],
            Some(0.0),
            faults::flat(90.0, 0.0),
        ),
        ("E4 covered, black", whole, None, faults::flat(20.0, 6.0)),
        ("E4 covered, grey", whole, None, faults::flat(shade, 25.0)),
        (
            "E4 half covered, black",
            &[Covered],
            None,
            faults::cover(20.0, 0.5, seed),
        ),
        (
            "E4 half covered, grey",
            &[Covered],
            None,
            faults::cover(shade, 0.5, seed),
        ),
        (
            "E4 film",
            &[Covered],
            None,
            faults::film(0.35 + 0.1 * any, 1.5),
        ),
        (
            "E5 defocused 0.3 px/s, to 6 px",
            &[Blurred],
            None,
            faults::defocus(0.3, 6.0),
        ),
        (
            "E5 defocused at once by 3 px",
            &[Blurred],
            None,
            faults::defocus(99.0, 3.0),
        ),
        (
            "E5 defocused at once by 2 px",
            &[Blurred],
            None,
            faults::defocus(99.0, 2.0),
        ),
    ];
    for (name, px) in [
        ("E6 moved 5 px", 5.0),
        ("E6 moved 10 px", 10.0),
        ("E6 moved 20 px", 20.0),
        ("E6 moved 40 px", 40.0),
    ] {
        cases.push((name, &[Moved], None, faults::moved(px, seed)));
    }
    cases.extend([
        ("E7 lamps off", NOTHING, None, lamps(0)),
        ("E7 lamps off, exposure adapts", NOTHING, None, lamps(1)),
        ("E7 to infrared", NOTHING, None, night()),
        ("E7 headlights", NOTHING, None, faults::headlights()),
        ("E8 people", NOTHING, None, people()),
        ("E8 crowd", NOTHING, None, crowd()),
        ("E8 trolley", NOTHING, None, faults::trolley()),
    ]);
    cases
}

/// Nothing may be said.
const NOTHING: &[SightState] = &[];

fn lamps(which: usize) -> Fault {
    Box::new(move |room, _, _| room.lamps[which].clone())
}

fn night() -> Fault {
    Box::new(|room, _, _| room.night.clone())
}

fn people() -> Fault {
    Box::new(|_, from, _| from.clone())
}

fn crowd() -> Fault {
    Box::new(|room, _, at_s| room.crowd[(at_s * RATE) as usize / 2 % room.crowd.len()].clone())
}

fn play(room: &Room, feed: &mut Feed, seconds: f64, noise: f32, fault: Option<&Fault>) {
    let begun_s = feed.now_s();
    let before = feed.said.len();
    while feed.now_s() - begun_s < seconds {
        let found = feed.said.get(before).map(|said| said.0);
        if fault.is_some() && found.is_some_and(|at_s| feed.now_s() - at_s >= FOUND_S) {
            break;
        }
        let from: &Levels = &room.people[feed.frame as usize % room.people.len()];
        match fault {
            Some(fault) => feed.show(&fault(room, from, feed.now_s() - begun_s), noise),
            None => feed.show(from, noise),
        }
    }
}

fn try_case(room: &Room, known: &Feed, case: &Case, tally: &mut Tally) {
    let (_, expect, noise, fault) = case;
    let mut feed = known.clone();
    let begun_s = feed.now_s();
    play(
        room,
        &mut feed,
        FAULT_S,
        noise.unwrap_or(room.noise),
        Some(fault),
    );
    tally.tried += 1;
    let alarms = |feed: &Feed| -> Vec<(f64, SightFinding)> {
        let alarms = feed
            .said
            .iter()
            .filter(|said| said.1.state != SightState::Clear);
        alarms.cloned().collect()
    };
    let during = alarms(&feed);
    for (at_s, finding) in &during {
        *tally
            .named
            .entry(format!("{:?}", finding.state))
            .or_default() += 1;
        if std::env::var_os("TAILGATE_SIGHT_LINES").is_some() {
            println!("{} {:.1} s: {}", case.0, at_s - begun_s, finding.line);
        }
    }
    if let Some((at_s, _)) = during
        .iter()
        .find(|(_, finding)| expect.contains(&finding.state))
    {
        tally.found += 1;
        tally.times_s.push(at_s - begun_s);
    }
    play(room, &mut feed, AFTER_S, room.noise, None);
    tally.recovered += u32::from(feed.watch.state() == SightState::Clear);
    let most = usize::from(!expect.is_empty());
    tally.extra += alarms(&feed).len().saturating_sub(most) as u32;
}

/// Tries every fault on some rooms.
fn tallies(rooms: u64) -> BTreeMap<&'static str, Tally> {
    let mut tallies: BTreeMap<&'static str, Tally> = BTreeMap::new();
    let mut other = None;
    for seed in 1..=rooms {
        let room = Room::any(seed);
        let mut feed = Feed::new(seed);
        play(&room, &mut feed, BEFORE_S, room.noise, None);
        if feed.watch.reference().is_none() {
            println!("room {seed}: too few contours, or too much motion, to be watched");
        }
        let unknown = tallies
            .entry("E0 no reference, or an alarm, after 15 s")
            .or_default();
        unknown.tried += 1;
        unknown.extra += u32::from(feed.watch.reference().is_none() || !feed.said.is_empty());
        for case in &cases(seed) {
            try_case(&room, &feed, case, tallies.entry(case.0).or_default());
        }
        if let Some(other) = other.replace(room.empty.clone()) {
            let swap: Fault = Box::new(move |_, _, _| other.clone());
            let case = ("D11 swapped", &[SightState::Moved][..], None, swap);
            try_case(&room, &feed, &case, tallies.entry(case.0).or_default());
        }
    }
    tallies
}

fn print(tallies: &BTreeMap<&'static str, Tally>) {
    println!(
        "| fault | tried | found | median s | worst s | clear after 15 s | alarms too many | said |"
    );
    println!("|---|---|---|---|---|---|---|---|");
    for (name, tally) in tallies {
        let mut times = tally.times_s.clone();
        times.sort_by(f64::total_cmp);
        let at = |place: usize| {
            times
                .get(place)
                .map_or("-".into(), |time| format!("{time:.1}"))
        };
        println!(
            "| {name} | {} | {} | {} | {} | {} | {} | {:?} |",
            tally.tried,
            tally.found,
            at(times.len() / 2),
            at(times.len().saturating_sub(1)),
            tally.recovered,
            tally.extra,
            tally.named,
        );
    }
}

#[test]
fn e1_e3_e4_e5_e6_e7_e8_faults_of_sight_are_found_and_nothing_else_is() {
    let rooms = std::env::var("TAILGATE_SIGHT_ROOMS");
    let rooms = rooms.map_or(ROOMS, |rooms| rooms.parse().unwrap());
    let tallies = tallies(rooms);
    print(&tallies);
    for (name, tally) in &tallies {
        let (share, most_s) = match &name[..2] {
            "E1" => (1.0, 10.0),
            // One shade may be a cover, which takes longer to be sure of than black and white.
            "E3" if name.contains("no signal") => (0.99, 4.0),
            "E3" => (0.99, 3.0),
            "E4" => (0.95, 5.0),
            "E5" if name.contains("2 px") => continue,
            "E5" => (0.9, 30.0),
            "E6" if name.contains(" 5 px") => continue,
            "E6" => (0.99, 10.0),
            "D1" => (0.9, 30.0),
            _ => (0.0, 0.0),
        };
        let found = f64::from(tally.found) / f64::from(tally.tried);
        assert!(found >= share, "{name}: {found} found, not {share}");
        let late = tally.times_s.iter().filter(|time| **time > most_s).count();
        assert!(
            late * 20 <= tally.times_s.len(),
            "{name}: {late} found too late"
        );
        assert!(
            tally.extra * 100 <= tally.tried,
            "{name}: {} alarms too many",
            tally.extra
        );
    }
}

/// Frames a second that the gate is asked.
const GATE_RATE: f64 = 10.0;
/// Somebody passes each minute, in each of these ways: contrast with what is behind, levels, and
/// seconds to pass 420 px.
const PASSES: [(f32, f64); 6] = [
    (-4.0, 30.0),
    (4.0, 12.0),
    (-8.0, 4.0),
    (-30.0, 2.0),
    (6.0, 20.0),
    (60.0, 6.0),
];

/// A room of mostly nobody: clouds, lamps, infrared, and who passes in clothes like the wall.
fn gated(minutes: usize, room: &Room, noise: f32) -> (f64, u32, u32, u32) {
    let mut feed = Feed::new(minutes as u64);
    let mut gate = MotionGate::new(None);
    let mut cells = Cells::new();
    let (mut quiet, mut skipped, mut missed, mut seen_late) = (0_u32, 0_u32, 0_u32, 0_u32);
    let mut late = false;
    for frame in 0..(minutes as f64 * 60.0 * GATE_RATE) as u64 {
        let at_s = frame as f64 / GATE_RATE;
        let (minute, second) = ((at_s / 60.0) as usize, at_s % 60.0);
        let scene = match minute % 4 {
            1 => &room.night,
            2 => &room.lamps[1],
            _ => &room.empty,
        };
        // Clouds: a tenth more and less light within three quarters of a minute.
        let gain = 1.0 + 0.1 * (at_s * std::f64::consts::TAU / 45.0).sin() as f32;
        let mut levels: Levels = scene.iter().map(|level| gain * level).collect();
        let (contrast, lasts_s) = PASSES[minute % PASSES.len()];
        let on_s = second - 20.0;
        let passing = (0.0..lasts_s).contains(&on_s);
        if passing {
            let left = 100 + (420.0 * on_s / lasts_s) as usize;
            for y in 140..220 {
                for level in &mut levels[y * SIZE.0 + left..][..24] {
                    *level += contrast;
                }
            }
        }
        cells.measure(feed.expose(&levels, noise));
        let open = gate.step(Instant::from_s(at_s), &cells).open;
        if passing {
            missed += u32::from(!open && on_s > 0.5);
            late |= !open && on_s > 0.5;
        } else {
            seen_late += u32::from(std::mem::take(&mut late));
            // Until what passed has been forgotten, and lamps after a change of minute.
            if second > 12.0 && !(20.0..20.0 + lasts_s + 8.0).contains(&second) {
                quiet += 1;
                skipped += u32::from(!open);
            }
        }
    }
    (
        f64::from(skipped) / f64::from(quiet),
        quiet,
        missed,
        seen_late,
    )
}

#[test]
fn the_gate_lets_nobody_pass_unseen_by_day_by_night_and_by_infrared() {
    let minutes = std::env::var("TAILGATE_GATE_MINUTES");
    let minutes = minutes.map_or(4, |minutes| minutes.parse().unwrap());
    let room = Room::any(2);
    for noise in [1.5, 5.0] {
        let (skipped, quiet, missed, late) = gated(minutes, &room, noise);
        println!(
            "{minutes} min, noise {noise}: {:.1} % of {quiet} quiet frames skipped; \
             {missed} frames of {late} passages missed",
            100.0 * skipped
        );
        // By room 83 to 100 %: shadows and lamps keep some cells astir.
        assert!(skipped > 0.75, "{skipped} skipped");
        assert_eq!(missed, 0);
    }
}
