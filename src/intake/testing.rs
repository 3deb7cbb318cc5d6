//! A vendor for tests: one event a line, `id kind reader`, with a token in a header.

use super::{Adapter, Answer, Delivery, Notice, Reading, Refusal, Reported, Unreadable};
use crate::access::{AccessEvent, AccessKind};
use crate::units::Interval;

/// The adapter. Its token is `good`.
#[derive(Debug, Default)]
pub(crate) struct Plain;

/// The token it believes.
pub(crate) const TOKEN: &str = "good";

impl Adapter for Plain {
    fn vendor(&self) -> &'static str {
        "plain"
    }

    fn handshake(&self, delivery: &Delivery) -> Option<Answer> {
        let challenge = delivery.headers.text("x-challenge")?;
        Some(Answer {
            status: 200,
            headers: vec![("X-Challenge".into(), challenge.into())],
            body: challenge.as_bytes().to_vec(),
        })
    }

    fn authenticate(&self, delivery: &Delivery) -> Result<(), Refusal> {
        match delivery.headers.text("x-token") {
            Some(TOKEN) => Ok(()),
            Some(_) => Err(Refusal::Wrong),
            None => Err(Refusal::Missing),
        }
    }

    fn read(&self, delivery: &Delivery) -> Result<Reading, Unreadable> {
        let unreadable = |what: &str| Unreadable {
            what: what.into(),
            pointer: None,
        };
        let text = std::str::from_utf8(&delivery.body).map_err(|_| unreadable("no text"))?;
        let mut reading = Reading::default();
        for line in text.lines() {
            let words: Vec<&str> = line.split_whitespace().collect();
            match words[..] {
                [] => reading.notices.push(Notice::KeepAlive),
                [id, kind, reader] => reading.events.push(Reported {
                    event: AccessEvent {
                        id: id.into(),
                        door: None,
                        reader: Some(reader.into()),
                        direction: None,
                        kind: match kind {
                            "granted" => AccessKind::Granted,
                            "denied" => AccessKind::Denied,
                            _ => AccessKind::Other,
                        },
                        occurred: Interval::exact(delivery.received),
                        received: delivery.received,
                        holder: None,
                        passages: None,
                    },
                    vendor_kind: kind.into(),
                    reader_name: None,
                    door: None,
                    person: None,
                }),
                _ => return Err(unreadable("a line has not three words")),
            }
        }
        Ok(reading)
    }
}
