//! Faithful local servers of access-control vendors, for tests and for integrators.
//!
//! Theory of operation: each speaks its vendor's whole protocol over a real socket (log-in, paging,
//! signatures, streams, rate limits, late and repeated delivery), driven by a script of what happens
//! at the doors. They know nothing of `intake`: what the two agree on is the wire format alone, so
//! that an error in one is not repeated by the other.
