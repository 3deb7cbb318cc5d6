//! `tailgate intake bench`: placeholder.
use super::super::{DONE, Outcome};
use clap::Args;
/// Measures.
#[derive(Debug, Args)]
pub struct BenchArgs {}
/// Measures.
pub fn run(_args: &BenchArgs) -> Outcome {
    Ok(DONE)
}
