//! Written times: what a person or an exporting system puts down, made a moment or refused.
//!
//! Accepted: ISO 8601 with a zone or offset, seconds, milliseconds or microseconds since 1970, and
//! seconds since the clip's start. A local time without its zone is refused, not guessed: an hour's
//! error in a grants file turns every verdict around.

use jiff::civil::DateTime;
use jiff::tz::{AmbiguousOffset, Offset, TimeZone};
use jiff::{Timestamp, Zoned};

use crate::units::{Instant, Span};

/// Plain numbers below this are seconds since the clip's start; 1e8 s since 1970 is March 1973.
const LEAST_EPOCH_S: f64 = 1e8;
/// From here on (the year 5138 in seconds) a number means milliseconds.
const LEAST_EPOCH_MS: f64 = 1e11;
/// And from here on microseconds.
const LEAST_EPOCH_US: f64 = 1e14;
/// Beyond this it is nothing.
const MOST_EPOCH_US: f64 = 1e17;
/// Seconds in an hour, and the greatest offset of a zone in hours.
const HOUR_S: i32 = 3_600;
const MOST_OFFSET_HOURS: i32 = 25;

/// A time as written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stamp {
    /// On the time line of 1970.
    Absolute(Instant),
    /// Since the clip's start; may be negative.
    Relative(Span),
}

/// Why a text is no time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct StampError {
    /// What is wrong.
    pub what: String,
    /// What to do.
    pub help: String,
}

impl StampError {
    fn new(what: impl Into<String>, help: impl Into<String>) -> Self {
        Self {
            what: what.into(),
            help: help.into(),
        }
    }
}

impl Stamp {
    /// On the site's time line: since 1970 if the clip's start is known, else since that start.
    /// `None` for an absolute time of a clip whose start is unknown.
    pub fn on_line(self, start: Option<Instant>) -> Option<Instant> {
        match (self, start) {
            (Self::Absolute(at), Some(_)) => Some(at),
            (Self::Absolute(_), None) => None,
            (Self::Relative(span), start) => Some(start.unwrap_or(Instant::ZERO) + span),
        }
    }
}

/// Reads a written time; `zone` is for local times that name none.
pub(crate) fn parse(text: &str, zone: Option<&TimeZone>) -> Result<Stamp, StampError> {
    let text = text.trim();
    if text.is_empty() {
        return Err(StampError::new("is empty", "every line needs a time"));
    }
    let digits = |c: char| c.is_ascii_digit() || matches!(c, '+' | '-' | '.' | 'e' | 'E');
    if text.chars().all(digits)
        && let Ok(number) = text.parse::<f64>()
        && number.is_finite()
    {
        return from_number(text, number);
    }
    from_date(text, zone)
}

fn from_number(text: &str, number: f64) -> Result<Stamp, StampError> {
    let is_signed = text.starts_with(['+', '-']);
    if number.abs() < LEAST_EPOCH_S {
        return Ok(Stamp::Relative(Span::from_s(number)));
    }
    if is_signed || number >= MOST_EPOCH_US {
        let help = "seconds since the clip's start lie below 1e8; seconds, milliseconds or \
                    microseconds since 1970 carry no sign and lie below 1e17";
        return Err(StampError::new(format!("{text} is out of range"), help));
    }
    let us = if number < LEAST_EPOCH_MS {
        number * 1e6
    } else if number < LEAST_EPOCH_US {
        number * 1e3
    } else {
        number
    };
    Ok(Stamp::Absolute(Instant::from_us(us.round() as i64)))
}

fn from_date(text: &str, zone: Option<&TimeZone>) -> Result<Stamp, StampError> {
    let tidy = tidy(text);
    if let Ok(at) = tidy.parse::<Timestamp>() {
        return Ok(absolute(at));
    }
    if let Ok(at) = tidy.parse::<Zoned>() {
        return Ok(absolute(at.timestamp()));
    }
    let is_clock = tidy.contains(':');
    match (tidy.parse::<DateTime>(), zone) {
        (Ok(local), Some(zone)) if is_clock => from_local(text, local, zone),
        (Ok(_), None) if is_clock => Err(StampError::new(
            format!("\"{text}\" is a local time without its zone"),
            "write the zone (2026-01-05T08:30:00+01:00, or Z for UTC), or say which zone the file \
             is in, for example with --zone Europe/Berlin",
        )),
        _ if text
            .replacen(',', ".", 1)
            .parse::<f64>()
            .is_ok_and(f64::is_finite) =>
        {
            let help = format!("write a decimal point: {}", text.replacen(',', ".", 1));
            Err(StampError::new(format!("\"{text}\" is no time"), help))
        }
        _ => Err(StampError::new(
            format!("\"{}\" is no time", super::walk::short(text)),
            "write 2026-01-05T08:30:00Z, seconds or milliseconds since 1970, or seconds since the \
             clip's start (12.5 or +12.5)",
        )),
    }
}

/// Common ways of writing a zone, as ISO 8601 has it: `UTC` and a space before the offset.
fn tidy(text: &str) -> String {
    let upper = text.to_ascii_uppercase();
    for suffix in [" UTC", " GMT", " Z"] {
        if upper.ends_with(suffix) {
            return format!("{}Z", text[..text.len() - suffix.len()].trim_end());
        }
    }
    match text.rfind([' ']) {
        Some(at) if text[at + 1..].starts_with(['+', '-']) => {
            format!("{}{}", text[..at].trim_end(), &text[at + 1..])
        }
        _ => text.to_owned(),
    }
}

fn from_local(text: &str, local: DateTime, zone: &TimeZone) -> Result<Stamp, StampError> {
    let ambiguous = zone.to_ambiguous_timestamp(local);
    let help = "write this time with its offset from UTC, for example +01:00";
    let what = match ambiguous.offset() {
        AmbiguousOffset::Unambiguous { .. } => match ambiguous.unambiguous() {
            Ok(at) => return Ok(absolute(at)),
            Err(_) => format!("\"{text}\" is out of range"),
        },
        AmbiguousOffset::Gap { .. } => {
            format!("\"{text}\" does not exist in this zone: the clocks went forward over it")
        }
        AmbiguousOffset::Fold { .. } => {
            format!("\"{text}\" happens twice in this zone: the clocks went back over it")
        }
    };
    Err(StampError::new(what, help))
}

fn absolute(at: Timestamp) -> Stamp {
    Stamp::Absolute(Instant::from_us(at.as_microsecond()))
}

/// A zone by name: `Europe/Berlin`, `UTC`, or an offset such as `+01:00`. `Err` says what to do.
pub fn parse_zone(text: &str) -> Result<TimeZone, String> {
    let text = text.trim();
    if text.eq_ignore_ascii_case("utc") || text.eq_ignore_ascii_case("z") {
        return Ok(TimeZone::UTC);
    }
    if let Some(digits) = text.strip_prefix(['+', '-']) {
        let sign = if text.starts_with('-') { -1 } else { 1 };
        let digits = digits.replace(':', "");
        let whole = digits
            .parse::<i32>()
            .ok()
            .filter(|_| digits.chars().all(|c| c.is_ascii_digit()));
        let seconds = match (whole, digits.len()) {
            (Some(hours), 1 | 2) => Some(hours * HOUR_S),
            (Some(both), 4) => Some((both / 100) * HOUR_S + (both % 100) * 60),
            _ => None,
        };
        let seconds = seconds.filter(|seconds| *seconds < MOST_OFFSET_HOURS * HOUR_S);
        let offset = seconds.and_then(|seconds| Offset::from_seconds(sign * seconds).ok());
        return offset
            .map(TimeZone::fixed)
            .ok_or_else(|| format!("\"{text}\" is no offset from UTC: write +01:00 or -0530"));
    }
    TimeZone::get(text).map_err(|_| {
        format!(
            "\"{text}\" is no time zone known to this machine: write a name such as Europe/Berlin \
             (needs the system's tzdata), UTC, or an offset such as +01:00"
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, expect: Option<Stamp>) {
        assert_eq!(parse(text, None).ok(), expect, "{text}");
    }

    fn relative(seconds: f64) -> Option<Stamp> {
        Some(Stamp::Relative(Span::from_s(seconds)))
    }

    fn us(us: i64) -> Option<Stamp> {
        Some(Stamp::Absolute(Instant::from_us(us)))
    }

    #[test]
    fn numbers_mean_what_their_size_says() {
        check("0", relative(0.0));
        check(" +12.5 ", relative(12.5));
        check("-2", relative(-2.0));
        check("1e3", relative(1000.0));
        check("99999999", relative(99_999_999.0));
        check("100000000", us(100_000_000_000_000));
        check("1767601800.123456", us(1_767_601_800_123_456));
        check("1767601800123", us(1_767_601_800_123_000));
        check("1767601800123456", us(1_767_601_800_123_456));
        check("+1767601800", None);
        check("1e17", None);
        check("", None);
        check("1e", None);
        check("--1", None);
        check("inf", None);
    }

    #[test]
    fn dates_need_their_zone() {
        check("2026-01-05T08:30:00Z", us(1_767_601_800_000_000));
        check("2026-01-05t08:30:00z", us(1_767_601_800_000_000));
        check("2026-01-05T08:30:00.25+00:00", us(1_767_601_800_250_000));
        check("2026-01-05T03:30:00-05:00", us(1_767_601_800_000_000));
        check("2026-01-05 08:30:00 gmt", us(1_767_601_800_000_000));
        check("2026-01-05T08:30:00", None);
        check("2026-01-05", None);
        check("08:30", None);
        check("2026-13-05T08:30:00Z", None);
    }

    #[test]
    fn zones_by_name_and_by_offset() {
        #[track_caller]
        fn check(zone: &str, expect: Option<i64>) {
            let local = "2026-01-05T08:30:00";
            let stamp = parse_zone(zone)
                .ok()
                .and_then(|zone| parse(local, Some(&zone)).ok());
            let seconds = match stamp {
                Some(Stamp::Absolute(at)) => Some((at.as_us() - 1_767_601_800_000_000) / 1_000_000),
                _ => None,
            };
            assert_eq!(seconds, expect, "{zone}");
        }
        check("UTC", Some(0));
        check("+01:00", Some(-3_600));
        check("-0530", Some(19_800));
        check("+1", Some(-3_600));
        check("+25:00", None);
        check("+", None);
        check("+-5", None);
        check("Mars/Olympus", None);
        check("", None);
    }

    #[test]
    fn a_relative_time_needs_no_start_and_an_absolute_one_does() {
        let start = Instant::from_us(5_000_000);
        let relative = Stamp::Relative(Span::from_ms(2_000));
        assert_eq!(relative.on_line(None), Some(Instant::from_us(2_000_000)));
        assert_eq!(
            relative.on_line(Some(start)),
            Some(Instant::from_us(7_000_000))
        );
        let absolute = Stamp::Absolute(start);
        assert_eq!(absolute.on_line(None), None);
        assert_eq!(absolute.on_line(Some(Instant::ZERO)), Some(start));
    }
}
