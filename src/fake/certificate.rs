//! A self-signed certificate for a fake, as many a Security Center has.

use sha2::{Digest, Sha256};

use super::FakeError;

/// A certificate that nobody vouches for, with its key.
#[derive(Clone)]
pub struct Certificate {
    der: Vec<u8>,
    key: Vec<u8>,
    pem: String,
}

impl std::fmt::Debug for Certificate {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Certificate({})", self.fingerprint())
    }
}

impl Certificate {
    /// A new one, for these host names and addresses.
    pub fn self_signed(names: &[&str]) -> Result<Self, FakeError> {
        let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
        let made = rcgen::generate_simple_self_signed(names)
            .map_err(|error| FakeError::Certificate(error.to_string()))?;
        Ok(Self {
            der: made.cert.der().to_vec(),
            key: made.signing_key.serialize_der(),
            pem: made.cert.pem(),
        })
    }

    /// SHA-256 of the certificate, in hexadecimal: what people compare and pin.
    pub fn fingerprint(&self) -> String {
        hex::encode(Sha256::digest(&self.der))
    }

    /// The certificate in PEM, for those who would trust it as their own authority.
    pub fn pem(&self) -> &str {
        &self.pem
    }

    pub(super) fn acceptor(&self) -> Result<tokio_rustls::TlsAcceptor, FakeError> {
        use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};
        let wrong = |error: rustls::Error| FakeError::Certificate(error.to_string());
        let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(self.key.clone()));
        let provider = std::sync::Arc::new(rustls::crypto::ring::default_provider());
        let config = rustls::ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(wrong)?
            .with_no_client_auth()
            .with_single_cert(vec![CertificateDer::from(self.der.clone())], key)
            .map_err(wrong)?;
        Ok(std::sync::Arc::new(config).into())
    }
}
