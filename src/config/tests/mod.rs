//! Files as people write them, good and bad, against what is said of them.

mod bytes;
mod joined;
mod real_clips;
mod schema;
mod table;
mod tables;
