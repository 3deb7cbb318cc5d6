//! The dialogue with a person: one question a crossing, one short answer each.
//!
//! It reads lines and writes lines: a terminal, a pipe and a test are the same to it. The end of the
//! input is an end of the work like `q`: what was answered is kept.

use std::io::{self, BufRead, Write};

use super::proposal::Proposal;
use super::sheet::{Answer, Labelled, Proposed, Sheet};
use crate::app::names::clock;
use crate::verdict::VerdictKind;

const HELP: &str = "  y            it is right\n\
                    \x20 n            nobody passed\n\
                    \x20 e WHAT...    it was otherwise: a time (0:42.1), a direction, a verdict, or several of \
                    these\n\
                    \x20 a TIME DIRECTION [VERDICT]   add one that was not proposed\n\
                    \x20 s            skip it: it is asked again next time\n\
                    \x20 b            back: take the last answer back\n\
                    \x20 q            stop here; what was answered is kept\n";

/// How a dialogue ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Ended {
    /// Proposals that have an answer.
    pub answered: usize,
    /// Proposals that have none yet.
    pub open: usize,
}

/// What a person said.
enum Said {
    Yes,
    No,
    Edit(Labelled),
    Add(Labelled),
    Skip,
    Back,
    Quit,
}

/// The people talking, and what they talk about.
pub struct Dialogue<'a> {
    /// Where answers come from.
    pub from: &'a mut dyn BufRead,
    /// Where questions go.
    pub to: &'a mut dyn Write,
    /// What directions are called.
    pub directions: &'a [String],
    /// A picture of each proposal, as a path to look at; empty without pictures.
    pub pictures: &'a [String],
}

impl Dialogue<'_> {
    /// Asks about every proposal that has no answer yet.
    pub fn run(&mut self, proposals: &[Proposal], sheet: &mut Sheet) -> Result<Ended, String> {
        let told = |problem: io::Error| format!("cannot talk to the terminal: {problem}");
        let mut at = 0;
        let mut quit = false;
        // Those that were asked, so that `b` knows where back is.
        let mut asked: Vec<usize> = Vec::new();
        while at < proposals.len() && !quit {
            let proposal = &proposals[at];
            if sheet.answer_to(proposal).is_some() {
                at += 1;
                continue;
            }
            self.show(at, proposals, sheet).map_err(told)?;
            match self.ask(Some(proposal), sheet).map_err(told)? {
                Said::Yes => {
                    sheet.answer(answer(proposal, Some(as_proposed(proposal))))?;
                    asked.push(at);
                }
                Said::No => {
                    sheet.answer(answer(proposal, None))?;
                    asked.push(at);
                }
                Said::Edit(labelled) => {
                    sheet.answer(answer(proposal, Some(labelled)))?;
                    asked.push(at);
                }
                Said::Add(labelled) => sheet.answer(added(labelled))?,
                Said::Skip => at += 1,
                Said::Back => match asked.pop() {
                    Some(before) => {
                        sheet.take_back()?;
                        at = before;
                    }
                    None => writeln!(self.to, "there is nothing to take back").map_err(told)?,
                },
                Said::Quit => quit = true,
            }
        }
        if !quit {
            self.missed(sheet)?;
        }
        let open = proposals
            .iter()
            .filter(|p| sheet.answer_to(p).is_none())
            .count();
        sheet.finish(open == 0)?;
        Ok(Ended {
            answered: proposals.len() - open,
            open,
        })
    }

    fn show(&mut self, at: usize, proposals: &[Proposal], sheet: &Sheet) -> io::Result<()> {
        let proposal = &proposals[at];
        let kind = match proposal.kind.filter(|_| sheet.by_verdict()) {
            Some(kind) => format!("  {}", kind.name().replace('_', " ")),
            None => String::new(),
        };
        writeln!(
            self.to,
            "\n{} of {}   {}  {}{kind}",
            at + 1,
            proposals.len(),
            clock(proposal.time_s),
            proposal.direction
        )?;
        if !proposal.text.is_empty() {
            writeln!(self.to, "  {}", proposal.text)?;
        }
        if !proposal.doubts.is_empty() {
            let doubts: Vec<&str> = proposal.doubts.iter().map(|doubt| doubt.reason()).collect();
            writeln!(self.to, "  doubts: {}", doubts.join("; "))?;
        }
        if let Some(picture) = self.pictures.get(at) {
            writeln!(self.to, "  look at {picture}")?;
        }
        Ok(())
    }

    /// Asks until the answer can be understood.
    fn ask(&mut self, proposal: Option<&Proposal>, sheet: &Sheet) -> io::Result<Said> {
        loop {
            match proposal {
                Some(_) => write!(self.to, "right? y n e a s b q, ? for help: ")?,
                None => write!(self.to, "a TIME DIRECTION [VERDICT], or q: ")?,
            }
            self.to.flush()?;
            let mut line = String::new();
            if self.from.read_line(&mut line)? == 0 {
                writeln!(self.to)?;
                return Ok(Said::Quit);
            }
            match self.understood(line.trim(), proposal, sheet) {
                Ok(said) => return Ok(said),
                Err(why) => writeln!(self.to, "{why}")?,
            }
        }
    }

    fn understood(
        &self,
        line: &str,
        proposal: Option<&Proposal>,
        sheet: &Sheet,
    ) -> Result<Said, String> {
        let (word, rest) = line.split_once(' ').unwrap_or((line, ""));
        match (word, proposal) {
            ("y" | "yes", Some(_)) => Ok(Said::Yes),
            ("n" | "no", Some(_)) => Ok(Said::No),
            ("e" | "edit", Some(proposal)) => {
                let mut labelled = as_proposed(proposal);
                self.fill(&mut labelled, rest, sheet)?;
                Ok(Said::Edit(labelled))
            }
            ("a" | "add", _) => {
                let mut labelled = Labelled {
                    t_s: f64::NAN,
                    dir: String::new(),
                    kind: None,
                };
                self.fill(&mut labelled, rest, sheet)?;
                if labelled.t_s.is_nan() || labelled.dir.is_empty() {
                    return Err("to add one say when and which way, as: a 0:42.1 in".to_owned());
                }
                if sheet.by_verdict() && labelled.kind.is_none() {
                    return Err("say its verdict too, as: a 0:42.1 in tailgating".to_owned());
                }
                Ok(Said::Add(labelled))
            }
            ("s" | "skip", Some(_)) => Ok(Said::Skip),
            ("b" | "back", Some(_)) => Ok(Said::Back),
            ("q" | "quit", _) => Ok(Said::Quit),
            _ => Err(HELP.trim_end().to_owned()),
        }
    }

    /// Puts words that were said where they belong.
    fn fill(&self, labelled: &mut Labelled, words: &str, sheet: &Sheet) -> Result<(), String> {
        if words.trim().is_empty() {
            return Err("say what it was: a time, a direction or a verdict".to_owned());
        }
        for word in words.split_whitespace() {
            let kind = VerdictKind::ALL
                .iter()
                .find(|kind| kind.name() == word.replace('-', "_"));
            if let Some(kind) = kind.filter(|_| sheet.by_verdict()) {
                labelled.kind = Some(*kind);
            } else if self.directions.iter().any(|direction| direction == word) {
                labelled.dir = word.to_owned();
            } else if let Some(t_s) = seconds(word) {
                labelled.t_s = t_s;
            } else {
                return Err(self.not_known(word, sheet));
            }
        }
        Ok(())
    }

    fn not_known(&self, word: &str, sheet: &Sheet) -> String {
        let mut text = format!(
            "{word:?} is no time such as 0:42.1 and no direction ({})",
            self.directions.join(", ")
        );
        if sheet.by_verdict() {
            let kinds: Vec<&str> = VerdictKind::ALL.iter().map(|kind| kind.name()).collect();
            text.push_str(&format!(", and no verdict ({})", kinds.join(", ")));
        }
        text
    }

    /// Asks for what the engine did not see.
    fn missed(&mut self, sheet: &mut Sheet) -> Result<(), String> {
        let told = |problem: io::Error| format!("cannot talk to the terminal: {problem}");
        writeln!(self.to, "\nDid anybody pass who was not asked about?").map_err(told)?;
        loop {
            match self.ask(None, sheet).map_err(told)? {
                Said::Add(labelled) => sheet.answer(added(labelled))?,
                _ => return Ok(()),
            }
        }
    }
}

/// Confirms every proposal that has no answer yet.
pub fn accept_all(proposals: &[Proposal], sheet: &mut Sheet) -> Result<Ended, String> {
    for proposal in proposals {
        if sheet.answer_to(proposal).is_none() {
            sheet.answer(answer(proposal, Some(as_proposed(proposal))))?;
        }
    }
    sheet.finish(true)?;
    Ok(Ended {
        answered: proposals.len(),
        open: 0,
    })
}

fn as_proposed(proposal: &Proposal) -> Labelled {
    Labelled {
        t_s: hundredths(proposal.time_s),
        dir: proposal.direction.clone(),
        kind: proposal.kind,
    }
}

fn answer(proposal: &Proposal, is: Option<Labelled>) -> Answer {
    let proposed = Proposed {
        t_s: proposal.time_s,
        dir: proposal.direction.clone(),
    };
    Answer {
        proposed: Some(proposed),
        is,
    }
}

fn added(labelled: Labelled) -> Answer {
    Answer {
        proposed: None,
        is: Some(labelled),
    }
}

/// Nobody tells a thousandth of a second from a picture.
fn hundredths(seconds: f64) -> f64 {
    (seconds * 100.0).round().max(0.0) / 100.0
}

/// Seconds from `69.1`, `1:09.1` or `1:02:03`.
pub fn seconds(text: &str) -> Option<f64> {
    let total = text.split(':').try_fold(0.0, |seconds, part| {
        let value: f64 = part.parse().ok()?;
        (value.is_finite() && value >= 0.0).then_some(seconds * 60.0 + value)
    });
    total.map(hundredths)
}
