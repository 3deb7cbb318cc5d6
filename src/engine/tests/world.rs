//! Small worlds for the engine: two cameras, three doors, people who walk through them.

use proptest::prelude::*;

use crate::access::{AccessEvent, AccessKind, ClockOffset, FeedStatus, LearnClock};
use crate::crossing::CounterSettings;
use crate::engine::{
    CameraConfig, DoorConfig, Engine, EngineConfig, FrameInput, Input, Output, PortalConfig, Seen,
};
use crate::floor::{
    Cov2, Footprint, FootprintBasis, FootprintSettings, GridSpec, PointInFloor, Portal,
};
use crate::sight::{SightChange, SightState};
use crate::tracking::{Observation, TrackerSettings};
use crate::units::{CameraId, DoorId, Instant, Interval, Span, quantise};
use crate::verdict::Policy;

/// Frames a second.
const RATE_HZ: f64 = 10.0;
/// How long a world lasts, s.
const LENGTH_S: f64 = 30.0;

/// Where the middle of each door is, and which camera sees it.
const DOORS: [(u16, f64); 3] = [(0, 0.0), (0, 4.0), (1, 0.0)];

/// One person: through which door, when, how fast, which way, how far from its middle.
#[derive(Debug, Clone)]
pub struct Walker {
    pub door: usize,
    pub start_s: f64,
    pub speed: f64,
    pub inward: bool,
    pub beside_m: f64,
}

/// Inputs in the order of their arrival.
pub type Tellings = Vec<(Instant, Input)>;

pub fn config() -> EngineConfig {
    let camera = |name: &str| CameraConfig {
        name: name.to_owned(),
        calibration: None,
        grid: GridSpec {
            min: PointInFloor { x: -3.0, y: -3.0 },
            max: PointInFloor { x: 7.0, y: 3.0 },
            tile_m: 0.5,
            blocked: Vec::new(),
            walkable: Vec::new(),
        },
        footprints: FootprintSettings::default(),
        tracker: TrackerSettings::default(),
    };
    let door = |number: usize| DoorConfig {
        name: format!("door {number}"),
        readers: Vec::new(),
        policy: Policy {
            clock_offset: match number {
                1 => ClockOffset::Learn(LearnClock::default()),
                _ => ClockOffset::Off,
            },
            net_u_turns: number == 2,
            passages_per_grant: if number == 0 { 2 } else { 1 },
            ..Policy::default()
        },
    };
    let portal = |(number, (camera, x)): (usize, &(u16, f64))| PortalConfig {
        name: format!("portal {number}"),
        door: DoorId(number as u16),
        camera: CameraId(*camera),
        portal: Portal {
            line: vec![
                PointInFloor { x: x - 1.0, y: 0.0 },
                PointInFloor { x: x + 1.0, y: 0.0 },
            ],
            depth_m: 0.3,
        },
        counter: CounterSettings::default(),
        in_name: "in".to_owned(),
        out_name: "out".to_owned(),
    };
    EngineConfig {
        cameras: vec![camera("east"), camera("west")],
        doors: (0..3).map(door).collect(),
        portals: DOORS.iter().enumerate().map(portal).collect(),
    }
}

pub fn at(seconds: f64) -> Instant {
    Instant::from_s(1_000.0 + seconds)
}

/// A frame of a camera.
pub fn frame(camera: u16, seconds: f64, walkers: &[Walker]) -> (Instant, Input) {
    let seen = walkers.iter().filter_map(|walker| {
        let (of, middle) = DOORS[walker.door];
        let y = -2.0 + walker.speed * (seconds - walker.start_s);
        (of == camera && (-2.0..=2.0).contains(&y)).then(|| Observation {
            footprint: Footprint {
                at: PointInFloor {
                    x: quantise(middle + walker.beside_m + 0.03 * y.sin(), 4),
                    y: quantise(if walker.inward { y } else { -y }, 4),
                },
                cov: Cov2::isotropic(0.1),
                basis: FootprintBasis::Feet,
                height_m: Some(quantise(1.7 + 0.01 * y, 3)),
            },
            bbox: None,
            score: 0.9,
        })
    });
    let taken = at(seconds);
    let input = FrameInput {
        camera: CameraId(camera),
        taken,
        seen: Seen::Footprints(seen.collect()),
    };
    (taken, Input::Frame(input))
}

/// Frames of all cameras from one second to another.
pub fn frames(from_s: f64, to_s: f64, walkers: &[Walker]) -> Tellings {
    let count = ((to_s - from_s) * RATE_HZ) as u32;
    let times = (0..count).map(|number| from_s + f64::from(number) / RATE_HZ);
    times
        .flat_map(|seconds| [0, 1].map(|camera| frame(camera, seconds, walkers)))
        .collect()
}

pub fn access(id: &str, door: u16, seconds: f64, kind: AccessKind) -> (Instant, Input) {
    let event = AccessEvent {
        id: id.to_owned(),
        door: Some(DoorId(door)),
        reader: None,
        direction: None,
        kind,
        occurred: Interval::exact(at(seconds)),
        received: at(seconds),
        holder: Some(format!("holder {id}")),
        passages: None,
    };
    (at(seconds), Input::Access(event))
}

pub fn sight(camera: u16, seconds: f64, state: SightState) -> (Instant, Input) {
    let camera = CameraId(camera);
    (at(seconds), Input::Sight(SightChange { camera, state }))
}

/// Tells an engine; what it said.
pub fn tell(engine: &mut Engine, tellings: &[(Instant, Input)]) -> Vec<Output> {
    let mut said = Vec::new();
    for (now, input) in tellings {
        engine.step(*now, input, &mut said);
    }
    said
}

fn any_walker() -> impl Strategy<Value = Walker> {
    let speed = 0.6..1.8_f64;
    (
        0..3_usize,
        0.0..22.0_f64,
        speed,
        any::<bool>(),
        -0.5..0.5_f64,
    )
        .prop_map(|(door, start_s, speed, inward, beside_m)| Walker {
            door,
            start_s,
            speed,
            inward,
            beside_m,
        })
}

fn any_access() -> impl Strategy<Value = (Instant, Input)> {
    const KINDS: [AccessKind; 8] = [
        AccessKind::Granted,
        AccessKind::Granted,
        AccessKind::Granted,
        AccessKind::Opened,
        AccessKind::Closed,
        AccessKind::UnlockStarted,
        AccessKind::UnlockEnded,
        AccessKind::Denied,
    ];
    (0..40_u32, 0..3_u16, 0.0..LENGTH_S, 0..8_usize, 0.0..3.0_f64).prop_map(
        |(id, door, seconds, kind, late_s)| {
            let (now, input) = access(&format!("e{id}"), door, seconds, KINDS[kind]);
            (now + Span::from_s(late_s), input)
        },
    )
}

fn any_sight() -> impl Strategy<Value = (Instant, Input)> {
    const STATES: [SightState; 4] = [
        SightState::Clear,
        SightState::Dark,
        SightState::NoSignal,
        SightState::Starved,
    ];
    (0..2_u16, 0.0..LENGTH_S, 0..4_usize)
        .prop_map(|(camera, seconds, state)| sight(camera, seconds, STATES[state]))
}

fn any_feed() -> impl Strategy<Value = (Instant, Input)> {
    (0..3_u16, 0.0..LENGTH_S, 0.0..2.0_f64, any::<bool>()).prop_map(|(door, s, behind_s, gap)| {
        let status = FeedStatus {
            door: DoorId(door),
            complete_to: at(s - behind_s),
            lateness: gap.then(|| Span::from_ms(300)),
            gaps: if gap {
                vec![Interval::new(at(s - 2.0), at(s - 1.0))]
            } else {
                Vec::new()
            },
        };
        (at(s), Input::Feed(status))
    })
}

/// Anything that can happen, in the order of its arrival.
pub fn any_world() -> impl Strategy<Value = Tellings> {
    let events = (
        proptest::collection::vec(any_access(), 0..16),
        proptest::collection::vec(any_sight(), 0..4),
        proptest::collection::vec(any_feed(), 0..5),
    );
    let gap = (0.0..LENGTH_S, 0.0..2.5_f64);
    (
        proptest::collection::vec(any_walker(), 1..9),
        events,
        proptest::option::of(gap),
    )
        .prop_map(|(walkers, (access, sight, feed), gap)| {
            let mut all = frames(0.0, LENGTH_S, &walkers);
            if let Some((from_s, for_s)) = gap {
                all.retain(|(now, _)| *now < at(from_s) || *now > at(from_s + for_s));
            }
            all.extend(access);
            all.extend(sight);
            all.extend(feed);
            all.push((at(LENGTH_S + 60.0), Input::Tick));
            all.sort_by_key(|(now, _)| *now);
            all
        })
}
