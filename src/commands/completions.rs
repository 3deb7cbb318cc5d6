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
    clap_complete::generate(
        args.shell,
        &mut super::definition(),
        "tailgate",
        &mut std::io::stdout(),
    );
    Ok(DONE)
}
