//! What several commands ask about the detector, in one place.

use std::path::PathBuf;

use clap::Args;

use crate::app::eyes::EyesChoice;
use crate::inference::Provider;

/// Which detector, and what computes it.
#[derive(Debug, Args)]
pub struct DetectorArgs {
    /// Detector: a name from `tailgate models list`, or a model's folder.
    #[arg(long, value_name = "NAME")]
    model: Option<String>,
    /// The file of its weights, if not where the registry looks.
    #[arg(long, value_name = "FILE")]
    weights: Option<PathBuf>,
    /// A folder of models to look in first.
    #[arg(long, value_name = "DIR")]
    models: Option<PathBuf>,
    /// Longer side of the network's input, px (by default what people at the portal need; without a
    /// portal what the picture needs).
    #[arg(long, value_name = "PX")]
    input_size: Option<u32>,
    /// What computes the network: cpu, or another one that `tailgate models bench` shows.
    #[arg(long, default_value_t, value_name = "NAME")]
    provider: Provider,
}

impl DetectorArgs {
    /// It, on `threads` threads; `whole`: looking at the whole picture.
    pub fn eyes(&self, whole: bool, threads: usize) -> EyesChoice {
        EyesChoice {
            model: self.model.clone(),
            weights: self.weights.clone(),
            models: self.models.clone(),
            whole,
            input: self.input_size,
            threads,
            provider: self.provider,
        }
    }
}
