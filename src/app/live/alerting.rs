//! Verdicts on their way out: into the outbox at once, from there to whoever is told.

use std::sync::Arc;

use super::group::Group;
use super::judge::Listener;
use super::keeping::{evidence_id, is_kept};
use super::status::name_of;
use crate::app::intake::secret;
use crate::config::LiveConfig;
use crate::engine::Alarm;
use crate::notify::{
    Alert, AlertDoor, Dispatcher, Metrics, Notice, Outbox, Sink, SiteWords, sinks,
};
use crate::sight::SightState;
use crate::units::Instant;
use crate::verdict::{Names, Verdict};

/// The outbox, and what empties it.
pub struct Alerts {
    /// Takes notices.
    pub outbox: Arc<Outbox>,
    /// Sends them, once it is run.
    pub dispatcher: Dispatcher,
}

/// Opens the outbox of a site; `None`: nobody is told. `Err`: everything that is wrong.
pub fn open_alerts(config: &LiveConfig, metrics: &Metrics) -> Result<Option<Alerts>, Vec<String>> {
    let Some(settings) = &config.alerts else {
        return Ok(None);
    };
    let sinks = open_sinks(config)?;
    let outbox = Outbox::open(&settings.outbox, &settings.entries(&sinks));
    let outbox = Arc::new(outbox.map_err(|error| vec![error.to_string()])?);
    Ok(Some(Alerts {
        dispatcher: Dispatcher::new(Arc::clone(&outbox), sinks, metrics.clone()),
        outbox,
    }))
}

/// Whoever is told, with secrets read. `Err`: everything that is wrong.
fn open_sinks(config: &LiveConfig) -> Result<Vec<Arc<dyn Sink>>, Vec<String>> {
    let Some(settings) = &config.alerts else {
        return Ok(Vec::new());
    };
    let resolve = |place: &_| secret(&config.folder, place);
    let doors: Vec<AlertDoor> = config
        .cameras
        .iter()
        .flat_map(|camera| camera.site.engine.doors.iter().zip(&camera.site.titles))
        .map(|(door, title)| AlertDoor {
            name: door.name.clone(),
            title: title.clone(),
        })
        .collect();
    sinks(settings, &config.folder, &resolve, &config.name, &doors)
}

/// Puts what is stated into the outbox.
pub struct Alerting {
    /// The outbox.
    pub outbox: Arc<Outbox>,
    /// The site's name.
    pub site: String,
}

impl Alerting {
    fn put(&self, notice: Notice) {
        // Committed by the outbox's own thread; what it cannot commit ends the process there.
        if let Err(error) = self.outbox.put_soon(vec![notice]) {
            tracing::error!("an alert was not kept: {error}");
        }
    }
}

impl Listener for Alerting {
    fn verdict(&mut self, group: &Group, verdict: &Verdict) {
        let evidence = is_kept(verdict.kind).then(|| evidence_id(group, verdict));
        let words = SiteWords {
            site: &self.site,
            run: &group.started,
            door: group.door(verdict),
            title: &group.names.door(verdict.door),
            camera: &group.camera,
            evidence: evidence.as_deref(),
            names: &group.names,
        };
        self.put(Alert::verdict(verdict, words).notice(verdict.stated_at));
    }

    fn again(&mut self, group: &Group, verdict: &Verdict) {
        // The same id: who was told is not told again.
        self.verdict(group, verdict);
    }

    fn sight(&mut self, group: &Group, at: Instant, state: SightState, why: &str) {
        // A camera that stands before several doors is one cause: its first door is told of.
        let door = crate::units::DoorId(0);
        let doors = &group.run.engine.config().doors;
        let words = SiteWords {
            site: &self.site,
            run: &group.started,
            door: doors.first().map_or("", |door| door.name.as_str()),
            title: &group.names.door(door),
            camera: &group.camera,
            evidence: None,
            names: &group.names,
        };
        let line = format!("camera {}: {}: {why}", group.camera, name_of(state));
        self.put(Alert::sight(state, at, &line, words).notice(at));
    }

    fn alarm(&mut self, _: &Group, _: &Alarm) {}
}
