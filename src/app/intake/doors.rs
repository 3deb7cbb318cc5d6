//! The doors behind the sources: which events belong to which, and what is known of their feeds.
//!
//! Each source has a door map of its own: two vendors may call different access points by the same
//! id. An event of an unknown access point stays visible: it is counted by name and kept.

use std::collections::{BTreeMap, BTreeSet};

use crate::access::{AccessEvent, DoorMap, FeedStatus};
use crate::config::{IntakeDoor, SourceConfig};
use crate::crossing::Direction;
use crate::intake::inbox::{SeenReader, Stored};
use crate::intake::vendors::{VendorSettings, guid};
use crate::intake::{AccessPoint, Desk, status};
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
    /// What vendors list, by source and id.
    listed: BTreeMap<String, BTreeMap<String, AccessPoint>>,
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
                        .map(|reader| (spelled(source, &reader.id), reader.direction))
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
            listed: BTreeMap::new(),
            feeds,
        })
    }

    /// Takes over what a source's vendor lists, in place of the list before: access points whose
    /// events do not say their door or their way get both from it.
    pub fn learn(&mut self, source: &str, points: Vec<AccessPoint>) {
        let points = points.into_iter().map(|point| (point.id.clone(), point));
        self.listed.insert(source.to_owned(), points.collect());
    }

    /// The vendor's door of an access point, as the vendor lists it.
    fn listed(&self, source: &str, reader: Option<&str>) -> Option<&AccessPoint> {
        self.listed.get(source)?.get(reader?)
    }

    /// The name of the door that an access point belongs to by its own id or by its vendor's door.
    pub fn door_of(&self, source: &str, reader: &str) -> Option<&str> {
        let map = self.maps.get(source)?;
        let listed = self.listed(source, Some(reader));
        let by_door = listed.and_then(|point| point.door.as_deref());
        let door = map.door_of(reader);
        let door = door.or_else(|| map.door_of(by_door?));
        self.name(door.or_else(|| map.any())?)
    }

    /// Whether events of a reader belong to a door.
    pub fn knows(&self, source: &str, seen: &SeenReader) -> bool {
        let listed = self.listed(source, Some(&seen.id));
        let listed = listed.and_then(|point| point.door.as_deref());
        let names = [Some(&*seen.id), seen.door.as_deref(), listed];
        let known = self.known.get(source);
        let mut names = names.into_iter().flatten();
        let map = self.maps.get(source);
        map.is_some_and(|map| map.any().is_some())
            || names.any(|name| known.is_some_and(|known| known.contains(name)))
    }

    /// A stored event as the engine takes it: placed at its door, its id unique over all sources.
    /// The configuration may name the vendor's door where it does not name the access point.
    pub fn place(&mut self, stored: Stored) -> AccessEvent {
        let mut event = stored.reported.event;
        let listed = self.listed(&stored.source, event.reader.as_deref());
        let (vendor_door, way) = match listed {
            Some(point) => (point.door.clone(), point.direction),
            None => (None, None),
        };
        let vendor_door = stored.reported.door.or(vendor_door);
        let known = self.known.get(&stored.source);
        let knows = |id: &Option<String>| {
            let id = id.as_ref();
            id.is_some_and(|id| known.is_some_and(|known| known.contains(id)))
        };
        let by_door = !knows(&event.reader) && knows(&vendor_door);
        if let Some(map) = self.maps.get_mut(&stored.source) {
            let reader = event.reader.clone();
            if by_door {
                event.reader = vendor_door;
            }
            map.place(&mut event);
            event.reader = reader;
        }
        // What the event says stands, then what the site says, then what the vendor lists.
        event.direction = event.direction.or(way);
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

/// A reader's id as the source's events spell it.
fn spelled(source: &SourceConfig, id: &str) -> String {
    match source.vendor {
        VendorSettings::Genetec(_) => guid(id),
        _ => id.to_owned(),
    }
}
