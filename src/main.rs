//! The `tailgate` binary: everything is in the library.

use std::process::ExitCode;

fn main() -> ExitCode {
    tailgate::commands::main()
}
