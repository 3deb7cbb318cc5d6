//! Intake put together: sources with their secrets, the desk over the inbox, the doors behind it.

mod assemble;
mod cursor;
mod doors;

pub use assemble::{Assembled, assemble, driver, secret, source};
pub use cursor::Cursor;
pub use doors::Doors;
