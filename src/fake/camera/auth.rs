//! Who may look: Basic and Digest, as cameras ask for them.
//!
//! Theory of operation: Digest is RFC 2617 without quality of protection, with MD5: what most cameras in use speak. The
//! nonce is made of the realm and never changes, since a fake guards nothing.
//!
//! It deliberately keeps passwords in clear: they are play-things.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use md5::{Digest, Md5};

/// How a password is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AuthScheme {
    /// In clear, base64.
    Basic,
    /// Hashed with a nonce.
    Digest,
}

/// A user name and password that a camera asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Guard {
    /// How it asks.
    pub scheme: AuthScheme,
    /// User name.
    pub user: String,
    /// Password.
    pub password: String,
}

const REALM: &str = "fake camera";

impl Guard {
    /// Whether the header `Authorization` of a request with this method opens the door.
    pub(super) fn admits(&self, authorization: Option<&str>, method: &str) -> bool {
        let Some((scheme, rest)) = authorization.and_then(|text| text.trim().split_once(' '))
        else {
            return false;
        };
        match self.scheme {
            AuthScheme::Basic => {
                let clear = STANDARD.decode(rest.trim()).unwrap_or_default();
                let wanted = format!("{}:{}", self.user, self.password);
                scheme.eq_ignore_ascii_case("basic") && clear == wanted.as_bytes()
            }
            AuthScheme::Digest => {
                scheme.eq_ignore_ascii_case("digest") && self.digest(rest, method)
            }
        }
    }

    fn digest(&self, rest: &str, method: &str) -> bool {
        let field = |name: &str| {
            let part = rest.split(',').find_map(|part| {
                let (key, value) = part.split_once('=')?;
                key.trim().eq_ignore_ascii_case(name).then_some(value)
            });
            part.map(|value| value.trim().trim_matches('"').to_owned())
        };
        let uri = field("uri").unwrap_or_default();
        let first = md5(&format!("{}:{REALM}:{}", self.user, self.password));
        let second = md5(&format!("{method}:{uri}"));
        let wanted = md5(&format!("{first}:{}:{second}", nonce()));
        let named = field("username").as_deref() == Some(&self.user);
        named && field("nonce") == Some(nonce()) && field("response") == Some(wanted)
    }

    /// The header `WWW-Authenticate` of a refusal.
    pub(super) fn challenge(&self) -> String {
        match self.scheme {
            AuthScheme::Basic => format!("Basic realm=\"{REALM}\""),
            AuthScheme::Digest => format!("Digest realm=\"{REALM}\", nonce=\"{}\"", nonce()),
        }
    }
}

fn nonce() -> String {
    md5(REALM)
}

fn md5(text: &str) -> String {
    hex::encode(Md5::digest(text.as_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn guard(scheme: AuthScheme) -> Guard {
        Guard {
            scheme,
            user: "admin".to_owned(),
            password: "p:w".to_owned(),
        }
    }

    #[test]
    fn basic_wants_the_very_password() {
        let guard = guard(AuthScheme::Basic);
        let header = |text: &str| format!("Basic {}", STANDARD.encode(text));
        assert!(guard.admits(Some(&header("admin:p:w")), "DESCRIBE"));
        assert!(!guard.admits(Some(&header("admin:p")), "DESCRIBE"));
        assert!(!guard.admits(None, "DESCRIBE"));
    }

    #[test]
    fn digest_is_of_the_method_too() {
        let guard = guard(AuthScheme::Digest);
        let answer = md5(&format!(
            "{}:{}:{}",
            md5(&format!("admin:{REALM}:p:w")),
            nonce(),
            md5("PLAY:rtsp://h/s")
        ));
        let header = format!(
            "Digest username=\"admin\", realm=\"{REALM}\", nonce=\"{}\", uri=\"rtsp://h/s\", response=\"{answer}\"",
            nonce()
        );
        assert!(guard.admits(Some(&header), "PLAY"));
        assert!(!guard.admits(Some(&header), "SETUP"));
    }
}
