//! From pixels to people: networks through ONNX Runtime, and OpenCV's HOG when there is none.
//!
//! An edge (rank 3). [`Detector`] is what the rest sees; [`OnnxDetector`] runs any network of a
//! known family as its `model.toml` ([`Manifest`]) describes it, [`Registry`] finds those. A picture
//! comes as a [`YuvView`] and is turned into the tensor in one pass ([`Preparer`]); what the
//! network's numbers mean is decoded by `detection::heads`, which is pure.
//!
//! It does not decode video, track, or decide anything.

mod detector;
mod error;
mod fetch;
pub mod graph;
#[cfg(feature = "opencv")]
mod hog;
mod manifest;
mod normalise;
mod onnx;
mod prepare;
mod provider;
mod registry;
mod runtime;
mod view;
mod weights;

pub use detector::{Detector, Report, Settings, open};
pub use error::InferenceError;
pub use fetch::{Fetch, FetchError, Fetched, Progress, hash_of};
#[cfg(feature = "opencv")]
pub use hog::{HogDetector, HogSettings};

pub use manifest::{
    Family, INPUT_MULTIPLE, Input, Manifest, Measured, Output, PersonPx, Thresholds, WeightsEntry,
};
pub use normalise::{Colour, Normalise};
pub use onnx::{InputSize, OnnxDetector, OnnxOptions};
pub use prepare::Preparer;
pub use provider::Provider;
pub use registry::Registry;
pub use runtime::inference_library;
pub use view::{Matrix, Range, YuvPicture, YuvView};
pub use weights::{WEIGHTS_DIR_VARIABLE, Weights, find as find_weights};

#[cfg(test)]
mod real_tests;
