//! From a script's text to a scene, all problems at once.

use super::words::Words;
use super::{
    CameraSetup, DoorSetup, Expectation, Expected, ExpectedGrant, Leg, Look, Noise, Scene,
    SceneEvent, ScriptError, Timed, Walker,
};
use crate::access::{AccessKind, ClockOffset, LearnClock};
use crate::floor::PointInFloor;
use crate::sight::SightState;
use crate::units::Span;
use crate::verdict::Policy;

/// How fast people walk unless a script says otherwise, m/s: a calm indoor pace.
const DEFAULT_SPEED: f64 = 1.3;
/// How tall they are, m.
const DEFAULT_HEIGHT_M: f64 = 1.72;
/// Frames a second.
const DEFAULT_RATE_HZ: f64 = 15.0;
/// Tolerance of expected times, s: half a stride.
const DEFAULT_TOLERANCE_S: f64 = 0.3;
/// Hysteresis depth of a portal, m.
const DEFAULT_DEPTH_M: f64 = 0.25;

/// Reads a script. `Err` holds every problem found, in order of line.
pub fn parse(text: &str) -> Result<Scene, Vec<ScriptError>> {
    let mut scene = empty();
    let mut problems = Vec::new();
    for (index, line) in text.lines().enumerate() {
        let line_text = line.split('#').next().unwrap_or_default().trim();
        if line_text.is_empty() {
            continue;
        }
        let mut words = Words::new(index + 1, line_text);
        if let Err(problem) = statement(&mut scene, &mut words, line_text) {
            problems.push(problem);
        }
    }
    if scene.doors.is_empty() {
        scene.doors.push(default_door());
    }
    if scene.title.is_empty() {
        problems.push(ScriptError {
            line: 1,
            problem: "a script begins with `scene` and what it shows".to_owned(),
        });
    }
    scene.events.sort_by(|a, b| a.at_s.total_cmp(&b.at_s));
    scene
        .expect
        .verdicts
        .sort_by(|a, b| a.at_s.total_cmp(&b.at_s));
    if problems.is_empty() {
        Ok(scene)
    } else {
        Err(problems)
    }
}

fn empty() -> Scene {
    Scene {
        title: String::new(),
        rate_hz: DEFAULT_RATE_HZ,
        length_s: None,
        doors: Vec::new(),
        grid: (
            PointInFloor { x: -3.0, y: -4.0 },
            PointInFloor { x: 3.0, y: 4.0 },
        ),
        tile_m: 0.5,
        blocked: Vec::new(),
        camera: CameraSetup {
            at: PointInFloor { x: 2.2, y: -5.5 },
            height_m: 3.0,
            pitch_deg: 24.0,
            yaw_deg: -20.0,
            roll_deg: 0.0,
            focal_px: 560.0,
            size_px: (640, 480),
            k1: 0.0,
        },
        walkers: Vec::new(),
        events: Vec::new(),
        noise: Noise::default(),
        boxes: true,
        look: Look {
            people: 1,
            room: 1,
            leaf: true,
        },
        expect: Expectation {
            tolerance_s: DEFAULT_TOLERANCE_S,
            ..Expectation::default()
        },
    }
}

fn default_door() -> DoorSetup {
    DoorSetup {
        name: "front".to_owned(),
        line: vec![
            PointInFloor { x: -0.6, y: 0.0 },
            PointInFloor { x: 0.6, y: 0.0 },
        ],
        depth_m: DEFAULT_DEPTH_M,
        readers: Vec::new(),
        policy: Policy::default(),
    }
}

fn statement(scene: &mut Scene, words: &mut Words<'_>, text: &str) -> Result<(), ScriptError> {
    let first = words.word("a statement")?;
    match first {
        "scene" => {
            scene.title = text["scene".len()..].trim().to_owned();
            return Ok(());
        }
        "rate" => scene.rate_hz = positive(words, "the rate")?,
        "length" => scene.length_s = Some(positive(words, "the length")?),
        "door" => {
            let door = door(words)?;
            scene.doors.push(door);
        }
        "policy" => {
            if scene.doors.is_empty() {
                scene.doors.push(default_door());
            }
            // A policy line speaks of the door named last.
            if let Some(door) = scene.doors.last_mut() {
                policy(words, &mut door.policy)?;
            }
        }
        "grid" => {
            scene.grid = (
                words.point("the least corner")?,
                words.point("the greatest corner")?,
            );
            if words.take("tile") {
                scene.tile_m = positive(words, "the tile")?;
            }
        }
        "block" => scene.blocked.push(words.points("a corner")?),
        "camera" => camera(words, &mut scene.camera)?,
        "walker" => {
            let walker = walker(words)?;
            scene.walkers.push(walker);
        }
        "look" => look(words, &mut scene.look)?,
        "only" => {
            if !words.take("footprints") {
                return Err(words.error("a scene is for both levels or `only footprints`"));
            }
            scene.boxes = false;
        }
        "noise" => noise(words, &mut scene.noise)?,
        "expect" => expect(words, &mut scene.expect)?,
        time => {
            let Ok(at_s) = time.parse::<f64>() else {
                return Err(words.error(format!("{time:?} is no statement")));
            };
            let what = event(words)?;
            scene.events.push(Timed { at_s, what });
        }
    }
    words.end()
}

fn positive(words: &mut Words<'_>, what: &str) -> Result<f64, ScriptError> {
    let number = words.number(what)?;
    if number > 0.0 {
        Ok(number)
    } else {
        Err(words.error(format!("{what} must be positive")))
    }
}

fn door(words: &mut Words<'_>) -> Result<DoorSetup, ScriptError> {
    let mut door = default_door();
    door.name = words.word("the door's name")?.to_owned();
    while let Some(word) = words.next() {
        match word {
            "line" => door.line = words.points("the portal's line")?,
            "depth" => door.depth_m = positive(words, "the depth")?,
            "readers" => {
                while let Some(reader) = words.next() {
                    door.readers.push(reader.to_owned());
                }
            }
            other => return Err(words.error(format!("{other:?} says nothing of a door"))),
        }
    }
    if door.line.len() < 2 {
        return Err(words.error("a portal's line needs two places or more"));
    }
    Ok(door)
}

fn policy(words: &mut Words<'_>, policy: &mut Policy) -> Result<(), ScriptError> {
    while let Some(word) = words.next() {
        let mut seconds = |what: &str| words.amount(what).map(Span::from_s);
        match word {
            "early" => policy.early = seconds("early")?,
            "window" => policy.window = seconds("window")?,
            "lateness" => policy.lateness = seconds("lateness")?,
            "follow" => policy.follow = seconds("follow")?,
            "u_turn" => {
                policy.u_turn = seconds("u_turn")?;
                policy.net_u_turns = true;
            }
            "passages" => policy.passages_per_grant = words.amount("passages")? as u8,
            "learn_clock" => policy.clock_offset = ClockOffset::Learn(LearnClock::default()),
            "exit_needs_grant" => policy.exit_needs_grant = true,
            "one_way" => policy.one_way = Some(words.name("direction")?),
            other => return Err(words.error(format!("{other:?} is no policy"))),
        }
    }
    Ok(())
}

fn camera(words: &mut Words<'_>, camera: &mut CameraSetup) -> Result<(), ScriptError> {
    while let Some(word) = words.next() {
        match word {
            "at" => camera.at = words.point("the camera's place")?,
            "height" => camera.height_m = positive(words, "the height")?,
            "pitch" => camera.pitch_deg = words.number("the pitch")?,
            "yaw" => camera.yaw_deg = words.number("the yaw")?,
            "roll" => camera.roll_deg = words.number("the roll")?,
            "focal" => camera.focal_px = positive(words, "the focal length")?,
            "k1" => camera.k1 = words.number("k1")?,
            "size" => {
                let size = words.word("the size")?;
                let sides = size.split_once('x').map(|(w, h)| (w.parse(), h.parse()));
                match sides {
                    Some((Ok(width), Ok(height))) => camera.size_px = (width, height),
                    _ => return Err(words.error(format!("a size is 640x480, not {size:?}"))),
                }
            }
            other => return Err(words.error(format!("{other:?} says nothing of a camera"))),
        }
    }
    Ok(())
}

fn walker(words: &mut Words<'_>) -> Result<Walker, ScriptError> {
    let name = words.word("the walker's name")?.to_owned();
    let mut speed = DEFAULT_SPEED;
    let mut walker = Walker {
        name,
        from_s: 0.0,
        height_m: DEFAULT_HEIGHT_M,
        start: PointInFloor::default(),
        legs: Vec::new(),
        hidden: Vec::new(),
        feet_hidden: Vec::new(),
    };
    let mut started = false;
    while let Some(word) = words.peek() {
        if word.starts_with('(') {
            let to = words.point("a place")?;
            if started {
                walker.legs.push(Leg::Walk { to, speed });
            } else {
                walker.start = to;
                started = true;
            }
            continue;
        }
        words.next();
        match word {
            "path" => {}
            "from" => walker.from_s = words.amount("when they appear")?,
            "height" => walker.height_m = positive(words, "the height")?,
            "speed" => speed = positive(words, "the speed")?,
            "wait" => walker.legs.push(Leg::Wait(words.amount("the wait")?)),
            "hidden" => walker.hidden.push(words.span("when they are hidden")?),
            "feet_hidden" => walker
                .feet_hidden
                .push(words.span("when their feet are hidden")?),
            other => return Err(words.error(format!("{other:?} says nothing of a walker"))),
        }
    }
    if !started {
        return Err(words.error("a walker needs a path: path (0,-3) (0,3)"));
    }
    Ok(walker)
}

fn noise(words: &mut Words<'_>, noise: &mut Noise) -> Result<(), ScriptError> {
    while let Some(word) = words.next() {
        match word {
            "sd" => noise.sd_m = words.amount("sd")?,
            "miss" => noise.miss = words.amount("miss")?,
            "false" => noise.false_rate = words.amount("false")?,
            "jitter" => noise.jitter_s = words.amount("jitter")?,
            "drop" => noise.drop = words.amount("drop")?,
            "seed" => noise.seed = words.amount("seed")? as u64,
            other => return Err(words.error(format!("{other:?} is no noise"))),
        }
    }
    Ok(())
}

fn look(words: &mut Words<'_>, look: &mut Look) -> Result<(), ScriptError> {
    while let Some(word) = words.next() {
        match word {
            "people" => look.people = words.amount("the seed of the people")? as u64,
            "room" => look.room = words.amount("the seed of the room")? as u64,
            "open" => look.leaf = false,
            other => return Err(words.error(format!("{other:?} says nothing of how it looks"))),
        }
    }
    Ok(())
}

fn event(words: &mut Words<'_>) -> Result<SceneEvent, ScriptError> {
    let kind = match words.word("what happened")? {
        "grant" => AccessKind::Granted,
        "denied" => AccessKind::Denied,
        "forced_open" => AccessKind::ForcedOpen,
        "held_open" => AccessKind::HeldOpen,
        "opened" => AccessKind::Opened,
        "closed" => AccessKind::Closed,
        "request_to_exit" => AccessKind::RequestToExit,
        "unlock" => AccessKind::UnlockStarted,
        "unlock_end" => AccessKind::UnlockEnded,
        "other" => AccessKind::Other,
        "sight" => {
            return words
                .name::<SightState>("state of sight")
                .map(SceneEvent::Sight);
        }
        "feed" => return feed(words),
        other => return Err(words.error(format!("{other:?} is nothing that happens"))),
    };
    let id = words.word("the event's id")?.to_owned();
    let (mut door, mut reader, mut holder, mut direction) = (None, None, None, None);
    let (mut passages, mut arrives_s, mut coarse_s) = (None, None, 0.0);
    while let Some(word) = words.next() {
        match word {
            "door" => door = Some(words.word("the door")?.to_owned()),
            "reader" => reader = Some(words.word("the reader")?.to_owned()),
            "holder" => holder = Some(words.word("the holder")?.to_owned()),
            "to" => direction = Some(words.name("direction")?),
            "passages" => passages = Some(words.amount("passages")? as u8),
            "arrives" => arrives_s = Some(words.amount("when it arrives")?),
            "coarse" => coarse_s = words.amount("how coarse its stamp is")?,
            other => return Err(words.error(format!("{other:?} says nothing of an event"))),
        }
    }
    Ok(SceneEvent::Access {
        kind,
        id,
        door,
        reader,
        holder,
        direction,
        passages,
        arrives_s,
        coarse_s,
    })
}

fn feed(words: &mut Words<'_>) -> Result<SceneEvent, ScriptError> {
    let (mut complete_to_s, mut gaps) = (None, Vec::new());
    while let Some(word) = words.next() {
        match word {
            "complete" => complete_to_s = Some(words.amount("complete to")?),
            "gap" => gaps.push(words.span("the gap")?),
            other => return Err(words.error(format!("{other:?} says nothing of a feed"))),
        }
    }
    match complete_to_s {
        Some(complete_to_s) => Ok(SceneEvent::Feed {
            complete_to_s,
            gaps,
        }),
        None => Err(words.error("a feed line says how far it is complete: feed complete 3.0")),
    }
}

fn expect(words: &mut Words<'_>, expect: &mut Expectation) -> Result<(), ScriptError> {
    if words.take("nothing") {
        return Ok(());
    }
    if words.take("within") {
        expect.tolerance_s = positive(words, "the tolerance")?;
        return Ok(());
    }
    if words.take("grant") {
        let grant = words.word("the grant's id")?.to_owned();
        let outcome = words.name("outcome of a grant")?;
        expect.grants.push(ExpectedGrant { grant, outcome });
        return Ok(());
    }
    let at_s = words.number("the time of a crossing")?;
    let direction = words.name("direction")?;
    let kind = words.name("verdict")?;
    let (mut grant, mut doubt, mut door) = (None, None, None);
    while let Some(word) = words.next() {
        match word {
            "because" => doubt = Some(words.name("doubt")?),
            "door" => door = Some(words.word("the door")?.to_owned()),
            id => grant = Some(id.to_owned()),
        }
    }
    expect.verdicts.push(Expected {
        at_s,
        direction,
        door,
        kind,
        grant,
        doubt,
    });
    Ok(())
}
