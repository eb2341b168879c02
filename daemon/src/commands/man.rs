//! `man`: the manual, made from the command line's own help.

use crate::cli::Cli;
use anyhow::Context;
use clap::{Args, CommandFactory};
use metaserve::program::print::print;
use std::path::PathBuf;

/// Print the manual page, or write those of all commands into a directory
///
/// To read it: `metaserve-daemon man | man -l -`.
#[derive(Debug, Args)]
pub(crate) struct Man {
    /// Write a page for each command into this directory, which is made if it is missing
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
}

impl Man {
    pub(crate) fn run(self) -> anyhow::Result<()> {
        let program = Cli::command();
        let Some(directory) = self.out else {
            let mut page = Vec::new();
            clap_mangen::Man::new(program).render(&mut page)?;
            print(page)?;
            return Ok(());
        };
        std::fs::create_dir_all(&directory)
            .and_then(|()| clap_mangen::generate_to(program, &directory))
            .with_context(|| format!("no manual can be written to {}", directory.display()))
    }
}
