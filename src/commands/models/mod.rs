//! `tailgate models`: the detectors there are, their weights, and a look at what they see.

mod fetch;
mod list;
mod probe;

use std::path::PathBuf;

use clap::{Args, Subcommand};

use super::{Failure, Outcome};
use crate::inference::{InferenceError, Registry};

/// Lists detectors, fetches and verifies their weights, and tries them on pictures.
#[derive(Debug, Args)]
pub struct ModelsArgs {
    /// Folder of models, looked in before $TAILGATE_MODELS, ./models and those beside the program.
    #[arg(long, global = true, value_name = "DIR")]
    models: Option<PathBuf>,
    #[command(subcommand)]
    command: ModelsCommand,
}

#[derive(Debug, Subcommand)]
enum ModelsCommand {
    List(list::ListArgs),
    Fetch(fetch::FetchArgs),
    Verify(list::VerifyArgs),
    Probe(probe::ProbeArgs),
}

/// Runs the one asked for.
pub fn run(args: &ModelsArgs) -> Outcome {
    let registry = Registry::new(args.models.as_deref());
    match &args.command {
        ModelsCommand::List(list) => list::list(&registry, list),
        ModelsCommand::Fetch(fetch) => fetch::run(&registry, fetch),
        ModelsCommand::Verify(verify) => list::verify(&registry, verify),
        ModelsCommand::Probe(probe) => probe::run(&registry, probe),
    }
}

fn unusable(error: InferenceError) -> Failure {
    Failure::unusable(error.to_string())
}
