//! `tailgate completions SHELL`.

use clap::Args;
use clap_complete::Shell;

use super::{DONE, Outcome};

/// Prints completions for a shell, to be sourced or put where the shell looks for them.
#[derive(Debug, Args)]
pub struct CompletionsArgs {
    /// Which shell.
    shell: Shell,
}

/// Prints them.
pub fn run(args: &CompletionsArgs) -> Outcome {
    // Into memory first: the generator panics where it cannot write.
    let mut script = Vec::new();
    clap_complete::generate(
        args.shell,
        &mut super::definition(),
        "tailgate",
        &mut script,
    );
    print!("{}", String::from_utf8_lossy(&script));
    Ok(DONE)
}
