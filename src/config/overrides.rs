//! Expert settings by name: a table of the door file laid over a settings struct's defaults.
//!
//! Theory of operation: the names, types and defaults are read from the default value itself as it
//! serialises, so that a setting added to a struct can be written in a door file without a line
//! here. A [`crate::units::Span`] serialises as whole microseconds; in a door file it is written in
//! seconds under the field's name with `_s` added (`lose_after_s = 2.0`).

use schemars::Schema;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value, json};

use super::raw::Overrides;

/// Microseconds in a second: how spans serialise.
const US_PER_S: f64 = 1_000_000.0;
/// Fields that serialise as whole numbers and are counts, not spans. None so far: lifetimes are
/// durations, never frame counts.
const COUNTS: [&str; 0] = [];

/// How one field is written in a door file.
struct Field {
    /// Its name in the file.
    key: String,
    /// Its name in the struct.
    name: String,
    /// Whether seconds stand for microseconds.
    is_span: bool,
    /// Its default, in the file's unit.
    default: Value,
}

fn fields<T: Serialize>(defaults: &T) -> Vec<Field> {
    let Ok(Value::Object(object)) = serde_json::to_value(defaults) else {
        return Vec::new();
    };
    let mut fields = Vec::new();
    for (name, default) in object {
        let is_span = default.is_i64() && !COUNTS.contains(&name.as_str());
        let (key, default) = match default.as_i64() {
            Some(us) if is_span => (format!("{name}_s"), json!(us as f64 / US_PER_S)),
            _ => (name.clone(), default),
        };
        fields.push(Field {
            key,
            name,
            is_span,
            default,
        });
    }
    fields
}

/// The schema of a table that overrides `defaults`.
pub(crate) fn schema<T: Serialize>(defaults: &T, description: &str) -> Schema {
    let mut properties = Map::new();
    for field in fields(defaults) {
        let kind = match field.default {
            Value::Bool(_) => "boolean",
            Value::String(_) => "string",
            _ => "number",
        };
        let mut property = json!({ "type": kind, "default": field.default });
        if kind == "number" {
            property["minimum"] = json!(0.0);
        }
        if field.is_span {
            property["description"] = json!("In seconds.");
        }
        properties.insert(field.key, property);
    }
    let object = json!({
        "type": "object",
        "description": description,
        "properties": properties,
        "additionalProperties": false,
    });
    match object {
        Value::Object(map) => map.into(),
        _ => Schema::default(),
    }
}

/// `defaults` with the values of `table` (already checked against [`schema`]) in their place.
pub(crate) fn apply<T>(defaults: &T, table: &Overrides) -> Result<T, String>
where
    T: Serialize + DeserializeOwned,
{
    let mut value = serde_json::to_value(defaults).map_err(|error| error.to_string())?;
    for field in fields(defaults) {
        let Some(given) = table.get(&field.key) else {
            continue;
        };
        value[&field.name] = match given.as_f64() {
            Some(seconds) if field.is_span => json!((seconds * US_PER_S).round() as i64),
            _ => given.clone(),
        };
    }
    serde_json::from_value(value).map_err(|error| error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tracking::TrackerSettings;
    use crate::units::Span;

    #[test]
    fn spans_are_written_in_seconds_and_the_rest_as_it_is() {
        let table = json!({ "lose_after_s": 3.5, "weak_score": 0.25 });
        let settings = apply(&TrackerSettings::default(), table.as_object().unwrap()).unwrap();
        let expect = TrackerSettings {
            lose_after: Span::from_ms(3_500),
            weak_score: 0.25,
            ..TrackerSettings::default()
        };
        assert_eq!(settings, expect);
    }

    #[test]
    fn the_schema_names_every_field_with_its_default() {
        let schema = schema(&TrackerSettings::default(), "x");
        let properties = schema.get("properties").unwrap();
        assert_eq!(properties["lose_after_s"]["default"], json!(2.0));
        assert_eq!(properties["strong_score"]["type"], json!("number"));
        let known = serde_json::to_value(TrackerSettings::default()).unwrap();
        let count = known.as_object().unwrap().len();
        assert_eq!(properties.as_object().unwrap().len(), count);
    }
}
