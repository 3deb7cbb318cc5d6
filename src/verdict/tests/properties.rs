//! What holds for every history.
//!
//! Times lie on a grid of a tenth of a second within a minute, so that ties, edges of windows and
//! crowds happen all the time.

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::reference::{Contact, Ended, Grant, Judged, Passage, Range, World};
use super::script::{Script, Statements, Telling, access, crossing, play};
use crate::access::{AccessKind, FeedStatus};
use crate::crossing::Direction;
use crate::units::{DoorId, Doubt, Instant, Interval, Span};
use crate::verdict::{GrantOutcome, GrantVerdict, Policy, Stage, Verdict};

const CASES: u32 = 10_000;

/// How long the histories are, in tenths of a second.
const TENTHS: i64 = 600;

fn config() -> ProptestConfig {
    ProptestConfig {
        cases: CASES,
        failure_persistence: None,
        ..ProptestConfig::default()
    }
}

fn tenths(max: i64) -> impl Strategy<Value = i64> {
    (0..=max).prop_map(|tenths| tenths * 100)
}

fn policies() -> impl Strategy<Value = Policy> {
    let times = (tenths(20), (2..=10_i64), tenths(50), tenths(30), tenths(50));
    let ways = prop_oneof![
        6 => Just(None),
        1 => Just(Some(Direction::In)),
        1 => Just(Some(Direction::Out)),
    ];
    (
        times,
        any::<bool>(),
        1..=2_u8,
        prop::bool::weighted(0.25),
        ways,
    )
        .prop_map(
            |((early, window, follow, exit_close, u_turn), net, passages, exits, one_way)| Policy {
                early: Span::from_ms(early),
                window: Span::from_ms(window * 1_000),
                follow: Span::from_ms(follow),
                exit_close: Span::from_ms(exit_close),
                u_turn: Span::from_ms(u_turn),
                net_u_turns: net,
                passages_per_grant: passages,
                exit_needs_grant: exits,
                one_way,
                ..Policy::default()
            },
        )
}

fn directions() -> impl Strategy<Value = Direction> {
    prop_oneof![3 => Just(Direction::In), 1 => Just(Direction::Out)]
}

fn ranges(longest: i64) -> impl Strategy<Value = Range> {
    (tenths(TENTHS), tenths(longest)).prop_map(|(from, long)| (from, from + long))
}

/// Unlocks in order, apart from one another, each end with the same uncertainty.
fn unlocks() -> impl Strategy<Value = Vec<(Range, Range)>> {
    let times = prop::collection::btree_set(0..=(TENTHS / 20), 0..=4);
    (times, prop::bool::ANY).prop_map(|(times, coarse)| {
        let width = if coarse { 1_000 } else { 0 };
        let times: Vec<i64> = times.into_iter().map(|time| time * 2_000).collect();
        let pairs = times.chunks_exact(2);
        pairs
            .map(|pair| ((pair[0], pair[0] + width), (pair[1], pair[1] + width)))
            .collect()
    })
}

prop_compose! {
    /// Histories of a crowded minute.
    fn worlds()(
        policy in policies(),
        grants in prop::collection::vec(
            (
                tenths(TENTHS),
                prop_oneof![6 => Just(0), 3 => Just(1_000), 1 => Just(3_000)],
                prop::option::weighted(0.3, directions()),
                prop::option::weighted(0.1, 0..=3_u8),
            ),
            0..12,
        ),
        passages in prop::collection::vec(
            (tenths(TENTHS), 0..=4_i64, directions(), 0..6_u32),
            0..14,
        ),
        contacts in prop::collection::vec(
            (
                prop_oneof![Just(Contact::Opened), Just(Contact::Closed), Just(Contact::Forced)],
                ranges(3),
            ),
            0..6,
        ),
        unlocks in prop_oneof![2 => Just(Vec::new()), 1 => unlocks()],
        gaps in prop_oneof![3 => Just(Vec::new()), 1 => prop::collection::vec(ranges(50), 1..3)],
        blind in prop_oneof![3 => Just(Vec::new()), 1 => prop::collection::vec(ranges(50), 1..3)],
    ) -> World {
        let grants = grants.into_iter().enumerate();
        let grants = grants.map(|(g, (at, width, direction, passages))| Grant {
            id: format!("g{g}"),
            when: (at, at + width),
            direction,
            passages: passages.unwrap_or(policy.passages_per_grant),
        });
        let passages = (0..).zip(passages);
        let passages = passages.map(|(number, (at, half, direction, track))| Passage {
            number,
            at,
            when: (at - half * 100, at + half * 100),
            direction,
            track,
        });
        World {
            grants: grants.collect(),
            passages: passages.collect(),
            policy,
            contacts,
            unlocks,
            gaps,
            blind,
        }
    }
}

fn instant(ms: i64) -> Instant {
    Instant::from_us(ms * 1_000)
}

fn interval(range: Range) -> Interval {
    Interval::new(instant(range.0), instant(range.1))
}

/// What a ledger is told of a world, each thing as soon as it happened, with the time it happened.
fn tellings(world: &World) -> Vec<(Instant, Telling)> {
    let mut tellings = Vec::new();
    for grant in &world.grants {
        let mut event = access(&grant.id, AccessKind::Granted, interval(grant.when));
        event.direction = grant.direction;
        event.passages = Some(grant.passages);
        tellings.push((event.occurred.hi, Telling::Access(event)));
    }
    for passage in &world.passages {
        let at = instant(passage.at);
        let mut crossing = crossing(passage.number, at, passage.direction, passage.track);
        crossing.interval = interval(passage.when);
        tellings.push((crossing.interval.hi, Telling::Crossing(crossing)));
    }
    let mut tell = |id: String, kind: AccessKind, when: Range| {
        let event = access(&id, kind, interval(when));
        tellings.push((event.occurred.hi, Telling::Access(event)));
    };
    for (number, (what, when)) in world.contacts.iter().enumerate() {
        let kind = match what {
            Contact::Opened => AccessKind::Opened,
            Contact::Closed => AccessKind::Closed,
            Contact::Forced => AccessKind::ForcedOpen,
        };
        tell(format!("d{number}"), kind, *when);
    }
    for (number, (from, to)) in world.unlocks.iter().enumerate() {
        tell(format!("u{number}"), AccessKind::UnlockStarted, *from);
        tell(format!("l{number}"), AccessKind::UnlockEnded, *to);
    }
    for blind in &world.blind {
        let blind = interval(*blind);
        tellings.push((blind.hi, Telling::Blind(blind, Doubt::SightLost)));
    }
    let gaps: Vec<Interval> = world.gaps.iter().map(|gap| interval(*gap)).collect();
    for gap in &gaps {
        let known: Vec<Interval> = gaps
            .iter()
            .filter(|known| known.hi <= gap.hi)
            .copied()
            .collect();
        tellings.push((gap.hi, Telling::Feed(status(gap.hi, known))));
    }
    let end = instant(TENTHS * 100 + 600_000);
    tellings.push((end, Telling::Feed(status(Instant::MAX, gaps))));
    tellings.sort_by_key(|(at, _)| *at);
    tellings
}

fn status(complete_to: Instant, gaps: Vec<Interval>) -> FeedStatus {
    FeedStatus {
        door: DoorId(0),
        complete_to,
        lateness: None,
        gaps,
    }
}

fn played(world: &World, tellings: Vec<(Instant, Telling)>) -> Statements {
    let policy = world.policy.clone();
    play(&Script { policy, tellings }).1
}

/// The last statement on each crossing, in order of time.
fn last_verdicts(said: &Statements) -> Vec<&Verdict> {
    let last: BTreeMap<_, _> = said
        .verdicts
        .iter()
        .map(|verdict| ((verdict.crossing.at, verdict.crossing.id), verdict))
        .collect();
    last.into_values().collect()
}

fn last_grants(said: &Statements) -> BTreeMap<&str, &GrantVerdict> {
    let grants = said.grants.iter();
    grants.map(|grant| (grant.grant.as_str(), grant)).collect()
}

fn judged(said: &Statements) -> (Vec<Judged>, BTreeMap<String, Ended>) {
    let verdicts = last_verdicts(said).into_iter().map(|verdict| Judged {
        number: verdict.crossing.id.0,
        kind: verdict.kind,
        likely: verdict.likely,
        grant: verdict.credit.as_ref().map(|credit| credit.grant.clone()),
        beside: verdict.beside.map(|beside| beside.0),
    });
    let grants = last_grants(said).into_iter().map(|(id, grant)| {
        let ended = Ended {
            id: id.to_owned(),
            outcome: grant.outcome,
            spent_on: grant.spent_on.iter().map(|crossing| crossing.0).collect(),
        };
        (id.to_owned(), ended)
    });
    (verdicts.collect(), grants.collect())
}

/// How much later than it happened each thing is told, and whether it is told again.
fn delays() -> impl Strategy<Value = Vec<(i64, bool)>> {
    let delay = prop_oneof![
        2 => Just(0),
        2 => 0..3_000_i64,
        1 => 0..300_000_i64,
    ];
    prop::collection::vec((delay, prop::bool::weighted(0.2)), 48)
}

/// The same things, late, in another order, and some of them twice. The last, that everything is
/// known, stays the last.
fn disturbed(tellings: &[(Instant, Telling)], delays: &[(i64, bool)]) -> Vec<(Instant, Telling)> {
    let mut late = Vec::new();
    for ((at, telling), (delay, twice)) in tellings.iter().zip(delays.iter().cycle()) {
        let told = match telling {
            // What is known of the feed is what is known at the time.
            Telling::Feed(_) => *at,
            // The counter and the cameras are on the spot; seconds late is very late there.
            Telling::Crossing(_) | Telling::Blind(..) => *at + Span::from_ms(delay % 3_000),
            _ => *at + Span::from_ms(*delay),
        };
        late.push((told, telling.clone()));
        if *twice && matches!(telling, Telling::Access(_) | Telling::Crossing(_)) {
            late.push((told + Span::from_ms(delay / 2), telling.clone()));
        }
    }
    late.sort_by_key(|(at, _)| *at);
    late
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn everything_is_judged_once_and_every_credit_is_accounted_for(
        world in worlds(), delays in delays()
    ) {
        let said = played(&world, disturbed(&tellings(&world), &delays));
        let verdicts = last_verdicts(&said);
        let grants = last_grants(&said);
        prop_assert_eq!(verdicts.len(), world.passages.len());
        prop_assert_eq!(grants.len(), world.grants.len());
        for verdict in &verdicts {
            prop_assert!(verdict.stage != Stage::Provisional);
            let Some(credit) = &verdict.credit else { continue };
            let spent_on = &grants[credit.grant.as_str()].spent_on;
            let place = usize::from(credit.passage) - 1;
            prop_assert_eq!(spent_on.get(place), Some(&verdict.crossing.id));
        }
        for grant in grants.values() {
            prop_assert!(grant.stage != Stage::Provisional);
            prop_assert!(grant.outcome != GrantOutcome::Live);
            prop_assert!(grant.spent_on.len() <= usize::from(grant.allowed));
            for crossing in &grant.spent_on {
                let verdict = verdicts.iter().find(|verdict| verdict.crossing.id == *crossing);
                let credit = verdict.and_then(|verdict| verdict.credit.as_ref());
                prop_assert_eq!(credit.map(|credit| &credit.grant), Some(&grant.grant));
            }
        }
    }

    #[test]
    fn late_shuffled_and_repeated_events_end_in_the_same_judgements(
        world in worlds(), delays in delays()
    ) {
        let in_order = tellings(&world);
        let late = disturbed(&in_order, &delays);
        prop_assert_eq!(judged(&played(&world, late)), judged(&played(&world, in_order)));
    }

    #[test]
    fn amendments_keep_their_id_and_count_up_and_never_take_back_finality(
        world in worlds(), delays in delays()
    ) {
        let said = played(&world, disturbed(&tellings(&world), &delays));
        let mut known: BTreeMap<&str, &Verdict> = BTreeMap::new();
        for verdict in &said.verdicts {
            let before = known.insert(&verdict.id, verdict);
            let Some(before) = before else {
                prop_assert_eq!(verdict.revision, 1);
                prop_assert!(verdict.stage != Stage::Amended);
                continue;
            };
            prop_assert_eq!(verdict.crossing.id, before.crossing.id);
            prop_assert_eq!(verdict.revision, before.revision + 1);
            prop_assert!(verdict.stated_at >= before.stated_at);
            let follows = match before.stage {
                Stage::Provisional => verdict.stage != Stage::Amended,
                Stage::Final | Stage::Amended => verdict.stage == Stage::Amended,
            };
            prop_assert!(follows, "{:?} after {:?}", verdict.stage, before.stage);
            let changed = (verdict.kind, &verdict.credit, verdict.beside, &verdict.doubts)
                != (before.kind, &before.credit, before.beside, &before.doubts);
            prop_assert!(changed || verdict.stage != before.stage, "stated twice: {verdict:?}");
        }
        let mut known: BTreeMap<&str, &GrantVerdict> = BTreeMap::new();
        for grant in &said.grants {
            let Some(before) = known.insert(&grant.id, grant) else {
                prop_assert_eq!(grant.revision, 1);
                continue;
            };
            prop_assert_eq!(grant.revision, before.revision + 1);
            prop_assert!(before.stage == Stage::Provisional || grant.stage == Stage::Amended);
        }
    }

    #[test]
    fn a_naive_judge_of_the_whole_history_agrees(world in worlds()) {
        let (verdicts, grants) = judged(&played(&world, tellings(&world)));
        let (expected, ended) = world.judge();
        prop_assert_eq!(verdicts, expected);
        prop_assert_eq!(grants.into_values().collect::<Vec<_>>(), {
            let mut ended = ended;
            ended.sort_by(|one, other| one.id.cmp(&other.id));
            ended
        });
    }

    #[test]
    fn forgetting_the_past_changes_no_judgement(
        mut world in worlds(), stretch in 1..20_i64
    ) {
        // The same minute, stretched to up to twenty, so that most of it is forgotten on the way.
        let slow = |range: &mut Range| {
            let from = range.0 * stretch;
            *range = (from, from + range.1 - range.0);
        };
        world.grants.iter_mut().for_each(|grant| slow(&mut grant.when));
        world.blind.iter_mut().for_each(slow);
        world.contacts.iter_mut().for_each(|(_, when)| slow(when));
        world.unlocks.iter_mut().for_each(|(from, to)| { slow(from); slow(to); });
        world.gaps.clear();
        for passage in &mut world.passages {
            let before = passage.at - passage.when.0;
            passage.at *= stretch;
            passage.when = (passage.at - before, passage.at + before);
        }
        let told: Vec<_> = tellings(&world);
        let keeps = judged(&played(&world, told.clone()));
        world.policy.retention = Span::ZERO;
        prop_assert_eq!(judged(&played(&world, told)), keeps);
    }
}
