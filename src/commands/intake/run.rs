//! `tailgate intake run INTAKE.toml`.

use std::io::Write;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use clap::Args;
use tokio::runtime::Runtime;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use super::super::{DONE, FAILED, Failure, Outcome};
use super::{load, unusable};
use crate::app::intake::{Assembled, assemble};
use crate::intake::drivers::{Context, Driver, Ended, Sink};
use crate::intake::server::{Server, ServerSettings};
use crate::intake::{Desk, DeskSink, now};

/// Deliveries are short and mostly wait for the disk: two threads serve 10,000 a second.
const THREADS: usize = 2;
/// How often feeds are looked at.
const TICK: Duration = Duration::from_secs(1);

/// Takes deliveries and keeps them, until it is told to stop.
#[derive(Debug, Args)]
pub struct RunArgs {
    /// The intake file.
    #[arg(value_name = "INTAKE.toml")]
    file: PathBuf,
}

/// Runs until SIGINT or SIGTERM, or until the inbox fails.
pub fn run(args: &RunArgs) -> Outcome {
    let config = load(&args.file)?;
    let Assembled { desk, drivers, .. } =
        assemble(&config).map_err(|problems| Failure::unusable(problems.join("\n")))?;
    let runtime = runtime()?;
    runtime.block_on(serve(desk, drivers, config.server))
}

/// The runtime that serves.
pub(super) fn runtime() -> Result<Runtime, Failure> {
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(THREADS)
        .enable_all()
        .build()
        .map_err(unusable)
}

async fn serve(
    desk: Arc<Desk>,
    drivers: Vec<(Arc<str>, Driver)>,
    settings: ServerSettings,
) -> Outcome {
    let scheme = if settings.tls.is_some() {
        "https"
    } else {
        "http"
    };
    let server = Server::bind(settings, Arc::clone(&desk))
        .await
        .map_err(unusable)?;
    let address = server.address().map_err(unusable)?;
    let mut out = std::io::stdout();
    // Who started us may wait for this line; one that does not read it is no reason to stop.
    drop(writeln!(out, "listening on {scheme}://{address}").and_then(|()| out.flush()));
    let stop = CancellationToken::new();
    let serving = tokio::spawn(server.serve(stop.clone()));
    let ticking = tokio::spawn(tick(Arc::clone(&desk), stop.clone()));
    let sink: Arc<dyn Sink> = Arc::new(DeskSink::new(Arc::clone(&desk)));
    let mut fetching = JoinSet::new();
    for (source, driver) in drivers {
        fetching.spawn(fetch(source, driver, Arc::clone(&sink), stop.clone()));
    }
    let mut poisoned = desk.inbox().poisoned();
    let code = tokio::select! {
        _ = poisoned.wait_for(Option::is_some) => FAILED,
        told = told_to_stop() => { told?; DONE }
    };
    stop.cancel();
    drop(serving.await);
    drop(ticking.await);
    fetching.join_all().await;
    match desk.inbox().poison() {
        // The reason was logged where it arose; this is for whoever reads the exit.
        Some(why) => Err(Failure {
            code: FAILED,
            message: format!("the inbox failed: {why}"),
        }),
        None => Ok(code),
    }
}

async fn told_to_stop() -> Result<(), Failure> {
    use tokio::signal::unix::{SignalKind, signal};
    let mut terminate = signal(SignalKind::terminate()).map_err(unusable)?;
    let mut interrupt = signal(SignalKind::interrupt()).map_err(unusable)?;
    tokio::select! {
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
    }
    Ok(())
}

/// Fetches for one source until told to stop. A driver that can't go on leaves the others alone.
async fn fetch(source: Arc<str>, driver: Driver, sink: Arc<dyn Sink>, stop: CancellationToken) {
    let context = Context::new(Arc::clone(&source), Arc::clone(&sink));
    match driver.run(context, stop).await {
        Ended::Stopped => {}
        ended => {
            tracing::error!("{source}: nothing is fetched any more: {ended}");
            let why = ended.to_string();
            sink.contact_lost(&source, now(), &why).await;
        }
    }
}

/// Looks at the feeds until told to stop.
pub(super) async fn tick(desk: Arc<Desk>, stop: CancellationToken) {
    let mut ticks = tokio::time::interval(TICK);
    ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            _ = ticks.tick() => {}
            () = stop.cancelled() => return,
        }
        if let Err(error) = desk.tick(now()).await {
            tracing::warn!("the feeds were not looked at: {error}");
        }
    }
}
