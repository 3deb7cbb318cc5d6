//! MQTT over TLS against a real broker: whose certificates are believed, and which one we show.
//!
//! Everything goes the way of an intake file's `[source.fetch]`, with files beside it.

use std::path::Path;

use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
};
use tailgate::intake::drivers::{DriverSettings, Fingerprint, driver};
use tailgate::intake::{Secret, SecretRef};

use super::mqtt::{Broker, free_port};
use super::world::{Driver, Log, World};

/// An authority of one's own.
struct Authority {
    issuer: Issuer<'static, KeyPair>,
    pem: String,
}

impl Authority {
    fn new(name: &str) -> Self {
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.distinguished_name.push(DnType::CommonName, name);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate().unwrap();
        let pem = params.self_signed(&key).unwrap().pem();
        let issuer = Issuer::new(params, key);
        Self { issuer, pem }
    }

    /// Writes `NAME.pem` and `NAME.key`; the fingerprint of the certificate.
    fn write(&self, folder: &Path, name: &str, purpose: ExtendedKeyUsagePurpose) -> String {
        use sha2::{Digest, Sha256};
        let mut params = CertificateParams::new(vec!["127.0.0.1".to_owned()]).unwrap();
        params.extended_key_usages = vec![purpose];
        params.distinguished_name.push(DnType::CommonName, name);
        let key = KeyPair::generate().unwrap();
        let certificate = params.signed_by(&key, &self.issuer).unwrap();
        std::fs::write(folder.join(format!("{name}.pem")), certificate.pem()).unwrap();
        std::fs::write(folder.join(format!("{name}.key")), key.serialize_pem()).unwrap();
        hex::encode(Sha256::digest(certificate.der()))
    }
}

/// A broker that speaks TLS on a second port.
struct Guarded {
    broker: Broker,
    port: u16,
    fingerprint: String,
}

impl Guarded {
    /// `asks`: whether it asks its clients for a certificate.
    async fn new(test: &str, asks: bool) -> Option<Self> {
        let port = free_port();
        let mut fingerprint = String::new();
        let broker = Broker::with(test, |folder| {
            let authority = Authority::new("site");
            fingerprint = authority.write(folder, "broker", ExtendedKeyUsagePurpose::ServerAuth);
            authority.write(folder, "box", ExtendedKeyUsagePurpose::ClientAuth);
            let stranger = Authority::new("stranger");
            stranger.write(folder, "stranger", ExtendedKeyUsagePurpose::ClientAuth);
            std::fs::write(folder.join("ca.pem"), &authority.pem).unwrap();
            std::fs::write(folder.join("other-ca.pem"), &stranger.pem).unwrap();
            let at = folder.display();
            format!(
                "listener {port} 127.0.0.1\ncafile {at}/ca.pem\ncertfile {at}/broker.pem\n\
                 keyfile {at}/broker.key\nrequire_certificate {asks}\n"
            )
        })
        .await?;
        Some(Self {
            broker,
            port,
            fingerprint,
        })
    }

    /// Runs the driver of these settings.
    fn run(&self, world: &World, more: &str) -> Driver {
        let settings = format!(
            "driver = \"mqtt\"\nhost = \"127.0.0.1\"\nport = {}\nclient_id = \"box\"\n\
             topics = [\"doors/#\"]\n{more}",
            self.port
        );
        let settings: DriverSettings = toml::from_str(&settings).unwrap();
        let folder = self.broker.folder.path();
        let resolve = |kept: &SecretRef| match kept {
            SecretRef::File(path) => Ok(Secret::new(std::fs::read(folder.join(path)).unwrap())),
            SecretRef::Env(name) => Err(name.clone()),
        };
        let driver = driver(&settings, folder, &resolve).unwrap();
        let context = world.context.clone();
        Driver::start(|stop| async move { driver.run(context, stop).await })
    }

    /// A message comes through.
    async fn check_comes(&self, more: &str) {
        let world = World::plain().await;
        let _driver = self.run(&world, more);
        world
            .until("it is subscribed", |log| !log.back.is_empty())
            .await;
        self.broker.publish(["hello".to_owned()]).await;
        let log = world.until("it came", |log| !log.stored.is_empty()).await;
        assert_eq!(log.stored[0].body, b"hello");
        assert_eq!(log.lost, []);
    }

    /// There is no contact, and it is said why.
    async fn check_refused(&self, more: &str, words: &str) {
        let world = World::plain().await;
        let _driver = self.run(&world, more);
        let lost = |log: &Log| !log.lost.is_empty();
        let log = world.until("contact is lost", lost).await;
        assert!(log.lost[0].1.contains(words), "{:?}", log.lost);
        assert_eq!(log.back, []);
    }
}

#[tokio::test]
async fn a_broker_is_believed_by_its_authority_or_its_fingerprint() {
    let Some(guarded) = Guarded::new("a_broker_is_believed", false).await else {
        return;
    };
    guarded.check_comes("ca_file = \"ca.pem\"").await;
    let pin = format!("pin = \"sha256:{}\"", guarded.fingerprint);
    guarded.check_comes(&pin).await;
    let nobody = "nobody we trust has signed its certificate";
    guarded
        .check_refused("ca_file = \"other-ca.pem\"", nobody)
        .await;
    guarded.check_refused("tls = true", nobody).await;
    let other = format!("pin = \"{}\"", "0".repeat(64));
    assert!(Fingerprint::parse(&"0".repeat(64)).is_ok());
    guarded.check_refused(&other, "is pinned").await;
    // Without TLS the broker hangs up.
    guarded
        .check_refused("", "no contact with the broker at 127.0.0.1")
        .await;
}

#[tokio::test]
async fn a_broker_that_asks_for_a_certificate_gets_ours() {
    let Some(guarded) = Guarded::new("a_broker_that_asks", true).await else {
        return;
    };
    let shown = |name: &str| {
        format!(
            "ca_file = \"ca.pem\"\ncertificate = \"{name}.pem\"\nkey = {{ file = \"{name}.key\" }}"
        )
    };
    guarded.check_comes(&shown("box")).await;
    let asks = "it asks for a certificate of ours";
    guarded.check_refused("ca_file = \"ca.pem\"", asks).await;
    guarded.check_refused(&shown("stranger"), asks).await;
}
