//! Labelled footage in a folder: which files belong together.
//!
//! A clip or trace called NAME has, beside it, `NAME.door.toml`, `NAME.grants.csv` (or `.jsonl`) and
//! `NAME.truth.json`. Where one of these is missing, `door.toml`, `grants.csv` and `truth.json` of the
//! same folder serve, and for the door those of the folders above, up to the one that was named: one
//! door file for many clips, or a folder for each clip with plain names. A trace brings its own
//! configuration and grants.

use std::io::Read;
use std::path::{Path, PathBuf};

/// Files that end so are clips.
const CLIPS: [&str; 11] = [
    "mp4", "mkv", "avi", "mov", "m4v", "webm", "ts", "h264", "264", "h265", "mjpeg",
];
/// How every trace begins: with its header.
const TRACE_BEGIN: &[u8; 9] = b"{\"trace\":";
/// Stems that say nothing of the clip: it is called after its folder.
const PLAIN: [&str; 2] = ["clip", "trace"];

/// Footage with the files that belong to it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CaseFiles {
    /// What people call it.
    pub name: String,
    /// The clip, trace or scene script.
    pub footage: PathBuf,
    /// What that is.
    pub kind: FootageKind,
    /// Its door file.
    pub door: Option<PathBuf>,
    /// Its access events.
    pub grants: Option<PathBuf>,
    /// What really happened.
    pub truth: Option<PathBuf>,
}

/// What a file of footage is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FootageKind {
    /// A video.
    Clip,
    /// A trace of an earlier run.
    Trace,
    /// A scene script.
    Scene,
}

/// The footage at `paths` (folders are searched through), in the order of names. `Err` names every
/// path that can't be read or holds none.
pub fn find(paths: &[PathBuf]) -> Result<Vec<CaseFiles>, Vec<String>> {
    let (mut cases, mut problems) = (Vec::new(), Vec::new());
    for path in paths {
        if path.is_dir() {
            let before = cases.len();
            if let Err(problem) = walk(path, path, &mut cases) {
                problems.push(format!("{}: cannot be read: {problem}", path.display()));
            } else if cases.len() == before {
                problems.push(format!(
                    "{}: no clip, trace or scene script is in this folder",
                    path.display()
                ));
            }
        } else if !path.exists() {
            problems.push(format!(
                "{}: there is no such file or folder",
                path.display()
            ));
        } else if let Some(kind) = kind(path) {
            let root = path.parent().unwrap_or(Path::new(""));
            cases.push(with_companions(root, path, kind));
        } else {
            problems.push(format!(
                "{}: is no clip ({}), no trace (.jsonl) and no scene script",
                path.display(),
                CLIPS.join(", ")
            ));
        }
    }
    if problems.is_empty() {
        Ok(cases)
    } else {
        Err(problems)
    }
}

fn walk(root: &Path, folder: &Path, cases: &mut Vec<CaseFiles>) -> std::io::Result<()> {
    let mut paths: Vec<PathBuf> = std::fs::read_dir(folder)?
        .map(|entry| entry.map(|entry| entry.path()))
        .collect::<Result<_, _>>()?;
    paths.sort();
    let hidden = |path: &Path| {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        name.starts_with('.')
    };
    let found: Vec<(PathBuf, FootageKind)> = paths
        .iter()
        .filter(|path| path.is_file() && !hidden(path))
        .filter_map(|path| {
            let kind = kind(path)?;
            // Other JSON lines in a folder are grants or logs.
            (kind != FootageKind::Trace || is_trace(path)).then(|| (path.clone(), kind))
        })
        .collect();
    let has = |wanted: FootageKind, like: &Path| {
        found
            .iter()
            .any(|(path, kind)| *kind == wanted && stem(path) == stem(like))
    };
    for (path, kind) in &found {
        let second = match kind {
            // A trace holds what was seen of the clip beside it: the same footage once.
            FootageKind::Clip => has(FootageKind::Trace, path),
            FootageKind::Trace => false,
            // The clip beside it was rendered from it.
            FootageKind::Scene => found.iter().any(|(_, kind)| *kind != FootageKind::Scene),
        };
        if !second {
            cases.push(with_companions(root, path, *kind));
        }
    }
    for path in paths.iter().filter(|path| path.is_dir() && !hidden(path)) {
        walk(root, path, cases)?;
    }
    Ok(())
}

fn kind(path: &Path) -> Option<FootageKind> {
    let extension = path.extension()?.to_string_lossy().to_lowercase();
    match extension.as_str() {
        "jsonl" => Some(FootageKind::Trace),
        "scene" => Some(FootageKind::Scene),
        other => CLIPS.contains(&other).then_some(FootageKind::Clip),
    }
}

/// Whether a file begins as a trace does.
fn is_trace(path: &Path) -> bool {
    let mut begin = [0; TRACE_BEGIN.len()];
    let read = std::fs::File::open(path).and_then(|mut file| file.read_exact(&mut begin));
    read.is_ok() && begin == *TRACE_BEGIN
}

/// `NAME` of `NAME.mp4` and `NAME.trace.jsonl`.
fn stem(path: &Path) -> String {
    let stem = path.file_stem().unwrap_or_default().to_string_lossy();
    stem.strip_suffix(".trace").unwrap_or(&stem).to_owned()
}

fn with_companions(root: &Path, path: &Path, kind: FootageKind) -> CaseFiles {
    let folder = path.parent().unwrap_or(Path::new(""));
    let stem = stem(path);
    let first = |names: &[String]| {
        let paths = names.iter().map(|name| folder.join(name));
        paths.into_iter().find(|path| path.is_file())
    };
    let truth = [format!("{stem}.truth.json"), "truth.json".to_owned()];
    let grants =
        ["csv", "jsonl"].map(|end| [format!("{stem}.grants.{end}"), format!("grants.{end}")]);
    let door = first(&[format!("{stem}.door.toml"), "door.toml".to_owned()]);
    // A trace has its own configuration: a door file far above it is another's.
    let above = || {
        let mut up = folder;
        while up != root && kind == FootageKind::Clip {
            up = up.parent()?;
            let door = up.join("door.toml");
            if door.is_file() {
                return Some(door);
            }
        }
        None
    };
    let inside = folder.strip_prefix(root).unwrap_or(Path::new(""));
    let is_plain = PLAIN.contains(&stem.as_str());
    let called = match (is_plain, inside.as_os_str().is_empty()) {
        (true, true) => folder
            .file_name()
            .map_or(stem.clone(), |n| n.to_string_lossy().into()),
        (true, false) => inside.display().to_string(),
        (false, _) => inside.join(&stem).display().to_string(),
    };
    CaseFiles {
        name: called,
        footage: path.to_owned(),
        kind,
        door: door.or_else(above),
        grants: first(&grants.concat()),
        truth: first(&truth),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What is found among files of these names, one line a case.
    #[track_caller]
    fn check(files: &[&str], expect: &[&str]) {
        let folder = tempfile::tempdir().unwrap();
        for file in files {
            let path = folder.path().join(file);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            let text = if file.ends_with("trace.jsonl") {
                "{\"trace\":{}}"
            } else {
                ""
            };
            std::fs::write(path, text).unwrap();
        }
        let shown = |path: &Option<PathBuf>| match path {
            Some(path) => path
                .strip_prefix(folder.path())
                .unwrap()
                .display()
                .to_string(),
            None => "-".to_owned(),
        };
        let got: Vec<String> = match find(&[folder.path().to_owned()]) {
            Ok(cases) => cases
                .iter()
                .map(|case| {
                    let (door, grants, truth) =
                        (shown(&case.door), shown(&case.grants), shown(&case.truth));
                    format!("{} {:?} {door} {grants} {truth}", case.name, case.kind)
                })
                .collect(),
            Err(problems) => problems,
        };
        assert_eq!(got, expect);
    }

    #[test]
    fn a_folder_for_each_clip() {
        check(
            &[
                "a/clip.mp4",
                "a/door.toml",
                "a/grants.csv",
                "a/truth.json",
                "a/script.scene",
                "b/clip.mp4",
            ],
            &[
                "a Clip a/door.toml a/grants.csv a/truth.json",
                "b Clip - - -",
            ],
        );
    }

    #[test]
    fn one_folder_with_names_and_a_door_for_all() {
        check(
            &[
                "door.toml",
                "mon.mp4",
                "mon.grants.jsonl",
                "mon.truth.json",
                "tue.mkv",
                "tue.door.toml",
                "tue.truth.json",
                "deep/wed.avi",
            ],
            &[
                "mon Clip door.toml mon.grants.jsonl mon.truth.json",
                "tue Clip tue.door.toml - tue.truth.json",
                "deep/wed Clip door.toml - -",
            ],
        );
    }

    #[test]
    fn a_trace_counts_once_and_says_that_it_is_one() {
        check(
            &[
                "mon.mp4",
                "mon.trace.jsonl",
                "mon.truth.json",
                "grants.jsonl",
                "x/trace.jsonl",
            ],
            &["mon Trace - grants.jsonl mon.truth.json", "x Trace - - -"],
        );
    }
}
