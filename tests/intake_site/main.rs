//! A whole site over real sockets: a vendor's local server, and the intake as a process or hosted.
//!
//! What is shown is what an installer, a guard or an officer for data protection would ask: whose names
//! are kept and where, whether a secret ever shows, which readers nobody mapped, and that the intake
//! works inside of another process.

#![allow(
    clippy::unwrap_used,
    reason = "a test stops where it finds what must not be"
)]

mod host;
mod people;
mod readers;
mod secrets;
mod site;
