//! The summary a guard can read, for a terminal.

use std::fmt::Write as _;

use super::{Report, VerdictLine};
use crate::app::names::clock;
use crate::score::CrossingScore;
use crate::verdict::{GrantOutcome, VerdictKind};

/// Colours of the terminal, or none.
#[derive(Debug, Clone, Copy)]
pub struct Ink {
    on: bool,
}

impl Ink {
    /// Coloured if `on`.
    pub const fn new(on: bool) -> Self {
        Self { on }
    }

    fn paint(self, code: &str, text: &str) -> String {
        if self.on {
            format!("\x1b[{code}m{text}\x1b[0m")
        } else {
            text.to_owned()
        }
    }

    /// What a reader looks for first.
    pub fn bold(self, text: &str) -> String {
        self.paint("1", text)
    }

    /// What a reader may skip.
    pub fn quiet(self, text: &str) -> String {
        self.paint("2", text)
    }

    /// What is well.
    pub fn green(self, text: &str) -> String {
        self.paint("32", text)
    }

    /// What is wrong.
    pub fn red(self, text: &str) -> String {
        self.paint("31", text)
    }

    /// What to beware of.
    pub fn amber(self, text: &str) -> String {
        self.paint("33", text)
    }

    fn verdict(self, line: &VerdictLine) -> String {
        let word = line.kind.name().replace('_', " ");
        match line.kind {
            _ if line.breach => self.paint("1;97;41", &format!(" {} ", word.to_uppercase())),
            VerdictKind::Authorised => self.paint("32", &word),
            VerdictKind::Undetermined => self.paint("30;43", &word),
            _ => self.paint("34", &word),
        }
    }
}

/// The whole summary.
pub fn summary(report: &Report, ink: Ink) -> String {
    let mut text = String::new();
    // Writing to a String cannot fail.
    let _ = header(&mut text, report, ink);
    let _ = verdicts(&mut text, report, ink);
    let _ = footer(&mut text, report, ink);
    text
}

fn header(text: &mut String, report: &Report, ink: Ink) -> std::fmt::Result {
    writeln!(
        text,
        "{}  {} of footage, {} frames",
        ink.paint("1", &report.source),
        clock(report.media_seconds),
        report.frames
    )?;
    for loss in &report.losses {
        writeln!(text, "{} {loss}", ink.paint("33", "lost:"))?;
    }
    Ok(())
}

fn verdicts(text: &mut String, report: &Report, ink: Ink) -> std::fmt::Result {
    for line in &report.verdicts {
        writeln!(
            text,
            "  {:>9}  {}  {}",
            clock(line.time_s),
            ink.verdict(line),
            line.text
        )?;
    }
    let idle = report
        .grants
        .iter()
        .filter(|grant| grant.outcome != GrantOutcome::Used);
    for grant in idle {
        writeln!(
            text,
            "  {:>9}  {}",
            clock(grant.time_s),
            ink.paint("2", &grant.text)
        )?;
    }
    for alarm in &report.alarms {
        writeln!(
            text,
            "  {:>9}  {} {}",
            clock(alarm.time_s),
            ink.paint("33", "note:"),
            alarm.text
        )?;
    }
    Ok(())
}

fn footer(text: &mut String, report: &Report, ink: Ink) -> std::fmt::Result {
    for door in &report.doors {
        let breaches = match door.breaches {
            0 => ink.paint("32", "nobody without a grant"),
            1 => ink.paint("1;31", "1 person without a grant"),
            many => ink.paint("1;31", &format!("{many} people without a grant")),
        };
        write!(
            text,
            "{}: {} in, {} out, {} grants: {breaches}",
            ink.paint("1", &door.name),
            door.entries,
            door.exits,
            door.grants
        )?;
        if door.undetermined > 0 {
            write!(text, ", {} could not be judged", door.undetermined)?;
        }
        writeln!(text)?;
    }
    for clock in &report.clocks {
        writeln!(text, "{}: {}", ink.paint("1", &clock.door), clock.text)?;
    }
    if let Some(score) = &report.score {
        scored(text, "crossings", &score.crossings, ink)?;
        if let Some(verdicts) = &score.verdicts {
            scored(text, "verdicts", verdicts, ink)?;
        }
    }
    writeln!(
        text,
        "{:.2} s, {:.0} frames/s, {:.0} times real time{}; verdict hash {}",
        report.seconds,
        report.fps,
        report.media_seconds / report.seconds.max(1e-9),
        looked(report),
        &report.verdict_hash[..16]
    )
}

/// How many frames needed looking at, where some did not.
fn looked(report: &Report) -> String {
    match report.looked {
        Some(looked) if looked < report.frames => format!(", {looked} frames looked at"),
        _ => String::new(),
    }
}

fn scored(text: &mut String, what: &str, score: &CrossingScore, ink: Ink) -> std::fmt::Result {
    writeln!(
        text,
        "{what} against truth: {} matched, {} missed, {} false; precision {:.3}, recall {:.3}, \
         time error mean {:.2} s, max {:.2} s",
        score.matched,
        score.missed,
        score.false_found,
        score.precision,
        score.recall,
        score.mean_abs_error_s,
        score.max_abs_error_s
    )?;
    for miss in &score.misses {
        let word = ink.paint("31", "missed");
        let (at, cause) = (clock(miss.time_s), &miss.cause);
        writeln!(
            text,
            "  {at:>9}  {word} {} {}: {cause}",
            miss.direction, miss.who
        )?;
    }
    for one in &score.falses {
        let word = ink.paint("31", "false");
        let (at, cause) = (clock(one.time_s), &one.cause);
        writeln!(
            text,
            "  {at:>9}  {word} {} {}: {cause}",
            one.direction, one.who
        )?;
    }
    Ok(())
}
