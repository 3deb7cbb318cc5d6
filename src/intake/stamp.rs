//! Times as vendors write them, made a range on the site's time line or refused.
//!
//! Theory of operation: a stamp is as exact as it is written. Whole seconds say "within this second",
//! so the answer is an interval as wide as the last digit. Numbers are seconds, milliseconds,
//! microseconds or nanoseconds since 1970, told apart by their size: between 2000 and 2100 no number
//! can be two of them. Texts are such numbers, or ISO 8601 with a zone or offset; a text without one
//! is read only where the site says which zone its system lives in. In the hour that clocks repeat in
//! autumn such a text means two moments: it is refused, since an interval of an hour fits everybody.
//!
//! A time outside 2000 to 2100 is no time: a controller whose clock was lost says 1970, and an event
//! then would be matched with nobody.

use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::{AmbiguousOffset, TimeZone};
use serde_json::Value;

use crate::units::{Instant, Interval, Span};

/// 2000-01-01T00:00:00Z and 2100-01-01T00:00:00Z in seconds since 1970.
const EARLIEST_S: i128 = 946_684_800;
const LATEST_S: i128 = 4_102_444_800;

/// Nanoseconds in a second, millisecond and microsecond.
const NS_PER_S: i128 = 1_000_000_000;
const NS_PER_MS: i128 = 1_000_000;
const NS_PER_US: i128 = 1_000;

/// A number with a fraction was rounded by its sender to at best this: binary fractions do not say
/// how many digits were meant.
const FRACTION: Span = Span::from_ms(1);

/// A text longer than this is no time; the longest sensible one has about 50 characters.
const MAX_TEXT: usize = 80;

/// What a number counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Unit {
    Seconds,
    Milliseconds,
    Microseconds,
    Nanoseconds,
}

impl Unit {
    const ALL: [Self; 4] = [
        Self::Seconds,
        Self::Milliseconds,
        Self::Microseconds,
        Self::Nanoseconds,
    ];

    /// How many of it make a second.
    fn per_second(self) -> i128 {
        match self {
            Self::Seconds => 1,
            Self::Milliseconds => 1_000,
            Self::Microseconds => 1_000_000,
            Self::Nanoseconds => NS_PER_S,
        }
    }
}

/// Reads a time as a vendor wrote it: a number, or a text. `zone` is for texts that name none. `Err`
/// says what is wrong with it, for people.
pub(crate) fn read(value: &Value, zone: Option<&TimeZone>) -> Result<Interval, String> {
    match value {
        Value::Number(number) => match number.as_i64() {
            Some(whole) => from_whole(whole.into(), None),
            None => from_fraction(number.as_f64().unwrap_or(f64::NAN), None),
        },
        Value::String(text) => read_text(text, zone),
        Value::Null => Err("there is no time".to_owned()),
        _ => Err("the time is neither a number nor a text".to_owned()),
    }
}

/// The same for a text.
pub(crate) fn read_text(text: &str, zone: Option<&TimeZone>) -> Result<Interval, String> {
    let text = text.trim();
    if text.is_empty() {
        return Err("the time is empty".to_owned());
    }
    if text.len() > MAX_TEXT {
        return Err("the time is longer than any time".to_owned());
    }
    match read_number(text, None) {
        Some(read) => read,
        None => from_date(text, zone),
    }
}

/// A number of `unit`, or of the unit that its size says. `None` if the text is no number.
pub(crate) fn read_number(text: &str, unit: Option<Unit>) -> Option<Result<Interval, String>> {
    let digits = |c: char| c.is_ascii_digit() || matches!(c, '+' | '-' | '.');
    if !text.chars().all(digits) {
        return None;
    }
    if let Ok(whole) = text.parse::<i128>() {
        return Some(from_whole(whole, unit));
    }
    let number = text.parse::<f64>().ok()?;
    Some(from_fraction(number, unit))
}

/// A whole number since 1970.
fn from_whole(number: i128, unit: Option<Unit>) -> Result<Interval, String> {
    let range = |unit: &Unit| {
        let per = unit.per_second();
        (EARLIEST_S * per..LATEST_S * per).contains(&number)
    };
    let unit = match unit {
        Some(unit) => Some(unit).filter(range),
        None => Unit::ALL.into_iter().find(range),
    };
    let unit = unit.ok_or_else(|| out_of_range(&number.to_string()))?;
    let ns = NS_PER_S / unit.per_second();
    between(number * ns, (number + 1) * ns)
}

fn from_fraction(number: f64, unit: Option<Unit>) -> Result<Interval, String> {
    for candidate in Unit::ALL {
        if unit.is_some_and(|unit| unit != candidate) {
            continue;
        }
        let seconds = number / candidate.per_second() as f64;
        if (EARLIEST_S as f64..LATEST_S as f64).contains(&seconds) {
            let at = Instant::from_s(seconds);
            let width = if candidate == Unit::Seconds {
                FRACTION
            } else {
                Span::from_us(1)
            };
            return Ok(Interval::new(at, at + width));
        }
    }
    Err(out_of_range(&number.to_string()))
}

fn from_date(text: &str, zone: Option<&TimeZone>) -> Result<Interval, String> {
    let text = tidy(text);
    let width = last_digit_ns(&text);
    if let Ok(at) = text.parse::<Timestamp>() {
        return from_ns(at.as_nanosecond(), width);
    }
    let local = text
        .parse::<DateTime>()
        .ok()
        .filter(|_| text.contains(':'))
        .ok_or_else(|| format!("{:?} is no time", super::vendors::short(&text)))?;
    let zone = zone.ok_or_else(|| {
        format!(
            "{:?} names no zone, and none is set for this source",
            super::vendors::short(&text)
        )
    })?;
    from_local(local, zone, width)
}

/// A local time, where it means one moment.
pub(crate) fn from_local(
    local: DateTime,
    zone: &TimeZone,
    width_ns: i128,
) -> Result<Interval, String> {
    match zone.to_ambiguous_timestamp(local).offset() {
        AmbiguousOffset::Unambiguous { offset } => {
            let at = offset.to_timestamp(local);
            let at = at.map_err(|_| out_of_range("the time"))?;
            from_ns(at.as_nanosecond(), width_ns)
        }
        AmbiguousOffset::Fold { .. } => Err(format!(
            "{local} happens twice in its zone: the clocks went back over it"
        )),
        AmbiguousOffset::Gap { .. } => Err(format!(
            "{local} does not exist in its zone: the clocks went forward over it"
        )),
    }
}

/// The moment `ns` and the `width_ns` after it.
pub(crate) fn from_ns(ns: i128, width_ns: i128) -> Result<Interval, String> {
    if !(EARLIEST_S * NS_PER_S..LATEST_S * NS_PER_S).contains(&ns) {
        return Err(out_of_range("the time"));
    }
    between(ns, ns + width_ns)
}

/// From `lo` to `hi` in nanoseconds, both rounded down to the microsecond.
fn between(lo: i128, hi: i128) -> Result<Interval, String> {
    let us = |ns: i128| i64::try_from(ns.div_euclid(NS_PER_US)).ok();
    match (us(lo), us(hi)) {
        (Some(lo), Some(hi)) => Ok(Interval::new(Instant::from_us(lo), Instant::from_us(hi))),
        _ => Err(out_of_range("the time")),
    }
}

fn out_of_range(text: &str) -> String {
    format!("{text} lies outside the years 2000 to 2100")
}

/// What the last digit of a written time is worth, in nanoseconds: a minute where no seconds are
/// written, a microsecond at the finest.
pub(crate) fn last_digit_ns(text: &str) -> i128 {
    let Some(clock) = text.find(':').map(|at| &text[at + 1..]) else {
        return NS_PER_S;
    };
    // After the hour: minutes, then perhaps seconds, then perhaps a fraction.
    let end = clock
        .find(|c: char| !(c.is_ascii_digit() || matches!(c, ':' | '.' | ',')))
        .unwrap_or(clock.len());
    let clock = &clock[..end];
    if !clock.contains(':') {
        return 60 * NS_PER_S;
    }
    let digits = clock.find(['.', ',']).map_or(0, |at| clock.len() - at - 1);
    match digits {
        0 => NS_PER_S,
        1 => 100 * NS_PER_MS,
        2 => 10 * NS_PER_MS,
        3 => NS_PER_MS,
        4 => 100 * NS_PER_US,
        5 => 10 * NS_PER_US,
        _ => NS_PER_US,
    }
}

/// Common ways of writing a zone, as ISO 8601 has it: `UTC` at the end, a space before the offset.
fn tidy(text: &str) -> String {
    let upper = text.to_ascii_uppercase();
    for suffix in [" UTC", " GMT", " Z"] {
        if upper.ends_with(suffix) {
            return format!("{}Z", text[..text.len() - suffix.len()].trim_end());
        }
    }
    match text.rfind(' ') {
        Some(at) if text[at + 1..].starts_with(['+', '-']) => {
            format!("{}{}", text[..at].trim_end(), &text[at + 1..])
        }
        _ => text.to_owned(),
    }
}

/// A zone by name, for example `Europe/Berlin`, or an offset such as `+01:00`. `Err` says what to do.
pub(crate) fn zone(text: &str) -> Result<TimeZone, String> {
    let text = text.trim();
    if text.eq_ignore_ascii_case("utc") || text.eq_ignore_ascii_case("z") {
        return Ok(TimeZone::UTC);
    }
    if text.starts_with(['+', '-']) {
        // jiff reads an offset only beside a time.
        let probe = format!("2000-01-01T00:00:00{text}[{text}]");
        let read = probe.parse::<jiff::Zoned>();
        return read
            .map(|at| at.time_zone().clone())
            .map_err(|_| format!("{text:?} is no offset from UTC: write +01:00"));
    }
    TimeZone::get(text).map_err(|_| {
        format!(
            "{text:?} is no time zone known to this machine: write a name such as Europe/Berlin \
             (needs the system's tzdata), UTC, or an offset such as +01:00"
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// 2026-01-05T08:30:00Z.
    const AT_US: i64 = 1_767_601_800_000_000;

    /// When, in microseconds after [`AT_US`], and how wide.
    #[track_caller]
    fn check(value: serde_json::Value, zone_name: Option<&str>, expect: Option<(i64, i64)>) {
        let zone = zone_name.map(|name| zone(name).unwrap());
        let read = read(&value, zone.as_ref()).ok();
        let read = read.map(|read| (read.lo.as_us() - AT_US, read.width().as_us()));
        assert_eq!(read, expect, "{value}");
    }

    #[test]
    fn numbers_are_told_apart_by_their_size() {
        use serde_json::json;
        check(json!(1_767_601_800), None, Some((0, 1_000_000)));
        check(json!("1767601800"), None, Some((0, 1_000_000)));
        check(json!(1_767_601_800.25), None, Some((250_000, 1_000)));
        check(json!("1767601800.25"), None, Some((250_000, 1_000)));
        check(json!(1_767_601_800_123_i64), None, Some((123_000, 1_000)));
        check(json!(1_767_601_800_123_456_i64), None, Some((123_456, 1)));
        check(
            json!(1_767_601_800_123_456_789_i64),
            None,
            Some((123_456, 0)),
        );
        check(json!(0), None, None);
        check(json!(-1_767_601_800), None, None);
        check(json!(946_684_799), None, None);
        check(json!(4_102_444_800_i64), None, None);
        check(json!(u64::MAX), None, None);
        check(json!(1e300), None, None);
        check(
            json!("99999999999999999999999999999999999999999999"),
            None,
            None,
        );
    }

    /// Row F5: the last second of a year, a leap second, which clocks without one show as the second before it, and the
    /// edges of 32-bit counts.
    #[test]
    fn f5_years_end_and_leap_seconds_are_ordinary_moments() {
        let at = |text: &str| read(&serde_json::Value::from(text), None).ok();
        let span = |text: &str| {
            let read = at(text).unwrap_or_else(|| panic!("{text} was refused"));
            (read.lo.as_us() / 1_000_000, read.width().as_us())
        };
        assert_eq!(span("2026-12-31T23:59:59Z"), (1_798_761_599, 1_000_000));
        assert_eq!(span("2027-01-01T00:00:00Z"), (1_798_761_600, 1_000_000));
        assert_eq!(span("2027-01-01T00:59:59+01:00").0, 1_798_761_599);
        assert_eq!(span("2016-12-31T23:59:60Z").0, 1_483_228_799);
        assert_eq!(span("2038-01-19T03:14:07Z").0, i64::from(i32::MAX));
        assert_eq!(span("2038-01-19T03:14:08Z").0, i64::from(i32::MAX) + 1);
        // 2106 is beyond what a time is believed to be.
        assert!(at("4294967295").is_none());
    }

    #[test]
    fn texts_are_as_wide_as_their_last_digit() {
        let check = |text: &str, expect| check(serde_json::Value::from(text), None, expect);
        check("2026-01-05T08:30:00Z", Some((0, 1_000_000)));
        check("2026-01-05T08:30Z", Some((0, 60_000_000)));
        check("2026-01-05T08:30:00.5Z", Some((500_000, 100_000)));
        check("2026-01-05T08:30:00.123+00:00", Some((123_000, 1_000)));
        check("2026-01-05T08:30:00.1234567Z", Some((123_456, 1)));
        check("2026-01-05 03:30:00 -05:00", Some((0, 1_000_000)));
        check("2026-01-05 08:30:00 UTC", Some((0, 1_000_000)));
        check("2026-01-05T08:30:00", None);
        check("2026-01-05", None);
        check("1970-01-01T00:00:00Z", None);
        check("2100-01-01T00:00:00Z", None);
        check("2026-13-05T08:30:00Z", None);
        check("", None);
        check("soon", None);
        check(&"9".repeat(100_000), None);
    }

    #[test]
    fn local_times_need_their_zone() {
        let check = |text: &str, zone, expect| check(serde_json::Value::from(text), zone, expect);
        check(
            "2026-01-05T09:30:00",
            Some("Europe/Berlin"),
            Some((0, 1_000_000)),
        );
        check(
            "2026-01-05 09:30:00.5",
            Some("+01:00"),
            Some((500_000, 100_000)),
        );
        check(
            "2026-01-05T08:30:00Z",
            Some("Europe/Berlin"),
            Some((0, 1_000_000)),
        );
        // Clocks go back over the one, which happens twice, and forward over the other.
        check("2026-10-25T02:30:00", Some("Europe/Berlin"), None);
        check("2026-03-29T02:30:00", Some("Europe/Berlin"), None);
    }

    #[test]
    fn other_values_are_no_times() {
        use serde_json::json;
        for value in [json!(null), json!(true), json!([1]), json!({"t": 1})] {
            check(value, None, None);
        }
    }
}
