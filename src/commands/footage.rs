//! What several commands ask about footage and detectors, in one place.

use std::path::PathBuf;

use clap::Args;

use super::Failure;
use crate::app::eyes::EyesChoice;
use crate::config::{GrantReading, parse_zone};

/// How footage is read and looked at.
#[derive(Debug, Args)]
#[command(next_help_heading = "Footage and detector")]
pub struct FootageArgs {
    /// Detector: a name from `tailgate models list`, or a model's folder.
    #[arg(long, value_name = "NAME")]
    model: Option<String>,
    /// The file of its weights, if not where the registry looks.
    #[arg(long, value_name = "FILE")]
    weights: Option<PathBuf>,
    /// A folder of models to look in first.
    #[arg(long, value_name = "DIR")]
    models: Option<PathBuf>,
    /// Look at the whole picture, not only at the floor around the portals.
    #[arg(long)]
    whole_picture: bool,
    /// Longer side of the network's input, px (by default what people at the portal need).
    #[arg(long, value_name = "PX")]
    input_size: Option<u32>,
    /// Frames a second of a folder of pictures or a raw stream.
    #[arg(long, value_name = "HZ")]
    pub rate: Option<f64>,
    /// Time zone of times that name none, for example Europe/Berlin.
    #[arg(long, value_name = "ZONE")]
    zone: Option<String>,
    /// Leave out lines of grant logs that can't be read instead of refusing them.
    #[arg(long)]
    lenient: bool,
}

impl FootageArgs {
    /// Which detector, on `threads` threads.
    pub fn eyes(&self, threads: usize) -> EyesChoice {
        EyesChoice {
            model: self.model.clone(),
            weights: self.weights.clone(),
            models: self.models.clone(),
            whole: self.whole_picture,
            input: self.input_size,
            threads,
            ..EyesChoice::default()
        }
    }

    /// How grants are read.
    pub fn grants(&self) -> Result<GrantReading, Failure> {
        let zone = self.zone.as_deref().map(parse_zone).transpose();
        Ok(GrantReading {
            zone: zone.map_err(|problem| Failure::unusable(format!("--zone: {problem}")))?,
            lenient: self.lenient,
        })
    }
}
