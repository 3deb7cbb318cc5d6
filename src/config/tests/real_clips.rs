//! The doors of real clips load, and mean what their truth files mean.

use std::path::PathBuf;

use crate::config::{GrantReading, SiteConfig, load, read_grants, read_truth};
use crate::floor::CameraModel;

fn site(clip: &str) -> SiteConfig {
    match load(&[PathBuf::from(format!("tests/real_clips/{clip}/door.toml"))]) {
        Ok(site) => site,
        Err(problems) => panic!("{problems}"),
    }
}

/// Height over the floor, pitch and length of the line against the truth file's own figures.
#[track_caller]
fn check(clip: &str, height_m: f64, pitch_deg: f64, line_m: f64, grants: usize) {
    let site = site(clip);
    assert!(site.warnings.is_empty(), "{}", site.warnings);
    let spec = site.engine.cameras[0].calibration.clone().unwrap();
    let model = CameraModel::new(spec).unwrap();
    let pose = model.pose().unwrap();
    assert!((pose.height_m - height_m).abs() < 0.1, "{}", pose.height_m);
    let pitch = pose.pitch_rad.to_degrees();
    assert!((pitch - pitch_deg).abs() < 1.0, "{pitch}");
    let length = site.engine.portals[0].portal.length_m();
    assert!((length - line_m).abs() < 0.3, "{length}");
    let name = format!("tests/real_clips/{clip}/grants.csv");
    let bytes = std::fs::read(&name).unwrap();
    let (file, warnings) = read_grants(&name, &bytes, &GrantReading::default()).unwrap();
    let (events, strangers) = file.events(&site, None).unwrap();
    assert!(warnings.is_empty() && strangers.is_empty());
    assert_eq!(events.len(), grants);
}

#[test]
fn the_cameras_stand_where_the_truth_files_say() {
    check("one-by-one", 3.0, 44.5, 0.86, 5);
    check("worker-zone", 2.65, 22.7, 3.83, 1);
    check("vtest-first-half", 6.8, 17.0, 21.0, 8);
}

#[test]
fn truth_files_are_read() {
    let folder = PathBuf::from("../shared/data/truth");
    if !folder.is_dir() {
        eprintln!("SKIPPED: truth_files_are_read needs ../shared/data");
        return;
    }
    let files = [
        ("one-by-one-person-detection.json", 6, 5),
        ("worker-zone-detection.json", 1, 0),
        ("vtest-first-half.json", 17, 0),
    ];
    for (name, crossings, grants) in files {
        let bytes = std::fs::read(folder.join(name)).unwrap();
        let (truth, warnings) = read_truth(name, &bytes).unwrap();
        assert!(warnings.is_empty(), "{warnings}");
        assert_eq!(truth.crossings.len(), crossings);
        assert_eq!(truth.example_grants.len(), grants);
    }
}

/// Every door, grants and truth file that the project brings is free of problems and fits together.
#[test]
fn the_projects_own_clips_are_sound() {
    let mut count = 0;
    for folder in std::fs::read_dir("testdata/clips").unwrap() {
        let folder = folder.unwrap().path();
        let door = folder.join("door.toml");
        if !door.is_file() {
            continue;
        }
        count += 1;
        let site = match load(&[door]) {
            Ok(site) => site,
            Err(problems) => panic!("{problems}"),
        };
        assert!(site.warnings.is_empty(), "{}", site.warnings);
        for name in ["grants.csv", "grants.jsonl"] {
            let Ok(bytes) = std::fs::read(folder.join(name)) else {
                continue;
            };
            let read = read_grants(name, &bytes, &GrantReading::default());
            let (file, warnings) = read.unwrap_or_else(|problems| panic!("{problems}"));
            let (_, strangers) = file.events(&site, None).unwrap();
            assert!(warnings.is_empty(), "{warnings}");
            assert!(strangers.is_empty(), "{strangers}");
        }
        let bytes = std::fs::read(folder.join("truth.json")).unwrap();
        let read = read_truth("truth.json", &bytes);
        let (truth, warnings) = read.unwrap_or_else(|problems| panic!("{problems}"));
        assert!(warnings.is_empty(), "{warnings}");
        let portals = &site.engine.portals;
        for crossing in &truth.crossings {
            let names = |name: &String| *name == crossing.direction;
            assert!(
                portals
                    .iter()
                    .any(|p| names(&p.in_name) || names(&p.out_name))
            );
        }
    }
    assert!(count > 0, "no clip in testdata/clips");
}
