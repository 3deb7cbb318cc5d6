//! A door file with some of its settings changed and everything else, comments included, as it was.
//!
//! Theory of operation: the document knows the bytes of every value. A value that is there is
//! replaced in place; a new key goes below the last one of its table; a new table goes to the end
//! of the file. The result is read again and must say what was wanted, or nothing is handed out.

use std::ops::Range;
use std::path::Path;

use serde_json::Value as Json;

use super::document::{Document, Node, Source, Value};
use super::problem::Problems;
use super::setting::setting_named;
use super::site::{SiteConfig, load_with};

/// The text of the door file at `path` with `changes` (dotted name, value) made. `Err` says why it
/// can't be made; then a person must.
pub fn with_settings(path: &Path, changes: &[(String, Json)]) -> Result<String, String> {
    let name = path.display().to_string();
    let text =
        std::fs::read_to_string(path).map_err(|error| format!("{name}: can't be read: {error}"))?;
    let before = load_with(&[path.to_owned()], &|path| std::fs::read(path))
        .map_err(|problems| problems.to_string())?;
    let edited = edited(&name, &text, changes)?;
    let reread = |asked: &Path| {
        if asked == path {
            Ok(edited.clone().into_bytes())
        } else {
            std::fs::read(asked)
        }
    };
    let after = load_with(&[path.to_owned()], &reread).map_err(|problems| problems.to_string())?;
    if says_it(before, &after, changes)? {
        Ok(edited)
    } else {
        Err(format!(
            "{name}: its tables are written in a way that can't be changed without a person"
        ))
    }
}

/// Whether a site is another with changes made, and nothing else.
fn says_it(
    mut before: SiteConfig,
    after: &SiteConfig,
    changes: &[(String, Json)],
) -> Result<bool, String> {
    for (name, value) in changes {
        let setting = setting_named(name)?;
        let mut detector = before.detectors.first().cloned().unwrap_or_default();
        setting.set(value, &mut before.engine, &mut detector)?;
        if setting.detects {
            before.detectors = vec![detector; before.detectors.len()];
        }
    }
    Ok(before.engine == after.engine && before.detectors == after.detectors)
}

fn edited(name: &str, text: &str, changes: &[(String, Json)]) -> Result<String, String> {
    let mut problems = Problems::new();
    let document = Document::from_toml(Source::new(name, text), &mut problems);
    if problems.has_errors() {
        return Err(problems.to_string());
    }
    let text = &document.source.text;
    let mut edits: Vec<(Range<usize>, String)> = Vec::new();
    let mut tables: Vec<(&str, Vec<String>)> = Vec::new();
    for (name, value) in changes {
        let (table, key) = name.split_once('.').unwrap_or(("", name));
        let line = format!("{key} = {}", literal(value));
        let places = places(&document.root, table);
        if places.is_empty() {
            match tables.iter_mut().find(|(known, _)| *known == table) {
                Some((_, lines)) => lines.push(line.clone()),
                None => tables.push((table, vec![line.clone()])),
            }
        }
        for (node, header) in places {
            match node.get(key) {
                Some(value_node) => edits.push((value_node.span.clone(), literal(value))),
                None => edits.push(addition(text, node, header, &line)),
            }
        }
    }
    // From the back, so that places before stay where they are; additions at one place keep their
    // order.
    let mut text = text.clone();
    edits.sort_by_key(|(range, _)| range.start);
    for (range, new) in edits.into_iter().rev() {
        let fits = text.is_char_boundary(range.start) && text.is_char_boundary(range.end);
        if !fits || range.start > range.end {
            return Err(format!("{name}: a value can't be found in its text"));
        }
        text.replace_range(range, &new);
    }
    for (table, lines) in tables {
        if !text.ends_with('\n') {
            text.push('\n');
        }
        text.push_str(&format!("\n[{table}]\n{}\n", lines.join("\n")));
    }
    Ok(text)
}

/// The table called `name`, or each of them, with the end of what is written of its name.
fn places<'a>(root: &'a Node, name: &str) -> Vec<(&'a Node, usize)> {
    let Some(entry) = root.entry(name) else {
        return Vec::new();
    };
    match &entry.node.value {
        Value::List(items) => items.iter().map(|item| (item, item.span.end)).collect(),
        _ => vec![(&entry.node, entry.key_span.end)],
    }
}

/// A new line for a table: below its last key, else below its header.
fn addition(text: &str, table: &Node, header: usize, line: &str) -> (Range<usize>, String) {
    let inline = text[table.span.clone()].starts_with('{');
    let entries = match &table.value {
        Value::Table(entries) => entries.as_slice(),
        _ => &[],
    };
    if inline {
        let end = table.span.end.saturating_sub(1);
        let comma = if entries.is_empty() { "" } else { ", " };
        let written = text[..end].trim_end().len();
        return (written..written, format!("{comma}{line}"));
    }
    // Tables in the table have headers of their own further down.
    let own = entries
        .iter()
        .filter(|entry| !matches!(entry.node.value, Value::Table(_)));
    let last = own.map(|entry| entry.node.span.end).max().unwrap_or(header);
    let end = text[last..].find('\n').map_or(text.len(), |at| last + at);
    (end..end, format!("\n{line}"))
}

/// A value as TOML. Whole seconds stay floats: both are read alike.
fn literal(value: &Json) -> String {
    match value {
        Json::String(text) => format!("{text:?}"),
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::tests::door_text;
    use serde_json::json;

    /// The lines that a change removes (-) and adds (+).
    #[track_caller]
    fn check(text: &str, changes: &[(&str, Json)], expect: &[&str]) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("door.toml");
        std::fs::write(&path, text).unwrap();
        let changes: Vec<(String, Json)> = changes
            .iter()
            .map(|(name, value)| ((*name).to_owned(), value.clone()))
            .collect();
        let new = with_settings(&path, &changes).unwrap();
        let mut got = Vec::new();
        got.extend(
            text.lines()
                .filter(|l| !new.lines().any(|n| n == *l))
                .map(|l| format!("-{l}")),
        );
        got.extend(
            new.lines()
                .filter(|n| !text.lines().any(|l| l == *n))
                .map(|n| format!("+{n}")),
        );
        assert_eq!(got, expect, "{new}");
    }

    #[test]
    fn values_are_replaced_where_they_stand() {
        let text = door_text("[policy] # as agreed\nwindow_s = 8 # with the landlord\n");
        check(
            &text,
            &[("policy.window_s", json!(6.5))],
            &[
                "-window_s = 8 # with the landlord",
                "+window_s = 6.5 # with the landlord",
            ],
        );
    }

    #[test]
    fn new_keys_go_below_the_last_of_their_table() {
        let text = door_text("[policy]\nwindow_s = 8 # long\n\n[counter]\n");
        check(
            &text,
            &[
                ("policy.early_s", json!(2.0)),
                ("policy.follow_s", json!(4.0)),
                ("counter.settle_for_s", json!(0.2)),
                ("portal.depth_m", json!(0.4)),
                ("tracker.gate_sd", json!(3.0)),
                ("tracker.strong_score", json!(0.4)),
            ],
            &[
                "+early_s = 2.0",
                "+follow_s = 4.0",
                "+settle_for_s = 0.2",
                "+depth_m = 0.4",
                "+[tracker]",
                "+gate_sd = 3.0",
                "+strong_score = 0.4",
            ],
        );
    }

    #[test]
    fn tables_in_a_line_grow_in_their_line() {
        let text = format!("policy = {{ window_s = 8 }}\n{}", door_text(""));
        check(
            &text,
            &[("policy.early_s", json!(2.0))],
            &[
                "-policy = { window_s = 8 }",
                "+policy = { window_s = 8, early_s = 2.0 }",
            ],
        );
    }
}
