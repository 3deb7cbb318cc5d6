//! A parsed TOML or JSON text in which every value knows where it stands.
//!
//! Theory of operation: TOML comes from the `toml` crate's spanned tables, JSON from [`super::json`];
//! both become one tree of [`Node`]s, so that one walker checks both against a schema and one
//! look-up finds the place of any key for the checks of meaning that come later.

use std::fmt;
use std::ops::Range;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::problem::{Place, Problem, Problems, Severity};

/// A text with a name, and where its lines begin.
#[derive(Debug, Clone)]
pub(crate) struct Source {
    /// The file as the user named it.
    pub name: String,
    /// Its text, without byte order mark.
    pub text: String,
    line_starts: Vec<usize>,
}

/// A value and where it stands.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Node {
    /// Byte range in the source.
    pub span: Range<usize>,
    /// The value.
    pub value: Value,
}

/// One value.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Value {
    /// JSON's null.
    Null,
    /// True or false.
    Bool(bool),
    /// A whole number.
    Whole(i64),
    /// Any other number; not always finite (TOML knows inf and nan).
    Number(f64),
    /// A text.
    Text(String),
    /// A TOML date or time, as written.
    Date(String),
    /// A list.
    List(Vec<Node>),
    /// A table, in the order of the file.
    Table(Vec<Entry>),
}

/// One key of a table.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Entry {
    /// The key.
    pub key: String,
    /// Where the key stands.
    pub key_span: Range<usize>,
    /// Its value.
    pub node: Node,
}

/// A source and what it says.
#[derive(Debug, Clone)]
pub(crate) struct Document {
    /// The text.
    pub source: Source,
    /// Its value; a table for every TOML text.
    pub root: Node,
    /// Where the first slip of syntax stands after which the tree is guesswork.
    pub torn_at: Option<usize>,
}

/// The way to a value: `portal[0].points_px`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct KeyPath(pub Vec<Step>);

/// One step of the way.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Step {
    /// Into a table.
    Key(String),
    /// Into a list, from 0.
    Index(usize),
}

impl KeyPath {
    /// The way to a key of the top table.
    pub fn of(key: &str) -> Self {
        Self::default().key(key)
    }

    /// One step on, into a table.
    pub fn key(&self, key: &str) -> Self {
        let mut steps = self.0.clone();
        steps.push(Step::Key(key.to_owned()));
        Self(steps)
    }

    /// The key `name` of the same table.
    pub fn beside(&self, name: &str) -> Self {
        let mut steps = self.0.clone();
        steps.pop();
        steps.push(Step::Key(name.to_owned()));
        Self(steps)
    }

    /// One step on, into a list.
    pub fn index(&self, index: usize) -> Self {
        let mut steps = self.0.clone();
        steps.push(Step::Index(index));
        Self(steps)
    }
}

impl fmt::Display for KeyPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, step) in self.0.iter().enumerate() {
            match step {
                Step::Key(key) if i == 0 => write!(f, "{key}")?,
                Step::Key(key) => write!(f, ".{key}")?,
                Step::Index(index) => write!(f, "[{index}]")?,
            }
        }
        Ok(())
    }
}

impl Source {
    /// A source from a text.
    pub fn new(name: &str, text: &str) -> Self {
        let text = text.strip_prefix('\u{feff}').unwrap_or(text).to_owned();
        let mut line_starts = vec![0];
        line_starts.extend(text.match_indices('\n').map(|(at, _)| at + 1));
        Self {
            name: name.to_owned(),
            text,
            line_starts,
        }
    }

    /// A source from bytes; says what is wrong if they are no UTF-8 text.
    pub fn from_bytes(name: &str, bytes: &[u8], problems: &mut Problems) -> Option<Self> {
        if bytes.starts_with(&[0xff, 0xfe]) || bytes.starts_with(&[0xfe, 0xff]) {
            problems.file_error(name, "is UTF-16 text", "save it as UTF-8");
            return None;
        }
        match std::str::from_utf8(bytes) {
            Ok(text) => Some(Self::new(name, text)),
            Err(error) => {
                let before = &bytes[..error.valid_up_to()];
                let good = Self::new(name, &String::from_utf8_lossy(before));
                problems.push(good.problem(
                    Severity::Error,
                    good.text.len(),
                    String::new(),
                    "is not UTF-8 text from here on",
                    "save the file as UTF-8 text",
                ));
                None
            }
        }
    }

    /// The place of a byte offset; offsets past the end are the end.
    pub fn place(&self, offset: usize) -> Place {
        let offset = offset.min(self.text.len());
        let line = self.line_starts.partition_point(|start| *start <= offset);
        let start = self.line_starts[line.saturating_sub(1)];
        let before = self.text.as_bytes().get(start..offset).unwrap_or_default();
        // Bytes that begin a character; an offset inside a character must not panic.
        let characters = before.iter().filter(|byte| (**byte & 0xc0) != 0x80).count();
        Place {
            line: line.max(1),
            column: characters + 1,
        }
    }

    /// A problem at a byte offset.
    pub fn problem(
        &self,
        severity: Severity,
        offset: usize,
        key: String,
        what: impl Into<String>,
        help: impl Into<String>,
    ) -> Problem {
        Problem {
            severity,
            file: self.name.clone(),
            place: Some(self.place(offset)),
            key,
            what: what.into(),
            help: help.into(),
        }
    }
}

impl Node {
    /// The value of a key, if this is a table that has it.
    pub fn get(&self, key: &str) -> Option<&Node> {
        self.entry(key).map(|entry| &entry.node)
    }

    /// A key with its value.
    pub fn entry(&self, key: &str) -> Option<&Entry> {
        match &self.value {
            Value::Table(entries) => entries.iter().find(|entry| entry.key == key),
            _ => None,
        }
    }

    /// The same without places. Numbers that JSON can't say become null.
    pub fn to_json(&self) -> serde_json::Value {
        use serde_json::Value as Json;
        match &self.value {
            Value::Null => Json::Null,
            Value::Bool(value) => Json::Bool(*value),
            Value::Whole(value) => Json::from(*value),
            Value::Number(value) => Json::from(*value),
            Value::Text(value) | Value::Date(value) => Json::String(value.clone()),
            Value::List(nodes) => nodes.iter().map(Node::to_json).collect(),
            Value::Table(entries) => entries
                .iter()
                .map(|entry| (entry.key.clone(), entry.node.to_json()))
                .collect::<serde_json::Map<_, _>>()
                .into(),
        }
    }

    /// Removes the value at `path`; a list element takes the whole list with it.
    pub fn prune(&mut self, path: &KeyPath) {
        let keep = path.0.iter().rposition(|step| matches!(step, Step::Key(_)));
        let Some(last) = keep else {
            self.value = Value::Table(Vec::new());
            return;
        };
        let mut node = self;
        for step in &path.0[..last] {
            let next = match (step, &mut node.value) {
                (Step::Key(key), Value::Table(entries)) => entries
                    .iter_mut()
                    .find(|entry| entry.key == *key)
                    .map(|entry| &mut entry.node),
                (Step::Index(index), Value::List(nodes)) => nodes.get_mut(*index),
                _ => None,
            };
            match next {
                Some(next) => node = next,
                None => return,
            }
        }
        if let (Step::Key(key), Value::Table(entries)) = (&path.0[last], &mut node.value) {
            entries.retain(|entry| entry.key != *key);
        }
    }
}

impl Document {
    /// Parses TOML; syntax errors become problems, and what can be read is read.
    pub fn from_toml(source: Source, problems: &mut Problems) -> Self {
        let (table, errors) = DeTable::parse_recoverable(&source.text);
        let mut torn_at = None;
        let is_unclosed = errors
            .iter()
            .any(|error| error.message().contains("unclosed"));
        let mut last_line = 0;
        for error in errors {
            let at = error.span().map_or(0, |span| span.start);
            let is_duplicate = error.message().contains("duplicate key");
            // One slip may draw others after it: the first of a line is the one to mend, and behind
            // a bracket that is not closed everything is wrong.
            let line = source.place(at).line;
            if line == last_line || (is_unclosed && torn_at.is_some()) {
                continue;
            }
            last_line = line;
            if !is_duplicate {
                torn_at = torn_at.or(Some(at));
            }
            problems.push(source.problem(
                Severity::Error,
                at,
                String::new(),
                format!("is not TOML here: {}", one_line(error.message())),
                "every line is `key = value`, `[table]` or `# comment`; texts stand in quotes",
            ));
        }
        let span = table.span();
        let root = Node {
            span,
            value: Value::Table(table_entries(table.get_ref())),
        };
        Self {
            source,
            root,
            torn_at,
        }
    }

    /// The node at `path`.
    pub fn at(&self, path: &KeyPath) -> Option<&Node> {
        let (_, node, found) = self.walk_to(path);
        found.then_some(node)
    }

    /// Where `path` stands, or else the nearest table or list around it.
    pub fn offset(&self, path: &KeyPath) -> usize {
        self.walk_to(path).0
    }

    /// Where the last key of `path` itself stands, not its value.
    pub fn key_offset(&self, path: &KeyPath) -> usize {
        let Some((Step::Key(key), way)) = path.0.split_last() else {
            return self.offset(path);
        };
        let table = self.at(&KeyPath(way.to_vec()));
        let entry = table.and_then(|table| table.entry(key));
        entry.map_or_else(|| self.offset(path), |entry| entry.key_span.start)
    }

    /// Adds an error about `path`.
    pub fn error(
        &self,
        problems: &mut Problems,
        path: &KeyPath,
        what: impl Into<String>,
        help: impl Into<String>,
    ) {
        let at = self.offset(path);
        let key = path.to_string();
        problems.push(self.source.problem(Severity::Error, at, key, what, help));
    }

    /// Adds a warning about `path`.
    pub fn warning(
        &self,
        problems: &mut Problems,
        path: &KeyPath,
        what: impl Into<String>,
        help: impl Into<String>,
    ) {
        let at = self.offset(path);
        let key = path.to_string();
        let problem = self.source.problem(Severity::Warning, at, key, what, help);
        problems.push(problem);
    }

    fn walk_to(&self, path: &KeyPath) -> (usize, &Node, bool) {
        let (mut offset, mut node) = (self.root.span.start, &self.root);
        for step in &path.0 {
            match (step, &node.value) {
                (Step::Key(key), Value::Table(_)) => match node.entry(key) {
                    Some(entry) => {
                        // A table's own span may be that of its first key: its name is clearer.
                        let is_table = matches!(entry.node.value, Value::Table(_));
                        let named = if is_table {
                            &entry.key_span
                        } else {
                            &entry.node.span
                        };
                        (offset, node) = (named.start, &entry.node);
                    }
                    None => return (offset, node, false),
                },
                (Step::Index(index), Value::List(nodes)) => match nodes.get(*index) {
                    Some(next) => (offset, node) = (next.span.start, next),
                    None => return (offset, node, false),
                },
                _ => return (offset, node, false),
            }
        }
        (offset, node, true)
    }
}

fn table_entries(table: &DeTable<'_>) -> Vec<Entry> {
    table
        .iter()
        .map(|(key, value)| Entry {
            key: key.get_ref().to_string(),
            key_span: key.span(),
            node: node(value),
        })
        .collect()
}

fn node(spanned: &Spanned<DeValue<'_>>) -> Node {
    let value = match spanned.get_ref() {
        DeValue::String(text) => Value::Text(text.to_string()),
        DeValue::Integer(digits) => match i64::from_str_radix(digits.as_str(), digits.radix()) {
            Ok(whole) => Value::Whole(whole),
            Err(_) => Value::Number(digits.as_str().parse().unwrap_or(f64::INFINITY)),
        },
        DeValue::Float(digits) => Value::Number(digits.as_str().parse().unwrap_or(f64::NAN)),
        DeValue::Boolean(value) => Value::Bool(*value),
        DeValue::Datetime(date) => Value::Date(date.to_string()),
        DeValue::Array(nodes) => Value::List(nodes.iter().map(node).collect()),
        DeValue::Table(table) => Value::Table(table_entries(table)),
    };
    Node {
        span: spanned.span(),
        value,
    }
}

/// Parser messages may span lines; a problem is one line.
fn one_line(message: &str) -> String {
    message.split_whitespace().collect::<Vec<_>>().join(" ")
}
