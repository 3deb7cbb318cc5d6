//! Who is believed.

use super::*;
use crate::intake::{Answer, Refusal};

const BODY: &[u8] = br#"{"type":"lock.unlock"}"#;

/// What becomes of a genuine delivery after a change.
#[track_caller]
fn check(vendor: &str, change: impl FnOnce(&mut Delivery), expect: Result<(), Refusal>) {
    let mut delivery = signed(vendor, OLD, BODY);
    change(&mut delivery);
    assert_eq!(plain(vendor).authenticate(&delivery), expect, "{vendor}");
}

fn header(name: &'static str, value: &'static str) -> impl FnOnce(&mut Delivery) {
    move |delivery| delivery.headers = Headers::new([(name, value)])
}

/// Vendors that can be pushed to.
fn pushed() -> impl Iterator<Item = &'static str> {
    VENDORS.into_iter().filter(|vendor| *vendor != "genetec")
}

#[test]
fn both_secrets_are_valid_at_once() {
    for vendor in pushed() {
        for key in [OLD, NEW] {
            let answer = plain(vendor).authenticate(&signed(vendor, key, BODY));
            assert_eq!(answer, Ok(()), "{vendor}");
        }
        let stranger = signed(vendor, "the key of somebody else", BODY);
        let answer = plain(vendor).authenticate(&stranger);
        assert_eq!(answer, Err(Refusal::Wrong), "{vendor}");
    }
}

#[test]
fn what_carries_nothing_is_refused() {
    for vendor in pushed().filter(|vendor| *vendor != "openpath") {
        check(
            vendor,
            |it| it.headers = Headers::default(),
            Err(Refusal::Missing),
        );
    }
    check(
        "openpath",
        |it| it.target = "/".to_owned(),
        Err(Refusal::Missing),
    );
    check(
        "openpath",
        |it| it.target = "/in/openpath".to_owned(),
        Err(Refusal::Wrong),
    );
    check("genetec", |_| (), Err(Refusal::Missing));
}

#[test]
fn a_changed_body_is_refused_where_the_body_is_signed() {
    for vendor in ["kisi", "verkada", "unifi", "prodatakey", "generic"] {
        check(vendor, |it| it.body[3] ^= 1, Err(Refusal::Wrong));
        check(vendor, |it| it.body.push(b' '), Err(Refusal::Wrong));
        check(vendor, |it| it.body.clear(), Err(Refusal::Wrong));
    }
}

#[test]
fn signatures_are_read_leniently_and_no_further() {
    let bare = |delivery: &mut Delivery| {
        let text = delivery.headers.text("x-signature").unwrap();
        let bare = text.strip_prefix("sha256=").unwrap().to_ascii_uppercase();
        delivery.headers = Headers::new([("x-signature", format!(" {bare} "))]);
    };
    check("kisi", bare, Ok(()));
    check("kisi", header("X-Signature", ""), Err(Refusal::Malformed));
    check(
        "kisi",
        header("X-Signature", "sha256="),
        Err(Refusal::Malformed),
    );
    check(
        "kisi",
        header("X-Signature", "sha256=xyz"),
        Err(Refusal::Malformed),
    );
    check(
        "kisi",
        header("X-Signature", "sha256=00"),
        Err(Refusal::Wrong),
    );
    check(
        "verkada",
        header("Verkada-Signature", "00"),
        Err(Refusal::Malformed),
    );
    check(
        "verkada",
        header("Verkada-Signature", "x|00"),
        Err(Refusal::Malformed),
    );
    check(
        "verkada",
        header("Verkada-Signature", "1|00"),
        Err(Refusal::Wrong),
    );
    check(
        "unifi",
        header("Signature", "v1=00"),
        Err(Refusal::Malformed),
    );
    check("unifi", header("Signature", "t=1"), Err(Refusal::Malformed));
    check(
        "unifi",
        header("Signature", "t=1,t=2,v1=00"),
        Err(Refusal::Malformed),
    );
    check(
        "unifi",
        header("Signature", "t=1,v1=00"),
        Err(Refusal::Wrong),
    );
    check(
        "camio",
        header("Authorization", "Bearer "),
        Err(Refusal::Wrong),
    );
    check(
        "camio",
        header("Authorization", "Basic eA=="),
        Err(Refusal::Malformed),
    );
    check(
        "camio",
        header("Authorization", "an-unknown-token"),
        Err(Refusal::Wrong),
    );
}

#[test]
fn a_signature_is_fresh_for_five_minutes_either_way() {
    #[track_caller]
    fn check(vendor: &str, later_s: i64, expect: Result<(), Refusal>) {
        let mut delivery = signed(vendor, OLD, BODY);
        delivery.received = Instant::from_us((RECEIVED_S + later_s) * 1_000_000);
        let answer = plain(vendor).authenticate(&delivery);
        assert_eq!(answer, expect, "{vendor} {later_s}");
    }
    for vendor in ["unifi", "verkada"] {
        check(vendor, 300, Ok(()));
        check(vendor, -300, Ok(()));
        check(vendor, 301, Err(Refusal::Stale));
        check(vendor, -301, Err(Refusal::Stale));
    }
    // Without a time of signing nothing is stale.
    check("kisi", 400 * 86_400, Ok(()));
}

#[test]
fn one_of_several_codes_is_enough() {
    let mut delivery = signed("unifi", OLD, BODY);
    let text = delivery.headers.text("signature").unwrap();
    let text = text.replace(",v1=", ",v1=00,v1=zz,v0=11, v1=");
    delivery.headers = Headers::new([("signature", text)]);
    assert_eq!(plain("unifi").authenticate(&delivery), Ok(()));
}

#[test]
fn basic_authentication_where_it_is_set() {
    let adapter = with(json!({"vendor": "prodatakey", "secrets": [], "check": "basic"}));
    let send = |value: &str| {
        adapter.authenticate(&delivery(
            "/",
            Some(("authorization", value.to_owned())),
            b"{}",
        ))
    };
    use base64::Engine;
    let coded = base64::engine::general_purpose::STANDARD.encode(OLD);
    assert_eq!(send(&format!("Basic {coded}")), Ok(()));
    assert_eq!(send(&format!("Bearer {coded}")), Err(Refusal::Malformed));
    assert_eq!(send("Basic eDp5"), Err(Refusal::Wrong));
    assert_eq!(send("Basic ?"), Err(Refusal::Malformed));
}

#[test]
fn the_generic_map_names_how_it_is_authenticated() {
    #[track_caller]
    fn check(by: Value, delivery: &Delivery, expect: Result<(), Refusal>) {
        let adapter = with(json!({
            "vendor": "generic", "secrets": [], "authentication": by,
            "time": {"pointer": "/at"}, "kind": {"always": "granted"},
        }));
        assert_eq!(adapter.authenticate(delivery), expect, "{by}");
    }
    let none = || delivery("/in/x", None, b"{}");
    let with = |name, value: &str| delivery("/", Some((name, value.to_owned())), b"{}");
    let bearer = || json!({"by": "bearer"});
    check(
        bearer(),
        &with("Authorization", &format!("bearer {OLD}")),
        Ok(()),
    );
    check(bearer(), &none(), Err(Refusal::Missing));
    let header = || json!({"by": "header", "header": "X-Key"});
    check(header(), &with("x-key", NEW), Ok(()));
    check(header(), &with("x-key", "no"), Err(Refusal::Wrong));
    let path = || json!({"by": "path"});
    check(
        path(),
        &delivery(&format!("/in/{OLD}?x=1"), None, b"{}"),
        Ok(()),
    );
    check(path(), &none(), Err(Refusal::Wrong));
    let body = || json!({"by": "body", "pointer": "/apiKey"});
    let typed = |key: &str| delivery("/", None, json!({"apiKey": key}).to_string().as_bytes());
    check(body(), &typed(OLD), Ok(()));
    check(body(), &typed("no"), Err(Refusal::Wrong));
    check(body(), &none(), Err(Refusal::Missing));
    check(
        body(),
        &delivery("/", None, b"{\"apiKey\":1}"),
        Err(Refusal::Malformed),
    );
    check(body(), &delivery("/", None, b"{"), Err(Refusal::Malformed));
    use base64::Engine;
    let base64 = base64::engine::general_purpose::STANDARD.encode(code_sha256(OLD, &[b"{}"]));
    let coded = || json!({"by": "hmac", "header": "X-C", "prefix": "v=", "encoding": "base64"});
    check(coded(), &with("x-c", &format!("v={base64}")), Ok(()));
    check(coded(), &with("x-c", &base64), Ok(()));
    check(coded(), &with("x-c", "?"), Err(Refusal::Malformed));
}

#[test]
fn the_handshake_is_echoed_to_whoever_knows_the_path() {
    #[track_caller]
    fn check(target: &str, secret: Option<&str>, body: &[u8], expect: bool) {
        let header = secret.map(|secret| ("X-Hook-Secret", secret.to_owned()));
        let answer = plain("openpath").handshake(&delivery(target, header, body));
        let echo = secret.filter(|_| expect).map(|secret| Answer {
            status: 200,
            headers: vec![("X-Hook-Secret".to_owned(), secret.to_owned())],
            body: Vec::new(),
        });
        assert_eq!(answer, echo, "{target} {secret:?}");
    }
    let path = format!("/in/openpath/{OLD}");
    let secret = Some("someLongRandomString12345");
    check(&path, secret, b"", true);
    check(&format!("{path}/?a=/b"), secret, b" \n", true);
    check("/in/openpath/guess", secret, b"", false);
    check(&path, None, b"", false);
    check(&path, Some(""), b"", false);
    check(&path, Some("a\r\nSet-Cookie: b"), b"", false);
    check(&path, Some(&"a".repeat(1_025)), b"", false);
    // With a body it is an event, whatever else it carries.
    check(&path, secret, b"{}", false);
}
