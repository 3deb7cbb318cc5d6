//! Finding and loading the ONNX Runtime library, once a process.

use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};

use ort::environment::Environment;
use ort::logging::LogLevel;

use super::InferenceError;

/// The library's file name on this system.
const LIBRARY: &str = if cfg!(target_os = "macos") {
    "libonnxruntime.dylib"
} else if cfg!(windows) {
    "onnxruntime.dll"
} else {
    "libonnxruntime.so"
};

/// Where `cargo xtask setup` puts it, beside the package's manifest.
const SETUP_FOLDER: &str = "third_party/onnxruntime/lib";

/// The process's runtime, loaded at the first call.
///
/// Tried in order: `$ORT_DYLIB_PATH`, `../lib` and `lib` beside the program, `third_party` under
/// the current folder and under the package it was built from, the system's loader. The first that
/// loads is kept; when none does, the error names each with its reason.
pub fn environment() -> Result<Environment, InferenceError> {
    static LOADED: OnceLock<Result<Environment, Vec<String>>> = OnceLock::new();
    let loaded = LOADED.get_or_init(|| load(&candidates()));
    loaded
        .clone()
        .map_err(|tried| InferenceError::Library { tried })
}

/// What names the ONNX Runtime library at hand, its version among it; empty where there is none.
pub fn inference_library() -> &'static str {
    environment().map_or("", |_| ort::info())
}

fn candidates() -> Vec<PathBuf> {
    let wanted = std::env::var_os("ORT_DYLIB_PATH").filter(|path| !path.is_empty());
    let mut paths: Vec<PathBuf> = wanted.into_iter().map(PathBuf::from).collect();
    let program = std::env::current_exe().ok();
    if let Some(folder) = program.as_deref().and_then(Path::parent) {
        paths.push(folder.join("../lib").join(LIBRARY));
        paths.push(folder.join("lib").join(LIBRARY));
    }
    paths.push(Path::new(SETUP_FOLDER).join(LIBRARY));
    paths.push(
        Path::new(env!("CARGO_MANIFEST_DIR"))
            .join(SETUP_FOLDER)
            .join(LIBRARY),
    );
    paths.push(PathBuf::from(LIBRARY));
    paths
}

fn load(candidates: &[PathBuf]) -> Result<Environment, Vec<String>> {
    let mut tried = Vec::new();
    for path in candidates {
        // A bare name is left to the system's loader, which knows folders of its own.
        if path.components().count() > 1 && !path.exists() {
            tried.push(format!("{}: not there", path.display()));
            continue;
        }
        match open(path) {
            Ok(environment) => return Ok(environment),
            Err(reason) => tried.push(format!("{}: {reason}", path.display())),
        }
    }
    Err(tried)
}

fn open(path: &Path) -> Result<Environment, String> {
    let builder = ort::init_from(path).map_err(|error| error.to_string())?;
    builder
        .with_name("tailgate")
        .with_telemetry(false)
        .with_logger(Arc::new(log))
        .build()
        .map_err(|error| error.to_string())
}

/// Passes the runtime's messages on; its warnings are about graphs, not about anything a user can
/// change, so they count as details.
fn log(level: LogLevel, category: &str, _id: &str, _location: &str, message: &str) {
    match level {
        LogLevel::Error | LogLevel::Fatal => tracing::warn!(category, "{message}"),
        _ => tracing::debug!(category, "{message}"),
    }
}
