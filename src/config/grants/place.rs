//! Written events laid on the site's time line and mapped to its doors.

use crate::access::{AccessEvent, AccessKind};
use crate::units::{DoorId, Instant, Interval, Span};

use super::super::problem::{Problem, Problems, Severity};
use super::super::site::SiteConfig;
use super::super::stamp::Stamp;
use super::{GrantFile, WrittenEvent};

impl GrantFile {
    /// Whether any time is wall time: then the clip's start must be known.
    pub fn needs_start(&self) -> bool {
        let absolute = |stamp: &Stamp| matches!(stamp, Stamp::Absolute(_));
        let times = self
            .events
            .iter()
            .flat_map(|event| [Some(event.time), event.received]);
        times.flatten().any(|stamp| absolute(&stamp))
    }

    /// The first and the last time, as people write them; `None` without events. Wall times and
    /// times since the clip's start do not compare: the former win.
    pub fn time_range(&self) -> Option<(String, String)> {
        let absolute = self.events.iter().filter_map(|event| match event.time {
            Stamp::Absolute(at) => Some(at),
            Stamp::Relative(_) => None,
        });
        let relative = self.events.iter().filter_map(|event| match event.time {
            Stamp::Absolute(_) => None,
            Stamp::Relative(span) => Some(span),
        });
        let wall = |at: Instant| match jiff::Timestamp::from_microsecond(at.as_us()) {
            Ok(stamp) => stamp.to_string(),
            Err(_) => at.to_string(),
        };
        let clip = |span: Span| format!("{:+.3} s", span.as_s());
        let ends = (absolute.clone().min(), absolute.max());
        match (ends, relative.clone().min(), relative.max()) {
            ((Some(first), Some(last)), ..) => Some((wall(first), wall(last))),
            (_, Some(first), Some(last)) => Some((clip(first), clip(last))),
            _ => None,
        }
    }

    /// The events on the site's time line, in the order in which they were received (those of one
    /// moment in the order of the file), with warnings; or why they can't be placed.
    /// `start` is the clip's start since 1970, if it is known.
    pub fn events(
        &self,
        site: &SiteConfig,
        start: Option<Instant>,
    ) -> Result<(Vec<AccessEvent>, Problems), Problems> {
        let mut problems = Problems::new();
        if start.is_none() && self.needs_start() {
            let first = self.events.iter().find(|event| {
                let stamps = [Some(event.time), event.received];
                stamps
                    .into_iter()
                    .flatten()
                    .any(|stamp| stamp.on_line(None).is_none())
            });
            problems.push(Problem {
                severity: Severity::Error,
                file: self.name.clone(),
                place: first.map(|event| event.place),
                key: "time".to_owned(),
                what: "is wall time, but it is not known when the clip starts".to_owned(),
                help: "give --start 2026-01-05T08:30:00Z, or write that time into a file beside \
                       the clip (CLIP.start), or give seconds since the clip's start"
                    .to_owned(),
            });
            return Err(problems);
        }
        let mut events: Vec<AccessEvent> = Vec::new();
        let mut strangers = Strangers::default();
        let mut keys: Vec<(String, usize)> = Vec::new();
        for written in &self.events {
            let door = door_of(written, site);
            if door.is_none() {
                strangers.note(written);
            }
            if let Some(event) = placed(written, door, site, start, &mut keys) {
                events.push(event);
            }
        }
        strangers.tell(self, site, &mut problems);
        events.sort_by_key(|event| event.received);
        Ok((events, problems.sorted()))
    }
}

/// The door an event belongs to: by its door's name or title, else by its reader, else the only
/// door there is.
fn door_of(event: &WrittenEvent, site: &SiteConfig) -> Option<DoorId> {
    let doors = &site.engine.doors;
    let with_reader = |reader: &str| {
        let place = doors
            .iter()
            .position(|door| door.readers.iter().any(|own| own == reader));
        place.map(|index| DoorId(index as u16))
    };
    if let Some(name) = &event.door {
        let by_name = doors
            .iter()
            .zip(&site.titles)
            .position(|(door, title)| same_text(&door.name, name) || same_text(title, name));
        let by_name = by_name.map(|index| DoorId(index as u16));
        // Some exports call the reader a door.
        return by_name.or_else(|| with_reader(name));
    }
    if let Some(reader) = &event.reader
        && let Some(door) = with_reader(reader)
    {
        return Some(door);
    }
    let mut open = doors
        .iter()
        .enumerate()
        .filter(|(_, door)| door.readers.is_empty());
    let only = open.next().filter(|_| open.next().is_none());
    match only {
        // A door without readers takes every reader's events.
        Some((index, _)) => Some(DoorId(index as u16)),
        None if event.reader.is_none() && doors.len() == 1 => Some(DoorId(0)),
        None => None,
    }
}

fn same_text(a: &str, b: &str) -> bool {
    a.trim().to_lowercase() == b.trim().to_lowercase()
}

fn placed(
    written: &WrittenEvent,
    door: Option<DoorId>,
    site: &SiteConfig,
    start: Option<Instant>,
    keys: &mut Vec<(String, usize)>,
) -> Option<AccessEvent> {
    let at = written.time.on_line(start)?;
    let received = match written.received {
        Some(stamp) => stamp.on_line(start)?,
        None => at,
    };
    let resolution = door.and_then(|door| site.resolutions.get(usize::from(door.0)));
    // A stamp names the beginning of its step: 08:30:00 in whole seconds is up to 08:30:01.
    let step = resolution.copied().unwrap_or(Span::ZERO);
    Some(AccessEvent {
        id: written.id.clone().unwrap_or_else(|| key(written, keys)),
        door,
        reader: written.reader.clone(),
        direction: written.direction,
        kind: written.kind,
        occurred: Interval::new(at, at + step),
        received,
        holder: written.holder.clone(),
        passages: written.passages,
    })
}

/// A key for an event without an id: its fields, and a count so that two events that look the same
/// both count (systems that stamp in whole seconds write such pairs).
fn key(written: &WrittenEvent, keys: &mut Vec<(String, usize)>) -> String {
    let time = match written.time {
        Stamp::Absolute(at) => format!("{:.3}", at.as_s()),
        Stamp::Relative(span) => format!("{:+.3}", span.as_s()),
    };
    let part = |text: &Option<String>| text.clone().unwrap_or_else(|| "-".to_owned());
    let kind = serde_json::to_value(written.kind).unwrap_or_default();
    let mut key = format!(
        "{}/{time}/{}/{}/{}",
        kind.as_str().unwrap_or("other"),
        part(&written.door),
        part(&written.reader),
        part(&written.holder)
    );
    match keys.binary_search_by(|(known, _)| known.cmp(&key)) {
        Ok(place) => {
            keys[place].1 += 1;
            key.push_str(&format!("#{}", keys[place].1));
        }
        Err(place) => keys.insert(place, (key.clone(), 1)),
    }
    key
}

/// Events of doors and readers that are not ours.
#[derive(Default)]
struct Strangers {
    events: usize,
    grants: usize,
    first: Option<WrittenEvent>,
}

impl Strangers {
    fn note(&mut self, event: &WrittenEvent) {
        self.events += 1;
        self.grants += usize::from(event.kind == AccessKind::Granted);
        if self.first.is_none() {
            self.first = Some(event.clone());
        }
    }

    fn tell(&self, file: &GrantFile, site: &SiteConfig, problems: &mut Problems) {
        let Some(first) = &self.first else {
            return;
        };
        let named = match (&first.door, &first.reader) {
            (Some(door), _) => format!("the door \"{door}\""),
            (None, Some(reader)) => format!("the reader \"{reader}\""),
            (None, None) => "no door".to_owned(),
        };
        let names: Vec<&str> = site
            .engine
            .doors
            .iter()
            .map(|door| door.name.as_str())
            .collect();
        let help = if first.door.is_none() && first.reader.is_none() {
            "there are several doors: add a column `door` or `reader`".to_owned()
        } else {
            format!(
                "doors here: {}; a door's name, title or readers must match the file's",
                names.join(", ")
            )
        };
        problems.push(Problem {
            severity: Severity::Warning,
            file: file.name.clone(),
            place: Some(first.place),
            key: String::new(),
            what: format!(
                "{} of {} events ({} grants) belong to no door here and count for nothing; the \
                 first names {named}",
                self.events,
                file.events.len(),
                self.grants
            ),
            help,
        });
    }
}
