//! The schema of intake files: a source is what all sources have together with what its vendor wants.

use serde_json::{Map, Value as Json, json};

use super::super::schema::generate;
use super::raw::{IntakeFile, SourceTable};
use crate::intake::vendors::VendorSettings;

/// The schema. Each vendor is a variant of a source's table, told by its `vendor`.
pub(crate) fn schema() -> Json {
    let mut schema = generate::<IntakeFile>();
    let source = generate::<SourceTable>();
    let vendors = generate::<VendorSettings>();
    let variants = vendors.get("oneOf").and_then(Json::as_array);
    let variants: Vec<Json> = variants
        .into_iter()
        .flatten()
        .map(|variant| joined(&source, variant))
        .collect();
    schema["properties"]["source"]["items"] = json!({ "oneOf": variants });
    schema
}

/// Keys that every source may have.
pub(super) fn common_keys() -> Vec<String> {
    let source = generate::<SourceTable>();
    let known = source.get("properties").and_then(Json::as_object);
    known.into_iter().flat_map(Map::keys).cloned().collect()
}

/// A closed table with the keys of both.
fn joined(source: &Json, vendor: &Json) -> Json {
    let mut properties = Map::new();
    let mut required = Vec::new();
    for part in [source, vendor] {
        if let Some(own) = part.get("properties").and_then(Json::as_object) {
            properties.extend(own.clone());
        }
        let own = part.get("required").and_then(Json::as_array);
        required.extend(own.into_iter().flatten().cloned());
    }
    let mut table = Map::new();
    if let Some(description) = vendor.get("description") {
        table.insert("description".into(), description.clone());
    }
    table.insert("type".into(), "object".into());
    table.insert("properties".into(), Json::Object(properties));
    table.insert("required".into(), Json::Array(required));
    table.insert("additionalProperties".into(), Json::Bool(false));
    Json::Object(table)
}
