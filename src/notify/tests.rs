//! Tests of the way from a verdict to its sinks, with sinks that do as they are told and a clock that
//! is moved by hand.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde_json::json;
use tempfile::TempDir;
use tokio::sync::mpsc;
use tokio_util::sync::{CancellationToken, DropGuard};

use super::*;
use crate::crossing::{Crossing, Direction};
use crate::sight::SightState;
use crate::units::{
    CameraId, CrossingId, DoorId, Doubt, Instant, Interval, PortalId, Span, TrackId,
};
use crate::verdict::{Fate, PlainNames, Stage, Step, Verdict, VerdictKind};
use crate::wire::{Boxed, ManualClock};

const START: Instant = Instant::from_us(1_780_000_000_000_000);
/// When a test gives up.
const GIVE_UP: Duration = Duration::from_secs(30);

type Answers = Box<dyn FnMut(&Outgoing) -> Outcome + Send>;

/// A sink that does as it is told.
struct Scripted {
    name: Arc<str>,
    answers: Mutex<Answers>,
    told: mpsc::UnboundedSender<Told>,
}

/// That a sink was told something: which one, what, and so many seconds after the start.
#[derive(Debug, Clone, PartialEq)]
struct Told {
    sink: Arc<str>,
    id: String,
    at_s: f64,
}

impl Sink for Scripted {
    fn name(&self) -> &Arc<str> {
        &self.name
    }

    fn target(&self) -> String {
        "nowhere".to_owned()
    }

    fn deliver<'a>(&'a self, notice: &'a Outgoing) -> Boxed<'a, Outcome> {
        let told = Told {
            sink: self.name.clone(),
            id: notice.id.clone(),
            at_s: (notice.now - START).as_s(),
        };
        self.told.send(told).unwrap();
        let outcome = (self.answers.lock().unwrap())(notice);
        Box::pin(std::future::ready(outcome))
    }
}

struct World {
    folder: TempDir,
    clock: Arc<ManualClock>,
    outbox: Arc<Outbox>,
    sinks: Vec<Arc<dyn Sink>>,
    told: mpsc::UnboundedReceiver<Told>,
    metrics: Metrics,
    _stop: DropGuard,
}

impl World {
    fn new(sinks: Vec<(&str, Answers)>) -> Self {
        let (sender, told) = mpsc::unbounded_channel();
        let made = sinks.into_iter().map(|(name, answers)| {
            let sink: Arc<dyn Sink> = Arc::new(Scripted {
                name: name.into(),
                answers: Mutex::new(answers),
                told: sender.clone(),
            });
            sink
        });
        let sinks: Vec<_> = made.collect();
        let folder = tempfile::tempdir().unwrap();
        let clock = Arc::new(ManualClock::new(START));
        Self::run(folder, clock, sinks, told)
    }

    fn run(
        folder: TempDir,
        clock: Arc<ManualClock>,
        sinks: Vec<Arc<dyn Sink>>,
        told: mpsc::UnboundedReceiver<Told>,
    ) -> Self {
        let entries: Vec<_> = sinks
            .iter()
            .map(|sink| SinkEntry {
                name: sink.name().clone(),
                target: sink.target(),
                wants: Wants::default(),
            })
            .collect();
        let settings = OutboxSettings::at(folder.path().join("alerts.db"));
        let outbox = Arc::new(Outbox::open_by(&settings, &entries, clock.clone()).unwrap());
        let metrics = Metrics::default();
        let stop = CancellationToken::new();
        let dispatcher = Dispatcher::new(outbox.clone(), sinks.clone(), metrics.clone());
        tokio::spawn(dispatcher.by(clock.clone()).run(stop.clone()));
        Self {
            folder,
            clock,
            outbox,
            sinks,
            told,
            metrics,
            _stop: stop.drop_guard(),
        }
    }

    /// A process that ends and starts again.
    async fn restart(self) -> Self {
        let Self {
            folder,
            clock,
            outbox,
            sinks,
            told,
            _stop,
            ..
        } = self;
        drop(_stop);
        while Arc::strong_count(&outbox) > 1 {
            tokio::task::yield_now().await;
        }
        drop(outbox);
        Self::run(folder, clock, sinks, told)
    }

    fn put(&self, door: &str, numbers: std::ops::RangeInclusive<u32>) {
        let notices: Vec<_> = numbers.map(|number| notice(door, number)).collect();
        self.outbox.put(&notices).unwrap();
    }

    /// The next `count` things that sinks are told; time moves whenever everybody waits for it.
    async fn next(&mut self, count: usize) -> Vec<Told> {
        let mut told = Vec::new();
        let mut asleep = self.clock.asleep();
        asleep.mark_changed();
        while told.len() < count {
            tokio::select! {
                biased;
                one = self.told.recv() => told.extend(one),
                _ = asleep.changed() => {
                    for _ in 0..10 {
                        tokio::task::yield_now().await;
                    }
                    // Who waits for the disk must not find that hours have passed.
                    let all_sleep = self.clock.sleepers_now() == self.sinks.len();
                    if all_sleep
                        && self.told.is_empty()
                        && let Some(by) = self.clock.until_next()
                    {
                        self.clock.advance(by);
                    }
                }
            }
        }
        told
    }

    /// Waits, without moving time, until what was sent is written down.
    async fn until_waiting(&self, sink: &str, waiting: u64) -> SinkState {
        let reader = self.outbox.reader().unwrap();
        loop {
            let state = reader.sink(sink).unwrap().unwrap();
            if state.waiting == waiting {
                return state;
            }
            tokio::task::yield_now().await;
        }
    }
}

fn notice(door: &str, number: u32) -> Notice {
    Notice {
        id: format!("{door}{number}"),
        subject: format!("{door}{number}"),
        door: door.to_owned(),
        at: START,
        class: Class::Breach,
        provisional: false,
        body: b"{}".to_vec(),
    }
}

fn good() -> Answers {
    Box::new(|_| Outcome::Delivered)
}

/// Fails so many times in this way, then goes well.
fn fails(times: usize, outcome: Outcome) -> Answers {
    let mut left = times;
    Box::new(move |_| match left {
        0 => Outcome::Delivered,
        _ => {
            left -= 1;
            outcome.clone()
        }
    })
}

fn hold() -> Outcome {
    let why = "nobody there".to_owned();
    Outcome::Hold { why, after: None }
}

fn ids(told: &[Told], sink: &str) -> Vec<String> {
    let own = told.iter().filter(|told| &*told.sink == sink);
    own.map(|told| told.id.clone()).collect()
}

#[tokio::test]
async fn every_sink_is_told_everything_in_order_a_door_and_once() {
    let mut world = World::new(vec![("one", good()), ("two", good())]);
    world.put("a", 1..=3);
    world.put("b", 1..=2);
    world.put("a", 2..=4);
    let told = world.next(12).await;
    for sink in ["one", "two"] {
        let own = ids(&told, sink);
        for (door, expect) in [("a", vec!["a1", "a2", "a3", "a4"]), ("b", vec!["b1", "b2"])] {
            let of_door: Vec<_> = own.iter().filter(|id| id.starts_with(door)).collect();
            assert_eq!(of_door, expect);
        }
        let state = world.until_waiting(sink, 0).await;
        assert_eq!(state.delivered, 6);
        while world.metrics.sink(sink).delivered.get() < 6 {
            tokio::task::yield_now().await;
        }
    }
}

#[tokio::test]
async fn a_dead_sink_holds_up_nobody_else_and_is_tried_for_days() {
    let mut world = World::new(vec![("dead", fails(usize::MAX, hold())), ("good", good())]);
    world.put("a", 1..=3);
    let told = world.next(3 + 8).await;
    assert_eq!(ids(&told, "good"), ["a1", "a2", "a3"]);
    let dead: Vec<_> = told.iter().filter(|told| &*told.sink == "dead").collect();
    // One at a time tries whether it is back: 0, 5 s, 35 s, 155 s, ... give or take a tenth.
    assert!(dead.iter().all(|told| told.id == "a1"));
    for (told, expect) in dead
        .iter()
        .zip([0.0, 5.0, 35.0, 155.0, 455.0, 1_355.0, 3_155.0])
    {
        let off = (told.at_s - expect).abs();
        assert!(
            off <= expect / 10.0 + 15.0,
            "{} instead of {expect}",
            told.at_s
        );
    }
    let state = world.until_waiting("dead", 3).await;
    assert_eq!(state.why.as_deref(), Some("nobody there"));
}

#[tokio::test]
async fn a_sink_that_comes_back_gets_everything_in_order() {
    let mut world = World::new(vec![("flaky", fails(3, hold()))]);
    world.put("a", 1..=3);
    let told = world.next(6).await;
    assert_eq!(ids(&told, "flaky"), ["a1", "a1", "a1", "a1", "a2", "a3"]);
    world.until_waiting("flaky", 0).await;
}

#[tokio::test]
async fn patience_that_is_asked_for_is_given() {
    let after = Some(Span::from_s(600.0));
    let why = "429".to_owned();
    let mut world = World::new(vec![("busy", fails(1, Outcome::Hold { why, after }))]);
    world.put("a", 1..=1);
    let told = world.next(2).await;
    assert!(told[1].at_s >= 600.0 && told[1].at_s < 616.0, "{told:?}");
}

#[tokio::test]
async fn a_poisoned_notice_does_not_silence_its_door() {
    let poison: Answers = Box::new(|notice| match notice.id.as_str() {
        "a1" => Outcome::Failed {
            why: "500".to_owned(),
            after: None,
        },
        _ => Outcome::Delivered,
    });
    let mut world = World::new(vec![("sink", poison)]);
    world.put("a", 1..=2);
    let mut told = Vec::new();
    let mut number = 0;
    while !told.contains(&"a2".to_owned()) {
        number += 1;
        world.clock.advance(Span::from_s(400.0));
        world.put("b", number..=number);
        told.extend(ids(&world.next(1).await, "sink"));
        assert!(number < 100, "{told:?}");
    }
    assert_eq!(told.iter().filter(|id| *id == "a1").count(), 5);
    let reader = world.outbox.reader().unwrap();
    let kept = reader.given_up("sink", 9).unwrap();
    assert_eq!(kept[0].why, "failed 5 times while others passed: 500");
}

#[tokio::test]
async fn what_is_refused_is_set_aside_and_kept() {
    let refusing: Answers = Box::new(|notice| match notice.id.as_str() {
        "a1" => Outcome::Refused("422".to_owned()),
        _ => Outcome::Delivered,
    });
    let mut world = World::new(vec![("sink", refusing)]);
    world.put("a", 1..=2);
    assert_eq!(ids(&world.next(4).await, "sink"), ["a1", "a1", "a1", "a2"]);
    let state = world.until_waiting("sink", 0).await;
    assert_eq!((state.delivered, state.given_up), (1, 1));
    let reader = world.outbox.reader().unwrap();
    let kept = &reader.given_up("sink", 9).unwrap()[0];
    assert_eq!(
        (&*kept.id, &*kept.why, &*kept.body),
        ("a1", "refused 3 times: 422", "{}")
    );
}

#[tokio::test]
async fn what_was_given_up_goes_out_when_a_person_says_so() {
    let why = "422".to_owned();
    let mut world = World::new(vec![("sink", fails(3, Outcome::Refused(why)))]);
    world.put("a", 1..=2);
    assert_eq!(ids(&world.next(4).await, "sink"), ["a1", "a1", "a1", "a2"]);
    world.until_waiting("sink", 0).await;
    world.outbox.resume("sink", true).unwrap();
    assert_eq!(ids(&world.next(1).await, "sink"), ["a1"]);
    let state = world.until_waiting("sink", 0).await;
    assert_eq!((state.delivered, state.given_up), (2, 1));
    assert!(!Outbox::resume_beside(world.outbox.path(), "nobody", false).unwrap());
}

#[tokio::test]
async fn a_sink_that_wants_nothing_more_is_asked_again_only_by_a_person() {
    let gone = fails(1, Outcome::Gone("410".to_owned()));
    let mut world = World::new(vec![("gone", gone)]);
    world.put("a", 1..=2);
    assert_eq!(ids(&world.next(1).await, "gone"), ["a1"]);
    let reader = world.outbox.reader().unwrap();
    while reader.sink("gone").unwrap().unwrap().disabled.is_none() {
        tokio::task::yield_now().await;
    }
    world.clock.advance(Span::from_s(90_000.0));
    for _ in 0..100 {
        tokio::task::yield_now().await;
    }
    assert!(world.told.is_empty());
    let mut world = world.restart().await;
    assert!(world.told.is_empty());
    Outbox::resume_beside(world.outbox.path(), "gone", false).unwrap();
    assert_eq!(ids(&world.next(2).await, "gone"), ["a1", "a2"]);
}

#[tokio::test]
async fn what_is_owed_survives_the_process_and_what_was_delivered_stays_so() {
    let mut world = World::new(vec![("sink", fails(1, hold()))]);
    world.put("a", 1..=2);
    assert_eq!(ids(&world.next(1).await, "sink"), ["a1"]);
    let mut world = world.restart().await;
    // A new process tries at once.
    let told = world.next(2).await;
    assert_eq!(ids(&told, "sink"), ["a1", "a2"]);
    assert!(told[0].at_s < 15.0);
    world.until_waiting("sink", 0).await;
    let mut world = world.restart().await;
    world.put("a", 2..=3);
    assert_eq!(ids(&world.next(1).await, "sink"), ["a3"]);
}

#[tokio::test]
async fn a_month_in_which_nothing_happened_costs_no_alert() {
    let mut world = World::new(vec![("sink", good())]);
    world.put("a", 1..=2);
    assert_eq!(ids(&world.next(2).await, "sink"), ["a1", "a2"]);
    world.until_waiting("sink", 0).await;
    // Longer than ids are known.
    world.clock.advance(Span::from_s(31.0 * 86_400.0));
    world.outbox.sweep().unwrap();
    world.put("a", 3..=3);
    // Where it is never read, time would be moved for ever.
    let told = tokio::time::timeout(GIVE_UP, world.next(1)).await;
    assert_eq!(ids(&told.unwrap(), "sink"), ["a3"]);
}

#[tokio::test]
async fn a_broken_outbox_ends_the_dispatcher() {
    let world = World::new(vec![("sink", good())]);
    let stop = CancellationToken::new();
    let dispatcher = Dispatcher::new(
        world.outbox.clone(),
        world.sinks.clone(),
        Metrics::default(),
    );
    let running = tokio::spawn(dispatcher.by(world.clock.clone()).run(stop));
    let path = world.folder.path().join("alerts.db");
    let other = rusqlite::Connection::open(path).unwrap();
    other.execute_batch("DROP TABLE told").unwrap();
    assert!(world.outbox.put(&[notice("a", 1)]).is_err());
    let ended = running.await.unwrap();
    assert!(matches!(ended, Err(OutboxError::Poisoned(_))), "{ended:?}");
}

#[tokio::test]
async fn metrics_say_how_things_stand() {
    let mut world = World::new(vec![("dead", fails(usize::MAX, hold())), ("good", good())]);
    let mut registry = prometheus_client::registry::Registry::with_prefix("tailgate");
    world.metrics.register(&mut registry);
    world.put("a", 1..=2);
    world.next(6).await;
    world.until_waiting("good", 0).await;
    let mut text = String::new();
    prometheus_client::encoding::text::encode(&mut text, &registry).unwrap();
    for line in [
        "tailgate_alerts_waiting{sink=\"dead\"} 2",
        "tailgate_alerts_delivered_total{sink=\"good\"} 2",
        "tailgate_alerts_latency_seconds_count{sink=\"good\"} 2",
    ] {
        assert!(text.contains(line), "{line} is not in:\n{text}");
    }
    let oldest = world.metrics.sink("dead").oldest.get();
    assert!(oldest >= 5.0, "{oldest}");
    assert!(world.metrics.sink("dead").failed.get() >= 3);
}

// Bodies.

fn verdict(kind: VerdictKind, revision: u32, stage: Stage, was: Option<VerdictKind>) -> Verdict {
    let at = START + Span::from_ms(500);
    let around = Interval::new(START, START + Span::from_s(1.0));
    Verdict {
        id: "d0-c17".to_owned(),
        revision,
        stage,
        door: DoorId(0),
        kind,
        likely: None,
        was,
        crossing: Crossing {
            id: CrossingId(17),
            door: DoorId(0),
            portal: PortalId(0),
            camera: CameraId(0),
            track: TrackId(4),
            direction: Direction::In,
            at,
            interval: around,
            settled_at: around.hi,
            margin_m: 0.421_949,
            station_m: 1.1,
            tiles: Vec::new(),
            doubts: Vec::new(),
        },
        credit: None,
        beside: None,
        doubts: vec![Doubt::FeetHidden],
        stated_at: around.hi,
        why: vec![Step::Credit {
            grant: "g-1".to_owned(),
            holder: Some("7".to_owned()),
            granted: Interval::exact(START - Span::from_s(3.0)),
            good: around,
            fate: Fate::SpentBefore { on: Vec::new() },
        }],
    }
}

fn words(names: &PlainNames) -> SiteWords<'_> {
    SiteWords {
        site: "hq",
        run: "20260528T202640Z",
        door: "front door.1",
        title: "Front door",
        camera: "lobby",
        evidence: Some("evidence/2026-05-28/17"),
        names,
    }
}

#[test]
fn a_verdict_becomes_a_body_that_a_stranger_can_read() {
    let verdict = verdict(VerdictKind::Tailgating, 2, Stage::Provisional, None);
    let alert = Alert::verdict(&verdict, words(&PlainNames));
    let mut body = serde_json::to_value(&alert).unwrap();
    let line = body["line"].as_str().unwrap();
    assert!(line.contains("TAILGATING (pending"), "{line}");
    assert_eq!(body["steps"].as_array().unwrap().len(), 3);
    body["line"] = json!("...");
    body["steps"] = json!([]);
    let expect = json!({
        "schema": "tailgate.alert/1",
        "id": "verdict/front%20door%2E1/20260528T202640Z-17/2",
        "subject": "verdict/front%20door%2E1/20260528T202640Z-17",
        "revision": 2,
        "sort": "verdict",
        "site": "hq",
        "door": { "name": "front door.1", "title": "Front door" },
        "camera": "lobby",
        "kind": "tailgating",
        "breach": true,
        "stage": "provisional",
        "time": "2026-05-28T20:26:40.500Z",
        "stated": "2026-05-28T20:26:41.000Z",
        "line": "...",
        "steps": [],
        "doubts": [{ "doubt": "feet_hidden", "reason": "the feet were hidden" }],
        "crossing": {
            "number": 17,
            "track": 4,
            "direction": "in",
            "earliest": "2026-05-28T20:26:40.000Z",
            "latest": "2026-05-28T20:26:41.000Z",
            "margin_m": 0.422,
            "station_m": 1.1,
        },
        "grants": [{
            "grant": "g-1",
            "holder": "7",
            "earliest": "2026-05-28T20:26:37.000Z",
            "latest": "2026-05-28T20:26:37.000Z",
            "fate": "spent_before",
        }],
        "evidence": "evidence/2026-05-28/17",
    });
    assert_eq!(body, expect);
    let again: Alert = serde_json::from_value(serde_json::to_value(&alert).unwrap()).unwrap();
    assert_eq!(again, alert);
}

#[test]
fn notices_are_of_the_class_that_they_are_and_were() {
    use VerdictKind::{Authorised, EntryOnExit, Exit, Tailgating, Undetermined};
    #[track_caller]
    fn check(kind: VerdictKind, was: Option<VerdictKind>, expect: Class) {
        let verdict = verdict(kind, 3, Stage::Amended, was);
        let alert = Alert::verdict(&verdict, words(&PlainNames));
        let notice = alert.notice(verdict.crossing.at);
        assert_eq!((notice.class, notice.provisional), (expect, false));
        assert_eq!(
            (&*notice.door, notice.body.is_empty()),
            ("front door.1", false)
        );
    }
    check(Tailgating, None, Class::Breach);
    check(EntryOnExit, Some(Undetermined), Class::Breach);
    check(Authorised, Some(Tailgating), Class::Breach);
    check(Undetermined, None, Class::Undetermined);
    check(Authorised, Some(Undetermined), Class::Passage);
    check(Exit, None, Class::Passage);
    let covered = Alert::sight(SightState::Covered, START, "covered", words(&PlainNames));
    assert_eq!(covered.notice(START).class, Class::Sight);
    assert_eq!(covered.kind, "covered");
    assert_eq!(covered.doubts[0].doubt, "sight_lost");
    let id = "sight/front%20door%2E1/lobby/1780000000000000/1";
    assert_eq!(covered.id, id);
}

#[test]
fn home_assistant_is_told_of_devices_states_and_of_fresh_breaches_only() {
    use super::home_assistant::Topics;
    let topics = Topics {
        prefix: "tailgate".to_owned(),
        discovery: Some("homeassistant".to_owned()),
        site: "hq".to_owned(),
    };
    let door = AlertDoor {
        name: "front.1".to_owned(),
        title: "Front door".to_owned(),
    };
    let announced = topics.announcements(std::slice::from_ref(&door));
    let names: Vec<_> = announced.iter().map(|m| (&*m.topic, m.retain)).collect();
    let device = "tailgate_hq_front_2E1";
    assert_eq!(
        names,
        [
            (
                &*format!("homeassistant/binary_sensor/{device}/tailgating/config"),
                true
            ),
            (
                &*format!("homeassistant/sensor/{device}/verdict/config"),
                true
            ),
        ]
    );
    let config: serde_json::Value = serde_json::from_slice(&announced[0].payload).unwrap();
    assert_eq!(config["state_topic"], "tailgate/doors/front%2E1/tailgating");
    assert_eq!(config["availability_topic"], "tailgate/availability");
    assert_eq!(config["device"]["name"], "Front door");

    let published = |kind, was, late| {
        let verdict = verdict(kind, 1, Stage::Final, was);
        let at = verdict.crossing.at;
        let body = Alert::verdict(&verdict, words(&PlainNames)).notice(at).body;
        let messages = topics.messages("front.1", &body, at, at + Span::from_s(late));
        let switch = messages.iter().find(|m| m.topic.ends_with("/tailgating"));
        (
            messages.iter().map(|m| m.retain).collect::<Vec<_>>(),
            switch.map(|m| String::from_utf8_lossy(&m.payload).into_owned()),
        )
    };
    let on = published(VerdictKind::Tailgating, None, 1.0);
    assert_eq!(on, (vec![false, true, false], Some("ON".to_owned())));
    assert_eq!(published(VerdictKind::Tailgating, None, 900.0).1, None);
    let was = Some(VerdictKind::Tailgating);
    let off = published(VerdictKind::Authorised, was, 900.0).1;
    assert_eq!(off.as_deref(), Some("OFF"));
    assert_eq!(topics.messages("a", b"no JSON", START, START).len(), 1);
}
