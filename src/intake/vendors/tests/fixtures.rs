//! Every payload under `testdata/payloads` reads as the snapshot beside it says.

use std::fs;

use super::*;

/// The settings of a payload: those of a `.toml` with its name, else the vendor's plain ones.
pub(super) fn settings_of(vendor: &str, file: &str) -> VendorSettings {
    let stem = file.rsplit_once('.').unwrap().0;
    match fs::read_to_string(payloads().join(vendor).join(format!("{stem}.toml"))) {
        Ok(text) => toml::from_str(&text).unwrap(),
        Err(_) => plain_settings(vendor),
    }
}

#[test]
fn payloads_read_as_their_snapshots_say() {
    for vendor in VENDORS {
        let found = payloads_of(vendor);
        assert!(!found.is_empty(), "no payload of {vendor}");
        for (file, body) in found {
            let adapter = adapter(&settings_of(vendor, &file), secrets()).unwrap();
            assert_eq!(adapter.vendor(), vendor);
            let told = told(&adapter.read(&signed(vendor, OLD, &body)));
            insta::with_settings!({
                snapshot_path => payloads().join(vendor),
                prepend_module_to_snapshot => false,
                omit_expression => true,
            }, {
                insta::assert_snapshot!(file.as_str(), told);
            });
        }
    }
}

#[test]
fn every_snapshot_has_its_payload() {
    for vendor in VENDORS {
        for entry in fs::read_dir(payloads().join(vendor)).unwrap() {
            let path = entry.unwrap().path();
            if path
                .extension()
                .is_some_and(|extension| extension == "snap")
            {
                assert!(
                    path.with_extension("").exists(),
                    "{} has no payload",
                    path.display()
                );
            }
        }
    }
}

#[test]
fn the_same_event_has_one_id_by_either_way() {
    #[track_caller]
    fn check(vendor: &str, live: &str, report: &str) {
        let id = |file: &str| {
            let body = fs::read(payloads().join(vendor).join(file)).unwrap();
            let reading = plain(vendor).read(&signed(vendor, OLD, &body)).unwrap();
            reading.events[0].event.id.clone()
        };
        assert_eq!(id(live), id(report), "{vendor}");
    }
    check("openpath", "unlocked.json", "activity.json");
    check("kisi", "unlock.json", "event-set.json");
    check("genetec", "granted.json", "report.json");
    check("genetec", "granted.xml", "report.json");
}
