//! What is kept when the configuration changes, and what is not.

use super::world::{Walker, access, at, config, frames, sight, tell};
use crate::access::AccessKind;
use crate::engine::{Engine, EngineConfig, Output, Succession};
use crate::sight::SightState;
use crate::units::{CameraId, DoorId, Doubt, PortalId, Span};
use crate::verdict::{Stage, Verdict, VerdictKind};

/// When the configuration changes, s.
const CHANGE_S: f64 = 3.0;

fn walker(door: usize, start_s: f64) -> Walker {
    Walker {
        door,
        start_s,
        speed: 1.0,
        inward: true,
        beside_m: 0.0,
    }
}

/// An engine as it was until the change: told of a grant at every door.
fn before(walkers: &[Walker]) -> Engine {
    let mut engine = Engine::new(config()).unwrap();
    for camera in [0, 1] {
        tell(&mut engine, &[sight(camera, -1.0, SightState::NoFootage)]);
        tell(&mut engine, &[sight(camera, 0.0, SightState::Clear)]);
    }
    for door in [0, 2] {
        let id = format!("a{door}");
        tell(&mut engine, &[access(&id, door, 0.5, AccessKind::Granted)]);
    }
    tell(&mut engine, &frames(0.6, CHANGE_S, walkers));
    engine
}

fn changed(engine: &Engine, config: EngineConfig) -> (Engine, Succession) {
    Engine::succeed(config, engine.config(), engine.state(), at(CHANGE_S)).unwrap()
}

/// The last word on each crossing.
fn verdicts(said: &[Output]) -> Vec<&Verdict> {
    let mut last: Vec<&Verdict> = Vec::new();
    for output in said {
        if let Output::Verdict(verdict) = output {
            last.retain(|known| known.id != verdict.id);
            last.push(verdict);
        }
    }
    last
}

fn names(names: &[&str]) -> Vec<String> {
    names.iter().map(|name| (*name).to_owned()).collect()
}

#[test]
fn the_same_configuration_changes_nothing() {
    let walkers = [walker(0, 1.0), walker(2, 2.0)];
    let mut whole = before(&walkers);
    let (mut heir, told) = changed(&whole, config());
    assert_eq!(told.cameras_kept, names(&["east", "west"]));
    assert_eq!(told.doors_kept, names(&["door 0", "door 1", "door 2"]));
    assert!(told.cameras_new.is_empty() && told.doors_new.is_empty());
    let rest = frames(CHANGE_S, 20.0, &walkers);
    assert_eq!(tell(&mut heir, &rest), tell(&mut whole, &rest));
}

#[test]
fn others_are_not_noticed_however_they_are_numbered() {
    // "west" becomes the first camera, "door 2" the first door, and the others go.
    let mut after = config();
    after.cameras.remove(0);
    after.doors.drain(..2);
    after.portals.drain(..2);
    after.portals[0].camera = CameraId(0);
    after.portals[0].door = DoorId(0);
    // Somebody is on the way through the door, and the grant was before.
    let walkers = [walker(2, 1.5)];
    let engine = before(&walkers);
    let (mut heir, told) = changed(&engine, after);
    assert_eq!(told.cameras_kept, names(&["west"]));
    assert_eq!(told.cameras_gone, names(&["east"]));
    assert_eq!(told.doors_kept, names(&["door 2"]));
    assert_eq!(told.doors_gone, names(&["door 0", "door 1"]));
    let mut rest = frames(CHANGE_S, 20.0, &walkers);
    rest.retain(|(_, input)| match input {
        crate::engine::Input::Frame(frame) => frame.camera == CameraId(1),
        _ => true,
    });
    for (_, input) in &mut rest {
        if let crate::engine::Input::Frame(frame) = input {
            frame.camera = CameraId(0);
        }
    }
    let said = tell(&mut heir, &rest);
    let verdicts = verdicts(&said);
    let [verdict] = verdicts[..] else {
        panic!("{verdicts:?}")
    };
    assert_eq!(verdict.kind, VerdictKind::Authorised);
    assert_eq!(verdict.doubts, []);
    assert_eq!(verdict.id, "d2-c1", "ids go on");
    let crossing = &verdict.crossing;
    assert_eq!((crossing.door, crossing.portal), (DoorId(0), PortalId(0)));
}

#[test]
fn what_was_said_is_amended_under_its_id() {
    let mut after = config();
    after.doors.swap(0, 2);
    for portal in &mut after.portals {
        portal.door = DoorId(2 - portal.door.0);
    }
    // Nobody had badged, as far as was known.
    let mut engine = Engine::new(config()).unwrap();
    tell(&mut engine, &[sight(0, 0.0, SightState::Clear)]);
    let said = tell(&mut engine, &frames(0.1, CHANGE_S, &[walker(0, 0.2)]));
    let [verdict] = verdicts(&said)[..] else {
        panic!("{said:?}")
    };
    assert_eq!(verdict.kind, VerdictKind::UnauthorisedEntry);
    let (mut heir, _) = changed(&engine, after);
    let (_, grant) = access("late", 2, 1.0, AccessKind::Granted);
    let later = at(CHANGE_S) + Span::from_ms(5_000);
    let said = tell(&mut heir, &[(later, grant)]);
    let [repaired] = verdicts(&said)[..] else {
        panic!("{said:?}")
    };
    assert_eq!(repaired.stage, Stage::Amended);
    assert_eq!((repaired.id.as_str(), repaired.revision), ("d0-c1", 3));
    assert_eq!(repaired.door, DoorId(2));
    assert_eq!(repaired.kind, VerdictKind::Authorised);
}

#[test]
fn a_camera_that_changed_was_not_seeing() {
    let mut after = config();
    after.cameras[1].grid.tile_m = 0.4;
    // Passes while the camera is not yet told to see.
    let walkers = [walker(2, 1.2), walker(0, 1.2)];
    let engine = before(&walkers);
    let (mut heir, told) = changed(&engine, after);
    assert_eq!(told.cameras_kept, names(&["east"]));
    assert_eq!(told.cameras_new, names(&["west"]));
    assert_eq!(told.doors_kept, names(&["door 0", "door 1", "door 2"]));
    let mut said = tell(&mut heir, &frames(CHANGE_S, 5.0, &walkers));
    said.extend(tell(&mut heir, &[sight(1, 5.0, SightState::Clear)]));
    let again = [walker(2, 7.0)];
    said.extend(tell(&mut heir, &frames(5.0, 40.0, &again)));
    let verdicts = verdicts(&said);
    let of = |door: u16| verdicts.iter().filter(move |v| v.door == DoorId(door));
    // The other camera was not touched: its door's grant and passage belong together.
    let [east] = of(0).collect::<Vec<_>>()[..] else {
        panic!("{verdicts:?}")
    };
    assert_eq!(
        (east.kind, &east.doubts[..]),
        (VerdictKind::Authorised, &[][..])
    );
    for verdict in of(2) {
        let blind = verdict.doubts.contains(&Doubt::FootageEnded);
        assert_eq!(blind, verdict.crossing.at < at(6.0), "{verdict:?}");
    }
    // After it sees again, it is believed again.
    let last = of(2).next_back().expect("somebody passed");
    assert!(last.crossing.at > at(8.0));
    assert_eq!(
        last.kind,
        VerdictKind::UnauthorisedEntry,
        "its grant was spent or over"
    );
}

#[test]
fn a_door_that_changed_knows_nothing_of_before() {
    let mut after = config();
    after.doors[0].policy.window = Span::from_ms(9_000);
    let walkers = [walker(0, 2.0), walker(2, 2.0)];
    let engine = before(&walkers);
    let (mut heir, told) = changed(&engine, after);
    assert_eq!(told.cameras_kept, names(&["east", "west"]));
    assert_eq!(told.doors_kept, names(&["door 1", "door 2"]));
    assert_eq!(told.doors_new, names(&["door 0"]));
    let said = tell(&mut heir, &frames(CHANGE_S, 30.0, &walkers));
    let verdicts = verdicts(&said);
    let kind = |door: u16| {
        let verdict = verdicts.iter().find(|v| v.door == DoorId(door));
        verdict.map(|v| (v.kind, v.doubts.clone()))
    };
    assert_eq!(kind(2), Some((VerdictKind::Authorised, vec![])));
    let (_, doubts) = kind(0).expect("the passage is counted all the same");
    let crossing = &verdicts
        .iter()
        .find(|v| v.door == DoorId(0))
        .unwrap()
        .crossing;
    assert!(crossing.at > at(CHANGE_S), "{crossing:?}");
    // What it cannot know of is doubted only as far as it lies before the change.
    assert_eq!(doubts, [], "it passed after the change");
}

#[test]
fn who_walks_while_a_portal_is_changed_is_not_judged() {
    let engine = before(&[walker(0, 0.9)]);
    let mut after = config();
    after.portals[0].portal.depth_m = 0.35;
    let (mut heir, told) = changed(&engine, after);
    assert_eq!(told.doors_new, names(&["door 0"]));
    let said = tell(&mut heir, &frames(CHANGE_S, 30.0, &[walker(0, 0.9)]));
    for verdict in verdicts(&said) {
        assert!(verdict.doubts.contains(&Doubt::FootageEnded), "{verdict:?}");
        assert_eq!(verdict.kind, VerdictKind::Undetermined);
    }
}

#[test]
fn who_was_counted_is_not_counted_again_under_another_policy() {
    // Over the line at 2.2 s, and still in view when the policy changes.
    let walkers = [walker(0, 0.2)];
    let engine = before(&walkers);
    let mut after = config();
    after.doors[0].policy.window = Span::from_ms(9_000);
    let (mut heir, told) = changed(&engine, after);
    assert_eq!(told.doors_new, names(&["door 0"]));
    let said = tell(&mut heir, &frames(CHANGE_S, 30.0, &walkers));
    let again = verdicts(&said);
    assert!(again.iter().all(|v| v.door != DoorId(0)), "{again:?}");
}

#[test]
fn a_door_that_is_unlocked_stays_so_under_another_policy() {
    let walkers = [walker(0, 6.0)];
    let mut engine = Engine::new(config()).unwrap();
    tell(&mut engine, &[sight(0, 0.0, SightState::Clear)]);
    tell(
        &mut engine,
        &[access("u", 0, 0.5, AccessKind::UnlockStarted)],
    );
    tell(&mut engine, &frames(0.6, CHANGE_S, &walkers));
    let mut after = config();
    after.doors[0].policy.window = Span::from_ms(9_000);
    let (mut heir, _) = changed(&engine, after);
    let said = tell(&mut heir, &frames(CHANGE_S, 30.0, &walkers));
    let kinds: Vec<_> = verdicts(&said).iter().map(|v| v.kind).collect();
    assert!(kinds.contains(&VerdictKind::FreePassage), "{kinds:?}");
    assert!(
        !kinds.contains(&VerdictKind::UnauthorisedEntry),
        "{kinds:?}"
    );
}
