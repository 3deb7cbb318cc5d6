//! Openpath: connect, list, events, gaps, tokens, limits.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use tailgate::fake::VendorName;
use tailgate::intake::Secret;
use tailgate::intake::drivers::{Connected, Ended, Openpath, OpenpathAccount, Trouble, Trust};

use super::world::{Driver, Receiver, START, World};

fn account(world: &World, webhook: Option<&Receiver>) -> OpenpathAccount {
    OpenpathAccount {
        api: world.fake.url(),
        trust: Trust::System,
        email: "admin@example.org".to_owned(),
        password: Secret::new("openpath-password"),
        org: 2181,
        webhook: webhook.map(|receiver| receiver.url.clone()),
        events: ["entry.unlocked", "entry.forcedOpen"]
            .map(str::to_owned)
            .to_vec(),
    }
}

async fn world(script: &str) -> World {
    let doors =
        "door \"Main\" id 9543\ndoor \"Side\" id 9544\nuser 7 \"Ann Example\" a@example.org\n";
    World::new(VendorName::Openpath, &format!("{doors}{script}")).await
}

#[tokio::test]
async fn connecting_subscribes_once_and_events_come_in() {
    let world = world("2 grant \"Main\" user 7\n3 denied \"Main\" user 8\n4 forced \"Side\"").await;
    let receiver = Receiver::new(&world).await;
    let driver = Openpath::new(account(&world, Some(&receiver))).unwrap();
    let done = world.do_it(driver.connect(&world.context)).await;
    assert_eq!(
        done,
        Ok(Connected {
            created: 2,
            repaired: 0,
            kept: 0
        })
    );
    let again = world.do_it(driver.connect(&world.context)).await;
    assert_eq!(
        again,
        Ok(Connected {
            created: 0,
            repaired: 0,
            kept: 2
        })
    );
    world.pass(10.0).await;
    // One swipe is three events at Openpath, of which one is subscribed.
    assert_eq!(world.recorder.log().stored.len(), 2);
    assert_eq!(world.grants(), [("9543".to_owned(), 2.08)]);
}

#[tokio::test]
async fn a_receiver_that_does_not_echo_is_not_subscribed_and_that_is_explained() {
    let world = world("").await;
    let receiver = Receiver::new(&world).await;
    receiver.status.store(404, Ordering::Relaxed);
    let driver = Openpath::new(account(&world, Some(&receiver))).unwrap();
    let refused = world
        .do_it(driver.connect(&world.context))
        .await
        .unwrap_err();
    assert!(
        refused
            .to_string()
            .contains("must be reachable from the internet"),
        "{refused}"
    );
    assert_eq!(
        world.state().await["vendor"]["subscriptions"]
            .as_array()
            .unwrap()
            .len(),
        0
    );
}

#[tokio::test]
async fn what_was_never_sent_comes_by_back_fill_with_the_same_ids() {
    let script =
        "1 grant \"Main\" user 7 every 1 times 600\n700 grant \"Main\" \"Side\" user 7 lost";
    let world = world(script).await;
    let receiver = Receiver::new(&world).await;
    let driver = Arc::new(Openpath::new(account(&world, Some(&receiver))).unwrap());
    world.do_it(driver.connect(&world.context)).await.unwrap();
    world.pass(800.0).await;
    assert_eq!(world.grants().len(), 600);
    let (run, context) = (Arc::clone(&driver), world.context.clone());
    let running = Driver::start(|stop| async move { run.run(context, stop).await });
    let log = world
        .until("the log was read", |log| !log.read.is_empty())
        .await;
    // 250 rows a page: several pages, nothing twice, and the one that was lost at both doors.
    let pages = log
        .stored
        .iter()
        .filter(|delivery| delivery.target == "backfill")
        .count();
    assert_eq!(pages, 3);
    assert_eq!(world.grants().len(), 602);
    assert_eq!(log.points[0].len(), 2);
    assert!(log.read[0].lo < START && log.read[0].hi.since(START).as_us() == 770_000_000);
    assert_eq!(running.stop().await, Ended::Stopped);
}

#[tokio::test]
async fn a_controller_that_was_offline_is_read_when_it_is_back() {
    let world = world("5 grant \"Main\" user 7 lost\noffline 4 to 1000").await;
    let driver = Arc::new(Openpath::new(account(&world, None)).unwrap());
    let context = world.context.clone();
    let _running = Driver::start(|stop| async move { driver.run(context, stop).await });
    world.pass(100.0).await;
    world
        .until("the log was read", |log| !log.read.is_empty())
        .await;
    assert_eq!(world.grants(), []);
    // The gap is known: the inbox says that nothing is complete since the start.
    world.pass(950.0).await;
    world.recorder.write(|log| log.complete_to = Some(START));
    let before = world.recorder.log().read.len();
    world.context.nudge.notify_one();
    world
        .until("it was read again", |log| log.read.len() > before)
        .await;
    assert_eq!(world.grants().len(), 1);
}

#[tokio::test]
async fn tokens_are_refreshed_and_renewed() {
    let world = world("").await;
    let driver = Openpath::new(account(&world, None)).unwrap();
    let list = || world.do_it(driver.access_points(&world.context));
    assert_eq!(list().await.unwrap().len(), 2);
    // Near its end: refreshed. Expired at once: logged in anew.
    world.pass(3_400.0).await;
    assert_eq!(list().await.unwrap().len(), 2);
    assert_eq!(world.state().await["vendor"]["tokens"], 2);
    world.happen("expire-token").await;
    assert_eq!(list().await.unwrap().len(), 2);
    assert_eq!(world.state().await["vendor"]["tokens"], 3);
}

#[tokio::test]
async fn patience_is_obeyed_and_a_wrong_password_is_not_tried_again() {
    let world = world("").await;
    let driver = Openpath::new(account(&world, None)).unwrap();
    world.happen("refuse 2").await;
    world
        .do_it(driver.access_points(&world.context))
        .await
        .unwrap();
    world.happen("fail 2").await;
    world
        .do_it(driver.access_points(&world.context))
        .await
        .unwrap();
    let mut wrong = account(&world, None);
    wrong.password = Secret::new("guess-me-not");
    let driver = Openpath::new(wrong).unwrap();
    let refused = world
        .do_it(driver.access_points(&world.context))
        .await
        .unwrap_err();
    assert!(matches!(refused, Trouble::Refused(_)), "{refused}");
    assert!(!format!("{refused} {driver:?}").contains("guess-me-not"));
}

#[tokio::test]
async fn a_subscription_that_was_switched_off_is_noticed_and_repaired() {
    let world = world("400 grant \"Main\" user 7").await;
    let receiver = Receiver::new(&world).await;
    let driver = Arc::new(Openpath::new(account(&world, Some(&receiver))).unwrap());
    world.do_it(driver.connect(&world.context)).await.unwrap();
    let context = world.context.clone();
    let _running = Driver::start(|stop| async move { driver.run(context, stop).await });
    world
        .until("the log was read", |log| !log.read.is_empty())
        .await;
    assert_eq!(world.recorder.log().lost, []);
    world.happen("disable-webhook").await;
    world.pass(450.0).await;
    let log = world
        .until("it is read again", |log| log.read.len() > 1)
        .await;
    assert!(
        log.lost[0].1.contains("does not send entry.unlocked"),
        "{:?}",
        log.lost
    );
    assert_eq!(world.grants().len(), 1);
    world.happen("grant \"Main\" user 7").await;
    assert_eq!(world.grants().len(), 2);
}

#[tokio::test]
async fn an_inbox_that_is_behind_is_waited_for() {
    let world = world("1 grant \"Main\" user 7").await;
    world.pass(60.0).await;
    world.recorder.write(|log| log.busy = 3);
    let driver = Arc::new(Openpath::new(account(&world, None)).unwrap());
    let context = world.context.clone();
    let _running = Driver::start(|stop| async move { driver.run(context, stop).await });
    world
        .until("the log was read", |log| !log.read.is_empty())
        .await;
    assert_eq!(world.grants().len(), 1);
}
