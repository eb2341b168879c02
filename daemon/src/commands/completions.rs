//! `completions`: what a shell needs to complete our words.

use crate::cli::Cli;
use clap::{Args, CommandFactory};
use clap_complete::{Shell, generate};
use metaserve::program::print::print;

/// Print the completions of this command line for a shell
///
/// For bash: `metaserve-daemon completions bash > /etc/bash_completion.d/metaserve-daemon`.
#[derive(Debug, Args)]
pub(crate) struct Completions {
    /// The shell that they are for
    shell: Shell,
}

impl Completions {
    pub(crate) fn run(self) -> anyhow::Result<()> {
        let mut text = Vec::new();
        generate(
            self.shell,
            &mut Cli::command(),
            "metaserve-daemon",
            &mut text,
        );
        print(text)?;
        Ok(())
    }
}
