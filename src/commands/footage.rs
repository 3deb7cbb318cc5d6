//! What several commands ask about footage and detectors, in one place.

use clap::Args;

use super::Failure;
use super::detector::DetectorArgs;
use crate::app::eyes::EyesChoice;
use crate::config::{GrantReading, parse_zone};

/// How footage is read and looked at.
#[derive(Debug, Args)]
#[command(next_help_heading = "Footage and detector")]
pub struct FootageArgs {
    #[command(flatten)]
    detector: DetectorArgs,
    /// Look at the whole picture, not only at the floor around the portals.
    #[arg(long)]
    whole_picture: bool,
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
        self.detector.eyes(self.whole_picture, threads)
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
