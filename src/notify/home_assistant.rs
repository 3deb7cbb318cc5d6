//! What Home Assistant is told of: a device a door, with a motion-like switch and the last verdict.
//!
//! Source: Home Assistant's MQTT discovery, `<prefix>/<component>/<object>/config`, retained. Pure.

use serde_json::{Value, json};

use super::alert::{Alert, AlertDoor};
use super::notice::id_word;
use crate::units::{Instant, Span};

/// For how long the switch stays on after a breach: long enough for an automation, short enough that
/// the next breach is one of its own.
const ON_FOR: Span = Span::from_ms(30_000);

/// An alert that comes later than this turns nothing on: what a guard can still act on is over.
const FRESH: Span = Span::from_ms(300_000);

/// A message for a broker.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Message {
    pub topic: String,
    pub retain: bool,
    pub payload: Vec<u8>,
}

/// Where things are published.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Topics {
    /// What every topic of ours begins with, without a slash at its end.
    pub prefix: String,
    /// What Home Assistant's discovery begins with; `None`: nothing is announced.
    pub discovery: Option<String>,
    /// The site.
    pub site: String,
}

impl Topics {
    /// "online" while we are connected, "offline" by our last will.
    pub(super) fn availability(&self) -> String {
        format!("{}/availability", self.prefix)
    }

    /// Where Home Assistant says that it started.
    pub(super) fn birth(&self) -> Option<String> {
        let discovery = self.discovery.as_ref()?;
        Some(format!("{discovery}/status"))
    }

    fn door(&self, door: &str, what: &str) -> String {
        format!("{}/doors/{}/{what}", self.prefix, id_word(door))
    }

    /// What announces the doors.
    pub(super) fn announcements(&self, doors: &[AlertDoor]) -> Vec<Message> {
        let Some(discovery) = &self.discovery else {
            return Vec::new();
        };
        let of_door = |door: &AlertDoor| {
            let device = format!("tailgate_{}_{}", object(&self.site), object(&door.name));
            let message = |component: &str, what: &str, mut config: Value| {
                config["unique_id"] = json!(format!("{device}_{what}"));
                config["object_id"] = config["unique_id"].clone();
                config["availability_topic"] = json!(self.availability());
                config["device"] = json!({
                    "identifiers": [device],
                    "name": door.title,
                    "manufacturer": "tailgate",
                    "model": "door",
                    "sw_version": env!("CARGO_PKG_VERSION"),
                    "suggested_area": self.site,
                });
                config["origin"] = json!({
                    "name": "tailgate",
                    "sw_version": env!("CARGO_PKG_VERSION"),
                });
                Message {
                    topic: format!("{discovery}/{component}/{device}/{what}/config"),
                    retain: true,
                    payload: config.to_string().into_bytes(),
                }
            };
            [
                message("binary_sensor", "tailgating", self.switch(door)),
                message("sensor", "verdict", self.verdict(door)),
            ]
        };
        doors.iter().flat_map(of_door).collect()
    }

    fn switch(&self, door: &AlertDoor) -> Value {
        json!({
            "name": "Tailgating",
            "device_class": "safety",
            "state_topic": self.door(&door.name, "tailgating"),
            "payload_on": "ON",
            "payload_off": "OFF",
            "off_delay": ON_FOR.as_s() as i64,
        })
    }

    fn verdict(&self, door: &AlertDoor) -> Value {
        json!({
            "name": "Last verdict",
            "icon": "mdi:door-sliding-lock",
            "state_topic": self.door(&door.name, "verdict"),
            "value_template": "{{ value_json.kind }}",
            "json_attributes_topic": self.door(&door.name, "verdict"),
        })
    }

    /// What an alert becomes: all of it for whoever listens, the last verdict, and the switch.
    pub(super) fn messages(
        &self,
        door: &str,
        body: &[u8],
        at: Instant,
        now: Instant,
    ) -> Vec<Message> {
        let mut messages = vec![Message {
            topic: self.door(door, "alert"),
            retain: false,
            payload: body.to_vec(),
        }];
        let alert: Option<Alert> = serde_json::from_slice(body).ok();
        let Some(alert) = alert.filter(|alert| alert.sort == "verdict") else {
            return messages;
        };
        let verdict = json!({
            "kind": alert.kind,
            "breach": alert.breach,
            "stage": alert.stage,
            "time": alert.time,
            "line": alert.line,
            "id": alert.id,
            "evidence": alert.evidence,
        });
        messages.push(Message {
            topic: self.door(door, "verdict"),
            retain: true,
            payload: verdict.to_string().into_bytes(),
        });
        // Home Assistant turns it off by itself; a breach that was none turns it off at once.
        let is_fresh = now.since(at) <= FRESH;
        if is_fresh || !alert.breach {
            let payload: &[u8] = if alert.breach { b"ON" } else { b"OFF" };
            messages.push(Message {
                topic: self.door(door, "tailgating"),
                retain: false,
                payload: payload.to_vec(),
            });
        }
        messages
    }
}

/// A word as Home Assistant takes it in ids: letters, digits, `-` and `_`. Others become `_` and what
/// they were, so that two doors never share an id.
fn object(word: &str) -> String {
    id_word(word).replace('%', "_")
}
