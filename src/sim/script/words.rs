//! The words of one line, taken one by one.

use serde::de::DeserializeOwned;

use super::ScriptError;
use crate::floor::PointInFloor;

/// The words of one line that have not been taken yet.
pub(super) struct Words<'a> {
    line: usize,
    rest: std::iter::Peekable<std::vec::IntoIter<&'a str>>,
}

impl<'a> Words<'a> {
    /// Splits a line at white space outside brackets.
    pub(super) fn new(line: usize, text: &'a str) -> Self {
        let mut words = Vec::new();
        let (mut start, mut depth) = (None, 0_i32);
        for (place, character) in text.char_indices() {
            depth += i32::from(character == '(') - i32::from(character == ')');
            match (character.is_whitespace() && depth <= 0, start) {
                (false, None) => start = Some(place),
                (true, Some(from)) => {
                    words.push(&text[from..place]);
                    start = None;
                }
                _ => {}
            }
        }
        if let Some(from) = start {
            words.push(&text[from..]);
        }
        Self {
            line,
            rest: words.into_iter().peekable(),
        }
    }

    pub(super) fn error(&self, problem: impl Into<String>) -> ScriptError {
        ScriptError {
            line: self.line,
            problem: problem.into(),
        }
    }

    pub(super) fn peek(&mut self) -> Option<&'a str> {
        self.rest.peek().copied()
    }

    pub(super) fn next(&mut self) -> Option<&'a str> {
        self.rest.next()
    }

    /// Takes the next word if it is `word`.
    pub(super) fn take(&mut self, word: &str) -> bool {
        self.rest.next_if(|next| *next == word).is_some()
    }

    /// The next word, which is `what`.
    pub(super) fn word(&mut self, what: &str) -> Result<&'a str, ScriptError> {
        match self.rest.next() {
            Some(word) => Ok(word),
            None => Err(self.error(format!("{what} is missing at the end of the line"))),
        }
    }

    /// The next word as a finite number.
    pub(super) fn number(&mut self, what: &str) -> Result<f64, ScriptError> {
        let word = self.word(what)?;
        self.parse_number(word, what)
    }

    /// A number that is not negative.
    pub(super) fn amount(&mut self, what: &str) -> Result<f64, ScriptError> {
        let number = self.number(what)?;
        if number < 0.0 {
            return Err(self.error(format!("{what} cannot be negative, as {number} is")));
        }
        Ok(number)
    }

    fn parse_number(&self, word: &str, what: &str) -> Result<f64, ScriptError> {
        match word.parse::<f64>() {
            Ok(number) if number.is_finite() => Ok(number),
            _ => Err(self.error(format!("{what} must be a number, not {word:?}"))),
        }
    }

    /// A place, written `(x,y)`.
    pub(super) fn point(&mut self, what: &str) -> Result<PointInFloor, ScriptError> {
        let word = self.word(what)?;
        let inner = word
            .strip_prefix('(')
            .and_then(|word| word.strip_suffix(')'));
        let Some((x, y)) = inner.and_then(|inner| inner.split_once(',')) else {
            return Err(self.error(format!(
                "{what} must be a place like (0.5,-2), not {word:?}"
            )));
        };
        Ok(PointInFloor {
            x: self.parse_number(x.trim(), what)?,
            y: self.parse_number(y.trim(), what)?,
        })
    }

    /// All the places that follow.
    pub(super) fn points(&mut self, what: &str) -> Result<Vec<PointInFloor>, ScriptError> {
        let mut points = Vec::new();
        while self.peek().is_some_and(|word| word.starts_with('(')) {
            points.push(self.point(what)?);
        }
        Ok(points)
    }

    /// A span of time, written `2.0..3.5`.
    pub(super) fn span(&mut self, what: &str) -> Result<(f64, f64), ScriptError> {
        let word = self.word(what)?;
        let Some((from, to)) = word.split_once("..") else {
            return Err(self.error(format!("{what} must be a span like 2.0..3.5, not {word:?}")));
        };
        let span = (self.parse_number(from, what)?, self.parse_number(to, what)?);
        if span.0 > span.1 {
            return Err(self.error(format!("{what} ends before it begins: {word:?}")));
        }
        Ok(span)
    }

    /// One of the core's own words (snake_case), by its serialised name.
    pub(super) fn name<T: DeserializeOwned>(&mut self, what: &str) -> Result<T, ScriptError> {
        let word = self.word(what)?;
        serde_json::from_value(serde_json::Value::String(word.to_owned()))
            .map_err(|problem| self.error(format!("{word:?} is no {what}: {problem}")))
    }

    /// Nothing may follow.
    pub(super) fn end(&mut self) -> Result<(), ScriptError> {
        match self.rest.next() {
            Some(word) => Err(self.error(format!("{word:?} is not understood here"))),
            None => Ok(()),
        }
    }
}
