//! A driver and the real desk: when the vendor's log is read, and that gaps close by it.
//!
//! The vendor and the driver have clocks that are moved by hand; the desk has the box's. Both begin now,
//! and what is moved by hand runs ahead of the box by more than a test takes.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use tailgate::fake::{self, Options, Running, Script, VendorName};
use tailgate::intake::drivers::{
    Boxed, Clock, Context, DriverSettings, ManualClock, NotStored, Sink, driver,
};
use tailgate::intake::inbox::{Inbox, InboxReader, InboxSettings};
use tailgate::intake::vendors::{VendorSettings, adapter};
use tailgate::intake::{
    AccessPoint, Counter, Delivery, Desk, DeskSink, Headers, Metrics, Secret, Source,
    SourceSettings, Taken, now,
};
use tailgate::units::{Instant, Interval, Span};
use tempfile::TempDir;
use tokio::sync::watch;

use super::world::{Driver, KEY};

const GIVE_UP: Duration = Duration::from_secs(60);

/// The desk's sink, which also writes down what of the log was read.
struct Spy {
    desk: DeskSink,
    reads: Mutex<Vec<Interval>>,
    changed: watch::Sender<()>,
}

impl Sink for Spy {
    fn store(&self, delivery: Delivery) -> Boxed<'_, Result<(), NotStored>> {
        self.desk.store(delivery)
    }

    fn alive(&self, source: &str, at: Instant) {
        self.desk.alive(source, at);
    }

    fn contact_lost<'a>(&'a self, source: &'a str, at: Instant, why: &'a str) -> Boxed<'a, ()> {
        self.desk.contact_lost(source, at, why)
    }

    fn contact_back<'a>(&'a self, source: &'a str, at: Instant) -> Boxed<'a, ()> {
        self.desk.contact_back(source, at)
    }

    fn backfilled<'a>(&'a self, source: &'a str, read: Interval) -> Boxed<'a, ()> {
        Box::pin(async move {
            self.desk.backfilled(source, read).await;
            self.reads.lock().unwrap().push(read);
            self.changed.send_replace(());
        })
    }

    fn access_points<'a>(&'a self, source: &'a str, points: Vec<AccessPoint>) -> Boxed<'a, ()> {
        self.desk.access_points(source, points)
    }

    fn complete_to(&self, source: &str) -> Option<Instant> {
        self.desk.complete_to(source)
    }

    fn is_gap_left(&self, source: &str) -> bool {
        self.desk.is_gap_left(source)
    }

    fn look_back(&self, source: &str) -> Option<Span> {
        self.desk.look_back(source)
    }
}

struct Rig {
    fake: Running,
    start: Instant,
    clock: Arc<ManualClock>,
    desk: Arc<Desk>,
    spy: Arc<Spy>,
    _driver: Driver,
    _folder: TempDir,
}

/// How the process before ended.
struct Before {
    alive: Instant,
}

async fn rig(script: &str, fake_ahead: Span, before: Option<Before>) -> Rig {
    let start = now();
    let script = format!("door \"Main\" id 9543\nuser 7 \"Ann Example\" a@example.org\n{script}");
    let script = Script::parse(&script).unwrap();
    let options = Options::new(VendorName::Openpath, script, start - fake_ahead);
    let fake = fake::start(options).await.unwrap();
    fake.advance(fake_ahead).await;
    let folder = tempfile::tempdir().unwrap();
    let settings = InboxSettings::at(folder.path().join("inbox.db"));
    let desk = tokio::task::spawn_blocking(move || {
        if let Some(before) = &before {
            // Somebody listened before, and heard of the source.
            let desk = open(&settings, None);
            let counter = Arc::clone(desk.counter("door").unwrap());
            let heard = delivery("earlier", before.alive);
            let runtime = tokio::runtime::Builder::new_current_thread().build();
            let taken = runtime.unwrap().block_on(desk.take(&counter, heard));
            assert!(matches!(taken, Taken::Stored(_)), "{taken:?}");
        }
        Arc::new(open(&settings, before.map(|before| before.alive)))
    });
    let desk = desk.await.unwrap();
    let clock = Arc::new(ManualClock::new(start));
    let spy = Arc::new(Spy {
        desk: DeskSink::new(Arc::clone(&desk)),
        reads: Mutex::default(),
        changed: watch::Sender::new(()),
    });
    let context = Context {
        source: "door".into(),
        sink: Arc::clone(&spy) as Arc<dyn Sink>,
        clock: Arc::clone(&clock) as Arc<dyn Clock>,
        jitter: Arc::new(|_| Span::from_ms(1)),
        nudge: Arc::clone(&counter(&desk).nudge),
    };
    let settings: DriverSettings = serde_json::from_value(serde_json::json!({
        "driver": "openpath", "api": fake.url(), "email": "admin@example.org", "org": 2181,
        "password": {"env": "X"},
    }))
    .unwrap();
    let driver = driver(&settings, std::path::Path::new(""), &|_| {
        Ok(Secret::new("openpath-password"))
    })
    .unwrap();
    let driver = Driver::start(|stop| async move { driver.run(context, stop).await });
    Rig {
        fake,
        start,
        clock,
        desk,
        spy,
        _driver: driver,
        _folder: folder,
    }
}

fn open(settings: &InboxSettings, last_alive: Option<Instant>) -> Desk {
    let vendor: VendorSettings =
        serde_json::from_str(r#"{"vendor": "openpath", "secrets": [{"env": "X"}]}"#).unwrap();
    let source = Source {
        name: "door".into(),
        adapter: adapter(&vendor, vec![Secret::new(KEY)]).unwrap(),
        settings: SourceSettings::default(),
        secrets: vec![Secret::new(KEY)],
    };
    let metrics = Arc::new(Metrics::default());
    let names = [("door".into(), "openpath")];
    let inbox = Inbox::open(settings, &names, metrics.commits.clone()).unwrap();
    Desk::new(
        vec![source],
        inbox,
        metrics,
        Duration::from_secs(5),
        last_alive,
    )
    .unwrap()
}

fn counter(desk: &Desk) -> &Arc<Counter> {
    desk.counter("door").unwrap()
}

/// What a webhook brings.
fn delivery(request: &str, at: Instant) -> Delivery {
    let body = serde_json::json!({
        "event": "entry.unlocked", "timestamp": at.as_s(),
        "data": {"requestId": request, "entryIds": [9543], "userId": 7,
                 "entryStatusDetails": [{"entryId": 9543, "statusDetail": "SUCCESS__X"}]},
    });
    Delivery {
        source: "door".into(),
        received: at,
        target: format!("/in/door/{KEY}"),
        headers: Headers::default(),
        body: body.to_string().into_bytes(),
    }
}

impl Rig {
    /// Waits until the log was read so often; the last reading.
    #[track_caller]
    fn read(&self, times: usize) -> impl Future<Output = Interval> + '_ {
        let caller = std::panic::Location::caller();
        async move {
            let mut changed = self.spy.changed.subscribe();
            loop {
                let reads = self.spy.reads.lock().unwrap().clone();
                if let Some(last) = reads.get(times - 1) {
                    assert_eq!(reads.len(), times, "{caller}: {reads:?}");
                    return *last;
                }
                let waited = tokio::time::timeout(GIVE_UP, changed.changed()).await;
                assert!(waited.is_ok(), "{caller}: waited in vain: {reads:?}");
            }
        }
    }

    async fn pass(&self, seconds: i64) {
        self.idle().await;
        let span = Span::from_ms(seconds * 1_000);
        self.fake.advance(span).await;
        self.clock.advance(span);
    }

    /// Waits until the driver sleeps; for how long.
    async fn idle(&self) -> Span {
        let mut asleep = self.clock.asleep();
        loop {
            if let Some(wait) = self.clock.until_next() {
                return wait;
            }
            let waited = tokio::time::timeout(GIVE_UP, asleep.changed()).await;
            assert!(waited.is_ok(), "the driver never sleeps");
        }
    }

    fn reader(&self) -> InboxReader {
        self.desk.inbox().reader().unwrap()
    }

    fn stored(&self) -> usize {
        self.reader().events_after(0, 100).unwrap().len()
    }

    /// Waits until nothing is known to be missing.
    async fn gaps_close(&self) {
        let waiting = async {
            while !self.reader().gaps(false).unwrap().is_empty() {
                tokio::task::yield_now().await;
            }
        };
        let waited = tokio::time::timeout(GIVE_UP, waiting).await;
        assert!(waited.is_ok(), "{:?}", self.reader().gaps(false));
    }
}

#[tokio::test]
async fn the_log_is_read_every_five_minutes() {
    let rig = rig("100 grant \"Main\" user 7 lost", Span::ZERO, None).await;
    rig.read(1).await;
    assert_eq!(rig.idle().await, Span::from_ms(300_000));
    assert_eq!(rig.stored(), 0);
    rig.pass(299).await;
    assert_eq!(rig.idle().await, Span::from_ms(1_000));
    rig.pass(1).await;
    let read = rig.read(2).await;
    assert_eq!(rig.stored(), 1);
    // Its last seconds are not certain, and it begins well before where the one before ended.
    assert_eq!(read.hi.since(rig.start), Span::from_ms(270_000));
    assert_eq!(read.lo.since(rig.start), Span::from_ms(-630_000));
}

#[tokio::test]
async fn after_a_restart_what_came_meanwhile_is_read_and_the_gap_closes() {
    // Two hours ago; the process ended an hour ago, and somebody badged ten minutes later.
    let ahead = Span::from_ms(7_200_000);
    let alive = now() - Span::from_ms(3_600_000);
    let before = Some(Before { alive });
    let rig = rig("4200 grant \"Main\" user 7 lost", ahead, before).await;
    let gaps = rig.reader().gaps(false).unwrap();
    assert_eq!(
        (gaps.len(), &*gaps[0].reason),
        (1, "intake was not running")
    );
    let read = rig.read(1).await;
    assert!(read.lo < alive, "{read:?}");
    assert_eq!(rig.stored(), 2);
    // The gap reaches to now, and the log's last seconds are not certain: it is looked at again soon.
    assert_eq!(rig.idle().await, Span::from_ms(35_000));
    rig.pass(200).await;
    rig.read(2).await;
    rig.gaps_close().await;
    assert_eq!(rig.idle().await, Span::from_ms(300_000));
}

#[tokio::test]
async fn when_a_gap_ends_the_log_is_read_at_once() {
    let rig = rig("200 grant \"Main\" user 7 lost", Span::ZERO, None).await;
    rig.read(1).await;
    let counter = counter(&rig.desk);
    rig.desk
        .lose_contact(counter, now(), "the line is cut")
        .await;
    assert_eq!(rig.reader().gaps(false).unwrap().len(), 1);
    // Not yet the five minutes after which the log is read anyway.
    rig.pass(299).await;
    assert_eq!(rig.idle().await, Span::from_ms(1_000));
    let taken = rig.desk.take(counter, delivery("later", now())).await;
    assert!(matches!(taken, Taken::Stored(_)), "{taken:?}");
    rig.read(2).await;
    assert_eq!(
        rig.stored(),
        2,
        "the delivery, and what was missed before it"
    );
    rig.gaps_close().await;
    assert_eq!(rig.idle().await, Span::from_ms(300_000));
}

#[tokio::test]
async fn what_controllers_upload_late_is_read_once_a_day() {
    let script = "5 grant \"Main\" user 7\noffline 4 to 40000";
    let rig = rig(script, Span::ZERO, None).await;
    rig.read(1).await;
    // The first look far back comes a quarter of an hour after the start: nothing is there yet.
    rig.pass(1_000).await;
    let read = rig.read(2).await;
    assert_eq!(read.lo.since(rig.start), Span::from_ms(-171_800_000));
    rig.pass(50_000).await;
    rig.read(3).await;
    assert_eq!(rig.stored(), 0, "no usual look reaches so far back");
    rig.pass(86_400).await;
    let read = rig.read(4).await;
    assert_eq!(rig.stored(), 1);
    assert!(
        read.hi.since(read.lo) > Span::from_ms(47 * 3_600_000),
        "{read:?}"
    );
    // And not again until tomorrow.
    rig.pass(300).await;
    let read = rig.read(5).await;
    assert!(
        read.hi.since(read.lo) < Span::from_ms(3_600_000),
        "{read:?}"
    );
}

#[tokio::test]
async fn another_process_can_ask_for_the_log_from_far_back() {
    let rig = rig("60 grant \"Main\" user 7", Span::from_ms(36_000_000), None).await;
    rig.read(1).await;
    assert_eq!(rig.stored(), 0, "it happened ten hours ago");
    let from = rig.start - Span::from_ms(36_000_000);
    assert!(rig.reader().ask("door", Some(from), now()).unwrap());
    assert!(!rig.reader().ask("nobody", None, now()).unwrap());
    rig.desk.tick(now()).await.unwrap();
    let read = rig.read(2).await;
    assert!(read.lo <= from, "{read:?}");
    assert_eq!(rig.stored(), 1);
    // It is asked for once.
    rig.desk.tick(now()).await.unwrap();
    assert_eq!(rig.idle().await, Span::from_ms(300_000));
    assert_eq!(rig.spy.reads.lock().unwrap().len(), 2);
}
