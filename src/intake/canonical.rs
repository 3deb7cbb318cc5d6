//! A key for an event to which its vendor gives none.
//!
//! Theory of operation: SHA-256 over the vendor's own fields, named and in a fixed order, each with
//! its length, so that no two lists of fields make the same text. A field that is absent differs from
//! one that is empty. What was sent twice gets the same key; what only happened at the same moment
//! does not. Which fields are hashed is part of each vendor's format, and changing it makes known
//! events new ones: it is done on purpose or not at all.

use serde_json::Value;
use sha2::{Digest, Sha256};

/// A key in the making.
#[derive(Debug, Clone)]
pub(crate) struct Key(Sha256);

impl Key {
    /// For events of one vendor and format; a later format of the key gets another name.
    pub(crate) fn new(format: &str) -> Self {
        let mut key = Self(Sha256::new());
        key.part(format.as_bytes());
        key
    }

    /// Adds a field.
    pub(crate) fn field(mut self, name: &str, value: Option<&str>) -> Self {
        self.part(name.as_bytes());
        match value {
            Some(value) => self.part(value.as_bytes()),
            None => self.0.update(u64::MAX.to_be_bytes()),
        }
        self
    }

    /// Adds a JSON value, whatever the order of its keys and the spaces in it.
    pub(crate) fn json(mut self, name: &str, value: &Value) -> Self {
        self.part(name.as_bytes());
        let mut text = String::new();
        write(value, &mut text);
        self.part(text.as_bytes());
        self
    }

    /// 64 hexadecimal digits.
    pub(crate) fn finish(self) -> String {
        hex::encode(self.0.finalize())
    }

    fn part(&mut self, bytes: &[u8]) {
        self.0.update((bytes.len() as u64).to_be_bytes());
        self.0.update(bytes);
    }
}

/// Writes a value with sorted keys and no spaces. As deep as the parser let it be: 128 levels.
fn write(value: &Value, into: &mut String) {
    match value {
        Value::Array(items) => {
            into.push('[');
            for item in items {
                write(item, into);
                into.push(',');
            }
            into.push(']');
        }
        Value::Object(fields) => {
            let mut sorted: Vec<_> = fields.iter().collect();
            sorted.sort_by_key(|(name, _)| name.as_str());
            into.push('{');
            for (name, value) in sorted {
                into.push_str(&Value::from(name.as_str()).to_string());
                into.push(':');
                write(value, into);
                into.push(',');
            }
            into.push('}');
        }
        plain => into.push_str(&plain.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(fields: &[(&str, Option<&str>)]) -> String {
        let key = Key::new("test");
        let add = |key: Key, (name, value): &(&str, Option<&str>)| key.field(name, *value);
        fields.iter().fold(key, add).finish()
    }

    #[test]
    fn no_two_lists_of_fields_make_one_key() {
        let lists: [&[(&str, Option<&str>)]; 7] = [
            &[],
            &[("a", None)],
            &[("a", Some(""))],
            &[("a", Some("b"))],
            &[("ab", Some(""))],
            &[("a", Some("b")), ("c", Some("d"))],
            &[("a", Some("bc")), ("", Some("d"))],
        ];
        let keys: std::collections::BTreeSet<_> = lists.iter().map(|list| key(list)).collect();
        assert_eq!(keys.len(), lists.len());
        assert!(keys.iter().all(|key| key.len() == 64));
    }

    #[test]
    fn json_is_the_same_however_it_is_written() {
        #[track_caller]
        fn check(a: &str, b: &str, same: bool) {
            let key = |text: &str| {
                let value = serde_json::from_str(text).unwrap();
                Key::new("test").json("row", &value).finish()
            };
            assert_eq!(key(a) == key(b), same, "{a} {b}");
        }
        check(
            r#"{"a":1,"b":[2,3]}"#,
            r#" { "b" : [2, 3], "a": 1 } "#,
            true,
        );
        check(r#"{"a":1,"b":[2,3]}"#, r#"{"a":1,"b":[3,2]}"#, false);
        check(r#"{"a":1}"#, r#"{"a":"1"}"#, false);
        check(r#"{"a":null}"#, "{}", false);
        check(r#"["a,","b"]"#, r#"["a",",b"]"#, false);
    }
}
