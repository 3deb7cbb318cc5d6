//! XML, walked as text: damaged or not, every byte but the hidden values stays.

use super::{Fate, MOST_DEPTH, Redactor};

struct Walk<'a> {
    redactor: &'a Redactor,
    /// Names of open elements, and whether everything inside is hidden.
    open: Vec<(&'a [u8], bool)>,
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
        let rest = &body[at..];
        if let Some(inside) = rest.strip_prefix(b"<![CDATA[") {
            let end = find(inside, b"]]>").unwrap_or(inside.len());
            self.out.extend_from_slice(b"<![CDATA[");
            self.value(&inside[..end], None);
            let close = inside[end..].len().min(3);
            self.out.extend_from_slice(&inside[end..end + close]);
            return body.len() - inside.len() + end + close;
        }
        if rest.starts_with(b"<!--") {
            return self.as_it_is(body, at, find(rest, b"-->").map(|end| end + 3));
        }
        if rest.starts_with(b"</") {
            match self.beyond.checked_sub(1) {
                Some(left) => self.beyond = left,
                None => drop(self.open.pop()),
            }
            return self.as_it_is(body, at, find(rest, b">").map(|end| end + 1));
        }
        if rest.starts_with(b"<!") || rest.starts_with(b"<?") {
            return self.as_it_is(body, at, find(rest, b">").map(|end| end + 1));
        }
        if rest.starts_with(b"<") {
            return at + self.tag(rest);
        }
        let end = find(rest, b"<").unwrap_or(rest.len());
        self.value(&rest[..end], None);
        at + end
    }

    fn as_it_is(&mut self, body: &[u8], at: usize, length: Option<usize>) -> usize {
        let end = length.map_or(body.len(), |length| at + length);
        self.out.extend_from_slice(&body[at..end]);
        end
    }

    /// An opening tag with its attributes; its length.
    fn tag(&mut self, rest: &'a [u8]) -> usize {
        let name_end = 1 + length(&rest[1..], |byte| !b" \t\r\n/>".contains(&byte));
        let name = local(&rest[1..name_end]);
        self.write_name(&rest[..name_end]);
        let inner = match self.open.len() >= MOST_DEPTH {
            true => {
                self.beyond += 1;
                false
            }
            false => {
                let hidden = self.fate(Some(name)) == Fate::Hidden;
                self.open.push((name, hidden));
                true
            }
        };
        let mut at = name_end;
        while at < rest.len() && rest[at] != b'>' {
            let blank = length(&rest[at..], |byte| b" \t\r\n/=".contains(&byte));
            self.out.extend_from_slice(&rest[at..at + blank]);
            at += blank;
            match rest.get(at) {
                Some(quote @ (b'"' | b'\'')) => {
                    // A value without a name belongs to nothing.
                    let inside = &rest[at + 1..];
                    let end = find(inside, &[*quote]).unwrap_or(inside.len());
                    self.out.push(*quote);
                    self.value(&inside[..end], None);
                    at += 1 + end;
                    self.close_quote(rest, &mut at);
                }
                Some(b'>') | None => {}
                Some(_) => at = self.attribute(rest, at),
            }
        }
        let empty = at > 0 && rest.get(at - 1) == Some(&b'/');
        if empty && inner {
            self.open.pop();
        } else if empty {
            self.beyond -= 1;
        }
        if at < rest.len() {
            self.out.push(b'>');
            at += 1;
        }
        at
    }

    /// `<ann@example.org>` is no element, and `<` makes no document.
    fn write_name(&mut self, name: &[u8]) {
        let text = String::from_utf8_lossy(name);
        match self.redactor.without_addresses(&text) {
            Some(clean) => self.out.extend_from_slice(clean.as_bytes()),
            None => self.out.extend_from_slice(name),
        }
    }

    /// One attribute; where it ends.
    fn attribute(&mut self, rest: &'a [u8], from: usize) -> usize {
        let end = from + length(&rest[from..], |byte| !b" \t\r\n/>=".contains(&byte));
        let name = local(&rest[from..end]);
        self.out.extend_from_slice(&rest[from..end]);
        let mut at = end;
        let gap = length(&rest[at..], |byte| b" \t\r\n=".contains(&byte));
        self.out.extend_from_slice(&rest[at..at + gap]);
        at += gap;
        if let Some(quote @ (b'"' | b'\'')) = rest.get(at) {
            let inside = &rest[at + 1..];
            let end = find(inside, &[*quote]).unwrap_or(inside.len());
            self.out.push(*quote);
            self.value(&inside[..end], Some(name));
            at += 1 + end;
            self.close_quote(rest, &mut at);
        }
        at
    }

    fn close_quote(&mut self, rest: &[u8], at: &mut usize) {
        if let Some(quote) = rest.get(*at) {
            self.out.push(*quote);
            *at += 1;
        }
    }

    /// A text or an attribute's value. White space around it stays.
    fn value(&mut self, value: &[u8], attribute: Option<&[u8]>) {
        let text = value.trim_ascii();
        let fate = self.fate(attribute);
        if text.is_empty() || fate == Fate::Kept {
            self.out.extend_from_slice(value);
            return;
        }
        let shown = String::from_utf8_lossy(text);
        let clean = match fate {
            Fate::Hidden => Some(self.redactor.hidden(&shown)),
            _ => self.redactor.without_addresses(&shown),
        };
        let Some(clean) = clean else {
            self.out.extend_from_slice(value);
            return;
        };
        let before = length(value, |byte| byte.is_ascii_whitespace());
        self.out.extend_from_slice(&value[..before]);
        self.out.extend_from_slice(clean.as_bytes());
        self.out.extend_from_slice(&value[before + text.len()..]);
    }

    /// What becomes of the text at hand, or of an attribute or element of this name.
    fn fate(&self, name: Option<&[u8]>) -> Fate {
        let hidden = self.open.last().is_some_and(|(_, hidden)| *hidden);
        if hidden || self.beyond > 0 {
            return Fate::Hidden;
        }
        let inside = usize::from(name.is_some());
        let key = |n: usize| match n.checked_sub(inside) {
            Some(n) => self.open.iter().rev().nth(n).map(|(name, _)| *name),
            None => name,
        };
        self.redactor.personal.fate(key)
    }
}

/// A name without its prefix.
fn local(name: &[u8]) -> &[u8] {
    match name.iter().rposition(|byte| *byte == b':') {
        Some(colon) => &name[colon + 1..],
        None => name,
    }
}

fn length(bytes: &[u8], fits: impl Fn(u8) -> bool) -> usize {
    bytes.iter().take_while(|byte| fits(**byte)).count()
}

fn find(bytes: &[u8], sought: &[u8]) -> Option<usize> {
    bytes
        .windows(sought.len())
        .position(|window| window == sought)
}
