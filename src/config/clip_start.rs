//! When a clip starts on the clock of the wall, and how that is known.
//!
//! What a person says counts more than what a file says: the option, then a sidecar file beside
//! the clip, then the container's own stamp. The last is the time of recording with most cameras
//! but the time of the last edit with most tools, so the caller should say where a start is from.

use std::path::{Path, PathBuf};

use jiff::tz::TimeZone;

use crate::units::Instant;

use super::document::{Source, Value};
use super::json;
use super::problem::{Problems, Severity};
use super::stamp::{self, Stamp};

/// Where a clip's start is known from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum StartSource {
    /// The command line.
    Option,
    /// A file beside the clip.
    Sidecar(PathBuf),
    /// The container's time of creation.
    Container,
}

/// When a clip starts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClipStart {
    /// Microseconds since 1970.
    pub at: Instant,
    /// How that is known.
    pub from: StartSource,
}

impl std::fmt::Display for StartSource {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Option => f.write_str("--start"),
            Self::Sidecar(path) => write!(f, "{}", path.display()),
            Self::Container => f.write_str("the container's time of creation"),
        }
    }
}

/// When `clip` starts: from `option`, else from `CLIP.start` or the key `start` of `CLIP.json`,
/// else from `created`; `None` if nothing says. `zone` is for local times that name none.
pub fn clip_start(
    clip: &Path,
    option: Option<&str>,
    created: Option<Instant>,
    zone: Option<&TimeZone>,
) -> Result<Option<ClipStart>, Problems> {
    let mut problems = Problems::new();
    if let Some(text) = option {
        let at = absolute(text, zone).map_err(|(what, help)| {
            problems.file_error("--start", what, help);
            problems
        })?;
        let from = StartSource::Option;
        return Ok(Some(ClipStart { at, from }));
    }
    for path in [appended(clip, "start"), appended(clip, "json")] {
        let bytes = match std::fs::read(&path) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => continue,
            Err(error) => {
                let name = path.display().to_string();
                problems.file_error(&name, format!("can't be read: {error}"), "check its rights");
                return Err(problems);
            }
        };
        if let Some(at) = sidecar(&path, &bytes, zone, &mut problems) {
            let from = StartSource::Sidecar(path);
            return Ok(Some(ClipStart { at, from }));
        }
        if problems.has_errors() {
            return Err(problems);
        }
    }
    let from = StartSource::Container;
    Ok(created.map(|at| ClipStart { at, from }))
}

/// `clip.mp4` and `start` make `clip.mp4.start`.
fn appended(clip: &Path, extension: &str) -> PathBuf {
    let mut name = clip.as_os_str().to_owned();
    name.push(".");
    name.push(extension);
    PathBuf::from(name)
}

/// The start that a sidecar states; `None` without a problem for a JSON file about other things.
fn sidecar(
    path: &Path,
    bytes: &[u8],
    zone: Option<&TimeZone>,
    problems: &mut Problems,
) -> Option<Instant> {
    let name = path.display().to_string();
    let source = Source::from_bytes(&name, bytes, problems)?;
    let is_json = path
        .extension()
        .is_some_and(|extension| extension == "json");
    let (at, key, text) = if is_json {
        let root = json::parse(&source.text, 0..source.text.len()).ok()?;
        let start = root.get("start")?;
        let text = match &start.value {
            Value::Text(text) => text.clone(),
            _ => source
                .text
                .get(start.span.clone())
                .unwrap_or_default()
                .to_owned(),
        };
        (start.span.start, "start", text)
    } else {
        let lines = source.text.lines().map(str::trim);
        let mut lines = lines.filter(|line| !line.is_empty() && !line.starts_with('#'));
        (0, "", lines.next().unwrap_or_default().to_owned())
    };
    match absolute(&text, zone) {
        Ok(start) => Some(start),
        Err((what, help)) => {
            problems.push(source.problem(Severity::Error, at, key.to_owned(), what, help));
            None
        }
    }
}

fn absolute(text: &str, zone: Option<&TimeZone>) -> Result<Instant, (String, String)> {
    match stamp::parse(text, zone) {
        Ok(Stamp::Absolute(at)) => Ok(at),
        Ok(Stamp::Relative(_)) => Err((
            format!("\"{}\" is no time of day", text.trim()),
            "write when the clip starts: 2026-01-05T08:30:00Z, or seconds since 1970".to_owned(),
        )),
        Err(error) => Err((error.what, error.help)),
    }
}
