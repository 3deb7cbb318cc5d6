//! `tailgate models fetch`.

use std::path::PathBuf;

use clap::Args;
use indicatif::{ProgressBar, ProgressStyle};

use super::unusable;
use crate::commands::{DONE, Failure, Outcome};
use crate::inference::{Fetch, Fetched, Manifest, Progress, Registry};

/// Gets a model's weights from the address in its model.toml, and checks their sha256.
///
/// A transfer that broke off is taken up where it stopped.
#[derive(Debug, Args)]
pub struct FetchArgs {
    /// Names of models.
    #[arg(required = true)]
    names: Vec<String>,
    /// Another address of the same file: a mirror. The sha256 is checked all the same.
    #[arg(long)]
    url: Option<String>,
    /// Folder to put the weights in, instead of the model's own.
    #[arg(long, value_name = "DIR")]
    to: Option<PathBuf>,
}

/// Gets them, one after another; all that failed are named at the end.
pub fn run(registry: &Registry, args: &FetchArgs) -> Outcome {
    if args.url.is_some() && args.names.len() != 1 {
        return Err(Failure::unusable(
            "--url goes with exactly one model's name",
        ));
    }
    let mut failed = Vec::new();
    for name in &args.names {
        let manifest = registry.get(name).map_err(unusable)?;
        if let Err(failure) = fetch(&manifest, args) {
            failed.push(failure.message);
        }
    }
    if failed.is_empty() {
        Ok(DONE)
    } else {
        Err(Failure::unusable(failed.join("\n")))
    }
}

fn fetch(manifest: &Manifest, args: &FetchArgs) -> Result<(), Failure> {
    let name = &manifest.name;
    let job = job(manifest, args)?;
    let bar = ProgressBar::no_length().with_style(style());
    bar.set_message(name.clone());
    let ending = job.run(&mut |progress: Progress| {
        if let Some(total) = progress.total {
            bar.set_length(total);
        }
        bar.set_position(progress.done);
    });
    bar.finish_and_clear();
    let place = job.target.display();
    match ending.map_err(|error| Failure::unusable(format!("{name}: {error}")))? {
        Fetched::AlreadyThere => println!("{name}: already there, verified: {place}"),
        Fetched::Transferred { bytes, resumed: 0 } => {
            println!("{name}: {bytes} bytes, verified: {place}");
        }
        Fetched::Transferred { bytes, resumed } => {
            println!("{name}: {bytes} bytes ({resumed} from an earlier try), verified: {place}");
        }
    }
    Ok(())
}

/// What to get and where to, or why there is nothing to get.
fn job(manifest: &Manifest, args: &FetchArgs) -> Result<Fetch, Failure> {
    let name = &manifest.name;
    let Some(weights) = &manifest.weights else {
        let family = manifest.family.name();
        return Err(Failure::unusable(format!(
            "{name}: family {family} has no weights to fetch"
        )));
    };
    let Some(url) = args.url.as_ref().or(weights.url.as_ref()) else {
        return Err(Failure::unusable(format!(
            "{name}: its model.toml names no address; {} says how to make the file {}",
            manifest.source, weights.file
        )));
    };
    let Some(sha256) = &weights.sha256 else {
        return Err(Failure::unusable(format!(
            "{name}: its model.toml pins no sha256: nothing is fetched unchecked"
        )));
    };
    let folder = args.to.as_ref().unwrap_or(&manifest.folder);
    Ok(Fetch {
        url: url.clone(),
        sha256: sha256.clone(),
        target: folder.join(&weights.file),
    })
}

fn style() -> ProgressStyle {
    let layout = "{msg} [{bar:30}] {bytes}/{total_bytes} {bytes_per_sec} {eta}";
    ProgressStyle::with_template(layout).unwrap_or_else(|_| ProgressStyle::default_bar())
}
