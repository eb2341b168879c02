//! The agent's binary. The library describes what it does, `--help` how to run it.
#![forbid(unsafe_code)]

use std::process::ExitCode;

fn main() -> ExitCode {
    metaserve_agent::main()
}
