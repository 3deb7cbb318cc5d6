//! Tuning: the settings of a door searched over labelled footage, without looking at a pixel twice.
//!
//! Theory of operation: what a detector sees of a clip depends on a few settings only, so it is kept
//! ([`cache`]); a [`case`] is judged again from that by the engine, many thousand times real time. A
//! [`search`] proposes configurations along [`axis`]es, [`trial`]s count what came right, and
//! [`findings`] say what is better, by how much, and how far that can be believed.
//!
//! It proposes; a person decides. Nothing is written to a door file unless asked for.

pub mod axis;
pub mod cache;
pub mod case;
pub mod findings;
pub mod folder;
pub mod load;
pub mod page;
mod plot;
pub mod search;
pub mod text;
pub mod trial;
