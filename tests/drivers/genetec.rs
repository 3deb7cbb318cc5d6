//! Security Center: the stream, subscriptions, gaps, refusals, bookmarks.

use std::sync::Arc;

use tailgate::fake::VendorName;
use tailgate::intake::Secret;
use tailgate::intake::drivers::{
    Ended, GENETEC_EVENTS, Genetec, GenetecAccount, StreamForm, Trust,
};

use super::world::{Driver, START, World};

fn account(world: &World) -> GenetecAccount {
    GenetecAccount {
        url: format!("{}/WebSdk/", world.fake.url()),
        trust: Trust::System,
        user: "admin".to_owned(),
        password: Secret::new("genetec-password"),
        application: Secret::new("GSC-1SDK-Example-Tailgate"),
        events: GENETEC_EVENTS.map(str::to_owned).to_vec(),
        form: StreamForm::Json,
    }
}

async fn world(script: &str) -> World {
    let things = "door \"Main\"\ndoor \"Side\"\nuser 7 \"Ann Example\" ann@example.org\n";
    World::new(VendorName::Genetec, &format!("{things}{script}")).await
}

fn run(world: &World, driver: &Arc<Genetec>) -> Driver {
    let (driver, context) = (Arc::clone(driver), world.context.clone());
    Driver::start(|stop| async move { driver.run(context, stop).await })
}

fn running(world: &World, account: GenetecAccount) -> Driver {
    run(world, &Arc::new(Genetec::new(account).unwrap()))
}

#[tokio::test]
async fn events_come_by_the_stream_in_either_form() {
    for form in [StreamForm::Json, StreamForm::Xml] {
        let world = world("").await;
        let driver = running(
            &world,
            GenetecAccount {
                form,
                ..account(&world)
            },
        );
        let log = world
            .until("the log was read", |log| !log.read.is_empty())
            .await;
        // Two doors with two readers each.
        assert_eq!(log.points[0].len(), 6);
        assert_eq!(
            log.points[0]
                .iter()
                .filter(|point| point.door.is_some())
                .count(),
            4
        );
        let reader = log.points[0]
            .iter()
            .find(|point| point.name == "Main - In")
            .unwrap();
        world.happen("grant \"Main\" user 7").await;
        world.happen("denied \"Main\" user 7").await;
        world.happen("held \"Side\"").await;
        world
            .until("two events came", |log| log.stored.len() == 2)
            .await;
        assert_eq!(world.grants(), [(reader.id.clone(), 0.0)]);
        assert_eq!(driver.stop().await, Ended::Stopped);
        let state = world.state().await;
        assert_eq!(
            (&state["vendor"]["open"], &state["vendor"]["streams"]),
            (&0.into(), &1.into())
        );
    }
}

#[tokio::test]
async fn after_a_cut_it_subscribes_anew_and_fills_the_gap() {
    let world = world("").await;
    let _driver = running(&world, account(&world));
    world
        .until("the log was read", |log| !log.read.is_empty())
        .await;
    world.happen("grant \"Main\" user 7").await;
    world
        .until("an event came", |log| log.stored.len() == 1)
        .await;
    world.happen("drop-connection").await;
    world
        .fake
        .advance(tailgate::units::Span::from_ms(100))
        .await;
    world.happen("grant \"Side\" out user 7").await;
    let log = world
        .until("it is back", |log| {
            log.back.len() == 2 && log.read.len() == 2
        })
        .await;
    assert_eq!(log.lost.len(), 1, "{:?}", log.lost);
    assert_eq!(world.grants().len(), 2);
    let state = world.state().await;
    assert_eq!(
        state["vendor"]["subscriptions"].as_array().unwrap().len(),
        14
    );
    world.happen("grant \"Main\" user 7").await;
    world
        .until("the stream goes on", |log| {
            log.stored
                .iter()
                .filter(|delivery| delivery.target == "stream")
                .count()
                >= 2
        })
        .await;
    // What came by stream and by report counts once.
    assert_eq!(world.grants().len(), 3);
}

#[tokio::test]
async fn silence_is_noticed_and_what_was_missed_is_read() {
    let world = world("").await;
    let _driver = running(&world, account(&world));
    world
        .until("the log was read", |log| !log.read.is_empty())
        .await;
    world.pass(5.0).await;
    world
        .until("a sign of life came", |log| log.alive >= 1)
        .await;
    world.happen("silence 60").await;
    world.happen("grant \"Main\" user 7").await;
    world.pass(31.0).await;
    let log = world.until("it is back", |log| log.read.len() == 2).await;
    assert!(log.lost[0].1.contains("silent for 30 s"), "{:?}", log.lost);
    // Lost since it was last heard of, not since that was noticed.
    assert_eq!(log.lost[0].0.since(START).as_us(), 5_000_000);
    assert_eq!(world.grants().len(), 1);
}

#[tokio::test]
async fn no_door_is_subscribed_twice() {
    let world = world("").await;
    let _driver = running(&world, account(&world));
    world
        .until("the log was read", |log| !log.read.is_empty())
        .await;
    let before = world.recorder.log().read.len();
    world.context.nudge.notify_one();
    world
        .until("it looked again", |log| log.read.len() > before)
        .await;
    assert_eq!(world.state().await["vendor"]["subscribed"], 1);
}

#[tokio::test]
async fn many_doors_are_listed_page_by_page() {
    let doors: String = (0..450).map(|door| format!("door \"D{door}\"\n")).collect();
    let world = world(&doors).await;
    let driver = Genetec::new(account(&world)).unwrap();
    let doors = world.do_it(driver.doors(&world.context)).await.unwrap();
    assert_eq!(doors.len(), 452);
}

#[track_caller]
fn explained(log: &super::world::Log, words: &str) {
    assert!(log.lost[0].1.contains(words), "{:?}", log.lost);
}

#[tokio::test]
async fn refusals_are_explained_and_not_hammered() {
    let wrong = |change: fn(&mut GenetecAccount)| change;
    let table = [
        (
            wrong(|account| account.application = Secret::new("other")),
            "must list the part number",
        ),
        (
            wrong(|account| account.password = Secret::new("other")),
            "Only native users",
        ),
        (wrong(|account| account.url.push('x')), "port and base URI"),
    ];
    for (change, words) in table {
        let world = world("").await;
        let mut account = account(&world);
        change(&mut account);
        let _driver = running(&world, account);
        let log = world
            .until("contact is lost", |log| !log.lost.is_empty())
            .await;
        explained(&log, words);
    }
}

#[tokio::test]
async fn a_licence_without_another_connection_is_explained() {
    let world = world("").await;
    let _drivers = [
        running(&world, account(&world)),
        running(&world, account(&world)),
    ];
    world
        .until("both are there", |log| log.read.len() == 2)
        .await;
    let _third = running(&world, account(&world));
    let log = world
        .until("the third is refused", |log| !log.lost.is_empty())
        .await;
    explained(&log, "allows no more SDK connections");
}

#[tokio::test]
async fn a_verdict_goes_back_as_bookmark_or_custom_event() {
    let world = world("").await;
    let driver = Genetec::new(account(&world)).unwrap();
    let text = "two entered, one grant (door Main)";
    world
        .do_it(driver.bookmark(&world.context, "c-1", START, text))
        .await
        .unwrap();
    world
        .do_it(driver.raise(&world.context, 1000, "d-1", "a/b & c"))
        .await
        .unwrap();
    let state = world.state().await;
    let actions = state["vendor"]["actions"].as_array().unwrap();
    assert_eq!(actions[0]["arguments"][1], "2026-01-05T08:00:00");
    assert_eq!(
        actions[0]["arguments"][2],
        "two entered; one grant  door Main "
    );
    assert_eq!(actions[1]["message"], "a/b & c");
}
