//! Networks that find people: registry, sessions, pre-processing. An edge.
