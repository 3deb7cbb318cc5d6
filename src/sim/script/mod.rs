//! Scene scripts: a door, people who walk, grants, noise, and what must come out, as text.
//!
//! One statement a line; `#` starts a comment. Lengths in metres, times in seconds, the floor's x
//! to the right and y forwards; unless a `door` line says otherwise there is one door, a portal
//! from (-0.6, 0) to (0.6, 0) whose inside is y > 0.
//!
//! ```text
//! scene  Two people enter on one grant
//! 0.5    grant A holder 7731
//! walker ann speed 1.3 path (0,-3) (0,3)
//! walker bob from 0.8 speed 1.3 path (0,-3) (0,3)
//! expect 2.3 in authorised A
//! expect 3.1 in tailgating
//! expect grant A used
//! ```
//!
//! `docs/scene-scripts.md` lists every statement.

mod expect;
mod parse;
mod scene;
mod words;

pub use expect::{Expectation, Expected, ExpectedGrant};
pub use parse::parse;
pub use scene::{
    CameraSetup, DoorSetup, Leg, Look, Noise, Scene, SceneEvent, ScriptError, Timed, Walker,
};
