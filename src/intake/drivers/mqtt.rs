//! MQTT: takes messages from a broker and acknowledges each one when it is on disk.
//!
//! Theory of operation: QoS 1 and a persistent session, so that the broker keeps what comes while
//! nobody listens; acknowledgements by hand, after the sink has stored the message. A message that
//! was stored and not acknowledged comes again and is known by its id. The topic is the delivery's
//! target.
//!
//! A broker keeps no log that could be read again: what it dropped (its queue is bounded, its disk
//! can break) nobody can fetch. So a time without contact is a gap that only a person can close,
//! unless the session was still there: then the broker has handed over what it kept.

use std::sync::Arc;
use std::time::Duration;

use rumqttc::{AsyncClient, Event, MqttOptions, Packet, Publish, QoS, SubscribeFilter};
use rumqttc::{TlsConfiguration, Transport};
use tokio_util::sync::CancellationToken;

use super::http::Trouble;
use super::{Context, Ended, Failure};
use crate::intake::{Headers, Secret};
use crate::units::Instant;
use crate::wire::{Identity, Trust, advice, client_config_for};

/// A longer message is not an event.
const MOST_MESSAGE: usize = 1 << 20;

/// How often the broker is told that we live.
const KEEP_ALIVE: Duration = Duration::from_secs(15);

/// Requests that wait for the connection: subscriptions and acknowledgements.
const WAITING: usize = 128;

/// An account at a broker.
#[derive(Debug, Clone)]
pub struct MqttAccount {
    /// The broker's host name.
    pub host: String,
    /// Its port: 1883, with TLS 8883.
    pub port: u16,
    /// TLS, and whose certificates are believed.
    pub tls: Option<Trust>,
    /// The certificate that we show, with TLS.
    pub identity: Option<Identity>,
    /// The session's name: it must stay the same and be nobody else's.
    pub client_id: String,
    /// User and password.
    pub login: Option<(String, Secret)>,
    /// Topic filters.
    pub topics: Vec<String>,
}

/// The driver.
#[derive(Debug)]
pub struct Mqtt {
    account: MqttAccount,
    tls: Option<Arc<rustls::ClientConfig>>,
}

impl Mqtt {
    /// A driver for an account. `Err`: what is wrong with the settings.
    pub fn new(account: MqttAccount) -> Result<Self, Vec<String>> {
        let mut problems = Vec::new();
        if account.host.is_empty() {
            problems.push("host: the broker's host name is missing".to_owned());
        }
        if account.client_id.is_empty() {
            problems.push("client_id: a session that is to last needs a name".to_owned());
        }
        if account.topics.is_empty() {
            problems.push("topics: none is named, so that nothing would come".to_owned());
        }
        for topic in account
            .topics
            .iter()
            .filter(|topic| !rumqttc::valid_filter(topic))
        {
            problems.push(format!("topics: {topic:?} is no topic filter"));
        }
        if account.tls.is_none() && account.identity.is_some() {
            problems.push("certificate: it is shown with TLS only; set `tls = true`".to_owned());
        }
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
        match problems.is_empty() {
            true => Ok(Self { account, tls }),
            false => Err(problems),
        }
    }

    /// Works until it is stopped or the sink breaks.
    pub async fn run(&self, context: Context, stop: CancellationToken) -> Ended {
        let ended = stop.run_until_cancelled(self.forever(&context)).await;
        ended.unwrap_or(Ended::Stopped)
    }

    fn options(&self) -> MqttOptions {
        let account = &self.account;
        let mut options = MqttOptions::new(&account.client_id, &account.host, account.port);
        options.set_clean_session(false);
        options.set_manual_acks(true);
        options.set_keep_alive(KEEP_ALIVE);
        options.set_max_packet_size(MOST_MESSAGE, MOST_MESSAGE);
        if let Some((user, password)) = &account.login {
            options.set_credentials(user, String::from_utf8_lossy(password.expose()));
        }
        if let Some(tls) = &self.tls {
            let tls = TlsConfiguration::Rustls(Arc::clone(tls));
            options.set_transport(Transport::tls_with_config(tls));
        }
        options
    }

    async fn forever(&self, context: &Context) -> Ended {
        let (mut failures, mut heard) = (0, context.now());
        loop {
            let before = heard;
            let trouble = match self.converse(context, &mut heard).await {
                Failure::SinkBroken(why) => return Ended::SinkBroken(why),
                Failure::Trouble(trouble) => trouble,
            };
            tracing::warn!("{}: {trouble}", context.source);
            let why = trouble.to_string();
            context
                .sink
                .contact_lost(&context.source, heard, &why)
                .await;
            failures = if heard > before { 0 } else { failures };
            context.rest(&trouble, failures).await;
            failures += 1;
        }
    }

    /// One connection, from its opening to its end.
    async fn converse(&self, context: &Context, heard: &mut Instant) -> Failure {
        // A new client for each connection: nothing that waits to be sent belongs to the next one.
        let (client, mut events) = AsyncClient::new(self.options(), WAITING);
        loop {
            let event = match events.poll().await {
                Ok(event) => event,
                Err(error) => return self.trouble(&error).into(),
            };
            let Event::Incoming(packet) = event else {
                continue;
            };
            let done = match packet {
                Packet::ConnAck(ack) => {
                    tracing::info!("{}: session kept: {}", context.source, ack.session_present);
                    self.subscribe(&client).await
                }
                Packet::SubAck(_) => {
                    context
                        .sink
                        .contact_back(&context.source, context.now())
                        .await;
                    Ok(())
                }
                Packet::Publish(message) => self.take(context, &client, message).await,
                Packet::Disconnect => Err(ended()),
                _ => Ok(()),
            };
            *heard = context.now();
            context.sink.alive(&context.source, *heard);
            if let Err(failure) = done {
                return failure;
            }
        }
    }

    async fn subscribe(&self, client: &AsyncClient) -> Result<(), Failure> {
        let filter = |topic: &String| SubscribeFilter::new(topic.clone(), QoS::AtLeastOnce);
        let filters = self.account.topics.iter().map(filter);
        client.subscribe_many(filters).await.map_err(|_| ended())
    }

    /// Stores a message, and only then acknowledges it.
    async fn take(
        &self,
        context: &Context,
        client: &AsyncClient,
        message: Publish,
    ) -> Result<(), Failure> {
        let retained = if message.retain { "1" } else { "0" };
        let headers = Headers::new([("mqtt-retain", retained)]);
        let body = message.payload.to_vec();
        context.store(&message.topic, headers, body).await?;
        client.ack(&message).await.map_err(|_| ended())
    }

    fn trouble(&self, error: &rumqttc::ConnectionError) -> Trouble {
        use rumqttc::{ConnectReturnCode, ConnectionError};
        let host = &self.account.host;
        match error {
            ConnectionError::ConnectionRefused(
                code @ (ConnectReturnCode::BadUserNamePassword | ConnectReturnCode::NotAuthorized),
            ) => Trouble::Refused(format!(
                "the broker at {host} refuses the log-in ({code:?}): check user and password, and \
                 that this user may read the topics"
            )),
            ConnectionError::ConnectionRefused(code) => Trouble::Refused(format!(
                "the broker at {host} refuses the connection: {code:?}"
            )),
            other => {
                let words = other.to_string();
                let advice = advice(&words);
                Trouble::Unreachable(format!(
                    "no contact with the broker at {host}{advice} ({words})"
                ))
            }
        }
    }
}

fn ended() -> Failure {
    Failure::Trouble(Trouble::Unreachable(
        "the broker ended the connection".to_owned(),
    ))
}
