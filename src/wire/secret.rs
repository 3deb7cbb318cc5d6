//! A secret that does not show itself.

use std::fmt;
use std::path::PathBuf;

use schemars::JsonSchema;
use serde::Deserialize;

/// Where a secret is kept: never in the configuration itself. Who resolves it takes the trailing line
/// break off a file's text.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum SecretRef {
    /// The whole text of a file that only the service can read.
    File(PathBuf),
    /// The value of an environment variable, by its name.
    Env(String),
}

/// A key, token or password. `Debug` and logs show `[redacted]`; its memory is not cleared.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(Vec<u8>);

impl Secret {
    /// Of raw bytes.
    pub fn new(bytes: impl Into<Vec<u8>>) -> Self {
        Self(bytes.into())
    }

    /// The bytes themselves: for comparing and signing, never for printing.
    pub fn expose(&self) -> &[u8] {
        &self.0
    }
}

/// Stands where a secret stood.
pub(crate) const REDACTED: &str = "[redacted]";

/// A shorter secret is not looked for inside of other texts: it would be found everywhere.
const SHORTEST_SOUGHT: usize = 6;

/// Whether one of the secrets stands in a text.
pub(crate) fn holds(secrets: &[Secret], text: &[u8]) -> bool {
    secrets.iter().any(|secret| find(secret, text, 0).is_some())
}

/// The text with [`REDACTED`] wherever one of the secrets stood; `None` if none did.
pub(crate) fn scrubbed(secrets: &[Secret], text: &[u8]) -> Option<Vec<u8>> {
    let mut clean: Option<Vec<u8>> = None;
    for secret in secrets {
        let before = clean.as_deref().unwrap_or(text);
        let Some(mut at) = find(secret, before, 0) else {
            continue;
        };
        let mut after = Vec::with_capacity(before.len());
        let mut done = 0;
        loop {
            after.extend_from_slice(&before[done..at]);
            after.extend_from_slice(REDACTED.as_bytes());
            done = at + secret.0.len();
            match find(secret, before, done) {
                Some(next) => at = next,
                None => break,
            }
        }
        after.extend_from_slice(&before[done..]);
        clean = Some(after);
    }
    clean
}

/// The same for a sentence that people are to read.
pub(crate) fn scrubbed_text(secrets: &[Secret], text: &str) -> String {
    match scrubbed(secrets, text.as_bytes()) {
        Some(clean) => String::from_utf8_lossy(&clean).into_owned(),
        None => text.to_owned(),
    }
}

/// Where a secret stands in a text, from `from` on.
fn find(secret: &Secret, text: &[u8], from: usize) -> Option<usize> {
    let sought = secret.expose();
    let first = *sought.first()?;
    if sought.len() < SHORTEST_SOUGHT {
        return None;
    }
    let last = text.len().checked_sub(sought.len())?;
    let mut at = from;
    // Most bytes are ruled out by the first one alone: this runs over every body.
    while at <= last {
        at += text[at..=last].iter().position(|byte| *byte == first)?;
        if text[at..].starts_with(sought) {
            return Some(at);
        }
        at += 1;
    }
    None
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[redacted]")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, expect: &str) {
        let secrets = ["hunter2-hunter2", "xyzzy-plugh", "short", ""].map(Secret::new);
        assert_eq!(scrubbed_text(&secrets, text), expect);
        assert_eq!(holds(&secrets, text.as_bytes()), text != expect);
    }

    #[test]
    fn secrets_are_taken_out_wherever_they_stand() {
        check("", "");
        check("nothing short here", "nothing short here");
        check("hunter2-hunter", "hunter2-hunter");
        check("hunter2-hunter2", "[redacted]");
        check("h hunter2-hunter2!", "h [redacted]!");
        check(
            "xyzzy-plugh and hunter2-hunter2hunter2-hunter2",
            "[redacted] and [redacted][redacted]",
        );
    }
}
