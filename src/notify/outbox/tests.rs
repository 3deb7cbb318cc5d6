//! Tests of the outbox: what is owed to whom, bounds, ages, and files that are not its own.

use std::path::Path;

use tempfile::TempDir;

use super::super::notice::{Class, Notice, Wants};
use super::*;

const DAY: Span = Span::from_ms(86_400_000);

fn days(count: i64) -> Span {
    Span::from_us(count * DAY.as_us())
}

fn notice(door: &str, number: u32, revision: u32, class: Class) -> Notice {
    Notice {
        id: format!("verdict/{door}/{number}/{revision}"),
        subject: format!("verdict/{door}/{number}"),
        door: door.to_owned(),
        at: Instant::ZERO,
        class,
        provisional: revision == 1,
        body: format!("{{\"n\":{number}}}").into_bytes(),
    }
}

fn entry(name: &str, wants: Wants) -> SinkEntry {
    SinkEntry {
        name: name.into(),
        target: "https://example.org".to_owned(),
        wants,
    }
}

struct Case {
    folder: TempDir,
    settings: OutboxSettings,
    clock: Arc<crate::wire::ManualClock>,
}

impl Case {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let settings = OutboxSettings::at(folder.path().join("alerts.db"));
        let now = Instant::from_us(1_780_000_000_000_000);
        Self {
            folder,
            settings,
            clock: Arc::new(crate::wire::ManualClock::new(now)),
        }
    }

    fn open(&self, sinks: &[SinkEntry]) -> Outbox {
        Outbox::open_by(&self.settings, sinks, self.clock.clone()).unwrap()
    }
}

/// Ids that a sink is owed.
#[track_caller]
fn check_owed(outbox: &Outbox, sink: &str, expect: &[&str]) {
    let reader = outbox.reader().unwrap();
    let owed = reader.owed_after(sink, 0, 100).unwrap();
    let ids = owed
        .iter()
        .map(|owed| reader.content(sink, owed.seq).unwrap().unwrap().id);
    let ids: Vec<String> = ids.collect();
    assert_eq!(ids, expect);
}

#[test]
fn sinks_are_owed_what_they_want_and_what_becomes_of_it() {
    let case = Case::new();
    let finals = Wants {
        provisional: false,
        ..Wants::default()
    };
    let outbox = case.open(&[entry("now", Wants::default()), entry("final", finals)]);
    let all = [
        notice("a", 1, 1, Class::Breach),
        notice("a", 2, 1, Class::Passage),
        notice("a", 1, 2, Class::Undetermined),
        notice("a", 1, 3, Class::Passage),
        notice("b", 3, 2, Class::Breach),
    ];
    outbox.put(&all).unwrap();
    outbox.put(&all[..2]).unwrap();
    let of_one = ["verdict/a/1/1", "verdict/a/1/2", "verdict/a/1/3"];
    check_owed(&outbox, "now", &[&of_one[..], &["verdict/b/3/2"]].concat());
    check_owed(&outbox, "final", &["verdict/b/3/2"]);
    outbox
        .put_soon(vec![notice("c", 4, 1, Class::Breach)])
        .unwrap();
    // What was handed over before is written before.
    outbox.put(&all).unwrap();
    check_owed(
        &outbox,
        "now",
        &[&of_one[..], &["verdict/b/3/2", "verdict/c/4/1"]].concat(),
    );
    let long = Notice {
        body: vec![b' '; MOST_BODY + 1],
        ..notice("a", 9, 1, Class::Breach)
    };
    assert!(matches!(
        outbox.put(&[long]),
        Err(OutboxError::TooLong { .. })
    ));
}

#[test]
fn a_dead_sink_never_fills_the_disk() {
    let mut case = Case::new();
    case.settings.most_waiting = 3;
    case.settings.most_given_up = 2;
    let outbox = case.open(&[entry("dead", Wants::default())]);
    for number in 1..=8 {
        outbox
            .put(&[notice("a", number, 1, Class::Breach)])
            .unwrap();
    }
    check_owed(
        &outbox,
        "dead",
        &["verdict/a/6/1", "verdict/a/7/1", "verdict/a/8/1"],
    );
    let reader = outbox.reader().unwrap();
    let state = reader.sink("dead").unwrap().unwrap();
    assert_eq!((state.waiting, state.given_up), (3, 5));
    let kept = reader.given_up("dead", 100).unwrap();
    let ids: Vec<_> = kept.iter().map(|kept| &*kept.id).collect();
    assert_eq!(ids, ["verdict/a/5/1", "verdict/a/4/1"]);
    assert_eq!(kept[0].body, "{\"n\":5}");
    assert!(kept[0].why.contains("full"), "{}", kept[0].why);
}

#[test]
fn bytes_are_bounded_too_but_one_notice_always_fits() {
    let mut case = Case::new();
    case.settings.most_bytes = 1_000;
    let outbox = case.open(&[entry("dead", Wants::default())]);
    for (number, bytes) in [(1, 600), (2, 600), (3, 5_000), (4, 10)] {
        let body = vec![b' '; bytes];
        let notice = Notice {
            body,
            ..notice("a", number, 1, Class::Breach)
        };
        outbox.put(&[notice]).unwrap();
    }
    check_owed(&outbox, "dead", &["verdict/a/4/1"]);
}

#[test]
fn what_is_too_old_is_given_up_and_forgotten_in_the_end() {
    let case = Case::new();
    let outbox = case.open(&[entry("dead", Wants::default())]);
    outbox.put(&[notice("a", 1, 1, Class::Breach)]).unwrap();
    case.clock.advance(DAY + DAY);
    outbox.put(&[notice("a", 2, 1, Class::Breach)]).unwrap();
    case.clock.advance(DAY + DAY);
    outbox.sweep().unwrap();
    check_owed(&outbox, "dead", &["verdict/a/2/1"]);
    let reader = outbox.reader().unwrap();
    let kept = reader.given_up("dead", 100).unwrap();
    assert_eq!(kept[0].why, "it could not be delivered for 3 days");
    case.clock.advance(Span::from_us(31 * DAY.as_us()));
    outbox.sweep().unwrap();
    outbox.sweep().unwrap();
    assert_eq!(reader.given_up("dead", 100).unwrap().len(), 1);
    assert_eq!(reader.sink("dead").unwrap().unwrap().given_up, 2);
    case.clock.advance(days(31));
    outbox.sweep().unwrap();
    assert!(reader.given_up("dead", 100).unwrap().is_empty());
    // The newest one's number stays, and nothing of what it said.
    let other = rusqlite::Connection::open(&case.settings.path).unwrap();
    let left = "SELECT count(*), count(body) FROM notice";
    let read = |row: &rusqlite::Row<'_>| Ok((row.get(0)?, row.get(1)?));
    let left: (i64, i64) = other.query_row(left, [], read).unwrap();
    assert_eq!(left, (1, 0));
}

/// A sink that runs has read up to some number, and reads nothing at or below it.
#[tokio::test]
async fn numbers_only_grow_whatever_is_forgotten() {
    let case = Case::new();
    let sink: Arc<str> = "sink".into();
    let open = || case.open(&[entry("sink", Wants::default())]);
    let next = |outbox: &Outbox, number, last| {
        let notice = notice("a", number, 1, Class::Breach);
        outbox.put(&[notice]).unwrap();
        let owed = outbox.reader().unwrap().owed_after("sink", last, 9);
        let owed = owed.unwrap();
        assert_eq!(owed.len(), 1, "notice {number} after {last}: {owed:?}");
        owed[0].seq
    };
    let delivered = Settle::Delivered;
    let outbox = open();
    // All there was is delivered and forgotten.
    let first = next(&outbox, 1, 0);
    outbox
        .settle(&sink, first, delivered.clone())
        .await
        .unwrap();
    case.clock.advance(days(31));
    outbox.sweep().unwrap();
    let given_up = next(&outbox, 2, first);
    // The newest one was delivered, and an older one is kept for longer, since it was given up.
    let third = next(&outbox, 3, given_up);
    outbox
        .settle(&sink, third, delivered.clone())
        .await
        .unwrap();
    for age in [4, 28] {
        case.clock.advance(days(age));
        outbox.sweep().unwrap();
    }
    let kept = outbox.reader().unwrap().given_up("sink", 9).unwrap();
    assert_eq!(kept.len(), 1);
    let fourth = next(&outbox, 4, third);
    // The process ended in between.
    outbox.settle(&sink, fourth, delivered).await.unwrap();
    case.clock.advance(days(31));
    outbox.sweep().unwrap();
    drop(outbox);
    next(&open(), 5, fourth);
}

#[test]
fn a_clock_that_is_set_ages_nothing() {
    let case = Case::new();
    let db = schema::open(&case.settings.path).unwrap();
    let mut store = Store::new(db, &case.settings);
    let old = Instant::from_us(1_000_000);
    store
        .register(&[entry("a", Wants::default())], old)
        .unwrap();
    store.begin().unwrap();
    store.put(&notice("a", 1, 1, Class::Breach), old).unwrap();
    let by = Span::from_us(50 * 365 * DAY.as_us());
    store.shift(by).unwrap();
    store.sweep(old + by).unwrap();
    store.commit().unwrap();
    let reader = OutboxReader::open(&case.settings.path).unwrap();
    assert_eq!(reader.owed_after("a", 0, 9).unwrap()[0].put, old + by);
}

#[test]
fn a_sink_that_left_the_settings_is_owed_nothing_and_a_new_one_the_rest() {
    let case = Case::new();
    let outbox = case.open(&[entry("old", Wants::default())]);
    outbox.put(&[notice("a", 1, 1, Class::Breach)]).unwrap();
    drop(outbox);
    let outbox = case.open(&[entry("new", Wants::default())]);
    outbox.put(&[notice("a", 2, 1, Class::Breach)]).unwrap();
    check_owed(&outbox, "old", &[]);
    check_owed(&outbox, "new", &["verdict/a/2/1"]);
    let reader = outbox.reader().unwrap();
    assert_eq!(reader.sink("old").unwrap().unwrap().given_up, 1);
    assert!(reader.is_whole().unwrap());
}

#[test]
fn a_failed_write_poisons_it() {
    let case = Case::new();
    let outbox = case.open(&[entry("a", Wants::default())]);
    let other = rusqlite::Connection::open(&case.settings.path).unwrap();
    other.execute_batch("DROP TABLE told").unwrap();
    let refused = outbox.put(&[notice("a", 1, 1, Class::Breach)]);
    assert!(
        matches!(refused, Err(OutboxError::Poisoned(_))),
        "{refused:?}"
    );
    assert!(outbox.poison().is_some());
    let refused = outbox.put(&[notice("a", 2, 1, Class::Breach)]);
    assert!(
        matches!(refused, Err(OutboxError::Poisoned(_))),
        "{refused:?}"
    );
    let left: i64 = other
        .query_row("SELECT count(*) FROM notice", [], |row| row.get(0))
        .unwrap();
    assert_eq!(left, 0);
}

#[test]
fn files_that_are_not_its_own_are_left_alone() {
    #[track_caller]
    fn check(sql: &str, expect: &str) {
        let case = Case::new();
        let db = rusqlite::Connection::open(&case.settings.path).unwrap();
        db.execute_batch(sql).unwrap();
        let refused = Outbox::open(&case.settings, &[]).unwrap_err().to_string();
        assert!(refused.contains(expect), "{refused}");
    }
    check("CREATE TABLE x (y)", "is no outbox of tailgate");
    check(
        "CREATE TABLE x (y); PRAGMA application_id = 0x7467696e; PRAGMA user_version = 1",
        "is no outbox of tailgate",
    );
    check(
        "CREATE TABLE x (y); PRAGMA application_id = 0x74676f75; PRAGMA user_version = 9",
        "has schema version 9, this program knows 1",
    );
    let case = Case::new();
    let nowhere = OutboxSettings::at(case.folder.path().join("nowhere/alerts.db"));
    let refused = Outbox::open(&nowhere, &[]).unwrap_err().to_string();
    assert!(refused.contains("nowhere is not there"), "{refused}");
    assert!(OutboxReader::open(Path::new("/nonexistent/alerts.db")).is_err());
}
