//! The daemon's binary: see the library for what it does, and `--help` for how to run it.
#![forbid(unsafe_code)]

use std::process::ExitCode;

fn main() -> ExitCode {
    metaserve_daemon::main()
}
