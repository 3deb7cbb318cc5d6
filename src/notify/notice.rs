//! A notice: what is to be told, before it is decided whom it is owed to.

use std::collections::BTreeSet;

use schemars::JsonSchema;
use serde::Deserialize;

use crate::units::Instant;

/// What a notice is about, as far as it matters for whom it goes to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Class {
    /// Somebody passed who should not have: tailgating, entry on exit, unauthorised entry or exit,
    /// wrong way; and what was said to be one of these and is so no more.
    Breach,
    /// A passage that cannot be judged.
    Undetermined,
    /// A camera that cannot be believed, or can be again.
    Sight,
    /// Every other verdict: authorised, exit, free passage, u-turn.
    Passage,
}

/// Something to tell. The same id put twice is one notice.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Notice {
    /// Names it for ever, letters that may stand in a header: `verdict/front/17/2`.
    pub id: String,
    /// What several notices are about: the id without the revision. A sink that was told of a subject
    /// is told whatever comes of it.
    pub subject: String,
    /// The door's name: notices of a door arrive in the order in which they were put.
    pub door: String,
    /// When it happened, UTC.
    pub at: Instant,
    /// What it is about.
    pub class: Class,
    /// Whether it may still change without anybody's doing.
    pub provisional: bool,
    /// The JSON that is sent.
    pub body: Vec<u8>,
}

/// What a sink wants to be told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wants {
    /// Of these classes.
    pub classes: BTreeSet<Class>,
    /// Whether it is told before judgement is final.
    pub provisional: bool,
}

impl Wants {
    /// Whether it wants this one, whatever it was told before.
    pub fn takes(&self, notice: &Notice) -> bool {
        self.classes.contains(&notice.class) && (self.provisional || !notice.provisional)
    }
}

impl Default for Wants {
    fn default() -> Self {
        Self {
            classes: BTreeSet::from([Class::Breach]),
            provisional: true,
        }
    }
}

/// A word as it may stand in an id: what is no letter, digit, `-` or `_` becomes `%XX`.
pub(super) fn id_word(word: &str) -> String {
    let mut out = String::with_capacity(word.len());
    for byte in word.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_' => out.push(char::from(byte)),
            other => out.push_str(&format!("%{other:02X}")),
        }
    }
    out
}
