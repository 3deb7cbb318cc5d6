//! `tailgate intake bench`: placeholder.
use clap::Args;
use super::super::{DONE, Outcome};
/// Measures.
#[derive(Debug, Args)]
pub struct BenchArgs {}
/// Measures.
pub fn run(_args: &BenchArgs) -> Outcome {
    Ok(DONE)
}
