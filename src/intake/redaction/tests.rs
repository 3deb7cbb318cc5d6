//! What is hidden, what stays, and that a second time changes nothing.

use std::sync::Arc;

use super::*;
use crate::intake::testing::Plain;
use crate::intake::vendors::{VendorSettings, adapter};
use crate::intake::{Headers, SourceSettings};
use crate::units::Instant;

const VENDORS: [&str; 8] = [
    "openpath",
    "kisi",
    "genetec",
    "camio",
    "verkada",
    "unifi",
    "prodatakey",
    "generic",
];

fn source(adapter: Arc<dyn Adapter>) -> Source {
    Source {
        name: "s".into(),
        adapter,
        settings: SourceSettings::default(),
        secrets: vec![Secret::new("hunter2-hunter2")],
    }
}

fn redactor(hidden: &[&str], kept: &[&str]) -> Redactor {
    Redactor {
        personal: Personal::hiding(hidden).keeping(kept),
        ..Redactor::new(&source(Arc::new(Plain)), &Secret::new("the site's key"))
    }
}

fn of_vendor(vendor: &str) -> Source {
    let text = match vendor {
        "generic" => {
            r#"{"vendor": "generic", "secrets": [{"env": "X"}], "authentication": {"by": "bearer"},
                "time": {"pointer": "/at"}, "kind": {"always": "granted"}, "reader": "/reader",
                "holder": "/who/id", "person_name": "/who/name", "person_email": "/who/mail"}"#
        }
        "genetec" => r#"{"vendor": "genetec"}"#,
        _ => &format!(r#"{{"vendor": "{vendor}", "secrets": [{{"env": "X"}}]}}"#),
    };
    let settings: VendorSettings = serde_json::from_str(text).expect("settings");
    let secrets = settings.secrets().iter();
    let secrets = secrets.map(|_| Secret::new("0123456789abcdef0123456789abcdef"));
    source(adapter(&settings, secrets.collect()).expect("an adapter"))
}

/// Hashes become stars, so that expectations can be read.
fn starred(body: &[u8]) -> String {
    let text = String::from_utf8_lossy(body).into_owned();
    let mut shown = String::new();
    let mut rest = &*text;
    while let Some(at) = rest.find("[redacted ") {
        let (before, from) = rest.split_at(at);
        shown.push_str(before);
        shown.push('*');
        rest = &from["[redacted 0123456789abcdef]".len()..];
    }
    shown + rest
}

#[track_caller]
fn check(body: &str, expect: &str) {
    let hidden = ["name", "mail", "user/who", "secretive"];
    let redactor = redactor(&hidden, &["reader"]);
    let once = redactor.body(body.as_bytes());
    assert_eq!(starred(&once), expect, "{body}");
    assert_eq!(redactor.body(&once), once, "the second time: {body}");
}

#[test]
fn json_loses_names_and_nothing_else() {
    check("", "");
    check("{}", "{}");
    check(r#"{"name": "Ann"}"#, r#"{"name": "*"}"#);
    check(r#"{"NaMe":"Ann","b":1.50}"#, r#"{"NaMe":"*","b":1.50}"#);
    check(
        r#"{"name": "", "mail": null}"#,
        r#"{"name": "", "mail": null}"#,
    );
    check(
        r#"[{"name":7},{"name":true}]"#,
        r#"[{"name":"*"},{"name":true}]"#,
    );
    check(r#"{"names":["Ann"]}"#, r#"{"names":["Ann"]}"#);
    check(
        r#"{"name":["Ann","Bob"],"c":"C"}"#,
        r#"{"name":["*","*"],"c":"C"}"#,
    );
    check(
        r#"{"secretive":{"a":{"b":"x"}},"a":"y"}"#,
        r#"{"secretive":{"a":{"b":"*"}},"a":"y"}"#,
    );
    check(
        r#"{"user":{"who":"Ann"},"who":"x"}"#,
        r#"{"user":{"who":"*"},"who":"x"}"#,
    );
    check(r#"{"user":[{"who":"Ann"}]}"#, r#"{"user":[{"who":"*"}]}"#);
    check(
        r#"{"x":"a \" b","name":"A\"n\u006e"}"#,
        r#"{"x":"a \" b","name":"*"}"#,
    );
    check(r#"{"n\u0061me":"Ann"}"#, r#"{"n\u0061me":"*"}"#);
    check(r#"{"note":"of ann@example.org!"}"#, r#"{"note":"of *!"}"#);
    check(
        r#"{"reader":"gate@site.example"}"#,
        r#"{"reader":"gate@site.example"}"#,
    );
    check(r#"{"key":"hunter2-hunter2"}"#, r#"{"key":"[redacted]"}"#);
}

#[test]
fn damaged_bodies_lose_names_too() {
    check(r#"{"name":"Ann","x":"#, r#"{"name":"*","x":"#);
    check(r#"{"name":"Ann"#, r#"{"name":"*""#);
    check(r#"}]{"name":"Ann"}"#, r#"}]{"name":"*"}"#);
    check("\u{feff}{\"name\":\"Ann\"}", "\u{feff}{\"name\":\"*\"}");
    check("Ann <ann@example.org>", "Ann <*>");
    check("plain ann@example.org", "plain *");
}

#[test]
fn xml_loses_names_and_nothing_else() {
    check(
        "<a><Name> Ann </Name><b>B</b></a>",
        "<a><Name> * </Name><b>B</b></a>",
    );
    check("<a name='Ann' b=\"B\"/>", "<a name='*' b=\"B\"/>");
    check("<x:name>Ann</x:name>", "<x:name>*</x:name>");
    check("<name><![CDATA[Ann]]></name>", "<name><![CDATA[*]]></name>");
    check(
        "<secretive><a>x</a></secretive><a>y</a>",
        "<secretive><a>*</a></secretive><a>y</a>",
    );
    check(
        "<user><who>Ann</who></user><who>x</who>",
        "<user><who>*</who></user><who>x</who>",
    );
    check(
        "<?xml v?><!-- name --><a>a@b.cd</a>",
        "<?xml v?><!-- name --><a>*</a>",
    );
    check("<name/><b>x</b>", "<name/><b>x</b>");
    check(
        "<name id='5'>Ann</name><b id='5'/>",
        "<name id='*'>*</name><b id='5'/>",
    );
    check("<name>Ann", "<name>*");
}

#[test]
fn two_people_stay_two_and_one_stays_one() {
    let redactor = redactor(&["name"], &[]);
    let hidden = |name: &str| redactor.body(format!(r#"{{"name":"{name}"}}"#).as_bytes());
    assert_eq!(hidden("Ann"), hidden(" Ann "));
    assert_ne!(hidden("Ann"), hidden("Bob"));
    let other = Redactor::new(&source(Arc::new(Plain)), &Secret::new("another key"));
    assert_ne!(other.hidden("Ann"), redactor.hidden("Ann"));
}

#[test]
fn depth_costs_nothing_and_hides_all() {
    let deep = "[".repeat(100_000) + "\"Ann\"";
    let clean = starred(&redactor(&[], &[]).body(deep.as_bytes()));
    assert!(clean.ends_with("[\"*\""), "{}", &clean[clean.len() - 20..]);
    let deep = "<a>".repeat(10_000) + "Ann";
    assert!(starred(&redactor(&[], &[]).body(deep.as_bytes())).ends_with("<a>*"));
}

#[test]
fn headers_lose_addresses() {
    let source = source(Arc::new(Plain));
    let redactor = Redactor::new(&source, &Secret::new("key"));
    let delivery = Delivery {
        source: "s".into(),
        received: Instant::ZERO,
        target: "/in/s".into(),
        headers: Headers::new([("From", "ann@example.org"), ("Host", "box.example.org")]),
        body: Vec::new(),
    };
    let taken = redactor.take_in(&source, &Plain, delivery);
    let header = |name| taken.delivery.headers.text(name).expect("a header");
    assert_eq!(starred(header("from").as_bytes()), "*");
    assert_eq!(header("host"), "box.example.org");
}

/// As much as a body may be, in the shapes that cost most: each well within what a request may take.
#[test]
fn large_bodies_are_walked_once() {
    let redactor = redactor(&["name", "a/b/name", "user/who"], &["reader"]);
    let deep = |open: &str, leaf: &str| open.repeat(MOST_DEPTH - 2) + &leaf.repeat(20_000);
    for body in [
        deep("{\"a\":", "{\"name\":1,\"k\":2},"),
        deep("[", "\"a@b.cd\","),
        deep("<a>", "<name>x</name>"),
        "@".repeat(400_000),
        "a@b.".repeat(100_000),
        "\"".repeat(400_001),
        "<".repeat(400_000),
        "<a ".repeat(100_000),
        "<![CDATA[".repeat(50_000),
        "<!--".repeat(100_000),
    ] {
        let begun = std::time::Instant::now();
        let clean = redactor.body(body.as_bytes());
        let took = begun.elapsed();
        assert!(!clean.is_empty());
        let start: String = body.chars().take(12).collect();
        assert!(took.as_secs() < 5, "{start}: {took:?}");
    }
}

/// Every payload of every vendor: what is read of it is the same but for the people, and none of them
/// stands in what is stored.
#[test]
fn payloads_read_the_same_without_their_people() {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("testdata/payloads");
    let mut named = 0;
    for vendor in VENDORS.iter().filter(|vendor| **vendor != "generic") {
        let mut source = of_vendor(vendor);
        let redactor = Redactor::new(&source, &Secret::new("key"));
        for entry in std::fs::read_dir(folder.join(vendor)).expect("a folder") {
            let path = entry.expect("an entry").path();
            if path.extension().is_some_and(|ending| ending == "snap") {
                continue;
            }
            let delivery = Delivery {
                source: "s".into(),
                received: Instant::from_us(1_767_600_000_000_000),
                target: "/in/s".into(),
                headers: Headers::default(),
                body: std::fs::read(&path).expect("a body"),
            };
            let take_in = |source: &Source| {
                let taken = redactor.take_in(source, &*source.adapter, delivery.clone());
                (taken.delivery.body, taken.reading)
            };
            source.settings.people = true;
            let (body, with) = take_in(&source);
            source.settings.people = false;
            let (same, without) = take_in(&source);
            assert_eq!(body, same, "{}", path.display());
            let (Ok(with), Ok(without)) = (with, without) else {
                continue;
            };
            for (with, without) in with.events.iter().zip(&without.events) {
                assert_eq!(with.event, without.event, "{}", path.display());
                assert_eq!(without.person, None);
                let Some(person) = &with.person else {
                    continue;
                };
                let text = String::from_utf8_lossy(&body);
                for part in [&person.name, &person.email].into_iter().flatten() {
                    named += 1;
                    assert!(!is_placeholder(part), "{}", path.display());
                    assert!(!text.contains(part.as_str()), "{}", path.display());
                }
            }
        }
    }
    assert!(named >= 10, "only {named} names: the payloads have more");
}

#[test]
fn a_map_says_which_fields_are_of_people() {
    let source = of_vendor("generic");
    let redactor = Redactor::new(&source, &Secret::new("key"));
    let body =
        r#"{"at":1,"reader":"r@x.example","who":{"id":7,"name":"Ann","mail":"a"},"email":"b"}"#;
    assert_eq!(
        starred(&redactor.body(body.as_bytes())),
        r#"{"at":1,"reader":"r@x.example","who":{"id":7,"name":"*","mail":"*"},"email":"*"}"#
    );
}

proptest::proptest! {
    #[test]
    fn nothing_panics_and_twice_is_once(body in "[\\[\\]{}<>/\"'\\\\:,@. =a-cname0-9!-]{0,200}") {
        let redactor = redactor(&["name", "a/b"], &["c"]);
        let once = redactor.body(body.as_bytes());
        proptest::prop_assert_eq!(redactor.body(&once), once);
    }
}
