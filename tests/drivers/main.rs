//! Drivers against the local servers of their vendors, over real sockets.
//!
//! Theory of operation: a fake with a held clock plays the vendor; the driver has a clock that is
//! moved by hand, together with the fake's; what the driver hands over is recorded, and read by the
//! same adapters as in the product. No test waits for time: only for what it is about.

#![allow(
    clippy::unwrap_used,
    reason = "a test stops where it finds what must not be"
)]

mod feeds;
mod genetec;
mod kisi;
mod mqtt;
mod mqtt_tls;
mod openpath;
mod passages;
mod people;
mod permutations;
mod tail;
mod trust;
mod world;
