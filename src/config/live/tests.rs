//! Site files: what is read, and what is said of slips.

use std::path::Path;

use super::load_live;

const DOOR: &str = "[door]\nname = \"front\"\n\n[camera]\nname = \"lobby\"\n\n[calibration]\nimage_px = [640, 480]\n\
points_px = [[100, 400], [540, 400], [420, 150], [220, 150]]\npoints_m = [[-2, 0], [2, 0], [2, 6], [-2, 6]]\n\n\
[[portal]]\nname = \"front\"\npoints_m = [[-1, 3], [1, 3]]\ninside_m = [0, 5]\n";

fn folder(site: &str) -> tempfile::TempDir {
    let folder = tempfile::tempdir().expect("a folder");
    std::fs::write(folder.path().join("front.toml"), DOOR).expect("a door");
    std::fs::write(folder.path().join("site.toml"), site).expect("a site");
    folder
}

/// Checks what is said of a site file; empty: nothing.
#[track_caller]
fn check(site: &str, expect: &[&str]) {
    let folder = folder(site);
    let said = match load_live(&folder.path().join("site.toml")) {
        Ok(config) => config.warnings.to_string(),
        Err(problems) => problems.to_string(),
    };
    for part in expect {
        assert!(said.contains(part), "{part:?} is not in:\n{said}");
    }
    assert!(!expect.is_empty() || said.is_empty(), "{said}");
}

const SITE: &str = "[site]\nname = \"hq\"\ndoors = [\"front.toml\"]\n\n[[camera]]\nname = \"lobby\"\n\
                    url = \"rtsp://192.0.2.7/stream1\"\n";

#[test]
fn a_site_is_its_cameras_with_their_doors() {
    check(SITE, &[]);
    let folder = folder(SITE);
    let config = load_live(&folder.path().join("site.toml")).expect("usable");
    assert_eq!(config.name, "hq");
    assert_eq!(config.data, folder.path().join("data"));
    assert_eq!(config.cameras[0].site.engine.doors[0].name, "front");
    assert_eq!(config.health.to_string(), "127.0.0.1:8470");
}

#[test]
fn alerts_wait_beside_traces_and_evidence() {
    let named = "name = \"hq\"\n";
    let elsewhere = SITE.replacen(named, &format!("{named}data = \"kept\"\n"), 1);
    let folder = folder(&format!("{elsewhere}\n[alerts]\n"));
    let config = load_live(&folder.path().join("site.toml")).expect("usable");
    let outbox = config.alerts.expect("a table").outbox;
    assert_eq!(config.data, folder.path().join("kept"));
    assert_eq!(outbox.path, config.data.join("alerts.db"));
}

#[test]
fn slips_are_named_all_at_once() {
    check(
        "[site]\nname = \"hq\"\ndoors = [\"front.toml\"]\nintake = \"none.toml\"\n\n[[camera]]\nname = \"yard\"\n\
         url = \"rtsp://192.0.2.7/\"\npassword = { env = \"X\" }\n\n[health]\nlisten = \"here\"\n",
        &[
            "\"yard\" watches no door",
            "names the camera \"lobby\", which is not here",
            "stands alone",
            "is no address with a port",
            "none.toml",
        ],
    );
    check(
        "[site]\nname = \"hq\"\ndoors = [\"front.toml\"]\ncolour = 1\n",
        &["colour", "camera"],
    );
    let missing = load_live(Path::new("nowhere/site.toml")).expect_err("no file");
    assert!(missing.to_string().contains("nowhere/site.toml"));
}
