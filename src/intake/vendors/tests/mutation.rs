//! Damaged bodies and headers by the thousand: nothing panics, nothing grows, nothing that was
//! changed is believed.
//!
//! Each vendor starts from its payloads and damages them with a seeded generator: flipped, cut,
//! doubled and inserted bytes, JSON values in wrong places, headers without their ends. CI runs
//! [`FEW`] each; `TAILGATE_MUTATIONS=1000000 cargo test --release mutation -- --nocapture` runs more
//! and says how long the slowest took.

use std::collections::BTreeSet;
use std::time::{Duration, Instant as Clock};

use rand::{RngExt, SeedableRng};
use rand_pcg::Pcg64Mcg;

use super::*;
use crate::intake::vendors::MAX_EVENTS;

/// Enough to meet every kind of damage on every payload.
const FEW: usize = 20_000;

/// With so many or more, the time of the slowest is part of the promise.
const MANY: usize = 1_000_000;

/// No delivery may take longer.
const SLOWEST: Duration = Duration::from_millis(50);

/// 2000 and 2100, in microseconds.
const YEARS_US: std::ops::RangeInclusive<i64> = 946_684_800_000_000..=4_102_444_800_000_000;

fn count() -> usize {
    let set = std::env::var("TAILGATE_MUTATIONS").ok();
    set.map_or(FEW, |text| text.parse().unwrap())
}

/// Values that stand where others are expected.
fn strange(dice: &mut Pcg64Mcg) -> Value {
    match dice.random_range(0..18) {
        0 => Value::Null,
        1 => json!(true),
        2 => json!(-1),
        3 => json!(0),
        4 => json!(u64::MAX),
        5 => json!(1e308),
        6 => json!(1_767_601_800),
        7 => json!(""),
        8 => json!("true"),
        9 => json!("\u{0}\u{202e}ä"),
        10 => json!([]),
        11 => json!({}),
        12 => json!([[[[null]]]]),
        13 => json!("9999-12-31T23:59:59Z"),
        14 => json!("SUCCESS"),
        15 => json!("a".repeat(5_000)),
        16 => Value::Array(vec![json!({"id": 1}); dice.random_range(0..1_200)]),
        _ => json!({"events": [{}], "data": {"entryIds": [1, 2]}}),
    }
}

/// Puts a strange value, or one from elsewhere, at a random place.
fn swap(value: &mut Value, donor: &Value, dice: &mut Pcg64Mcg) {
    let mut place = value;
    for _ in 0..8 {
        let count = match &*place {
            Value::Array(items) => items.len(),
            Value::Object(fields) => fields.len(),
            _ => 0,
        };
        if count == 0 || dice.random_bool(0.15) {
            break;
        }
        let index = dice.random_range(0..count);
        place = match place {
            Value::Array(items) => &mut items[index],
            Value::Object(fields) => fields.values_mut().nth(index).unwrap(),
            _ => unreachable!("only these have a count"),
        };
    }
    *place = if dice.random_bool(0.2) {
        donor.clone()
    } else {
        strange(dice)
    };
}

fn damage_bytes(bytes: &mut Vec<u8>, dice: &mut Pcg64Mcg) {
    if bytes.is_empty() {
        bytes.push(dice.random());
        return;
    }
    let at = dice.random_range(0..bytes.len());
    let to = dice.random_range(at..bytes.len().min(at + 40) + usize::from(at == bytes.len()));
    match dice.random_range(0..6) {
        0 => bytes[at] ^= 1 << dice.random_range(0..8),
        1 => bytes[at] = dice.random(),
        2 => bytes.truncate(at),
        3 => drop(bytes.drain(at..to)),
        4 => {
            let part = bytes[at..to].to_vec();
            bytes.splice(at..at, part);
        }
        _ => {
            const TOKENS: [&[u8]; 8] = [
                b"{", b"]", b"\"", b"\\u0000", b"\xff", b"<a>", b"null", b"1e999",
            ];
            let token = TOKENS[dice.random_range(0..TOKENS.len())];
            bytes.splice(at..at, token.iter().copied());
        }
    }
}

fn damage_headers(delivery: &mut Delivery, dice: &mut Pcg64Mcg) {
    let mut pairs: Vec<(String, Vec<u8>)> = delivery
        .headers
        .iter()
        .map(|(name, value)| (name.to_owned(), value.to_vec()))
        .collect();
    match dice.random_range(0..5) {
        0 => pairs.clear(),
        1 => pairs.insert(0, ("x-hook-secret".to_owned(), b"abc".to_vec())),
        2 => pairs.push((
            "signature".to_owned(),
            b"t=-9223372036854775808,v1=".to_vec(),
        )),
        _ => {
            for (_, value) in &mut pairs {
                damage_bytes(value, dice);
            }
        }
    }
    delivery.headers = Headers::new(pairs);
    let mut target = delivery.target.clone().into_bytes();
    if dice.random_bool(0.5) {
        damage_bytes(&mut target, dice);
    }
    delivery.target = String::from_utf8_lossy(&target).into_owned();
}

/// What holds of every reading, whatever it was made of.
fn check_reading(vendor: &str, delivery: &Delivery, reading: &Reading) {
    assert!(
        reading.events.len() <= MAX_EVENTS,
        "{vendor}: too many events"
    );
    assert!(
        reading.notices.len() <= MAX_EVENTS,
        "{vendor}: too many notices"
    );
    for reported in &reading.events {
        let event = &reported.event;
        assert!(
            !event.id.is_empty() && event.id.len() <= 1_024,
            "{vendor}: {:?}",
            event.id
        );
        assert!(
            YEARS_US.contains(&event.occurred.lo.as_us()),
            "{vendor}: {event:?}"
        );
        assert!(
            YEARS_US.contains(&event.occurred.hi.as_us()),
            "{vendor}: {event:?}"
        );
        assert!(event.door.is_none() && event.received == delivery.received);
        let granted = event.kind == crate::access::AccessKind::Granted;
        let placed = event.reader.is_some()
            || matches!(vendor, "unifi" | "verkada" | "prodatakey" | "generic");
        assert!(
            !granted || placed,
            "{vendor}: a grant at no access point: {reported:?}"
        );
    }
}

/// What is read of a delivery, and how long all that is done to it takes.
fn timed(
    adapter: &dyn Adapter,
    reader: &dyn Adapter,
    delivery: &Delivery,
) -> (Result<Reading, Unreadable>, Duration) {
    let started = Clock::now();
    let _ = adapter.handshake(delivery);
    let _ = adapter.authenticate(delivery);
    let answer = reader.read(delivery);
    (answer, started.elapsed())
}

fn run(vendor: &str, seed: u64) {
    let mut dice = Pcg64Mcg::seed_from_u64(seed);
    let adapter = plain(vendor);
    let (mut readers, mut bodies) = (Vec::new(), Vec::new());
    for (file, body) in payloads_of(vendor) {
        let settings = super::fixtures::settings_of(vendor, &file);
        readers.push(super::adapter(&settings, secrets()).unwrap());
        bodies.push(body);
    }
    let values: Vec<Option<Value>> = bodies
        .iter()
        .map(|body| serde_json::from_slice(body).ok())
        .collect();
    let signs_body = matches!(
        vendor,
        "kisi" | "verkada" | "unifi" | "prodatakey" | "generic"
    );
    let signed: Vec<Delivery> = bodies
        .iter()
        .map(|body| signed(vendor, OLD, body))
        .collect();
    let (mut slowest, mut read, mut kinds) = (Duration::ZERO, 0, BTreeSet::new());
    for round in 0..count() {
        let index = dice.random_range(0..bodies.len());
        let mut delivery = signed[index].clone();
        let donor = &values[dice.random_range(0..values.len())];
        match &values[index] {
            Some(value) if dice.random_bool(0.6) => {
                let mut value = value.clone();
                for _ in 0..dice.random_range(1..4) {
                    swap(
                        &mut value,
                        donor.as_ref().unwrap_or(&Value::Null),
                        &mut dice,
                    );
                }
                delivery.body = value.to_string().into_bytes();
            }
            _ => {
                for _ in 0..dice.random_range(1..5) {
                    damage_bytes(&mut delivery.body, &mut dice);
                }
            }
        }
        if signs_body && delivery.body != bodies[index] {
            let answer = adapter.authenticate(&delivery);
            assert!(
                answer.is_err(),
                "{vendor} {seed} {round}: a changed body is believed"
            );
        }
        if dice.random_bool(0.3) {
            damage_headers(&mut delivery, &mut dice);
        }
        let (answer, took) = timed(&*adapter, &*readers[index], &delivery);
        if took > slowest {
            // Again, since the machine may have been busy with something else, and more than once.
            let again = (0..20).map(|_| timed(&*adapter, &*readers[index], &delivery).1);
            slowest = slowest.max(again.fold(took, Duration::min));
        }
        if let Ok(reading) = answer {
            read += 1;
            kinds.extend(
                reading
                    .events
                    .iter()
                    .map(|it| format!("{:?}", it.event.kind)),
            );
            check_reading(vendor, &delivery, &reading);
        }
    }
    eprintln!(
        "{vendor}: {} damaged, {read} still read, slowest {slowest:?}",
        count()
    );
    // Damage that nothing survives tests nothing.
    assert!(
        read > count() / 50 && kinds.len() > 1,
        "{vendor}: only {read} read, {kinds:?}"
    );
    if count() >= MANY {
        assert!(slowest <= SLOWEST, "{vendor}: one took {slowest:?}");
    }
}

#[test]
fn openpath() {
    run("openpath", 1);
}

#[test]
fn kisi() {
    run("kisi", 2);
}

#[test]
fn genetec() {
    run("genetec", 3);
}

#[test]
fn camio() {
    run("camio", 4);
}

#[test]
fn verkada() {
    run("verkada", 5);
}

#[test]
fn unifi() {
    run("unifi", 6);
}

#[test]
fn prodatakey() {
    run("prodatakey", 7);
}

#[test]
fn generic() {
    run("generic", 8);
}
