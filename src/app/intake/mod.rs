//! Intake put together: sources with their secrets, the desk over the inbox, the doors behind it, and
//! the host that runs all of it.

mod assemble;
mod cursor;
mod doors;
mod host;
mod people;

pub use assemble::{Assembled, assemble, driver, secret, source};
pub use cursor::Cursor;
pub use doors::Doors;
pub use host::{Given, Host, Outlet};
pub use people::People;
