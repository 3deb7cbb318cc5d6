//! The doors behind the sources: which events belong to which, and what is known of their feeds.
//!
//! Each source has a door map of its own: two vendors may call different access points by the same
//! id. An event of an unknown access point stays visible: it is counted by name and kept.

use std::collections::{BTreeMap, BTreeSet};

use crate::access::{AccessEvent, DoorMap, FeedStatus};
use crate::config::{IntakeDoor, SourceConfig};
use crate::crossing::Direction;
use crate::intake::inbox::Stored;
use crate::intake::{Desk, status};
use crate::units::{DoorId, Instant};

/// Access points by id, each with the way it lets people pass.
type Readers = Vec<(String, Option<Direction>)>;

/// Doors by their place in the configuration.
#[derive(Debug, Clone)]
pub struct Doors {
    names: Vec<String>,
    maps: BTreeMap<String, DoorMap>,
    /// Access points that are named in the configuration, by source.
    known: BTreeMap<String, BTreeSet<String>>,
    /// The sources that feed each door.
    feeds: Vec<Vec<String>>,
}

impl Doors {
    /// The doors of a configuration. `Err`: readers that two doors of one source name.
    pub fn new(doors: &[IntakeDoor], sources: &[SourceConfig]) -> Result<Self, Vec<String>> {
        let mut maps = BTreeMap::new();
        let mut known = BTreeMap::new();
        let mut problems = Vec::new();
        let mut feeds = vec![Vec::new(); doors.len()];
        for source in sources {
            let of_source: Vec<(DoorId, Readers)> = doors
                .iter()
                .enumerate()
                .filter_map(|(place, door)| {
                    let own = door.readers.iter().filter(|reader| {
                        let named = reader.source.as_deref();
                        named.is_none_or(|named| named == source.name)
                    });
                    let readers: Vec<_> = own
                        .map(|reader| (reader.id.clone(), reader.direction))
                        .collect();
                    // A door whose readers are all another source's takes nothing of this one.
                    let open = door.readers.is_empty();
                    (open || !readers.is_empty()).then_some((DoorId(place as u16), readers))
                })
                .collect();
            for (door, _) in &of_source {
                feeds[usize::from(door.0)].push(source.name.clone());
            }
            let readers = of_source.iter().flat_map(|(_, readers)| readers);
            let readers: BTreeSet<String> = readers.map(|(reader, _)| reader.clone()).collect();
            known.insert(source.name.clone(), readers);
            let slices = of_source
                .iter()
                .map(|(door, readers)| (*door, readers.as_slice()));
            match DoorMap::new(slices) {
                Ok(map) => {
                    maps.insert(source.name.clone(), map);
                }
                Err(more) => {
                    let named = |what| format!("source {}: {what}", source.name);
                    problems.extend(more.into_iter().map(named));
                }
            }
        }
        if !problems.is_empty() {
            return Err(problems);
        }
        Ok(Self {
            names: doors.iter().map(|door| door.name.clone()).collect(),
            maps,
            known,
            feeds,
        })
    }

    /// A stored event as the engine takes it: placed at its door, its id unique over all sources.
    /// The configuration may name the vendor's door where it does not name the access point.
    pub fn place(&mut self, stored: Stored) -> AccessEvent {
        let mut event = stored.reported.event;
        let known = self.known.get(&stored.source);
        let knows = |id: &Option<String>| {
            let id = id.as_ref();
            id.is_some_and(|id| known.is_some_and(|known| known.contains(id)))
        };
        let by_door = !knows(&event.reader) && knows(&stored.reported.door);
        if let Some(map) = self.maps.get_mut(&stored.source) {
            let reader = event.reader.clone();
            if by_door {
                event.reader = stored.reported.door;
            }
            map.place(&mut event);
            event.reader = reader;
        }
        event.id = format!("{}/{}", stored.source, event.id);
        event
    }

    /// The name of a door.
    pub fn name(&self, door: DoorId) -> Option<&str> {
        self.names.get(usize::from(door.0)).map(String::as_str)
    }

    /// Access points that belong to no door, with how many events each sent, by source.
    pub fn unknown(&self) -> impl Iterator<Item = (&str, &BTreeMap<String, u64>)> {
        let maps = self.maps.iter();
        maps.map(|(source, map)| (source.as_str(), map.unknown()))
    }

    /// What is known of each door's feed now.
    pub fn feeds(&self, desk: &Desk, now: Instant) -> Vec<FeedStatus> {
        let mut all = Vec::new();
        for (place, sources) in self.feeds.iter().enumerate() {
            let counters = sources.iter().filter_map(|name| desk.counter(name));
            let feeds: Vec<_> = counters.map(|counter| counter.feed().clone()).collect();
            all.extend(status(DoorId(place as u16), &feeds, now));
        }
        all
    }
}
