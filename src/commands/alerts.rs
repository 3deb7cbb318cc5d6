//! `tailgate alerts`: whether alerts arrive, what waits, and having a receiver tried again.

use std::path::{Path, PathBuf};

use clap::{Args, Subcommand};

use super::{DONE, Failure, NOT_AS_EXPECTED, Outcome};
use crate::app::intake::secret;
use crate::config::{SiteAlerts, load_alerts};
use crate::intake::{now, shown};
use crate::notify::{
    Alert, AlertDoor, GivenUp, Outbox, OutboxReader, SinkState, SiteWords, sinks, trial,
};
use crate::units::Instant;
use crate::verdict::PlainNames;

/// What the test alert calls its door, so that no real one is announced or confused with it.
const TEST_DOOR: &str = "test";
/// Given up alerts that are shown for each receiver.
const MOST_SHOWN: usize = 20;

/// Tries the way that alerts take, and shows what waits (docs/guides/alerts.md).
#[derive(Debug, Args)]
pub struct AlertsArgs {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, Subcommand)]
enum What {
    /// Sends one test alert to every receiver and says what came back, one line each. Exit code 4 if one of
    /// them did not take it.
    Test {
        /// The site file.
        site: PathBuf,
    },
    /// Shows what waits for each receiver, and what was given up.
    Show {
        /// The site file.
        site: PathBuf,
    },
    /// Has a receiver tried again that said it wants no alerts any more (410); beside `tailgate run`.
    Resume {
        /// The site file.
        site: PathBuf,
        /// The receiver's name.
        receiver: String,
        /// What was given up for it is sent too.
        #[arg(long)]
        again: bool,
    },
}

/// Does one of them.
pub fn run(args: &AlertsArgs) -> Outcome {
    match &args.what {
        What::Test { site } => test(&load(site)?),
        What::Show { site } => show(&load(site)?),
        What::Resume {
            site,
            receiver,
            again,
        } => resume(&load(site)?, receiver, *again),
    }
}

fn load(path: &Path) -> Result<SiteAlerts, Failure> {
    let loaded = load_alerts(path).map_err(|problems| Failure::unusable(problems.to_string()))?;
    let nothing = || Failure::unusable(format!("{} has no [alerts]", path.display()));
    loaded.ok_or_else(nothing)
}

fn test(loaded: &SiteAlerts) -> Outcome {
    let resolve = |place: &_| secret(&loaded.folder, place);
    let doors: [AlertDoor; 0] = [];
    let made = sinks(
        &loaded.settings,
        &loaded.folder,
        &resolve,
        &loaded.site,
        &doors,
    );
    let made = made.map_err(|problems| Failure::unusable(problems.join("\n")))?;
    let now = now();
    let words = SiteWords {
        site: &loaded.site,
        run: "",
        door: TEST_DOOR,
        title: &loaded.site,
        camera: "",
        evidence: None,
        names: &PlainNames,
    };
    let alert = Alert::test(now, words);
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(|error| Failure::unusable(format!("cannot start: {error}")))?;
    let results = runtime.block_on(trial(&made, &alert, now));
    for result in &results {
        println!("{result}");
    }
    let all_good = results.iter().all(|result| result.is_good());
    Ok(if all_good { DONE } else { NOT_AS_EXPECTED })
}

fn show(loaded: &SiteAlerts) -> Outcome {
    let failed = |error: crate::notify::OutboxError| Failure::unusable(error.to_string());
    let path = &loaded.settings.outbox.path;
    if !path.exists() {
        println!("no alert was put yet: {} is not there", path.display());
        return Ok(DONE);
    }
    let reader = OutboxReader::open(path).map_err(failed)?;
    let now = now();
    for sink in reader.sinks().map_err(failed)? {
        println!("{}", state_line(&sink, now));
        for given_up in reader.given_up(&sink.name, MOST_SHOWN).map_err(failed)? {
            println!("  {}", given_up_line(&given_up));
        }
    }
    Ok(DONE)
}

fn state_line(sink: &SinkState, now: Instant) -> String {
    let mut line = format!(
        "{} ({}): {} delivered, {} given up, {} waiting",
        sink.name, sink.target, sink.delivered, sink.given_up, sink.waiting
    );
    if let Some(oldest) = sink.oldest {
        let minutes = now.since(oldest).as_s() / 60.0;
        line.push_str(&format!(", the oldest for {minutes:.0} min"));
    }
    if let Some(why) = &sink.why {
        line.push_str(&format!("; last: {why}"));
    }
    if let Some((at, why)) = &sink.disabled {
        line.push_str(&format!("; DISABLED since {}: {why}", shown(*at)));
    }
    line
}

fn given_up_line(given_up: &GivenUp) -> String {
    let body: Option<Alert> = serde_json::from_str(&given_up.body).ok();
    let line = body.map_or_else(String::new, |alert| format!(": {}", alert.line));
    let at = shown(given_up.given_up);
    format!("given up {at} {} ({}){line}", given_up.id, given_up.why)
}

fn resume(loaded: &SiteAlerts, receiver: &str, again: bool) -> Outcome {
    let settings = &loaded.settings;
    let hooks = settings.webhooks.iter().map(|hook| &hook.name);
    let names: Vec<&String> = hooks
        .chain(settings.brokers.iter().map(|b| &b.name))
        .collect();
    if !names.iter().any(|name| *name == receiver) {
        let named: Vec<&str> = names.iter().map(|name| name.as_str()).collect();
        let named = named.join(", ");
        return Err(Failure::unusable(format!(
            "no receiver {receiver}: there are {named}"
        )));
    }
    let done = Outbox::resume_beside(&settings.outbox.path, receiver, again);
    match done.map_err(|error| Failure::unusable(error.to_string()))? {
        true => println!("{receiver} is tried again within some seconds"),
        false => println!("{receiver} was never sent anything"),
    }
    Ok(DONE)
}
