//! Looking people up: once each, at a pace that leaves room for the log, and without hammering.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use serde_json::json;
use tailgate::fake::VendorName;
use tailgate::intake::drivers::{Book, Boxed, Driver, DriverSettings, driver, look_up};
use tailgate::intake::{Person, Secret};
use tailgate::units::{Instant, Span};
use tokio::sync::{mpsc, watch};
use tokio_util::sync::{CancellationToken, DropGuard};

use super::world::World;

/// A book that writes down who was written into it, and when.
#[derive(Default)]
struct Notes {
    people: Mutex<BTreeMap<String, (Option<Person>, Instant)>>,
    written: watch::Sender<()>,
}

impl Book for Notes {
    fn is_known(&self, _source: &str, holder: &str, _now: Instant) -> bool {
        self.people.lock().unwrap().contains_key(holder)
    }

    fn write<'a>(
        &'a self,
        _source: &'a str,
        holder: String,
        person: Option<Person>,
        now: Instant,
    ) -> Boxed<'a, ()> {
        let before = self.people.lock().unwrap().insert(holder, (person, now));
        assert_eq!(before, None, "somebody was looked up twice");
        self.written.send_replace(());
        Box::pin(std::future::ready(()))
    }
}

struct Looking {
    notes: Arc<Notes>,
    holders: mpsc::Sender<String>,
    _stop: DropGuard,
}

fn kisi(world: &World, key: &'static str) -> Driver {
    let settings = json!({"driver": "kisi", "api": world.fake.url(), "key": {"env": "X"}});
    let settings: DriverSettings = serde_json::from_value(settings).unwrap();
    driver(&settings, std::path::Path::new(""), &|_| {
        Ok(Secret::new(key))
    })
    .unwrap()
}

fn looking(world: &World, driver: Driver) -> Looking {
    let notes = Arc::new(Notes::default());
    let (holders, asked) = mpsc::channel(64);
    let stop = CancellationToken::new();
    let (book, context, stopped) = (Arc::clone(&notes), world.context.clone(), stop.clone());
    tokio::spawn(async move { look_up(&driver, &context, &*book, asked, stopped).await });
    Looking {
        notes,
        holders,
        _stop: stop.drop_guard(),
    }
}

impl Looking {
    fn ask(&self, holders: &[&str]) {
        for holder in holders {
            self.holders.try_send((*holder).to_owned()).unwrap();
        }
    }

    /// Waits until so many are known.
    async fn known(&self, many: usize) -> BTreeMap<String, (Option<Person>, Instant)> {
        let mut written = self.notes.written.subscribe();
        loop {
            let known = self.notes.people.lock().unwrap().clone();
            if known.len() >= many {
                return known;
            }
            written.changed().await.unwrap();
        }
    }
}

#[tokio::test]
async fn each_is_asked_for_once_and_no_more_than_one_in_a_second() {
    let users: String = (1..=6)
        .map(|n| format!("user {n} \"N{n} Example\" n{n}@example.org\n"))
        .collect();
    let world = World::new(VendorName::Kisi, &users).await;
    let looking = looking(&world, kisi(&world, "kisi-key"));
    looking.ask(&["1", "2", "1", "3", "2", "99", "4", "5", "6", "99"]);
    world.happen("refuse 2").await;
    let known = world.do_it(looking.known(7)).await;
    let name = |holder: &str| {
        known[holder]
            .0
            .as_ref()
            .and_then(|person| person.name.clone())
    };
    assert_eq!(name("1").as_deref(), Some("N1 Example"));
    assert_eq!(name("6").as_deref(), Some("N6 Example"));
    assert_eq!(
        known["99"].0, None,
        "whom nobody knows is written down, too"
    );
    let mut times: Vec<Instant> = known.values().map(|(_, at)| *at).collect();
    times.sort();
    let closest = times.windows(2).map(|pair| pair[1].since(pair[0])).min();
    assert!(closest >= Some(Span::from_ms(1_000)), "{times:?}");
    // What the vendor refused for being asked too often was the script's doing.
    assert_eq!(world.state().await["vendor"]["refused"], 0);
}

#[tokio::test]
async fn a_key_that_is_refused_is_not_tried_again_and_again() {
    let world = World::new(VendorName::Kisi, "user 7 \"Ann Example\"\n").await;
    let looking = looking(&world, kisi(&world, "wrong-key"));
    let mut asleep = world.clock.asleep();
    looking.ask(&["7"]);
    while world.clock.until_next().is_none() {
        asleep.changed().await.unwrap();
    }
    assert_eq!(world.clock.until_next(), Some(Span::from_ms(300_000)));
    assert!(looking.notes.people.lock().unwrap().is_empty());
}
