//! The published JSON schemas, generated from the raw types. Draft 07: what TOML editors speak.

use schemars::JsonSchema;
use schemars::generate::SchemaSettings;
use schemars::transform::{Transform, transform_subschemas};
use serde_json::Value;

use super::raw::{CalibrationFile, DoorFile};
use super::truth::TruthFile;

/// A file format with a published schema.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum SchemaOf {
    /// Door files.
    Door,
    /// Calibration files.
    Calibration,
    /// Truth files.
    Truth,
    /// Intake files.
    Intake,
    /// Site files.
    Site,
    /// What alerts are, as receivers get them.
    Alert,
}

impl SchemaOf {
    /// The schema.
    pub fn value(self) -> Value {
        match self {
            Self::Door => generate::<DoorFile>(),
            Self::Calibration => generate::<CalibrationFile>(),
            Self::Truth => generate::<TruthFile>(),
            Self::Intake => super::intake::schema(),
            Self::Site => generate::<super::live::SiteFile>(),
            Self::Alert => generate::<crate::notify::Alert>(),
        }
    }

    /// The schema as it is published: indented, with a newline at its end.
    pub fn text(self) -> String {
        let mut text = serde_json::to_string_pretty(&self.value()).unwrap_or_default();
        text.push('\n');
        text
    }
}

/// TOML has no null: an optional key is one that is left out.
#[derive(Debug, Clone)]
struct NoNull;

impl Transform for NoNull {
    fn transform(&mut self, schema: &mut schemars::Schema) {
        transform_subschemas(self, schema);
        let Some(object) = schema.as_object_mut() else {
            return;
        };
        if let Some(Value::Array(kinds)) = object.get_mut("type") {
            kinds.retain(|kind| kind != "null");
            if let [one] = kinds.as_slice() {
                let one = one.clone();
                object.insert("type".into(), one);
            }
        }
        if let Some(Value::Array(words)) = object.get_mut("enum") {
            words.retain(|word| !word.is_null());
        }
        if let Some(Value::Array(choices)) = object.get("anyOf") {
            let is_null = |one: &Value| one.get("type") == Some(&Value::from("null"));
            let rest: Vec<Value> = choices
                .iter()
                .filter(|one| !is_null(one))
                .cloned()
                .collect();
            if let [Value::Object(one)] = rest.as_slice() {
                object.remove("anyOf");
                for (key, value) in one {
                    // The field's own description is more to the point than its type's.
                    object.entry(key.clone()).or_insert_with(|| value.clone());
                }
            }
        }
        if let Some(Value::String(text)) = object.get_mut("description") {
            *text = text.split_whitespace().collect::<Vec<_>>().join(" ");
        }
        object.remove("format");
        if object.get("default") == Some(&Value::Null) {
            object.remove("default");
        }
    }
}

/// The schema of a raw type.
pub(crate) fn generate<T: JsonSchema>() -> Value {
    let settings = SchemaSettings::draft07()
        .with(|settings| settings.inline_subschemas = true)
        .with_transform(NoNull);
    settings
        .into_generator()
        .into_root_schema_for::<T>()
        .to_value()
}
