//! MQTT: publishes alerts and states of doors, and tells Home Assistant what there is.
//!
//! Theory of operation: one task keeps a connection; an alert is delivered when the broker has
//! acknowledged every message of it (QoS 1). Each connection is a clean one with a client of its own:
//! what was not acknowledged when it ended is still owed by the outbox, so nothing waits here. On
//! connecting, and when Home Assistant says that it started, doors are announced anew; a last will says
//! that we are gone.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use rumqttc::{
    AsyncClient, ConnectReturnCode, ConnectionError, Event, EventLoop, LastWill, MqttOptions,
    Outgoing as Sent, Packet, QoS, TlsConfiguration, Transport,
};
use tokio::sync::{mpsc, oneshot, watch};
use tokio_util::sync::CancellationToken;

use super::alert::AlertDoor;
use super::home_assistant::{Message, Topics};
use super::sink::{Outcome, Outgoing, Sink};
use crate::wire::{Boxed, Identity, Secret, Trust, advice, client_config_for};

/// How often the broker is told that we live.
const KEEP_ALIVE: Duration = Duration::from_secs(15);

/// How long a broker may take to acknowledge.
const ANSWER_WITHIN: Duration = Duration::from_secs(10);

/// Waits between connections: short at first, since the outbox has its own schedule on top.
const RECONNECT: [Duration; 4] = [
    Duration::from_millis(500),
    Duration::from_secs(2),
    Duration::from_secs(10),
    Duration::from_secs(30),
];

/// Messages that wait for the connection.
const WAITING: usize = 4_096;

/// The longest message, bytes.
const MOST_MESSAGE: usize = 1 << 20;

/// An account at a broker.
#[derive(Debug, Clone)]
pub struct MqttAccount {
    /// The sink's name.
    pub name: Arc<str>,
    /// The broker's host name.
    pub host: String,
    /// Its port: 1883, with TLS 8883.
    pub port: u16,
    /// TLS, and whose certificates are believed.
    pub tls: Option<Trust>,
    /// The certificate that we show, with TLS.
    pub identity: Option<Identity>,
    /// The session's name: nobody else's at this broker.
    pub client_id: String,
    /// User and password.
    pub login: Option<(String, Secret)>,
    /// What every topic of ours begins with.
    pub prefix: String,
    /// What Home Assistant's discovery begins with; `None`: nothing is announced.
    pub discovery: Option<String>,
    /// The site.
    pub site: String,
    /// The doors that are announced. Without any, nothing is announced, not even that we are there:
    /// for a trial beside the process that does.
    pub doors: Vec<AlertDoor>,
}

/// The sink.
pub struct MqttSink {
    account: MqttAccount,
    topics: Topics,
    tls: Option<Arc<rustls::ClientConfig>>,
    ask: mpsc::Sender<Request>,
    asked: tokio::sync::Mutex<mpsc::Receiver<Request>>,
    /// Why there is no connection; `None` while there is one.
    broken: watch::Sender<Option<Arc<str>>>,
}

/// Messages to publish, and who wants to know when the broker has them.
struct Request {
    messages: Vec<Message>,
    done: oneshot::Sender<()>,
}

/// What is on its way over one connection.
#[derive(Default)]
struct Flight {
    /// Requests by number: how many of their messages are not acknowledged, and who waits.
    open: BTreeMap<u64, (usize, oneshot::Sender<()>)>,
    next: u64,
    /// Messages handed to the client and not yet sent: the request each belongs to.
    queued: VecDeque<Option<u64>>,
    /// Sent messages by packet id.
    sent: BTreeMap<u16, u64>,
}

impl MqttSink {
    /// A sink for an account. `Err`: what is wrong with the settings.
    pub fn new(account: MqttAccount) -> Result<Self, Vec<String>> {
        let mut problems = Vec::new();
        let mut need = |good: bool, what: &str| {
            if !good {
                problems.push(what.to_owned());
            }
        };
        need(
            !account.host.is_empty(),
            "host: the broker's host name is missing",
        );
        need(
            !account.client_id.is_empty(),
            "client_id: a session needs a name",
        );
        let is_topic = |text: &str| !text.is_empty() && rumqttc::valid_topic(text);
        need(
            is_topic(&account.prefix),
            "prefix: it is the beginning of topics: no + and #, and not empty",
        );
        need(
            account.discovery.as_deref().is_none_or(is_topic),
            "discovery: it is the beginning of topics: no + and #, and not empty",
        );
        need(
            account.tls.is_some() || account.identity.is_none(),
            "certificate: it is shown with TLS only; set `tls = true`",
        );
        let tls = match &account.tls {
            None => None,
            Some(trust) => match client_config_for(trust, account.identity.as_ref()) {
                Ok(config) => Some(Arc::new(config)),
                Err(problem) => {
                    problems.push(format!("tls: {problem}"));
                    None
                }
            },
        };
        if !problems.is_empty() {
            return Err(problems);
        }
        let (ask, asked) = mpsc::channel(WAITING);
        let topics = Topics {
            prefix: account.prefix.trim_end_matches('/').to_owned(),
            discovery: account.discovery.clone(),
            site: account.site.clone(),
        };
        Ok(Self {
            account,
            topics,
            tls,
            ask,
            asked: tokio::sync::Mutex::new(asked),
            broken: watch::Sender::new(Some("it is not connected yet".into())),
        })
    }

    fn announces(&self) -> bool {
        !self.account.doors.is_empty()
    }

    fn options(&self) -> MqttOptions {
        let account = &self.account;
        // A broker knows one session by each name: a trial must not end that of the box.
        let client_id = match self.announces() {
            true => account.client_id.clone(),
            false => format!("{}-trial", account.client_id),
        };
        let mut options = MqttOptions::new(client_id, &account.host, account.port);
        options.set_clean_session(true);
        options.set_keep_alive(KEEP_ALIVE);
        options.set_max_packet_size(MOST_MESSAGE, MOST_MESSAGE);
        if self.announces() {
            let will = self.topics.availability();
            options.set_last_will(LastWill::new(will, "offline", QoS::AtLeastOnce, true));
        }
        if let Some((user, password)) = &account.login {
            options.set_credentials(user, String::from_utf8_lossy(password.expose()));
        }
        if let Some(tls) = &self.tls {
            let tls = TlsConfiguration::Rustls(Arc::clone(tls));
            options.set_transport(Transport::tls_with_config(tls));
        }
        options
    }

    /// Keeps a connection until it is stopped.
    async fn keep(&self, stop: &CancellationToken) {
        let mut asked = self.asked.lock().await;
        let mut failures = 0;
        while !stop.is_cancelled() {
            let (client, mut events) = AsyncClient::new(self.options(), WAITING);
            let mut flight = Flight::default();
            let why = tokio::select! {
                why = self.converse(&client, &mut events, &mut flight, &mut asked) => why,
                () = stop.cancelled() => {
                    self.part(&client, &mut events).await;
                    return;
                }
            };
            let was_up = self.broken.borrow().is_none();
            failures = if was_up { 0 } else { failures };
            tracing::warn!("{}: {why}", self.account.name);
            self.broken.send_replace(Some(why.into()));
            // Whoever waits for an acknowledgement learns by the drop of its flight that none comes.
            drop(flight);
            while asked.try_recv().is_ok() {}
            let wait = RECONNECT[failures.min(RECONNECT.len() - 1)];
            failures += 1;
            tokio::select! {
                () = tokio::time::sleep(wait) => {}
                () = stop.cancelled() => {}
            }
        }
    }

    /// One connection, from its opening to its end; why it ended.
    async fn converse(
        &self,
        client: &AsyncClient,
        events: &mut EventLoop,
        flight: &mut Flight,
        asked: &mut mpsc::Receiver<Request>,
    ) -> String {
        let mut is_up = false;
        loop {
            tokio::select! {
                event = events.poll() => match event {
                    Ok(Event::Outgoing(Sent::Publish(id))) => flight.left(id),
                    Ok(Event::Incoming(Packet::PubAck(ack))) => flight.acknowledged(ack.pkid),
                    Ok(Event::Incoming(Packet::ConnAck(_))) => {
                        is_up = true;
                        if let Some(birth) = self.topics.birth()
                            && client.try_subscribe(birth, QoS::AtMostOnce).is_err()
                        {
                            return "the client's queue is full".to_owned();
                        }
                        if !self.announce(client, flight) {
                            return "too many doors to announce".to_owned();
                        }
                        self.broken.send_replace(None);
                    }
                    Ok(Event::Incoming(Packet::Publish(message))) => {
                        // Home Assistant was started: it may have forgotten us.
                        if message.payload.as_ref() == b"online" {
                            self.announce(client, flight);
                        }
                    }
                    Ok(Event::Incoming(Packet::Disconnect)) => {
                        return "the broker ended the connection".to_owned();
                    }
                    Ok(_) => {}
                    Err(error) => return self.explained(&error),
                },
                Some(request) = asked.recv(), if is_up => {
                    let number = flight.next;
                    flight.next += 1;
                    flight.open.insert(number, (request.messages.len(), request.done));
                    for message in request.messages {
                        if !publish(client, message) {
                            return "more alerts than the connection takes".to_owned();
                        }
                        flight.queued.push_back(Some(number));
                    }
                }
            }
        }
    }

    /// Says that we are there, and what doors there are.
    fn announce(&self, client: &AsyncClient, flight: &mut Flight) -> bool {
        if !self.announces() {
            return true;
        }
        let online = Message {
            topic: self.topics.availability(),
            retain: true,
            payload: b"online".to_vec(),
        };
        let doors = self.topics.announcements(&self.account.doors);
        for message in doors.into_iter().chain([online]) {
            if !publish(client, message) {
                return false;
            }
            flight.queued.push_back(None);
        }
        true
    }

    /// Says good-bye: the last will is for those who cannot.
    async fn part(&self, client: &AsyncClient, events: &mut EventLoop) {
        if self.broken.borrow().is_some() || !self.announces() {
            return;
        }
        let topic = self.topics.availability();
        let told = client.try_publish(topic, QoS::AtLeastOnce, true, "offline");
        if told.is_err() || client.try_disconnect().is_err() {
            return;
        }
        let leave = async {
            while let Ok(event) = events.poll().await {
                if event == Event::Outgoing(Sent::Disconnect) {
                    return;
                }
            }
        };
        let _ = tokio::time::timeout(Duration::from_secs(1), leave).await;
    }

    fn explained(&self, error: &ConnectionError) -> String {
        let host = &self.account.host;
        match error {
            ConnectionError::ConnectionRefused(
                code @ (ConnectReturnCode::BadUserNamePassword | ConnectReturnCode::NotAuthorized),
            ) => format!(
                "the broker at {host} refuses the log-in ({code:?}): check user and password, and \
                 that this user may write the topics"
            ),
            ConnectionError::ConnectionRefused(code) => {
                format!("the broker at {host} refuses the connection: {code:?}")
            }
            other => {
                let words = other.to_string();
                let advice = advice(&words);
                format!("no contact with the broker at {host}{advice} ({words})")
            }
        }
    }

    /// Waits for what the attempt at hand comes to, so that an alert right after the start is not late.
    async fn connected(&self) -> Result<(), String> {
        let mut broken = self.broken.subscribe();
        if broken.borrow().is_none() {
            return Ok(());
        }
        let _ = tokio::time::timeout(ANSWER_WITHIN, broken.changed()).await;
        let is_up = broken.borrow().is_none();
        if is_up {
            Ok(())
        } else {
            Err(self.why_broken())
        }
    }

    fn why_broken(&self) -> String {
        let why = self.broken.borrow().clone();
        why.map_or_else(
            || "the connection to the broker ended".to_owned(),
            |why| why.to_string(),
        )
    }

    async fn publish(&self, notice: &Outgoing) -> Outcome {
        let hold = |why| Outcome::Hold { why, after: None };
        if let Err(why) = self.connected().await {
            return hold(why);
        }
        let messages = self
            .topics
            .messages(&notice.door, &notice.body, notice.at, notice.now);
        let (done, told) = oneshot::channel();
        let request = Request { messages, done };
        if self.ask.send(request).await.is_err() {
            return hold("it is not running".to_owned());
        }
        match tokio::time::timeout(ANSWER_WITHIN, told).await {
            Ok(Ok(())) => Outcome::Delivered,
            Ok(Err(_)) => hold(self.why_broken()),
            Err(_) => hold(format!(
                "the broker at {} did not acknowledge within {} s",
                self.account.host,
                ANSWER_WITHIN.as_secs()
            )),
        }
    }
}

impl Sink for MqttSink {
    fn name(&self) -> &Arc<str> {
        &self.account.name
    }

    fn target(&self) -> String {
        let MqttAccount {
            host, port, tls, ..
        } = &self.account;
        let scheme = tls.as_ref().map_or("mqtt", |_| "mqtts");
        format!("{scheme}://{host}:{port}/{}", self.topics.prefix)
    }

    fn deliver<'a>(&'a self, notice: &'a Outgoing) -> Boxed<'a, Outcome> {
        Box::pin(self.publish(notice))
    }

    fn serve<'a>(&'a self, stop: &'a CancellationToken) -> Boxed<'a, ()> {
        Box::pin(self.keep(stop))
    }

    fn back(&self) -> Boxed<'_, ()> {
        let mut broken = self.broken.subscribe();
        Box::pin(async move {
            // A connection that is there already is no news.
            while broken.changed().await.is_ok() {
                if broken.borrow().is_none() {
                    return;
                }
            }
            std::future::pending().await
        })
    }
}

impl Flight {
    /// The client has sent the message that came first, under this id.
    fn left(&mut self, id: u16) {
        if let Some(Some(request)) = self.queued.pop_front() {
            self.sent.insert(id, request);
        }
    }

    /// The broker has it.
    fn acknowledged(&mut self, id: u16) {
        let Some(request) = self.sent.remove(&id) else {
            return;
        };
        let Some((left, _)) = self.open.get_mut(&request) else {
            return;
        };
        *left -= 1;
        if *left == 0
            && let Some((_, done)) = self.open.remove(&request)
        {
            // Who waited too long tries again.
            let _ = done.send(());
        }
    }
}

fn publish(client: &AsyncClient, message: Message) -> bool {
    let Message {
        topic,
        retain,
        payload,
    } = message;
    let sent = client.try_publish(topic, QoS::AtLeastOnce, retain, payload);
    sent.is_ok()
}
