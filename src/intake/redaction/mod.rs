//! What of a body is kept: all of it but names, e-mail addresses and secrets.
//!
//! Theory of operation: a body is walked once, as text, and only the values of fields that hold names
//! or addresses are replaced; every other byte stays as it came, so that the body can still be read,
//! by this version or a later one, and damaged bodies are treated alike. Each vendor's adapter names
//! its fields ([`Personal`]); what looks like an e-mail address is replaced wherever it stands, and so
//! is every secret of the source.
//!
//! The placeholder of a value is a keyed hash of it (HMAC-SHA256 under the inbox's own random key, cut
//! to 64 bits): the same value always gives the same placeholder, two people two of them. So events
//! that are told apart by a name stay apart, and repeats stay repeats. What is read from a delivery
//! is read from the redacted body, whether the site stores people or not: an event's id is the same
//! before and after.
//!
//! It deliberately knows no names: a person's name in a field that nobody declared (a free text) is
//! not found. Whoever holds the inbox file holds the key too, and can test guesses against it.

mod email;
mod json;
mod xml;

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

use super::{Adapter, Delivery, Headers, Reading, Secret, Source, Unreadable};
use crate::wire::{REDACTED, scrubbed, scrubbed_text};

/// Bytes of the hash in a placeholder: 64 bits, so that a site's people do not meet by chance.
const SHOWN_BYTES: usize = 8;
/// Objects and lists inside of each other; in what is deeper than the parsers go, every text is hidden.
const MOST_DEPTH: usize = 256;
/// Bodies begin with their first bracket within so many bytes, as the adapters have it.
const MOST_PREFIX: usize = 256;

/// Fields that hold names or addresses, by the ends of their paths.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Personal {
    hidden: Vec<Place>,
    kept: Vec<Place>,
}

/// The end of a path, its last key first.
type Place = Vec<String>;

/// What becomes of a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fate {
    /// It is replaced, and so is everything inside of it.
    Hidden,
    /// It stays even if it looks like an address: it is an id that the site's map relies on.
    Kept,
    /// It stays but for the e-mail addresses in it.
    Plain,
}

impl Personal {
    /// Fields whose paths end like this, for example `user/name`; indices of lists do not count, nor
    /// does the case of letters.
    pub fn hiding<T: AsRef<str>>(paths: impl IntoIterator<Item = T>) -> Self {
        Self {
            hidden: places(paths),
            kept: Vec::new(),
        }
    }

    /// Fields that stay as they are unless their own path is hidden.
    pub fn keeping<T: AsRef<str>>(mut self, paths: impl IntoIterator<Item = T>) -> Self {
        self.kept = places(paths);
        self
    }

    /// What becomes of the value whose key, counted from the last, is `key(n)`.
    fn fate<'a>(&self, key: impl Fn(usize) -> Option<&'a [u8]>) -> Fate {
        let fits = |place: &&Place| {
            let mut parts = place.iter().enumerate();
            parts.all(|(n, part)| {
                key(n).is_some_and(|key| key.eq_ignore_ascii_case(part.as_bytes()))
            })
        };
        if self.hidden.iter().any(|place| fits(&place)) {
            Fate::Hidden
        } else if self.kept.iter().any(|place| fits(&place)) {
            Fate::Kept
        } else {
            Fate::Plain
        }
    }
}

fn places<T: AsRef<str>>(paths: impl IntoIterator<Item = T>) -> Vec<Place> {
    let place = |path: T| -> Place {
        let parts = path.as_ref().split('/').rev();
        let index = |part: &&str| part.bytes().all(|byte| byte.is_ascii_digit());
        let parts = parts.filter(|part| !index(part));
        parts
            .map(|part| part.replace("~1", "/").replace("~0", "~"))
            .collect()
    };
    let all = paths.into_iter().map(place);
    all.filter(|place| !place.is_empty()).collect()
}

/// Takes what must not be stored out of one source's deliveries.
#[derive(Clone)]
pub struct Redactor {
    personal: Personal,
    secrets: Vec<Secret>,
    mac: Hmac<Sha256>,
}

impl std::fmt::Debug for Redactor {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Redactor")
            .field("personal", &self.personal)
            .finish_non_exhaustive()
    }
}

/// What is left of a delivery, and what it says.
#[derive(Debug)]
pub struct TakenIn {
    /// Without names, addresses and secrets.
    pub delivery: Delivery,
    /// Names only where the site stores people.
    pub reading: Result<Reading, Unreadable>,
    /// A keyed hash of the body as it came: tells whether the same came again.
    pub digest: [u8; 32],
}

impl Redactor {
    /// For a source, under the inbox's key.
    pub fn new(source: &Source, key: &Secret) -> Self {
        // A key of any length is taken.
        let mac = Hmac::new_from_slice(key.expose());
        Self {
            personal: source.adapter.personal(),
            secrets: source.secrets.clone(),
            mac: mac.unwrap_or_else(|_| Hmac::new(&Default::default())),
        }
    }

    /// Reads a delivery and makes it fit to be stored.
    pub fn take_in(&self, source: &Source, adapter: &dyn Adapter, delivery: Delivery) -> TakenIn {
        let digest = self.digest(&delivery.body);
        let body = self.body(&delivery.body);
        let named = source.settings.people.then(|| adapter.read(&delivery).ok());
        let delivery = Delivery { body, ..delivery };
        let mut reading = adapter.read(&delivery);
        match &mut reading {
            Ok(reading) => {
                let named = named.flatten().unwrap_or_default().events;
                let aligned = named.len() == reading.events.len();
                let mut named = named.into_iter().filter(|_| aligned);
                for reported in &mut reading.events {
                    reported.person = named.next().and_then(|named| named.person);
                }
            }
            Err(unreadable) => {
                unreadable.what = scrubbed_text(&self.secrets, &unreadable.what);
            }
        }
        let delivery = Delivery {
            headers: self.headers(&delivery.headers),
            ..delivery
        };
        TakenIn {
            delivery: source.redacted(delivery),
            reading,
            digest,
        }
    }

    /// A body as it may be stored.
    pub fn body(&self, body: &[u8]) -> Vec<u8> {
        let clean = scrubbed(&self.secrets, body);
        let body = clean.as_deref().unwrap_or(body);
        let start = body.iter().take(MOST_PREFIX);
        match start.copied().find(|byte| b"{[<".contains(byte)) {
            Some(b'<') => xml::redacted(self, body),
            Some(_) => json::redacted(self, body),
            None => {
                let text = String::from_utf8_lossy(body);
                match self.without_addresses(&text) {
                    Some(masked) => masked.into_bytes(),
                    None => body.to_vec(),
                }
            }
        }
    }

    fn headers(&self, headers: &Headers) -> Headers {
        let clean = |value: &[u8]| {
            let masked = self.without_addresses(std::str::from_utf8(value).ok()?);
            masked.map(String::into_bytes)
        };
        let all = headers.iter();
        Headers::new(all.map(|(name, value)| (name, clean(value).unwrap_or(value.to_vec()))))
    }

    /// A keyed hash of bytes as they came.
    pub fn digest(&self, bytes: &[u8]) -> [u8; 32] {
        self.hash("body", bytes)
    }

    fn hash(&self, of: &str, bytes: &[u8]) -> [u8; 32] {
        let mut mac = self.mac.clone();
        mac.update(of.as_bytes());
        mac.update(&[0]);
        mac.update(bytes);
        mac.finalize().into_bytes().into()
    }

    /// What stands for a hidden value. An empty one hides nobody; a placeholder stays itself.
    fn hidden(&self, value: &str) -> String {
        let value = value.trim();
        if value.is_empty() || is_placeholder(value) {
            return value.to_owned();
        }
        let hash = self.hash("person", value.as_bytes());
        format!("[redacted {}]", hex::encode(&hash[..SHOWN_BYTES]))
    }

    /// A text without the addresses in it; `None` if there are none.
    fn without_addresses(&self, text: &str) -> Option<String> {
        email::replaced(text, |address| self.hidden(address))
    }
}

/// Whether a value was replaced before.
pub(crate) fn is_placeholder(value: &str) -> bool {
    let hash = value
        .strip_prefix("[redacted ")
        .and_then(|rest| rest.strip_suffix(']'));
    let is_hash = |hash: &str| hash.len() == 2 * SHOWN_BYTES && hash.bytes().all(is_hex);
    value == REDACTED || hash.is_some_and(is_hash)
}

fn is_hex(byte: u8) -> bool {
    byte.is_ascii_hexdigit()
}

#[cfg(test)]
mod tests;
