//! Settings that are refused, and with which words.

use super::*;
use crate::intake::SecretRef;
use crate::intake::vendors::GenetecSettings;

/// Settings as a site writes them: what is wrong with them.
#[track_caller]
fn problems(settings: Value) -> String {
    match serde_json::from_value::<VendorSettings>(settings) {
        Err(error) => format!("not read: {error}"),
        Ok(settings) => match adapter(&settings, secrets()) {
            Ok(_) => "none".to_owned(),
            Err(problems) => problems.join("\n"),
        },
    }
}

fn generic(change: Value) -> Value {
    let mut settings = json!({
        "vendor": "generic", "secrets": [], "authentication": {"by": "path"},
        "time": {"pointer": "/at"}, "kind": {"always": "granted"},
    });
    for (key, value) in change.as_object().unwrap() {
        settings[key] = value.clone();
    }
    settings
}

#[test]
fn plain_settings_are_fine() {
    for vendor in VENDORS {
        assert_eq!(plain_settings(vendor).vendor(), vendor);
        assert_eq!(plain(vendor).vendor(), vendor);
        let expect = if vendor == "genetec" { 0 } else { 2 };
        assert_eq!(plain_settings(vendor).secrets().len(), expect);
    }
    assert_eq!(problems(generic(json!({}))), "none");
}

#[test]
fn secrets_are_named_and_never_written() {
    let read = |text: &str| toml::from_str::<VendorSettings>(text);
    let settings =
        read("vendor = \"kisi\"\nsecrets = [{ file = \"/run/key\" }, { env = \"KEY\" }]").unwrap();
    let expect = [
        SecretRef::File("/run/key".into()),
        SecretRef::Env("KEY".to_owned()),
    ];
    assert_eq!(settings.secrets(), expect);
    assert!(read("vendor = \"kisi\"\nsecrets = [\"plain text\"]").is_err());
    let shown = format!("{:?}", plain("kisi"));
    assert!(
        !shown.contains(OLD) && shown.contains("[redacted]"),
        "{shown}"
    );
}

#[test]
fn no_vendor_is_taken_without_a_secret() {
    for vendor in VENDORS.into_iter().filter(|vendor| *vendor != "genetec") {
        let settings = plain_settings(vendor);
        assert!(adapter(&settings, vec![]).is_err(), "{vendor}");
        assert!(
            adapter(&settings, vec![Secret::new("")]).is_err(),
            "{vendor}"
        );
        let short = adapter(&settings, vec![Secret::new(OLD), Secret::new("short")]);
        // UniFi's controller chooses its own.
        assert_eq!(short.is_ok(), vendor == "unifi", "{vendor}");
    }
}

#[test]
fn settings_with_a_mistake_say_which() {
    insta::assert_snapshot!(
        problems(json!({"vendor": "kisi", "secrets": [], "secret": "x"})),
        @"not read: unknown field `secret`, expected `secrets`"
    );
    insta::assert_snapshot!(
        problems(json!({"vendor": "genetec", "zone": "Mars/Olympus"})),
        @r#"zone: "Mars/Olympus" is no time zone known to this machine: write a name such as Europe/Berlin (needs the system's tzdata), UTC, or an offset such as +01:00"#
    );
    insta::assert_snapshot!(
        problems(json!({"vendor": "genetec", "access_points": [
            {"id": "8e7a1b2c00014d3e9f00aaaaaaaaaaaa"},
            {"id": "{8E7A1B2C-0001-4D3E-9F00-AAAAAAAAAAAA}"},
        ]})),
        @r#"access_points: "{8E7A1B2C-0001-4D3E-9F00-AAAAAAAAAAAA}" stands there twice"#
    );
    insta::assert_snapshot!(
        problems(json!({"vendor": "camio", "secrets": [], "kinds": {
            "Badge OK": "granted", "badge_ok": "denied",
        }})),
        @r#"kinds: "badge_ok" is the same event type as another entry, with another meaning"#
    );
}

#[test]
fn a_map_with_mistakes_says_all_of_them() {
    insta::assert_snapshot!(problems(generic(json!({
        "events": "batch.rows",
        "time": {"pointer": "at", "format": "%H:%M", "zone": "Nowhere"},
        "kind": {"pointer": "/what"},
        "grant_only_if": [{"pointer": "/ok", "one_of": []}],
        "authentication": {"by": "hmac", "header": ""},
    }))), @r#"
    events = "batch.rows" is no JSON pointer: write "/batch/rows"
    time.pointer = "at" is no JSON pointer: write "/at"
    kind.values is empty: say what the words at kind.pointer mean, for example values = { "unlocked" = "granted" }
    grant_only_if: one_of for "/ok" is empty: nothing would ever be a grant
    authentication.header is empty
    time.zone: "Nowhere" is no time zone known to this machine: write a name such as Europe/Berlin (needs the system's tzdata), UTC, or an offset such as +01:00
    time.format: "%H:%M" lacks a date or a time of day
    "#);
    insta::assert_snapshot!(
        problems(generic(json!({"time": {"pointer": "/at", "format": "%d.%m.%Y %H:%M"}}))),
        @r#"time.format: "%d.%m.%Y %H:%M" names no zone: set time.zone, for example "Europe/Berlin""#
    );
    insta::assert_snapshot!(
        problems(generic(json!({"time": {"pointer": "/at", "format": "epoch"}}))),
        @r#"time.format = "epoch": write auto, iso, s, ms, us, or a pattern such as "%d.%m.%Y %H:%M:%S""#
    );
    insta::assert_snapshot!(
        problems(generic(json!({"kind": {}}))),
        @"kind says neither `pointer` (with `values`) nor `always`: every event would mean nothing"
    );
}

#[test]
fn what_the_server_lists_stands_behind_what_is_set() {
    use crate::intake::AccessPoint;
    let mut settings: GenetecSettings = serde_json::from_value(json!({"access_points": [
        {"id": "8E7A1B2C00014D3E9F00AAAAAAAAAAAA", "way": "in"},
        {"id": "set", "door": "by hand"},
    ]}))
    .unwrap();
    let listed = |id: &str, door: &str| AccessPoint {
        id: id.to_owned(),
        name: String::new(),
        door: Some(door.to_owned()),
        direction: None,
    };
    settings.learn(&[
        listed("8e7a1b2c-0001-4d3e-9f00-aaaaaaaaaaaa", "door 1"),
        listed("set", "listed"),
        listed("new", "door 2"),
    ]);
    let doors: Vec<_> = settings
        .access_points
        .iter()
        .map(|point| (point.door.as_deref().unwrap(), point.way.is_some()))
        .collect();
    assert_eq!(
        doors,
        [("door 1", true), ("by hand", false), ("door 2", false)]
    );
}

#[test]
fn the_settings_have_a_schema() {
    let schema = schemars::schema_for!(VendorSettings);
    let text = serde_json::to_string(&schema).unwrap();
    for vendor in VENDORS {
        assert!(text.contains(&format!("\"{vendor}\"")), "{vendor}");
    }
}
