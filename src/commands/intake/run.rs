//! `tailgate intake run INTAKE.toml`.

use std::io::Write;
use std::path::PathBuf;

use clap::Args;
use tokio::runtime::Runtime;
use tokio_util::sync::CancellationToken;

use super::super::{DONE, FAILED, Failure, Outcome};
use super::{load, unusable};
use crate::app::intake::{Assembled, Host, assemble};
use crate::intake::server::ServerSettings;

/// Deliveries are short and mostly wait for the disk: two threads serve 10,000 a second.
const THREADS: usize = 2;

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
    let assembled = assemble(&config).map_err(|problems| Failure::unusable(problems.join("\n")))?;
    runtime()?.block_on(serve(assembled, config.server))
}

/// The runtime that serves.
pub(super) fn runtime() -> Result<Runtime, Failure> {
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(THREADS)
        .enable_all()
        .build()
        .map_err(unusable)
}

async fn serve(assembled: Assembled, settings: ServerSettings) -> Outcome {
    let scheme = if settings.tls.is_some() {
        "https"
    } else {
        "http"
    };
    let host = Host::bind(assembled, settings).await.map_err(unusable)?;
    let address = host.address().map_err(unusable)?;
    let mut out = std::io::stdout();
    // Who started us may wait for this line; one that does not read it is no reason to stop.
    drop(writeln!(out, "listening on {scheme}://{address}").and_then(|()| out.flush()));
    let stop = CancellationToken::new();
    let working = host.run(None, stop.clone());
    tokio::pin!(working);
    let ended = tokio::select! {
        ended = &mut working => ended,
        told = told_to_stop() => {
            stop.cancel();
            told?;
            working.await
        }
    };
    // The reason was logged where it arose; this is for whoever reads the exit.
    ended.map(|()| DONE).map_err(|error| Failure {
        code: FAILED,
        message: format!("the inbox failed: {error}"),
    })
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
