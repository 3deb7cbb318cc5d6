//! Labelling: a truth file from a run, confirmed or corrected crossing by crossing by a person.
//!
//! Theory of operation: a run proposes ([`proposal`]); a person answers ([`dialogue`]), with a strip
//! of pictures of each crossing to look at ([`strip`]); every answer is written at once ([`sheet`]), so
//! that nothing is lost and the work can go on another day.
//!
//! It proposes what the engine believes, so a person tends to agree with it: whoever the engine never
//! saw is only found by watching the clip.

pub mod dialogue;
pub mod proposal;
pub mod sheet;
pub mod strip;
