//! ProdataKey: webhooks of a subscription.
//!
//! Certain: the names `device.request.allowed`, `.denied` and `.unknown`, that a subscription may have
//! a secret, and basic authentication as an alternative. Seen in several receivers: the secret signs
//! the raw body with HMAC-SHA1, in hexadecimal digits, under `X-PDK-Signature`; the names of the
//! other events. Uncertain: where a body keeps its name and its fields, two shapes are seen (`topic`
//! beside `metadata`, `type` beside `data`), so both are read; whether any of them identifies the
//! event, so the id is a hash unless one is there.

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::Value;

use super::credentials::basic;
use super::fields::{at, each, event, first_id, first_name, json, person, reported, rows};
use crate::access::AccessKind;
use crate::intake::canonical::Key;
use crate::intake::signature::{Hash, Keys, Tokens, from_hex};
use crate::intake::{
    Adapter, Delivery, Personal, Reading, Refusal, Reported, Secret, SecretRef, Unreadable, stamp,
};

/// The header with the code, in both spellings that are seen.
const SIGNATURES: [&str; 2] = ["x-pdk-signature", "x_pdk_signature"];

/// ProdataKey.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ProdatakeySettings {
    /// Secrets of the subscription, or `user:password` with `check = "basic"`.
    pub secrets: Vec<SecretRef>,
    /// How a genuine delivery is told.
    #[serde(default)]
    pub check: ProdatakeyCheck,
}

/// How a genuine delivery is told.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ProdatakeyCheck {
    /// By the subscription's secret, which signs each body.
    #[default]
    Signature,
    /// By user and password.
    Basic,
}

/// The adapter.
#[derive(Debug)]
pub(super) struct Prodatakey {
    check: Check,
}

#[derive(Debug)]
enum Check {
    Signature(Keys),
    Basic(Tokens),
}

impl Prodatakey {
    /// With the secrets that are valid now.
    pub(super) fn new(
        settings: &ProdatakeySettings,
        secrets: &[Secret],
    ) -> Result<Self, Vec<String>> {
        let check = match settings.check {
            ProdatakeyCheck::Signature => {
                super::check_secrets(secrets, "subscription secret", super::LEAST_SECRET)?;
                Check::Signature(Keys::new(Hash::Sha1, secrets))
            }
            ProdatakeyCheck::Basic => {
                super::check_secrets(secrets, "user:password", super::LEAST_SECRET)?;
                Check::Basic(Tokens::new(secrets))
            }
        };
        Ok(Self { check })
    }
}

impl Adapter for Prodatakey {
    fn vendor(&self) -> &'static str {
        "prodatakey"
    }

    fn authenticate(&self, delivery: &Delivery) -> Result<(), Refusal> {
        match &self.check {
            Check::Basic(tokens) => tokens.verify(&basic(delivery)?),
            Check::Signature(keys) => {
                let header = SIGNATURES
                    .iter()
                    .find_map(|name| delivery.headers.get(name));
                let text = std::str::from_utf8(header.ok_or(Refusal::Missing)?)
                    .map_err(|_| Refusal::Malformed)?
                    .trim();
                let code = from_hex(text.strip_prefix("sha1=").unwrap_or(text))?;
                keys.verify(&[&delivery.body], &code)
            }
        }
    }

    fn read(&self, delivery: &Delivery) -> Result<Reading, Unreadable> {
        let root = json(&delivery.body)?;
        each(&rows(&root, &[""]), |row, reading| {
            read_row(delivery, row, reading)
        })
    }

    fn personal(&self) -> Personal {
        Personal::hiding([
            "holderName",
            "holder/name",
            "holder/firstName",
            "holder/lastName",
            "holder/email",
        ])
    }
}

fn read_row(delivery: &Delivery, row: &Value, reading: &mut Reading) -> Result<(), Unreadable> {
    let kind = first_name(row, &["/topic", "/type", "/event"])
        .ok_or_else(|| Unreadable::at("/topic", "names no topic"))?;
    let nothing = Value::Null;
    let data = ["/metadata", "/data", "/details"]
        .iter()
        .find_map(|pointer| at(row, pointer))
        .unwrap_or(&nothing);
    let stamp = at(data, "/occurred")
        .or_else(|| at(row, "/occurred"))
        .unwrap_or(&nothing);
    let occurred =
        stamp::read(stamp, None).map_err(|what| Unreadable::at("/metadata/occurred", what))?;
    let key = first_id(data, &["/eventId"])
        .or_else(|| first_id(row, &["/eventId"]))
        .unwrap_or_else(|| {
            Key::new("prodatakey 1")
                .field("topic", Some(&kind))
                .field("occurred", Some(&occurred.lo.as_us().to_string()))
                .field("node", first_id(row, &["/cloudNodeId"]).as_deref())
                .json("metadata", data)
                .finish()
        });
    let reader = first_id(data, &["/deviceId", "/device/id"]);
    let mut event = event(delivery, key, access_kind(&kind), reader, occurred);
    event.holder = first_id(data, &["/holderId", "/holder/id"]);
    reading.events.push(Reported {
        reader_name: first_name(data, &["/deviceName", "/device/name"]),
        person: person(first_name(data, &["/holderName", "/holder/name"]), None),
        ..reported(event, &kind)
    });
    Ok(())
}

fn access_kind(kind: &str) -> AccessKind {
    match kind {
        "device.request.allowed" => AccessKind::Granted,
        "device.request.denied" | "device.request.unknown" => AccessKind::Denied,
        "device.alarm.forced" => AccessKind::ForcedOpen,
        "device.alarm.propped.on" => AccessKind::HeldOpen,
        "device.input.dps.opened" => AccessKind::Opened,
        "device.input.dps.closed" => AccessKind::Closed,
        "device.input.rex.on" => AccessKind::RequestToExit,
        // `device.autoopen.*` and `device.forceopen.*` may mean free passage; nothing certain says so.
        _ => AccessKind::Other,
    }
}
