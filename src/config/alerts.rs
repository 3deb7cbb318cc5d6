//! Alerts in a site file: the `[alerts]` table with its webhooks and brokers.
//!
//! Secrets are never in the file, only where they are; they and certificates are read when alerts start
//! ([`crate::notify::sinks`]), as is all that only the network can tell.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::time::Duration;

use schemars::JsonSchema;
use serde::Deserialize;

use super::document::{Document, KeyPath};
use super::door::{parse_tree, read_toml};
use super::live::data_folder;
use super::problem::Problems;
use super::schema::generate;
use super::walk::walk;
use crate::notify::{
    AlertSettings, Class, MqttSettings, OutboxSettings, Wants, WebhookSettings, webhook_url,
};
use crate::units::Span;
use crate::wire::{Fingerprint, SecretRef};

/// The outbox's name in the data folder, unless the file says where it is: what a box writes is there, and a
/// site file's own folder is often not writable.
const DEFAULT_NAME: &str = "alerts.db";
/// How long a receiver may take to answer unless the file says otherwise, s. Standard Webhooks asks
/// receivers to answer within 15 s at most.
const DEFAULT_TIMEOUT_S: f64 = 15.0;
/// What topics begin with unless the file says otherwise.
const DEFAULT_PREFIX: &str = "tailgate";
/// What Home Assistant's discovery begins with unless it was changed there.
const DEFAULT_DISCOVERY: &str = "homeassistant";
/// Longest name of a sink, characters: it stands in labels.
const LONGEST_NAME: usize = 64;

/// Who is told of breaches, and how.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct AlertsTable {
    /// The SQLite file in which alerts wait until they are delivered, relative to this file; it is made
    /// if it is not there (default: "alerts.db" in the site's `data` folder).
    #[schemars(length(min = 1))]
    pub path: Option<String>,
    /// Days after which an alert that could not be delivered is given up (default 3).
    #[schemars(extend("exclusiveMinimum" = 0.0), range(max = 30.0))]
    pub give_up_days: Option<f64>,
    /// Days for which ids of alerts are known, and what was given up is kept (default 30).
    #[schemars(range(min = 1.0, max = 400.0))]
    pub keep_days: Option<f64>,
    /// Most alerts that wait for one receiver; the oldest are given up first (default 72000).
    #[schemars(range(min = 1, max = 10_000_000))]
    pub most_waiting: Option<u32>,
    /// Most mebibytes of them (default 256).
    #[schemars(range(min = 1, max = 65_536))]
    pub most_mib: Option<u32>,
    /// Receivers of webhooks.
    pub webhook: Option<Vec<WebhookTable>>,
    /// Brokers of MQTT.
    pub mqtt: Option<Vec<MqttTable>>,
}

/// What a receiver is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum OnWord {
    /// Tailgating, entry on exit, unauthorised entry or exit, wrong way.
    Breach,
    /// Passages that cannot be judged.
    Undetermined,
    /// Cameras that cannot be believed, and that can be again.
    Sight,
    /// Every verdict, and sight.
    All,
}

/// A receiver of webhooks, signed as Standard Webhooks has it.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct WebhookTable {
    /// A short name of letters, digits, - and _, for logs and figures.
    #[schemars(required, length(min = 1))]
    pub name: Option<String>,
    /// Where alerts are posted, for example `https://guards.example.org/alerts`.
    #[schemars(required, length(min = 1))]
    pub url: Option<String>,
    /// Whether a receiver on another machine may be spoken to without TLS (default false).
    pub plain: Option<bool>,
    /// Where the secrets are that alerts are signed with: texts that begin with whsec_. Name two
    /// while receivers change from one to the other.
    #[schemars(required, length(min = 1))]
    pub secrets: Option<Vec<SecretRef>>,
    /// Where the value of an Authorization header is, for receivers behind a gateway.
    pub authorization: Option<SecretRef>,
    /// A file of authorities (PEM), relative to this file, instead of those that the system trusts.
    #[schemars(length(min = 1))]
    pub ca_file: Option<String>,
    /// SHA-256 of the one certificate that is believed, for a self-signed one.
    #[schemars(length(min = 1))]
    pub pin: Option<String>,
    /// Seconds that it may take to answer (default 15).
    #[schemars(extend("exclusiveMinimum" = 0.0), range(max = 60.0))]
    pub timeout_s: Option<f64>,
    /// What it is told: "breach" (the default), "undetermined", "sight", "all". Whoever was told of a
    /// passage is told of all that becomes of it.
    #[schemars(length(min = 1))]
    pub on: Option<Vec<OnWord>>,
    /// Whether it is told before judgement is final (default true): at once, and again if a late grant
    /// changes it.
    pub provisional: Option<bool>,
}

/// A broker of MQTT, and Home Assistant through it.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct MqttTable {
    /// A short name of letters, digits, - and _, for logs and figures.
    #[schemars(required, length(min = 1))]
    pub name: Option<String>,
    /// The broker's host name.
    #[schemars(required, length(min = 1))]
    pub host: Option<String>,
    /// Its port (default 1883, with TLS 8883).
    #[schemars(range(min = 1, max = 65_535))]
    pub port: Option<u16>,
    /// Whether TLS is spoken; it is, too, if `ca_file`, `pin` or `certificate` is given.
    pub tls: Option<bool>,
    /// A file of authorities (PEM), relative to this file, instead of those that the system trusts.
    #[schemars(length(min = 1))]
    pub ca_file: Option<String>,
    /// SHA-256 of the one certificate that is believed.
    #[schemars(length(min = 1))]
    pub pin: Option<String>,
    /// Our own certificate (PEM chain), for a broker that asks for one; needs `key` too.
    #[schemars(length(min = 1))]
    pub certificate: Option<String>,
    /// Where the private key of that certificate is (PEM).
    pub key: Option<SecretRef>,
    /// The session's name: nobody else's at this broker (default "tailgate-" and the site's name).
    #[schemars(length(min = 1))]
    pub client_id: Option<String>,
    /// User name.
    #[schemars(length(min = 1))]
    pub user: Option<String>,
    /// Where the password is.
    pub password: Option<SecretRef>,
    /// What our topics begin with (default "tailgate").
    #[schemars(length(min = 1))]
    pub prefix: Option<String>,
    /// Whether doors are announced to Home Assistant (default true).
    pub home_assistant: Option<bool>,
    /// What Home Assistant's discovery topics begin with (default "homeassistant").
    #[schemars(length(min = 1))]
    pub discovery: Option<String>,
    /// What it is told, as for webhooks.
    #[schemars(length(min = 1))]
    pub on: Option<Vec<OnWord>>,
    /// Whether it is told before judgement is final (default true).
    pub provisional: Option<bool>,
}

/// A site file as far as it is about alerts; its other tables are not looked at.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
struct AlertsOnly {
    site: Option<SiteOfAlerts>,
    alerts: Option<AlertsTable>,
}

/// The site as far as alerts need it.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
struct SiteOfAlerts {
    #[schemars(length(min = 1))]
    name: Option<String>,
    #[schemars(length(min = 1))]
    data: Option<String>,
}

/// What a site file says of alerts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SiteAlerts {
    /// The folder that relative paths of the file begin at.
    pub folder: PathBuf,
    /// The site's name; empty if the file has none.
    pub site: String,
    /// Who is told, and how.
    pub settings: AlertSettings,
}

/// Reads the `[alerts]` table of a site file and nothing else, so that the way alerts take can be tried
/// before the cameras hang. `None`: it has none. `Err` holds all problems.
pub fn load_alerts(path: &Path) -> Result<Option<SiteAlerts>, Problems> {
    let mut problems = Problems::new();
    let settings = read(path, &mut problems);
    problems.or_value(settings).map(|(settings, _)| settings)
}

fn read(path: &Path, problems: &mut Problems) -> Option<Option<SiteAlerts>> {
    let document = read_toml(path, &|path| std::fs::read(path), problems)?;
    let tree = walk(&document, &generate::<AlertsOnly>(), problems);
    let file: AlertsOnly = parse_tree(&document, &tree, problems)?;
    let Some(table) = file.alerts else {
        return Some(None);
    };
    let folder = path.parent().unwrap_or(Path::new(""));
    let site = file.site.unwrap_or_default();
    let data = data_folder(folder, site.data.as_deref());
    Some(Some(SiteAlerts {
        folder: folder.to_owned(),
        site: site.name.unwrap_or_default(),
        settings: alerts(&table, &document, folder, &data, problems),
    }))
}

/// What the `alerts` table of a document says, whose relative paths begin at `folder` and whose site keeps
/// what it writes in `data`; what is wrong with it is added to `problems`. The table's shape was checked
/// against its schema before.
pub(crate) fn alerts(
    table: &AlertsTable,
    document: &Document,
    folder: &Path,
    data: &Path,
    problems: &mut Problems,
) -> AlertSettings {
    let mut check = Check {
        document,
        folder,
        problems,
        names: Vec::new(),
    };
    let path = table.path.as_ref().map(|path| folder.join(path));
    let mut outbox = OutboxSettings::at(path.unwrap_or_else(|| data.join(DEFAULT_NAME)));
    let days = |days: f64| Span::from_s(days * 86_400.0);
    set(&mut outbox.give_up, table.give_up_days.map(days));
    set(&mut outbox.keep, table.keep_days.map(days));
    set(&mut outbox.most_waiting, table.most_waiting.map(u64::from));
    let mib = |mib: u32| u64::from(mib) << 20;
    set(&mut outbox.most_bytes, table.most_mib.map(mib));
    if outbox.keep < outbox.give_up {
        let at = KeyPath::of("alerts").key("keep_days");
        let help = "keep ids at least as long as alerts are tried, or one could go out twice";
        check.refuse(&at, "is less than give_up_days", help);
    }
    let at = |list: &str, i| KeyPath::of("alerts").key(list).index(i);
    let webhooks = table.webhook.iter().flatten().enumerate();
    let webhooks = webhooks.filter_map(|(i, hook)| check.webhook(&at("webhook", i), hook));
    let webhooks = webhooks.collect();
    let brokers = table.mqtt.iter().flatten().enumerate();
    let brokers = brokers.filter_map(|(i, broker)| check.broker(&at("mqtt", i), broker));
    AlertSettings {
        outbox,
        webhooks,
        brokers: brokers.collect(),
    }
}

struct Check<'a> {
    document: &'a Document,
    folder: &'a Path,
    problems: &'a mut Problems,
    /// Names of sinks so far.
    names: Vec<String>,
}

impl Check<'_> {
    fn refuse(&mut self, path: &KeyPath, what: impl Into<String>, help: impl Into<String>) {
        self.document
            .error(self.problems, path, what.into(), help.into());
    }

    fn name(&mut self, at: &KeyPath, name: Option<&String>) -> Option<String> {
        let name = name?;
        let at = at.key("name");
        let fits = |c: char| c.is_ascii_alphanumeric() || "-_".contains(c);
        if !name.chars().all(fits) || name.len() > LONGEST_NAME {
            let help = format!("letters, digits, - and _, at most {LONGEST_NAME}");
            self.refuse(&at, "can't be a receiver's name", help);
        }
        if self.names.contains(name) {
            let what = format!("\"{name}\" names a receiver already");
            self.refuse(&at, what, "give each receiver a name of its own");
        }
        self.names.push(name.clone());
        Some(name.clone())
    }

    /// Whom to trust: the fingerprint is read again when alerts start.
    fn trust(&mut self, at: &KeyPath, ca_file: Option<&String>, pin: Option<&String>) {
        if ca_file.is_some() && pin.is_some() {
            let help = "give the file of its authority, or the fingerprint of its certificate";
            self.refuse(&at.key("pin"), "stands beside `ca_file`", help);
        }
        if let Some(Err(why)) = pin.map(|pin| Fingerprint::parse(pin)) {
            let help = "on the server: openssl x509 -in CERTIFICATE -noout -fingerprint -sha256";
            self.refuse(&at.key("pin"), why, help);
        }
    }

    fn webhook(&mut self, at: &KeyPath, table: &WebhookTable) -> Option<WebhookSettings> {
        let name = self.name(at, table.name.as_ref());
        let plain = table.plain.unwrap_or(false);
        if let Some(Err(why)) = table.url.as_ref().map(|url| webhook_url(url, plain)) {
            let help = "write for example \"https://guards.example.org/alerts\"";
            self.refuse(&at.key("url"), why, help);
        }
        self.trust(at, table.ca_file.as_ref(), table.pin.as_ref());
        let timeout_s = table.timeout_s.unwrap_or(DEFAULT_TIMEOUT_S);
        Some(WebhookSettings {
            name: name?,
            wants: wants(table.on.as_deref(), table.provisional),
            url: table.url.clone()?,
            plain,
            secrets: table.secrets.clone()?,
            authorization: table.authorization.clone(),
            ca_file: self.beside(table.ca_file.as_ref()),
            pin: table.pin.clone(),
            timeout: Duration::try_from_secs_f64(timeout_s).unwrap_or(Duration::from_secs(1)),
        })
    }

    fn broker(&mut self, at: &KeyPath, table: &MqttTable) -> Option<MqttSettings> {
        let name = self.name(at, table.name.as_ref());
        self.trust(at, table.ca_file.as_ref(), table.pin.as_ref());
        match (&table.certificate, &table.key) {
            (Some(_), None) => {
                let help = "say where its private key is: `key = { file = \"...\" }`";
                self.refuse(&at.key("certificate"), "stands alone", help);
            }
            (None, Some(_)) => {
                let help = "name its certificate too: `certificate = \"...\"`";
                self.refuse(&at.key("key"), "stands alone", help);
            }
            _ => {}
        }
        if table.user.is_none() && table.password.is_some() {
            let help = "name whose it is: `user = \"...\"`";
            self.refuse(&at.key("password"), "stands alone", help);
        }
        let topics = [("prefix", &table.prefix), ("discovery", &table.discovery)];
        for (key, given) in topics {
            if given.as_ref().is_some_and(|text| text.contains(['+', '#'])) {
                let help = "it is the beginning of topics: leave + and # out";
                self.refuse(&at.key(key), "is a filter", help);
            }
        }
        let text = |given: &Option<String>, usual: &str| {
            let text = given.as_deref().unwrap_or(usual);
            text.trim_matches('/').to_owned()
        };
        let announces = table.home_assistant.unwrap_or(true);
        Some(MqttSettings {
            name: name?,
            wants: wants(table.on.as_deref(), table.provisional),
            host: table.host.clone()?,
            port: table.port,
            tls: table.tls.unwrap_or(false),
            ca_file: self.beside(table.ca_file.as_ref()),
            pin: table.pin.clone(),
            certificate: self.beside(table.certificate.as_ref()),
            key: table.key.clone(),
            client_id: table.client_id.clone(),
            user: table.user.clone(),
            password: table.password.clone(),
            prefix: text(&table.prefix, DEFAULT_PREFIX),
            discovery: announces.then(|| text(&table.discovery, DEFAULT_DISCOVERY)),
        })
    }

    fn beside(&self, file: Option<&String>) -> Option<PathBuf> {
        file.map(|file| self.folder.join(file))
    }
}

fn wants(on: Option<&[OnWord]>, provisional: Option<bool>) -> Wants {
    let mut classes = BTreeSet::new();
    for word in on.unwrap_or(&[OnWord::Breach]) {
        match word {
            OnWord::Breach => classes.extend([Class::Breach]),
            OnWord::Undetermined => classes.extend([Class::Undetermined]),
            OnWord::Sight => classes.extend([Class::Sight]),
            OnWord::All => classes.extend([
                Class::Breach,
                Class::Undetermined,
                Class::Sight,
                Class::Passage,
            ]),
        }
    }
    Wants {
        classes,
        provisional: provisional.unwrap_or(true),
    }
}

fn set<T>(setting: &mut T, given: Option<T>) {
    if let Some(given) = given {
        *setting = given;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &str = r#"camera = "what the reader of alerts passes over"
site.name = "hq"
[alerts]
path = "out.db"
give_up_days = 2

[[alerts.webhook]]
name = "guards"
url = "https://guards.example.org/alerts"
secrets = [{ file = "guards.key" }, { env = "GUARDS_OLD" }]
on = ["breach", "sight"]

[[alerts.mqtt]]
name = "home"
host = "broker.local"
user = "tailgate"
password = { file = "mqtt.key" }
on = ["all"]
provisional = false
"#;

    fn load(text: &str) -> Result<Option<SiteAlerts>, String> {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("site.toml");
        std::fs::write(&path, text).expect("written");
        load_alerts(&path).map_err(|problems| problems.to_string())
    }

    #[test]
    fn a_good_table_is_understood() {
        let SiteAlerts { site, settings, .. } = load(GOOD).expect("good").expect("a table");
        assert_eq!(site, "hq");
        assert!(settings.outbox.path.ends_with("out.db"));
        assert_eq!(settings.outbox.give_up, Span::from_s(172_800.0));
        let [hook] = &settings.webhooks[..] else {
            panic!("one webhook");
        };
        assert_eq!(
            hook.wants.classes,
            BTreeSet::from([Class::Breach, Class::Sight])
        );
        assert!(hook.wants.provisional);
        let [broker] = &settings.brokers[..] else {
            panic!("one broker");
        };
        assert_eq!(broker.wants.classes.len(), 4);
        assert!(!broker.wants.provisional);
        assert_eq!(broker.discovery.as_deref(), Some("homeassistant"));
        assert_eq!(settings.secrets().len(), 3);
        assert_eq!(load("[site]\nname = \"x\"\n"), Ok(None));
    }

    #[test]
    fn alerts_wait_in_the_data_folder_unless_the_file_says_where() {
        #[track_caller]
        fn check(text: &str, expect: &str) {
            let loaded = load(text).expect("good").expect("a table");
            assert_eq!(loaded.settings.outbox.path, loaded.folder.join(expect));
        }
        let elsewhere = "[site]\ndata = \"kept\"\n[alerts]\n";
        check("[alerts]\n", "data/alerts.db");
        check(elsewhere, "kept/alerts.db");
        check(
            &elsewhere.replace("kept", "/var/kept"),
            "/var/kept/alerts.db",
        );
        check(&format!("{elsewhere}path = \"out.db\"\n"), "out.db");
    }

    /// A change of the good file, and what is said of it.
    #[track_caller]
    fn check(from: &str, to: &str, expect: &[&str]) {
        assert!(GOOD.contains(from), "{from}");
        let said = load(&GOOD.replacen(from, to, 1)).expect_err("a problem");
        for expect in expect {
            assert!(said.contains(expect), "{expect:?} is not in:\n{said}");
        }
    }

    #[test]
    fn what_is_wrong_is_told_with_its_place_and_what_to_do() {
        let place = "site.toml:9:7: error: alerts.webhook[0].url";
        check("https://guards", "http://guards", &[place, "plain = true"]);
        check("https://guards", "guards", &[place, "is no URL"]);
        check(
            "url",
            "ulr",
            &["did you mean `url`?", "alerts.webhook[0].url: is missing"],
        );
        check("\"sight\"", "\"sigth\"", &["did you mean \"sight\"?"]);
        check(
            "{ file = \"guards.key\" }",
            "\"whsec_x\"",
            &["{ file = ... } or { env = ... }"],
        );
        check("\"home\"", "\"guards\"", &["names a receiver already"]);
        check("\"home\"", "\"at home\"", &["can't be a receiver's name"]);
        check("user = \"tailgate\"\n", "", &["password: stands alone"]);
        check(
            "give_up_days = 2",
            "give_up_days = 2\nkeep_days = 1",
            &["is less than"],
        );
        check(
            "give_up_days = 2",
            "give_up_days = 0",
            &["must be more than 0"],
        );
        let more = "user = \"tailgate\"\npin = \"abc\"\nca_file = \"ca.pem\"\nprefix = \"a/#\"\n\
                    certificate = \"c.pem\"";
        let said = [
            "pin: stands beside `ca_file`",
            "64 hexadecimal digits",
            "prefix: is a filter",
            "certificate: stands alone",
        ];
        check("user = \"tailgate\"", more, &said);
    }
}
