//! The file of a network's weights: found, read, and known by its hash.

use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};

use super::manifest::Manifest;
use super::{InferenceError, graph};

/// A folder of weights looked in before a model's own folder.
pub const WEIGHTS_DIR_VARIABLE: &str = "TAILGATE_WEIGHTS_DIR";

/// Weights in memory.
#[derive(Debug, Clone)]
pub struct Weights {
    /// The file they came from.
    pub path: PathBuf,
    /// The file's bytes.
    pub bytes: Vec<u8>,
    /// Their sha256, lower-case hex.
    pub sha256: String,
}

impl Weights {
    /// Reads the weights of `manifest`: from `path` if given, else where [`find`] sees them.
    ///
    /// A file that is no ONNX model is refused, and so is one whose hash is not pinned in the
    /// description, unless the description pins none.
    pub fn load(manifest: &Manifest, path: Option<&Path>) -> Result<Self, InferenceError> {
        let refuse = |path: &Path, problem: String| InferenceError::Weights {
            model: manifest.name.clone(),
            path: path.to_owned(),
            problem,
        };
        let path = match path {
            Some(path) => path.to_owned(),
            None => find(manifest).map_err(|path| refuse(&path, missing(manifest)))?,
        };
        let bytes = std::fs::read(&path).map_err(|error| refuse(&path, error.to_string()))?;
        if bytes.is_empty() {
            return Err(refuse(&path, "the file is empty".to_owned()));
        }
        graph::check(&bytes).map_err(|error| refuse(&path, error.to_string()))?;
        let sha256 = hex::encode(Sha256::digest(&bytes));
        let expected = manifest.known_hashes();
        if !expected.is_empty() && !expected.contains(&sha256) {
            return Err(InferenceError::Hash {
                model: manifest.name.clone(),
                path,
                expected,
                found: sha256,
            });
        }
        Ok(Self {
            path,
            bytes,
            sha256,
        })
    }
}

/// Where the weights of `manifest` are: in `$TAILGATE_WEIGHTS_DIR`, or in the model's folder.
///
/// When they are in neither, the path where they would be in the model's folder.
pub fn find(manifest: &Manifest) -> Result<PathBuf, PathBuf> {
    let folders = std::env::var_os(WEIGHTS_DIR_VARIABLE).map(PathBuf::from);
    find_in(manifest, folders.as_deref())
}

/// [`find`] with the folder of weights given.
pub fn find_in(manifest: &Manifest, folder: Option<&Path>) -> Result<PathBuf, PathBuf> {
    let file = manifest
        .weights
        .as_ref()
        .map_or("", |weights| weights.file.as_str());
    let own = manifest.folder.join(file);
    let shared = folder.map(|folder| folder.join(file));
    let found = shared
        .into_iter()
        .chain([own.clone()])
        .find(|path| path.is_file());
    found.ok_or(own)
}

fn missing(manifest: &Manifest) -> String {
    let name = &manifest.name;
    let url = manifest
        .weights
        .as_ref()
        .and_then(|weights| weights.url.as_ref());
    match url {
        Some(_) => format!(
            "the file is not there: `tailgate models fetch {name}` gets it, or name a folder that \
             has it in {WEIGHTS_DIR_VARIABLE}"
        ),
        None => format!(
            "the file is not there, and the description names no address to fetch it from: \
             make it as {} says, and put it there",
            manifest.source
        ),
    }
}
