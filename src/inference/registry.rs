//! The models there are: folders with a `model.toml`.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use super::{InferenceError, Manifest};

/// A folder of models, looked in before `./models`.
pub const MODELS_VARIABLE: &str = "TAILGATE_MODELS";

/// Where models are looked for, in order; the first that has a name wins.
#[derive(Debug, Clone)]
pub struct Registry {
    folders: Vec<PathBuf>,
}

impl Registry {
    /// `given` (the command line's `--models`), `$TAILGATE_MODELS`, `./models`, `models` beside the
    /// program and in its `../share/tailgate`.
    pub fn new(given: Option<&Path>) -> Self {
        let mut folders: Vec<PathBuf> = given.into_iter().map(Path::to_owned).collect();
        let named = std::env::var_os(MODELS_VARIABLE).filter(|path| !path.is_empty());
        folders.extend(named.map(PathBuf::from));
        folders.push(PathBuf::from("models"));
        let program = std::env::current_exe().ok();
        if let Some(folder) = program.as_deref().and_then(Path::parent) {
            folders.push(folder.join("models"));
            folders.push(folder.join("../share/tailgate/models"));
        }
        Self { folders }
    }

    /// Exactly these folders.
    pub fn of(folders: Vec<PathBuf>) -> Self {
        Self { folders }
    }

    /// Every model's name with its folder, in the order of their names.
    pub fn names(&self) -> BTreeMap<String, PathBuf> {
        let mut names = BTreeMap::new();
        for folder in &self.folders {
            let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
            for path in entries.map(|entry| entry.path()) {
                let name = path
                    .file_name()
                    .map(|name| name.to_string_lossy().into_owned());
                if let Some(name) = name.filter(|_| path.join("model.toml").is_file()) {
                    names.entry(name).or_insert(path);
                }
            }
        }
        names
    }

    /// The model called `name`, or, when `name` is a path with a `model.toml`, the one there.
    pub fn get(&self, name: &str) -> Result<Manifest, InferenceError> {
        let path = Path::new(name);
        if path.join("model.toml").is_file() && path.components().count() > 1 {
            return Manifest::load(path);
        }
        let mut names = self.names();
        match names.remove(name) {
            Some(folder) => Manifest::load(&folder),
            None => Err(InferenceError::UnknownModel {
                name: name.to_owned(),
                known: names.into_keys().collect(),
                searched: self
                    .folders
                    .iter()
                    .map(|f| f.display().to_string())
                    .collect(),
            }),
        }
    }
}
