//! A site file that is changed while the box runs.

use std::fs;
use std::path::Path;
use std::sync::mpsc::Receiver;

use serde_json::Value;

use crate::project;
use crate::site::{Running, free, get, signal, start, traces, wait_for, write_door};

/// The doors of these cameras, each of which plays the same clip.
fn write_site(folder: &Path, cameras: &[&str], health: &str) {
    let doors = cameras.iter().map(|name| format!("\"{name}.toml\""));
    let doors = doors.collect::<Vec<_>>().join(", ");
    let clip = project("testdata/clips/dithering/clip.mp4");
    let clip = clip.display();
    let tables = cameras
        .iter()
        .map(|name| format!("[[camera]]\nname = \"{name}\"\nurl = \"{clip}\"\n"));
    let tables = tables.collect::<Vec<_>>().join("\n");
    let models = project("models");
    let models = models.display();
    let text = format!(
        "[site]\nname = \"hq\"\ndoors = [{doors}]\n\n{tables}\n[detector]\nmodel = \"lintel\"\n\
         models = \"{models}\"\n\n[health]\nlisten = \"{health}\"\n"
    );
    fs::write(folder.join("site.toml"), text).unwrap();
}

/// Tells the box to read its files again; what it says to that.
fn reload(site: &Running, lines: &Receiver<String>) -> Value {
    signal(site, "-HUP");
    wait_for(lines, |line| line["configuration"].is_string())
}

fn status(health: &str) -> Value {
    let (_, status) = get(&format!("http://{health}/status"));
    serde_json::from_str(&status).unwrap()
}

#[test]
fn a_changed_site_file_is_taken_over_and_other_doors_notice_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    for name in ["lobby", "yard", "gate"] {
        write_door(folder, "dithering", name);
    }
    let health = free().to_string();
    write_site(folder, &["lobby", "yard"], &health);
    let (mut site, lines) = start(folder, &["run", "site.toml", "--json"]);
    for _ in 0..2 {
        wait_for(&lines, |line| line["sight"] == "clear");
    }
    let since = status(&health)["cameras"]["lobby"]["since"].clone();

    // A door is judged otherwise, a camera joins.
    let yard = folder.join("yard.toml");
    let text = fs::read_to_string(&yard).unwrap();
    assert!(text.contains("window_s = 10"), "{text}");
    fs::write(&yard, text.replace("window_s = 10", "window_s = 9")).unwrap();
    write_site(folder, &["lobby", "yard", "gate"], &health);
    let said = reload(&site, &lines);
    assert_eq!(said["configuration"], "taken over", "{said}");
    assert_eq!(said["kept"], serde_json::json!(["lobby"]), "{said}");
    assert_eq!(said["begun"], serde_json::json!(["gate", "yard"]), "{said}");
    wait_for(&lines, |line| {
        line["sight"] == "clear" && line["camera"] == "gate"
    });

    // Nonsense is refused with every reason, and changes nothing.
    write_site(folder, &["lobby", "nowhere"], &health);
    let said = reload(&site, &lines);
    assert_eq!(said["configuration"], "refused", "{said}");
    assert!(
        said["problems"].to_string().contains("nowhere.toml"),
        "{said}"
    );

    // Two cameras go; what needs a restart is named.
    write_site(folder, &["lobby"], "127.0.0.1:1");
    let said = reload(&site, &lines);
    assert_eq!(said["gone"], serde_json::json!(["gate", "yard"]), "{said}");
    assert_eq!(said["restart"], serde_json::json!(["[health]"]), "{said}");
    let status = status(&health);
    let cameras: Vec<&String> = status["cameras"].as_object().unwrap().keys().collect();
    assert_eq!(cameras, ["lobby"]);
    let lobby = &status["cameras"]["lobby"];
    assert_eq!(lobby["since"], since, "the lobby noticed: {status:#}");
    assert_eq!(lobby["reconnects"], 0, "{status:#}");
    assert_eq!(get(&format!("http://{health}/healthz")).0, 200);
    signal(&site, "-TERM");
    assert!(site.child.wait().unwrap().success());
    // The yard was judged in two ways: a trace for each, besides last words.
    let names = traces(folder).into_iter().filter_map(|path| {
        let name = path.file_name()?.to_string_lossy().into_owned();
        (name.starts_with("yard") && !name.ends_with(".last.jsonl")).then_some(name)
    });
    assert_eq!(names.count(), 2);
}
