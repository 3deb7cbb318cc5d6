//! Problems: what is wrong in a file, where, and what to do about it.
//!
//! A person who writes a door file by hand wants every mistake at once, each with its line. So
//! nothing in this module stops at the first problem; readers collect [`Problem`]s and go on.

use std::fmt;

use serde::Serialize;

/// A place in a text file. Both counts start at 1; columns count characters, not bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Place {
    /// Line.
    pub line: usize,
    /// Column.
    pub column: usize,
}

/// How bad a problem is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    /// The file can't be used.
    Error,
    /// It can, but a person should look at this.
    Warning,
}

/// One problem of one file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Problem {
    /// How bad.
    pub severity: Severity,
    /// The file as the user named it.
    pub file: String,
    /// Where in it, if it is about a place.
    #[serde(flatten, skip_serializing_if = "Option::is_none")]
    pub place: Option<Place>,
    /// The key, as `portal[0].depth_m`; empty if it is about the whole file or line.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub key: String,
    /// What is wrong.
    pub what: String,
    /// What to do.
    pub help: String,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.file)?;
        if let Some(place) = self.place {
            write!(f, ":{}:{}", place.line, place.column)?;
        }
        let word = match self.severity {
            Severity::Error => "error",
            Severity::Warning => "warning",
        };
        write!(f, ": {word}: ")?;
        if !self.key.is_empty() {
            write!(f, "{}: ", self.key)?;
        }
        write!(f, "{}", self.what)?;
        if !self.help.is_empty() {
            write!(f, "\n    help: {}", self.help)?;
        }
        Ok(())
    }
}

/// Problems in the order of file and place. As an error it holds at least one of severity error.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, thiserror::Error)]
#[serde(transparent)]
pub struct Problems(Vec<Problem>);

impl Problems {
    /// None so far.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds one.
    pub fn push(&mut self, problem: Problem) {
        self.0.push(problem);
    }

    /// An error about a file as a whole.
    pub fn file_error(&mut self, file: &str, what: impl Into<String>, help: impl Into<String>) {
        self.push(Problem {
            severity: Severity::Error,
            file: file.to_owned(),
            place: None,
            key: String::new(),
            what: what.into(),
            help: help.into(),
        });
    }

    /// Adds all of `other`.
    pub fn extend(&mut self, other: Self) {
        self.0.extend(other.0);
    }

    /// All of them.
    pub fn iter(&self) -> std::slice::Iter<'_, Problem> {
        self.0.iter()
    }

    /// How many.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether at least one is an error.
    pub fn has_errors(&self) -> bool {
        self.0.iter().any(|p| p.severity == Severity::Error)
    }

    /// How many are errors.
    pub fn errors(&self) -> usize {
        let errors = self.0.iter().filter(|p| p.severity == Severity::Error);
        errors.count()
    }

    /// In the order of place within each file (files keep the order in which they came).
    pub fn sorted(mut self) -> Self {
        let mut files: Vec<String> = Vec::new();
        for problem in &self.0 {
            if !files.contains(&problem.file) {
                files.push(problem.file.clone());
            }
        }
        let rank = |p: &Problem| files.iter().position(|file| *file == p.file);
        self.0.sort_by_key(|p| (rank(p), p.place));
        self.0.dedup();
        self
    }

    /// `value` with these as warnings, or these as the error.
    pub fn or_value<T>(self, value: Option<T>) -> Result<(T, Self), Self> {
        let sorted = self.sorted();
        match value {
            Some(value) if !sorted.has_errors() => Ok((value, sorted)),
            _ => Err(sorted),
        }
    }
}

impl<'a> IntoIterator for &'a Problems {
    type Item = &'a Problem;
    type IntoIter = std::slice::Iter<'a, Problem>;
    fn into_iter(self) -> Self::IntoIter {
        self.0.iter()
    }
}

impl fmt::Display for Problems {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, problem) in self.0.iter().enumerate() {
            if i > 0 {
                writeln!(f)?;
            }
            write!(f, "{problem}")?;
        }
        Ok(())
    }
}
