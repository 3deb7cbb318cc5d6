//! `tailgate intake`: access-control events taken in, looked at, and tried.

mod bench;
mod gaps;
mod people;
mod quarantine;
mod reconcile;
mod replay;
mod run;
mod tail;
mod tell;
mod trial;
mod vendor;

use std::path::{Path, PathBuf};

use clap::{Args, Subcommand};

use super::{DONE, Failure, Outcome};
use crate::app::intake::Doors;
use crate::config::{IntakeConfig, load_intake};
use crate::intake::inbox::InboxReader;

/// Takes in what access-control systems report, so that nothing acknowledged is ever lost.
#[derive(Debug, Args)]
pub struct IntakeArgs {
    #[command(subcommand)]
    command: IntakeCommand,
}

#[derive(Debug, Subcommand)]
enum IntakeCommand {
    Run(run::RunArgs),
    Tail(tail::TailArgs),
    Replay(replay::ReplayArgs),
    Quarantine(quarantine::QuarantineArgs),
    Gaps(gaps::GapsArgs),
    Reconcile(reconcile::ReconcileArgs),
    People(people::PeopleArgs),
    Try(trial::TryArgs),
    List(vendor::ListArgs),
    Connect(vendor::ConnectArgs),
    Tell(tell::TellArgs),
    /// Prints the OpenAPI document of the server that senders speak to.
    Openapi,
    Bench(bench::BenchArgs),
}

/// Runs the one asked for.
pub fn run(args: &IntakeArgs) -> Outcome {
    match &args.command {
        IntakeCommand::Run(run) => run::run(run),
        IntakeCommand::Tail(tail) => tail::run(tail),
        IntakeCommand::Replay(replay) => replay::run(replay),
        IntakeCommand::Quarantine(quarantine) => quarantine::run(quarantine),
        IntakeCommand::Gaps(gaps) => gaps::run(gaps),
        IntakeCommand::Reconcile(reconcile) => reconcile::run(reconcile),
        IntakeCommand::People(people) => people::run(people),
        IntakeCommand::Try(trial) => trial::run(trial),
        IntakeCommand::List(list) => vendor::list(list),
        IntakeCommand::Connect(connect) => vendor::connect(connect),
        IntakeCommand::Tell(tell) => tell::run(tell),
        IntakeCommand::Openapi => {
            print!("{}", crate::intake::server::OPENAPI);
            Ok(DONE)
        }
        IntakeCommand::Bench(bench) => bench::run(bench),
    }
}

/// What the subcommands that look at an inbox are given.
#[derive(Debug, Args)]
struct Place {
    /// The intake file.
    #[arg(value_name = "INTAKE.toml")]
    file: PathBuf,
}

/// An intake file, the inbox it names, and its doors.
struct Opened {
    config: IntakeConfig,
    reader: InboxReader,
    doors: Doors,
}

impl Place {
    fn open(&self) -> Result<Opened, Failure> {
        let config = load(&self.file)?;
        let reader = InboxReader::open(&config.inbox.path).map_err(unusable)?;
        let mut doors = Doors::new(&config.doors, &config.sources)
            .map_err(|problems| Failure::unusable(problems.join("\n")))?;
        for source in &config.sources {
            let points = reader.access_points(&source.name).map_err(unusable)?;
            doors.learn(&source.name, points);
        }
        Ok(Opened {
            config,
            reader,
            doors,
        })
    }
}

/// Reads an intake file; its warnings go to standard error.
fn load(file: &Path) -> Result<IntakeConfig, Failure> {
    let config = load_intake(file).map_err(|problems| Failure::unusable(problems.to_string()))?;
    for warning in &config.warnings {
        eprintln!("tailgate: {warning}");
    }
    Ok(config)
}

fn unusable(error: impl std::fmt::Display) -> Failure {
    Failure::unusable(error.to_string())
}
