//! Intake files: what is refused, and how it is told.

use std::fs;

use super::load_intake;

const GOOD: &str = r#"[server]
listen = "127.0.0.1:0"

[inbox]
path = "inbox.db"

[[source]]
name = "lobby"
vendor = "kisi"
secrets = [{ file = "kisi.key" }, { env = "KISI_KEY" }]
silence_s = 600

[[source]]
name = "any"
vendor = "camio"
secrets = [{ env = "CAMIO_TOKEN" }]

[[door]]
name = "front"
readers = [{ id = "4557", direction = "in", source = "lobby" }, { id = "4558", direction = "out" }]
"#;

fn read(text: &str) -> Result<super::IntakeConfig, String> {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("intake.toml");
    fs::write(&path, text).expect("written");
    load_intake(&path).map_err(|problems| problems.to_string())
}

#[test]
fn a_good_file_is_understood() {
    let config = read(GOOD).expect("good");
    assert!(config.warnings.is_empty(), "{}", config.warnings);
    let names: Vec<_> = config
        .sources
        .iter()
        .map(|s| (&*s.name, s.vendor.vendor()))
        .collect();
    assert_eq!(names, [("lobby", "kisi"), ("any", "camio")]);
    assert_eq!(config.sources[0].vendor.secrets().len(), 2);
    assert_eq!(
        config.sources[0].settings.silence.map(|s| s.as_secs()),
        Some(600)
    );
    assert!(config.inbox.path.ends_with("inbox.db"));
    assert_eq!(config.doors[0].readers.len(), 2);
}

/// A change of the good file, and what is said of it.
#[track_caller]
fn check(from: &str, to: &str, expect: &[&str]) {
    assert!(GOOD.contains(from), "{from}");
    let said = read(&GOOD.replacen(from, to, 1)).expect_err("a problem");
    for expect in expect {
        assert!(said.contains(expect), "{expect:?} is not in:\n{said}");
    }
}

#[test]
fn what_is_wrong_is_told_with_its_place_and_what_to_do() {
    check(
        "vendor = \"kisi\"",
        "vendor = \"kissi\"",
        &[":9:", "did you mean \"kisi\"?"],
    );
    check(
        "vendor = \"kisi\"\n",
        "",
        &["source[0].vendor", "is missing", "openpath, kisi"],
    );
    check(
        "silence_s",
        "silense_s",
        &["unknown key", "did you mean `silence_s`?"],
    );
    check("silence_s = 600", "silence_s = 0", &["must be more than 0"]);
    check(
        "{ file = \"kisi.key\" }",
        "\"secret\"",
        &["{ file = ... } or { env = ... }"],
    );
    check(
        "{ file = \"kisi.key\" }",
        "{ text = \"x\" }",
        &["none of what can stand here"],
    );
    check(
        "listen = \"127.0.0.1:0\"",
        "listen = \"here\"",
        &["is no address with a port"],
    );
    check(
        "listen",
        "tls_key = \"k.pem\"\nlisten",
        &["name the certificate too"],
    );
    check(
        "name = \"any\"",
        "name = \"lobby\"",
        &["names a source already"],
    );
    check("name = \"any\"", "name = \"a/b\"", &["part of a URL"]);
    check(
        "source = \"lobby\"",
        "source = \"loby\"",
        &["\"loby\" is no source"],
    );
    check(
        "direction = \"in\"",
        "direction = \"inn\"",
        &["did you mean \"in\"?"],
    );
    check("path = \"inbox.db\"", "", &["inbox.path", "is missing"]);
    check(
        "[server]",
        "doors = 3\n[server]",
        &["must be a list of texts"],
    );
}

#[test]
fn everything_is_told_at_once() {
    check(
        "[server]\nlisten = \"127.0.0.1:0\"",
        "[server]\nlisten = \"x\"\nport = 1\n[[door]]\nname = \"back\"\nreaders = [{ id = \"4558\" }]",
        &[
            "is no address",
            "server.port",
            "named by \"back\" and \"front\"",
        ],
    );
}

#[test]
fn looking_people_up_needs_leave_and_somebody_to_ask() {
    check(
        "silence_s = 600",
        "look_up_people = true",
        &["needs `store_people`", "has nobody to ask"],
    );
    let tail = "look_up_people = true\nstore_people = true\n[source.fetch]\ndriver = \"tail\"\n\
                path = \"a\"\nstate = \"b\"";
    check("silence_s = 600", tail, &["has nobody to ask"]);
    check("silence_s = 600", "look_back_h = 0.5", &["look_back_h"]);
    let good = "look_up_people = true\nstore_people = true\nlook_back_h = 72\n[source.fetch]\n\
                driver = \"kisi\"\nkey = { env = \"KISI_KEY\" }";
    let text = GOOD.replacen("silence_s = 600", good, 1);
    let text = text.replacen("[inbox]", "[inbox]\nkeep_people_days = 7", 1);
    let config = read(&text).expect("good");
    let settings = &config.sources[0].settings;
    assert!(settings.look_up && settings.people);
    assert_eq!(
        settings.look_back,
        crate::units::Span::from_s(72.0 * 3_600.0)
    );
    assert_eq!(config.inbox.keep_people.as_secs(), 7 * 86_400);
    let default = read(GOOD).expect("good");
    assert!(!default.sources[0].settings.look_up && !default.sources[0].settings.people);
    assert_eq!(default.inbox.keep_people.as_secs(), 30 * 86_400);
}
