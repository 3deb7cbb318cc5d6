//! Whose certificates are believed, and which one we show.
//!
//! Theory of operation: the system's authorities, authorities of one's own, or one pinned certificate,
//! whoever signed it. That the other side has its certificate's key is verified in all three cases.

use std::sync::Arc;

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::CryptoProvider;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime};
use rustls::{DigitallySignedStruct, SignatureScheme};
use sha2::{Digest, Sha256};

use super::Secret;

/// The authorities that Debian and its kin trust.
const SYSTEM_AUTHORITIES: &str = "/etc/ssl/certs/ca-certificates.crt";

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

/// Who we are to a server that asks for a certificate: our chain and its key, both PEM.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Identity {
    /// The chain, our own certificate first.
    pub certificate: Vec<u8>,
    /// The private key.
    pub key: Secret,
}

/// The side of TLS that checks the other; `None` for [`Trust::System`].
pub(crate) fn client_config(trust: &Trust) -> Result<Option<rustls::ClientConfig>, String> {
    match trust {
        Trust::System => Ok(None),
        other => client_config_as(other, None).map(Some),
    }
}

/// The same, with a certificate of our own to show. The system's authorities are not known here.
pub(crate) fn client_config_as(
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

/// The same for those who know no authorities by themselves: the system's are read from its file.
pub(crate) fn client_config_for(
    trust: &Trust,
    identity: Option<&Identity>,
) -> Result<rustls::ClientConfig, String> {
    let Trust::System = trust else {
        return client_config_as(trust, identity);
    };
    let pem = std::fs::read(SYSTEM_AUTHORITIES).map_err(|error| {
        format!("cannot read {SYSTEM_AUTHORITIES} ({error}): name a file of authorities")
    })?;
    client_config_as(&Trust::Authorities(pem), identity)
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
}
