//! What this run calls its doors and how it writes its times.

use crate::crossing::{Crossing, Direction};
use crate::engine::EngineConfig;
use crate::units::{DoorId, Instant};
use crate::verdict::Names;

/// Names and the time line of one run.
#[derive(Debug, Clone)]
pub struct SiteNames {
    doors: Vec<String>,
    portals: Vec<(String, String)>,
    start: Instant,
    utc: bool,
}

impl SiteNames {
    /// `titles` by door; the source's first frame is at `start`, which is UTC if `utc`.
    pub fn new(config: &EngineConfig, titles: &[String], start: Instant, utc: bool) -> Self {
        let doors = config.doors.iter().enumerate().map(|(index, door)| {
            titles
                .get(index)
                .filter(|title| !title.is_empty())
                .unwrap_or(&door.name)
                .clone()
        });
        let portals = config
            .portals
            .iter()
            .map(|p| (p.in_name.clone(), p.out_name.clone()));
        Self {
            doors: doors.collect(),
            portals: portals.collect(),
            start,
            utc,
        }
    }

    /// Seconds since the source's first frame.
    pub fn seconds(&self, at: Instant) -> f64 {
        (at - self.start).as_s()
    }

    /// What the portal of a crossing calls its direction.
    pub fn direction_name(&self, crossing: &Crossing) -> &str {
        let names = self.portals.get(usize::from(crossing.portal.0));
        match (crossing.direction, names) {
            (Direction::In, Some((name, _))) | (Direction::Out, Some((_, name))) => name,
            (Direction::In, None) => "in",
            (Direction::Out, None) => "out",
        }
    }
}

impl Names for SiteNames {
    fn door(&self, door: DoorId) -> String {
        let name = self.doors.get(usize::from(door.0));
        name.cloned().unwrap_or_else(|| format!("door {door}"))
    }

    fn direction(&self, crossing: &Crossing) -> String {
        self.direction_name(crossing).to_owned()
    }

    fn time(&self, at: Instant) -> String {
        match jiff::Timestamp::from_microsecond(at.as_us()) {
            // Seconds with two decimals: finer than any footprint is timed, and a line stays short.
            Ok(stamp) if self.utc => {
                format!(
                    "{:.2}Z",
                    stamp.to_zoned(jiff::tz::TimeZone::UTC).datetime().time()
                )
            }
            _ => clock(self.seconds(at)),
        }
    }
}

/// Seconds as `1:09.05` or `-0:00.50`, with hours only where there are some.
pub fn clock(seconds: f64) -> String {
    let hundredths = (seconds.abs() * 100.0).round() as u64;
    let (minutes, rest) = (hundredths / 6_000, hundredths % 6_000);
    let sign = if seconds < 0.0 && hundredths > 0 {
        "-"
    } else {
        ""
    };
    let (hours, minutes) = (minutes / 60, minutes % 60);
    let seconds = format!("{:02}.{:02}", rest / 100, rest % 100);
    if hours > 0 {
        format!("{sign}{hours}:{minutes:02}:{seconds}")
    } else {
        format!("{sign}{minutes}:{seconds}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wall_time_is_written_in_utc() {
        let config = EngineConfig {
            cameras: vec![],
            doors: vec![],
            portals: vec![],
        };
        let names = SiteNames::new(&config, &[], Instant::ZERO, true);
        let at = Instant::from_us(1_767_601_727_104_999);
        assert_eq!(names.time(at), "08:28:47.10Z");
    }

    #[test]
    fn times_read_like_a_clock() {
        for (seconds, text) in [
            (0.0, "0:00.00"),
            (69.049, "1:09.05"),
            (-0.5, "-0:00.50"),
            (3_661.0, "1:01:01.00"),
        ] {
            assert_eq!(clock(seconds), text);
        }
    }
}
