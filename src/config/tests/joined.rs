//! Several door files together, and what comes out of good ones.

use super::tables::{CALIBRATION, DOOR, load_texts};
use crate::config::{GrantReading, SiteConfig, read_grants};
use crate::crossing::Direction;
use crate::floor::PointInFloor;
use crate::units::{DoorId, Instant, Interval, Span};

const BACK: &str = r#"[door]
name = "back"
readers = ["reader-3"]

[policy]
resolution_s = 1

[camera]
name = "cam-1"
calibration = "calibration.toml"

[[portal]]
name = "side"
points_m = [[-1, 1.9], [-1, 2.7]]
inside_m = [0, 2.3]
"#;

fn together(back: &str) -> Result<SiteConfig, String> {
    let files = [
        ("front.toml", DOOR),
        ("back.toml", back),
        ("calibration.toml", CALIBRATION),
    ];
    load_texts(&["front.toml", "back.toml"], &files).map_err(|problems| problems.to_string())
}

#[test]
fn two_doors_share_a_camera_and_a_grid() {
    let site = together(BACK).unwrap();
    assert_eq!(site.engine.cameras.len(), 1);
    assert_eq!(site.engine.doors.len(), 2);
    assert_eq!(site.titles, ["Front door", "back"]);
    assert_eq!(site.resolutions, [Span::ZERO, Span::from_ms(1_000)]);
    assert_eq!(site.files.len(), 3);
    let portals = &site.engine.portals;
    assert_eq!(
        (portals[1].door, portals[1].in_name.as_str()),
        (DoorId(1), "in")
    );
    // Turned so that the inside, at x = 0, lies to the left.
    assert_eq!(portals[1].portal.line[0], PointInFloor { x: -1.0, y: 2.7 });
    for portal in portals {
        let reading = portal.portal.read(PointInFloor { x: 0.0, y: 2.3 });
        assert_eq!(reading.side_m > 0.0, portal.name == "side");
    }
}

#[test]
fn what_does_not_fit_together_is_told() {
    #[track_caller]
    fn check(from: &str, to: &str, expect: &str) {
        let said = together(&BACK.replacen(from, to, 1))
            .err()
            .unwrap_or_default();
        assert_eq!(said.lines().next().unwrap_or("fine"), expect);
    }
    check("", "", "fine");
    check(
        "\"back\"",
        "\"front\"",
        "back.toml:2:8: error: door.name: \"front\" names the door of front.toml already",
    );
    check(
        "reader-3",
        "reader-2",
        "back.toml:3:12: error: door.readers[0]: \"reader-2\" belongs to the door of front.toml \
         already",
    );
    let inline = format!(
        "[calibration]\n{}",
        CALIBRATION
            .replace("0.12", "0.13")
            .replace("[grid]", "[calibration.grid]")
    );
    check(
        "calibration = \"calibration.toml\"\n",
        &inline,
        "back.toml:10:2: error: calibration: differs from the calibration of camera \"cam-1\" in \
         front.toml",
    );
    check("name = \"cam-1\"", "name = \"cam-2\"", "fine");
}

#[test]
fn no_file_and_the_same_file_twice() {
    let files = [("front.toml", DOOR), ("calibration.toml", CALIBRATION)];
    let none = load_texts(&[], &files).unwrap_err().to_string();
    assert!(
        none.starts_with("door files: error: none is given"),
        "{none}"
    );
    let twice = load_texts(&["front.toml", "front.toml"], &files)
        .unwrap_err()
        .to_string();
    assert!(
        twice.starts_with("front.toml: error: is given twice"),
        "{twice}"
    );
    let gone = load_texts(&["nowhere.toml"], &files)
        .unwrap_err()
        .to_string();
    assert!(
        gone.starts_with("nowhere.toml: error: can't be read: no such file"),
        "{gone}"
    );
}

#[test]
fn grants_are_mapped_to_doors_and_laid_on_the_time_line() {
    let site = together(BACK).unwrap();
    let text = "time,reader,door,direction,received,id\n\
                20,reader-3,,in,,\n\
                18.5,reader-1,,,,\n\
                18.5,reader-1,,,,\n\
                19,,Front Door,out,30,e1\n\
                19,reader-9,,,,\n";
    let (file, _) = read_grants("grants.csv", text.as_bytes(), &GrantReading::default()).unwrap();
    let start = Instant::from_us(1_000_000_000);
    let (events, warnings) = file.events(&site, Some(start)).unwrap();
    let doors: Vec<Option<u16>> = events
        .iter()
        .map(|event| event.door.map(|door| door.0))
        .collect();
    // In the order received: the one of 19 s came last.
    assert_eq!(doors, [Some(0), Some(0), None, Some(1), Some(0)]);
    assert_eq!(events[0].id, "granted/+18.500/-/reader-1/-");
    assert_eq!(events[1].id, "granted/+18.500/-/reader-1/-#2");
    assert_eq!(events[4].id, "e1");
    assert_eq!(events[4].direction, Some(Direction::Out));
    assert_eq!(events[4].received, start + Span::from_ms(30_000));
    // Back's feed stamps whole seconds: the event may be up to a second later.
    let at = start + Span::from_ms(20_000);
    assert_eq!(
        events[3].occurred,
        Interval::new(at, at + Span::from_ms(1_000))
    );
    assert!(
        warnings
            .to_string()
            .contains("names the reader \"reader-9\""),
        "{warnings}"
    );
}
