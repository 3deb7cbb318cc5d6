//! What can go wrong between a picture and its boxes, each with what to do about it.

use std::path::PathBuf;

use thiserror::Error;

use super::Provider;
use crate::detection::heads::HeadError;

/// Why a model can't be had, or a picture can't be looked at.
#[derive(Debug, Error)]
pub enum InferenceError {
    /// No ONNX Runtime library could be loaded.
    #[error(
        "the ONNX Runtime library can't be loaded: run `cargo xtask setup`, or set ORT_DYLIB_PATH \
         to libonnxruntime.so (version 1.24 or newer). Tried:{}",
        list(tried)
    )]
    Library {
        /// Each path with the reason it failed.
        tried: Vec<String>,
    },
    /// A `model.toml` has mistakes.
    #[error("{} in the model's description:{}", count(problems.len()), list(problems))]
    Manifest {
        /// Every mistake found, each `file:line: what`.
        problems: Vec<String>,
    },
    /// No model of this name is known.
    #[error(
        "no model is called `{name}`: known are {}. Looked in:{}",
        words(known),
        list(searched)
    )]
    UnknownModel {
        /// The name asked for.
        name: String,
        /// The names there are.
        known: Vec<String>,
        /// The folders looked in.
        searched: Vec<String>,
    },
    /// The weights are not there, or are not an ONNX model.
    #[error("the weights of `{model}` can't be used: {path}: {problem}")]
    Weights {
        /// The model's name.
        model: String,
        /// The file.
        path: PathBuf,
        /// What is wrong, and what to do.
        problem: String,
    },
    /// The weights are not the file that the description names.
    #[error(
        "the weights of `{model}` are not the ones that its description names: {path} has sha256 \
         {found}, expected {}. Get them again with `tailgate models fetch {model}`, or describe \
         your own weights in a model.toml of their own",
        words(expected)
    )]
    Hash {
        /// The model's name.
        model: String,
        /// The file.
        path: PathBuf,
        /// The hashes that would do, lower-case hex.
        expected: Vec<String>,
        /// The file's own.
        found: String,
    },
    /// The network and its description don't fit.
    #[error("`{model}` is not the network that its description says: {problem}")]
    Mismatch {
        /// The model's name.
        model: String,
        /// What differs, with both sides.
        problem: String,
    },
    /// The network can't work at an input size.
    #[error("`{model}` can't work on {} x {} pixels: {problem}", wanted.0, wanted.1)]
    Size {
        /// The model's name.
        model: String,
        /// Width and height asked for, px.
        wanted: (u32, u32),
        /// Which sizes it can work on, or why not this one.
        problem: String,
    },
    /// The detector is no network, so nothing but the processor computes it.
    #[error(
        "the provider {provider} cannot start: `{model}` is computed by the processor alone. Leave the \
         provider out, or choose a network: `tailgate models list`"
    )]
    Provider {
        /// The model's name.
        model: String,
        /// What was asked for.
        provider: Provider,
    },
    /// The runtime refused to load or to run the network.
    #[error("`{model}`: ONNX Runtime refuses to {doing}: {message}")]
    Runtime {
        /// The model's name.
        model: String,
        /// `load the network`, `run the network`, ...
        doing: &'static str,
        /// What it said.
        message: String,
    },
    /// The network's output can't be read as its family's.
    #[error("`{model}` (family {family}): {source}")]
    Output {
        /// The model's name.
        model: String,
        /// Its family.
        family: &'static str,
        /// What is wrong with it.
        source: HeadError,
    },
    /// The picture handed in is not one.
    #[error("the picture can't be looked at: {0}")]
    Picture(String),
    /// OpenCV refused.
    #[error("OpenCV refuses to {doing}: {message}")]
    OpenCv {
        /// What was tried.
        doing: &'static str,
        /// What it said.
        message: String,
    },
    /// The build leaves out what the family needs.
    #[error("`{model}` is of family {family}, which this build leaves out: {hint}")]
    LeftOut {
        /// The model's name.
        model: String,
        /// Its family.
        family: &'static str,
        /// How to get it.
        hint: &'static str,
    },
}

fn list(lines: &[String]) -> String {
    lines.iter().map(|line| format!("\n  {line}")).collect()
}

fn words(words: &[String]) -> String {
    if words.is_empty() {
        return "none".to_owned();
    }
    words.join(", ")
}

fn count(problems: usize) -> String {
    match problems {
        1 => "1 mistake".to_owned(),
        more => format!("{more} mistakes"),
    }
}
