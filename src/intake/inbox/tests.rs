//! The inbox by itself.
