//! Standard Webhooks signatures: HMAC-SHA256 over id, time and body, with one or several secrets.
//!
//! Source: the Standard Webhooks specification, "Signature scheme", symmetric (`v1`). Pure.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

use crate::wire::Secret;

/// What a secret begins with, so that it is known as one wherever it turns up.
const PREFIX: &[u8] = b"whsec_";

/// The specification's bounds of a key, bytes: as strong as the hash at one end, no body at the other.
const KEY_BYTES: std::ops::RangeInclusive<usize> = 24..=64;

/// A key, as it signs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Key(Secret);

impl Key {
    /// From a secret as it is passed on: `whsec_` and base64. What is wrong is told without it.
    pub(super) fn parse(secret: &Secret) -> Result<Self, String> {
        let help = "make one with: printf 'whsec_%s' \"$(openssl rand -base64 32)\"";
        let Some(text) = secret.expose().strip_prefix(PREFIX) else {
            return Err(format!("a secret begins with whsec_; {help}"));
        };
        let key = STANDARD
            .decode(text)
            .map_err(|_| format!("behind whsec_ stands no base64; {help}"))?;
        if !KEY_BYTES.contains(&key.len()) {
            let (least, most) = (KEY_BYTES.start(), KEY_BYTES.end());
            let bytes = key.len();
            return Err(format!(
                "the key has {bytes} bytes, {least} to {most} are needed; {help}"
            ));
        }
        Ok(Self(Secret::new(key)))
    }

    fn sign(&self, id: &str, seconds: i64, body: &[u8]) -> String {
        // A key of any length will do.
        let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(self.0.expose()) else {
            return String::new();
        };
        mac.update(format!("{id}.{seconds}.").as_bytes());
        mac.update(body);
        format!("v1,{}", STANDARD.encode(mac.finalize().into_bytes()))
    }
}

/// The value of `webhook-signature`: one signature a key, so that a receiver that knows any of them
/// believes it.
pub(super) fn signature(keys: &[Key], id: &str, seconds: i64, body: &[u8]) -> String {
    let signatures = keys.iter().map(|key| key.sign(id, seconds, body));
    signatures.collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(bytes: &[u8]) -> Result<Key, String> {
        Key::parse(&Secret::new(format!("whsec_{}", STANDARD.encode(bytes))))
    }

    #[test]
    fn an_independent_library_signs_the_same() {
        for length in [24, 32, 64] {
            let bytes: Vec<u8> = (0..length).collect();
            let theirs = standardwebhooks::Webhook::from_bytes(bytes.clone()).unwrap();
            let ours = key(&bytes).unwrap();
            let body = r#"{"line":"Größe ≤ 2"}"#.as_bytes();
            assert_eq!(
                signature(&[ours], "verdict/a/1/1", 1_780_000_000, body),
                theirs.sign("verdict/a/1/1", 1_780_000_000, body).unwrap()
            );
        }
    }

    #[test]
    fn several_keys_give_several_signatures() {
        let keys = [key(&[1; 32]).unwrap(), key(&[2; 32]).unwrap()];
        let both = signature(&keys, "a", 1, b"{}");
        let each: Vec<_> = keys.iter().map(|key| key.sign("a", 1, b"{}")).collect();
        assert_eq!(both, each.join(" "));
        assert!(each[0] != each[1]);
    }

    #[test]
    fn secrets_that_are_none_are_refused_and_not_shown() {
        assert!(key(&[1; 24]).is_ok());
        for (text, words) in [
            ("hunter2hunter2", "begins with whsec_"),
            ("whsec_!hunter2!", "no base64"),
            ("whsec_aHVudGVyMg==", "7 bytes, 24 to 64"),
        ] {
            let said = Key::parse(&Secret::new(text)).unwrap_err();
            assert!(said.contains(words), "{said}");
            assert!(!said.contains("hunter2"), "{said}");
        }
    }
}
