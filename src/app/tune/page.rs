//! The tuning page: one self-contained file with what changes, how sure that is, and plots. No
//! script, no link to anywhere.

use std::fmt::Write as _;

use super::findings::{AxisLine, Findings, Scored};
use super::plot;
use super::text::{changed, rate, share, value, values, what_of};
use crate::app::names::clock;
use crate::app::report::html::{STYLE, escape};
use crate::score::{Passage, Turn};

const OWN_STYLE: &str = include_str!("page.css");

/// The whole page.
pub fn page(findings: &Findings) -> String {
    let mut html = String::new();
    // Writing to a String cannot fail.
    let _ = write!(
        html,
        "<!doctype html><html lang=\"en\"><head><meta charset=\"utf-8\">\
         <meta name=\"viewport\" content=\"width=device-width,initial-scale=1\">\
         <title>tailgate: tuning</title><style>{STYLE}{OWN_STYLE}</style></head><body><main>\
         <header><h1>Tuning over {}, {} of footage</h1>{}</header>",
        clips(findings),
        clock(findings.footage_s),
        headline(findings)
    );
    html.push_str(&warnings(findings));
    html.push_str(&scores(findings));
    html.push_str(&settings(findings));
    html.push_str(&differences(findings));
    html.push_str(&cloud(findings));
    html.push_str(&axes(findings));
    html.push_str(&front(findings));
    html.push_str(&cases(findings));
    let _ = writeln!(
        html,
        "<footer><p>{} configurations in {:.1} s, {} frames judged. A missed breach costs {}, any \
         other wrong passage 1. Intervals are 95 %: shares by Wilson (1927), rates by Garwood \
         (1936); the difference by the exact sign test over the passages that differ (McNemar, \
         1947).</p></footer></main></body></html>",
        findings.configurations, findings.seconds, findings.frames_judged, findings.missed_costs
    );
    html
}

fn clips(findings: &Findings) -> String {
    match findings.cases.len() {
        1 => "1 clip".to_owned(),
        many => format!("{many} clips"),
    }
}

fn headline(findings: &Findings) -> String {
    let wrong = |scored: &Scored| scored.counts.wrong();
    let (now, best) = (wrong(&findings.current), wrong(&findings.best));
    let (class, text) = match (now, best) {
        (0, _) => ("green", "Every passage is right as it is.".to_owned()),
        (now, best) if findings.settings.is_empty() => (
            "amber",
            format!("{now} wrong; nothing that was tried does better than {best}."),
        ),
        (now, best) => (
            if findings.broken == 0 {
                "green"
            } else {
                "amber"
            },
            format!(
                "{} fixed, {} broken: {now} wrong of {} before, {best} after.",
                findings.fixed, findings.broken, findings.current.counts.labelled
            ),
        ),
    };
    format!("<p class=\"headline {class}\">{text}</p>")
}

fn warnings(findings: &Findings) -> String {
    if findings.warnings.is_empty() {
        return String::new();
    }
    let items = findings.warnings.iter().map(|warning| {
        let mut letters = warning.chars();
        let first = letters
            .next()
            .map(|c| c.to_uppercase().to_string())
            .unwrap_or_default();
        format!(
            "<li>{}</li>",
            escape(&format!("{first}{}.", letters.as_str()))
        )
    });
    let items: String = items.collect();
    format!(
        "<section class=\"beware\"><strong>Before you use this</strong><ul>{items}</ul></section>"
    )
}

fn scores(findings: &Findings) -> String {
    let row = |class: &str, name: &str, scored: &Scored| {
        let none = || "&ndash;".to_owned();
        format!(
            "<tr class=\"{class}\"><td>{name}</td><td>{} of {}</td><td>{}</td><td>{}</td><td>{}</td>\
             <td>{}</td></tr>",
            scored.counts.wrong(),
            scored.counts.labelled,
            share(scored.precision),
            share(scored.recall),
            scored.breach_recall.map_or_else(none, share),
            scored.false_alarms_per_1000.map_or_else(none, rate),
        )
    };
    let unseen = findings.unseen.as_ref().map(|unseen| {
        row(
            "",
            "<span title=\"each clip judged by the settings that are best for all others\">\
                 unseen clips</span>",
            unseen,
        )
    });
    format!(
        "<section><h2>Score</h2><div class=\"table\"><table class=\"numbers\"><thead><tr><th></th>\
         <th>wrong</th><th>precision</th><th>recall</th><th>breaches caught</th>\
         <th>false alarms per 1,000 passages</th></tr></thead><tbody>{}{}{}</tbody></table></div>\
         <p class=\"quiet\">In brackets: 95 % intervals. Unseen clips: each clip judged by the \
         settings that are best for all others.</p></section>",
        row("", "current", &findings.current),
        row("best", "best", &findings.best),
        unseen.unwrap_or_default()
    )
}

fn settings(findings: &Findings) -> String {
    if findings.settings.is_empty() {
        return String::new();
    }
    let rows = findings.settings.iter().map(|setting| {
        let without = setting.cost_without.map(|cost| {
            let more = cost - findings.best.cost;
            format!("{} more wrong", super::text::short(more))
        });
        format!(
            "<tr><td class=\"wide\"><code>{}</code></td><td>{}</td><td><strong>{}</strong></td><td>{}\
             </td><td>{}</td></tr>",
            escape(&setting.name),
            escape(&values(&setting.from)),
            escape(&value(&setting.to)),
            setting.default.as_ref().map(value).unwrap_or_default(),
            without.unwrap_or_default()
        )
    });
    let rows: String = rows.collect();
    format!(
        "<section><h2>What would change</h2><div class=\"table\"><table class=\"numbers\"><thead><tr>\
         <th class=\"wide\">setting</th><th>now</th><th>best</th><th>default</th><th>without this \
         change</th></tr></thead><tbody>{rows}</tbody></table></div></section>"
    )
}

fn differences(findings: &Findings) -> String {
    if findings.differences.is_empty() {
        return String::new();
    }
    let rows = findings.differences.iter().map(|difference| {
        let (class, word) = match difference.change.turn {
            Turn::Fixed => ("fixed", "fixed"),
            Turn::Broken => ("broken", "broken"),
            Turn::StillWrong => ("still_wrong", "still wrong"),
        };
        format!(
            "<tr><td class=\"turn {class}\">{word}</td><td>{}</td><td>{}</td><td>{}</td></tr>",
            escape(&difference.case),
            clock(difference.change.time_s),
            escape(&what_of(&difference.change))
        )
    });
    let rows: String = rows.collect();
    format!(
        "<section><h2>{} fixed, {} broken</h2><div class=\"table\"><table><thead><tr><th></th><th>clip\
         </th><th>time</th><th>passage</th></tr></thead><tbody>{rows}</tbody></table></div></section>",
        findings.fixed, findings.broken
    )
}

fn cloud(findings: &Findings) -> String {
    format!(
        "<section><h2>Every configuration</h2><p class=\"quiet\">Further right: more of what happened \
         was found right. Further up: more of what was found is right. Lines are 95 % intervals. \
         <span class=\"named\"><span class=\"key now\"></span>current</span> <span class=\"named\">\
         <span class=\"key best\"></span>best</span> <span class=\"named\"><span class=\"key front\">\
         </span>beaten by no other</span></p><div class=\"plot\">{}</div></section>",
        plot::cloud(findings)
    )
}

fn axes(findings: &Findings) -> String {
    // A setting that changes nothing needs no picture; those that matter most come first.
    let span = |axis: &AxisLine| {
        let costs = || axis.points.iter().map(|point| point.cost);
        costs().fold(0.0, f64::max) - costs().fold(f64::INFINITY, f64::min)
    };
    let mut lively: Vec<&AxisLine> = findings
        .axes
        .iter()
        .filter(|axis| span(axis) > 0.0)
        .collect();
    lively.sort_by(|a, b| span(b).total_cmp(&span(a)));
    let flat: Vec<&str> = findings
        .axes
        .iter()
        .filter(|axis| !(span(axis) > 0.0))
        .map(|axis| axis.name.as_str())
        .collect();
    let plots: String = lively
        .iter()
        .map(|axis| {
            let name = escape(&axis.name);
            format!(
                "<div class=\"plot\"><h3>{name}</h3>{}</div>",
                plot::axis(axis)
            )
        })
        .collect();
    let flat = match flat.as_slice() {
        [] => String::new(),
        flat => format!(
            "<p class=\"quiet\">Made no difference anywhere: {}.</p>",
            escape(&flat.join(", "))
        ),
    };
    format!(
        "<section><h2>One setting at a time</h2><p class=\"quiet\">What it costs (passages that come \
         out wrong) when one setting changes and the others are the best ones. A wide floor is a safe \
         choice; a narrow one is luck. <span class=\"named\"><span class=\"key now\"></span>current</span> <span class=\"named\">\
         <span class=\"key best\"></span>best</span></p><div class=\"plots\">{plots}</div>{flat}</section>"
    )
}

fn front(findings: &Findings) -> String {
    let rows = findings.front.iter().map(|scored| {
        let c = scored.counts;
        format!(
            "<tr><td>{}</td><td>{}</td><td>{}</td><td>{}</td><td>{}</td><td>{}</td><td class=\"wide\">{}\
             </td></tr>",
            c.right,
            c.confused,
            c.missed,
            c.invented,
            c.missed_breaches(),
            c.false_alarms,
            escape(&changed(&scored.changes))
        )
    });
    let rows: String = rows.collect();
    format!(
        "<section><h2>What no other configuration beats</h2><div class=\"table\"><table \
         class=\"numbers\"><thead><tr><th>right</th><th>confused</th><th>missed</th><th>invented</th>\
         <th>missed breaches</th><th>false alarms</th><th class=\"wide\">with</th></tr></thead><tbody>\
         {rows}</tbody></table></div></section>"
    )
}

fn cases(findings: &Findings) -> String {
    let rows = findings.cases.iter().map(|case| {
        format!(
            "<tr><td>{}</td><td>{}</td><td>{}</td><td>{}</td><td class=\"wide\">{}</td></tr>",
            escape(&case.name),
            clock(case.seconds),
            case.current.wrong(),
            case.best.wrong(),
            cells(&case.passages_current, &case.passages_best)
        )
    });
    let rows: String = rows.collect();
    format!(
        "<section><h2>Clip by clip</h2><p class=\"quiet\">One cell a labelled passage: above as it is, \
         below with the best settings.</p><div class=\"table\"><table class=\"numbers\"><thead><tr><th>\
         clip</th><th>length</th><th>wrong now</th><th>wrong then</th><th class=\"wide\">passages</th>\
         </tr></thead><tbody>{rows}</tbody></table></div></section>"
    )
}

fn cells(before: &[Passage], after: &[Passage]) -> String {
    let class = |passage: &Passage| if passage.is_right() { "ok" } else { "no" };
    let cells: String = before
        .iter()
        .zip(after)
        .take_while(|(passage, _)| passage.expected.is_some())
        .map(|(was, is)| {
            let expected = was.expected.as_deref().unwrap_or("").replace('_', " ");
            format!(
                "<span class=\"cell\" title=\"{} {}\"><i class=\"{}\"></i><i class=\"{}\"></i></span>",
                clock(was.time_s),
                escape(&expected),
                class(was),
                class(is)
            )
        })
        .collect();
    format!("<div class=\"cells\">{cells}</div>")
}
