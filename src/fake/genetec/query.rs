//! The `q` of a request: `Doors@<guid>,TimeRange.SetTimeRange(<from>,<to>),Page=1`.

use super::super::wire;
use crate::units::Instant;

/// A query, split at commas outside brackets.
pub(super) struct Query<'a>(Vec<&'a str>);

impl<'a> Query<'a> {
    pub(super) fn new(text: &'a str) -> Self {
        Self(split(text))
    }

    /// The values of `Name@value@value`, wherever it stands.
    pub(super) fn values(&self, name: &str) -> Vec<&'a str> {
        let named = self.0.iter().filter_map(|part| part.split_once('@'));
        let of = named.filter(|(known, _)| known.trim() == name);
        of.flat_map(|(_, values)| values.split('@')).collect()
    }

    /// The number of `Name=number`.
    pub(super) fn number(&self, name: &str) -> Option<usize> {
        let named = self.0.iter().filter_map(|part| part.split_once('='));
        let mut of = named.filter(|(known, _)| known.trim() == name);
        of.next()?.1.trim().parse().ok()
    }

    /// The ends of `TimeRange.SetTimeRange(from,to)`.
    pub(super) fn range(&self) -> Option<(Instant, Instant)> {
        let find = |part: &&'a str| {
            part.strip_prefix("TimeRange.SetTimeRange(")?
                .strip_suffix(')')
        };
        let (from, to) = self.0.iter().find_map(find)?.split_once(',')?;
        Some((wire::from_iso(from.trim())?, wire::from_iso(to.trim())?))
    }
}

/// The pairs of `event(<entity>,<EventType>),event(...)`.
pub(super) fn events(text: &str) -> Result<Vec<(String, String)>, String> {
    let read = |part: &str| {
        let inside = part.trim().strip_prefix("event(")?.strip_suffix(')')?;
        let (entity, kind) = inside.split_once(',')?;
        Some((entity.trim().to_owned(), kind.trim().to_owned()))
    };
    let parts = split(text);
    let pairs = parts.into_iter().map(|part| read(part).ok_or(part));
    let pairs: Result<Vec<_>, &str> = pairs.collect();
    match pairs {
        Ok(pairs) if !pairs.is_empty() => Ok(pairs),
        Ok(_) => Err("The query names no event.".to_owned()),
        Err(part) => Err(format!("{part} is not an event.")),
    }
}

fn split(text: &str) -> Vec<&str> {
    let mut parts = Vec::new();
    let (mut depth, mut start) = (0_i32, 0);
    for (at, c) in text.char_indices() {
        match c {
            '(' => depth += 1,
            ')' => depth -= 1,
            ',' if depth == 0 => {
                parts.push(&text[start..at]);
                start = at + 1;
            }
            _ => {}
        }
    }
    parts.push(&text[start..]);
    parts.retain(|part| !part.trim().is_empty());
    parts
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn queries_are_split_outside_brackets() {
        let range = "TimeRange.SetTimeRange(2026-01-05T08:00:00,2026-01-05T09:00:00)";
        let text = format!("Doors@a@b,{range},Events@AccessGranted,PageSize=7");
        let query = Query::new(&text);
        assert_eq!(query.values("Doors"), ["a", "b"]);
        assert_eq!(query.values("Events"), ["AccessGranted"]);
        assert_eq!(
            (query.number("PageSize"), query.number("Page")),
            (Some(7), None)
        );
        let (from, to) = query.range().expect("a range");
        assert_eq!(to.since(from).as_us(), 3_600_000_000);
    }

    #[test]
    fn events_are_pairs() {
        let pairs = events("event(Door,AccessGranted),event(x, DoorOpen)").expect("pairs");
        let pair = |a: &str, b: &str| (a.to_owned(), b.to_owned());
        assert_eq!(
            pairs,
            [pair("Door", "AccessGranted"), pair("x", "DoorOpen")]
        );
        assert!(events("").is_err());
        assert!(events("evening(Door,AccessGranted)").is_err());
    }
}
