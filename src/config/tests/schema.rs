//! The published schemas are those that files are checked against.

use std::path::PathBuf;

use serde_json::Value;

use super::tables::{CALIBRATION, DOOR, TRUTH};
use crate::config::SchemaOf;
use crate::config::document::{Document, Source};
use crate::config::problem::Problems;
use crate::config::walk::walk;

#[test]
fn the_published_schemas_are_current() {
    let files = [
        (SchemaOf::Door, "door.schema.json"),
        (SchemaOf::Calibration, "calibration.schema.json"),
        (SchemaOf::Truth, "truth.schema.json"),
        (SchemaOf::Intake, "intake.schema.json"),
        (SchemaOf::Site, "site.schema.json"),
        (SchemaOf::Alert, "alert.schema.json"),
    ];
    for (schema, name) in files {
        let path = PathBuf::from(env!("CARGO_MANIFEST_DIR"))
            .join("docs/schema")
            .join(name);
        if std::env::var_os("TAILGATE_BLESS").is_some() {
            std::fs::write(&path, schema.text()).expect("the source tree can be written");
        }
        let published = std::fs::read_to_string(&path).unwrap_or_default();
        assert!(
            published == schema.text(),
            "docs/schema/{name} is out of date: run TAILGATE_BLESS=1 cargo test --lib config::"
        );
    }
}

#[test]
fn good_files_satisfy_them() {
    #[track_caller]
    fn check(schema: SchemaOf, text: &str) {
        let mut problems = Problems::new();
        let source = Source::new("good", text);
        let document = if schema == SchemaOf::Truth {
            crate::config::truth::from_json(source, &mut problems).unwrap()
        } else {
            Document::from_toml(source, &mut problems)
        };
        let tree = walk(&document, &schema.value(), &mut problems);
        assert!(problems.is_empty(), "{problems}");
        assert_eq!(tree, document.root);
    }
    check(SchemaOf::Door, DOOR);
    check(SchemaOf::Calibration, CALIBRATION);
    check(SchemaOf::Truth, TRUTH);
}

/// Writes every property that has a default as TOML and holds it to the schema it stands in.
#[test]
fn every_default_satisfies_its_own_schema() {
    let schema = SchemaOf::Door.value();
    let mut count = 0;
    for table in ["tracker", "counter", "footprint"] {
        let mut text = format!("[{table}]\n");
        for (key, property) in schema["properties"][table]["properties"]
            .as_object()
            .unwrap()
        {
            text.push_str(&format!("{key} = {}\n", property["default"]));
            count += 1;
        }
        let mut problems = Problems::new();
        let document = Document::from_toml(Source::new("defaults", &text), &mut problems);
        walk(&document, &schema, &mut problems);
        let own = problems
            .iter()
            .filter(|problem| problem.key.starts_with(table));
        assert_eq!(own.count(), 0, "{problems}");
    }
    assert!(count >= 10, "{count} settings");
}

/// The walker knows only some words of JSON Schema: no others may be in ours.
#[test]
fn the_walker_knows_every_word_of_the_schemas() {
    const KNOWN: [&str; 19] = [
        "$schema",
        "title",
        "description",
        "default",
        "type",
        "properties",
        "required",
        "additionalProperties",
        "items",
        "minItems",
        "maxItems",
        "minLength",
        "minimum",
        "exclusiveMinimum",
        "maximum",
        "enum",
        "const",
        "oneOf",
        "definitions",
    ];
    fn visit(schema: &Value, at: &str) {
        for (word, value) in schema.as_object().unwrap() {
            assert!(KNOWN.contains(&word.as_str()), "{at}: {word}");
            match word.as_str() {
                "properties" => {
                    for (name, schema) in value.as_object().unwrap() {
                        visit(schema, &format!("{at}.{name}"));
                    }
                }
                "items" if value.is_object() => visit(value, at),
                "additionalProperties" if value.is_object() => visit(value, at),
                "oneOf" => value
                    .as_array()
                    .unwrap()
                    .iter()
                    .for_each(|one| visit(one, at)),
                _ => {}
            }
        }
    }
    for schema in [
        SchemaOf::Door,
        SchemaOf::Calibration,
        SchemaOf::Truth,
        SchemaOf::Intake,
        SchemaOf::Site,
    ] {
        visit(&schema.value(), "");
    }
}
