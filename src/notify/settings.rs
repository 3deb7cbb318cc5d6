//! Alerts as a configuration names them, and sinks made of that.
//!
//! Shapes and bounds are checked where the file is read; here secrets and certificates are read, when
//! alerts start, and everything that is wrong with them is told at once.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use super::alert::AlertDoor;
use super::mqtt::{MqttAccount, MqttSink};
use super::notice::Wants;
use super::outbox::{OutboxSettings, SinkEntry};
use super::sink::Sink;
use super::webhook::{Webhook, WebhookAccount};
use crate::wire::{Fingerprint, Identity, Secret, SecretRef, Trust};

/// Everything a configuration says of alerts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AlertSettings {
    /// How the outbox is kept.
    pub outbox: OutboxSettings,
    /// Webhooks, in the order of the file.
    pub webhooks: Vec<WebhookSettings>,
    /// Brokers, in the order of the file.
    pub brokers: Vec<MqttSettings>,
}

/// A webhook.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WebhookSettings {
    /// The sink's name.
    pub name: String,
    /// What it is told.
    pub wants: Wants,
    /// The receiver.
    pub url: String,
    /// Whether it may be spoken to without TLS.
    pub plain: bool,
    /// What it is signed with.
    pub secrets: Vec<SecretRef>,
    /// The value of an `Authorization` header.
    pub authorization: Option<SecretRef>,
    /// A file of authorities (PEM), instead of those that the system trusts.
    pub ca_file: Option<PathBuf>,
    /// SHA-256 of the one certificate that is believed.
    pub pin: Option<String>,
    /// How long it may take to answer.
    pub timeout: Duration,
}

/// A broker.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MqttSettings {
    /// The sink's name.
    pub name: String,
    /// What it is told.
    pub wants: Wants,
    /// The broker's host name.
    pub host: String,
    /// Its port; 1883 by default, with TLS 8883.
    pub port: Option<u16>,
    /// Whether TLS is spoken.
    pub tls: bool,
    /// A file of authorities (PEM), instead of those that the system trusts.
    pub ca_file: Option<PathBuf>,
    /// SHA-256 of the one certificate that is believed.
    pub pin: Option<String>,
    /// Our own certificate (PEM chain).
    pub certificate: Option<PathBuf>,
    /// Its private key (PEM).
    pub key: Option<SecretRef>,
    /// The session's name; by default made of the site's.
    pub client_id: Option<String>,
    /// User name.
    pub user: Option<String>,
    /// Password.
    pub password: Option<SecretRef>,
    /// What every topic of ours begins with.
    pub prefix: String,
    /// What Home Assistant's discovery begins with; `None`: nothing is announced.
    pub discovery: Option<String>,
}

impl AlertSettings {
    /// Where the secrets are kept that [`sinks`] needs.
    pub fn secrets(&self) -> Vec<&SecretRef> {
        let webhooks = self.webhooks.iter();
        let webhooks = webhooks.flat_map(|hook| hook.secrets.iter().chain(&hook.authorization));
        let brokers = self.brokers.iter();
        let brokers = brokers.flat_map(|broker| broker.password.iter().chain(&broker.key));
        webhooks.chain(brokers).collect()
    }

    /// What the outbox is to know of these sinks, which [`sinks`] made.
    pub fn entries(&self, sinks: &[Arc<dyn Sink>]) -> Vec<SinkEntry> {
        let hooks = self.webhooks.iter().map(|hook| (&hook.name, &hook.wants));
        let brokers = self
            .brokers
            .iter()
            .map(|broker| (&broker.name, &broker.wants));
        let wants: Vec<_> = hooks.chain(brokers).collect();
        let entry = |sink: &Arc<dyn Sink>| {
            let own = wants.iter().find(|(name, _)| **name == **sink.name());
            SinkEntry {
                name: Arc::clone(sink.name()),
                target: sink.target(),
                wants: own.map(|(_, wants)| (*wants).clone()).unwrap_or_default(),
            }
        };
        sinks.iter().map(entry).collect()
    }
}

/// The sinks of these settings, with their secrets read by `resolve`; other files are relative to
/// `folder`. `doors` are announced to brokers; without any, nothing is (for a trial beside the box). `Err`: everything that is wrong, each with its sink.
pub fn sinks(
    settings: &AlertSettings,
    folder: &Path,
    resolve: &dyn Fn(&SecretRef) -> Result<Secret, String>,
    site: &str,
    doors: &[AlertDoor],
) -> Result<Vec<Arc<dyn Sink>>, Vec<String>> {
    let mut made: Vec<Arc<dyn Sink>> = Vec::new();
    let mut problems = Vec::new();
    let mut keep = |name: &str, sink: Result<Arc<dyn Sink>, Vec<String>>| match sink {
        Ok(sink) => made.push(sink),
        Err(own) => problems.extend(
            own.into_iter()
                .map(|what| format!("alerts, {name}: {what}")),
        ),
    };
    for hook in &settings.webhooks {
        let mut given = Given {
            folder,
            resolve,
            problems: Vec::new(),
        };
        let account = given.webhook(hook);
        let sink = given.finish(|| Ok(Arc::new(Webhook::new(account)?)));
        keep(&hook.name, sink);
    }
    for broker in &settings.brokers {
        let mut given = Given {
            folder,
            resolve,
            problems: Vec::new(),
        };
        let account = given.broker(broker, site, doors);
        let sink = given.finish(|| Ok(Arc::new(MqttSink::new(account)?)));
        keep(&broker.name, sink);
    }
    match problems.is_empty() {
        true => Ok(made),
        false => Err(problems),
    }
}

/// What settings give, with what is wrong with it so far.
struct Given<'a> {
    folder: &'a Path,
    resolve: &'a dyn Fn(&SecretRef) -> Result<Secret, String>,
    problems: Vec<String>,
}

impl Given<'_> {
    fn secret(&mut self, field: &str, kept: &SecretRef) -> Option<Secret> {
        let read = (self.resolve)(kept);
        read.map_err(|problem| self.problems.push(format!("{field}: {problem}")))
            .ok()
    }

    fn file(&mut self, field: &str, path: &Path) -> Option<Vec<u8>> {
        let path = self.folder.join(path);
        let read = std::fs::read(&path);
        read.map_err(|error| {
            let what = format!("{field}: cannot read {}: {error}", path.display());
            self.problems.push(what);
        })
        .ok()
    }

    fn trust(&mut self, ca_file: Option<&PathBuf>, pin: Option<&String>) -> Trust {
        let trust = match (ca_file, pin) {
            (None, None) => None,
            (Some(path), _) => self.file("ca_file", path).map(Trust::Authorities),
            (None, Some(pin)) => match Fingerprint::parse(pin) {
                Ok(pin) => Some(Trust::Pinned(pin)),
                Err(why) => {
                    self.problems.push(format!("pin: {why}"));
                    None
                }
            },
        };
        trust.unwrap_or(Trust::System)
    }

    fn webhook(&mut self, hook: &WebhookSettings) -> WebhookAccount {
        let mut secrets = Vec::new();
        for (i, kept) in hook.secrets.iter().enumerate() {
            secrets.extend(self.secret(&format!("secrets[{i}]"), kept));
        }
        let authorization = hook.authorization.as_ref();
        WebhookAccount {
            name: hook.name.as_str().into(),
            url: hook.url.clone(),
            plain: hook.plain,
            trust: self.trust(hook.ca_file.as_ref(), hook.pin.as_ref()),
            secrets,
            authorization: authorization.and_then(|kept| self.secret("authorization", kept)),
            timeout: hook.timeout,
        }
    }

    fn broker(&mut self, broker: &MqttSettings, site: &str, doors: &[AlertDoor]) -> MqttAccount {
        let given = broker.ca_file.is_some() || broker.pin.is_some();
        let tls = broker.tls || given || broker.certificate.is_some();
        let trust = self.trust(broker.ca_file.as_ref(), broker.pin.as_ref());
        let password = broker.password.as_ref();
        let password = password.and_then(|kept| self.secret("password", kept));
        let login = broker.user.clone();
        MqttAccount {
            name: broker.name.as_str().into(),
            host: broker.host.clone(),
            port: broker.port.unwrap_or(if tls { 8883 } else { 1883 }),
            tls: tls.then_some(trust),
            identity: self.identity(broker),
            client_id: match &broker.client_id {
                Some(id) => id.clone(),
                None => format!("tailgate-{site}"),
            },
            login: login.map(|user| (user, password.unwrap_or(Secret::new("")))),
            prefix: broker.prefix.clone(),
            discovery: broker.discovery.clone(),
            site: site.to_owned(),
            doors: doors.to_vec(),
        }
    }

    /// Our certificate and its key: that both are there was checked where the file was read.
    fn identity(&mut self, broker: &MqttSettings) -> Option<Identity> {
        let (certificate, key) = (broker.certificate.as_ref()?, broker.key.as_ref()?);
        let certificate = self.file("certificate", certificate);
        let key = self.secret("key", key);
        Some(Identity {
            certificate: certificate?,
            key: key?,
        })
    }

    /// The sink, unless something is wrong already.
    fn finish(
        self,
        make: impl FnOnce() -> Result<Arc<dyn Sink>, Vec<String>>,
    ) -> Result<Arc<dyn Sink>, Vec<String>> {
        match self.problems.is_empty() {
            // What is missing would be told a second time.
            false => Err(self.problems),
            true => make(),
        }
    }
}
