//! The framing of Security Center's event stream, read as it comes.
//!
//! Theory of operation: the stream is lines. A line that begins with the boundary or with
//! `Content-type:` only separates; `ConnectionId:` and `KeepAlive` stand alone; a JSON event is one
//! line; an XML event begins with a bracket and ends with its root's closing tag, or at the next
//! boundary. Waiting for that boundary would hold every event back until the next KeepAlive.
//!
//! It deliberately reads no event, and keeps no more of one than [`MOST_ITEM`].

/// A longer item is dropped, and said to be.
const MOST_ITEM: usize = 1 << 20;

/// What stands between items, in lower case.
const BOUNDARY: &[u8] = b"--genetecboundary";

/// Something on the stream.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Item {
    /// The stream's name, for closing it.
    ConnectionId(String),
    /// The server is alive.
    KeepAlive,
    /// An event in JSON, one line.
    Json(Vec<u8>),
    /// An event in XML, several lines.
    Xml(Vec<u8>),
    /// A line that is none of these.
    Unknown(Vec<u8>),
    /// An item was longer than can be, and is lost: the report has it.
    TooLong,
}

/// Cuts the stream into items.
#[derive(Debug, Default)]
pub struct Framer {
    line: Vec<u8>,
    /// The rest of this line is thrown away.
    skipping: bool,
    /// An XML document that is not complete, and its root's closing tag.
    document: Option<(Vec<u8>, Vec<u8>)>,
}

impl Framer {
    /// Takes some bytes; gives the items that are complete with them.
    pub fn push(&mut self, bytes: &[u8]) -> Vec<Item> {
        let mut items = Vec::new();
        for piece in bytes.split_inclusive(|byte| *byte == b'\n') {
            let (part, ends) = match piece.strip_suffix(b"\n") {
                Some(part) => (part, true),
                None => (piece, false),
            };
            self.take(part, &mut items);
            if ends {
                let line = std::mem::take(&mut self.line);
                if !std::mem::take(&mut self.skipping) {
                    self.end_line(line.strip_suffix(b"\r").unwrap_or(&line), &mut items);
                }
            }
        }
        items
    }

    fn take(&mut self, part: &[u8], items: &mut Vec<Item>) {
        let held = self
            .document
            .as_ref()
            .map_or(0, |(document, _)| document.len());
        if self.skipping {
            return;
        }
        if held + self.line.len() + part.len() > MOST_ITEM {
            self.skipping = true;
            self.line = Vec::new();
            self.document = None;
            items.push(Item::TooLong);
            return;
        }
        self.line.extend_from_slice(part);
    }

    fn end_line(&mut self, line: &[u8], items: &mut Vec<Item>) {
        let plain = line
            .strip_prefix(b"\xef\xbb\xbf")
            .unwrap_or(line)
            .trim_ascii();
        if starts(plain, BOUNDARY) {
            items.extend(
                self.document
                    .take()
                    .map(|(document, _)| Item::Xml(document)),
            );
            return;
        }
        if let Some((document, closing)) = &mut self.document {
            document.extend_from_slice(line);
            document.push(b'\n');
            if contains(plain, closing) {
                items.extend(
                    self.document
                        .take()
                        .map(|(document, _)| Item::Xml(document)),
                );
            }
            return;
        }
        if plain.is_empty() || starts(plain, b"content-type:") {
            return;
        }
        if starts(plain, b"keepalive") {
            items.push(Item::KeepAlive);
        } else if starts(plain, b"connectionid:") {
            let id = String::from_utf8_lossy(&plain["connectionid:".len()..]);
            items.push(Item::ConnectionId(id.trim().to_owned()));
        } else if plain.starts_with(b"{") {
            items.push(Item::Json(plain.to_vec()));
        } else if plain.starts_with(b"<") {
            self.begin_document(plain, items);
        } else {
            items.push(Item::Unknown(plain.to_vec()));
        }
    }

    fn begin_document(&mut self, line: &[u8], items: &mut Vec<Item>) {
        let Some(closing) = closing_tag(line) else {
            // A declaration: the root is on a later line.
            if !starts(line, b"<?xml") {
                items.push(Item::Unknown(line.to_vec()));
            }
            return;
        };
        let mut document = line.to_vec();
        document.push(b'\n');
        match contains(line, &closing) || line.ends_with(b"/>") && !contains(line, b"><") {
            true => items.push(Item::Xml(document)),
            false => self.document = Some((document, closing)),
        }
    }
}

/// The closing tag of the root that begins on a line.
fn closing_tag(line: &[u8]) -> Option<Vec<u8>> {
    let mut rest = line;
    if starts(rest, b"<?") {
        let end = rest.windows(2).position(|pair| pair == b"?>")?;
        rest = rest[end + 2..].trim_ascii();
    }
    let name = rest.strip_prefix(b"<")?;
    let end = name
        .iter()
        .position(|byte| matches!(byte, b'>' | b'/' | b' ' | b'\t'));
    let name = &name[..end.unwrap_or(name.len())];
    let sound = name.first().is_some_and(u8::is_ascii_alphabetic);
    sound.then(|| [b"</", name, b">"].concat())
}

fn starts(line: &[u8], word: &[u8]) -> bool {
    line.get(..word.len())
        .is_some_and(|start| start.eq_ignore_ascii_case(word))
}

fn contains(line: &[u8], word: &[u8]) -> bool {
    line.windows(word.len()).any(|window| window == word)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn told(items: &[Item]) -> Vec<String> {
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        let tell = |item: &Item| match item {
            Item::ConnectionId(id) => format!("id {id}"),
            Item::KeepAlive => "alive".to_owned(),
            Item::Json(bytes) => format!("json {}", text(bytes)),
            Item::Xml(bytes) => format!("xml {}", text(bytes).replace('\n', "|")),
            Item::Unknown(bytes) => format!("unknown {}", text(bytes)),
            Item::TooLong => "too long".to_owned(),
        };
        items.iter().map(tell).collect()
    }

    const STREAM: &str = "ConnectionId:7-8\r\n--GENETECBOUNDARY\r\nContent-type: text/plain\r\n\r\n\
        KeepAlive\r\n--genetecboundary\nContent-Type: text/json\n\n{\"a\":\"<x>\"}\n\
        --GENETECBOUNDARY\r\nContent-type: text/xml\r\n\r\n<WebSdk>\r\n  <Rsp/>\r\n\r\n</WebSdk>\r\n";

    const EXPECT: [&str; 4] = [
        "id 7-8",
        "alive",
        "json {\"a\":\"<x>\"}",
        "xml <WebSdk>|  <Rsp/>\r||</WebSdk>|",
    ];

    #[track_caller]
    fn check(stream: &str, expect: &[&str]) {
        assert_eq!(told(&Framer::default().push(stream.as_bytes())), expect);
    }

    #[test]
    fn items_come_when_they_are_complete() {
        let got = told(&Framer::default().push(STREAM.as_bytes()));
        let got: Vec<String> = got.iter().map(|item| item.replace("\r|", "|")).collect();
        let expect = EXPECT.map(|item| item.replace("\r|", "|"));
        assert_eq!(got, expect);
    }

    #[test]
    fn documents_end_with_their_root_or_at_the_boundary() {
        check(
            "<event a=\"1\">x</event>\n",
            &["xml <event a=\"1\">x</event>|"],
        );
        check("<?xml version=\"1.0\"?>\n<a>\n</a>\n", &["xml <a>|</a>|"]);
        check(
            "<?xml version=\"1.0\"?><a>\n</a>\n",
            &["xml <?xml version=\"1.0\"?><a>|</a>|"],
        );
        check("<a>\n<b>\n--GENETECBOUNDARY\n", &["xml <a>|<b>|"]);
        check("<a/>\nKeepAlive\n", &["xml <a/>|", "alive"]);
        check("< no\n", &["unknown < no"]);
    }

    #[test]
    fn marks_and_strangers_do_no_harm() {
        check("\u{feff}{\"a\":1}\n", &["json {\"a\":1}"]);
        check("KEEPALIVE\n\n\nhello\n", &["alive", "unknown hello"]);
        check("{\"a\":1}", &[]);
    }

    #[test]
    fn an_item_that_is_too_long_is_dropped_and_the_next_one_comes() {
        let long = "x".repeat(MOST_ITEM);
        check(
            &format!("{{\"{long}\"}}\nKeepAlive\n"),
            &["too long", "alive"],
        );
        let lines = "<y>\n".repeat(MOST_ITEM / 4 + 1);
        let got = told(&Framer::default().push(format!("<a>\n{lines}").as_bytes()));
        assert_eq!(got.first().map(String::as_str), Some("too long"));
    }

    proptest! {
        #[test]
        fn it_does_not_matter_how_the_stream_is_cut(cuts in prop::collection::vec(1..40_usize, 1..60)) {
            let whole = told(&Framer::default().push(STREAM.as_bytes()));
            let mut framer = Framer::default();
            let (mut got, mut rest) = (Vec::new(), STREAM.as_bytes());
            for cut in cuts.iter().cycle() {
                let (head, tail) = rest.split_at((*cut).min(rest.len()));
                got.extend(told(&framer.push(head)));
                rest = tail;
                if rest.is_empty() {
                    break;
                }
            }
            prop_assert_eq!(got, whole);
        }

        #[test]
        fn no_bytes_make_it_panic(bytes in prop::collection::vec(any::<u8>(), 0..400)) {
            let items = Framer::default().push(&bytes);
            prop_assert!(items.len() <= bytes.len());
        }
    }
}
