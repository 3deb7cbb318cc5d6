//! Scenes with exact truth: scripts, walkers, renderer. Imported by commands and tests only.

pub mod body;
pub mod camera;
pub mod feed;
pub mod labels;
pub mod outcome;
mod passage_scene;
pub mod passages;
pub mod render;
pub mod script;
pub mod shots;
pub mod stage;
pub mod traffic;
pub mod walk;
