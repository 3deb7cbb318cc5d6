//! What the judge is told.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use crossbeam_channel::Sender;

use super::judge::DoorPlaces;
use crate::config::LiveCamera;
use crate::detection::Detection;
use crate::engine::Input;
use crate::evidence::Ring;
use crate::sight::SightState;
use crate::units::{DoorId, Instant};

/// One thing that happened, on its way to the judge.
pub enum Told {
    /// A frame was looked at.
    Seen(Seen),
    /// What a camera's picture is worth changed.
    Sight {
        /// The camera, by its place.
        camera: usize,
        /// From now on.
        state: SightState,
        /// Why, in one line for a guard.
        why: String,
    },
    /// An access-control system reported; the door is the intake's.
    Access {
        /// The door by its place in the intake file, if it is anybody's.
        door: Option<DoorId>,
        /// What: an access event or a feed's status.
        input: Input,
    },
    /// Cameras come, go or are judged otherwise from now on.
    Change(Box<Change>),
    /// No more is coming: write down what is known and end.
    Stop,
}

/// One frame with the people in it, and when what was done with it.
#[derive(Debug)]
pub struct Seen {
    /// The camera, by its place.
    pub camera: usize,
    /// When it was taken.
    pub taken: Instant,
    /// The people.
    pub people: Vec<Detection>,
    /// Whether anybody looked.
    pub looked: bool,
    /// When its last byte had arrived, microseconds of the steady clock.
    pub arrived_us: i64,
    /// When it had been decoded.
    pub decoded_us: i64,
    /// When a worker took it.
    pub taken_up_us: i64,
    /// When it had been looked at.
    pub looked_us: i64,
}

/// Cameras that come, go or are judged otherwise.
pub struct Change {
    /// Places of cameras whose engines end.
    pub gone: Vec<usize>,
    /// Engines that begin.
    pub begin: Vec<Begin>,
    /// Where access events belong from now on.
    pub doors: DoorPlaces,
    /// Is told which doors go on as if nothing had happened.
    pub done: Sender<Vec<String>>,
}

/// A camera's engine that is to begin.
pub struct Begin {
    /// Its place.
    pub place: usize,
    /// The camera with its doors.
    pub camera: LiveCamera,
    /// The detector's name and what identifies it.
    pub model: String,
    /// Frames a second that its most demanding door needs.
    pub least_rate_hz: f64,
    /// Whether somebody is being followed.
    pub followed: Arc<AtomicBool>,
    /// Its last pictures.
    pub ring: Arc<Ring>,
    /// The place of the engine that it takes over from; that one ends.
    pub after: Option<usize>,
}
