//! From a scene to the engine: its configuration and its inputs in order.
//!
//! At footprint level people arrive as places on the floor, at detection level as boxes seen by
//! the scene's camera (nearer people hide farther ones). Noise is seeded: the same script gives
//! the same inputs, byte for byte.

use rand::{RngExt, SeedableRng};
use rand_pcg::Pcg64Mcg;

use super::camera::SceneCamera;
use super::script::{Noise, Scene, SceneEvent, Walker};
use crate::access::{AccessEvent, FeedStatus};
use crate::crossing::CounterSettings;
use crate::detection::{BoxInImage, Detection};
use crate::engine::{
    CameraConfig, DoorConfig, EngineConfig, FrameInput, Input, PortalConfig, Seen,
};
use crate::floor::{
    Cov2, Footprint, FootprintBasis, FootprintSettings, GridSpec, PointInFloor, Portal,
};
use crate::sight::SightChange;
use crate::tracking::{Observation, TrackerSettings};
use crate::units::{CameraId, DoorId, Instant, Interval, Span, quantise};

/// What the engine is given of each person.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Level {
    /// Places on the floor.
    Footprints,
    /// Boxes in the picture.
    Boxes,
}

/// A footprint is never known better than this, m: a foot is 0.1 m wide.
const LEAST_FOOTPRINT_SD_M: f64 = 0.05;
/// Score of an undisturbed sighting.
const SCORE: f64 = 0.9;
/// Half the width of a person's shoulders, m.
const SHOULDER_M: f64 = 0.24;
/// Below this visible share a person behind others is not detected.
const LEAST_VISIBLE: f64 = 0.35;
/// Where a person's box ends when something hides the feet, as a share of its height.
const FEET_HIDDEN_SHARE: f64 = 0.6;
/// A scene goes on this long after the last walker is gone, s: until hysteresis has settled.
const AFTER_LAST_S: f64 = 1.5;

/// A scene as the engine takes it.
#[derive(Debug, Clone)]
pub struct SceneFeed {
    /// The engine's configuration.
    pub config: EngineConfig,
    /// Inputs that come from cameras and feeds, with the time of their arrival.
    pub inputs: Vec<(Instant, Input)>,
    /// Access events; the run feeds them as they arrive.
    pub events: Vec<AccessEvent>,
    /// When the scene ends.
    pub end: Instant,
}

/// Turns a scene into the engine's inputs.
pub fn feed(scene: &Scene, level: Level) -> Result<SceneFeed, String> {
    let camera = SceneCamera::new(&scene.camera);
    let config = engine_config(scene, level, &camera)?;
    let mut random = Pcg64Mcg::seed_from_u64(scene.noise.seed);
    let end_s = scene.length_s.unwrap_or_else(|| length_s(scene));
    let mut inputs = Vec::new();
    let frames = (end_s * scene.rate_hz).ceil() as u64;
    let mut last = Instant::MIN;
    for frame in 0..frames {
        let jitter = scene.noise.jitter_s * normal(&mut random);
        let taken = Instant::from_s(frame as f64 / scene.rate_hz + jitter);
        let seen = people(scene, level, &camera, taken.as_s(), &mut random);
        if random.random::<f64>() < scene.noise.drop || taken <= last {
            continue;
        }
        last = taken;
        let input = FrameInput {
            camera: CameraId(0),
            taken,
            seen,
        };
        inputs.push((taken, Input::Frame(input)));
    }
    let mut events = Vec::new();
    for event in &scene.events {
        let at = Instant::from_s(event.at_s);
        match &event.what {
            SceneEvent::Access { .. } => events.push(access(scene, at, &event.what)?),
            SceneEvent::Sight(state) => {
                let change = SightChange {
                    camera: CameraId(0),
                    state: *state,
                };
                inputs.push((at, Input::Sight(change)));
            }
            SceneEvent::Feed {
                complete_to_s,
                gaps,
            } => {
                let gaps = gaps
                    .iter()
                    .map(|(from, to)| Interval::new(Instant::from_s(*from), Instant::from_s(*to)));
                let status = FeedStatus {
                    door: DoorId(0),
                    complete_to: Instant::from_s(*complete_to_s),
                    lateness: None,
                    gaps: gaps.collect(),
                };
                inputs.push((at, Input::Feed(status)));
            }
        }
    }
    inputs.sort_by_key(|(at, _)| *at);
    Ok(SceneFeed {
        config,
        inputs,
        events,
        end: Instant::from_s(end_s),
    })
}

/// When a scene without a stated length ends, s.
pub fn length_s(scene: &Scene) -> f64 {
    let walkers = scene.walkers.iter().map(Walker::until_s);
    let events = scene.events.iter().map(|event| event.at_s);
    walkers.chain(events).fold(0.0, f64::max) + AFTER_LAST_S
}

fn engine_config(
    scene: &Scene,
    level: Level,
    camera: &SceneCamera,
) -> Result<EngineConfig, String> {
    let calibration = match level {
        Level::Footprints => None,
        Level::Boxes => Some(camera.calibration(scene.grid)?),
    };
    let camera = CameraConfig {
        name: "scene".to_owned(),
        calibration,
        grid: GridSpec {
            min: scene.grid.0,
            max: scene.grid.1,
            tile_m: scene.tile_m,
            blocked: scene.blocked.clone(),
            walkable: Vec::new(),
        },
        footprints: FootprintSettings::default(),
        tracker: TrackerSettings::default(),
    };
    let doors = scene.doors.iter().map(|door| DoorConfig {
        name: door.name.clone(),
        readers: door.readers.clone(),
        policy: door.policy.clone(),
    });
    let portals = (0_u16..)
        .zip(&scene.doors)
        .map(|(index, door)| PortalConfig {
            name: door.name.clone(),
            door: DoorId(index),
            camera: CameraId(0),
            portal: Portal {
                line: door.line.clone(),
                depth_m: door.depth_m,
            },
            counter: CounterSettings::default(),
            in_name: "in".to_owned(),
            out_name: "out".to_owned(),
        });
    Ok(EngineConfig {
        cameras: vec![camera],
        doors: doors.collect(),
        portals: portals.collect(),
    })
}

fn access(scene: &Scene, at: Instant, event: &SceneEvent) -> Result<AccessEvent, String> {
    let SceneEvent::Access {
        kind,
        id,
        door,
        reader,
        holder,
        direction,
        passages,
        arrives_s,
        coarse_s,
    } = event
    else {
        return Err("not an access event".to_owned());
    };
    let by_name = |name: &String| scene.doors.iter().position(|door| door.name == *name);
    let by_reader = |reader: &String| {
        let has = |readers: &Vec<String>| readers.contains(reader);
        scene.doors.iter().position(|door| has(&door.readers))
    };
    let index = match (door, reader) {
        (Some(name), _) => by_name(name),
        (None, Some(reader)) => by_reader(reader).or(Some(0)),
        (None, None) => Some(0),
    };
    Ok(AccessEvent {
        id: id.clone(),
        door: index.map(|index| DoorId(index as u16)),
        reader: reader.clone(),
        direction: *direction,
        kind: *kind,
        occurred: Interval::new(at, at + Span::from_s(*coarse_s)),
        received: arrives_s.map_or(at, Instant::from_s),
        holder: holder.clone(),
        passages: *passages,
    })
}

fn people(
    scene: &Scene,
    level: Level,
    camera: &SceneCamera,
    time_s: f64,
    random: &mut Pcg64Mcg,
) -> Seen {
    let during = |spans: &[(f64, f64)]| spans.iter().any(|s| s.0 <= time_s && time_s <= s.1);
    let present = scene.walkers.iter().filter_map(|walker| {
        let stance = walker.stance(time_s)?;
        Some((
            walker,
            stance.at,
            during(&walker.hidden),
            during(&walker.feet_hidden),
        ))
    });
    let present: Vec<_> = present.collect();
    match level {
        Level::Footprints => {
            let mut seen = Vec::new();
            for (walker, at, hidden, feet_hidden) in present {
                let missed = random.random::<f64>() < scene.noise.miss;
                let observation = given(&scene.noise, walker, at, feet_hidden, random);
                if !hidden && !missed {
                    seen.push(observation);
                }
            }
            if random.random::<f64>() < scene.noise.false_rate {
                seen.push(phantom(scene, random));
            }
            Seen::Footprints(seen)
        }
        Level::Boxes => {
            let boxes = present
                .into_iter()
                .filter_map(|(walker, at, hidden, feet_hidden)| {
                    let bbox = camera.box_of(at, walker.height_m, SHOULDER_M)?;
                    Some((bbox, camera.distance_m(at), hidden, feet_hidden))
                });
            Seen::Boxes(visible_boxes(boxes.collect(), camera, &scene.noise, random))
        }
    }
}

fn given(
    noise: &Noise,
    walker: &Walker,
    at: PointInFloor,
    feet_hidden: bool,
    random: &mut Pcg64Mcg,
) -> Observation {
    let sd = noise.sd_m.max(LEAST_FOOTPRINT_SD_M) * if feet_hidden { 2.0 } else { 1.0 };
    let noisy = PointInFloor {
        x: quantise(at.x + noise.sd_m * normal(random), 4),
        y: quantise(at.y + noise.sd_m * normal(random), 4),
    };
    let basis = if feet_hidden {
        FootprintBasis::Head
    } else {
        FootprintBasis::Given
    };
    let footprint = Footprint {
        at: noisy,
        cov: Cov2::isotropic(sd),
        basis,
        height_m: Some(walker.height_m),
    };
    Observation {
        footprint,
        bbox: None,
        score: SCORE,
    }
}

/// A sighting of nobody, anywhere on the grid.
fn phantom(scene: &Scene, random: &mut Pcg64Mcg) -> Observation {
    let (min, max) = scene.grid;
    let at = PointInFloor {
        x: quantise(min.x + random.random::<f64>() * (max.x - min.x), 4),
        y: quantise(min.y + random.random::<f64>() * (max.y - min.y), 4),
    };
    let cov = Cov2::isotropic(scene.noise.sd_m.max(LEAST_FOOTPRINT_SD_M));
    let footprint = Footprint {
        at,
        cov,
        basis: FootprintBasis::Given,
        height_m: None,
    };
    Observation {
        footprint,
        bbox: None,
        score: 0.45,
    }
}

/// Boxes as a detector would give them: (box, distance, hidden, feet hidden) of everybody.
fn visible_boxes(
    boxes: Vec<(BoxInImage, f64, bool, bool)>,
    camera: &SceneCamera,
    noise: &Noise,
    random: &mut Pcg64Mcg,
) -> Vec<Detection> {
    let mut seen = Vec::new();
    for (index, (bbox, distance, hidden, feet_hidden)) in boxes.iter().enumerate() {
        let nearer = boxes
            .iter()
            .enumerate()
            .filter(|(other, b)| *other != index && b.1 < *distance);
        let covered = nearer.map(|(_, b)| bbox.intersection(&b.0) / bbox.area().max(1.0));
        let visible = 1.0 - covered.fold(0.0, f64::max);
        let missed = random.random::<f64>() < noise.miss;
        // A share of the height, so that the footprint's spread is about sd_m for a person.
        let sd = noise.sd_m * 0.25 * bbox.height();
        let mut edge = |value: f64| value + sd * normal(random);
        let mut bbox = BoxInImage::new(
            edge(bbox.left),
            edge(bbox.top),
            edge(bbox.right),
            edge(bbox.bottom),
        );
        if *feet_hidden {
            bbox.bottom = bbox.top + FEET_HIDDEN_SHARE * bbox.height();
        }
        let clipped = camera.clip(bbox);
        if let Some(bbox) = clipped.filter(|_| !hidden && !missed && visible >= LEAST_VISIBLE) {
            seen.push(Detection::new(bbox, SCORE * (0.6 + 0.4 * visible)).quantised());
        }
    }
    seen
}

/// A standard normal number (Box and Muller).
fn normal(random: &mut Pcg64Mcg) -> f64 {
    let u = 1.0 - random.random::<f64>();
    let v: f64 = random.random();
    (-2.0 * u.ln()).sqrt() * (std::f64::consts::TAU * v).cos()
}
