//! Wiring: feeders of the engine and what is made of its outputs. May import everything below.

#[cfg(feature = "opencv")]
pub mod board;
pub mod eyes;
pub mod gate;
pub mod intake;
pub mod label;
pub mod live;
pub mod log;
pub mod look;
pub mod names;
pub mod overlay;
pub mod replay;
pub mod report;
pub mod run;
pub mod segments;
pub mod sightings;
pub mod trace;
pub mod truth;
pub mod tune;
pub mod walked;
