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

#[cfg(test)]
mod tests {
    use super::*;

    /// Where the start of a clip is known from and its second since 1970, or the first problem.
    fn told(files: &[(&str, &str)], option: Option<&str>, created_s: Option<i64>) -> String {
        let folder = tempfile::tempdir().unwrap();
        for (name, text) in files {
            std::fs::write(folder.path().join(name), text).unwrap();
        }
        let created = created_s.map(|second| Instant::from_us(second * 1_000_000));
        match clip_start(&folder.path().join("clip.mp4"), option, created, None) {
            Ok(None) => "unknown".to_owned(),
            Ok(Some(start)) => {
                let from = match &start.from {
                    StartSource::Sidecar(path) => {
                        path.file_name().unwrap_or_default().display().to_string()
                    }
                    other => other.to_string(),
                };
                format!("{from}: {}", start.at.as_us() / 1_000_000)
            }
            Err(problems) => {
                let text = problems
                    .to_string()
                    .replace(&format!("{}/", folder.path().display()), "");
                text.lines().next().unwrap_or_default().to_owned()
            }
        }
    }

    #[track_caller]
    fn check(files: &[(&str, &str)], option: Option<&str>, created_s: Option<i64>, expect: &str) {
        assert_eq!(told(files, option, created_s), expect);
    }

    #[test]
    fn what_a_person_says_counts_more_than_what_a_file_says() {
        let text = (
            "clip.mp4.start",
            "# from the recorder\n1970-01-01T00:00:20Z\n",
        );
        let json = ("clip.mp4.json", "{\"start\": 500000000, \"note\": \"x\"}");
        check(
            &[text, json],
            Some("400000000"),
            Some(40),
            "--start: 400000000",
        );
        check(&[text, json], None, Some(40), "clip.mp4.start: 20");
        check(&[json], None, Some(40), "clip.mp4.json: 500000000");
        check(&[], None, Some(40), "the container's time of creation: 40");
        check(&[], None, None, "unknown");
        // A JSON file beside a clip may be about other things.
        check(
            &[("clip.mp4.json", "{\"crossings\": []}")],
            None,
            None,
            "unknown",
        );
        check(&[("clip.mp4.json", "{")], None, None, "unknown");
    }

    #[test]
    fn a_start_that_is_none_is_told() {
        check(
            &[],
            Some("12.5"),
            None,
            "--start: error: \"12.5\" is no time of day",
        );
        check(
            &[],
            Some("2026-01-05T08:30:00"),
            None,
            "--start: error: \"2026-01-05T08:30:00\" is a local time without its zone",
        );
        check(
            &[("clip.mp4.start", "yesterday")],
            None,
            Some(40),
            "clip.mp4.start:1:1: error: \"yesterday\" is no time",
        );
        check(
            &[("clip.mp4.start", "")],
            None,
            None,
            "clip.mp4.start:1:1: error: is empty",
        );
        check(
            &[("clip.mp4.json", "{\n \"start\": [1]}")],
            None,
            None,
            "clip.mp4.json:2:11: error: start: \"[1]\" is no time",
        );
    }
}
