//! Reading a TOML table by hand, so that every mistake is found at once and has its line.

use std::collections::BTreeMap;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

/// One file's text and the mistakes found in it so far.
#[derive(Debug)]
pub struct Source<'a> {
    file: &'a str,
    text: &'a str,
    /// Line and words of each.
    problems: Vec<(usize, String)>,
}

/// A table being read: keys are taken out one by one, what is left over is a mistake.
#[derive(Debug)]
pub struct Fields<'t> {
    path: String,
    at: usize,
    left: BTreeMap<String, (usize, &'t DeValue<'t>)>,
}

impl<'a> Source<'a> {
    pub fn new(file: &'a str, text: &'a str) -> Self {
        Self {
            file,
            text,
            problems: Vec::new(),
        }
    }

    /// Notes a mistake at byte `at`.
    pub fn problem(&mut self, at: usize, what: impl AsRef<str>) {
        let before = &self.text.as_bytes()[..at.min(self.text.len())];
        let line = 1 + before.iter().filter(|&&byte| byte == b'\n').count();
        self.problems.push((line, what.as_ref().to_owned()));
    }

    /// Each mistake as `file:line: what`, in the order of their lines.
    pub fn into_problems(mut self) -> Vec<String> {
        self.problems.sort_by_key(|(line, _)| *line);
        let file = self.file;
        let lines = self.problems.into_iter();
        lines
            .map(|(line, what)| format!("{file}:{line}: {what}"))
            .collect()
    }

    pub fn is_clean(&self) -> bool {
        self.problems.is_empty()
    }
}

impl<'t> Fields<'t> {
    /// The file's top table.
    pub fn top(table: &'t DeTable<'t>) -> Self {
        Self::of("", 0, table)
    }

    fn of(path: &str, at: usize, table: &'t DeTable<'t>) -> Self {
        let left = table
            .iter()
            .map(|(key, value)| {
                (
                    key.get_ref().to_string(),
                    (value.span().start, value.get_ref()),
                )
            })
            .collect();
        Self {
            path: path.to_owned(),
            at,
            left,
        }
    }

    fn full(&self, key: &str) -> String {
        match self.path.as_str() {
            "" => key.to_owned(),
            path => format!("{path}.{key}"),
        }
    }

    /// Reads `key` by `read`; a value of another kind is a mistake that names `kind`.
    fn take<T>(
        &mut self,
        source: &mut Source<'_>,
        key: &str,
        kind: &str,
        read: impl FnOnce(&'t DeValue<'t>) -> Option<T>,
    ) -> Option<(usize, T)> {
        let (at, value) = self.left.remove(key)?;
        let found = read(value);
        if found.is_none() {
            let what = format!(
                "{} must be {kind}, not {}",
                self.full(key),
                value.type_str()
            );
            source.problem(at, what);
        }
        found.map(|value| (at, value))
    }

    /// Like [`Self::take`], and a missing key is a mistake too.
    pub fn require<T>(
        &mut self,
        source: &mut Source<'_>,
        key: &str,
        found: Option<T>,
    ) -> Option<T> {
        // A value of the wrong kind was named already; only a key that never was is missing.
        if found.is_none() && source_is_silent_on(source, &self.full(key)) {
            source.problem(self.at, format!("{} is missing", self.full(key)));
        }
        found
    }

    pub fn string(&mut self, source: &mut Source<'_>, key: &str) -> Option<(usize, String)> {
        self.take(source, key, "a string", |value| {
            value.as_str().map(str::to_owned)
        })
    }

    pub fn boolean(&mut self, source: &mut Source<'_>, key: &str) -> Option<(usize, bool)> {
        self.take(source, key, "true or false", DeValue::as_bool)
    }

    /// A number, written with or without a point.
    pub fn number(&mut self, source: &mut Source<'_>, key: &str) -> Option<(usize, f64)> {
        self.take(source, key, "a number", as_number)
    }

    /// A whole number within `low..=high`.
    pub fn whole(
        &mut self,
        source: &mut Source<'_>,
        key: &str,
        (low, high): (u32, u32),
    ) -> Option<(usize, u32)> {
        let (at, value) = self.take(source, key, "a whole number", as_whole)?;
        let fits = u32::try_from(value)
            .ok()
            .filter(|v| (low..=high).contains(v));
        if fits.is_none() {
            let what = format!("{} is {value}, outside {low} to {high}", self.full(key));
            source.problem(at, what);
        }
        fits.map(|value| (at, value))
    }

    pub fn strings(&mut self, source: &mut Source<'_>, key: &str) -> Option<(usize, Vec<String>)> {
        self.take(source, key, "a list of strings", |value| {
            let items = value.as_array()?.iter();
            items
                .map(|item| item.get_ref().as_str().map(str::to_owned))
                .collect()
        })
    }

    pub fn numbers(&mut self, source: &mut Source<'_>, key: &str) -> Option<(usize, Vec<f64>)> {
        self.take(source, key, "a list of numbers", |value| {
            value
                .as_array()?
                .iter()
                .map(|item| as_number(item.get_ref()))
                .collect()
        })
    }

    pub fn table(&mut self, source: &mut Source<'_>, key: &str) -> Option<Fields<'t>> {
        let (at, table) = self.take(source, key, "a table", DeValue::as_table)?;
        Some(Self::of(&self.full(key), at, table))
    }

    pub fn tables(&mut self, source: &mut Source<'_>, key: &str) -> Vec<Fields<'t>> {
        let path = self.full(key);
        let found = self.take(source, key, "a list of tables", |value| {
            let items: Vec<&'t Spanned<DeValue<'t>>> = value.as_array()?.iter().collect();
            items
                .into_iter()
                .map(|item| Some((item.span().start, item.get_ref().as_table()?)))
                .collect::<Option<Vec<_>>>()
        });
        let items = found.map(|(_, items)| items).unwrap_or_default();
        items
            .into_iter()
            .enumerate()
            .map(|(index, (at, table))| Self::of(&format!("{path}[{index}]"), at, table))
            .collect()
    }

    /// Every key not taken is a mistake.
    pub fn finish(self, source: &mut Source<'_>) {
        for (key, (at, _)) in &self.left {
            source.problem(*at, format!("unknown key {}", self.full(key)));
        }
    }
}

fn source_is_silent_on(source: &Source<'_>, key: &str) -> bool {
    let start = format!("{key} ");
    !source
        .problems
        .iter()
        .any(|(_, what)| what.starts_with(&start))
}

fn as_whole(value: &DeValue<'_>) -> Option<i64> {
    let integer = value.as_integer()?;
    i64::from_str_radix(integer.as_str(), integer.radix()).ok()
}

fn as_number(value: &DeValue<'_>) -> Option<f64> {
    match value.as_float() {
        Some(float) => float.as_str().parse().ok().filter(|v: &f64| v.is_finite()),
        None => as_whole(value).map(|value| value as f64),
    }
}
