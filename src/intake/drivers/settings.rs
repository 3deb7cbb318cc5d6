//! Drivers as a configuration names them.
//!
//! ```toml
//! [driver]
//! driver = "genetec"
//! url = "https://security-center:4591/WebSdk"
//! pin = "sha256:5f0c..."
//! user = "tailgate"
//! password = { file = "/run/secrets/genetec-password" }
//! application = { file = "/run/secrets/genetec-application" }
//! ```

use std::path::{Path, PathBuf};

use schemars::JsonSchema;
use serde::Deserialize;
use tokio_util::sync::CancellationToken;

use super::genetec::{EVENTS as GENETEC_EVENTS, StreamForm};
use super::http::Trouble;
use super::kisi::{API as KISI_API, EVENTS as KISI_EVENTS};
use super::openpath::{API as OPENPATH_API, EVENTS as OPENPATH_EVENTS};
use super::{
    Connected, Context, Ended, Genetec, GenetecAccount, Kisi, KisiAccount, Mqtt, MqttAccount,
    Openpath, OpenpathAccount, Tail, TailAccount, TailForm,
};
use crate::intake::{AccessPoint, Person, Secret, SecretRef};
use crate::wire::{Fingerprint, Identity, Trust};

/// What fetches for a source.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(tag = "driver", rename_all = "snake_case")]
pub enum DriverSettings {
    /// Openpath (Avigilon Alta Access): its REST API.
    Openpath(OpenpathDriver),
    /// Kisi: its REST API.
    Kisi(KisiDriver),
    /// Genetec Security Center: its Web SDK.
    Genetec(GenetecDriver),
    /// A broker of MQTT.
    Mqtt(MqttDriver),
    /// A file that another program writes.
    Tail(TailDriver),
}

/// Openpath's REST API.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct OpenpathDriver {
    /// The API's address.
    #[serde(default = "openpath_api")]
    pub api: String,
    /// A file of authorities (PEM), instead of those that the system trusts.
    #[serde(default)]
    pub ca_file: Option<PathBuf>,
    /// SHA-256 of the one certificate that is believed.
    #[serde(default)]
    pub pin: Option<String>,
    /// The e-mail address of a user with a read-only role (and webhooks, to connect).
    pub email: String,
    /// That user's password.
    pub password: SecretRef,
    /// The organisation's number.
    pub org: u64,
    /// Where Openpath reaches us, path token included.
    #[serde(default)]
    pub webhook: Option<SecretRef>,
    /// The events to subscribe.
    #[serde(default)]
    pub events: Option<Vec<String>>,
}

/// Kisi's REST API.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct KisiDriver {
    /// The API's address.
    #[serde(default = "kisi_api")]
    pub api: String,
    /// A file of authorities (PEM), instead of those that the system trusts.
    #[serde(default)]
    pub ca_file: Option<PathBuf>,
    /// SHA-256 of the one certificate that is believed.
    #[serde(default)]
    pub pin: Option<String>,
    /// The API key.
    pub key: SecretRef,
    /// The place whose events are read; all places of the key without it.
    #[serde(default)]
    pub place: Option<u64>,
    /// Where Kisi reaches us.
    #[serde(default)]
    pub webhook: Option<String>,
    /// With what Kisi signs what it sends: one of the source's secrets.
    #[serde(default)]
    pub signature_key: Option<SecretRef>,
    /// The events to report.
    #[serde(default)]
    pub events: Option<Vec<String>>,
}

/// Security Center's Web SDK.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct GenetecDriver {
    /// The Web SDK role's address with its base URI, for example `https://server:4591/WebSdk`.
    pub url: String,
    /// A file of authorities (PEM), instead of those that the system trusts.
    #[serde(default)]
    pub ca_file: Option<PathBuf>,
    /// SHA-256 of the one certificate that is believed, for a self-signed one.
    #[serde(default)]
    pub pin: Option<String>,
    /// A native user of Security Center.
    pub user: String,
    /// That user's password.
    pub password: SecretRef,
    /// The ApplicationId of the production certificate.
    pub application: SecretRef,
    /// The event types to subscribe.
    #[serde(default)]
    pub events: Option<Vec<String>>,
    /// Have events in XML instead of JSON.
    #[serde(default)]
    pub xml: bool,
}

/// A broker of MQTT.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct MqttDriver {
    /// The broker's host name.
    pub host: String,
    /// Its port; 1883 by default, with TLS 8883.
    #[serde(default)]
    pub port: Option<u16>,
    /// Whether TLS is spoken; it is, too, if `ca_file`, `pin` or `certificate` is given.
    #[serde(default)]
    pub tls: bool,
    /// A file of authorities (PEM), instead of those that the system trusts.
    #[serde(default)]
    pub ca_file: Option<PathBuf>,
    /// SHA-256 of the one certificate that is believed.
    #[serde(default)]
    pub pin: Option<String>,
    /// Our own certificate (PEM chain), for a broker that asks for one; needs `key` too.
    #[serde(default)]
    pub certificate: Option<PathBuf>,
    /// The private key of that certificate (PEM).
    #[serde(default)]
    pub key: Option<SecretRef>,
    /// The session's name: it must stay the same and be nobody else's.
    pub client_id: String,
    /// User name.
    #[serde(default)]
    pub user: Option<String>,
    /// Password.
    #[serde(default)]
    pub password: Option<SecretRef>,
    /// Topic filters.
    pub topics: Vec<String>,
}

/// A file that another program writes.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct TailDriver {
    /// The file.
    pub path: PathBuf,
    /// Where it is kept how far the file was read.
    pub state: PathBuf,
    /// Whether its lines are CSV with column names, and not JSON.
    #[serde(default)]
    pub csv: bool,
}

impl DriverSettings {
    /// Where the secrets are kept that [`driver`] needs.
    pub fn secrets(&self) -> Vec<&SecretRef> {
        let some: [Option<&SecretRef>; 2] = match self {
            Self::Openpath(settings) => [Some(&settings.password), settings.webhook.as_ref()],
            Self::Kisi(settings) => [Some(&settings.key), settings.signature_key.as_ref()],
            Self::Genetec(settings) => [Some(&settings.password), Some(&settings.application)],
            Self::Mqtt(settings) => [settings.password.as_ref(), None],
            Self::Tail(_) => [None, None],
        };
        some.into_iter().flatten().collect()
    }

    /// Whether the vendor can be asked who a holder is.
    pub fn knows_people(&self) -> bool {
        match self {
            Self::Openpath(_) | Self::Kisi(_) | Self::Genetec(_) => true,
            Self::Mqtt(_) | Self::Tail(_) => false,
        }
    }
}

fn openpath_api() -> String {
    OPENPATH_API.to_owned()
}

fn kisi_api() -> String {
    KISI_API.to_owned()
}

/// A driver, whichever it is.
#[derive(Debug)]
pub enum Driver {
    /// Openpath.
    Openpath(Openpath),
    /// Kisi.
    Kisi(Kisi),
    /// Security Center.
    Genetec(Genetec),
    /// MQTT.
    Mqtt(Mqtt),
    /// A file.
    Tail(Tail),
}

/// The driver that settings name. Paths begin at `folder`; `resolve` reads a secret from where it is
/// kept. `Err`: everything that is wrong, each with what to do.
pub fn driver(
    settings: &DriverSettings,
    folder: &Path,
    resolve: &dyn Fn(&SecretRef) -> Result<Secret, String>,
) -> Result<Driver, Vec<String>> {
    let mut given = Given {
        folder,
        resolve,
        problems: Vec::new(),
    };
    match settings {
        DriverSettings::Openpath(settings) => {
            let account = given.openpath(settings);
            given.finish(|| Openpath::new(account).map(Driver::Openpath))
        }
        DriverSettings::Kisi(settings) => {
            let account = given.kisi(settings);
            given.finish(|| Kisi::new(account).map(Driver::Kisi))
        }
        DriverSettings::Genetec(settings) => {
            let account = given.genetec(settings);
            given.finish(|| Genetec::new(account).map(Driver::Genetec))
        }
        DriverSettings::Mqtt(settings) => {
            let account = given.mqtt(settings);
            given.finish(|| Mqtt::new(account).map(Driver::Mqtt))
        }
        DriverSettings::Tail(settings) => {
            let form = if settings.csv {
                TailForm::Csv
            } else {
                TailForm::JsonLines
            };
            Ok(Driver::Tail(Tail::new(TailAccount {
                path: folder.join(&settings.path),
                state: folder.join(&settings.state),
                form,
            })))
        }
    }
}

/// What settings give, with what is wrong with it so far.
struct Given<'a> {
    folder: &'a Path,
    resolve: &'a dyn Fn(&SecretRef) -> Result<Secret, String>,
    problems: Vec<String>,
}

impl Given<'_> {
    fn secret(&mut self, field: &str, kept: &SecretRef) -> Secret {
        (self.resolve)(kept).unwrap_or_else(|problem| {
            self.problems.push(format!("{field}: {problem}"));
            Secret::new("")
        })
    }

    fn text(&mut self, field: &str, kept: &SecretRef) -> String {
        let secret = self.secret(field, kept);
        String::from_utf8_lossy(secret.expose()).into_owned()
    }

    fn trust(&mut self, ca_file: Option<&PathBuf>, pin: Option<&String>) -> Trust {
        let trust = match (ca_file, pin) {
            (None, None) => Ok(Trust::System),
            (Some(_), Some(_)) => Err("ca_file and pin: give one of them".to_owned()),
            (None, Some(pin)) => Fingerprint::parse(pin)
                .map(Trust::Pinned)
                .map_err(|why| format!("pin: {why}")),
            (Some(path), None) => self.file("ca_file", path).map(Trust::Authorities),
        };
        trust.unwrap_or_else(|problem| {
            self.problems.push(problem);
            Trust::System
        })
    }

    fn file(&self, field: &str, path: &Path) -> Result<Vec<u8>, String> {
        let path = self.folder.join(path);
        std::fs::read(&path)
            .map_err(|error| format!("{field}: cannot read {}: {error}", path.display()))
    }

    /// Our certificate and its key: both or none.
    fn identity(
        &mut self,
        certificate: Option<&PathBuf>,
        key: Option<&SecretRef>,
    ) -> Option<Identity> {
        let (certificate, key) = match (certificate, key) {
            (None, None) => return None,
            (Some(certificate), Some(key)) => (certificate, key),
            (Some(_), None) => {
                self.problems
                    .push("key: the certificate's private key is missing".to_owned());
                return None;
            }
            (None, Some(_)) => {
                self.problems
                    .push("certificate: the key's certificate is missing".to_owned());
                return None;
            }
        };
        let key = self.secret("key", key);
        match self.file("certificate", certificate) {
            Ok(certificate) => Some(Identity { certificate, key }),
            Err(problem) => {
                self.problems.push(problem);
                None
            }
        }
    }

    fn openpath(&mut self, settings: &OpenpathDriver) -> OpenpathAccount {
        OpenpathAccount {
            api: settings.api.clone(),
            trust: self.trust(settings.ca_file.as_ref(), settings.pin.as_ref()),
            email: settings.email.clone(),
            password: self.secret("password", &settings.password),
            org: settings.org,
            webhook: settings
                .webhook
                .as_ref()
                .map(|kept| self.text("webhook", kept)),
            events: events(settings.events.as_ref(), &OPENPATH_EVENTS),
        }
    }

    fn kisi(&mut self, settings: &KisiDriver) -> KisiAccount {
        let signature_key = settings.signature_key.as_ref();
        KisiAccount {
            api: settings.api.clone(),
            trust: self.trust(settings.ca_file.as_ref(), settings.pin.as_ref()),
            key: self.secret("key", &settings.key),
            place: settings.place,
            webhook: settings.webhook.clone(),
            signature_key: signature_key.map(|kept| self.secret("signature_key", kept)),
            events: events(settings.events.as_ref(), &KISI_EVENTS),
        }
    }

    fn genetec(&mut self, settings: &GenetecDriver) -> GenetecAccount {
        GenetecAccount {
            url: settings.url.clone(),
            trust: self.trust(settings.ca_file.as_ref(), settings.pin.as_ref()),
            user: settings.user.clone(),
            password: self.secret("password", &settings.password),
            application: self.secret("application", &settings.application),
            events: events(settings.events.as_ref(), &GENETEC_EVENTS),
            form: if settings.xml {
                StreamForm::Xml
            } else {
                StreamForm::Json
            },
        }
    }

    fn mqtt(&mut self, settings: &MqttDriver) -> MqttAccount {
        let given = settings.ca_file.is_some() || settings.pin.is_some();
        let tls = settings.tls || given || settings.certificate.is_some();
        let identity = self.identity(settings.certificate.as_ref(), settings.key.as_ref());
        let trust = self.trust(settings.ca_file.as_ref(), settings.pin.as_ref());
        let password = settings
            .password
            .as_ref()
            .map(|kept| self.secret("password", kept));
        if settings.user.is_none() && password.is_some() {
            self.problems
                .push("user: a password is given and no user".to_owned());
        }
        MqttAccount {
            host: settings.host.clone(),
            port: settings.port.unwrap_or(if tls { 8883 } else { 1883 }),
            tls: tls.then_some(trust),
            identity,
            client_id: settings.client_id.clone(),
            login: settings
                .user
                .clone()
                .map(|user| (user, password.unwrap_or(Secret::new("")))),
            topics: settings.topics.clone(),
        }
    }

    /// The driver, unless something is wrong already.
    fn finish(
        mut self,
        make: impl FnOnce() -> Result<Driver, Vec<String>>,
    ) -> Result<Driver, Vec<String>> {
        match make() {
            Ok(driver) if self.problems.is_empty() => Ok(driver),
            Ok(_) => Err(self.problems),
            Err(more) => {
                self.problems.extend(more);
                Err(self.problems)
            }
        }
    }
}

fn events(given: Option<&Vec<String>>, usual: &[&str]) -> Vec<String> {
    let usual = || usual.iter().map(|event| (*event).to_owned()).collect();
    given.cloned().unwrap_or_else(usual)
}

impl Driver {
    /// Works until it is stopped or the sink breaks.
    pub async fn run(&self, context: Context, stop: CancellationToken) -> Ended {
        match self {
            Self::Openpath(driver) => driver.run(context, stop).await,
            Self::Kisi(driver) => driver.run(context, stop).await,
            Self::Genetec(driver) => driver.run(context, stop).await,
            Self::Mqtt(driver) => driver.run(context, stop).await,
            Self::Tail(driver) => driver.run(context, stop).await,
        }
    }

    /// Has the vendor send its events here. `None`: it needs no connecting.
    pub async fn connect(&self, context: &Context) -> Result<Option<Connected>, Trouble> {
        match self {
            Self::Openpath(driver) => driver.connect(context).await.map(Some),
            Self::Kisi(driver) => driver.connect(context).await.map(Some),
            Self::Genetec(_) | Self::Mqtt(_) | Self::Tail(_) => Ok(None),
        }
    }

    /// Who a holder is. `None`: nobody is known. Only for sites that allow names.
    pub async fn person(&self, context: &Context, holder: &str) -> Result<Option<Person>, Trouble> {
        match self {
            Self::Openpath(driver) => driver.person(context, holder).await,
            Self::Kisi(driver) => driver.person(context, holder).await,
            Self::Genetec(driver) => driver.person(context, holder).await,
            Self::Mqtt(_) | Self::Tail(_) => Ok(None),
        }
    }

    /// What the vendor has. `None`: nobody can say.
    pub async fn access_points(
        &self,
        context: &Context,
    ) -> Result<Option<Vec<AccessPoint>>, Trouble> {
        match self {
            Self::Openpath(driver) => driver.access_points(context).await.map(Some),
            Self::Kisi(driver) => driver.access_points(context).await.map(Some),
            Self::Genetec(driver) => {
                let doors = driver.doors(context).await?;
                driver.access_points(context, &doors).await.map(Some)
            }
            Self::Mqtt(_) | Self::Tail(_) => Ok(None),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn resolve(kept: &SecretRef) -> Result<Secret, String> {
        match kept {
            SecretRef::Env(name) if name == "GOOD" => Ok(Secret::new("a-secret")),
            _ => Err("it is not set".to_owned()),
        }
    }

    #[track_caller]
    fn check(settings: &str, expect: Result<(), &[&str]>) {
        let settings: DriverSettings = toml::from_str(settings).expect("settings");
        let made = driver(&settings, Path::new(""), &resolve).map(drop);
        let expect = expect.map_err(|all| all.iter().map(|one| (*one).to_owned()).collect());
        assert_eq!(made, expect);
    }

    const GENETEC: &str = "driver = 'genetec'\nuser = 'u'\npassword = { env = 'GOOD' }\n\
                           application = { env = 'GOOD' }\n";

    #[test]
    fn settings_name_a_driver() {
        check(
            &format!("{GENETEC}url = 'https://host:4591/WebSdk'"),
            Ok(()),
        );
        check(
            "driver = 'kisi'\nkey = { env = 'GOOD' }\nwebhook = 'https://x/kisi'",
            Ok(()),
        );
        check(
            "driver = 'mqtt'\nhost = 'h'\nclient_id = 'c'\ntopics = ['a/#']",
            Ok(()),
        );
        check(
            "driver = 'tail'\npath = 'a'\nstate = 'b'\ncsv = true",
            Ok(()),
        );
        let openpath = "driver = 'openpath'\nemail = 'a@b'\norg = 7\npassword = { env = 'GOOD' }";
        check(openpath, Ok(()));
    }

    #[test]
    fn everything_that_is_wrong_is_named() {
        check(
            "driver = 'genetec'\nurl = 'host'\nuser = 'u'\npassword = { env = 'BAD' }\n\
             application = { env = 'GOOD' }\npin = 'abc'",
            Err(&[
                "pin: \"abc\" is no SHA-256 fingerprint: 64 hexadecimal digits are needed",
                "password: it is not set",
                "url: \"host\" is no URL: relative URL without a base",
            ]),
        );
        check(
            &format!("{GENETEC}url = 'http://h'\npin = 'abc'\nca_file = 'x'"),
            Err(&["ca_file and pin: give one of them"]),
        );
        check(
            "driver = 'mqtt'\nhost = 'h'\nclient_id = 'c'\ntopics = ['a/#']\ncertificate = 'c.pem'",
            Err(&["key: the certificate's private key is missing"]),
        );
    }
}
