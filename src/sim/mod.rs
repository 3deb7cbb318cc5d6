//! Scenes with exact truth: scripts, walkers, renderer. Imported by commands and tests only.
