//! The step function.

use super::{EngineConfig, Input, Output};
use crate::units::Instant;

/// The engine: a deterministic function of its inputs.
#[derive(Debug, Clone)]
pub struct Engine {
    config: EngineConfig,
}

impl Engine {
    /// An engine that has seen nothing. `Err`: one sentence for each camera that can't be calibrated.
    pub fn new(config: EngineConfig) -> Result<Self, Vec<String>> {
        Ok(Self { config })
    }

    /// Takes one input. `now` never goes backwards.
    pub fn step(&mut self, _now: Instant, _input: &Input, _out: &mut Vec<Output>) {
        unimplemented!("engine")
    }

    /// What it was made from.
    pub fn config(&self) -> &EngineConfig {
        &self.config
    }
}
