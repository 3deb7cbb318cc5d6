//! Which kind of file a file is, by its name and, where that does not tell, by what it says.

use std::path::Path;

use serde::Serialize;

use super::document::{Document, Source};
use super::grants::looks_like_json_lines;
use super::json;
use super::problem::Problems;
use super::truth::looks_like_truth;

/// A kind of file that can be checked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum FileKind {
    /// A door.
    Door,
    /// A camera's calibration.
    Calibration,
    /// A log of access events.
    Grants,
    /// What really happened in a clip.
    Truth,
    /// Which access-control systems report.
    Intake,
    /// A box with its cameras.
    Site,
}

/// Top keys of a door file that a calibration file does not have.
const DOOR_KEYS: [&str; 5] = ["door", "portal", "policy", "camera", "calibration"];
/// Top keys of a calibration file that a door file does not have.
const CALIBRATION_KEYS: [&str; 6] = ["image_px", "points_px", "points_m", "lens", "grid", "made"];

/// Top keys of an intake file that a door file does not have.
const INTAKE_KEYS: [&str; 4] = ["inbox", "source", "server", "doors"];

/// The kind of a file; a file that says nothing clear is taken for what its name promises.
pub fn recognise(path: &Path, bytes: &[u8]) -> Option<FileKind> {
    let extension = path.extension().and_then(|extension| extension.to_str());
    let extension = extension.unwrap_or_default().to_lowercase();
    let text = String::from_utf8_lossy(bytes);
    let text = text.trim_start_matches('\u{feff}');
    match extension.as_str() {
        "toml" => Some(from_toml(path, text)),
        "csv" | "tsv" | "jsonl" | "ndjson" => Some(FileKind::Grants),
        "json" => Some(from_json(text)),
        _ if text.contains("[door]") || text.contains("[[portal]]") => Some(FileKind::Door),
        _ if text.contains("points_px") => Some(FileKind::Calibration),
        _ if looks_like_json_lines(text) => Some(from_json(text)),
        "txt" | "log" | "" => Some(FileKind::Grants),
        _ => None,
    }
}

fn from_toml(path: &Path, text: &str) -> FileKind {
    let document = Document::from_toml(Source::new("", text), &mut Problems::new());
    let has = |keys: &[&str]| keys.iter().any(|key| document.root.get(key).is_some());
    let name = path
        .file_name()
        .unwrap_or_default()
        .to_string_lossy()
        .to_lowercase();
    if has(&["site"]) {
        FileKind::Site
    } else if has(&INTAKE_KEYS) {
        FileKind::Intake
    } else if has(&DOOR_KEYS) {
        FileKind::Door
    } else if has(&CALIBRATION_KEYS) || name.contains("calibration") {
        FileKind::Calibration
    } else if name.contains("intake") {
        FileKind::Intake
    } else {
        FileKind::Door
    }
}

fn from_json(text: &str) -> FileKind {
    match json::parse(text, 0..text.len()) {
        Ok(root) if looks_like_truth(&root) => FileKind::Truth,
        // One object a line is no JSON value as a whole; a single one may be either.
        Ok(root) if root.get("time").is_some() => FileKind::Grants,
        Ok(_) => FileKind::Truth,
        Err(_) => {
            let first = text
                .lines()
                .find(|line| !line.trim().is_empty())
                .unwrap_or_default();
            let is_object = json::parse(first, 0..first.trim_end().len()).is_ok();
            if is_object {
                FileKind::Grants
            } else {
                FileKind::Truth
            }
        }
    }
}
