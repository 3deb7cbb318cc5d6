//! Files as bytes: other encodings, and noise.

use proptest::prelude::*;

use super::tables::{CALIBRATION, DOOR, TRUTH, load_texts};
use crate::config::{FileKind, GrantReading, read_grants, read_truth, recognise};

const GRANTS_CSV: &str =
    "time,kind,holder,direction\n18.0,granted,\"b,1\",in\n2026-01-05T08:30:00Z,denied,,\n";
const GRANTS_JSON: &str =
    "{\"time\": 18.0, \"holder\": \"b1\"}\n{\"time\": \"+43\", \"kind\": \"denied\"}\n";

#[track_caller]
fn check_grants(bytes: &[u8], expect: &str) {
    let said = match read_grants("grants.csv", bytes, &GrantReading::default()) {
        Ok((file, _)) => format!("{} events", file.events.len()),
        Err(problems) => problems.to_string(),
    };
    assert_eq!(said, expect);
}

#[test]
fn encodings() {
    check_grants(
        b"\xef\xbb\xbftime,holder\r\n18.0,b1\r\n\r\n19.0,b2\r\n",
        "2 events",
    );
    check_grants(b"time\n18\n19", "2 events");
    check_grants(
        b"\xff\xfet\0i\0m\0e\0",
        "grants.csv: error: is UTF-16 text\n    help: save it as UTF-8",
    );
    check_grants(
        b"time,holder\n18.0,M\xfcller\n",
        "grants.csv:2:7: error: is not UTF-8 text from here on\n    help: save the file as UTF-8 text",
    );
}

#[test]
fn kinds_are_told_from_name_and_content() {
    #[track_caller]
    fn check(name: &str, text: &str, expect: Option<FileKind>) {
        assert_eq!(
            recognise(std::path::Path::new(name), text.as_bytes()),
            expect,
            "{name}"
        );
    }
    check("front.toml", DOOR, Some(FileKind::Door));
    check("cam.toml", CALIBRATION, Some(FileKind::Calibration));
    check("calibration.toml", "", Some(FileKind::Calibration));
    check("empty.toml", "", Some(FileKind::Door));
    check("export.CSV", "whatever", Some(FileKind::Grants));
    check("log.jsonl", "", Some(FileKind::Grants));
    check("truth.json", TRUTH, Some(FileKind::Truth));
    check("grants.json", GRANTS_JSON, Some(FileKind::Grants));
    check("grants", GRANTS_JSON, Some(FileKind::Grants));
    check("broken.json", "{", Some(FileKind::Truth));
    check("door.conf", DOOR, Some(FileKind::Door));
    check("clip.mp4", "\0\0\0 ftyp", None);
}

/// A good text with up to eight bytes changed, dropped or added.
fn noisy(good: &'static str) -> impl Strategy<Value = Vec<u8>> {
    let place = 0..good.len();
    proptest::collection::vec((place, 0_u8..3, any::<u8>()), 0..8).prop_map(move |edits| {
        let mut bytes = good.as_bytes().to_vec();
        for (place, how, byte) in edits {
            let place = place.min(bytes.len().saturating_sub(1));
            match how {
                0 => bytes[place] = byte,
                1 => bytes.insert(place, byte % 128),
                _ => {
                    bytes.remove(place);
                }
            }
        }
        bytes
    })
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn a_noisy_door_is_read_or_refused_with_a_place(bytes in noisy(DOOR)) {
        let text = text(&bytes);
        let files = [("door.toml", text.as_str()), ("calibration.toml", CALIBRATION)];
        if let Err(problems) = load_texts(&["door.toml"], &files) {
            prop_assert!(problems.has_errors());
            for problem in &problems {
                prop_assert!(!problem.what.is_empty());
                let lines = text.split('\n').count();
                prop_assert!(problem.place.is_none_or(|place| place.line <= lines.max(9)));
            }
        }
    }

    #[test]
    fn a_noisy_calibration_is_read_or_refused(bytes in noisy(CALIBRATION)) {
        let text = text(&bytes);
        let files = [("door.toml", DOOR), ("calibration.toml", text.as_str())];
        match load_texts(&["door.toml"], &files) {
            Ok(site) => prop_assert!(!site.warnings.has_errors()),
            Err(problems) => prop_assert!(problems.has_errors()),
        }
    }

    #[test]
    fn noisy_grants_are_read_or_refused(csv in noisy(GRANTS_CSV), json in noisy(GRANTS_JSON)) {
        for bytes in [csv, json] {
            for lenient in [false, true] {
                let reading = GrantReading { zone: None, lenient };
                match read_grants("grants", &bytes, &reading) {
                    Ok((file, warnings)) => {
                        prop_assert!(!warnings.has_errors());
                        prop_assert!(lenient || file.lost == 0);
                    }
                    Err(problems) => prop_assert!(problems.has_errors()),
                }
            }
        }
    }

    #[test]
    fn a_noisy_truth_is_read_or_refused(bytes in noisy(TRUTH)) {
        match read_truth("truth.json", &bytes) {
            Ok((_, warnings)) => prop_assert!(!warnings.has_errors()),
            Err(problems) => prop_assert!(problems.has_errors()),
        }
    }
}
