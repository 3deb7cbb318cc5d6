//! Checks a document against a JSON schema and says every problem with its place.
//!
//! It knows exactly the words that our own generated schemas use (`type`, `properties`, `required`,
//! `additionalProperties`, `items`, `enum`, `const`, `oneOf`, and the bounds), not all of JSON Schema.
//! What is wrong is also pruned from the tree, so that the checks of meaning can go on with the rest:
//! a slip in one key must not hide the slips in the others.

use serde_json::Value as Json;

use super::document::{Document, Entry, KeyPath, Node, Value};
use super::problem::Problems;
use super::suggest::{did_you_mean, nearest};

/// What is said of a key that is required and not there.
pub(crate) const MISSING: &str = "is missing";

/// Checks `document` against `schema`, adds what is wrong to `problems`, and returns the tree
/// without the values that are wrong.
pub(crate) fn walk(document: &Document, schema: &Json, problems: &mut Problems) -> Node {
    let mut walker = Walker {
        document,
        schema,
        problems,
        bad: Vec::new(),
    };
    walker.value(schema, &document.root, &KeyPath::default());
    let mut pruned = document.root.clone();
    for path in &walker.bad {
        pruned.prune(path);
    }
    pruned
}

struct Walker<'a> {
    document: &'a Document,
    schema: &'a Json,
    problems: &'a mut Problems,
    bad: Vec<KeyPath>,
}

impl Walker<'_> {
    fn refuse(&mut self, path: &KeyPath, what: String, help: String) {
        self.document.error(self.problems, path, what, help);
        self.bad.push(path.clone());
    }

    fn value(&mut self, schema: &Json, node: &Node, path: &KeyPath) {
        let words = choices(schema);
        if !words.is_empty() {
            self.choice(&words, node, path);
            return;
        }
        if let Some(variants) = schema.get("oneOf").and_then(Json::as_array) {
            self.variant(variants, node, path);
            return;
        }
        if let Some(kind) = schema.get("type").and_then(Json::as_str)
            && !fits(kind, &node.value)
        {
            let what = format!("must be {}, is {}", kind_words(schema), found(&node.value));
            self.refuse(path, what, type_help(kind, &node.value, schema, path));
            return;
        }
        match &node.value {
            Value::Table(entries) => self.table(schema, entries, path),
            Value::List(nodes) => self.list(schema, nodes, path),
            Value::Whole(whole) => self.bounds(schema, *whole as f64, path),
            Value::Number(number) => self.bounds(schema, *number, path),
            Value::Text(text) => {
                if text.trim().is_empty() && schema.get("minLength").is_some() {
                    self.refuse(path, "is empty".into(), advice(schema));
                }
            }
            Value::Null | Value::Bool(_) | Value::Date(_) => {}
        }
    }

    fn choice(&mut self, words: &[&str], node: &Node, path: &KeyPath) {
        let all = words
            .iter()
            .map(|word| format!("\"{word}\""))
            .collect::<Vec<_>>()
            .join(", ");
        match &node.value {
            Value::Text(text) if words.contains(&text.as_str()) => {}
            Value::Text(text) => {
                let help = match nearest(text, words.iter().copied()) {
                    Some(near) => format!("did you mean \"{near}\"?"),
                    None => format!("write one of {all}"),
                };
                self.refuse(
                    path,
                    format!("must be one of {all}, is \"{}\"", short(text)),
                    help,
                );
            }
            other => {
                let what = format!("must be one of {all}, is {}", found(other));
                self.refuse(path, what, format!("write one of {all}, in quotes"));
            }
        }
    }

    /// One of several tables: told by a key that says which, or by the one key that it has.
    fn variant(&mut self, variants: &[Json], node: &Node, path: &KeyPath) {
        let Value::Table(entries) = &node.value else {
            // Texts and numbers may be a variant of their own.
            let own = variants.iter().find(|one| {
                let kind = one.get("type").and_then(Json::as_str);
                kind.is_some_and(|kind| fits(kind, &node.value))
            });
            match own {
                Some(own) => self.value(own, node, path),
                None => {
                    let help = format!("write {}", alternatives(variants));
                    self.refuse(path, format!("can't be {}", found(&node.value)), help);
                }
            }
            return;
        };
        if let Some(tag) = tag_of(variants) {
            let words: Vec<&str> = variants
                .iter()
                .filter_map(|one| tag_word(one, tag))
                .collect();
            match node.get(tag) {
                None => {
                    let help = format!("write `{tag} = \"...\"`: one of {}", words.join(", "));
                    let at = path.key(tag);
                    self.document.error(self.problems, &at, MISSING, help);
                    self.bad.push(path.clone());
                }
                Some(Node {
                    value: Value::Text(text),
                    ..
                }) if words.contains(&text.as_str()) => {
                    let own = variants
                        .iter()
                        .find(|one| tag_word(one, tag) == Some(text.as_str()));
                    self.table(own.unwrap_or(&Json::Null), entries, path);
                }
                Some(other) => {
                    self.choice(&words, other, &path.key(tag));
                    self.bad.push(path.clone());
                }
            }
            return;
        }
        let has_all = |one: &&Json| {
            let required = one.get("required").and_then(Json::as_array);
            let mut keys = required.into_iter().flatten().filter_map(Json::as_str);
            keys.all(|key| node.get(key).is_some())
        };
        match variants.iter().find(has_all) {
            Some(own) => self.table(own, entries, path),
            None => {
                let help = format!("write {}", alternatives(variants));
                self.refuse(path, "is none of what can stand here".into(), help);
            }
        }
    }

    fn table(&mut self, schema: &Json, entries: &[Entry], path: &KeyPath) {
        let empty = serde_json::Map::new();
        let known = schema
            .get("properties")
            .and_then(Json::as_object)
            .unwrap_or(&empty);
        let any = schema.get("additionalProperties").unwrap_or(&Json::Null);
        let closed = *any == Json::Bool(false);
        for entry in entries {
            let at = path.key(&entry.key);
            match known.get(&entry.key) {
                Some(schema) => self.value(schema, &entry.node, &at),
                None if closed => self.unknown(known, &entry.key, &at),
                None if any.is_object() => self.value(any, &entry.node, &at),
                None => self.maybe_typo(known, entry, &at),
            }
        }
        let required = schema.get("required").and_then(Json::as_array);
        for key in required.into_iter().flatten().filter_map(Json::as_str) {
            if entries.iter().any(|entry| entry.key == key) {
                continue;
            }
            let missing = known.get(key).unwrap_or(&Json::Null);
            let help = format!("add {}: {}", example(key, missing), advice(missing));
            self.document
                .error(self.problems, &path.key(key), MISSING, help);
        }
    }

    fn unknown(&mut self, known: &serde_json::Map<String, Json>, key: &str, path: &KeyPath) {
        let names: Vec<&str> = known.keys().map(String::as_str).collect();
        let mut elsewhere = Vec::new();
        tables_with(self.schema, key, "", &mut elsewhere);
        let help = if let Some(help) = did_you_mean(key, names.iter().copied()) {
            help
        } else if let Some(table) = elsewhere.first() {
            format!("it belongs into {table}")
        } else {
            format!("remove it; known here: {}", names.join(", "))
        };
        let at = self.document.key_offset(path);
        let severity = super::problem::Severity::Error;
        let source = &self.document.source;
        let key = path.to_string();
        self.problems
            .push(source.problem(severity, at, key, "is an unknown key", help));
        self.bad.push(path.clone());
    }

    /// An open table may hold anything; a key that looks like one of ours is still worth a word.
    fn maybe_typo(&mut self, known: &serde_json::Map<String, Json>, entry: &Entry, path: &KeyPath) {
        let unused = |name: &&str| self.document.at(&path.beside(name)).is_none();
        let names: Vec<&str> = known.keys().map(String::as_str).filter(unused).collect();
        if let Some(near) = nearest(&entry.key, names) {
            let severity = super::problem::Severity::Warning;
            let help = format!("did you mean `{near}`?");
            let source = &self.document.source;
            let (at, key) = (entry.key_span.start, path.to_string());
            self.problems
                .push(source.problem(severity, at, key, "is not read", help));
        }
    }

    fn list(&mut self, schema: &Json, nodes: &[Node], path: &KeyPath) {
        let count = |key: &str| schema.get(key).and_then(Json::as_u64);
        let (least, most) = (count("minItems"), count("maxItems"));
        let len = nodes.len() as u64;
        if least.is_some_and(|least| len < least) || most.is_some_and(|most| len > most) {
            let what = format!("must be {}, has {len}", kind_words(schema));
            self.refuse(path, what, advice(schema));
            return;
        }
        let items = schema.get("items");
        let kind = items
            .and_then(|items| items.get("type"))
            .and_then(Json::as_str);
        if let (Some(kind), Some(first)) = (kind, nodes.first())
            && nodes.iter().all(|node| !fits(kind, &node.value))
        {
            // The same said of every element would bury the rest.
            let what = format!(
                "must be {}, holds {}",
                kind_words(schema),
                found(&first.value)
            );
            let help = items.map_or_else(String::new, |items| {
                type_help(kind, &first.value, items, &path.index(0))
            });
            self.refuse(path, what, help);
            return;
        }
        for (i, node) in nodes.iter().enumerate() {
            match items {
                Some(Json::Array(each)) => {
                    if let Some(schema) = each.get(i) {
                        self.value(schema, node, &path.index(i));
                    }
                }
                Some(schema) => self.value(schema, node, &path.index(i)),
                None => {}
            }
        }
    }

    fn bounds(&mut self, schema: &Json, value: f64, path: &KeyPath) {
        if !value.is_finite() {
            let what = format!("must be a number, is {value}");
            self.refuse(path, what, advice(schema));
            return;
        }
        let bound = |key: &str| schema.get(key).and_then(Json::as_f64);
        let broken = if let Some(least) = bound("minimum").filter(|least| value < *least) {
            format!("must be at least {least}, is {value}")
        } else if let Some(least) = bound("exclusiveMinimum").filter(|least| value <= *least) {
            format!("must be more than {least}, is {value}")
        } else if let Some(most) = bound("maximum").filter(|most| value > *most) {
            format!("must be at most {most}, is {value}")
        } else {
            return;
        };
        self.refuse(path, broken, advice(schema));
    }
}

/// The key by which tables are told apart: it has a constant in each.
fn tag_of(variants: &[Json]) -> Option<&str> {
    let properties = variants.first()?.get("properties")?.as_object()?;
    let mut keys = properties.keys().map(String::as_str);
    keys.find(|key| variants.iter().all(|one| tag_word(one, key).is_some()))
}

fn tag_word<'a>(variant: &'a Json, tag: &str) -> Option<&'a str> {
    let property = variant.get("properties")?.get(tag)?;
    property.get("const")?.as_str()
}

/// What may stand here, as one would write it.
fn alternatives(variants: &[Json]) -> String {
    let each = variants.iter().map(|one| {
        let required = one.get("required").and_then(Json::as_array);
        let keys: Vec<String> = required
            .into_iter()
            .flatten()
            .filter_map(Json::as_str)
            .map(|key| format!("{key} = ..."))
            .collect();
        match one.get("type").and_then(Json::as_str) {
            Some("object") => format!("{{ {} }}", keys.join(", ")),
            _ => kind_words(one),
        }
    });
    each.collect::<Vec<_>>().join(" or ")
}

/// The words of an enumeration, whether written as `enum` or as `oneOf` constants.
fn choices(schema: &Json) -> Vec<&str> {
    let plain = schema.get("enum").and_then(Json::as_array);
    let described = schema.get("oneOf").and_then(Json::as_array);
    let constants = described.into_iter().flatten().filter_map(|one| {
        let several = one.get("enum").and_then(Json::as_array);
        one.get("const")
            .or_else(|| several.and_then(|list| list.first()))
    });
    let words = plain.into_iter().flatten().chain(constants);
    words.filter_map(Json::as_str).collect()
}

fn fits(kind: &str, value: &Value) -> bool {
    match kind {
        "object" => matches!(value, Value::Table(_)),
        "array" => matches!(value, Value::List(_)),
        "string" => matches!(value, Value::Text(_)),
        "number" => matches!(value, Value::Whole(_) | Value::Number(_)),
        "integer" => match value {
            Value::Whole(_) => true,
            Value::Number(number) => number.is_finite() && number.fract().abs() <= 0.0,
            _ => false,
        },
        "boolean" => matches!(value, Value::Bool(_)),
        _ => true,
    }
}

/// A value as one would say it.
pub(crate) fn found(value: &Value) -> String {
    match value {
        Value::Null => "null".into(),
        Value::Bool(value) => value.to_string(),
        Value::Whole(value) => format!("the number {value}"),
        Value::Number(value) => format!("the number {value}"),
        Value::Text(text) => format!("the text \"{}\"", short(text)),
        Value::Date(text) => format!("the date {}", short(text)),
        Value::List(nodes) => format!("a list of {}", nodes.len()),
        Value::Table(_) => "a table".into(),
    }
}

/// The beginning of a text, on one line.
pub(crate) fn short(text: &str) -> String {
    const MOST: usize = 40;
    let clean = text.chars().map(|c| if c.is_control() { ' ' } else { c });
    let mut cut: String = clean.take(MOST).collect();
    if text.chars().count() > MOST {
        cut.push_str("...");
    }
    cut
}

/// What a schema asks for, as one would say it.
fn kind_words(schema: &Json) -> String {
    let kind = schema.get("type").and_then(Json::as_str).unwrap_or("value");
    match kind {
        "object" => "a table".into(),
        "string" => "a text".into(),
        "number" => "a number".into(),
        "integer" => "a whole number".into(),
        "boolean" => "true or false".into(),
        "array" => list_words(schema),
        other => format!("a {other}"),
    }
}

fn list_words(schema: &Json) -> String {
    let count = |key: &str| schema.get(key).and_then(Json::as_u64);
    let items = match schema.get("items") {
        Some(Json::Array(each)) => each.first(),
        other => other,
    };
    let of = match items
        .and_then(|items| items.get("type"))
        .and_then(Json::as_str)
    {
        Some("number") => "numbers",
        Some("integer") => "whole numbers",
        Some("string") => "texts",
        Some("object") => "tables",
        Some("array") if items.and_then(|items| items.get("maxItems")).is_some() => "points [x, y]",
        Some("array") => "lists of points",
        _ => "values",
    };
    match (count("minItems"), count("maxItems")) {
        (Some(least), Some(most)) if least == most => format!("a list of {least} {of}"),
        (Some(0 | 1), _) => format!("a list of {of}"),
        (Some(least), _) => format!("a list of at least {least} {of}"),
        (None, Some(most)) => format!("a list of at most {most} {of}"),
        (None, None) => format!("a list of {of}"),
    }
}

/// What to do about a value of the wrong type.
fn type_help(kind: &str, value: &Value, schema: &Json, path: &KeyPath) -> String {
    let name = match path.0.last() {
        Some(super::document::Step::Key(key)) => key.as_str(),
        _ => "",
    };
    match (kind, value) {
        ("number" | "integer", Value::Text(text)) if text.trim().parse::<f64>().is_ok() => {
            format!("write it without quotes: {}", text.trim())
        }
        ("boolean", Value::Text(text)) if text == "true" || text == "false" => {
            format!("write it without quotes: {text}")
        }
        ("string", Value::Whole(_) | Value::Number(_) | Value::Bool(_)) => {
            "write it in quotes".into()
        }
        ("array", Value::Table(_)) if !name.is_empty() => format!("write [[{name}]], not [{name}]"),
        ("object", Value::List(_)) if !name.is_empty() => format!("write [{name}], not [[{name}]]"),
        ("object", _) if !name.is_empty() => format!("write it as a table: [{name}]"),
        ("array", Value::Text(_)) if list_words(schema).ends_with("texts") => {
            "write it in square brackets: [\"...\"]".into()
        }
        ("array", _) if name.is_empty() && list_words(schema) == "a list of 2 numbers" => {
            "write each point as [x, y]".into()
        }
        _ => advice(schema),
    }
}

/// What is asked for: the first sentence of a schema's description.
fn advice(schema: &Json) -> String {
    let text = schema
        .get("description")
        .and_then(Json::as_str)
        .unwrap_or_default();
    match text.find(". ") {
        Some(end) => text[..end].to_owned(),
        None if text.is_empty() => match kind_words(schema).as_str() {
            "a list of 2 numbers" => "write each point as [x, y]".to_owned(),
            words => format!("write {words}"),
        },
        None => text.trim_end_matches('.').to_owned(),
    }
}

/// How a key would be written.
fn example(key: &str, schema: &Json) -> String {
    match schema.get("type").and_then(Json::as_str) {
        Some("object") => format!("[{key}]"),
        Some("array") => {
            let items = schema.get("items").and_then(|items| items.get("type"));
            match items.and_then(Json::as_str) {
                Some("object") => format!("[[{key}]]"),
                _ => format!("`{key} = [...]`"),
            }
        }
        Some("string") => format!("`{key} = \"...\"`"),
        _ => format!("`{key} = ...`"),
    }
}

/// The tables of a schema that know `key`, as `[policy]`.
fn tables_with(schema: &Json, key: &str, name: &str, found: &mut Vec<String>) {
    let Some(properties) = schema.get("properties").and_then(Json::as_object) else {
        if let Some(items) = schema.get("items").filter(|items| items.is_object()) {
            let mut inner = Vec::new();
            tables_with(items, key, name, &mut inner);
            found.extend(inner.iter().map(|table| format!("[{table}]")));
        }
        return;
    };
    if properties.contains_key(key) {
        let table = if name.is_empty() {
            "the top of the file".into()
        } else {
            format!("[{name}]")
        };
        found.push(table);
    }
    for (child, schema) in properties {
        let inner = if name.is_empty() {
            child.clone()
        } else {
            format!("{name}.{child}")
        };
        tables_with(schema, key, &inner, found);
    }
}
