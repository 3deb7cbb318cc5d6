//! Verkada Access: webhooks.
//!
//! Certain: the envelope and the fields of `data`, whole seconds since 1970, `event_id`, and
//! `direction` as `Inbound` or `Outbound`. Seen in several receivers: `Verkada-Signature:
//! TIME|CODE`, an HMAC-SHA256 of the raw body, a bar and the time, in hexadecimal digits; a refused
//! delivery is sent once more and then given up. Seen in some: the names of the events.
//!
//! Unknown: whether one passage makes both `door_granted` and the event of its credential. So only the
//! latter count, and the settings can say otherwise.

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::Value;

use super::fields::{at, each, event, first_name, id, json, name, person, reported, rows};
use crate::access::AccessKind;
use crate::crossing::Direction;
use crate::intake::canonical::Key;
use crate::intake::signature::{Hash, Keys, fresh, from_hex};
use crate::intake::{
    Adapter, Delivery, Personal, Reading, Refusal, Reported, Secret, SecretRef, Unreadable, stamp,
};

/// The header with time and code.
const SIGNATURE: &str = "verkada-signature";

/// What counts as a grant unless the settings say otherwise.
const GRANTS: [&str; 7] = [
    "door_keycard_entered_accepted",
    "door_code_entered_accepted",
    "door_mobile_nfc_scan_accepted",
    "door_ble_unlock_attempt_accepted",
    "door_face_presented_accepted",
    "door_lp_presented_accepted",
    "door_remote_unlock_accepted",
];

/// Verkada Access.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct VerkadaSettings {
    /// Shared secrets of the webhook: several while one replaces another.
    pub secrets: Vec<SecretRef>,
    /// The `notification_type`s that grant one passage each. No two of them may be about the same
    /// passage.
    #[serde(default = "grants")]
    pub grants: Vec<String>,
}

fn grants() -> Vec<String> {
    GRANTS.map(str::to_owned).to_vec()
}

/// The adapter.
#[derive(Debug)]
pub(super) struct Verkada {
    keys: Keys,
    grants: Vec<String>,
}

impl Verkada {
    /// With the secrets that are valid now.
    pub(super) fn new(settings: &VerkadaSettings, secrets: &[Secret]) -> Result<Self, Vec<String>> {
        super::check_secrets(secrets, "shared secret", super::LEAST_SECRET)?;
        Ok(Self {
            keys: Keys::new(Hash::Sha256, secrets),
            grants: settings.grants.clone(),
        })
    }
}

impl Adapter for Verkada {
    fn vendor(&self) -> &'static str {
        "verkada"
    }

    fn authenticate(&self, delivery: &Delivery) -> Result<(), Refusal> {
        let header = delivery.headers.get(SIGNATURE).ok_or(Refusal::Missing)?;
        let text = std::str::from_utf8(header).map_err(|_| Refusal::Malformed)?;
        let (time, code) = text.trim().split_once('|').ok_or(Refusal::Malformed)?;
        let signed: i64 = time.parse().map_err(|_| Refusal::Malformed)?;
        let code = from_hex(code)?;
        self.keys
            .verify(&[&delivery.body, b"|", time.as_bytes()], &code)?;
        fresh(signed, delivery.received)
    }

    fn read(&self, delivery: &Delivery) -> Result<Reading, Unreadable> {
        let root = json(&delivery.body)?;
        each(&rows(&root, &[""]), |row, reading| {
            self.read_row(delivery, row, reading)
        })
    }

    fn personal(&self) -> Personal {
        Personal::hiding([
            "user_info/name",
            "user_info/full_name",
            "user_info/first_name",
            "user_info/last_name",
            "user_info/email",
            "user_info/phone",
            "user_name",
        ])
    }
}

impl Verkada {
    fn read_row(
        &self,
        delivery: &Delivery,
        row: &Value,
        reading: &mut Reading,
    ) -> Result<(), Unreadable> {
        let nothing = Value::Null;
        let data = at(row, "/data").unwrap_or(&nothing);
        let kind = name(at(data, "/notification_type")).ok_or_else(|| {
            Unreadable::at("/data/notification_type", "names no notification type")
        })?;
        // Never the envelope's `created_at`: that is when it was sent.
        let stamp = at(data, "/created").unwrap_or(&nothing);
        let occurred =
            stamp::read(stamp, None).map_err(|what| Unreadable::at("/data/created", what))?;
        let key = id(at(data, "/event_id"))
            .unwrap_or_else(|| Key::new("verkada 1").json("data", data).finish());
        // Doors are what a site maps; events of devices that belong to none name only themselves.
        let reader = id(at(data, "/door_id")).or_else(|| id(at(data, "/device_id")));
        let mut event = event(delivery, key, self.access_kind(&kind), reader, occurred);
        event.direction = direction(data);
        event.holder = id(at(data, "/user_info/user_id")).or_else(|| id(at(data, "/user_id")));
        reading.events.push(Reported {
            reader_name: name(at(data, "/door_info/name")),
            person: person(
                first_name(
                    data,
                    &["/user_info/name", "/user_info/full_name", "/user_name"],
                ),
                name(at(data, "/user_info/email")),
            ),
            ..reported(event, &kind)
        });
        Ok(())
    }

    fn access_kind(&self, kind: &str) -> AccessKind {
        if self.grants.iter().any(|grant| grant == kind) {
            return AccessKind::Granted;
        }
        match kind {
            "door_opened" => AccessKind::Opened,
            "door_closed" => AccessKind::Closed,
            "door_forced_open" => AccessKind::ForcedOpen,
            "door_held_open" => AccessKind::HeldOpen,
            "door_press_to_exit_accepted" => AccessKind::RequestToExit,
            "door_rejected"
            | "door_keycard_entered_rejected"
            | "door_code_entered_rejected"
            | "door_mobile_nfc_scan_rejected"
            | "door_ble_unlock_attempt_rejected"
            | "door_face_presented_rejected"
            | "door_lp_presented_rejected"
            | "door_remote_unlock_rejected" => AccessKind::Denied,
            _ => AccessKind::Other,
        }
    }
}

fn direction(data: &Value) -> Option<Direction> {
    let way = name(at(data, "/direction"))?;
    if way.eq_ignore_ascii_case("inbound") {
        Some(Direction::In)
    } else if way.eq_ignore_ascii_case("outbound") {
        Some(Direction::Out)
    } else {
        None
    }
}
