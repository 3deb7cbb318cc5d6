//! Intake files: what is refused, and how it is told.
