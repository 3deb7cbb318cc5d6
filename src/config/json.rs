//! JSON read with the place of every value, which `serde_json` does not keep.
//!
//! A plain recursive descent over RFC 8259. Strings and numbers are handed to `serde_json` once
//! their ends are found, so that escapes and digits mean exactly what they mean elsewhere.
//! It stops at the first syntax error: what follows one is guesswork.

use std::ops::Range;

use super::document::{Entry, Node, Value};

/// Lists and tables nested deeper than this are refused: no file of ours needs more.
const MAX_DEPTH: usize = 64;

/// Why a text is not JSON.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct JsonError {
    /// Byte offset.
    pub at: usize,
    /// What is wrong.
    pub what: String,
}

/// Parses the whole of `text[range]`; spans count from the start of `text`.
pub(crate) fn parse(text: &str, range: Range<usize>) -> Result<Node, JsonError> {
    let mut parser = Parser {
        text,
        at: range.start,
        end: range.end,
    };
    let node = parser.value(0)?;
    parser.skip_space();
    if parser.at < parser.end {
        return Err(parser.error("something follows the end of the value"));
    }
    Ok(node)
}

struct Parser<'a> {
    text: &'a str,
    at: usize,
    end: usize,
}

impl Parser<'_> {
    fn error(&self, what: impl Into<String>) -> JsonError {
        JsonError {
            at: self.at,
            what: what.into(),
        }
    }

    fn peek(&self) -> Option<u8> {
        let byte = self.text.as_bytes().get(self.at).copied();
        byte.filter(|_| self.at < self.end)
    }

    fn skip_space(&mut self) {
        while let Some(b' ' | b'\t' | b'\n' | b'\r') = self.peek() {
            self.at += 1;
        }
    }

    fn value(&mut self, depth: usize) -> Result<Node, JsonError> {
        self.skip_space();
        if depth > MAX_DEPTH {
            return Err(self.error(format!("is nested deeper than {MAX_DEPTH} levels")));
        }
        let start = self.at;
        let value = match self.peek() {
            None => return Err(self.error("the text ends where a value should stand")),
            Some(b'{') => self.table(depth)?,
            Some(b'[') => self.list(depth)?,
            Some(b'"') => Value::Text(self.string()?),
            Some(_) => self.word()?,
        };
        Ok(Node {
            span: start..self.at,
            value,
        })
    }

    fn table(&mut self, depth: usize) -> Result<Value, JsonError> {
        self.at += 1;
        let mut entries: Vec<Entry> = Vec::new();
        loop {
            self.skip_space();
            match self.peek() {
                Some(b'}') if entries.is_empty() => break,
                Some(b'"') => {}
                Some(b'}') => return Err(self.error("a comma stands before the closing brace")),
                _ => return Err(self.error("a key in double quotes should stand here")),
            }
            let key_start = self.at;
            let key = self.string()?;
            let key_span = key_start..self.at;
            self.skip_space();
            if self.peek() != Some(b':') {
                return Err(self.error("a colon should follow the key"));
            }
            self.at += 1;
            let node = self.value(depth + 1)?;
            if entries.iter().any(|entry| entry.key == key) {
                self.at = key_start;
                return Err(self.error(format!("the key \"{key}\" stands here a second time")));
            }
            entries.push(Entry {
                key,
                key_span,
                node,
            });
            self.skip_space();
            match self.peek() {
                Some(b',') => self.at += 1,
                Some(b'}') => break,
                _ => return Err(self.error("a comma or a closing brace should stand here")),
            }
        }
        self.at += 1;
        Ok(Value::Table(entries))
    }

    fn list(&mut self, depth: usize) -> Result<Value, JsonError> {
        self.at += 1;
        let mut nodes = Vec::new();
        loop {
            self.skip_space();
            match self.peek() {
                Some(b']') if nodes.is_empty() => break,
                Some(b']') => return Err(self.error("a comma stands before the closing bracket")),
                _ => nodes.push(self.value(depth + 1)?),
            }
            self.skip_space();
            match self.peek() {
                Some(b',') => self.at += 1,
                Some(b']') => break,
                _ => return Err(self.error("a comma or a closing bracket should stand here")),
            }
        }
        self.at += 1;
        Ok(Value::List(nodes))
    }

    fn string(&mut self) -> Result<String, JsonError> {
        let start = self.at;
        self.at += 1;
        loop {
            match self.peek() {
                None | Some(b'\n') => {
                    self.at = start;
                    return Err(self.error("a text begins here and its closing quote is missing"));
                }
                Some(b'\\') => self.at += 2,
                Some(b'"') => break,
                Some(_) => self.at += 1,
            }
        }
        self.at += 1;
        let quoted = self.text.get(start..self.at).unwrap_or_default();
        serde_json::from_str(quoted).map_err(|_| JsonError {
            at: start,
            what: "a text holds an escape or a control character that JSON does not know".into(),
        })
    }

    fn word(&mut self) -> Result<Value, JsonError> {
        let start = self.at;
        while let Some(b'0'..=b'9' | b'a'..=b'z' | b'A'..=b'Z' | b'+' | b'-' | b'.' | b'_') =
            self.peek()
        {
            self.at += 1;
        }
        let word = self.text.get(start..self.at).unwrap_or_default();
        let number = || serde_json::from_str::<serde_json::Number>(word).ok();
        match word {
            "null" => Ok(Value::Null),
            "true" => Ok(Value::Bool(true)),
            "false" => Ok(Value::Bool(false)),
            _ => match number() {
                Some(number) => Ok(match number.as_i64() {
                    Some(whole) => Value::Whole(whole),
                    None => Value::Number(number.as_f64().unwrap_or(f64::NAN)),
                }),
                None if word.is_empty() => Err(self.error("no value begins with this character")),
                None => Err(JsonError {
                    at: start,
                    what: format!("`{word}` is no JSON value (a text needs double quotes)"),
                }),
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[track_caller]
    fn check(text: &str, expect: &str) {
        let said = match parse(text, 0..text.len()) {
            Ok(node) => node.to_json().to_string(),
            Err(error) => format!("{}: {}", error.at, error.what),
        };
        assert_eq!(said, expect, "{text}");
    }

    #[test]
    fn values_are_read_and_slips_are_named() {
        check(
            r#" {"a": [1, -2.5e1, "x\n", true, null], "b": {}} "#,
            r#"{"a":[1,-25.0,"x\n",true,null],"b":{}}"#,
        );
        check("", "0: the text ends where a value should stand");
        check("{\"a\" 1}", "5: a colon should follow the key");
        check("{a: 1}", "1: a key in double quotes should stand here");
        check("{\"a\": 1,}", "8: a comma stands before the closing brace");
        check(
            "{\"a\": 1, \"a\": 2}",
            "9: the key \"a\" stands here a second time",
        );
        check("[1 2]", "3: a comma or a closing bracket should stand here");
        check("[1,]", "3: a comma stands before the closing bracket");
        check(
            "\"abc",
            "0: a text begins here and its closing quote is missing",
        );
        check(
            "[\"\\q\"]",
            "1: a text holds an escape or a control character that JSON does not know",
        );
        check(
            "nul",
            "0: `nul` is no JSON value (a text needs double quotes)",
        );
        check(
            "NaN",
            "0: `NaN` is no JSON value (a text needs double quotes)",
        );
        check("1 2", "2: something follows the end of the value");
        check("'a'", "0: no value begins with this character");
        check(
            "1e999",
            "0: `1e999` is no JSON value (a text needs double quotes)",
        );
        let deep = "[".repeat(100_000);
        check(&deep, "65: is nested deeper than 64 levels");
    }

    #[test]
    fn every_value_knows_its_place() {
        let text = r#"{"a": [10, {"b": "c"}]}"#;
        let node = parse(text, 0..text.len()).unwrap();
        let Value::List(list) = &node.get("a").unwrap().value else {
            panic!("a list was written");
        };
        assert_eq!(&text[list[0].span.clone()], "10");
        assert_eq!(&text[list[1].get("b").unwrap().span.clone()], "\"c\"");
        assert_eq!(&text[list[1].entry("b").unwrap().key_span.clone()], "\"b\"");
    }

    proptest! {
        #[test]
        fn it_agrees_with_serde_json(text in r#"[\[\]\{\}",:0-9a-e\\. \-é]{0,24}"#) {
            let ours = parse(&text, 0..text.len());
            let theirs = serde_json::from_str::<serde_json::Value>(&text);
            // Ours refuses repeated keys; else they agree.
            if let Ok(node) = &ours {
                prop_assert_eq!(Some(node.to_json()), theirs.ok());
            } else if let (Err(error), Ok(_)) = (&ours, theirs) {
                prop_assert!(error.what.contains("second time"), "{}", error.what);
            }
        }
    }
}
