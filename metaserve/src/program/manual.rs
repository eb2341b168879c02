//! Completions for shells and manual pages, generated from the command line.

use super::print::print;
use clap::{Args, Command};
use clap_complete::{Shell, generate};
use std::{error::Error, path::PathBuf};

/// Print the completions of this command line for a shell
///
/// For bash, save them as a file in /etc/bash_completion.d.
#[derive(Debug, Args)]
pub struct Completions {
    /// The shell
    shell: Shell,
}

/// Print the manual page, or write the pages of all commands into a directory
///
/// To read it, pipe it into `man -l -`.
#[derive(Debug, Args)]
pub struct Man {
    /// Write a page for each command into this directory, which is created if it is missing
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
}

impl Completions {
    /// Prints the completions for `program`.
    ///
    /// # Errors
    /// When they cannot be printed.
    pub fn run(self, mut program: Command) -> Result<(), Box<dyn Error + Send + Sync>> {
        let name = program.get_name().to_owned();
        let mut text = Vec::new();
        generate(self.shell, &mut program, name, &mut text);
        print(text)?;
        Ok(())
    }
}

impl Man {
    /// Prints or writes the pages of `program`.
    ///
    /// # Errors
    /// When they cannot be printed or written.
    pub fn run(self, program: Command) -> Result<(), Box<dyn Error + Send + Sync>> {
        let Some(directory) = self.out else {
            let mut page = Vec::new();
            clap_mangen::Man::new(program).render(&mut page)?;
            print(page)?;
            return Ok(());
        };
        std::fs::create_dir_all(&directory)
            .and_then(|()| clap_mangen::generate_to(program, &directory))
            .map_err(|error| {
                format!(
                    "cannot write the manual to {}: {error}",
                    directory.display()
                )
                .into()
            })
    }
}
