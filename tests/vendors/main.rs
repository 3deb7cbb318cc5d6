//! Each vendor from end to end, over real sockets: its local server, the intake beside it as a process
//! of its own, and the replay of a clip with what the intake took in.
//!
//! It is done as an installer does it. The vendor's access points are listed, the right one is written
//! into the intake file, the vendor is connected, somebody badges: a verdict. Then its secrets are
//! changed while doors are used. Then contact is lost: the process is killed, the vendor stops sending
//! or is gone; what happened meanwhile comes from the vendor's own log, the gap is closed, and a badge
//! that nobody ever sent gives a verdict too. At the end the journal holds every badge once.
//!
//! The tests wait for what they are about, never for a time of their own choosing; closing a gap takes
//! the product about a minute, since a log is not believed about its last half minute.

#![cfg(feature = "opencv")]
#![allow(
    clippy::unwrap_used,
    reason = "a test stops where it finds what must not be"
)]

mod genetec;
mod kisi;
mod openpath;
mod site;
