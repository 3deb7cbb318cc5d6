//! That a state written down and read again goes on as if nothing had been.

use proptest::prelude::*;
use serde_json::Value;

use super::world::{access, any_world, at, config, frames, tell};
use crate::access::AccessKind;
use crate::engine::tests::world::Walker;
use crate::engine::{Engine, EngineState, Input};

fn text(engine: &Engine) -> String {
    serde_json::to_string(&engine.state()).expect("a state is plain data")
}

fn read(text: &str) -> EngineState {
    serde_json::from_str(text).expect("what was written is read")
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 32, ..ProptestConfig::default() })]

    /// Cut anywhere, the rest comes out as if it had not been cut.
    #[test]
    fn a_cut_changes_nothing(world in any_world(), cut in 0.0..1.0_f64) {
        let cut = (cut * world.len() as f64) as usize;
        let mut whole = Engine::new(config()).unwrap();
        tell(&mut whole, &world[..cut]);
        let written = text(&whole);
        let mut resumed = Engine::resume(config(), read(&written)).unwrap();
        prop_assert_eq!(&text(&resumed), &written, "reading changed it");
        let expect = tell(&mut whole, &world[cut..]);
        let found = tell(&mut resumed, &world[cut..]);
        prop_assert_eq!(found, expect);
        prop_assert_eq!(text(&resumed), text(&whole));
    }

    /// Nonsense is refused, or does no harm.
    #[test]
    fn a_state_that_cannot_be_is_refused_or_harmless(
        world in any_world(),
        cut in 0.1..1.0_f64,
        mischief in proptest::collection::vec((any::<u32>(), any::<u32>()), 1..5),
    ) {
        let cut = (cut * world.len() as f64) as usize;
        let mut engine = Engine::new(config()).unwrap();
        tell(&mut engine, &world[..cut]);
        let mut state = serde_json::to_value(engine.state()).unwrap();
        for (place, what) in mischief {
            spoil(&mut state, place, what);
        }
        let Ok(state) = serde_json::from_value::<EngineState>(state) else { return Ok(()) };
        if let Ok(mut engine) = Engine::resume(config(), state) {
            tell(&mut engine, &world[cut..]);
            tell(&mut engine, &[(at(1e6), Input::Tick)]);
        }
    }
}

/// Spoils one of all the values in a document.
fn spoil(value: &mut Value, place: u32, what: u32) {
    let mut left = place as usize % count(value).max(1);
    spoil_one(value, &mut left, what);
}

fn count(value: &Value) -> usize {
    1 + match value {
        Value::Array(items) => items.iter().map(count).sum(),
        Value::Object(items) => items.values().map(count).sum(),
        _ => 0,
    }
}

/// Whether it was done.
fn spoil_one(value: &mut Value, left: &mut usize, what: u32) -> bool {
    if *left == 0 {
        *value = match (what % 7, std::mem::take(value)) {
            (0, Value::Number(_)) => Value::from(u64::MAX),
            (1, Value::Number(_)) => Value::from(i64::MIN),
            (2, Value::Number(_)) => Value::from(0),
            (3, Value::Number(_)) => Value::from(1e300),
            (4, Value::Number(_)) => Value::from(u32::MAX),
            (5, Value::Number(number)) => Value::from(number.as_i64().map_or(-1, |n| n ^ 1)),
            (0 | 1, Value::Array(_)) => Value::Array(Vec::new()),
            (2 | 3, Value::Array(mut items)) => {
                items.reverse();
                Value::Array(items)
            }
            (4 | 5, Value::Array(mut items)) => {
                items.extend(items.first().cloned());
                Value::Array(items)
            }
            (_, Value::Bool(told)) => Value::Bool(!told),
            (_, Value::String(text)) => Value::String(text + "x"),
            _ => Value::Null,
        };
        return true;
    }
    *left -= 1;
    match value {
        Value::Array(items) => items.iter_mut().any(|item| spoil_one(item, left, what)),
        Value::Object(items) => items.values_mut().any(|item| spoil_one(item, left, what)),
        _ => false,
    }
}

/// Spoils the state of an engine with people, credits and crossings, and reads what is said of it.
#[track_caller]
fn check_refused(spoil: impl Fn(&mut Value), expect: &str) {
    let walkers: Vec<Walker> = (0..2)
        .map(|number| Walker {
            door: 0,
            start_s: 1.5 * f64::from(number),
            speed: 1.0,
            inward: true,
            beside_m: 0.0,
        })
        .collect();
    let mut engine = Engine::new(config()).unwrap();
    tell(&mut engine, &[access("a", 0, 0.0, AccessKind::Granted)]);
    tell(&mut engine, &frames(0.0, 5.0, &walkers));
    assert_eq!(engine.state().held(), 3, "two crossings and a grant");
    let mut state = serde_json::to_value(engine.state()).unwrap();
    spoil(&mut state);
    let state = serde_json::from_value(state).expect("it is well formed");
    let problems = Engine::resume(config(), state).unwrap_err();
    assert!(problems.join("\n").contains(expect), "{problems:?}");
}

#[test]
fn what_cannot_be_is_named() {
    check_refused(
        |state| state["cameras"] = Value::Array(Vec::new()),
        "another number of cameras",
    );
    check_refused(
        |state| state["doors"] = Value::Array(Vec::new()),
        "another number of doors",
    );
    check_refused(
        |state| state["next_crossing"] = Value::from(u32::MAX),
        "numbered beyond reason",
    );
    check_refused(
        |state| state["cameras"][0]["counters"] = Value::Array(Vec::new()),
        "camera \"east\": the state is of another number of portals",
    );
    check_refused(
        |state| state["cameras"][0]["tracker"]["bodies"] = Value::Array(Vec::new()),
        "tracks and what is known of them differ",
    );
    check_refused(
        |state| {
            let crossings = &mut state["doors"][0]["crossings"];
            crossings[0]["credit"]["passage"] = Value::from(0);
        },
        "door \"door 0\": crossing 1 spent a passage of grant a, which does not know of it",
    );
    check_refused(
        |state| {
            let crossings = &mut state["doors"][0]["crossings"];
            crossings[1] = crossings[0].clone();
        },
        "crossing 1 is there twice",
    );
    check_refused(
        |state| state["doors"][0]["grants"][0]["allowed"] = Value::from(1),
        "spent more often than it allows",
    );
    check_refused(
        |state| state["doors"][0]["clock"] = state["doors"][1]["clock"].clone(),
        "a clock that is not learned",
    );
    check_refused(
        |state| state["doors"][1]["clock"]["settings"]["range"] = Value::from(5_000_000),
        "learned by other settings",
    );
}
