//! What came of a scene against what had to come of it, as lines a person can compare.

use super::script::{Expected, Scene};
use crate::crossing::Direction;
use crate::verdict::{GrantOutcome, GrantVerdict, Verdict};

/// Compares; empty if the scene came out as written, else one line for each difference.
pub fn differences(scene: &Scene, verdicts: &[&Verdict], grants: &[&GrantVerdict]) -> Vec<String> {
    let mut got: Vec<&Verdict> = verdicts.to_vec();
    got.sort_by_key(|verdict| (verdict.crossing.at, verdict.crossing.id));
    let mut open: Vec<&Verdict> = got.clone();
    let mut lines = Vec::new();
    for expected in &scene.expect.verdicts {
        let fits = |verdict: &&Verdict| fit(scene, expected, verdict);
        match open.iter().position(fits) {
            Some(place) => {
                open.remove(place);
            }
            None => lines.push(format!("expected but missing: {}", expected_line(expected))),
        }
    }
    lines.extend(
        open.iter()
            .map(|verdict| format!("not expected: {}", verdict_line(verdict))),
    );
    for expected in &scene.expect.grants {
        let outcome = grants.iter().find(|grant| grant.grant == expected.grant);
        let outcome = outcome.map(|grant| grant.outcome);
        if outcome != Some(expected.outcome) {
            lines.push(format!(
                "grant {}: expected {}, got {}",
                expected.grant,
                outcome_word(Some(expected.outcome)),
                outcome_word(outcome)
            ));
        }
    }
    lines
}

/// A verdict in the words of a script: `2.31 in authorised A`.
pub fn verdict_line(verdict: &Verdict) -> String {
    let mut line = format!(
        "{:.2} {} {}",
        verdict.crossing.at.as_s(),
        direction_word(verdict.crossing.direction),
        word(&verdict.kind)
    );
    if let Some(credit) = &verdict.credit {
        line.push_str(&format!(" {}", credit.grant));
    }
    for doubt in &verdict.doubts {
        line.push_str(&format!(" because {}", word(doubt)));
    }
    line
}

fn expected_line(expected: &Expected) -> String {
    let mut line = format!(
        "{:.2} {} {}",
        expected.at_s,
        direction_word(expected.direction),
        word(&expected.kind)
    );
    if let Some(grant) = &expected.grant {
        line.push_str(&format!(" {grant}"));
    }
    if let Some(doubt) = &expected.doubt {
        line.push_str(&format!(" because {}", word(doubt)));
    }
    line
}

fn fit(scene: &Scene, expected: &Expected, verdict: &Verdict) -> bool {
    let door = match &expected.door {
        Some(name) => scene.doors.iter().position(|door| door.name == *name),
        None => Some(usize::from(verdict.door.0)),
    };
    (verdict.crossing.at.as_s() - expected.at_s).abs() <= scene.expect.tolerance_s
        && verdict.crossing.direction == expected.direction
        && verdict.kind == expected.kind
        && door == Some(usize::from(verdict.door.0))
        && expected.grant == verdict.credit.as_ref().map(|credit| credit.grant.clone())
        && expected
            .doubt
            .is_none_or(|doubt| verdict.doubts.contains(&doubt))
}

const fn direction_word(direction: Direction) -> &'static str {
    match direction {
        Direction::In => "in",
        Direction::Out => "out",
    }
}

fn outcome_word(outcome: Option<GrantOutcome>) -> String {
    outcome.map_or_else(|| "nothing".to_owned(), |outcome| word(&outcome))
}

/// The core's own word for one of its values, as it is written in JSON.
fn word<T: serde::Serialize>(value: &T) -> String {
    match serde_json::to_value(value) {
        Ok(serde_json::Value::String(word)) => word,
        other => format!("{other:?}"),
    }
}
