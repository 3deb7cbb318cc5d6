//! An axis of the search: one setting and the values it may take.

use serde_json::{Value, json};

use super::case::Case;
use crate::config::{Setting, SettingKind, setting_named};

/// Values along an axis before it is refined.
const COARSE: usize = 5;

/// What is searched when nobody says what to search: name, least and greatest value, and whether
/// steps are in proportion. Ranges go from about a third of the default to three times it, and stay
/// within what people and doors do.
const USUAL: [(&str, f64, f64, bool); 15] = [
    ("portal.depth_m", 0.1, 0.8, true),
    ("counter.settle_for_s", 0.05, 0.6, true),
    ("counter.settle_sigmas", 0.0, 3.0, false),
    ("counter.end_slack_m", 0.0, 0.8, false),
    ("counter.threshold_m", 0.1, 1.2, false),
    ("counter.vanish_after_s", 0.3, 3.0, true),
    ("counter.stitch_within_s", 0.0, 4.0, false),
    ("tracker.strong_score", 0.2, 0.8, false),
    ("tracker.weak_score", 0.05, 0.4, true),
    ("tracker.confirm_after_s", 0.1, 0.8, true),
    ("tracker.confirm_doubtful_after_s", 0.2, 2.0, true),
    ("tracker.lose_after_s", 0.5, 6.0, true),
    ("tracker.gate_sd", 2.0, 6.0, false),
    ("tracker.acceleration_m2_s3", 0.3, 4.0, true),
    ("footprint.edge_sd_share", 0.01, 0.1, true),
];
/// The same for the ledger: searched only where verdicts are labelled.
const USUAL_OF_LEDGER: [(&str, f64, f64, bool); 4] = [
    ("policy.early_s", 0.0, 4.0, false),
    ("policy.window_s", 3.0, 30.0, true),
    ("policy.follow_s", 1.0, 10.0, true),
    ("policy.exit_close_s", 1.0, 8.0, true),
];

/// One setting and the values it may take.
#[derive(Debug, Clone)]
pub struct Axis {
    /// The setting.
    pub setting: &'static Setting,
    /// Its values, in order, before it is refined.
    pub values: Vec<Value>,
    /// What it is now: one value for each different one among the cases.
    pub current: Vec<Value>,
    /// Whether values between those given may be tried.
    pub refine: bool,
    /// Whether somebody asked for it.
    pub is_given: bool,
    /// Whether steps are in proportion.
    proportional: bool,
}

impl Axis {
    /// `--set NAME=A,B,C`: these values.
    pub fn of_values(text: &str, cases: &[Case]) -> Result<Self, String> {
        let (name, list) = text
            .split_once('=')
            .ok_or_else(|| format!("--set {text}: write NAME=VALUE,VALUE,..."))?;
        let setting = setting_named(name.trim())?;
        let values: Vec<Value> = list
            .split(',')
            .map(|value| setting.value(value))
            .collect::<Result<_, _>>()?;
        // Words are only understood by the settings themselves.
        if let Some(case) = cases.first() {
            for value in &values {
                let (mut config, mut detector) = (case.config.clone(), case.detector.clone());
                setting.set(value, &mut config, &mut detector)?;
            }
        }
        Ok(Self::new(setting, values, false, false, cases))
    }

    /// `--range NAME=A..B` or `--range NAME=A..B:COUNT`: values from A to B.
    pub fn of_range(text: &str, cases: &[Case]) -> Result<Self, String> {
        let wrong = || format!("--range {text}: write NAME=FROM..TO or NAME=FROM..TO:COUNT");
        let (name, range) = text.split_once('=').ok_or_else(wrong)?;
        let (ends, count) = match range.split_once(':') {
            Some((ends, count)) => (ends, count.trim().parse().map_err(|_| wrong())?),
            None => (range, COARSE),
        };
        let (from, to) = ends.split_once("..").ok_or_else(wrong)?;
        let setting = setting_named(name.trim())?;
        if !matches!(setting.kind, SettingKind::Number { .. }) {
            return Err(format!(
                "--range {text}: {} is no number; use --set",
                setting.name
            ));
        }
        let number = |text: &str| {
            let value = setting.value(text)?;
            value.as_f64().ok_or_else(wrong)
        };
        let (from, to) = (number(from)?, number(to)?);
        if from >= to || count < 2 {
            return Err(format!(
                "--range {text}: from must be less than to, and the count 2 or more"
            ));
        }
        let values = spread(setting, from, to, false, count);
        Ok(Self::new(setting, values, !setting.detects, false, cases))
    }

    /// What is searched when nobody says what to search.
    pub fn usual(cases: &[Case]) -> Vec<Self> {
        let judged = cases.iter().any(|case| case.by_verdict);
        let ledger = USUAL_OF_LEDGER.iter().filter(|_| judged);
        let axes = USUAL
            .iter()
            .chain(ledger)
            .filter_map(|(name, from, to, proportional)| {
                let setting = setting_named(name).ok()?;
                let values = spread(setting, *from, *to, *proportional, COARSE);
                let axis = Self::new(setting, values, true, *proportional, cases);
                Some(Self {
                    is_given: false,
                    ..axis
                })
            });
        axes.collect()
    }

    fn new(
        setting: &'static Setting,
        mut values: Vec<Value>,
        refine: bool,
        proportional: bool,
        cases: &[Case],
    ) -> Self {
        let mut current = Vec::new();
        for case in cases {
            let value = setting.get(&case.config, &case.detector);
            current.extend(value.filter(|value| !current.contains(value)));
        }
        if refine {
            values.extend(setting.default.clone());
            values.extend(current.iter().cloned());
        }
        let mut axis = Self {
            setting,
            values,
            current,
            refine,
            is_given: true,
            proportional,
        };
        sort(&mut axis.values);
        axis
    }

    /// Values halfway between `value` and its neighbours among `tried`.
    pub fn around(&self, value: &Value, tried: &[Value]) -> Vec<Value> {
        let Some(here) = value.as_f64().filter(|_| self.refine) else {
            return Vec::new();
        };
        let numbers = || tried.iter().filter_map(Value::as_f64);
        let below = numbers().filter(|v| *v < here).max_by(f64::total_cmp);
        let above = numbers().filter(|v| *v > here).min_by(f64::total_cmp);
        let halfway = |other: f64| {
            let middle = if self.proportional && here > 0.0 && other > 0.0 {
                (here * other).sqrt()
            } else {
                0.5 * (here + other)
            };
            of_kind(self.setting, middle)
        };
        let mut values: Vec<Value> = below.into_iter().chain(above).map(halfway).collect();
        values.retain(|value| !tried.contains(value) && self.setting.check(value).is_ok());
        sort(&mut values);
        values
    }
}

/// Sorts values and leaves each in once.
pub fn sort(values: &mut Vec<Value>) {
    let number = |value: &Value| value.as_f64().unwrap_or(f64::INFINITY);
    values.sort_by(|a, b| {
        let by_number = number(a).total_cmp(&number(b));
        by_number.then_with(|| a.to_string().cmp(&b.to_string()))
    });
    values.dedup();
}

fn spread(setting: &Setting, from: f64, to: f64, proportional: bool, count: usize) -> Vec<Value> {
    let step = |index: usize| {
        let share = index as f64 / (count - 1) as f64;
        if proportional {
            from * libm::pow(to / from, share)
        } else {
            from + share * (to - from)
        }
    };
    let mut values: Vec<Value> = (0..count)
        .map(|index| of_kind(setting, step(index)))
        .collect();
    sort(&mut values);
    values
}

/// A number a person would write: two digits that count, three from 10 on.
fn of_kind(setting: &Setting, number: f64) -> Value {
    let whole = matches!(setting.kind, SettingKind::Number { whole: true, .. });
    if whole {
        return json!(number.round() as i64);
    }
    let digits = match number.abs() {
        size if size >= 10.0 => 10.0,
        size if size >= 1.0 => 20.0,
        size if size >= 0.1 => 100.0,
        _ => 1000.0,
    };
    json!((number * digits).round() / digits)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(values: &[Value]) -> String {
        values
            .iter()
            .map(Value::to_string)
            .collect::<Vec<_>>()
            .join(" ")
    }

    #[track_caller]
    fn check(axis: Result<Axis, String>, expect: &str) {
        let got = match axis {
            Ok(axis) => shown(&axis.values),
            Err(why) => why,
        };
        assert_eq!(got, expect);
    }

    #[test]
    fn axes_from_the_command_line() {
        check(Axis::of_values("policy.window_s=5,3,5", &[]), "3.0 5.0");
        check(
            Axis::of_values("policy.one_way=in,out", &[]),
            "\"in\" \"out\"",
        );
        check(
            Axis::of_range("counter.settle_sigmas=0..2:3", &[]),
            "0.0 1.0 2.0",
        );
        check(
            Axis::of_range("portal.depth_m=0.9..0.1", &[]),
            "--range portal.depth_m=0.9..0.1: from must be less than to, and the count 2 or more",
        );
        check(
            Axis::of_range("policy.net_u_turns=0..1", &[]),
            "--range policy.net_u_turns=0..1: policy.net_u_turns is no number; use --set",
        );
        check(
            Axis::of_values("policy.window_s", &[]),
            "--set policy.window_s: write NAME=VALUE,VALUE,...",
        );
    }

    #[test]
    fn the_usual_axes_name_settings_that_there_are_and_hold_their_defaults() {
        for axis in Axis::usual(&[]) {
            let default = axis.setting.default.clone().unwrap();
            assert!(axis.values.contains(&default), "{}", axis.setting.name);
            for value in &axis.values {
                axis.setting.check(value).unwrap();
            }
        }
        // Without labelled verdicts the ledger is left alone.
        assert_eq!(Axis::usual(&[]).len(), USUAL.len());
    }

    #[test]
    fn refining_halves_the_way_to_the_neighbours() {
        let axis = Axis::of_range("counter.settle_sigmas=0..2:3", &[]).unwrap();
        let around = axis.around(&json!(1.0), &axis.values);
        assert_eq!(shown(&around), "0.5 1.5");
        let edge = axis.around(&json!(2.0), &axis.values);
        assert_eq!(shown(&edge), "1.5");
    }
}
