//! Tests of the adapters: payloads with what is read from them, tables of one boundary each, and
//! damaged deliveries by the thousand.

mod authentication;
mod explain;
mod fixtures;
mod mutation;
mod settings;
mod tables;

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use hmac::{Hmac, KeyInit, Mac};
use serde_json::{Value, json};
use sha1::Sha1;
use sha2::Sha256;

use super::{VendorSettings, adapter};
use crate::intake::{Adapter, Delivery, Headers, Notice, Reading, Secret, Unreadable};
use crate::units::Instant;

/// All vendors, by name.
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

/// When every delivery of these tests arrives: 2026-11-02T12:00:00Z.
const RECEIVED_S: i64 = 1_793_620_800;

const OLD: &str = "an example of a long key";
const NEW: &str = "the key that comes after";

fn secrets() -> Vec<Secret> {
    vec![Secret::new(OLD), Secret::new(NEW)]
}

/// Settings of a vendor that need no map.
fn plain_settings(vendor: &str) -> VendorSettings {
    let secrets = json!([{"env": "OLD"}, {"env": "NEW"}]);
    let value = match vendor {
        "genetec" => json!({"vendor": vendor}),
        "generic" => json!({
            "vendor": vendor,
            "secrets": secrets,
            "authentication": {"by": "hmac", "header": "X-Code"},
            "time": {"pointer": "/at"},
            "kind": {"pointer": "/what", "values": {"in": "granted", "no": "denied"}},
            "reader": "/reader",
            "id": "/id",
        }),
        _ => json!({"vendor": vendor, "secrets": secrets}),
    };
    serde_json::from_value(value).unwrap()
}

fn with(settings: Value) -> Arc<dyn Adapter> {
    adapter(&serde_json::from_value(settings).unwrap(), secrets()).unwrap()
}

fn plain(vendor: &str) -> Arc<dyn Adapter> {
    adapter(&plain_settings(vendor), secrets()).unwrap()
}

fn code_sha256(key: &str, parts: &[&[u8]]) -> Vec<u8> {
    let mut code = Hmac::<Sha256>::new_from_slice(key.as_bytes()).unwrap();
    parts.iter().for_each(|part| code.update(part));
    code.finalize().as_bytes().to_vec()
}

fn code_sha1(key: &str, body: &[u8]) -> Vec<u8> {
    let mut code = Hmac::<Sha1>::new_from_slice(key.as_bytes()).unwrap();
    code.update(body);
    code.finalize().as_bytes().to_vec()
}

/// A delivery as the vendor sends it with a key, at the moment it arrives.
fn signed(vendor: &str, key: &str, body: &[u8]) -> Delivery {
    let time = RECEIVED_S.to_string();
    let hex256 = |parts: &[&[u8]]| hex::encode(code_sha256(key, parts));
    let (target, header) = match vendor {
        "openpath" => (format!("/in/openpath/{key}"), None),
        "kisi" => (
            "/in/kisi".to_owned(),
            Some(("X-Signature", format!("sha256={}", hex256(&[body])))),
        ),
        "camio" => (
            "/pacs/webhooks".to_owned(),
            Some(("Authorization", format!("Bearer {key}"))),
        ),
        "verkada" => (
            "/in/verkada".to_owned(),
            Some((
                "Verkada-Signature",
                format!("{time}|{}", hex256(&[body, b"|", time.as_bytes()])),
            )),
        ),
        "unifi" => (
            "/in/unifi".to_owned(),
            Some((
                "Signature",
                format!("t={time},v1={}", hex256(&[time.as_bytes(), b".", body])),
            )),
        ),
        "prodatakey" => (
            "/in/pdk".to_owned(),
            Some(("X-PDK-Signature", hex::encode(code_sha1(key, body)))),
        ),
        "generic" => ("/in/other".to_owned(), Some(("X-Code", hex256(&[body])))),
        _ => ("stream".to_owned(), None),
    };
    delivery(&target, header, body)
}

fn delivery(target: &str, header: Option<(&str, String)>, body: &[u8]) -> Delivery {
    Delivery {
        source: Arc::from("test"),
        received: Instant::from_us(RECEIVED_S * 1_000_000),
        target: target.to_owned(),
        headers: Headers::new(header),
        body: body.to_vec(),
    }
}

fn read(vendor: &str, body: &str) -> Result<Reading, Unreadable> {
    plain(vendor).read(&signed(vendor, OLD, body.as_bytes()))
}

/// What was read, in a line each.
fn told(read: &Result<Reading, Unreadable>) -> String {
    let reading = match read {
        Ok(reading) => reading,
        Err(unreadable) => return format!("unreadable: {unreadable}\n"),
    };
    let mut lines = String::new();
    for reported in &reading.events {
        let event = &reported.event;
        let at = jiff::Timestamp::from_microsecond(event.occurred.lo.as_us()).unwrap();
        let or = |text: &Option<String>| text.clone().unwrap_or_else(|| "-".to_owned());
        let person = reported.person.as_ref();
        lines += &format!(
            "{:?} ({}) {at} + {} id={} reader={} ({}) door={} way={:?} holder={} name={} mail={}\n",
            event.kind,
            reported.vendor_kind,
            event.occurred.width(),
            event.id,
            or(&event.reader),
            or(&reported.reader_name),
            or(&reported.door),
            event.direction,
            or(&event.holder),
            or(&person.and_then(|person| person.name.clone())),
            or(&person.and_then(|person| person.email.clone())),
        );
    }
    for notice in &reading.notices {
        lines += &match notice {
            Notice::Unread(unreadable) => format!("unread: {unreadable}\n"),
            other => format!("{other:?}\n"),
        };
    }
    if lines.is_empty() {
        lines += "nothing\n";
    }
    lines
}

fn payloads() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("testdata/payloads")
}

/// The payloads of a vendor, by name, in order.
fn payloads_of(vendor: &str) -> Vec<(String, Vec<u8>)> {
    let mut found: Vec<_> = fs::read_dir(payloads().join(vendor))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| {
            !matches!(
                path.extension().and_then(|e| e.to_str()),
                Some("snap" | "toml")
            )
        })
        .map(|path| {
            let name = path.file_name().unwrap().to_str().unwrap().to_owned();
            (name, fs::read(path).unwrap())
        })
        .collect();
    found.sort();
    found
}
