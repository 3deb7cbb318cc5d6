//! One HTTP client for all drivers: whom it trusts, how it waits, what it says when it fails.
//!
//! Theory of operation: a call is tried again where that can help (nobody answers, 429, 5xx), after
//! what `Retry-After` says or ever longer waits, and a limiter keeps below the vendor's rate. What
//! cannot help is answered at once, as a [`Trouble`] in one sentence with what to do. Secrets stand in
//! headers that are marked as such; no text made here holds one.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use reqwest::header::{HeaderMap, HeaderValue};
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::CryptoProvider;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime};
use rustls::{DigitallySignedStruct, SignatureScheme};
use serde_json::Value;
use sha2::{Digest, Sha256};

use super::{Context, Failure};
use crate::intake::Secret;
use crate::intake::secret::scrubbed_text;
use crate::units::{Instant, Span};

/// How long a connection may take to open.
const CONNECT_WITHIN: Duration = Duration::from_secs(10);

/// How long a whole answer may take; streams have no such limit.
const ANSWER_WITHIN: Duration = Duration::from_secs(60);

/// A longer answer is not read.
const MOST_BODY: usize = 16 << 20;

/// How often one call is tried.
const TRIES: u32 = 4;

/// A vendor that asks for more patience than this is called again by the next round.
const MOST_PATIENCE: Span = Span::from_ms(120_000);

/// SHA-256 of a certificate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Fingerprint([u8; 32]);

impl Fingerprint {
    /// From hexadecimal digits, with or without `sha256:` before and colons between them.
    pub fn parse(text: &str) -> Result<Self, String> {
        let text = text.trim();
        let digits = text.strip_prefix("sha256:").unwrap_or(text);
        let digits = digits.replace([':', ' '], "");
        let mut bytes = [0; 32];
        hex::decode_to_slice(&digits, &mut bytes).map_err(|_| {
            format!("{text:?} is no SHA-256 fingerprint: 64 hexadecimal digits are needed")
        })?;
        Ok(Self(bytes))
    }

    fn of(certificate: &CertificateDer<'_>) -> Self {
        Self(Sha256::digest(certificate).into())
    }
}

impl std::fmt::Display for Fingerprint {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "sha256:{}", hex::encode(self.0))
    }
}

/// Whose certificates are believed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Trust {
    /// Those of the authorities that the system trusts.
    System,
    /// Those of these authorities (PEM), and of no other.
    Authorities(Vec<u8>),
    /// This one certificate, whoever signed it and whatever name it bears.
    Pinned(Fingerprint),
}

/// What went wrong with a vendor, in a sentence for people.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Trouble {
    /// Nobody answers, or not in time, or the connection broke.
    #[error("{0}")]
    Unreachable(String),
    /// The account, key or licence is refused: a person must do something.
    #[error("{0}")]
    Refused(String),
    /// The vendor asks for patience.
    #[error("{0}")]
    Busy(String),
    /// The answer is not what it should be.
    #[error("{0}")]
    Odd(String),
}

impl Trouble {
    /// The same without the secrets that a vendor repeated in its words.
    pub(super) fn hiding(self, hidden: &[Secret]) -> Self {
        match self {
            Self::Unreachable(text) => Self::Unreachable(scrubbed_text(hidden, &text)),
            Self::Refused(text) => Self::Refused(scrubbed_text(hidden, &text)),
            Self::Busy(text) => Self::Busy(scrubbed_text(hidden, &text)),
            Self::Odd(text) => Self::Odd(scrubbed_text(hidden, &text)),
        }
    }

    /// Whether only a person can help.
    pub fn is_refusal(&self) -> bool {
        matches!(self, Self::Refused(_))
    }
}

/// An answer.
#[derive(Debug)]
pub(super) struct Reply {
    pub(super) status: u16,
    pub(super) headers: HeaderMap,
    pub(super) body: Vec<u8>,
    /// What must not be shown of it.
    hidden: Vec<Secret>,
}

impl Reply {
    pub(super) fn is_good(&self) -> bool {
        (200..300).contains(&self.status)
    }

    pub(super) fn json(&self) -> Result<Value, Trouble> {
        let odd = |error| Trouble::Odd(format!("the answer is no JSON: {error}"));
        serde_json::from_slice(&self.body).map_err(odd)
    }

    /// What the vendor says is wrong, as far as it can be shown.
    pub(super) fn words(&self) -> String {
        let json: Option<Value> = serde_json::from_slice(&self.body).ok();
        let said = json.as_ref().and_then(|json| {
            let places = [
                "/message",
                "/error",
                "/Rsp/Result/Message",
                "/error/message",
            ];
            places
                .iter()
                .find_map(|place| json.pointer(place)?.as_str())
        });
        let text = match said {
            Some(said) => said.to_owned(),
            None => String::from_utf8_lossy(&self.body).into_owned(),
        };
        // A vendor may repeat what it was sent.
        let text = scrubbed_text(&self.hidden, &text);
        let clean = text.chars().filter(|c| !c.is_control());
        clean.take(200).collect()
    }
}

/// A call. It has no `Debug`: its body may hold a password.
#[derive(Clone)]
pub(super) struct Call {
    pub(super) method: reqwest::Method,
    pub(super) url: String,
    pub(super) headers: HeaderMap,
    pub(super) body: Option<Value>,
}

impl Call {
    pub(super) fn get(url: String) -> Self {
        Self {
            method: reqwest::Method::GET,
            url,
            headers: HeaderMap::new(),
            body: None,
        }
    }

    pub(super) fn send(method: reqwest::Method, url: String, body: Option<Value>) -> Self {
        Self {
            method,
            body,
            ..Self::get(url)
        }
    }

    pub(super) fn header(mut self, name: &'static str, value: &'static str) -> Self {
        self.headers.insert(name, HeaderValue::from_static(value));
        self
    }

    /// A header that is never shown.
    pub(super) fn secret(mut self, name: &'static str, value: &[u8]) -> Result<Self, Trouble> {
        let unfit = |_| Trouble::Refused(format!("the secret for {name} cannot be in a header"));
        let mut value = HeaderValue::from_bytes(value).map_err(unfit)?;
        value.set_sensitive(true);
        self.headers.insert(name, value);
        Ok(self)
    }
}

/// The client.
#[derive(Debug, Clone)]
pub(super) struct Http {
    client: reqwest::Client,
    limit: Option<Arc<Limiter>>,
    hidden: Vec<Secret>,
}

impl Http {
    /// A client that trusts whom it is told to. `Err`: what is wrong with the certificates.
    pub(super) fn new(trust: &Trust, limit: Option<Limiter>) -> Result<Self, String> {
        let builder = reqwest::Client::builder()
            .user_agent(concat!("tailgate/", env!("CARGO_PKG_VERSION")))
            .connect_timeout(CONNECT_WITHIN)
            // A redirect would carry the password to who knows where.
            .redirect(reqwest::redirect::Policy::none());
        let builder = match client_config(trust)? {
            Some(config) => builder.tls_backend_preconfigured(config),
            None => {
                // Whoever installed a provider before is welcome: any will do.
                let _ = rustls::crypto::ring::default_provider().install_default();
                builder
            }
        };
        let client = builder.build();
        Ok(Self {
            client: client
                .map_err(|error| format!("cannot make an HTTP client: {}", chain(&error)))?,
            limit: limit.map(Arc::new),
            hidden: Vec::new(),
        })
    }

    /// The same client, which shows none of these whatever a vendor says.
    pub(super) fn hiding(self, hidden: Vec<Secret>) -> Self {
        Self { hidden, ..self }
    }

    /// Calls, and again where that can help. `Ok` for every answer below 500 other than 429.
    pub(super) async fn call(&self, context: &Context, call: &Call) -> Result<Reply, Trouble> {
        let mut failures = 0;
        loop {
            if let Some(limit) = &self.limit {
                limit.take(context).await;
            }
            let (trouble, patience) = match self.once(call).await {
                Ok(reply) if reply.status == 429 => {
                    let said = retry_after(&reply.headers);
                    (
                        Trouble::Busy("the vendor asks for fewer requests (429)".into()),
                        said,
                    )
                }
                Ok(reply) if reply.status >= 500 => {
                    let words = reply.words();
                    let what = format!("the vendor fails ({}): {words}", reply.status);
                    (Trouble::Unreachable(what), retry_after(&reply.headers))
                }
                Ok(reply) => return Ok(reply),
                Err(trouble) => (trouble, None),
            };
            failures += 1;
            let wait = patience.unwrap_or(context.wait_after(failures - 1));
            // What makes something must not make it twice, unless nothing was done.
            let safe = call.method != reqwest::Method::POST || matches!(trouble, Trouble::Busy(_));
            if failures >= TRIES || wait > MOST_PATIENCE || !safe {
                return Err(trouble);
            }
            tracing::debug!("{}: {trouble}; trying again", context.source);
            context.clock.sleep(wait).await;
        }
    }

    async fn once(&self, call: &Call) -> Result<Reply, Trouble> {
        let unreachable = |error| Trouble::Unreachable(explained(&call.url, &error));
        let request = self.request(call).timeout(ANSWER_WITHIN);
        let mut reply = request.send().await.map_err(unreachable)?;
        let (status, headers) = (reply.status().as_u16(), reply.headers().clone());
        let mut body = Vec::new();
        while let Some(chunk) = reply.chunk().await.map_err(unreachable)? {
            if body.len() + chunk.len() > MOST_BODY {
                let most = MOST_BODY >> 20;
                return Err(Trouble::Odd(format!(
                    "the answer is longer than {most} MiB"
                )));
            }
            body.extend_from_slice(&chunk);
        }
        Ok(Reply {
            status,
            headers,
            body,
            hidden: self.hidden_of(call),
        })
    }

    /// What an answer must not be shown to say: the account's secrets, and those of the call's headers.
    pub(super) fn hidden_of(&self, call: &Call) -> Vec<Secret> {
        let secret = call.headers.values().filter(|value| value.is_sensitive());
        let whole_and_end = secret.flat_map(|value| {
            let value = value.as_bytes();
            let end = value.rsplit(|byte| *byte == b' ').next().unwrap_or(value);
            [Secret::new(value), Secret::new(end)]
        });
        self.hidden.iter().cloned().chain(whole_and_end).collect()
    }

    /// Opens an answer that is read while it comes.
    pub(super) async fn open(&self, call: &Call) -> Result<reqwest::Response, Trouble> {
        let sent = self.request(call).send().await;
        sent.map_err(|error| Trouble::Unreachable(explained(&call.url, &error)))
    }

    fn request(&self, call: &Call) -> reqwest::RequestBuilder {
        let request = self.client.request(call.method.clone(), &call.url);
        let request = request.headers(call.headers.clone());
        match &call.body {
            Some(body) => request.json(body),
            None => request,
        }
    }
}

fn retry_after(headers: &HeaderMap) -> Option<Span> {
    let seconds: u32 = headers
        .get("retry-after")?
        .to_str()
        .ok()?
        .trim()
        .parse()
        .ok()?;
    Some(Span::from_ms(i64::from(seconds) * 1_000))
}

/// So many requests in a second and no more.
#[derive(Debug)]
pub(super) struct Limiter {
    a_second: usize,
    taken: Mutex<VecDeque<Instant>>,
}

impl Limiter {
    pub(super) fn new(a_second: usize) -> Self {
        Self {
            a_second: a_second.max(1),
            taken: Mutex::default(),
        }
    }

    async fn take(&self, context: &Context) {
        while let Some(wait) = self.wait(context.now()) {
            context.clock.sleep(wait).await;
        }
    }

    /// Takes a place now, or says how long to wait for one.
    fn wait(&self, now: Instant) -> Option<Span> {
        let second = Span::from_ms(1_000);
        let mut taken = self.taken.lock().unwrap_or_else(PoisonError::into_inner);
        while taken
            .front()
            .is_some_and(|first| now.since(*first) >= second)
        {
            taken.pop_front();
        }
        if taken.len() >= self.a_second {
            return taken.front().map(|first| (*first + second).since(now));
        }
        taken.push_back(now);
        None
    }
}

// Whom to trust.

/// Who we are to a server that asks for a certificate: our chain and its key, both PEM.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Identity {
    /// The chain, our own certificate first.
    pub certificate: Vec<u8>,
    /// The private key.
    pub key: Secret,
}

/// The side of TLS that checks the other; `None` for [`Trust::System`].
pub(super) fn client_config(trust: &Trust) -> Result<Option<rustls::ClientConfig>, String> {
    match trust {
        Trust::System => Ok(None),
        other => client_config_as(other, None).map(Some),
    }
}

/// The same, with a certificate of our own to show. The system's authorities are not known here.
pub(super) fn client_config_as(
    trust: &Trust,
    identity: Option<&Identity>,
) -> Result<rustls::ClientConfig, String> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = match trust {
        Trust::System => return Err("name a file of authorities".to_owned()),
        Trust::Authorities(pem) => authorities(pem, provider)?,
        Trust::Pinned(pin) => pinned(*pin, provider)?,
    };
    let Some(identity) = identity else {
        return Ok(builder.with_no_client_auth());
    };
    let unfit = |error| format!("the client's certificate is no PEM: {error}");
    let chain: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&identity.certificate).collect();
    let chain = chain.map_err(unfit)?;
    if chain.is_empty() {
        return Err("the client's certificate file holds no certificate (PEM)".to_owned());
    }
    // What is wrong with a key is not told with its bytes.
    let key = PrivateKeyDer::from_pem_slice(identity.key.expose())
        .map_err(|_| "the client's key is no private key (PEM)".to_owned())?;
    let fitted = builder.with_client_auth_cert(chain, key);
    fitted.map_err(|error| format!("the client's certificate and key cannot be used: {error}"))
}

type Checking = rustls::ConfigBuilder<rustls::ClientConfig, rustls::client::WantsClientCert>;

fn authorities(pem: &[u8], provider: Arc<CryptoProvider>) -> Result<Checking, String> {
    let mut roots = rustls::RootCertStore::empty();
    for certificate in CertificateDer::pem_slice_iter(pem) {
        let certificate =
            certificate.map_err(|error| format!("the file of authorities is no PEM: {error}"))?;
        let added = roots.add(certificate);
        added.map_err(|error| format!("an authority's certificate cannot be used: {error}"))?;
    }
    if roots.is_empty() {
        return Err("the file of authorities holds no certificate (PEM)".to_owned());
    }
    let builder = rustls::ClientConfig::builder_with_provider(provider);
    let builder = builder.with_safe_default_protocol_versions();
    let builder = builder.map_err(|error| error.to_string())?;
    Ok(builder.with_root_certificates(roots))
}

fn pinned(pin: Fingerprint, provider: Arc<CryptoProvider>) -> Result<Checking, String> {
    let verifier = Arc::new(Pin {
        pin,
        provider: Arc::clone(&provider),
    });
    let builder = rustls::ClientConfig::builder_with_provider(provider);
    let builder = builder.with_safe_default_protocol_versions();
    let builder = builder.map_err(|error| error.to_string())?;
    Ok(builder
        .dangerous()
        .with_custom_certificate_verifier(verifier))
}

/// Believes one certificate. That the other side has its key is verified as always.
#[derive(Debug)]
struct Pin {
    pin: Fingerprint,
    provider: Arc<CryptoProvider>,
}

impl ServerCertVerifier for Pin {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        _intermediates: &[CertificateDer<'_>],
        _server_name: &ServerName<'_>,
        _ocsp_response: &[u8],
        _now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        let shown = Fingerprint::of(end_entity);
        if shown == self.pin {
            return Ok(ServerCertVerified::assertion());
        }
        Err(rustls::Error::General(format!(
            "the server shows the certificate {shown} and {} is pinned: if it was renewed, compare \
             the fingerprint on the server itself and pin the new one",
            self.pin
        )))
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        rustls::crypto::verify_tls12_signature(message, certificate, signed, algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        rustls::crypto::verify_tls13_signature(message, certificate, signed, algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider
            .signature_verification_algorithms
            .supported_schemes()
    }
}

// What to say.

/// Why a request failed, with what to do where that is known. Never with the query of its URL.
pub(super) fn explained(url: &str, error: &reqwest::Error) -> String {
    let place = reqwest::Url::parse(url).ok();
    let host = place
        .as_ref()
        .and_then(|url| url.host_str())
        .unwrap_or("the vendor");
    let words = chain(error);
    let advice = match advice(&words) {
        "" if error.is_timeout() => ": it did not answer in time",
        advice => advice,
    };
    format!("no contact with {host}{advice} ({words})")
}

/// What to do about a failure of TLS, by its words; empty where nothing is known.
pub(super) fn advice(words: &str) -> &'static str {
    let says = |any: &[&str]| any.iter().any(|word| words.contains(word));
    if says(&["UnknownIssuer", "CaUsedAsEndEntity", "BadSignature"]) {
        ": nobody we trust has signed its certificate; give the file of its authority, or pin its \
         fingerprint"
    } else if says(&["not valid for name", "NotValidForName"]) {
        ": its certificate bears another name; use that name as the address, or pin its fingerprint"
    } else if says(&[
        "CertificateRequired",
        "CertificateUnknown",
        "UnknownCA",
        "BadCertificate",
    ]) {
        ": it asks for a certificate of ours that it believes"
    } else if says(&["InvalidContentType", "wrong version"]) {
        ": it does not speak TLS on this port; try the address without TLS, or the other port"
    } else {
        ""
    }
}

/// What an error says, down to its cause, without the URL.
fn chain(error: &reqwest::Error) -> String {
    use std::error::Error;
    let mut words: Vec<String> = Vec::new();
    let mut cause = error.source();
    while let Some(inner) = cause {
        let text = inner.to_string();
        if !words.iter().any(|known| known.contains(&text)) {
            words.push(text);
        }
        cause = inner.source();
    }
    match words.is_empty() {
        true if error.is_timeout() => "timed out".to_owned(),
        true => "the request failed".to_owned(),
        false => words.join(": "),
    }
}

/// Percent-encodes everything that might mean something in a query.
pub(super) fn encoded(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' => {
                out.push(char::from(byte));
            }
            other => out.push_str(&format!("%{other:02X}")),
        }
    }
    out
}

/// A base URL without the slash at its end; `Err`: what is wrong with it.
pub(super) fn base_url(text: &str) -> Result<String, String> {
    let url = reqwest::Url::parse(text).map_err(|error| format!("{text:?} is no URL: {error}"))?;
    if !matches!(url.scheme(), "http" | "https") || url.host_str().is_none() {
        return Err(format!(
            "{text:?} must begin with https:// or http:// and name a host"
        ));
    }
    Ok(text.trim_end_matches('/').to_owned())
}

/// The last answer of a kind that nothing helps against.
pub(super) fn odd(what: &str, reply: &Reply) -> Failure {
    Failure::Trouble(Trouble::Odd(format!(
        "{what}: the vendor answers {}: {}",
        reply.status,
        reply.words()
    )))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fingerprints_are_read_as_people_write_them() {
        let plain = "ab".repeat(32);
        let colons = vec!["AB"; 32].join(":");
        let read = |text: &str| Fingerprint::parse(text).map(|pin| pin.to_string());
        assert_eq!(read(&plain), Ok(format!("sha256:{plain}")));
        assert_eq!(read(&colons), read(&plain));
        assert_eq!(read(&format!("sha256:{plain}")), read(&plain));
        for wrong in ["", "abc", &"ab".repeat(31), &"xy".repeat(32)] {
            assert!(Fingerprint::parse(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn the_limiter_lets_so_many_through_in_a_second() {
        let limiter = Limiter::new(2);
        let at = |ms| Instant::ZERO + Span::from_ms(ms);
        assert_eq!(limiter.wait(at(0)), None);
        assert_eq!(limiter.wait(at(400)), None);
        assert_eq!(limiter.wait(at(500)), Some(Span::from_ms(500)));
        assert_eq!(limiter.wait(at(1_000)), None);
        assert_eq!(limiter.wait(at(1_100)), Some(Span::from_ms(300)));
    }

    #[test]
    fn queries_are_encoded() {
        assert_eq!(
            encoded("event(a-b,X)@1 ä"),
            "event%28a-b%2CX%29%401%20%C3%A4"
        );
    }

    #[test]
    fn base_urls_are_checked() {
        assert_eq!(
            base_url("https://host:4591/WebSdk/"),
            Ok("https://host:4591/WebSdk".into())
        );
        for wrong in ["host:4590", "ftp://host", "", "https://"] {
            assert!(base_url(wrong).is_err(), "{wrong}");
        }
    }
}
