//! A kill in the middle of a judgement, and that nothing of it is lost.

use std::fs;
use std::time::{Duration, Instant};

use crate::project;
use crate::site::{free, run, signal, start, traces, wait_for, write_door};

/// A box that was killed sees again within this.
const BACK_WITHIN: Duration = Duration::from_secs(15);

#[test]
fn what_was_pending_at_a_kill_is_said_after_it() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    write_door(folder, "two-on-one-grant", "lobby");
    let clip = project("testdata/clips/two-on-one-grant/clip.mp4");
    let text = format!(
        "[site]\nname = \"hq\"\ndoors = [\"lobby.toml\"]\n\n[[camera]]\nname = \"lobby\"\nurl = \"{}\"\n\n\
         [detector]\nmodel = \"lintel\"\nmodels = \"{}\"\n\n[health]\nlisten = \"{}\"\n",
        clip.display(),
        project("models").display(),
        free()
    );
    fs::write(folder.join("site.toml"), text).unwrap();

    let (mut site, lines) = start(folder, &["run", "site.toml", "--json"]);
    let pending = wait_for(&lines, |said| said["verdict"]["stage"] == "provisional");
    // SIGKILL: nothing can be tidied up.
    site.child.kill().unwrap();
    site.child.wait().unwrap();
    let (verdict, killed) = (&pending["verdict"], Instant::now());

    let (mut site, lines) = start(folder, &["run", "site.toml", "--json"]);
    let again = wait_for(&lines, |said| said["verdict"]["id"] == verdict["id"]);
    let again = &again["verdict"];
    assert_eq!(again["revision"], 2, "{again:#}");
    assert_eq!(again["stage"], "final", "{again:#}");
    assert_eq!(again["crossing"], verdict["crossing"], "{again:#}");
    let kind = &again["kind"];
    let doubted = kind == "undetermined" && again["doubts"] != serde_json::json!([]);
    assert!(kind == &verdict["kind"] || doubted, "{again:#}");
    // The clip begins again: who comes now has a number that nobody had.
    let next = wait_for(&lines, |said| {
        let number = said["verdict"]["crossing"]["id"].as_u64();
        number.is_some_and(|number| number > verdict["crossing"]["id"].as_u64().unwrap())
    });
    assert!(
        next["verdict"]["crossing"]["id"].as_u64() > Some(1_000),
        "{next:#}"
    );
    let took = killed.elapsed();
    eprintln!(
        "a passage was judged {:.1} s after the kill",
        took.as_secs_f64()
    );
    assert!(took < BACK_WITHIN, "{took:?}");

    signal(&site, "-TERM");
    assert!(site.child.wait().unwrap().success());
    let segments: Vec<String> = traces(folder)
        .iter()
        .map(|path| path.to_string_lossy().into_owned())
        .collect();
    assert_eq!(segments.len(), 2, "{segments:?}");
    let mut arguments = vec!["replay"];
    arguments.extend(segments.iter().map(String::as_str));
    let checked = run(folder, &arguments);
    let lines: Vec<&str> = checked.lines().collect();
    assert!(lines[0].contains("verified, cut short"), "{checked}");
    assert!(lines[1].contains("verified;"), "{checked}");
}
