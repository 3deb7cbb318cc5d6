//! `tailgate`: people counted through doors, compared with access grants, every verdict checkable.
//!
//! Start with [`engine::Engine::step`]: everything else feeds it or carries away what it says.
//! See docs/ARCHITECTURE.md for the map and its invariants.

pub mod access;
pub mod app;
pub mod calibrate;
pub mod capture;
pub mod commands;
pub mod config;
pub mod crossing;
pub mod detection;
pub mod engine;
pub mod evidence;
pub mod fake;
pub mod floor;
pub mod inference;
pub mod intake;
pub mod notify;
pub mod picture;
pub mod score;
pub mod sight;
pub mod sim;
pub mod tracking;
pub mod units;
pub mod verdict;
pub mod wire;
