//! `tailgate models list` and `verify`.

use std::path::PathBuf;

use clap::Args;
use serde::Serialize;

use super::columns::columns;
use super::unusable;
use crate::commands::{DONE, Failure, NOT_AS_EXPECTED, Outcome};
use crate::inference::{Family, InferenceError, Manifest, Registry, Weights, find_weights};

/// Lists every model with its family, input, licence, and how its weights are.
#[derive(Debug, Args)]
pub struct ListArgs {
    /// As one JSON array.
    #[arg(long)]
    json: bool,
}

/// Checks weights against the sha256 in their model.toml.
///
/// Without names, every model whose weights are there. Exit code 4 if one is not what it should be.
#[derive(Debug, Args)]
pub struct VerifyArgs {
    /// Names of models, or folders with a model.toml.
    names: Vec<String>,
    /// The file of the weights, for a single name.
    #[arg(long, value_name = "FILE")]
    weights: Option<PathBuf>,
}

/// How a model's weights are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
enum State {
    /// The family has none.
    BuiltIn,
    /// There, and what the description pins.
    Verified,
    /// There, and nothing is pinned.
    Unpinned,
    /// There, but not what the description pins, or no model at all.
    Wrong,
    /// Not there; `tailgate models fetch` gets them.
    Fetchable,
    /// Not there, and no address is known.
    Absent,
}

/// One line of the list.
#[derive(Debug, Serialize)]
struct Row {
    name: String,
    family: &'static str,
    input: String,
    any_size: bool,
    licence: String,
    source: String,
    weights: State,
    weights_path: Option<PathBuf>,
    sha256: Option<String>,
    size_bytes: Option<u64>,
}

impl State {
    const fn words(self) -> &'static str {
        match self {
            Self::BuiltIn => "built in",
            Self::Verified => "there, verified",
            Self::Unpinned => "there, no hash pinned",
            Self::Wrong => "WRONG: run `tailgate models verify`",
            Self::Fetchable => "not there: `tailgate models fetch`",
            Self::Absent => "not there, see its model.toml",
        }
    }
}

/// Prints the list.
pub fn list(registry: &Registry, args: &ListArgs) -> Outcome {
    let mut rows = Vec::new();
    let mut broken = Vec::new();
    for (name, _) in registry.names() {
        match registry.get(&name) {
            Ok(manifest) => rows.push(Row::of(&manifest)),
            Err(error) => broken.push(error.to_string()),
        }
    }
    if args.json {
        let text = serde_json::to_string_pretty(&rows);
        println!(
            "{}",
            text.map_err(|error| Failure::unusable(error.to_string()))?
        );
    } else {
        print!("{}", table(&rows));
    }
    if rows.is_empty() && broken.is_empty() {
        // The same words as for an unknown name: where was looked, and nothing found.
        return Err(unusable(registry.get("").err().unwrap_or(
            InferenceError::UnknownModel {
                name: String::new(),
                known: Vec::new(),
                searched: Vec::new(),
            },
        )));
    }
    if broken.is_empty() {
        Ok(DONE)
    } else {
        Err(Failure::unusable(broken.join("\n")))
    }
}

/// Prints how the weights of each model are.
pub fn verify(registry: &Registry, args: &VerifyArgs) -> Outcome {
    if args.weights.is_some() && args.names.len() != 1 {
        return Err(Failure::unusable(
            "--weights goes with exactly one model's name",
        ));
    }
    let all = args.names.is_empty();
    let names: Vec<String> = if all {
        registry.names().into_keys().collect()
    } else {
        args.names.clone()
    };
    let mut wrong = 0;
    let mut looked = 0;
    for name in names {
        let manifest = registry.get(&name).map_err(unusable)?;
        if manifest.family == Family::Hog || (all && find_weights(&manifest).is_err()) {
            continue;
        }
        looked += 1;
        match Weights::load(&manifest, args.weights.as_deref()) {
            Ok(weights) => {
                let known = manifest.known_hashes().contains(&weights.sha256);
                let word = if known { "verified" } else { "no hash pinned" };
                println!(
                    "{name}: {word}: {} {}",
                    weights.sha256,
                    weights.path.display()
                );
            }
            Err(error) => {
                wrong += 1;
                eprintln!("{name}: {error}");
            }
        }
    }
    if looked == 0 {
        println!("no model has weights here: `tailgate models fetch NAME` gets them");
    }
    Ok(if wrong == 0 { DONE } else { NOT_AS_EXPECTED })
}

impl Row {
    fn of(manifest: &Manifest) -> Self {
        let (width, height) = manifest.input.size;
        let path = match manifest.family {
            Family::Hog => None,
            _ => find_weights(manifest).ok(),
        };
        let mut row = Self {
            name: manifest.name.clone(),
            family: manifest.family.name(),
            input: format!("{width}x{height}"),
            any_size: manifest.input.flexible,
            licence: manifest.licence.clone(),
            source: manifest.source.clone(),
            weights: State::Absent,
            weights_path: path,
            sha256: None,
            size_bytes: None,
        };
        row.weights = row.state(manifest);
        row
    }

    /// How the weights are; fills in their hash and size on the way.
    fn state(&mut self, manifest: &Manifest) -> State {
        if manifest.family == Family::Hog {
            return State::BuiltIn;
        }
        if self.weights_path.is_none() {
            let url = manifest
                .weights
                .as_ref()
                .and_then(|weights| weights.url.as_ref());
            return if url.is_some() {
                State::Fetchable
            } else {
                State::Absent
            };
        }
        match Weights::load(manifest, self.weights_path.as_deref()) {
            Err(_) => State::Wrong,
            Ok(weights) => {
                self.size_bytes = Some(weights.bytes.len() as u64);
                self.sha256 = Some(weights.sha256);
                if manifest.known_hashes().is_empty() {
                    State::Unpinned
                } else {
                    State::Verified
                }
            }
        }
    }
}

/// The rows under their headings, columns as wide as they need.
fn table(rows: &[Row]) -> String {
    let mut lines = vec![["NAME", "FAMILY", "INPUT", "LICENCE", "WEIGHTS"].map(str::to_owned)];
    lines.extend(rows.iter().map(|row| {
        let any = if row.any_size { " or any" } else { "" };
        [
            row.name.clone(),
            row.family.to_owned(),
            format!("{}{any}", row.input),
            row.licence.clone(),
            row.weights.words().to_owned(),
        ]
    }));
    columns(&lines, 0..0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_lines_up() {
        let row = |name: &str, weights: State| Row {
            name: name.to_owned(),
            family: "yolox",
            input: "416x416".to_owned(),
            any_size: weights == State::Verified,
            licence: "MIT".to_owned(),
            source: String::new(),
            weights,
            weights_path: None,
            sha256: None,
            size_bytes: None,
        };
        insta::assert_snapshot!(table(&[row("a", State::Verified), row("longer", State::Absent)]), @r"
        NAME    FAMILY  INPUT           LICENCE  WEIGHTS
        a       yolox   416x416 or any  MIT      there, verified
        longer  yolox   416x416         MIT      not there, see its model.toml
        ");
    }
}
