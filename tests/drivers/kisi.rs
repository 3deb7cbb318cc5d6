//! Kisi: connect, signatures, repeats, a webhook that was switched off, event sets, the rate.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use tailgate::access::AccessKind;
use tailgate::fake::VendorName;
use tailgate::intake::Secret;
use tailgate::intake::drivers::{Connected, Kisi, KisiAccount, Trouble, Trust};

use super::world::{Driver, KEY, Receiver, World};

fn account(world: &World, webhook: Option<&Receiver>) -> KisiAccount {
    KisiAccount {
        api: world.fake.url(),
        trust: Trust::System,
        key: Secret::new("kisi-key"),
        place: None,
        webhook: webhook.map(|receiver| receiver.url.clone()),
        signature_key: Some(Secret::new(KEY)),
        events: ["lock.unlock", "lock.forced_open"]
            .map(str::to_owned)
            .to_vec(),
    }
}

async fn world(script: &str) -> World {
    let things = "door \"Main\" id 101\nuser 7 \"Ann Example\" ann@example.org\n";
    World::new(VendorName::Kisi, &format!("{things}{script}")).await
}

#[tokio::test]
async fn connecting_creates_a_signed_webhook_and_repeats_do_no_harm() {
    let world = world("duplicate 2\n2 grant \"Main\" user 7\n3 denied \"Main\" user 8").await;
    let receiver = Receiver::new(&world).await;
    let driver = Kisi::new(account(&world, Some(&receiver))).unwrap();
    let done = world.do_it(driver.connect(&world.context)).await;
    assert_eq!(
        done,
        Ok(Connected {
            created: 1,
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
            kept: 1
        })
    );
    world.pass(10.0).await;
    assert_eq!(world.recorder.log().stored.len(), 4);
    assert_eq!(receiver.refused.load(Ordering::Relaxed), 0);
    assert_eq!(world.grants(), [("101".to_owned(), 2.0)]);
    let denied = world
        .told()
        .into_iter()
        .filter(|told| told.kind == AccessKind::Denied);
    assert_eq!(denied.count(), 2);
}

#[tokio::test]
async fn locks_and_members_are_listed_page_by_page() {
    let doors: String = (0..600).map(|door| format!("door \"D{door}\"\n")).collect();
    let world = world(&doors).await;
    let driver = Kisi::new(account(&world, None)).unwrap();
    let points = world
        .do_it(driver.access_points(&world.context))
        .await
        .unwrap();
    assert_eq!(points.len(), 601);
    assert_eq!(
        (points[0].id.as_str(), points[0].name.as_str()),
        ("101", "Main")
    );
    let ann = world
        .do_it(driver.person(&world.context, "7"))
        .await
        .unwrap()
        .unwrap();
    assert_eq!(ann.email.as_deref(), Some("ann@example.org"));
    assert_eq!(
        world.do_it(driver.person(&world.context, "9")).await,
        Ok(None)
    );
}

#[tokio::test]
async fn no_more_than_five_requests_are_made_in_a_second() {
    let world = world("").await;
    let driver = Kisi::new(account(&world, None)).unwrap();
    for _ in 0..17 {
        world
            .do_it(driver.keep_alive(&world.context))
            .await
            .unwrap();
    }
    assert_eq!(world.state().await["vendor"]["refused"], 0);
    assert_eq!(
        world.fake.now().since(super::world::START).as_us(),
        3_000_000
    );
}

#[tokio::test]
async fn a_webhook_that_kisi_switched_off_is_noticed_repaired_and_its_gap_filled() {
    let world = world("10 grant \"Main\" user 7 every 10 times 6").await;
    let receiver = Receiver::new(&world).await;
    let driver = Arc::new(Kisi::new(account(&world, Some(&receiver))).unwrap());
    world.do_it(driver.connect(&world.context)).await.unwrap();
    let context = world.context.clone();
    let _running = Driver::start(|stop| async move { driver.run(context, stop).await });
    world
        .until("the log was read", |log| !log.read.is_empty())
        .await;
    // The receiver fails until Kisi has had enough of it.
    receiver.status.store(500, Ordering::Relaxed);
    world
        .fake
        .advance(tailgate::units::Span::from_ms(500_000))
        .await;
    let state = world.state().await;
    assert_eq!(
        state["vendor"]["integrations"][0]["disabled_due_to_error"],
        true
    );
    assert_eq!(world.grants(), []);
    receiver.status.store(200, Ordering::Relaxed);
    world.clock.advance(tailgate::units::Span::from_ms(500_000));
    let log = world
        .until("the gap was filled", |log| log.read.len() > 1)
        .await;
    assert!(
        log.lost[0].1.contains("switched the webhook off"),
        "{:?}",
        log.lost
    );
    assert!(!log.back.is_empty());
    assert_eq!(world.grants().len(), 6);
    world.happen("grant \"Main\" user 7").await;
    assert_eq!(world.grants().len(), 7);
}

#[tokio::test]
async fn event_sets_have_pages_and_the_same_ids() {
    let world = world("1 grant \"Main\" user 7 every 1 times 120").await;
    let receiver = Receiver::new(&world).await;
    let driver = Arc::new(Kisi::new(account(&world, Some(&receiver))).unwrap());
    world.do_it(driver.connect(&world.context)).await.unwrap();
    world.pass(200.0).await;
    assert_eq!(world.grants().len(), 120);
    let context = world.context.clone();
    let _running = Driver::start(|stop| async move { driver.run(context, stop).await });
    let log = world
        .until("the log was read", |log| !log.read.is_empty())
        .await;
    let pages = log
        .stored
        .iter()
        .filter(|delivery| delivery.target == "backfill")
        .count();
    assert_eq!(pages, 3);
    assert_eq!((world.told().len(), world.grants().len()), (240, 120));
}

#[tokio::test]
async fn the_signature_key_can_be_changed() {
    let world = world("").await;
    let receiver = Receiver::new(&world).await;
    let mut other = account(&world, Some(&receiver));
    other.signature_key = Some(Secret::new("another key that the receiver does not know"));
    let driver = Kisi::new(other).unwrap();
    world.do_it(driver.connect(&world.context)).await.unwrap();
    world.happen("grant \"Main\" user 7").await;
    assert_eq!(
        (
            world.grants().len(),
            receiver.refused.load(Ordering::Relaxed)
        ),
        (0, 1)
    );
    let driver = Kisi::new(account(&world, Some(&receiver))).unwrap();
    world.do_it(driver.connect(&world.context)).await.unwrap();
    // Kisi tries again after five seconds, and signs anew.
    world.pass(5.0).await;
    assert_eq!(world.grants().len(), 1);
}

#[tokio::test]
async fn a_wrong_key_is_explained_and_not_shown() {
    let world = world("").await;
    let mut wrong = account(&world, None);
    wrong.key = Secret::new("wrong-key-shown-nowhere");
    let driver = Kisi::new(wrong).unwrap();
    let refused = world
        .do_it(driver.access_points(&world.context))
        .await
        .unwrap_err();
    assert!(matches!(refused, Trouble::Refused(_)), "{refused}");
    assert!(refused.to_string().contains("make a new one"), "{refused}");
    assert!(!format!("{refused} {driver:?}").contains("wrong-key-shown-nowhere"));
}
