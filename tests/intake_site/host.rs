//! The intake inside of another process, which takes events and feed status from a channel.

use std::time::Duration;

use tailgate::access::AccessKind;
use tailgate::app::intake::{Given, Host, Outlet, assemble};
use tailgate::config::load_intake;
use tailgate::engine::Input;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use super::site::{KISI, Site};

const GIVE_UP: Duration = Duration::from_secs(60);

/// An intake of a site in this process.
struct Hosted {
    given: mpsc::Receiver<Given>,
    stop: CancellationToken,
    work: tokio::task::JoinHandle<bool>,
}

async fn hosted(site: &Site, after: u64) -> Hosted {
    let path = site.path("intake.toml");
    let assembled = tokio::task::spawn_blocking(move || {
        let config = load_intake(&path).unwrap();
        (assemble(&config).unwrap(), config.server)
    });
    let (assembled, settings) = assembled.await.unwrap();
    let host = Host::bind(assembled, settings).await.unwrap();
    assert_eq!(
        format!("http://{}", host.address().unwrap()),
        site.intake_url
    );
    let (to, given) = mpsc::channel(1);
    let stop = CancellationToken::new();
    let working = host.run(Some(Outlet { after, to }), stop.clone());
    let work = tokio::spawn(async move { working.await.is_ok() });
    Hosted { given, stop, work }
}

impl Hosted {
    /// The next grant, and how many feed statuses came before it.
    async fn grant(&mut self) -> (u64, String) {
        loop {
            let given = tokio::time::timeout(GIVE_UP, self.given.recv()).await;
            let given = given.expect("in time").expect("it works");
            if let Input::Access(event) = given.input
                && event.kind == AccessKind::Granted
            {
                assert_eq!(event.door.map(|door| door.0), Some(0));
                return (given.seq.unwrap(), event.id);
            }
        }
    }

    async fn status(&mut self) -> tailgate::access::FeedStatus {
        loop {
            let given = tokio::time::timeout(GIVE_UP, self.given.recv()).await;
            if let Input::Feed(status) = given.expect("in time").expect("it works").input {
                return status;
            }
        }
    }

    async fn end(self) {
        self.stop.cancel();
        let ended = tokio::time::timeout(GIVE_UP, self.work).await;
        assert!(ended.expect("in time").unwrap());
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn events_and_feeds_come_in_order_and_a_restart_goes_on() {
    let front = "[[door]]\nname = \"front\"\nreaders = [{ id = \"101\" }]\n";
    let kisi = KISI.replace("$PEOPLE", "");
    let site = tokio::task::spawn_blocking(move || Site::new("kisi", &kisi, front));
    let site = site.await.unwrap();
    let mut first = hosted(&site, 0).await;
    let status = first.status().await;
    assert_eq!(status.door.0, 0);
    let site = tokio::task::spawn_blocking(move || {
        site.output(&["intake", "connect", "intake.toml", "site"]);
        site.happen("grant \"Front\" user 7");
        site
    });
    let site = site.await.unwrap();
    let (seq, id) = first.grant().await;
    assert!(id.starts_with("site/"), "{id}");
    first.end().await;

    // The same address and file again, behind what was used.
    let mut second = hosted(&site, seq).await;
    let site = tokio::task::spawn_blocking(move || {
        site.happen("grant \"Front\" user 7");
        site
    });
    let site = site.await.unwrap();
    let (next, other) = second.grant().await;
    assert!(next > seq && other != id, "{next} {other}");
    // Nobody takes anything any more: intake goes on, and still ends when told.
    let Hosted { given, stop, work } = second;
    drop(given);
    let site = tokio::task::spawn_blocking(move || {
        site.happen("grant \"Front\" user 7");
        site.grants(3);
        site
    });
    drop(site.await.unwrap());
    stop.cancel();
    assert!(tokio::time::timeout(GIVE_UP, work).await.unwrap().unwrap());
}
