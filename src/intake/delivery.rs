//! One delivery, as it came over the wire.

use std::sync::Arc;

use crate::units::Instant;

/// Headers of a delivery: names in lower case, values as sent, in the order sent.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Headers(Vec<(String, Vec<u8>)>);

impl Headers {
    /// From names in any case and raw values.
    pub fn new<N: AsRef<str>, V: AsRef<[u8]>>(pairs: impl IntoIterator<Item = (N, V)>) -> Self {
        let lower = |(name, value): (N, V)| {
            let name = name.as_ref().to_ascii_lowercase();
            (name, value.as_ref().to_vec())
        };
        Self(pairs.into_iter().map(lower).collect())
    }

    /// The first value of a header, by its name in lower case.
    pub fn get(&self, name: &str) -> Option<&[u8]> {
        let found = self.0.iter().find(|(known, _)| known == name);
        found.map(|(_, value)| value.as_slice())
    }

    /// The same as text, if it is text.
    pub fn text(&self, name: &str) -> Option<&str> {
        std::str::from_utf8(self.get(name)?).ok()
    }

    /// All of them.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &[u8])> {
        self.0
            .iter()
            .map(|(name, value)| (name.as_str(), value.as_slice()))
    }
}

/// Raw bytes that a source sent, or that a driver fetched from it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Delivery {
    /// The source's name in the configuration.
    pub source: Arc<str>,
    /// When it arrived, on the box's wall clock (UTC).
    pub received: Instant,
    /// Path and query it was sent to, or what it is (`stream`, `backfill`, a topic, a file name).
    pub target: String,
    /// Headers, empty where the transport has none.
    pub headers: Headers,
    /// The body, byte for byte.
    pub body: Vec<u8>,
}
