//! The inbox by itself: once, in order, on disk before the answer, and silent after a failure.

use std::sync::Arc;

use prometheus_client::metrics::histogram::Histogram;
use rusqlite::Connection;
use sha2::Digest;
use tempfile::TempDir;

use super::*;
use crate::intake::testing::Plain;
use crate::intake::{Adapter, Delivery, Headers, Reading};
use crate::units::Instant;

fn at(s: i64) -> Instant {
    Instant::from_us(1_800_000_000_000_000 + s * 1_000_000)
}

fn folder() -> (TempDir, InboxSettings) {
    let folder = tempfile::tempdir().expect("a folder");
    let settings = InboxSettings::at(folder.path().join("inbox.db"));
    (folder, settings)
}

fn open(settings: &InboxSettings) -> Result<Inbox, InboxError> {
    Inbox::open(settings, &[("s".into(), "plain")], Histogram::new([1.0]))
}

/// A delivery as the test vendor reads it; what it can't read is unreadable here too.
fn deposit(source: &str, body: &str) -> Deposit {
    let delivery = Delivery {
        source: source.into(),
        received: at(0),
        target: format!("/in/{source}"),
        headers: Headers::new([("X-Signature", "0123"), ("X-Empty", "")]),
        body: body.as_bytes().to_vec(),
    };
    Deposit {
        reading: Plain.read(&delivery),
        digest: sha2::Sha256::digest(&delivery.body).into(),
        delivery,
        people: false,
    }
}

#[track_caller]
fn put(inbox: &Inbox, deposit: Deposit) -> Receipt {
    let acknowledged = inbox.deposit(deposit).expect("the queue takes it");
    acknowledged
        .blocking_recv()
        .expect("the writer lives")
        .expect("a receipt")
}

#[track_caller]
fn check(bodies: &[&str], receipts: &[(u32, u32)], keys: &[&str]) {
    let (_folder, settings) = folder();
    let inbox = open(&settings).expect("an inbox");
    for (body, (stored, duplicates)) in bodies.iter().zip(receipts) {
        let receipt = put(&inbox, deposit("s", body));
        assert_eq!(
            (receipt.stored, receipt.duplicates),
            (*stored, *duplicates),
            "{body}"
        );
    }
    let reader = inbox.reader().expect("a reader");
    let events = reader.events_after(0, 100).expect("events");
    let found: Vec<&str> = events.iter().map(|e| &*e.reported.event.id).collect();
    assert_eq!(found, keys);
    let numbers: Vec<u64> = events.iter().map(|event| event.seq).collect();
    assert_eq!(numbers, (1..=keys.len() as u64).collect::<Vec<_>>());
    let journal = reader.check().expect("a check");
    assert!(journal.whole && journal.events == journal.last);
}

#[test]
fn an_event_is_stored_once_and_numbers_have_no_gaps() {
    check(&["a granted r"], &[(1, 0)], &["a"]);
    check(&["a granted r", "a granted r"], &[(1, 0), (0, 1)], &["a"]);
    check(
        &[
            "a granted r\nb denied r",
            "b denied r\nc granted r",
            "d x r",
        ],
        &[(2, 0), (1, 1), (1, 0)],
        &["a", "b", "c", "d"],
    );
    check(&["a granted r\na granted r"], &[(1, 1)], &["a"]);
    check(&["", "\n"], &[(0, 0), (0, 0)], &[]);
}

#[test]
fn the_same_id_of_another_source_is_another_event() {
    let (_folder, settings) = folder();
    let inbox = open(&settings).expect("an inbox");
    assert_eq!(put(&inbox, deposit("s", "a granted r")).stored, 1);
    assert_eq!(put(&inbox, deposit("t", "a granted r")).stored, 1);
}

#[test]
fn numbers_go_on_after_a_restart() {
    let (_folder, settings) = folder();
    let inbox = open(&settings).expect("an inbox");
    put(&inbox, deposit("s", "a granted r"));
    drop(inbox);
    let inbox = open(&settings).expect("the same inbox");
    let receipt = put(&inbox, deposit("s", "a granted r\nb granted r"));
    assert_eq!((receipt.stored, receipt.duplicates), (1, 1));
    assert_eq!(
        inbox
            .reader()
            .expect("a reader")
            .last_seq()
            .expect("a number"),
        2
    );
}

#[test]
fn what_is_queued_is_written_before_the_inbox_closes() {
    let (_folder, settings) = folder();
    let inbox = open(&settings).expect("an inbox");
    let waiting: Vec<_> = (0..100)
        .map(|i| inbox.deposit(deposit("s", &format!("e{i} granted r"))))
        .collect::<Result<_, _>>()
        .expect("the queue takes them");
    drop(inbox);
    for acknowledged in waiting {
        assert!(acknowledged.blocking_recv().expect("an answer").is_ok());
    }
    let reader = InboxReader::open(&settings.path).expect("a reader");
    assert_eq!(reader.last_seq().expect("a number"), 100);
}

#[test]
fn the_unreadable_stands_in_quarantine_once_and_can_be_read_later() {
    let (_folder, settings) = folder();
    let inbox = open(&settings).expect("an inbox");
    assert!(put(&inbox, deposit("s", "two words")).quarantined);
    assert!(!put(&inbox, deposit("s", "two words")).quarantined);
    let reader = inbox.reader().expect("a reader");
    let held = reader.quarantine(false).expect("a list");
    assert_eq!((held.len(), held[0].times), (1, 2));
    let id = held[0].id;
    let (_, delivery) = reader.quarantined(id).expect("a row").expect("there");
    assert_eq!(delivery, deposit("s", "two words").delivery);
    let mut later = deposit("s", "a granted r");
    later.delivery = delivery;
    let receipt = reader.resolve(id, &later, at(9)).expect("resolved");
    assert_eq!(receipt.stored, 1);
    assert_eq!(reader.quarantine(false).expect("a list"), []);
    assert_eq!(
        reader.quarantine(true).expect("a list")[0].resolved,
        Some(at(9))
    );
}

#[test]
fn an_id_that_says_something_else_the_second_time_is_seen() {
    let (_folder, settings) = folder();
    let inbox = open(&settings).expect("an inbox");
    put(&inbox, deposit("s", "a denied r"));
    let receipt = put(&inbox, deposit("s", "a granted r\nb granted r"));
    assert_eq!((receipt.stored, receipt.contradictions), (1, 1));
    assert!(receipt.quarantined);
    let reader = inbox.reader().expect("a reader");
    let events = reader.events_after(0, 9).expect("events");
    assert_eq!(
        events[0].reported.vendor_kind, "denied",
        "the first word stands"
    );
    let held = reader.quarantine(false).expect("a list");
    let (_, delivery) = reader
        .quarantined(held[0].id)
        .expect("a row")
        .expect("there");
    assert_eq!(delivery.body, b"a granted r\nb granted r");
}

#[test]
fn a_list_of_access_points_replaces_the_one_before() {
    let (_folder, settings) = folder();
    let inbox = open(&settings).expect("an inbox");
    for names in [&["x", "y"][..], &["z"]] {
        let points = names.iter().map(|name| crate::intake::AccessPoint {
            id: (*name).into(),
            name: name.to_uppercase(),
            door: None,
            direction: None,
        });
        let mut listing = deposit("s", "");
        listing.reading = Ok(Reading {
            events: Vec::new(),
            notices: vec![crate::intake::Notice::AccessPoints(points.collect())],
        });
        put(&inbox, listing);
    }
    let points = inbox
        .reader()
        .expect("a reader")
        .access_points("s")
        .expect("a list");
    assert_eq!(points.len(), 1);
    assert_eq!((&*points[0].id, &*points[0].name), ("z", "Z"));
}

#[test]
fn names_of_people_are_stored_only_where_the_site_asks_for_them() {
    for people in [false, true] {
        let (_folder, settings) = folder();
        let inbox = open(&settings).expect("an inbox");
        let mut named = deposit("s", "a granted r");
        let person = crate::intake::Person {
            name: Some("Ada".into()),
            email: None,
        };
        named.people = people;
        if let Ok(reading) = &mut named.reading {
            reading.events[0].person = Some(person.clone());
        }
        put(&inbox, named);
        let events = inbox
            .reader()
            .expect("a reader")
            .events_after(0, 1)
            .expect("one");
        assert_eq!(events[0].reported.person, Some(person).filter(|_| people));
    }
}

#[test]
fn gaps_are_opened_ended_closed_and_confirmed() {
    let (_folder, settings) = folder();
    let inbox = open(&settings).expect("an inbox");
    let source: Arc<str> = "s".into();
    let record = |change| {
        let done = inbox.record(change).expect("the queue takes it");
        let receipt = done.blocking_recv().expect("an answer").expect("a receipt");
        receipt.gap
    };
    let open = |to| GapChange::Open {
        source: Arc::clone(&source),
        from: at(10),
        to,
        reason: "refused".into(),
    };
    let first = record(open(None)).expect("a gap");
    let second = record(open(Some(at(20)))).expect("a gap");
    assert_eq!(
        record(GapChange::Ends {
            gap: first,
            to: at(15)
        }),
        Some(first)
    );
    let note = || "test".to_owned();
    assert_eq!(
        record(GapChange::Closed {
            gap: second,
            note: note()
        }),
        Some(second)
    );
    assert_eq!(
        record(GapChange::Lost {
            gap: second,
            note: note()
        }),
        None
    );
    let reader = inbox.reader().expect("a reader");
    let lost = GapChange::Lost {
        gap: first,
        note: note(),
    };
    assert_eq!(
        reader.change_gap(&lost, at(30)).expect("changed"),
        Some(first)
    );
    let gaps = reader.gaps(false).expect("a list");
    assert_eq!(gaps.len(), 1);
    assert_eq!((gaps[0].to, gaps[0].state), (Some(at(15)), GapState::Lost));
    assert_eq!(reader.gaps(true).expect("a list").len(), 2);
}

#[test]
fn after_the_first_failed_write_nothing_is_acknowledged() {
    let (_folder, settings) = folder();
    let inbox = open(&settings).expect("an inbox");
    put(&inbox, deposit("s", "a granted r"));
    let other = Connection::open(&settings.path).expect("a connection");
    other.execute_batch("DROP TABLE event").expect("dropped");
    let answer = inbox
        .deposit(deposit("s", "b granted r"))
        .expect("the queue takes it");
    let answer = answer.blocking_recv().expect("an answer");
    assert!(matches!(answer, Err(InboxError::Poisoned(_))), "{answer:?}");
    let poisoned = inbox.poisoned();
    assert!(poisoned.borrow().is_some());
    assert!(matches!(
        inbox.deposit(deposit("s", "c granted r")),
        Err(InboxError::Poisoned(_))
    ));
}

#[test]
fn a_full_queue_takes_nothing_more() {
    let (_folder, mut settings) = folder();
    settings.queue_bytes = 1;
    settings.linger = Duration::from_secs(1);
    let inbox = open(&settings).expect("an inbox");
    let first = inbox.deposit(deposit("s", "a granted r")).expect("room");
    let second = inbox.deposit(deposit("s", "b granted r"));
    assert!(matches!(second, Err(InboxError::Busy)));
    assert!(first.blocking_recv().expect("an answer").is_ok());
}

#[test]
fn a_later_version_and_a_strange_file_are_refused() {
    #[track_caller]
    fn check(sql: &str, expect: &str) {
        let (_folder, settings) = folder();
        drop(open(&settings).expect("an inbox"));
        let other = Connection::open(&settings.path).expect("a connection");
        other.execute_batch(sql).expect("changed");
        drop(other);
        for error in [
            open(&settings).err(),
            InboxReader::open(&settings.path).err(),
        ] {
            let error = error.expect("refused").to_string();
            assert!(error.contains(expect), "{error}");
        }
    }
    check(
        "PRAGMA user_version = 99",
        "schema version 99, this program knows 2",
    );
    check("PRAGMA application_id = 7", "is no inbox of tailgate");
}

#[test]
fn a_missing_folder_is_named() {
    let (folder, mut settings) = folder();
    settings.path = folder.path().join("nowhere/inbox.db");
    let error = open(&settings).map(drop).expect_err("refused").to_string();
    assert!(error.contains("nowhere is not there"), "{error}");
}

#[test]
fn raw_bytes_go_when_they_are_old_and_their_numbers_stay_taken() {
    let (_folder, mut settings) = folder();
    settings.keep_raw = Duration::ZERO;
    let inbox = open(&settings).expect("an inbox");
    put(&inbox, deposit("s", "a granted r"));
    put(&inbox, deposit("s", "two words"));
    drop(inbox);
    let mut store = store::Store::open(&settings.path).expect("the file");
    store.tick(at(86_400), &settings).expect("a tick");
    store.begin().expect("a transaction");
    let receipt = store.write(&deposit("s", "b granted r")).expect("written");
    store.commit().expect("committed");
    assert_eq!(receipt.stored, 1);
    let reader = InboxReader::open(&settings.path).expect("a reader");
    let events = reader.events_after(0, 9).expect("events");
    assert_ne!(events[0].delivery, events[1].delivery);
    let held = reader.quarantine(false).expect("a list");
    assert!(
        reader.quarantined(held[0].id).expect("a row").is_some(),
        "quarantine is kept"
    );
}

/// What a file's bytes hold, its log included.
fn holds(settings: &InboxSettings, sought: &str) -> bool {
    let log = settings.path.with_extension("db-wal");
    let files = [&settings.path, &log].map(|path| std::fs::read(path).unwrap_or_default());
    let found = |text: &Vec<u8>| {
        let mut windows = text.windows(sought.len());
        windows.any(|window| window == sought.as_bytes())
    };
    files.iter().any(found)
}

fn named(event: &str, name: &str) -> Deposit {
    let mut named = deposit("s", event);
    named.people = true;
    if let Ok(reading) = &mut named.reading {
        reading.events[0].event.holder = Some("7".into());
        reading.events[0].person = Some(crate::intake::Person {
            name: Some(name.into()),
            email: None,
        });
    }
    named
}

fn person(holder: &str, name: Option<&str>, expires: Instant) -> Note {
    Note::Person {
        source: "s".into(),
        holder: holder.into(),
        person: name.map(|name| crate::intake::Person {
            name: Some(name.into()),
            email: Some(format!("{name}@example.org")),
        }),
        expires,
    }
}

#[track_caller]
fn note(inbox: &Inbox, note: Note) {
    let noted = inbox.note(note).expect("the queue takes it");
    noted.blocking_recv().expect("an answer").expect("kept");
}

#[test]
fn forgotten_people_are_in_no_byte_of_the_file() {
    for whom in [
        Whom::Everybody(None),
        Whom::Everybody(Some("s".into())),
        Whom::Holder(None, "7".into()),
        Whom::Holder(Some("s".into()), "7".into()),
    ] {
        let (_folder, settings) = folder();
        let inbox = open(&settings).expect("an inbox");
        put(&inbox, named("a granted r", "Zacharias"));
        note(&inbox, person("7", Some("Zacharias"), at(100)));
        let reader = inbox.reader().expect("a reader");
        let known = reader.person("s", "7", at(99)).expect("a look");
        assert!(known.is_some_and(|known| known.person().is_some()));
        assert!(holds(&settings, "Zacharias"));
        let forgotten = reader.forget(&whom, &|_, _| None).expect("forgotten");
        assert_eq!((forgotten.people, forgotten.events), (1, 1), "{whom:?}");
        assert!(forgotten.log_emptied);
        assert!(!holds(&settings, "Zacharias"), "{whom:?}");
        let events = reader.events_after(0, 1).expect("one");
        assert_eq!(events[0].reported.person, None);
        assert!(reader.people(at(0)).expect("a list").is_empty());
    }
    let (_folder, settings) = folder();
    let inbox = open(&settings).expect("an inbox");
    note(&inbox, person("1", Some("Zacharias"), at(100)));
    let other = Whom::Holder(None, "2".into());
    let reader = inbox.reader().expect("a reader");
    let forgotten = reader.forget(&other, &|_, _| None).expect("nobody");
    assert_eq!((forgotten.people, forgotten.events), (0, 0));
    assert!(holds(&settings, "Zacharias"));
}

#[test]
fn names_expire_in_earnest() {
    let (_folder, settings) = folder();
    let mut store = store::Store::open(&settings.path).expect("a store");
    store.begin().expect("begun");
    store
        .write(&named("a granted r", "Zacharias"))
        .expect("written");
    store
        .note(&person("1", Some("Yolanda"), at(100)), at(0))
        .expect("noted");
    store
        .note(&person("2", None, at(100)), at(0))
        .expect("noted");
    store.commit().expect("committed");
    let month = Instant::from_us(at(0).as_us() + settings.keep_people.as_micros() as i64);
    let us = crate::units::Span::from_us(1);
    store.tick(at(100) - us, &settings).expect("nothing is due");
    assert!(holds(&settings, "Yolanda"));
    store.tick(at(100), &settings).expect("cleared");
    assert!(!holds(&settings, "Yolanda"));
    store
        .tick(month, &settings)
        .expect("not due before the month is over");
    assert!(holds(&settings, "Zacharias"));
    store.tick(month + us, &settings).expect("cleared");
    assert!(!holds(&settings, "Zacharias"));
    let reader = InboxReader::open(&settings.path).expect("a reader");
    assert_eq!(
        reader.events_after(0, 1).expect("one")[0].reported.person,
        None
    );
}

#[test]
fn readers_are_counted_and_bounded() {
    let (_folder, settings) = folder();
    let mut store = store::Store::open(&settings.path).expect("a store");
    let lines = |from: usize, to: usize| {
        let line = |n: usize| format!("e{n} granted r{n}\n");
        (from..to).map(line).collect::<String>()
    };
    for from in [0, MOST_READERS - 1] {
        store.begin().expect("begun");
        let body = lines(from, from + MOST_READERS - 1);
        store.write(&deposit("s", &body)).expect("written");
        store.commit().expect("committed");
    }
    let reader = InboxReader::open(&settings.path).expect("a reader");
    let seen = reader.readers("s").expect("a list");
    assert_eq!(seen.len(), MOST_READERS + 1);
    let others = seen
        .iter()
        .find(|seen| seen.id == "(others)")
        .expect("the rest");
    assert_eq!(others.events as usize, MOST_READERS - 2);
    let events: u64 = seen.iter().map(|seen| seen.events).sum();
    assert_eq!(events as usize, 2 * (MOST_READERS - 1));
    // What repeats is no event.
    store.begin().expect("begun");
    store
        .write(&deposit("s", "e0 granted r0"))
        .expect("written");
    store.commit().expect("committed");
    assert_eq!(reader.readers("s").expect("a list"), seen);
}

/// A file as version 1 left it: the new tables are taken away and everything else stays.
fn first_version(settings: &InboxSettings) {
    drop(open(settings).expect("an inbox"));
    let db = Connection::open(&settings.path).expect("a connection");
    db.execute_batch(
        "DROP TABLE site; DROP TABLE point; DROP TABLE reader; DROP TABLE person; \
         DROP INDEX event_named; ALTER TABLE delivery DROP COLUMN digest; \
         ALTER TABLE source DROP COLUMN asked_us; ALTER TABLE source DROP COLUMN asked_from_us; \
         INSERT INTO access_point VALUES (1, 'x', 'X', 'd'); \
         INSERT INTO delivery VALUES (1, 1, unixepoch() * 1000000, '/in/s', x'', CAST('of Zacharias' AS BLOB)); \
         INSERT INTO event VALUES (1, 1, 'k', 1, 'granted', 'v', 'r', 'R', NULL, 5, 5, 7, NULL, \
         NULL, NULL, NULL, NULL); PRAGMA user_version = 1;",
    )
    .expect("a file of version 1");
}

#[test]
fn a_file_of_version_1_is_taken_over_with_what_it_holds() {
    for by_reader in [true, false] {
        let (_folder, settings) = folder();
        first_version(&settings);
        if !by_reader {
            drop(open(&settings).expect("an inbox"));
        }
        let reader = InboxReader::open(&settings.path).expect("a reader");
        assert_eq!(reader.events_after(0, 9).expect("events").len(), 1);
        let points = reader.access_points("s").expect("points");
        assert_eq!((&*points[0].id, points[0].direction), ("x", None));
        let seen = reader.readers("s").expect("readers");
        assert_eq!((&*seen[0].id, seen[0].events), ("r", 1));
        assert_eq!(reader.key().expect("a key").expose().len(), 32);
        // Version 1 left names in raw bodies: forgetting takes them out, once.
        let redact = |_: &str, _: &[u8]| Some((b"nobody".to_vec(), [7; 32]));
        let everybody = Whom::Everybody(None);
        let forgotten = reader.forget(&everybody, &redact).expect("forgotten");
        assert_eq!(forgotten.bodies, 1);
        assert!(!holds(&settings, "Zacharias"));
        let again = reader.forget(&everybody, &redact).expect("forgotten");
        assert_eq!(again.bodies, 0);
    }
}
