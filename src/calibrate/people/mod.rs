//! A camera from people who walk by: nothing is measured, nobody stands on a mark.
//!
//! Theory: adults are about equally tall, and the same person is equally tall everywhere. How boxes
//! shrink with distance says how the camera is turned and its focal length; how tall people are says
//! how far everything is. [`walker`] strings boxes together and keeps those that show a person whole,
//! [`start`] tries focal lengths and pitches, [`body`] says which box a body at a place should have,
//! and [`fit`] moves camera, places and statures together until boxes and bodies agree.
//!
//! People also walk as fast towards a camera as past it, which says how flat the view is ([`pace`]).
//!
//! How sure it is follows from the same sums: heights of few people, how tall people are at this site
//! at all, and how a detector draws its boxes are unknowns like any other. The origin is the floor
//! under the camera and y points away from it, until somebody draws a portal.

mod body;
mod fit;
mod length;
mod pace;
mod pull;
mod start;
mod walker;

pub use fit::{PeopleFit, PeopleOptions, from_people};
pub use length::FloorLength;
pub use walker::{Sighting, Walker, WalkerLinker, useful};
