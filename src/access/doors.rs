//! Which door a reader belongs to.
//!
//! Access control speaks of access points (readers); the ledger keeps doors. Several readers may
//! belong to one door, on either side of it. A reader that belongs to none is no error and no
//! silence: it is counted by name, since it may be the one that was forgotten when the site was set
//! up.

use std::collections::BTreeMap;

use super::AccessEvent;
use crate::crossing::Direction;
use crate::units::DoorId;

/// At most this many unknown readers are kept by name; the rest are counted together. A feed of a
/// whole campus has a few thousand readers, and a list is to be read.
const MOST_UNKNOWN: usize = 256;

/// Where a reader is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ReaderPlace {
    /// The door it opens.
    pub door: DoorId,
    /// The way it lets people pass; `None`: not known, or both.
    pub direction: Option<Direction>,
}

/// Readers by name, and doors that take any reader's events.
#[derive(Debug, Clone, Default)]
pub struct DoorMap {
    readers: BTreeMap<String, ReaderPlace>,
    /// The one door that named no readers, if there is exactly one.
    any: Option<DoorId>,
    unknown: BTreeMap<String, u64>,
    others: u64,
}

impl DoorMap {
    /// A map of the doors by their readers. A door without readers takes what belongs to no other
    /// door, if it is the only such door. `Err`: each reader that is named by two doors.
    pub fn new<'a>(
        doors: impl IntoIterator<Item = (DoorId, &'a [(String, Option<Direction>)])>,
    ) -> Result<Self, Vec<String>> {
        let mut map = Self::default();
        let mut problems = Vec::new();
        let mut open = Vec::new();
        for (door, readers) in doors {
            if readers.is_empty() {
                open.push(door);
            }
            for (reader, direction) in readers {
                let place = ReaderPlace {
                    door,
                    direction: *direction,
                };
                let before = map.readers.insert(reader.clone(), place);
                if let Some(before) = before.filter(|before| before.door != door) {
                    problems.push(format!(
                        "reader {reader:?} is named by doors {} and {door}: give it to one",
                        before.door
                    ));
                }
            }
        }
        if let [only] = open[..] {
            map.any = Some(only);
        }
        if problems.is_empty() {
            Ok(map)
        } else {
            Err(problems)
        }
    }

    /// Fills in an event's door and direction from its reader; what the event says itself stands.
    /// Says whether it has a door now; if not, its reader is counted as unknown.
    pub fn place(&mut self, event: &mut AccessEvent) -> bool {
        let known = event
            .reader
            .as_ref()
            .and_then(|reader| self.readers.get(reader));
        if let Some(place) = known {
            event.door = event.door.or(Some(place.door));
            event.direction = event.direction.or(place.direction);
        }
        event.door = event.door.or(self.any);
        if event.door.is_some() {
            return true;
        }
        let name = event.reader.clone().unwrap_or_default();
        let room = self.unknown.len() < MOST_UNKNOWN || self.unknown.contains_key(&name);
        if room {
            *self.unknown.entry(name).or_insert(0) += 1;
        } else {
            self.others += 1;
        }
        false
    }

    /// The door that names a reader.
    pub fn door_of(&self, reader: &str) -> Option<DoorId> {
        self.readers.get(reader).map(|place| place.door)
    }

    /// The door that takes what belongs to no other, if there is one.
    pub fn any(&self) -> Option<DoorId> {
        self.any
    }

    /// Readers that belong to no door, with how many events each sent. The empty name stands for
    /// events that named no reader.
    pub fn unknown(&self) -> &BTreeMap<String, u64> {
        &self.unknown
    }

    /// Events of further unknown readers, beyond those kept by name.
    pub fn unknown_others(&self) -> u64 {
        self.others
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::access::AccessKind;
    use crate::units::{Instant, Interval};

    type Readers<'a> = &'a [(&'a str, Option<Direction>)];

    fn map(doors: &[Readers<'_>]) -> Result<DoorMap, Vec<String>> {
        let doors: Vec<Vec<(String, Option<Direction>)>> = doors
            .iter()
            .map(|readers| {
                readers
                    .iter()
                    .map(|(name, way)| ((*name).to_owned(), *way))
                    .collect()
            })
            .collect();
        let numbered = doors.iter().enumerate();
        DoorMap::new(numbered.map(|(door, readers)| (DoorId(door as u16), &readers[..])))
    }

    fn event(reader: Option<&str>) -> AccessEvent {
        AccessEvent {
            id: "e".to_owned(),
            door: None,
            reader: reader.map(str::to_owned),
            direction: None,
            kind: AccessKind::Granted,
            occurred: Interval::exact(Instant::ZERO),
            received: Instant::ZERO,
            holder: None,
            passages: None,
        }
    }

    #[track_caller]
    fn check(
        doors: &[Readers<'_>],
        reader: Option<&str>,
        door: Option<u16>,
        way: Option<Direction>,
    ) {
        let mut map = map(doors).expect("a map");
        let mut event = event(reader);
        assert_eq!(map.place(&mut event), door.is_some());
        assert_eq!((event.door, event.direction), (door.map(DoorId), way));
        assert_eq!(map.unknown().len(), usize::from(door.is_none()));
    }

    const FRONT: Readers<'_> = &[("r1", Some(Direction::In)), ("r2", Some(Direction::Out))];
    const BACK: Readers<'_> = &[("r3", None)];

    #[test]
    fn a_reader_leads_to_its_door_and_way() {
        check(&[FRONT, BACK], Some("r1"), Some(0), Some(Direction::In));
        check(&[FRONT, BACK], Some("r2"), Some(0), Some(Direction::Out));
        check(&[FRONT, BACK], Some("r3"), Some(1), None);
    }

    #[test]
    fn an_unknown_reader_stays_visible() {
        check(&[FRONT, BACK], Some("r9"), None, None);
        check(&[FRONT, BACK], None, None, None);
        check(&[], Some("r1"), None, None);
    }

    #[test]
    fn the_only_door_without_readers_takes_the_rest() {
        check(&[FRONT, &[]], Some("r9"), Some(1), None);
        check(&[FRONT, &[]], Some("r1"), Some(0), Some(Direction::In));
        check(&[&[], &[]], Some("r9"), None, None);
    }

    #[test]
    fn what_the_event_says_itself_stands() {
        let mut map = map(&[FRONT, BACK]).expect("a map");
        let mut event = event(Some("r1"));
        event.direction = Some(Direction::Out);
        event.door = Some(DoorId(1));
        assert!(map.place(&mut event));
        assert_eq!(event.door, Some(DoorId(1)));
        assert_eq!(event.direction, Some(Direction::Out));
    }

    #[test]
    fn a_reader_of_two_doors_is_refused_by_name() {
        let problems = map(&[FRONT, &[("r2", None)]]).expect_err("a problem");
        assert_eq!(
            problems,
            ["reader \"r2\" is named by doors 0 and 1: give it to one"]
        );
    }

    #[test]
    fn unknown_readers_are_counted_within_bounds() {
        let mut map = map(&[FRONT, BACK]).expect("a map");
        for reader in 0..MOST_UNKNOWN + 10 {
            map.place(&mut event(Some(&format!("x{reader}"))));
        }
        map.place(&mut event(Some("x0")));
        assert_eq!(map.unknown().len(), MOST_UNKNOWN);
        assert_eq!(map.unknown()["x0"], 2);
        assert_eq!(map.unknown_others(), 10);
    }
}
