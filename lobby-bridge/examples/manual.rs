//! Writes the bridge's manual pages and shell completions into a directory, for packages:
//!
//! ```text
//! cargo run -p metaserve-lobby-bridge --example manual -- DIRECTORY
//! ```
#![forbid(unsafe_code)]

use anyhow::Context;
use clap_complete::{Shell, generate_to};
use std::path::PathBuf;

const NAME: &str = "metaserve-lobby-bridge";

fn main() -> anyhow::Result<()> {
    let directory = std::env::args_os().nth(1).map(PathBuf::from);
    let directory = directory.context("name a directory")?;
    let mut program = metaserve_lobby_bridge::cli::command();
    std::fs::create_dir_all(&directory)?;
    for shell in [Shell::Bash, Shell::Zsh, Shell::Fish] {
        generate_to(shell, &mut program, NAME, &directory)?;
    }
    clap_mangen::generate_to(program, &directory)?;
    Ok(())
}
