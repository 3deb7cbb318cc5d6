//! Alerts on their way out over real sockets: signed webhooks, a real broker, and SIGKILL.
//!
//! Theory of operation: a receiver of the project's own checks signatures with code of its own, and a
//! published library of others checks them again. The kill test has this program start itself as the
//! process that puts and sends, and kills it at random moments.

#![allow(
    clippy::unwrap_used,
    reason = "a test stops where it finds what must not be"
)]

mod kill;
mod mqtt;
mod webhook;

use std::path::Path;
use std::sync::Arc;

use tailgate::config::load_alerts;
use tailgate::notify::{
    Alert, AlertDoor, AlertSettings, Class, Dispatcher, Metrics, Notice, Outbox, Sink, SiteWords,
    sinks,
};
use tailgate::units::Instant;
use tailgate::verdict::PlainNames;
use tailgate::wire::{Secret, SecretRef};
use tokio_util::sync::{CancellationToken, DropGuard};

/// A secret as people make one.
pub(crate) const SECRET: &str = "whsec_AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";
/// And another one.
pub(crate) const NEW_SECRET: &str = "whsec_MTIzNDU2Nzg5MGFiY2RlZmdoaWprbG1ub3BxcnN0dXY=";

/// Settings written into a site file in a folder.
pub(crate) fn settings(folder: &Path, text: &str) -> AlertSettings {
    std::fs::write(folder.join("old.key"), format!("{SECRET}\n")).unwrap();
    std::fs::write(folder.join("new.key"), NEW_SECRET).unwrap();
    // Made by `tailgate run`: the outbox lies there.
    std::fs::create_dir_all(folder.join("data")).unwrap();
    let path = folder.join("site.toml");
    std::fs::write(&path, format!("[alerts]\n{text}")).unwrap();
    let loaded = load_alerts(&path).map_err(|problems| problems.to_string());
    loaded.unwrap().unwrap().settings
}

/// The sinks of these settings.
pub(crate) fn made(
    settings: &AlertSettings,
    folder: &Path,
) -> Result<Vec<Arc<dyn Sink>>, Vec<String>> {
    let resolve = |kept: &SecretRef| match kept {
        SecretRef::File(path) => {
            let text = std::fs::read_to_string(folder.join(path));
            let text = text.map_err(|error| error.to_string())?;
            Ok(Secret::new(text.trim_end()))
        }
        SecretRef::Env(name) => Err(format!("{name} is not set")),
    };
    let doors = [AlertDoor {
        name: "front".to_owned(),
        title: "Front door".to_owned(),
    }];
    sinks(settings, folder, &resolve, "hq", &doors)
}

/// An outbox with a dispatcher that runs.
pub(crate) struct Running {
    pub(crate) outbox: Arc<Outbox>,
    _stop: DropGuard,
}

impl Running {
    pub(crate) fn start(settings: &AlertSettings, folder: &Path) -> Self {
        let sinks = made(settings, folder).unwrap();
        let outbox = Arc::new(Outbox::open(&settings.outbox, &settings.entries(&sinks)).unwrap());
        let stop = CancellationToken::new();
        let dispatcher = Dispatcher::new(outbox.clone(), sinks, Metrics::default());
        tokio::spawn(dispatcher.run(stop.clone()));
        Self {
            outbox,
            _stop: stop.drop_guard(),
        }
    }
}

/// Now, UTC.
pub(crate) fn now() -> Instant {
    Instant::from_us(jiff::Timestamp::now().as_microsecond())
}

/// An alert that says nothing.
pub(crate) fn test_alert() -> Alert {
    Alert::test(
        now(),
        SiteWords {
            site: "hq",
            run: "",
            door: "front",
            title: "Front door",
            camera: "lobby",
            evidence: None,
            names: &PlainNames,
        },
    )
}

/// A notice of a breach with a body that is the published one.
pub(crate) fn breach(door: &str, number: u32) -> Notice {
    let id = format!("verdict/{door}/{number}/1");
    let mut alert = test_alert();
    alert.id.clone_from(&id);
    alert.subject = format!("verdict/{door}/{number}");
    alert.sort = "verdict".to_owned();
    alert.kind = "tailgating".to_owned();
    alert.breach = true;
    alert.door.name = door.to_owned();
    alert.line = format!("Größe {number}: jemand folgte");
    let notice = alert.notice(now());
    assert_eq!((notice.class, &notice.id), (Class::Breach, &id));
    notice
}
