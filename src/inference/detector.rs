//! What every detector is: a picture in, people out.

use std::path::PathBuf;
use std::time::Duration;

use super::manifest::MAX_INPUT_SIDE;
use super::{
    Family, InferenceError, InputSize, Manifest, OnnxDetector, OnnxOptions, Provider, Weights,
    YuvView,
};
use crate::detection::{Detection, SourceRect};

/// Finds people in pictures.
///
/// A detector may keep tables and buffers between pictures, never what it saw: the same picture
/// gives the same boxes whatever came before.
pub trait Detector: Send {
    /// The model's name, for records and messages.
    fn name(&self) -> &str;

    /// What identifies the network beyond its name: the sha256 of the weights, or the version of
    /// the library that has them built in.
    fn identity(&self) -> &str;

    /// Replaces `out` by the people in `frame`, the surest first, boxes in the frame's pixels.
    fn detect(
        &mut self,
        frame: &YuvView<'_>,
        out: &mut Vec<Detection>,
    ) -> Result<Report, InferenceError>;
}

/// How one picture went.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Report {
    /// Time to make the tensor.
    pub prepare: Duration,
    /// Time in the network.
    pub infer: Duration,
    /// Time to decode and suppress.
    pub decode: Duration,
    /// Width and height that the network looked at, px.
    pub input: (u32, u32),
    /// People left over because there were more than `MAX_BOXES`; 0 when none was lost.
    pub lost: usize,
}

/// What a caller may choose about any detector.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Settings {
    /// The file of the weights, instead of where the registry finds them.
    pub weights: Option<PathBuf>,
    /// The input's size.
    pub size: InputSize,
    /// The part of the picture that matters; the whole when `None`.
    pub source: Option<SourceRect>,
    /// Width and height of the pictures to come, if known.
    pub picture: Option<(u32, u32)>,
    /// Threads in one inference; 0 and 1 are one.
    pub threads: u32,
    /// Boxes surer than this are handed on; the model's own threshold when `None`.
    pub score: Option<f64>,
    /// What computes a network.
    pub provider: Provider,
}

/// Opens the detector that `manifest` describes.
pub fn open(manifest: &Manifest, settings: &Settings) -> Result<Box<dyn Detector>, InferenceError> {
    check_size(manifest, settings.size)?;
    if manifest.family == Family::Hog {
        if settings.provider != Provider::Cpu {
            return Err(InferenceError::Provider {
                model: manifest.name.clone(),
                provider: settings.provider,
            });
        }
        return open_hog(manifest, settings);
    }
    let weights = Weights::load(manifest, settings.weights.as_deref())?;
    let options = OnnxOptions {
        size: settings.size,
        source: settings.source,
        picture: settings.picture,
        threads: settings.threads.max(1) as usize,
        score: settings.score,
        provider: settings.provider,
    };
    Ok(Box::new(OnnxDetector::open(manifest, weights, options)?))
}

/// Refuses sides that no picture needs and no memory holds.
fn check_size(manifest: &Manifest, size: InputSize) -> Result<(), InferenceError> {
    let wanted = match size {
        InputSize::Published | InputSize::Tight => return Ok(()),
        InputSize::LongSide(side) => (side, side),
        InputSize::Exact(width, height) => (width, height),
    };
    if wanted.0.max(wanted.1) <= MAX_INPUT_SIDE {
        return Ok(());
    }
    Err(InferenceError::Size {
        model: manifest.name.clone(),
        wanted,
        problem: format!("no side may be longer than {MAX_INPUT_SIDE}"),
    })
}

#[cfg(feature = "opencv")]
fn open_hog(manifest: &Manifest, settings: &Settings) -> Result<Box<dyn Detector>, InferenceError> {
    let mut hog = super::HogSettings::of(manifest);
    if let InputSize::LongSide(side) = settings.size {
        hog.long_side = side;
    }
    if let InputSize::Exact(width, height) = settings.size {
        hog.long_side = width.max(height);
    }
    hog.source = settings.source;
    hog.threads = settings.threads.max(1);
    hog.score = settings.score.unwrap_or(hog.score);
    Ok(Box::new(super::HogDetector::open(&manifest.name, hog)?))
}

#[cfg(not(feature = "opencv"))]
fn open_hog(manifest: &Manifest, _: &Settings) -> Result<Box<dyn Detector>, InferenceError> {
    Err(InferenceError::LeftOut {
        model: manifest.name.clone(),
        family: manifest.family.name(),
        hint: "build with `--features opencv`, or choose a network",
    })
}
