//! One setting of a door file by its dotted name, laid over a configuration that was already read.
//!
//! Theory of operation: the published schema of door files says which settings there are, their
//! kinds, bounds and defaults; a setting added to a table can be named here without a line of code.
//! A value is written into the engine's own settings struct by way of its JSON: fields whose name
//! is the key, or the key without `_s` for a span of time, which a file gives in seconds.
//!
//! It knows the settings that say how to judge. What says where things are (calibration, portals'
//! lines, readers) is measured, not tuned, and has no name here.

use std::sync::OnceLock;

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use super::door::DetectorChoice;
use super::schema::SchemaOf;
use super::suggest;
use crate::engine::EngineConfig;

/// Microseconds in a second: how spans serialise.
const US_PER_S: f64 = 1_000_000.0;
/// Tables of a door file whose settings can be named.
const TABLES: [&str; 5] = ["policy", "tracker", "counter", "footprint", "detector"];
/// The one setting of portals: it holds for all of them.
const DEPTH: &str = "portal.depth_m";
/// Settings that are facts about files and feeds, not about judging.
const FACTS: [&str; 3] = [
    "policy.resolution_s",
    "policy.retention_s",
    "detector.max_overlap",
];

/// A setting that can be named.
#[derive(Debug, Clone, PartialEq)]
pub struct Setting {
    /// Its dotted name, such as `counter.settle_for_s`.
    pub name: String,
    /// What it can be.
    pub kind: SettingKind,
    /// Its default, if it has one.
    pub default: Option<Value>,
    /// Whether people must be looked for again when it changes.
    pub detects: bool,
}

/// What a setting can be.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum SettingKind {
    /// A number between two bounds, both allowed; the lower one not if `above`.
    Number {
        /// Lower bound.
        min: f64,
        /// Upper bound.
        max: f64,
        /// Whether the lower bound itself is not allowed.
        above: bool,
        /// Whether it has no decimals.
        whole: bool,
    },
    /// True or false.
    Switch,
    /// A word.
    Word,
}

/// Every setting that can be named, in the order of tables and names.
pub fn settings() -> &'static [Setting] {
    static ALL: OnceLock<Vec<Setting>> = OnceLock::new();
    ALL.get_or_init(|| from_schema(&SchemaOf::Door.value()))
}

fn from_schema(schema: &Value) -> Vec<Setting> {
    let mut all = Vec::new();
    let depth = &schema["properties"]["portal"]["items"]["properties"]["depth_m"];
    all.extend(setting(DEPTH.to_owned(), depth));
    for table in TABLES {
        let Some(keys) = schema["properties"][table]["properties"].as_object() else {
            continue;
        };
        for (key, property) in keys {
            let name = format!("{table}.{key}");
            if !FACTS.contains(&name.as_str()) {
                all.extend(setting(name, property));
            }
        }
    }
    for setting in &mut all {
        let known = setting.default.take();
        setting.default = known.or_else(|| default_of(&setting.name));
    }
    all
}

fn setting(name: String, property: &Value) -> Option<Setting> {
    let kind = match property["type"].as_str() {
        Some("boolean") => SettingKind::Switch,
        Some(number @ ("number" | "integer")) => {
            let open = property["exclusiveMinimum"].as_f64();
            SettingKind::Number {
                min: property["minimum"].as_f64().or(open).unwrap_or(0.0),
                max: property["maximum"].as_f64().unwrap_or(f64::MAX),
                above: open.is_some(),
                whole: number == "integer",
            }
        }
        _ if property["type"] == "string" || property["oneOf"].is_array() => SettingKind::Word,
        _ => return None,
    };
    Some(Setting {
        detects: name.starts_with("detector."),
        default: property.get("default").cloned(),
        name,
        kind,
    })
}

/// Defaults that the schema tells in words only: those of the policy and of portals.
fn default_of(name: &str) -> Option<Value> {
    if name == DEPTH {
        return Some(json!(super::portal::DEFAULT_DEPTH_M));
    }
    let key = name.strip_prefix("policy.")?;
    let policy = serde_json::to_value(crate::verdict::Policy::default()).ok()?;
    field(&policy, key).filter(|value| !value.is_null())
}

/// The setting called `name`; else what is wrong and what it may have meant.
pub fn setting_named(name: &str) -> Result<&'static Setting, String> {
    if let Some(setting) = settings().iter().find(|setting| setting.name == name) {
        return Ok(setting);
    }
    let known = || settings().iter().map(|setting| setting.name.as_str());
    if FACTS.contains(&name) {
        return Err(format!(
            "{name} is not tuned: it says what is, not how to judge"
        ));
    }
    // `settle_for_s` alone is clear enough to be guessed.
    let whole = known().find(|full| full.split_once('.').is_some_and(|(_, key)| key == name));
    Err(match whole.or_else(|| suggest::nearest(name, known())) {
        Some(near) => format!("there is no setting {name}; did you mean {near}?"),
        None => format!(
            "there is no setting {name}; names are TABLE.KEY with the tables portal (depth_m), {}: \
             `tailgate check --schema door` lists them",
            TABLES.join(", ")
        ),
    })
}

impl Setting {
    /// A value from text, as on a command line.
    pub fn value(&self, text: &str) -> Result<Value, String> {
        let text = text.trim();
        let value = match self.kind {
            SettingKind::Switch => match text {
                "true" => json!(true),
                "false" => json!(false),
                _ => return Err(format!("{}: {text:?} is not true or false", self.name)),
            },
            SettingKind::Word => json!(text),
            SettingKind::Number { whole, .. } => {
                let number: f64 = text
                    .parse()
                    .map_err(|_| format!("{}: {text:?} is no number", self.name))?;
                if whole {
                    json!(number.round() as i64)
                } else {
                    json!(number)
                }
            }
        };
        self.check(&value).map(|()| value)
    }

    /// Whether a value is one this setting can have.
    pub fn check(&self, value: &Value) -> Result<(), String> {
        let name = &self.name;
        match (self.kind, value) {
            (SettingKind::Switch, Value::Bool(_)) | (SettingKind::Word, Value::String(_)) => Ok(()),
            (
                SettingKind::Number {
                    min, max, above, ..
                },
                Value::Number(number),
            ) => {
                let given = number.as_f64().unwrap_or(f64::NAN);
                let low = if above { given > min } else { given >= min };
                if low && given <= max {
                    return Ok(());
                }
                let from = if above { "above" } else { "at least" };
                if max < f64::MAX {
                    Err(format!(
                        "{name}: {given} is not {from} {min} and at most {max}"
                    ))
                } else {
                    Err(format!("{name}: {given} is not {from} {min}"))
                }
            }
            _ => Err(format!("{name}: {value} is of the wrong kind")),
        }
    }

    /// What it is in a configuration; `None` where it is left to the model or has no value.
    pub fn get(&self, config: &EngineConfig, detector: &DetectorChoice) -> Option<Value> {
        let (table, key) = self.name.split_once('.')?;
        let json = match table {
            "portal" => return config.portals.first().map(|p| json!(p.portal.depth_m)),
            "policy" => serde_json::to_value(&config.doors.first()?.policy),
            "tracker" => serde_json::to_value(&config.cameras.first()?.tracker),
            "footprint" => serde_json::to_value(&config.cameras.first()?.footprints),
            "counter" => serde_json::to_value(&config.portals.first()?.counter),
            _ => {
                return match key {
                    "model" => detector.model.as_ref().map(|model| json!(model)),
                    "min_score" => detector.min_score.map(|score| json!(score)),
                    _ => None,
                };
            }
        };
        field(&json.ok()?, key).filter(|value| !value.is_null())
    }

    /// Gives it a value in every door, portal or camera of a configuration.
    pub fn set(
        &self,
        value: &Value,
        config: &mut EngineConfig,
        detector: &mut DetectorChoice,
    ) -> Result<(), String> {
        self.check(value)?;
        let (table, key) = self.name.split_once('.').unwrap_or_default();
        match table {
            "portal" => {
                let depth_m = value.as_f64().unwrap_or(super::portal::DEFAULT_DEPTH_M);
                config
                    .portals
                    .iter_mut()
                    .for_each(|p| p.portal.depth_m = depth_m);
            }
            "policy" => {
                for door in &mut config.doors {
                    door.policy = with(&door.policy, key, value)?;
                }
            }
            "tracker" => {
                for camera in &mut config.cameras {
                    camera.tracker = with(&camera.tracker, key, value)?;
                }
            }
            "footprint" => {
                for camera in &mut config.cameras {
                    camera.footprints = with(&camera.footprints, key, value)?;
                }
            }
            "counter" => {
                for portal in &mut config.portals {
                    portal.counter = with(&portal.counter, key, value)?;
                }
            }
            _ => match key {
                "model" => detector.model = value.as_str().map(str::to_owned),
                _ => detector.min_score = value.as_f64(),
            },
        }
        Ok(())
    }
}

/// Whether settings fit together, as a door file's must. `Err` says which do not.
pub fn fit_together(config: &EngineConfig) -> Result<(), String> {
    for camera in &config.cameras {
        if camera.tracker.weak_score > camera.tracker.strong_score {
            return Err("tracker.weak_score is above tracker.strong_score".to_owned());
        }
    }
    for door in &config.doors {
        let policy = &door.policy;
        if policy.open_window.is_some_and(|open| open < policy.window) {
            return Err("policy.open_window_s is shorter than policy.window_s".to_owned());
        }
    }
    Ok(())
}

/// The value of a key as a door file would give it.
fn field(json: &Value, key: &str) -> Option<Value> {
    if let Some(value) = json.get(key) {
        return Some(value.clone());
    }
    let value = json.get(key.strip_suffix("_s")?)?;
    Some(
        value
            .as_i64()
            .map_or(Value::Null, |us| json!(us as f64 / US_PER_S)),
    )
}

/// The same settings with one key changed.
fn with<T: Serialize + DeserializeOwned>(
    settings: &T,
    key: &str,
    value: &Value,
) -> Result<T, String> {
    let mut json = serde_json::to_value(settings).map_err(|error| error.to_string())?;
    let span = key
        .strip_suffix("_s")
        .filter(|name| json.get(key).is_none() && json.get(name).is_some());
    match (span, value.as_f64()) {
        (Some(name), Some(seconds)) => json[name] = json!((seconds * US_PER_S).round() as i64),
        _ => json[key] = value.clone(),
    }
    serde_json::from_value(json).map_err(|error| format!("{key}: {error}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::tests::site_of;

    fn site() -> (EngineConfig, DetectorChoice) {
        let site = site_of("");
        (site.engine, DetectorChoice::default())
    }

    #[test]
    fn every_default_that_is_named_is_what_a_door_file_without_it_gets() {
        let (config, detector) = site();
        let mut counted = 0;
        for setting in settings()
            .iter()
            .filter(|setting| setting.default.is_some())
        {
            assert_eq!(
                setting.get(&config, &detector),
                setting.default,
                "{}",
                setting.name
            );
            counted += 1;
        }
        assert!(counted > 30, "only {counted} settings have a default");
    }

    /// What `name = text` makes of the setting, or what is wrong with it.
    #[track_caller]
    fn check(name: &str, text: &str, expect: Result<Value, &str>) {
        let (mut config, mut detector) = site();
        let got = setting_named(name).and_then(|setting| {
            let value = setting.value(text)?;
            setting.set(&value, &mut config, &mut detector)?;
            fit_together(&config)?;
            setting
                .get(&config, &detector)
                .ok_or_else(|| "has no value".to_owned())
        });
        assert_eq!(got, expect.map_err(str::to_owned));
    }

    #[test]
    fn a_setting_takes_what_a_door_file_may_say() {
        check("portal.depth_m", "0.45", Ok(json!(0.45)));
        check("policy.window_s", "7", Ok(json!(7.0)));
        check("policy.open_window_s", "20", Ok(json!(20.0)));
        check("policy.passages_per_grant", "2", Ok(json!(2)));
        check("policy.net_u_turns", "true", Ok(json!(true)));
        check("policy.one_way", "in", Ok(json!("in")));
        check("tracker.lose_after_s", "3.5", Ok(json!(3.5)));
        check("tracker.speed_sd_m_s", "0.8", Ok(json!(0.8)));
        check("counter.settle_for_s", "0.25", Ok(json!(0.25)));
        check("footprint.edge_sd_share", "0.05", Ok(json!(0.05)));
        check("detector.min_score", "0.35", Ok(json!(0.35)));
    }

    #[test]
    fn what_cannot_be_is_refused_with_a_reason() {
        check(
            "portal.depth_m",
            "0",
            Err("portal.depth_m: 0 is not above 0 and at most 3"),
        );
        check(
            "policy.window_s",
            "-1",
            Err("policy.window_s: -1 is not above 0 and at most 3600"),
        );
        check(
            "tracker.gate_sd",
            "wide",
            Err("tracker.gate_sd: \"wide\" is no number"),
        );
        check(
            "tracker.weak_score",
            "0.9",
            Err("tracker.weak_score is above tracker.strong_score"),
        );
        check(
            "counter.setle_for_s",
            "1",
            Err("there is no setting counter.setle_for_s; did you mean counter.settle_for_s?"),
        );
        check(
            "settle_for_s",
            "1",
            Err("there is no setting settle_for_s; did you mean counter.settle_for_s?"),
        );
        check(
            "policy.resolution_s",
            "1",
            Err("policy.resolution_s is not tuned: it says what is, not how to judge"),
        );
    }
}
