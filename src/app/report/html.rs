//! The page: one self-contained file with time line, verdicts and key frames. No script, no link
//! to anywhere: it opens from a mail attachment on a machine without a network.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use base64::Engine as _;

use super::{GrantLine, Report, VerdictLine};
use crate::app::names::clock;
use crate::verdict::{GrantOutcome, Stage, VerdictKind};

/// A picture of a moment, as JPEG.
pub type KeyFrame = Vec<u8>;

/// Style that all pages share.
pub(crate) const STYLE: &str = include_str!("page.css");
/// Width of the time line, in its own units.
const LINE_WIDTH: f64 = 1000.0;
/// Least distance between two ticks of the time line, in its own units.
const TICK_APART: f64 = 70.0;

/// The whole page. `frames` holds key frames by verdict id.
pub fn page(report: &Report, frames: &BTreeMap<String, Vec<KeyFrame>>) -> String {
    let mut html = String::new();
    let title = escape(&report.source);
    let breaches = report.breaches().count();
    // Writing to a String cannot fail.
    let _ = write!(
        html,
        "<!doctype html><html lang=\"en\"><head><meta charset=\"utf-8\">\
         <meta name=\"viewport\" content=\"width=device-width,initial-scale=1\">\
         <title>tailgate: {title}</title><style>{STYLE}</style></head><body><main>\
         <header><h1>{title}</h1>{}</header>",
        headline(report, breaches)
    );
    html.push_str(&doors(report));
    html.push_str(&time_line(report));
    html.push_str("<section><h2>Verdicts</h2>");
    if report.verdicts.is_empty() {
        html.push_str("<p class=\"quiet\">Nobody crossed.</p>");
    }
    for verdict in &report.verdicts {
        let pictures = frames
            .get(&verdict.id)
            .map(Vec::as_slice)
            .unwrap_or_default();
        html.push_str(&card(verdict, pictures));
    }
    html.push_str("</section>");
    html.push_str(&grants(&report.grants));
    html.push_str(&notes(report));
    html.push_str(&facts(report));
    html.push_str("</main></body></html>\n");
    html
}

fn headline(report: &Report, breaches: usize) -> String {
    let undetermined: usize = report.doors.iter().map(|door| door.undetermined).sum();
    let (class, text) = match (breaches, undetermined) {
        (0, 0) => ("green", "Nobody came in without a grant.".to_owned()),
        (0, open) => (
            "amber",
            format!("No breach found; {open} could not be judged."),
        ),
        (1, _) => ("red", "One person came in without a grant.".to_owned()),
        (many, _) => ("red", format!("{many} people came in without a grant.")),
    };
    format!("<p class=\"headline {class}\">{text}</p>")
}

fn doors(report: &Report) -> String {
    let mut html = String::from("<section class=\"doors\">");
    for door in &report.doors {
        let _ = write!(
            html,
            "<div class=\"door\"><h3>{}</h3><dl><dt>in</dt><dd>{}</dd><dt>out</dt><dd>{}</dd>\
             <dt>grants</dt><dd>{}</dd><dt>breaches</dt><dd class=\"{}\">{}</dd></dl></div>",
            escape(&door.name),
            door.entries,
            door.exits,
            door.grants,
            if door.breaches > 0 { "red" } else { "" },
            door.breaches
        );
    }
    html + "</section>"
}

/// Grants above the line, crossings below it, in their colours.
fn time_line(report: &Report) -> String {
    let length = report.media_seconds.max(1e-3);
    let x = |seconds: f64| (seconds / length * LINE_WIDTH).clamp(0.0, LINE_WIDTH);
    let mut svg = String::from(
        "<section><h2>Time line</h2><svg viewBox=\"-30 0 1060 120\" role=\"img\" \
         aria-label=\"Grants above, crossings below\"><line class=\"axis\" x1=\"0\" y1=\"60\" \
         x2=\"1000\" y2=\"60\"/>",
    );
    let step = tick_step(length);
    let ticks = (length / step).floor() as usize;
    for tick in 0..=ticks {
        let seconds = tick as f64 * step;
        let _ = write!(
            svg,
            "<line class=\"tick\" x1=\"{0:.1}\" y1=\"57\" x2=\"{0:.1}\" y2=\"63\"/>\
             <text class=\"label\" x=\"{0:.1}\" y=\"115\">{1}</text>",
            x(seconds),
            short_clock(seconds)
        );
    }
    for grant in &report.grants {
        let class = if grant.outcome == GrantOutcome::Used {
            "grant"
        } else {
            "grant idle"
        };
        let _ = write!(
            svg,
            "<g class=\"{class}\"><title>{}</title><line x1=\"{1:.1}\" y1=\"30\" x2=\"{1:.1}\" \
             y2=\"58\"/><rect x=\"{2:.1}\" y=\"16\" width=\"14\" height=\"14\" rx=\"3\"/></g>",
            escape(&grant.text),
            x(grant.time_s),
            x(grant.time_s) - 7.0
        );
    }
    for verdict in &report.verdicts {
        let _ = write!(
            svg,
            "<a href=\"#{id}\"><g class=\"crossing {class}\"><title>{title}</title>\
             <line x1=\"{x:.1}\" y1=\"62\" x2=\"{x:.1}\" y2=\"82\"/>\
             <circle cx=\"{x:.1}\" cy=\"88\" r=\"8\"/></g></a>",
            id = escape(&verdict.id),
            class = class(verdict),
            title = escape(&verdict.text),
            x = x(verdict.time_s)
        );
    }
    svg + "</svg><p class=\"quiet\">Squares are grants, discs are crossings.</p></section>"
}

fn card(verdict: &VerdictLine, pictures: &[KeyFrame]) -> String {
    let mut html = format!(
        "<article id=\"{}\" class=\"card {}\"><h3><time>{}</time> <span class=\"kind\">{}</span> \
         <span class=\"quiet\">{}, {}, track {}{}</span></h3><p>{}</p>",
        escape(&verdict.id),
        class(verdict),
        clock(verdict.time_s),
        verdict.kind.name().replace('_', " "),
        escape(&verdict.door),
        escape(&verdict.direction),
        verdict.track,
        match verdict.stage {
            Stage::Provisional => ", provisional",
            Stage::Final => "",
            Stage::Amended => ", amended",
        },
        escape(&verdict.text)
    );
    for picture in pictures {
        let _ = write!(
            html,
            "<img alt=\"key frame\" src=\"data:image/jpeg;base64,{}\">",
            base64::engine::general_purpose::STANDARD.encode(picture)
        );
    }
    if !verdict.doubts.is_empty() {
        let doubts: Vec<&str> = verdict.doubts.iter().map(|doubt| doubt.reason()).collect();
        let _ = write!(
            html,
            "<p class=\"doubts\">Doubts: {}.</p>",
            escape(&doubts.join("; "))
        );
    }
    html.push_str("<details><summary>Why, and why not</summary><ol>");
    for step in &verdict.why {
        let _ = write!(html, "<li>{}</li>", escape(step));
    }
    let _ = write!(
        html,
        "</ol><p class=\"quiet\">verdict id <code>{}</code></p></details></article>",
        escape(&verdict.id)
    );
    html
}

fn grants(grants: &[GrantLine]) -> String {
    if grants.is_empty() {
        return String::new();
    }
    let mut html = String::from(
        "<section><h2>Grants</h2><table><thead><tr><th>time</th><th>grant</th><th>holder</th>\
         <th>outcome</th><th></th></tr></thead><tbody>",
    );
    for grant in grants {
        let _ = write!(
            html,
            "<tr><td>{}</td><td>{}</td><td>{}</td><td>{}</td><td>{}</td></tr>",
            clock(grant.time_s),
            escape(&grant.id),
            escape(grant.holder.as_deref().unwrap_or("")),
            grant.outcome.name(),
            escape(&grant.text)
        );
    }
    html + "</tbody></table></section>"
}

fn notes(report: &Report) -> String {
    let alarms = report
        .alarms
        .iter()
        .map(|a| format!("{} {}", clock(a.time_s), a.text));
    let lines: Vec<String> = report.losses.iter().cloned().chain(alarms).collect();
    if lines.is_empty() {
        return String::new();
    }
    let mut html = String::from("<section><h2>Notes</h2><ul>");
    for line in lines {
        let _ = write!(html, "<li>{}</li>", escape(&line));
    }
    html + "</ul></section>"
}

fn facts(report: &Report) -> String {
    format!(
        "<footer><p>{} frames, {} of footage, replayed in {:.2} s ({:.0} frames/s).{}</p>\
         <p>Verdict hash <code>{}</code></p></footer>",
        report.frames,
        clock(report.media_seconds),
        report.seconds,
        report.fps,
        report
            .model
            .as_deref()
            .map(|m| format!(" Detector {}.", escape(m)))
            .unwrap_or_default(),
        report.verdict_hash
    )
}

fn class(verdict: &VerdictLine) -> &'static str {
    match verdict.kind {
        _ if verdict.breach => "red",
        VerdictKind::Authorised => "green",
        VerdictKind::Undetermined => "amber",
        _ => "blue",
    }
}

/// The least of 1, 2, 5, 10, ... seconds that keeps ticks apart.
fn tick_step(length: f64) -> f64 {
    [
        1.0, 2.0, 5.0, 10.0, 20.0, 30.0, 60.0, 120.0, 300.0, 600.0, 1800.0,
    ]
    .into_iter()
    .find(|step| step / length * LINE_WIDTH >= TICK_APART)
    .unwrap_or(3600.0)
}

fn short_clock(seconds: f64) -> String {
    let text = clock(seconds);
    text.split('.').next().unwrap_or(&text).to_owned()
}

/// Text as it may stand in HTML.
pub(crate) fn escape(text: &str) -> String {
    text.chars()
        .fold(String::with_capacity(text.len()), |mut out, character| {
            match character {
                '&' => out.push_str("&amp;"),
                '<' => out.push_str("&lt;"),
                '>' => out.push_str("&gt;"),
                '"' => out.push_str("&quot;"),
                '\'' => out.push_str("&#39;"),
                other => out.push(other),
            }
            out
        })
}
