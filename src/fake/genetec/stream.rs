//! One event stream: its framing, its KeepAlive and what it subscribes to.

use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex, PoisonError, Weak};

use http_body_util::BodyExt;
use hyper::Response;
use hyper::body::Bytes;
use serde_json::{Value, json};
use tokio::sync::mpsc;

use super::super::Happening;
use super::super::stage::{Stage, Work};
use super::super::wire::{self, Reply, Stream};
use super::same_guid;
use crate::units::{Instant, Span};

/// How often a stream says that it lives.
const KEEP_ALIVE: Span = Span::from_ms(5_000);

/// Items that wait for a slow reader; one that is slower is cut off.
const WAITING: usize = 4096;

const BOUNDARY: &str = "--GENETECBOUNDARY";

/// An open stream.
pub(super) struct Connection {
    pub(super) id: String,
    xml: bool,
    items: mpsc::Sender<Bytes>,
    /// Entity and event type.
    wanted: Mutex<Vec<(String, String)>>,
    /// Nothing is said before this moment, in microseconds.
    silent_until: AtomicI64,
}

impl Connection {
    /// A stream and the reply that carries it.
    pub(super) fn open(id: String, xml: bool, stage: &Arc<Stage>) -> (Arc<Self>, Reply) {
        let (items, stream) = mpsc::channel(WAITING);
        let _ = items.try_send(Bytes::from(format!("ConnectionId:{id}\r\n")));
        let connection = Arc::new(Self {
            id,
            xml,
            items,
            wanted: Mutex::default(),
            silent_until: AtomicI64::new(i64::MIN),
        });
        tokio::spawn(keep_alive(stage.work(), Arc::downgrade(&connection)));
        let reply = Response::new(Stream(stream).boxed());
        let kind = "multipart/mixed; boundary=GENETECBOUNDARY";
        (connection, wire::with_header(reply, "content-type", kind))
    }

    pub(super) fn is_open(&self) -> bool {
        !self.items.is_closed()
    }

    pub(super) fn silence(&self, until: Instant) {
        self.silent_until.store(until.as_us(), Ordering::Relaxed);
    }

    pub(super) fn subscribe(&self, asked: Vec<(String, String)>, wanted: bool) {
        let mut known = self.wanted.lock().unwrap_or_else(PoisonError::into_inner);
        for pair in asked {
            known.retain(|known| !(same_guid(&known.0, &pair.0) && known.1 == pair.1));
            if wanted {
                known.push(pair);
            }
        }
    }

    pub(super) fn subscriptions(&self) -> Vec<Value> {
        let known = self.wanted.lock().unwrap_or_else(PoisonError::into_inner);
        let told = |(entity, kind): &(String, String)| json!({"Entity": entity, "Event": kind});
        known.iter().map(told).collect()
    }

    /// Whether it subscribes to this event of one of these entities.
    pub(super) fn wants(&self, kind: &str, entities: &[&str], at_reader: bool) -> bool {
        let known = self.wanted.lock().unwrap_or_else(PoisonError::into_inner);
        known.iter().any(|(entity, wanted)| {
            let by_type = entity == "Door" || (entity == "AccessPoint" && at_reader);
            wanted == kind && (by_type || entities.iter().any(|known| same_guid(known, entity)))
        })
    }

    /// Sends an event, as late and as often as the script says.
    pub(super) fn tell(self: &Arc<Self>, stage: &Arc<Stage>, event: &Value, how: &Happening) {
        let document = json!({"Rsp": {"Status": "Ok", "Result": event}});
        let item = match self.xml {
            true => format!(
                "{BOUNDARY}\r\nContent-type: text/xml\r\n\r\n{}\r\n",
                xml(&document)
            ),
            false => format!("{BOUNDARY}\r\nContent-type: text/json\r\n\r\n{document}\r\n"),
        };
        let (late, copies) = (how.late, how.copies);
        let (connection, item) = (Arc::clone(self), Bytes::from(item));
        if late == Span::ZERO {
            (0..copies).for_each(|_| connection.say(stage, item.clone()));
            return;
        }
        let work = stage.work();
        tokio::spawn(async move {
            let at = work.stage().now() + late;
            let work = work.until(at).await;
            (0..copies).for_each(|_| connection.say(work.stage(), item.clone()));
        });
    }

    fn say(&self, stage: &Arc<Stage>, item: Bytes) {
        if stage.now().as_us() >= self.silent_until.load(Ordering::Relaxed) {
            let _ = self.items.try_send(item);
        }
    }
}

async fn keep_alive(mut work: Work, connection: Weak<Connection>) {
    let item = format!("{BOUNDARY}\r\nContent-type: text/plain\r\n\r\nKeepAlive\r\n");
    loop {
        let at = work.stage().now() + KEEP_ALIVE;
        work = work.until(at).await;
        let Some(connection) = connection.upgrade().filter(|known| known.is_open()) else {
            return;
        };
        connection.say(work.stage(), Bytes::from(item.clone()));
    }
}

/// A reply in XML: objects become elements, lists repeat an `Item`, and events stand over several
/// lines.
pub(super) fn xml(document: &Value) -> String {
    let mut text = String::from("<WebSdk>\r\n");
    write(&mut text, document, 1);
    text.push_str("</WebSdk>");
    text
}

fn write(text: &mut String, value: &Value, depth: usize) {
    match value {
        Value::Object(fields) => {
            for (name, value) in fields {
                element(text, name, value, depth);
            }
        }
        Value::Array(items) => {
            for item in items {
                element(text, "Item", item, depth);
            }
        }
        _ => {}
    }
}

fn element(text: &mut String, name: &str, value: &Value, depth: usize) {
    let indent = "  ".repeat(depth);
    match value {
        Value::Object(_) | Value::Array(_) => {
            text.push_str(&format!("{indent}<{name}>\r\n"));
            write(text, value, depth + 1);
            text.push_str(&format!("{indent}</{name}>\r\n"));
        }
        Value::Null => text.push_str(&format!("{indent}<{name}/>\r\n")),
        Value::String(content) => {
            let content = content.replace('&', "&amp;").replace('<', "&lt;");
            text.push_str(&format!("{indent}<{name}>{content}</{name}>\r\n"));
        }
        other => text.push_str(&format!("{indent}<{name}>{other}</{name}>\r\n")),
    }
}
