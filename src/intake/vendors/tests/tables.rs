//! What each vendor's words become, one line each.

use super::*;
use crate::access::AccessKind::{self, *};
use crate::crossing::Direction;

/// The kinds of the events in a body; `None` if it cannot be read.
#[track_caller]
fn check(vendor: &str, body: Value, expect: Option<&[AccessKind]>) {
    let read = read(vendor, &body.to_string()).ok();
    let kinds: Option<Vec<_>> =
        read.map(|reading| reading.events.iter().map(|it| it.event.kind).collect());
    assert_eq!(kinds.as_deref(), expect, "{body}");
}

#[test]
fn openpath() {
    #[track_caller]
    fn word(event: &str, status: &str, expect: AccessKind) {
        let body = json!({"event": event, "timestamp": 1_767_601_800, "data": {
            "requestId": 1, "entryIds": [7],
            "entryStatusDetails": [{"entryId": 7, "statusDetail": status}],
        }});
        check("openpath", body, Some(&[expect]));
    }
    word("entry.unlocked", "SUCCESS__ACCESS_GRANTED", Granted);
    word("entry.unlocked", "SUCCESS", Granted);
    word("entry.unlocked", "FAIL", Denied);
    word("entry.unlocked", "success__access_granted", Denied);
    word("entry.unlocked", "", Other);
    word("entry.authenticated", "SUCCESS", Other);
    word("entry.authorized", "SUCCESS", Other);
    word("entry.unlocked.failed", "SUCCESS", Denied);
    word("entry.authenticated.failed", "FAIL", Denied);
    word("entry.authorized.failed", "FAIL", Denied);
    word("entry.forcedOpen", "", ForcedOpen);
    word("entry.ajar.started", "", HeldOpen);
    word("entry.ajar.ended", "", Other);
    word("contactSensor.stateChanged", "", Other);
    word("contactSensor.eolStateChanged", "", Other);
    word("entry.unlockedSomehow", "SUCCESS", Other);
    word("ENTRY.UNLOCKED", "SUCCESS", Other);
}

#[test]
fn openpath_needs_an_event_and_a_time() {
    let at = 1_767_601_800;
    check("openpath", json!({"timestamp": at, "data": {}}), None);
    check(
        "openpath",
        json!({"event": "entry.unlocked", "data": {}}),
        None,
    );
    check(
        "openpath",
        json!({"event": "entry.unlocked", "timestamp": 12}),
        None,
    );
    check(
        "openpath",
        json!({"event": "entry.unlocked", "timestamp": at}),
        Some(&[Other]),
    );
    check(
        "openpath",
        json!({"event": {"a": 1}, "timestamp": at}),
        None,
    );
    check("openpath", json!([]), Some(&[]));
    check("openpath", json!(null), None);
    // Two answers about one entry that differ are no certain grant.
    let twice = json!({"event": "entry.unlocked", "timestamp": at, "data": {
        "entryStatusDetails": [{"entryId": 7, "statusDetail": "SUCCESS"},
                               {"entryId": "7", "statusDetail": "FAIL"}]}});
    check("openpath", twice, Some(&[Denied]));
}

#[test]
fn kisi() {
    #[track_caller]
    fn word(kind: &str, success: Value, expect: AccessKind) {
        let body = json!({"uuid": "u", "type": kind, "success": success, "object_type": "Lock",
                          "object_id": 7, "created_at": "2026-01-05T08:30:00Z"});
        check("kisi", body, Some(&[expect]));
    }
    word("lock.unlock", json!(true), Granted);
    word("lock.unlock", json!("true"), Granted);
    word("lock.unlock", json!(false), Denied);
    word("lock.unlock", json!(null), Other);
    word("lock.unlock", json!(1), Other);
    word("lock.unlock", json!("yes"), Other);
    word("lock.forced_open", json!(false), ForcedOpen);
    word("lock.held_open", json!(null), HeldOpen);
    word("lock.opened", json!(true), Opened);
    word("lock.closed", json!(true), Closed);
    word("wireless_lock.opened", json!(true), Opened);
    word("wireless_lock.closed", json!(true), Closed);
    word("lock.scheduled_unlock_started", json!(true), UnlockStarted);
    word("lock.scheduled_unlock_ended", json!(true), UnlockEnded);
    for other in [
        "lock.locked",
        "lock.tailgate",
        "lock.first_to_arrive",
        "lock.last_to_leave",
        "lock.lock_down",
        "reader.access",
        "wireless_lock.unlocked",
        "something.new",
    ] {
        word(other, json!(true), Other);
    }
}

#[test]
fn kisi_grants_only_at_a_lock() {
    let body = |object: Value, id: Value| {
        json!({"uuid": "u", "type": "lock.unlock", "success": true, "object_type": object,
               "object_id": id, "created_at": "2026-01-05T08:30:00Z"})
    };
    check("kisi", body(json!("Lock"), json!(7)), Some(&[Granted]));
    check("kisi", body(json!(null), json!("7")), Some(&[Granted]));
    check("kisi", body(json!("Group"), json!(7)), Some(&[Other]));
    check("kisi", body(json!("Lock"), json!(null)), Some(&[Other]));
    check(
        "kisi",
        body(json!("Lock"), json!({"id": 7})),
        Some(&[Other]),
    );
}

#[test]
fn genetec() {
    #[track_caller]
    fn word(kind: Value, expect: AccessKind) {
        let result = json!({"EventType": kind, "Timestamp": "2026-01-05T08:30:00Z",
                            "SourceGuid": "8e7a1b2c00014d3e9f00aaaaaaaaaaaa"});
        check(
            "genetec",
            json!({"Rsp": {"Status": "Ok", "Result": result}}),
            Some(&[expect]),
        );
    }
    for (number, name, expect) in [
        (10, "CardholderAccessGranted", Other),
        (11, "CardholderAccessRefused", Other),
        (22, "DoorRexOn", RequestToExit),
        (23, "DoorRexOff", Other),
        (24, "DoorOpenedForTooLong", HeldOpen),
        (27, "DoorOpen", Opened),
        (28, "DoorClose", Closed),
        (29, "DoorForcedOpen", ForcedOpen),
        (30, "DoorLock", Other),
        (31, "DoorUnlock", Other),
        (32, "DoorOpenWhileLockSecure", ForcedOpen),
        (33, "AccessUnknownCredential", Denied),
        (35, "AccessGranted", Granted),
        (36, "AccessRefused", Denied),
        (850, "DoorScheduledLock", UnlockEnded),
        (851, "DoorScheduledUnlock", UnlockStarted),
        (853, "DoorManuallyUnlocked", Other),
        (854, "DoorDoubleBadgeOn", Other),
        (855, "DoorDoubleBadgeOff", Other),
        (2448, "DoorNoEntryDetected", Other),
        (2480, "DoorEntryDetected", Other),
    ] {
        word(json!(name), expect);
        word(json!(number), expect);
        word(json!(number.to_string()), expect);
    }
    word(json!("accessgranted"), Other);
    word(json!(1_035), Other);
}

#[test]
fn genetec_needs_type_time_and_source() {
    let body = |change: fn(&mut Value)| {
        let mut item = json!({"EventType": "AccessGranted", "Timestamp": "2026-01-05T08:30:00Z",
                              "SourceGuid": "8e7a1b2c00014d3e9f00aaaaaaaaaaaa"});
        change(&mut item);
        item
    };
    check("genetec", body(|_| ()), Some(&[Granted]));
    check("genetec", body(|it| it["EventType"] = json!(null)), None);
    check("genetec", body(|it| it["Timestamp"] = json!(null)), None);
    check(
        "genetec",
        body(|it| it["Timestamp"] = json!("2026-01-05T08:30:00")),
        None,
    );
    check("genetec", body(|it| it["SourceGuid"] = json!("")), None);
    let nobody = "00000000000000000000000000000000";
    check(
        "genetec",
        body(|it| it["SourceGuid"] = json!({"Guid": "7"})),
        Some(&[Granted]),
    );
    check(
        "genetec",
        json!({"EventType": 35, "Timestamp": 1_767_601_800, "SourceGuid": nobody}),
        None,
    );
}

#[test]
fn genetec_is_told_zones_sides_and_meanings() {
    let adapter = with(json!({
        "vendor": "genetec",
        "zone": "+02:00",
        "access_points": [{"id": "{8E7A1B2C-0001-4D3E-9F00-AAAAAAAAAAAA}", "way": "out",
                           "door": "8E7A1B2C00024D3E9F00BBBBBBBBBBBB"}],
        "kinds": {"doorunlock": "unlock_started"},
    }));
    let item = |kind: &str, stamp: &str| {
        let item = json!({"EventType": kind, "Timestamp": stamp,
                          "SourceGuid": "8e7a1b2c00014d3e9f00aaaaaaaaaaaa"});
        let read = adapter.read(&signed("genetec", OLD, item.to_string().as_bytes()));
        read.unwrap().events[0].clone()
    };
    let local = item("AccessGranted", "2026-01-05T10:30:00.5");
    assert_eq!(
        local.event.occurred.lo,
        Instant::from_us(1_767_601_800_500_000)
    );
    assert_eq!(local.event.direction, Some(Direction::Out));
    assert_eq!(
        local.door.as_deref(),
        Some("8e7a1b2c-0002-4d3e-9f00-bbbbbbbbbbbb")
    );
    // An offset that is written stands, and the event is the same.
    let utc = item("AccessGranted", "2026-01-05T08:30:00.500Z");
    assert_eq!(utc.event.id, local.event.id);
    assert_eq!(
        item("DoorUnlock", "2026-01-05T10:30:00").event.kind,
        UnlockStarted
    );
}

#[test]
fn genetec_tells_two_people_in_one_second_apart() {
    #[track_caller]
    fn check(a: (&str, &str), b: (&str, &str), same: bool) {
        let id = |(stamp, holder): (&str, &str)| {
            let item = json!({"EventType": 35, "Timestamp": stamp, "SourceGuid": "7",
                              "CardholderGuid": holder});
            let reading = read("genetec", &item.to_string()).unwrap();
            reading.events[0].event.id.clone()
        };
        assert_eq!(id(a) == id(b), same, "{a:?} {b:?}");
    }
    let (second, fraction) = ("2026-01-05T08:30:00Z", "2026-01-05T08:30:00.123Z");
    check((second, "a"), (second, "a"), true);
    check((second, "a"), (second, "b"), false);
    check((fraction, "a"), ("2026-01-05T08:30:00.1234567Z", "b"), true);
    check((fraction, "a"), ("2026-01-05T08:30:00.124Z", "a"), false);
}

#[test]
fn camio() {
    #[track_caller]
    fn word(kind: &str, expect: AccessKind) {
        let body = json!({"events": [{"device_id": 1, "timestamp": 1_767_601_800_000_u64,
                                      "event_type": kind}]});
        check("camio", body, Some(&[expect]));
    }
    for same in [
        "entry_unlocked",
        "Entry Unlocked",
        "entry.unlocked",
        "ENTRY-UNLOCKED",
    ] {
        word(same, Granted);
    }
    word("entry.unlocked.failed", Denied);
    word("entry.authorized.failed", Denied);
    word("entry.forcedOpen", ForcedOpen);
    word("entry forced open", ForcedOpen);
    word("entry.ajar.started", HeldOpen);
    word("entry.ajar.ended", Other);
    word("access granted", Other);
    word("unlocked", Other);
    word("", Other);
    check(
        "camio",
        json!({"timestamp": 1_767_601_800, "event_type": "entry_unlocked"}),
        None,
    );
    check(
        "camio",
        json!({"device_id": 1, "event_type": "entry_unlocked"}),
        None,
    );
    check("camio", json!({"events": []}), Some(&[]));
}

#[test]
fn camio_is_told_further_words() {
    let adapter = with(json!({"vendor": "camio", "secrets": [], "kinds": {
        "Badge OK": "granted", "entry_unlocked": "other",
    }}));
    let kind = |word: &str| {
        let body = json!({"device_id": 1, "timestamp": 1_767_601_800, "event_type": word});
        let read = adapter.read(&signed("camio", OLD, body.to_string().as_bytes()));
        read.unwrap().events[0].event.kind
    };
    assert_eq!(kind("badge_ok"), Granted);
    assert_eq!(kind("Entry Unlocked"), Other);
}

#[test]
fn camio_counts_people_without_names_within_one_second() {
    #[track_caller]
    fn check(row: Value, different: usize) {
        let body = json!({"events": [row, row, row]}).to_string();
        let ids = || -> Vec<String> {
            let reading = read("camio", &body).unwrap();
            reading.events.into_iter().map(|it| it.event.id).collect()
        };
        let set: std::collections::BTreeSet<_> = ids().into_iter().collect();
        assert_eq!(set.len(), different, "{row}");
        // Sent again, they are the same.
        assert_eq!(ids(), ids());
    }
    let at = "2026-01-05T08:30:00Z";
    let kind = "entry_unlocked";
    check(
        json!({"device_id": 1, "timestamp": at, "event_type": kind}),
        3,
    );
    check(
        json!({"device_id": 1, "timestamp": at, "event_type": kind, "actor_id": 7}),
        1,
    );
    check(
        json!({"device_id": 1, "timestamp": 1_767_601_800_123_i64, "event_type": kind}),
        1,
    );
}

#[test]
fn camio_lists_replace_each_other_whole() {
    assert!(
        read(
            "camio",
            r#"{"devices":[{"device_id":"a"},{"device_name":"b"}]}"#
        )
        .is_err()
    );
    assert!(read("camio", r#"{"devices":{"device_id":"a"}}"#).is_err());
    let empty = read("camio", r#"{"readers":[]}"#).unwrap();
    assert_eq!(empty.notices, [Notice::AccessPoints(vec![])]);
}

#[test]
fn verkada() {
    #[track_caller]
    fn word(kind: &str, expect: AccessKind) {
        let data = json!({"notification_type": kind, "created": 1_767_601_800, "event_id": "e",
                          "door_id": "d"});
        check(
            "verkada",
            json!({"webhook_type": "notification", "data": data}),
            Some(&[expect]),
        );
    }
    for credential in [
        "keycard_entered",
        "code_entered",
        "mobile_nfc_scan",
        "remote_unlock",
    ] {
        word(&format!("door_{credential}_accepted"), Granted);
        word(&format!("door_{credential}_rejected"), Denied);
    }
    word("door_granted", Other);
    word("door_rejected", Denied);
    word("door_opened", Opened);
    word("door_closed", Closed);
    word("door_forced_open", ForcedOpen);
    word("door_held_open", HeldOpen);
    word("door_press_to_exit_accepted", RequestToExit);
    word("door_tailgating", Other);
    word("door_unlocked", Other);
    check(
        "verkada",
        json!({"webhook_type": "notification", "data": {}}),
        None,
    );
}

#[test]
fn verkada_grants_what_the_settings_name() {
    let adapter = with(json!({"vendor": "verkada", "secrets": [], "grants": ["door_granted"]}));
    let kind = |word: &str| {
        let body = json!({"data": {"notification_type": word, "created": 1_767_601_800}});
        let read = adapter.read(&signed("verkada", OLD, body.to_string().as_bytes()));
        read.unwrap().events[0].event.kind
    };
    assert_eq!(kind("door_granted"), Granted);
    assert_eq!(kind("door_keycard_entered_accepted"), Other);
}

#[test]
fn unifi() {
    #[track_caller]
    fn word(kind: &str, result: Value, expect: AccessKind) {
        let body = json!({"event": kind, "data": {"object": {"result": result}}});
        check("unifi", body, Some(&[expect]));
    }
    word("access.door.unlock", json!("Access Granted"), Granted);
    word("access.door.unlock", json!("Access Denied"), Denied);
    word("access.door.unlock", json!("access granted"), Other);
    word("access.door.unlock", json!(null), Other);
    word(
        "access.unlock_schedule.activate",
        json!(null),
        UnlockStarted,
    );
    word(
        "access.unlock_schedule.deactivate",
        json!(null),
        UnlockEnded,
    );
    word("access.temporary_unlock.start", json!(null), UnlockStarted);
    word("access.temporary_unlock.end", json!(null), UnlockEnded);
    word("access.device.dps_status", json!("open"), Other);
    word("access.logs.add", json!("Access Granted"), Other);
    check("unifi", json!({"data": {}}), None);
}

#[test]
fn prodatakey() {
    #[track_caller]
    fn word(kind: &str, expect: AccessKind) {
        let fields = json!({"occurred": 1_767_601_800_000_u64, "deviceId": 1});
        check(
            "prodatakey",
            json!({"topic": kind, "metadata": fields}),
            Some(&[expect]),
        );
        check(
            "prodatakey",
            json!({"type": kind, "data": fields}),
            Some(&[expect]),
        );
    }
    word("device.request.allowed", Granted);
    word("device.request.denied", Denied);
    word("device.request.unknown", Denied);
    word("device.request.duress", Other);
    word("device.request.found", Other);
    word("device.autoopen.on", Other);
    word("device.alarm.forced", ForcedOpen);
    word("device.alarm.forced.cleared", Other);
    word("device.alarm.propped.on", HeldOpen);
    word("device.input.dps.opened", Opened);
    word("device.input.dps.closed", Closed);
    word("device.input.rex.on", RequestToExit);
    check(
        "prodatakey",
        json!({"topic": "device.request.allowed"}),
        None,
    );
}

#[test]
fn generic() {
    #[track_caller]
    fn word(what: Value, expect: AccessKind) {
        let body = json!({"id": 1, "at": 1_767_601_800, "what": what, "reader": 7});
        check("generic", body, Some(&[expect]));
    }
    word(json!("in"), Granted);
    word(json!("no"), Denied);
    word(json!("IN"), Other);
    word(json!(null), Other);
    word(json!({"in": "in"}), Other);
    check("generic", json!({"what": "in"}), None);
    check(
        "generic",
        json!([{"at": 1_767_601_800}, {"at": 5}]),
        Some(&[Other]),
    );
}

#[test]
fn a_body_holds_a_thousand_events_at_most() {
    let row = json!({"id": 1, "at": 1_767_601_800});
    let rows = |count| Value::Array(vec![row.clone(); count]).to_string();
    assert_eq!(read("generic", &rows(1_000)).unwrap().events.len(), 1_000);
    assert!(read("generic", &rows(1_001)).is_err());
    let ids: Vec<u32> = (0..1_001).collect();
    let event = json!({"event": "entry.unlocked", "timestamp": 1_767_601_800,
                       "data": {"entryIds": ids}});
    assert!(read("openpath", &event.to_string()).is_err());
}

#[test]
fn depth_is_bounded() {
    for vendor in VENDORS {
        let deep = format!("{}{}", "[".repeat(100_000), "]".repeat(100_000));
        assert!(read(vendor, &deep).is_err(), "{vendor}");
        let deep = "{\"data\":".repeat(100_000);
        assert!(read(vendor, &deep).is_err(), "{vendor}");
    }
    let deep = format!("{}1{}", "<a>".repeat(100_000), "</a>".repeat(100_000));
    assert!(read("genetec", &deep).is_err());
}

#[test]
fn ids_and_names_are_bounded() {
    let long = "ä".repeat(10_000);
    let body = json!({"uuid": long, "type": long, "object_name": long, "object_id": long,
                      "created_at": "2026-01-05T08:30:00Z"});
    let reading = read("kisi", &body.to_string()).unwrap();
    let reported = &reading.events[0];
    assert_eq!(reported.event.id.len(), 64);
    assert_eq!(reported.event.reader.as_ref().unwrap().len(), 64);
    assert_eq!(reported.vendor_kind.len(), 256);
    assert_eq!(reported.reader_name.as_ref().unwrap().len(), 256);
}
