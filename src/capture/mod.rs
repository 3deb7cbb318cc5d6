//! Pictures from files (and later streams), with true times. An edge: imports the core, no other edge.
