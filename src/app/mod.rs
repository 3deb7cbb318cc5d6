//! Wiring: feeders, outputs, reports. May import everything below.
