//! `tailgate replay --door DOOR.toml --grants GRANTS CLIP`.

use std::path::PathBuf;

use clap::Args;

use super::Outcome;

/// Replays a recorded clip (or a trace) against a grant log and judges who came through each door.
#[derive(Debug, Args)]
pub struct ReplayArgs {
    /// The clip: a video file, a folder of pictures, or a trace (.jsonl) of an earlier run.
    clip: PathBuf,
}

/// Replays.
pub fn run(_args: &ReplayArgs) -> Outcome {
    Ok(0)
}
