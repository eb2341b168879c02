//! The binary. `--help` says how to run it, README.md what it is.
#![forbid(unsafe_code)]

use std::process::ExitCode;

fn main() -> ExitCode {
    realm::command_line::main()
}
