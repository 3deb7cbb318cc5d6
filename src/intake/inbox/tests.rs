//! The inbox by itself: once, in order, on disk before the answer, and silent after a failure.

use std::sync::Arc;

use prometheus_client::metrics::histogram::Histogram;
use rusqlite::Connection;
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
        "schema version 99, this program knows 1",
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
