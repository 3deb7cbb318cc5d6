//! Scripted passages at one door, and what each vendor says of them: over its own sockets, as it
//! sends it and as its log has it.

use std::sync::Arc;

use serde_json::Value;
use tailgate::fake::VendorName;
use tailgate::intake::drivers::{
    Driver as AnyDriver, Genetec, GenetecAccount, Kisi, KisiAccount, Openpath, OpenpathAccount,
    StreamForm, Trust,
};
use tailgate::intake::{Adapter, Delivery, Secret};
use tailgate::units::Instant;

use super::world::{Driver, KEY, Receiver, World};

/// Who walks where. Somebody who begins at `from` is at the line 2.31 s later.
pub const SCENE: &str = "scene  What happens at a door in the morning
length 95
door front line (-0.6,0) (0.6,0)
door side line (2,-2) (2.6,-2)
walker ann path (0,-3) (0,3)
walker bob from 7 path (0,-3) (0,3)
walker cyd from 8 path (0,-3) (0,3)
walker dan from 16 path (0,-3) (0,3)
walker eve from 24.5 path (0,-3) (0,3)
walker fay from 25.4 path (0,-3) (0,3)
walker gus from 33 path (0,3) (0,-3)
walker hal from 34 path (0,-3) (0,3)
walker ivy from 41 path (0,-3) (0,3)
walker jon from 48.5 path (0,-3) (0,3)
walker kim from 49.4 path (0,-3) (0,3)
walker lee from 64.5 path (0,-3) (0,3)
walker may from 65.6 path (0,-3) (0,3)
walker ned from 74 path (0,-3) (0,3)
walker oda from 84 path (0,-3) (0,3)
";

/// What the readers and contacts of that door saw meanwhile.
const SCRIPT: &str = "door \"Front\" id 101
door \"Side\" id 102
user 7 \"Ann Example\" ann@example.org
user 8 \"Bob Example\" bob@example.org
user 9 \"Cyd Example\" cyd@example.org
1.2   grant \"Front\" user 7
1.6   opened \"Front\"
4.0   closed \"Front\"
8.3   grant \"Front\" user 8
8.6   opened \"Front\"
13.0  held \"Front\"
14.0  closed \"Front\"
25.2  grant \"Front\" user 7
25.7  grant \"Front\" user 9
41.4  denied \"Front\" user 9
50.1  grant \"Front\" user 7
50.6  grant \"Front\" user 8
58.0  grant \"Front\" \"Side\" user 9
65.3  grant \"Front\" user 8
66.4  grant \"Front\" user 8
73.0  unlock-started \"Front\"
79.0  unlock-ended \"Front\"
85.9  forced \"Front\"
";

/// How long all of it takes, s.
const LENGTH_S: f64 = 95.0;

/// Something that a vendor sent, and when the last event in it happened.
#[derive(Clone)]
pub struct Sent {
    pub delivery: Delivery,
    pub occurred: Instant,
}

/// A vendor's own log: its rows with their times, and the answer in which they stand.
pub struct Log {
    answer: Value,
    list: &'static str,
    rows: Vec<(Instant, Value)>,
    target: String,
}

/// All that one vendor says of the passages.
pub struct Told {
    pub vendor: &'static str,
    /// Vendors' ids of the front door's access points and the side door's.
    pub readers: [Vec<String>; 2],
    /// Secrets and settings of a source that reads it, as an intake file has them.
    pub source: &'static str,
    pub sent: Vec<Sent>,
    pub log: Option<Log>,
}

impl Log {
    /// What the vendor answers when its log is read at `now`; `None` while it is empty.
    pub fn at(&self, now: Instant, like: &Delivery) -> Option<Delivery> {
        let known = self.rows.iter().filter(|(at, _)| *at <= now);
        let rows: Vec<Value> = known.map(|(_, row)| row.clone()).collect();
        if rows.is_empty() {
            return None;
        }
        let mut answer = self.answer.clone();
        *answer.pointer_mut(self.list).unwrap() = Value::Array(rows);
        Some(Delivery {
            target: self.target.clone(),
            body: answer.to_string().into_bytes(),
            ..like.clone()
        })
    }

    /// Of answers as the driver stored them.
    fn new(answers: &[Delivery], list: &'static str, adapter: &dyn Adapter) -> Self {
        let first: Value = serde_json::from_slice(&answers[0].body).unwrap();
        let mut log = Self {
            answer: first,
            list,
            rows: Vec::new(),
            target: answers[0].target.clone(),
        };
        for answer in answers {
            let page: Value = serde_json::from_slice(&answer.body).unwrap();
            for row in page.pointer(list).unwrap().as_array().unwrap() {
                let mut alone = log.answer.clone();
                *alone.pointer_mut(list).unwrap() = Value::Array(vec![row.clone()]);
                let body = alone.to_string().into_bytes();
                let alone = Delivery {
                    body,
                    ..answer.clone()
                };
                // A log that is read again has its rows again.
                if !log.rows.iter().any(|(_, known)| known == row) {
                    let at = occurred(adapter, &alone);
                    log.rows.extend(at.map(|at| (at, row.clone())));
                }
            }
        }
        log
    }
}

/// When the last event of a delivery happened.
fn occurred(adapter: &dyn Adapter, delivery: &Delivery) -> Option<Instant> {
    let reading = adapter.read(delivery).unwrap();
    let ends = reading.events.iter().map(|told| told.event.occurred.hi);
    ends.max()
}

fn sent(world: &World, target: impl Fn(&str) -> bool) -> Vec<Sent> {
    let stored = world.recorder.log().stored;
    let all = stored
        .into_iter()
        .filter(|delivery| target(&delivery.target));
    let timed = all.filter_map(|delivery| {
        let occurred = occurred(&*world.adapter, &delivery)?;
        Some(Sent { delivery, occurred })
    });
    timed.collect()
}

fn words(words: &[&str]) -> Vec<String> {
    words.iter().map(|word| (*word).to_owned()).collect()
}

pub async fn openpath() -> Told {
    let world = World::new(VendorName::Openpath, SCRIPT).await;
    let receiver = Receiver::new(&world).await;
    let driver = Openpath::new(OpenpathAccount {
        api: world.fake.url(),
        trust: Trust::System,
        email: "admin@example.org".to_owned(),
        password: Secret::new("openpath-password"),
        org: 2181,
        webhook: Some(receiver.url.clone()),
        events: words(&[
            "entry.authenticated",
            "entry.authorized",
            "entry.unlocked",
            "entry.authorized.failed",
            "entry.forcedOpen",
            "entry.ajar.started",
            "contactSensor.stateChanged",
        ]),
    });
    let driver = driver.unwrap();
    world.do_it(driver.connect(&world.context)).await.unwrap();
    by_webhook("openpath", &world, AnyDriver::Openpath(driver), "/data").await
}

pub async fn kisi() -> Told {
    let world = World::new(VendorName::Kisi, SCRIPT).await;
    let receiver = Receiver::new(&world).await;
    let driver = Kisi::new(KisiAccount {
        api: world.fake.url(),
        trust: Trust::System,
        key: Secret::new("kisi-key"),
        place: None,
        webhook: Some(receiver.url.clone()),
        signature_key: Some(Secret::new(KEY)),
        events: tailgate::intake::drivers::KISI_EVENTS
            .map(str::to_owned)
            .to_vec(),
    });
    let driver = driver.unwrap();
    world.do_it(driver.connect(&world.context)).await.unwrap();
    by_webhook("kisi", &world, AnyDriver::Kisi(driver), "/events").await
}

/// The passages pass while webhooks come; afterwards the driver reads the vendor's log.
async fn by_webhook(
    vendor: &'static str,
    world: &World,
    driver: AnyDriver,
    list: &'static str,
) -> Told {
    world.pass(LENGTH_S).await;
    let context = world.context.clone();
    let _running = Driver::start(|stop| async move { driver.run(context, stop).await });
    world
        .until("the log was read", |log| !log.read.is_empty())
        .await;
    let answers = sent(world, |target| target == "backfill");
    let answers: Vec<Delivery> = answers.into_iter().map(|one| one.delivery).collect();
    Told {
        vendor,
        readers: [vec!["101".to_owned()], vec!["102".to_owned()]],
        source: "secrets = [{ file = \"key\" }]",
        sent: sent(world, |target| target != "backfill"),
        log: Some(Log::new(&answers, list, &*world.adapter)),
    }
}

pub async fn genetec() -> Told {
    let world = World::new(VendorName::Genetec, SCRIPT).await;
    let driver = Genetec::new(GenetecAccount {
        url: format!("{}/WebSdk", world.fake.url()),
        trust: Trust::System,
        user: "admin".to_owned(),
        password: Secret::new("genetec-password"),
        application: Secret::new("GSC-1SDK-Example-Tailgate"),
        events: words(&[
            "AccessGranted",
            "AccessRefused",
            "DoorOpen",
            "DoorClose",
            "DoorOpenedForTooLong",
            "DoorOpenWhileLockSecure",
            "DoorForcedOpen",
            "DoorScheduledUnlock",
            "DoorScheduledLock",
        ]),
        form: StreamForm::Json,
    });
    let (driver, context) = (Arc::new(driver.unwrap()), world.context.clone());
    let _running = Driver::start(|stop| async move { driver.run(context, stop).await });
    world
        .until("the log was read", |log| !log.read.is_empty())
        .await;
    // A stream that says nothing for 30 s counts as dead: time passes from KeepAlive to KeepAlive.
    for step in 1..=(LENGTH_S / 5.0) as usize {
        world.pass(5.0).await;
        world
            .until("a sign of life came", |log| log.alive >= step)
            .await;
    }
    let read = world.recorder.log().read.len();
    world.context.nudge.notify_one();
    world
        .until("the log was read again", |log| log.read.len() > read)
        .await;
    let points = world.recorder.log().points.pop().unwrap();
    let of = |door: &str| {
        let own = points.iter().filter(|point| point.name.starts_with(door));
        own.map(|point| point.id.clone()).collect()
    };
    let answers = sent(&world, |target| target == "backfill");
    let answers: Vec<Delivery> = answers.into_iter().map(|one| one.delivery).collect();
    Told {
        vendor: "genetec",
        readers: [of("Front"), of("Side")],
        source: "",
        sent: sent(&world, |target| target == "stream"),
        log: Some(Log::new(&answers, "/Rsp/Result", &*world.adapter)),
    }
}
