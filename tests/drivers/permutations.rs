//! Ten thousand permutations of delay, order and repetition: the verdicts end as those of the run in
//! which everything came on time, once and in order.
//!
//! Theory of operation: each vendor's local server tells of the same passages over its sockets; the
//! bytes are kept. A permutation delays every delivery by its own time (a tenth of a second to two
//! hours), repeats some, loses some for the vendor's log to bring, and hands all of it, in the order
//! of arrival, to the real desk: adapters, signatures, the inbox on disk with its de-duplication.
//! What the journal then holds is fed to the engine at the times of arrival, among the frames of the
//! people who walk. Every permutation is a source of its own, so that many share an inbox.
//!
//! The controls: what the engine said first is wrong in most permutations (else nothing needed
//! amending), and repeats that are not recognised are seen.
//!
//! `TAILGATE_PERMUTATIONS` sets how many there are.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::sync::Arc;
use std::time::Instant as Moment;

use rand::{RngExt, SeedableRng};
use rand_pcg::Pcg64Mcg;
use tailgate::access::{AccessEvent, AccessKind};
use tailgate::app::intake::{Assembled, Cursor, assemble};
use tailgate::app::run::EngineRun;
use tailgate::config::load_intake;
use tailgate::engine::Input;
use tailgate::intake::{Delivery, Taken};
use tailgate::sim::feed::{Level, SceneFeed, feed};
use tailgate::units::{Doubt, Instant, Span};
use tailgate::verdict::{Stage, Verdict};
use tokio::runtime::Runtime;
use tokio::task::JoinSet;

use super::passages::{self, SCENE, Sent, Told};
use super::world::{KEY, START};

/// Permutations over all vendors.
const PERMUTATIONS: usize = 10_000;
/// Permutations that share an inbox; the first of them is the run in order.
const TOGETHER: usize = 250;
/// Deliveries that wait for the inbox at once: fewer than its queue holds.
const AT_ONCE: usize = 2_000;
/// How long a delivery takes at least.
const ON_TIME: Span = Span::from_ms(100);

/// What became of everybody in the end. Whether it was said late is not part of it.
#[derive(Debug, Clone, PartialEq)]
struct Judged {
    verdicts: BTreeMap<String, String>,
    grants: BTreeMap<String, String>,
}

fn substance(verdict: &Verdict) -> String {
    let doubts = verdict
        .doubts
        .iter()
        .filter(|doubt| **doubt != Doubt::LateGrant);
    let credit = verdict.credit.as_ref().map(|credit| {
        let holder = credit.holder.clone();
        (credit.grant.clone(), credit.passage, holder)
    });
    let (kind, likely, beside) = (verdict.kind, verdict.likely, verdict.beside);
    format!(
        "{kind:?} {likely:?} {credit:?} {beside:?} {:?}",
        doubts.collect::<Vec<_>>()
    )
}

fn judged(run: &EngineRun) -> Judged {
    let verdicts = run.log.current_verdicts().map(|verdict| {
        assert_ne!(verdict.stage, Stage::Provisional, "{}", verdict.id);
        (verdict.id.clone(), substance(verdict))
    });
    let grants = run.log.current_grants().map(|grant| {
        let (outcome, spent, doubts) = (grant.outcome, &grant.spent_on, &grant.doubts);
        (
            grant.grant.clone(),
            format!("{outcome:?} {spent:?} {doubts:?}"),
        )
    });
    Judged {
        verdicts: verdicts.collect(),
        grants: grants.collect(),
    }
}

/// What was said first with finality, as an engine would that never amends.
fn said_first(run: &EngineRun) -> BTreeMap<String, String> {
    let firsts = run.log.verdicts.iter().filter_map(|(id, said)| {
        let first = said
            .iter()
            .find(|verdict| verdict.stage != Stage::Provisional)?;
        Some((id.clone(), substance(first)))
    });
    firsts.collect()
}

/// The passages as the camera saw them, on the vendors' time line.
fn frames() -> SceneFeed {
    let scene = tailgate::sim::script::parse(SCENE).unwrap();
    let mut fed = feed(&scene, Level::Footprints).unwrap();
    let shift = START.since(Instant::ZERO);
    for (at, input) in &mut fed.inputs {
        *at += shift;
        if let Input::Frame(frame) = input {
            frame.taken += shift;
        }
    }
    fed.end += shift;
    fed
}

/// The engine sees the passages while events arrive as they did.
fn play(fed: &SceneFeed, events: Vec<AccessEvent>) -> EngineRun {
    let mut run = EngineRun::new(fed.config.clone(), events).unwrap();
    run.begin(START).unwrap();
    for (at, input) in &fed.inputs {
        run.feed_events(*at).unwrap();
        run.step(*at, input).unwrap();
    }
    run.end(fed.end).unwrap();
    run
}

/// One delivery on its way.
struct Arrival {
    at: Instant,
    delivery: Delivery,
    /// Whether a driver fetched it.
    fetched: bool,
}

fn on_time(told: &Told) -> Vec<Arrival> {
    let arrivals = told.sent.iter().map(|sent| arrival(sent, ON_TIME));
    arrivals.collect()
}

fn arrival(sent: &Sent, late: Span) -> Arrival {
    Arrival {
        at: sent.occurred + late,
        delivery: sent.delivery.clone(),
        fetched: sent.delivery.target == "stream",
    }
}

/// How late something comes: mostly a little, now and then after all is over.
fn lateness(dice: &mut Pcg64Mcg) -> Span {
    let most_s = [0.0, 3.0, 3.0, 60.0, 60.0, 7_200.0][dice.random_range(0..6)];
    ON_TIME + Span::from_s(most_s * dice.random::<f64>())
}

/// One permutation.
fn permuted(told: &Told, dice: &mut Pcg64Mcg) -> Vec<Arrival> {
    let mut arrivals = Vec::new();
    let (mut latest, mut lost) = (START, false);
    let loses = told.log.is_some() && dice.random_bool(0.4);
    for sent in &told.sent {
        latest = latest.max(sent.occurred);
        if loses && dice.random_bool(0.25) {
            lost = true;
            continue;
        }
        let copies = if dice.random_bool(0.35) {
            dice.random_range(2..=4)
        } else {
            1
        };
        arrivals.extend((0..copies).map(|_| arrival(sent, lateness(dice))));
    }
    let Some(log) = &told.log else {
        return arrivals;
    };
    // The log is read now and then, and at the end wherever something was lost.
    let looks = dice.random_range(0..3);
    let mut times: Vec<Instant> = (0..looks)
        .map(|_| START + Span::from_s(100.0 * dice.random::<f64>()))
        .collect();
    times.extend(lost.then(|| latest + lateness(dice)));
    for at in times {
        let answer = log.at(at, &told.sent[0].delivery);
        arrivals.extend(answer.map(|delivery| Arrival {
            at: at + ON_TIME,
            delivery,
            fetched: true,
        }));
    }
    arrivals
}

/// An intake file with so many sources of one vendor.
fn intake_file(told: &Told, sources: usize) -> String {
    let mut file =
        "[server]\nlisten = \"127.0.0.1:0\"\n[inbox]\npath = \"inbox.db\"\nlinger_ms = 0\n"
            .to_owned();
    for source in 0..sources {
        let vendor = told.vendor;
        writeln!(
            file,
            "[[source]]\nname = \"p{source}\"\nvendor = \"{vendor}\"\n{}",
            told.source
        )
        .unwrap();
    }
    for (door, readers) in ["front", "side"].iter().zip(&told.readers) {
        let readers = readers.iter().map(|id| format!("{{ id = \"{id}\" }}"));
        let readers: Vec<String> = readers.collect();
        writeln!(
            file,
            "[[door]]\nname = \"{door}\"\nreaders = [{}]",
            readers.join(", ")
        )
        .unwrap();
    }
    file
}

/// Hands the permutations to the desk, each as a source of its own.
async fn deliver(intake: &Assembled, permutations: Vec<Vec<Arrival>>) {
    let mut waiting = JoinSet::new();
    for (number, mut arrivals) in permutations.into_iter().enumerate() {
        let source: Arc<str> = format!("p{number}").into();
        arrivals.sort_by_key(|arrival| arrival.at);
        for arrival in arrivals {
            let (desk, source) = (Arc::clone(&intake.desk), Arc::clone(&source));
            // Tasks of one thread begin in the order in which they are spawned.
            waiting.spawn(async move {
                let counter = Arc::clone(desk.counter(&source).unwrap());
                let delivery = Delivery {
                    source,
                    received: arrival.at,
                    ..arrival.delivery
                };
                match arrival.fetched {
                    true => desk.fetched(&counter, delivery).await,
                    false => desk.take(&counter, delivery).await,
                }
            });
        }
        while waiting.len() > AT_ONCE {
            stored(waiting.join_next().await.unwrap().unwrap());
        }
    }
    while let Some(done) = waiting.join_next().await {
        stored(done.unwrap());
    }
}

fn stored(taken: Taken) {
    assert!(matches!(taken, Taken::Stored(_)), "{taken:?}");
}

/// What the journal holds of each source, ids without the source's name.
fn journal(intake: &mut Assembled) -> BTreeMap<usize, Vec<AccessEvent>> {
    let mut all: BTreeMap<usize, Vec<AccessEvent>> = BTreeMap::new();
    let mut cursor = Cursor::new(intake.desk.inbox().reader().unwrap(), 0);
    loop {
        let page = cursor.next(&mut intake.doors).unwrap();
        if page.is_empty() {
            return all;
        }
        for given in page {
            let Input::Access(mut event) = given.input else {
                continue;
            };
            let (source, id) = event.id.split_once('/').unwrap();
            let (source, id) = (source[1..].parse().unwrap(), id.to_owned());
            event.id = id;
            all.entry(source).or_default().push(event);
        }
    }
}

/// What a batch of permutations came to.
#[derive(Default)]
struct Counts {
    deliveries: usize,
    events: usize,
    permutations: usize,
    /// In so many something had to be amended.
    amended: usize,
    /// In so many repeats would have been seen, had they not been recognised.
    noticed: usize,
}

/// So many permutations, each compared with the run in order.
fn batch(told: &Told, fed: &SceneFeed, seed: u64, counts: &mut Counts, number: usize) {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("key"), KEY).unwrap();
    let file = folder.path().join("intake.toml");
    std::fs::write(&file, intake_file(told, number + 1)).unwrap();
    let mut intake = assemble(&load_intake(&file).unwrap()).unwrap();
    let mut dice = Pcg64Mcg::seed_from_u64(seed);
    let mut permutations = vec![on_time(told)];
    permutations.extend((0..number).map(|_| permuted(told, &mut dice)));
    counts.deliveries += permutations.iter().skip(1).map(Vec::len).sum::<usize>();
    runtime().block_on(deliver(&intake, permutations));
    let mut events = journal(&mut intake);
    let known = events.remove(&0).unwrap();
    let expect = judged(&play(fed, known.clone()));
    check_kinds(told.vendor, &expect);
    assert_eq!(events.len(), number);
    for (permutation, events) in events {
        let name = format!("{} {seed} {permutation}", told.vendor);
        assert_eq!(ids(&events), ids(&known), "{name}: events");
        counts.events += events.len();
        counts.permutations += 1;
        let twice = twice(&events);
        let run = play(fed, events);
        assert_eq!(judged(&run), expect, "{name}");
        counts.amended += usize::from(said_first(&run) != expect.verdicts);
        if permutation % 50 == 1 {
            let naive = judged(&play(fed, twice));
            counts.noticed += usize::from(naive.verdicts != expect.verdicts);
        }
    }
}

/// The events that a ledger looks at, by their ids.
fn ids(events: &[AccessEvent]) -> BTreeMap<&str, AccessKind> {
    let judged = events
        .iter()
        .filter(|event| event.kind != AccessKind::Other);
    judged
        .map(|event| (event.id.as_str(), event.kind))
        .collect()
}

/// The events with every grant a second time, under another id.
fn twice(events: &[AccessEvent]) -> Vec<AccessEvent> {
    let again = events
        .iter()
        .filter(|event| event.kind == AccessKind::Granted);
    let again = again.map(|event| AccessEvent {
        id: format!("{}-again", event.id),
        ..event.clone()
    });
    events.iter().cloned().chain(again).collect()
}

fn runtime() -> Runtime {
    let mut runtime = tokio::runtime::Builder::new_current_thread();
    runtime.enable_all().build().unwrap()
}

/// The passages hold every kind of verdict that grants bear on.
#[track_caller]
fn check_kinds(vendor: &str, judged: &Judged) {
    let words = [
        "Authorised",
        "Tailgating",
        "UnauthorisedEntry",
        "EntryOnExit",
        "Exit",
    ];
    for word in words {
        let found = judged
            .verdicts
            .values()
            .any(|verdict| verdict.starts_with(word));
        assert!(found, "{vendor}: no {word} in {judged:#?}");
    }
}

fn check(told: &Told, share: usize) {
    let fed = frames();
    let given = std::env::var("TAILGATE_PERMUTATIONS").ok();
    let wanted = given.map_or(PERMUTATIONS, |text| text.parse().expect("a number"));
    let wanted = wanted.div_ceil(share);
    let (begun, mut counts) = (Moment::now(), Counts::default());
    let mut seed = 1;
    while counts.permutations < wanted {
        let number = TOGETHER.min(wanted - counts.permutations);
        batch(told, &fed, seed, &mut counts, number);
        seed += 1;
    }
    let Counts {
        deliveries,
        events,
        permutations,
        amended,
        noticed,
    } = counts;
    println!(
        "{}: {permutations} permutations, {deliveries} deliveries, {events} events, {amended} times \
         amended, {:.1} s",
        told.vendor,
        begun.elapsed().as_secs_f64()
    );
    assert!(deliveries > events, "{}: nothing was repeated", told.vendor);
    assert!(
        amended * 2 > permutations,
        "only {amended} of {permutations} were ever wrong"
    );
    assert!(noticed > 0, "repeats that count twice are not seen");
}

#[test]
fn openpath() {
    check(&runtime().block_on(passages::openpath()), 3);
}

#[test]
fn kisi() {
    check(&runtime().block_on(passages::kisi()), 3);
}

#[test]
fn genetec() {
    check(&runtime().block_on(passages::genetec()), 3);
}
