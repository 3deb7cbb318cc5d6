//! `tailgate models`: the detectors there are, their weights, and a look at what they see.

mod bench;
mod columns;
mod eval;
mod fetch;
mod list;
mod probe;

use std::path::PathBuf;

use clap::{Args, Subcommand};

use super::{Failure, Outcome};
use crate::inference::{Family, InferenceError, Manifest, Registry, find_weights};

/// Lists detectors, fetches and verifies their weights, tries, judges and times them.
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
    Eval(eval::EvalArgs),
    Bench(bench::BenchArgs),
}

/// Runs the one asked for.
pub fn run(args: &ModelsArgs) -> Outcome {
    let registry = Registry::new(args.models.as_deref());
    match &args.command {
        ModelsCommand::List(list) => list::list(&registry, list),
        ModelsCommand::Fetch(fetch) => fetch::run(&registry, fetch),
        ModelsCommand::Verify(verify) => list::verify(&registry, verify),
        ModelsCommand::Probe(probe) => probe::run(&registry, probe),
        ModelsCommand::Eval(eval) => eval::run(&registry, eval),
        ModelsCommand::Bench(bench) => bench::run(&registry, bench),
    }
}

/// The models named; without names, all that can run here: with their weights, or built in.
fn ready(registry: &Registry, names: &[String]) -> Result<Vec<Manifest>, Failure> {
    if !names.is_empty() {
        let named = names.iter();
        return named
            .map(|name| registry.get(name).map_err(unusable))
            .collect();
    }
    let mut models = Vec::new();
    for name in registry.names().keys() {
        let manifest = registry.get(name).map_err(unusable)?;
        let is_ready = match manifest.family {
            Family::Hog => cfg!(feature = "opencv"),
            _ => find_weights(&manifest).is_ok(),
        };
        if is_ready {
            models.push(manifest);
        }
    }
    if models.is_empty() {
        return Err(Failure::unusable(
            "no model has weights here: `tailgate models fetch NAME` gets them",
        ));
    }
    Ok(models)
}

fn unusable(error: InferenceError) -> Failure {
    Failure::unusable(error.to_string())
}
