mod state;
mod succession;
mod world;
