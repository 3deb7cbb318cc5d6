//! What a search came to, for a terminal.

use std::fmt::Write as _;

use serde_json::Value;

use super::case::Changes;
use super::findings::{AxisLine, AxisPoint, Findings, Rate, Scored, Share};
use crate::app::names::clock;
use crate::app::report::text::Ink;
use crate::score::Turn;

/// Lines of the Pareto table, and of passages that differ, that a screen holds.
const FRONT_LINES: usize = 8;
const DIFFERENCE_LINES: usize = 40;
/// So few settings were asked for one by one: each is shown, whether or not it matters.
const FEW_AXES: usize = 4;

/// The whole summary.
pub fn summary(findings: &Findings, ink: Ink) -> String {
    let mut text = String::new();
    // Writing to a String cannot fail.
    let _ = header(&mut text, findings, ink);
    let _ = table(&mut text, findings, ink);
    let _ = settings(&mut text, findings, ink);
    let _ = differences(&mut text, findings, ink);
    let _ = axes(&mut text, findings, ink);
    let _ = front(&mut text, findings, ink);
    let _ = warnings(&mut text, findings, ink);
    text
}

fn header(text: &mut String, findings: &Findings, ink: Ink) -> std::fmt::Result {
    let counts = findings.current.counts;
    let breaches = match counts.judged {
        0 => "no verdicts labelled".to_owned(),
        _ => format!("{} of them breaches", counts.breaches),
    };
    let clips = match findings.cases.len() {
        1 => "1 clip".to_owned(),
        many => format!("{many} clips"),
    };
    writeln!(
        text,
        "{}, {} of footage, {} passages ({breaches})",
        ink.bold(&clips),
        clock(findings.footage_s),
        counts.labelled
    )?;
    writeln!(
        text,
        "{} configurations in {:.1} s, {} frames judged",
        findings.configurations, findings.seconds, findings.frames_judged
    )?;
    if findings.unfit > 0 {
        let what = "left out: their settings do not fit together";
        writeln!(text, "{} more {what}", findings.unfit)?;
    }
    Ok(())
}

fn table(text: &mut String, findings: &Findings, ink: Ink) -> std::fmt::Result {
    writeln!(text)?;
    let head = format!(
        "{:<10} {:>9}  {:<22} {:<22} {:<22} {}",
        "", "wrong", "precision", "recall", "breaches caught", "false alarms per 1,000 passages"
    );
    writeln!(text, "{}", ink.quiet(&head))?;
    line(text, "current", &findings.current)?;
    line(text, "best", &findings.best)?;
    if let Some(unseen) = &findings.unseen {
        line(text, "unseen", unseen)?;
        let what = "unseen: each clip judged by the settings that are best for all others";
        writeln!(text, "{}", ink.quiet(what))?;
    }
    let what = "in brackets: 95 % intervals (shares: Wilson 1927; rates: Garwood 1936)";
    writeln!(text, "{}", ink.quiet(what))
}

fn line(text: &mut String, name: &str, scored: &Scored) -> std::fmt::Result {
    let breaches = scored.breach_recall.map_or_else(|| "-".to_owned(), share);
    let alarms = scored
        .false_alarms_per_1000
        .map_or_else(|| "-".to_owned(), rate);
    writeln!(
        text,
        "{name:<10} {:>9}  {:<22} {:<22} {breaches:<22} {alarms}",
        format!("{}/{}", scored.counts.wrong(), scored.counts.labelled),
        share(scored.precision),
        share(scored.recall),
    )
}

/// `91.2 % (77 to 97)`.
pub fn share(share: Share) -> String {
    let percent = |value: f64| 100.0 * value;
    format!(
        "{:.1} % ({:.0} to {:.0})",
        percent(share.value),
        percent(share.between.lo),
        percent(share.between.hi)
    )
}

/// `25.0 (3 to 90)`.
pub fn rate(rate: Rate) -> String {
    format!(
        "{:.1} ({:.0} to {:.0})",
        rate.value, rate.between.lo, rate.between.hi
    )
}

fn settings(text: &mut String, findings: &Findings, ink: Ink) -> std::fmt::Result {
    writeln!(text)?;
    if findings.settings.is_empty() {
        let best = &findings.current;
        let what = match best.counts.wrong() {
            0 => "Every passage is right as it is: nothing to change.",
            _ => "Nothing that was tried is better than the current settings.",
        };
        return writeln!(text, "{what}");
    }
    writeln!(text, "{}", ink.bold("What would change"))?;
    for setting in &findings.settings {
        let without = match setting.cost_without {
            Some(cost) => format!("without it {} more wrong", short(cost - findings.best.cost)),
            None => String::new(),
        };
        let change = format!("{} -> {}", values(&setting.from), value(&setting.to));
        writeln!(
            text,
            "  {:<34} {change:<24} {}",
            setting.name,
            ink.quiet(&without)
        )?;
    }
    Ok(())
}

fn differences(text: &mut String, findings: &Findings, ink: Ink) -> std::fmt::Result {
    if findings.differences.is_empty() {
        return Ok(());
    }
    writeln!(
        text,
        "\n{}",
        ink.bold(&format!(
            "{} fixed, {} broken",
            findings.fixed, findings.broken
        ))
    )?;
    let width = findings
        .differences
        .iter()
        .map(|d| d.case.len())
        .max()
        .unwrap_or(0);
    for difference in findings.differences.iter().take(DIFFERENCE_LINES) {
        let change = &difference.change;
        let turn = match change.turn {
            Turn::Fixed => ink.green("fixed "),
            Turn::Broken => ink.red("broken"),
            Turn::StillWrong => ink.quiet("wrong "),
        };
        writeln!(
            text,
            "  {turn}  {:<width$}  {:>8}  {}",
            difference.case,
            clock(change.time_s),
            what_of(change)
        )?;
    }
    let more = findings.differences.len().saturating_sub(DIFFERENCE_LINES);
    if more > 0 {
        writeln!(text, "  and {more} more: see --json or --report")?;
    }
    Ok(())
}

/// `tailgating: was missed, now tailgating`.
pub fn what_of(change: &crate::score::Change) -> String {
    let word = |word: &Option<String>, none: &str| match word {
        Some(word) => word.replace('_', " "),
        None => none.to_owned(),
    };
    match &change.expected {
        Some(expected) => format!(
            "{}: was {}, now {}",
            expected.replace('_', " "),
            word(&change.before, "missed"),
            word(&change.after, "missed")
        ),
        None => format!(
            "nobody passed: was {}, now {}",
            word(&change.before, "quiet"),
            word(&change.after, "quiet")
        ),
    }
}

/// What each value costs; of many settings only those that matter.
fn axes(text: &mut String, findings: &Findings, ink: Ink) -> std::fmt::Result {
    let all = findings.axes.len() <= FEW_AXES;
    let shown: Vec<&AxisLine> = findings
        .axes
        .iter()
        .filter(|axis| all || axis.points.windows(2).any(|p| differ(p[0].cost, p[1].cost)))
        .collect();
    if shown.is_empty() {
        return Ok(());
    }
    writeln!(
        text,
        "\n{}  {}",
        ink.bold("One setting at a time"),
        ink.quiet("value: what it costs, the others as in the best; in brackets the best")
    )?;
    for axis in shown {
        let point = |point: &AxisPoint| {
            let text = format!("{}: {}", value(&point.value), short(point.cost));
            if axis.best.as_ref() == Some(&point.value) {
                format!("[{text}]")
            } else {
                text
            }
        };
        let points: Vec<String> = axis.points.iter().map(point).collect();
        writeln!(text, "  {:<34} {}", axis.name, points.join("  "))?;
    }
    Ok(())
}

/// Costs are sums of a few whole numbers and weights: closer than this they are equal.
fn differ(a: f64, b: f64) -> bool {
    (a - b).abs() > 1e-9
}

fn front(text: &mut String, findings: &Findings, ink: Ink) -> std::fmt::Result {
    if findings.front.len() < 2 {
        return Ok(());
    }
    writeln!(text, "\n{}", ink.bold("What no other configuration beats"))?;
    let head = format!(
        "  {:>6} {:>8} {:>6} {:>15} {:>13}  with",
        "right", "confused", "missed", "missed breaches", "false alarms"
    );
    writeln!(text, "{}", ink.quiet(&head))?;
    for scored in findings.front.iter().take(FRONT_LINES) {
        let c = scored.counts;
        writeln!(
            text,
            "  {:>6} {:>8} {:>6} {:>15} {:>13}  {}",
            c.right,
            c.confused,
            c.missed,
            c.missed_breaches(),
            c.false_alarms,
            changed(&scored.changes)
        )?;
    }
    Ok(())
}

fn warnings(text: &mut String, findings: &Findings, ink: Ink) -> std::fmt::Result {
    if !findings.warnings.is_empty() {
        writeln!(text)?;
    }
    for warning in &findings.warnings {
        writeln!(text, "{} {warning}", ink.amber("beware:"))?;
    }
    Ok(())
}

/// Changes in a line.
pub fn changed(changes: &Changes) -> String {
    if changes.is_empty() {
        return "the current settings".to_owned();
    }
    let pairs = changes
        .iter()
        .map(|(name, to)| format!("{name} {}", value(to)));
    pairs.collect::<Vec<_>>().join(", ")
}

/// A value as a door file has it.
pub fn value(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Number(number) => number.as_f64().map_or_else(|| number.to_string(), short),
        other => other.to_string(),
    }
}

/// Different values in a line.
pub fn values(all: &[Value]) -> String {
    match all {
        [] => "unset".to_owned(),
        all => all.iter().map(value).collect::<Vec<_>>().join(" or "),
    }
}

/// A number without needless digits.
pub fn short(number: f64) -> String {
    format!("{}", (number * 1e4).round() / 1e4)
}
