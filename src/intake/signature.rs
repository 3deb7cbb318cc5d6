//! Whether a delivery was sent by somebody who knows one of the source's secrets.
//!
//! Theory of operation: keys are prepared once, when an adapter is made. Several are active at once,
//! so that a secret can be changed without losing a delivery: the new one is added, the sender is
//! changed, the old one is taken out. Every comparison runs through `Mac::verify_slice`, which takes
//! the same time wherever two texts differ; all keys are tried each time, so that the time does not
//! say which one fitted either.
//!
//! It deliberately knows no headers: which text carries the signature, and over what it was made, is
//! each vendor's affair.

use hmac::{Hmac, KeyInit, Mac};
use sha1::Sha1;
use sha2::Sha256;

use super::{Refusal, Secret};
use crate::units::{Instant, Span};

/// A delivery signed longer ago, or further in the future, is refused: whoever recorded it can send
/// it again. Senders retry within minutes and clocks are rarely off by more (the value that Stripe
/// and Standard Webhooks use).
const TOLERANCE: Span = Span::from_ms(300_000);

/// Any constant: tokens are compared as the codes that this key makes of them.
const COMPARE_KEY: &[u8] = b"tailgate compares tokens";

/// The hash that a vendor signs with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Hash {
    /// HMAC-SHA256.
    Sha256,
    /// HMAC-SHA1: still sound as a MAC, and what one vendor uses.
    Sha1,
}

/// Secrets that sign deliveries.
#[derive(Clone)]
pub(crate) enum Keys {
    Sha256(Vec<Hmac<Sha256>>),
    Sha1(Vec<Hmac<Sha1>>),
}

impl Keys {
    /// Prepared for use.
    pub(crate) fn new(hash: Hash, secrets: &[Secret]) -> Self {
        // A key of any length is taken, so nothing is ever left out.
        match hash {
            Hash::Sha256 => Self::Sha256(
                secrets
                    .iter()
                    .filter_map(|secret| Hmac::new_from_slice(secret.expose()).ok())
                    .collect(),
            ),
            Hash::Sha1 => Self::Sha1(
                secrets
                    .iter()
                    .filter_map(|secret| Hmac::new_from_slice(secret.expose()).ok())
                    .collect(),
            ),
        }
    }

    /// Whether `mac` is the code of the joined `parts` under one of the keys.
    pub(crate) fn verify(&self, parts: &[&[u8]], mac: &[u8]) -> Result<(), Refusal> {
        let fits = match self {
            Self::Sha256(keys) => any_fits(keys, parts, mac),
            Self::Sha1(keys) => any_fits(keys, parts, mac),
        };
        if fits { Ok(()) } else { Err(Refusal::Wrong) }
    }
}

fn any_fits<M: Mac + Clone>(keys: &[M], parts: &[&[u8]], mac: &[u8]) -> bool {
    let mut fits = false;
    for key in keys {
        let mut code = key.clone();
        for part in parts {
            code.update(part);
        }
        fits |= code.verify_slice(mac).is_ok();
    }
    fits
}

/// Keys are not for logs.
impl std::fmt::Debug for Keys {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Keys([redacted])")
    }
}

/// Secrets that are sent as they are: path tokens, bearer tokens, passwords.
#[derive(Clone)]
pub(crate) struct Tokens(Vec<Vec<u8>>);

impl Tokens {
    /// Prepared for comparing: only their codes are kept, all of one length.
    pub(crate) fn new(secrets: &[Secret]) -> Self {
        let code = |secret: &Secret| {
            Some(
                compare_code(secret.expose())?
                    .finalize()
                    .as_bytes()
                    .to_vec(),
            )
        };
        Self(secrets.iter().filter_map(code).collect())
    }

    /// Whether `given` is one of them, in a time that says neither which nor how much of it.
    pub(crate) fn verify(&self, given: &[u8]) -> Result<(), Refusal> {
        let mut fits = false;
        for known in &self.0 {
            fits |= compare_code(given).is_some_and(|code| code.verify_slice(known).is_ok());
        }
        if fits { Ok(()) } else { Err(Refusal::Wrong) }
    }
}

fn compare_code(text: &[u8]) -> Option<Hmac<Sha256>> {
    let mut code = Hmac::new_from_slice(COMPARE_KEY).ok()?;
    code.update(text);
    Some(code)
}

/// Tokens are not for logs.
impl std::fmt::Debug for Tokens {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Tokens([redacted])")
    }
}

/// Whether a delivery that was signed at `signed` (seconds since 1970) is fresh at `received`.
pub(crate) fn fresh(signed: i64, received: Instant) -> Result<(), Refusal> {
    let signed = Instant::from_us(signed.saturating_mul(1_000_000));
    if received.since(signed).abs() > TOLERANCE {
        return Err(Refusal::Stale);
    }
    Ok(())
}

/// A code written in hexadecimal digits of either case.
pub(crate) fn from_hex(text: &str) -> Result<Vec<u8>, Refusal> {
    let code = hex::decode(text.trim()).map_err(|_| Refusal::Malformed)?;
    if code.is_empty() {
        return Err(Refusal::Malformed);
    }
    Ok(code)
}
