//! Doors that were taken out or judged otherwise while something was still to be said of them.
//!
//! Theory of operation: who has just gone through a door is judged by what held when they went. The engine that saw them
//! goes on without pictures until it has nothing more to say of the doors that nobody took over from
//! it, and hears of their grants for as long.

use super::group::{Group, Stated};
use super::judge::DoorPlaces;
use crate::engine::{Input, Output};
use crate::sight::SightState;
use crate::units::{DoorId, Instant, Span};

/// By then a door has said what it has to say: longer than the windows for grants and the usual lateness of feeds. What
/// is later than that is in the trace, and would only confuse.
const MOST_WAIT: Span = Span::from_ms(300_000);

/// An engine that sees no more and has a last word to say.
pub struct Leaving {
    /// The engine.
    pub group: Group,
    /// Its doors by the intake's.
    doors: Vec<Option<DoorId>>,
    until: Instant,
}

/// Which of the intake's doors belong to the camera at `place`, and what they are called there.
pub fn doors_of(place: usize, doors: &DoorPlaces) -> Vec<Option<DoorId>> {
    let own = |of: &Option<(usize, DoorId)>| of.filter(|(at, _)| *at == place).map(|(_, own)| own);
    doors.iter().map(own).collect()
}

impl Leaving {
    /// From now on nothing is seen.
    pub fn new(
        group: Group,
        doors: Vec<Option<DoorId>>,
        now: Instant,
        stated: &mut dyn FnMut(&Stated<'_>),
    ) -> Self {
        let mut leaving = Self {
            group,
            doors,
            until: now + MOST_WAIT,
        };
        leaving
            .group
            .sight(now, SightState::NoFootage, &mut only(stated));
        leaving
    }

    /// An access event or a feed's status of one of the intake's doors.
    pub fn access(
        &mut self,
        now: Instant,
        door: Option<DoorId>,
        input: &Input,
        stated: &mut dyn FnMut(&Stated<'_>),
    ) {
        let own = door.and_then(|door| self.doors.get(usize::from(door.0)).copied().flatten());
        if let Some(own) = own {
            self.group.access(now, own, input, &mut only(stated));
        }
    }

    /// Time passed. `false`: all is said, and the trace has its end.
    pub fn tick(&mut self, now: Instant, stated: &mut dyn FnMut(&Stated<'_>)) -> bool {
        self.group.tick(now, &mut only(stated));
        if self.group.has_more() && now < self.until {
            return true;
        }
        self.group.end();
        false
    }
}

/// What is said of doors that nobody took over.
fn only<'a>(stated: &'a mut dyn FnMut(&Stated<'_>)) -> impl FnMut(&Stated<'_>) + 'a {
    move |said| match said.output {
        Output::Verdict(verdict) if !said.group.handed_over.contains(&verdict.door) => stated(said),
        _ => {}
    }
}
