//! Tables of cases in plain text, so that a case reads like the file and the report it is about.
//!
//! A case is a block of lines, ended by an empty one:
//!
//! ```text
//! # what a person did
//! @ option                      how the file is read (see `tables.rs`)
//! - a piece of the good file    taken out
//! + what stands there instead
//! | a line of a file            or the whole file, instead of - and +
//! 3:1: error: key: what is said of it
//! ```
//!
//! `TAILGATE_BLESS=1 cargo test --lib config::` writes what is said now; read the difference.

use std::path::PathBuf;

/// One case.
#[derive(Debug, Default)]
pub(super) struct Case {
    pub title: String,
    pub options: Vec<String>,
    pub removed: Vec<String>,
    pub added: Vec<String>,
    pub whole: Vec<String>,
    pub expect: Vec<String>,
}

impl Case {
    /// The file that the case is about.
    #[track_caller]
    pub(super) fn text(&self, good: &str) -> String {
        if !self.whole.is_empty() {
            return self.whole.join("\n") + "\n";
        }
        if self.removed.is_empty() {
            return format!("{good}{}\n", self.added.join("\n"));
        }
        let removed = self.removed.join("\n");
        let count = good.matches(&removed).count();
        assert_eq!(
            count, 1,
            "# {}: `{removed}` stands {count} times in it",
            self.title
        );
        good.replacen(&removed, &self.added.join("\n"), 1)
    }

    fn render(&self, said: &str) -> String {
        let mut lines = vec![format!("# {}", self.title)];
        let parts = [
            ("@", &self.options),
            ("-", &self.removed),
            ("+", &self.added),
        ];
        for (mark, part) in parts.into_iter().chain([("|", &self.whole)]) {
            lines.extend(
                part.iter()
                    .map(|line| format!("{mark} {line}").trim_end().to_owned()),
            );
        }
        lines.push(said.to_owned());
        lines.join("\n") + "\n"
    }
}

fn parse(text: &str) -> Vec<Case> {
    let mut cases: Vec<Case> = Vec::new();
    for line in text.lines() {
        if let Some(title) = line.strip_prefix("# ") {
            cases.push(Case {
                title: title.to_owned(),
                ..Case::default()
            });
            continue;
        }
        let case = cases.last_mut().expect("a table begins with a title");
        let rest = line.get(2..).unwrap_or_default().to_owned();
        match line.as_bytes().first() {
            Some(b'@') => case.options.push(rest),
            Some(b'-') => case.removed.push(rest),
            Some(b'+') => case.added.push(rest),
            Some(b'|') => case.whole.push(rest),
            Some(_) => case.expect.push(line.to_owned()),
            None => {}
        }
    }
    cases
}

/// Holds every case of a table to what `say` says of it; returns how many there are.
#[track_caller]
pub(super) fn check(name: &str, say: impl Fn(&Case) -> String) -> usize {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR"))
        .join("src/config/tests")
        .join(name);
    let text = std::fs::read_to_string(&path).expect("the table is in the source tree");
    let cases = parse(&text);
    let said: Vec<String> = cases.iter().map(&say).collect();
    let fresh: Vec<String> = cases
        .iter()
        .zip(&said)
        .map(|(case, said)| case.render(said.trim_end()))
        .collect();
    if std::env::var_os("TAILGATE_BLESS").is_some() {
        std::fs::write(&path, fresh.join("\n")).expect("the source tree can be written");
        return cases.len();
    }
    let mut wrong = Vec::new();
    for (case, said) in cases.iter().zip(&said) {
        if case.expect.join("\n") != said.trim_end() {
            wrong.push(case.render(&format!(
                "SAID\n{said}\nEXPECTED\n{}",
                case.expect.join("\n")
            )));
        }
    }
    assert!(
        wrong.is_empty(),
        "{name}: {} cases differ\n{}",
        wrong.len(),
        wrong.join("\n")
    );
    cases.len()
}
