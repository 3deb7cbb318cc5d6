//! JSON, walked as text: damaged or not, every byte but the hidden values stays.

use std::borrow::Cow;

use super::{Fate, MOST_DEPTH, Redactor};

/// An object or list that is open.
struct Open<'a> {
    object: bool,
    /// In an object: the key at hand.
    key: Option<Cow<'a, [u8]>>,
    /// In an object: whether a key comes next.
    key_next: bool,
    /// What becomes of everything inside.
    fate: Fate,
}

struct Walk<'a> {
    redactor: &'a Redactor,
    open: Vec<Open<'a>>,
    /// Levels beyond [`MOST_DEPTH`].
    beyond: usize,
    out: Vec<u8>,
}

/// The body without its hidden values.
pub(super) fn redacted(redactor: &Redactor, body: &[u8]) -> Vec<u8> {
    let mut walk = Walk {
        redactor,
        open: Vec::new(),
        beyond: 0,
        out: Vec::with_capacity(body.len() + 64),
    };
    let mut at = 0;
    while at < body.len() {
        at = walk.step(body, at);
    }
    walk.out
}

impl<'a> Walk<'a> {
    /// Takes what stands at `at`; where it ends.
    fn step(&mut self, body: &'a [u8], at: usize) -> usize {
        let byte = body[at];
        match byte {
            b'"' => {
                let end = end_of_text(body, at);
                self.text(&body[at..end]);
                return end;
            }
            b'{' | b'[' => self.enter(byte == b'{'),
            b'}' | b']' => self.leave(),
            b',' => {
                if let Some(open) = self.open.last_mut().filter(|open| open.object) {
                    open.key_next = true;
                }
            }
            b':' => {
                if let Some(open) = self.open.last_mut() {
                    open.key_next = false;
                }
            }
            b'-' | b'0'..=b'9' => {
                let length = body[at..].iter().take_while(|byte| is_number(**byte));
                let end = at + length.count();
                self.number(&body[at..end]);
                return end;
            }
            _ => {}
        }
        self.out.push(byte);
        at + 1
    }

    fn enter(&mut self, object: bool) {
        if self.open.len() >= MOST_DEPTH {
            self.beyond += 1;
            return;
        }
        let fate = self.fate();
        self.open.push(Open {
            object,
            key: None,
            key_next: object,
            fate,
        });
    }

    fn leave(&mut self) {
        match self.beyond.checked_sub(1) {
            Some(left) => self.beyond = left,
            None => drop(self.open.pop()),
        }
    }

    /// What becomes of the value at hand.
    fn fate(&self) -> Fate {
        let Some(last) = self.open.last() else {
            return Fate::Plain;
        };
        if self.beyond > 0 || last.fate == Fate::Hidden {
            return Fate::Hidden;
        }
        if !last.object {
            return last.fate;
        }
        let key = |n: usize| {
            let mut keys = self
                .open
                .iter()
                .rev()
                .filter_map(|open| open.key.as_deref());
            keys.nth(n)
        };
        match self.redactor.personal.fate(key) {
            Fate::Plain => last.fate,
            fate => fate,
        }
    }

    /// A text with its quotes: a key, or a value.
    fn text(&mut self, token: &'a [u8]) {
        if self.beyond == 0
            && let Some(open) = self.open.last_mut().filter(|open| open.key_next)
        {
            open.key = Some(decoded_key(token));
            self.out.extend_from_slice(token);
            return;
        }
        let fate = self.fate();
        let suspect = fate == Fate::Plain && token.contains(&b'@');
        if fate != Fate::Hidden && !suspect {
            self.out.extend_from_slice(token);
            return;
        }
        let text = decoded(token);
        let clean = match fate {
            Fate::Hidden => Some(self.redactor.hidden(&text)),
            _ => self.redactor.without_addresses(&text),
        };
        match clean.filter(|clean| *clean != text) {
            Some(clean) => {
                let written = serde_json::Value::String(clean).to_string();
                self.out.extend_from_slice(written.as_bytes());
            }
            None => self.out.extend_from_slice(token),
        }
    }

    fn number(&mut self, token: &[u8]) {
        if self.fate() != Fate::Hidden {
            self.out.extend_from_slice(token);
            return;
        }
        let clean = self.redactor.hidden(&String::from_utf8_lossy(token));
        self.out.push(b'"');
        self.out.extend_from_slice(clean.as_bytes());
        self.out.push(b'"');
    }
}

fn is_number(byte: u8) -> bool {
    byte.is_ascii_digit() || b"+-.eE".contains(&byte)
}

/// Behind the closing quote of the text that begins at `at`, or the end of the body.
fn end_of_text(body: &[u8], at: usize) -> usize {
    let mut escaped = false;
    for (n, byte) in body[at + 1..].iter().enumerate() {
        match byte {
            _ if escaped => escaped = false,
            b'\\' => escaped = true,
            b'"' => return at + n + 2,
            _ => {}
        }
    }
    body.len()
}

/// Without its quotes; a text that breaks off, or is none, as it stands.
fn decoded(token: &[u8]) -> String {
    match serde_json::from_slice(token) {
        Ok(text) => text,
        Err(_) => String::from_utf8_lossy(inside(token)).into_owned(),
    }
}

fn decoded_key(token: &[u8]) -> Cow<'_, [u8]> {
    match token.contains(&b'\\') {
        true => Cow::Owned(decoded(token).into_bytes()),
        false => Cow::Borrowed(inside(token)),
    }
}

fn inside(token: &[u8]) -> &[u8] {
    let token = token.strip_prefix(b"\"").unwrap_or(token);
    token.strip_suffix(b"\"").unwrap_or(token)
}
