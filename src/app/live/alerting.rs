//! Verdicts on their way out: into the outbox at once, from there to whoever is told.

use std::sync::Arc;

use super::group::Group;
use super::judge::Listener;
use super::keeping::{evidence_id, is_kept};
use super::site::EVIDENCE;
use super::status::name_of;
use crate::app::intake::secret;
use crate::config::LiveConfig;
use crate::engine::Alarm;
use crate::evidence::place_of;
use crate::notify::{
    Alert, AlertDoor, Dispatcher, Metrics, Notice, Outbox, Sink, SiteWords, sinks,
};
use crate::sight::SightState;
use crate::units::{Instant, Span};
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
    // The outbox lies there, unless the site file says otherwise.
    std::fs::create_dir_all(&config.data).map_err(|error| {
        let data = config.data.display();
        vec![format!(
            "the data folder {data} can't be made: {error}; check the path and its rights"
        )]
    })?;
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
    /// Evidence begins so long before the line was crossed.
    pub before: Span,
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
        let crossed = verdict.crossing.at;
        let place = || evidence_path(crossed - self.before, &evidence_id(group, verdict));
        let evidence = is_kept(verdict.kind).then(place);
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

/// Where evidence is or will be whose clip begins then: from the data folder on, so that nobody need search.
fn evidence_path(from: Instant, id: &str) -> String {
    format!("{EVIDENCE}/{}", place_of(from, id))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// 2026-11-22T00:00:00Z.
    const MIDNIGHT: Instant = Instant::from_us(1_795_305_600_000_000);

    #[track_caller]
    fn check(from: Instant, expect: &str) {
        assert_eq!(evidence_path(from, "lobby-20261121T081500Z-d0-c17"), expect);
    }

    #[test]
    fn evidence_is_in_the_folder_of_the_day_on_which_it_begins() {
        check(
            MIDNIGHT,
            "evidence/2026-11-22/lobby-20261121T081500Z-d0-c17",
        );
        check(
            MIDNIGHT - Span::from_ms(1),
            "evidence/2026-11-21/lobby-20261121T081500Z-d0-c17",
        );
    }
}
