//! `tailgate run SITE.toml`: many cameras, in real time.

use std::io::{IsTerminal, Write};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::time::Duration;

use clap::Args;
use sd_notify::NotifyState;
use serde_json::json;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use super::{DONE, FAILED, Failure, Outcome};
use crate::app::intake::{Host, Outlet, assemble};
use crate::app::live::{Group, Health, Listener, Reloaded, Site, WallWatch, utc};
use crate::config::{LiveConfig, load_live};
use crate::engine::Alarm;
use crate::intake::{lay_line, wall};
use crate::notify::Dispatcher;
use crate::sight::SightState;
use crate::units::Instant;
use crate::verdict::{Stage, Verdict, explain_verdict};

/// How often the box looks after itself, and tells the service manager that it lives.
const LOOK_AFTER: Duration = Duration::from_secs(1);
/// Of the journal's last events, so many are read again after a start: far more than came in its last minute.
const READ_AGAIN: u64 = 2_000;
/// When nothing is served any more, answers that are on their way get this long: who asks is near. A request that was
/// begun and never ends must not hold up the end.
const LAST_ANSWERS: Duration = Duration::from_secs(2);
/// A process that takes its own place asks the service manager's watchdog for this long, microseconds: what the unit allows
/// for a stop (30 s), and service managers for a start (90 s). Nobody can say that every thread gets on meanwhile, and
/// one that hangs is still noticed.
const ANEW_WITHIN_US: u32 = 120_000_000;
/// No exit code: the process takes its own place, and lays its time line on the wall clock again.
const ANEW: u8 = u8::MAX;
/// Intake and health mostly wait.
const THREADS: usize = 2;

/// Watches the site's cameras, judges who comes through its doors, and tells, until it is stopped.
///
/// SIGHUP has it read the site file again: doors that did not change notice nothing.
///
/// Exit code 0 after SIGTERM or SIGINT, 1 when the site file or anything it names cannot be used, 5 when the
/// disk of the intake failed.
#[derive(Debug, Args)]
pub struct RunArgs {
    /// The site file.
    #[arg(value_name = "SITE.toml")]
    file: PathBuf,
    /// Print one JSON object a line instead of text.
    #[arg(long)]
    json: bool,
}

/// Runs until it is stopped.
pub fn run(args: &RunArgs) -> Outcome {
    let config =
        load_live(&args.file).map_err(|problems| Failure::unusable(problems.to_string()))?;
    for warning in &config.warnings {
        eprintln!("tailgate: {warning}");
    }
    end_with_any_thread();
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(THREADS)
        .enable_all()
        .build()
        .map_err(|error| Failure::unusable(format!("cannot start: {error}")))?;
    // The inbox is opened outside of the runtime: it waits for the disk.
    let assembled = config.intake.as_ref().map(assemble).transpose();
    let assembled = assembled.map_err(|problems| Failure::unusable(problems.join("\n")))?;
    let json = args.json;
    let site = Site::start(&config, lay_line(), move || {
        vec![Box::new(Printer { json })]
    });
    let mut site = site.map_err(|problems| Failure::unusable(problems.join("\n")))?;
    let dispatcher = site.dispatcher.take();
    let site = Arc::new(site);
    let ended = runtime.block_on(serve(args, &config, &site, assembled, dispatcher));
    notify(farewell(&ended, watchdog_us()).as_slice());
    // Waits for a configuration that is being taken over.
    drop(runtime);
    let Some(site) = Arc::into_inner(site) else {
        return ended;
    };
    for (camera, hash) in site.stop() {
        tracing::info!(camera, hash, "ended");
    }
    match ended {
        Ok(ANEW) => Err(begin_anew()),
        ended => ended,
    }
}

/// Puts a new process in the place of this one, under the same number: who watches over it notices nothing. Returns only if
/// that failed.
fn begin_anew() -> Failure {
    let mut words = std::env::args_os();
    let program = words.next().unwrap_or_default();
    let error = std::os::unix::process::CommandExt::exec(Command::new(program).args(words));
    Failure {
        code: FAILED,
        message: format!("cannot start anew: {error}"),
    }
}

async fn serve(
    args: &RunArgs,
    config: &LiveConfig,
    site: &Arc<Site>,
    assembled: Option<crate::app::intake::Assembled>,
    dispatcher: Option<Dispatcher>,
) -> Outcome {
    let unusable = |what: String| Failure::unusable(what);
    let stop = CancellationToken::new();
    let listener = TcpListener::bind(config.health).await;
    let listener = listener
        .map_err(|error| unusable(format!("cannot listen on {}: {error}", config.health)))?;
    let host = match (assembled, &config.intake) {
        (Some(assembled), Some(intake)) => Some(
            Host::bind(assembled, intake.server.clone())
                .await
                .map_err(|error| unusable(error.to_string()))?,
        ),
        _ => None,
    };
    let health = Health {
        pulse: site.shared.pulse.clone(),
        metrics: Arc::clone(&site.shared.metrics),
        board: site.shared.board.clone(),
        desk: host.as_ref().map(|host| host.desk().clone()),
    };
    say_where(&listener, host.as_ref());
    let served = tokio::spawn(health.clone().serve(listener, stop.clone()));
    let taking_in = match host {
        Some(host) => {
            let reader = host.desk().inbox().reader();
            let last = reader.and_then(|reader| reader.last_seq());
            let last = last.map_err(|error| unusable(error.to_string()))?;
            let outlet = Outlet {
                after: last.saturating_sub(READ_AGAIN),
                to: site
                    .outlet()
                    .map_err(|problems| unusable(problems.join("\n")))?,
            };
            Some(tokio::spawn(host.run(Some(outlet), stop.clone())))
        }
        None => None,
    };
    let sending = dispatcher.map(|dispatcher| tokio::spawn(dispatcher.run(stop.clone())));
    say_ready();
    let sending = async {
        match sending {
            Some(task) => task.await,
            None => std::future::pending().await,
        }
    };
    tokio::pin!(sending);
    let taking_in = async {
        match taking_in {
            Some(task) => task.await,
            None => std::future::pending().await,
        }
    };
    tokio::pin!(taking_in);
    let outcome = tokio::select! {
        () = look_after(site, &health) => Ok(ANEW),
        told = take_over_when_told(site, args) => told,
        told = told_to_stop() => told,
        ended = &mut sending => match ended {
            Ok(Err(error)) => Err(Failure { code: FAILED, message: format!("the outbox failed: {error}") }),
            Ok(Ok(())) => Ok(DONE),
            Err(error) => Err(Failure { code: FAILED, message: format!("alerts broke: {error}") }),
        },
        ended = &mut taking_in => match ended {
            Ok(Err(error)) => Err(Failure { code: FAILED, message: format!("the inbox failed: {error}") }),
            Ok(Ok(())) => Ok(DONE),
            Err(error) => Err(Failure { code: FAILED, message: format!("the intake broke: {error}") }),
        },
    };
    stop.cancel();
    drop(tokio::time::timeout(LAST_ANSWERS, served).await);
    outcome
}

/// Who started us may wait for these lines; one that does not read them is no reason to stop.
fn say_where(listener: &TcpListener, host: Option<&Host>) {
    let mut out = std::io::stdout();
    if let Ok(address) = listener.local_addr() {
        drop(writeln!(out, "health on http://{address}"));
    }
    if let Some(Ok(address)) = host.map(Host::address) {
        drop(writeln!(out, "intake on {address}"));
    }
    drop(out.flush());
}

/// Measures, and feeds the watchdog for as long as every thread gets on. Ends when the time line must be laid anew.
async fn look_after(site: &Site, health: &Health) {
    let mut ticks = tokio::time::interval(LOOK_AFTER);
    ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    let mut watch = WallWatch::default();
    loop {
        ticks.tick().await;
        let ahead = site.measure(wall());
        if watch.step(site.shared.clock.now(), ahead) {
            let ahead_s = ahead.as_s();
            tracing::error!(
                ahead_s,
                "the wall clock stays away from the site's time: starting anew"
            );
            return;
        }
        let troubles = health.troubles();
        if troubles.is_empty() {
            notify(&[NotifyState::Watchdog]);
        }
        for trouble in troubles {
            tracing::error!("{trouble}");
        }
    }
}

/// It serves, and is watched as the unit says: one that took its own place had asked for more time.
fn say_ready() {
    let mut ready = vec![NotifyState::Ready];
    ready.extend(watchdog_us().map(NotifyState::WatchdogUsec));
    notify(&ready);
}

/// What the service manager is told when nothing is served any more. A process that takes its own place does not stop:
/// one that says it does and lives on is killed.
fn farewell(ended: &Outcome, watchdog_us: Option<u32>) -> Option<NotifyState<'static>> {
    match ended {
        // To ask for time where nobody watches would make somebody watch.
        Ok(ANEW) => watchdog_us.map(|_| NotifyState::WatchdogUsec(ANEW_WITHIN_US)),
        Ok(_) | Err(_) => Some(NotifyState::Stopping),
    }
}

/// How often the service manager wants a sign of life, microseconds, if it does. A process that took its own place has the
/// same words of it.
fn watchdog_us() -> Option<u32> {
    let us = sd_notify::watchdog_enabled()?.as_micros();
    u32::try_from(us).ok().filter(|us| *us > 0)
}

/// Without a service manager there is nobody to tell.
fn notify(states: &[NotifyState<'_>]) {
    if let Err(error) = sd_notify::notify(states) {
        tracing::debug!("the service manager was not told: {error}");
    }
}

/// Reads the site file again when told to, for as long as it runs.
async fn take_over_when_told(site: &Arc<Site>, args: &RunArgs) -> Outcome {
    use tokio::signal::unix::{SignalKind, signal};
    let hangup = signal(SignalKind::hangup());
    let mut hangup = hangup.map_err(|error| Failure::unusable(error.to_string()))?;
    while hangup.recv().await.is_some() {
        match NotifyState::monotonic_usec_now() {
            Ok(now) => notify(&[NotifyState::Reloading, now]),
            Err(error) => tracing::debug!("the service manager was not told: {error}"),
        }
        let (site, file) = (Arc::clone(site), args.file.clone());
        let taken = tokio::task::spawn_blocking(move || take_over(&site, &file)).await;
        let taken = taken.unwrap_or_else(|error| Err(vec![error.to_string()]));
        let printer = Printer { json: args.json };
        match taken {
            Ok(reloaded) => printer.line(
                &reloaded.to_string(),
                json!({ "configuration": "taken over", "kept": reloaded.kept, "begun": reloaded.begun,
                        "gone": reloaded.gone, "restart": reloaded.restart }),
            ),
            Err(problems) => printer.line(
                &format!("configuration not taken over:\n{}", problems.join("\n")),
                json!({ "configuration": "refused", "problems": problems }),
            ),
        }
        notify(&[NotifyState::Ready]);
    }
    Ok(DONE)
}

fn take_over(site: &Site, file: &Path) -> Result<Reloaded, Vec<String>> {
    let config = load_live(file).map_err(|problems| vec![problems.to_string()])?;
    site.reload(&config)
}

async fn told_to_stop() -> Outcome {
    use tokio::signal::unix::{SignalKind, signal};
    let unusable = |error: std::io::Error| Failure::unusable(error.to_string());
    let mut terminate = signal(SignalKind::terminate()).map_err(unusable)?;
    let mut interrupt = signal(SignalKind::interrupt()).map_err(unusable)?;
    tokio::select! {
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
    }
    Ok(DONE)
}

/// A thread that panics would leave a blind spot behind: the process ends, and is started again.
fn end_with_any_thread() {
    let usual = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |panic| {
        usual(panic);
        std::process::abort();
    }));
}

/// Prints what a guard should know.
struct Printer {
    json: bool,
}

impl Printer {
    fn line(&self, text: &str, object: serde_json::Value) {
        let mut out = std::io::stdout().lock();
        // Nobody may be reading: what is stated is in the trace.
        drop(if self.json {
            writeln!(out, "{object}")
        } else {
            writeln!(out, "{text}")
        });
    }
}

impl Listener for Printer {
    fn verdict(&mut self, group: &Group, verdict: &Verdict) {
        let (at, line) = (
            utc(verdict.crossing.at),
            explain_verdict(verdict, &group.names),
        );
        let again = match verdict.stage {
            Stage::Amended => "  (amended)",
            Stage::Provisional | Stage::Final => "",
        };
        let bell = verdict.kind.is_breach() && std::io::stdout().is_terminal();
        let bell = if bell { "\x07" } else { "" };
        self.line(
            &format!("{at}  {line}{again}{bell}"),
            json!({ "at": at, "camera": group.camera, "door": group.door(verdict), "line": line, "verdict": verdict }),
        );
    }

    fn sight(&mut self, group: &Group, at: Instant, state: SightState, why: &str) {
        let (at, camera) = (utc(at), &group.camera);
        let word = if state == SightState::Clear {
            "SEES"
        } else {
            "BLIND"
        };
        self.line(
            &format!("{at}  {camera}: {word} {why}"),
            json!({ "at": at, "camera": camera, "sight": state, "why": why }),
        );
    }

    fn alarm(&mut self, group: &Group, alarm: &Alarm) {
        let (at, camera) = (utc(alarm.at), &group.camera);
        self.line(
            &format!("{at}  {camera}: {}", alarm.text),
            json!({ "at": at, "camera": camera, "alarm": alarm }),
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(ended: Outcome, watchdog_us: Option<u32>, expect: Option<&str>) {
        let said = farewell(&ended, watchdog_us).map(|state| state.to_string());
        assert_eq!(said.as_deref(), expect, "{ended:?}");
    }

    #[test]
    fn only_who_stops_says_so() {
        let watched = Some(15_000_000);
        check(Ok(DONE), watched, Some("STOPPING=1"));
        check(Ok(DONE), None, Some("STOPPING=1"));
        check(
            Err(Failure::unusable("no port".to_owned())),
            watched,
            Some("STOPPING=1"),
        );
        check(Ok(ANEW), watched, Some("WATCHDOG_USEC=120000000"));
        check(Ok(ANEW), None, None);
    }
}
